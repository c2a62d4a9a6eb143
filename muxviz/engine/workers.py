"""The same run over several processes, devices or machines, through Ray Data.

Each worker is an actor that loads the checkpoint once, on a device of its own, and answers windows
of the input file; windows are those of a run in one process, so the answers are too. Ray hands
windows out, puts results back in order, and gives a dead worker's windows to another one. The file
must be reachable under the same path everywhere. ``RAY_ADDRESS`` names a cluster; without it Ray
starts on this machine.
"""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muxviz.batch import nothing_to_read
from muxviz.engine.engine import Engine
from muxviz.engine.output import as_lines, read_rows
from muxviz.engine.stream import How, Window, answer_window, prepare, windows
from muxviz.errors import NotApplicable
from muxviz.loading.load import load, resolve_device


@dataclass(frozen=True)
class EngineSpec:
    """What a worker needs to build its engine."""

    checkpoint: str
    device: str = "auto"
    dtype: str = "auto"
    revision: str | None = None
    int8: bool = False
    compiled: bool = False

    def open(self) -> Engine:
        """Load the checkpoint and build the engine."""
        checkpoint = load(
            self.checkpoint, device=self.device, dtype=self.dtype, revision=self.revision
        )
        return Engine(checkpoint, int8=self.int8, compiled=self.compiled)


@dataclass(frozen=True)
class Span:
    """A window as a piece of a file."""

    start: int  # number of its first row
    offset: int  # bytes
    size: int  # bytes
    rows: int


def spans(path: Path, size: int) -> Iterator[tuple[Window, Span]]:
    """The windows of a file and where they are."""
    position = 0

    def rows() -> Iterator[Any]:
        nonlocal position
        with path.open("rb") as file:
            for line in file:
                position += len(line)
                yield from read_rows([line.decode("utf-8", "replace")])

    before = 0
    for window in windows(rows(), size):
        yield window, Span(window.start, before, position - before, len(window.rows))
        before = position


def read_span(path: Path, span: Span) -> Window:
    """The window again."""
    with path.open("rb") as file:
        file.seek(span.offset)
        lines = file.read(span.size).decode("utf-8", "replace").split("\n")
    rows = tuple(read_rows(lines[: span.rows]))
    reasons = {span.start + n: nothing_to_read(row) for n, row in enumerate(rows)}
    return Window(span.start, rows, {n: reason for n, reason in reasons.items() if reason})


class TextWorker:
    """Answers spans of a file, as lines of the output."""

    def __init__(self, spec: EngineSpec, path: Path, how: How, form: str) -> None:
        self.engine, self.path, self.how, self.form = spec.open(), path, how, form

    def __call__(self, span: Span) -> str:
        """The lines of one window."""
        ready = prepare(self.engine.checkpoint, read_span(self.path, span), self.how)
        return as_lines(answer_window(self.engine, ready, self.how), self.form)


def spread(
    items: Iterable[Any], make: Callable[[], Callable[[Any], Any]], *, workers: int, device: str
) -> Iterator[Any]:
    """``make()(item)`` for every item, in order, by ``workers`` actors.

    Args:
        items: small things that can be pickled.
        make: called once in each worker.
        workers: how many; each gets a GPU of its own where ``device`` names GPUs, else an equal
            share of the processors.

    Raises:
        NotApplicable: Ray is not installed, or has fewer GPUs than workers.
    """
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise NotApplicable(
            "several workers need Ray; install it with: pip install 'muxviz[workers]'"
        ) from error
    on_gpu = resolve_device(device).type == "cuda"
    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    have = int(ray.cluster_resources().get("GPU", 0))
    if on_gpu and have < workers:
        raise NotApplicable(f"{workers} workers need a GPU each, Ray sees {have}; ask for fewer")
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = context.print_on_execution_start = False
    share = max(1, int(ray.cluster_resources().get("CPU", 1)) // workers)
    packed = [{"item": pickle.dumps(item)} for item in items]
    actor: Any = _Actor
    found = ray.data.from_items(packed, override_num_blocks=max(1, len(packed))).map(
        actor,
        fn_constructor_args=(make, 0 if on_gpu else share),
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=share if not on_gpu else 1,
        num_gpus=1 if on_gpu else 0,
    )
    for row in found.iter_rows():
        yield pickle.loads(row["item"])


class _Actor:
    def __init__(self, make: Callable[[], Callable[[Any], Any]], threads: int) -> None:
        import torch

        if threads:
            torch.set_num_threads(threads)
        self.work = make()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        return {"item": pickle.dumps(self.work(pickle.loads(row["item"])))}

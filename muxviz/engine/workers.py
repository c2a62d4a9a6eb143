"""The same run over several processes, devices or machines, through Ray Data.

Each worker is an actor that loads the checkpoint once, on a device of its own, and answers windows
of the input file; windows are those of a run in one process, so the answers are too. Ray hands
windows out, puts results back in order, and gives a dead worker's windows to another one. The file
must be reachable under the same path everywhere. ``RAY_ADDRESS`` names a cluster; without it Ray
starts on this machine.
"""

from __future__ import annotations

import logging
import os
import pickle
import socket
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from muxviz.engine.output import as_lines
from muxviz.engine.spec import EngineSpec
from muxviz.engine.stream import How, RowAnswer, RowError, Window, answer_window, prepare
from muxviz.engine.texts import line_windows, rows_of_file
from muxviz.errors import DataError, DeviceError, MuxvizError, NotApplicable
from muxviz.loading.load import resolve_device
from muxviz.printable import printable

CONNECT_S = 10.0  # waited for a cluster to answer


@dataclass(frozen=True)
class Done:
    """A window's lines of output. errors: by row number, why one could not be answered.

    by: how many rows each model answered.
    """

    text: str
    rows: int
    errors: dict[int, str]
    by: Counter[str] = field(default_factory=Counter)


class TextWorker:
    """Answers windows of ``size`` rows of a file, each named by the number of its first row."""

    def __init__(self, spec: EngineSpec, path: Path, size: int, how: How, form: str) -> None:
        self.engine, self.path, self.size = spec.open(), path, size
        self.how, self.form = how, form
        self._windows: Iterator[Window] = iter(())
        self._start = 0  # of the window that comes next, at the earliest

    def __call__(self, start: int) -> Done:
        """The lines of one window.

        Raises:
            DataError: the file no longer has it.
        """
        ready = prepare(self.engine.checkpoint, self._window(start), self.how)
        answers = answer_window(self.engine, ready, self.how)
        return done_of(answers, self.form)

    def _window(self, start: int) -> Window:
        """Windows come in order, so the file is read once; from its beginning for an earlier one.

        It is read by every worker: where a line begins cannot be known without (packed files).
        """
        if start < self._start or not self._start:
            rows = rows_of_file(self.path)
            self._windows = line_windows(rows, self.engine.checkpoint, self.size)
        window = next((w for w in self._windows if w.start == start), None)
        if window is None:
            raise DataError(f"{self.path} changed while it was read; start anew")
        self._start = start + len(window.rows)
        return window


def done_of(answers: Sequence[RowAnswer | RowError], form: str) -> Done:
    """A window's answers as lines, and what is counted of them."""
    errors = {a.number: a.reason for a in answers if isinstance(a, RowError)}
    by = Counter(a.by for a in answers if isinstance(a, RowAnswer))
    return Done(as_lines(answers, form), len(answers), errors, by)


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
        DeviceError: Ray does not start, or fails.
        MuxvizError: what a worker raised.
    """
    ray = _started_ray()
    on_gpu = resolve_device(device).type == "cuda"
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
    with _plain_failures(ray.exceptions.RayError, "a worker failed"):
        for row in found.iter_rows():
            done = pickle.loads(row["item"])
            if isinstance(done, _Failed):
                error = MuxvizError(done.message)
                error.code = done.code
                raise error
            yield done


def _started_ray() -> Any:
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise NotApplicable(
            "several workers need Ray; install it with: pip install 'muxviz[workers]'"
        ) from error
    for name in ("ray", "ray.data"):  # what it would say is in the error that is raised
        logging.getLogger(name).setLevel(logging.CRITICAL)
    if not ray.is_initialized():
        with _plain_failures(Exception, "Ray does not start"):
            host, _, port = os.environ.get("RAY_ADDRESS", "").rpartition(":")
            if port.isdigit():  # Ray itself would try for a quarter of an hour
                socket.create_connection((host, int(port)), timeout=CONNECT_S).close()
            ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.CRITICAL)
    return ray


@contextmanager
def _plain_failures(kind: type[Exception], what: str) -> Iterator[None]:
    try:
        yield
    except kind as error:
        said = printable(str(error).strip().partition("\n")[0][:300]) or type(error).__name__
        raise DeviceError(
            f"{what} ({said}); ask for fewer workers, see RAY_ADDRESS, or go on without --workers"
        ) from error


@dataclass(frozen=True)
class _Failed:
    """An error of ours on its way out of a worker, where Ray would wrap it."""

    message: str
    code: str


class _Actor:
    def __init__(self, make: Callable[[], Callable[[Any], Any]], threads: int) -> None:
        import torch

        if threads:
            torch.set_num_threads(threads)
        self.work = self._guarded(make)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        item = pickle.loads(row["item"])
        work = self.work
        done = work if isinstance(work, _Failed) else self._guarded(lambda: work(item))
        return {"item": pickle.dumps(done)}

    @staticmethod
    def _guarded(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except MuxvizError as error:
            return _Failed(str(error), error.code)
        except Exception as error:  # a fault of ours: without Ray's traceback around it
            said = f"a worker failed ({type(error).__name__}: {error}); try without --workers"
            return _Failed(printable(said), MuxvizError.code)

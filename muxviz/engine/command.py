"""``muxviz run``: texts from a file or pipe, answers to a file or standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tqdm import tqdm

from muxviz.engine.output import Resumable, read_rows, to_stream
from muxviz.engine.stream import (
    How,
    RowAnswer,
    RowError,
    Window,
    answer_windows,
    window_rows,
    windows,
)
from muxviz.engine.workers import EngineSpec, TextWorker, spans, spread
from muxviz.errors import DataError
from muxviz.loading.load import load, resolve_device

if TYPE_CHECKING:
    import argparse

    from muxviz.engine.engine import Engine
    from muxviz.loading.checkpoint import Checkpoint

SHOWN = 5  # bad lines named on standard error


def run_command(options: argparse.Namespace) -> int:
    """Exit code: 0, or 1 when some lines could not be answered.

    Raises:
        DataError: no such file, nothing in it, or options that do not go together.
    """
    spec = EngineSpec(
        options.checkpoint,
        options.device,
        "auto" if options.dtype == "int8" else options.dtype,
        options.revision,
        int8=options.dtype == "int8",
        compiled=options.compile,
    )
    how = How(options.batch, options.padding, options.fill, options.seed, options.grouping)
    if options.texts != "-" and not Path(options.texts).is_file():
        raise DataError(
            f"no file {options.texts!r}; give a file with one text per line, or - for a pipe"
        )
    if options.resume and options.out is None:
        raise DataError("--resume goes on with a file; name it with --out")
    if options.workers:
        return _apart(options, spec, how)
    return _here(options, spec, how)


# ---- in this process ----------------------------------------------------------------------------


def _here(options: argparse.Namespace, spec: EngineSpec, how: How) -> int:
    engine = spec.open()
    engine.checkpoint.need_tokenizer()
    size = window_rows(engine.checkpoint, how.batch)
    out = _open_out(options, engine, how)
    count = _Count(options.texts)
    with _open_texts(options.texts) as lines, tqdm(unit="text", file=sys.stderr) as bar:
        found: Iterable[Window] = windows(read_rows(lines), size)
        if isinstance(out, Resumable):
            found = out.keep(found)
            write = out.append
        else:
            write = out
        for answers in answer_windows(engine, found, how):
            write(answers)
            count.add(answers)
            bar.update(len(answers))
    return count.report(is_resumed=options.resume)


def _open_out(options: argparse.Namespace, engine: Engine, how: How) -> Any:
    if options.out is None:
        return to_stream(sys.stdout, options.format)
    return Resumable(
        options.out,
        options.format,
        _settings(options, engine.checkpoint, how),
        resume=options.resume,
    )


def _settings(options: argparse.Namespace, checkpoint: Checkpoint, how: How) -> dict[str, Any]:
    """All that answers depend on."""
    texts = Path(options.texts)
    return {
        "checkpoint": checkpoint.name,
        "fingerprint": checkpoint.fingerprint,
        "texts": str(texts),
        "bytes": texts.stat().st_size if texts.is_file() else None,
        "dtype": options.dtype,
        "device": resolve_device(options.device).type,
        **asdict(how),
    }


class _Count:
    """Rows seen, and the bad ones among them."""

    def __init__(self, name: str) -> None:
        self._name, self._rows, self._bad = name, 0, 0

    def add(self, answers: Sequence[RowAnswer | RowError]) -> None:
        self._rows += len(answers)
        for answer in answers:
            if isinstance(answer, RowError):
                self.name_line(answer.number + 1, answer.reason)

    def name_line(self, line: int, reason: str) -> None:
        self._bad += 1
        if self._bad <= SHOWN:
            tqdm.write(f"muxviz: {self._name} line {line} {reason}", file=sys.stderr)

    def add_text(self, rows: int, window: Window) -> None:
        """A window that was answered elsewhere."""
        self._rows += rows
        for number, reason in window.bad.items():
            self.name_line(number + 1, reason)

    def report(self, *, is_resumed: bool) -> int:
        if not self._rows and not is_resumed:
            raise DataError(f"{self._name} holds no text; expected one text per line")
        if self._bad:
            print(
                f"muxviz: {self._bad:,} of {self._rows:,} lines could not be answered; the output "
                "says why beside each",
                file=sys.stderr,
            )
        return 1 if self._bad else 0


@contextmanager
def _open_texts(name: str) -> Iterator[TextIO]:
    if name == "-":
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
        yield sys.stdin
        return
    with Path(name).open(encoding="utf-8", errors="replace", newline="\n") as file:
        yield file


# ---- in several ---------------------------------------------------------------------------------


def _apart(options: argparse.Namespace, spec: EngineSpec, how: How) -> int:
    if options.texts == "-" or options.out is None:
        raise DataError(
            "--workers needs a file of texts (--texts FILE) and of answers (--out FILE)"
        )
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    here = load(spec.checkpoint, device="cpu", revision=spec.revision)  # to know N
    path = Path(options.texts).absolute()
    size = window_rows(here, how.batch)
    out = Resumable(
        options.out, options.format, _settings(options, here, how), resume=options.resume
    )
    count = _Count(options.texts)
    places = {}

    def found() -> Iterator[Window]:
        for window, span in spans(path, size):
            places[window.start] = span
            yield window

    todo = [(window, places[window.start]) for window in out.keep(found())]
    make = partial(TextWorker, spec, path, how, options.format)
    texts = spread([span for _, span in todo], make, workers=options.workers, device=options.device)
    with tqdm(unit="text", file=sys.stderr) as bar:
        for (window, span), text in zip(todo, texts, strict=True):
            out.append_text(text)
            count.add_text(span.rows, window)
            bar.update(span.rows)
    return count.report(is_resumed=options.resume)

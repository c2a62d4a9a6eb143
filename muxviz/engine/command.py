"""``muxviz run``: texts from a file or pipe, answers to a file or standard output."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from muxviz.batch import Seating
from muxviz.engine.output import AnswerFile, as_lines, to_stream
from muxviz.engine.stream import How, Window, answer_windows, window_rows
from muxviz.engine.texts import PIPE, Texts, line_windows, takes_pairs
from muxviz.engine.workers import EngineSpec, TextWorker, errors_of, spread
from muxviz.errors import DataError, MuxvizError
from muxviz.loading.load import load, resolve_device
from muxviz.printable import printable_lines
from muxviz.terminal import tell

if TYPE_CHECKING:
    import argparse

    from muxviz.loading.checkpoint import Checkpoint

SHOWN = 5  # bad lines named on standard error


def run(options: argparse.Namespace) -> int:
    """Exit code: 0, or 1 when some lines could not be answered.

    Raises:
        DataError: no such file, nothing in it, an output that cannot be written, or options that
            do not go together.
    """
    spec = EngineSpec(
        options.checkpoint,
        options.device,
        "auto" if options.dtype == "int8" else options.dtype,
        options.revision,
        int8=options.dtype == "int8",
        compiled=options.compile,
    )
    seating = Seating(options.padding, options.fill, options.seed)
    how = How(options.batch, seating, options.grouping)
    if options.resume and options.out is None:
        raise DataError("--resume goes on with a file; name it with --out")
    if options.workers and (options.texts == PIPE or options.out is None):
        raise DataError(
            "--workers needs a file of texts (--texts FILE) and of answers (--out FILE)"
        )
    count = _Count(Texts(options.texts))
    if options.out is None:
        _print(options, spec, how, count)
        return count.report()
    with AnswerFile(options.out, options.format, resume=options.resume) as out, _saying_kept(out):
        (_apart if options.workers else _here)(options, spec, how, count, out)
    return count.report(out.kept, out.kept_bad)


class _Count:
    """Rows seen, and the bad ones among them."""

    def __init__(self, texts: Texts) -> None:
        self.texts, self._rows, self._bad = texts, 0, 0

    def windows(self, checkpoint: Checkpoint, how: How) -> Iterator[Window]:
        """The windows of the texts; where it is not known whether pairs are meant, it is said."""
        is_known = takes_pairs(checkpoint) is not None
        size = window_rows(checkpoint, how.batch)
        for window in line_windows(self.texts.rows(), checkpoint, size):
            pairs = (
                n for n, row in enumerate(window.rows, start=window.start) if row.pair is not None
            )
            line = next((n for n in pairs if n not in window.bad), None)
            if line is not None and not is_known:
                _say(f"{self.texts.name} line {line + 1}: a second text, after the tab, is read")
                is_known = True
            yield window

    def add(self, rows: int, errors: dict[int, str]) -> None:
        """Rows that were answered; errors: by row number, why one could not be."""
        self._rows += rows
        for number, reason in errors.items():
            self._bad += 1
            if self._bad <= SHOWN:
                _say(f"{self.texts.name} line {number + 1} {reason}")

    def report(self, kept: int = 0, kept_bad: int = 0) -> int:
        """Say how many lines have no answer; the exit code."""
        bad = self._bad + kept_bad
        if bad:
            tell(
                f"{bad:,} of {self._rows + kept:,} lines could not be answered; the output says "
                "why beside each"
            )
        return 1 if bad else 0


def _say(message: str) -> None:
    """Beside a progress bar."""
    tqdm.write(f"muxviz: {printable_lines(message)}", file=sys.stderr)


@contextmanager
def _saying_kept(out: AnswerFile) -> Iterator[None]:
    """Where a run ends before its texts do, say what is kept."""
    try:
        yield
    except (MuxvizError, KeyboardInterrupt):
        if out.lines:
            tell(f"the answers to {out.lines:,} lines are in {out.path}; --resume goes on")
        raise


# ---- in this process ----------------------------------------------------------------------------


def _print(options: argparse.Namespace, spec: EngineSpec, how: How, count: _Count) -> None:
    engine = spec.open()
    engine.checkpoint.need_tokenizer()
    count.texts.look()
    write = to_stream(sys.stdout, options.format)
    with tqdm(unit="text", file=sys.stderr) as bar:
        for answers in answer_windows(engine, count.windows(engine.checkpoint, how), how):
            write(answers)
            count.add(len(answers), errors_of(answers))
            bar.update(len(answers))


def _here(
    options: argparse.Namespace, spec: EngineSpec, how: How, count: _Count, out: AnswerFile
) -> None:
    engine = spec.open()
    engine.checkpoint.need_tokenizer()
    count.texts.look()
    out.begin(_settings(options, engine.checkpoint, how), texts=count.texts.name)
    todo = out.keep(count.windows(engine.checkpoint, how))
    with tqdm(unit="text", file=sys.stderr) as bar:
        for answers in answer_windows(engine, todo, how):
            out.append(as_lines(answers, options.format), answers[0].number)
            count.add(len(answers), errors_of(answers))
            bar.update(len(answers))


def _settings(options: argparse.Namespace, checkpoint: Checkpoint, how: How) -> dict[str, Any]:
    """All that answers depend on besides the texts."""
    return {
        "checkpoint": checkpoint.name,
        "fingerprint": checkpoint.fingerprint,
        "reading": _reading(checkpoint),
        "dtype": options.dtype,
        "device": resolve_device(options.device).type,
        "compile": options.compile,
        "batch": how.batch,
        **asdict(how.seating),
        "grouping": how.grouping,
    }


def _reading(checkpoint: Checkpoint) -> str:
    """A digest of what the fingerprint leaves out: how texts are tokenised and answers named."""
    backend = getattr(checkpoint.need_tokenizer(), "backend_tokenizer", None)
    rules = json.loads(backend.to_str()) if backend else checkpoint.need_tokenizer().get_vocab()
    rules |= {"truncation": None, "padding": None}  # set by use, not by the folder
    text = f"{checkpoint.config!r}{sorted(rules.items())!r}"
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


# ---- in several ---------------------------------------------------------------------------------


def _apart(
    options: argparse.Namespace, spec: EngineSpec, how: How, count: _Count, out: AnswerFile
) -> None:
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    here = load(spec.checkpoint, device="cpu", revision=spec.revision)  # to know N
    out.begin(_settings(options, here, how), texts=count.texts.name)
    starts = [window.start for window in out.keep(count.windows(here, how))]
    path, size = Path(options.texts).absolute(), window_rows(here, how.batch)
    make = partial(TextWorker, spec, path, size, how, options.format)
    found = spread(starts, make, workers=options.workers, device=options.device)
    with tqdm(unit="text", file=sys.stderr) as bar:
        for start, done in zip(starts, found, strict=True):
            out.append(done.text, start)
            count.add(done.rows, done.errors)
            bar.update(done.rows)

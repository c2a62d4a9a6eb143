"""``muxviz run``: texts from a file or pipe, answers to a file or standard output."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from hashlib import blake2b
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from muxviz.batch import Seating
from muxviz.engine.output import AnswerFile, to_stream
from muxviz.engine.precision import FEWEST, settled
from muxviz.engine.spec import PRECISIONS, EngineSpec, at_precision, spec_of
from muxviz.engine.stream import How, Window, answer_windows, window_rows
from muxviz.engine.texts import PIPE, Texts, line_windows, rows_up_to, takes_pairs
from muxviz.engine.workers import Done, TextWorker, done_of, spread
from muxviz.errors import DataError, MuxvizError
from muxviz.loading.load import resolve_device
from muxviz.loading.tokenizer import tokenizer_rules
from muxviz.printable import printable_lines
from muxviz.terminal import tell

if TYPE_CHECKING:
    import argparse

    from muxviz.engine.chain import Chain
    from muxviz.engine.engine import Engine
    from muxviz.loading.checkpoint import Checkpoint

SHOWN = 5  # bad lines named on standard error


def run(options: argparse.Namespace) -> int:
    """Exit code: 0, or 1 when some lines could not be answered.

    Raises:
        DataError: no such file, nothing in it, an output that cannot be written, or options that
            do not go together.
    """
    return run_with(options, spec_of(options))


def run_with(options: argparse.Namespace, spec: EngineSpec) -> int:
    """The same with what is to answer."""
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
        _print(options, settled_run(options, spec), how, count)
        return count.report()
    with AnswerFile(options.out, options.format, resume=options.resume) as out, _saying_kept(out):
        spec = settled_run(options, as_before(spec, out.before))
        (_apart if options.workers else _here)(options, spec, how, count, out)
    return count.report(out.kept, out.kept_bad)


def settled_run(options: argparse.Namespace, spec: EngineSpec) -> EngineSpec:
    """With one precision for the whole run, wherever its windows are answered, and that said."""
    rows = None if options.texts == PIPE else rows_up_to(Path(options.texts), FEWEST)
    spec, told = settled(spec, rows)
    for line in told:
        tell(line)
    return spec


def as_before(spec: EngineSpec, before: Mapping[str, Any]) -> EngineSpec:
    """What goes on where ``auto`` is asked for: the precisions that a run began with."""

    def one(spec: EngineSpec, named: Any) -> EngineSpec:
        known = named in PRECISIONS and spec.precision == "auto"
        return at_precision(spec, named) if known else spec

    later = before.get("then")
    names = (
        [n.get("dtype") for n in later if isinstance(n, dict)] if isinstance(later, list) else []
    )
    again = [
        (step, one(then, name))
        for (step, then), name in zip_longest(spec.again, names[: len(spec.again)])
    ]
    return replace(one(spec, before.get("dtype")), again=tuple(again))


class _Count:
    """Rows seen, and the bad ones among them."""

    def __init__(self, texts: Texts) -> None:
        self.texts, self._rows, self._bad = texts, 0, 0
        self._by: Counter[str] = Counter()

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

    def add(self, done: Done) -> None:
        """Rows that were answered."""
        self._rows += done.rows
        self._by += done.by
        for number, reason in done.errors.items():
            self._bad += 1
            if self._bad <= SHOWN:
                _say(f"{self.texts.name} line {number + 1} {reason}")

    def report(self, kept: int = 0, kept_bad: int = 0) -> int:
        """Say who answered, and how many lines have no answer; the exit code."""
        bad = self._bad + kept_bad
        if len(self._by) > 1:
            all_now = self._by.total()
            told = (f"{n:,} by {name} ({n / all_now:.1%})" for name, n in self._by.most_common())
            tell(f"of {all_now:,} lines answered now, {', '.join(told)}")
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


def _say_uncalibrated(spec: EngineSpec, engine: Engine | Chain) -> None:
    """Where a threshold is asked of a model without a temperature, say what it is held against."""
    for checkpoint, (step, _) in zip(engine.checkpoints, spec.again, strict=False):
        if step.below is not None and checkpoint.temperature is None:
            _say(
                f"the card of {checkpoint.name} has no temperature for these weights (muxviz card "
                "--calibrate), so the probability is taken for its certainty"
            )


# ---- in this process ----------------------------------------------------------------------------


def _print(options: argparse.Namespace, spec: EngineSpec, how: How, count: _Count) -> None:
    engine = spec.open()
    _say_uncalibrated(spec, engine)
    engine.checkpoint.need_tokenizer()
    count.texts.look()
    write = to_stream(sys.stdout, options.format)
    with tqdm(unit="text", file=sys.stderr) as bar:
        for answers in answer_windows(engine, count.windows(engine.checkpoint, how), how):
            write(answers)
            count.add(done_of(answers, options.format))
            bar.update(len(answers))


def _here(
    options: argparse.Namespace, spec: EngineSpec, how: How, count: _Count, out: AnswerFile
) -> None:
    engine = spec.open()
    _say_uncalibrated(spec, engine)
    engine.checkpoint.need_tokenizer()
    count.texts.look()
    out.begin(_settings(options, spec, engine, how), texts=count.texts.name)
    todo = out.keep(count.windows(engine.checkpoint, how))
    with tqdm(unit="text", file=sys.stderr) as bar:
        for answers in answer_windows(engine, todo, how):
            done = done_of(answers, options.format)
            out.append(done.text, answers[0].number)
            count.add(done)
            bar.update(len(answers))


def _settings(
    options: argparse.Namespace, spec: EngineSpec, engine: Engine | Chain, how: How
) -> dict[str, Any]:
    """All that answers depend on besides the texts."""
    first, *others = engine.checkpoints
    return {
        **_about(first),
        "dtype": spec.precision,
        "runtime": spec.runtime,
        "device": resolve_device(options.device).type,
        "compile": options.compile,
        "batch": how.batch,
        **asdict(how.seating),
        "grouping": how.grouping,
        "then": [
            {**_about(checkpoint), "dtype": later.precision, **asdict(step)}
            for checkpoint, (step, later) in zip(others, spec.again, strict=True)
        ],
    }


def _about(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "checkpoint": checkpoint.name,
        "fingerprint": checkpoint.fingerprint,
        "reading": _reading(checkpoint),
        "temperature": checkpoint.temperature,
    }


def _reading(checkpoint: Checkpoint) -> str:
    """A digest of what the fingerprint leaves out: how texts are tokenised and answers named."""
    rules = tokenizer_rules(checkpoint.need_tokenizer())
    text = f"{checkpoint.config!r}{sorted(rules.items())!r}"
    return blake2b(text.encode("utf-8", "replace"), digest_size=8).hexdigest()


# ---- in several ---------------------------------------------------------------------------------


def _apart(
    options: argparse.Namespace, spec: EngineSpec, how: How, count: _Count, out: AnswerFile
) -> None:
    os.environ.setdefault("RAY_DATA_DISABLE_PROGRESS_BARS", "1")
    engine = spec.plain().open()  # to know N
    _say_uncalibrated(spec, engine)
    here = engine.checkpoint
    out.begin(_settings(options, spec, engine, how), texts=count.texts.name)
    starts = [window.start for window in out.keep(count.windows(here, how))]
    path, size = Path(options.texts).absolute(), window_rows(here, how.batch)
    make = partial(TextWorker, spec, path, size, how, options.format)
    found = spread(starts, make, workers=options.workers, device=options.device)
    with tqdm(unit="text", file=sys.stderr) as bar:
        for start, done in zip(starts, found, strict=True):
            out.append(done.text, start)
            count.add(done)
            bar.update(done.rows)

"""A labelled file through a checkpoint: every row under every grouping, and once alone.

    found = measure_file(checkpoint, "reviews.csv", baseline=alone)
    found.count("shared"), found.failures[0].text

The file is read in windows; rows share a pass with rows of their own window alone, so that any
number of rows costs a few numbers each. While one window is computed, the next is tokenised.
Reading neighbours: ``seating`` (who sits together), ``tags``, ``failing`` (what is listed of it).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from muxviz.analysis.dataset.failing import finished
from muxviz.analysis.dataset.seating import Seated, names, plan, seat
from muxviz.analysis.dataset.tags import NAMES, pass_tags, row_tags
from muxviz.batch import EncodedRow, Row, Seating, encode_rows, make_group
from muxviz.config import MuxConfig
from muxviz.engine.engine import Engine
from muxviz.engine.stream import WINDOW_GROUPS, ahead
from muxviz.errors import DataError, InputError, NotApplicable, Stopped
from muxviz.evaluation.sources import data_name
from muxviz.inference import provenance
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results import LabelAnswer
from muxviz.results.worklist import BadRow, Worklist
from muxviz.training.strangers import Columns, GoodRow, check, guess, look, read_rows

FEWEST_GROUPS = 64  # of a window, so that a short file can be stopped and shown in part
PARTS = 4  # windows that a file of middle length is cut into
PIECE = 128  # groups that are answered before Stop is looked at
MOST_BAD = 200  # bad rows that are named
LEAST_P = 1e-30  # log-probabilities end here
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Span:
    """Rows of the file from ``start`` to ``read``, not yet tokenised."""

    start: int
    read: int
    good: list[GoodRow]
    bad: list[BadRow]


@dataclass(frozen=True)
class _Window:
    """Good rows that groups are drawn among, tokenised; bad ones beside them. read: of the file."""

    start: int
    read: int
    numbers: list[int]
    gold: np.ndarray
    rows: list[EncodedRow]
    alone: list[EncodedRow]
    bad: list[BadRow]


@dataclass(frozen=True)
class Answered:
    """What became of one window. part: of its good rows, None without any."""

    read: int
    part: Part | None
    bad: list[BadRow]


@dataclass(frozen=True)
class Part:
    """What a window gave: the arrays of ``Worklist`` for its rows."""

    numbers: np.ndarray
    gold: np.ndarray
    scores: np.ndarray
    alone: np.ndarray
    groups: np.ndarray
    slots: np.ndarray
    tokens: np.ndarray
    tags: np.ndarray


AXES = dict.fromkeys(("scores", "groups", "slots", "tags"), 1)  # of the rows; 0 of the others


@dataclass(frozen=True)
class Run:
    """One run: the models, how rows are seated and padded, and who hears how far it is."""

    engine: Engine
    alone: Engine | None
    ways: tuple[str, ...]
    seating: Seating
    batch: int
    total: int
    progress: Progress | None
    done: list[int] = field(default_factory=lambda: [0])

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of every grouping."""
        return tuple(self.seating.seed + way for way in range(len(self.ways)))

    @property
    def passes(self) -> int:
        """How often a row is answered."""
        return len(self.ways) + (self.alone is not None)

    def tell(self, rows: int) -> None:
        """So many more answers are there."""
        self.done[0] += rows
        if self.progress is not None:
            self.progress(self.done[0], self.total * self.passes)


Elsewhere = Callable[[Run, Columns, int, list[int]], Iterable[Answered]]


def measure_file(
    checkpoint: Checkpoint,
    path: str | Path,
    *,
    columns: Columns | None = None,
    baseline: Checkpoint | None = None,
    grouping: str = "random",
    groupings: int = 3,
    seating: Seating = Seating(),
    batch: int = 32,
    runtime: str = "torch",
    start: Worklist | None = None,
    elsewhere: Elsewhere | None = None,
    progress: Progress | None = None,
) -> Worklist:
    """Answer every row of a labelled file in company and alone, and list what fails.

    Args:
        checkpoint: answers one class of several per text; not modified.
        path: .csv, .tsv or .jsonl (also .gz, .xz).
        columns: of the file; None where names and values tell them.
        baseline: its N = 1 model, with the same labels; None: nobody is blamed.
        grouping: one of ``seating.GROUPINGS``; ``all`` takes each of them once.
        groupings: draws of a random one.
        seating: padding and filling; grouping g is drawn with ``seating.seed + g``.
        batch: groups per forward.
        runtime: of both models, see ``Engine``.
        start: what an earlier call of the same gave before it was stopped; it goes on from there.
        elsewhere: answers the windows that begin at these rows of the file, each so long, in order
            (``apart.by_workers``); None: they are answered here.
        progress: called with answers done and in all; may raise ``Stopped``, and the windows that
            were done by then come back.

    Raises:
        NotApplicable: another task, labels of the baseline that differ, or a grouping that needs a
            baseline. DataError: the file, its columns or its labels cannot be used, or no row is
            good. InputError: ``start`` is of something else. NotFinite: logits are not numbers.
    """
    path = Path(path)
    _need_classes(checkpoint, baseline)
    labels = tuple(checkpoint.config.labels)
    table = look(path)
    columns = columns or guess(table, labels)
    check(columns, table, labels)
    if checkpoint.config.num_instances == 1:
        baseline, grouping, groupings = None, "random", 1  # it is alone already
    ways = plan(grouping, groupings)
    found = [0, 0]
    for row in read_rows(path, columns, labels):
        found[isinstance(row, BadRow)] += 1
    if not found[0]:
        first = next(row for row in read_rows(path, columns, labels) if isinstance(row, BadRow))
        raise DataError(f"{path.name}: none of {found[1]:,} rows can be used; {first}")
    run = Run(
        Engine(checkpoint, runtime=runtime),
        Engine(baseline, runtime=runtime) if baseline else None,
        ways,
        replace(seating, padding=seating.padding or checkpoint.config.default_padding),
        batch,
        found[0],
        progress,
    )
    empty = _empty(run, data_name(path), labels, window_size(checkpoint.config, found[0]))
    before = empty if start is None else _same(start, empty)
    left = spans(path, columns, labels, before.window, before.read)
    answered: Iterable[Answered]
    if elsewhere is None:
        answered = (answer_window(run, w) for w in ahead(tokenised(run, s, columns) for s in left))
    else:
        answered = _told(run, elsewhere(run, columns, before.window, [s.start for s in left]))
    return _measured(run, before, answered, path, columns)


def window_size(config: MuxConfig, rows: int) -> int:
    """Rows of a window, of a file with so many good ones."""
    groups = -(-rows // config.num_instances)
    return config.num_instances * min(WINDOW_GROUPS, max(FEWEST_GROUPS, -(-groups // PARTS)))


def _need_classes(checkpoint: Checkpoint, baseline: Checkpoint | None) -> None:
    config = checkpoint.config
    if config.task != "sequence_classification":
        raise NotApplicable(
            f"not applicable: {checkpoint.name} is for {config.task.replace('_', ' ')}; a file is "
            "read row by row for models that answer one class per text"
        )
    checkpoint.need_tokenizer()
    if len(config.labels) < 2:
        raise NotApplicable(f"not applicable: {checkpoint.name} has a single label")
    if baseline is None:
        return
    if baseline.config.num_instances != 1 or baseline.config.labels != config.labels:
        raise NotApplicable(
            f"not applicable: {baseline.name} is no N = 1 model with the labels of "
            f"{checkpoint.name}"
        )


# ---- windows ------------------------------------------------------------------------------------


def spans(
    path: Path, columns: Columns, labels: tuple[str, ...], size: int, read: int = 0
) -> Iterator[Span]:
    """The windows of a file from row ``read`` on, ``size`` good rows each."""
    rows = itertools.islice(read_rows(path, columns, labels), read, None)
    while True:
        start = read
        good: list[GoodRow] = []
        bad: list[BadRow] = []
        for row in rows:
            read += 1
            if isinstance(row, BadRow):
                bad.append(row)
            else:
                good.append(row)
            if len(good) == size:
                break
        if read == start:
            return
        yield Span(start, read, good, bad)


def tokenised(run: Run, span: Span, columns: Columns) -> _Window:
    """A window; rows of which nothing is left to answer are bad ones."""
    texts: list[Row] = [row.row for row in span.good]
    encoded = encode_rows(run.engine.checkpoint, texts, padding=run.seating.padding, keep_bad=True)
    kept = [n for n, row in enumerate(encoded) if not row.why_not]
    bad = [
        BadRow(row.number, row.line, columns.text, whole.why_not)
        for row, whole in zip(span.good, encoded, strict=True)
        if whole.why_not
    ]
    texts = [texts[n] for n in kept]
    return _Window(
        span.start,
        span.read,
        [span.good[n].number for n in kept],
        np.asarray([span.good[n].gold for n in kept], dtype=np.int64),
        [encoded[n] for n in kept],
        [] if run.alone is None else encode_rows(run.alone.checkpoint, texts),
        [*span.bad, *bad],
    )


def answer_window(run: Run, window: _Window) -> Answered:
    """One window under every grouping, and alone."""
    part = _answered(run, window) if window.rows else None
    return Answered(window.read, part, window.bad)


def _told(run: Run, found: Iterable[Answered]) -> Iterator[Answered]:
    """What comes from elsewhere, counted as it comes."""
    for one in found:
        if one.part is not None:
            run.tell(len(one.part.numbers) * run.passes)
        yield one


def _answered(run: Run, window: _Window) -> Part:
    """The numbers of its good rows."""
    config, count = run.engine.checkpoint.config, len(window.rows)
    lengths = np.asarray([len(row.ids) for row in window.rows], dtype=np.int64)
    alone = np.full((count, len(config.labels)), np.nan, dtype=np.float32)
    if run.alone is not None:
        singles = [np.asarray([n]) for n in range(count)]
        alone = _scores(run, run.alone, window.alone, singles)
    known = Seated(config.num_instances, lengths, window.gold, alone if run.alone else None)
    of_rows = row_tags(window.rows)
    parts = []
    for way, seed in zip(run.ways, run.seeds, strict=True):
        seats = seat(way, known, np.random.default_rng((seed, window.start)))
        scores = _scores(run, run.engine, window.rows, seats)
        groups, slots = np.zeros((2, count), dtype=np.int32)
        for number, group in enumerate(seats):
            groups[group], slots[group] = number, np.arange(len(group))
        tags = np.concatenate([of_rows, pass_tags(seats, window.gold, lengths)], axis=1)
        parts.append((scores, groups, slots, tags))
    scores, groups, slots, tags = (np.stack(part) for part in zip(*parts, strict=True))
    if config.num_instances == 1:
        alone = scores[0]
    numbers = np.asarray(window.numbers, dtype=np.int64)
    return Part(numbers, window.gold, scores, alone, groups, slots, lengths, tags)


def _scores(
    run: Run, engine: Engine, rows: Sequence[EncodedRow], seats: Sequence[np.ndarray]
) -> np.ndarray:
    """Log-probabilities ``[R, C]`` of the rows in these seats."""
    config = engine.checkpoint.config
    seating = run.seating if engine is run.engine else Seating()
    found = np.empty((len(rows), len(config.labels)), dtype=np.float32)
    groups = [make_group(config, [rows[n] for n in seat], seating) for seat in seats]
    order = sorted(range(len(groups)), key=lambda at: groups[at].length)
    wide = run.engine.checkpoint.config.num_instances // config.num_instances
    size = PIECE * wide
    for piece in (order[at : at + size] for at in range(0, len(order), size)):
        answers = engine.answers([groups[at] for at in piece], batch=run.batch * wide)
        for at, own in zip(piece, answers, strict=True):
            for number, answer in zip(seats[at], own, strict=True):
                assert isinstance(answer, LabelAnswer), "one class of several"
                found[number] = answer.probabilities
        run.tell(sum(len(seats[at]) for at in piece))
    return np.log(np.maximum(found, LEAST_P))


# ---- the whole ----------------------------------------------------------------------------------


def _empty(run: Run, data: str, labels: tuple[str, ...], window: int) -> Worklist:
    """A worklist of no rows, which says how they will be answered."""
    ways, checkpoint, seating = len(run.ways), run.engine.checkpoint, run.seating
    assert seating.padding is not None, "resolved when the run began"
    whole = np.zeros(0, dtype=np.int64)
    alone = run.alone.checkpoint if run.alone else None
    is_alone = checkpoint.config.num_instances == 1
    return Worklist(
        data=data,
        labels=labels,
        groupings=names(run.ways),
        seeds=run.seeds,
        filler_seed=seating.seed,
        numbers=whole,
        gold=whole,
        scores=np.zeros((ways, 0, len(labels)), dtype=np.float32),
        alone=np.zeros((0, len(labels)), dtype=np.float32),
        groups=np.zeros((ways, 0), dtype=np.int32),
        slots=np.zeros((ways, 0), dtype=np.int32),
        tokens=whole,
        tags=np.zeros((ways, 0, len(NAMES)), dtype=bool),
        tag_names=NAMES,
        suspects=np.zeros(0, dtype=bool),
        failures=(),
        controls=(),
        bad=(),
        bad_rows=0,
        read=0,
        is_whole=False,
        window=window,
        baseline=alone.name if alone else checkpoint.name if is_alone else "",
        provenance=provenance(
            checkpoint,
            padding=seating.padding,
            length=0,
            seed=seating.seed,
            fill=seating.fill,
            computes=run.engine.computes,
        ),
    )


def _same(start: Worklist, empty: Worklist) -> Worklist:
    """What there is already, if it is the beginning of this very run."""
    for name in ("data", "labels", "groupings", "seeds", "window", "baseline"):
        if getattr(start, name) != getattr(empty, name):
            raise InputError(
                f"what is to be gone on with has {name} {getattr(start, name)!r}, this run "
                f"{getattr(empty, name)!r}; begin again, or use the settings of before"
            )
    once = {"fingerprint": "checkpoint", "dtype": "precision", "padding": "padding", "fill": "fill"}
    for name, called in once.items():
        if getattr(start.provenance, name) != getattr(empty.provenance, name):
            raise InputError(f"what is to be gone on with is of another {called}; begin again")
    return start


def _measured(
    run: Run, before: Worklist, answered: Iterable[Answered], path: Path, columns: Columns
) -> Worklist:
    """What is left, put behind what was there before."""
    parts, bad, read, is_whole = [], list(before.bad), before.read, False
    bad_rows, run.done[0] = before.bad_rows, len(before) * run.passes
    try:
        for one in answered:
            if one.part is not None:
                parts.append(one.part)
            bad += one.bad[: MOST_BAD - len(bad)]
            bad_rows, read = bad_rows + len(one.bad), one.read
        is_whole = True
    except Stopped:
        if not parts and not len(before):
            raise
    arrays, groups = {f.name: [getattr(before, f.name)] for f in fields(Part)}, 0
    if len(before):
        groups = int(before.groups.max()) + 1
    for part in parts:
        shifted = replace(part, groups=part.groups + groups)
        groups = int(shifted.groups.max()) + 1
        for name, found in arrays.items():
            found.append(getattr(shifted, name))
    joined: dict[str, Any] = {
        name: np.concatenate(found, axis=AXES.get(name, 0)) for name, found in arrays.items()
    }
    if not len(joined["gold"]):
        raise DataError(f"{path.name}: no row holds anything to answer; {bad[0]}")
    whole = replace(
        before,
        **joined,
        bad=tuple(bad),
        bad_rows=bad_rows,
        read=read,
        is_whole=is_whole,
        provenance=replace(before.provenance, length=int(joined["tokens"].max())),
    )
    return finished(whole, path, columns)


__all__ = ["measure_file", "window_size"]

"""Accuracy and speed of the very same groups: one point per checkpoint and setting.

Every grouping shuffles the rows (seed, seed + 1, ...) and cuts them into groups as ``How`` says.
A turn of a checkpoint answers all groups of all groupings from the texts on; checkpoints take
turns. The answers of the first turn give the accuracy.
"""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from muxviz.analysis.fidelity.capacity import bits
from muxviz.batch import EncodedRow, Row, Seating, nothing_to_read
from muxviz.bench.machine import describe, watched
from muxviz.bench.shapes import pass_bytes
from muxviz.bench.turns import quartiles
from muxviz.engine.engine import Engine
from muxviz.engine.guard import check_room, synchronise
from muxviz.engine.stream import How, Ready, Window, prepare
from muxviz.errors import InputError, NotApplicable, NotFinite
from muxviz.evaluation.intervals import row_weights, share_interval, wilson
from muxviz.loading.checkpoint import Checkpoint
from muxviz.pool import texts
from muxviz.results import Answer, LabelAnswer, TagAnswer
from muxviz.results.throughput import Accuracy, TradeoffPoint, TradeoffRun
from muxviz.training.tasks import LabelledRows

TASKS = ("sequence_classification", "token_classification")
Progress = Callable[[int, int], None]
Clock = Callable[[], float]


@dataclass(frozen=True)
class Entry:
    """One point to be: an engine, how rows become groups, copies of each row (ensembling)."""

    engine: Engine
    how: How = How()
    copies: int = 1


@dataclass(frozen=True)
class Course:
    """The rows of all groupings, in the order in which they fill groups.

    orders: per grouping, row numbers, each ``copies`` times.
    """

    rows: tuple[Row, ...]
    orders: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Turn:
    """One turn of one checkpoint: seconds, and what came out."""

    total_s: float
    forward_s: float
    ready: list[Ready]
    answers: list[list[list[Answer]]]


def measure_tradeoff(
    engines: Sequence[Engine],
    data: LabelledRows,
    *,
    name: str,
    groupings: int = 5,
    rounds: int = 3,
    how: How | None = None,
    seed: int = 0,
    copies: int = 1,
    command: Sequence[str] = (),
    clock: Clock = time.perf_counter,
    progress: Progress = lambda done, total: None,
) -> TradeoffRun:
    """``measure_entries`` for engines in one setting."""
    return measure_entries(
        [Entry(engine, how or How(), copies) for engine in engines],
        data,
        name=name,
        groupings=groupings,
        rounds=rounds,
        seed=seed,
        command=command,
        clock=clock,
        progress=progress,
    )


def measure_entries(
    entries: Sequence[Entry],
    data: LabelledRows,
    *,
    name: str,
    groupings: int = 5,
    rounds: int = 3,
    seed: int = 0,
    command: Sequence[str] = (),
    clock: Clock = time.perf_counter,
    progress: Progress = lambda done, total: None,
) -> TradeoffRun:
    """Measure points beside each other on labelled rows.

    Args:
        entries: of one task, on one device.
        data: all labelled.
        name: what to call the data.
        groupings: shuffles of all rows; accuracy is given over them.
        rounds: timed turns of each entry, after one that is not counted.
        seed: of the first grouping.
        progress: called with turns done and in all; may raise to stop.

    Raises:
        NotApplicable: a task without accuracy, or copies in a token task.
        InputError: no entry, rows without labels, or a row that cannot be answered.
    """
    _check(entries, data)
    device = entries[0].engine.checkpoint.device
    courses = [_course(data, groupings, seed, entry.copies) for entry in entries]
    turns: list[list[Turn]] = [[] for _ in entries]
    done, in_all = 0, (rounds + 1) * len(entries)
    with watched() as load:
        for number in range(rounds + 1):
            order = range(len(entries)) if number % 2 else reversed(range(len(entries)))
            for at in order:
                turn = _turn(entries[at], courses[at], clock)
                # Only one turn's answers are kept.
                turns[at].append(replace(turn, ready=[], answers=[]) if turns[at] else turn)
                done += 1
                progress(done, in_all)
    points = []
    for entry, own, course in zip(entries, turns, courses, strict=True):
        plain = _plain_like(entry, entries)
        reference = None if plain is None else turns[plain]
        points.append(_point(entry, own, reference, data, course))
    machine = replace(describe(device), load=load.others, is_busy=load.is_busy)
    seeds = tuple(range(seed, seed + groupings))
    return TradeoffRun(machine, shlex.join(command), name, rounds, seeds, tuple(points))


def _plain_like(entry: Entry, entries: Sequence[Entry]) -> int | None:
    """Which entry is N = 1, unpruned, without copies, in the same precision; None without one.

    How rows are grouped makes no difference at N = 1 but for the padding in a batch, which is the
    same here: only groups of one length share a forward.
    """
    for number, other in enumerate(entries):
        config = other.engine.checkpoint.config
        is_plain = config.num_instances == 1 and config.sparsity == 0 and other.copies == 1
        if is_plain and other.engine.precision == entry.engine.precision:
            return number
    return None


def _check(entries: Sequence[Entry], data: LabelledRows) -> None:
    if not entries:
        raise InputError("no checkpoint to measure; choose at least one")
    tasks = {entry.engine.checkpoint.config.task for entry in entries}
    copies = max(entry.copies for entry in entries)
    (task, *others) = tasks
    if others or task not in TASKS:
        raise NotApplicable(
            f"not applicable: accuracy is measured for checkpoints of one task, "
            f"{' or '.join(TASKS)}; these are {', '.join(sorted(tasks))}"
        )
    if task == "token_classification" and (copies > 1 or not data.words):
        raise NotApplicable(
            "not applicable: token tasks need words with a label each, and are not ensembled here"
        )
    if task == "sequence_classification" and (data.words or (data.labels < 0).any()):
        raise NotApplicable("not applicable: these rows have no class each")
    for number, text in enumerate(data.texts, start=1):
        if reason := nothing_to_read(Row(text)):
            raise InputError(f"row {number} {reason}")


def _course(data: LabelledRows, groupings: int, seed: int, copies: int) -> Course:
    words = data.words or ((),) * len(data.texts)
    rows = tuple(Row(*row) for row in zip(data.texts, data.pairs, words, strict=True))
    numbers = np.repeat(np.arange(len(rows)), copies)
    return Course(
        rows,
        tuple(np.random.default_rng(seed + g).permutation(numbers) for g in range(groupings)),
    )


def _turn(entry: Entry, course: Course, clock: Clock) -> Turn:
    """Tokenise, group, run and read everything once."""
    engine, how = entry.engine, entry.how
    device = engine.checkpoint.device
    synchronise(device)
    started = clock()
    ready = [
        prepare(engine.checkpoint, Window(0, tuple(course.rows[i] for i in order), {}), how)
        for order in course.orders
    ]
    for at, reason in ready[0].window.bad.items():
        raise InputError(f"row {course.orders[0][at] + 1} {reason}")
    groups = [group for one in ready for group in one.groups]
    need = pass_bytes(
        engine.checkpoint.config,
        min(how.batch, len(groups)),
        max(group.length for group in groups),
    )
    check_room(need, device, f"a pass of {how.batch:,} sequences of these rows")
    ran = clock()
    raws = list(engine.raw(groups, batch=how.batch))
    synchronise(device)
    forward_s = clock() - ran
    flat: list[list[Answer]] = [[] for _ in groups]
    for raw in raws:
        for number, answers in engine.read(groups, raw):
            flat[number] = [answer for answer in answers if answer is not None]
            if None in answers:
                raise NotFinite(f"{engine.checkpoint.name} {engine.not_finite}")
    total_s = clock() - started
    found, at = [], 0
    for one in ready:
        found.append(flat[at : at + len(one.groups)])
        at += len(one.groups)
    return Turn(total_s, forward_s, ready, found)


def _point(
    entry: Entry,
    turns: Sequence[Turn],
    plain: Sequence[Turn] | None,
    data: LabelledRows,
    course: Course,
) -> TradeoffPoint:
    engine, how = entry.engine, entry.how
    checkpoint = engine.checkpoint
    first, timed = turns[0], turns[1:]
    # A copy is work, not an answer: rates count texts that are answered.
    instances = len(course.rows) * len(course.orders)
    totals = np.asarray([turn.total_s for turn in timed])
    groups = [group for one in first.ready for group in one.groups]
    ratio = None
    if plain is not None:
        ratio = quartiles(np.asarray([turn.total_s for turn in plain[1:]]) / totals)
    return TradeoffPoint(
        checkpoint=checkpoint.name,
        fingerprint=checkpoint.fingerprint,
        task=checkpoint.config.task,
        n=checkpoint.config.num_instances,
        sparsity=checkpoint.config.sparsity,
        dtype=engine.precision,
        grouping=how.grouping,
        padding=how.seating.padding or checkpoint.config.default_padding,
        batch=how.batch,
        length=float(np.mean([group.length for group in groups])),
        accuracy=_accuracy(first, data, course, checkpoint.config.labels),
        instances_per_s=quartiles(instances / totals),
        forward_per_s=quartiles(instances / np.asarray([turn.forward_s for turn in timed])),
        ratio_to_n1=ratio,
        copies=entry.copies,
        skips_zeros=engine.skips_zeros,
    )


def _accuracy(turn: Turn, data: LabelledRows, course: Course, labels: Sequence[str]) -> Accuracy:
    """Share of right rows (or words), over groupings."""
    tables = [
        _right(ready, answers, order, data, labels)
        for ready, answers, order in zip(turn.ready, turn.answers, course.orders, strict=True)
    ]
    hits = np.asarray([table[0] for table in tables])  # [groupings, rows]
    trials = tables[0][1]
    values = hits.sum(axis=1) / trials.sum()
    rows = len(course.rows)
    if data.words:
        found = share_interval(hits.sum(axis=0), trials * len(tables), row_weights(rows))
    else:
        found = wilson(float(values.mean()), rows)
    return Accuracy(
        metric="accuracy",
        mean=float(values.mean().clip(values.min(), values.max())),  # equal ones may round apart
        low=float(values.min()),
        high=float(values.max()),
        interval=found[0],
        groupings=len(tables),
        rows=rows,
    )


def _right(
    ready: Ready,
    answers: list[list[Answer]],
    order: np.ndarray,
    data: LabelledRows,
    labels: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Per row: right units and units (1 for a text, its labelled words for a token task)."""
    hits, trials = np.zeros(len(data.texts)), np.zeros(len(data.texts))
    sums: dict[int, Any] = {}
    for group, numbers, own in zip(ready.groups, ready.numbers, answers, strict=True):
        for slot, (number, answer) in enumerate(zip(numbers, own, strict=True)):
            row = int(order[number])
            if isinstance(answer, LabelAnswer):
                sums[row] = sums.get(row, 0.0) + np.log(answer.probabilities + 1e-45)
            elif isinstance(answer, TagAnswer):
                hits[row], trials[row] = _right_words(
                    group.rows[slot], answer, data.word_labels[row], labels
                )
    for row, total in sums.items():
        hits[row], trials[row] = float(total.argmax() == data.labels[row]), 1.0
    return hits, trials


def _right_words(
    encoded: EncodedRow, answer: TagAnswer, wanted: np.ndarray, labels: Sequence[str]
) -> tuple[int, int]:
    """Right and labelled words of a row; a word's tag is that of its first token."""
    place = np.cumsum(~np.asarray(encoded.special)) - 1  # of a token among those that are answered
    right = tried = 0
    for start, label in zip(encoded.word_starts, wanted, strict=True):
        if start >= 0 and label >= 0:
            tried += 1
            right += answer.tags[place[start]] == labels[int(label)]
    return right, tried


def bits_per_vector(checkpoint: Checkpoint, *, draws: int, seed: int = 0) -> float | None:
    """Bits of the pool's text that come through one mixture position, all slots together.

    None without a retrieval head.
    """
    if checkpoint.model.retrieval_head is None:
        return None
    found = bits(checkpoint, texts(), draws=draws, seating=Seating(seed=seed))
    return float(found.total.mean) / math.log(2)

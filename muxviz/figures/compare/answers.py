"""What two checkpoints make of the same group: their answers, and the tokens read back."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.changes import percent_column, points_column
from muxviz.figures.drawing.dots import (
    Column,
    dot_columns,
    dots_height,
    estimate_row,
    share_span,
    sides,
    slot_marks,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed
from muxviz.figures.drawing.wording import count, percent, plain, shorten
from muxviz.results import GroupResult, LabelAnswer, SlotResult
from muxviz.results.answers import parts_alike
from muxviz.results.estimates import Estimates

NAME = 30  # letters of a checkpoint's name
LABEL = 12  # letters of an answer


def answers_figure(one: GroupResult, other: GroupResult, *, dark: bool = False) -> go.Figure:
    """Rows are slots. Columns: A, B, and B less A: how probable the reference answer is.

    The reference is the answer of the sentence alone, or A's where nobody answered alone. Where
    answers have parts (tags, masks, tokens), it is the share of parts that are as alone.
    """
    slots = _slots(one, other)
    a, b = _values(one, other, one), _values(one, other, other)
    change = _exact(b.mean - a.mean)
    columns = [
        _said(percent_column(_name("A", one), a, (0.0, 1.0)), one, slots),
        _said(percent_column(_name("B", other), b, (0.0, 1.0)), other, slots),
        points_column("B − A, points", change),
    ]
    plot = dot_columns(columns, _marks(slots, dark), dark=dark)
    return _finished(plot, answers_finding(one, other), len(slots), _meaning(one, other), dark)


def answers_finding(one: GroupResult, other: GroupResult) -> str:
    """How many answers each keeps, or how many the two have in common."""
    part = one.part
    same, of = _in_common(one, other)
    both = f"A and B say the same in {same} of {of} {part}s" if of else "Nothing to compare"
    if not one.kept[1] or not other.kept[1]:
        return both
    (a, n), (b, m) = one.kept, other.kept
    return f"A keeps {a} of {n} {part}s and B {b} of {m}; {both[0]}{both[1:]}"


def answers_table(one: GroupResult, other: GroupResult) -> list[dict[str, Any]]:
    """One row per slot, then all."""
    slots = _slots(one, other)
    a, b = _values(one, other, one), _values(one, other, other)
    rows: list[dict[str, Any]] = []
    for k, slot in enumerate(slots):
        mine, theirs = _at(one, slot), _at(other, slot)
        either = mine or theirs
        rows.append(
            {
                "slot": str(slot + 1),
                "sentence": either.text if either else "",
                "alone": _alone(mine, theirs),
                "A answers": mine.answer.headline if mine else None,
                "B answers": theirs.answer.headline if theirs else None,
                **{name: estimate_row(name, v, k)[name] for name, v in (("A", a), ("B", b))},
                "B - A": estimate_row("c", _exact(b.mean - a.mean), k)["c"],
            }
        )
    (same, of), (a_kept, n), (b_kept, m) = _in_common(one, other), one.kept, other.kept
    last = {"slot": "all", "same": same, "of": of, "A kept": a_kept, "A of": n}
    return [*rows, last | {"B kept": b_kept, "B of": m}]


def answers_alt(one: GroupResult, other: GroupResult) -> str:
    """The picture in words."""
    lines = [
        f"Slot {row['slot']}: A {row['A answers'] or 'no sentence'}, "
        f"B {row['B answers'] or 'no sentence'}"
        for row in answers_table(one, other)[:-1]
    ]
    return f"{answers_finding(one, other)}. {'. '.join(lines)}."


# ---- read-back ----------------------------------------------------------------------------------


def read_figure(one: GroupResult, other: GroupResult, *, dark: bool = False) -> go.Figure:
    """Rows are slots. Columns: tokens read back by A, by B, and the difference with Newcombe's
    interval, for pairs where both read the same tokens.
    """
    slots = _slots(one, other)
    a, b, change = _read(one, slots), _read(other, slots), _read_change(one, other, slots)
    span = share_span(np.concatenate([a.low, b.low]))
    columns = [
        percent_column(_name("A", one), a, span),
        percent_column(_name("B", other), b, span),
        points_column("B − A, points", change),
    ]
    plot = dot_columns(columns, _marks(slots, dark), dark=dark)
    words = "Share of tokens read back; lines: 95 % intervals over the tokens of this one pass."
    return _finished(plot, read_finding(one, other), len(slots), words, dark)


def read_finding(one: GroupResult, other: GroupResult) -> str:
    """The share of each over all slots."""
    first, second = one.read_back, other.read_back
    told = [
        f"{side} {percent(found.value)} of {count(found.trials, 'token')}"
        if found is not None and found.trials
        else f"{side} has no read-out"
        for side, found in (("A", first), ("B", second))
    ]
    return f"Tokens read back: {told[0]}, {told[1]}"


def read_table(one: GroupResult, other: GroupResult) -> list[dict[str, Any]]:
    """One row per slot, then all."""
    slots = _slots(one, other)
    a, b, change = _read(one, slots), _read(other, slots), _read_change(one, other, slots)
    rows: list[dict[str, Any]] = [
        {
            "slot": str(slot + 1),
            **estimate_row("A read back", a, k),
            **estimate_row("B read back", b, k),
            **estimate_row("B - A read back", change, k),
        }
        for k, slot in enumerate(slots)
    ]
    last: dict[str, Any] = {"slot": "all"}
    for side, found in (("A", one.read_back), ("B", other.read_back)):
        last[f"{side} read back"] = found.value if found is not None and found.trials else None
        last[f"{side} tokens"] = found.trials if found is not None else 0
    return [*rows, last]


def read_alt(one: GroupResult, other: GroupResult) -> str:
    """The picture in words."""
    lines = [
        f"Slot {row['slot']}: A {percent(row['A read back'])}, B {percent(row['B read back'])}"
        for row in read_table(one, other)[:-1]
        if row["A read back"] is not None and row["B read back"] is not None
    ]
    return f"{read_finding(one, other)}.{' ' if lines else ''}{'. '.join(lines)}{'.' * bool(lines)}"


# ---- details ------------------------------------------------------------------------------------


def _slots(one: GroupResult, other: GroupResult) -> list[int]:
    """Slots that hold a sentence in either, counted from 0."""
    return sorted({slot.slot for result in (one, other) for slot in result.answered})


def _at(result: GroupResult, slot: int) -> SlotResult | None:
    return next((found for found in result.answered if found.slot == slot), None)


def _alone(mine: SlotResult | None, theirs: SlotResult | None) -> str | None:
    return next((s.alone.headline for s in (mine, theirs) if s is not None and s.alone), None)


def _in_common(one: GroupResult, other: GroupResult) -> tuple[int, int]:
    """Parts of answers that are equal, and of how many."""
    same = of = 0
    for slot in _slots(one, other):
        mine, theirs = _at(one, slot), _at(other, slot)
        alike = parts_alike(mine.answer, theirs.answer) if mine and theirs else None
        same, of = same + (alike or (0, 0))[0], of + (alike or (0, 0))[1]
    return same, of


def _reference(one: GroupResult, other: GroupResult, slot: int) -> LabelAnswer | None:
    """The answer that probabilities are told of."""
    mine, theirs = _at(one, slot), _at(other, slot)
    told = [s.alone for s in (mine, theirs) if s is not None] + [mine.answer if mine else None]
    return next((answer for answer in told if isinstance(answer, LabelAnswer)), None)


def _values(one: GroupResult, other: GroupResult, of: GroupResult) -> Estimates:
    """One number per slot: see ``answers_figure``; NaN where there is none."""
    found = []
    for number in _slots(one, other):
        slot, reference = _at(of, number), _reference(one, other, number)
        value = float("nan")
        if slot is not None and isinstance(slot.answer, LabelAnswer):
            if reference is not None and reference.label in slot.answer.labels:
                place = slot.answer.labels.index(reference.label)
                value = float(slot.answer.probabilities[place])
        elif slot is not None and slot.alike:
            value = slot.alike[0] / slot.alike[1]
        found.append(value)
    return _exact(np.array(found))


def _exact(values: np.ndarray) -> Estimates:
    """Numbers of one pass: no draws, no interval."""
    none = np.full(values.shape, np.nan)
    return Estimates(values, none, none, 1, 0)


def _said(column: Column, result: GroupResult, slots: list[int]) -> Column:
    """The column with the answers themselves right of it."""
    words, hovers = [], []
    for k, number in enumerate(slots):
        slot = _at(result, number)
        if slot is None:
            words.append("no sentence here")
            hovers.append("no sentence here")
            continue
        told = "" if np.isnan(column.values[k]) else f", {column.hovers[k]}"
        turned = " ≠" if slot.agrees is False else ""
        is_label = isinstance(slot.answer, LabelAnswer)
        said = shorten(slot.answer.headline, LABEL) if is_label else column.words[k]
        words.append(f"{plain(said)}{turned}")
        hovers.append(f"{plain(shorten(slot.answer.headline, 60))}{told}")
    return Column(
        column.title, column.values, column.low, column.high, words, hovers, column.span, ".0%"
    )


def _read(result: GroupResult, slots: list[int]) -> Estimates:
    values = np.full((3, len(slots)), np.nan)
    for k, number in enumerate(slots):
        slot = _at(result, number)
        if slot is not None and slot.reading is not None and slot.reading.accuracy.trials:
            share = slot.reading.accuracy
            values[:, k] = (share.value, *share.interval)
    return Estimates(values[0], values[1], values[2], 1, 0)


def _read_change(one: GroupResult, other: GroupResult, slots: list[int]) -> Estimates:
    values = np.full((3, len(slots)), np.nan)
    for k, number in enumerate(slots):
        mine, theirs = _at(one, number), _at(other, number)
        if mine is None or theirs is None or mine.reading is None or theirs.reading is None:
            continue
        a, b, both = mine.reading, theirs.reading, None
        if a.tokens == b.tokens:
            both = int((a.is_correct & b.is_correct & a.is_counted).sum())
        values[:, k] = b.accuracy.less(a.accuracy, both=both)
    return Estimates(values[0], values[1], values[2], 1, 0)


def _name(side: str, result: GroupResult) -> str:
    return plain(shorten(f"{side}: {result.provenance.named}", NAME))


def _marks(slots: list[int], dark: bool) -> list[Any]:
    marks = slot_marks(max(slots, default=0) + 1, dark=dark)
    return [marks[slot] for slot in slots]


def _meaning(one: GroupResult, other: GroupResult) -> str:
    exact = "One pass each: exact, so without intervals."
    if not isinstance(one.slots[0].answer, LabelAnswer):
        return f"Share of {one.part}s as alone. {exact}"
    has_alone = any(slot.alone for result in (one, other) for slot in result.answered)
    of = "that the sentence gets alone" if has_alone else "that A gives"
    return f"Probability of the answer {of}; ≠ marks a turned one. {exact}"


def _finished(plot: Any, title: str, rows: int, words: str, dark: bool) -> go.Figure:
    framed(plot, title, dark=dark, height=dots_height(rows) + 24, sides=sides() | {"b": 76})
    caption(plot, words, below=30, left=-100)
    return plot.figure()


ANSWERS = Family(answers_figure, answers_finding, answers_alt, answers_table)
READ = Family(read_figure, read_finding, read_alt, read_table)

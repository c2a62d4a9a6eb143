"""Answers in company: against the answer alone, against labels, against another checkpoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.claims import spans, standing_out
from muxviz.figures.drawing.counts import SIDES, counts_height, counts_plot
from muxviz.figures.drawing.dots import (
    amount_span,
    dot_columns,
    dots_height,
    estimate_column,
    estimate_row,
    share_column,
    share_row,
    share_words,
    sides,
    slot_marks,
    total_mark,
    with_total,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed
from muxviz.figures.drawing.wording import count, number, or_none, percent, plain
from muxviz.results.fidelity import Accuracy, Agreement, Confusion, Shares

JS = "Jensen-Shannon (nats)"
MARGIN = "|Δ margin| (logits)"


# ---- against the answer alone -------------------------------------------------------------------


def agreement_figure(result: Agreement, *, dark: bool = False) -> go.Figure:
    """Per slot (rows): share of equal answers (pool only), divergence, change of the margin."""
    num = len(result.distance.mean)
    parts = [result.distance.mean, result.distance.high]
    margins = [result.margin.mean, result.margin.high]
    columns = [
        estimate_column(JS, result.distance, amount_span(parts), brief=True),
        estimate_column(MARGIN, result.margin, amount_span(margins), brief=True),
    ]
    if result.scope == "pool":
        title = f"same answer, share of {result.unit}s"
        columns.insert(0, share_column(title, result.slots, f"{result.unit}s", brief=True))
    plot = dot_columns(columns, slot_marks(num, dark=dark), dark=dark)
    framed(plot, agreement_finding(result), dark=dark, height=dots_height(num) + 8, sides=sides())
    caption(plot, _caption(result), below=30, left=-100)
    return plot.figure()


def agreement_finding(result: Agreement) -> str:
    """What it shows, in one sentence."""
    total, units = result.total, f"{result.unit}s"
    changed = int(total.trials - total.hits)
    if not total.trials:
        return "There is no answer to compare"
    if not changed:
        what = f"Company changes none of {int(total.trials)} answers"
        farthest = int(np.nanargmax(result.margin.mean))
        amount = result.margin.mean[farthest]
        if amount < 1e-3:
            return f"{what}, and moves no margin"
        if standing_out(spans(result.margin)) is None:
            return f"{what}; no slot's margin is told to move most (up to {number(amount, '.2g')})"
        return (
            f"{what}; it moves the margin of slot {farthest + 1} most, by {number(amount, '.2g')}"
        )
    if result.scope == "group":
        slots = [str(i + 1) for i in np.nonzero(result.slots.hits < result.slots.trials)[0]]
        named = f"in slot {', '.join(slots)}" if len(slots) < 4 else f"in {len(slots)} slots"
        return f"Company changes {changed} of {int(total.trials)} {units}' answers: {named}"
    worst = int(np.nanargmin(result.slots.value))
    share = percent(float(1 - total.value))
    text = f"Company changes the answer to {share} of the {units}"
    if result.slots.high[worst] < total.low:
        return f"{text}, in slot {worst + 1} to {percent(float(1 - result.slots.value[worst]))}"
    return f"{text}, and no slot stands out"


def agreement_table(result: Agreement) -> list[dict[str, Any]]:
    """One row per slot."""
    rows = []
    for i in range(len(result.distance.mean)):
        row: dict[str, Any] = {"slot": i + 1, f"{result.unit}s": int(result.slots.trials[i])}
        if result.answers:
            row |= {"answer": result.answers[i] or None, "alone": result.alone[i] or None}
        row |= {
            "same answer": or_none(result.slots.value[i]),
            "same, low": or_none(result.slots.low[i]),
            "same, high": or_none(result.slots.high[i]),
            "changed": or_none(1 - result.slots.value[i]),
            "changed, all slots": or_none(1 - float(result.total.value)),
            "answers changed, all slots": int(result.total.trials - result.total.hits),
            "answers, all slots": int(result.total.trials),
        }
        for name, found in ((JS, result.distance), (MARGIN, result.margin)):
            row |= estimate_row(name, found, i)
        if result.right is not None and result.right_alone is not None:
            row |= {
                "right": or_none(result.right.value[i]),
                "right alone": or_none(result.right_alone.value[i]),
            }
        rows.append(row)
    return rows


def agreement_alt(result: Agreement) -> str:
    """The picture in words."""
    lines = [agreement_finding(result) + "."]
    for i, row in enumerate(agreement_table(result)):
        if row["same answer"] is None:
            lines.append(f"Slot {i + 1}: filler, not compared.")
            continue
        same = percent(row["same answer"])
        answers = f"{row['answer']}, alone {row['alone']}, " if row.get("answer") else ""
        lines.append(
            f"Slot {i + 1}: {answers}same answer {same}, divergence "
            f"{number(row[JS], '.3g')} nats, margin moved by {number(row[MARGIN], '.3g')}."
        )
    return " ".join(lines)


def _caption(result: Agreement) -> str:
    alone = plain(result.baseline.checkpoint)
    if result.scope == "pool" or not result.answers:
        return f"Alone: the same {result.unit}s through {alone}. Lines: 95 % intervals."
    told = [
        f"{i + 1}: {plain(a)}" + ("" if a == b else f" (alone {plain(b)})")
        for i, (a, b) in enumerate(zip(result.answers, result.alone, strict=True))
        if a
    ]
    return f"Alone: {alone}. Answers {' · '.join(told)}"


# ---- against labels -----------------------------------------------------------------------------


def accuracy_figure(
    result: Accuracy, alone: Accuracy | None = None, *, dark: bool = False
) -> go.Figure:
    """Right answers per slot, and of all; dotted line: the same sentences alone, where known."""
    num = len(result.slots.hits)
    column = share_column(
        "share of right answers",
        with_total(result.slots, result.total),
        "sentences",
        line=None if alone is None else float(alone.total.value),
        holds=True,
    )
    plot = dot_columns([column], [*slot_marks(num, dark=dark), total_mark(dark)], dark=dark)
    framed(
        plot,
        accuracy_finding(result, alone),
        dark=dark,
        height=dots_height(num + 1) + 8,
        sides=sides(),
    )
    caption(plot, f"Lines: 95 % intervals.{_alone(alone)}", below=30, left=-100)
    return plot.figure()


def _alone(alone: Accuracy | None) -> str:
    if alone is None:
        return ""
    name = plain(alone.provenance.checkpoint)
    return f" Dotted: the same sentences alone, through {name}, {share_words(alone.total, ())}."


def accuracy_finding(result: Accuracy, alone: Accuracy | None = None) -> str:
    """What it shows, in one sentence."""
    slots, total = result.slots, result.total
    text = f"{percent(float(total.value))} of {int(total.trials)} answers are right"
    if alone is not None:
        text += f" ({percent(float(alone.total.value))} alone)"
    worst = int(np.nanargmin(slots.value))
    if slots.high[worst] < total.low:
        return f"{text}, but only {percent(float(slots.value[worst]))} in slot {worst + 1}"
    return f"{text}, and no slot stands out" if len(slots.hits) > 1 else text


def accuracy_table(result: Accuracy, alone: Accuracy | None = None) -> list[dict[str, Any]]:
    """One row per slot, per label, for all, and for the same sentences alone."""
    named: list[tuple[str, Shares, tuple[int, ...]]] = [
        (f"slot {i + 1}", result.slots, (i,)) for i in range(len(result.slots.hits))
    ]
    named += [(f"label {name}", result.by_label, (c,)) for c, name in enumerate(result.labels)]
    named.append(("all", result.total, ()))
    if alone is not None:
        named.append(("all, alone", alone.total, ()))
    return [
        {
            "of": name,
            "sentences": int(found.trials[at]),
            "right": int(found.hits[at]),
        }
        | estimate_row("share", found, at)
        for name, found, at in named
    ]


def accuracy_alt(result: Accuracy, alone: Accuracy | None = None) -> str:
    """The picture in words."""
    rows = accuracy_table(result, alone)
    parts = [f"{row['of']}: {row['right']} of {row['sentences']}" for row in rows]
    return f"{accuracy_finding(result, alone)}. Right answers, {', '.join(parts)}."


# ---- against another checkpoint -----------------------------------------------------------------


def confusion_figure(result: Confusion, *, dark: bool = False) -> go.Figure:
    """Answers of A (rows) against those of B (columns), counts; the diagonal is agreement."""
    labels = [plain(label) for label in result.labels]
    plot = counts_plot(
        result.counts,
        result.labels,
        rows=f"A: {plain(result.provenance.checkpoint)} answers …",
        columns=f"B: {plain(result.other.checkpoint)} answers …",
        hover=lambda a, b: f"A: {labels[a]}, B: {labels[b]}",
        dark=dark,
    )
    framed(
        plot,
        confusion_finding(result),
        dark=dark,
        height=counts_height(len(labels)),
        sides=SIDES,
    )
    caption(plot, _outcomes(result), below=16)
    return plot.figure()


def confusion_finding(result: Confusion) -> str:
    """What it shows, in one sentence."""
    same = f"A and B give the same answer to {percent(float(result.agree.value))}"
    if result.outcomes is None:
        return same
    first, second = int(result.outcomes[0, 1]), int(result.outcomes[1, 0])
    if result.p >= 0.05:
        return f"{same}; neither is right clearly more often"
    better, more, fewer = ("A", first, second) if first > second else ("B", second, first)
    return f"{same}; where only one is right it is mostly {better} ({more} against {fewer})"


def confusion_table(result: Confusion) -> list[dict[str, Any]]:
    """One row per pair of answers that occurs, then all of them."""
    rows: list[dict[str, Any]] = [
        {"A": result.labels[a], "B": result.labels[b], "answers": int(result.counts[a, b])}
        for a, b in np.argwhere(result.counts)
    ]
    last: dict[str, Any] = {"A": "all", "B": "all", "answers": int(result.counts.sum())}
    last |= {"sentences": result.sentences} | share_row(result.agree, ())
    if result.outcomes is not None:
        (both, first), (second, none) = result.outcomes.tolist()
        last |= {"both right": both, "only A": first, "only B": second, "neither": none}
        last["McNemar p"] = float(result.p)
    return [*(dict.fromkeys(last) | row for row in rows), last]


def confusion_alt(result: Confusion) -> str:
    """The picture in words."""
    parts = [f"A {r['A']}, B {r['B']}: {r['answers']}" for r in confusion_table(result)[:-1]]
    return f"{confusion_finding(result)}. {'; '.join(parts)}. {_outcomes(result)}"


def _outcomes(result: Confusion) -> str:
    told = f"{count(result.sentences, 'sentence')}, same answer {share_words(result.agree, ())}."
    if result.outcomes is None:
        return told
    (both, first), (second, none) = result.outcomes.tolist()
    return (
        f"{told} Right: both {both}, only A {first}, only B {second}, neither {none}; "
        f"exact McNemar p = {number(result.p, '.2g')}."
    )


ACCURACY = Family(accuracy_figure, accuracy_finding, accuracy_alt, accuracy_table)
AGREEMENT = Family(agreement_figure, agreement_finding, agreement_alt, agreement_table)
CONFUSION = Family(confusion_figure, confusion_finding, confusion_alt, confusion_table)

"""Answers against labels, of all slots or of one."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.counts import SIDES, counts_height, counts_plot
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import framed
from muxviz.figures.drawing.wording import plain, shorten
from muxviz.results.dataset import LabelCounts


def labels_figure(found: LabelCounts, *, dark: bool = False) -> go.Figure:
    """Counts of answers (columns) to rows of every label (rows)."""
    names = [plain(name) for name in found.labels]
    plot = counts_plot(
        found.counts,
        found.labels,
        rows="labelled …",
        columns="answered …",
        hover=lambda a, b: f"labelled {names[a]}, answered {names[b]}",
        dark=dark,
    )
    framed(plot, labels_finding(found), dark=dark, height=counts_height(len(names)), sides=SIDES)
    return plot.figure()


def labels_finding(found: LabelCounts) -> str:
    """What it shows, in one sentence."""
    where = "" if found.slot is None else f" in slot {found.slot + 1}"
    wrong = found.counts * (1 - np.eye(len(found.labels), dtype=int))
    if not wrong.any():
        return f"No answer is wrong{where}"
    gold, answer = np.unravel_index(int(wrong.argmax()), wrong.shape)
    return (
        f"{int(wrong.sum()):,} of {int(found.counts.sum()):,} answers are wrong{where}, most often "
        f"“{shorten(found.labels[answer], 24)}” for “{shorten(found.labels[gold], 24)}” "
        f"({int(wrong.max()):,})"
    )


def labels_table(found: LabelCounts) -> list[dict[str, Any]]:
    """One row per pair that occurs, then all."""
    slot = "all" if found.slot is None else found.slot + 1
    rows: list[dict[str, Any]] = [
        {"slot": slot, "label": found.labels[a], "answer": found.labels[b],
         "answers": int(found.counts[a, b])}
        for a, b in np.argwhere(found.counts)
    ]  # fmt: skip
    total, right = int(found.counts.sum()), int(np.trace(found.counts))
    last = {"slot": slot, "label": "all", "answer": "wrong", "answers": total - right}
    return [*rows, last, last | {"answer": "all", "answers": total}]


def labels_alt(found: LabelCounts) -> str:
    """The picture in words."""
    parts = [
        f"labelled {row['label']}, answered {row['answer']}: {row['answers']:,}"
        for row in labels_table(found)[:-2]
    ]
    return f"{labels_finding(found)}. {'; '.join(parts)}."


LABELS = Family(labels_figure, labels_finding, labels_alt, labels_table)

"""Right answers in parts of a file: slots, tags, slices, groupings."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.dots import (
    Column,
    Mark,
    amount_span,
    dot_columns,
    dots_height,
    share_column,
    share_words,
    slot_marks,
    total_mark,
    with_total,
)
from muxviz.figures.drawing.dots import sides as dot_sides
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink
from muxviz.figures.drawing.wording import ends, number, or_none, percent, plain, shorten
from muxviz.results.dataset import RightShares

NAME = 34  # letters of a part's name
LETTER = 7  # px


def right_figure(found: RightShares, *, dark: bool = False) -> go.Figure:
    """Share of right answers of every part (rows) and of all; dotted: N = 1 alone."""
    line = None if found.alone is None else float(found.alone.value)
    columns = [
        share_column(
            "share of right answers",
            with_total(found.shares, found.total),
            "answers",
            line=line,
            holds=True,
        )
    ]
    if found.less is not None:
        columns.append(_gains(found))
    marks = _marks(found, dark)
    plot = dot_columns(columns, marks, dark=dark)
    room = max(dot_sides()["l"], 24 + LETTER * max(len(mark.label) for mark in marks))
    framed(
        plot,
        right_finding(found),
        dark=dark,
        height=dots_height(len(marks)) + 8,
        sides=dot_sides() | {"l": room},
    )
    caption(plot, _caption(found), below=30, left=16 - room)
    return plot.figure()


def _marks(found: RightShares, dark: bool) -> list[Mark]:
    colors = ink(dark)
    if found.part == "slot":
        return [*slot_marks(len(found.names), dark=dark), total_mark(dark)]
    named = [
        Mark(
            plain(shorten(name, NAME)),
            colors.accent if told else colors.paper,
            colors.accent,
            "circle",
        )
        for name, told in zip(found.names, found.is_told, strict=True)
    ]
    return [*named, total_mark(dark)]


def _gains(found: RightShares) -> Column:
    assert found.less is not None, "groupings are compared"
    given = (found.less.mean, found.less.low, found.less.high)
    values, low, high = (np.append(100 * part, np.nan) for part in given)
    rows = list(zip(values, low, high, strict=True))
    words = ["compared with", *(_points(*row) for row in rows[1:-1]), ""]
    return Column(
        "points more than the first",
        values,
        low,
        high,
        words,
        words,
        amount_span([values, low, high]),
    )


def _points(value: float, low: float, high: float) -> str:
    return f"{number(value, '+.1f')}{ends(low, high, '+.1f')}"


def right_finding(found: RightShares) -> str:
    """What it shows, in one sentence."""
    share, total = found.shares.value, float(found.total.value)
    if found.part == "grouping":
        return _grouping_finding(found)
    text = f"{percent(total)} of {int(found.total.trials):,} answers are right"
    low = [k for k in np.flatnonzero(found.is_told) if share[k] < total]
    if not low:
        return f"{text}, and no {found.part} is told from the rest"
    worst = min(low, key=lambda k: float(share[k]))
    name = found.names[worst] if found.part == "slot" else f"“{shorten(found.names[worst], 50)}”"
    return f"{text}, but only {percent(float(share[worst]))} in {name}"


def _grouping_finding(found: RightShares) -> str:
    assert found.less is not None, "groupings are compared"
    told = [int(k) for k in np.flatnonzero(found.is_told)]
    if not told:
        return f"Who shares a pass makes no told difference in {len(found.names)} groupings"
    most = max(told, key=lambda k: abs(float(found.less.mean[k])))  # type: ignore[union-attr]
    gain = 100 * float(found.less.mean[most])
    word = "more" if gain > 0 else "less"
    return (
        f"Grouped “{found.names[most]}” {abs(gain):.1f} points {word} are right than “"
        f"{found.names[0]}”"
    )


def right_table(found: RightShares) -> list[dict[str, Any]]:
    """One row per part, for all, and for N = 1."""
    rows = []
    for k, name in enumerate(found.names):
        row = {found.part: name} | _row(found.shares, (k,)) | {"told": bool(found.is_told[k])}
        if found.less is not None:
            row |= {
                "points more": 100 * float(found.less.mean[k]),
                "points more, low": 100 * float(found.less.low[k]),
                "points more, high": 100 * float(found.less.high[k]),
            }
        rows.append(row)
    rows.append({found.part: "all"} | _row(found.total, ()))
    if found.alone is not None:
        rows.append({found.part: "alone (N = 1)"} | _row(found.alone, ()))
    return rows


def _row(shares: Any, at: tuple[int, ...]) -> dict[str, Any]:
    return {
        "answers": int(shares.trials[at]),
        "right": int(shares.hits[at]),
        "share": or_none(shares.value[at]),
        "share, low": or_none(shares.low[at]),
        "share, high": or_none(shares.high[at]),
    }


def right_alt(found: RightShares) -> str:
    """The picture in words."""
    parts = [
        f"{row[found.part]}: {row['right']:,} of {row['answers']:,}" for row in right_table(found)
    ]
    return f"{right_finding(found)}. Right answers, {'; '.join(parts)}."


def _caption(found: RightShares) -> str:
    held = " Found on the other half of the rows." if found.held_out else ""
    alone = ""
    if found.alone is not None:
        alone = f" Dotted: N = 1 on these rows, {share_words(found.alone, ())}."
    filled = "" if found.part == "slot" else " Filled: told from the rest."
    return f"Lines: 95 % intervals.{filled}{held}{alone}"


RIGHT = Family(right_figure, right_finding, right_alt, right_table)

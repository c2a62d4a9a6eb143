"""A series of checkpoints of one kind, a row each: answers and read-back."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.changes import (
    LEFT,
    NAME,
    checkpoint_marks,
    percent_column,
    points_column,
    signed_points,
)
from muxviz.figures.drawing.dots import (
    dot_columns,
    dots_height,
    estimate_row,
    share_span,
    sides,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed
from muxviz.figures.drawing.wording import percent, shorten
from muxviz.results.by_sparsity import QUANTITIES, BySparsity
from muxviz.results.estimates import Estimates


def series_figure(result: BySparsity, *, dark: bool = False) -> go.Figure:
    """Rows are checkpoints. Columns: every share that was counted, and how the right answers (or
    else the first share) differ from the first checkpoint's on the same groups.
    """
    columns = []
    for q, name in enumerate(result.quantities):
        found = _row_of(result.mean, q)
        columns.append(percent_column(QUANTITIES[name], found, share_span(found.low)))
    main = _main(result)
    columns.append(points_column("change, points", _row_of(result.mean_change, main), brief=True))
    plot = dot_columns(columns, checkpoint_marks(result.origins, dark=dark), dark=dark)
    words = (
        f"The same {result.groups} random groups of {result.pool} pool sentences, seed "
        f"{result.mean.seed}; lines: 95 % intervals, paired in the last column "
        f"({QUANTITIES[result.quantities[main]]})."
    )
    framed(
        plot,
        series_finding(result),
        dark=dark,
        height=dots_height(len(result.origins)) + 24,
        sides=sides() | {"l": LEFT, "b": 76},
    )
    caption(plot, words, below=30, left=16 - LEFT)
    return plot.figure()


def series_finding(result: BySparsity) -> str:
    """What the last of the series has against the first, as far as that is told."""
    q, last = _main(result), len(result.origins) - 1
    what = QUANTITIES[result.quantities[q]]
    first, now = (percent(float(result.mean.mean[q, k])) for k in (0, last))
    told = (
        f"{what[:1].upper()}{what[1:]}: {first} ({_name(result, 0)}), {now} ({_name(result, last)})"
    )
    others = [k for k in range(1, last + 1) if result.mean_change.excludes(0.0)[q, k]]
    if not others:
        return f"{told}; none is told from the first"
    worst = min(others, key=lambda k: float(result.mean_change.mean[q, k]))
    if worst == last or len(others) == 1:
        return f"{told}; told from the first: {len(others)} of {last}"
    points = signed_points(100 * float(result.mean_change.mean[q, worst]))
    return f"{told}; farthest from the first: {_name(result, worst)}, {points} points"


def series_table(result: BySparsity) -> list[dict[str, Any]]:
    """One row per checkpoint."""
    q = _main(result)
    change = f"{QUANTITIES[result.quantities[q]]}, change"
    rows = []
    for k, made in enumerate(result.origins):
        row: dict[str, Any] = {"checkpoint": made.checkpoint}
        for at, name in enumerate(result.quantities):
            row |= estimate_row(QUANTITIES[name], result.mean, (at, k))
        row |= estimate_row(change, result.mean_change, (q, k))
        told = result.mean_change.excludes(0.0)[q, 1:]
        row |= {"told from the first": int(told.sum()), "of": len(told)}
        rows.append(row | {"groups": result.groups, "pool": result.pool, "seed": result.mean.seed})
    return rows


def series_alt(result: BySparsity) -> str:
    """The picture in words."""
    lines = []
    for k in range(len(result.origins)):
        shares = (
            f"{QUANTITIES[name]} {percent(float(result.mean.mean[q, k]))}"
            for q, name in enumerate(result.quantities)
        )
        lines.append(f"{_name(result, k)}: {', '.join(shares)}")
    return f"{series_finding(result)}. {'. '.join(lines)}."


# ---- details ------------------------------------------------------------------------------------


def _main(result: BySparsity) -> int:
    """The quantity that changes are told of."""
    return result.quantities.index("right") if "right" in result.quantities else 0


def _row_of(found: Estimates, q: int) -> Estimates:
    return Estimates(found.mean[q], found.low[q], found.high[q], found.draws, found.seed)


def _name(result: BySparsity, k: int) -> str:
    return shorten(result.origins[k].checkpoint, NAME)


SERIES = Family(series_figure, series_finding, series_alt, series_table)

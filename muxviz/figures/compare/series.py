"""A series of checkpoints of one kind, a row each: answers and read-back, or cross-talk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from muxviz.figures.crosstalk.words import short
from muxviz.figures.drawing.changes import percent_column, points_column, signed_points
from muxviz.figures.drawing.dots import (
    Mark,
    amount_span,
    dot_columns,
    dots_height,
    estimate_column,
    estimate_row,
    share_span,
    sides,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink
from muxviz.figures.drawing.wording import percent, plain, shorten
from muxviz.results.by_sparsity import QUANTITIES, BySparsity, CrosstalkBySparsity
from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance

NAME = 26  # letters of a checkpoint's name
LEFT = 200  # px for names


def series_figure(result: BySparsity, *, dark: bool = False) -> go.Figure:
    """Rows are checkpoints. Columns: every share that was counted, and how the right answers (or
    else the first share) differ from the first checkpoint's on the same groups.
    """
    columns = []
    for q, name in enumerate(result.quantities):
        found = _row_of(result.mean, q)
        columns.append(percent_column(QUANTITIES[name], found, share_span(found.low)))
    main = _main(result)
    columns.append(points_column("against the first, points", _row_of(result.mean_change, main)))
    plot = dot_columns(columns, _marks(result.origins, dark), dark=dark)
    words = (
        f"The same {result.groups} random groups of {result.pool} pool sentences, seed "
        f"{result.mean.seed}; lines: 95 % intervals, paired in the last column "
        f"({QUANTITIES[result.quantities[main]]})."
    )
    return _finished(plot, series_finding(result), len(result.origins), words, dark)


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


# ---- cross-talk ---------------------------------------------------------------------------------


def taken_series_figure(result: CrosstalkBySparsity, *, dark: bool = False) -> go.Figure:
    """Rows are checkpoints. Columns: what a slot takes from another one, and the change."""
    columns = [
        estimate_column(
            "taken from another slot, nats",
            result.mean,
            amount_span([result.mean.mean, result.mean.high]),
        ),
        estimate_column(
            "against the first, nats",
            result.mean_change,
            amount_span([result.mean_change.low, result.mean_change.high]),
        ),
    ]
    plot = dot_columns(columns, _marks(result.origins, dark), dark=dark)
    words = (
        f"This group; every slot's sentence exchanged for the same {result.draws} of "
        f"{result.pool} sentences, seed {result.mean.seed}; lines: 95 % intervals."
    )
    return _finished(plot, taken_series_finding(result), len(result.origins), words, dark)


def taken_series_finding(result: CrosstalkBySparsity) -> str:
    """What the last of the series takes against the first, as far as that is told."""
    last = len(result.origins) - 1
    first, now = (short(float(result.mean.mean[k])) for k in (0, last))
    text = (
        f"A slot takes {first} nats from each other one in {_name(result, 0)}, {now} in "
        f"{_name(result, last)}"
    )
    told = int(result.mean_change.excludes(0.0)[1:].sum())
    return (
        f"{text}; told from the first: {told} of {last}"
        if told
        else (f"{text}; {result.draws} draws tell none from the first")
    )


def taken_series_table(result: CrosstalkBySparsity) -> list[dict[str, Any]]:
    """One row per checkpoint; nats."""
    told = result.mean_change.excludes(0.0)[1:]
    return [
        {
            "checkpoint": made.checkpoint,
            **estimate_row("taken", result.mean, k),
            **estimate_row("change", result.mean_change, k),
            "told from the first": int(told.sum()),
            "of": len(told),
            "draws": result.draws,
            "pool": result.pool,
            "seed": result.mean.seed,
        }
        for k, made in enumerate(result.origins)
    ]


def taken_series_alt(result: CrosstalkBySparsity) -> str:
    """The picture in words."""
    lines = [
        f"{_name(result, k)}: {short(float(result.mean.mean[k]))} nats"
        for k in range(len(result.origins))
    ]
    return f"{taken_series_finding(result)}. {'. '.join(lines)}."


# ---- details ------------------------------------------------------------------------------------


def _main(result: BySparsity) -> int:
    """The quantity that changes are told of."""
    return result.quantities.index("right") if "right" in result.quantities else 0


def _row_of(found: Estimates, q: int) -> Estimates:
    return Estimates(found.mean[q], found.low[q], found.high[q], found.draws, found.seed)


def _name(result: BySparsity | CrosstalkBySparsity, k: int) -> str:
    return shorten(result.origins[k].checkpoint, NAME)


def _marks(origins: Sequence[Provenance], dark: bool) -> list[Mark]:
    colors = ink(dark)
    return [
        Mark(plain(shorten(made.checkpoint, NAME)), colors.grey, colors.text, "diamond-tall")
        for made in origins
    ]


def _finished(plot: Any, title: str, rows: int, words: str, dark: bool) -> go.Figure:
    frame = sides() | {"l": LEFT, "b": 76}
    framed(plot, title, dark=dark, height=dots_height(rows) + 24, sides=frame)
    caption(plot, words, below=30, left=16 - LEFT)
    return plot.figure()


SERIES = Family(series_figure, series_finding, series_alt, series_table)
TAKEN_SERIES = Family(
    taken_series_figure, taken_series_finding, taken_series_alt, taken_series_table
)

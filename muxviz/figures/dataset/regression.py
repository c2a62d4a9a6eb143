"""Kept rows on two checkpoints: what the second one fixed and broke, by kind."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, legend_of, mix
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.wording import number, plain
from muxviz.results.regression import BROKEN, FIXED, OUTCOMES, RIGHT, WRONG, Regression, Tally

ROW, TOP, BOTTOM = 44, 104, 84  # px
ALL = "all"


def regression_figure(found: Regression, *, dark: bool = False) -> go.Figure:
    """Rows of every kind (bars), parted by what became of them."""
    tallies = _tallies(found)
    plot = Plot()
    for at, (outcome, color) in enumerate(_colors(dark).items()):
        counts = [tally.counts[at] for tally in tallies]
        if any(counts):
            plot.add(
                bar(
                    x=counts,
                    y=list(range(len(tallies))),
                    orientation="h",
                    name=outcome,
                    marker={"color": color, "line": {"color": ink(dark).paper, "width": 1}},
                    hovertext=[
                        f"{_name(tally)}: {count:,} of {tally.rows:,} {outcome}"
                        for tally, count in zip(tallies, counts, strict=True)
                    ],
                    width=0.62,
                )
            )
    name_rows(plot, [_name(tally) for tally in tallies])
    height = ROW * len(tallies) + TOP + BOTTOM
    plot.set(barmode="stack", legend=legend_of(height, 62), showlegend=True)
    plot.xaxes(title={"text": "rows"}, rangemode="tozero", showgrid=True)
    framed(
        plot,
        regression_finding(found),
        dark=dark,
        height=height,
        sides={"l": 130, "r": 24, "t": TOP, "b": BOTTOM},
    )
    caption(plot, _caption(found), below=58, left=-110)
    return plot.figure()


def regression_finding(found: Regression) -> str:
    """What it shows, in one sentence; what could not happen is not claimed."""
    fixed, broken, right, _ = found.total.counts
    name, rows = plain(found.second.checkpoint), found.total.rows
    told = f"{name} gets {fixed:,} of the {rows - broken - right:,} wrong rows right"
    if not broken + right:
        return f"{told}; what it breaks cannot be seen among rows that all fail"
    return f"{told}, and {broken:,} of the {broken + right:,} right ones wrong"


def regression_table(found: Regression) -> list[dict[str, Any]]:
    """One row per kind, then all rows that were wrong before, those that were right, and all."""
    fixed, broken, right, wrong = found.total.counts
    rows = [_row(_name(t), t.counts, t.p) for t in _tallies(found)[:-1]]
    return [
        *rows,
        _row("wrong before", (fixed, 0, 0, wrong), math.nan),
        _row("right before", (0, broken, right, 0), math.nan),
        _row(ALL, found.total.counts, found.total.p),
    ]


def _row(kind: str, counts: tuple[int, int, int, int], p: float) -> dict[str, Any]:
    named = dict(zip(OUTCOMES, counts, strict=True))
    return {"kind": kind, "rows": sum(counts), **named, "McNemar p": None if math.isnan(p) else p}


def regression_alt(found: Regression) -> str:
    """The picture in words."""
    parts = []
    for tally in _tallies(found):
        counts = ", ".join(
            f"{count:,} {outcome}"
            for outcome, count in zip(OUTCOMES, tally.counts, strict=True)
            if count
        )
        parts.append(f"{_name(tally)}: {tally.rows:,} rows ({counts})")
    return f"{regression_finding(found)}. {'; '.join(parts)}. {_caption(found)}"


def _tallies(found: Regression) -> list[Tally]:
    return [*(found.tallies if len(found.tallies) > 1 else ()), found.total]


def _name(tally: Tally) -> str:
    return tally.kind or "right"


def _caption(found: Regression) -> str:
    p = found.total.p
    if math.isnan(p):
        return "fixed: wrong before, right now. No test: none of them was right before."
    return f"As many fixed as broken: McNemar p = {number(p, '.2g')}."


def _colors(dark: bool) -> dict[str, str]:
    colors = ink(dark)
    return {
        FIXED: colors.accent,
        BROKEN: colors.warning,
        RIGHT: mix(colors.accent, colors.paper, 0.6),
        WRONG: colors.grey,
    }


REGRESSION = Family(regression_figure, regression_finding, regression_alt, regression_table)

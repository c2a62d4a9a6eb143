"""How far the models are off, and how often the planner names the best setting."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, legend_of, mix, tint
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import or_none, percent
from muxviz.results.planning import (
    ACCURACY,
    MODELS,
    QUANTITIES,
    THROUGHPUT,
    Comparison,
    HitRate,
    PlannerCheck,
)

ROW = 40  # px
GOAL = 0.9  # of the share of cases with the best setting among the first three
NAMES = {
    "planner": "planner",
    "nearest": "nearest point",
    "nearest_measured": "nearest point, measured first",
    "random": "random",
}


def loo_figure(comparison: Comparison, *, dark: bool = False) -> go.Figure:
    """Left accuracy, right throughput: the leave-one-out error of each model; dark is used."""
    plot = Plot.grid(rows=1, cols=2, across=0.06, share_y=True)
    colors, errors = ink(dark), comparison.errors()
    names, notes = list(MODELS), []
    for column, quantity in enumerate(QUANTITIES, start=1):
        values = [100 * errors[quantity][name] for name in names]
        used = [comparison.chosen[quantity] == name for name in names]
        plot.add(
            bar(
                x=values,
                y=list(range(len(names))),
                orientation="h",
                width=0.58,
                marker={
                    "color": [colors.accent if u else tint(colors.grey, 0.35) for u in used],
                    "line": {"color": colors.text, "width": 0.8},
                },
                hovertext=[
                    f"{MODELS[name]}: {_amount(value, quantity)}"
                    for name, value in zip(names, values, strict=True)
                ],
            ),
            row=1,
            col=column,
        )
        unit = "points" if quantity == ACCURACY else "% of the rate"
        plot.xaxes(
            title={"text": f"{quantity}: leave-one-out error, {unit}"},
            range=[0, 1.32 * max(*values, 1e-9)],
            row=1,
            col=column,
        )
        notes += [
            {
                "text": f"{_amount(value, quantity)}{', used' if u else ''}",
                "x": value,
                "y": row,
                "xref": f"x{'' if column == 1 else column}",
                "yref": f"y{'' if column == 1 else column}",
                "xanchor": "left",
                "xshift": 6,
                "font": {"size": SMALL_SIZE, "color": colors.text},
            }
            for row, (value, u) in enumerate(zip(values, used, strict=True))
        ]
    name_rows(plot, [MODELS[name] for name in names])
    plot.mark(annotations=notes)
    framed(
        plot,
        loo_finding(comparison),
        dark=dark,
        height=ROW * len(names) + 184,
        sides={"l": 180, "r": 24, "t": 72, "b": 92},
    )
    caption(
        plot,
        "Root mean square over all points, each predicted by a fit to the others.",
        below=50,
        left=-150,
    )
    return plot.figure()


def loo_finding(comparison: Comparison) -> str:
    """Which models are used and how far they are off."""
    errors = comparison.errors()
    parts = [
        f"{quantity} to {_amount(100 * errors[quantity][comparison.chosen[quantity]], quantity)} "
        f"({MODELS[comparison.chosen[quantity]]})"
        for quantity in QUANTITIES
    ]
    return f"A setting that was not seen is predicted in {' and in '.join(parts)}"


def loo_alt(comparison: Comparison) -> str:
    """The picture in words."""
    parts = [
        f"{MODELS[one.model]}, {one.quantity}: {_amount(100 * one.error, one.quantity)}"
        for one in comparison.left_out
    ]
    return f"{loo_finding(comparison)}. {'; '.join(parts)}."


def loo_table(comparison: Comparison) -> list[dict[str, Any]]:
    """One row per model and quantity."""
    return [
        {
            "quantity": one.quantity,
            "model": MODELS[one.model],
            "leave-one-out error": one.error,
            "unit": "share" if one.quantity == ACCURACY else "ln of the ratio",
            "used": comparison.chosen[one.quantity] == one.model,
        }
        for one in comparison.left_out
    ]


# ---- hit rates ----------------------------------------------------------------------------------


def hits_figure(check: PlannerCheck, *, dark: bool = False) -> go.Figure:
    """Left all cases, right those whose best setting was hidden: top-1 and top-3 hit rates.

    Raises:
        NotApplicable: no case at all.
    """
    if not check.cases:
        raise NotApplicable("not applicable: no budget has an answer; measure more settings")
    plot = Plot.grid(rows=1, cols=2, across=0.06, share_y=True)
    colors = ink(dark)
    for column, rates in ((1, check.everything), (2, check.hidden)):
        for top, color, shift in (("top3", colors.grey, 0.19), ("top1", colors.accent, -0.19)):
            _bars(plot, rates, top, color, shift, column, dark)
        title = "all cases" if column == 1 else "best setting was hidden"
        count = check.cases if column == 1 else check.hidden_cases
        plot.xaxes(
            title={"text": f"share of cases, {title} ({count:,})"},
            tickformat=".0%",
            range=[0, 1.18],
            tickvals=[0, 0.25, 0.5, 0.75, 1],
            row=1,
            col=column,
        )
    line = {"color": colors.muted, "width": 1.3, "dash": "dot"}
    plot.mark(
        shapes=[
            {"type": "line", "xref": x, "yref": "paper", "x0": GOAL, "x1": GOAL, "y0": 0, "y1": 1,
             "line": line}
            for x in ("x", "x2")
        ],
    )  # fmt: skip
    name_rows(plot, [NAMES[rate.who] for rate in check.everything])
    height = 58 * len(check.everything) + 206
    framed(
        plot,
        hits_finding(check),
        dark=dark,
        height=height,
        sides={"l": 210, "r": 24, "t": 100, "b": 96},
    )
    plot.set(
        barmode="overlay",
        legend=legend_of(height, 62) | {"traceorder": "reversed", "bgcolor": "rgba(0,0,0,0)"},
    )
    part = " Stopped early." if check.is_partial else ""
    words = (
        f"Whiskers: 95 % intervals over {check.splits} splits. Dotted: the goal for the first "
        f"three, {percent(GOAL)}.{part}"
    )
    caption(plot, words, below=50, left=-180)
    return plot.figure()


def hits_finding(check: PlannerCheck) -> str:
    """How often the best setting is among the first three, beside the better baseline."""
    own = check.everything[0]
    base = max(rate.top3 for rate in check.everything[1:])
    hidden = check.hidden[0].top3
    tail = "" if math.isnan(hidden) else f"; {percent(hidden)} where it was hidden"
    return (
        f"With half the points hidden, the best setting is among the first three in "
        f"{percent(own.top3)} of cases (nearest point: {percent(base)}){tail}"
    )


def hits_alt(check: PlannerCheck) -> str:
    """The picture in words."""
    parts = [
        f"{NAMES[a.who]}: first {100 * a.top1:.0f} %, first three {100 * a.top3:.0f} %; hidden "
        f"{_share(b.top1)} and {_share(b.top3)}"
        for a, b in zip(check.everything, check.hidden, strict=True)
    ]
    return f"{hits_finding(check)}. {'; '.join(parts)}."


def hits_table(check: PlannerCheck) -> list[dict[str, Any]]:
    """One row per contender, for all cases and for hidden ones."""
    return [
        {
            "who": NAMES[rate.who],
            "cases": words,
            "number of cases": count,
            "top 1": or_none(rate.top1),
            "top 1 from": or_none(rate.top1_low),
            "top 1 to": or_none(rate.top1_high),
            "top 3": or_none(rate.top3),
            "top 3 from": or_none(rate.top3_low),
            "top 3 to": or_none(rate.top3_high),
        }
        for words, count, rates in (
            ("all", check.cases, check.everything),
            ("best setting hidden", check.hidden_cases, check.hidden),
        )
        for rate in rates
    ]


# ---- parts --------------------------------------------------------------------------------------


def _bars(
    plot: Plot,
    rates: Sequence[HitRate],
    top: str,
    color: str,
    shift: float,
    column: int,
    dark: bool,
) -> None:
    known = [(row, rate) for row, rate in enumerate(rates) if not math.isnan(rate.top1)]
    values = [getattr(rate, top) for _, rate in known]
    plot.add(
        bar(
            x=values,
            y=[row + shift for row, _ in known],
            orientation="h",
            width=0.34,
            name="best setting named first" if top == "top1" else "among the first three",
            marker={"color": color, "line": {"color": mix(color, ink(dark).text, 0.5), "width": 1}},
            error_x=whiskers(
                [
                    getattr(rate, f"{top}_high") - value
                    for (_, rate), value in zip(known, values, strict=True)
                ],
                [
                    value - getattr(rate, f"{top}_low")
                    for (_, rate), value in zip(known, values, strict=True)
                ],
                ink(dark).text,
                thickness=1.2,
                width=3,
            ),
            hovertext=[f"{NAMES[rate.who]}: {100 * getattr(rate, top):.1f} %" for _, rate in known],
            showlegend=column == 1,
        ),
        row=1,
        col=column,
    )
    notes = [
        {
            "text": f"{100 * value:.0f} %",
            "x": getattr(rate, f"{top}_high"),
            "y": row + shift,
            "xref": "x" if column == 1 else "x2",
            "yref": "y" if column == 1 else "y2",
            "xanchor": "left",
            "xshift": 6,
            "font": {"size": SMALL_SIZE - 1, "color": ink(dark).text},
        }
        for (row, rate), value in zip(known, values, strict=True)
    ]
    plot.mark(annotations=notes)


def _amount(value: float, quantity: str) -> str:
    return f"{value:.2g} %" if quantity == THROUGHPUT else f"{value:.2g} points"


def _share(value: float) -> str:
    return "n/a" if math.isnan(value) else f"{100 * value:.0f} %"


LOO = Family(loo_figure, loo_finding, loo_alt, loo_table)
HITS = Family(hits_figure, hits_finding, hits_alt, hits_table)

"""Settings considered for some traffic: which one serves it, and what the others miss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, legend_of, tint
from muxviz.figures.drawing.labels import label_at, place_labels, spots_of
from muxviz.figures.drawing.measured import (
    SIZE,
    color_of,
    log_axis,
    named,
    outline_of,
    score_range,
    tick_text,
)
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.wording import count, plain, sure
from muxviz.results.throughput import SURE, Plan, Plans

HEIGHT = 440  # px
LEGEND_TOP = 62
WIDTH, NARROW_WIDTH = 664, 270  # px of the axes, at the narrowest


def plans_figure(plans: Plans, *, dark: bool = False, is_narrow: bool = False) -> go.Figure:
    """Accuracy against expected latency; filled marks serve, the tinted corner is asked for.

    is_narrow: for a page of 360 px.

    Raises:
        NotApplicable: nothing was considered.
    """
    if not plans.plans:
        raise NotApplicable("not applicable: no setting was measured")
    traffic, colors = plans.traffic, ink(dark)
    plot = Plot()
    for serves in (False, True):
        chosen = [p for p in plans.plans if (p.machines is not None) == serves]
        plot.add(_marks(chosen, serves, plans, dark))
    times_ms = [*(p.latency_ms for p in plans.plans), traffic.latency_ms]
    scores = [*(p.accuracy for p in plans.plans), traffic.accuracy]
    across = log_axis("expected latency of a request, ms", times_ms)
    low = min(scores) if traffic.accuracy > 0 else min(p.accuracy for p in plans.plans)
    span = score_range(low, max(scores))
    width = NARROW_WIDTH if is_narrow else WIDTH
    plot.xaxes(**across)
    plot.yaxes(showgrid=True, title={"text": "accuracy"}, tickformat=".1%", range=span)
    plot.mark(annotations=_labels(plans, across["range"], span, width, colors.text))
    line = {"color": colors.muted, "width": 1.3, "dash": "dot"}
    budget, floor = traffic.latency_ms, max(traffic.accuracy, span[0])
    left = 10 ** across["range"][0]
    plot.mark(
        shapes=[
            {
                "type": "rect",
                "x0": left,
                "x1": budget,
                "y0": floor,
                "y1": span[1],
                "fillcolor": tint(colors.good, 0.13),
                "line": {"width": 0},
                "layer": "below",
            },
            {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": budget, "x1": budget,
             "line": line},
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": floor, "y1": floor,
             "line": line},
        ],
    )  # fmt: skip
    framed(
        plot,
        plans_finding(plans),
        dark=dark,
        height=HEIGHT,
        sides={"l": 76, "r": 30, "t": 108, "b": 96},
    )
    plot.set(legend=legend_of(HEIGHT, LEGEND_TOP))
    words = (
        f"Green: what is asked for, within {tick_text(budget)} ms and from "
        f"{100 * traffic.accuracy:.1f} %. One mark per checkpoint, precision and batch; the rest "
        "is in the hover."
    )
    caption(plot, words, below=50, left=-56)
    return plot.figure()


def plans_finding(plans: Plans) -> str:
    """The recommendation, or what is closest where nothing serves."""
    best = plans.plans[0]
    if best.machines is None:
        return (
            f"Nothing measured serves this traffic; closest is {best.checkpoint} (N = {best.n}, "
            f"batch {best.batch}): {best.why_not}"
        )
    mixed = len({p.dtype for p in plans.plans}) > 1
    kind = f", {best.dtype}" if mixed else ""
    is_sure = best.chance >= SURE
    return (
        f"{'Use' if is_sure else 'No setting serves surely; likeliest is'} {best.checkpoint} "
        f"(N = {best.n}{kind}) at batch {best.batch} on "
        f"{count(best.machines, 'machine')} like this one: {100 * best.accuracy:.1f} % right, "
        f"{best.latency_ms:,.0f} ms, {sure(best.chance)} sure"
    )


def plans_reason(plans: Plans) -> str:
    """Why that one: what the others that serve would need, or why nothing serves."""
    best, said = plans.plans[0], plans_finding(plans)
    if best.machines is None or best.chance < SURE:
        return said
    others = [p for p in plans.plans if p.machines is not None and p.chance >= SURE]
    others = [p for p in others if (p.checkpoint, p.dtype) != (best.checkpoint, best.dtype)]
    if not others:
        return f"{said}; no other checkpoint or precision is so sure"
    after = others[0]
    name = f"{after.checkpoint}, {after.dtype}, at batch {after.batch}"
    if after.machines != best.machines:
        needs = count(after.machines or 0, "machine")
        return f"{said}; of all that are so sure it needs the fewest machines, next {name}: {needs}"
    return (
        f"{said}; of all that are so sure none needs fewer machines, and of these it is the most "
        f"accurate, next {name}: {100 * after.accuracy:.1f} % right"
    )


def plans_table(plans: Plans) -> list[dict[str, Any]]:
    """One row per setting, the best first."""
    return [
        {
            "checkpoint": p.checkpoint,
            "N": p.n,
            "batch": p.batch,
            "dtype": p.dtype,
            "serves": p.machines is not None,
            "machines": p.machines,
            "latency ms": p.latency_ms,
            "accuracy": p.accuracy,
            "chance": p.chance,
            "instances/s of one machine": p.instances_per_s,
            "why not": p.why_not,
        }
        for p in plans.plans
    ]


def plans_alt(plans: Plans) -> str:
    """The picture in words."""
    parts = [f"{_words(p)}: {p.why_not or 'serves'}" for p in plans.plans]
    return f"{plans_finding(plans)}. {'; '.join(parts)}."


def _marks(chosen: list[Plan], serves: bool, plans: Plans, dark: bool) -> Trace:
    best = plans.plans[0]
    return scatter(
        x=[p.latency_ms for p in chosen] or None,
        y=[p.accuracy for p in chosen] or None,
        mode="markers",
        name="serves" if serves else "does not serve",
        marker={
            "symbol": "circle" if serves else "x-thin",
            "opacity": 1,
            "size": [SIZE + 5 if p is best and serves else SIZE - 2 for p in chosen] or SIZE - 2,
            "color": [color_of(p.n) for p in chosen] or ink(dark).muted,
            "line": {
                "width": 1.4 if serves else 2.2,
                "color": [outline_of(p.n, dark) for p in chosen] or ink(dark).muted,
            },
        },
        hovertext=[f"{named(p.checkpoint)}: {plain(_words(p))}" for p in chosen],
        showlegend=True,
        cliponaxis=False,
    )


def _labels(
    plans: Plans, across: list[float], up: list[float], width: float, color: str
) -> list[dict[str, Any]]:
    """N and batch beside marks: the best first, where there is room."""

    texts = [f"N = {p.n}, batch {p.batch}" for p in plans.plans]
    points = np.array([[math.log10(p.latency_ms), p.accuracy] for p in plans.plans])
    size = width, HEIGHT - 204
    spots = spots_of(points, np.array([across, up]), size)
    placed = place_labels(spots, texts, size, radii=[9] * len(texts))
    return [
        label_at(text, point, offset, color)
        for point, text, offset in zip(points.tolist(), texts, placed, strict=True)
        if offset is not None
    ]


def _words(plan: Plan) -> str:
    needs = f", {count(plan.machines, 'machine')}" if plan.machines is not None else ""
    why = f" ({plan.why_not})" if plan.why_not else ""
    return (
        f"{plan.checkpoint}, N = {plan.n}, batch {plan.batch}, {plan.dtype}: "
        f"{plan.latency_ms:,.0f} ms, {100 * plan.accuracy:.1f} % right{needs}{why}"
    )


PLANS = Family(plans_figure, plans_finding, plans_alt, plans_table)

"""Settings considered for some traffic: which one serves it, and what the others miss."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, legend_of, tint
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
from muxviz.figures.drawing.wording import count, percent, plain, sure
from muxviz.results.throughput import Plan, Plans

HEIGHT = 440  # px
LEGEND_TOP = 62
NEAR = 0.08  # of the plot, within which a second label is left out


def plans_figure(plans: Plans, *, dark: bool = False) -> go.Figure:
    """Accuracy against expected latency; filled marks serve, the tinted corner is asked for.

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
    plot.xaxes(**across)
    plot.yaxes(showgrid=True, title={"text": "accuracy"}, tickformat=".1%", range=span)
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
        f"{100 * traffic.accuracy:.1f} %. Beside a mark: N, and batch, where there "
        "is room. One mark per checkpoint, precision and batch."
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
    return (
        f"Use {best.checkpoint} (N = {best.n}{kind}) at batch {best.batch} on "
        f"{count(best.machines, 'machine')} like this one: {percent(best.accuracy)} right, "
        f"{best.latency_ms:,.0f} ms, {sure(best.chance)} sure"
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
    best, labelled = plans.plans[0], _labelled(plans)
    return scatter(
        x=[p.latency_ms for p in chosen] or None,
        y=[p.accuracy for p in chosen] or None,
        mode="markers+text",
        name="serves" if serves else "does not serve",
        text=[f"{p.n} · {p.batch}" if id(p) in labelled else "" for p in chosen],
        textposition="top right",
        textfont={"size": SMALL_SIZE, "color": ink(dark).text},
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


def _labelled(plans: Plans) -> set[int]:
    """Ids of the plans that bear a label: the best first, none too near to another."""
    spots = [(float(np.log10(p.latency_ms)), p.accuracy, p) for p in plans.plans]
    wide = max(x for x, _, _ in spots) - min(x for x, _, _ in spots) or 1.0
    high = max(y for _, y, _ in spots) - min(y for _, y, _ in spots) or 1.0
    kept: list[tuple[float, float]] = []
    chosen = set()
    for x, y, plan in spots:
        if all(abs(x - a) > NEAR * wide or abs(y - b) > 1.2 * NEAR * high for a, b in kept):
            kept.append((x, y))
            chosen.add(id(plan))
    return chosen


def _words(plan: Plan) -> str:
    needs = f", {count(plan.machines, 'machine')}" if plan.machines is not None else ""
    why = f" ({plan.why_not})" if plan.why_not else ""
    return (
        f"{plan.checkpoint}, N = {plan.n}, batch {plan.batch}, {plan.dtype}: "
        f"{plan.latency_ms:,.0f} ms, {100 * plan.accuracy:.1f} % right{needs}{why}"
    )


PLANS = Family(plans_figure, plans_finding, plans_alt, plans_table)

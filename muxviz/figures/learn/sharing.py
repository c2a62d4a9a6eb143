"""Rooms or one room: which numbers of the vector each slot uses, and what sharing them costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.claims import are_apart
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, Trace, heatmap, scatter
from muxviz.figures.drawing.scales import sequential
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import or_none, percent
from muxviz.results.lessons import Dial

HEIGHT = 420
SIDES = {"l": 64, "r": 40, "t": 92, "b": 62}
HEADS = ("which numbers of the vector each slot uses", "right answers", "of no single slot")


def sharing_figure(result: Dial, *, picked: int = 0, dark: bool = False) -> go.Figure:
    """Left: size of the patterns of the picked model. Right: accuracy and interaction of all."""
    colors, one = ink(dark), result.models[picked]
    num, width = one.patterns.shape
    heads = [
        {"text": t, "xanchor": "left", "font": {"size": SMALL_SIZE, "color": colors.text}}
        for t in HEADS
    ]
    plot = Plot.grid(
        rows=2,
        cols=2,
        widths=[0.58, 0.42],
        heights=[0.5, 0.5],
        tall=(1,),
        across=0.12,
        down=0.26,
        titles=heads,
    )
    plot.add(
        heatmap(
            z=np.abs(one.patterns).astype(np.float32),
            x=np.arange(width + 1),
            y=np.arange(num + 1),
            zmin=0,
            zmax=float(np.quantile(np.abs(one.patterns), 0.95)) or 1.0,
            colorscale=sequential(dark),
            showscale=False,
            ygap=8,
            hoverinfo="skip",
        ),
        row=1,
        col=1,
    )
    low, high = (np.array([getattr(m, part) for m in result.models]) for part in ("low", "high"))
    accuracy = np.array([m.accuracy for m in result.models])
    plot.add(_dots(result, (accuracy, low, high), picked, "right", dark), row=1, col=2)
    found = result.interaction
    plot.add(
        _dots(result, (found.mean, found.low, found.high), picked, "of no single slot", dark),
        row=2,
        col=2,
    )
    plot.xaxes(visible=False, range=[0, width], row=1, col=1)
    plot.yaxes(
        range=[num, 0],
        tickvals=[i + 0.5 for i in range(num)],
        ticktext=[f"{slot_label(i)}  " for i in range(num)],
        row=1,
        col=1,
    )
    places = [m.sharing for m in result.models]
    plot.xaxes(
        tickvals=places, ticktext=[f"{100 * s:.0f} %" for s in places], range=[-0.1, 1.1], col=2
    )
    plot.xaxes(title={"text": "sharing"}, row=2, col=2)
    plot.yaxes(showgrid=True, tickformat=".0%", nticks=4, row=1, col=2)
    plot.yaxes(showgrid=True, tickformat=".0%", nticks=4, rangemode="tozero", row=2, col=2)
    framed(plot, sharing_finding(result, picked=picked), dark=dark, height=HEIGHT, sides=SIDES)
    return plot.figure()


def _dots(
    result: Dial,
    spans: tuple[np.ndarray, np.ndarray, np.ndarray],
    picked: int,
    what: str,
    dark: bool,
) -> Trace:
    colors, (mean, low, high) = ink(dark), spans
    return scatter(
        x=[m.sharing for m in result.models],
        y=[float(v) for v in mean],
        mode="lines+markers",
        line={"color": tint(colors.grey, 0.6), "width": 1.4},
        marker={
            "size": [14 if k == picked else 9 for k in range(len(mean))],
            "color": [colors.accent if k == picked else colors.paper for k in range(len(mean))],
            "line": {"color": colors.accent, "width": 2},
        },
        error_y=whiskers(high - mean, mean - low, colors.muted, thickness=1.2, width=4),
        hovertext=[
            f"{m.checkpoint}, sharing {100 * m.sharing:.0f} %<br>{what}: {percent(float(v))}"
            for m, v in zip(result.models, mean, strict=True)
        ],
        cliponaxis=False,
    )


def sharing_finding(result: Dial, *, picked: int = 0) -> str:
    """What the picked sharing costs beside rooms of one's own."""
    one, first = result.models[picked], result.models[0]
    found = result.interaction
    mixed = percent(max(0.0, float(found.mean[picked])))
    start = f"Sharing {100 * one.sharing:.0f} %: {_right(one.accuracy)} right"
    if picked:
        ends = [(m.accuracy, m.low, m.high) for m in (first, one)]
        sure = "" if are_apart(*ends) else ", intervals overlap"
        start += f" ({_right(first.accuracy)} in rooms{sure})"
    return f"{start}; {mixed} of the last layer belongs to no single slot"


def sharing_alt(result: Dial, *, picked: int = 0) -> str:
    """Both curves in words."""
    lines = [f"{sharing_finding(result, picked=picked)}."]
    for one, mixed in zip(result.models, result.interaction.mean, strict=True):
        lines.append(
            f"{100 * one.sharing:.0f} % shared: {_right(one.accuracy)} right, "
            f"{percent(max(0.0, float(mixed)))} of no single slot."
        )
    return " ".join(lines)


def _right(share: float) -> str:
    """With one decimal, in which models differ; a card may have no score."""
    return "n/a" if np.isnan(share) else f"{100 * share:.1f} %"


def sharing_table(result: Dial) -> list[dict[str, Any]]:
    """One row per model."""
    found = result.interaction
    return [
        {
            "checkpoint": m.checkpoint,
            "sharing": m.sharing,
            "right": or_none(m.accuracy),
            "right from": or_none(m.low),
            "right to": or_none(m.high),
            "rows": m.rows,
            "of no single slot": or_none(found.mean[k]),
            "of no single slot from": or_none(found.low[k]),
            "of no single slot to": or_none(found.high[k]),
        }
        for k, m in enumerate(result.models)
    ]


SHARING = Family(sharing_figure, sharing_finding, sharing_alt, sharing_table)

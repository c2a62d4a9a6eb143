"""Dose against response: one slot's answer while each fader moves, and all slopes at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    CLEAR,
    TEXT_SIZE,
    TOGGLES,
    caption,
    framed,
    ink,
    text_on,
    tint,
)
from muxviz.figures.drawing.plot import Plot, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, diverging
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.wording import number, or_none, percent
from muxviz.results.whatif_desk import DoseResponse

USUAL = (0.5, 1.5)  # faders outside are far from what was trained on
CELL = 44  # px
FLAT = 1e-3  # logits a unit that count as none in words

SCALES = {
    "probability": ("probability of the present answer", "probability"),
    "margin": ("margin of the present answer (logits)", "margin"),
}


def dose_figure(
    result: DoseResponse, slot: int, *, scale: str = "probability", dark: bool = False
) -> go.Figure:
    """One slot's answer against every fader; the slot's own is the thick line."""
    title, name = SCALES[scale]
    values = getattr(result, name)[slot]
    plot = Plot()
    for j in range(len(values)):
        own = j == slot
        plot.add(
            scatter(
                x=result.doses.astype(np.float32),
                y=values[j].astype(np.float32),
                mode="lines+markers",
                line={"color": slot_color(j), "width": 4 if own else 2},
                marker={
                    "symbol": slot_marker(j),
                    "size": 8,
                    "color": slot_color(j),
                    "line": {"color": slot_outline(j, dark=dark), "width": 1},
                    "maxdisplayed": 9,
                },
                name=f"fader {slot_label(j)}{' (own)' if own else ''}",
                hovertemplate=f"fader {j + 1} at %{{x:.2f}}: %{{y:.3f}}<extra></extra>",
            )
        )
    plot.xaxes(title={"text": "fader (0 = silent, 1 = as it is)"}, range=[-0.03, 2.03], dtick=0.25)
    bounds = {"range": [-0.02, 1.02], "tickformat": ".0%"} if scale == "probability" else {}
    plot.yaxes(showgrid=True, title={"text": title}, **bounds)
    outside = ((-0.03, USUAL[0]), (USUAL[1], 2.03))
    common = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    shade = {"fillcolor": tint(ink(dark).grey, 0.1), "line": {"width": 0}}
    plot.mark(shapes=[common | shade | {"x0": a, "x1": b} for a, b in outside])
    framed(
        plot,
        dose_finding(result, slot),
        dark=dark,
        height=410,
        sides={"l": 74, "r": 24, "t": 76, "b": 84},
    )
    plot.set(legend={"tracegroupgap": 2} | TOGGLES)
    caption(plot, "Shaded: far from anything the model was trained on.", below=58)
    return plot.figure()


def dose_finding(result: DoseResponse, slot: int) -> str:
    """The strongest neighbour's slope beside the slot's own, in one sentence."""
    slopes = result.slope[slot]
    if np.isnan(slopes).all() and result.is_partial:
        return f"Slot {slot + 1}: stopped before its slopes were reached"
    if np.isnan(slopes).all():
        return f"Slot {slot + 1} has no answer to follow"
    others = [j for j in range(len(slopes)) if j != slot and j not in result.fillers]
    own = f"its own fader moves its margin by {number(slopes[slot], '+.2f')} a unit"
    if not others:
        return f"Slot {slot + 1}: {own}"
    most = max(others, key=lambda j: abs(slopes[j]))
    by = number(slopes[most], "+.2f")
    return f"Slot {slot + 1}: {own}, its loudest neighbour ({most + 1}) by {by}"


def dose_table(result: DoseResponse, slot: int) -> list[dict[str, Any]]:
    """One row per fader and dose."""
    return [
        {
            "slot": slot + 1,
            "fader": j + 1,
            "dose": float(dose),
            "probability": or_none(result.probability[slot, j, at]),
            "margin": or_none(result.margin[slot, j, at]),
            "slope at 1": or_none(result.slope[slot, j]),
            "from the neighbours' mean": or_none(result.excess[slot, j]),
        }
        for j in range(len(result.slope))
        for at, dose in enumerate(result.doses)
    ]


def dose_alt(result: DoseResponse, slot: int) -> str:
    """The lines in words: ends and slope of each."""
    lines = [f"{dose_finding(result, slot)}."]
    for j, curve in enumerate(result.probability[slot]):
        low, high = percent(float(curve[0])), percent(float(curve[-1]))
        slope = number(result.slope[slot, j], "+.3f")
        lines.append(f"Fader {j + 1}: {low} at 0, {high} at 2, slope {slope}.")
    return " ".join(lines)


def slope_figure(result: DoseResponse, *, dark: bool = False) -> go.Figure:
    """Heat map ``[N, N]`` of the slopes at 1: rows are slots observed, columns faders."""
    colors, values = ink(dark), result.slope
    num, scale = len(values), diverging(dark)
    top = float(np.nanmax(np.abs(values), initial=0.0)) or 1.0
    hovers = [[_cell_words(result, i, j) for j in range(num)] for i in range(num)]
    plot = Plot(
        heatmap(
            z=values.astype(np.float32),
            zmin=-top,
            zmax=top,
            colorscale=scale,
            showscale=False,
            xgap=3,
            ygap=3,
            hovertext=hovers,
            x=[slot_label(j) for j in range(num)],
            y=[slot_label(i) for i in range(num)],
        )
    )
    places = [(i, j) for i in range(num) for j in range(num)]
    shades = {p: color_at(scale, (float(np.nan_to_num(values[p])) / top + 1) / 2) for p in places}
    frame = {"type": "rect", "line": {"color": colors.text, "width": 1.2}, "fillcolor": CLEAR}
    wide, high = 0.49, 0.465  # cells are wider than high, the gaps between them are not
    plot.mark(
        annotations=[
            {
                "x": j,
                "y": i,
                "text": "·" if np.isnan(values[i, j]) else number(values[i, j], "+.2f"),
                "font": {"size": TEXT_SIZE, "color": text_on(shades[i, j])},
            }
            for i, j in places
        ],
        shapes=[
            frame | {"x0": i - wide, "x1": i + wide, "y0": i - high, "y1": i + high}
            for i in range(num)
        ],
    )
    plot.xaxes(side="top", title={"text": "fader of slot …", "standoff": 10})
    plot.yaxes(autorange="reversed", ticksuffix="  ")
    framed(
        plot,
        slope_finding(result),
        dark=dark,
        height=CELL * num + 168,
        sides={"l": 74, "r": 24, "t": 112, "b": 48},
    )
    what = "input of its own layers" if result.scales_inputs else "fader"
    words = f"Change of the margin per unit of {what} at 1 (logits). Framed: a slot's own."
    caption(plot, words, below=14)
    return plot.figure()


def slope_finding(result: DoseResponse) -> str:
    """Which neighbour's fader stands out from the slot's other neighbours."""
    num = len(result.slope)
    if num == 2:
        heard = int(np.nan_to_num(np.abs([result.slope[0, 1], result.slope[1, 0]])).argmax())
        moved = f"{number(result.slope[heard, 1 - heard], '+.2f')} logits a unit"
        return f"Fader {2 - heard} moves slot {heard + 1} by {moved}"
    apart = np.nan_to_num(np.abs(result.excess))
    apart[list(result.fillers)] = 0
    if apart.max(initial=0.0) < FLAT:
        return "No neighbour's fader stands out: each only dilutes the others, all alike"
    i, j = np.unravel_index(int(apart.argmax()), apart.shape)
    others = (result.slope[i].sum() - result.slope[i, i] - result.slope[i, j]) / (num - 2)
    return (
        f"Fader {j + 1} stands out most in slot {i + 1}: "
        f"{number(result.slope[i, j], '+.2f')} logits a unit, "
        f"its other neighbours {number(others, '+.2f')} on average"
    )


def slope_alt(result: DoseResponse) -> str:
    """The matrix in words."""
    rows = (
        f"Slot {i + 1}: "
        + ", ".join(f"fader {j + 1} {number(v, '+.2f')}" for j, v in enumerate(row))
        + "."
        for i, row in enumerate(result.slope)
    )
    return " ".join([f"{slope_finding(result)}.", *rows])


def _cell_words(result: DoseResponse, i: int, j: int) -> str:
    apart = "" if i == j else f", {number(result.excess[i, j], '+.3f')} from its neighbours' mean"
    return f"slot {i + 1}, fader {j + 1}: {number(result.slope[i, j], '+.3f')}{apart}"


DOSE = Family(dose_figure, dose_finding, dose_alt, dose_table)
SLOPES = Family(slope_figure, slope_finding, slope_alt)

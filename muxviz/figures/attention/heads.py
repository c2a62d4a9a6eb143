"""Which heads an answer needs: what it loses when one of them is silenced."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.attention.axes import color_bar
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, text_on
from muxviz.figures.drawing.levels import finite
from muxviz.figures.drawing.plot import Plot, heatmap, scatter
from muxviz.figures.drawing.pruned_cells import (
    PRUNED,
    UNNUMBERED,
    gone_layers,
    hatched,
    legend_below,
    pruned_hover,
)
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import number
from muxviz.results.attention import HeadEffects

NUMBERED = 10  # heads that bear their rank
UNITS = {"margin": "change of the margin", "js": "JS divergence (nats)"}


def heads_figure(
    result: HeadEffects, slot: int, *, by: str = "margin", dark: bool = False
) -> go.Figure:
    """Layers by heads, coloured by the effect on one slot's answer; the first ten bear their rank.
    Heads that were pruned away are hatched.

    Args:
        slot: from 0.
        by: "margin" for the absolute change of the margin (or score), "js" for the divergence.
    """
    effect, scale = result.effect(slot, by), sequential(dark)
    layers, heads = effect.shape
    top = float(np.nan_to_num(effect).max(initial=1e-12))
    ranks = {place: n + 1 for n, place in enumerate(result.ranking(slot, by)[:NUMBERED])}
    cells = [(k, h) for k in range(layers) for h in range(heads) if result.is_kept[k, h]]
    gone = [(k, h) for k in range(layers) for h in range(heads) if not result.is_kept[k, h]]
    plot = Plot(
        heatmap(
            z=effect.astype(np.float32),
            x=np.arange(1, heads + 1),
            y=np.arange(1, layers + 1),
            zmin=0,
            zmax=top,
            colorscale=scale,
            colorbar=color_bar(UNITS[by], dark),
            xgap=3,
            ygap=3,
            hoverinfo="skip",
        )
    )
    plot.add(
        scatter(
            x=[h + 1 for _, h in cells],
            y=[k + 1 for k, _ in cells],
            mode="markers+text",
            marker={"symbol": "square", "size": 30, "color": "rgba(128,128,128,0.01)"},
            text=[str(ranks.get(cell, "")) if effect[cell] > 0 else "" for cell in cells],
            textfont={
                "size": SMALL_SIZE,
                "color": [text_on(color_at(scale, float(effect[c]) / top)) for c in cells],
            },
            hovertext=[_hover(result, slot, *cell) for cell in cells],
            customdata=cells,
        )
    )
    if gone:
        boxes = [(h + 0.54, h + 1.46, k + 0.54, k + 1.46) for k, h in gone]
        plot.add(hatched(boxes, [pruned_hover(*place) for place in gone], dark=dark))
    _axes(plot, layers, heads)
    caption(plot, _words(result), below=12)
    framed(
        plot,
        heads_finding(result, slot, by=by),
        dark=dark,
        height=38 * layers + 166,
        sides={"l": 90, "r": 24, "t": 92, "b": 56},
    )
    if gone:
        legend_below(plot, dark=dark, below=8)
    return plot.figure()


def _words(result: HeadEffects) -> str:
    """The line under the cells."""
    gone = gone_layers(result.is_kept)
    lines = ["Numbers: rank of the first ten. ", f"{gone[:1].upper()}{gone[1:]}. " if gone else ""]
    return "".join([*lines, "" if result.is_numbered else UNNUMBERED]).strip()


def heads_finding(result: HeadEffects, slot: int, *, by: str = "margin") -> str:
    """The head that the answer of a slot leans on most."""
    effect = result.effect(slot, by)
    what = result.explained[slot]
    if not result.is_kept.any():
        return "No head is left to lean on: pruning took every attention block"
    if not (effect > 1e-9).any():
        return f"No single head matters to the answer of {slot_label(slot)}"
    layer, head = result.ranking(slot, by)[0]
    change = float(result.change[slot, layer, head])
    noun = "score" if what.label == "its score" else "margin"
    verb = "falls" if change < 0 else "rises"
    return (
        f"The answer of slot {slot + 1} leans most on head {head + 1} of layer {layer + 1}: "
        f"without it, its {noun} {verb} by {number(abs(change), '.2g')}"
    )


def heads_table(result: HeadEffects, slot: int, *, by: str = "margin") -> list[dict[str, Any]]:
    """Heads in order of their effect, then those that were pruned away."""
    ranked = [
        {
            "rank": n + 1,
            "layer": layer + 1,
            "head": head + 1,
            "change of the margin": float(result.change[slot, layer, head]),
            "JS divergence (nats)": finite(result.divergence[slot, layer, head]),
        }
        for n, (layer, head) in enumerate(result.ranking(slot, by))
    ]
    gone = zip(*np.nonzero(~result.is_kept), strict=True)
    return ranked + [
        {"rank": None, "layer": int(k) + 1, "head": int(h) + 1, "why": PRUNED} for k, h in gone
    ]


def heads_alt(result: HeadEffects, slot: int, *, by: str = "margin") -> str:
    """The ranking in words."""
    effect = result.effect(slot, by)
    first = [
        f"layer {k + 1} head {h + 1} ({number(effect[k, h], '.2g')})"
        for k, h in result.ranking(slot, by)[:5]
    ]
    gone = int((~result.is_kept).sum())
    pruned = f" {gone} of {result.is_kept.size} heads are hatched: {PRUNED}." if gone else ""
    ranked = f" By {UNITS[by]}: {', '.join(first)}." if first else ""
    return f"{heads_finding(result, slot, by=by)}.{ranked}{pruned}"


def _hover(result: HeadEffects, slot: int, layer: int, head: int) -> str:
    lines = [
        f"layer {layer + 1}, head {head + 1} set to zero",
        f"margin {number(float(result.change[slot, layer, head]), '+.3g')}",
    ]
    divergence = float(result.divergence[slot, layer, head])
    if not np.isnan(divergence):
        lines.append(f"JS divergence {number(divergence, '.2e')} nats")
    return "<br>".join(lines)


def _axes(plot: Plot, layers: int, heads: int) -> None:
    plot.xaxes(
        tickvals=list(range(1, heads + 1)),
        side="top",
        range=[0.5, heads + 0.5],
        title={"text": "head", "standoff": 6},
    )
    plot.yaxes(
        tickvals=list(range(1, layers + 1)),
        ticktext=[f"layer {k + 1} " for k in range(layers)],
        range=[layers + 0.5, 0.5],
    )


HEADS = Family(heads_figure, heads_finding, heads_alt, heads_table)

"""How figures show what pruning took: hatched, never in a colour of the scale, and in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.ink import CLEAR, SMALL_SIZE, framed, ink
from muxviz.figures.drawing.plot import Plot, Trace, bar
from muxviz.figures.drawing.wording import plain

PRUNED = "pruned away"
UNNUMBERED = "The file does not tell which heads were pruned; those left count from 1. "
Box = tuple[float, float, float, float]  # x0, x1, y0, y1 on the axes


def hatched(
    boxes: Sequence[Box], hovers: Sequence[str], *, dark: bool, name: str = PRUNED
) -> Trace:
    """One trace with a hatched box for everything that was pruned away."""
    sides = np.array(boxes, dtype=np.float64).reshape(-1, 4)
    return bar(
        x=(sides[:, 0] + sides[:, 1]) / 2,
        width=sides[:, 1] - sides[:, 0],
        base=sides[:, 2],
        y=sides[:, 3] - sides[:, 2],
        name=name,
        marker={
            "color": CLEAR,
            "line": {"color": ink(dark).line, "width": 0.8},
            "pattern": {
                "shape": "/",
                "size": 7,
                "solidity": 0.12,
                "fgcolor": ink(dark).muted,
                "bgcolor": CLEAR,
                "fillmode": "overlay",
            },
        },
        hovertext=list(hovers),
        showlegend=True,
    )


def legend_below(plot: Plot, *, dark: bool, below: int) -> None:
    """The legend at the right under the plot of a framed ``plot`` (changed in place).

    below: px under the plot.
    """
    height, room = plot.layout["height"], plot.layout["margin"]["b"]
    plot.set(
        legend={
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": max(room - below, 1) / height,
            "yref": "container",
            "yanchor": "top",
            "font": {"size": SMALL_SIZE, "color": ink(dark).muted},
        },
        barmode="overlay",
    )


def gone_field(title: str, *, dark: bool) -> go.Figure:
    """In place of a picture of something that was pruned away: one hatched field and its title."""
    plot = Plot(hatched([(0, 1, 0, 1)], [PRUNED], dark=dark) | {"showlegend": False})
    plot.xaxes(visible=False, range=[0, 1])
    plot.yaxes(visible=False, range=[0, 1])
    framed(plot, title, dark=dark, height=170, sides={"l": 90, "r": 24, "t": 66, "b": 20})
    return plot.figure()


def gone_layers(is_kept: np.ndarray) -> str:
    """Layers of ``[K, H]`` that attend no more, in words; "" where every one does."""
    gone = [str(k + 1) for k in np.flatnonzero(~np.asarray(is_kept).any(axis=1))]
    if not gone:
        return ""
    if len(gone) == len(is_kept):
        return "no layer attends any more"
    if len(gone) == 1:
        return f"layer {gone[0]} no longer attends"
    return f"layers {', '.join(gone[:-1])} and {gone[-1]} no longer attend"


def gone_head(is_kept: np.ndarray, layer: int, head: int | None = None) -> str:
    """Why there is nothing of a layer (or of one head of it); "" where there is something.

    is_kept: ``[K, H]``.
    """
    if not is_kept[layer].any():
        return f"Layer {layer + 1} no longer attends: its attention block was pruned away"
    if head is not None and not is_kept[layer, head]:
        return f"Head {head + 1} of layer {layer + 1} was pruned away: there is nothing to show"
    return ""


def heads_left(is_kept: np.ndarray) -> str:
    """``"heads"``, or ``"7 heads left"`` where some of ``[H]`` were pruned away."""
    left = int(is_kept.sum())
    if left == len(is_kept):
        return "heads"
    return f"{left} head{'s' * (left != 1)} left"


def pruned_hover(layer: int, head: int) -> str:
    """For a cell of layer and head, both from 0."""
    return plain(f"layer {layer + 1}, head {head + 1}: {PRUNED}")

"""The contextual multiplexer's own attention: which sentence takes from which, by position."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.attention.axes import color_bar
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    TEXT_SIZE,
    caption,
    framed,
    text_on,
)
from muxviz.figures.drawing.plot import Plot, Trace, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import percent, plain, shorten, visible
from muxviz.results.attention import InstanceAttention


def across(result: InstanceAttention, head: int | None, position: int | None = None) -> np.ndarray:
    """``[N, N]`` rows take, columns give; mean over heads (None) and over counted positions."""
    maps = np.asarray(result.maps if head is None else result.maps[:, head : head + 1])
    by_position = maps.mean(axis=1)
    if position is not None:
        return np.asarray(by_position[position])
    counted = result.counted.any(axis=0)
    return np.asarray(by_position[counted if counted.any() else slice(None)].mean(axis=0))


def instances_figure(
    result: InstanceAttention, position: int, *, head: int | None = None, dark: bool = False
) -> go.Figure:
    """Left: the mean over positions. Right: one position, with the tokens that meet there.

    Args:
        position: from 0.
        head: from 0; None for the mean over heads.
    """
    num = len(result.tokens)
    tokens = [plain(shorten(visible(names[position]), 10)) for names in result.tokens]
    plot = Plot.grid(
        rows=1,
        cols=2,
        titles=[
            {"text": text, "yshift": 18} for text in ("mean over positions", f"position {position}")
        ],
        across=0.2,
    )
    for column, values in ((1, across(result, head)), (2, across(result, head, position))):
        plot.add(_map(values), row=1, col=column)
        plot.add(_texts(values, dark), row=1, col=column)
    for column in (1, 2):
        named = [
            f"{slot_label(i)} {tokens[i]}" if column == 2 else slot_label(i) for i in range(num)
        ]
        common = {"tickvals": list(range(num))} | {"row": 1, "col": column}
        plot.xaxes(ticktext=named, side="top", range=[-0.5, num - 0.5], **common)
        plot.yaxes(ticktext=[f"{name}  " for name in named], range=[num - 0.5, -0.5], **common)
    plot.set(
        coloraxis={
            "colorscale": sequential(dark),
            "cmin": 0,
            "cmax": 1,
            "colorbar": color_bar("attention", dark),
        }
    )
    words = "Rows take, columns give; every row sums to 1. Colours run from 0 to 1."
    caption(plot, words, below=10)
    framed(
        plot,
        instances_finding(result, head=head),
        dark=dark,
        height=52 * num + 190,
        sides={"l": 110, "r": 24, "t": 122, "b": 40},
    )
    return plot.figure()


def instances_finding(result: InstanceAttention, *, head: int | None = None) -> str:
    """How much a sentence takes from others before they are mixed."""
    mean = across(result, head)
    num = len(mean)
    if num < 2:
        return "One sentence only: it can look at nothing but itself"
    others = mean.copy()
    np.fill_diagonal(others, -1)
    i, j = (int(n) for n in np.unravel_index(int(others.argmax()), others.shape))
    kept = float(np.trace(mean)) / num
    return (
        f"Before mixing, a sentence keeps {percent(kept)} of its look for itself; slot {i + 1} "
        f"takes most from slot {j + 1} ({percent(float(mean[i, j]))})"
    )


def instances_table(result: InstanceAttention, *, head: int | None = None) -> list[dict[str, Any]]:
    """One row per position and taking slot."""
    num, mean = len(result.tokens), across(result, head)
    kept = float(np.trace(mean)) / num
    return [
        {"position": t, "slot": i + 1, "token": result.tokens[i][t]}
        | {f"from {j + 1}": round(float(v), 6) for j, v in enumerate(across(result, head, t)[i])}
        | {f"from {j + 1}, mean": round(float(v), 6) for j, v in enumerate(mean[i])}
        | {"from itself, mean of slots": round(kept, 6)}
        for t in range(len(result.maps))
        for i in range(num)
    ]


def instances_alt(result: InstanceAttention, position: int, *, head: int | None = None) -> str:
    """Both maps in words."""
    here = across(result, head, position)
    rows = [
        f"slot {i + 1} ({result.tokens[i][position]}): "
        + ", ".join(f"{percent(float(v))} from {j + 1}" for j, v in enumerate(row))
        for i, row in enumerate(here[:6])
    ]
    return f"{instances_finding(result, head=head)}. At position {position}: {'; '.join(rows)}."


def _map(values: np.ndarray) -> Trace:
    return heatmap(
        z=values.astype(np.float32), coloraxis="coloraxis", xgap=3, ygap=3, hoverinfo="skip"
    )


def _texts(values: np.ndarray, dark: bool) -> Trace:
    num, scale = len(values), sequential(dark)
    cells = [(i, j) for i in range(num) for j in range(num)]
    return scatter(
        x=[j for _, j in cells],
        y=[i for i, _ in cells],
        mode="text",
        text=[f"{values[c]:.2f}" for c in cells],
        textfont={
            "size": TEXT_SIZE,
            "color": [text_on(color_at(scale, float(values[c]))) for c in cells],
        },
        hovertext=[f"slot {i + 1} takes {values[i, j]:.4f} from slot {j + 1}" for i, j in cells],
    )


INSTANCES = Family(instances_figure, instances_finding, instances_alt, instances_table)

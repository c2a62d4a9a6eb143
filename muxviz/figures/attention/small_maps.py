"""Small maps side by side on one colour scale, one for each slot, with that slot's own tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from muxviz.figures.attention.axes import Positioned, color_bar, stacked
from muxviz.figures.drawing.ink import SMALL_SIZE, framed, ink, mix
from muxviz.figures.drawing.plot import Plot, heatmap
from muxviz.figures.drawing.slots import slot_color, slot_outline
from muxviz.figures.drawing.wording import plain, shorten, visible

ACROSS = 3  # maps beside each other
NAMED = 22  # positions up to which each bears its token
CELLS = 48  # positions of a small map up to which every one is drawn


def block_starts(length: int) -> np.ndarray:
    """Where blocks of neighbouring positions start, at most ``CELLS`` of them."""
    if length <= CELLS:
        return np.arange(length)
    return np.unique(np.linspace(0, length, CELLS + 1).astype(int)[:-1])


def largest_of_blocks(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """The last two axes of ``values``, each block of positions by its largest value."""
    return np.asarray(
        np.maximum.reduceat(np.maximum.reduceat(values, starts, axis=-2), starts, axis=-1)
    )


def small_maps(
    values: Sequence[np.ndarray],
    result: Positioned,
    positions: np.ndarray,
    *,
    names: Sequence[str],
    slots: Sequence[int],
    rows: Sequence[str] | None = None,
    title: str,
    scale: list[list[float | str]],
    limits: tuple[float, float],
    unit: str,
    hover: str,
    dark: bool,
    across: int = ACROSS,
    tall: int = 190,
    below: int = 0,
) -> Plot:
    """One heat map per entry, ``[R, P]`` each, with a common scale.

    Args:
        names: of the maps, as Plotly reads them.
        slots: whose tokens name the positions of each map.
        rows: names of the R rows; None where rows are the positions themselves.
        hover: what stands before the number, with ``%{x}`` and ``%{y}``.
        tall: px of a map. below: px of room under the figure.
    """
    across = min(across, len(values))
    lines = -(-len(values) // across)
    named = len(positions) <= NAMED
    foot = 64 if named else 22
    height = lines * (tall + foot + 30) + 84 + below
    plot = Plot.grid(
        rows=lines,
        cols=across,
        titles=[_head(name, slot, dark) for name, slot in zip(names, slots, strict=False)],
        across=(0.02 if not named else 0.065) if across > 1 else 0,
        down=(foot + 34) / max(height - 84 - below, 1) if lines > 1 else 0,
    )
    labels = [stacked(result, int(t)) for t in positions]
    for n, (value, slot) in enumerate(zip(values, slots, strict=True)):
        row, column = n // across + 1, n % across + 1
        plot.add(
            heatmap(
                z=value.astype(np.float32),
                x=labels,
                y=labels if rows is None else list(rows),
                coloraxis="coloraxis",
                hovertemplate=f"{hover}<br>%{{z:.4f}} {unit}<extra></extra>",
            ),
            row=row,
            col=column,
        )
        _axes(plot, result, positions, labels, slot, rows, (row, column), named, dark)
    plot.set(
        coloraxis={
            "colorscale": scale,
            "cmin": limits[0],
            "cmax": limits[1],
            "colorbar": color_bar(unit, dark),
        }
    )
    framed(
        plot,
        title,
        dark=dark,
        height=height,
        sides={"l": 78, "r": 24, "t": 92, "b": foot + 14 + below},
    )
    return plot


def _head(name: str, slot: int, dark: bool) -> dict[str, Any]:
    """Title of a map: the page's ink on a bar of the slot's colour."""
    return {
        "text": name,
        "font": {"size": SMALL_SIZE, "color": ink(dark).text},
        "bordercolor": slot_outline(slot, dark=dark),
        "bgcolor": mix(slot_color(slot), ink(dark).paper, 0.75),
        "borderpad": 2,
        "borderwidth": 1,
        "yshift": 4,
    }


def _axes(
    plot: Plot,
    result: Positioned,
    positions: np.ndarray,
    labels: Sequence[str],
    slot: int,
    rows: Sequence[str] | None,
    place: tuple[int, int],
    named: bool,
    dark: bool,
) -> None:
    tiny = {"size": SMALL_SIZE - 2, "color": ink(dark).muted}
    common = {
        "type": "category",
        "tickfont": tiny,
    }
    words = [plain(shorten(visible(result.tokens[slot][int(t)]), 8)) for t in positions]
    plot.xaxes(
        tickvals=labels,
        ticktext=words,
        tickangle=-90,
        showticklabels=named,
        row=place[0],
        col=place[1],
        **common,
    )
    if rows is None:
        ticks = {"tickvals": labels, "ticktext": words, "showticklabels": named}
    else:
        ticks = {"tickvals": list(rows), "ticktext": list(rows)}
        ticks["showticklabels"] = place[1] == 1
    plot.yaxes(autorange="reversed", row=place[0], col=place[1], **ticks, **common)

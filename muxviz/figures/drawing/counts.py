"""A table of counts as coloured squares: what was there in the rows, what it became in columns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from muxviz.figures.drawing.ink import TEXT_SIZE, ink, text_on
from muxviz.figures.drawing.plot import Plot, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.wording import plain

CELL = 46  # px
MOST_WORDS = 6  # classes whose cells bear their counts
SIDES = {"l": 150, "r": 24, "t": 120, "b": 56}  # px of margin


def counts_plot(
    counts: np.ndarray,
    labels: Sequence[str],
    *,
    rows: str,
    columns: str,
    hover: Callable[[int, int], str],
    dark: bool,
) -> Plot:
    """The squares; title and size are the caller's (``framed``, ``counts_height``).

    Args:
        counts: ``[C, C]``.
        labels: of rows and columns, as they were written.
        rows, columns: titles of the axes, as Plotly reads them.
        hover: what a cell says above its count.
        dark: for a dark page.
    """
    num, scale = len(labels), sequential(dark)
    most = max(int(counts.max()), 1)
    edges = np.arange(num + 1)
    plot = Plot(
        heatmap(
            z=np.where(counts == 0, np.nan, counts).astype(np.float32),
            x=edges,
            y=edges,
            zmin=0,
            zmax=most,
            colorscale=scale,
            showscale=False,
            xgap=3,
            ygap=3,
            hoverinfo="skip",
        )
    )
    cells = [(a, b) for a in range(num) for b in range(num)]
    shown = num <= MOST_WORDS
    plot.add(
        scatter(
            x=[b + 0.5 for _, b in cells],
            y=[a + 0.5 for a, _ in cells],
            mode="markers+text" if shown else "markers",
            text=[str(counts[c]) if shown else "" for c in cells],
            textfont={
                "size": TEXT_SIZE,
                "color": [
                    text_on(color_at(scale, counts[c] / most)) if counts[c] else ink(dark).muted
                    for c in cells
                ],
            },
            marker={"symbol": "square", "size": 30, "color": "rgba(128,128,128,0.01)"},
            hovertext=[f"{hover(a, b)}<br>{counts[a, b]}" for a, b in cells],
            showlegend=False,
        )
    )
    common = {"tickvals": edges[:-1] + 0.5, "ticktext": [plain(label) for label in labels]}
    plot.xaxes(side="top", range=[0, num], title={"text": columns}, **common)
    plot.yaxes(range=[num, 0], title={"text": rows}, **common)
    return plot


def counts_height(num: int) -> int:
    """Height in px of a figure of so many classes."""
    return CELL * num + 190

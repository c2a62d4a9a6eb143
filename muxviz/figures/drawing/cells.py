"""A strip of token cells that wraps like text; what the cells say comes from the neighbours.

``strips`` shows what was read back, ``mix/answers`` what was answered token by token.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from muxviz.figures.drawing.ink import CLEAR, TEXT_SIZE, framed, ink, text_on
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.wording import width

LINE_ROOM, NARROW_LINE = 104.0, 40.0  # letters in a line, of a page of 360 px too
PAD = 2.2  # letters around a token
GAP = 0.7
ROW = 40  # px per line
HALF = 0.38  # of a line, from a cell's middle to its edge
HOVER_STEP = 4.0  # letters between the points of a cell that answer to the pointer
TOP, BOTTOM = 58, 12  # px of margin


@dataclass(frozen=True)
class Cell:
    """One cell of a strip: its place (x in letters, line from 0) and what it shows."""

    x: float
    line: int
    width: float
    text: str
    hover: str
    fill: str | None  # "#rrggbb", None for a pale cell
    is_marked: bool = False


def place_cells(
    written: Sequence[str],
    texts: Sequence[str],
    hovers: Sequence[str],
    fills: Sequence[str | None],
    *,
    marked: Collection[int] = (),
    room: float = LINE_ROOM,
) -> list[Cell]:
    """Lay cells out in lines of at most ``room`` letters, in reading order.

    Args:
        written: what each cell takes room for.
        texts, hovers: the same and more, as Plotly reads it.
        fills: colours; None for a pale cell.
        marked: numbers of the cells with a strong outline.
    """
    cells, x, line = [], 0.0, 0
    for i, words in enumerate(written):
        size = width(words) + PAD
        if x and x + size > room:
            x, line = 0.0, line + 1
        cells.append(Cell(x, line, size, texts[i], hovers[i], fills[i], i in marked))
        x += size + GAP
    return cells


def strip_figure(
    cells: list[Cell], title: str, *, dark: bool, below: int = 0, room: float = LINE_ROOM
) -> Plot:
    """Draw cells under a title, with ``below`` px of room for a scale under them.

    title: "" where the page says it. room: that the cells were placed with.
    """
    top = TOP if title else BOTTOM
    plot = Plot(_texts(cells, dark), _hovers(cells))
    plot.mark(shapes=[_box(cell, dark) for cell in cells])
    lines = 1 + max((c.line for c in cells), default=0)
    plot.xaxes(visible=False, range=[-0.5, room + 0.5])
    plot.yaxes(visible=False, range=[lines - 0.5, -0.5])
    framed(
        plot,
        title,
        dark=dark,
        height=ROW * lines + top + BOTTOM + below,
        sides={"l": 12, "r": 12, "t": top, "b": BOTTOM + below},
        is_narrow=room < LINE_ROOM,
    )
    return plot


def _box(cell: Cell, dark: bool) -> dict[str, object]:
    colors = ink(dark)
    line = {"color": colors.line, "width": 0.8, "dash": "solid" if cell.fill else "dot"}
    if cell.is_marked:
        line = {"color": colors.text, "width": 1.4, "dash": "solid"}
    return {
        "type": "rect",
        "x0": cell.x,
        "x1": cell.x + cell.width,
        "y0": cell.line - HALF,
        "y1": cell.line + HALF,
        "fillcolor": cell.fill or CLEAR,
        "line": line,
        "layer": "below",
    }


def _texts(cells: list[Cell], dark: bool) -> Trace:
    return scatter(
        x=[c.x + c.width / 2 for c in cells],
        y=[c.line for c in cells],
        mode="text",
        text=[c.text for c in cells],
        textfont={
            "size": TEXT_SIZE,
            "color": [text_on(c.fill) if c.fill else ink(dark).muted for c in cells],
        },
        hoverinfo="skip",
    )


def _hovers(cells: list[Cell]) -> Trace:
    """Unseen points all over the cells: a long cell answers at its ends too."""
    x: list[float] = []
    y: list[int] = []
    hovers: list[str] = []
    for cell in cells:
        points = max(1, round(cell.width / HOVER_STEP))
        x += (cell.x + cell.width * (np.arange(points) + 0.5) / points).tolist()
        y += [cell.line] * points
        hovers += [cell.hover] * points
    return scatter(
        x=np.array(x, dtype=np.float32),
        y=np.array(y, dtype=np.uint8),
        mode="markers",
        marker={"size": 20, "color": CLEAR},
        hovertext=hovers,
    )

"""Squares of N x N numbers side by side, with a framed diagonal that bears words of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.figures.drawing.ink import CLEAR, SMALL_SIZE, UNSEEN, ink, text_on
from muxviz.figures.drawing.plot import Plot, Trace, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, diverging, sequential
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import number, plain

WRITTEN = 10  # slots up to which cells bear numbers
SIDES = {"l": 64, "r": 24, "t": 112, "b": 62}  # px of margin


@dataclass(frozen=True)
class Matrix:
    """One square: what it is called, its values ``[N, N]``, and how they are shown.

    diagonal: words in the framed cells. span: ends of the colour scale.
    """

    title: str
    values: np.ndarray
    diagonal: tuple[str, ...]
    span: tuple[float, float]
    is_signed: bool
    is_share: bool


def row_height(num: int) -> int:
    """Pixels of a row."""
    return 44 if num <= 6 else 34 if num <= WRITTEN else 18


def square_height(num: int) -> int:
    """Pixels of a figure of such squares."""
    return row_height(num) * num + SIDES["t"] + SIDES["b"]


def draw_square(
    plot: Plot, matrix: Matrix, domain: tuple[float, float], axis: str, dark: bool
) -> None:
    """Add a square over ``domain`` of the width, on axes of its own."""
    num = len(matrix.values)
    scale = diverging(dark) if matrix.is_signed else sequential(dark)
    low, high = matrix.span
    shown = np.array(matrix.values, dtype=np.float64)
    np.fill_diagonal(shown, np.nan)
    plot.add(
        heatmap(
            z=shown.astype(np.float32),
            x=np.arange(num + 1),
            y=np.arange(num + 1),
            zmin=low,
            zmax=high,
            colorscale=scale,
            showscale=False,
            xgap=2,
            ygap=2,
            hoverinfo="skip",
            xaxis=f"x{axis}",
            yaxis=f"y{axis}",
        )
    )
    plot.add(_points(matrix, scale, axis, dark))
    _axes(plot, matrix, domain, axis)
    line = {"color": ink(dark).line, "width": 1}
    plot.mark(
        shapes=[
            {
                "type": "rect",
                "x0": i + 0.03,
                "x1": i + 0.97,
                "y0": i + 0.03,
                "y1": i + 0.97,
                "xref": f"x{axis}",
                "yref": f"y{axis}",
                "line": line,
                "fillcolor": CLEAR,
            }
            for i in range(num)
        ],
        annotations=[
            {
                "text": plain(matrix.title),
                "x": domain[0],
                "xref": "paper",
                "xanchor": "left",
                "y": 1,
                "yref": "paper",
                "yanchor": "bottom",
                "yshift": 26,
                "font": {"size": SMALL_SIZE, "color": ink(dark).text},
            }
        ],
    )


def _points(matrix: Matrix, scale: list[list[float | str]], axis: str, dark: bool) -> Trace:
    """Numbers over the cells, and everything on hover."""
    num = len(matrix.values)
    low, high = matrix.span
    cells = [(i, j) for i in range(num) for j in range(num)]
    texts, hovers, inks = [], [], []
    for i, j in cells:
        value = float(matrix.values[i, j])
        place = (value - low) / (high - low)
        is_pale = i == j or np.isnan(value)
        inks.append(ink(dark).muted if is_pale else text_on(color_at(scale, place)))
        texts.append(plain(matrix.diagonal[i] if i == j else written(value, matrix.is_share)))
        pair = f"slot {i + 1}" if i == j else f"slots {i + 1} and {j + 1}"
        said = matrix.diagonal[i] if i == j else written(value, matrix.is_share, exact=True)
        hovers.append(plain(f"{pair}: {said}"))
    return scatter(
        x=[j + 0.5 for _, j in cells],
        y=[i + 0.5 for i, _ in cells],
        mode="markers+text" if num <= WRITTEN else "markers",
        text=texts if num <= WRITTEN else None,
        textfont={"color": inks, "size": SMALL_SIZE if num <= 6 else 10},
        hovertext=hovers,
        customdata=cells,
        marker={"symbol": "square", "size": row_height(num) - 8, "color": UNSEEN},
        xaxis=f"x{axis}",
        yaxis=f"y{axis}",
    )


def written(value: float, is_share: bool, *, exact: bool = False) -> str:
    """A cell's number; without the 0 before the point where room is short."""
    if np.isnan(value):
        return "n/a"
    if is_share:
        return f"{100 * value:.1f} %" if exact else f"{100 * value:.0f}"
    if exact:
        return number(value, ".3f")
    return number(value, ".2f").replace("0.", ".")


def _axes(plot: Plot, matrix: Matrix, domain: tuple[float, float], axis: str) -> None:
    num = len(matrix.values)
    places, names = [i + 0.5 for i in range(num)], [slot_label(i) for i in range(num)]
    common = {"tickvals": places, "ticktext": names}
    sides = {"range": [0, num], "side": "top", "anchor": f"y{axis}", "domain": domain}
    down = {"range": [num, 0], "anchor": f"x{axis}"}
    plot.set(**{f"xaxis{axis}": common | sides, f"yaxis{axis}": common | down})

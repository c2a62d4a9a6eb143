"""The N x N matrix of one measure of cross-talk, with what each slot receives and gives.

The diagonal, a slot's own sentence, is much larger than the rest: it is framed and off the scale.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.crosstalk.bars import MATRIX, WRITTEN, bars
from muxviz.figures.crosstalk.words import (
    WORDS,
    amount,
    between,
    crosstalk_alt,
    crosstalk_finding,
    crosstalk_table,
    with_unit,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    CLEAR,
    TEXT_SIZE,
    UNSEEN,
    caption,
    framed,
    ink,
    text_on,
)
from muxviz.figures.drawing.plot import Plot, Trace, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, diverging, sequential
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import plain
from muxviz.results.cross_matrix import CrossMatrix

SIDE, TOP, BOTTOM = 126, 78, 84  # px of margin
Scale = list[list[float | str]]


def crosstalk_figure(
    matrix: CrossMatrix,
    *,
    mark_faint: bool = True,
    picked: tuple[int, int] | None = None,
    scale: tuple[float, float] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Heat map with bars at the right (received) and on top (given).

    Args:
        matrix: from ``cross_matrix``.
        mark_faint: strike through the cells not told from nothing.
        picked: (slot, source) to outline.
        scale: ends of the colour scale, to share one; None for the matrix's own.
        dark: for a dark page.
    """
    num, has_bars = len(matrix.values), matrix.received is not None
    low, high = scale or (matrix.bottom, matrix.top)
    colors = scale_of(matrix, dark)
    plot = Plot(_heat(matrix, colors, low, high, mark_faint))
    plot.add(_labels(matrix, colors, low, high, mark_faint, dark))
    plot.mark(shapes=[*_frames(num, picked, dark), *_strokes(matrix, mark_faint, dark)])
    _axes(plot, matrix, has_bars)
    if matrix.received is not None and matrix.given is not None:
        bars(plot, matrix, matrix.received, matrix.given, dark)
    row = _row(num)
    framed(
        plot,
        crosstalk_finding(matrix),
        dark=dark,
        height=round(row * num / (MATRIX if has_bars else 1)) + TOP + BOTTOM,
        sides={"l": SIDE, "r": 76, "t": TOP, "b": BOTTOM},
    )
    caption(plot, _legend(matrix, mark_faint), below=50, left=12 - SIDE)
    return plot.figure()


def scale_of(matrix: CrossMatrix, dark: bool) -> Scale:
    """Cividis for amounts; for signed measures blue-grey-orange, with orange for what is worse."""
    if not matrix.is_signed:
        return sequential(dark)
    found = diverging(dark)
    if matrix.measure == "odds":
        return found
    return [[1 - float(place), color] for place, color in reversed(found)]


def shade(value: float, low: float, high: float) -> float:
    """Place on the colour scale, from 0 to 1 within its ends."""
    return (value - low) / max(high - low, 1e-12)


def _row(num: int) -> int:
    return 46 if num <= 6 else 38 if num <= WRITTEN else 16


def _filled(matrix: CrossMatrix, mark_faint: bool) -> np.ndarray:
    """Values of the cells that bear a colour, NaN elsewhere."""
    shown = np.array(matrix.values, dtype=np.float64)
    np.fill_diagonal(shown, np.nan)
    if matrix.measure == "leak":
        shown[shown == 0] = np.nan
    if mark_faint:
        shown[matrix.is_faint] = np.nan
    return shown


def _heat(matrix: CrossMatrix, colors: Scale, low: float, high: float, mark_faint: bool) -> Trace:
    num = len(matrix.values)
    return heatmap(
        z=_filled(matrix, mark_faint).astype(np.float32),
        x=np.arange(num + 1),
        y=np.arange(num + 1),
        zmin=low,
        zmax=high,
        colorscale=colors,
        showscale=True,
        colorbar=_colorbar(matrix),
        xgap=3 if num <= WRITTEN else 1,
        ygap=3 if num <= WRITTEN else 1,
        hoverinfo="skip",
    )


def _colorbar(matrix: CrossMatrix) -> dict[str, Any]:
    """The scale at the right, as wide for every group."""
    is_share = matrix.measure in ("points", "leak", "share")
    return {
        "thickness": 10,
        "len": MATRIX,
        "y": MATRIX / 2,
        "x": 1.02,
        "outlinewidth": 0,
        "tickformat": ".0%" if is_share else "",
        "nticks": 5,
    }


def _labels(
    matrix: CrossMatrix, colors: Scale, low: float, high: float, mark_faint: bool, dark: bool
) -> Trace:
    """Points over the cells: the number, and everything on hover."""
    num, filled = len(matrix.values), _filled(matrix, mark_faint)
    cells = [(i, j) for i in range(num) for j in range(num)]
    inks, texts = [], []
    for i, j in cells:
        fill = filled[i, j]
        place = shade(float(fill), low, high)
        inks.append(ink(dark).muted if np.isnan(fill) else text_on(color_at(colors, place)))
        texts.append(plain(amount(matrix, float(matrix.values[i, j]))))
        if i in matrix.fillers:
            texts[-1] = "filler" if j == num // 2 else ""
    return scatter(
        x=[j + 0.5 for _, j in cells],
        y=[i + 0.5 for i, _ in cells],
        mode="markers+text" if num <= WRITTEN else "markers",
        text=texts if num <= WRITTEN else None,
        textfont={"color": inks, "size": TEXT_SIZE},
        hovertext=[_hover(matrix, i, j) for i, j in cells],
        customdata=cells,
        marker={"symbol": "square", "size": _row(num) - 8, "color": UNSEEN},
    )


def _hover(matrix: CrossMatrix, slot: int, source: int) -> str:
    value = float(matrix.values[slot, source])
    if np.isnan(value):
        return (
            f"slot {slot + 1}: {'filler, not read' if slot in matrix.fillers else 'nothing known'}"
        )
    arrow = "own sentence" if slot == source else f"slot {source + 1}"
    low, high = float(matrix.low[slot, source]), float(matrix.high[slot, source])
    text = f"{arrow} → slot {slot + 1}: {with_unit(matrix, value)} {between(matrix, low, high)}"
    if matrix.is_faint[slot, source]:
        text += f"<br>{WORDS[matrix.measure].faint}"
    return text


def _frames(num: int, picked: tuple[int, int] | None, dark: bool) -> list[dict[str, Any]]:
    """The diagonal, and the picked cell."""
    line = {"color": ink(dark).line, "width": 1.2}
    frames = [_box(i, i, line) for i in range(num)]
    if picked is not None:
        frames.append(_box(*picked, {"color": ink(dark).text, "width": 2.4}))
    return frames


def _box(slot: int, source: int, line: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "rect",
        "x0": source + 0.015,
        "x1": source + 0.985,
        "y0": slot + 0.03,
        "y1": slot + 0.97,
        "line": line,
        "fillcolor": CLEAR,
    }


def _strokes(matrix: CrossMatrix, mark_faint: bool, dark: bool) -> list[dict[str, Any]]:
    """A stroke through every cell that is not told from nothing."""
    if not mark_faint:
        return []
    faint = zip(*np.nonzero(matrix.is_faint & ~np.isnan(matrix.values)), strict=True)
    return [
        {
            "type": "line",
            "x0": j + 0.06,
            "x1": j + 0.94,
            "y0": i + 0.88,
            "y1": i + 0.12,
            "line": {"color": ink(dark).line, "width": 1},
            "layer": "below",
        }
        for i, j in faint
    ]


def _axes(plot: Plot, matrix: CrossMatrix, has_bars: bool) -> None:
    num, words = len(matrix.values), WORDS[matrix.measure]
    part = [0, MATRIX if has_bars else 1]
    plot.set(
        xaxis={
            "tickvals": [j + 0.5 for j in range(num)],
            "ticktext": [slot_label(j) for j in range(num)],
            "range": [0, num],
            "domain": part,
            "title": {"text": words.source, "standoff": 4},
        },
        yaxis={
            "tickvals": [i + 0.5 for i in range(num)],
            "ticktext": [f"{slot_label(i)}  " for i in range(num)],
            "range": [num, 0],
            "domain": part,
            "title": {"text": words.observed, "standoff": 16},
        },
    )


def _legend(matrix: CrossMatrix, mark_faint: bool) -> str:
    """The line under the figure."""
    words = WORDS[matrix.measure]
    parts = [f"Framed: {words.own}."]
    if words.unit:
        unit = "percentage points of probability" if matrix.measure == "points" else words.unit
        parts.insert(0, f"Numbers in {unit}.")
    if matrix.measure in ("push", "shapley"):
        parts.append("Blue helps, orange hurts.")
    if mark_faint and matrix.is_faint.any():
        parts.append(f"Struck through: {words.faint}.")
    return " ".join(parts)


CROSSTALK = Family(crosstalk_figure, crosstalk_finding, crosstalk_alt, crosstalk_table)

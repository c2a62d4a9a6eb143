"""Two models on the same sentences: their cross-talk on one scale, and the difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.crosstalk.matrix import Scale, scale_of, shade
from muxviz.figures.crosstalk.words import WORDS, amount, between, signed, with_unit
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    SMALL_SIZE,
    UNSEEN,
    caption,
    framed,
    ink,
    text_on,
)
from muxviz.figures.drawing.plot import Plot, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, diverging
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import or_none, plain, shorten
from muxviz.results.cross_matrix import CrossMatrix, common_scale
from muxviz.results.estimates import Estimates

GAP = 0.05  # of the width, between matrices
WRITTEN = 6  # slots up to which cells bear numbers
SIDE = 104  # px
NAME = 30  # letters of a checkpoint's name


def comparison_figure(
    one: CrossMatrix,
    other: CrossMatrix,
    apart: Estimates,
    names: tuple[str, str],
    *,
    dark: bool = False,
) -> go.Figure:
    """Three heat maps: model A, model B on A's scale, and B less A.

    Args:
        one, other: of the same measure and number of slots.
        apart: B less A ``[N, N]``; without an interval no cell is struck through.
        names: of the checkpoints.
        dark: for a dark page.

    Raises:
        InputError: another measure or number of slots.
    """
    _check(one, other)
    num, (low, high) = len(one.values), common_scale(one, other)
    own = scale_of(one, dark)
    off = np.where(np.eye(num, dtype=bool), np.nan, apart.mean)
    most = max(float(np.nanmax(np.abs(off), initial=0.0)), 1e-9)
    plot = Plot.grid(rows=1, cols=3, across=GAP, share_y=True)
    parts: list[tuple[np.ndarray, Scale, float, float]] = [
        (one.values, own, low, high),
        (other.values, own, low, high),
        (apart.mean, own if one.is_signed else diverging(dark), -most, most),
    ]
    for part, (values, colors, least, largest) in enumerate(parts):
        _heat(plot, part, values, colors, least, largest)
        _points(plot, part, one, values, colors, (least, largest), apart, dark)
    _axes(plot, one, names, dark)
    plot.mark(shapes=[*_frames(num, dark), *_strokes(apart, dark)])
    framed(
        plot,
        comparison_finding(one, other, apart),
        dark=dark,
        height=round(40 * max(num, 4)) + 190,
        sides={"l": SIDE, "r": 24, "t": 104, "b": 86},
    )
    caption(plot, _legend(one, other, apart), below=50, left=12 - SIDE)
    return plot.figure()


def comparison_finding(one: CrossMatrix, other: CrossMatrix, apart: Estimates) -> str:
    """How much more or less cross-talk model B has, in one sentence."""
    _check(one, other)
    off = ~np.eye(len(one.values), dtype=bool)
    known = off & ~np.isnan(one.values) & ~np.isnan(other.values)
    if not known.any():
        return "Nothing can be compared"
    told = int((apart.excludes(0.0) & known).sum())
    certain = "" if np.isnan(apart.low).all() else f"; {told} of {int(known.sum())} cells differ"
    if one.measure == "decibel":
        mean = float((other.values - one.values)[known].mean())
        return f"Model B's cross-talk lies {signed(mean)} dB from model A's on average{certain}"
    first, second = (float(np.abs(m.values[known]).sum()) for m in (one, other))
    if first <= 0 or (one.is_tested and one.is_faint[known].all()):
        return f"Model A has no cross-talk to compare with{certain}"
    ratio = second / first
    return f"Model B's cells off the diagonal add up to {ratio:.2g} times model A's{certain}"


def comparison_table(
    one: CrossMatrix, other: CrossMatrix, apart: Estimates
) -> list[dict[str, Any]]:
    """One row per cell, in the measure's own unit; None where nothing is known."""
    num = len(one.values)
    return [
        {
            "observed slot": i + 1,
            "source slot": j + 1,
            "A": or_none(one.values[i, j]),
            "B": or_none(other.values[i, j]),
            "B − A": or_none(apart.mean[i, j]),
            "low 95 %": or_none(apart.low[i, j]),
            "high 95 %": or_none(apart.high[i, j]),
        }
        for i in range(num)
        for j in range(num)
    ]


def comparison_alt(one: CrossMatrix, other: CrossMatrix, apart: Estimates) -> str:
    """The picture in words."""
    lines = [f"{comparison_finding(one, other, apart)}."]
    for row in comparison_table(one, other, apart):
        if row["observed slot"] != row["source slot"] and row["B − A"] is not None:
            lines.append(
                f"Slot {row['source slot']} into slot {row['observed slot']}: "
                f"A {with_unit(one, row['A'])}, B {with_unit(one, row['B'])}."
            )
    return " ".join(lines)


def _check(one: CrossMatrix, other: CrossMatrix) -> None:
    if one.measure != other.measure or one.values.shape != other.values.shape:
        raise InputError(
            f"got {one.measure} of {len(one.values)} slots and {other.measure} of "
            f"{len(other.values)}; compare one measure over as many slots"
        )


def _heat(
    plot: Plot, part: int, values: np.ndarray, colors: Scale, low: float, high: float
) -> None:
    shown = np.array(values, dtype=np.float32)
    np.fill_diagonal(shown, np.nan)
    edges = np.arange(len(values) + 1)
    plot.add(
        heatmap(
            z=shown,
            x=edges,
            y=edges,
            zmin=low,
            zmax=high,
            colorscale=colors,
            showscale=False,
            xgap=2,
            ygap=2,
            hoverinfo="skip",
            xaxis=_axis("x", part),
            yaxis=_axis("y", part),
        )
    )


def _points(
    plot: Plot,
    part: int,
    matrix: CrossMatrix,
    values: np.ndarray,
    colors: Scale,
    ends: tuple[float, float],
    apart: Estimates,
    dark: bool,
) -> None:
    """Numbers and hover of one heat map."""
    num = len(values)
    cells = [(i, j) for i in range(num) for j in range(num)]
    inks, hovers = [], []
    for i, j in cells:
        value = float(values[i, j])
        is_filled = i != j and not np.isnan(value)
        place = shade(value, *ends) if is_filled else 0.0
        inks.append(text_on(color_at(colors, place)) if is_filled else ink(dark).muted)
        bounds = ""
        if part == 2:
            bounds = " " + between(matrix, float(apart.low[i, j]), float(apart.high[i, j]))
        words = "nothing known" if np.isnan(value) else with_unit(matrix, value)
        hovers.append(f"slot {j + 1} → slot {i + 1}, {'AB−'[part]}: {words}{bounds}")
    plot.add(
        scatter(
            x=[j + 0.5 for _, j in cells],
            y=[i + 0.5 for i, _ in cells],
            mode="markers+text" if num <= WRITTEN else "markers",
            text=[_number(matrix, float(values[c]), part) for c in cells]
            if num <= WRITTEN
            else None,
            textfont={"color": inks, "size": SMALL_SIZE},
            hovertext=hovers,
            marker={"symbol": "square", "size": 24, "color": UNSEEN},
            xaxis=_axis("x", part),
            yaxis=_axis("y", part),
        )
    )


def _number(matrix: CrossMatrix, value: float, part: int) -> str:
    """As a cell writes it; differences bear their sign."""
    text = amount(matrix, value)
    return plain(f"+{text}" if part == 2 and value > 0 and text[0] not in "+·<>" else text)


def _axes(plot: Plot, matrix: CrossMatrix, names: tuple[str, str], dark: bool) -> None:
    num = len(matrix.values)
    width = (1 - 2 * GAP) / 3
    plot.xaxes(
        range=[0, num],
        tickvals=[j + 0.5 for j in range(num)],
        ticktext=[slot_label(j) for j in range(num)],
    )
    titles = [f"A: {shorten(names[0], NAME)}", f"B: {shorten(names[1], NAME)}", "B − A"]
    for part, title in enumerate(titles):
        plot.mark(annotations=[_title(plain(title), part * (width + GAP), dark)])
    plot.yaxes(
        range=[num, 0],
        tickvals=[i + 0.5 for i in range(num)],
        ticktext=[f"{slot_label(i)}  " for i in range(num)],
    )
    plot.yaxes(title={"text": WORDS[matrix.measure].observed, "standoff": 16}, row=1, col=1)


def _title(text: str, x: float, dark: bool) -> dict[str, Any]:
    return {
        "text": text,
        "x": x,
        "y": 1,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 4,
        "font": {"size": SMALL_SIZE, "color": ink(dark).text},
    }


def _frames(num: int, dark: bool) -> list[dict[str, Any]]:
    return [
        {
            "type": "rect",
            "xref": _axis("x", part),
            "yref": _axis("y", part),
            "x0": i + 0.02,
            "x1": i + 0.98,
            "y0": i + 0.03,
            "y1": i + 0.97,
            "line": {"color": ink(dark).line, "width": 1},
        }
        for part in range(3)
        for i in range(num)
    ]


def _strokes(apart: Estimates, dark: bool) -> list[dict[str, Any]]:
    """Through the differences whose interval holds 0."""
    if np.isnan(apart.low).all():
        return []
    alike = ~apart.excludes(0.0) & ~np.isnan(apart.mean) & ~np.eye(len(apart.mean), dtype=bool)
    return [
        {
            "type": "line",
            "xref": _axis("x", 2),
            "yref": _axis("y", 2),
            "x0": j + 0.08,
            "x1": j + 0.92,
            "y0": i + 0.88,
            "y1": i + 0.12,
            "line": {"color": ink(dark).muted, "width": 1},
        }
        for i, j in zip(*np.nonzero(alike), strict=True)
    ]


def _legend(one: CrossMatrix, other: CrossMatrix, apart: Estimates) -> str:
    unit = WORDS[one.measure].unit
    parts = [f"Numbers in {unit}." if unit else "", "A and B on one colour scale."]
    if not np.isnan(apart.low).all():
        parts.append("Struck through: the 95 % interval of the difference holds 0.")
    return " ".join(part for part in parts if part)


def _axis(letter: str, part: int) -> str:
    return f"{letter}{part + 1 if part else ''}"


COMPARISON = Family(comparison_figure, comparison_finding, comparison_alt, comparison_table)

"""What happens to a token: N vectors, each times its slot's pattern, added to one.

Beside it, how much of every slot's tokens is read back from that one vector, also with slots
silenced. Play adds the marked vectors one after another.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    CLEAR,
    SMALL_SIZE,
    UNSEEN,
    framed,
    ink,
    text_on,
    tint,
)
from muxviz.figures.drawing.plot import Plot, Trace, bar, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, diverging
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.wording import number, or_none, percent, plain, shorten, visible
from muxviz.results.lessons import Mixing

GAP = 0.8  # rows between the marked vectors and their sum
ROW = 40  # px
SIDES = {"l": 128, "r": 66, "t": 92, "b": 58}
FRAME_MS = 900
HEADS = ("a vector for each token", "× the slot's pattern", "= marked; added: one vector", "read")
WORD = 11  # letters of a token
CELL_SIZE = 11


def mixing_figure(
    result: Mixing,
    *,
    silenced: tuple[int, ...] = (),
    dark: bool = False,
    is_narrow: bool = False,
) -> go.Figure:
    """Some numbers of every vector, of every pattern, of their products and of the mixture.

    silenced: slots (from 0) whose fader is at 0. is_narrow: for a page of 360 px.
    """
    num, colors = len(result.tokens), ink(dark)
    heads = [
        {"text": t, "xanchor": "left", "font": {"size": SMALL_SIZE, "color": colors.text}}
        for t in HEADS
    ]
    plot = Plot.grid(
        rows=1, cols=4, widths=[0.29, 0.29, 0.29, 0.13], across=0.025, share_y=True, titles=heads
    )
    span = _span(result)
    for column, values in enumerate((result.vectors, result.patterns), start=1):
        shown = _without(values, silenced) if column == 1 else values
        words = _words(result, column, silenced if column == 1 else ())
        plot.add(*_cells(shown, 0, span, words, dark), row=1, col=column)
    last = _marked(result, silenced, num)
    first = len(plot.data)
    plot.add(*_sum(result, *last, silenced, span, dark), row=1, col=3)
    plot.add(_read(result, silenced, dark), row=1, col=4)
    plot.frames = (
        []
        if silenced
        else [
            {
                "name": str(count),
                "data": _sum(result, *_marked(result, silenced, count), silenced, span, dark),
                "traces": list(range(first, first + 4)),
            }
            for count in range(num + 1)
        ]
    )
    plot.xaxes(visible=False, range=[0, len(result.dims)])
    plot.xaxes(range=[0, 1.2 if is_narrow else 1], row=1, col=4)
    plot.yaxes(
        range=[num + GAP + 1, 0],
        tickvals=[i + 0.5 for i in range(num)],
        ticktext=[
            f"{_token(result, i)}  <b>{slot_label(i)}</b>  "
            if i not in silenced
            else f"<i>silent</i>  {slot_label(i)}  "
            for i in range(num)
        ],
        tickfont={"size": SMALL_SIZE, "color": colors.text},
    )
    _label_sum(plot, result, dark, is_narrow)
    framed(
        plot,
        mixing_finding(result, silenced=silenced),
        dark=dark,
        height=round(ROW * (num + GAP + 1)) + SIDES["t"] + SIDES["b"],
        sides=SIDES,
    )
    if not silenced:
        _player(plot, dark)
    return plot.figure()


def mixing_finding(result: Mixing, *, silenced: tuple[int, ...] = ()) -> str:
    """What comes back out of the one vector, in one sentence."""
    num, heard = len(result.tokens), result.heard(silenced)
    sounding = [i for i in range(num) if i not in silenced]
    start = f"{len(sounding)} vectors of {result.width} numbers become one"
    if len(sounding) == 1:
        start = f"Slot {sounding[0] + 1} alone is in the vector"
    if np.isnan(heard).all():
        return start
    loud = _between(heard[sounding])
    if not silenced:
        return f"{start} of {result.width}; {loud} of each slot's tokens come out again"
    silent = _between(heard[list(silenced)])
    if len(sounding) == 1:
        return f"{start}: {loud} of its tokens come out, {silent} of the others'"
    return (
        f"Slot {silenced[0] + 1} silenced: {silent} of its tokens come out, {loud} of the others'"
    )


def mixing_alt(result: Mixing, *, silenced: tuple[int, ...] = ()) -> str:
    """The arithmetic in words, by its first number."""
    lines = [f"{mixing_finding(result, silenced=silenced)}."]
    for row in mixing_table(result, silenced=silenced)[:-1]:
        read = row["read back"]
        said = "" if read is None else f"; {percent(read)} of the slot's tokens read back"
        lines.append(
            f"Slot {row['slot']}, {row['token']}: {number(row['vector 1'], '.2f')} times "
            f"{number(row['pattern 1'], '.2f')} is {number(row['marked 1'], '.2f')}{said}."
        )
    return " ".join(lines)


def mixing_table(result: Mixing, *, silenced: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    """One row per slot, then the sum of the marked vectors over N."""
    marked, total = _marked(result, silenced, len(result.tokens))
    heard, table = result.heard(silenced), []
    for i, token in enumerate(result.tokens):
        row: dict[str, Any] = {
            "slot": i + 1,
            "token": token,
            "fader": 0 if i in silenced else 1,
            "read back": or_none(heard[i]),
            "tokens": int(result.counted[i]),
            "numbers in a vector": result.width,
        }
        parts = zip(result.vectors[i], result.patterns[i], np.nan_to_num(marked[i]), strict=True)
        for k, (vector, pattern, product) in enumerate(parts, start=1):
            row |= {
                f"vector {k}": float(vector),
                f"pattern {k}": float(pattern),
                f"marked {k}": float(product),
            }
        table.append(row)
    sums = {f"marked {k}": float(v) for k, v in enumerate(total, start=1)}
    return [*table, {"slot": "mixture", "numbers in a vector": result.width, **sums}]


def _between(shares: np.ndarray) -> str:
    low, high = percent(float(shares.min())), percent(float(shares.max()))
    return low if low == high else f"{low} to {high}"


# ---- numbers ------------------------------------------------------------------------------------


def _marked(result: Mixing, silenced: tuple[int, ...], count: int) -> tuple[np.ndarray, np.ndarray]:
    """The first ``count`` marked vectors that sound ``[N, W]``, and their sum over N ``[W]``."""
    marked = _without(result.vectors * result.patterns, silenced)
    marked[count:] = np.nan
    return marked, np.nansum(marked, axis=0) / len(marked)


def _without(values: np.ndarray, silenced: tuple[int, ...]) -> np.ndarray:
    found = np.array(values, dtype=np.float64)
    found[list(silenced)] = np.nan
    return found


def _span(result: Mixing) -> float:
    """Where the colours end: most numbers lie well inside."""
    return float(np.quantile(np.abs([*result.vectors, *result.patterns]), 0.95)) or 1.0


# ---- drawing ------------------------------------------------------------------------------------


def _token(result: Mixing, slot: int) -> str:
    return plain(shorten(visible(result.tokens[slot]), WORD))


def _cells(
    values: np.ndarray, top: float, span: float, words: list[str], dark: bool
) -> list[Trace]:
    """Coloured cells with their numbers, from ``top`` downwards."""
    scale, (rows, columns) = diverging(dark), values.shape
    inks = [
        text_on(color_at(scale, 0.5 + float(v) / (2 * span))) if np.isfinite(v) else CLEAR
        for v in values.ravel()
    ]
    return [
        heatmap(
            z=values.astype(np.float32),
            x=np.arange(columns + 1),
            y=top + np.arange(rows + 1),
            zmin=-span,
            zmax=span,
            colorscale=scale,
            showscale=False,
            xgap=1,
            ygap=5,
            hoverinfo="skip",
        ),
        scatter(
            x=np.tile(np.arange(columns) + 0.5, rows),
            y=np.repeat(top + np.arange(rows) + 0.5, columns),
            mode="markers+text",
            text=[_short(float(v)) for v in values.ravel()],
            textfont={"size": CELL_SIZE, "color": inks},
            marker={"symbol": "square", "size": 20, "color": UNSEEN},
            hovertext=words,
        ),
    ]


def _short(value: float) -> str:
    """With one decimal, 0 without a sign; nothing for what is silent."""
    return number(value, ".1f") if np.isfinite(value) else ""


def _sum(
    result: Mixing,
    marked: np.ndarray,
    total: np.ndarray,
    silenced: tuple[int, ...],
    span: float,
    dark: bool,
) -> list[Trace]:
    """The marked vectors, and below them their sum."""
    num = len(marked)
    return [
        *_cells(marked, 0, span, _words(result, 3, silenced), dark),
        *_cells(total[None], num + GAP, span / num**0.5, _of_sum(result, total), dark),
    ]


def _of_sum(result: Mixing, total: np.ndarray) -> list[str]:
    return [f"the mixture, {_of(result, k)}: {number(v, '.3f')}" for k, v in enumerate(total)]


def _words(result: Mixing, column: int, silenced: tuple[int, ...]) -> list[str]:
    """Over the cells: which number, and for products the arithmetic."""
    words = []
    for i in range(len(result.tokens)):
        for k, (vector, pattern) in enumerate(
            zip(result.vectors[i], result.patterns[i], strict=True)
        ):
            start = f"slot {i + 1}, {_of(result, k)}: "
            one, other, both = (number(v, ".3f") for v in (vector, pattern, vector * pattern))
            told = (one, other, f"{one} × {other} = {both}")[column - 1]
            words.append(start + ("silent" if i in silenced else told))
    return words


def _of(result: Mixing, k: int) -> str:
    return f"number {result.dims[k] + 1} of {result.width}"


def _read(result: Mixing, silenced: tuple[int, ...], dark: bool) -> Trace:
    """How much of every slot's tokens comes out of the one vector."""
    num, heard = len(result.tokens), np.nan_to_num(result.heard(silenced))
    return bar(
        x=[float(v) for v in heard],
        y=[i + 0.5 for i in range(num)],
        orientation="h",
        width=0.5,
        marker={
            "color": [tint(slot_color(i), 0.25 if i in silenced else 0.85) for i in range(num)],
            "line": {"color": [slot_outline(i, dark=dark) for i in range(num)], "width": 1},
        },
        text=[percent(float(v)) for v in heard],
        textposition="outside",
        textfont={"size": SMALL_SIZE, "color": ink(dark).text},
        cliponaxis=False,
        hovertext=[
            f"slot {i + 1}: {percent(float(v))} of {result.counted[i]} tokens read back"
            for i, v in enumerate(heard)
        ],
    )


def _label_sum(plot: Plot, result: Mixing, dark: bool, is_narrow: bool) -> None:
    """What the row below is, left of it."""
    num = len(result.tokens)
    plot.mark(
        annotations=[
            {
                "text": f"added, ÷ {num}  " if is_narrow else f"added, and divided by {num}  →",
                "x": 0 if is_narrow else len(result.dims),
                "y": num + GAP + 0.5,
                "xref": "x3" if is_narrow else "x2",
                "yref": "y3" if is_narrow else "y2",
                "xanchor": "right",
                "font": {"size": SMALL_SIZE, "color": ink(dark).text},
            }
        ]
    )


def _player(plot: Plot, dark: bool) -> None:
    colors = ink(dark)
    still = {"frame": {"duration": 0, "redraw": True}, "transition": {"duration": 0}}
    moving = still | {"frame": {"duration": FRAME_MS, "redraw": True}, "mode": "immediate"}
    plot.set(
        updatemenus=[
            {
                "type": "buttons",
                "direction": "left",
                "showactive": False,
                "x": 0,
                "xanchor": "left",
                "y": 0,
                "yanchor": "top",
                "pad": {"t": 10, "l": 0},
                "bgcolor": CLEAR,
                "bordercolor": colors.line,
                "font": {"size": SMALL_SIZE, "color": colors.text},
                "buttons": [
                    {"label": "▶ Add them one by one", "method": "animate", "args": [None, moving]}
                ],
            }
        ]
    )


MIXING = Family(mixing_figure, mixing_finding, mixing_alt, mixing_table)

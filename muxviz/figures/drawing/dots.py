"""Dots with 95 % intervals: rows of things (mostly slots), columns of quantities.

An axis of shares starts where there is something to see, and says so by its ticks; dots, unlike
bars, may do that. The numbers stand right of each column, in line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from muxviz.figures.drawing.ink import TEXT_SIZE, ink, tint
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.ticks import round_ticks
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import bare, ends, number, or_none, percent, width
from muxviz.results.estimates import Estimates
from muxviz.results.fidelity import Shares

ROW = 36  # px
TOP, BOTTOM, LEFT = 96, 60, 116  # px
WORDS_ROOM = 0.62  # of a column's axis, right of it, for the numbers at least
LETTER = 6.8  # px of a letter of these
STARTS = (0.0, 0.5, 0.8, 0.9, 0.96, 0.98)  # of an axis of shares


@dataclass(frozen=True)
class Mark:
    """A row: its name, and how its dots look."""

    label: str
    fill: str
    outline: str
    symbol: str


@dataclass(frozen=True)
class Column:
    """One quantity over the rows; arrays ``[rows]``, NaN where there is none.

    words: what stands right of each row. hovers: on its dot. span: of the axis. line:
    where a dotted line stands.
    """

    title: str
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    words: Sequence[str]
    hovers: Sequence[str]
    span: tuple[float, float]
    tickformat: str = ""
    line: float | None = None


def slot_marks(num: int, *, dark: bool) -> list[Mark]:
    """Rows for slots."""
    return [
        Mark(slot_label(i), slot_color(i), slot_outline(i, dark=dark), slot_marker(i))
        for i in range(num)
    ]


def total_mark(dark: bool) -> Mark:
    """The row of all slots together."""
    return Mark("all", ink(dark).grey, ink(dark).text, "diamond-tall")


def share_span(low: np.ndarray) -> tuple[float, float]:
    """An axis of shares that holds all lower ends."""
    there = low[~np.isnan(low)]
    least = float(there.min()) if len(there) else 0.0
    return max(start for start in STARTS if start <= max(least, 0.0)), 1.0


def amount_span(columns: Sequence[np.ndarray]) -> tuple[float, float]:
    """An axis of amounts from 0, or from below where there are negative ones."""
    there = np.concatenate([np.ravel(c) for c in columns])
    there = there[np.isfinite(there)]
    most = float(there.max(initial=0.0))
    least = float(there.min(initial=0.0))
    room = 0.06 * (most - least) or 1.0
    return (least - room if least < 0 else 0.0), most + room


def with_total(slots: Shares, total: Shares) -> Shares:
    """Shares of slots ``[N]`` and below them of all ``[]``: ``[N + 1]``."""
    return Shares(
        np.append(slots.hits, total.hits),
        np.append(slots.trials, total.trials),
        np.append(slots.low, total.low),
        np.append(slots.high, total.high),
        slots.clusters,
    )


def share_column(
    title: str,
    found: Shares,
    noun: str,
    *,
    line: float | None = None,
    holds: bool = False,
    brief: bool = False,
) -> Column:
    """A column of shares ``[rows]``.

    holds: whether the axis is to hold the line. brief: no intervals in words, where there are many
    columns.
    """
    words = [share_words(found, (k,)) for k in range(len(found.hits))]
    return Column(
        title,
        found.value,
        found.low,
        found.high,
        [w.partition(" (")[0] for w in words] if brief else words,
        [
            f"{text}<br>{found.hits[k]:g} of {int(found.trials[k])} {noun}"
            for k, text in enumerate(words)
        ],
        share_span(np.append(found.low, line if holds and line is not None else np.nan)),
        ".0%",
        line,
    )


def estimate_column(
    title: str, found: Estimates, span: tuple[float, float], *, brief: bool = False
) -> Column:
    """A column of means ``[rows]``; brief as in ``share_column``."""
    words = [estimate_words(found, k) for k in range(len(found.mean))]
    shown = [w.partition(" (")[0] for w in words] if brief else words
    return Column(title, found.mean, found.low, found.high, shown, words, span)


def share_words(found: Shares, at: tuple[Any, ...]) -> str:
    """``"94 % (91 to 96)"``; never rounded onto 0 or 100 %."""
    if not found.trials[at]:
        return "nothing counted"
    share = percent(float(found.value[at])).replace("under", "&lt;").replace("over", "&gt;")
    return f"{share} ({100 * found.low[at]:.0f} to {100 * found.high[at]:.0f})"


def estimate_words(found: Estimates, at: int) -> str:
    """``"0.31 (0.28 to 0.35)"``."""
    if np.isnan(found.mean[at]):
        return "nothing counted"
    if np.isnan(found.low[at]):
        return number(found.mean[at], ".3g")
    return f"{number(found.mean[at], '.3g')}{ends(found.low[at], found.high[at], '.3g')}"


def share_row(found: Shares, at: tuple[Any, ...]) -> dict[str, Any]:
    """A share in the columns of a table."""
    return {
        "tokens": int(found.trials[at]),
        "read back": int(found.hits[at]),
        **estimate_row("share", found, at),
    }


def estimate_row(name: str, found: Estimates | Shares, at: Any) -> dict[str, float | None]:
    """A number and the ends of its interval in the columns of a table."""
    middle = found.value if isinstance(found, Shares) else found.mean
    ends = {f"{name}, low": found.low, f"{name}, high": found.high}
    return {words: or_none(values[at]) for words, values in {name: middle, **ends}.items()}


def dot_columns(
    columns: Sequence[Column], marks: Sequence[Mark], *, dark: bool, left: int = LEFT
) -> Plot:
    """The dots; title and size are the caller's (``framed``), with ``left`` px for the names."""
    plot = Plot.grid(rows=1, cols=len(columns), share_y=True, across=0.03 / len(columns))
    texts: list[dict[str, Any]] = []
    shapes: list[dict[str, Any]] = []
    for at, column in enumerate(columns, start=1):
        plot.add(_dots(column, marks, dark), row=1, col=at)
        start, stop = column.span
        share = (
            (LETTER * max(map(width, map(bare, column.words))) + 20) * len(columns) / (760 - left)
        )
        room = max(WORDS_ROOM, 1.04 * share / (1 - share)) * (stop - start)
        axis = "x" if at == 1 else f"x{at}"
        ticks = _ticks(column)
        plot.xaxes(
            range=[start - 0.04 * (stop - start), stop + room],
            tickformat=column.tickformat,
            tickvals=ticks,
            ticktext=None if column.tickformat else [number(tick, ".6g") for tick in ticks],
            row=1,
            col=at,
        )
        texts += _words(column, axis, dark)
        shapes += _rules(column, axis, len(marks), dark)
    name_rows(plot, [mark.label for mark in marks])
    plot.mark(shapes=shapes, annotations=texts)
    return plot


def dots_height(rows: int) -> int:
    """Height in px of a figure with so many rows."""
    return ROW * rows + TOP + BOTTOM


def sides() -> dict[str, int]:
    """Its margins."""
    return {"l": LEFT, "r": 20, "t": TOP, "b": BOTTOM}


def _dots(column: Column, marks: Sequence[Mark], dark: bool) -> Trace:
    return scatter(
        x=column.values.astype(np.float32),
        y=np.arange(len(marks), dtype=np.uint8),
        mode="markers",
        marker={
            "symbol": [m.symbol for m in marks],
            "size": 13,
            "color": [m.fill for m in marks],
            "line": {"color": [m.outline for m in marks], "width": 1.4},
        },
        error_x=whiskers(
            (column.high - column.values).astype(np.float32),
            (column.values - column.low).astype(np.float32),
            ink(dark).text,
        ),
        hovertext=list(column.hovers),
    )


def _ticks(column: Column) -> list[float]:
    """Two to five round numbers within the axis; ends and middle for shares."""
    start, stop = column.span
    if column.tickformat:
        return [start, (start + stop) / 2, stop]
    return round_ticks(start, stop, 4)


def _words(column: Column, axis: str, dark: bool) -> list[dict[str, Any]]:
    """The column's title above, the numbers right of it."""
    start, stop = column.span
    common = {"xref": axis, "xanchor": "left"}
    title = common | {
        "x": start,
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 4,
        "text": column.title,
    }
    beside = common | {
        "x": stop,
        "xshift": 12,
        "yref": "y",
        "yanchor": "middle",
        "font": {"size": TEXT_SIZE, "color": ink(dark).text},
    }
    return [title, *(beside | {"y": k, "text": text} for k, text in enumerate(column.words))]


def _rules(column: Column, axis: str, rows: int, dark: bool) -> list[dict[str, Any]]:
    """A faint line per row, and the line to compare with."""
    start, stop = column.span
    faint = {"type": "line", "xref": axis, "yref": "y", "layer": "below"}
    lines = [
        faint
        | {
            "x0": start,
            "x1": stop,
            "y0": k,
            "y1": k,
            "line": {"color": tint(ink(dark).line, 0.6), "width": 1},
        }
        for k in range(rows)
    ]
    if column.line is not None and start <= column.line <= stop:
        at = {"x0": column.line, "x1": column.line, "y0": -0.5, "y1": rows - 0.5}
        lines.append(faint | at | {"line": {"color": ink(dark).text, "width": 1.2, "dash": "dot"}})
    return lines

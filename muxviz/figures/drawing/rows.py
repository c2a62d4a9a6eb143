"""Charts with one thing a row, the first on top: their names, and numbers behind their bars."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from muxviz.figures.drawing.ink import SMALL_SIZE, ink
from muxviz.figures.drawing.plot import Plot


def name_rows(plot: Plot, names: Sequence[str], *, margin: float = 0.5, **axis: Any) -> None:
    """Name the rows of ``plot`` (changed in place), which stand at 0, 1, … from the top.

    Args:
        plot: the figure.
        names: as Plotly reads them; user text must have been through ``plain``.
        margin: rows of room beyond the middle of the first and the last.
        axis: further settings of the axis.
    """
    plot.yaxes(
        tickvals=list(range(len(names))),
        ticktext=[f"{name}  " for name in names],
        range=[len(names) - 1 + margin, -margin],
        **axis,
    )


def write_ends(
    plot: Plot, ends: Iterable[float], texts: Iterable[str], *, shift: int, dark: bool
) -> None:
    """Write a text behind the end of every row of ``plot`` (changed in place), ``shift`` px on."""
    plot.mark(
        annotations=[
            {
                "text": text,
                "x": end,
                "y": row,
                "xanchor": "left",
                "xshift": shift,
                "font": {"size": SMALL_SIZE, "color": ink(dark).text},
            }
            for row, (end, text) in enumerate(zip(ends, texts, strict=True))
        ],
    )

"""A figure as plain dictionaries, given to Plotly once and unchecked.

Plotly's own objects check every property whenever it is set, which makes a figure take thirty times
as long at every click; a test checks every kind of figure instead. Names are written out: there are
no ``title_font_size`` here, but ``{"title": {"font": {"size": …}}}``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from itertools import accumulate
from typing import Any, TypeAlias

import plotly.graph_objects as go

from muxviz.figures.drawing.ticks import write_shares

Trace: TypeAlias = dict[str, Any]
Settings: TypeAlias = dict[str, Any]


def merged(settings: Mapping[str, Any], more: Mapping[str, Any]) -> Settings:
    """Both, the second above the first, dictionaries inside them too; None unsets."""
    both = dict(settings)
    for name, value in more.items():
        if value is None:
            both.pop(name, None)
        elif isinstance(value, dict):
            under = both.get(name)
            both[name] = merged(under if isinstance(under, dict) else {}, value)
        else:
            both[name] = value
    return both


def trace(kind: str, **given: Any) -> Trace:
    """A trace of Plotly's ``kind``; what is None is left out.

    Without a name it stands in no legend, and with a hover text of its own it shows nothing else.
    """
    usual: Trace = {} if "name" in given else {"showlegend": False}
    if "hovertext" in given and "hovertemplate" not in given:
        usual["hoverinfo"] = "text"
    return merged({"type": kind, **usual}, given)


bar, contour = partial(trace, "bar"), partial(trace, "contour")
heatmap, scatter = partial(trace, "heatmap"), partial(trace, "scatter")


class Plot:
    """Traces, layout and frames of a figure that is being drawn.

    Plots of several cells come from ``grid``; rows and columns count from 1.
    """

    def __init__(self, *traces: Trace) -> None:
        self.data: list[Trace] = list(traces)
        self.layout: Settings = {}
        self.frames: list[dict[str, Any]] = []
        self._cells: dict[tuple[int, int], str] = {}  # number of the axes as they bear it

    @classmethod
    def grid(
        cls,
        rows: int,
        cols: int,
        *,
        titles: Sequence[Settings] = (),
        across: float = 0.0,
        down: float = 0.0,
        widths: Sequence[float] = (),
        heights: Sequence[float] = (),
        share_x: bool = False,
        share_y: bool = False,
        tall: Collection[int] = (),
    ) -> Plot:
        """Axes in rows and columns, as ``plotly.subplots.make_subplots`` places them.

        Args:
            rows, cols: how many.
            titles: over the cells, row by row; settings of texts over the middle, or from the left
                edge with an ``xanchor`` of "left".
            across, down: room between cells, as shares of the width and height.
            widths, heights: of columns and rows, in proportion; alike without them.
            share_x: one x axis for each column, whose numbers stand at the bottom.
            share_y: one y axis for each row, whose numbers stand at the left.
            tall: columns with one cell over all rows.
        """
        plot = cls()
        x_domains = _domains(widths or [1] * cols, across)
        y_domains = [[1 - stop, 1 - start] for start, stop in _domains(heights or [1] * rows, down)]
        for row in range(1, rows + 1):
            for col in range(1, cols + 1):
                if row > 1 and col in tall:
                    continue
                number = str(len(plot._cells) + 1) if plot._cells else ""
                plot._cells[row, col] = number
                y_domain = [0.0, 1.0] if col in tall else y_domains[row - 1]
                plot.layout[f"xaxis{number}"] = {
                    "anchor": f"y{number}",
                    "domain": x_domains[col - 1],
                }
                plot.layout[f"yaxis{number}"] = {"anchor": f"x{number}", "domain": y_domain}
        for (row, col), number in plot._cells.items():
            if share_x and row < rows:
                shared = {"matches": f"x{plot._cells[rows, col]}", "showticklabels": False}
                plot.layout[f"xaxis{number}"] |= shared
            if share_y and col > 1:
                shared = {"matches": f"y{plot._cells[row, 1]}", "showticklabels": False}
                plot.layout[f"yaxis{number}"] |= shared
        plot.mark(
            annotations=[
                plot._above(number, title)
                for number, title in zip(plot._cells.values(), titles, strict=False)
            ]
        )
        return plot

    def _above(self, number: str, title: Settings) -> Settings:
        left, right = self.layout[f"xaxis{number}"]["domain"]
        return {
            "x": left if title.get("xanchor") == "left" else (left + right) / 2,
            "y": self.layout[f"yaxis{number}"]["domain"][1],
            "xref": "paper",
            "yref": "paper",
            "xanchor": "center",
            "yanchor": "bottom",
            "showarrow": False,
            **title,
        }

    def cell(self, row: int, col: int) -> tuple[str, str]:
        """Names of a cell's axes, as traces and shapes refer to them: ``("x2", "y2")``."""
        number = self._cells[row, col]
        return f"x{number}", f"y{number}"

    def add(self, *traces: Trace, row: int = 0, col: int = 0) -> None:
        """Add traces, in a cell or on the first axes."""
        if row:
            x, y = self.cell(row, col)
            traces = tuple({**trace, "xaxis": x, "yaxis": y} for trace in traces)
        self.data += traces

    def xaxes(self, **settings: Any) -> None:
        """Set all x axes, or those of a ``row``, a ``col`` or both."""
        self._set_axes("x", settings)

    def yaxes(self, **settings: Any) -> None:
        """The same for y axes."""
        self._set_axes("y", settings)

    def _set_axes(self, letter: str, settings: Settings) -> None:
        row, col = settings.pop("row", 0), settings.pop("col", 0)
        if row or col:
            names = [
                f"{letter}axis{number}"
                for (r, c), number in self._cells.items()
                if row in (0, r) and col in (0, c)
            ]
        else:
            there = [name for name in self.layout if re.fullmatch(rf"{letter}axis\d+", name)]
            names = [f"{letter}axis", *there]
        self.set(**dict.fromkeys(names, settings))

    def set(self, **settings: Any) -> None:
        """Set parts of the layout; what they do not name stays."""
        self.layout = merged(self.layout, settings)

    def mark(
        self, *, shapes: Sequence[Settings] = (), annotations: Sequence[Settings] = ()
    ) -> None:
        """Add shapes and texts."""
        for name, items in (("shapes", shapes), ("annotations", annotations)):
            if items:
                there = self.layout.get(name, [])
                self.layout[name] = [*there, *(merged({}, item) for item in items)]

    def figure(self) -> go.Figure:
        """What Plotly draws."""
        write_shares(self.data, self.layout)
        spec = {"data": self.data, "layout": self.layout, "frames": self.frames}
        return go.Figure(spec, _validate=False)


def _domains(sizes: Sequence[float], room: float) -> list[list[float]]:
    """Where each of several parts starts and stops, with room between them."""
    whole = (1 - room * (len(sizes) - 1)) / sum(sizes)
    stops = list(accumulate(size * whole for size in sizes))
    return [
        [stop - size * whole + k * room, min(stop + k * room, 1.0)]
        for k, (size, stop) in enumerate(zip(sizes, stops, strict=True))
    ]

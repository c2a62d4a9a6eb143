"""A figure for a large screen: the same picture with larger type, marks and margins."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.plot import Plot

IN_PIXELS = frozenset(
    ("size", "height", "standoff", "xshift", "yshift", "l", "r", "t", "b", "ticklen")
)


def enlarged(figure: go.Figure, by: float) -> go.Figure:
    """A copy of ``figure`` in which all that is measured in pixels is ``by`` times as large."""
    spec: dict[str, Any] = figure.to_plotly_json()
    plot = Plot(*(_grown(trace, by) for trace in spec["data"]))
    plot.layout = _grown(spec["layout"], by)
    plot.frames = [_grown(frame, by) for frame in spec.get("frames", [])]
    return plot.figure()


def _grown(value: Any, by: float, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _grown(inner, by, key) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_grown(inner, by, name) for inner in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value * by if is_number and name in IN_PIXELS else value

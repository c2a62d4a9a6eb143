"""A figure that is out of date: the same picture, faded."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.plot import Plot

FADED = 0.3  # opacity of what is out of date


def dimmed(figure: go.Figure) -> go.Figure:
    """A copy of ``figure`` with traces, shapes, labels and title faded."""
    spec: dict[str, Any] = figure.to_plotly_json()
    plot = Plot(*map(_faded, spec["data"]))
    plot.frames, plot.layout = spec.get("frames", []), spec["layout"]
    for name in plot.layout.keys() & {"annotations", "shapes"}:
        plot.layout[name] = [_faded(item) for item in plot.layout[name]]
    plot.set(title={"font": {"color": "#8c8c8c"}})
    return plot.figure()


def _faded(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"opacity": FADED * item.get("opacity", 1.0)}

"""A figure that is out of date: the same picture, faded."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

FADED = 0.3  # opacity of what is out of date


def dimmed(figure: go.Figure) -> go.Figure:
    """A copy of ``figure`` with traces, shapes, labels and title faded."""
    spec: dict[str, Any] = figure.to_plotly_json()
    copy = go.Figure(spec)
    for trace in copy.data:
        if "opacity" in trace:
            trace.opacity = FADED * (1.0 if trace.opacity is None else trace.opacity)
    layout = spec.get("layout", {})
    copy.update_layout(
        annotations=[_faded(item) for item in layout.get("annotations", ())],
        shapes=[_faded(item) for item in layout.get("shapes", ())],
        title_font_color="#8c8c8c",
    )
    return copy


def _faded(item: dict[str, Any]) -> dict[str, Any]:
    return item | {"opacity": FADED * item.get("opacity", 1.0)}

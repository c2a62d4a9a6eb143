"""What the figures of the Planner page share: how measured and predicted look, and both axes.

A filled circle is measured, a hollow diamond is predicted, a line is a fitted surface; colour says
N, as on the Trade-off page.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from muxviz.figures.drawing.measured import SIZE, color_of, outline_of
from muxviz.figures.drawing.plot import Trace, scatter
from muxviz.figures.drawing.wording import plain
from muxviz.results.planning import Measurements, setting_words

MEASURED, PREDICTED = "circle", "diamond-open"
MOST_TICKS = 8
Z975 = 1.96
TICK_ROOM = 0.7  # halvings between named sparsities


def measured_marks(numbers: Sequence[int], dark: bool, *, size: float = SIZE) -> dict[str, Any]:
    """Markers of measured settings; numbers: N of each."""
    return {
        "symbol": MEASURED,
        "size": size,
        "opacity": 1,
        "color": [color_of(int(n)) for n in numbers],
        "line": {"width": 1.2, "color": [outline_of(int(n), dark) for n in numbers]},
    }


def predicted_marks(numbers: Sequence[int], dark: bool, *, size: float = SIZE) -> dict[str, Any]:
    """Markers of predicted settings."""
    colors = [outline_of(int(n), dark) for n in numbers]
    return {
        "symbol": PREDICTED,
        "size": size,
        "opacity": 1,
        "color": colors,
        "line": {"width": 2.0, "color": colors},
    }


def kind_in_legend(name: str, symbol: str, color: str) -> Trace:
    """A trace without points that explains a mark in the legend."""
    return scatter(
        x=[None],
        y=[None],
        mode="markers",
        name=name,
        marker={
            "symbol": symbol,
            "size": SIZE - 2,
            "color": color,
            "line": {"width": 1.6, "color": color},
        },
        hoverinfo="skip",
        showlegend=True,
    )


def line_in_legend(name: str, color: str, *, dash: str = "solid") -> Trace:
    """The same for a line."""
    return scatter(
        x=[None],
        y=[None],
        mode="lines",
        name=name,
        line={"color": color, "width": 1.8, "dash": dash},
        hoverinfo="skip",
        showlegend=True,
    )


def sparsity_axis(sparsities: np.ndarray, *, room: float = 0.3) -> dict[str, Any]:
    """An axis of halvings of the weights left, named by sparsity; ``room``: halvings beyond."""
    ticks = thinned(_apart(np.unique(np.round(sparsities, 6))))
    places = halvings(ticks)
    return {
        "title": {"text": "sparsity: share of weights removed, log scale"},
        "tickvals": places.tolist(),
        "ticktext": [f"{100 * s:.3g} %" for s in ticks],
        "tickangle": 0,
        "range": [-room, float(halvings(np.max(sparsities))) + room],
    }


def _apart(sparsities: np.ndarray) -> np.ndarray:
    """Those of rising ``sparsities`` whose names do not overlap."""
    kept: list[float] = []
    for one in sparsities:
        if not kept or halvings(one) - halvings(np.asarray(kept[-1])) >= TICK_ROOM:
            kept.append(float(one))
    return np.asarray(kept)


def instances_axis(numbers: np.ndarray, *, room: float = 0.3) -> dict[str, Any]:
    """An axis of doublings of N, named by N."""
    ticks = thinned(np.unique(numbers))
    return {
        "title": {"text": "slots, N"},
        "tickvals": np.log2(ticks).tolist(),
        "ticktext": [f"{n:g}" for n in ticks],
        "range": [float(np.log2(np.min(numbers))) - room, float(np.log2(np.max(numbers))) + room],
    }


def halvings(sparsity: Any) -> np.ndarray:
    """Where a sparsity stands on its axis."""
    return np.asarray(-np.log2(1 - np.asarray(sparsity, dtype=float)))


def thinned(values: np.ndarray) -> np.ndarray:
    """At most ``MOST_TICKS`` of sorted values, both ends among them."""
    if len(values) <= MOST_TICKS:
        return values
    return values[np.unique(np.round(np.linspace(0, len(values) - 1, MOST_TICKS)).astype(int))]


def point_words(points: Measurements, at: int) -> str:
    """A measured point for a hover."""
    name = f" ({plain(points.names[at])})" if points.names[at] else ""
    low, high = points.accuracy_low[at], points.accuracy_high[at]
    interval = (
        f"<br>95 % interval over rows: {100 * low:.1f} to {100 * high:.1f} %"
        if np.isfinite(low)
        else ""
    )
    words = setting_words(int(points.num_instances[at]), float(points.sparsity[at]))
    return (
        f"<b>{words}</b>, measured{name}<br>{plain(points.metric)} "
        f"{100 * points.accuracy[at]:.1f} %, {points.throughput[at]:,.0f} instances/s{interval}"
    )


def band(x: np.ndarray, low: np.ndarray, high: np.ndarray, fill: str, **more: Any) -> list[Trace]:
    """A filled band between two lines, as two traces."""
    edge = {"mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False}
    return [
        scatter(x=x, y=low, **edge, **more),
        scatter(x=x, y=high, fill="tonexty", fillcolor=fill, **edge, **more),
    ]

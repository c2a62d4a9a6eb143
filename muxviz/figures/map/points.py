"""The points of a map as Plotly traces: points, lines to a chosen sentence's, numbers, own points.

``customdata`` of a point is its number in the sample. Points are drawn by WebGL only above
``SVG_MOST``, and in 3-D, where there is no other way: one canvas at most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from muxviz.figures.drawing.ink import SMALL_SIZE, ink, mix, tint
from muxviz.figures.drawing.labels import Box, name_points
from muxviz.figures.drawing.plot import trace
from muxviz.figures.drawing.slots import slot_marker
from muxviz.figures.drawing.wording import plain
from muxviz.figures.map.colors import Colors
from muxviz.figures.map.words import hover
from muxviz.results.map import StateSample

SVG_MOST = 1000  # points; more are drawn by WebGL
MOST_NUMBERS = 40  # sentences whose numbers stand on the map
SIZE, OWN_SIZE, RING_SIZE = 8, 14, 22
FADED = 0.14  # opacity of what is not selected
SOLID_SYMBOLS = (  # those that Plotly has in three dimensions
    "circle",
    "square",
    "diamond",
    "cross",
    "x",
    "circle-open",
    "square-open",
    "diamond-open",
)


@dataclass(frozen=True)
class View:
    """What is drawn, beside where: colours, and the anchor or point that stands out.

    ends: of the axes ``[dims, 2]``; size: px of the plot at the narrowest. Names fit into these.
    """

    sample: StateSample
    colors: Colors
    selected: int | None
    point: int | None
    dark: bool
    dims: int
    ends: np.ndarray
    size: tuple[float, float]


def point_traces(view: View, places: np.ndarray) -> list[Any]:
    """Lines to the points of a selected sentence, one trace of points per slot, sentence numbers,
    own points, the ring.
    """
    sample, own = view.sample, view.sample.is_own
    traces = [] if view.selected is None else [_lines(view, places)]
    traces += slot_points(view, places)
    users, taken = _own(view, places)  # their names choose first
    if view.selected is not None or sample.num_anchors <= MOST_NUMBERS:
        traces.append(_numbers(view, places, taken))
    if own.any():
        traces.append(users)
    if view.point is not None:
        traces.append(_ring(view, places))
    return traces


def slot_points(view: View, places: np.ndarray) -> list[Any]:
    """One trace of points per slot."""
    sample = view.sample
    drawn = ~sample.is_own
    return [
        _points(view, places, np.flatnonzero(drawn & (sample.slot == slot)), slot)
        for slot in range(sample.num_slots)
    ]


def _scatter(view: View, places: np.ndarray, *, points: bool = False, **rest: Any) -> Any:
    """A trace in as many dimensions as the map has."""
    places = places.astype(np.float32)
    if view.dims == 3:
        return trace("scatter3d", x=places[:, 0], y=places[:, 1], z=places[:, 2], **rest)
    is_many = points and len(view.sample.anchor) > SVG_MOST
    kind = "scattergl" if is_many else "scatter"
    return trace(kind, x=places[:, 0], y=places[:, 1], **rest)


def _middles(view: View, places: np.ndarray) -> tuple[list[int], np.ndarray]:
    """The anchors to be joined, and the middle of each one's points."""
    anchors = range(view.sample.num_anchors) if view.selected is None else [view.selected]
    own = view.sample.is_own
    kept = [k for k in anchors if not own[view.sample.anchor == k].all()]
    middles = [places[view.sample.anchor == k].mean(axis=0) for k in kept]
    return kept, np.array(middles, dtype=np.float32).reshape(-1, view.dims)


def _lines(view: View, places: np.ndarray) -> Any:
    """From the middle of each sentence's points to each of them."""
    kept, middles = _middles(view, places)
    parts = [np.zeros((0, view.dims), dtype=np.float32)]
    for k, middle in zip(kept, middles, strict=True):
        points = places[view.sample.anchor == k]
        gap = np.full_like(points, np.nan)
        parts.append(np.stack([np.tile(middle, (len(points), 1)), points, gap], axis=1))
    joined = np.concatenate([part.reshape(-1, view.dims) for part in parts])
    line = {"color": tint(ink(view.dark).muted, 0.7), "width": 1}
    return _scatter(view, joined, mode="lines", line=line, hoverinfo="skip")


def _points(view: View, places: np.ndarray, which: np.ndarray, slot: int) -> Any:
    fills, edges = _paint(view, which)
    return _scatter(
        view,
        places[which],
        points=True,
        mode="markers",
        marker=_marker(view, slot, fills, edges),
        hovertext=[_hover(view, int(p)) for p in which],
        customdata=which.astype(np.int32),
        showlegend=False,
        name=f"slot {slot + 1}",
    )


def _marker(view: View, slot: int, fills: list[str], edges: list[str]) -> dict[str, Any]:
    if view.dims == 3:
        symbol = SOLID_SYMBOLS[slot % len(SOLID_SYMBOLS)]
        return {"symbol": symbol, "size": SIZE / 2, "color": fills, "line": {"width": 0}}
    line = {"width": 0.8, "color": edges}
    return {"symbol": slot_marker(slot), "size": SIZE, "color": fills, "line": line}


def _paint(view: View, which: np.ndarray) -> tuple[list[str], list[str]]:
    """Fills and outlines; what is not selected fades."""
    fills, edges = [], []
    outline = "#ffffff" if view.dark else "#000000"
    for point in which:
        fill = view.colors.fills[int(point)]
        edge = mix(fill, outline, 0.45)
        fades = view.selected is not None and view.sample.anchor[point] != view.selected
        fills.append(tint(fill, FADED) if fades else fill)
        edges.append(tint(edge, FADED) if fades else edge)
    return fills, edges


def _numbers(view: View, places: np.ndarray, taken: list[Box]) -> Any:
    """The number of each sentence at the middle of its points, where there is room."""
    kept, middles = _middles(view, places)
    colors, texts = ink(view.dark), [str(k + 1) for k in kept]
    if view.dims == 2:
        at = [(0, 0)]
        texts, _, _ = name_points(
            middles, texts, view.ends, view.size, radius=0, sides=at, walls=taken
        )
    return _scatter(
        view,
        middles,
        mode="text",
        text=[text and f"<b>{text}</b>" for text in texts],
        textfont={"size": SMALL_SIZE, "color": colors.text},
        hoverinfo="skip",
    )


def _own(view: View, places: np.ndarray) -> tuple[Any, list[Box]]:
    """The user's points, large and outlined in the colour of text; what they and names cover."""
    which = np.flatnonzero(view.sample.is_own)
    slots = [int(i) for i in view.sample.slot[which]]
    symbols = [
        SOLID_SYMBOLS[s % len(SOLID_SYMBOLS)] if view.dims == 3 else slot_marker(s) for s in slots
    ]
    size = OWN_SIZE / 2 if view.dims == 3 else OWN_SIZE
    texts, there = [f"yours {s + 1}" for s in slots], ["top center"] * len(slots)
    taken: list[Box] = []
    if view.dims == 2:
        texts, there, taken = name_points(
            places[which], texts, view.ends, view.size, radius=OWN_SIZE / 2
        )
    users = _scatter(
        view,
        places[which],
        mode="markers+text",
        marker={
            "symbol": symbols,
            "size": size,
            "color": [view.colors.fills[int(p)] for p in which],
            "line": {"width": 2, "color": ink(view.dark).text},
        },
        text=texts,
        textposition=there,
        textfont={"size": SMALL_SIZE, "color": ink(view.dark).text},
        hovertext=[_hover(view, int(p)) for p in which],
        customdata=which.astype(np.int32),
        showlegend=False,
        name="yours",
    )
    return users, taken


def _ring(view: View, places: np.ndarray) -> Any:
    assert view.point is not None, "checked by point_traces"
    size = OWN_SIZE if view.dims == 3 else RING_SIZE
    line = {"width": 2, "color": ink(view.dark).text}
    marker = {"symbol": "circle-open", "size": size, "color": ink(view.dark).text, "line": line}
    return _scatter(
        view,
        places[[view.point]],
        mode="markers",
        marker=marker,
        hoverinfo="skip",
    )


def _hover(view: View, point: int) -> str:
    return "<br>".join(plain(line) for line in hover(view.sample, point).split("\n"))

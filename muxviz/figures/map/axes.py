"""Axes, legend, colour bar and caption of a map."""

from __future__ import annotations

from typing import Any

import numpy as np

from muxviz.figures.drawing.ink import CLEAR, SMALL_SIZE, caption, ink
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.scales import scale_alone
from muxviz.figures.drawing.slots import slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.wording import plain
from muxviz.figures.map.points import View
from muxviz.figures.map.scores import LEFT
from muxviz.figures.map.words import METHODS, state_words
from muxviz.results.map import Projection

MAP_RIGHT = LEFT - 0.14  # of the width, where the map ends


def legend_traces(view: View) -> list[Trace]:
    """Entries without points: the slots' symbols, and what colours mean."""
    is_slot = view.colors.keys and view.colors.keys[0][0] == slot_label(0)
    grey = ink(view.dark).muted
    entries = []
    for slot in range(view.sample.num_slots):
        fill = view.colors.keys[slot][1] if is_slot else grey
        edge = slot_outline(slot, dark=view.dark) if is_slot else grey
        marker = {"symbol": slot_marker(slot), "size": 9, "color": fill}
        entries.append((f"slot {slot + 1}", marker | {"line": {"width": 1, "color": edge}}))
    if not is_slot:
        for words, color in view.colors.keys:
            entries.append((plain(words), {"symbol": "square", "size": 11, "color": color}))
    traces = [
        scatter(x=[None], y=[None], mode="markers", name=name, marker=marker, hoverinfo="skip")
        for name, marker in entries
    ]
    if view.colors.scale:
        traces.append(_bar(view))
    return traces


def _bar(view: View) -> Trace:
    """A colour bar under the scores, on a trace without points."""
    colors = view.colors
    colorbar = {
        "title": {"text": colors.title, "side": "top", "font": {"size": SMALL_SIZE}},
        "orientation": "h",
        "thickness": 10,
        "len": 1 - LEFT,
        "x": LEFT,
        "xanchor": "left",
        "xpad": 0,
        "y": 0,
        "yanchor": "top",
        "ypad": 26,
        "outlinewidth": 0,
        "tickfont": {"size": SMALL_SIZE, "color": ink(view.dark).muted},
    }
    scale: list[list[float | str]] = [[place, color] for place, color in colors.scale]
    return scale_alone(scale, colors.low, colors.high, colorbar)


def set_axes(plot: Plot, projection: Projection, dark: bool) -> None:
    colors, names = ink(dark), _axis_names(projection)
    limits = ends_of(projection.coordinates)
    common: dict[str, Any] = {
        "showticklabels": False,
        "showgrid": False,
        "zeroline": False,
        "linecolor": colors.line,
        "title": {"font": {"size": SMALL_SIZE, "color": colors.muted}},
    }
    if projection.dims == 3:
        axes = {
            f"{axis}axis": common
            | {"title": {"text": name, "font": {"size": SMALL_SIZE}}, "range": list(limits[d])}
            | {"showbackground": False, "showline": True}
            for d, (axis, name) in enumerate(zip("xyz", names, strict=True))
        }
        domain = {"x": [0, MAP_RIGHT], "y": [0, 1]}
        rest = {"domain": domain, "dragmode": "orbit", "bgcolor": CLEAR, "aspectmode": "cube"}
        plot.set(scene=axes | rest)
        # Legend entries have no points; their axes are not to be seen.
        plot.set(xaxis={"visible": False}, yaxis={"visible": False})
        return
    x, y = (common | {"title": common["title"] | {"text": name}} for name in names[:2])
    frame = {"showline": True, "mirror": True, "fixedrange": False}
    plot.set(
        xaxis=x | frame | {"domain": [0, MAP_RIGHT], "range": list(limits[0])},
        yaxis=y | frame | {"range": list(limits[1]), "domain": [0, 1]},
        dragmode="zoom",
    )


def _axis_names(projection: Projection) -> list[str]:
    if projection.method != "pca":
        return [f"{METHODS[projection.method]} {d + 1}" for d in range(projection.dims)]
    return [
        f"PC {d + 1} ({100 * share:.0f} % of the variance)"
        for d, share in enumerate(projection.explained)
    ]


def ends_of(coordinates: np.ndarray) -> np.ndarray:
    """Ends of every axis over all frames, with some room: ``[dims, 2]``."""
    flat = coordinates.reshape(-1, coordinates.shape[-1])
    low, high = np.nanmin(flat, axis=0), np.nanmax(flat, axis=0)
    room = 0.06 * np.maximum(high - low, 1e-6)
    return np.stack([low - room, high + room], axis=1).astype(float)


def explain(plot: Plot, view: View, projection: Projection, frame: int) -> None:
    plot.set(
        legend={
            "orientation": "h",
            "x": 0,
            "xanchor": "left",
            "y": 1.0,
            "yanchor": "bottom",
        }
    )
    lines = [_said(projection, frame), view.colors.note]
    below = 100 if projection.is_joint else 34
    shown = "<br>".join(plain(line) for line in lines if line)
    caption(plot, shown, below=below)


def _said(projection: Projection, frame: int) -> str:
    """State, method, how far the map can be trusted."""
    how = f"{METHODS[projection.method]}, seed {projection.seed}"
    trust, chance = projection.trustworthiness, projection.trustworthiness_null
    if projection.is_joint:
        return (
            f"One {how} over {len(projection.states)} states · trustworthiness {trust.min():.2f} "
            f"to {trust.max():.2f} (by chance {chance.mean():.2f}) · numbers: sentences"
        )
    words = state_words(projection.states[frame])
    return (
        f"{words[0].upper()}{words[1:]} by {how} · trustworthiness {trust[frame]:.2f} (by chance "
        f"{chance[frame]:.2f}) · numbers: sentences, at the middle of their points"
    )

"""What a narrow figure leaves out: words that would touch. A pointer at their marks shows them."""

from __future__ import annotations

import base64
import math
import re
from itertools import pairwise
from typing import Any

import numpy as np

from muxviz.figures.drawing.plot import Plot, Settings
from muxviz.figures.drawing.wording import bare, width

LETTER = 6.4  # px of an average letter of small type


def thin_ticks(axis: Settings, inner: float) -> None:
    """Leave out ticks whose words would touch those before."""
    places, texts = axis.get("tickvals") or (), axis.get("ticktext")
    if texts is None or "range" not in axis or any(isinstance(place, str) for place in places):
        return
    kept: list[int] = []
    edge = -math.inf
    for k in sorted(range(len(places)), key=lambda k: _middle(places[k], axis, inner)):
        middle, half = _middle(places[k], axis, inner), px_of(str(texts[k])) / 2 + 3
        if middle - half >= edge:
            kept.append(k)
            edge = middle + half
    axis["tickvals"], axis["ticktext"] = [places[k] for k in kept], [texts[k] for k in kept]


def drop_crowded(plot: Plot, inner: float) -> None:
    """Leave out numbers of cells and bars that would touch; whoever points at one reads it."""
    for trace in plot.data:
        if "text" in trace.get("mode", "") and isinstance(trace.get("text"), list | tuple):
            axis = _axis(plot, trace.get("xaxis", "x"))
            at = zip(values_of(trace["x"]), values_of(trace["y"]), trace["text"], strict=True)
            if "textposition" not in trace and _is_crowded(list(at), axis, inner):
                trace["mode"] = trace["mode"].replace("+text", "").replace("text", "none")
    rows: dict[tuple[str, str], list[Settings]] = {}
    for note in plot.layout.get("annotations", []):
        on = note.get("xref", "x"), note.get("yref", "y")
        is_centred = note.get("xanchor", "center") == "center" and "name" not in note
        if is_centred and all(re.fullmatch(r"[xy]\d*", ref) for ref in on):
            rows.setdefault(on, []).append(note)
    for (x, _), notes in rows.items():
        is_row = len({note["x"] for note in notes}) == len(notes)  # over bars, as high as these
        places = [(note["x"], 0 if is_row else note["y"], note["text"]) for note in notes]
        if _is_crowded(places, _axis(plot, x), inner):
            for note in notes:
                note["visible"] = False


def _is_crowded(places: list[tuple[Any, Any, str]], axis: Settings, inner: float) -> bool:
    """Whether words of one row touch."""
    if "range" not in axis or any(isinstance(x, str) for x, _, _ in places):
        return False
    rows: dict[Any, list[tuple[float, float]]] = {}
    for x, y, text in places:
        if text:
            rows.setdefault(y, []).append((_middle(x, axis, inner), px_of(text) / 2 + 1))
    return any(
        right[0] - right[1] < left[0] + left[1]
        for row in rows.values()
        for left, right in pairwise(sorted(row))
    )


def _middle(value: Any, axis: Settings, inner: float) -> float:
    """px from where the axis starts, of ``inner`` px over the whole width."""
    (start, stop), (low, high) = axis["range"], axis.get("domain", (0, 1))
    return (place_on(value, axis) - start) / (stop - start) * inner * float(high - low)


def place_on(value: Any, axis: Settings) -> float:
    """Where a point of a trace lies in the numbers of its axis' range."""
    return math.log10(value) if axis.get("type") == "log" and value > 0 else float(value)


def _axis(plot: Plot, letter: str) -> Settings:
    found: Settings = plot.layout.get(f"{letter[0]}axis{letter[1:]}", {})
    return found


def values_of(given: Any) -> list[Any]:
    """Numbers of a trace, which Plotly may have packed."""
    if isinstance(given, dict):
        return list(np.frombuffer(base64.b64decode(given["bdata"]), given["dtype"]).tolist())
    return list(given)


def px_of(text: str) -> float:
    """Width of small type."""
    return LETTER * max(width(bare(line)) for line in text.split("<br>"))

"""Bars beside a cross-talk matrix: what each slot receives from the others and gives them."""

from __future__ import annotations

from typing import Any

import numpy as np

from muxviz.figures.crosstalk.words import WORDS, amount, between, with_unit
from muxviz.figures.drawing.ink import SMALL_SIZE, ink
from muxviz.figures.drawing.plot import Plot, Trace, bar
from muxviz.figures.drawing.slots import slot_color, slot_outline
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import plain
from muxviz.results.cross_matrix import CrossMatrix
from muxviz.results.estimates import Estimates

WRITTEN = 12  # slots up to which cells and bars bear numbers
MATRIX = 0.77  # of the width and height; the rest is for the bars


def bars(
    plot: Plot, matrix: CrossMatrix, received: Estimates, given: Estimates, dark: bool
) -> None:
    """Bars beside the rows (received) and over the columns (given), on one scale each."""
    words, muted = WORDS[matrix.measure], {"size": SMALL_SIZE, "color": ink(dark).muted}
    blank: dict[str, Any] = {"showticklabels": False}
    blank |= {"zeroline": matrix.is_signed, "zerolinecolor": ink(dark).line, "domain": [0.8, 1]}
    plot.set(
        xaxis2={**blank, "range": _range(received, matrix), "side": "bottom", "anchor": "y"},
        yaxis2={**blank, "range": _range(given, matrix), "anchor": "x"},
    )
    middles = [i + 0.5 for i in range(len(matrix.values))]
    beside = {"x": received.mean, "y": middles, "orientation": "h", "xaxis": "x2", "yaxis": "y"}
    above = {"x": middles, "y": given.mean, "xaxis": "x", "yaxis": "y2"}
    for places, sums, name in ((beside, received, words.received), (above, given, words.given)):
        error = "error_x" if "orientation" in places else "error_y"
        plot.add(_bar(places, error, sums, name, matrix, dark))
    plot.mark(
        annotations=[
            _name(words.received, muted, x=0.8, y=MATRIX + 0.005, yanchor="bottom"),
            _name(words.given, muted, x=0, y=1.0, xanchor="right", yanchor="top", xshift=-10),
            *_sizes(received, matrix, muted, beside=True),
            *_sizes(given, matrix, muted, beside=False),
        ],
    )


def _bar(
    places: dict[str, Any],
    error: str,
    sums: Estimates,
    name: str,
    matrix: CrossMatrix,
    dark: bool,
) -> Trace:
    slots, has_interval = range(len(sums.mean)), not np.isnan(sums.low).all()
    return bar(
        **places,
        **(
            {
                error: whiskers(
                    sums.high - sums.mean,
                    sums.mean - sums.low,
                    ink(dark).text,
                    thickness=1.2,
                    width=3,
                )
            }
            if has_interval
            else {}
        ),
        width=0.5,
        marker={
            "color": [slot_color(s) for s in slots],
            "line": {"color": [slot_outline(s, dark=dark) for s in slots], "width": 1},
        },
        hovertext=[
            f"slot {s + 1}, {name}: {with_unit(matrix, float(sums.mean[s]))} "
            f"{between(matrix, float(sums.low[s]), float(sums.high[s]))}"
            for s in slots
        ],
        showlegend=False,
    )


def _sizes(
    sums: Estimates, matrix: CrossMatrix, font: dict[str, Any], *, beside: bool
) -> list[dict[str, Any]]:
    """The number at the end of every bar or whisker."""
    if len(sums.mean) > WRITTEN:
        return []
    notes = []
    for slot, value in enumerate(sums.mean):
        end = max(float(value), 0.0 if np.isnan(sums.high[slot]) else float(sums.high[slot]), 0.0)
        if np.isnan(value):
            continue
        if beside:
            place = {"x": end, "y": slot + 0.5, "xref": "x2", "yref": "y", "xanchor": "left"}
            place["xshift"] = 4
        else:
            place = {"x": slot + 0.5, "y": end, "xref": "x", "yref": "y2", "xanchor": "center"}
            place |= {"yanchor": "bottom", "yshift": 1}
        text = plain(amount(matrix, float(value)))
        notes.append({"text": text, "font": font, **place})
    return notes


def _range(sums: Estimates, matrix: CrossMatrix) -> list[float]:
    """Room for the bars and whiskers."""
    ends = np.concatenate([sums.mean, sums.low, sums.high])
    largest = float(np.nanmax(np.abs(ends), initial=0.0)) or 1.0
    least = float(np.nanmin(ends, initial=0.0))
    return [1.1 * min(least, 0.0), 1.5 * largest] if matrix.is_signed else [0, 1.5 * largest]


def _name(text: str, font: dict[str, Any], **place: Any) -> dict[str, Any]:
    common = {"xref": "paper", "yref": "paper", "xanchor": "left"}
    return common | {"text": text, "font": font} | place

"""The same points from the mixture to the read-out: one small map per state, all of one fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, TEXT_SIZE, caption, framed, ink
from muxviz.figures.drawing.plot import Plot
from muxviz.figures.drawing.wording import percent
from muxviz.figures.map.axes import ends_of, legend_traces
from muxviz.figures.map.colors import colors_of
from muxviz.figures.map.points import View, slot_points
from muxviz.figures.map.words import METHODS, share_table, state_words
from muxviz.results.map import EMBEDDING, SHARES, Projection, StateReading, StateSample

COLUMNS = 4
DOT = 5
SIDE, GAP = 230, 46  # px of a map, and under each for the title of the next
MARGIN = {"l": 24, "r": 24, "t": 96, "b": 96}
OWN = SHARES.index("sentence")


def journey_figure(
    sample: StateSample,
    projection: Projection,
    readings: Sequence[StateReading],
    *,
    color: str = "slot",
    dark: bool = False,
) -> go.Figure:
    """Small maps in the order of the pass, on one pair of axes.

    Args:
        sample: the points.
        projection: of several states by one fit, in two dimensions.
        readings: scores of its states.
        color: one of ``colors.COLORS``.
        dark: for a dark page.
    """
    states = projection.states
    columns, rows = min(COLUMNS, len(states)), math.ceil(len(states) / COLUMNS)
    inner = SIDE * rows + GAP * (rows - 1)
    titles = [_title(_of(readings, state), dark) for state in states]
    plot = Plot.grid(
        rows, columns, titles=titles, across=0.025, down=GAP / inner if rows > 1 else 0.0
    )
    view = View(
        sample,
        colors_of(sample, color, dark=dark),
        None,
        None,
        dark,
        2,
        ends_of(projection.coordinates),
        (0, 0),
    )
    for number, places in enumerate(projection.coordinates):
        at = {"row": number // COLUMNS + 1, "col": number % COLUMNS + 1}
        for trace in slot_points(view, places):
            marker = trace["marker"] | {"size": DOT}
            plot.add(trace | {"marker": marker}, **at)
    plot.add(*legend_traces(view))
    common: dict[str, Any] = {"showticklabels": False, "showgrid": False, "zeroline": False}
    edge = {"linecolor": ink(dark).line, "mirror": True}
    for number, places in enumerate(projection.coordinates):
        at = {"row": number // COLUMNS + 1, "col": number % COLUMNS + 1}
        across, up = (_ends(places[:, axis]) for axis in (0, 1))
        plot.xaxes(**common, **edge, range=across, **at)
        plot.yaxes(**common, **edge, range=up, **at)
    framed(
        plot,
        journey_finding(sample, projection, readings),
        dark=dark,
        height=inner + MARGIN["t"] + MARGIN["b"],
        sides=MARGIN,
    )
    plot.set(legend={"orientation": "h", "x": 0, "y": 0, "yanchor": "top", "yref": "paper"})
    caption(plot, _caption(projection), below=64, left=-12)
    return plot.figure()


def journey_finding(
    sample: StateSample, projection: Projection, readings: Sequence[StateReading]
) -> str:
    """How much of a point is its sentence where the sentences are mixed, and at the end."""
    alive = [r for r in _shown(projection, readings) if r.spread > 0 and r.state != EMBEDDING]
    if len(alive) < 2:
        return "There are no two states to compare"
    first, last = alive[0], alive[-1]
    return (
        f"Of what points differ by, {_own(first)} is the sentence's own {_where(first)}, "
        f"{_own(last)} {_where(last)}"
    )


def journey_table(
    sample: StateSample, projection: Projection, readings: Sequence[StateReading]
) -> list[dict[str, Any]]:
    """Shares of the variance, one row per state."""
    return share_table(tuple(_shown(projection, readings)))


def journey_alt(
    sample: StateSample, projection: Projection, readings: Sequence[StateReading]
) -> str:
    """The picture in words."""
    parts = [
        f"{state_words(r.state)}: " + ", ".join(
            f"{name} {percent(float(share))}"
            for name, share in zip(SHARES, r.shares.mean, strict=True)
        )
        for r in _shown(projection, readings)
        if r.spread > 0
    ]  # fmt: skip
    finding = journey_finding(sample, projection, readings)
    return f"{finding}. {'; '.join(parts)}. {_caption(projection)}"


def _shown(projection: Projection, readings: Sequence[StateReading]) -> list[StateReading]:
    return [_of(readings, state) for state in projection.states]


def _of(readings: Sequence[StateReading], state: str) -> StateReading:
    return next(r for r in readings if r.state == state)


def _own(reading: StateReading) -> str:
    return percent(float(reading.shares.mean[OWN]))


def _where(reading: StateReading) -> str:
    words = state_words(reading.state)
    return words if words.startswith("after") else f"in the {words}"


def _title(reading: StateReading, dark: bool) -> dict[str, Any]:
    own = f", its own {_own(reading)}" if reading.spread > 0 else ""
    return {
        "text": f"{state_words(reading.state).capitalize()}{own}",
        "xanchor": "left",
        "font": {"size": SMALL_SIZE if own else TEXT_SIZE, "color": ink(dark).text},
        "yshift": 5,
    }


def _caption(projection: Projection) -> str:
    return (
        f"One {METHODS[projection.method]} of all states: directions are the same, each picture "
        "has its own scale. Own: the sentence's share of the variance, in all dimensions."
    )


def _ends(places: np.ndarray) -> list[float]:
    """Ends of an axis, with room around the points ``[P]``."""
    low, high = float(np.nanmin(places)), float(np.nanmax(places))
    room = 0.06 * max(high - low, 1e-9)
    return [low - room, high + room]


JOURNEY = Family(journey_figure, journey_finding, journey_alt, journey_table)

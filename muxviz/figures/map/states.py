"""The map of states: colour and symbol say who a point is; lines join a chosen sentence's points.

Beside it stand the scores of the state in its original space. Several states of one joint fit are
frames of one figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, framed, ink
from muxviz.figures.drawing.plot import Plot, Trace
from muxviz.figures.drawing.wording import plain
from muxviz.figures.map.axes import MAP_RIGHT, ends_of, explain, legend_traces, set_axes
from muxviz.figures.map.colors import colors_of
from muxviz.figures.map.points import SVG_MOST, View, point_traces
from muxviz.figures.map.scores import add_score_axes, score_traces
from muxviz.figures.map.words import map_alt, map_finding, map_table, state_words
from muxviz.results.map import Projection, StateReading, StateSample

HEIGHT = 620
PLOT, NARROW_PLOT = (480, 400), (310, 400)  # px of the map, at the narrowest
FRAME_MS, TURN_MS = 1100, 600


def map_figure(
    sample: StateSample,
    projection: Projection,
    readings: Sequence[StateReading],
    *,
    state: str,
    color: str = "sentence",
    selected: int | None = None,
    point: int | None = None,
    dark: bool = False,
    is_narrow: bool = False,
) -> go.Figure:
    """Scatter of one state; with a joint projection, frames for all of its states.

    Args:
        sample: the points.
        projection: that holds ``state``.
        readings: scores of the projection's states.
        state: shown first.
        color: one of ``COLORS``.
        selected: anchor whose points stand out.
        point: its number in the sample; ringed.
        dark: for a dark page.
        is_narrow: for a page of 360 px.

    Raises:
        InputError: another ``color``.
    """
    colors = colors_of(sample, color, dark=dark)
    ends, size = ends_of(projection.coordinates), NARROW_PLOT if is_narrow else PLOT
    view = View(sample, colors, selected, point, dark, projection.dims, ends, size)
    scores = {r.state: r for r in readings}
    frame = projection.states.index(state)
    plot = Plot(
        *point_traces(view, projection.coordinates[frame]),
        *score_traces(scores[state], dark=dark),
        *legend_traces(view),
    )
    if projection.is_joint:
        _animate(plot, view, projection, scores, state)
    framed(
        plot,
        map_finding(scores[state]),
        dark=dark,
        height=HEIGHT,
        sides={"l": 24, "r": 20, "t": 88, "b": 132 if projection.is_joint else 88},
    )
    set_axes(plot, projection, dark)
    add_score_axes(plot, dark=dark)
    explain(plot, view, projection, frame)
    return plot.figure()


# ---- frames -------------------------------------------------------------------------------------


def _animate(
    plot: Plot,
    view: View,
    projection: Projection,
    scores: dict[str, StateReading],
    state: str,
) -> None:
    """One frame per state, a play button and a slider under the map."""
    moving = len(point_traces(view, projection.coordinates[0]))
    frames = []
    for f, name in enumerate(projection.states):
        placed = [_bones(t) for t in point_traces(view, projection.coordinates[f])]
        traces = [*placed, *(_bones(t) for t in score_traces(scores[name], dark=view.dark))]
        frames.append(
            {
                "data": traces,
                "name": name,
                "traces": list(range(len(traces))),
                "layout": {"title": {"text": plain(map_finding(scores[name]))}},
            }
        )
    assert moving <= len(plot.data), "frames move the first traces"
    plot.frames = frames
    redraw = view.dims == 3 or len(view.sample.anchor) > SVG_MOST
    step: dict[str, Any] = {"mode": "immediate", "fromcurrent": True}
    play = step | {
        "frame": {"duration": FRAME_MS, "redraw": redraw},
        "transition": {"duration": 0 if redraw else TURN_MS, "easing": "cubic-in-out"},
    }
    jump = step | {"frame": {"duration": 0, "redraw": redraw}, "transition": {"duration": 0}}
    plot.set(
        updatemenus=[_buttons(play, jump, view.dark)],
        sliders=[_slider(projection.states, state, jump, view.dark)],
    )


def _bones(trace: Trace) -> Trace:
    """What of a trace changes from frame to frame."""
    kept = {"type", "x", "y", "z", "text", "textposition", "hovertext"}
    if trace["mode"] == "markers" and "customdata" in trace:
        kept.remove("hovertext")  # of points: the same in every frame
    return {name: value for name, value in trace.items() if name in kept}


def _buttons(play: dict[str, Any], jump: dict[str, Any], dark: bool) -> dict[str, Any]:
    pause = jump | {"fromcurrent": False}
    return {
        "type": "buttons",
        "direction": "left",
        "showactive": False,
        "x": 0,
        "y": 0,
        "xanchor": "left",
        "yanchor": "top",
        "pad": {"t": 34},
        "font": {"size": SMALL_SIZE, "color": ink(dark).text},
        "bgcolor": ink(dark).paper,
        "bordercolor": ink(dark).line,
        "buttons": [
            {"label": "▶ Play", "method": "animate", "args": [None, play]},
            {"label": "❚❚ Pause", "method": "animate", "args": [[None], pause]},
        ],
    }


def _slider(states: Sequence[str], state: str, jump: dict[str, Any], dark: bool) -> dict[str, Any]:
    colors = ink(dark)
    return {
        "active": list(states).index(state),
        "x": 0.24,
        "len": MAP_RIGHT - 0.26,
        "y": 0,
        "yanchor": "top",
        "pad": {"t": 30},
        "currentvalue": {"visible": False},
        "font": {"size": SMALL_SIZE, "color": colors.muted},
        "bordercolor": colors.line,
        "bgcolor": colors.line,
        "activebgcolor": colors.text,
        "tickcolor": colors.line,
        "steps": [
            {"label": state_words(s), "method": "animate", "args": [[s], jump]} for s in states
        ],
    }


def _of(readings: Sequence[StateReading], state: str) -> StateReading:
    return next(r for r in readings if r.state == state)


MAP = Family(
    map_figure,
    lambda sample, projection, readings, state: map_finding(_of(readings, state)),
    lambda sample, projection, readings, state: map_alt(sample, projection, _of(readings, state)),
    lambda sample, projection, readings, state: map_table(
        sample, projection, state, _of(readings, state)
    ),
)

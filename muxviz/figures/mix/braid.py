"""The braid: one multiplexed pass in one picture. Every length in it is data.

Left: a lane per slot, all of one width, woven into one band by the multiplexer. Band: one tick per
layer; equal stripes, or the entanglement spectrum where one is given (each slot's stripe as high
as its share, grey what belongs to no single slot, and colours blend by as much). Right: slot i's
lane holds ribbons as wide as row i of the hard leak matrix, its own tokens first, then those that
came from neighbours, and an empty dotted rest for tokens that came from no slot. At its end a
capsule shows the answer: full as alone, hatched turned, pale close to turning.

Neighbours: ``braid_geometry`` places everything, ``braid_labels`` writes around it,
``braid_words`` says the same without a picture; ``braid_stack`` is the same for narrow pages.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import UNSEEN, framed, ink, mix, tint
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.slots import slot_color, slot_marker, slot_outline
from muxviz.figures.drawing.wording import percent, tokens_of
from muxviz.figures.mix.braid_geometry import (
    BAND_IN,
    BAND_OUT,
    CAPSULE,
    END,
    LEFT,
    RIGHT,
    Geometry,
    Ribbon,
    braid_geometry,
)
from muxviz.figures.mix.braid_labels import (
    answer_hover,
    label_lanes,
    label_layers,
    sentence_hover,
    write_caption,
)
from muxviz.figures.mix.braid_stack import braid_stack_figure
from muxviz.figures.mix.braid_words import (
    braid_alt,
    braid_finding,
    braid_table,
    interaction,
)
from muxviz.figures.mix.capsule import capsule
from muxviz.figures.mix.curves import bend, between, through
from muxviz.results import GroupResult, SlotResult

SIDES = {"l": 272, "r": 232, "t": 72, "b": 26}  # px for the texts, at 900 px and more
LINE = 18  # px of a line below
ROWS = {1: 116, 2: 104, 3: 96, 4: 90, 5: 82, 6: 74, 7: 66}  # px from lane to lane
LEAST_ROW = 58  # px, of larger groups
DEEP, WOVEN = 0.88, 0.5  # opacity at the ends of a lane and inside the band
FAINT = 0.16  # opacity of all other lanes where one is soloed
HANDLE = 22  # px of the unseen points that a click on a lane finds
HANDLES = 6  # of them on the way to the band
REST_FROM = 0.55  # the rest is drawn from here on, as a share of the way back

Edge = tuple[np.ndarray, np.ndarray]


def braid_figure(
    result: GroupResult,
    *,
    spectrum: np.ndarray | None = None,
    solo: int | None = None,
    dark: bool = False,
) -> go.Figure:
    """Draw one group's pass.

    Args:
        result: of one group.
        spectrum: ``[K + 1, N]`` share of each slot in the state at the mixture and after each
            layer; rows sum to at most 1, the rest is drawn grey (what belongs to no single slot).
            None draws N equal stripes.
        solo: the slot (from 0) to look at; the others are dimmed. None shows all alike.
        dark: for a dark page.

    Returns:
        A figure of filled outlines, without a background of its own.

    Raises:
        InputError: the spectrum does not fit the group, or there is no such slot.
    """
    if solo is not None and not 0 <= solo < len(result.slots):
        raise InputError(f"got solo={solo}; this group has slots 0 to {len(result.slots) - 1}")
    geometry = braid_geometry(result, spectrum=spectrum)
    plot = Plot()
    if spectrum is not None:
        plot.add(_interaction(geometry, spectrum, dark))
    plot.add(*[_strand(geometry, slot, spectrum, dark) for slot in result.slots])
    plot.add(*_lanes_out(geometry, result, dark))
    plot.add(*[_capsule(geometry, slot, dark) for slot in result.answered])
    plot.add(_symbols(geometry, result, solo, dark))
    if solo is not None:
        plot.data = [_dimmed(trace, solo) for trace in plot.data]
    plot.add(_handles(geometry, result))
    label_layers(plot, geometry, dark=dark)
    label_lanes(plot, geometry, result, solo=solo, dark=dark)
    has_rest = spectrum is not None
    lines = write_caption(plot, geometry, result, left=SIDES["l"], has_rest=has_rest)
    plot.xaxes(visible=False, range=[LEFT, CAPSULE[1]])
    plot.yaxes(visible=False, range=[geometry.bottom - 0.1, 0.1])
    num = len(result.slots)
    sides = SIDES | {"b": SIDES["b"] + LINE * lines}
    height = num * ROWS.get(num, LEAST_ROW) + sides["t"] + sides["b"]
    framed(plot, braid_finding(result), dark=dark, height=height, sides=sides)
    return plot.figure()


def _dimmed(trace: Trace, solo: int) -> Trace:
    """Faded where it belongs to another lane than ``solo``."""
    return trace if trace.get("meta", solo) == solo else trace | {"opacity": FAINT}


def _shape(upper: Edge, lower: Edge, hover: str, lane: int | None = None, **look: Any) -> Trace:
    """A filled band between two edges, hovered as a whole; ``lane``: the slot it belongs to."""
    x, y = between(upper, lower)
    return scatter(
        x=x.astype(np.float32),
        y=y.astype(np.float32),
        mode="lines",
        fill="toself",
        hoveron="fills",
        hoverinfo="text",
        text=hover,
        meta=lane,
        showlegend=False,
        **look,
    )


def _fading(color: str, stops: list[tuple[float, float]]) -> dict[str, Any]:
    """Gradient of one colour from left to right; stops are (x, opacity)."""
    return _blending([(x, color, alpha) for x, alpha in stops])


def _blending(stops: list[tuple[float, str, float]]) -> dict[str, Any]:
    """Gradient from left to right; stops are (x, colour, opacity)."""
    places = [(LEFT, *stops[0][1:]), *stops, (RIGHT, *stops[-1][1:])]
    scale = [[(x - LEFT) / (RIGHT - LEFT), tint(color, alpha)] for x, color, alpha in places]
    return {"type": "horizontal", "start": LEFT, "stop": RIGHT, "colorscale": scale}


def _hatch(color: str) -> dict[str, Any]:
    """What marks a slot that only fills the group up."""
    return {
        "shape": "/",
        "size": 7,
        "solidity": 0.2,
        "fgcolor": tint(color, 0.6),
        "bgcolor": tint(color, 0.1),
    }


def _line(slot: int, dark: bool, width: float = 0.8, dash: str = "solid") -> dict[str, Any]:
    return {"color": tint(slot_outline(slot, dark=dark), 0.75), "width": width, "dash": dash}


def _strand(geometry: Geometry, slot: SlotResult, spectrum: np.ndarray | None, dark: bool) -> Trace:
    """A lane from the left and its stripe through the band."""
    hover = sentence_hover(slot)
    if spectrum is not None:
        first, last = (percent(float(spectrum[k, slot.slot])) for k in (0, -1))
        hover += f"<br>share of the state: {first} in the mixture, {last} at the end"
    i, color = slot.slot, slot_color(slot.slot)
    top, bottom = geometry.lane(i)
    look: dict[str, Any] = {"line": _line(i, dark)}
    if slot.is_filler:
        look["fillpattern"] = _hatch(color)
    else:
        look["fillgradient"] = _blending(_through_band(geometry, i, spectrum))
        look["fillgradient"]["colorscale"][0][1] = tint(color, DEEP)
    return _shape(
        _edge_in(geometry, top, geometry.stripes[i]),
        _edge_in(geometry, bottom, geometry.stripes[i + 1]),
        hover,
        i,
        **look,
    )


def _through_band(
    geometry: Geometry, slot: int, spectrum: np.ndarray | None
) -> list[tuple[float, str, float]]:
    """Colour of a stripe at every tick: the more belongs to no single slot, the more it is that of
    all of them together.
    """
    color, alphas = slot_color(slot), np.linspace(WOVEN + 0.12, WOVEN, len(geometry.ticks))
    shared = np.zeros(len(alphas))
    if spectrum is not None:
        shared = np.clip(1 - spectrum.sum(axis=1), 0, 1)
    together = _together(len(geometry.lanes))
    return [
        (float(x), mix(color, together, float(part)), float(alpha))
        for x, part, alpha in zip(geometry.ticks, shared, alphas, strict=True)
    ]


def _together(num: int) -> str:
    """The mean of the colours of all slots."""
    color = slot_color(0)
    for slot in range(1, num):
        color = mix(color, slot_color(slot), 1 / (slot + 1))
    return color


def _edge_in(geometry: Geometry, y: float, profile: np.ndarray) -> Edge:
    """One edge of a strand: level, a bend, then along the stripe's profile ``[K + 1]``."""
    x, down = bend((LEFT + END, BAND_IN), (y, float(profile[0])))
    along, through_band = through(geometry.ticks, profile)
    return np.r_[LEFT, x, along], np.r_[y, down, through_band]


def _edge_out(start: float, stop: float, since: float = 0.0) -> Edge:
    """One edge of a ribbon: a bend, of which the first ``since`` (0 to 1) is cut, then level."""
    x, y = bend((BAND_OUT, RIGHT - END), (start, stop))
    kept = x >= BAND_OUT + since * (RIGHT - BAND_OUT)
    return np.r_[x[kept], RIGHT], np.r_[y[kept], stop]


def _lanes_out(geometry: Geometry, result: GroupResult, dark: bool) -> list[Trace]:
    """Pale lanes where nothing is read, then rests, then ribbons: own ones lie lowest."""
    read = {r.slot for r in (*geometry.ribbons, *geometry.rests)}
    unread = [s for s in result.slots if s.slot not in read]
    return [
        *(_unread(geometry, result, slot, dark) for slot in unread),
        *(_rest(rest, result, dark) for rest in geometry.rests),
        *(_ribbon(ribbon, result, dark) for ribbon in geometry.ribbons),
    ]


def _ribbon(ribbon: Ribbon, result: GroupResult, dark: bool) -> Trace:
    """Tokens that came out of a lane, in the colour of the slot that holds them."""
    color, own = slot_color(ribbon.source), ribbon.source == ribbon.slot
    fade = _fading(color, [(BAND_OUT, WOVEN), (RIGHT, DEEP)] if own else [(BAND_OUT, 0.95)])
    return _shape(
        _edge_out(ribbon.start[0], ribbon.stop[0]),
        _edge_out(ribbon.start[1], ribbon.stop[1]),
        _flow_hover(ribbon, result),
        ribbon.slot,
        fillgradient=fade,
        line=_line(ribbon.source, dark, 0.8 if own else 0.5),
    )


def _rest(rest: Ribbon, result: GroupResult, dark: bool) -> Trace:
    """The empty end of a lane: tokens that no slot holds there."""
    return _shape(
        _edge_out(rest.start[0], rest.stop[0], REST_FROM),
        _edge_out(rest.start[1], rest.stop[1], REST_FROM),
        _flow_hover(rest, result),
        rest.slot,
        fillcolor=tint(ink(dark).text, 0.03),
        line={"color": ink(dark).muted, "width": 1, "dash": "dot"},
    )


def _flow_hover(ribbon: Ribbon, result: GroupResult) -> str:
    assert result.leak is not None  # without one nothing flows
    tokens = tokens_of(ribbon.share, int(result.leak.positions[ribbon.slot]))
    number = f"{percent(ribbon.share)} ({tokens})"
    if ribbon.source == ribbon.slot:
        return f"slot {ribbon.slot + 1}, read back: {number}"
    if ribbon.source == len(result.slots):
        return f"slot {ribbon.slot + 1}, from no slot: {number}"
    return f"slot {ribbon.source + 1} → slot {ribbon.slot + 1}: {number}"


def _unread(geometry: Geometry, result: GroupResult, slot: SlotResult, dark: bool) -> Trace:
    """A whole lane where nothing is read: a filler, no retrieval head, no token to count."""
    i, color = slot.slot, slot_color(slot.slot)
    edges, lane = geometry.stripes[i : i + 2, -1], geometry.lane(i)
    look: dict[str, Any] = {"line": _line(i, dark, dash="dot")}
    if slot.is_filler:
        why, look["fillpattern"] = "filler, not counted", _hatch(color)
    elif result.leak is None:
        why = "not read back: no retrieval head"
        look["fillgradient"] = _fading(color, [(BAND_OUT, WOVEN), (RIGHT, 0.12)])
    else:
        why, look["fillcolor"] = "no token to count", tint(color, 0.06)
    return _shape(
        _edge_out(float(edges[0]), lane[0]),
        _edge_out(float(edges[1]), lane[1]),
        f"slot {slot.number}: {why}",
        i,
        **look,
    )


def _interaction(geometry: Geometry, spectrum: np.ndarray, dark: bool) -> Trace:
    """The grey stripe below all others."""
    floor = np.full(len(geometry.ticks), geometry.band[1])
    shares = [percent(share) for share in interaction(spectrum)]
    return _shape(
        through(geometry.ticks, geometry.stripes[-1]),
        through(geometry.ticks, floor),
        f"interaction, of no single slot:<br>{shares[0]} in the mixture, {shares[1]} at the end",
        fillcolor=tint(ink(dark).grey, 0.3),
        line={"color": ink(dark).line, "width": 0.8},
    )


def _capsule(geometry: Geometry, slot: SlotResult, dark: bool) -> Trace:
    """The answer at the end of a lane."""
    half = 0.19
    middle = geometry.middle(slot.slot)
    x, y, look = capsule(slot, CAPSULE, (middle - half, middle + half), dark=dark)
    return scatter(
        x=x,
        y=y,
        mode="lines",
        fill="toself",
        hoveron="fills",
        hoverinfo="text",
        text=answer_hover(slot),
        meta=slot.slot,
        showlegend=False,
        **look,
    )


def _symbols(geometry: Geometry, result: GroupResult, solo: int | None, dark: bool) -> Trace:
    """Who is who: a symbol where a lane begins."""
    slots = [slot.slot for slot in result.slots]
    return scatter(
        x=[LEFT] * len(slots),
        y=[geometry.middle(slot) for slot in slots],
        mode="markers",
        marker={
            "symbol": [slot_marker(slot) for slot in slots],
            "size": 12,
            "color": [slot_color(slot) for slot in slots],
            "opacity": [1 if solo in (None, slot) else FAINT for slot in slots],
            "line": {"color": [slot_outline(slot, dark=dark) for slot in slots], "width": 1.3},
        },
        unselected={"marker": {"opacity": 1}},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _handles(geometry: Geometry, result: GroupResult) -> Trace:
    """Unseen points where a lane begins and over its answer: Streamlit reports clicks on points,
    not on shapes. ``customdata`` is the slot, from 0.
    """
    starts = np.linspace(LEFT, 0.6 * BAND_IN, HANDLES)
    x: list[float] = []
    y: list[float] = []
    slots: list[int] = []
    hovers: list[str] = []
    for slot in result.slots:
        middle, stripe = geometry.middle(slot.slot), geometry.stripes[slot.slot : slot.slot + 2, 0]
        way = bend((LEFT + END, BAND_IN), (middle, float(stripe.mean())))
        x += starts.tolist()
        y += np.interp(starts, *way).tolist()
        hovers += [sentence_hover(slot)] * HANDLES
        if not slot.is_filler:
            x.append(sum(CAPSULE) / 2)
            y.append(middle)
            hovers.append(answer_hover(slot))
        slots += [slot.slot] * (len(x) - len(slots))
    return scatter(
        x=np.array(x, dtype=np.float32),
        y=np.array(y, dtype=np.float32),
        mode="markers",
        marker={"symbol": "square", "size": HANDLE, "color": UNSEEN},
        customdata=[[slot] for slot in slots],
        hovertext=hovers,
    )


BRAID = Family(braid_figure, braid_finding, braid_alt, braid_table, braid_stack_figure)

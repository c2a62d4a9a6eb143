"""The braid: one multiplexed pass in one picture. Every length in it is data.

Left: a lane per slot, all of one width, woven into one band by the multiplexer. Band: one tick per
layer; equal stripes, or the entanglement spectrum where one is given. Right: slot i's lane holds
ribbons as wide as row i of the hard leak matrix, its own tokens first, then those that came from
neighbours, and an empty dotted rest for tokens that came from no slot. A lane is one unit wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.curves import bend, stripe
from muxviz.figures.ink import SMALL_SIZE, TEXT_SIZE, Ink, bare, framed, ink, tint
from muxviz.figures.leak import largest_leak
from muxviz.figures.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.wording import count, fold, percent, plain, shorten, tokens_of
from muxviz.results import GroupResult, LabelAnswer, SlotResult

SMALLEST = 0.02  # ribbons below this share of a lane are left out, and counted
LEFT, BAND_IN, BAND_OUT, RIGHT = 0.0, 2.7, 6.9, 9.7  # x of lanes, band, lanes
GAP = 0.55  # between lanes, in lane widths
BAND = 0.46  # height of the band, as a share of all lanes and gaps
SIDE = {"l": 292, "r": 236}  # px for the texts
SENTENCE_ROOM = 36  # letters
ANSWER_ROOM = 26  # letters
TICKS = 13  # at most this many layer numbers


@dataclass(frozen=True)
class Ribbon:
    """What flows from one slot's stripe into another slot's lane. share: of the lane, 0 to 1."""

    source: int
    slot: int
    share: float
    start: tuple[float, float]  # (top, bottom) in the source's stripe
    stop: tuple[float, float]  # (top, bottom) in the slot's lane


@dataclass(frozen=True)
class Geometry:
    """Where everything lies, y upwards.

    lanes: top of each lane. stripes: their edges ``[N + 1, K + 1]``, top edge first. ticks: x
    of the mixture and the layers. bottom: of the last lane. omitted: ribbons too thin to draw.
    """

    lanes: np.ndarray
    stripes: np.ndarray
    ticks: np.ndarray
    bottom: float
    ribbons: tuple[Ribbon, ...]
    omitted: int


def braid_figure(
    result: GroupResult, *, dark: bool = False, spectrum: np.ndarray | None = None
) -> go.Figure:
    """Draw one group's pass.

    Args:
        result: of one group.
        dark: for a dark page.
        spectrum: ``[K + 1, N]`` share of each slot in the state at the mixture and after each
            layer; rows sum to at most 1, the rest is drawn grey (what belongs to no single slot).
            None draws N equal stripes.

    Returns:
        A figure of filled outlines, without a background of its own.
    """
    geometry = braid_geometry(result, spectrum=spectrum)
    fig = go.Figure()
    for slot in result.slots:
        _lane_in(fig, geometry, slot, dark)
    _band(fig, geometry, result, dark)
    _lanes_out(fig, geometry, result, dark)
    for slot in result.slots:
        _name(fig, geometry, slot, dark)
        _answer(fig, geometry, slot, dark)
    _layer_labels(fig, geometry, dark)
    _caption(fig, geometry, result, dark)
    num = len(result.slots)
    lane = 66 if num <= 5 else 50
    fig.update_xaxes(**bare(range=[LEFT - 0.12, RIGHT + 0.05]))
    fig.update_yaxes(**bare(range=[geometry.bottom - 0.25, 0.25]))
    framed(
        fig,
        braid_finding(result),
        dark=dark,
        height=max(lane * num, 96) + 150,
        sides={**SIDE, "t": 74, "b": 62},
    )
    fig.update_layout(showlegend=False)
    return fig


def braid_geometry(result: GroupResult, *, spectrum: np.ndarray | None = None) -> Geometry:
    """Compute all positions; see ``Geometry``. A lane is 1 wide, the first one's top is y = 0."""
    num, layers = len(result.slots), result.num_layers
    lanes = -np.arange(num) * (1 + GAP)
    total = num + GAP * (num - 1)
    band = max(total * BAND, 0.9)
    middle = -total / 2
    shares = np.full((layers + 1, num), 1 / num) if spectrum is None else spectrum
    depth = np.concatenate([np.zeros((layers + 1, 1)), shares.cumsum(axis=1)], axis=1).T
    stripes = middle + band / 2 - band * depth
    ribbons, omitted = _ribbons(result, lanes, stripes[:, -1])
    ticks = np.linspace(BAND_IN, BAND_OUT, layers + 1)
    return Geometry(lanes, stripes, ticks, -total, ribbons, omitted)


def _ribbons(
    result: GroupResult, lanes: np.ndarray, edges: np.ndarray
) -> tuple[tuple[Ribbon, ...], int]:
    if result.leak is None:
        return (), 0
    shares = np.nan_to_num(result.leak.shares[:, : len(lanes)])
    shares = shares * np.array([[0 if s.is_filler else 1] for s in result.slots])
    heights = edges[:-1] - edges[1:]
    scale = heights / np.maximum(1, shares.sum(axis=0))  # all that leaves a stripe fits into it
    used = edges[:-1].copy()
    starts = {}
    for i in range(len(lanes)):
        for j in np.nonzero(shares[i])[0]:
            width = shares[i, j] * scale[j]
            starts[i, int(j)] = (float(used[j]), float(used[j] - width))
            used[j] -= width
    ribbons, omitted = [], 0
    for i, lane in enumerate(lanes):
        at = float(lane)
        for j in sorted(np.nonzero(shares[i])[0], key=lambda j: (j != i, j)):
            share = float(shares[i, j])
            if share < SMALLEST:
                omitted += 1
                continue
            ribbons.append(Ribbon(int(j), i, share, starts[i, int(j)], (at, at - share)))
            at -= share
    return tuple(ribbons), omitted


# ---- words --------------------------------------------------------------------------------------


def braid_finding(result: GroupResult) -> str:
    """What the picture shows, in one computed sentence."""
    changed = [s for s in result.answered if s.agrees is False]
    compared = [s for s in result.answered if s.agrees is not None]
    answers = ""
    if compared:
        answers = f"multiplexing changed {len(changed) or 'none'} of {len(compared)} answers"
    if len(result.slots) == 1:
        return "One sentence, one pass: nothing is multiplexed"
    if result.leak is None:
        fallback = f"one pass answered {count(len(result.answered), 'sentence')}"
        return _capital(answers or fallback)
    return _capital("; ".join(part for part in (_read_back_finding(result), answers) if part))


def _read_back_finding(result: GroupResult) -> str:
    assert result.leak is not None
    fillers = [s.slot for s in result.slots if s.is_filler]
    worst = largest_leak(result.leak.shares, fillers)
    if worst:
        slot, source, share = worst
        return (
            f"slot {source + 1} leaks most, into slot {slot + 1} ({percent(share)} of its tokens)"
        )
    readings = [s.reading.accuracy for s in result.answered if s.reading is not None]
    tokens = sum(p.trials for p in readings)
    right = sum(p.successes for p in readings)
    if tokens and right == tokens:
        number = len(result.answered)
        return (
            f"all {count(number, 'sentence')} came back whole"
            if number > 1
            else ("the sentence came back whole")
        )
    share = right / tokens if tokens else float("nan")
    return f"{percent(share)} of the tokens came back, none of the others from a neighbour"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def braid_table(result: GroupResult) -> list[dict[str, Any]]:
    """The picture's numbers, one row per slot; shares in [0, 1], None where not applicable."""
    return [_table_row(result, slot) for slot in result.slots]


def _table_row(result: GroupResult, slot: SlotResult) -> dict[str, Any]:
    row: dict[str, Any] = {"slot": slot.number, "sentence": slot.text}
    if slot.is_filler:
        return row | {"prediction": f"filler (repeats {int(slot.repeats or 0) + 1})"}
    row |= {
        "prediction": slot.answer.headline,
        "probability": _finite(slot.answer.probability),
        "alone": slot.alone.headline if slot.alone else None,
        "changed": None if slot.agrees is None else not slot.agrees,
    }
    if slot.reading is None or result.leak is None:
        return row
    low, high = slot.reading.accuracy.interval
    shares = result.leak.shares[slot.slot]
    others = [j for j in range(len(result.slots)) if j != slot.slot and shares[j] > 0]
    worst = max(others, key=lambda j: shares[j], default=None)
    return row | {
        "tokens": slot.reading.accuracy.trials,
        "read back": _finite(slot.reading.accuracy.value),
        "from": _finite(low),
        "to": _finite(high),
        "largest leak from": None if worst is None else worst + 1,
        "its share": None if worst is None else float(shares[worst]),
        "from no slot": _finite(float(shares[-1])),
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)


def braid_alt(result: GroupResult) -> str:
    """The picture in words, with the numbers of the table."""
    lines = [f"{braid_finding(result)}."]
    for row in braid_table(result):
        head = (
            f"Slot {row['slot']} ({shorten(row['sentence'], SENTENCE_ROOM)}): {row['prediction']}"
        )
        parts = [head]
        if row.get("probability") is not None:
            parts.append(f"probability {row['probability']:.2f}")
        if row.get("changed"):
            parts.append(f"alone {row['alone']}")
        if row.get("read back") is not None:
            parts.append(f"{percent(row['read back'])} of {row['tokens']} tokens read back")
        if row.get("largest leak from"):
            parts.append(f"{percent(row['its share'])} from slot {row['largest leak from']}")
        lines.append(", ".join(parts) + ".")
    return " ".join(lines)


# ---- drawing ------------------------------------------------------------------------------------


def _shape(
    fig: go.Figure,
    outline: tuple[np.ndarray, np.ndarray],
    *,
    fill: str,
    line: str,
    width: float = 0.8,
    hover: str = "",
    pattern: dict[str, Any] | None = None,
    dash: str = "solid",
) -> None:
    x, y = outline
    fig.add_trace(
        go.Scatter(
            x=np.round(x, 3).astype(np.float32),
            y=np.round(y, 3).astype(np.float32),
            mode="lines",
            fill="toself",
            fillcolor=fill,
            fillpattern=pattern,
            line={"color": line, "width": width, "dash": dash},
            hoveron="fills",
            hoverinfo="text" if hover else "skip",
            text=hover,
            showlegend=False,
        )
    )


def _lane(geometry: Geometry, slot: int) -> tuple[float, float]:
    top = float(geometry.lanes[slot])
    return top, top - 1


def _hatch(slot: int, dark: bool) -> dict[str, Any]:
    color = slot_outline(slot, dark=dark)
    return {"shape": "/", "size": 7, "solidity": 0.16, "fgcolor": tint(color, 0.55)}


def _lane_in(fig: go.Figure, geometry: Geometry, slot: SlotResult, dark: bool) -> None:
    edges = geometry.stripes[slot.slot : slot.slot + 2, 0]
    outline = bend((LEFT, BAND_IN), _lane(geometry, slot.slot), (float(edges[0]), float(edges[1])))
    note = f"<br>filler: repeats slot {int(slot.repeats or 0) + 1}" if slot.is_filler else ""
    cut = f"<br>cut: {plain(shorten(slot.cut_text, 60))}" if slot.cut_text else ""
    _shape(
        fig,
        outline,
        fill=tint(slot_color(slot.slot), 0.12 if slot.is_filler else 0.5),
        line=tint(slot_outline(slot.slot, dark=dark), 0.55),
        hover=f"slot {slot.number}: {_whole(slot)}<br>{slot.num_tokens} tokens{cut}{note}",
        pattern=_hatch(slot.slot, dark) if slot.is_filler else None,
    )


def _whole(slot: SlotResult) -> str:
    lines = fold(slot.text, 70, 8)
    if slot.pair:
        lines += ["+ " + line for line in fold(slot.pair, 68, 8)]
    return "<br>".join(plain(line) for line in lines)


def _band(fig: go.Figure, geometry: Geometry, result: GroupResult, dark: bool) -> None:
    edges, colors = geometry.stripes, ink(dark)
    for slot in result.slots:
        outline = stripe(geometry.ticks, edges[slot.slot], edges[slot.slot + 1])
        _shape(
            fig,
            outline,
            fill=tint(slot_color(slot.slot), 0.2 if slot.is_filler else 0.62),
            line=tint(slot_outline(slot.slot, dark=dark), 0.4),
            pattern=_hatch(slot.slot, dark) if slot.is_filler else None,
        )
    floor = np.full(len(geometry.ticks), 2 * _middle(geometry) - edges[0, 0])
    if (edges[-1] - floor > 1e-6).any():
        outline = stripe(geometry.ticks, edges[-1], floor)
        grey = tint(colors.muted, 0.25)
        _shape(fig, outline, fill=grey, line=grey, hover="interaction: belongs to no single slot")
    top, low = float(edges[0, 0]), float(min(edges[-1].min(), floor.min()))
    for tick in geometry.ticks:
        fig.add_shape(
            type="line",
            x0=tick,
            x1=tick,
            y0=top + 0.09,
            y1=low - 0.09,
            line={"color": tint(colors.text, 0.28), "width": 1},
        )


def _middle(geometry: Geometry) -> float:
    return geometry.bottom / 2


def _lanes_out(fig: go.Figure, geometry: Geometry, result: GroupResult, dark: bool) -> None:
    colors = ink(dark)
    for slot in result.slots:
        _frame_out(fig, geometry, slot, colors, has_leak=result.leak is not None, dark=dark)
    # Own ribbons first, so that what crosses them lies on top.
    for ribbon in sorted(geometry.ribbons, key=lambda r: (r.source != r.slot, -r.share)):
        own = ribbon.source == ribbon.slot
        assert result.leak is not None
        positions = int(result.leak.positions[ribbon.slot])
        tokens = tokens_of(ribbon.share, positions)
        words = (
            f"slot {ribbon.slot + 1}, read back"
            if own
            else (f"slot {ribbon.source + 1} → slot {ribbon.slot + 1}")
        )
        _shape(
            fig,
            bend((BAND_OUT, RIGHT), ribbon.start, ribbon.stop),
            fill=tint(slot_color(ribbon.source), 0.5 if own else 0.88),
            line=tint(slot_outline(ribbon.source, dark=dark), 0.55 if own else 0.9),
            hover=f"{words}: {percent(ribbon.share)} ({tokens})",
        )


def _frame_out(
    fig: go.Figure, geometry: Geometry, slot: SlotResult, colors: Ink, *, has_leak: bool, dark: bool
) -> None:
    """The lane that ribbons fill: dotted where it stays empty, whole where nothing is read."""
    edges = geometry.stripes[slot.slot : slot.slot + 2, -1]
    top, bottom = _lane(geometry, slot.slot)
    outline = bend((BAND_OUT, RIGHT), (float(edges[0]), float(edges[1])), (top, bottom))
    color = slot_color(slot.slot)
    if slot.is_filler or not has_leak:
        _shape(
            fig,
            outline,
            fill=tint(color, 0.1 if slot.is_filler else 0.3),
            line=tint(slot_outline(slot.slot, dark=dark), 0.4),
            pattern=_hatch(slot.slot, dark) if slot.is_filler else None,
            hover="filler" if slot.is_filler else f"slot {slot.number}: not read back",
        )
        return
    filled = sum(r.share for r in geometry.ribbons if r.slot == slot.slot)
    if filled > 1 - 1e-9:
        return
    rest = 1 - filled
    _shape(
        fig,
        (
            np.array([RIGHT - 0.62, RIGHT, RIGHT, RIGHT - 0.62]),
            np.r_[[top - filled] * 2, [bottom] * 2],
        ),
        fill=tint(colors.muted, 0.05),
        line=tint(colors.text, 0.5),
        width=1,
        dash="dot",
        hover=f"slot {slot.number}: {percent(rest)} came from no slot, or from ribbons too thin",
    )


def _name(fig: go.Figure, geometry: Geometry, slot: SlotResult, dark: bool) -> None:
    colors = ink(dark)
    middle = sum(_lane(geometry, slot.slot)) / 2
    fig.add_trace(
        go.Scatter(
            x=[LEFT],
            y=[middle],
            mode="markers",
            marker={
                "symbol": slot_marker(slot.slot),
                "size": 12,
                "color": slot_color(slot.slot),
                "line": {"color": slot_outline(slot.slot, dark=dark), "width": 1.2},
            },
            hoverinfo="skip",
            showlegend=False,
            cliponaxis=False,
        )
    )
    text = plain(shorten(slot.text, SENTENCE_ROOM))
    if slot.is_filler:
        text = f"<i>filler (repeats {int(slot.repeats or 0) + 1})</i>"
    fig.add_annotation(
        x=LEFT,
        y=middle,
        xshift=-14,
        xanchor="right",
        showarrow=False,
        text=f"{text}  <b>{slot.number}</b>",
        hovertext=f"slot {slot.number}: {_whole(slot)}",
        font={"size": TEXT_SIZE, "color": colors.muted if slot.is_filler else colors.text},
        align="right",
    )


def _answer(fig: go.Figure, geometry: Geometry, slot: SlotResult, dark: bool) -> None:
    if slot.is_filler:
        return
    colors = ink(dark)
    probability = _finite(slot.answer.probability)
    line = f"<b>{plain(shorten(slot.answer.headline, ANSWER_ROOM))}</b>"
    if probability is not None:
        line += f" {probability:.2f}" if isinstance(slot.answer, LabelAnswer) else ""
    below = []
    if slot.reading is not None:
        below.append(f"read back {percent(slot.reading.accuracy.value)}")
    if slot.agrees is False:
        below.append(f'<span style="color:{colors.warning}"><b>≠ alone</b></span>')
    alone = f"<br>alone: {plain(shorten(slot.alone.headline, 60))}" if slot.alone else ""
    small = (
        f'<span style="font-size:{SMALL_SIZE}px;color:{colors.muted}">{" · ".join(below)}</span>'
    )
    fig.add_annotation(
        x=RIGHT,
        y=sum(_lane(geometry, slot.slot)) / 2,
        xshift=12,
        xanchor="left",
        align="left",
        showarrow=False,
        text=f"{line}<br>{small}" if below else line,
        hovertext=f"{slot_label(slot.slot)}: {plain(shorten(slot.answer.headline, 120))}{alone}",
        font={"size": TEXT_SIZE, "color": colors.text},
    )


def _layer_labels(fig: go.Figure, geometry: Geometry, dark: bool) -> None:
    edges, ticks = geometry.stripes, geometry.ticks
    low = float(2 * _middle(geometry) - edges[0, 0])
    step = -(-len(ticks) // TICKS)
    for k, tick in enumerate(ticks):
        if k % step and k != len(ticks) - 1:
            continue
        fig.add_annotation(
            x=tick,
            y=low,
            yshift=-16,
            showarrow=False,
            text="mix" if k == 0 else f"layer {k}" if len(ticks) <= 7 else str(k),
            font={"size": SMALL_SIZE, "color": ink(dark).muted},
        )


def _caption(fig: go.Figure, geometry: Geometry, result: GroupResult, dark: bool) -> None:
    parts = []
    if result.leak is None:
        parts.append("Lanes are not split: this checkpoint cannot be read back token by token.")
    elif geometry.omitted:
        thin = count(geometry.omitted, "ribbon")
        parts.append(f"{_capital(thin)} under {percent(SMALLEST)} of a lane left out.")
    if any(s.is_filler for s in result.slots):
        parts.append("Hatched lanes only fill the group up.")
    if not parts:
        return
    fig.add_annotation(
        x=0,
        y=0,
        xref="paper",
        yref="paper",
        xanchor="left",
        yanchor="top",
        yshift=-26,
        showarrow=False,
        text=" ".join(parts),
        font={"size": SMALL_SIZE, "color": ink(dark).muted},
    )


__all__ = [
    "Geometry",
    "Ribbon",
    "braid_alt",
    "braid_figure",
    "braid_finding",
    "braid_geometry",
    "braid_table",
]

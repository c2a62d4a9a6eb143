"""The braid for narrow pages: one below the other, each sentence, its lane, its answer.

The same numbers as in ``braid``: a lane is cut into what was read back, what came from neighbours
in their colours, and a dotted rest. Below all lanes the band, where it was measured. Places along
y are px, so that nothing moves with the width of the page.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.ink import (
    SMALL_SIZE,
    TEXT_SIZE,
    UNSEEN,
    caption,
    framed,
    ink,
    tint,
)
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.slots import slot_color, slot_marker, slot_outline
from muxviz.figures.drawing.wording import fold, percent, plain, tokens_of
from muxviz.figures.mix.braid_labels import (
    BAND,
    answer_hover,
    answer_remark,
    answer_words,
    cut_words,
    sentence_hover,
)
from muxviz.figures.mix.braid_words import braid_finding, interaction
from muxviz.figures.mix.capsule import capsule
from muxviz.figures.mix.curves import between, through
from muxviz.results import GroupResult, SlotResult

BLOCK = 118  # px for one slot
SENTENCE, LANE, ANSWER = 0, (44, 66), 88  # px from the top of a block
WIDE = 0.1  # of the width that a capsule takes
ROOM, LINES = 42, 2  # letters and lines of a sentence
NOTE_ROOM, NOTE_LINES = 54, 6
BAND_ROOM, BAND_HIGH = 96, 62  # px
SIDES = {"l": 14, "r": 14, "t": 62, "b": 112}
POINTS = 7  # along a block, for clicks


def braid_stack_figure(
    result: GroupResult, *, spectrum: np.ndarray | None = None, dark: bool = False
) -> go.Figure:
    """One group's pass for a page of 320 px and more; see ``braid_figure``."""
    plot, high = Plot(), BLOCK * len(result.slots)
    for slot in result.slots:
        plot.add(*_lane(result, slot, dark))
        if not slot.is_filler:
            plot.add(_answer(slot, dark))
        plot.mark(annotations=_texts(slot, dark))
    plot.add(_symbols(result, dark), _handles(result))
    if spectrum is not None:
        _band(plot, result, spectrum, high, dark)
        high += BAND_ROOM
    remarks = [
        _lane_remark(result),
        answer_remark(result),
        *([BAND] if spectrum is not None else []),
    ]
    words = "<br>".join(plain(line) for line in fold(" ".join(remarks), NOTE_ROOM, NOTE_LINES))
    caption(plot, words, below=8)
    plot.xaxes(visible=False, range=[0, 1])
    plot.yaxes(visible=False, range=[high, 0])
    height = high + SIDES["t"] + SIDES["b"]
    framed(plot, braid_finding(result), dark=dark, height=height, sides=SIDES, is_narrow=True)
    return plot.figure()


def _lane_remark(result: GroupResult) -> str:
    if result.leak is None:
        return "Lanes are not split: this checkpoint cannot be read back."
    return "Lane: tokens read back; in another colour, out of that neighbour; dotted, of no slot."


def _top(slot: SlotResult) -> float:
    return float(BLOCK * slot.slot)


def _lane(result: GroupResult, slot: SlotResult, dark: bool) -> list[Trace]:
    """What became of a slot's tokens, from left to right."""
    shares = None if result.leak is None or slot.is_filler else result.leak.shares[slot.slot]
    if result.leak is None or shares is None or not np.isfinite(shares).all():
        why = "filler, not counted" if slot.is_filler else "not read back"
        return [_piece(slot, 0, 1, f"slot {slot.number}: {why}", dark, color=slot.slot, alpha=0.12)]
    num, at, pieces = len(result.slots), 0.0, []
    for source in sorted(range(num + 1), key=lambda j: (j == num, j != slot.slot, j)):
        share = float(shares[source])
        if share:
            tokens = tokens_of(share, int(result.leak.positions[slot.slot]))
            words = f"{_flow(slot, source, num)}: {percent(share)} ({tokens})"
            own = None if source == num else source
            pieces.append(_piece(slot, at, at + share, words, dark, color=own))
        at += share
    return pieces


def _flow(slot: SlotResult, source: int, num: int) -> str:
    if source == slot.slot:
        return f"slot {slot.number}, read back"
    if source == num:
        return f"slot {slot.number}, from no slot"
    return f"slot {source + 1} → slot {slot.number}"


def _piece(
    slot: SlotResult,
    start: float,
    stop: float,
    words: str,
    dark: bool,
    *,
    color: int | None,
    alpha: float = 0.88,
) -> Trace:
    top, bottom = (_top(slot) + at for at in LANE)
    colors = ink(dark)
    look: dict[str, Any] = {
        "fillcolor": tint(colors.text, 0.03) if color is None else tint(slot_color(color), alpha),
        "line": {"color": colors.muted, "width": 1, "dash": "dot"}
        if color is None
        else {"color": slot_outline(color, dark=dark), "width": 0.8},
    }
    return scatter(
        x=np.array([start, stop, stop, start, start], dtype=np.float32),
        y=np.array([top, top, bottom, bottom, top], dtype=np.float32),
        mode="lines",
        fill="toself",
        hoveron="fills",
        hoverinfo="text",
        text=words,
        meta=slot.slot,
        **look,
    )


def _answer(slot: SlotResult, dark: bool) -> Trace:
    middle = _top(slot) + ANSWER
    x, y, look = capsule(slot, (0.0, WIDE), (middle - 10, middle + 10), dark=dark)
    return scatter(
        x=x,
        y=y,
        mode="lines",
        fill="toself",
        hoveron="fills",
        hoverinfo="text",
        text=answer_hover(slot),
        meta=slot.slot,
        **look,
    )


def _texts(slot: SlotResult, dark: bool) -> list[dict[str, Any]]:
    colors, top = ink(dark), _top(slot)
    common = {
        "xanchor": "left",
        "align": "left",
        "font": {"size": TEXT_SIZE, "color": colors.text},
    }
    if slot.is_filler:
        words = f"<i>filler (repeats {int(slot.repeats or 0) + 1})</i>"
    else:
        lines = [plain(line) for line in fold(slot.text, ROOM, 1 if slot.cut_text else LINES)]
        lines += [cut_words(slot, colors)] if slot.cut_text else []
        words = "<br>".join(lines) or "<i>(empty)</i>"
    texts = [
        {"x": 0, "y": top + 20, "xshift": 18, "text": f"<b>{slot.number}</b>"},
        {"x": 0, "y": top + 20, "xshift": 38, "text": words, "hovertext": sentence_hover(slot)},
    ]
    if not slot.is_filler:
        said = {"x": WIDE, "y": top + ANSWER, "xshift": 10, "text": answer_words(slot, colors)}
        number = {"x": WIDE / 2, "y": top + ANSWER, "text": str(slot.number), "xanchor": "center"}
        small = {"size": SMALL_SIZE, "color": colors.text}
        texts += [said | {"hovertext": answer_hover(slot)}, number | {"font": small}]
    return [common | text for text in texts]


def _symbols(result: GroupResult, dark: bool) -> Trace:
    slots = [slot.slot for slot in result.slots]
    return scatter(
        x=[0.015] * len(slots),
        y=[_top(slot) + 20 for slot in result.slots],
        mode="markers",
        marker={
            "symbol": [slot_marker(slot) for slot in slots],
            "size": 11,
            "color": [slot_color(slot) for slot in slots],
            "line": {"color": [slot_outline(slot, dark=dark) for slot in slots], "width": 1.3},
        },
        unselected={"marker": {"opacity": 1}},
        hoverinfo="skip",
        cliponaxis=False,
    )


def _handles(result: GroupResult) -> Trace:
    """Unseen points over the answers: a click on one reports its slot, from 0."""
    x = np.linspace(0, 1, POINTS)
    lanes = [(slot, float(at)) for slot in result.answered for at in x]
    return scatter(
        x=np.array([at for _, at in lanes], dtype=np.float32),
        y=np.array([_top(slot) + ANSWER for slot, _ in lanes], dtype=np.float32),
        mode="markers",
        marker={"symbol": "square", "size": 30, "color": UNSEEN},
        customdata=[[slot.slot] for slot, _ in lanes],
        hovertext=[answer_hover(slot) for slot, _ in lanes],
    )


def _band(plot: Plot, result: GroupResult, spectrum: np.ndarray, start: float, dark: bool) -> None:
    """Each slot's share of the state, from the mixture to the last layer."""
    top, ticks = start + 16, np.linspace(0, 1, len(spectrum))
    edges = np.c_[np.zeros(len(spectrum)), spectrum.cumsum(axis=1)].T
    for slot in result.slots:
        first, last = (percent(float(spectrum[k, slot.slot])) for k in (0, -1))
        words = f"slot {slot.number}, share: {first} in the mixture, {last} at the end"
        plot.add(
            _stripe(ticks, top, edges[slot.slot], edges[slot.slot + 1], words, slot.slot, dark)
        )
    first, last = (percent(share) for share in interaction(spectrum))
    words = f"of no single slot: {first} in the mixture, {last} at the end"
    plot.add(_stripe(ticks, top, edges[-1], np.ones(len(ticks)), words, None, dark))
    ends = (("mix", 0.0, "left"), (f"layer {len(ticks) - 1}", 1.0, "right"))
    plot.mark(
        annotations=[
            {"text": text, "x": x, "y": top + BAND_HIGH + 10, "xanchor": side}
            for text, x, side in ends
        ]
    )


def _stripe(
    ticks: np.ndarray,
    top: float,
    upper: np.ndarray,
    lower: np.ndarray,
    words: str,
    slot: int | None,
    dark: bool,
) -> Trace:
    color = ink(dark).grey if slot is None else slot_color(slot)
    x, y = between(through(ticks, upper), through(ticks, lower))
    return scatter(
        x=x.astype(np.float32),
        y=(top + BAND_HIGH * y).astype(np.float32),
        mode="lines",
        fill="toself",
        hoveron="fills",
        hoverinfo="text",
        text=words,
        fillcolor=tint(color, 0.3 if slot is None else 0.6),
        line={"color": ink(dark).line, "width": 0.8},
    )

"""A slot token by token: what was read back, and how sure the retrieval head was of the own token.

Tint = log-probability of the own token, in nats, on one scale from -8 to 0 for all figures: a token
that is read surely looks like the page, the others stand out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.cells import LINE_ROOM, NARROW_LINE, TOP, place_cells, strip_figure
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import CLEAR, SMALL_SIZE, caption, ink, tint
from muxviz.figures.drawing.plot import Plot
from muxviz.figures.drawing.scales import color_at, scale_alone, sequential
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.wording import interval, number, percent, plain, shorten, visible
from muxviz.results import Proportion, SlotResult, TokenReading

LOWEST = -8.0  # nats; lower log-probabilities have the same tint
TOKEN_ROOM = 24  # letters
SCALE_ROOM = 48  # px under the cells
BAR = (0.82, 1.0)  # of the width, beside the title
BAR_TOP, BAR_BOTTOM = 22, 32  # px from the top of the figure


def token_strip_figure(
    slot: SlotResult,
    *,
    has_scale: bool = True,
    is_narrow: bool = False,
    as_chance: bool = False,
    dark: bool = False,
) -> go.Figure:
    """The slot's tokens, tinted by log-probability; a wrong one is written ``own → read``.

    Beside the title, a bar of the share read back with its Wilson 95 % interval. has_scale: False
    where a strip below has the scale for both. is_narrow: for a page of 360 px, without the bar.
    as_chance: the same tints told as probabilities.

    Raises:
        NotApplicable: the slot was not read back (no retrieval head).
    """
    reading = _need(slot)
    scale = sequential(dark)
    count = len(reading.tokens)
    wrong = {t for t in range(count) if reading.is_counted[t] and not reading.is_correct[t]}
    fills = [
        color_at(scale, float(reading.true_log_prob[t]) / LOWEST) if reading.is_counted[t] else None
        for t in range(count)
    ]
    pairs = [_pair(reading, t) for t in range(count)]
    cells = place_cells(
        [f"{own} → {read}" if t in wrong else own for t, (own, read) in enumerate(pairs)],
        [
            f"{plain(own)} → <b>{plain(read)}</b>" if t in wrong else plain(own)
            for t, (own, read) in enumerate(pairs)
        ],
        [_hover(reading, t, as_chance) for t in range(count)],
        fills,
        marked=wrong,
        room=NARROW_LINE if is_narrow else LINE_ROOM,
    )
    below = SCALE_ROOM * (1 + is_narrow) * has_scale
    room = NARROW_LINE if is_narrow else LINE_ROOM
    plot = strip_figure(cells, _title(slot, reading), dark=dark, below=below, room=room)
    if has_scale:
        _scale(plot, scale, dark, is_narrow, as_chance)
    if reading.accuracy.trials and not is_narrow:
        _bar(plot, slot.slot, reading.accuracy, dark)
    return plot.figure()


def token_strip_table(slot: SlotResult) -> list[dict[str, Any]]:
    """One row per token: own, read, log-probabilities in nats, rank, whether it is counted."""
    reading = _need(slot)
    return [
        {
            "position": t,
            "own token": token,
            "read": reading.read[t],
            "read back": bool(reading.is_correct[t]),
            "counted": bool(reading.is_counted[t]),
            "log-probability of own (nats)": float(reading.true_log_prob[t]),
            "log-probability of read (nats)": float(reading.read_log_prob[t]),
            "rank of own": int(reading.rank[t]) + 1,
        }
        for t, token in enumerate(reading.tokens)
    ]


def token_strip_alt(slot: SlotResult) -> str:
    """The strip in words: the share and every wrong token."""
    reading = _need(slot)
    wrong = [
        f"{visible(token)} read as {visible(reading.read[t])}"
        for t, token in enumerate(reading.tokens)
        if reading.is_counted[t] and not reading.is_correct[t]
    ]
    listed = f" Wrong: {', '.join(wrong)}." if wrong else ""
    return f"{_title(slot, reading)}.{listed}"


def _need(slot: SlotResult) -> TokenReading:
    if slot.reading is None:
        raise NotApplicable(
            "not applicable: this slot was not read back; the checkpoint has no retrieval head"
        )
    return slot.reading


def _pair(reading: TokenReading, t: int) -> tuple[str, str]:
    """Own token and the one read, spaces visible, cut where they are long."""
    own, read = visible(reading.tokens[t]), visible(reading.read[t])
    return shorten(own, TOKEN_ROOM), shorten(read, TOKEN_ROOM)


def _hover(reading: TokenReading, t: int, as_chance: bool) -> str:
    own, best = (
        percent(float(np.exp(p))) if as_chance else f"{float(p):.2f} nats"
        for p in (reading.true_log_prob[t], reading.read_log_prob[t])
    )
    lines = [
        f"position {t}: {plain(visible(reading.tokens[t]))}",
        f"{'probability' if as_chance else 'log-probability'} {own}, rank {reading.rank[t] + 1}",
    ]
    if not reading.is_correct[t]:
        read = plain(visible(reading.read[t]))
        lines.append(f"read as {read} ({best})")
    if not reading.is_counted[t]:
        lines.append("special token, not counted")
    return "<br>".join(lines)


def _title(slot: SlotResult, reading: TokenReading) -> str:
    accuracy = reading.accuracy
    if not accuracy.trials:
        return f"{slot_label(slot.slot)}: no token to count"
    return (
        f"{slot_label(slot.slot)}: {int(accuracy.successes)} of {accuracy.trials} tokens read back "
        f"({percent(accuracy.value)}, 95 % interval {interval(accuracy)})"
    )


def _bar(plot: Plot, slot: int, accuracy: Proportion, dark: bool) -> None:
    """0 to 100 % beside the title, filled to the share, a line over its interval."""
    left, size = BAR[0], BAR[1] - BAR[0]
    middle = (BAR_TOP + BAR_BOTTOM) / 2
    outline = slot_outline(slot, dark=dark)
    pieces = [
        (0.0, 1.0, BAR_TOP, BAR_BOTTOM, CLEAR, ink(dark).line),
        (0.0, accuracy.value, BAR_TOP, BAR_BOTTOM, tint(slot_color(slot), 0.75), outline),
        (*accuracy.interval, middle, middle, CLEAR, ink(dark).text),
        *((end, end, middle - 4, middle + 4, CLEAR, ink(dark).text) for end in accuracy.interval),
    ]
    shapes = [
        {
            "type": "rect",
            "xref": "paper",
            "yref": "paper",
            "yanchor": 1,
            "ysizemode": "pixel",
            "x0": left + size * start,
            "x1": left + size * stop,
            "y0": TOP - top,
            "y1": TOP - bottom,
            "fillcolor": fill,
            "line": {"color": color, "width": 1.2},
        }
        for start, stop, top, bottom, fill, color in pieces
    ]
    plot.mark(shapes=shapes)


def _scale(
    plot: Plot, scale: list[list[float | str]], dark: bool, is_narrow: bool, as_chance: bool
) -> None:
    """A colour bar of its own, as shapes have none, and what is pale."""
    muted = {"size": SMALL_SIZE, "color": ink(dark).muted}
    upward = [[1 - float(place), color] for place, color in reversed(scale)]
    unit, ends = (
        "log-probability (nats)",
        [f"≤ {number(LOWEST, 'g')}", number(LOWEST / 2, "g"), "0"],
    )
    if as_chance:
        unit = "probability of the own token"
        ends = [f"≤ {100 * np.exp(LOWEST):.2f} %", f"{100 * np.exp(LOWEST / 2):.0f} %", "100 %"]
    colorbar = {
        "title": {"text": unit, "font": muted},
        "orientation": "h",
        "thickness": 8,
        "len": 0.8 if is_narrow else 0.3,
        "x": 1,
        "xanchor": "right",
        "y": 0,
        "yanchor": "top",
        "ypad": SCALE_ROOM if is_narrow else 10,
        "tickvals": [LOWEST, LOWEST / 2, 0],
        "ticktext": ends,
        "tickfont": muted,
        "outlinecolor": ink(dark).line,
        "outlinewidth": 0.8,
    }
    plot.add(scale_alone(upward, LOWEST, 0, colorbar))
    words = "own → <b>read</b> where it went wrong; dotted: special, not counted"
    caption(plot, words.replace("; ", ";<br>") if is_narrow else words, below=12)


def _rows(slot: SlotResult) -> list[dict[str, Any]]:
    return [{"slot": slot.number} | row for row in token_strip_table(slot)]


TOKENS = Family(token_strip_figure, token_strip_alt, token_strip_alt, _rows)

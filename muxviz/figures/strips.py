"""A slot token by token: what was read back, and how sure the retrieval head was of the own token.

Cells wrap like text. Tint = log-probability of the own token, in nats, on one scale from -8 to 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.ink import CLEAR, SMALL_SIZE, TEXT_SIZE, bare, framed, ink, text_on
from muxviz.figures.scales import color_at, sequential
from muxviz.figures.slots import slot_label
from muxviz.figures.wording import interval, percent, plain, shorten, visible, width
from muxviz.results import ReplacedAnswer, SlotResult, TagAnswer, TokenReading

LINE_ROOM = 104.0  # letters in a line
PAD = 2.2  # letters around a token
GAP = 0.7
LOWEST = -8.0  # nats; lower log-probabilities have the same tint
ROW = 40  # px per line


@dataclass(frozen=True)
class Cell:
    """One cell of a strip: its place (x in letters, line from 0) and what it shows."""

    x: float
    line: int
    width: float
    text: str
    hover: str
    fill: str | None  # "#rrggbb", None for a pale cell


def token_strip_figure(slot: SlotResult, *, dark: bool = False) -> go.Figure:
    """The slot's tokens, tinted by log-probability; a wrong one is written ``own → read``.

    Raises:
        NotApplicable: the slot was not read back (no retrieval head).
    """
    reading = _need(slot)
    scale = sequential(dark)
    texts, hovers, fills = [], [], []
    for t, (token, read) in enumerate(zip(reading.tokens, reading.read, strict=True)):
        right = bool(reading.is_correct[t])
        counted = bool(reading.is_counted[t])
        shown = plain(shorten(visible(token), 24))
        if counted and not right:
            shown = f"{shown} → <b>{plain(shorten(visible(read), 24))}</b>"
        texts.append(shown)
        hovers.append(_hover(reading, t))
        place = 1 - float(reading.true_log_prob[t]) / LOWEST
        fills.append(color_at(scale, place) if counted else None)
    plain_texts = [_written(reading, t) for t in range(len(reading.tokens))]
    cells = place_cells(plain_texts, texts, hovers, fills)
    fig = _strip(cells, dark)
    _scale(fig, scale, dark)
    _finish(fig, cells, _reading_title(slot, reading), dark, has_scale=True)
    return fig


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
    return f"{_reading_title(slot, reading)}.{listed}"


def tag_strip_figure(slot: SlotResult, *, dark: bool = False) -> go.Figure:
    """The slot's tokens with the tag of each, tinted by the tag's probability.

    Raises:
        NotApplicable: the answer has no tags.
    """
    answer = slot.answer
    if not isinstance(answer, TagAnswer):
        raise NotApplicable("not applicable: this checkpoint does not answer with a tag per token")
    texts = [
        f"{plain(visible(token))} <b>{plain(tag)}</b>"
        for token, tag in zip(answer.tokens, answer.tags, strict=True)
    ]
    written = [f"{a} {b}" for a, b in zip(answer.tokens, answer.tags, strict=True)]
    title = f"Slot {slot.number}: mean probability of its tags {percent(answer.probability)}"
    return _answer_strip(
        written, texts, answer.probabilities, title, "probability of the tag", dark
    )


def replaced_strip_figure(slot: SlotResult, *, dark: bool = False) -> go.Figure:
    """The slot's tokens, tinted by the probability that each was replaced.

    Raises:
        NotApplicable: the answer is not about replaced tokens.
    """
    answer = slot.answer
    if not isinstance(answer, ReplacedAnswer):
        raise NotApplicable("not applicable: this checkpoint does not detect replaced tokens")
    texts = [
        f"<b>{plain(visible(token))}</b>" if p > 0.5 else plain(visible(token))
        for token, p in zip(answer.tokens, answer.probabilities, strict=True)
    ]
    title = f"Slot {slot.number}: {answer.headline}"
    return _answer_strip(
        list(answer.tokens), texts, answer.probabilities, title, "probability of replacement", dark
    )


def place_cells(
    written: list[str], texts: list[str], hovers: list[str], fills: list[str | None]
) -> list[Cell]:
    """Lay cells out in lines of at most ``LINE_ROOM`` letters, in reading order."""
    cells, x, line = [], 0.0, 0
    for words, text, hover, fill in zip(written, texts, hovers, fills, strict=True):
        size = width(words) + PAD
        if x and x + size > LINE_ROOM:
            x, line = 0.0, line + 1
        cells.append(Cell(x, line, size, text, hover, fill))
        x += size + GAP
    return cells


def _answer_strip(
    written: list[str],
    texts: list[str],
    probabilities: np.ndarray,
    title: str,
    what: str,
    dark: bool,
) -> go.Figure:
    scale = sequential(dark)
    hovers = [f"{text}<br>{what} {p:.3f}" for text, p in zip(texts, probabilities, strict=True)]
    cells = place_cells(written, texts, hovers, [color_at(scale, float(p)) for p in probabilities])
    fig = _strip(cells, dark)
    _finish(fig, cells, title, dark)
    return fig


def _strip(cells: list[Cell], dark: bool) -> go.Figure:
    colors = ink(dark)
    fig = go.Figure()
    for cell in cells:
        fig.add_shape(
            type="rect",
            x0=cell.x,
            x1=cell.x + cell.width,
            y0=cell.line - 0.38,
            y1=cell.line + 0.38,
            fillcolor=cell.fill or CLEAR,
            line={"color": colors.line, "width": 0.8, "dash": "solid" if cell.fill else "dot"},
            layer="below",
        )
    fig.add_trace(
        go.Scatter(
            x=[c.x + c.width / 2 for c in cells],
            y=[c.line for c in cells],
            mode="text",
            text=[c.text for c in cells],
            textfont={
                "size": TEXT_SIZE,
                "color": [text_on(c.fill) if c.fill else colors.muted for c in cells],
            },
            hovertext=[c.hover for c in cells],
            hoverinfo="text",
            showlegend=False,
        )
    )
    return fig


def _scale(fig: go.Figure, scale: list[list[float | str]], dark: bool) -> None:
    """A colour bar of its own: shapes have none."""
    colors = ink(dark)
    fig.add_trace(
        go.Scatter(
            x=[None],
            y=[None],
            mode="markers",
            hoverinfo="skip",
            showlegend=False,
            marker={
                "color": [LOWEST],
                "cmin": LOWEST,
                "cmax": 0,
                "colorscale": scale,
                "showscale": True,
                "colorbar": {
                    "title": {"text": "log-probability (nats)", "font": {"size": SMALL_SIZE}},
                    "orientation": "h",
                    "thickness": 8,
                    "len": 0.3,
                    "x": 1,
                    "xanchor": "right",
                    "y": 0,
                    "yanchor": "top",
                    "ypad": 10,
                    "tickvals": [LOWEST, LOWEST / 2, 0],
                    "ticktext": [f"≤ {LOWEST:g}", f"{LOWEST / 2:g}", "0"],
                    "tickfont": {"size": SMALL_SIZE, "color": colors.muted},
                    "outlinewidth": 0,
                },
            },
        )
    )


def _finish(
    fig: go.Figure, cells: list[Cell], title: str, dark: bool, *, has_scale: bool = False
) -> None:
    lines = 1 + max((c.line for c in cells), default=0)
    fig.update_xaxes(**bare(range=[-0.5, LINE_ROOM + 0.5]))
    fig.update_yaxes(**bare(range=[lines - 0.5, -0.5]))
    framed(
        fig,
        title,
        dark=dark,
        height=ROW * lines + (118 if has_scale else 70),
        sides={"l": 12, "r": 12, "t": 58, "b": 60 if has_scale else 12},
    )


def _need(slot: SlotResult) -> TokenReading:
    if slot.reading is None:
        raise NotApplicable(
            "not applicable: this slot was not read back; the checkpoint has no retrieval head"
        )
    return slot.reading


def _written(reading: TokenReading, t: int) -> str:
    own = visible(reading.tokens[t])[:24]
    if reading.is_counted[t] and not reading.is_correct[t]:
        return f"{own} → {visible(reading.read[t])[:24]}"
    return own


def _hover(reading: TokenReading, t: int) -> str:
    lines = [
        f"position {t}: {plain(visible(reading.tokens[t]))}",
        f"log-probability {float(reading.true_log_prob[t]):.2f} nats, rank {reading.rank[t] + 1}",
    ]
    if not reading.is_correct[t]:
        read = plain(visible(reading.read[t]))
        lines.append(f"read as {read} ({float(reading.read_log_prob[t]):.2f} nats)")
    if not reading.is_counted[t]:
        lines.append("special token, not counted")
    return "<br>".join(lines)


def _reading_title(slot: SlotResult, reading: TokenReading) -> str:
    accuracy = reading.accuracy
    if not accuracy.trials:
        return f"{slot_label(slot.slot)}: no token to count"
    return (
        f"{slot_label(slot.slot)}: {int(accuracy.successes)} of {accuracy.trials} tokens read back "
        f"({percent(accuracy.value)}, 95 % interval {interval(accuracy)})"
    )


__all__ = [
    "Cell",
    "place_cells",
    "replaced_strip_figure",
    "tag_strip_figure",
    "token_strip_alt",
    "token_strip_figure",
    "token_strip_table",
]

"""What a head answers token by token: tags, or tokens that look replaced."""

from __future__ import annotations

import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.cells import place_cells, strip_figure
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.wording import percent, plain, shorten, visible
from muxviz.results import ReplacedAnswer, SlotResult, TagAnswer

TOKEN_ROOM = 24  # letters


def tag_strip_figure(slot: SlotResult, *, dark: bool = False) -> go.Figure:
    """The slot's tokens with the tag of each; the less probable a tag, the stronger its tint.

    Raises:
        NotApplicable: the answer has no tags.
    """
    answer = slot.answer
    if not isinstance(answer, TagAnswer):
        raise NotApplicable("not applicable: this checkpoint does not answer with a tag per token")
    tokens = [_token(token) for token in answer.tokens]
    written = [f"{token} {tag}" for token, tag in zip(tokens, answer.tags, strict=True)]
    texts = [
        f"{plain(token)} <b>{plain(tag)}</b>"
        for token, tag in zip(tokens, answer.tags, strict=True)
    ]
    hovers = [
        f"{text}<br>probability of the tag {p:.3f}"
        for text, p in zip(texts, answer.probabilities, strict=True)
    ]
    scale = sequential(dark)
    fills = [color_at(scale, 1 - float(p)) for p in answer.probabilities]
    title = f"Slot {slot.number}: mean probability of its tags {percent(answer.probability)}"
    return strip_figure(place_cells(written, texts, hovers, fills), title, dark=dark).figure()


def replaced_strip_figure(slot: SlotResult, *, dark: bool = False) -> go.Figure:
    """The slot's tokens, tinted by the probability that each was replaced; likely ones outlined.

    Raises:
        NotApplicable: the answer is not about replaced tokens.
    """
    answer = slot.answer
    if not isinstance(answer, ReplacedAnswer):
        raise NotApplicable("not applicable: this checkpoint does not detect replaced tokens")
    tokens = [_token(token) for token in answer.tokens]
    likely = {t for t, p in enumerate(answer.probabilities) if p > 0.5}
    texts = [f"<b>{plain(w)}</b>" if t in likely else plain(w) for t, w in enumerate(tokens)]
    hovers = [
        f"{text}<br>probability of replacement {p:.3f}"
        for text, p in zip(texts, answer.probabilities, strict=True)
    ]
    scale = sequential(dark)
    fills = [color_at(scale, float(p)) for p in answer.probabilities]
    cells = place_cells(tokens, texts, hovers, fills, marked=likely)
    return strip_figure(cells, f"Slot {slot.number}: {answer.headline}", dark=dark).figure()


def _token(token: str) -> str:
    return shorten(visible(token), TOKEN_ROOM)

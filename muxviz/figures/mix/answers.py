"""What a head answers token by token: tags, or tokens that look replaced; cards say the rest."""

from __future__ import annotations

import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.cells import (
    LINE_ROOM,
    NARROW_LINE,
    place_cells,
    strip_figure,
)
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.wording import percent, plain, shorten, visible
from muxviz.results import ReplacedAnswer, SlotResult, TagAnswer

TOKEN_ROOM = 24  # letters


def tag_strip_figure(slot: SlotResult, *, is_narrow: bool = False, dark: bool = False) -> go.Figure:
    """The slot's tokens with the tag of each; the less probable a tag, the stronger its tint.

    Outlined where the tag is another one alone. is_narrow: for a page of 360 px.

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
    turned = _turned(slot, answer)
    hovers = [
        f"{text}<br>probability of the tag {p:.3f}{_otherwise(slot, place, turned)}"
        for place, (text, p) in enumerate(zip(texts, answer.probabilities, strict=True))
    ]
    scale = sequential(dark)
    fills = [color_at(scale, 1 - float(p)) for p in answer.probabilities]
    room = NARROW_LINE if is_narrow else LINE_ROOM
    cells = place_cells(written, texts, hovers, fills, marked=_turned(slot, answer), room=room)
    return strip_figure(cells, "", dark=dark, room=room).figure()


def tags_words(slot: SlotResult) -> str:
    """How many tags differ from those alone, and how sure the tags are."""
    answer = slot.answer
    mean = f"mean probability of its tags {percent(answer.probability or 0)}"
    if not slot.alike:
        return mean
    same, of = slot.alike
    return f"{of - same} of {of} tags differ{'s' * (of - same == 1)} from alone; {mean}"


def _turned(slot: SlotResult, answer: TagAnswer) -> set[int]:
    """Places of tags that are others alone, where both answer the same tokens."""
    alone = slot.alone
    if not isinstance(alone, TagAnswer) or alone.tokens != answer.tokens:
        return set()
    pairs = zip(answer.tags, alone.tags, strict=True)
    return {place for place, (tag, other) in enumerate(pairs) if tag != other}


def replaced_strip_figure(
    slot: SlotResult, *, is_narrow: bool = False, dark: bool = False
) -> go.Figure:
    """The slot's tokens, tinted by the probability that each was replaced; likely ones outlined.

    is_narrow: for a page of 360 px.

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
    room = NARROW_LINE if is_narrow else LINE_ROOM
    cells = place_cells(tokens, texts, hovers, fills, marked=likely, room=room)
    return strip_figure(cells, "", dark=dark, room=room).figure()


def _otherwise(slot: SlotResult, place: int, turned: set[int]) -> str:
    """What the tag of a token is alone, where that differs."""
    alone = slot.alone
    if place not in turned or not isinstance(alone, TagAnswer):
        return ""
    return f"<br>alone: {plain(alone.tags[place])}"


def _token(token: str) -> str:
    return shorten(visible(token), TOKEN_ROOM)

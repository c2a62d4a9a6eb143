"""What a head answers for one slot: label probabilities, tags, or tokens that look replaced."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.cells import place_cells, strip_figure
from muxviz.figures.ink import CLEAR, SMALL_SIZE, framed, ink, tint
from muxviz.figures.scales import color_at, sequential
from muxviz.figures.slots import slot_color, slot_outline
from muxviz.figures.wording import percent, plain, shorten, visible
from muxviz.results import LabelAnswer, ReplacedAnswer, SlotResult, TagAnswer

MOST_LABELS = 8
LABEL_ROOM = 20  # letters
TOKEN_ROOM = 24
ROW = 40  # px per label


def probability_figure(slot: SlotResult, *, dark: bool = False) -> go.Figure:
    """Probabilities of the labels: filled bars multiplexed, hollow ones for the text alone.

    At most ``MOST_LABELS`` labels, the most probable first.

    Raises:
        NotApplicable: the answer is no label.
    """
    rows = probability_table(slot)[:MOST_LABELS]
    names = [plain(shorten(row["label"], LABEL_ROOM)) for row in rows]
    colors, outline = ink(dark), slot_outline(slot.slot, dark=dark)
    fig = go.Figure()
    for name, key, fill in (
        ("multiplexed", "probability", tint(slot_color(slot.slot), 0.8)),
        ("alone", "alone", CLEAR),
    ):
        values = [row[key] for row in rows]
        if all(value is None for value in values):
            continue
        fig.add_bar(
            x=values,
            y=list(range(len(rows))),
            orientation="h",
            name=name,
            marker={"color": fill, "line": {"color": outline, "width": 1.4}},
            text=["" if value is None else f"{value:.2f}" for value in values],
            textposition="outside",
            cliponaxis=False,
            textfont={"color": colors.text, "size": SMALL_SIZE},
            hoverinfo="skip",
        )
    muted = {"size": SMALL_SIZE, "color": colors.muted}
    fig.update_xaxes(
        range=[0, 1.08],
        tickvals=[0, 0.5, 1],
        title={"text": "probability", "font": muted, "standoff": 4},
        tickfont=muted,
        gridcolor=tint(colors.line, 0.5),
        zeroline=False,
        fixedrange=True,
    )
    fig.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[f"{name}  " for name in names],
        range=[len(rows) - 0.5, -0.5],
        showgrid=False,
        fixedrange=True,
    )
    framed(
        fig,
        probability_finding(slot),
        dark=dark,
        height=ROW * len(rows) + 128,
        sides={"l": 150, "r": 24, "t": 78, "b": 50},
    )
    fig.update_layout(
        bargap=0.3,
        bargroupgap=0.15,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1,
            "yanchor": "bottom",
            "font": muted,
            "bgcolor": CLEAR,
        },
    )
    return fig


def probability_finding(slot: SlotResult) -> str:
    """The answer and its probability, and the one alone."""
    answer = _label(slot)
    finding = f"Slot {slot.number}: {answer.label}, {answer.probability:.2f}"
    if isinstance(slot.alone, LabelAnswer):
        finding += f"; alone {slot.alone.label}, {slot.alone.probability:.2f}"
    return finding


def probability_table(slot: SlotResult) -> list[dict[str, Any]]:
    """A row per label: its probability, and that of the same label alone; most probable first."""
    answer = _label(slot)
    alone: dict[str, float] = {}
    if isinstance(slot.alone, LabelAnswer):
        chances = slot.alone.probabilities.tolist()
        alone = dict(zip(slot.alone.labels, chances, strict=True))
    order = np.argsort(-answer.probabilities, kind="stable")
    return [
        {
            "label": answer.labels[c],
            "probability": float(answer.probabilities[c]),
            "alone": alone.get(answer.labels[c]),
        }
        for c in order
    ]


def probability_alt(slot: SlotResult) -> str:
    """The bars in words, all labels."""
    parts = []
    for row in probability_table(slot):
        alone = "" if row["alone"] is None else f" (alone {row['alone']:.2f})"
        parts.append(f"{row['label']} {row['probability']:.2f}{alone}")
    return f"{probability_finding(slot)}. {', '.join(parts)}."


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
    return strip_figure(place_cells(written, texts, hovers, fills), title, dark=dark)


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
    return strip_figure(cells, f"Slot {slot.number}: {answer.headline}", dark=dark)


def _label(slot: SlotResult) -> LabelAnswer:
    if not isinstance(slot.answer, LabelAnswer):
        raise NotApplicable("not applicable: this checkpoint does not answer with one label a text")
    return slot.answer


def _token(token: str) -> str:
    return shorten(visible(token), TOKEN_ROOM)

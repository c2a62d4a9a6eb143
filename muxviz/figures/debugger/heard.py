"""Whom one slot's answer listens to: every slot's sentence exchanged, and silenced."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.dots import (
    Column,
    amount_span,
    dot_columns,
    dots_height,
    sides,
    slot_marks,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import framed
from muxviz.figures.drawing.wording import ends, number, or_none, percent
from muxviz.results.diagnosis import Diagnosis, Heard
from muxviz.results.estimates import Estimates


def heard_figure(result: Diagnosis, *, dark: bool = False) -> go.Figure:
    """A row per slot: how far its exchange moves the answer, and what silencing it gives."""
    heard = _heard(result)
    moved, muted = heard.moved, 100 * heard.muted[:, 1]
    nothing = np.full(len(muted), np.nan)
    silenced = [number(value, "+.1f") for value in muted]
    columns = (
        moved_column(moved),
        Column(
            "target's probability with it silent (points)",
            muted,
            nothing,
            nothing,
            silenced,
            silenced,
            amount_span([muted]),
            line=0.0,
        ),
    )
    plot = dot_columns(columns, slot_marks(len(muted), dark=dark), dark=dark)
    framed(
        plot,
        heard_finding(result),
        dark=dark,
        height=dots_height(len(muted)),
        sides=sides(),
    )
    return plot.figure()


def _heard(result: Diagnosis) -> Heard:
    assert result.heard is not None, "drawn where it was asked for"
    return result.heard


def moved_column(moved: Estimates) -> Column:
    """How far exchanging each slot's sentence moves the answer, in points."""
    low, mean, high = (100 * x for x in (moved.low, moved.mean, moved.high))
    words = [moved_words(moved, j) for j in range(len(mean))]
    title = "moved by another sentence there (points of probability)"
    return Column(title, mean, low, high, words, words, amount_span([low, high]))


def moved_words(found: Estimates, j: int) -> str:
    """``"31.2 (28.0 to 34.5)"``, in points."""
    between = ends(100 * float(found.low[j]), 100 * float(found.high[j]), ".1f")
    return f"{100 * found.mean[j]:.1f}{between}"


def heard_finding(result: Diagnosis) -> str:
    """Whether the slot hears its own sentence, and whom else most."""
    heard, who = _heard(result), f"Slot {result.ladder.slot + 1}"
    mean = heard.moved.mean
    loudest = int(np.where(np.arange(len(mean)) == heard.slot, -1, mean).argmax())
    other = f"slot {loudest + 1} by {percent(float(mean[loudest]))}"
    if heard.is_gone:
        return f"{who}'s sentence is not in the mixture; of the others it hears most {other}"
    if heard.is_deaf:
        instead = f"reads slot {heard.reads + 1}" if heard.reads is not None else f"hears {other}"
        return f"{who} does not hear its own sentence; it {instead}"
    own = percent(float(mean[heard.slot]))
    return f"{who} is moved by its own sentence by {own}, of the others most by {other}"


def heard_alt(result: Diagnosis) -> str:
    """Every row in words."""
    heard = _heard(result)
    parts = [heard_finding(result)]
    for j, (_, probability) in enumerate(heard.muted):
        parts.append(
            f"Slot {j + 1}: another sentence moves it by {moved_words(heard.moved, j)} points, "
            "silence changes the target's probability by "
            f"{number(100 * probability, '+.1f')} points"
        )
    return " ".join(f"{part}." for part in parts)


def heard_table(result: Diagnosis) -> list[dict[str, Any]]:
    """One row per slot."""
    heard = _heard(result)
    return [
        {
            "slot": j + 1,
            "own": j == heard.slot,
            "moved by exchange": or_none(heard.moved.mean[j]),
            "moved from": or_none(heard.moved.low[j]),
            "moved to": or_none(heard.moved.high[j]),
            "target's probability, exchanged": or_none(heard.raised.mean[j]),
            "from": or_none(heard.raised.low[j]),
            "to": or_none(heard.raised.high[j]),
            "margin, silent": or_none(heard.muted[j, 0]),
            "probability, silent": or_none(heard.muted[j, 1]),
            "share of the mixture": or_none(heard.in_mixture[j]),
            "most unlike the slot's answer": or_none(heard.unlike[j]),
        }
        for j in range(len(heard.muted))
    ]


HEARD = Family(heard_figure, heard_finding, heard_alt, heard_table)

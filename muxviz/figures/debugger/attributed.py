"""Attribution beside intervention, a row per slot."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.debugger.heard import moved_column, moved_words
from muxviz.figures.drawing.dots import (
    Column,
    dot_columns,
    dots_height,
    sides,
    slot_marks,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import framed
from muxviz.figures.drawing.wording import number, or_none, percent
from muxviz.results.diagnosis import Attributed


def attributed_figure(result: Attributed, *, dark: bool = False) -> go.Figure:
    """Share of the attribution, and how far an exchange moves the answer."""
    shares, moved = result.shares, result.moved
    nothing = np.full(len(shares), np.nan)
    columns = (
        Column(
            "share of the attribution",
            shares,
            nothing,
            nothing,
            [percent(float(share)) for share in shares],
            [percent(float(share)) for share in shares],
            (0.0, 1.0),
            ".0%",
        ),
        moved_column(moved),
    )
    plot = dot_columns(columns, slot_marks(len(shares), dark=dark), dark=dark)
    framed(
        plot,
        attributed_finding(result),
        dark=dark,
        height=dots_height(len(shares)),
        sides=sides(),
    )
    return plot.figure()


def attributed_finding(result: Attributed) -> str:
    """Whether the neighbour that attribution names is the one that an exchange names."""
    first, second = result.named
    share = percent(float(result.shares[first]))
    start = f"Attribution names slot {first + 1} of the neighbours ({share})"
    if first == second:
        said = "and so does exchanging"
    else:
        verb = "contradicted:" if result.is_contradicted else "not told apart:"
        said = f"{verb} exchanging slot {second + 1} moves the answer most"
    rank = (
        ""
        if math.isnan(result.agreement)
        else f"; rank agreement {number(result.agreement, '.2f')}"
    )
    return f"{start}, {said}{rank}"


def attributed_alt(result: Attributed) -> str:
    """Every row in words."""
    parts = [attributed_finding(result)]
    for j, share in enumerate(result.shares):
        parts.append(
            f"Slot {j + 1}: {percent(float(share))} of the attribution, another sentence moves "
            f"the answer by {moved_words(result.moved, j)} points"
        )
    parts.append(f"The attribution misses {percent(result.gap)} of what it explains")
    return " ".join(f"{part}." for part in parts)


def attributed_table(result: Attributed) -> list[dict[str, Any]]:
    """One row per slot."""
    return [
        {
            "slot": j + 1,
            "own": j == result.slot,
            "share of attribution": or_none(share),
            "moved by exchange": or_none(result.moved.mean[j]),
            "from": or_none(result.moved.low[j]),
            "to": or_none(result.moved.high[j]),
        }
        for j, share in enumerate(result.shares)
    ]


ATTRIBUTED = Family(attributed_figure, attributed_finding, attributed_alt, attributed_table)

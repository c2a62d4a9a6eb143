"""What the variance of every state is made of: sentence, slot, neighbours, and their interplay."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, text_on
from muxviz.figures.drawing.plot import Plot, Trace, bar, scatter
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.scales import color_at, diverging
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import percent
from muxviz.figures.map.words import (
    score_table,
    share_alt,
    share_finding,
    share_table,
    state_words,
)
from muxviz.results.map import SHARES, StateReading

NAMES = {
    "sentence": "its sentence",
    "slot": "its slot",
    "neighbours": "its neighbours",
    "rest": "their interplay",
}
PLACES = {"sentence": 0.08, "slot": 0.36, "neighbours": 0.84, "rest": 0.5}  # on the signed scale
ROW = 34  # px
LEAST = 0.055  # of the width that a number needs


def share_figure(readings: Sequence[StateReading], *, dark: bool = False) -> go.Figure:
    """Stacked bars, one per state from the first to the read-out, each 100 % of its variance."""
    alive = [r for r in readings if r.spread > 0]
    bars = [_bars(alive, number, dark) for number in range(len(SHARES))]
    plot = Plot(*bars, _whiskers(alive, dark))
    framed(
        plot,
        share_finding(tuple(readings)),
        dark=dark,
        height=ROW * len(alive) + 150,
        sides={"l": 130, "r": 24, "t": 84, "b": 58},
    )
    colors = ink(dark)
    font = {"size": SMALL_SIZE, "color": colors.muted}
    plot.set(
        barmode="stack",
        bargap=0.28,
        legend={
            "orientation": "h",
            "x": 0,
            "y": 1.0,
            "yanchor": "bottom",
            "traceorder": "normal",
        },
    )
    plot.xaxes(
        range=[0, 1],
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        ticktext=["0 %", "25 %", "50 %", "75 %", "100 %"],
        tickfont=font,
    )
    font = {"size": SMALL_SIZE, "color": colors.text}
    name_rows(plot, [state_words(r.state) for r in alive], tickfont=font)
    words = (
        "Shares of tr Var of each state in its original space; whiskers: 95 % interval of the "
        "sentence's share, over anchors."
    )
    caption(plot, words, below=30)
    return plot.figure()


def _bars(readings: Sequence[StateReading], number: int, dark: bool) -> Trace:
    name = SHARES[number]
    shares = np.array([r.shares.mean[number] for r in readings])
    low, high = (
        np.array([getattr(r.shares, end)[number] for r in readings]) for end in ("low", "high")
    )
    fill = color_at(diverging(dark), PLACES[name])
    return bar(
        x=shares.astype(np.float32),
        y=np.arange(len(readings)),
        orientation="h",
        name=NAMES[name],
        marker={
            "color": fill,
            "line": {"width": 0.6, "color": ink(dark).paper},
            "pattern": {
                "shape": "/" if name == "rest" else "",
                "fgcolor": ink(dark).muted,
                "size": 6,
                "solidity": 0.15,
            },
        },
        text=[percent(float(s)) if s >= LEAST else "" for s in shares],
        textposition="inside",
        insidetextanchor="start" if name == "sentence" else "middle",
        textangle=0,
        textfont={"size": SMALL_SIZE, "color": text_on(fill)},
        hovertext=[
            f"{state_words(r.state)}: {percent(float(s))} from {NAMES[name]} "
            f"({percent(float(a))} to {percent(float(b))})"
            for r, s, a, b in zip(readings, shares, low, high, strict=True)
        ],
    )


def _whiskers(readings: Sequence[StateReading], dark: bool) -> Trace:
    """The interval of the sentence's share, over all bars."""
    mean, low, high = (
        np.array([getattr(r.shares, part)[0] for r in readings]) for part in ("mean", "low", "high")
    )
    return scatter(
        x=mean.astype(np.float32),
        y=np.arange(len(readings)),
        mode="markers",
        marker={"size": 1, "color": ink(dark).text},
        error_x=whiskers(
            np.maximum(high - mean, 0).astype(np.float32),
            np.maximum(mean - low, 0).astype(np.float32),
            ink(dark).text,
            thickness=1.5,
            width=4,
        ),
        hoverinfo="skip",
    )


SHARES_FAMILY = Family(
    share_figure,
    share_finding,
    share_alt,
    lambda readings: [*share_table(readings), *score_table(readings)],
)

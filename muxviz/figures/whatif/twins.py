"""Twins and duplicates in pictures: outcomes of a pair, and slots holding one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import TEXT_SIZE, caption, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, Trace, bar, scatter
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import (
    interval,
    number,
    or_none,
    percent,
    plain,
    shorten,
    tenths,
)
from muxviz.results.whatif_orders import OUTCOMES, Duplicates, Twins

# ---- twins --------------------------------------------------------------------------------------
SLOT_ROW, BETWEEN = 26, 92  # px of a slot's row, and between two pictures of them


def twins_figure(result: Twins, *, dark: bool = False) -> go.Figure:
    """Shares of the four outcomes, with Wilson intervals; the mark is what chance would swap."""
    colors = ink(dark)
    names = outcome_names(result)
    shares = [result.share(k) for k in range(len(OUTCOMES))]
    values = [s.value for s in shares]
    bounds = [s.interval for s in shares]
    plot = Plot(
        bar(
            x=values,
            y=names,
            orientation="h",
            width=0.56,
            marker={
                "color": [tint(colors.accent, 0.85), *([tint(colors.grey, 0.6)] * 3)],
                "line": {"color": colors.text, "width": 0.8},
            },
            error_x=whiskers(
                [b[1] - v for b, v in zip(bounds, values, strict=True)],
                [v - b[0] for b, v in zip(bounds, values, strict=True)],
                colors.text,
            ),
            hovertext=[s.text() for s in shares],
        )
    )
    notes = [
        {
            "x": b[1],
            "y": name,
            "xanchor": "left",
            "xshift": 10,
            "text": f"{percent(s.value)} ({interval(s)})",
            "font": {"size": TEXT_SIZE, "color": colors.text},
        }
        for name, s, b in zip(names, shares, bounds, strict=True)
    ]
    chance = {"type": "line", "x0": result.by_chance, "x1": result.by_chance, "y0": 0.6, "y1": 1.4}
    plot.mark(annotations=notes, shapes=[chance | {"line": {"color": colors.warning, "width": 2}}])
    plot.xaxes(
        range=[0, 1.28],
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        tickformat=".0%",
        title={"text": f"share of {result.passes} passes"},
    )
    plot.yaxes(autorange="reversed", ticksuffix="  ")
    framed(
        plot,
        twins_finding(result),
        dark=dark,
        height=318,
        sides={"l": 200, "r": 24, "t": 76, "b": 78},
    )
    words = f"Mark: swaps to expect if both erred independently ({percent(result.by_chance)})."
    caption(plot, words, below=52)
    return plot.figure()


def outcome_names(result: Twins) -> list[str]:
    """The four outcomes in words."""
    first, second = (plain(shorten(a, 16)) for a in result.answers)
    return ["kept apart", "swapped", f"both {first}", f"both {second}"]


def twins_finding(result: Twins) -> str:
    """Whether the twins are told apart, in one sentence."""
    apart, swapped = result.share(0), result.share(1)
    merged = result.share(2).value + result.share(3).value
    if apart.value == 1:
        return f"The twins keep their answers in all {result.passes} passes"
    worst = "swapped" if swapped.value > merged else "given one answer"
    share = max(swapped.value, merged)
    return (
        f"The twins keep their answers in {percent(apart.value)} of passes; in {percent(share)} "
        f"they are {worst}"
    )


def twins_table(result: Twins) -> list[dict[str, Any]]:
    """One row per pair of slots."""
    names, num = outcome_names(result), len(result.counts)
    whole: dict[str, Any] = {"passes, all pairs": result.passes}
    for k, name in enumerate(names):
        share = result.share(k)
        low, high = share.interval
        whole |= {
            f"{name}, all pairs": or_none(share.value),
            f"{name}, all pairs, low": or_none(low),
            f"{name}, all pairs, high": or_none(high),
        }
    merged = result.share(2).value + result.share(3).value
    whole["given one answer, all pairs"] = or_none(merged)
    return [
        {"slot of the first": i + 1, "slot of the second": j + 1}
        | {name: int(result.counts[i, j, k]) for k, name in enumerate(names)}
        | whole
        for i in range(num)
        for j in range(num)
        if i != j
    ]


def twins_alt(result: Twins) -> str:
    """The bars in words."""
    shares = (result.share(k) for k in range(len(OUTCOMES)))
    parts = [f"{n}: {s.text()}." for n, s in zip(outcome_names(result), shares, strict=True)]
    return " ".join([f"{twins_finding(result)}.", *parts])


# ---- duplicates ---------------------------------------------------------------------------------


def duplicates_figure(result: Duplicates, *, dark: bool = False) -> go.Figure:
    """One dot per slot for the sentence; below, the slots' bias over many sentences."""
    colors, num = ink(dark), len(result.sure)
    many = result.bias.draws > 1
    rows = 2 if many else 1
    inner = SLOT_ROW * num * rows + BETWEEN * many
    plot = Plot.grid(rows=rows, cols=1, down=BETWEEN / inner)
    plot.add(_dots(result.sure, dark, [tenths(share) for share in result.sure]), row=1, col=1)
    low, high = float(result.sure.min()), float(result.sure.max())
    room = max(0.02, (high - low) * 0.25)
    plot.xaxes(
        title={"text": "probability of the answer, one dot per slot"},
        tickformat=".1%",
        range=[max(0, low - room), min(1.002, high + room)],
        row=1,
        col=1,
    )
    name_rows(plot, [slot_label(i) for i in range(num)])
    if many:
        words = [f"{number(bias, '+.3f')} logits" for bias in result.bias.mean]
        dots = _dots(result.bias.mean, dark, words)
        dots["error_x"] = whiskers(
            result.bias.high - result.bias.mean,
            result.bias.mean - result.bias.low,
            colors.text,
            thickness=1.3,
            width=4,
        )
        plot.add(dots, row=2, col=1)
        title = f"margin less the mean over slots, {result.bias.draws} sentences (logits)"
        plot.xaxes(title={"text": title}, row=2, col=1)
        plot.xaxes(zeroline=True, zerolinecolor=colors.muted, row=2, col=1)
    framed(
        plot,
        duplicates_finding(result),
        dark=dark,
        height=inner + 76 + 56,
        sides={"l": 64, "r": 24, "t": 76, "b": 56},
    )
    return plot.figure()


def duplicates_finding(result: Duplicates) -> str:
    """How far slots differ on the same sentence, and whether one is off on average."""
    points = 100 * result.spread
    head = (
        f"The same sentence in all slots: its answer's probability differs by {points:.1f} points"
    )
    off = [i for i in np.flatnonzero(result.bias.excludes(0)) if abs(result.bias.mean[i]) > 1e-4]
    if result.bias.draws < 2:
        return head
    if not len(off):
        return f"{head}; on average no slot is surer than the others"
    most = max(off, key=lambda i: abs(result.bias.mean[i]))
    way = "surer" if result.bias.mean[most] > 0 else "less sure"
    return (
        f"{head}; on average slot {most + 1} is {way} by {abs(result.bias.mean[most]):.2f} logits"
    )


def duplicates_table(result: Duplicates) -> list[dict[str, Any]]:
    """One row per slot."""
    return [
        {
            "slot": i + 1,
            "probability": float(result.sure[i]),
            "margin": float(result.margin[i]),
            "distance of its state": float(result.distance[i]),
            "bias (logits)": or_none(result.bias.mean[i]),
            "bias from": or_none(result.bias.low[i]),
            "bias to": or_none(result.bias.high[i]),
            "spread over slots": float(result.spread),
        }
        for i in range(len(result.sure))
    ]


def duplicates_alt(result: Duplicates) -> str:
    """The dots in words."""
    rows = (f"Slot {i + 1}: {percent(float(p))}." for i, p in enumerate(result.sure))
    return " ".join([f"{duplicates_finding(result)}.", *rows])


def _dots(x: np.ndarray, dark: bool, said: Sequence[str]) -> Trace:
    """One a slot, in its row."""
    num = len(x)
    return scatter(
        x=np.asarray(x, dtype=np.float32),
        y=np.arange(num, dtype=np.float32),
        mode="markers",
        marker={
            "symbol": [slot_marker(i) for i in range(num)],
            "size": 12,
            "color": [slot_color(i) for i in range(num)],
            "line": {"color": [slot_outline(i, dark=dark) for i in range(num)], "width": 1.2},
        },
        hovertext=[f"slot {i + 1}: {words}" for i, words in enumerate(said)],
    )


TWINS = Family(twins_figure, twins_finding, twins_alt, twins_table)
DUPLICATES = Family(duplicates_figure, duplicates_finding, duplicates_alt, duplicates_table)

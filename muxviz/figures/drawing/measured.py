"""What the figures of the Trade-off page share: marks by N, axes, and the state of a machine.

Colour and the number beside a mark say N; its shape says where the measurement comes from. Marks
of a busy machine are hollow, with a dot in them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from muxviz.figures.drawing.claims import are_apart
from muxviz.figures.drawing.ink import ink, mix
from muxviz.figures.drawing.plot import Trace, scatter
from muxviz.figures.drawing.slots import SLOT_COLORS
from muxviz.figures.drawing.small_multiples import log_ticks
from muxviz.figures.drawing.wording import plain, shorten
from muxviz.results.measured import FILE, NOW, RECORDED
from muxviz.results.throughput import Accuracy, Machine

KNOWN_N = (2, 5, 10, 20, 40, 3, 4, 8, 16, 32)  # those with a colour of their own
GREY = 8  # of the slot colours: that of N = 1, and of no other N
SHAPES = {RECORDED: "circle", NOW: "diamond", FILE: "square"}
DASHES = {RECORDED: "solid", NOW: "dash", FILE: "dot"}
SIZE = 13
NAME_ROOM = 30  # letters of a checkpoint's name
LABEL_ROOM = 70  # letters of a legend


def color_of(n: int) -> str:
    """Fill of marks with N slots, as ``#rrggbb``; the same in every figure."""
    if n == 1:
        return SLOT_COLORS[GREY]
    colors = SLOT_COLORS[:GREY] + SLOT_COLORS[GREY + 1 :]
    return colors[(KNOWN_N.index(n) if n in KNOWN_N else n) % len(colors)]


def outline_of(n: int, dark: bool) -> str:
    """Outline of that fill, readable on the page."""
    return mix(color_of(n), "#ffffff" if dark else "#000000", 0.5)


def marks(kind: str, numbers: Sequence[int], *, busy: bool, dark: bool) -> dict[str, Any]:
    """Markers of one source. ``kind``: of ``results.measured``; numbers: N of each."""
    shape = SHAPES[kind]
    fills = [outline_of(n, dark) if busy else color_of(n) for n in numbers]
    return {
        "symbol": f"{shape}-open-dot" if busy else shape,
        "size": SIZE,
        "opacity": 1,  # Plotly fades marks of unlike sizes
        "color": fills,
        "line": {
            "width": 2.0 if busy else 1.2,
            "color": fills if busy else [outline_of(n, dark) for n in numbers],
        },
    }


def legend_mark(name: str, kind: str, *, busy: bool, dark: bool) -> Trace:
    """A trace without points that stands for a source in the legend, in no N's colour."""
    color = ink(dark).muted
    shape = SHAPES[kind]
    return scatter(
        x=[None],
        y=[None],
        mode="markers",
        name=plain(shorten(name, LABEL_ROOM)),
        marker={
            "symbol": f"{shape}-open-dot" if busy else shape,
            "size": SIZE - 2,
            "color": color,
            "line": {"width": 1.4, "color": color},
        },
        hoverinfo="skip",
        showlegend=True,
    )


def log_axis(words: str, values: Sequence[float], *, room: float = 0.12) -> dict[str, Any]:
    """A logarithmic axis over ``values``; ``room``: share of it left at both ends."""
    found = np.asarray([v for v in values if v > 0] or [1.0], dtype=float)
    low, high = np.log10(found.min()), np.log10(found.max())
    edge = max(room * (high - low), 0.06)
    ticks = log_ticks(np.asarray([10 ** (low - edge / 2), 10 ** (high + edge / 2)]))
    return {
        "title": {"text": words},
        "type": "log",
        "range": [float(low - edge), float(high + edge)],
        "tickvals": ticks,
        "ticktext": [tick_text(t) for t in ticks],
    }


def tick_text(value: float) -> str:
    """``"2,000"``, ``"0.5"``."""
    return f"{value:,.0f}" if value >= 10 else f"{value:g}"


def score_range(low: float, high: float) -> list[float]:
    """Range of an axis of shares, a little beyond both."""
    edge = max(0.12 * (high - low), 0.01)
    return [max(0.0, low - edge), min(1.005, high + edge)]


def named(name: str) -> str:
    """A checkpoint's name as Plotly may draw it."""
    return plain(shorten(name, NAME_ROOM))


def busy_words(machines: Sequence[Machine]) -> str:
    """What to say of machines that were busy; "" where none was."""
    loads = [machine.load for machine in machines if machine.is_busy]
    if not loads:
        return ""
    return (
        f"Hollow marks: measured while {max(loads):.1f} other processors were busy, so their speed "
        "is not comparable"
    )


def points(value: float) -> str:
    """A difference of shares in percentage points: ``"2.1 points"``."""
    amount = abs(100 * value)
    return f"{amount:.1f} point{'s' * (round(amount, 1) != 1)}"


def accuracy_change(before: Accuracy, after: Accuracy, verbs: tuple[str, str]) -> str:
    """What another setting does to a score: ``"loses 2.1 points of accuracy"``.

    verbs: for less and for more. Where the 95 % intervals touch, or are not known, that is said.
    """
    change = after.mean - before.mean
    if abs(change) < 0.0005:
        return ""
    nothing = (math.nan, math.nan)
    one, other = ((s.mean, *(s.interval or nothing)) for s in (before, after))
    doubt = "" if are_apart(one, other) else " (not told apart)"
    return f"{verbs[change > 0]} {points(change)} of {before.metric}{doubt}"


def times(value: float) -> str:
    """A ratio: ``"3.9 times"``, ``"1.04 times"``."""
    return f"{value:.{0 if value >= 10 else 1 if value >= 2 else 2}f} times"

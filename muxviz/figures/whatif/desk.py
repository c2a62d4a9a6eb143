"""Every slot before and after a change, in one picture."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    SMALL_SIZE,
    caption,
    framed,
    ink,
    tint,
)
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.wording import or_none, percent, plain, shorten
from muxviz.results.whatif_desk import BeforeAfter

USUAL = (0.5, 1.5)  # faders outside are far from what was trained on
ROW = 46  # px
ROOM = 30  # letters of an answer
CELL = 44  # px
FLAT = 0.005  # change of a probability that counts as none in words


def before_after_figure(result: BeforeAfter, *, dark: bool = False) -> go.Figure:
    """Probability of the answer each slot gave before: pale bar before, full bar after."""
    colors, shown = ink(dark), _shown(result)
    plot = Plot()
    for pale in (True, False):
        values = result.sure_before if pale else result.sure_after
        plot.add(
            bar(
                x=[None if np.isnan(values[i]) else float(values[i]) for i in shown],
                y=list(range(len(shown))),
                orientation="h",
                width=0.66 if pale else 0.34,
                marker={
                    "color": [tint(slot_color(i), 0.28) if pale else slot_color(i) for i in shown],
                    "line": {
                        "color": [slot_outline(i, dark=dark) for i in shown],
                        "width": 0.8 if pale else 1.2,
                    },
                },
                hovertext=[_row_words(result, i) for i in shown],
            )
        )
    notes = []
    for at, i in enumerate(shown):
        notes.append(
            {
                "x": 1.02,
                "y": at,
                "xanchor": "left",
                "align": "left",
                "text": plain(shorten(_change(result, i), 2 * ROOM)),
                "font": {"size": SMALL_SIZE, "color": colors.text},
            }
        )
    plot.set(barmode="overlay", bargap=0.2)
    plot.xaxes(
        range=[0, 1.62],
        tickvals=[0, 0.25, 0.5, 0.75, 1],
        ticktext=["0 %", "25 %", "50 %", "75 %", "100 %"],
        title={"text": "probability of the answer given before"},
    )
    name_rows(plot, [slot_label(i) for i in shown])
    half = {"type": "line", "x0": 0.5, "x1": 0.5, "y0": -0.5, "y1": len(shown) - 0.5}
    plot.mark(
        shapes=[half | {"line": {"color": colors.line, "width": 1, "dash": "dot"}}],
        annotations=notes,
    )
    framed(
        plot,
        before_after_finding(result),
        dark=dark,
        height=ROW * len(shown) + 154,
        sides={"l": 66, "r": 12, "t": 76, "b": 76},
    )
    caption(plot, "Pale and wide: before. Full and narrow: after.", below=48)
    return plot.figure()


def before_after_finding(result: BeforeAfter) -> str:
    """What the change did to the others, in one sentence."""
    what = _what(result)
    if what is None:
        return "All faders at 1: nothing is changed yet"
    others = [i for i in _shown(result) if i not in _touched(result)]
    if not others:
        others = [i for i in _shown(result) if i != result.edited]
    flipped = [i for i in others if result.changed[i] > 0]
    moves = {i: float(result.sure_after[i] - result.sure_before[i]) for i in others}
    if flipped:
        names = _listed(flipped)
        what_changed = "tags" if result.per_token else "the answer"
        return f"{what} changes {what_changed} of slot{'s' * (len(flipped) > 1)} {names}"
    most = max(moves, key=lambda i: abs(moves[i]), default=None)
    if most is None or abs(moves[most]) < FLAT:
        return f"{what} changes no other slot"
    way = "surer" if moves[most] > 0 else "less sure"
    points = round(abs(100 * moves[most]))
    by = f"{points} point{'s' * (points != 1)}"
    return f"{what} flips no other slot; slot {most + 1} becomes {way} by {by}"


def before_after_table(result: BeforeAfter) -> list[dict[str, Any]]:
    """The same numbers, one row per slot."""
    table = []
    for i in range(len(result.gains)):
        row: dict[str, Any] = {
            "slot": i + 1,
            "fader": float(result.gains[i]),
            "text": result.texts_after[i],
            "answer before": result.answers_before[i],
            "answer after": result.answers_after[i],
        }
        for name in ("sure_before", "sure_after", "margin_before", "margin_after", "changed"):
            row[name.replace("_", " ")] = or_none(getattr(result, name)[i])
        row["sure, change"] = or_none(result.sure_after[i] - result.sure_before[i])
        row["read back before"] = or_none(result.read_before[i])
        row["read back after"] = or_none(result.read_after[i])
        table.append(row | ({"filler": True} if i in result.fillers else {}))
    return table


def before_after_alt(result: BeforeAfter) -> str:
    """The picture in words."""
    rows = (_row_words(result, i) + "." for i in _shown(result))
    return " ".join([f"{before_after_finding(result)}.", *rows])


def _shown(result: BeforeAfter) -> list[int]:
    return [i for i in range(len(result.texts_before)) if i not in result.fillers]


def _touched(result: BeforeAfter) -> set[int]:
    touched = {i for i, gain in enumerate(result.gains) if gain != 1}
    return touched | ({result.edited} if result.edited is not None else set())


def _what(result: BeforeAfter) -> str | None:
    """The change, as the subject of a sentence."""
    if result.edited is not None:
        return f"The new sentence in slot {result.edited + 1}"
    moved = [i for i, gain in enumerate(result.gains) if gain != 1]
    if not moved:
        return None
    muted = [i for i in moved if result.gains[i] == 0]
    heard = [i for i, gain in enumerate(result.gains) if gain > 0]
    if len(heard) == 1 and len(muted) == len(result.gains) - 1:
        return f"Slot {heard[0] + 1} alone"
    verb = "Muting" if muted == moved else "Moving the faders of" if len(moved) > 1 else "Fader"
    names = _listed(moved)
    if verb == "Fader":
        return f"Fader {names} at {result.gains[moved[0]]:g}"
    return f"{verb} slot{'s' * (len(moved) > 1)} {names}"


def _listed(slots: list[int]) -> str:
    first, last = ", ".join(str(i + 1) for i in slots[:-1]), str(slots[-1] + 1)
    return f"{first} and {last}" if first else last


def _change(result: BeforeAfter, i: int) -> str:
    if result.per_token:
        if np.isnan(result.changed[i]):
            return "another sentence, other tokens"
        return f"{percent(float(1 - result.changed[i]))} of the tags kept"
    labels = result.labels
    before, after = result.p_before[i], result.p_after[i]
    old, new = int(before.argmax()), int(after.argmax())
    return (
        f"{shorten(labels[old], ROOM)} {percent(float(before[old]))} → "
        f"{shorten(labels[new], ROOM)} {percent(float(after[new]))}"
    )


def _row_words(result: BeforeAfter, i: int) -> str:
    gain = f", fader {result.gains[i]:g}" if result.gains[i] != 1 else ""
    edited = ", new sentence" if i == result.edited else ""
    read = ""
    if not np.isnan(result.read_before[i]):
        before, after = float(result.read_before[i]), float(result.read_after[i])
        read = f", tokens read back {percent(before)} → {percent(after)}"
    return f"Slot {i + 1}{gain}{edited}: {plain(_change(result, i))}{read}"


BEFORE_AFTER = Family(
    before_after_figure, before_after_finding, before_after_alt, before_after_table
)

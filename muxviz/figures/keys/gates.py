"""How differently the read-outs of two slots gate the same state."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.claims import standing_out
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink
from muxviz.figures.drawing.plot import Plot
from muxviz.figures.drawing.squares import SIDES, Matrix, draw_square, square_height
from muxviz.figures.drawing.wording import or_none, percent, plain
from muxviz.results.keys import GateFlips

COIN = 0.5  # flip rate of two gates that have nothing to do with each other
NAMED = 24  # rows up to which the words beside them fit


def gates_figure(gates: GateFlips, *, over: str = "group", dark: bool = False) -> go.Figure:
    """One square of flip rates, and which units open for one slot only.

    over: "group" for this group, "pool" for the mean over random groups.
    """
    values = gates.here if over == "group" else gates.flips.mean
    num = len(values)
    matrix = Matrix("Units whose sign differs, %", values, ("",) * num, (0.0, COIN), False, True)
    plot = Plot()
    draw_square(plot, matrix, (0.0, 0.62), "", dark)
    _alone(plot, gates, dark)
    framed(plot, gates_finding(gates, over=over), dark=dark, height=square_height(num), sides=SIDES)
    words = "Colours run from 0 to 50 %, where two gates have nothing in common."
    caption(plot, words, below=18, left=12 - SIDES["l"])
    return plot.figure()


def gates_finding(gates: GateFlips, *, over: str = "group") -> str:
    """The pair of slots whose read-outs are most alike."""
    values = gates.here if over == "group" else gates.flips.mean
    off = np.where(np.eye(len(values), dtype=bool), np.inf, values)
    first, second = np.unravel_index(int(off.argmin()), off.shape)
    least, most = float(off.min()), float(values.max())
    pair = f"slots {min(first, second) + 1} and {max(first, second) + 1}"
    if least == 0:
        return f"The read-outs of {pair} gate every unit alike: they are one function"
    if least > 0.4:
        return (
            f"Any two read-outs gate about half of the units differently "
            f"({percent(least)} to {percent(most)})"
        )
    once = np.triu(np.ones(off.shape, dtype=bool), 1)
    ends = [values[once]] * 3
    if over != "group":
        ends = [part[once] for part in (gates.flips.mean, gates.flips.low, gates.flips.high)]
    if standing_out(list(zip(*ends, strict=True)), least=True) is None:
        return (
            f"No two read-outs are told to be most alike: {percent(least)} of the units differ, "
            "or more"
        )
    return f"The read-outs of {pair} are the most alike: {percent(least)} of the units differ"


def gates_table(gates: GateFlips) -> list[dict[str, Any]]:
    """One row per pair of slots; shares in [0, 1]."""
    num, flips = len(gates.here), gates.flips
    return [
        {
            "slot": i + 1,
            "other slot": j + 1,
            "differ in this group": float(gates.here[i, j]),
            "differ in random groups": float(flips.mean[i, j]),
            "low": or_none(flips.low[i, j]),
            "high": or_none(flips.high[i, j]),
            "open for the slot alone": float(gates.deciding[i]),
            "units": gates.units,
        }
        for i in range(num)
        for j in range(num)
        if i != j
    ]


def gates_alt(gates: GateFlips, *, over: str = "group") -> str:
    """The picture in words."""
    alone = ", ".join(f"slot {i + 1} {percent(float(s))}" for i, s in enumerate(gates.deciding))
    return (
        f"{gates_finding(gates, over=over)}. Units open for one slot alone, of {gates.units}: "
        f"{alone}."
    )


def _alone(plot: Plot, gates: GateFlips, dark: bool) -> None:
    """Words right of the rows."""
    place = {"xref": "paper", "xanchor": "left", "x": 0.66}
    head = {
        **place,
        "text": "open for this slot alone, in this group",
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 26,
        "font": {"size": SMALL_SIZE, "color": ink(dark).text},
    }
    rows = [
        {
            **place,
            "text": plain(f"{percent(float(share))} of {gates.units} units"),
            "y": i + 0.5,
            "yref": "y",
        }
        for i, share in enumerate(gates.deciding)
    ]
    plot.mark(annotations=[head, *(rows if len(rows) <= NAMED else [])])


GATES_FAMILY = Family(gates_figure, gates_finding, gates_alt, gates_table)

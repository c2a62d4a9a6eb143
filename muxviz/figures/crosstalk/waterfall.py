"""A slot's margin as a waterfall: what it owes to each sentence of the group."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.crosstalk.rows import name_bars
from muxviz.figures.crosstalk.words import signed
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import write_ends
from muxviz.figures.drawing.scales import diverging
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import number, or_none, plain
from muxviz.results.crosstalk import Shapley

LEFT = 210  # px for the names of the steps


def waterfall_figure(result: Shapley, slot: int, *, dark: bool = False) -> go.Figure:
    """From pool sentences in every slot to the group as it is, one sentence at a time.

    The own sentence comes first, then the others in their order; every bar is its Shapley value,
    with its 95 % interval.
    """
    order = _order(result, slot)
    base, full = float(result.empty.mean[slot]), float(result.full[slot])
    steps = result.values.mean[slot, order]
    starts = base + np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    names = [f"{slot_label(slot)} own sentence", *(slot_label(j) for j in order[1:])]
    names = ["pool sentences only", *names, "the group as it is"]
    colors, scale = ink(dark), diverging(dark)
    helps, hurts = str(scale[2][1]), str(scale[-3][1])
    fills = [tint(colors.grey, 0.45), *(helps if v >= 0 else hurts for v in steps)]
    empty, values = result.empty, result.values
    errors = [(empty.high - empty.mean)[slot], *(values.high - values.mean)[slot, order], 0.0]
    below = [(empty.mean - empty.low)[slot], *(values.mean - values.low)[slot, order], 0.0]
    plot = Plot(
        bar(
            base=[0.0, *starts, 0.0],
            x=[base, *steps, full],
            y=list(range(len(names))),
            orientation="h",
            width=0.62,
            marker={
                "color": [*fills, tint(colors.grey, 0.45)],
                "line": {"color": colors.text, "width": 0.8},
            },
            error_x=whiskers(
                np.nan_to_num(errors), np.nan_to_num(below), colors.text, thickness=1.2, width=4
            ),
            hovertext=[plain(words) for words in _said(result, slot)],
        )
    )
    ends = [max(base, 0), *np.maximum(starts, starts + steps), max(full, 0)]
    written = [signed(v) for v in (base, *steps, full)]
    name_bars(plot, names, "margin (logits)", dark)
    write_ends(plot, np.add(ends, np.nan_to_num(errors)), written, shift=8, dark=dark)
    framed(
        plot,
        waterfall_finding(result, slot),
        dark=dark,
        height=34 * len(names) + 158,
        sides={"l": LEFT, "r": 60, "t": 74, "b": 84},
    )
    words = (
        f"Margin of {_target_words(result, slot)}. Blue helps, orange hurts; whiskers are 95 % "
        f"intervals. The bars leave over {_left_over(result, slot)} logits."
    )
    caption(plot, words, below=50, left=12 - LEFT)
    return plot.figure()


def waterfall_finding(result: Shapley, slot: int) -> str:
    """What the slot owes its margin to, in one sentence."""
    values = result.values.mean[slot]
    own, others = float(values[slot]), np.delete(values, slot)
    net = float(others.sum())
    return (
        f"Slot {slot + 1} has a margin of {signed(float(result.full[slot]))}: "
        f"{signed(float(result.empty.mean[slot]))} with pool sentences only, {signed(own)} by its "
        f"own sentence, {signed(net)} by its neighbours'"
    )


def waterfall_table(result: Shapley, slot: int) -> list[dict[str, Any]]:
    """The bars, in logits."""
    estimates = result.values
    rows: list[dict[str, Any]] = [
        {
            "step": "pool sentences only",
            "logits": float(result.empty.mean[slot]),
            "low 95 %": or_none(result.empty.low[slot]),
            "high 95 %": or_none(result.empty.high[slot]),
        }
    ]
    for j in _order(result, slot):
        rows.append(
            {
                "step": f"slot {j + 1}" + (" (own)" if j == slot else ""),
                "logits": float(estimates.mean[slot, j]),
                "low 95 %": or_none(estimates.low[slot, j]),
                "high 95 %": or_none(estimates.high[slot, j]),
            }
        )
    full = {"step": "the group as it is", "logits": float(result.full[slot])}
    residual = {"step": "left over", "logits": float(result.residual[slot])}
    empty = {"low 95 %": None, "high 95 %": None}
    return [*rows, full | empty, residual | empty]


def waterfall_alt(result: Shapley, slot: int) -> str:
    """The picture in words."""
    return ". ".join([waterfall_finding(result, slot), *_said(result, slot)]) + "."


def _order(result: Shapley, slot: int) -> list[int]:
    return [slot, *(j for j in range(len(result.texts)) if j != slot)]


def _target_words(result: Shapley, slot: int) -> str:
    if not result.targets[slot]:
        return "the tags given now, mean over the slot's tokens"
    why = {"gold": "the gold label", "alone": "its answer alone", "now": "its answer now"}
    return f"“{plain(result.targets[slot])}”, {why[result.target_from[slot]]}"


def _said(result: Shapley, slot: int) -> list[str]:
    """One line per bar."""
    lines = []
    for row in waterfall_table(result, slot)[:-1]:
        low, high = row["low 95 %"], row["high 95 %"]
        bounds = "" if low is None else f" ({signed(low)} to {signed(high)})"
        lines.append(f"{row['step']}: {signed(row['logits'])} logits{bounds}")
    return lines


def _left_over(result: Shapley, slot: int) -> str:
    size = abs(float(result.residual[slot]))
    return "less than 1e−9" if size < 1e-9 else number(size, ".0e")


WATERFALL = Family(waterfall_figure, waterfall_finding, waterfall_alt, waterfall_table)

"""How well each slot is read back: shares, likelihood, ranks."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.drawing.claims import spans, standing_out
from muxviz.figures.drawing.dots import (
    Column,
    amount_span,
    dot_columns,
    dots_height,
    estimate_column,
    estimate_row,
    share_column,
    share_row,
    sides,
    slot_marks,
    total_mark,
    with_total,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    SMALL_SIZE,
    caption,
    framed,
    ink,
    text_on,
)
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import number, percent
from muxviz.results.estimates import Estimates
from muxviz.results.fidelity import RANKS, Fidelity

VALUES = {
    "read": "Read back",
    "nll": "Negative log-likelihood",
    "mrr": "Reciprocal rank",
    "ranks": "Ranks",
}


def fidelity_figure(result: Fidelity, *, value: str = "read", dark: bool = False) -> go.Figure:
    """Dots per slot (rows) with intervals; for "ranks", stacked bars.

    Args:
        value: "read" (share of tokens read back), "nll" (nats per token), "mrr" (mean of 1 / rank)
            or "ranks".

    Raises:
        InputError: another value.
    """
    _check(value)
    num = len(result.ranks)
    if value == "ranks":
        plot = _rank_bars(result, dark)
        words = "Rank of the own token among all of the vocabulary; 1 is read back."
    else:
        plot = dot_columns([_column(result, value)], _marks(result, value, dark), dark=dark)
        words = _caption(result, value)
    rows = num + (value == "read")
    framed(
        plot,
        fidelity_finding(result, value=value),
        dark=dark,
        height=dots_height(rows) + 8,
        sides=sides(),
    )
    caption(plot, words, below=30, left=-100)
    return plot.figure()


def fidelity_finding(result: Fidelity, *, value: str = "read") -> str:
    """What it shows, in one sentence."""
    _check(value)
    if not result.total.trials.sum():
        return "There is no token to count"
    if value == "ranks":
        return _rank_finding(result)
    if value == "read":
        return _read_finding(result)
    found, unit = _estimates(result, value)
    worst = int(np.nanargmax(found.mean) if value == "nll" else np.nanargmin(found.mean))
    best = int(np.nanargmin(found.mean) if value == "nll" else np.nanargmax(found.mean))
    if found.mean[worst] == found.mean[best]:
        return f"All slots alike: {number(found.mean[worst], '.3g')} {unit}"
    ends = sorted((float(found.mean[worst]), float(found.mean[best])))
    if found.low[worst] <= found.high[best] and found.low[best] <= found.high[worst]:
        low, high = (number(end, ".3g") for end in ends)
        return f"Slots come back about alike: {low} to {high} {unit}"
    said = f"{number(found.mean[worst], '.3g')} {unit}"
    if standing_out(spans(found), least=value != "nll") is None:
        other = f"{number(found.mean[best], '.3g')} in slot {best + 1}"
        return f"Slots come back unlike: {said} in slot {worst + 1}, {other}"
    return (
        f"Slot {worst + 1} comes back least surely: {said}, against "
        f"{number(found.mean[best], '.3g')} in slot {best + 1}"
    )


def fidelity_table(result: Fidelity) -> list[dict[str, Any]]:
    """One row per slot, and one for all: shares with intervals, nats, reciprocal ranks, ranks."""
    rows = []
    for i in range(len(result.ranks)):
        row = {"slot": str(i + 1)} | share_row(result.slots, (i,))
        for name in ("nll", "mrr"):
            found, _ = _estimates(result, name)
            words = "nats per token" if name == "nll" else "reciprocal rank"
            row |= estimate_row(words, found, i)
        rows.append(row | _ranked(result.ranks[i]))
    return [
        *rows,
        {"slot": "all"} | share_row(result.total, ()) | _ranked(result.ranks.sum(axis=0)),
    ]


def _ranked(ranks: np.ndarray) -> dict[str, Any]:
    """How many tokens have which rank, and how many of those not read back a low one."""
    missed = int(ranks[1:].sum())
    return {f"rank {r}": int(n) for r, n in zip(RANKS, ranks, strict=True)} | {
        "tokens in all": int(ranks.sum()),
        "not read back": missed,
        "of those among ten": float(ranks[1:4].sum() / missed) if missed else None,
    }


def fidelity_alt(result: Fidelity, *, value: str = "read") -> str:
    """The picture in words, with its numbers."""
    lines = [fidelity_finding(result, value=value) + "."]
    for i in range(len(result.ranks)):
        if not result.slots.trials[i]:
            lines.append(f"Slot {i + 1}: nothing counted.")
        elif value == "ranks":
            parts = zip(RANKS, result.ranks[i], strict=True)
            lines.append(f"Slot {i + 1}: " + ", ".join(f"rank {r}: {n}" for r, n in parts) + ".")
        else:
            words = _column(result, value).words[i].replace("&lt;", "<")
            lines.append(f"Slot {i + 1}: {words}.")
    return " ".join(lines)


def _check(value: str) -> None:
    if value not in VALUES:
        raise InputError(f"got value={value!r}; choose one of {', '.join(VALUES)}")


def _estimates(result: Fidelity, value: str) -> tuple[Estimates, str]:
    return (result.nll, "nats per token") if value == "nll" else (result.mrr, "mean of 1 / rank")


def _marks(result: Fidelity, value: str, dark: bool) -> list[Any]:
    marks = slot_marks(len(result.ranks), dark=dark)
    return [*marks, total_mark(dark)] if value == "read" else marks


def _column(result: Fidelity, value: str) -> Column:
    if value == "read":
        both = with_total(result.slots, result.total)
        return share_column("share of tokens read back", both, "tokens", line=result.chance)
    found, unit = _estimates(result, value)
    span = amount_span([found.mean, found.high, found.low])
    return estimate_column(unit, found, (0.0, 1.0) if value == "mrr" else span)


def _caption(result: Fidelity, value: str) -> str:
    lines = "Lines: 95 % intervals"
    if value != "read" or np.isnan(result.chance):
        return f"{lines}."
    return f"{lines}. Chance, always naming the most frequent token: {percent(result.chance)}."


def _read_finding(result: Fidelity) -> str:
    total, slots = float(result.total.value), result.slots
    there = np.nonzero(slots.trials > 0)[0]
    often = percent(total)
    what = f"{often[:1].upper()}{often[1:]} of the tokens come back"
    if result.total.hits == result.total.trials:
        return f"Every one of the {int(result.total.trials)} tokens comes back"
    worst = int(there[np.argmin(slots.value[there])])
    if len(there) > 1 and slots.high[worst] < result.total.low:
        return f"{what}, but only {percent(float(slots.value[worst]))} of slot {worst + 1}'s"
    if len(there) > 1:
        return f"{what}, and no slot stands out (lowest: slot {worst + 1})"
    return what


def _rank_finding(result: Fidelity) -> str:
    ranks = result.ranks.sum(axis=0)
    missed = int(ranks[1:].sum())
    if not missed:
        return f"All {int(ranks.sum())} tokens are the most probable ones"
    near = int(ranks[1:4].sum())
    return (
        f"{missed} of {int(ranks.sum())} tokens are not read back; "
        f"{percent(near / missed)} of those are among the ten most probable"
    )


def _rank_bars(result: Fidelity, dark: bool) -> Plot:
    """100 % bars per slot."""
    scale, num = sequential(dark), len(result.ranks)
    sums = result.ranks.sum(axis=1)
    shares = result.ranks / np.maximum(sums, 1)[:, None]
    plot = Plot()
    for r, name in enumerate(RANKS):
        color = color_at(scale, 0.06 + 0.94 * r / (len(RANKS) - 1))
        plot.add(
            bar(
                x=shares[:, r].astype(np.float32),
                y=np.arange(num, dtype=np.uint8),
                orientation="h",
                name=f"rank {name}" if r == 0 else name,
                width=0.62,
                marker={"color": color, "line": {"color": ink(dark).line, "width": 0.8}},
                text=[percent(s) if s >= 0.06 else "" for s in shares[:, r]],
                textfont={"color": text_on(color), "size": SMALL_SIZE},
                textposition="inside",
                insidetextanchor="middle",
                textangle=0,
                hovertext=[
                    f"slot {i + 1}, rank {name}: {int(result.ranks[i, r])} of {int(sums[i])} tokens"
                    for i in range(num)
                ],
            )
        )
    plot.set(
        barmode="stack",
        legend={
            "orientation": "h",
            "y": 1,
            "yanchor": "bottom",
            "x": 0,
            "traceorder": "normal",
            "font": {"size": SMALL_SIZE, "color": ink(dark).muted},
        },
    )
    plot.xaxes(range=[0, 1], tickformat=".0%", nticks=5)
    name_rows(plot, [slot_label(i) for i in range(num)])
    return plot


FIDELITY = Family(fidelity_figure, fidelity_finding, fidelity_alt, fidelity_table)

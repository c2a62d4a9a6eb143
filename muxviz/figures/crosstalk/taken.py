"""What each slot of one group takes from the others, on two checkpoints or a series of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.crosstalk.words import short
from muxviz.figures.drawing.changes import LEFT, NAME, checkpoint_marks
from muxviz.figures.drawing.claims import sizes, standing_out
from muxviz.figures.drawing.dots import (
    Column,
    amount_span,
    dot_columns,
    dots_height,
    estimate_column,
    estimate_row,
    sides,
    slot_marks,
    total_mark,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed
from muxviz.figures.drawing.wording import plain
from muxviz.figures.drawing.wording import shorten as cut
from muxviz.results.by_sparsity import CrosstalkBySparsity
from muxviz.results.estimates import Estimates

UNIT = "points of probability"
SHARE = "share of the probability"


def taken_figure(result: CrosstalkBySparsity, *, dark: bool = False) -> go.Figure:
    """Slots of two checkpoints: what A's takes, what B's takes, and B less A on the same draws.

    Raises:
        InputError: not two checkpoints.
    """
    _need_pair(result)
    num = result.received.mean.shape[1]
    amounts = [_points(_with_all(result.received, result.mean, k)) for k in (0, 1)]
    change = _points(_with_all(result.change, result.mean_change, 1))
    span = amount_span([found.high for found in amounts] + [found.mean for found in amounts])
    columns = [
        _brief(plain(cut(f"{side}: {made.named}", NAME)), found, span)
        for side, made, found in zip("AB", result.origins, amounts, strict=True)
    ]
    ends = amount_span([change.low, change.high, change.mean])
    columns.append(_brief(f"B − A, {UNIT}", change, ends))
    plot = dot_columns(columns, [*slot_marks(num, dark=dark), total_mark(dark)], dark=dark)
    framed(
        plot,
        taken_finding(result),
        dark=dark,
        height=dots_height(num + 1) + 24,
        sides=sides() | {"b": 76},
    )
    caption(plot, _drawn(result), below=30, left=-100)
    return plot.figure()


def taken_finding(result: CrosstalkBySparsity) -> str:
    """Whose slots take more from their neighbours, and which differs most."""
    _need_pair(result)
    first, second = (_amount(float(value)) for value in result.mean.mean)
    text = f"A slot takes {first} from each other one in A, {second} in B"
    if not bool(result.mean_change.excludes(0.0)[1]):
        return f"{text}; {result.draws} draws do not tell them apart"
    change = result.change
    most = standing_out(sizes(zip(change.mean[1], change.low[1], change.high[1], strict=True)))
    if most is None:
        return f"{text}; no slot is told to differ most"
    return f"{text}; slot {most + 1} differs most"


def taken_table(result: CrosstalkBySparsity) -> list[dict[str, Any]]:
    """One row per slot, and one for all pairs; shares of the probability."""
    _need_pair(result)
    amounts = [_with_all(result.received, result.mean, k) for k in (0, 1)]
    change = _with_all(result.change, result.mean_change, 1)
    num = result.received.mean.shape[1]
    return [
        {
            "slot": "all" if i == num else str(i + 1),
            **estimate_row("A", amounts[0], i),
            **estimate_row("B", amounts[1], i),
            **estimate_row("B - A", change, i),
            "unit": SHARE,
            "sparsity of A": result.origins[0].sparsity,
            "sparsity of B": result.origins[1].sparsity,
            "draws": result.draws,
            "pool": result.pool,
            "seed": result.received.seed,
        }
        for i in range(num + 1)
    ]


def taken_alt(result: CrosstalkBySparsity) -> str:
    """The picture in words."""
    names = ", ".join(
        f"{side} is {made.named}" for side, made in zip("AB", result.origins, strict=True)
    )
    return f"{taken_finding(result)}. {names}. {_drawn(result)}"


# ---- a series -----------------------------------------------------------------------------------


def taken_series_figure(result: CrosstalkBySparsity, *, dark: bool = False) -> go.Figure:
    """Rows are checkpoints. Columns: what a slot takes from another one, and the change."""
    taken, change = _points(result.mean), _points(result.mean_change)
    columns = [
        _brief(f"taken, {UNIT}", taken, amount_span([taken.mean, taken.high])),
        _brief(f"change, {UNIT}", change, amount_span([change.low, change.high])),
    ]
    plot = dot_columns(columns, checkpoint_marks(result.origins, dark=dark), dark=dark)
    words = (
        f"This group; every slot's sentence exchanged for the same {result.draws} of "
        f"{result.pool} sentences, seed {result.mean.seed}; lines: 95 % intervals."
    )
    framed(
        plot,
        taken_series_finding(result),
        dark=dark,
        height=dots_height(len(result.origins)) + 24,
        sides=sides() | {"l": LEFT, "b": 76},
    )
    caption(plot, words, below=30, left=16 - LEFT)
    return plot.figure()


def taken_series_finding(result: CrosstalkBySparsity) -> str:
    """What the last of the series takes against the first, as far as that is told."""
    last = len(result.origins) - 1
    first, now = (_amount(float(result.mean.mean[k])) for k in (0, last))
    text = (
        f"A slot takes {first} from each other one in {_named(result, 0)}, {now} in "
        f"{_named(result, last)}"
    )
    told = int(result.mean_change.excludes(0.0)[1:].sum())
    return (
        f"{text}; told from the first: {told} of {last}"
        if told
        else (f"{text}; {result.draws} draws tell none from the first")
    )


def taken_series_table(result: CrosstalkBySparsity) -> list[dict[str, Any]]:
    """One row per checkpoint; shares of the probability."""
    told = result.mean_change.excludes(0.0)[1:]
    return [
        {
            "checkpoint": made.checkpoint,
            **estimate_row("taken", result.mean, k),
            **estimate_row("change", result.mean_change, k),
            "unit": SHARE,
            "told from the first": int(told.sum()),
            "of": len(told),
            "draws": result.draws,
            "pool": result.pool,
            "seed": result.mean.seed,
        }
        for k, made in enumerate(result.origins)
    ]


def taken_series_alt(result: CrosstalkBySparsity) -> str:
    """The picture in words."""
    lines = [
        f"{_named(result, k)}: {_amount(float(result.mean.mean[k]))}"
        for k in range(len(result.origins))
    ]
    return f"{taken_series_finding(result)}. {'. '.join(lines)}."


# ---- details ------------------------------------------------------------------------------------


def _named(result: CrosstalkBySparsity, k: int) -> str:
    return cut(result.origins[k].checkpoint, NAME)


def _brief(title: str, found: Estimates, span: tuple[float, float]) -> Column:
    """A column whose words are the means alone, without a power of ten."""
    column = estimate_column(title, found, span)
    return replace(column, words=[short(float(mean)) for mean in found.mean], hovers=column.words)


def _points(found: Estimates) -> Estimates:
    return Estimates(100 * found.mean, 100 * found.low, 100 * found.high, found.draws, found.seed)


def _amount(share: float) -> str:
    """Of the probability, in points."""
    return f"{short(100 * share)} points" if share >= 1e-5 else "hardly anything"


def _need_pair(result: CrosstalkBySparsity) -> None:
    if len(result.origins) != 2:
        raise InputError(f"got {len(result.origins)} checkpoints; this figure compares two")


def _with_all(slots: Estimates, total: Estimates, k: int) -> Estimates:
    """Slots ``[N]`` of checkpoint k, and behind them all pairs: ``[N + 1]``."""
    return Estimates(
        np.append(slots.mean[k], total.mean[k]),
        np.append(slots.low[k], total.low[k]),
        np.append(slots.high[k], total.high[k]),
        slots.draws,
        slots.seed,
    )


def _drawn(result: CrosstalkBySparsity) -> str:
    some = " (stopped)" if result.is_partial else ""
    return (
        f"Every slot's sentence exchanged for the same {result.draws} sentences{some} of "
        f"{result.pool}, seed {result.received.seed}; lines: 95 % intervals, paired for B − A."
    )


TAKEN = Family(taken_figure, taken_finding, taken_alt, taken_table)
TAKEN_SERIES = Family(
    taken_series_figure, taken_series_finding, taken_series_alt, taken_series_table
)

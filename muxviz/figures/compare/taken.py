"""What each slot of one group takes from the others, on two checkpoints."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.crosstalk.words import short
from muxviz.figures.drawing.claims import sizes, standing_out
from muxviz.figures.drawing.dots import (
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

NAME = 30  # letters of a checkpoint's name


def taken_figure(result: CrosstalkBySparsity, *, dark: bool = False) -> go.Figure:
    """Slots of two checkpoints: what A's takes, what B's takes, and B less A on the same draws.

    Raises:
        InputError: not two checkpoints.
    """
    _need_pair(result)
    num = result.received.mean.shape[1]
    amounts = [_with_all(result.received, result.mean, k) for k in (0, 1)]
    change = _with_all(result.change, result.mean_change, 1)
    span = amount_span([found.high for found in amounts] + [found.mean for found in amounts])
    columns = [
        estimate_column(plain(cut(f"{side}: {made.named}", NAME)), found, span, brief=True)
        for side, made, found in zip("AB", result.origins, amounts, strict=True)
    ]
    ends = amount_span([change.low, change.high, change.mean])
    columns.append(estimate_column("B − A, nats", change, ends))
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
    first, second = (short(float(value)) for value in result.mean.mean)
    text = f"A slot takes {first} nats from each other one in A, {second} in B"
    if not bool(result.mean_change.excludes(0.0)[1]):
        return f"{text}; {result.draws} draws do not tell them apart"
    change = result.change
    most = standing_out(sizes(zip(change.mean[1], change.low[1], change.high[1], strict=True)))
    if most is None:
        return f"{text}; no slot is told to differ most"
    return f"{text}; slot {most + 1} differs most"


def taken_table(result: CrosstalkBySparsity) -> list[dict[str, Any]]:
    """One row per slot, and one for all pairs; nats."""
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


def _need_pair(result: CrosstalkBySparsity) -> None:
    if len(result.origins) != 2:
        raise InputError(f"got {len(result.origins)} checkpoints; this figure compares two")


def _with_all(slots: Estimates, total: Estimates, k: int) -> Estimates:
    """Slots ``[N]`` of checkpoint k, and behind them all pairs: ``[N + 1]``."""
    parts = (
        np.append(a[k], b[k])
        for a, b in zip(
            (slots.mean, slots.low, slots.high), (total.mean, total.low, total.high), strict=True
        )
    )
    return Estimates(*parts, slots.draws, slots.seed)


def _drawn(result: CrosstalkBySparsity) -> str:
    some = " (stopped)" if result.is_partial else ""
    return (
        f"Every slot's sentence exchanged for the same {result.draws} sentences{some} of "
        f"{result.pool}, seed {result.received.seed}; lines: 95 % intervals, paired for B − A."
    )


TAKEN = Family(taken_figure, taken_finding, taken_alt, taken_table)

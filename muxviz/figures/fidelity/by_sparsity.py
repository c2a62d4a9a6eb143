"""Several checkpoints on the same groups: how pruning changes each slot, and two side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.drawing.changes import percent_column, points_column, signed_points
from muxviz.figures.drawing.dots import (
    dot_columns,
    dots_height,
    estimate_row,
    share_span,
    sides,
    slot_marks,
    total_mark,
)
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed
from muxviz.figures.drawing.sparsity_lines import p_words, sparsity_lines, sparsity_words
from muxviz.figures.drawing.wording import number, or_none, percent, plain, shorten
from muxviz.results.by_sparsity import QUANTITIES, BySparsity
from muxviz.results.estimates import Estimates

LEVEL = 0.05  # of the test that slots change unequally
NAME = 30  # letters of a checkpoint's name


# ---- against sparsity ---------------------------------------------------------------------------


def sparsity_figure(result: BySparsity, quantity: str, *, dark: bool = False) -> go.Figure:
    """One line per slot over the sparsity of its checkpoint, and a heavy one for all slots.

    Args:
        quantity: one of the result's.
        dark: for a dark page.

    Raises:
        InputError: another quantity.
    """
    q = _index(result, quantity)
    plot = sparsity_lines(
        result.sparsities,
        _of(result.share, q),
        _of(result.mean, q),
        [made.named for made in result.origins],
        axis=f"share of {QUANTITIES[quantity]}",
        is_share=True,
        dark=dark,
    )
    framed(
        plot,
        sparsity_finding(result, quantity),
        dark=dark,
        height=470,
        sides={"l": 62, "r": 110, "t": 84, "b": 92},
    )
    caption(plot, _drawn(result), below=52, left=-50)
    return plot.figure()


def sparsity_finding(result: BySparsity, quantity: str) -> str:
    """What pruning does to all slots, and whether it does more to some."""
    q = _index(result, quantity)
    last = int(result.sparsities.argmax())
    first, now = (percent(float(result.mean.mean[q, k])) for k in (0, last))
    what = QUANTITIES[quantity]
    words = [sparsity_words(float(result.sparsities[k])) for k in (last, 0)]
    return (
        f"{what[:1].upper()}{what[1:]}: {now} ({words[0]}), {first} ({words[1]}); "
        f"{_unequal(result, q, last)}"
    )


def sparsity_table(result: BySparsity, quantity: str) -> list[dict[str, Any]]:
    """One row per checkpoint and slot, and one for all its slots."""
    q = _index(result, quantity)
    num = result.share.mean.shape[2]
    return [
        {
            "checkpoint": made.checkpoint,
            "sparsity": made.sparsity,
            "slot": "all" if i == num else str(i + 1),
            **_columns("share", result.mean if i == num else result.share, (q, k, i), num),
            **_columns("change", result.mean_change if i == num else result.change, (q, k, i), num),
            "p, slots change alike": or_none(result.p[q, k]) if i == num else None,
            **_counts(result),
        }
        for k, made in enumerate(result.origins)
        for i in range(num + 1)
    ]


def sparsity_alt(result: BySparsity, quantity: str) -> str:
    """The picture in words."""
    q = _index(result, quantity)
    lines = [
        f"{made.named}: all slots {percent(float(result.mean.mean[q, k]))}, from "
        f"{percent(float(np.nanmin(result.share.mean[q, k])))} to "
        f"{percent(float(np.nanmax(result.share.mean[q, k])))} by slot"
        for k, made in enumerate(result.origins)
    ]
    return f"{sparsity_finding(result, quantity)}. {'; '.join(lines)}. {_drawn(result)}"


# ---- two checkpoints ----------------------------------------------------------------------------


def slot_change_figure(result: BySparsity, quantity: str, *, dark: bool = False) -> go.Figure:
    """Slots of two checkpoints: A's share, B's share, and B less A on the same groups.

    Raises:
        InputError: another quantity, or not two checkpoints.
    """
    q = _pair(result, quantity)
    num = result.share.mean.shape[2]
    shares = [_with_all(result.share, result.mean, (q, k)) for k in (0, 1)]
    change = _with_all(result.change, result.mean_change, (q, 1))
    span = share_span(np.concatenate([s.low for s in shares]))
    names = [f"{side}: {made.named}" for side, made in zip("AB", result.origins, strict=True)]
    columns = [
        percent_column(plain(shorten(name, NAME)), found, span)
        for name, found in zip(names, shares, strict=True)
    ]
    columns.append(points_column("B − A, points", change))
    plot = dot_columns(columns, [*slot_marks(num, dark=dark), total_mark(dark)], dark=dark)
    framed(
        plot,
        slot_change_finding(result, quantity),
        dark=dark,
        height=dots_height(num + 1) + 24,
        sides=sides() | {"b": 76},
    )
    caption(plot, f"Share of {QUANTITIES[quantity]}. {_drawn(result)}", below=30, left=-100)
    return plot.figure()


def slot_change_finding(result: BySparsity, quantity: str) -> str:
    """Whether B does better or worse than A, and whether some slots differ more than others."""
    q = _pair(result, quantity)
    first, second = result.mean.mean[q]
    change = result.mean_change
    told = bool(change.excludes(0.0)[q, 1])
    what = QUANTITIES[quantity]
    if not told:
        text = f"A and B are not told apart over all slots ({what}: {percent(float(first))} and "
        text += f"{percent(float(second))})"
    else:
        more = "more" if second > first else "fewer"
        points = abs(100 * float(change.mean[q, 1]))
        text = f"B has {number(points, '.2g')} points {more} {what} than A"
    return f"{text}; {_unequal(result, q, 1)}"


def slot_change_table(result: BySparsity, quantity: str) -> list[dict[str, Any]]:
    """One row per slot, and one for all."""
    q = _pair(result, quantity)
    num = result.share.mean.shape[2]
    rows = []
    for i in range(num + 1):
        share = result.mean if i == num else result.share
        change = result.mean_change if i == num else result.change
        rows.append(
            {
                "slot": "all" if i == num else str(i + 1),
                **_columns("A", share, (q, 0, i), num),
                **_columns("B", share, (q, 1, i), num),
                **_columns("B - A", change, (q, 1, i), num),
                "p, slots change alike": or_none(result.p[q, 1]) if i == num else None,
                "sparsity of A": result.origins[0].sparsity,
                "sparsity of B": result.origins[1].sparsity,
                **_counts(result),
            }
        )
    return rows


def slot_change_alt(result: BySparsity, quantity: str) -> str:
    """The picture in words."""
    lines = [
        f"Slot {row['slot']}: A {percent(row['A'])}, B {percent(row['B'])}"
        for row in slot_change_table(result, quantity)
        if row["A"] is not None and row["B"] is not None
    ]
    names = ", ".join(
        f"{side} is {made.named}" for side, made in zip("AB", result.origins, strict=True)
    )
    return f"{slot_change_finding(result, quantity)}. {names}. {'. '.join(lines)}."


# ---- details ------------------------------------------------------------------------------------


def _index(result: BySparsity, quantity: str) -> int:
    if quantity not in result.quantities:
        raise InputError(
            f"got quantity={quantity!r}; this result has {', '.join(result.quantities)}"
        )
    return result.quantities.index(quantity)


def _pair(result: BySparsity, quantity: str) -> int:
    if len(result.origins) != 2:
        raise InputError(f"got {len(result.origins)} checkpoints; this figure compares two")
    return _index(result, quantity)


def _of(found: Estimates, q: int) -> Estimates:
    return Estimates(found.mean[q], found.low[q], found.high[q], found.draws, found.seed)


def _with_all(slots: Estimates, total: Estimates, at: tuple[int, int]) -> Estimates:
    """Slots ``[N]`` and behind them all of them: ``[N + 1]``."""
    return Estimates(
        np.append(slots.mean[at], total.mean[at]),
        np.append(slots.low[at], total.low[at]),
        np.append(slots.high[at], total.high[at]),
        slots.draws,
        slots.seed,
    )


def _unequal(result: BySparsity, q: int, k: int) -> str:
    """Whether some slots change more than others, and which."""
    p, change = float(result.p[q, k]), result.change.mean[q, k]
    if np.isnan(p):
        return "one group cannot tell whether slots differ in that"
    if p >= LEVEL:
        return f"no slot stands out ({p_words(p)})"
    worst, best = int(np.nanargmin(change)), int(np.nanargmax(change))
    least, most = (signed_points(100 * change[slot]) for slot in (worst, best))
    return (
        f"slots differ in that ({p_words(p)}): slot {worst + 1} {least} points, "
        f"slot {best + 1} {most}"
    )


def _drawn(result: BySparsity) -> str:
    some = " (stopped)" if result.is_partial else ""
    return (
        f"The same {result.groups} random groups{some} of {result.pool} pool sentences, seed "
        f"{result.share.seed}; intervals are 95 %."
    )


def _counts(result: BySparsity) -> dict[str, int]:
    return {"groups": result.groups, "pool": result.pool, "seed": result.share.seed}


def _columns(name: str, found: Estimates, at: tuple[int, int, int], num: int) -> dict[str, Any]:
    """The columns of one estimate; of all slots where the slot is N."""
    q, k, i = at
    return estimate_row(name, found, (q, k) if i == num else (q, k, i))


SPARSITY = Family(sparsity_figure, sparsity_finding, sparsity_alt, sparsity_table)
SLOT_CHANGE = Family(slot_change_figure, slot_change_finding, slot_change_alt, slot_change_table)

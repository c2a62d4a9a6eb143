"""Pruning times multiplexing, against each of the two alone at equal throughput.

A setting with N > 1 and sparsity > 0 is held against the most accurate measured setting of one
means alone (N = 1 pruned; unpruned at some N) that is at least as fast. Nothing is interpolated. A
difference counts where the two accuracies differ by more than their 95 % intervals over rows allow
when they are treated as independent; on the same rows that is cautious.
"""

from __future__ import annotations

import numpy as np

from muxviz.errors import NotApplicable
from muxviz.results.planning import AloneRow, Measurements

BETTER, TIED, WORSE, NOT_REACHED = "better", "tied", "worse", "never that fast"


def against_alone(points: Measurements) -> tuple[AloneRow, ...]:
    """One row per combined setting, slowest first.

    Raises:
        NotApplicable: no setting combines the two, or one of them is not there alone.
    """
    multiplexed, pruned = points.num_instances > 1, points.sparsity > 0
    combined = np.flatnonzero(multiplexed & pruned)
    by_pruning = np.flatnonzero(~multiplexed)
    by_multiplexing = np.flatnonzero(~pruned)
    if not len(combined) or not (pruned & ~multiplexed).any() or not len(by_multiplexing):
        raise NotApplicable(
            "not applicable: the points need settings with N = 1 pruned, N > 1 unpruned, and both "
            "at once; measure the missing ones"
        )
    rows = []
    for at in sorted(combined.tolist(), key=lambda i: float(points.throughput[i])):
        sides = [_best(points, at, group) for group in (by_pruning, by_multiplexing)]
        rows.append(
            AloneRow(
                name=points.names[at],
                num_instances=int(points.num_instances[at]),
                sparsity=float(points.sparsity[at]),
                accuracy=float(points.accuracy[at]),
                throughput=float(points.throughput[at]),
                pruning=None if sides[0] is None else float(points.accuracy[sides[0]]),
                multiplexing=None if sides[1] is None else float(points.accuracy[sides[1]]),
                against_pruning=_verdict(points, at, sides[0]),
                against_multiplexing=_verdict(points, at, sides[1]),
            )
        )
    return tuple(rows)


def _best(points: Measurements, at: int, group: np.ndarray) -> int | None:
    """The most accurate of ``group`` that is at least as fast as the point ``at``."""
    fast = group[points.throughput[group] >= points.throughput[at]]
    return None if not len(fast) else int(fast[np.argmax(points.accuracy[fast])])


def _verdict(points: Measurements, at: int, other: int | None) -> str:
    if other is None:
        return NOT_REACHED
    gap = float(points.accuracy[at] - points.accuracy[other])
    spans = [(points.accuracy_high[i] - points.accuracy_low[i]) / 2 for i in (at, other)]
    room = 0.0 if np.isnan(spans).any() else float(np.hypot(*spans))
    if abs(gap) <= room:
        return TIED
    return BETTER if gap > 0 else WORSE

"""What several numbers allow a finding to say: which one stands out, and whether they rise.

A *span* is a number with the ends of its interval. One that is exact is its own interval; one whose
interval is not known (NaN) is told from nothing, so that nothing is claimed of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.fidelity import Shares

Span: TypeAlias = tuple[float, float, float]  # number, low, high


def spans(found: Estimates | Shares) -> list[Span]:
    """Those of estimates or shares in one dimension, ``[n]``."""
    middle = found.value if isinstance(found, Shares) else found.mean
    return [
        (float(m), float(low), float(high))
        for m, low, high in zip(middle, found.low, found.high, strict=True)
    ]


def exact(values: Iterable[float]) -> list[Span]:
    """Numbers that nothing was left to chance in."""
    return [(float(v),) * 3 for v in values]


def sizes(found: Iterable[Span]) -> list[Span]:
    """Their sizes without the sign; an interval that holds 0 begins there."""
    out = []
    for value, low, high in found:
        ends = abs(low), abs(high)
        least = 0.0 if low <= 0 <= high else min(ends)
        out.append((abs(value), math.nan if math.isnan(low + high) else least, max(ends)))
    return out


def are_apart(one: Span, other: Span) -> bool:
    """Whether the two intervals do not touch, by more than rounding."""
    (_, low, high), (_, down, up) = one, other
    if math.isclose(low, up, rel_tol=1e-6, abs_tol=1e-12):
        return False
    if math.isclose(down, high, rel_tol=1e-6, abs_tol=1e-12):
        return False
    return low > up or down > high


def standing_out(found: Sequence[Span], *, least: bool = False) -> int | None:
    """The largest (or least) one, where its interval lies apart from all others'; else None."""
    known = [k for k, (value, _, _) in enumerate(found) if not math.isnan(value)]
    if not known:
        return None
    best = (min if least else max)(known, key=lambda k: found[k][0])
    others = [k for k in known if k != best]
    return best if all(are_apart(found[best], found[k]) for k in others) else None


def trend(found: Sequence[Span], *, every_step: bool = False) -> int:
    """1 where the numbers never fall and the ends are apart, -1 where they never rise, else 0.

    every_step: each has to be apart from the one before, as "the more, the more" asks for.
    """
    if len(found) < 2 or not are_apart(found[0], found[-1]):
        return 0
    steps = np.diff([value for value, _, _ in found])
    slack = 1e-9 * max(1.0, float(np.abs([found[0][0], found[-1][0]]).max()))
    if every_step and not all(are_apart(a, b) for a, b in pairwise(found)):
        return 0
    if (steps >= -slack).all():
        return 1
    return -1 if (steps <= slack).all() else 0

"""Who shares a pass: the ways to seat the rows of one window.

Every way gives groups of N rows in seat order, the last one perhaps shorter; who sits in which slot
is drawn at random in all of them, so that no slot gets another kind of row than the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from muxviz.errors import InputError, NotApplicable

MEANING = {
    "random": "rows drawn together at random",
    "length": "rows of like length together, which wastes least padding",
    "balanced": "as many rows of every label in a group as the window has of them",
    "adversarial": "the row that N = 1 is least sure of among the surest rows of other labels",
    "alike": "rows that N = 1 gives the same answer, the least sure among the surest",
}
ALL = "all"  # each of them once
GROUPINGS = (*MEANING, ALL)


@dataclass(frozen=True)
class Seated:
    """What the rows of a window are seated by.

    lengths ``[R]`` tokens; gold ``[R]``; alone ``[R, C]`` log-probabilities of N = 1, or None.
    """

    num: int
    lengths: np.ndarray
    gold: np.ndarray
    alone: np.ndarray | None


def plan(grouping: str, count: int) -> tuple[str, ...]:
    """The ways of a run: ``count`` draws of a random one, one of any other.

    Raises:
        InputError: no such grouping, or fewer than one draw.
    """
    if grouping not in GROUPINGS:
        raise InputError(f"unknown grouping {grouping!r}; use {', '.join(GROUPINGS)}")
    if count < 1:
        raise InputError(f"{count} groupings; give at least one")
    if grouping == ALL:
        return tuple(MEANING)
    return (grouping,) * (count if grouping in ("random", "balanced") else 1)


def names(ways: tuple[str, ...]) -> tuple[str, ...]:
    """What the groupings of a run are called: numbered where one is drawn several times."""
    if len(set(ways)) == len(ways):
        return ways
    return tuple(f"{way} {number}" for number, way in enumerate(ways, start=1))


def seat(way: str, rows: Seated, rng: np.random.Generator) -> list[np.ndarray]:
    """Groups of row numbers, in seat order.

    Raises:
        NotApplicable: a way that needs N = 1, and there is no baseline.
    """
    return [rng.permutation(group) for group in WAYS[way](rows, rng)]


def _random(rows: Seated, rng: np.random.Generator) -> list[np.ndarray]:
    return _cut(rng.permutation(len(rows.gold)), rows.num)


def _by_length(rows: Seated, rng: np.random.Generator) -> list[np.ndarray]:
    return _cut(np.argsort(rows.lengths, kind="stable"), rows.num)


def _balanced(rows: Seated, rng: np.random.Generator) -> list[np.ndarray]:
    """Rows sorted by label are dealt to the groups like cards; what is left over sits together."""
    shuffled = rng.permutation(len(rows.gold))
    full = len(shuffled) // rows.num
    dealt = shuffled[: full * rows.num]
    dealt = dealt[np.argsort(rows.gold[dealt], kind="stable")]
    left = shuffled[full * rows.num :]
    return [*dealt.reshape(rows.num, full).T, *([left] if len(left) else [])]


def _adversarial(rows: Seated, rng: np.random.Generator) -> list[np.ndarray]:
    return _around(rows, rows.gold, is_same=False)


def _alike(rows: Seated, rng: np.random.Generator) -> list[np.ndarray]:
    return _around(rows, _alone(rows).argmax(axis=1), is_same=True)


def _around(rows: Seated, side: np.ndarray, *, is_same: bool) -> list[np.ndarray]:
    """One unsure row a group, and N - 1 of the surest of the same or of another side.

    Where a side runs out, its places are filled with whoever is left. How sure: the margin of the
    answer, whether it is right or wrong.
    """
    top = np.sort(_alone(rows), axis=1)
    order = np.argsort(top[:, -1] - top[:, -2], kind="stable")
    groups = -(-len(order) // rows.num)
    weak, rest = order[:groups], order[groups:][::-1]
    waiting = {int(label): list(rest[side[rest] == label][::-1]) for label in np.unique(side)}
    found = []
    for row in weak:
        company = [row]
        for _ in range(rows.num - 1):
            own = int(side[row])
            wanted = [n for n, left in waiting.items() if left and (n == own) == is_same]
            others = wanted or [n for n, left in waiting.items() if left]
            if others:
                company.append(waiting[max(others, key=lambda n: len(waiting[n]))].pop())
        found.append(np.asarray(company))
    return found


def _alone(rows: Seated) -> np.ndarray:
    if rows.alone is None:
        raise NotApplicable(
            "not applicable: this grouping seats rows by how sure N = 1 is of them, and the "
            "checkpoint names no N = 1 baseline"
        )
    return rows.alone


def _cut(order: np.ndarray, num: int) -> list[np.ndarray]:
    return [order[start : start + num] for start in range(0, len(order), num)]


WAYS: dict[str, Callable[[Seated, np.random.Generator], list[np.ndarray]]] = {
    "random": _random,
    "length": _by_length,
    "balanced": _balanced,
    "adversarial": _adversarial,
    "alike": _alike,
}

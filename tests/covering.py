"""Which of many combinations of parts are tried: those in which every two parts meet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import pytest

Case = TypeVar("Case", bound=tuple[Any, ...])


def covering(cases: Sequence[Case]) -> list[Case]:
    """Cases among which every pair of two parts occurs that occurs in ``cases``, few by greed."""
    wanted = {pair for case in cases for pair in _pairs(case)}
    chosen: list[Case] = []
    while wanted:
        best = max(cases, key=lambda case: len(wanted & _pairs(case)))
        chosen.append(best)
        wanted -= _pairs(best)
    return chosen


def _pairs(case: tuple[Any, ...]) -> set[tuple[int, object, int, object]]:
    return {(i, case[i], j, case[j]) for i in range(len(case)) for j in range(i)}


def every_pair(cases: Sequence[tuple[str, ...]]) -> list[Any]:
    """All cases as parameters of a test; those outside ``covering`` take a journey."""
    few = covering(cases)
    return [
        pytest.param(*case, id="-".join(case), marks=() if case in few else (pytest.mark.journey,))
        for case in cases
    ]

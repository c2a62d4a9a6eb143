"""A quantity held against what was planted: what the rows of ``planted_table`` are made of.

``Held`` has values worked out by hand beside those found, each with the interval or the tolerance
that is claimed for it. A ``Quantity`` is measured twice: on a planted model and on the clean one.
The functions that measure are in ``planted_fidelity`` and its neighbours, beside the derivations.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

ROUNDING = 1e-6  # float32: what an interval may miss because of it


@dataclass(frozen=True)
class Held:
    """Cells of one quantity on one model; arrays of one shape.

    expected: by hand. found: by the analysis. low, high: its interval. tolerance: where it has
    none, what was allowed on either side; an interval has None. NaN is expected where it is found.
    """

    expected: np.ndarray
    found: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tolerance: float | None

    @property
    def holds(self) -> bool:
        """Whether every expected value lies within the interval of its cell."""
        slack = ROUNDING if self.tolerance is None else 0.0
        inside = (self.low - slack <= self.expected) & (self.expected <= self.high + slack)
        return bool((inside | (np.isnan(self.expected) & np.isnan(self.found))).all())

    def text(self, at: tuple[int, ...]) -> str:
        """One cell: ``0.19 [0.17, 0.21]``, ``0.4 ± 0.0001``, or ``2`` for what is counted."""
        if self.tolerance is None:
            low, high = (number(side[at], ROUNDING) for side in (self.low, self.high))
            return f"{number(self.found[at], ROUNDING)} [{low}, {high}]"
        # What is allowed for rounding is not printed as digits; other deviations are.
        shown = number(self.found[at], min(self.tolerance, 1e-3))
        is_free = self.tolerance == 0 or np.isnan(self.found[at])
        return shown if is_free else f"{shown} ± {number(self.tolerance, 0)}"


def exact(found: Any, expected: Any, tolerance: float) -> Held:
    """Without chance: within ``tolerance``."""
    values = np.asarray(found, dtype=np.float64)
    wanted = np.broadcast_to(np.asarray(expected, dtype=np.float64), values.shape)
    with np.errstate(invalid="ignore"):
        return Held(wanted, values, values - tolerance, values + tolerance, tolerance)


def interval(estimates: Any, expected: Any, cells: Any = ..., *, scale: float = 1.0) -> Held:
    """Held by the 95 % interval of ``Estimates`` or ``Shares``, some ``cells`` of it."""
    middle = estimates.mean if hasattr(estimates, "mean") else estimates.value
    found, low, high = (
        scale * np.asarray(side, dtype=np.float64)[cells]
        for side in (middle, estimates.low, estimates.high)
    )
    wanted = np.broadcast_to(np.asarray(expected, dtype=np.float64), found.shape)
    return Held(wanted, found, low, high, None)


def number(value: float, least: float) -> str:
    """Three digits, 0 for what is smaller than can be told, "none" for what there is not."""
    if np.isnan(value):
        return "none"
    if abs(value) < least:
        return "0"
    return re.sub(r"e([+-])0*", lambda m: "e" + m[1].strip("+"), f"{float(f'{value:.3g}'):g}")


@dataclass(frozen=True)
class Found:
    """Both measurements of one quantity. at: the cell that is printed, None for the one in which
    the planted model differs most from the clean one.
    """

    planted: Held
    clean: Held
    at: tuple[int, ...] | None = None

    @property
    def null(self) -> np.ndarray:
        """What the clean model must give in each cell of the planted one."""
        return np.broadcast_to(self.clean.expected, self.planted.expected.shape)

    @property
    def cell(self) -> tuple[int, ...]:
        """The cell that is printed."""
        if self.at is not None:
            return self.at
        apart = np.nan_to_num(np.abs(self.planted.expected - self.null), nan=np.inf)
        return tuple(int(i) for i in np.unravel_index(int(apart.argmax()), apart.shape))

    @property
    def clean_cell(self) -> tuple[int, ...]:
        """The same on the clean model, or its only one."""
        return self.cell if self.clean.expected.shape == self.planted.expected.shape else ()

    @property
    def is_within(self) -> bool:
        """Whether both hold."""
        return self.planted.holds and self.clean.holds

    @property
    def is_told(self) -> bool:
        """Whether the planted cell that is printed is told from the null."""
        low, high, null = (x[self.cell] for x in (self.planted.low, self.planted.high, self.null))
        return bool(np.isnan(null) or null < low or null > high)


@dataclass(frozen=True)
class Quantity:
    """A row before it is measured. how: the derivation in a few words. is_law: the value is the
    same on every model (sums that must add up), so that planted and clean do not differ.
    """

    name: str
    unit: str
    how: str
    measure: Callable[[], Found]
    is_law: bool


class Rows(list[Quantity]):
    """The quantities of one page, in order."""

    def add(
        self, name: str, unit: str, how: str, *, is_law: bool = False
    ) -> Callable[[Callable[[], Found]], Callable[[], Found]]:
        """Make a function that measures into a row."""

        def keep(measure: Callable[[], Found]) -> Callable[[], Found]:
            self.append(Quantity(name, unit, how, measure, is_law))
            return measure

        return keep

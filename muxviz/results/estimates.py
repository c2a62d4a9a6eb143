"""Means over random draws, with intervals; means over what is there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Estimates:
    """Means over ``draws`` draws with percentile-bootstrap 95 % intervals; arrays of one shape.

    Without at least two draws the interval is NaN.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    draws: int
    seed: int  # of the bootstrap

    def excludes(self, value: float = 0.0) -> np.ndarray:
        """Where the interval does not hold ``value``; False where there is none."""
        return (self.low > value) | (self.high < value)


def kept_mean(values: np.ndarray, *, axis: int) -> np.ndarray:
    """Mean over the entries of an axis that are not NaN (heads that pruning left); NaN of none."""
    kept = ~np.isnan(values)
    total = np.where(kept, values, 0).sum(axis=axis)
    count = kept.sum(axis=axis)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)

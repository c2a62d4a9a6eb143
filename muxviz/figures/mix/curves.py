"""Edges of the braid: curves that are level where they meet, and bands between two edges."""

from __future__ import annotations

import numpy as np

SAMPLES = 22  # points along one edge of a bend
STEPS = 6  # points from one layer to the next, where a stripe changes its width


def bend(x: tuple[float, float], y: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A smooth curve from ``(x[0], y[0])`` to ``(x[1], y[1])``: x and y, ``[SAMPLES]`` each."""
    t = np.linspace(0, 1, SAMPLES)
    return x[0] + (x[1] - x[0]) * t, y[0] + (y[1] - y[0]) * _ease(t)


def through(ticks: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A smooth curve through ``values [K + 1]`` at ``ticks [K + 1]``, level at both ends.

    It rises and falls only where the values do (Fritsch and Carlson 1980). Two points where the
    values are all the same.
    """
    if np.ptp(values) == 0:
        return ticks[[0, -1]], values[[0, -1]]
    steps = np.diff(values)
    slopes = np.zeros(len(values))
    before, after = steps[:-1], steps[1:]
    same = before * after > 0
    slopes[1:-1][same] = 2 * before[same] * after[same] / (before + after)[same]
    at = np.linspace(0, len(steps), len(steps) * STEPS + 1)
    low = np.minimum(at.astype(int), len(steps) - 1)
    t = at - low
    rise = steps[low] * t**2 * (3 - 2 * t)
    rise += slopes[low] * t * (1 - t) ** 2 - slopes[low + 1] * t**2 * (1 - t)
    return np.interp(at, np.arange(len(values)), ticks), values[low] + rise


def between(
    upper: tuple[np.ndarray, np.ndarray], lower: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Outline of the band between two edges that run in the same direction."""
    return np.r_[upper[0], lower[0][::-1]], np.r_[upper[1], lower[1][::-1]]


def _ease(t: np.ndarray) -> np.ndarray:
    """0 to 1, level and without curvature at both ends."""
    return t**3 * (10 - 15 * t + 6 * t**2)

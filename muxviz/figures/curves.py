"""Shapes of the braid: ribbons that bend smoothly, and stripes that follow a profile."""

from __future__ import annotations

import numpy as np

SAMPLES = 22  # points along one edge of a bend


def bend(
    x: tuple[float, float], start: tuple[float, float], stop: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Outline of a ribbon from ``x[0]`` to ``x[1]`` whose ends are level.

    Args:
        x: where it starts and stops.
        start, stop: (top, bottom) of its ends; it has the same width all along if they do.

    Returns:
        x and y of the closed polygon, ``[2 * SAMPLES]`` each.
    """
    t = np.linspace(0, 1, SAMPLES)
    ease = t**3 * (10 - 15 * t + 6 * t**2)  # level and without curvature at both ends
    along = x[0] + (x[1] - x[0]) * t
    top = start[0] + (stop[0] - start[0]) * ease
    bottom = start[1] + (stop[1] - start[1]) * ease
    return np.r_[along, along[::-1]], np.r_[top, bottom[::-1]]


def stripe(ticks: np.ndarray, top: np.ndarray, bottom: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outline of a stripe with the given edges ``[K + 1]`` at ``ticks [K + 1]``."""
    return np.r_[ticks, ticks[::-1]], np.r_[top, bottom[::-1]]

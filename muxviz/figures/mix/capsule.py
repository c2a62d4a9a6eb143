"""The capsule at the end of a lane: whether the answer is the one that the sentence gets alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from muxviz.figures.drawing.ink import ink, tint
from muxviz.figures.drawing.slots import slot_color, slot_outline
from muxviz.figures.mix.braid_words import AS_ALONE, NEAR, TURNED, standing
from muxviz.results import SlotResult

SAMPLES = 12  # points of each rounded end
ROUND = 0.3  # of the length that each end takes
FULL, PALE, EMPTY = 0.88, 0.22, 0.01  # opacity of the fill


def capsule(
    slot: SlotResult, x: tuple[float, float], y: tuple[float, float], *, dark: bool
) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Outline and look of the capsule between ``x`` and ``y``: full as alone, hatched with a strong
    outline turned, pale close to turning, empty and dotted where nothing is compared.
    """
    color, outline = slot_color(slot.slot), slot_outline(slot.slot, dark=dark)
    stands = standing(slot)
    if stands == TURNED:
        look: dict[str, Any] = {
            "fillpattern": {
                "shape": "\\",
                "size": 6,
                "solidity": 0.35,
                "fgcolor": tint(color, 0.9),
                "bgcolor": tint(color, 0.05),
            },
            "line": {"color": ink(dark).warning, "width": 2.2},
        }
    else:
        alpha = {AS_ALONE: FULL, NEAR: PALE}.get(stands, EMPTY)
        dash = "solid" if stands in (AS_ALONE, NEAR) else "dot"
        look = {
            "fillcolor": tint(color, alpha),
            "line": {"color": outline, "width": 1.3, "dash": dash},
        }
    return *_rounded(x, y), look


def _rounded(x: tuple[float, float], y: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """A closed outline with half-round ends, ``[2 SAMPLES + 1]`` each."""
    reach, half, middle = ROUND * (x[1] - x[0]), (y[1] - y[0]) / 2, (y[0] + y[1]) / 2
    turn = np.linspace(-np.pi / 2, np.pi / 2, SAMPLES)
    right = x[1] - reach + reach * np.cos(turn), middle + half * np.sin(turn)
    left = x[0] + reach - reach * np.cos(turn), middle - half * np.sin(turn)
    around = np.r_[right[0], left[0], right[0][:1]], np.r_[right[1], left[1], right[1][:1]]
    return around[0].astype(np.float32), around[1].astype(np.float32)

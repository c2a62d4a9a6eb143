"""Intervals around bars and dots, as Plotly takes them."""

from __future__ import annotations

from typing import Any


def whiskers(
    above: Any, below: Any, color: Any, *, thickness: float = 1.4, width: float = 5
) -> dict[str, Any]:
    """Error bars with unlike halves, for ``error_x`` or ``error_y``.

    Args:
        above, below: lengths of the halves from each value, one per value, not below zero.
        color: of all of them.
        thickness: px of the line.
        width: px of the cross bar to each side.
    """
    return {
        "type": "data",
        "symmetric": False,
        "array": above,
        "arrayminus": below,
        "color": color,
        "thickness": thickness,
        "width": width,
    }

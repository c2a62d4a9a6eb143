"""Labels beside marks that touch neither each other nor a mark: where there is room, else none.

Boxes are in px of the narrowest plot that a figure is shown at. In a wider one marks move apart
and boxes keep their size, so labels that do not touch there never do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np

from muxviz.figures.drawing.ink import SMALL_SIZE
from muxviz.figures.drawing.plot import Settings

Box: TypeAlias = tuple[float, float, float, float]  # left, top, right, bottom; y goes down
LETTER, LINE = 7.0, 17.0  # px of a letter and of a line of small text
GAP = 4.0  # px between a mark and its label
SIDES = (  # how the middle of a label lies to its mark: right, left, above, below, and corners
    (1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1),
)  # fmt: skip
CORNERS = SIDES[4:]  # for marks with whiskers


def place_labels(
    spots: Sequence[tuple[float, float]],
    texts: Sequence[str],
    size: tuple[float, float],
    *,
    radii: Sequence[float],
    sides: Sequence[tuple[float, float]] = SIDES,
    walls: Sequence[Box] = (),
) -> list[tuple[float, float] | None]:
    """px from each mark to the middle of its label; None where there is no room, or no text.

    Args:
        spots: of all marks, in px from the left and from the top; those that are to be named first
            come first.
        texts: of the same number; "" for a mark without a label.
        size: of the plot.
        radii: of the marks.
        sides: that are tried, in this order.
        walls: what else no label covers.
    """
    blocks = [_around(x, y, r - 1, r - 1) for (x, y), r in zip(spots, radii, strict=True)]
    placed: list[Box] = []
    found: list[tuple[float, float] | None] = []
    for at, ((x, y), text) in enumerate(zip(spots, texts, strict=True)):
        others = [*placed, *walls, *blocks[:at], *blocks[at + 1 :]]
        choice = next(
            (side for side in _offsets(text, radii[at], sides)
             if _is_free(box_of((x, y), side, text), others, size)),
            None,
        ) if text else None  # fmt: skip
        if choice is not None:
            placed.append(box_of((x, y), choice, text))
        found.append(choice)
    return found


def name_points(
    points: np.ndarray,
    names: Sequence[str],
    ends: np.ndarray,
    size: tuple[float, float],
    *,
    radius: float,
    sides: Sequence[tuple[float, float]] = SIDES,
    walls: Sequence[Box] = (),
) -> tuple[list[str], list[str], list[Box]]:
    """Texts of a scatter ("" where there is no room), each one's ``textposition``, what they cover.

    Args:
        points: ``[P, 2]``; those that are to be named first come first.
        names: of the same number.
        ends: of both axes, ``[2, 2]``.
        size: of the plot, px.
        radius: of the marks, px; 0 for names without.
        sides: that are tried, as in ``SIDES``; (0, 0) is on the point.
        walls: what else no name covers.
    """
    spots = spots_of(points, ends, size)
    radii = [radius] * len(spots)
    placed = place_labels(spots, names, size, radii=radii, sides=sides, walls=walls)
    texts = [name if at else "" for name, at in zip(names, placed, strict=True)]
    boxes = [
        box_of(spot, at, name) for spot, at, name in zip(spots, placed, names, strict=True) if at
    ]
    return texts, [_position(at or (1, 0)) for at in placed], boxes


def spots_of(
    points: np.ndarray, ends: np.ndarray, size: tuple[float, float]
) -> list[tuple[float, float]]:
    """px from the left and the top, of points ``[P, 2]`` on axes that end there ``[2, 2]``."""
    shares = (points - ends[:, 0]) / (ends[:, 1] - ends[:, 0])
    return [(x * size[0], (1 - y) * size[1]) for x, y in shares.tolist()]


def label_at(
    text: str, point: Sequence[float], offset: tuple[float, float], color: str
) -> Settings:
    """A label of small type at ``offset`` px from a point in the numbers of the axes' ranges."""
    return {
        "text": text,
        "x": point[0],
        "y": point[1],
        "xshift": offset[0],
        "yshift": -offset[1],
        "showarrow": False,
        "font": {"size": SMALL_SIZE, "color": color},
        "name": "label",
    }


def _position(offset: tuple[float, float]) -> str:
    across = {1: "right", -1: "left", 0: "center"}[(offset[0] > 0) - (offset[0] < 0)]
    down = {1: "bottom", -1: "top", 0: "middle"}[(offset[1] > 0) - (offset[1] < 0)]
    return f"{down} {across}"


def box_of(spot: tuple[float, float], offset: tuple[float, float], text: str) -> Box:
    """What a label covers."""
    return _around(spot[0] + offset[0], spot[1] + offset[1], len(text) * LETTER / 2 + 2, LINE / 2)


def touch(one: Box, other: Box) -> bool:
    """Whether two boxes share a point."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _offsets(
    text: str, radius: float, sides: Sequence[tuple[float, float]]
) -> list[tuple[float, float]]:
    across, down = len(text) * LETTER / 2 + 2 + radius + GAP, LINE / 2 + radius
    corner = 0.8 * radius
    return [
        (x * (across if not y else across - corner), y * (down if not x else down - corner))
        for x, y in sides
    ]


def _is_free(box: Box, others: Sequence[Box], size: tuple[float, float]) -> bool:
    left, top, right, bottom = box
    inside = left >= 0 and top >= 0 and right <= size[0] and bottom <= size[1]
    return inside and not any(touch(box, other) for other in others)


def _around(x: float, y: float, across: float, down: float) -> Box:
    return x - across, y - down, x + across, y + down

"""Where everything in the braid lies. Every length is a number of the result, none is for looks.

y runs upwards and counts in lanes: a lane is 1 high, the first one's top is y = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.errors import InputError
from muxviz.results import GroupResult

SMALLEST = 0.02  # ribbons below this share of a lane are left out, and counted
LEFT, BAND_IN, BAND_OUT, RIGHT = 0.0, 3.1, 6.5, 10.0  # x of lanes, band, lanes
CAPSULE = RIGHT + 0.12, RIGHT + 0.74  # the answer at the end of a lane
END = 0.22  # length of the level piece at either end of a lane
GAP = 0.6  # between lanes
BAND = 0.44  # height of the band, as a share of all lanes and gaps
ROUNDING = 1e-6


@dataclass(frozen=True)
class Ribbon:
    """What flows from one slot's stripe into another slot's lane. share: of the lane, 0 to 1.

    The source of what came from no slot is N; such a ribbon starts as a point.
    """

    source: int
    slot: int
    share: float
    start: tuple[float, float]  # (top, bottom) in the source's stripe
    stop: tuple[float, float]  # (top, bottom) in the slot's lane


@dataclass(frozen=True)
class Geometry:
    """Where everything lies.

    lanes: top of each lane. stripes: their edges ``[N + 1, K + 1]``, top edge first. ticks: x
    of the mixture and the layers. bottom: of the last lane. ribbons: own ones first, then those of
    neighbours. rests: what came from no slot. omitted: ribbons too thin to draw.
    """

    lanes: np.ndarray
    stripes: np.ndarray
    ticks: np.ndarray
    bottom: float
    ribbons: tuple[Ribbon, ...]
    rests: tuple[Ribbon, ...]
    omitted: int

    @property
    def band(self) -> tuple[float, float]:
        """Top and bottom of the band, the same at every layer."""
        top = float(self.stripes[0, 0])
        return top, self.bottom - top

    def lane(self, slot: int) -> tuple[float, float]:
        """Top and bottom of a slot's lane."""
        top = float(self.lanes[slot])
        return top, top - 1

    def middle(self, slot: int) -> float:
        """Middle of a slot's lane."""
        return float(self.lanes[slot]) - 0.5


def braid_geometry(result: GroupResult, *, spectrum: np.ndarray | None = None) -> Geometry:
    """Compute all positions; see ``Geometry``.

    Args:
        result: one group.
        spectrum: ``[K + 1, N]`` share of each slot at the mixture and after each layer, rows sum
            to at most 1; None for equal stripes.

    Raises:
        InputError: a spectrum of another shape, or with impossible shares.
    """
    num, layers = len(result.slots), result.num_layers
    lanes = -np.arange(num) * (1 + GAP)
    total = num + GAP * (num - 1)
    band = max(total * BAND, 0.6)
    shares = np.full((layers + 1, num), 1 / num) if spectrum is None else spectrum
    _check(shares, (layers + 1, num))
    depth = np.concatenate([np.zeros((layers + 1, 1)), shares.cumsum(axis=1)], axis=1).T
    stripes = (band - total) / 2 - band * depth
    read = _readable(result)
    drawn = np.where(read[:, :num] < SMALLEST, 0.0, np.nan_to_num(read[:, :num]))
    ribbons = _ribbons(drawn, lanes, stripes[:, -1])
    return Geometry(
        lanes,
        stripes,
        np.linspace(BAND_IN, BAND_OUT, layers + 1),
        -total,
        ribbons,
        _rests(read[:, num], lanes, stripes[1:, -1]),
        int(((read[:, :num] > 0) & (read[:, :num] < SMALLEST)).sum()),
    )


def _check(spectrum: np.ndarray, shape: tuple[int, int]) -> None:
    if spectrum.shape != shape:
        raise InputError(
            f"got a spectrum of shape {spectrum.shape}; expected {shape}: one row for the mixture "
            "and one per layer, one column per slot"
        )
    if not ((spectrum >= 0).all() and (spectrum.sum(axis=1) <= 1 + ROUNDING).all()):
        raise InputError(
            "got a spectrum with shares below 0, above 1 in sum over a layer, or that are no "
            "numbers; clip estimates at 0 and scale such layers to 1"
        )


def _readable(result: GroupResult) -> np.ndarray:
    """``[N, N + 1]`` leak shares; NaN rows for fillers and where nothing was read or counted."""
    num = len(result.slots)
    read = np.full((num, num + 1), np.nan)
    for slot in result.answered:
        if result.leak is not None:
            read[slot.slot] = result.leak.shares[slot.slot]
    return read


def _ribbons(drawn: np.ndarray, lanes: np.ndarray, edges: np.ndarray) -> tuple[Ribbon, ...]:
    """Ribbons of the shares ``drawn [N, N]``, out of stripes with the given ``edges [N + 1]``."""
    starts = _starts(drawn, edges)
    ribbons = []
    for i, lane in enumerate(lanes):
        at = float(lane)
        for j in sorted(np.nonzero(drawn[i])[0], key=lambda j: (j != i, j)):
            share = float(drawn[i, j])
            ribbons.append(Ribbon(int(j), i, share, starts[i, int(j)], (at, at - share)))
            at -= share
    # Wide ones first, so that what crosses them lies on top.
    return tuple(sorted(ribbons, key=lambda r: (r.source != r.slot, -r.share)))


def _starts(drawn: np.ndarray, edges: np.ndarray) -> dict[tuple[int, int], tuple[float, float]]:
    """(top, bottom) of the ribbon into i out of stripe j, by (i, j).

    In the order of their targets, so that few cross, and around the stripe's middle. Where more
    than the whole stripe is read, all of its ribbons shrink alike.
    """
    starts = {}
    heights = edges[:-1] - edges[1:]
    for j, height in enumerate(heights):
        widths = drawn[:, j] * height / max(1.0, float(drawn[:, j].sum()))
        at = float(edges[j] - (height - widths.sum()) / 2)
        for i in np.nonzero(drawn[:, j])[0]:  # of a stripe without a share too
            starts[int(i), j] = (at, at - float(widths[i]))
            at -= float(widths[i])
    return starts


def _rests(other: np.ndarray, lanes: np.ndarray, floors: np.ndarray) -> tuple[Ribbon, ...]:
    """What came from no slot, at the bottom of each lane."""
    num = len(lanes)
    rests = []
    for i in np.nonzero(np.nan_to_num(other))[0]:
        floor, bottom = float(floors[i]), float(lanes[i]) - 1
        stop = (bottom + float(other[i]), bottom)
        rests.append(Ribbon(num, int(i), float(other[i]), (floor, floor), stop))
    return tuple(rests)

"""Every measure of cross-talk as one N x N matrix, so that all are drawn and compared alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from muxviz.errors import InputError
from muxviz.results.attribution import SlotShares
from muxviz.results.crosstalk import Crosstalk, Shapley, Swap
from muxviz.results.estimates import Estimates
from muxviz.results.group import GroupResult
from muxviz.results.leaks import HardLeaks, LogOdds
from muxviz.results.reading import Proportion

Measured: TypeAlias = Crosstalk | Shapley | LogOdds | GroupResult | HardLeaks | SlotShares
SIGNED = ("push", "shapley", "odds")
LEAST_DB = -60.0  # where the decibel scale starts at the latest
FULL = {"points": 1.0, "swap": math.log(2), "push": 2.0, "shapley": 2.0, "odds": 2.0}


@dataclass(frozen=True)
class CrossMatrix:
    """One measure: rows are the slots observed, columns the sentences that act.

    measure: "points" (share of the probability that moves), "swap" (nats), "decibel" (dB),
    "push" (logits), "shapley" (logits), "odds" (nats), "leak" (share of tokens) or "share" (share
    of the attribution). values, low, high: ``[N, N]``,
    NaN where nothing is known, and intervals NaN where there is none. is_faint: ``[N, N]`` bool,
    off-diagonal cells not told from nothing; not for measures that are not tested (is_tested).
    received, given: ``[N]`` what a slot takes from the others and gives them; None for decibels.
    bottom, top: ends of the colour scale: all that a measure can be, or of logits and nats without
    an end ``FULL``, further where a cell off the diagonal lies further. turned: ``[N, N]`` of
    ``draws`` exchanges, those that changed an answer; None for measures that exchange nothing.
    fillers: slots whose answer is not read; their rows are NaN.
    """

    measure: str
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    is_faint: np.ndarray
    is_tested: bool
    received: Estimates | None
    given: Estimates | None
    bottom: float
    top: float
    fillers: tuple[int, ...]
    turned: np.ndarray | None = None
    draws: int = 0

    @property
    def is_signed(self) -> bool:
        """Whether values may be negative, with 0 in the middle of the scale."""
        return self.measure in SIGNED

    @property
    def strongest(self) -> tuple[int, int] | None:
        """(slot, source) of the largest cell off the diagonal, of those told from nothing; None
        where no cell is.
        """
        size = np.abs(self.values) if self.is_signed else np.array(self.values)
        size[np.eye(len(size), dtype=bool) | self.is_faint | np.isnan(size)] = -np.inf
        if not self.is_signed and self.measure != "decibel":
            size[size <= 0] = -np.inf
        if not np.isfinite(size).any():
            return None
        slot, source = np.unravel_index(int(size.argmax()), size.shape)
        return int(slot), int(source)


def cross_matrix(result: Measured, measure: str = "points") -> CrossMatrix:
    """The matrix of a result. measure: of a swap test, "points", "swap", "decibel" or "push"; else
    unused.

    Raises:
        InputError: another measure, or a group without a read-back.
    """
    if isinstance(result, Crosstalk):
        return _of_swap(result, measure)
    if isinstance(result, Shapley):
        return _signed("shapley", result.values, ~result.is_told, result.fillers)
    if isinstance(result, LogOdds):
        faint = ~result.is_significant
        return _signed("odds", result.effect, faint, result.fillers)
    if isinstance(result, SlotShares):
        return _shares("share", result.shares, None, None, ())
    if isinstance(result, HardLeaks):
        num = len(result.shares)
        found = result.shares[:, :num], result.low[:, :num], result.high[:, :num]
        return _shares("leak", *found, (), faint=~result.is_significant)
    return _of_group(result)


def common_scale(one: CrossMatrix, other: CrossMatrix) -> tuple[float, float]:
    """Ends of a colour scale that serves both."""
    return min(one.bottom, other.bottom), max(one.top, other.top)


def _of_swap(result: Crosstalk, measure: str) -> CrossMatrix:
    swaps: dict[str, Swap] = {
        "points": result.moved, "swap": result.js, "push": result.push, "decibel": result.js,
    }  # fmt: skip
    if measure not in swaps:
        raise InputError(f"got measure={measure!r}; choose one of {', '.join(swaps)}")
    swap, signed = swaps[measure], measure == "push"
    cells = result.decibels if measure == "decibel" else swap.cells
    off = _off(cells.mean)
    top = max(FULL.get(measure, 0.0), _largest(off))
    bottom = -top if signed else 0.0
    if measure == "decibel":
        bottom = max(LEAST_DB, float(np.floor(off.min() / 10) * 10)) if off.size else LEAST_DB
        top = max(0.0, float(off.max(initial=0.0)))
    return CrossMatrix(
        measure,
        cells.mean,
        cells.low,
        cells.high,
        _faint(swap.is_told),
        True,
        None if measure == "decibel" else swap.received,
        None if measure == "decibel" else swap.given,
        bottom,
        top,
        result.fillers,
        (result.changed > 0).sum(axis=0),
        result.draws,
    )


def _signed(
    measure: str, cells: Estimates, faint: np.ndarray, fillers: tuple[int, ...]
) -> CrossMatrix:
    """A signed measure; the margins are plain sums of its cells."""
    top = max(FULL[measure], _largest(_off(_without(cells.mean, fillers))))
    return CrossMatrix(
        measure,
        _without(cells.mean, fillers),
        cells.low,
        cells.high,
        _faint(~faint),
        True,
        *_sums(cells.mean, fillers),
        -top,
        top,
        fillers,
    )


def _shares(
    measure: str,
    shares: np.ndarray,
    low: np.ndarray | None,
    high: np.ndarray | None,
    fillers: tuple[int, ...],
    *,
    faint: np.ndarray | None = None,
) -> CrossMatrix:
    nothing = np.full(shares.shape, np.nan)
    return CrossMatrix(
        measure,
        _without(shares, fillers),
        nothing if low is None else low,
        nothing if high is None else high,
        np.zeros(shares.shape, dtype=bool) if faint is None else _faint(~faint),
        faint is not None,
        *_sums(shares, fillers),
        0.0,
        1.0,
        fillers,
    )


def _of_group(result: GroupResult) -> CrossMatrix:
    """The hard leak matrix of one pass; intervals are Wilson's, over the tokens of a slot."""
    if result.leak is None:
        raise InputError("this pass has no read-back; the checkpoint has no retrieval head")
    num = len(result.slots)
    shares, positions = result.leak.shares[:, :num], result.leak.positions
    bounds = np.array(
        [[Proportion(float(s) * int(n), int(n)).interval for s in row]
         for row, n in zip(shares, positions, strict=True)]
    )  # fmt: skip
    fillers = tuple(s.slot for s in result.slots if s.is_filler)
    return _shares("leak", shares, bounds[..., 0], bounds[..., 1], fillers)


# ---- details ------------------------------------------------------------------------------------


def _off(values: np.ndarray) -> np.ndarray:
    """Known values off the diagonal."""
    off: np.ndarray = values[~np.eye(len(values), dtype=bool)]
    return off[~np.isnan(off)]


def _largest(values: np.ndarray) -> float:
    """Largest size, or a small number where all is 0, so that a scale has two ends."""
    return max(float(np.abs(values).max(initial=0.0)), 1e-9)


def _faint(told: np.ndarray) -> np.ndarray:
    faint: np.ndarray = ~told & ~np.eye(len(told), dtype=bool)
    return faint


def _without(values: np.ndarray, fillers: tuple[int, ...]) -> np.ndarray:
    """A copy with NaN rows for fillers."""
    kept = np.array(values, dtype=np.float64)
    kept[list(fillers)] = np.nan
    return kept


def _sums(values: np.ndarray, fillers: tuple[int, ...]) -> tuple[Estimates, Estimates]:
    """What each slot receives and gives, without intervals."""
    kept = _without(values, fillers)
    known = np.where(np.eye(len(kept), dtype=bool) | np.isnan(kept), 0.0, kept)
    received = np.where(np.isnan(kept).all(axis=1), np.nan, known.sum(axis=1))
    nothing = np.full(len(kept), np.nan)
    return (
        Estimates(received, nothing, nothing, 0, 0),
        Estimates(known.sum(axis=0), nothing, nothing, 0, 0),
    )

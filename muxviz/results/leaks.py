"""Which slot's tokens come out of which slot: over a pool (hard), and caused by presence (soft).

In every matrix rows are the slots that are read out, columns the slots the tokens come from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance


@dataclass(frozen=True)
class TopToken:
    """A token of ``source`` that is read from ``slot``. amount: in the unit of its list."""

    token: str
    amount: float
    count: int  # positions it is about


@dataclass(frozen=True)
class PlacedToken:
    """One position of a pair of slots. log_prob, usual, effect: nats, as in ``LogOdds``."""

    position: int
    own: str
    token: str
    log_prob: float
    usual: float

    @property
    def effect(self) -> float:
        """How much likelier the token is because its slot holds it, nats."""
        return self.log_prob - self.usual


@dataclass(frozen=True)
class LogOdds:
    """The soft leak matrix of one group (log-odds): how much likelier j's token is, read from i,
    because slot j holds it.

    effect: ``[N, N]`` in nats, mean over the positions of a cell, with a bootstrap interval over
    draws; a cell without positions is NaN. The diagonal is what a slot's own text does for itself.
    positions: ``[N, N]``. p: ``[N, N]`` two-sided, of the hypothesis that another sentence in slot
    j would have made j's tokens as likely (Student t over draws). is_significant: off the diagonal,
    at 5 % after Benjamini-Hochberg, and above ``floor``. floor: nats that runs of the unchanged
    group differ by, at least a thousandth. log_prob, usual: ``[N, N, L]`` nats, with slot j's text
    and (log of the mean probability) with pool sentences in its place; NaN where not counted.
    tokens: of every slot, special ones included. fillers: slots (from 0) that only fill the group.
    pool: sentences to draw from. is_partial: stopped before all draws were done.
    """

    effect: Estimates
    positions: np.ndarray
    p: np.ndarray
    is_significant: np.ndarray
    floor: float
    log_prob: np.ndarray
    usual: np.ndarray
    tokens: tuple[tuple[str, ...], ...]
    fillers: tuple[int, ...]
    pool: int
    is_partial: bool
    provenance: Provenance

    def places(self, slot: int, source: int) -> tuple[PlacedToken, ...]:
        """The positions behind one cell, in order."""
        found = np.nonzero(~np.isnan(self.log_prob[slot, source]))[0]
        return tuple(
            PlacedToken(
                int(t),
                self.tokens[slot][t],
                self.tokens[source][t],
                float(self.log_prob[slot, source, t]),
                float(self.usual[slot, source, t]),
            )
            for t in found
        )

    def top(self, slot: int, source: int, count: int = 5) -> tuple[TopToken, ...]:
        """The tokens of ``source`` whose presence does most in ``slot``, nats summed."""
        sums: dict[str, list[float]] = {}
        for place in self.places(slot, source):
            sums.setdefault(place.token, []).append(place.effect)
        tops = (TopToken(token, sum(of), len(of)) for token, of in sums.items())
        return tuple(sorted(tops, key=lambda top: -top.amount)[:count])


@dataclass(frozen=True)
class HardLeaks:
    """The hard leak matrix over random groups of pool sentences.

    shares: ``[N, N + 1]`` of a slot's counted tokens, rows sum to 1: read back (diagonal), a token
    that slot j holds there and slot i does not (split evenly between several), or another one (last
    column). low, high: 95 % intervals, Wilson with the number of sentences that the spread between
    sentences is worth. tokens: ``[N]`` counted. chance: ``[N, N]``, the same share for the texts of
    another group in the neighbours' places (0 on the diagonal). excess: share less chance, with a
    bootstrap interval over groups. is_significant: ``[N, N]``, excess above 0 at 5 % after
    Benjamini-Hochberg. top: per pair ``top[slot][source]`` the most frequent leaked tokens, amount
    in tokens. groups: done. pool: sentences to draw from. is_partial: stopped before the end.
    """

    shares: np.ndarray
    low: np.ndarray
    high: np.ndarray
    tokens: np.ndarray
    chance: np.ndarray
    excess: Estimates
    is_significant: np.ndarray
    top: tuple[tuple[tuple[TopToken, ...], ...], ...]
    groups: int
    seed: int
    pool: int
    is_partial: bool
    provenance: Provenance

"""How much answers depend on who sits where: seats, twins, duplicates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance
from muxviz.results.reading import Z95, Proportion

FLAT = 1e-9  # variance of a probability: below it nothing changes


@dataclass(frozen=True)
class SlotOrders:
    """One group in many orders; sentences are numbered by their present slot.

    orders: ``[P, N]``, the sentence in each slot; the first is the present order. margin, sure,
    kept: ``[P, N]`` per order and sentence, against its target: margin, probability of the target,
    share of its answers that are the target. targets: the answers of the N = 1 baseline, or those
    of the present order (``from_baseline``). information: ``[N]`` MI_s = H(mean p) - mean H(p),
    nats. flips: ``[N]`` share of orders that do not give the commonest answer. seat, company:
    ``[N]`` variance of ``sure`` between and within slots; they add up to all of it. shift:
    equivariance error, mean over orders of the distance of all logits from the present ones over
    their length. All are means over tokens where a text has an answer per token; rows of fillers
    are left out (``sentences`` says how many are not). is_exact: all N! orders; otherwise Latin
    squares, with intervals over the squares.
    """

    texts: tuple[str, ...]
    answers: tuple[str, ...]
    from_baseline: bool
    sentences: int
    orders: np.ndarray
    margin: np.ndarray
    sure: np.ndarray
    kept: np.ndarray
    information: Estimates
    flips: Estimates
    seat: np.ndarray
    company: np.ndarray
    shift: float
    is_exact: bool
    is_partial: bool
    provenance: Provenance

    def seats(self, sentence: int) -> np.ndarray:
        """``[P]``: the slot of one sentence in every order."""
        found: np.ndarray = (self.orders == sentence).argmax(axis=1)
        return found

    def by_seat(self, sentence: int) -> Estimates:
        """Mean probability of the sentence's target in every seat, ``[N]``.

        Where all orders were tried the ends are the mean itself; else a normal 95 % interval over
        the orders with the sentence there, NaN for fewer than two.
        """
        num, seats = self.orders.shape[1], self.seats(sentence)
        there = [self.sure[seats == seat, sentence] for seat in range(num)]
        mean = np.array([v.mean() if len(v) else np.nan for v in there])
        half = [Z95 * v.std(ddof=1) / len(v) ** 0.5 if len(v) > 1 else np.nan for v in there]
        spread = np.zeros(num) if self.is_exact else np.array(half)
        return Estimates(mean, mean - spread, mean + spread, len(seats) // num, 0)

    def seat_share(self, sentence: int) -> tuple[float, float]:
        """Share of the variance of a sentence's probability between its seats, and what chance
        alone puts there: 0 where all orders were tried, else (N - 1) / (P - 1). NaN where the order
        changes nothing.
        """
        total = float(self.seat[sentence] + self.company[sentence])
        count, num = self.orders.shape
        by_chance = 0.0 if self.is_exact else (num - 1) / max(1, count - 1)
        return (float(self.seat[sentence]) / total if total > FLAT else np.nan), by_chance

    @property
    def ranking(self) -> np.ndarray:
        """Numbers of the orders, best first: most targets kept, then the largest mean margin."""
        shown = slice(0, self.sentences)
        kept = np.nansum(self.kept[:, shown], axis=1)
        margin = np.nanmean(self.margin[:, shown], axis=1)
        best: np.ndarray = np.lexsort((-margin, -kept.round(9)))
        return best


OUTCOMES = ("kept apart", "swapped", "both as the first", "both as the second")


@dataclass(frozen=True)
class Twins:
    """Two sentences in every pair of slots, among drawn neighbours.

    answers: of each sentence by itself (``reference`` says by whom). counts: ``[N, N, 4]`` draws by
    outcome (``OUTCOMES``); row: slot of the first, column: slot of the second; zero on the
    diagonal; draws in which neither fits are in none. passes: draws over all pairs. by_chance:
    share of swaps if both answers were wrong independently of each other.
    """

    texts: tuple[str, str]
    answers: tuple[str, str]
    reference: str
    counts: np.ndarray
    passes: int
    by_chance: float
    pool_size: int
    seed: int
    is_partial: bool
    provenance: Provenance

    def share(self, outcome: int) -> Proportion:
        """Share of all draws with one outcome."""
        return Proportion(int(self.counts[:, :, outcome].sum()), self.passes)


@dataclass(frozen=True)
class Duplicates:
    """One sentence in all slots: what differs between slots is theirs alone.

    sure, margin: ``[N]`` of the answer of the mean over slots. answer: that answer. spread: largest
    minus smallest probability. distance: ``[N]`` of each slot's read-out state from their mean,
    over the length of that mean. bias: the same for many sentences of the pool: mean over them of
    the slot's margin less the mean over slots, ``[N]`` with intervals over sentences.
    """

    text: str
    answer: str
    sure: np.ndarray
    margin: np.ndarray
    spread: float
    distance: np.ndarray
    bias: Estimates
    pool_size: int
    is_partial: bool
    provenance: Provenance

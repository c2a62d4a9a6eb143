"""How well each slot comes back: read-back, agreement with the answer alone, bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance

RANKS = ("1", "2", "3 to 5", "6 to 10", "11 to 100", "over 100")  # of the own token
RANK_EDGES = (1, 2, 5, 10, 100)  # the last rank of each but the last
LENGTHS = ("1 to 4", "5 to 8", "9 to 12", "13 to 16", "17 to 24", "25 to 32", "33 and more")
LENGTH_EDGES = (4, 8, 12, 16, 24, 32)  # counted tokens: the last of each but the last


@dataclass(frozen=True)
class Shares:
    """``hits`` of ``trials`` with Wilson 95 % intervals; arrays of one shape.

    low, high: NaN without trials. clusters: sentences that the trials belong to, whose spread says
    how many trials the interval's n is; 0 where n is the number of trials.
    """

    hits: np.ndarray
    trials: np.ndarray
    low: np.ndarray
    high: np.ndarray
    clusters: int

    @property
    def value(self) -> np.ndarray:
        """Shares in [0, 1]; NaN without trials."""
        with np.errstate(invalid="ignore", divide="ignore"):
            found: np.ndarray = self.hits / self.trials
        return found


@dataclass(frozen=True)
class Fidelity:
    """What the retrieval head reads back of every slot.

    scope: "group" (the user's, fillers not counted) or "pool" (random groups of pool sentences).
    slots: ``[N]``, total ``[]``, positions ``[N, L]``, position_total ``[L]`` (position counts from
    0, [CLS] included), lengths ``[7]`` by the counted tokens of the text (``LENGTHS``): share of
    counted tokens whose own token is the most probable one. nll: ``[N]`` mean negative
    log-probability of the own token, nats. mrr: ``[N]`` mean of 1 / rank, in (0, 1]. Intervals of
    both: bootstrap, over sentences for a pool, over tokens for a group. ranks: ``[N, 6]`` tokens by
    rank (``RANKS``). chance: share that always naming the most frequent token of the pool would
    read; NaN without a pool. groups: done; sentences: counted. pool: sentences to draw from, 0 for
    the group. is_partial: stopped.
    """

    scope: str
    slots: Shares
    total: Shares
    positions: Shares
    position_total: Shares
    lengths: Shares
    nll: Estimates
    mrr: Estimates
    ranks: np.ndarray
    chance: float
    groups: int
    sentences: int
    seed: int
    pool: int
    is_partial: bool
    provenance: Provenance


@dataclass(frozen=True)
class Agreement:
    """Answers in company against the answers of the N = 1 baseline to the same texts alone.

    slots: ``[N]`` share of answers that are the same; total: ``[]``. distance: ``[N]``
    Jensen-Shannon divergence of the two distributions, nats, 0 to ln 2. margin: ``[N]`` absolute
    difference of the margins (logit of the baseline's answer less the best other). Intervals:
    bootstrap over sentences. right, right_alone: ``[N]`` share of right answers on labelled
    sentences, in company and alone; None without labels. answers, alone: of a group, the labels per
    slot ("" for fillers); empty for a pool. unit: "sentence" or "token".
    """

    scope: str
    slots: Shares
    total: Shares
    distance: Estimates
    margin: Estimates
    right: Shares | None
    right_alone: Shares | None
    answers: tuple[str, ...]
    alone: tuple[str, ...]
    unit: str
    groups: int
    sentences: int
    seed: int
    pool: int
    is_partial: bool
    provenance: Provenance
    baseline: Provenance


@dataclass(frozen=True)
class Accuracy:
    """Right answers on labelled pool sentences in random groups.

    slots: ``[N]``; total: ``[]``; by_label: ``[C]`` in the order of ``labels``.
    """

    slots: Shares
    total: Shares
    by_label: Shares
    labels: tuple[str, ...]
    groups: int
    sentences: int
    seed: int
    pool: int
    is_partial: bool
    provenance: Provenance


@dataclass(frozen=True)
class Confusion:
    """Answers of two checkpoints to the same pool sentences, each in random groups of its own size.

    counts: ``[C, C]``, rows the answer of the first, columns that of the second. agree: ``[]``.
    outcomes: ``[2, 2]`` of labelled sentences, rows the first right / wrong, columns the second;
    None without labels. p: exact McNemar test of equal accuracy on them; NaN without.
    """

    labels: tuple[str, ...]
    counts: np.ndarray
    agree: Shares
    outcomes: np.ndarray | None
    p: float
    sentences: int
    seed: int
    pool: int
    is_partial: bool
    provenance: Provenance
    other: Provenance


@dataclass(frozen=True)
class Bits:
    """How much of the tokens comes through one vector: entropy less negative log-likelihood.

    slots: ``[N]`` nats per position, entropy - NLL of that slot; total: ``[]`` their sum over
    slots. Each is a lower bound of the mutual information (Barber and Agakov 2003): a better reader
    could find more, and negative values say no more than zero does. Intervals: bootstrap over
    groups. entropy: nats, of the unigram distribution of ``corpus_tokens`` counted tokens in the
    pool. chance: share of its most frequent token.
    """

    slots: Estimates
    total: Estimates
    entropy: float
    corpus_tokens: int
    chance: float
    groups: int
    pool: int
    is_partial: bool
    provenance: Provenance

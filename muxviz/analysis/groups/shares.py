"""Shares of things that come in sentences or groups, with 95 % intervals, and what is claimed.

Tokens of one sentence stand or fall together, so n tokens are worth fewer than n chances. The
Wilson interval takes the n that is left after dividing by the design effect (Korn and Graubard
1998). Reading neighbour: ``bootstrap``, for means and ratios.
"""

from __future__ import annotations

import numpy as np
from scipy import stats

from muxviz.results.fidelity import Shares
from muxviz.results.reading import Z95

LEVEL = 0.05  # of the false discovery rate


def shares(hits: np.ndarray, trials: np.ndarray, *, clustered: bool = True) -> Shares:
    """Shares over K sentences: ``[K, ...] -> [...]``. Hits may be fractional.

    clustered: whether sentences stand or fall together; else n is the number of trials.
    """
    total, n = hits.sum(axis=0), trials.sum(axis=0)
    effective = effective_trials(hits, trials) if clustered else np.where(n > 0, n, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = total / n
        spread = Z95 / (1 + Z95**2 / effective)
        spread = spread * np.sqrt(p * (1 - p) / effective + Z95**2 / (4 * effective**2))
        middle = (p + Z95**2 / (2 * effective)) / (1 + Z95**2 / effective)
    low, high = np.clip(middle - spread, 0, 1), np.clip(middle + spread, 0, 1)
    return Shares(total, n, low, high, len(hits) if clustered else 0)


def effective_trials(hits: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Trials divided by the design effect, ``[...]``: at most the trials, NaN without any.

    Where all or none of a cell's trials hit, their spread shows nothing, and the design effect is
    that of all cells together; where all or none hit anywhere, n is the number of sentences.
    """
    n, sentences = trials.sum(axis=0), (trials > 0).sum(axis=0)
    whole = _design_effect(*(part.reshape(len(part), -1).sum(axis=1) for part in (hits, trials)))
    own = _design_effect(hits, trials)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = n / np.where(np.isnan(own), whole, own)
    found = np.where(np.isnan(found), sentences, found)
    return np.where(n == 0, np.nan, np.where(sentences < 2, n, found))


def _design_effect(hits: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Variance of the share over K sentences by that of as many single trials, at least 1.

    ``[K, ...] -> [...]``; NaN where all or none hit, or there is one sentence only.
    """
    total, n, clusters = hits.sum(axis=0), trials.sum(axis=0), (trials > 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        p = total / n
        between = ((hits - p * trials) ** 2).sum(axis=0) / n**2 * clusters / (clusters - 1)
        found = np.maximum(between / (p * (1 - p) / n), 1.0)
    seen = (total > 0) & (total < n) & (clusters > 1)
    return np.where(seen, found, np.nan)


def mcnemar(first: int, second: int) -> float:
    """Exact p of McNemar's test: pairs that only the first, only the second gets right.

    1 where no pair tells them apart.
    """
    return float(stats.binomtest(first, first + second).pvalue) if first + second else 1.0


def discoveries(p: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Which hypotheses fall at 5 % of false discoveries (Benjamini and Hochberg 1995).

    p: of any shape. asked: the cells that are tested together; the rest, and NaN, are False.
    """
    tested = asked & ~np.isnan(p)
    found = np.zeros(p.shape, dtype=bool)
    if tested.any():
        found[tested] = stats.false_discovery_control(p[tested]) <= LEVEL
    return found

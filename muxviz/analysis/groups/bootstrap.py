"""Means and ratios over draws, with percentile-bootstrap 95 % intervals (Efron 1979).

What is drawn again is whole draws, sentences or groups, never tokens. Left out: intervals of a
share, which are Wilson's (``shares``).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from muxviz.results.estimates import Estimates

RESAMPLES = 1000


def bootstrap_mean(values: np.ndarray, *, seed: int = 0) -> Estimates:
    """Mean over the first axis (draws) with a percentile-bootstrap 95 % interval (Efron 1979)."""
    draws = len(values)
    mean = values.mean(axis=0) if draws else np.full(values.shape[1:], np.nan)
    if draws < 2:
        return interval_of(mean, mean, draws, seed)
    means = resamples(draws, seed) @ values.reshape(draws, -1) / draws
    return interval_of(mean, means.reshape(-1, *values.shape[1:]), draws, seed)


def bootstrap_apart(values: np.ndarray, others: np.ndarray, *, seed: int = 0) -> Estimates:
    """Mean of ``[D]`` less that of ``[E]``, each drawn again by itself."""
    mean = np.asarray(values.mean() - others.mean())
    fewest = min(len(values), len(others))
    if fewest < 2:
        return interval_of(mean, mean, fewest, seed)
    own = resamples(len(values), seed) @ values / len(values)
    return interval_of(
        mean, own - resamples(len(others), seed + 1) @ others / len(others), fewest, seed
    )


def bootstrap_ratio(above: np.ndarray, below: np.ndarray, *, seed: int = 0) -> Estimates:
    """Sum over sum of K sentences or groups, ``[K, ...] -> [...]``, drawn again by whole ones.

    below: of a shape that broadcasts with ``above``. A cell that only one of them adds to has no
    interval (NaN).
    """
    draws, below = len(above), np.broadcast_to(below, above.shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = above.sum(axis=0) / below.sum(axis=0)
    if draws < 2:
        return interval_of(mean, mean, draws, seed)
    ratios = redrawn(above, below, seed)
    several = (below > 0).sum(axis=0) > 1  # of one there is no spread
    held = np.where(several, ratios, 0.0)
    low, high = np.where(several, np.nanquantile(held, (0.025, 0.975), axis=0), np.nan)
    return Estimates(mean, low, high, draws, seed)


def redrawn(above: np.ndarray, below: np.ndarray, seed: int) -> np.ndarray:
    """Ratios of redrawn sums, ``[resamples, ...]``; NaN where nothing below was drawn."""
    draws = len(above)
    weights = resamples(draws, seed)
    up, down = (weights @ part.reshape(draws, -1) for part in (above, below))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = np.where(down > 0, up / down, np.nan)
    return found.reshape(len(weights), *above.shape[1:])


@lru_cache(maxsize=2)
def resamples(draws: int, seed: int, count: int = RESAMPLES) -> np.ndarray:
    """How often each of ``draws`` is taken in each bootstrap sample, ``[count, draws]``.

    Kept, because one analysis asks for the same numbers many times; not to be written to.
    """
    generator = np.random.default_rng(seed)
    found = generator.multinomial(draws, np.full(draws, 1 / draws), size=count).astype(np.float64)
    found.flags.writeable = False
    return found


def interval_of(mean: np.ndarray, samples: np.ndarray, draws: int, seed: int) -> Estimates:
    """Estimates from bootstrap samples ``[R, ...]``; no interval from fewer than two draws."""
    if draws < 2:
        nothing = np.full(np.shape(mean), np.nan)
        return Estimates(mean, nothing, nothing, draws, seed)
    low, high = np.quantile(samples, (0.025, 0.975), axis=0)
    return Estimates(mean, low, high, draws, seed)

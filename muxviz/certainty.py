"""How sure answers are against how often they are right: reliability, its error, a temperature.

Left out: whose answers these are; ``muxviz.evaluation.calibration`` fits and stores temperatures.
"""

from __future__ import annotations

import numpy as np
from scipy import optimize

BINS = 10  # of confidence, of equal width (Guo et al. 2017)
LOG_TEMPERATURES = (-2.5, 2.5)


def reliability(scores: np.ndarray, gold: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean confidence, right and all answers of every bin, ``[B]`` each.

    Args:
        scores: ``[n, C]`` logits, or log-probabilities. gold: ``[n]`` classes.
    """
    p = np.exp(scores - np.logaddexp.reduce(scores, axis=-1, keepdims=True))
    sure, right = p.max(axis=-1), scores.argmax(axis=-1) == gold
    place = np.minimum((sure * BINS).astype(int), BINS - 1)
    trials = np.bincount(place, minlength=BINS)
    hits = np.bincount(place, weights=right, minlength=BINS)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(place, weights=sure, minlength=BINS) / trials
    return mean, hits, trials


def expected_error(scores: np.ndarray, gold: np.ndarray) -> float:
    """Expected calibration error (Naeini et al. 2015): |confidence - accuracy|, by answers."""
    mean, hits, trials = reliability(scores, gold)
    there = trials > 0
    gaps = np.abs(mean[there] - hits[there] / trials[there])
    return float((gaps * trials[there]).sum() / max(trials.sum(), 1))


def fit_temperature(scores: np.ndarray, gold: np.ndarray) -> float:
    """What to divide logits by so that the labels are most probable (Guo et al. 2017)."""
    rows = np.arange(len(gold))

    def loss(log_temperature: float) -> float:
        warm = scores / np.exp(log_temperature)
        return float((np.logaddexp.reduce(warm, axis=-1) - warm[rows, gold]).mean())

    if not len(gold):
        return 1.0
    return float(np.exp(optimize.minimize_scalar(loss, bounds=LOG_TEMPERATURES).x))

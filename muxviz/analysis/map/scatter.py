"""Scatter of points between and within groups, and means of theirs, resampled by whole anchors.

Points of one anchor sentence are no independent draws, so what is drawn again is anchors, all else
held as it is. Reading neighbour: ``separation``, which reads a state by these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.analysis.groups.bootstrap import resamples
from muxviz.results.estimates import Estimates
from muxviz.results.map import SENTENCE, SOURCES

RESAMPLES = 400
CEILING = 1e6  # of tr S_b / tr S_w: float32 states cannot tell more


def _means(points: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Mean of every group, ``[G, D]``."""
    member = np.eye(names.max() + 1)[names]
    return np.asarray(member.T @ points / member.sum(axis=0)[:, None])


def scatter_ratio(points: np.ndarray, names: np.ndarray) -> float:
    """tr S_b / tr S_w of points ``[P, D]`` about 0, their mean; NaN where all of them are one.

    S_b: squared distances of the groups' means to 0, once for each point; S_w: those of the points
    to their group's mean.
    """
    means = _means(points, names)
    between = float(np.bincount(names) @ np.square(means).sum(axis=1))
    return _divided(between, float(np.square(points - means[names]).sum()))


def _divided(between: float, within: float) -> float:
    if between <= 0 and within <= 0:
        return float("nan")
    return min(between / within, CEILING) if within > 0 else CEILING


def ratio_over_anchors(
    by: str, points: np.ndarray, names: np.ndarray, anchor: np.ndarray, seed: int
) -> tuple[float, float]:
    """Interval of tr S_b / tr S_w over anchors."""
    between, total = _between(by, points, names, anchor, seed)
    within = np.maximum(total - between, 0.0)
    return _interval(np.array([_divided(b, w) for b, w in zip(between, within, strict=True)]))


def mean_over_anchors(
    values: np.ndarray, anchor: np.ndarray, seed: int
) -> tuple[float, tuple[float, float]]:
    """Mean of values ``[P]``, and its interval over anchors."""
    sums = np.bincount(anchor, weights=values)
    counts = np.bincount(anchor)
    weights = resamples(len(counts), seed, RESAMPLES)
    return float(values.mean()), _interval(weights @ sums / (weights @ counts))


def variance_shares(
    points: np.ndarray, named: Sequence[np.ndarray], anchor: np.ndarray, seed: int
) -> Estimates:
    """Parts of the variance by sentence, slot and neighbours, and the rest; NaN without variance.

    In the crossed design the three are orthogonal, so that the rest, their interactions, is not
    negative: an analysis of variance in trace form.
    """
    total = float(np.square(points).sum())
    if total <= 0:
        nothing = np.full(4, np.nan)
        return Estimates(nothing, nothing, nothing, 0, seed)
    between = []
    for names in named:
        means = _means(points, names)
        between.append(float(np.bincount(names) @ np.square(means).sum(axis=1)) / total)
    resampled = []
    for source, names in zip(SOURCES, named, strict=True):
        part, whole = _between(source, points, names, anchor, seed)
        resampled.append(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))
    mean = np.array([*between, 1 - sum(between)])
    rest = 1 - np.sum(resampled, axis=0)
    low, high = np.quantile(np.stack([*resampled, rest]), (0.025, 0.975), axis=1)
    return Estimates(mean, low, high, int(anchor.max()) + 1, seed)


# ---- resampled anchors ---------------------------------------------------------------------------


def _between(
    by: str, points: np.ndarray, names: np.ndarray, anchor: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """tr S_b and tr S_b + tr S_w in every resample of the anchors, ``[R]`` each.

    An anchor that is drawn twice counts as two groups. Drawing K of K anchors makes the scatter
    between them smaller by (K - 1) / K on average, which is put right.
    """
    anchors, groups = int(anchor.max()) + 1, int(names.max()) + 1
    weights = resamples(anchors, seed, RESAMPLES)
    cell = anchor.astype(np.int64) * groups + names
    member = np.zeros((anchors * groups, len(points)))
    member[cell, np.arange(len(points))] = 1
    counts = member.sum(axis=1).reshape(anchors, groups)
    cells = (member @ points).reshape(anchors, groups, -1)
    sums, sizes = cells.sum(axis=1), counts.sum(axis=1)
    middle = np.square(weights @ sums).sum(axis=1) / (weights @ sizes)
    of_anchors = weights @ (np.square(sums).sum(axis=1) / sizes) - middle
    missing = of_anchors / (anchors - 1)
    if by == SENTENCE:
        between = of_anchors + missing
    else:
        drawn = (weights @ cells.reshape(anchors, -1)).reshape(RESAMPLES, groups, -1)
        sizes = np.maximum(weights @ counts, 1)  # a group whose anchors were not drawn adds nothing
        between = (np.square(drawn).sum(axis=2) / sizes).sum(axis=1) - middle
    lengths = np.bincount(anchor, weights=np.square(points).sum(axis=1))
    total = weights @ lengths - middle + missing
    return np.maximum(between, 0.0), np.maximum(total, 0.0)


def _interval(values: np.ndarray) -> tuple[float, float]:
    if np.isnan(values).all():
        return float("nan"), float("nan")
    low, high = np.nanquantile(values, (0.025, 0.975))
    return float(low), float(high)

"""Scores of one grouping's answers, computed by scikit-learn, SciPy and seqeval.

For the bootstrap each metric is also written as a function of per-row counts, so that a thousand
redraws are one matrix product; tests hold both forms against each other.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import stats
from seqeval import metrics as entity_metrics
from seqeval.metrics.sequence_labeling import get_entities
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from muxviz.errors import InputError
from muxviz.evaluation.intervals import ratio

Rows = Sequence[np.ndarray]  # per row: its one class or score [1], or those of its words [words]
BIO_TAG = re.compile(r"O|[BIESLU]-.+")
PUBLISHED_PRIMARY = {"cola": "matthews"}  # by data folder; accuracy elsewhere, as GLUE has it


@dataclass(frozen=True)
class Metric:
    """score(true, given): the library's number for one grouping; NaN where it is not defined.

    redraw(true, given, weights ``[draws, rows]``): the same with every row taken that often,
    ``[draws]``.
    """

    name: str
    score: Callable[[Rows, Rows], float]
    redraw: Callable[[Rows, Rows, np.ndarray], np.ndarray]
    undefined: str = ""  # when it is not defined, in words


def is_bio(labels: Sequence[str]) -> bool:
    """Whether label names are O and tags with a B-, I- ... prefix: the parts of entities."""
    return any(re.match("[BI]-", name) for name in labels) and all(
        BIO_TAG.fullmatch(name) for name in labels
    )


def choose_metrics(task: str, labels: tuple[str, ...], *, is_pair: bool) -> tuple[Metric, ...]:
    """The metrics of a task; the first one is its headline.

    Sentence and pair classification: accuracy, F1 (of label 1 for pairs of two classes, the mean
    over labels otherwise) and Matthews. Regression: Pearson and Spearman. Tags: entity F1,
    precision and recall and tag accuracy where the label names are BIO, accuracy alone otherwise
    (UPOS).
    """
    if task == "regression":
        why = "all answers, or all scores of the data, are the same"
        return (
            Metric("pearson", partial(_correlation, stats.pearsonr), _redraw_pearson, why),
            Metric("spearman", partial(_correlation, stats.spearmanr), _redraw_spearman, why),
        )
    accuracy = Metric("accuracy", _accuracy, _redraw_accuracy)
    if task == "token_classification":
        if not is_bio(labels):
            return (accuracy,)
        why = "there is no entity to divide by"
        names = ("entity_precision", "entity_recall", "entity_f1")
        entity = [
            Metric(name, partial(_entity, labels, at), partial(_redraw_entity, labels, at), why)
            for at, name in enumerate(names)
        ]
        return (entity[2], entity[0], entity[1], accuracy)
    size = len(labels)
    matthews = Metric("matthews", _matthews, partial(_redraw_matthews, size))
    if is_pair and size == 2:
        why = "label 1 is neither answered nor right anywhere"
        return (accuracy, Metric("f1", _f1, _redraw_f1, why), matthews)
    return (accuracy, Metric("macro_f1", _macro_f1, partial(_redraw_macro, size)), matthews)


def headline(metrics: Sequence[Metric], data: str, wanted: str | None = None) -> str:
    """The metric to quote: the one asked for, the published one of this data, or the first.

    Raises:
        InputError: this task does not have the one asked for.
    """
    names = [metric.name for metric in metrics]
    if wanted is not None:
        if wanted not in names:
            raise InputError(f"no metric {wanted!r} for this task; choose {', '.join(names)}")
        return wanted
    published = next((m for part, m in PUBLISHED_PRIMARY.items() if part in data.split("/")), "")
    return published if published in names else names[0]


# ---- classes and tags -------------------------------------------------------------------------


def _accuracy(true: Rows, given: Rows) -> float:
    return float(accuracy_score(np.concatenate(true), np.concatenate(given)))


def _redraw_accuracy(true: Rows, given: Rows, weights: np.ndarray) -> np.ndarray:
    hits = np.asarray([(t == g).sum() for t, g in zip(true, given, strict=True)])
    return ratio(weights @ hits, weights @ np.asarray([len(t) for t in true]))


def _f1(true: Rows, given: Rows) -> float:
    flat = np.concatenate(true), np.concatenate(given)
    return float(f1_score(*flat, pos_label=1, average="binary", zero_division=np.nan))


def _macro_f1(true: Rows, given: Rows) -> float:
    return float(f1_score(np.concatenate(true), np.concatenate(given), average="macro"))


def _matthews(true: Rows, given: Rows) -> float:
    flat = np.concatenate(true), np.concatenate(given)
    if len(np.unique(flat)) == 1:
        return 0.0  # what scikit-learn returns, after a warning
    return float(matthews_corrcoef(*flat))


def _class_sums(
    size: int, true: Rows, given: Rows, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per draw and class, ``[draws, C]``: right answers, answers, and rows of that class."""
    one = np.eye(size, dtype=np.int64)
    of_true, of_given = one[np.concatenate(true)], one[np.concatenate(given)]
    return weights @ (of_true * of_given), weights @ of_given, weights @ of_true


def _redraw_f1(true: Rows, given: Rows, weights: np.ndarray) -> np.ndarray:
    right, answered, there = (part[:, 1] for part in _class_sums(2, true, given, weights))
    return ratio(2 * right, answered + there)


def _redraw_macro(size: int, true: Rows, given: Rows, weights: np.ndarray) -> np.ndarray:
    right, answered, there = _class_sums(size, true, given, weights)
    return np.nanmean(ratio(2 * right, answered + there), axis=1)


def _redraw_matthews(size: int, true: Rows, given: Rows, weights: np.ndarray) -> np.ndarray:
    """The correlation of K classes (Gorodkin 2004) from class sums; 0 where it is 0 / 0."""
    right, answered, there = _class_sums(size, true, given, weights)
    rows = there.sum(axis=1)
    above = right.sum(axis=1) * rows - (answered * there).sum(axis=1)
    below = (rows**2 - (answered**2).sum(axis=1)) * (rows**2 - (there**2).sum(axis=1))
    return np.nan_to_num(ratio(above, np.sqrt(below)))


# ---- entities ---------------------------------------------------------------------------------


ENTITY_SCORES = (
    entity_metrics.precision_score,
    entity_metrics.recall_score,
    entity_metrics.f1_score,
)


def _tags(labels: tuple[str, ...], rows: Rows) -> list[list[str]]:
    return [[labels[i] for i in row] for row in rows]


def _entity(labels: tuple[str, ...], which: int, true: Rows, given: Rows) -> float:
    """Precision (0), recall (1) or F1 (2) of whole entities, all types together."""
    if np.isnan(_redraw_entity(labels, which, true, given, np.ones((1, len(true)), int)))[0]:
        return math.nan  # seqeval would say 0
    tags = _tags(labels, true), _tags(labels, given)
    return float(ENTITY_SCORES[which](*tags, average="micro", zero_division=0))


def _redraw_entity(
    labels: tuple[str, ...], which: int, true: Rows, given: Rows, weights: np.ndarray
) -> np.ndarray:
    counts = np.zeros((len(true), 3), dtype=np.int64)  # per row: right, answered, there
    for at, tags in enumerate(zip(_tags(labels, true), _tags(labels, given), strict=True)):
        there, answered = (set(get_entities(row)) for row in tags)
        counts[at] = len(there & answered), len(answered), len(there)
    right, answered, there = (weights @ counts).T
    above = 2 * right if which == 2 else right
    return ratio(above, (answered, there, answered + there)[which])


# ---- scores -----------------------------------------------------------------------------------


def _correlation(library: Callable, true: Rows, given: Rows) -> float:
    """NaN for a constant: there is no correlation with it, and 0 would be an invention."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", stats.ConstantInputWarning)
        warnings.simplefilter("error", stats.NearConstantInputWarning)
        try:
            return float(library(np.concatenate(true), np.concatenate(given)).statistic)
        except (stats.ConstantInputWarning, stats.NearConstantInputWarning):
            return math.nan


def _redraw_pearson(true: Rows, given: Rows, weights: np.ndarray) -> np.ndarray:
    x, y = np.concatenate(true).astype(float), np.concatenate(given).astype(float)
    x, y = x - x.mean(), y - y.mean()
    rows = weights.sum(axis=1)
    sums = [weights @ part for part in (x, y, x * x, y * y, x * y)]
    of_x, of_y, of_xx, of_yy, of_xy = sums
    spread = np.clip(of_xx - of_x**2 / rows, 0, None) * np.clip(of_yy - of_y**2 / rows, 0, None)
    spread[spread < 1e-12 * (x @ x) * (y @ y)] = 0  # a constant, but for rounding
    return ratio(of_xy - of_x * of_y / rows, np.sqrt(spread))


def _redraw_spearman(true: Rows, given: Rows, weights: np.ndarray) -> np.ndarray:
    x, y = np.concatenate(true), np.concatenate(given)
    rows = np.arange(len(x))
    out = np.empty(len(weights))
    for at, row_weights in enumerate(weights):
        taken = np.repeat(rows, row_weights)
        ranks = stats.rankdata(np.stack([x[taken], y[taken]]), axis=1)
        ranks -= ranks.mean(axis=1, keepdims=True)
        size = np.sqrt((ranks**2).sum(axis=1).prod())
        out[at] = (ranks[0] @ ranks[1]) / size if size else math.nan
    return out

"""Scores of one grouping's answers, computed by scikit-learn, SciPy and seqeval.

For the bootstrap each metric is also written as a function of per-row counts, so that a thousand
redraws are one matrix product; tests hold both forms against each other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from scipy import stats
from seqeval import metrics as entity_metrics
from seqeval import scheme
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from muxviz.errors import InputError
from muxviz.evaluation.intervals import ratio
from muxviz.quiet import warnings_become

# Per row: its class or score [1], its labels or scores [1, C], or the tags of its words [words].
Rows = Sequence[np.ndarray]
TAG = re.compile(r"O|[BIESLU]-.+")
SCHEMES: tuple[Any, ...] = (  # the first of those that fit equally well
    scheme.IOB2,
    scheme.IOB1,
    scheme.IOE2,
    scheme.IOBES,
    scheme.BILOU,
)
MOST_STRAYS = 0.01  # share of tags that a scheme may leave out, as slips of the data
PUBLISHED_PRIMARY = {"cola": "matthews"}  # by data folder; accuracy elsewhere, as GLUE has it


@dataclass(frozen=True)
class Metric:
    """score(true, given): the library's number for one grouping; NaN where it is not defined.

    redraw(true, given, weights ``[draws, rows]``): the same with every row taken that often,
    ``[draws]``. undefined: when it is not defined, in words. note: what to know of its numbers.
    """

    name: str
    score: Callable[[Rows, Rows], float]
    redraw: Callable[[Rows, Rows, np.ndarray], np.ndarray]
    undefined: str = ""
    note: str = ""


@dataclass(frozen=True)
class Scheme:
    """How tags mark entities. strays: tags of the data that belong to no entity in it, of tags."""

    kind: Any  # of seqeval.scheme
    strays: int
    tags: int

    @property
    def note(self) -> str:
        """What a reader of the scores must know."""
        found = f"Entities are scored as {self.kind.__name__} tags, strictly (seqeval)"
        if not self.strays:
            return f"{found}."
        return (
            f"{found}; {self.strays:,} of {self.tags:,} tags of the data begin or end no entity "
            "in it and are not counted."
        )


def tag_scheme(labels: Sequence[str], tags: Rows) -> Scheme | None:
    """The scheme whose prefixes the label names have and that fits the data best; None for none.

    IOB1 and IOB2 have the same names: the data say which.

    Args:
        tags: right classes of the words of every row, uncut; those below 0 are left out.
    """
    if not all(TAG.fullmatch(name) for name in labels) or not any("-" in name for name in labels):
        return None
    used = [tuple(labels[i] for i in row if i >= 0) for row in tags]
    total = sum(tag != "O" for row in used for tag in row)
    found: list[Scheme] = []
    for kind in SCHEMES:
        allowed: Any = kind.allowed_prefix
        if all(bool(scheme.Prefixes[name[0]] & allowed) for name in labels):
            found_in = [_entities(kind, row) for row in used]
            covered = sum(end - start for row in found_in for _, start, end in row)
            found.append(Scheme(kind, total - covered, total))
    best = min(found, key=lambda one: one.strays, default=None)
    return best if best is not None and best.strays <= MOST_STRAYS * total else None


def choose_metrics(
    task: str, labels: tuple[str, ...], *, is_pair: bool = False, tags: Rows = ()
) -> tuple[Metric, ...]:
    """The metrics of a task; the first one is its headline.

    Sentence and pair classification: accuracy, F1 (of label 1 for pairs of two classes, the mean
    over labels otherwise) and Matthews. Any number of labels: F1 over all of them, the mean of
    each one's, and the share of rows with all labels right. Regression: Pearson and Spearman, of
    several scores their means and each one's. Tags: entity F1, precision and recall and tag
    accuracy where a scheme fits label names and ``tags`` (see ``tag_scheme``), accuracy alone
    otherwise (UPOS).
    """
    return CHOICES[task](labels, is_pair, tags)


def _class_metrics(labels: tuple[str, ...], is_pair: bool, tags: Rows) -> tuple[Metric, ...]:
    size = len(labels)
    accuracy = Metric("accuracy", _accuracy, _redraw_accuracy)
    matthews = Metric("matthews", _matthews, partial(_redraw_matthews, size))
    if is_pair and size == 2:
        why = "label 1 is neither answered nor right anywhere"
        return (accuracy, Metric("f1", _f1, _redraw_f1, why), matthews)
    return (accuracy, Metric("macro_f1", _macro_f1, partial(_redraw_macro, size)), matthews)


def _label_metrics(labels: tuple[str, ...], is_pair: bool, tags: Rows) -> tuple[Metric, ...]:
    why = "no label is answered or right anywhere"
    note = "A label is answered where its probability is one half or more."
    return (
        Metric("micro_f1", partial(_labels_f1, "micro"), _redraw_micro, why, note),
        Metric("macro_f1", partial(_labels_f1, "macro"), _redraw_labels_macro, why),
        Metric("exact_match", _accuracy, _redraw_exact),
    )


def _score_metrics(labels: tuple[str, ...], is_pair: bool, tags: Rows) -> tuple[Metric, ...]:
    why = "all answers, or all scores of the data, are the same"
    kinds = (
        ("pearson", partial(_correlation, stats.pearsonr), _redraw_pearson),
        ("spearman", partial(_correlation, stats.spearmanr), _redraw_spearman),
    )
    if len(labels) < 2:
        return tuple(Metric(name, score, redraw, why) for name, score, redraw in kinds)
    size = range(len(labels))
    note = f"Headline scores are means over {len(labels)} scores: {', '.join(labels)}."
    means = [
        Metric(name, partial(_mean_of, score, size), partial(_mean_of, redraw, size), why, note)
        for name, score, redraw in kinds
    ]
    return (
        *means,
        *(
            Metric(f"{name} {label}", partial(_of, score, at), partial(_of, redraw, at), why)
            for at, label in enumerate(labels)
            for name, score, redraw in kinds
        ),
    )


def _tag_metrics(labels: tuple[str, ...], is_pair: bool, tags: Rows) -> tuple[Metric, ...]:
    found = tag_scheme(labels, tags)
    if found is None:
        note = (
            "Tags mark entities in no scheme that is known (IOB1, IOB2, IOE2, IOBES, BILOU): plain "
            "accuracy of words is scored."
        )
        return (Metric("accuracy", _accuracy, _redraw_accuracy, note=note),)
    why = "there is no entity to divide by"
    names = ("entity_precision", "entity_recall", "entity_f1")
    given = (labels, found.kind)
    entity = [
        Metric(name, partial(_entity, *given, at), partial(_redraw_entity, *given, at), why)
        for at, name in enumerate(names)
    ]
    f1 = replace(entity[2], note=found.note)
    return (f1, entity[0], entity[1], Metric("accuracy", _accuracy, _redraw_accuracy))


CHOICES: dict[str, Callable[[tuple[str, ...], bool, Rows], tuple[Metric, ...]]] = {
    "sequence_classification": _class_metrics,
    "multi_label_classification": _label_metrics,
    "regression": _score_metrics,
    "token_classification": _tag_metrics,
}


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
    return _mean_of_known(ratio(2 * right, answered + there))


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


@lru_cache(maxsize=1 << 16)
def _entities(kind: Any, tags: tuple[str, ...]) -> frozenset[tuple[str, int, int]]:
    """Type, first word and end of every whole entity of a row."""
    found = scheme.Tokens(list(tags), kind).entities
    return frozenset((entity.tag, entity.start, entity.end) for entity in found)


def _tags(labels: tuple[str, ...], rows: Rows) -> list[tuple[str, ...]]:
    return [tuple(labels[i] for i in row) for row in rows]


def _entity(labels: tuple[str, ...], kind: Any, which: int, true: Rows, given: Rows) -> float:
    """Precision (0), recall (1) or F1 (2) of whole entities, all types together."""
    one = np.ones((1, len(true)), int)
    if np.isnan(_redraw_entity(labels, kind, which, true, given, one))[0]:
        return math.nan  # seqeval would say 0
    tags = [[list(row) for row in _tags(labels, rows)] for rows in (true, given)]
    options = {"mode": "strict", "scheme": kind, "average": "micro", "zero_division": 0}
    return float(ENTITY_SCORES[which](*tags, **options))


def _redraw_entity(
    labels: tuple[str, ...],
    kind: Any,
    which: int,
    true: Rows,
    given: Rows,
    weights: np.ndarray,
) -> np.ndarray:
    counts = np.zeros((len(true), 3), dtype=np.int64)  # per row: right, answered, there
    for at, tags in enumerate(zip(_tags(labels, true), _tags(labels, given), strict=True)):
        there, answered = (_entities(kind, row) for row in tags)
        counts[at] = len(there & answered), len(answered), len(there)
    right, answered, there = (weights @ counts).T
    above = 2 * right if which == 2 else right
    return ratio(above, (answered, there, answered + there)[which])


# ---- any number of labels -----------------------------------------------------------------------


def _labels_f1(average: str, true: Rows, given: Rows) -> float:
    """Over all labels together (micro) or the mean over those answered or there (macro)."""
    flat = np.concatenate(true), np.concatenate(given)
    if not (flat[0] | flat[1]).any():
        return math.nan
    return float(f1_score(*flat, average=average, zero_division=np.nan))


def _label_sums(
    true: Rows, given: Rows, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As ``_class_sums``, of labels that do not exclude each other."""
    of_true, of_given = np.concatenate(true), np.concatenate(given)
    return weights @ (of_true * of_given), weights @ of_given, weights @ of_true


def _redraw_micro(true: Rows, given: Rows, weights: np.ndarray) -> np.ndarray:
    right, answered, there = (s.sum(axis=1) for s in _label_sums(true, given, weights))
    return ratio(2 * right, answered + there)


def _redraw_labels_macro(true: Rows, given: Rows, weights: np.ndarray) -> np.ndarray:
    right, answered, there = _label_sums(true, given, weights)
    return _mean_of_known(ratio(2 * right, answered + there))


def _redraw_exact(true: Rows, given: Rows, weights: np.ndarray) -> np.ndarray:
    hits = (np.concatenate(true) == np.concatenate(given)).all(axis=1)
    return ratio(weights @ hits, weights.sum(axis=1))


def _mean_of_known(values: np.ndarray) -> np.ndarray:
    """Means over classes ``[draws, C] -> [draws]``; NaN where none is known."""
    known = ~np.isnan(values)
    return ratio(np.where(known, values, 0).sum(axis=1), known.sum(axis=1))


# ---- scores -----------------------------------------------------------------------------------


def _correlation(library: Callable, true: Rows, given: Rows) -> float:
    """NaN for a constant: there is no correlation with it, and 0 would be an invention."""
    constant = (stats.ConstantInputWarning, stats.NearConstantInputWarning)
    try:
        with warnings_become("error", *constant):
            return float(library(np.concatenate(true), np.concatenate(given)).statistic)
    except constant:
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


def _of(measure: Callable, at: int, true: Rows, given: Rows, *more: Any) -> Any:
    """A measure of one of several scores."""
    return measure([row[:, at] for row in true], [row[:, at] for row in given], *more)


def _mean_of(measure: Callable, size: range, *rows: Any) -> Any:
    return np.mean([_of(measure, at, *rows) for at in size], axis=0)

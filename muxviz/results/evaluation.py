"""A checkpoint measured on a data set, over several random groupings."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from muxviz.results.group import Provenance
from muxviz.results.reading import Proportion

METRICS = {  # name in results: what it is, and who computes it
    "accuracy": "share of right answers (scikit-learn)",
    "f1": "F1 of label 1 (scikit-learn)",
    "macro_f1": "mean over labels of F1 (scikit-learn)",
    "micro_f1": "F1 of all labels of all rows together (scikit-learn)",
    "exact_match": "share of rows with all labels right and no other (scikit-learn)",
    "matthews": "Matthews correlation; 0 where all answers are the same (scikit-learn)",
    "pearson": "Pearson correlation of answers and scores (SciPy)",
    "spearman": "Spearman rank correlation of answers and scores (SciPy)",
    "entity_f1": "F1 of whole entities, all types together (seqeval, strict mode)",
    "entity_precision": "share of answered entities that are right (seqeval, strict mode)",
    "entity_recall": "share of entities that are found (seqeval, strict mode)",
}
Interval = tuple[float, float]


@dataclass(frozen=True)
class Spread:
    """One quantity over groupings, and how far chance in the choice of rows could move its mean.

    values: ``[groupings]``; NaN where it is not defined. interval: 95 % interval of the mean over
    rows (not over groupings), or None where there is none. method: how the interval was obtained.
    """

    values: np.ndarray
    interval: Interval | None = None
    method: str = ""

    @property
    def mean(self) -> float:
        """Mean; NaN where one grouping has no value."""
        return float(self.values.mean())

    @property
    def std(self) -> float:
        """Sample standard deviation (n - 1); 0 for one grouping."""
        return float(self.values.std(ddof=1)) if len(self.values) > 1 else 0.0

    @property
    def low(self) -> float:
        """Smallest."""
        return float(self.values.min())

    @property
    def high(self) -> float:
        """Largest."""
        return float(self.values.max())

    @property
    def is_defined(self) -> bool:
        """Whether every grouping has a value."""
        return not np.isnan(self.values).any()


@dataclass(frozen=True)
class Slots:
    """One share per slot, pooled over groupings.

    shares: hits of trials, per slot. intervals: 95 % over rows; None where a slot held nothing.
    """

    shares: tuple[Proportion, ...]
    intervals: tuple[Interval | None, ...]


@dataclass(frozen=True)
class Evaluation:
    """Every row once per grouping (``copies`` times with ensembling); fillers are not counted.

    units: what is scored in a grouping, rows or (tag tasks) words. cut_rows, cut_words: rows too
    long for the model, and words of tag tasks that lost their place by it and are not scored.
    metrics: by name (``METRICS``), empty for unlabelled text; primary: the headline one. slots:
    single answers of each slot, before any averaging over copies; None where answers are not right
    or wrong. read_back: share of counted tokens read back, over groupings; read_slots: the same per
    slot; None without a retrieval head. forward_passes: multiplexed sequences per grouping,
    ``ceil(rows * copies / N)``. seeds: of the groupings. notes: what to know before quoting.
    """

    data: str
    task: str
    rows: int
    units: int
    cut_rows: int
    cut_words: int
    groupings: int
    seeds: tuple[int, ...]
    copies: int
    metrics: dict[str, Spread]
    primary: str
    slots: Slots | None
    read_back: Spread | None
    read_slots: Slots | None
    forward_passes: int
    elapsed_s: float
    provenance: Provenance
    notes: tuple[str, ...] = field(default=())

    @property
    def score(self) -> Spread | None:
        """The headline metric; None for unlabelled text."""
        return self.metrics.get(self.primary)

    @property
    def accuracy(self) -> Spread | None:
        """Share of right answers; None for regression and unlabelled text."""
        return self.metrics.get("accuracy")

    @property
    def slot_accuracy(self) -> tuple[Proportion, ...]:
        """Right answers per slot, pooled over groupings; empty where there are none."""
        return self.slots.shares if self.slots else ()

    @property
    def retrieval(self) -> tuple[Proportion, ...]:
        """Counted tokens read back per slot, pooled over groupings; empty without a head."""
        return self.read_slots.shares if self.read_slots else ()

    @property
    def retrieval_accuracy(self) -> Proportion | None:
        """All slots together; None without a retrieval head."""
        if not self.retrieval:
            return None
        return Proportion(
            sum(p.successes for p in self.retrieval), sum(p.trials for p in self.retrieval)
        )

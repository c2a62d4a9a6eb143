"""A checkpoint measured on a labelled data set, over several random groupings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.group import Provenance
from muxviz.results.reading import Proportion


@dataclass(frozen=True)
class Spread:
    """Values of one quantity over groupings: ``values [groupings]``."""

    values: np.ndarray

    @property
    def mean(self) -> float:
        """Mean."""
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


@dataclass(frozen=True)
class Evaluation:
    """accuracy: over groupings, every row once, fillers not counted; None for unlabelled text.

    slot_accuracy: per slot, pooled over groupings. retrieval: per slot, counted tokens read back,
    pooled over groupings; empty without a retrieval head. forward_passes: multiplexed sequences per
    grouping, ``ceil(rows / N)``. seeds: of the groupings.
    """

    data: str
    rows: int
    groupings: int
    seeds: tuple[int, ...]
    accuracy: Spread | None
    slot_accuracy: tuple[Proportion, ...]
    retrieval: tuple[Proportion, ...]
    forward_passes: int
    elapsed_s: float
    provenance: Provenance

    @property
    def retrieval_accuracy(self) -> Proportion | None:
        """All slots together; None without a retrieval head."""
        if not self.retrieval:
            return None
        return Proportion(
            sum(p.successes for p in self.retrieval), sum(p.trials for p in self.retrieval)
        )

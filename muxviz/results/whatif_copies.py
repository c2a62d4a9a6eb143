"""What copies of a sentence in several slots buy."""

from __future__ import annotations

from dataclasses import dataclass

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance
from muxviz.results.reading import Proportion


@dataclass(frozen=True)
class Copies:
    """``copies`` of each of ``per_pass`` sentences in one pass, mean of their logits.

    accuracy: over labelled sentences. gain: mean of right (0 or 1) less right with one copy, same
    sentences, with interval. disagreement: mean over sentences of the mutual information of answer
    and copy, nats. auroc: of disagreement for errors, with a bootstrap interval (auroc_low,
    auroc_high); NaN without errors, or with one copy. auroc_unsure: the same of 1 - the answer's
    probability, as a comparison.
    """

    copies: int
    per_pass: int
    accuracy: Proportion
    gain: Estimates
    disagreement: float
    auroc: float
    auroc_low: float
    auroc_high: float
    auroc_unsure: float


@dataclass(frozen=True)
class Ensembling:
    """Copies bought with throughput, fewest first. sentences: labelled ones that were used."""

    num_instances: int
    points: tuple[Copies, ...]
    sentences: int
    seed: int
    is_partial: bool
    provenance: Provenance

"""Answering at once and asking the least certain again: what it gives, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance
from muxviz.results.throughput import Accuracy, Machine, Quartiles

KINDS = {  # what a contender of the benchmark is
    "alone": "one model",
    "multiplexed": "multiplexed, the least certain again",
    "rival": "N = 1 all the way, the least certain again",
}


@dataclass(frozen=True)
class EscalationCurve:
    """Right answers of a checkpoint where a share of its answers comes from its N = 1 model.

    shares: ``[K]`` of the sentences asked again, 0 to 1. least: ``[K]`` right where these are the
    least certain ones. random: ``[K]`` where they are drawn by chance. gain: ``[K]`` least less
    random; all bootstrap over groups. certainty: ``[K]`` below which a sentence is asked again (the
    least for share 0). mended, spoilt, needless, hopeless: ``[K]`` shares of those asked again that
    were wrong and are right, were right and are wrong, were and are right, were and are wrong; NaN
    where nobody is asked. is_calibrated: whether the certainty is by a fitted temperature.
    """

    shares: np.ndarray
    least: Estimates
    random: Estimates
    gain: Estimates
    certainty: np.ndarray
    mended: np.ndarray
    spoilt: np.ndarray
    needless: np.ndarray
    hopeless: np.ndarray
    baseline: str
    is_calibrated: bool
    sentences: int
    provenance: Provenance


@dataclass(frozen=True)
class EscalationRow:
    """One contender: texts in, answers out.

    name: models and shares as typed. kind: one of ``KINDS``. certainties: below which each model
    but the last asks again. again: share of the texts that each later model answered, as measured.
    accuracy: over the shuffles of all turns. texts_per_s, ratio: over rounds; ratio to the N = 1
    model of the same rounds.
    """

    name: str
    kind: str
    certainties: tuple[float, ...]
    again: tuple[float, ...]
    accuracy: Accuracy
    texts_per_s: Quartiles
    ratio: Quartiles


@dataclass(frozen=True)
class Verdict:
    """A goal and who meets it: names of the most accurate contenders that are fast enough.

    ours: the best multiplexed and escalated one; rival: the best of all others; "" for none.
    """

    accuracy: float
    ratio: float
    ours: str
    ours_accuracy: float
    rival: str
    rival_accuracy: float

    @property
    def is_met(self) -> bool:
        """Whether the best of ours that is fast enough is right often enough."""
        return bool(self.ours_accuracy >= self.accuracy)

    @property
    def rival_wins(self) -> bool:
        """Whether another contender that is fast enough is right more often."""
        return bool(self.rival) and not self.ours_accuracy >= self.rival_accuracy


@dataclass(frozen=True)
class EscalationBench:
    """All contenders, timed in one run. below: models alone that are faster than every contender
    of ours that is as accurate, the goal being none.
    """

    machine: Machine
    command: str
    data: str
    thresholds: str
    rows: int
    copies: int  # of all rows in a turn, each shuffled by itself
    rounds: int
    results: tuple[EscalationRow, ...]
    verdicts: tuple[Verdict, ...]
    below: tuple[str, ...]

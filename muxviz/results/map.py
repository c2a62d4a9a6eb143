"""States of sentences among many neighbours: the points of the map, how they group, where they lie.

A sample crosses K anchor sentences with M sets of neighbours and the N slots, so that what a point
owes to its sentence, its slot and its neighbours can be told apart. Axes: P points, F states, G
groups of points.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance

EMBEDDING, MIXTURE, READOUT = "embedding", "mixture", "readout"
LAYER = "layer "  # and its number, from 1
SENTENCE, SLOT, NEIGHBOURS, ANSWER = "sentence", "slot", "neighbours", "answer"
SOURCES = (SENTENCE, SLOT, NEIGHBOURS)  # what the design crosses
GROUPINGS = (*SOURCES, ANSWER)  # what points are grouped by
SHARES = (*SOURCES, "rest")  # parts of the variance


@dataclass(frozen=True)
class StateSample:
    """P points: K anchors x M neighbour sets x N slots, then the user's own sentences.

    states: float32 ``[P, D]`` by name, in the order of the pass: "embedding" (before mixing),
    "mixture", "layer 1" to "layer K" (means over the anchor's own tokens), "readout" (what the head
    reads for that slot). anchor, slot, neighbour_set: int ``[P]`` from 0; an own sentence has the
    anchor number K + its slot and neighbour_set -1. label: int ``[P]``, index into ``labels``, -1
    without one. margin: ``[P]``, logit of the reference answer less the best other (of the own
    answer where there is no reference; NaN where there are no classes). correct: ``[P]`` in [0, 1],
    agreement with the reference, NaN without one. reference: "gold", "alone" (the N = 1 baseline)
    or "". texts: the anchors, then the own sentences. neighbour_texts: M tuples of N - 1.
    """

    states: dict[str, np.ndarray]
    anchor: np.ndarray
    slot: np.ndarray
    neighbour_set: np.ndarray
    label: np.ndarray
    labels: tuple[str, ...]
    margin: np.ndarray
    correct: np.ndarray
    reference: str
    texts: tuple[str, ...]
    neighbour_texts: tuple[tuple[str, ...], ...]
    asked_anchors: int
    pool_size: int
    groups: int  # mixed sequences that were run
    provenance: Provenance

    @property
    def is_own(self) -> np.ndarray:
        """``[P]`` bool: points of the user's group, in no score and in no fit."""
        return self.neighbour_set < 0

    @property
    def num_anchors(self) -> int:
        """K, those that were finished."""
        return int(self.anchor[~self.is_own].max()) + 1

    @property
    def num_slots(self) -> int:
        """N."""
        return int(self.slot[~self.is_own].max()) + 1

    @property
    def num_sets(self) -> int:
        """M."""
        return len(self.neighbour_texts)

    @property
    def is_partial(self) -> bool:
        """Whether sampling was stopped before the last anchor."""
        return self.num_anchors < self.asked_anchors

    @property
    def names(self) -> tuple[str, ...]:
        """The states, in the order of the pass."""
        return tuple(self.states)

    def groups_by(self, source: str) -> np.ndarray:
        """``[P]`` group numbers by one of ``GROUPINGS``."""
        return {
            SENTENCE: self.anchor,
            SLOT: self.slot,
            NEIGHBOURS: self.neighbour_set,
            ANSWER: self.label,
        }[source]


@dataclass(frozen=True)
class ChanceScore:
    """One number with what chance would give.

    low, high: 95 % percentile bootstrap over anchors. null: its mean under ``shuffles`` random
    exchanges of the group names over all points; null_high: their 97.5 % quantile.
    """

    value: float
    low: float
    high: float
    null: float
    null_high: float

    @property
    def is_above_chance(self) -> bool:
        """Whether the value is larger than shuffled names give."""
        return self.value > self.null_high


@dataclass(frozen=True)
class Separation:
    """How far points with one name lie together, in the original space.

    by: one of ``GROUPINGS``. groups: G. silhouette: in [-1, 1] (Euclidean). ratio: tr S_b / tr S_w,
    from 0, cut off at ``CEILING``. purity: share of the k nearest points (by cosine) that have the
    same name; k is 10, or fewer where a group has no more others.
    """

    by: str
    groups: int
    silhouette: ChanceScore
    ratio: ChanceScore
    purity: ChanceScore
    k: int


@dataclass(frozen=True)
class StateReading:
    """Scores of one state.

    separations: one for each of ``SOURCES``, and by answer where points have two or more labels.
    shares: ``[4]`` parts of the variance as in ``SHARES``; they add up to 1. spread: root mean
    square distance of the points to their mean, in units of the state; 0 where all points are one.
    draws, seed: of the bootstrap and the shuffles.
    """

    state: str
    separations: tuple[Separation, ...]
    shares: Estimates
    spread: float
    points: int
    shuffles: int
    seed: int

    def by(self, source: str) -> Separation:
        """The separation by one of ``SOURCES``."""
        return next(s for s in self.separations if s.by == source)

    @property
    def by_answer(self) -> Separation | None:
        """The separation by the label that points are given; None without two of them."""
        return next((s for s in self.separations if s.by == ANSWER), None)


@dataclass(frozen=True)
class Projection:
    """Coordinates of one state, or of several by one joint fit.

    coordinates: float32 ``[F, P, dims]``; NaN for points that could not be placed. states: F names.
    explained: ``[dims]`` shares of the variance (PCA), else empty. trustworthiness: ``[F]`` in
    [0, 1], of the points that were fitted; trustworthiness_null: the same with shuffled
    coordinates. neighbors: of UMAP, and the perplexity of t-SNE. fitted: points of the fit.
    """

    method: str
    states: tuple[str, ...]
    coordinates: np.ndarray
    explained: np.ndarray
    trustworthiness: np.ndarray
    trustworthiness_null: np.ndarray
    neighbors: int
    min_dist: float
    seed: int
    fitted: int
    notes: tuple[str, ...]

    @property
    def dims(self) -> int:
        """2 or 3."""
        return int(self.coordinates.shape[2])

    @property
    def is_joint(self) -> bool:
        """Whether several states share the fit."""
        return len(self.states) > 1


@dataclass(frozen=True)
class StateMap:
    """A sample with the scores of each of its states, and PCA maps of each and of all."""

    sample: StateSample
    readings: tuple[StateReading, ...]
    maps: tuple[Projection, ...]

    @property
    def is_partial(self) -> bool:
        """Whether sampling was stopped before the last anchor."""
        return self.sample.is_partial

    def reading(self, state: str) -> StateReading:
        """The scores of one state."""
        return next(r for r in self.readings if r.state == state)

    def map_of(self, states: tuple[str, ...], dims: int) -> Projection:
        """The stored PCA map."""
        return next(m for m in self.maps if m.states == states and m.dims == dims)


@dataclass(frozen=True)
class NearState:
    """A point near another one: its number in the sample, and the cosine of the two states."""

    point: int
    cosine: float

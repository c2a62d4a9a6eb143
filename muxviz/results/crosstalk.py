"""What the sentence of one slot does to the answer of another; rows are observed, columns act."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance


@dataclass(frozen=True)
class Swap:
    """One quantity of the swap test over K draws.

    cells: mean over the draws, ``[N, N]``: row the slot observed, column the slot whose sentence
    is exchanged. received, given: sums of the cells over the other slots, ``[N]``. each:
    ``[K, N, N]`` float32, one value per draw. floor: ``[N]``, what counts as no change in a slot.
    p: ``[N, N]`` of a sign-flip test, NaN on the diagonal. is_told: ``[N, N]`` bool, cells that
    Benjamini-Hochberg keeps at 5 % and whose interval lies off the floor. Rows of fillers are NaN.
    """

    cells: Estimates
    received: Estimates
    given: Estimates
    each: np.ndarray
    floor: np.ndarray
    p: np.ndarray
    is_told: np.ndarray


@dataclass(frozen=True)
class Crosstalk:
    """The swap test of one group.

    js: Jensen-Shannon divergence between the answer now and with another sentence, nats, 0 to
    ln 2. moved: their total variation, the probability that moves from class to class, 0 to 1.
    push: margin now less the margin with another sentence, logits: positive where the sentence
    helps the target. decibels: ``[N, N]``, 10 log10 of js against the same row's own sentence; what
    is under the floor counts as the floor. changed: ``[K, N, N]`` share of the
    slot's answers that change, in [0, 1].

    measured_floor: ``[N]`` nats, the largest divergence between ``floor_runs`` runs of the
    unchanged group, alone and in stacks; ``js.floor`` also allows for float rounding.

    targets: per slot the answer that the margin is of, "" where a slot has one per token.
    target_from: per slot "gold", "alone" or "now". before: ``[N, C]`` and after ``[K, N, N, C]``
    probabilities for one answer per text, else empty. sentences: ``[K]``, put in place of each
    slot's. own_answers: ``[N]`` answers counted per slot. asked: draws asked for; fewer are done
    where the pool is smaller or the work was stopped.
    """

    js: Swap
    moved: Swap
    push: Swap
    decibels: Estimates
    changed: np.ndarray
    measured_floor: np.ndarray
    floor_runs: int
    targets: tuple[str, ...]
    target_from: tuple[str, ...]
    before: np.ndarray
    after: np.ndarray
    labels: tuple[str, ...]
    texts: tuple[str, ...]
    fillers: tuple[int, ...]
    own_answers: np.ndarray
    sentences: tuple[str, ...]
    pool_size: int
    asked: int
    is_partial: bool
    task: str
    provenance: Provenance

    @property
    def draws(self) -> int:
        """Sentences that every slot was exchanged for."""
        return len(self.sentences)


@dataclass(frozen=True)
class Shapley:
    """Which sentence a slot owes its margin to: Shapley values, in logits.

    values: ``[N, N]``, row the slot observed, column the sentence. empty, full: ``[N]`` margin
    with pool sentences in every slot, and of the group as it is. residual: ``[N]``, sum of a row
    less (full - empty); 0 but for float rounding. each: ``[K, N, N]``. is_told: off-diagonal cells
    that Benjamini-Hochberg keeps at 5 %. is_exact: all coalitions were run, not a sample.
    coalitions: groups run per draw. Other fields as in ``Crosstalk``.
    """

    values: Estimates
    empty: Estimates
    full: np.ndarray
    residual: np.ndarray
    each: np.ndarray
    p: np.ndarray
    is_told: np.ndarray
    is_exact: bool
    coalitions: int
    targets: tuple[str, ...]
    target_from: tuple[str, ...]
    texts: tuple[str, ...]
    fillers: tuple[int, ...]
    pool_size: int
    asked: int
    is_partial: bool
    task: str
    provenance: Provenance

    @property
    def draws(self) -> int:
        """Sets of reference sentences."""
        return len(self.each)

"""The same random groups on several checkpoints: how each slot fares, and what pruning changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance

QUANTITIES = {
    "read": "tokens read back",
    "right": "right answers",
    "same": "answers as alone",
}


@dataclass(frozen=True)
class SlotRecord:
    """How often every slot of one checkpoint was right, group by group.

    quantities: Q ids of ``QUANTITIES``. hits, trials: ``[Q, M, N]`` of M random groups. pool:
    sentences to draw from. asked: groups asked for.
    """

    quantities: tuple[str, ...]
    hits: np.ndarray
    trials: np.ndarray
    pool: int
    asked: int
    provenance: Provenance

    @property
    def is_partial(self) -> bool:
        """Whether it was stopped before all groups were done."""
        return self.hits.shape[1] < self.asked


@dataclass(frozen=True)
class BySparsity:
    """P checkpoints on the same M random groups; shares in [0, 1].

    share ``[Q, P, N]`` of each slot, mean ``[Q, P]`` of all slots. change ``[Q, P, N]``,
    mean_change ``[Q, P]``: less those of the first checkpoint on the same groups. Intervals: 95 %,
    Wilson for shares, paired bootstrap over groups for changes. p ``[Q, P]``: that slots differ in
    their change as much as they do though the slot is of no account, by permuting the slots of each
    group; NaN for the first checkpoint and for one slot. permutations: of that test.
    """

    quantities: tuple[str, ...]
    share: Estimates
    mean: Estimates
    change: Estimates
    mean_change: Estimates
    p: np.ndarray
    permutations: int
    pool: int
    asked: int
    origins: tuple[Provenance, ...]

    @property
    def groups(self) -> int:
        """Random groups behind every number."""
        return self.share.draws

    @property
    def sparsities(self) -> np.ndarray:
        """``[P]`` share of each encoder that was pruned away."""
        return np.array([made.sparsity for made in self.origins])

    @property
    def is_partial(self) -> bool:
        """Whether some groups are missing."""
        return self.groups < self.asked


@dataclass(frozen=True)
class CrosstalkBySparsity:
    """The swap test of one group on P checkpoints, with the same sentences put in.

    received: ``[P, N]`` mean over the other slots of what exchanging their sentence does to a
    slot's answer (share of the probability that moves, total variation, 0 to 1); NaN for fillers.
    mean: ``[P]`` over all pairs of slots. change ``[P, N]``, mean_change ``[P]``: less those of the
    first checkpoint.
    Intervals: 95 %, bootstrap over draws, paired for changes. pool: sentences to draw from.
    """

    received: Estimates
    mean: Estimates
    change: Estimates
    mean_change: Estimates
    pool: int
    asked: int
    origins: tuple[Provenance, ...]

    @property
    def draws(self) -> int:
        """Sentences that every slot was exchanged for."""
        return self.received.draws

    @property
    def sparsities(self) -> np.ndarray:
        """``[P]`` share of each encoder that was pruned away."""
        return np.array([made.sparsity for made in self.origins])

    @property
    def is_partial(self) -> bool:
        """Whether some draws are missing."""
        return self.draws < self.asked

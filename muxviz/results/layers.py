"""What happens to N inputs from layer to layer: shares, read-outs, probes, norms.

Levels are the places where the state is looked at: "mix" (the mixture), "in" (input of the first
layer), then every layer by its number. Slots are counted from 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance
from muxviz.results.reading import Proportion

FEW_PAIRS = 32  # below it, shares are only roughly known
FEW_TOKENS = 5  # fitted tokens per number of the state, below which a fit may not carry over


@dataclass(frozen=True)
class EntanglementSpectrum:
    """How much of the state's variance belongs to each slot alone, by level.

    Shares are first-order Sobol indices in trace form: tr Var(E[h | text of slot i]) / tr Var(h).
    levels: S names. share: ``[S, N]``. interaction: ``[S]``, 1 less the sum of the shares: what is
    no sum of functions of single slots. balance: ``[S]``, entropy of the shares / ln N; 1 where all
    are equal. Estimates may leave [0, 1] a little. variance: ``[S]``, tr Var(h) per position.
    draws of the estimates are the pairs of groups done; asked: those that were asked for. pool:
    number of sentences. passes: mixed sequences computed.
    """

    levels: tuple[str, ...]
    share: Estimates
    interaction: Estimates
    balance: Estimates
    variance: np.ndarray
    asked: int
    pool: int
    passes: int
    provenance: Provenance

    @property
    def pairs(self) -> int:
        """Matched pairs of groups behind every number."""
        return self.share.draws

    @property
    def is_partial(self) -> bool:
        """Whether it was stopped before all pairs were done."""
        return self.pairs < self.asked

    @property
    def is_rough(self) -> bool:
        """Whether the pairs are few."""
        return self.pairs < FEW_PAIRS

    def band(self) -> np.ndarray:
        """``[K + 1, N]`` shares for the braid: at the mixture and after each layer, drawable.

        Estimates below 0 are clipped, and levels whose shares then exceed 1 in sum scaled to 1.
        """
        rows = np.delete(np.clip(self.share.mean, 0, None), 1, axis=0)
        total = rows.sum(axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(total, 1.0))


@dataclass(frozen=True)
class Bands:
    """Spectra that were recorded of the bundled checkpoints."""

    spectra: tuple[EntanglementSpectrum, ...]

    def of(self, fingerprint: str) -> EntanglementSpectrum | None:
        """That of a checkpoint's weights, or None."""
        found = (one for one in self.spectra if one.provenance.fingerprint == fingerprint)
        return next(found, None)


@dataclass(frozen=True)
class LayerLens:
    """How well every slot is read back when the trained read-out is put on each level's state.

    kind: "demux" (the state as it is) or "translated" (carried to the last layer by an affine map
    fitted on other sentences). levels: S names. read: ``[S, N]`` tokens read back of ``tokens
    [N]``. margin: ``[S, N]`` mean log-probability of the own token less that of the best other,
    nats. control: ``[S, N]`` share of the same readings that name the token which the slot holds
    at that position in another group. width: numbers in a state. fit_groups, fit_tokens: 0 for
    "demux".
    """

    kind: str
    levels: tuple[str, ...]
    read: np.ndarray
    tokens: np.ndarray
    margin: Estimates
    control: np.ndarray
    width: int
    fit_groups: int
    fit_tokens: int
    asked: int
    provenance: Provenance

    @property
    def groups(self) -> int:
        """Groups read."""
        return self.margin.draws

    @property
    def is_partial(self) -> bool:
        """Whether it was stopped before all groups were read."""
        return self.groups < self.asked

    @property
    def is_rough(self) -> bool:
        """Whether the translators were fitted on few tokens."""
        return self.kind == "translated" and self.fit_tokens < FEW_TOKENS * self.width

    @property
    def accuracy(self) -> np.ndarray:
        """``[S, N]`` shares read back, NaN without tokens."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.read / self.tokens)

    def proportion(self, level: int, slot: int) -> Proportion:
        """The share of one slot at one level, with its interval."""
        return Proportion(float(self.read[level, slot]), int(self.tokens[slot]))


@dataclass(frozen=True)
class LayerProbe:
    """How much of each slot's embeddings a linear map reads off each level's state.

    r2: ``[S, N]`` share of the variance of the slot's token embeddings that a ridge regression,
    fitted on the pool's "fit" sentences, explains on its "test" sentences; below 0 where it does
    worse than their mean. control: the same for the embeddings that the slot has at that position
    in another group. selectivity: r2 less control. Intervals: bootstrap over test groups.
    fit_tokens, test_tokens: ``[N]``. width: numbers in a state. penalty: ``[S, N]`` of the
    ridge.
    """

    levels: tuple[str, ...]
    r2: Estimates
    control: Estimates
    selectivity: Estimates
    fit_groups: int
    test_groups: int
    fit_tokens: np.ndarray
    test_tokens: np.ndarray
    width: int
    penalty: np.ndarray
    is_partial: bool
    provenance: Provenance

    @property
    def is_rough(self) -> bool:
        """Whether the probes were fitted on few tokens."""
        return bool(self.fit_tokens.min() < FEW_TOKENS * self.width)


@dataclass(frozen=True)
class SlotLens:
    """One slot of a group, token by token and level by level; arrays are ``[S, tokens]``.

    tokens: the slot's own. read: the most probable ones, per level. Log-probabilities in nats.
    rank: tokens more probable than the own one. is_counted: ``[tokens]``, False on special ones.
    """

    slot: int
    text: str
    is_filler: bool
    tokens: tuple[str, ...]
    is_counted: np.ndarray
    read: tuple[tuple[str, ...], ...]
    true_log_prob: np.ndarray
    read_log_prob: np.ndarray
    rank: np.ndarray

    def proportion(self, level: int) -> Proportion:
        """The share of counted tokens read back at a level."""
        right = (self.rank[level] == 0) & self.is_counted
        return Proportion(int(right.sum()), int(self.is_counted.sum()))


@dataclass(frozen=True)
class GroupLens:
    """A group read through the lens at every level; ``kind`` as in ``LayerLens``."""

    kind: str
    levels: tuple[str, ...]
    slots: tuple[SlotLens, ...]
    fit_tokens: int
    provenance: Provenance


@dataclass(frozen=True)
class LayerNorms:
    """How large, how spread and how directed a checkpoint's states are, and its attention.

    levels: S names. norm: ``[S]`` mean L2 norm per position. magnitude: ``[S]`` mean absolute
    activation. spread: ``[S]`` standard deviation of the numbers of a position, mean. rank: ``[S]``
    effective dimensions of the states, (tr C)^2 / tr C^2 of their covariance, 1 to width. entropy:
    ``[K]`` of attention rows, mean over heads and positions, nats; evenness: the same as a share
    of its maximum, ln of the positions that can be seen. heads: ``[K, H]`` evenness. Heads that
    were pruned away are NaN and in no mean; so is a layer without any. Positions count where a
    text of the group reaches. Intervals: bootstrap over groups. width: numbers in a state. read:
    ``[K]`` evenness at the one query that the answer is read from, which is all that counts in the
    last layer; None where answers are read from many.
    """

    levels: tuple[str, ...]
    norm: Estimates
    magnitude: Estimates
    spread: Estimates
    rank: np.ndarray
    entropy: Estimates
    evenness: Estimates
    heads: np.ndarray
    positions: int
    asked: int
    provenance: Provenance
    width: int = 0  # not known
    read: Estimates | None = None

    @property
    def groups(self) -> int:
        """Groups measured."""
        return self.norm.draws

    @property
    def is_partial(self) -> bool:
        """Whether it was stopped before all groups were measured."""
        return self.groups < self.asked

"""Where the shared pass looks: three readings of attention, and what each head is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.errors import InputError, NotApplicable
from muxviz.results.attribution import Explained, shares_of
from muxviz.results.estimates import kept_mean
from muxviz.results.group import Provenance


@dataclass(frozen=True)
class AttentionMaps:
    """Reading 1: the attention of the shared pass, one map per head for the whole group.

    maps ``[K, H, T, T]`` float32: rows (queries) sum to 1. tokens: per slot, names at T positions.
    counted ``[N, T]``: no special token, no padding. visible ``[T]``: positions attended to.
    prefix: positions before the texts. Maps of heads that were pruned away are NaN. is_numbered:
    whether heads have the numbers they had before pruning; a released pruned file does not tell
    them, then the heads that are left count from 0.
    """

    maps: np.ndarray
    tokens: tuple[tuple[str, ...], ...]
    counted: np.ndarray
    visible: np.ndarray
    prefix: int
    provenance: Provenance
    is_numbered: bool = True

    @property
    def is_kept(self) -> np.ndarray:
        """``[K, H]`` bool: heads that were not pruned away."""
        return np.asarray(~np.isnan(self.maps[:, :, 0, 0]))

    @property
    def layer_entropy(self) -> np.ndarray:
        """``[K]`` mean ``entropy`` of the heads that a layer keeps; NaN for one without any."""
        return kept_mean(self.entropy, axis=1)

    @property
    def entropy_nats(self) -> np.ndarray:
        """``[K, H]`` entropy of a query's attention, mean over visible queries: 0 to ln T."""
        seen = np.asarray(self.maps, dtype=np.float64)[:, :, self.visible]
        logs = np.log(np.where(seen > 0, seen, 1.0))
        return np.asarray(-(seen * logs).sum(axis=-1).mean(axis=-1))

    @property
    def entropy(self) -> np.ndarray:
        """``[K, H]`` the same as a share of ln T (T visible positions): 0 one position, 1 all."""
        count = int(self.visible.sum())
        most = np.log(count) if count > 1 else np.nan
        return np.asarray(self.entropy_nats / most)


@dataclass(frozen=True)
class InstanceAttention:
    """The contextual multiplexer's attention across instances: the only real N x N attention.

    maps ``[T, H, N, N]`` float32: at every position, rows are the slot that asks (its sum is 1),
    columns the slot it takes from. tokens, counted, prefix: as in ``AttentionMaps``.
    """

    maps: np.ndarray
    tokens: tuple[tuple[str, ...], ...]
    counted: np.ndarray
    prefix: int
    provenance: Provenance


@dataclass(frozen=True)
class SlotPairs:
    """Reading 2: attention logits of the first layer as a sum over pairs of slots.

    queries, keys ``[H, N + 1, T, D / H]`` float64: part N + 1 holds what no sentence brings
    (positions, biases). The map of a pair is ``queries[h, i] @ keys[h, j].T``; over all pairs they
    add up to the logits. shares ``[H, N + 1, N + 1]``: of the absolute maps, sum 1; rows are the
    slot in the query, columns the slot in the key. shares_seen: the same after each map's row mean
    over keys is taken out, which the softmax cannot see. residual: largest difference of the sum
    from the logits computed at once, relative to the largest logit. tokens and the rest: as in
    ``AttentionMaps``; heads that were pruned away are NaN.
    """

    queries: np.ndarray
    keys: np.ndarray
    shares: np.ndarray
    shares_seen: np.ndarray
    residual: float
    tokens: tuple[tuple[str, ...], ...]
    counted: np.ndarray
    visible: np.ndarray
    prefix: int
    provenance: Provenance
    is_numbered: bool = True

    @property
    def is_kept(self) -> np.ndarray:
        """``[H]`` bool: heads that were not pruned away."""
        return np.asarray(~np.isnan(self.queries[:, 0, 0, 0]))

    def pair(self, head: int, query: int, key: int) -> np.ndarray:
        """``[T, T]`` part of the logits of one head; slot N is the part of no sentence."""
        return np.asarray(self.queries[head, query] @ self.keys[head, key].T)

    def logits(self, head: int) -> np.ndarray:
        """``[T, T]`` the whole: sum over all pairs."""
        return np.asarray(self.queries[head].sum(axis=0) @ self.keys[head].sum(axis=0).T)


@dataclass(frozen=True)
class Relevance:
    """Reading 3: gradient-weighted attention, which differs by output slot.

    layers ``[N, K, T, T]`` float32: mean over the heads that are left of relu(A * df_i/dA), f_i the
    answer of slot i (``explained``), in units of f_i; NaN for a layer whose attention was pruned
    away. rollout: product of (I + layer) from the first layer to this one, less I; such a layer is
    passed by. read ``[N, T]``: weights with which the slot's answer reads positions (sum 1).
    tokens and the rest: as in ``AttentionMaps``.
    """

    layers: np.ndarray
    rollout: np.ndarray
    read: np.ndarray
    explained: tuple[Explained, ...]
    tokens: tuple[tuple[str, ...], ...]
    counted: np.ndarray
    visible: np.ndarray
    prefix: int
    provenance: Provenance

    def profile(self, layer: int) -> np.ndarray:
        """``[N, T]`` what each slot's answer gathers from each position, up to a layer."""
        return np.asarray(np.einsum("nt,nts->ns", self.read, self.rollout[:, layer]))

    def likeness(self, layer: int) -> np.ndarray:
        """``[N, N]`` cosine of the slots' rollouts: 1 where two slots look alike."""
        flat = self.rollout[:, layer].reshape(len(self.rollout), -1).astype(np.float64)
        length = np.linalg.norm(flat, axis=1)
        products = flat @ flat.T
        scale = np.outer(length, length)
        return np.divide(products, scale, out=np.full(products.shape, np.nan), where=scale > 0)


@dataclass(frozen=True)
class HeadEffects:
    """What the answers lose when one head's output is set to zero.

    divergence ``[N, K, H]``: Jensen-Shannon divergence of the slot's answer from the whole model's,
    nats, 0 to ln 2; mean over counted tokens; NaN for a score. change ``[N, K, H]``: of the number
    ``explained`` (a margin, or the score), signed. labels: classes that could be explained instead,
    empty for a vocabulary or a score. words: per slot, the tokens that have an answer of their own;
    empty where the whole text has one. Both numbers are NaN for heads that were pruned away.
    is_numbered: as in ``AttentionMaps``.
    """

    divergence: np.ndarray
    change: np.ndarray
    explained: tuple[Explained, ...]
    labels: tuple[str, ...]
    words: tuple[tuple[str, ...], ...]
    provenance: Provenance
    is_numbered: bool = True

    @property
    def is_kept(self) -> np.ndarray:
        """``[K, H]`` bool: heads that were not pruned away."""
        return np.asarray(~np.isnan(self.change).all(axis=0))

    def effect(self, slot: int, by: str = "margin") -> np.ndarray:
        """``[K, H]`` absolute change of the margin (``"margin"``) or the divergence (``"js"``); NaN
        for heads that were pruned away.

        Where an answer is sure, its probabilities hardly move and the margin tells more.

        Raises:
            InputError: another ``by``. NotApplicable: a score has no divergence.
        """
        if by not in ("margin", "js"):
            raise InputError(f"got by={by!r}; choose margin or js")
        if by == "margin":
            return np.asarray(np.abs(self.change[slot]))
        if self.is_kept.any() and np.isnan(self.divergence[slot]).all():
            raise NotApplicable("not applicable: a score has no probabilities that could diverge")
        return np.asarray(self.divergence[slot])

    def ranking(self, slot: int, by: str = "margin") -> list[tuple[int, int]]:
        """(layer, head) of what is left, from the largest effect on a slot; ties in order."""
        effect = self.effect(slot, by)
        order = np.argsort(-effect.ravel(), kind="stable")[: int(self.is_kept.sum())]
        return [(int(n) // effect.shape[1], int(n) % effect.shape[1]) for n in order]


def positive_shares(amounts: np.ndarray) -> np.ndarray:
    """``[..., P, P]`` amounts as shares of their last two axes."""
    flat = amounts.reshape(*amounts.shape[:-2], -1)
    return shares_of(flat).reshape(amounts.shape)

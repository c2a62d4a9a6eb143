"""Activation norms and attention entropy by layer: the "Muxology" views of MUX-PLM (section 5 of
arXiv 2302.12441; the measures are those of the released trainer), over checkpoints of several N.

Differs from upstream: padding that no text reaches is left out, and entropy is also given as a
share of its maximum, because groups of more texts are longer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.bootstrap import bootstrap_ratio
from muxviz.analysis.groups.draws import (
    Batch,
    Progress,
    batches,
    origin_of,
    pool_groups,
    until_stopped,
)
from muxviz.analysis.groups.heads import by_head
from muxviz.analysis.groups.layer_states import LayerPass, layer_pass, level_names, need_texts
from muxviz.batch import Seating
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.estimates import Estimates, kept_mean
from muxviz.results.layers import LayerNorms


def layer_norms(
    checkpoint: Checkpoint,
    texts: Sequence[str],
    *,
    draws: int = 32,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> LayerNorms:
    """Sizes of the states at every level and entropy of every layer's attention. One pass a group.

    Of a pruned model: sizes over the dimensions that are left, entropy over the heads that are
    left, NaN where a layer attends no more.

    Args:
        checkpoint: not modified; plain models (N = 1) are measured alike.
        texts: the pool that groups are drawn from.
        draws: groups.

    Raises:
        InputError: fewer than two texts.
    """
    need_texts(texts)
    groups = pool_groups(checkpoint, texts, draws, seating)
    sums = _Sums(checkpoint, len(groups))
    for batch in until_stopped(batches(checkpoint, groups, progress)):
        sums.take(checkpoint, batch)
    done = sorted(sums.done)
    sizes, maps = sums.sizes[:, done], sums.maps[:, done]
    count = sums.positions[done][:, None]
    norm, magnitude, spread = (bootstrap_ratio(x, count, seed=seating.seed) for x in sizes)
    entropy, evenness = (_over_heads(x, count, seating.seed) for x in maps)
    read = _over_heads(sums.read[done], np.ones_like(count), seating.seed) if sums.reads else None
    return LayerNorms(
        level_names(checkpoint),
        norm,
        magnitude,
        spread,
        sums.effective_rank(),
        entropy,
        evenness,
        maps[1].sum(axis=0) / count.sum(),
        int(count.sum()),
        len(groups),
        origin_of(checkpoint, groups, seating, fill="pool"),
        checkpoint.config.width,
        read,
    )


def _over_heads(values: np.ndarray, count: np.ndarray, seed: int) -> Estimates:
    """Ratios ``[K]`` of the heads' means, from sums ``[M, K, H]``; NaN where no head is left."""
    means = kept_mean(values, axis=-1)
    attends = ~np.isnan(means[0])
    spread = np.full((3, len(attends)), np.nan)
    if attends.any():
        found = bootstrap_ratio(means[:, attends], count, seed=seed)
        spread[:, attends] = found.mean, found.low, found.high
    mean, low, high = spread
    return Estimates(mean, low, high, len(values), seed)


class _Sums:
    """Sums over positions, per group; covariances over all of them.

    sizes: ``[3, M, S]`` of L2 norm, mean |activation|, standard deviation. maps: ``[2, M, K, H]``
    of entropy in nats, and as a share of its maximum; NaN for heads that were pruned away. read:
    ``[M, K, H]`` of that share at the query that the answer is read from, where there is one.
    """

    def __init__(self, checkpoint: Checkpoint, groups: int) -> None:
        shape = checkpoint.config.shape
        levels = shape.num_hidden_layers + 1
        self.sizes = np.zeros((3, groups, levels))
        self.maps = np.zeros((2, groups, levels - 1, shape.num_attention_heads))
        self.read = np.zeros((groups, levels - 1, shape.num_attention_heads))
        self.reads = checkpoint.config.read_position is not None
        self.positions = np.zeros(groups)
        self.first: list[Tensor | float] = [0.0] * levels
        self.second: list[Tensor | float] = [0.0] * levels
        self.done: list[int] = []

    @torch.inference_mode()
    def take(self, checkpoint: Checkpoint, batch: Batch) -> None:
        """Add the groups of a batch."""
        passed, numbers = layer_pass(checkpoint, batch), batch.numbers
        weights = passed.reached.double()
        self.positions[numbers] = weights.sum(dim=1).cpu().numpy()
        for level, state in enumerate(passed.states):
            sizes = state.norm(dim=-1), state.abs().mean(dim=-1), state.std(dim=-1, correction=0)
            for k, values in enumerate(sizes):
                self.sizes[k, numbers, level] = (values * weights).sum(dim=1).cpu().numpy()
            x = state[passed.reached].double()
            self.first[level] = self.first[level] + x.sum(dim=0)
            self.second[level] = self.second[level] + x.T @ x
        for layer in range(len(passed.states) - 1):
            entropy = _entropy(checkpoint, passed, layer)
            room = np.log(_visible(passed))[:, None]
            summed = (entropy * weights[:, None]).sum(dim=-1).cpu().numpy()
            for part, values in enumerate((summed, _share(summed, room))):
                spread = by_head(checkpoint.config, layer, values, axis=1)
                self.maps[part, numbers, layer] = spread
            if self.reads:
                at = entropy[..., checkpoint.config.read_position].cpu().numpy()
                spread = by_head(checkpoint.config, layer, _share(at, room), axis=1)
                self.read[numbers, layer] = spread
        self.done += numbers

    def effective_rank(self) -> np.ndarray:
        """(tr C)^2 / tr C^2 of each level's covariance C, ``[S]``; NaN where nothing varies."""
        count, ranks = self.positions.sum(), []
        for first, second in zip(self.first, self.second, strict=True):
            mean = torch.as_tensor(first) / count
            covariance = torch.as_tensor(second) / count - torch.outer(mean, mean)
            size = float(covariance.diagonal().sum())
            ranks.append(size**2 / float((covariance**2).sum()) if size > 1e-12 else np.nan)
        return np.array(ranks)


def _share(entropy: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Entropy as a share of its maximum; 0 where there is one position only."""
    return np.divide(entropy, room, out=np.zeros_like(entropy), where=room > 0)


def _entropy(checkpoint: Checkpoint, passed: LayerPass, layer: int) -> Tensor:
    """Of every attention row, nats: ``[B, H, T]``, H the heads that are left."""
    model = checkpoint.model
    weights = model.encoder.attention(layer, passed.states[layer], passed.attention_mask).double()
    return -torch.xlogy(weights, weights).sum(dim=-1)


def _visible(passed: LayerPass) -> np.ndarray:
    """Positions that attention can see, ``[B]``."""
    length = passed.states[0].shape[1]
    if passed.attention_mask is None:
        return np.full(len(passed.states[0]), float(length))
    return (passed.attention_mask[:, 0, 0] == 0).sum(dim=-1).cpu().numpy().astype(np.float64)

"""Reading 2 of attention: the first layer's logits, split exactly into pairs of slots.

For a multiplexer that is a sum over slots, everything up to the logits of layer 1 is affine once
the norm's mean and deviation are taken as they are: h = sum_i a_i + a_0, and each logit is
sum_ij (a_i W_Q)(a_j W_K)^T / sqrt(d). Left out: mask, softmax, deeper layers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.heads import by_head
from muxviz.analysis.groups.one_group import Entered, enter
from muxviz.analysis.groups.parts import multiplexer_name
from muxviz.batch import Row, Seating
from muxviz.engine.guard import memory_guard
from muxviz.errors import NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.claims import offers
from muxviz.model.multiplexer import ContextualMultiplexer, CrossInstanceMultiplexer
from muxviz.results.attention import SlotPairs, positive_shares

CELLS = 262_144  # numbers of the maps held at once: they stay in a processor's cache


def slot_pairs(
    checkpoint: Checkpoint, rows: Sequence[Row], *, seating: Seating = Seating()
) -> SlotPairs:
    """First-layer attention logits as (N + 1)^2 maps per head, one per pair of slots.

    The mixture is a sum of one part per slot. The layer norm behind it, with the mean and the
    deviation it really has, is affine, and so is everything up to the logits. Computed in float64
    from the stored weights. Before the mask and the softmax: what it does not show is how the parts
    compete there. Heads that were pruned away are NaN.

    Raises:
        NotApplicable: a plain model; a multiplexer that is not a sum over slots; a first layer
            whose attention was pruned away.
    """
    config = checkpoint.config
    if not config.is_multiplexed:
        raise NotApplicable("not applicable: a plain model has one sentence, there is no pair")
    if type(checkpoint.model.multiplexer) in (ContextualMultiplexer, CrossInstanceMultiplexer):
        raise NotApplicable(
            f"not applicable: {multiplexer_name(checkpoint)} lets sentences look at each other, so "
            "its mixture is not a sum of one part per sentence"
        )
    if not offers(checkpoint.model.multiplexer, "parts"):
        raise NotApplicable(
            f"not applicable: {multiplexer_name(checkpoint)} is not known to add up one part per "
            "sentence and nothing else, so its mixture is not split"
        )
    if not config.kept.layers[0].heads:
        raise NotApplicable(
            "not applicable: layer 1 no longer attends, its attention block was pruned away, so "
            "there are no logits to split"
        )
    entered = enter(checkpoint, rows, seating, answer=False)
    with torch.inference_mode(), memory_guard(checkpoint):
        parts = entering_parts(entered)
        own: Any = checkpoint.model.encoder.layers[0]
        own = own.attention.self
        shape = (*parts.shape[:2], -1, own.attention_head_size)
        scale = own.scaling**0.5
        query, key = (
            _project(linear, parts).view(shape) * scale for linear in (own.query, own.key)
        )
        queries = query.permute(2, 0, 1, 3).contiguous()
        keys = key.permute(2, 0, 1, 3).contiguous()
        whole = [_project(linear, parts.sum(dim=0)) for linear in (own.query, own.key)]
        visible = torch.from_numpy(entered.visible()).to(parts.device)
        amounts, seen, residual = _amounts(queries, keys, visible, whole, own)
    return SlotPairs(
        by_head(config, 0, queries.cpu().numpy()),
        by_head(config, 0, keys.cpu().numpy()),
        by_head(config, 0, positive_shares(amounts)),
        by_head(config, 0, positive_shares(seen)),
        residual,
        entered.tokens,
        entered.counted,
        entered.visible(),
        entered.prepared.prefix,
        entered.provenance,
        config.kept.is_numbered,
    )


def entering_parts(entered: Entered) -> Tensor:
    """Input of the first layer as N + 1 parts that add up to it: ``[N + 1, T, D]`` float64."""
    model, config = entered.checkpoint.model, entered.checkpoint.config
    of_slots = _mixture_parts(entered)  # [N, T, E]
    length = entered.length
    offset = 2 if config.backbone == "roberta" else 0
    table: Any = model.embeddings
    places = table.position_embeddings.weight[offset : offset + length].double()
    rest = places + table.token_type_embeddings.weight[0].double()
    norm = table.LayerNorm
    total = of_slots.sum(dim=0) + rest
    deviation = (total.var(dim=-1, unbiased=False, keepdim=True) + norm.eps).sqrt()
    weight, bias = norm.weight.double(), norm.bias.double()
    parts = torch.cat([of_slots, rest[None]])
    parts = (parts - parts.mean(dim=-1, keepdim=True)) / deviation * weight
    parts[-1] += bias
    if config.shape.embedding_size != config.shape.hidden_size:
        parts = _project(model.embedding_projection, parts)
    return parts


def _mixture_parts(entered: Entered) -> Tensor:
    """What every slot brings to the mixture, ``[N, T, E]`` float64."""
    multiplexer: Any = entered.checkpoint.model.multiplexer
    embeddings = entered.embeddings[0].double()
    if entered.hide:
        embeddings = embeddings * entered.prepared.mask[0, ..., None].double()
    parts: Tensor = multiplexer.parts(embeddings)
    return parts


def _project(linear: Any, parts: Tensor) -> Tensor:
    """A linear layer in float64; of N + 1 parts only the last one gets the bias."""
    out = parts @ linear.weight.double().T
    if out.dim() == 2:
        return out + linear.bias.double()
    out[-1] += linear.bias.double()
    return out


def _amounts(
    queries: Tensor, keys: Tensor, visible: Tensor, whole: list[Tensor], own: Any
) -> tuple[np.ndarray, np.ndarray, float]:
    """Absolute maps summed over visible positions, raw and less row means, and the residual.

    Some slots of one head at a time: of ``[N + 1, N + 1, T, T]`` only ``CELLS`` numbers are held.
    """
    heads, slots, length = queries.shape[:3]
    shape = (len(whole[0]), heads, own.attention_head_size)
    query, key = (w.view(shape).transpose(0, 1) for w in whole)
    raw, seen = queries.new_empty(2, heads, slots, slots)
    step, sees_all = max(1, CELLS // (slots * length**2)), bool(visible.all())
    worst = 0.0
    for head in range(heads):
        total = queries.new_zeros(length, length)
        for start in range(0, slots, step):
            some = slice(start, start + step)
            maps = queries[head, some, None] @ keys[head].transpose(-1, -2)
            total += maps.sum(dim=(0, 1))
            if not sees_all:
                maps = maps[:, :, visible][..., visible]
            raw[head, some] = maps.abs().sum(dim=(-1, -2))
            maps -= maps.mean(dim=-1, keepdim=True)
            seen[head, some] = maps.abs_().sum(dim=(-1, -2))
        logits = query[head] @ key[head].T * own.scaling
        largest = float(logits.abs().max()) or 1.0
        worst = max(worst, float((total - logits).abs().max()) / largest)
    return raw.cpu().numpy(), seen.cpu().numpy(), worst

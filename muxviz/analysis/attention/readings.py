"""Per-slot attention, honestly: the group has one attention map per head, and three readings of it.

1. ``attention_maps``: the map itself, and its entropy. ``instance_attention``: where the
   multiplexer is contextual, its real attention across instances.
2. ``slot_pairs``: the exact split of the first layer's logits into pairs of slots.
3. ``relevance``: weighted by the gradient of one slot's answer, so that it differs by slot.

``head_effects`` says which heads an answer needs. Nothing is hooked or changed; gradients are taken
through ``eager``, with respect to the maps. Attention is not an explanation of an answer by itself:
values and everything behind the map are in readings 1 and 2 left out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.attention.eager import (
    attend,
    contextual_states,
    silence_heads,
    states_and_maps,
)
from muxviz.analysis.groups.draws import Progress, distributions, jensen_shannon
from muxviz.analysis.groups.heads import NO_HEADS, by_head
from muxviz.analysis.groups.one_group import (
    Entered,
    Measure,
    Target,
    answered_words,
    enter,
    explained,
    label_names,
    measure_of,
)
from muxviz.analysis.groups.parts import multiplexer_name
from muxviz.batch import Row, Seating
from muxviz.engine.guard import memory_guard, need_finite
from muxviz.errors import NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.claims import offers
from muxviz.model.meaning import meaning
from muxviz.model.multiplexer import ContextualMultiplexer
from muxviz.results.attention import (
    AttentionMaps,
    HeadEffects,
    InstanceAttention,
    Relevance,
)

# ---- reading 1 ----------------------------------------------------------------------------------


def attention_maps(
    checkpoint: Checkpoint, rows: Sequence[Row], *, seating: Seating = Seating()
) -> AttentionMaps:
    """Every layer's and head's attention for a group; plain models too. Cost: one traced pass.

    Args:
        checkpoint: not modified. Heads that were pruned away are NaN under their own numbers.
        rows: one to N rows.

    Raises:
        InputError and its kinds. NotApplicable: no layer attends any more.
    """
    model, config = checkpoint.model, checkpoint.config
    if not any(layer.heads for layer in config.kept.layers):
        raise NotApplicable(NO_HEADS)
    entered = enter(checkpoint, rows, seating, answer=False)
    with torch.inference_mode(), memory_guard(checkpoint):
        entry = model.walk(
            entered.prepared, embeddings=entered.embeddings, hide_padding=entered.hide
        )
        states = model.encoder.all_states(entry.hidden, entry.mask)
        need_finite(checkpoint, *states, what="states")
        maps = [
            by_head(config, k, model.encoder.attention(k, h, entry.mask)[0].float().cpu().numpy())
            for k, h in enumerate(states[:-1])
        ]
    return AttentionMaps(
        np.stack(maps),
        entered.tokens,
        entered.counted,
        entered.visible(),
        entered.prepared.prefix,
        entered.provenance,
        config.kept.is_numbered,
    )


def instance_attention(
    checkpoint: Checkpoint, rows: Sequence[Row], *, seating: Seating = Seating()
) -> InstanceAttention:
    """The contextual multiplexer's attention across instances at every position.

    Raises:
        NotApplicable: any other multiplexer adds its instances up without looking.
    """
    multiplexer = checkpoint.model.multiplexer
    if type(multiplexer) is not ContextualMultiplexer:
        does = "adds them up without looking" if offers(multiplexer, "parts") else "is another"
        raise NotApplicable(
            "not applicable: only the contextual multiplexer has attention across sentences that "
            f"is known here; {multiplexer_name(checkpoint)} {does}"
        )
    entered = enter(checkpoint, rows, seating, answer=False)
    with torch.inference_mode(), memory_guard(checkpoint):
        across, mask = contextual_states(multiplexer, entered.embeddings, entered.prepared.mask)
        maps, _ = attend(multiplexer.instance_layer, across, mask)
    return InstanceAttention(
        maps.float().cpu().numpy(),
        entered.tokens,
        entered.counted,
        entered.prepared.prefix,
        entered.provenance,
    )


# ---- reading 3 ----------------------------------------------------------------------------------


def relevance(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Relevance:
    """Attention weighted by the gradient of each slot's answer (Chefer et al. 2021), by slot.

    f_i is the margin of slot i's answer over its runner-up (its score in a regression). Positive
    parts only, mean over the heads there are: what argues against the answer is not in it. A layer
    whose attention was pruned away is passed by.

    Args:
        progress: called with (slots done, N); may raise Stopped.

    Raises:
        InputError and its kinds; Stopped. NotApplicable: no layer attends any more.

    Cost: one forward, N backward passes of one sequence.
    """
    kept = checkpoint.config.kept.layers
    attending = [k for k, layer in enumerate(kept) if layer.heads]
    if not attending:
        raise NotApplicable(NO_HEADS)
    entered = enter(checkpoint, rows, seating)
    num = entered.embeddings.shape[1]
    layers = entered.embeddings.new_full(
        (num, len(kept), entered.length, entered.length), float("nan"), dtype=torch.float64
    )
    with memory_guard(checkpoint):
        leaf = entered.embeddings.clone().requires_grad_(True)
        states, maps = states_and_maps(entered, leaf)
        logits = checkpoint.model.answer(states[-1], entered.prepared).logits
        measures = measures_of(entered)
        for slot, measure in enumerate(measures):
            if progress is not None:
                progress(slot, num)
            slopes = torch.autograd.grad(
                measure.of(logits).sum(),
                [maps[k] for k in attending],
                retain_graph=slot + 1 < num,
            )
            for k, slope in zip(attending, slopes, strict=True):
                layers[slot, k] = (maps[k].detach() * slope).clamp(min=0).mean(dim=1)[0]
    if progress is not None:
        progress(num, num)
    return Relevance(
        layers.float().cpu().numpy(),
        _rollout(layers.nan_to_num()).float().cpu().numpy(),
        read_weights(entered, measures),
        tuple(explained(entered, Target(i), m) for i, m in enumerate(measures)),
        entered.tokens,
        entered.counted,
        entered.visible(),
        entered.prepared.prefix,
        entered.provenance,
    )


def _rollout(layers: Tensor) -> Tensor:
    """``[N, K, T, T]`` -> product of (I + layer) from the first to each, less I."""
    one = torch.eye(layers.shape[-1], dtype=layers.dtype, device=layers.device)
    out, product = [], one.expand(len(layers), -1, -1)
    for k in range(layers.shape[1]):
        product = product + layers[:, k] @ product
        out.append(product - one)
    return torch.stack(out, dim=1)


def measures_of(entered: Entered) -> list[Measure]:
    """Each slot's answer against its runner-up."""
    return [measure_of(entered, Target(slot)) for slot in range(entered.embeddings.shape[1])]


def read_weights(entered: Entered, measures: Sequence[Measure]) -> np.ndarray:
    """``[N, T]`` with what weight each answer reads each position; rows sum to 1."""
    config = entered.checkpoint.config
    out = np.zeros(entered.prepared.ids.shape[1:])
    prefix = entered.prepared.prefix
    for slot, measure in enumerate(measures):
        if not config.answers_texts:
            out[slot, prefix + measure.places.cpu().numpy()] = 1.0
        elif config.readout == "mean":
            out[slot, prefix:] = entered.prepared.mask[0, slot, prefix:].cpu().numpy()
        else:
            out[slot, max(prefix - 1, 0)] = 1.0
    return out / np.maximum(out.sum(axis=1, keepdims=True), 1e-12)


# ---- heads --------------------------------------------------------------------------------------


def head_effects(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> HeadEffects:
    """Set one head's output to zero at a time and answer again.

    Zero is not a neutral output of a head: what is measured is the loss of all it writes, also of
    what it writes whatever the texts are. Heads that were pruned away have no effect to measure:
    NaN.

    Args:
        progress: called with (layers done, K); may raise Stopped.

    Raises:
        InputError and its kinds; Stopped.

    Cost: layers x heads passes of one sequence, each from its layer on.
    """
    entered = enter(checkpoint, rows, seating)
    model, measures = checkpoint.model, measures_of(entered)
    layers: list[Any] = list(model.encoder.layers)
    heads = checkpoint.config.shape.num_attention_heads
    found = np.full((2, len(measures), len(layers), heads), np.nan)  # divergence, change
    with torch.no_grad(), memory_guard(checkpoint):
        states, _ = states_and_maps(entered, entered.embeddings)
        mask = model.encoder_mask(entered.prepared.mask, states[0].dtype, hide_padding=entered.hide)
        base = model.answer(states[-1], entered.prepared).logits
        judge = _judge(entered, base, measures)
        for k, layer in enumerate(layers):
            if progress is not None:
                progress(k, len(layers))
            if not layer.has_attention:
                continue
            hidden = silence_heads(layer, states[k], mask)
            for later in layers[k + 1 :]:
                hidden = later(hidden, mask)
            for part, values in enumerate(
                judge(model.answer(hidden, entered.repeated(len(hidden))).logits)
            ):
                found[part, :, k] = by_head(checkpoint.config, k, values, axis=1)
    if progress is not None:
        progress(len(layers), len(layers))
    return HeadEffects(
        found[0],
        found[1],
        tuple(explained(entered, Target(i), m) for i, m in enumerate(measures)),
        label_names(checkpoint),
        answered_words(entered),
        entered.provenance,
        checkpoint.config.kept.is_numbered,
    )


def _judge(
    entered: Entered, base: Tensor, measures: Sequence[Measure]
) -> Callable[[Tensor], tuple[np.ndarray, np.ndarray]]:
    """Logits ``[B, N, ...]`` -> divergence and change from the base answer, ``[N, B]`` each."""
    checkpoint, group = entered.checkpoint, entered.group
    has_rivals = meaning(checkpoint.config).has_rivals
    as_numpy = base.to("cpu", torch.float64).numpy()
    whole = None if not has_rivals else distributions(checkpoint, [group], list(as_numpy))
    start = torch.cat([measure.of(base) for measure in measures])

    def judge(logits: Tensor) -> tuple[np.ndarray, np.ndarray]:
        moved = torch.stack([measure.of(logits) for measure in measures]) - start[:, None]
        change = moved.to("cpu", torch.float64).numpy()
        if whole is None:
            return np.full(change.shape, np.nan), change
        values = list(logits.to("cpu", torch.float64).numpy())
        found = distributions(checkpoint, [group] * len(values), values)
        apart = jensen_shannon(found.p, whole.p)  # [B, N, U]
        weights = whole.counted / np.maximum(whole.counted.sum(axis=-1, keepdims=True), 1)
        return (apart * weights).sum(axis=-1).T, change

    return judge

"""The encoder written out step by step, where analyses need what SDPA does not hand over.

Same weights and same numbers as the model's own pass (a test bounds the difference by 1e-5), but
attention maps are part of the graph, heads can be silenced, and forward-mode derivatives exist.
No hooks, no change of mode: the shared model is only read.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from muxviz.analysis.groups.one_group import Entered
from muxviz.model.encoder import additive_mask
from muxviz.model.multiplexer import ContextualMultiplexer, CrossInstanceMultiplexer
from muxviz.model.mux_model import PreparedInput


def attend(layer: Any, hidden: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Attention maps ``[B, H, T, T]`` and values ``[B, H, T, d]`` of a layer that attends.

    H are the heads that pruning left, d the numbers of one head.
    """
    own = layer.attention.self
    shape = (*hidden.shape[:-1], -1, own.attention_head_size)
    query, key, value = (
        part(hidden).view(shape).transpose(1, 2) for part in (own.query, own.key, own.value)
    )
    scores = query @ key.transpose(-1, -2) * own.scaling
    return torch.softmax(scores if mask is None else scores + mask, dim=-1), value


def finish(layer: Any, hidden: Tensor, context: Tensor) -> Tensor:
    """The rest of the layer from its input and the heads' outputs ``[B, H, T, d]``."""
    joined = context.transpose(1, 2).flatten(2)
    out: Tensor = layer.feed_forward(layer.attention.output(joined, hidden))
    return out


def run_layer(layer: Any, hidden: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Output ``[B, T, D]`` and attention maps ``[B, H, T, T]`` of one encoder layer.

    H is 0 where pruning took the attention block.
    """
    if not layer.has_attention:
        batch, length = hidden.shape[:2]
        return layer.feed_forward(hidden), hidden.new_zeros(batch, 0, length, length)
    maps, value = attend(layer, hidden, mask)
    return finish(layer, hidden, maps @ value), maps


def silence_heads(layer: Any, hidden: Tensor, mask: Tensor | None) -> Tensor:
    """H outputs of a layer that attends, each with one kept head silenced:
    ``[1, T, D] -> [H, T, D]``.
    """
    maps, value = attend(layer, hidden, mask)
    heads = maps.shape[1]
    keep = 1 - torch.eye(heads, dtype=hidden.dtype, device=hidden.device)
    context = (maps @ value).expand(heads, -1, -1, -1) * keep[:, :, None, None]
    return finish(layer, hidden.expand(heads, -1, -1), context)


def mix(entered: Entered, embeddings: Tensor, prepared: PreparedInput) -> Tensor:
    """``model.mix`` with the multiplexer's own layers written out: ``[B, T, E]``."""
    multiplexer = entered.checkpoint.model.multiplexer
    batch, num, length, width = embeddings.shape
    if type(multiplexer) is ContextualMultiplexer:
        across, mask = contextual_states(multiplexer, embeddings, prepared.mask)
        mixed = run_layer(multiplexer.instance_layer, across, mask)[0] + across
        return mixed.mean(dim=1).view(batch, length, width)
    if type(multiplexer) is CrossInstanceMultiplexer:
        marked = embeddings * multiplexer.instance_embedding[:, None, :]
        rows = run_layer(multiplexer.layer, marked.reshape(batch * num, length, width), None)[0]
        linear: Any = multiplexer.cross_linear
        cross = torch.nn.functional.gelu(linear(marked.mean(dim=1)))
        mean = rows.view(batch, num, length, width).mean(dim=1)
        return mean + multiplexer.cross_layer_norm(cross)
    return entered.checkpoint.model.mix(embeddings, prepared.mask, hide_padding=entered.hide)


def contextual_states(
    multiplexer: ContextualMultiplexer, embeddings: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Input ``[B * T, N, E]`` of the layer across instances, and its mask."""
    batch, num, length, width = embeddings.shape
    rows = embeddings.reshape(batch * num, length, width)
    token_mask = additive_mask(mask.reshape(batch * num, length), rows.dtype)
    contextual = run_layer(multiplexer.token_layer, rows, token_mask)[0] + rows
    marked = contextual.view(batch, num, length, width) * multiplexer.instance_embedding[:, None, :]
    across = marked.transpose(1, 2).reshape(batch * length, num, width)
    if not multiplexer.hides_padded_instances:
        return across, None
    seen = mask.transpose(1, 2).reshape(batch * length, num)
    return across, additive_mask(seen, rows.dtype)


def states_and_maps(entered: Entered, embeddings: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Input of layer 1 and every layer's output ``[B, T, D]``, and every layer's maps."""
    model = entered.checkpoint.model
    prepared = entered.repeated(len(embeddings))
    mixture = mix(entered, embeddings, prepared)
    entry = model.walk(prepared, mixture=mixture, hide_padding=entered.hide)
    states, maps = [entry.hidden], []
    for layer in model.encoder.layers:
        out, attention = run_layer(layer, states[-1], entry.mask)
        states.append(out)
        maps.append(attention)
    return states, maps

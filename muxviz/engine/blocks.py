"""The encoder of a packed model run as what it is: N narrow encoders side by side.

A packed model (docs/packing.md) is block-diagonal: every slot has a chunk of the width, and no
weight leads from one chunk into another. Whether that holds is read from the weights, not from a
card; where it does, the N blocks are multiplied and the zeros between them are not. Layer norms go
over the whole width, as ever, so the numbers are the same up to rounding.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from muxviz.model.encoder import Added, EncoderLayer
from muxviz.model.mux_model import MuxModel


def block_model(model: MuxModel) -> MuxModel | None:
    """The same model with an encoder that skips its zeros; None where it is not block-diagonal.

    Embeddings, demultiplexer and heads are the given model's own, not copies.
    """
    num = model.config.num_instances
    if num == 1:
        return None
    layers = []
    for layer in model.encoder.layers:
        found = block_layer(layer, num)  # type: ignore[arg-type]
        if found is None:
            return None
        layers.append(found)
    skipping = copy.copy(model)
    skipping._modules = {**model._modules, "encoder": BlockEncoder(layers)}
    return skipping


class BlockEncoder(nn.Module):
    """What ``muxviz.model.fast`` asks of an encoder, of block-diagonal layers."""

    def __init__(self, layers: list[BlockLayer]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Last hidden state ``[B, T, D]`` from the first layer's input ``[B, T, D]``."""
        return self.states_at(hidden, mask, slice(None))

    def states_at(self, hidden: Tensor, mask: Tensor | None, positions: slice) -> Tensor:
        """Last hidden state of some positions only, ``[B, T', D]``."""
        asked = [slice(None)] * (len(self.layers) - 1) + [positions]
        for layer, at in zip(self.layers, asked, strict=True):
            hidden = layer(hidden, mask, at)
        return hidden


@dataclass(frozen=True)
class Blocks:
    """One half of a layer in N blocks of c dimensions: ``[N, c, K]`` in, ``[N, K, c]`` out."""

    into: Tensor
    bias: Tensor  # [N, 1, K]
    out: Tensor

    def entered(self, states: Tensor, span: slice = slice(None)) -> Tensor:
        """``[B, T, D] -> [N, B T, K']``, of some of the K only."""
        num, width, _ = self.into.shape
        chunks = states[..., : num * width].reshape(-1, num, width).transpose(0, 1)
        return torch.baddbmm(self.bias[..., span], chunks, self.into[..., span])

    def left(self, inner: Tensor, before: Tensor, added: Added) -> Tensor:
        """Add what ``inner [N, B T, K]`` gives to where the half began, and norm ``[B, T, D]``."""
        num, width, _ = self.into.shape
        total = before + added.dense.bias
        chunks = total[..., : num * width].view(-1, num, width)
        chunks += torch.bmm(inner, self.out).transpose(0, 1)
        normed: Tensor = added.LayerNorm(total)
        return normed


class BlockLayer(nn.Module):
    """An encoder layer of N blocks: ``[B, T, D] -> [B, T', D]``."""

    def __init__(self, layer: EncoderLayer, heads: Blocks | None, units: Blocks | None) -> None:
        super().__init__()
        self.layer, self.heads, self.units = layer, heads, units

    def forward(self, hidden: Tensor, mask: Tensor | None, positions: slice) -> Tensor:
        layer: Any = self.layer
        asking = hidden[:, positions]
        if self.heads is not None:
            context = self._context(self.heads, hidden, asking, mask)
            asking = self.heads.left(context, asking, layer.attention.output)
        if self.units is not None:
            inner = layer.intermediate.activation(self.units.entered(asking))
            asking = self.units.left(inner, asking, layer.output)
        return asking

    def _context(
        self, heads: Blocks, hidden: Tensor, asking: Tensor, mask: Tensor | None
    ) -> Tensor:
        """What the heads hand on, ``[N, B T', h s]``."""
        layer: Any = self.layer
        size, own = layer.attention.self.attention_head_size, heads.out.shape[1]
        batch, num = len(hidden), len(heads.into)

        def by_head(found: Tensor) -> Tensor:
            return found.view(num * batch, -1, found.shape[-1] // size, size).transpose(1, 2)

        if asking.shape == hidden.shape:
            query, key, value = by_head(heads.entered(hidden)).chunk(3, dim=1)
        else:
            query = by_head(heads.entered(asking, slice(own)))
            key, value = by_head(heads.entered(hidden, slice(own, None))).chunk(2, dim=1)
        every = None if mask is None else mask.repeat(num, 1, 1, 1)
        scale = layer.attention.self.scaling
        context = scaled_dot_product_attention(query, key, value, every, scale=scale)
        return context.transpose(1, 2).reshape(num, -1, own)


def block_layer(layer: EncoderLayer, num: int) -> BlockLayer | None:
    """A layer in ``num`` blocks of ``D // num`` dimensions; None where a weight crosses."""
    parts: Any = layer
    heads = units = None
    if layer.has_attention:
        attend, leave = parts.attention.self, parts.attention.output.dense
        heads = _blocks(
            [attend.query, attend.key, attend.value], leave, num, attend.attention_head_size
        )
        if heads is None:
            return None
    if layer.has_feed_forward:
        units = _blocks([parts.intermediate.dense], parts.output.dense, num, 1)
        if units is None:
            return None
    return BlockLayer(layer, heads, units)


def _blocks(into: list[nn.Linear], out: nn.Linear, num: int, size: int) -> Blocks | None:
    """Matrices ``[K, D]`` into and ``[D, K]`` out of a half, whose K come in units of ``size``.

    A block takes the units that touch its dimensions; blocks with fewer units than others are
    filled up with zeros.
    """
    width = out.out_features // num
    touches = sum(part.weight.ne(0) for part in into) + out.weight.t().ne(0)
    if touches[:, num * width :].any():
        return None
    chunked = touches[:, : num * width].unflatten(1, (num, width)).any(dim=2)  # [K, N]
    owners = chunked.unflatten(0, (-1, size)).any(dim=1)  # [units, N]
    if (owners.sum(dim=1) > 1).any():
        return None
    most = int(owners.sum(dim=0).max()) or 1
    weights = torch.stack([part.weight for part in into])
    biases = torch.stack([part.bias for part in into])
    entering = weights.new_zeros(num, width, len(into), most * size)
    bias = weights.new_zeros(num, 1, len(into), most * size)
    leaving = weights.new_zeros(num, most * size, width)
    for slot in range(num):
        mine = owners[:, slot].repeat_interleave(size).nonzero()[:, 0]
        span, count = slice(slot * width, (slot + 1) * width), len(mine)
        entering[slot, :, :, :count] = weights[:, mine, span].permute(2, 0, 1)
        bias[slot, 0, :, :count] = biases[:, mine]
        leaving[slot, :count] = out.weight[span, mine].t()
    return Blocks(entering.flatten(2), bias.flatten(2), leaving)

"""The encoder: BERT's layers, shared by all backbones, and the attention mask.

BERT, ELECTRA and RoBERTa encoder layers are the same computation with the same parameter names, so
one class serves all three and the multiplexers that contain a layer. They are written out here:
importing transformers' takes seconds, at each start of a command. Attention runs through SDPA;
attention maps are recomputed from a layer's input when somebody wants to see them, so no hook and
no change of mode is ever needed on a model that several sessions share.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, scaled_dot_product_attention

from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import ConfigError
from muxviz.structure import LayerStructure

HIDDEN = -10000.0  # added to the scores of hidden positions, as in the released classes


class LayerNorm(nn.LayerNorm):
    """A layer norm over as many dimensions as its weight has (pruning while training cuts it)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        return layer_norm(input, self.weight.shape, self.weight, self.bias, self.eps)


class SelfAttention(nn.Module):
    """What the heads hand on, ``[B, T, D] -> [B, T, H * size]``."""

    def __init__(self, shape: BackboneShape, width: int, heads: int, size: int) -> None:
        super().__init__()
        self.attention_head_size, self.scaling = size, size**-0.5
        self.query = nn.Linear(width, heads * size)
        self.key = nn.Linear(width, heads * size)
        self.value = nn.Linear(width, heads * size)
        self.dropout = nn.Dropout(shape.attention_probs_dropout_prob)

    def forward(self, asking: Tensor, hidden: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = (
            part(states).unflatten(-1, (-1, self.attention_head_size)).transpose(1, 2)
            for part, states in ((self.query, asking), (self.key, hidden), (self.value, hidden))
        )
        share = self.dropout.p if self.training else 0.0
        context = scaled_dot_product_attention(
            query, key, value, mask, dropout_p=share, scale=self.scaling
        )
        return context.transpose(1, 2).flatten(2)


class Added(nn.Module):
    """A projection that is added to where the block began, and normed."""

    def __init__(self, shape: BackboneShape, inner: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.LayerNorm = LayerNorm(width, eps=shape.layer_norm_eps)
        self.dropout = nn.Dropout(shape.hidden_dropout_prob)

    def forward(self, states: Tensor, before: Tensor) -> Tensor:
        out: Tensor = self.LayerNorm(self.dropout(self.dense(states)) + before)
        return out


class Attention(nn.Module):
    """The first block, ``[B, T, D] -> [B, T, D]``, or of the positions that ask only."""

    def __init__(self, shape: BackboneShape, width: int, heads: int, size: int) -> None:
        super().__init__()
        self.self = SelfAttention(shape, width, heads, size)
        self.output = Added(shape, heads * size, width)

    def forward(
        self, hidden: Tensor, mask: Tensor | None, positions: slice | None = None
    ) -> Tensor:
        asking = hidden if positions is None else hidden[:, positions]
        out: Tensor = self.output(self.self(asking, hidden, mask), asking)
        return out


class Intermediate(nn.Module):
    """The units of the second block, ``[..., D] -> [..., I]``."""

    def __init__(self, shape: BackboneShape, width: int, units: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, units)
        self.activation = activation(shape.hidden_act)

    def forward(self, states: Tensor) -> Tensor:
        out: Tensor = self.activation(self.dense(states))
        return out


class EncoderLayer(nn.Module):
    """A BERT layer with what pruning left of it: ``[B, T, D] -> [B, T, D]``.

    A block of which nothing is left (``has_attention``, ``has_feed_forward`` False) is the
    identity: neither its bias nor its norm is applied, as in the released models.
    """

    def __init__(self, shape: BackboneShape, width: int, kept: LayerStructure | None) -> None:
        super().__init__()
        whole = width if kept is None else shape.hidden_size
        size, left = divmod(whole, shape.num_attention_heads)
        if left:
            raise ConfigError(
                f"{shape.num_attention_heads} heads cannot share {whole} dimensions equally; "
                "choose a width that is a multiple"
            )
        heads = shape.num_attention_heads if kept is None else len(kept.heads)
        units = shape.intermediate_size if kept is None else len(kept.intermediate)
        self.has_attention, self.has_feed_forward = heads > 0, units > 0
        self.attention: nn.Module = nn.Identity()
        self.intermediate: nn.Module = nn.Identity()
        self.output: nn.Module = nn.Identity()
        if heads:
            self.attention = Attention(shape, width, heads, size)
        if units:
            self.intermediate = Intermediate(shape, width, units)
            self.output = Added(shape, units, width)

    def forward(
        self, hidden: Tensor, mask: Tensor | None = None, positions: slice | None = None
    ) -> Tensor:
        """The layer's output, or that of some ``positions`` only, ``[B, T', D]``."""
        if self.has_attention:
            hidden = self.attention(hidden, mask, positions)
        elif positions is not None:
            hidden = hidden[:, positions]
        return self.feed_forward(hidden)

    def feed_forward(self, attended: Tensor) -> Tensor:
        """The second block, ``[..., D] -> [..., D]``."""
        if not self.has_feed_forward:
            return attended
        out: Tensor = self.output(self.intermediate(attended), attended)
        return out


def activation(name: str) -> nn.Module:
    """The activation of this name; KeyError where transformers knows none."""
    if name == "gelu":
        return nn.GELU()
    from transformers.activations import ACT2FN  # takes seconds, for a name that is rarely met

    found: nn.Module = ACT2FN[name]
    return found


def encoder_layer(
    shape: BackboneShape, *, width: int | None = None, kept: LayerStructure | None = None
) -> EncoderLayer:
    """One encoder layer of ``width`` (``shape``'s where None).

    Args:
        kept: heads and inner dimensions that are left; None: those of ``shape`` at this width.
    """
    return EncoderLayer(shape, width or shape.hidden_size, kept)


def additive_mask(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a 0/1 mask ``[B, T]`` into scores to add, ``[B, 1, 1, T]``: 0 or -10000."""
    return ((1.0 - mask.to(dtype)) * HIDDEN)[:, None, None, :]


class Encoder(nn.Module):
    """A stack of encoder layers."""

    def __init__(self, config: MuxConfig) -> None:
        super().__init__()
        shape, left = config.shape, config.structure
        kept = [None] * shape.num_hidden_layers if left is None else left.layers
        self.layers = nn.ModuleList(
            encoder_layer(shape, width=config.width, kept=layer) for layer in kept
        )

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Last hidden state ``[B, T, D]`` from the first layer's input ``[B, T, D]``."""
        for layer in self.layers:
            hidden = layer(hidden, mask)
        return hidden

    def states_at(self, hidden: Tensor, mask: Tensor | None, positions: slice) -> Tensor:
        """Last hidden state of some positions only, ``[B, T', D]``.

        The last layer asks only for these; keys and values still come from all positions.
        """
        for layer in self.layers[:-1]:
            hidden = layer(hidden, mask)
        last: Any = self.layers[-1]
        asked: Tensor = last(hidden, mask, positions)
        return asked

    def all_states(self, hidden: Tensor, mask: Tensor | None) -> list[Tensor]:
        """The first layer's input and every layer's output, each ``[B, T, D]``."""
        states = [hidden]
        for layer in self.layers:
            states.append(layer(states[-1], mask))
        return states

    def attention(self, index: int, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """Attention probabilities of layer ``index`` for its input ``hidden``: ``[B, H, T, T]``.

        H are the heads that pruning left, in order; none where the layer attends no more.
        """
        layer: Any = self.layers[index]
        if not layer.has_attention:
            batch, length = hidden.shape[:2]
            return hidden.new_zeros(batch, 0, length, length)
        attend = layer.attention.self
        shape = (*hidden.shape[:-1], -1, attend.attention_head_size)
        query = attend.query(hidden).view(shape).transpose(1, 2)
        key = attend.key(hidden).view(shape).transpose(1, 2)
        scores = query @ key.transpose(-1, -2) * attend.scaling
        return torch.softmax(scores if mask is None else scores + mask, dim=-1)

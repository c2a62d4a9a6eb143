"""The encoder: transformers' own BERT layers, shared by all backbones, and the attention mask.

BERT, ELECTRA and RoBERTa encoder layers are the same computation with the same parameter names, so
one class serves all three and the multiplexers that contain a layer. Attention runs through SDPA;
attention maps are recomputed from a layer's input when somebody wants to see them, so no hook and
no change of mode is ever needed on a model that several sessions share.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, scaled_dot_product_attention
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from muxviz.config import BackboneShape, MuxConfig
from muxviz.structure import LayerStructure

HIDDEN = -10000.0  # added to the scores of hidden positions, as in the released classes


def layer_config(shape: BackboneShape, *, width: int | None = None) -> BertConfig:
    """The transformers configuration of one encoder layer of ``shape`` (or of another width)."""
    config = BertConfig(
        vocab_size=shape.vocab_size,
        hidden_size=width or shape.hidden_size,
        num_hidden_layers=shape.num_hidden_layers,
        num_attention_heads=shape.num_attention_heads,
        intermediate_size=shape.intermediate_size,
        max_position_embeddings=shape.max_position_embeddings,
        type_vocab_size=shape.type_vocab_size,
        layer_norm_eps=shape.layer_norm_eps,
        pad_token_id=shape.pad_token_id,
        hidden_act=shape.hidden_act,
        hidden_dropout_prob=shape.hidden_dropout_prob,
        attention_probs_dropout_prob=shape.attention_probs_dropout_prob,
    )
    config._attn_implementation = "sdpa"
    return config


class LayerNorm(nn.LayerNorm):
    """A layer norm over as many dimensions as its weight has (pruning while training cuts it)."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 (torch's name)
        return layer_norm(input, self.weight.shape, self.weight, self.bias, self.eps)


class EncoderLayer(BertLayer):
    """transformers' BERT layer with what pruning left of it: ``[B, T, D] -> [B, T, D]``.

    A block of which nothing is left (``has_attention``, ``has_feed_forward`` False) is the
    identity: neither its bias nor its norm is applied, as in the released models.
    """

    def __init__(self, shape: BackboneShape, width: int, kept: LayerStructure | None) -> None:
        full = layer_config(shape, width=None if kept is not None else width)
        super().__init__(full)
        head_size = self.attention.self.attention_head_size
        heads = full.num_attention_heads if kept is None else len(kept.heads)
        inner = full.intermediate_size if kept is None else len(kept.intermediate)
        self.has_attention, self.has_feed_forward = heads > 0, inner > 0
        if kept is not None:
            self._resize(width, heads * head_size, inner)
            self.attention.self.num_attention_heads = heads
            self.attention.self.all_head_size = heads * head_size
        for block in (self.attention.output, self.output):
            if not isinstance(block, nn.Identity):
                block.LayerNorm = LayerNorm(width, eps=shape.layer_norm_eps)
        if not self.has_attention:
            self.attention = nn.Identity()
        if not self.has_feed_forward:
            self.intermediate, self.output = nn.Identity(), nn.Identity()

    def _resize(self, width: int, attended: int, inner: int) -> None:
        own = self.attention.self
        if attended:
            own.query, own.key, own.value = (nn.Linear(width, attended) for _ in range(3))
            self.attention.output.dense = nn.Linear(attended, width)
        if inner:
            self.intermediate.dense = nn.Linear(width, inner)
            self.output.dense = nn.Linear(inner, width)

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        if self.has_attention:
            hidden = self.attention(hidden, mask)[0]
        return self.feed_forward(hidden)

    def feed_forward(self, attended: Tensor) -> Tensor:
        """The second block, ``[..., D] -> [..., D]``."""
        if not self.has_feed_forward:
            return attended
        out: Tensor = self.output(self.intermediate(attended), attended)
        return out


def encoder_layer(
    shape: BackboneShape, *, width: int | None = None, kept: LayerStructure | None = None
) -> EncoderLayer:
    """One encoder layer of ``width`` (``shape``'s where None).

    Args:
        kept: heads and inner dimensions that are left; None: those of ``shape`` at this width.
    """
    return EncoderLayer(shape, width or shape.hidden_size, kept)


def layer_at(layer: Any, hidden: Tensor, mask: Tensor | None, positions: slice) -> Tensor:
    """What an encoder layer returns at ``positions``, ``[B, T', D]``; nothing else is computed."""
    asking = hidden[:, positions]
    if not layer.has_attention:
        unchanged: Tensor = layer.feed_forward(asking)
        return unchanged
    attend = layer.attention.self
    query, key, value = (
        part(states).unflatten(-1, (-1, attend.attention_head_size)).transpose(1, 2)
        for part, states in (
            (attend.query, asking),
            (attend.key, hidden),
            (attend.value, hidden),
        )
    )
    context = scaled_dot_product_attention(query, key, value, mask, scale=attend.scaling)
    attended = layer.attention.output(context.transpose(1, 2).flatten(2), asking)
    result: Tensor = layer.feed_forward(attended)
    return result


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
        return layer_at(last, hidden, mask, positions)

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

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
from torch.nn.functional import scaled_dot_product_attention
from transformers import BertConfig
from transformers.models.bert.modeling_bert import BertLayer

from muxviz.config import BackboneShape

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


def encoder_layer(shape: BackboneShape, *, width: int | None = None) -> BertLayer:
    """One encoder layer; ``layer(hidden [B, T, D], mask)`` returns ``[B, T, D]``."""
    return BertLayer(layer_config(shape, width=width))


def layer_at(layer: Any, hidden: Tensor, mask: Tensor | None, positions: slice) -> Tensor:
    """What an encoder layer returns at ``positions``, ``[B, T', D]``; nothing else is computed."""
    attend = layer.attention.self
    asking = hidden[:, positions]
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
    result: Tensor = layer.output(layer.intermediate(attended), attended)
    return result


def additive_mask(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Turn a 0/1 mask ``[B, T]`` into scores to add, ``[B, 1, 1, T]``: 0 or -10000."""
    return ((1.0 - mask.to(dtype)) * HIDDEN)[:, None, None, :]


class Encoder(nn.Module):
    """A stack of encoder layers."""

    def __init__(self, shape: BackboneShape) -> None:
        super().__init__()
        self.layers = nn.ModuleList(encoder_layer(shape) for _ in range(shape.num_hidden_layers))

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
        """Attention probabilities ``[B, H, T, T]`` of layer ``index`` for its input ``hidden``."""
        layer: Any = self.layers[index]
        attend = layer.attention.self
        shape = (*hidden.shape[:-1], attend.num_attention_heads, attend.attention_head_size)
        query = attend.query(hidden).view(shape).transpose(1, 2)
        key = attend.key(hidden).view(shape).transpose(1, 2)
        scores = query @ key.transpose(-1, -2) * attend.scaling
        return torch.softmax(scores if mask is None else scores + mask, dim=-1)

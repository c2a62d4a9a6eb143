"""Demultiplexers: one sequence of hidden states becomes N.

Each takes ``hidden [B, T, D]`` and returns ``[B, N, T', D]`` for the positions asked for. What more
a class may say of itself is in ``muxviz.model.claims``. Sources:
MUX-PLM (RSA, called ``index_pos`` in the released code; index prefix, ``index``) and DataMUX
(``mlp``).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, linear

from muxviz.config import MuxConfig
from muxviz.model.encoder import LayerNorm

ALL = slice(None)


class IdentityDemultiplexer(nn.Module):
    """One instance: the hidden states are its own."""

    halved = ()  # layers whose weight is used as two matrices

    def forward(self, hidden: Tensor, positions: slice = ALL) -> Tensor:
        return hidden[:, None, positions]

    def at(self, hidden: Tensor, groups: Tensor, slots: Tensor, places: Tensor) -> Tensor:
        """The states of P positions: ``[P, D]``."""
        return hidden[groups, places]


class RSADemultiplexer(nn.Module):
    """A learned private key k_i per slot, and one MLP on [k_i ; h_t] shared by all slots.

    The first layer is a matrix on 2 D inputs; its key half is a constant per slot and its hidden
    half does not depend on the slot, so each is computed once and they are added.

    The released class looks up a dropout where a layer norm was meant, so the task path applies
    layers 1..K-1 without norms (the norms exist and serve the retrieval path). The last stored
    layer is not used here. Kept, because the checkpoints were trained this way.
    """

    halved = ("dense.0",)

    def __init__(self, config: MuxConfig, width: int) -> None:
        super().__init__()
        entering = config.width
        stored = config.stored_demux_layers
        self.keys = nn.Parameter(torch.randn(config.num_instances, entering))
        self.dense = nn.ModuleList(
            nn.Linear(2 * entering if j == 0 else width, width) for j in range(stored)
        )
        self.layer_norms = nn.ModuleList(
            LayerNorm(width, eps=config.shape.layer_norm_eps) for _ in range(stored)
        )
        self.pre_decoder = nn.Linear(width, width)
        self.pre_decoder_layer_norm = LayerNorm(width, eps=config.shape.layer_norm_eps)
        self.dropout = nn.Dropout(config.shape.hidden_dropout_prob)
        self.task_layers = config.num_demux_layers - 1
        # Published retrieval paths: BERT always layers 1 and 2 without residual; ELECTRA all K.
        self.retrieval_residual = config.backbone == "electra"
        self.retrieval_layers = config.num_demux_layers if self.retrieval_residual else 2

    def unlock(self, hidden: Tensor, positions: slice = ALL) -> Tensor:
        """First layer on [k_i ; h_t], before its activation: ``[B, N, T', D]``."""
        first: Any = self.dense[0]
        key_half, hidden_half = first.weight.chunk(2, dim=1)
        slots = linear(self.keys, key_half, first.bias)
        return linear(hidden[:, positions], hidden_half)[:, None] + slots[:, None, :]

    def finish(self, unlocked: Tensor) -> Tensor:
        """The task path after ``unlock``: ``[..., D] -> [..., D]``."""
        x = self.dropout(gelu(unlocked))
        for j in range(1, self.task_layers):
            x = x + self.dropout(gelu(self.dense[j](x)))
        return x + self.pre_decoder_layer_norm(gelu(self.pre_decoder(x)))

    def finish_for_retrieval(self, unlocked: Tensor) -> Tensor:
        """The retrieval path: the same layers with their norms, ``[..., D] -> [..., D]``."""
        x = self.layer_norms[0](gelu(unlocked))
        for j in range(1, self.retrieval_layers):
            step = self.layer_norms[j](gelu(self.dense[j](x)))
            x = x + step if self.retrieval_residual else step
        return x

    def unlock_at(self, hidden: Tensor, groups: Tensor, slots: Tensor, places: Tensor) -> Tensor:
        """``unlock`` for P single (group, slot, position) triples only: ``[P, D]``."""
        first: Any = self.dense[0]
        key_half, hidden_half = first.weight.chunk(2, dim=1)
        keys = linear(self.keys, key_half, first.bias)
        return _linear_at(hidden, hidden_half, groups, places) + keys[slots]

    def at(self, hidden: Tensor, groups: Tensor, slots: Tensor, places: Tensor) -> Tensor:
        """The task path for P single (group, slot, position) triples only: ``[P, D]``."""
        return self.finish(self.unlock_at(hidden, groups, slots, places))

    def forward(self, hidden: Tensor, positions: slice = ALL) -> Tensor:
        return self.finish(self.unlock(hidden, positions))

    def for_retrieval(self, hidden: Tensor, positions: slice = ALL) -> Tensor:
        """States the retrieval head projects: ``[B, N, T', D]``."""
        return self.finish_for_retrieval(self.unlock(hidden, positions))


class PrefixDemultiplexer(nn.Module):
    """The hidden state of slot i's prefix position is its key: LN(gelu(W [h_i ; h_t])).

    Positions are those of the whole sequence, prefix included.
    """

    halved = ("dense",)

    def __init__(self, config: MuxConfig, width: int) -> None:
        super().__init__()
        self.num_instances = config.num_instances
        self.dense = nn.Linear(2 * config.width, width)
        self.layer_norm = LayerNorm(width, eps=config.shape.layer_norm_eps)

    def forward(self, hidden: Tensor, positions: slice = ALL) -> Tensor:
        key_half, hidden_half = self.dense.weight.chunk(2, dim=1)
        keys = linear(hidden[:, : self.num_instances], key_half, self.dense.bias)
        states = linear(hidden[:, positions], hidden_half)
        return self.layer_norm(gelu(states[:, None] + keys[:, :, None]))

    def at(self, hidden: Tensor, groups: Tensor, slots: Tensor, places: Tensor) -> Tensor:
        """The same for P single (group, slot, position) triples only: ``[P, D]``."""
        key_half, hidden_half = self.dense.weight.chunk(2, dim=1)
        keys = linear(hidden[:, : self.num_instances], key_half, self.dense.bias)
        states = _linear_at(hidden, hidden_half, groups, places)
        return self.layer_norm(gelu(states + keys[groups, slots]))


class MLPDemultiplexer(nn.Module):
    """A separate layer per slot: LN_i(gelu(W_i h_t)) (DataMUX)."""

    halved = ()

    def __init__(self, config: MuxConfig, width: int) -> None:
        super().__init__()
        num = config.num_instances
        self.dense = nn.ModuleList(nn.Linear(config.width, width) for _ in range(num))
        self.layer_norms = nn.ModuleList(
            LayerNorm(width, eps=config.shape.layer_norm_eps) for _ in range(num)
        )

    def forward(self, hidden: Tensor, positions: slice = ALL) -> Tensor:
        states = hidden[:, positions]
        parts = zip(self.dense, self.layer_norms, strict=True)
        return torch.stack([norm(gelu(dense(states))) for dense, norm in parts], dim=1)

    def at(self, hidden: Tensor, groups: Tensor, slots: Tensor, places: Tensor) -> Tensor:
        """The same for P single (group, slot, position) triples only: ``[P, D]``."""
        states = hidden[groups, places]
        first: Any = self.layer_norms[0]
        read = states.new_empty(len(states), len(first.weight))
        for slot, (dense, norm) in enumerate(zip(self.dense, self.layer_norms, strict=True)):
            own = slots == slot
            read[own] = norm(gelu(dense(states[own])))
        return read


def _linear_at(hidden: Tensor, weight: Tensor, groups: Tensor, places: Tensor) -> Tensor:
    """``weight`` applied at P (group, position) pairs, ``[P, D]``: never to a position twice."""
    if len(groups) > hidden[..., 0].numel():
        return linear(hidden, weight)[groups, places]
    return linear(hidden[groups, places], weight)


DEMULTIPLEXER_CLASSES: dict[str, type[nn.Module]] = {
    "rsa": RSADemultiplexer,
    "index_prefix": PrefixDemultiplexer,
    "mlp": MLPDemultiplexer,
}


def build_demultiplexer(config: MuxConfig, *, width: int | None = None) -> nn.Module:
    """The demultiplexer that ``config`` names, whose states have ``width`` dimensions."""
    if config.demultiplexer == "identity":
        return IdentityDemultiplexer()
    build = DEMULTIPLEXER_CLASSES[config.demultiplexer]
    return build(config, config.readout_width if width is None else width)

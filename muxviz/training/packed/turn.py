"""A packed model in another basis: the same answers, every slot spread over all dimensions.

A packed model's tables, gains and offsets are N copies side by side, so they do not change under an
orthogonal matrix that only mixes the N copies of a dimension among themselves and keeps their sum:
for dimension j of w an ``R_j [N, N]`` with ``R_j 1 = 1``. Such an ``R [D, D]`` commutes with every
layer norm, whatever its gains, and goes into the matrices that read and write the residual stream.
What is left of the chunks is a multiplexer of the published form ``random_ortho_low_rank`` with the
matrices ``R M_i / sqrt N`` (M_i: the chunk of slot i).

At N = 2 the sum and an orthogonal matrix leave nothing but exchanging the two copies.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from muxviz.errors import ConfigError
from muxviz.model.multiplexer import orthogonal
from muxviz.model.mux_model import MuxModel
from muxviz.training.packed.layout import Layout

VECTORS = "multiplexer.instance_embedding"
KEYED = "demultiplexer.dense.0.weight"  # reads a key, then a state
READERS = (
    "attention.self.query.weight",
    "attention.self.key.weight",
    "attention.self.value.weight",
    "intermediate.dense.weight",
)
WRITERS = ("attention.output.dense.weight", "output.dense.weight")


def turned(model: MuxModel, layout: Layout, *, seed: int) -> MuxModel:
    """``model`` in a basis drawn from ``seed``.

    Raises:
        ConfigError: it is not N copies side by side, so turning would change its answers.
    """
    weights = model.state_dict()
    odd = [n for n, v in weights.items() if _is_tiled(n, v) and not _fits(v, layout)]
    if model.config.multiplexer != "binary_hadamard" or odd:
        what = f" ({odd[0]})" if odd else ""
        raise ConfigError(
            f"the slots of this model are not copies of one another side by side{what}; only a "
            "packed model before its free stages can be turned"
        )
    turn = turning(layout, seed=seed)
    found = {name: _turned(name, value, turn) for name, value in weights.items()}
    chunks = torch.diag_embed(weights[VECTORS])
    found[VECTORS] = turn @ chunks / layout.num**0.5
    there = MuxModel(replace(model.config, multiplexer="low_rank_orthogonal"))
    there.load_state_dict(found)
    return there.train(model.training)


def turning(layout: Layout, *, seed: int) -> Tensor:
    """The matrix ``R [D, D]``: orthogonal, and the sum of the copies of a dimension is kept."""
    draws = torch.Generator().manual_seed(seed)
    num = layout.num
    # Orthonormal directions of the copies; the first is their sum.
    basis, _ = torch.linalg.qr(torch.cat([torch.ones(num, 1), torch.eye(num)[:, 1:]], dim=1))
    turn = torch.eye(layout.wide)
    for copies in layout.places("hidden").T:
        inner = torch.eye(num)
        inner[1:, 1:] = orthogonal(num - 1, draws)
        turn[copies[:, None], copies] = basis @ inner @ basis.T
    return turn


def _is_tiled(name: str, value: Tensor) -> bool:
    """Whether a packed model holds N copies of it, along its last axis."""
    is_table = name.startswith("embeddings.")
    is_norm = name.startswith("encoder.") and value.dim() == 1 and "output." in name
    return is_table or is_norm


def _fits(value: Tensor, layout: Layout) -> bool:
    return torch.equal(value, layout.tiled(layout.own_of(value)[..., 0, :]))


def _turned(name: str, value: Tensor, turn: Tensor) -> Tensor:
    if name == KEYED:
        keys, states = value.chunk(2, dim=1)
        return torch.cat([keys, states @ turn.T], dim=1)
    if name.startswith("encoder.") and name.endswith(READERS):
        return value @ turn.T
    if name.startswith("encoder.") and name.endswith(WRITERS):
        return turn @ value
    return value

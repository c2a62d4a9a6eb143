"""Multiplexed models whose behaviour is known by construction, to hold every quantity against.

They are weights of the real ``MuxModel``, run through the real code; what is expected of them is
worked out here by hand, in NumPy, without the code under test.

The construction. The width D is N chunks of ``width`` numbers. Every token w has a code g(w): mean
0, squared length ``width``, so that all layer norms are the identity. The word embedding repeats
g(w) in every chunk; the multiplexer's mask keeps chunk i of slot i alone, so that chunk i of the
mixture is exactly g(w_i): slots do not touch. The encoder passes its input on. The demultiplexer
first forms, in chunk i, ``c_i = sum_j leaks[i, j] g(w_j)``; the key of slot i then opens chunk
``gates[i]`` (+B, where a gelu is linear) and shuts the others (-B, where it is 0).

The sentence head reads ``u . mean_t(c)`` over the slot's own tokens, u the direction of sentiment:
    margin of "positive" in slot i = sum_j leaks[gates[i], j] * mean_t score(w_j at t)
    score(w) = u . g(w) = +STRENGTH for praise, -STRENGTH for blame, 0 for all else, padding too.
The retrieval head reads ``argmax_w g(w) . c / |c|``: the token of the slot whose leak is largest.

So ``leaks = identity`` is the clean model, ``leaks[i, j] = w`` lets slot j leak into slot i with
weight w, ``leaks[i, i] = 0`` is a dead slot, ``gates = (0, 0, 2)`` gives slots 1 and 2 one key,
unequal ``leaks[i, i]`` make the answer depend on the seat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from muxviz.batch import Group
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.mux_model import MuxModel
from tests.tiny import tiny_config, tiny_tokenizer

OPEN = 20.0  # B: a gelu is linear above it and 0 below its negative, to float32
STRENGTH = 2.0
PRAISE = ("good", "great", "fine", "funny", "happy", "warm", "bright", "love")
BLAME = ("bad", "awful", "boring", "sad", "cold", "dark", "old", "not")


@dataclass(frozen=True)
class Planted:
    """A planted checkpoint and all that is needed to work out what it must do.

    codes: ``[V, width]``. scores: ``[V]``. leaks: ``[N, N]``, rows the slot read, columns the
    source. gates: the chunk that each slot's key opens.
    """

    checkpoint: Checkpoint
    codes: np.ndarray
    scores: np.ndarray
    leaks: np.ndarray
    gates: tuple[int, ...]

    def margins(self, group: Group) -> np.ndarray:
        """Logit of "positive" less that of "negative", by hand: ``[N]``."""
        ids = first_forced(group.ids)
        per_place = self.scores[ids]  # [N, L]
        out = []
        for slot, gate in enumerate(self.gates):
            own = group.mask[slot].astype(bool)
            out.append(float(self.leaks[gate] @ per_place[:, own].mean(axis=1)))
        return np.array(out)

    def retrieval_logits(self, group: Group) -> np.ndarray:
        """Logits of the retrieval head, by hand: ``[N, L, V]``."""
        codes = self.codes[first_forced(group.ids)]  # [N, L, width]
        mixed = np.einsum("ij,jtd->itd", self.leaks[list(self.gates)], codes)
        length = np.linalg.norm(mixed, axis=-1, keepdims=True)
        normed = np.divide(mixed, length, out=np.zeros_like(mixed), where=length > 0)
        chunks, width = len(self.gates), self.codes.shape[1]
        return chunks * width**0.5 * normed @ self.codes.T


def first_forced(ids: np.ndarray) -> np.ndarray:
    """Ids as they enter: position 0 is [CLS], as the published forward writes it."""
    forced = ids.copy()
    forced[:, 0] = 101
    return forced


def planted(
    leaks: Sequence[Sequence[float]] | np.ndarray | None = None,
    *,
    num_instances: int = 3,
    gates: Sequence[int] | None = None,
    width: int = 16,
    layers: int = 2,
    seed: int = 0,
    name: str = "planted",
    **changes: Any,
) -> Planted:
    """Build one; ``changes`` go to ``tiny_config``."""
    num = num_instances if leaks is None else len(leaks)
    matrix = np.eye(num) if leaks is None else np.asarray(leaks, dtype=np.float64)
    opened = tuple(range(num)) if gates is None else tuple(gates)
    config = tiny_config(
        num_instances=num,
        multiplexer="binary_hadamard",
        hidden_size=num * width,
        num_attention_heads=num,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        readout="mean",
        labels=("negative", "positive"),
        default_padding="group",
        **changes,
    )
    tokenizer = tiny_tokenizer()
    codes, direction = _codes(tokenizer, config.shape.vocab_size, width, seed)
    model = MuxModel(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        _plant(model, codes, direction, matrix, opened)
    return Planted(
        Checkpoint(
            name=name,
            model=model.eval().requires_grad_(False),
            config=config,
            tokenizer=tokenizer,
            card={},
            folder=Path(name),
            fingerprint=name,
            stored_dtype="float32",
        ),
        codes,
        codes @ direction,
        matrix,
        opened,
    )


def scaled_slots(weights: Sequence[float]) -> Planted:
    """The clean model with slot i's chunk of the mixture ``weights[i]`` times as large."""
    model = planted(num_instances=len(weights))
    with torch.no_grad():
        mask: Any = model.checkpoint.model.multiplexer.instance_embedding
        mask.mul_(torch.tensor(weights, dtype=torch.float32)[:, None])
    return model


def _codes(tokenizer: Any, size: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes ``[V, width]`` and the direction u ``[width]``: zero mean, u of length 1."""
    generator = np.random.default_rng(seed)
    direction = generator.normal(size=width)
    direction -= direction.mean()
    direction /= np.linalg.norm(direction)
    codes = generator.normal(size=(size, width))
    codes -= codes.mean(axis=1, keepdims=True)
    codes -= np.outer(codes @ direction, direction)
    score = np.zeros(size)
    score[tokenizer.convert_tokens_to_ids(list(PRAISE))] = STRENGTH
    score[tokenizer.convert_tokens_to_ids(list(BLAME))] = -STRENGTH
    rest = (width - score**2) ** 0.5
    codes *= (rest / np.linalg.norm(codes, axis=1))[:, None]
    return codes + np.outer(score, direction), direction


def _plant(
    model: Any, codes: np.ndarray, direction: np.ndarray, leaks: np.ndarray, gates: tuple[int, ...]
) -> None:
    """Fill the weights; all others stay zero."""
    num, width = len(leaks), codes.shape[1]
    one = torch.eye(width)
    for norm in (m for m in model.modules() if isinstance(m, torch.nn.LayerNorm)):
        norm.weight.fill_(1.0)
    model.embeddings.word_embeddings.weight.copy_(torch.tensor(codes).repeat(1, num))
    masks = torch.zeros(num, num, width)
    masks[range(num), range(num)] = num  # the multiplexer divides by N
    model.multiplexer.instance_embedding.copy_(masks.view(num, -1))
    demux = model.demultiplexer
    demux.pre_decoder_layer_norm.weight.zero_()
    hidden_half = torch.kron(torch.tensor(leaks, dtype=torch.float32), one)
    demux.keys[:, :num] = torch.eye(num)
    key_half = torch.zeros(num * width, num * width)
    for slot, gate in enumerate(gates):
        key_half[gate * width : (gate + 1) * width, slot] = 2 * OPEN
    demux.dense[0].weight.copy_(torch.cat([key_half, hidden_half], dim=1))
    demux.dense[0].bias.fill_(-OPEN)
    demux.dense[1].weight.copy_(torch.kron(torch.ones(num, num), one))  # any chunk -> all chunks
    demux.dense[1].bias.fill_(OPEN)
    if model.retrieval_head is not None:
        model.retrieval_head.dense.weight.copy_(torch.eye(num * width))
        model.retrieval_head.dense.bias.fill_(OPEN)
    if model.head is not None:
        toward = torch.tensor(direction, dtype=torch.float32).repeat(num) / 2
        model.head.out_proj.weight[1] = toward
        model.head.out_proj.weight[0] = -toward

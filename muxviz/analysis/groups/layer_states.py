"""States at every level of a pass, or of its end alone.

Levels are "mix", "in" and the layers, see ``muxviz.results.layers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from muxviz.analysis.groups.draws import Batch
from muxviz.errors import InputError
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.mux_model import PreparedInput


@dataclass(frozen=True)
class LayerPass:
    """One batch, level by level.

    prepared: what entered. embeddings: ``[B, N, T, E]``. mixture: ``[B, T, E]``. states: input of
    the first layer and each layer's output, ``[B, T, D]``. attention_mask: what the encoder saw.
    """

    prepared: PreparedInput
    embeddings: Tensor
    mixture: Tensor
    states: list[Tensor]
    attention_mask: Tensor | None

    @property
    def reached(self) -> Tensor:
        """``[B, T]`` bool: positions that a text of the group reaches, and the prefix."""
        reached = self.prepared.mask.amax(dim=1) > 0
        reached[:, : self.prepared.prefix] = True
        return reached


@torch.inference_mode()
def layer_pass(checkpoint: Checkpoint, batch: Batch) -> LayerPass:
    """Run the encoder and keep every level; heads and demultiplexer stay idle."""
    model, hide = checkpoint.model, batch.hide_padding
    prepared = prepared_of(checkpoint, batch)
    embeddings = model.embed(prepared)
    entry = model.walk(prepared, embeddings=embeddings, hide_padding=hide)
    states = model.encoder.all_states(entry.hidden, entry.mask)
    return LayerPass(prepared, embeddings, entry.mixture, states, entry.mask)


def prepared_of(checkpoint: Checkpoint, batch: Batch) -> PreparedInput:
    """A batch of groups as it enters the embeddings."""
    return checkpoint.model.prepare(
        batch.ids, batch.mask, batch.types, hide_padding=batch.hide_padding
    )


def last_states(
    checkpoint: Checkpoint, prepared: PreparedInput, hide: bool
) -> tuple[Tensor, Tensor]:
    """The last hidden states ``[B, T, D]``, and the mixture ``[B, T, E]`` that they came from."""
    entry = checkpoint.model.walk(prepared, hide_padding=hide)
    return checkpoint.model.encoder(entry.hidden, entry.mask), entry.mixture


def level_names(checkpoint: Checkpoint) -> tuple[str, ...]:
    """ "in" and the layers."""
    return ("in", *(str(k + 1) for k in range(checkpoint.config.shape.num_hidden_layers)))


def need_texts(texts: Sequence[str]) -> None:
    """See that a pool has at least two sentences.

    Raises:
        InputError: it does not.
    """
    if len(texts) < 2:
        raise InputError(f"got a pool of {len(texts)} sentences; give at least 2, better 50")

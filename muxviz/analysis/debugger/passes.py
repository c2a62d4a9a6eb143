"""Passes with one thing of the model or of the mixture taken away; nothing is left on the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.draws import Batch, Progress, batches
from muxviz.batch import Group
from muxviz.engine.guard import need_finite
from muxviz.inference import group_tensors
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.mux_model import PreparedInput


def without_layer(
    checkpoint: Checkpoint, groups: Sequence[Group], progress: Progress | None = None
) -> np.ndarray:
    """Logits of every group with each layer passed over in turn, ``[K + 1, G, N, C]`` float64.

    The first are those with all layers; a layer that is passed over hands on what it was given.
    """
    layers = checkpoint.config.shape.num_hidden_layers
    shape = (layers + 1, len(groups), checkpoint.config.num_instances, checkpoint.config.num_labels)
    found = np.zeros(shape)
    for batch in batches(checkpoint, groups, progress):
        for skipped, logits in enumerate(_skipped(checkpoint, batch)):
            found[skipped, batch.numbers] = logits
    return found


@torch.inference_mode()
def _skipped(checkpoint: Checkpoint, batch: Batch) -> Iterator[np.ndarray]:
    """Logits ``[B, N, C]`` with all layers, then without the first, the second and so on."""
    model = checkpoint.model
    prepared = model.prepare(batch.ids, batch.mask, batch.types, hide_padding=batch.hide_padding)
    entry = model.walk(prepared, hide_padding=batch.hide_padding)
    states = model.encoder.all_states(entry.hidden, entry.mask)
    yield _answered(checkpoint, states[-1], prepared)
    for skipped in range(len(states) - 1):
        hidden = states[skipped]
        for layer in list(model.encoder.layers)[skipped + 1 :]:
            hidden = layer(hidden, entry.mask)
        yield _answered(checkpoint, hidden, prepared)


@dataclass(frozen=True)
class Silenced:
    """A group with each slot's embeddings set to nothing in turn.

    logits ``[N, ...]``: of the slot that is looked at. moved ``[N]``: L2 norm of what goes out of
    the mixture with the slot, over the mean of all slots (0 throughout where nothing does).
    """

    logits: np.ndarray
    moved: np.ndarray


@torch.inference_mode()
def silence(checkpoint: Checkpoint, group: Group, slot: int) -> Silenced:
    """N passes, in one batch: pass j without the sentence of slot j."""
    model, num = checkpoint.model, len(group.rows)
    ids, mask, types = group_tensors(checkpoint, [group] * num)
    prepared = model.prepare(ids, mask, types, hide_padding=group.hides_padding)
    embeddings = model.embed(prepared)
    present = model.mix(embeddings[:1], prepared.mask[:1], hide_padding=group.hides_padding)
    muted = embeddings.clone()
    muted[range(num), range(num)] = 0
    entry = model.walk(prepared, embeddings=muted, hide_padding=group.hides_padding)
    hidden = model.encoder(entry.hidden, entry.mask)
    norms = (entry.mixture - present).double().flatten(1).norm(dim=1).cpu().numpy()
    moved = norms / norms.mean() if norms.any() else norms
    return Silenced(_answered(checkpoint, hidden, prepared)[:, slot], moved)


def _answered(checkpoint: Checkpoint, hidden: Tensor, prepared: PreparedInput) -> np.ndarray:
    logits = checkpoint.model.answer(hidden, prepared).logits
    need_finite(checkpoint, logits)
    found: np.ndarray = logits.to("cpu", torch.float64).numpy()
    return found

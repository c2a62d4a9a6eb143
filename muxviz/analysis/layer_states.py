"""States at every level of a pass, groups drawn from a pool, and means with an interval.

Levels are "mix", "in" and the layers, see ``muxviz.results.layers``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.draws import RESAMPLES, Batch, Progress, draw_rows
from muxviz.batch import Group, make_group
from muxviz.errors import InputError
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.mux_model import PreparedInput
from muxviz.results.estimates import Estimates


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
    prepared = model.prepare(batch.ids, batch.mask, batch.types, hide_padding=hide)
    embeddings = model.embed(prepared)
    mixture = model.mix(embeddings, prepared.mask, hide_padding=hide)
    entered = model.enter(mixture)
    mask = model.encoder_mask(prepared.mask, entered.dtype, hide_padding=hide)
    states = model.encoder.all_states(entered, mask)
    return LayerPass(prepared, embeddings, mixture, states, mask)


def level_names(checkpoint: Checkpoint) -> tuple[str, ...]:
    """ "in" and the layers."""
    return ("in", *(str(k + 1) for k in range(checkpoint.config.shape.num_hidden_layers)))


def pool_groups(
    checkpoint: Checkpoint,
    texts: Sequence[str],
    count: int,
    *,
    padding: str | None = None,
    seed: int = 0,
) -> list[Group]:
    """``count`` groups of sentences drawn from a pool, each sentence once before any comes again.

    Raises:
        InputError: no texts. NotApplicable: no tokenizer.
    """
    need_texts(texts)
    num = checkpoint.config.num_instances
    rows = draw_rows(checkpoint, texts, count * num, padding=padding, seed=seed)
    return [
        make_group(checkpoint.config, rows[start : start + num], padding=padding)
        for start in range(0, len(rows), num)
    ]


def need_texts(texts: Sequence[str]) -> None:
    """See that a pool has at least two sentences.

    Raises:
        InputError: it does not.
    """
    if len(texts) < 2:
        raise InputError(f"got a pool of {len(texts)} sentences; give at least 2, better 50")


def padded(checkpoint: Checkpoint, group: Group, length: int) -> Group:
    """The group with more padding, up to ``length`` tokens."""
    wide = ((0, 0), (0, length - group.length))
    pad = checkpoint.config.shape.pad_token_id
    return replace(
        group,
        ids=np.pad(group.ids, wide, constant_values=pad),
        mask=np.pad(group.mask, wide),
        types=np.pad(group.types, wide),
    )


def shifted(progress: Progress | None, done: int, total: int) -> Progress | None:
    """Progress of a part of the work, which starts at ``done``."""
    return None if progress is None else lambda now, _: progress(done + now, total)


def bootstrap_ratio(parts: np.ndarray, wholes: np.ndarray, *, seed: int = 0) -> Estimates:
    """sum(parts) / sum(wholes) over the first axis (groups), with a bootstrap 95 % interval.

    parts: ``[M, ...]``. wholes: a shape that broadcasts with it. NaN where the wholes sum to 0.
    """
    wholes = np.broadcast_to(wholes, parts.shape)
    weights = resamples(len(parts), seed)
    flat = [weights @ x.reshape(len(parts), -1) for x in (parts, wholes)]
    return interval_of(
        _ratio(parts.sum(axis=0), wholes.sum(axis=0)),
        _ratio(*flat).reshape(-1, *parts.shape[1:]),
        len(parts),
        seed,
    )


def resamples(draws: int, seed: int) -> np.ndarray:
    """How often each of ``draws`` is taken in each bootstrap sample, ``[R, draws]``."""
    generator = np.random.default_rng(seed)
    return generator.multinomial(draws, np.full(draws, 1 / draws), size=RESAMPLES)


def interval_of(mean: np.ndarray, samples: np.ndarray, draws: int, seed: int) -> Estimates:
    """Estimates from bootstrap samples ``[R, ...]``; no interval from fewer than two draws."""
    if draws < 2:
        nothing = np.full(np.shape(mean), np.nan)
        return Estimates(mean, nothing, nothing, draws, seed)
    low, high = np.quantile(samples, (0.025, 0.975), axis=0)
    return Estimates(mean, low, high, draws, seed)


def _ratio(parts: np.ndarray, wholes: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.where(wholes != 0, parts / wholes, np.nan))


__all__ = [
    "LayerPass",
    "bootstrap_ratio",
    "interval_of",
    "layer_pass",
    "level_names",
    "need_texts",
    "padded",
    "pool_groups",
    "resamples",
    "shifted",
]

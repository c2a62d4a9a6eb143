"""Integrated gradients through the multiplexer: from one slot's answer to all N sentences' tokens.

The path runs from a baseline to the group's embeddings ``[1, N, T, E]``. The baseline holds the
pool's mean embedding wherever a token counts; special tokens, padding and prefix stay as they are,
so that a sentence without content keeps its length, and nothing is ever compared with [PAD].

    IG(j, t) = sum_e (x - x')[j, t, e] * integral_0^1 df(x' + a (x - x')) / dx[j, t, e] da

(Sundararajan et al. 2017, by captum, Gauss-Legendre nodes). Attributions add up to f(x) - f(x'):
what they miss is the completeness gap, which every result states. The model is not modified, and
no hook is ever put on it: captum's hooks sit on identities of a wrapper that is thrown away.
Does not show what an answer would be without a sentence: that is ``crosstalk/swap_test``.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from muxviz.analysis.groups.draws import CHUNK_S, Progress
from muxviz.analysis.groups.one_group import (
    Entered,
    Measure,
    Target,
    counted_positions,
    enter,
    explained,
    measure_of,
)
from muxviz.batch import Row, Seating, encode_rows, make_group
from muxviz.engine.guard import memory_guard
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.inference import group_tensors
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.attribution import (
    TOLERANCE,
    Attribution,
    Explained,
    SlotShares,
    completeness_gap,
    shares_of,
)

STEPS = 32  # nodes of the integral at first; doubled while the gap is too wide
MOST_STEPS = 256
TOKENS = 8192  # instance tokens (N x T) in a chunk, so that memory stays bounded


class Stages(nn.Module):
    """The model from embeddings ``[B, N, T, E]`` to the explained number ``[B]``.

    ``taps[k]`` passes on the input of layer k + 1 (the last one: the last layer's output); captum
    hooks these. The shared model is kept in a tuple, out of the modules that hooks could reach.
    """

    def __init__(self, entered: Entered, measure: Measure) -> None:
        super().__init__()
        self._shared = (entered.checkpoint.model,)
        self._entered = entered
        self._measure = measure
        layers = entered.checkpoint.config.shape.num_hidden_layers
        self.taps = nn.ModuleList(nn.Identity() for _ in range(layers + 1))

    def forward(self, embeddings: Tensor) -> Tensor:
        model: Any = self._shared[0]
        prepared = self._entered.repeated(len(embeddings))
        entry = model.walk(prepared, embeddings=embeddings, hide_padding=self._entered.hide)
        hidden = self.taps[0](entry.hidden)
        for layer, tap in zip(model.encoder.layers, list(self.taps)[1:], strict=True):
            hidden = tap(layer(hidden, entry.mask))
        return self._measure.of(model.answer(hidden, prepared).logits)


def mean_embedding(
    checkpoint: Checkpoint, pool: Sequence[str], *, padding: str | None = None
) -> Tensor:
    """Mean of ``model.embed`` over the counted tokens of pool sentences: ``[E]``.

    Raises:
        InputError: an empty pool, or one without a single counted token.
    """
    if not pool:
        raise InputError("the pool holds no sentence; the baseline is its mean embedding")
    model, num = checkpoint.model, checkpoint.config.num_instances
    rows = encode_rows(checkpoint, [Row(text) for text in pool], padding=padding)
    total, count = torch.zeros((), dtype=torch.float64, device=checkpoint.device), 0
    for start in range(0, len(rows), num):
        piece = rows[start : start + num]
        group = make_group(checkpoint.config, piece, Seating(padding))
        ids, mask, types = group_tensors(checkpoint, [group])
        with torch.no_grad():
            prepared = model.prepare(ids, mask, types, hide_padding=group.hides_padding)
            embeddings = model.embed(prepared)[0]
        counted = counted_positions(checkpoint, group, prepared)
        counted[len(piece) :] = False
        chosen = embeddings[torch.from_numpy(counted).to(embeddings.device)]
        total = total + chosen.to(torch.float64).sum(dim=0)
        count += len(chosen)
    if not count:
        raise InputError("no sentence of the pool has a token that counts; use ordinary sentences")
    return (total / count).to(checkpoint.dtype)


def baseline_of(entered: Entered, mean: Tensor) -> Tensor:
    """The group's embeddings with the mean wherever a token counts, ``[1, N, T, E]``."""
    counted = torch.from_numpy(entered.counted).to(mean.device)[None, ..., None]
    return torch.where(counted, mean, entered.embeddings)


def attribute(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    target: Target,
    *,
    pool: Sequence[str],
    steps: int | None = None,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Attribution:
    """Integrated gradients of one slot's answer with respect to every token of the group.

    Args:
        rows: one to N rows.
        target: the slot, the class, and what it is contrasted with.
        pool: texts of the baseline's mean embedding.
        steps: nodes of the integral; None for 32, doubled up to 256 until the gap is below 1 %.
        progress: called with (nodes done, nodes so far asked for).

    Raises:
        InputError and its kinds; Stopped, from ``progress``.

    Cost: a forward and a backward pass of one sequence per node.
    """
    entered = enter(checkpoint, rows, seating)
    baseline = baseline_of(entered, mean_embedding(checkpoint, pool, padding=seating.padding))
    measure = measure_of(entered, target)
    values, ends, used = integrated(entered, measure, baseline, steps, progress)
    return Attribution(
        explained(entered, target, measure),
        entered.tokens,
        values,
        entered.counted,
        *ends,
        used,
        len(pool),
        entered.prepared.prefix,
        entered.provenance,
    )


def slot_shares(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    pool: Sequence[str],
    steps: int | None = None,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> SlotShares:
    """Share of each sentence in the attribution of each slot's answer (against its runner-up).

    Args: as ``attribute``; ``progress`` is called with (slots done, N) and may raise Stopped: what
    is done by then is kept.

    Raises:
        NotApplicable: a plain model has one slot.
    """
    if not checkpoint.config.is_multiplexed:
        raise NotApplicable("not applicable: a plain model answers one sentence a pass")
    entered = enter(checkpoint, rows, seating)
    baseline = baseline_of(entered, mean_embedding(checkpoint, pool, padding=seating.padding))
    num = checkpoint.config.num_instances
    values = np.full((num, num, entered.length), np.nan)
    differences, gaps = np.full(num, np.nan), np.full(num, np.nan)
    used = np.zeros(num, dtype=np.int64)
    told: list[Explained] = []
    stopped = False
    for slot in range(num):
        measure = measure_of(entered, Target(slot))
        told.append(explained(entered, Target(slot), measure))
        if stopped:
            continue

        def tick(done: int, total: int, slot: int = slot) -> None:
            if progress is not None:
                progress(slot, num)

        try:
            values[slot], (high, low), used[slot] = integrated(
                entered, measure, baseline, steps, tick
            )
            differences[slot] = high - low
            gaps[slot] = completeness_gap(float(values[slot].sum()), high - low)
            if progress is not None:
                progress(slot + 1, num)
        except Stopped:
            stopped = True
    if stopped and not np.isfinite(gaps).any():
        raise Stopped("stopped before the first slot was done")
    return SlotShares(
        shares_of(np.abs(values).sum(axis=2)),
        values.sum(axis=2),
        differences,
        gaps,
        used,
        tuple(told),
        len(pool),
        bool(np.isnan(gaps).any()),
        entered.provenance,
    )


def import_captum() -> Any:
    """captum's attributions, an optional package.

    Raises:
        NotApplicable: it is not installed.
    """
    try:
        return import_module("captum.attr")
    except ModuleNotFoundError as error:
        raise NotApplicable(
            'not applicable: captum is not installed; pip install "muxviz[analysis]". Raw maps, '
            "slot pairs and relevance need nothing more"
        ) from error


def integrated(
    entered: Entered,
    measure: Measure,
    baseline: Tensor,
    steps: int | None = None,
    progress: Progress | None = None,
) -> tuple[np.ndarray, tuple[float, float], int]:
    """Attributions ``[N, T]`` float64, (output, output of the baseline), and the nodes used.

    Raises:
        NotApplicable: captum is not installed.
    """
    integrate = import_captum().IntegratedGradients
    stages = Stages(entered, measure)
    with torch.no_grad(), memory_guard(entered.checkpoint):
        started = time.perf_counter()
        ends = float(stages(entered.embeddings)), float(stages(baseline))
        took = time.perf_counter() - started
    chunk = _chunk(entered, took)
    nodes = steps or STEPS
    while True:
        forward = _Counted(stages, nodes, progress)
        with memory_guard(entered.checkpoint):
            values = integrate(forward).attribute(
                entered.embeddings,
                baselines=baseline,
                n_steps=nodes,
                method="gausslegendre",
                internal_batch_size=chunk,
            )
        found = values[0].to(torch.float64).sum(dim=-1).cpu().numpy()
        gap = completeness_gap(float(found.sum()), ends[0] - ends[1])
        if steps is not None or gap < TOLERANCE or nodes >= MOST_STEPS:
            return found, ends, nodes
        nodes *= 2


def _chunk(entered: Entered, took: float) -> int:
    """Nodes at a time: two forwards took ``took`` seconds; a backward costs two forwards."""
    most = max(1, TOKENS // int(np.prod(entered.counted.shape)))
    return int(np.clip(CHUNK_S / max(1.5 * took, 1e-4), 1, most))


class _Counted:
    """The stages, with a word to ``progress`` before each chunk."""

    def __init__(self, stages: Stages, nodes: int, progress: Progress | None) -> None:
        self.stages, self.nodes, self.progress, self.done = stages, nodes, progress, 0

    def __call__(self, embeddings: Tensor) -> Tensor:
        if self.progress is not None:
            self.progress(min(self.done, self.nodes), self.nodes)
        self.done += len(embeddings)
        out: Tensor = self.stages(embeddings)
        return out

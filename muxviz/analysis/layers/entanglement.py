"""Entanglement spectrum: at which depth does a slot's share of the state turn into interaction?

The texts of the N slots are taken as independent random inputs. Variance of the state h splits into
what each slot explains alone, V_i = tr Var(E[h | x_i]), and the rest, which no sum of functions of
single slots can give (Sobol 1993; the estimator is the pick-freeze one of Saltelli et al. 2010).
Left out: which slots interact, and single positions or directions of the state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.bootstrap import interval_of, resamples
from muxviz.analysis.groups.draws import Batch, Progress, batches, origin_of, part_of
from muxviz.analysis.groups.layer_states import layer_pass, level_names, need_texts
from muxviz.batch import Group, Row, Seating, encode_rows, make_group, padded
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.layers import EntanglementSpectrum

CENTRING = 16  # groups whose mean state is taken off; it only steadies the estimate
FROZEN = 2  # B and A come before the N mixed groups of a pair


def entanglement_spectrum(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    *,
    pairs: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> EntanglementSpectrum:
    """Each slot's share of the state's variance at the mixture, on entering, and after each layer.

    For pairs of independent groups A, B, all padded to one length, and f the state of all positions
    less a fixed centre:
    V_i = mean <f(B), f(A with slot i from B) - f(A)>, V = mean <f(B), f(B) - f(A)>, S_i = V_i / V.
    For a sum of functions of single slots the N differences add up to f(B) - f(A) in every pair, so
    the interaction of a linear multiplexer is 0 at the mixture whatever is drawn.

    Args:
        pool: sentences, drawn with replacement for every slot.
        pairs: of groups; (N + 2) * pairs + 16 mixed sequences are computed.
        seating: pads groups before they are brought to one length.
        progress: may raise ``Stopped``; with two pairs or more done, those are kept.

    Returns:
        Shares with intervals from a bootstrap over pairs. It holds for groups like the pool's and
        says nothing about one group; a share is of variance, not of information.

    Raises:
        NotApplicable: one slot only. InputError: a pool or number of pairs below 2.
    """
    num = checkpoint.config.num_instances
    if num < 2:
        raise NotApplicable("not applicable: one text a pass, so there is nothing to entangle")
    need_texts(pool)
    if pairs < 2:
        raise InputError(f"got {pairs} pairs; an interval needs at least 2, a good one 64")
    first, second, centring = _independent(checkpoint, pool, pairs, seating)
    groups = [g for a, b in zip(first, second, strict=True) for g in _matched(a, b)]
    total = len(groups) + len(centring)
    sums = _Sums(_centre(checkpoint, centring, part_of(progress, 0, total)), num)
    try:
        for batch in batches(checkpoint, groups, part_of(progress, len(centring), total)):
            sums.take(checkpoint, batch)
    except Stopped:
        if len(sums.done) < 2:
            raise
    return _result(checkpoint, sums, first[0], asked=pairs, pool=len(pool), seating=seating)


class _Sums:
    """Products of every pair; of the states only those of one pair's A and B are kept."""

    def __init__(self, centre: list[Tensor], num: int) -> None:
        self.centre, self.num = centre, num
        self.kept: dict[tuple[int, int], Tensor] = {}  # (level, 0 for B or 1 for A) -> f
        self.open: list[np.ndarray] = []  # products of the pair at work, [S] each
        self.done: list[np.ndarray] = []  # [N + 1, S] per pair, V first

    def take(self, checkpoint: Checkpoint, batch: Batch) -> None:
        """Add the groups of a batch, which come in order."""
        levels = enumerate(_levels(checkpoint, batch))
        products = [self._products(level, f, batch.numbers) for level, f in levels]
        rows = torch.stack(products, dim=1).cpu().numpy()  # [B, S]
        for number, row in zip(batch.numbers, rows, strict=True):
            role = number % (self.num + FROZEN)
            if role:
                self.open.append(row)
            if role == self.num + 1:
                self.done.append(np.stack(self.open))
                self.open = []

    def _products(self, level: int, f: Tensor, numbers: Sequence[int]) -> Tensor:
        """<f(B), f(B) - f(A)> at A's place, <f(B), f - f(A)> at the others', 0 at B's: ``[B]``."""
        out = []
        for number, state in zip(numbers, f, strict=True):
            role = number % (self.num + FROZEN)
            if role < FROZEN:
                self.kept[level, role] = state.double()
            if role == 0:
                out.append(state.new_zeros((), dtype=torch.float64))
                continue
            b, a = self.kept[level, 0], self.kept[level, 1]
            change = (b if role == 1 else state.double()) - a
            out.append(((b - self.centre[level]) * change).sum())
        return torch.stack(out)


def _levels(checkpoint: Checkpoint, batch: Batch) -> list[Tensor]:
    passed = layer_pass(checkpoint, batch)
    return [passed.mixture, *passed.states]


def _independent(
    checkpoint: Checkpoint, pool: Sequence[str], pairs: int, seating: Seating
) -> tuple[list[Group], list[Group], list[Group]]:
    """Groups A, groups B and those for the centre: independent draws, all of one length."""
    num, generator = checkpoint.config.num_instances, np.random.default_rng(seating.seed)
    rows = encode_rows(checkpoint, [Row(text) for text in pool], padding=seating.padding)
    drawn = generator.integers(len(rows), size=(2 * pairs + CENTRING, num))
    groups = [make_group(checkpoint.config, [rows[r] for r in one], seating) for one in drawn]
    length = max(group.length for group in groups)
    groups = [padded(checkpoint.config, group, length) for group in groups]
    return groups[:pairs], groups[pairs : 2 * pairs], groups[2 * pairs :]


def _matched(a: Group, b: Group) -> list[Group]:
    """B, A, and A with each slot in turn from B."""
    return [b, a, *(_exchanged(a, b, slot) for slot in range(len(a.rows)))]


def _exchanged(a: Group, b: Group, slot: int) -> Group:
    arrays = {}
    for name in ("ids", "mask", "types"):
        values = getattr(a, name).copy()
        values[slot] = getattr(b, name)[slot]
        arrays[name] = values
    rows = (*a.rows[:slot], b.rows[slot], *a.rows[slot + 1 :])
    return replace(a, rows=rows, **arrays)


def _centre(checkpoint: Checkpoint, groups: list[Group], progress: Progress | None) -> list[Tensor]:
    """Mean state at every level, ``[T, D]`` float64 each."""
    total: list[Tensor] = []
    for batch in batches(checkpoint, groups, progress):
        sums = [f.double().sum(dim=0) for f in _levels(checkpoint, batch)]
        total = [a + b for a, b in zip(total, sums, strict=True)] if total else sums
    return [f / len(groups) for f in total]


def _result(
    checkpoint: Checkpoint, sums: _Sums, group: Group, *, asked: int, pool: int, seating: Seating
) -> EntanglementSpectrum:
    products = np.stack(sums.done)  # [M, N + 1, S]
    whole, parts = products[:, 0], np.moveaxis(products[:, 1:], 1, 2)
    weights = resamples(len(products), seating.seed)
    drawn = np.einsum("rm,msn->rsn", weights, parts), weights @ whole
    now, samples = _shares(parts.sum(axis=0), whole.sum(axis=0)), _shares(*drawn)
    share, interaction, balance = (
        interval_of(mean, sample, len(products), seating.seed)
        for mean, sample in zip(now, samples, strict=True)
    )
    return EntanglementSpectrum(
        ("mix", *level_names(checkpoint)),
        share,
        interaction,
        balance,
        whole.mean(axis=0) / [len(centre) for centre in sums.centre],
        asked,
        pool,
        len(products) * (sums.num + FROZEN) + CENTRING,
        origin_of(checkpoint, [group], seating, fill="pool"),
    )


def _shares(parts: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares ``[..., N]``, interaction and balance ``[...]``; NaN where nothing varies."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(whole[..., None] > 0, parts / whole[..., None], np.nan)
        positive = np.clip(share, 0, None)
        p = positive / positive.sum(axis=-1, keepdims=True)
        entropy = -np.where(p > 0, p * np.log(p), 0.0).sum(axis=-1)
    balance = np.where(np.isnan(p).any(axis=-1), np.nan, entropy / np.log(share.shape[-1]))
    return share, 1 - share.sum(axis=-1), balance

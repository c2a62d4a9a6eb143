"""The swap test: exchange the sentence of one slot, see what the answers of the others do.

    X[i, j] = mean over pool sentences s of JS(p_i(x), p_i(x with x_j replaced by s))

in nats, 0 to ln 2, the same with the total variation in place of JS (how much probability moves, 0
to 1), and the signed twin on margins. For tokens, both are means over slot i's own counted tokens;
on the diagonal they compare places, as far as both rows reach.
Source: our definition; K draws for N slots are K x N groups and as many passes, run together.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from muxviz.analysis.crosstalk.swaps import (
    ONE_ANSWER,
    Targets,
    Watched,
    benjamini_hochberg,
    choose_targets,
    encoded,
    exchanged,
    margins_of,
    other_sentences,
    refuse_what_has_no_answer,
    rounding,
    sign_flip,
    watch,
)
from muxviz.analysis.groups.bootstrap import bootstrap_mean, interval_of, resamples
from muxviz.analysis.groups.draws import (
    TOKENS,
    Progress,
    base_group,
    batch_logits,
    batches,
    jensen_shannon,
    origin_of,
    part_of,
    softmax,
    total_variation,
)
from muxviz.batch import Group, Row, Seating
from muxviz.engine.guard import memory_guard
from muxviz.errors import InputError, Stopped
from muxviz.inference import group_tensors
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.cross_matrix import Measured, cross_matrix
from muxviz.results.crosstalk import Crosstalk, Swap
from muxviz.results.estimates import Estimates

BLOCK = 16  # draws that a stop keeps or loses together, or up to four times as many
BLOCK_S = 5.0  # seconds that a block of more draws may take; larger ones stack better
STACKS = (1, 1, 3, 12)  # how the unchanged group is stacked to measure the floor
NUMBERS = 4_000_000  # probabilities compared at a time


@dataclass(frozen=True)
class _Now:
    """The unchanged group: its answers ``[U, C]``, margins ``[N]``, and what counts as no change:
    divergences measured and allowed for ``[N]``, probability that moves ``[N]``, margins ``[N]``.
    """

    p: np.ndarray
    margins: np.ndarray
    measured: np.ndarray
    floor: np.ndarray
    moved_floor: np.ndarray
    push_floor: np.ndarray


@dataclass(frozen=True)
class _Draws:
    """A value per draw, slot observed and slot exchanged, ``[K, N, N]``; after: and per class."""

    js: np.ndarray
    moved: np.ndarray
    push: np.ndarray
    changed: np.ndarray
    after: np.ndarray


def measure_crosstalk(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    pool: Sequence[str] | None = None,
    baseline: Checkpoint | None = None,
    gold: Sequence[str | None] | None = None,
    seating: Seating = Seating(),
    draws: int = 64,
    progress: Progress | None = None,
) -> Crosstalk:
    """Exchange each slot's sentence in turn for each of ``draws`` pool sentences.

    Args:
        rows: one to N rows; the answers of free slots are left out.
        pool: sentences to draw from, without replacement; those of the group itself are left out.
            None for the shipped pool. All slots get the same ones.
        baseline, gold: whose answers the margins are of, see ``choose_targets``.
        draws: at most the size of the pool.
        progress: called with groups done and in all; what it has finished when it raises
            ``Stopped`` is kept, in blocks of draws.

    Raises:
        NotApplicable: a plain model, a regression, no tokenizer. InputError: an empty pool, fewer
        than one draw, an unknown gold label. Stopped: before the first block was done.
    """
    refuse_what_has_no_answer(checkpoint)
    if draws < 1:
        raise InputError(f"got draws={draws}; at least one is needed, 64 are usual")
    group = base_group(checkpoint, rows, seating)
    left = other_sentences(group, pool)
    order = np.random.default_rng(seating.seed).permutation(len(left))[:draws]
    sentences = [left[i] for i in order]
    watched = watch(checkpoint, group)
    logits = _repeated(checkpoint, group, watched)
    targets = choose_targets(checkpoint, group, watched, logits[0], baseline=baseline, gold=gold)
    now = _now(checkpoint, watched, targets, logits)
    seen = _exchange_all(checkpoint, group, watched, targets, now, sentences, progress)
    fillers = tuple(s for s, r in enumerate(group.repeats) if r is not None)
    for values in (seen.js, seen.moved, seen.push, seen.changed):
        values[:, list(fillers)] = np.nan
    one_each = watched.task == ONE_ANSWER
    return Crosstalk(
        js=_swap(seen.js, now.floor, seating.seed, signed=False),
        moved=_swap(seen.moved, now.moved_floor, seating.seed, signed=False),
        push=_swap(seen.push, now.push_floor, seating.seed, signed=True),
        decibels=_decibels(seen.js, now.floor, seating.seed),
        changed=seen.changed.astype(np.float32),
        measured_floor=now.measured,
        floor_runs=sum(STACKS),
        targets=targets.names,
        target_from=targets.source,
        before=now.p.astype(np.float32) if one_each else np.empty((0, 0), np.float32),
        after=seen.after,
        labels=tuple(checkpoint.config.labels),
        texts=tuple(row.row.text for row in group.rows),
        fillers=fillers,
        own_answers=watched.of.sum(axis=0).astype(int),
        sentences=tuple(sentences[: len(seen.js)]),
        pool_size=len(left),
        asked=draws,
        is_partial=len(seen.js) < len(sentences),
        task=watched.task,
        provenance=origin_of(checkpoint, [group], seating),
    )


def difference(first: Crosstalk, second: Crosstalk, measure: str = "points") -> Estimates:
    """Cells of the second model less those of the first, ``[N, N]``, with a 95 % interval.

    measure: "points", "swap" or "push". Paired by draw; what lies within either floor
    counts as no difference.

    Raises:
        InputError: another number of slots, or other sentences.
    """
    swaps = [{"points": r.moved, "swap": r.js, "push": r.push}[measure] for r in (first, second)]
    one, two = (swap.each.astype(np.float64) for swap in swaps)
    if one.shape[1:] != two.shape[1:] or first.sentences != second.sentences:
        raise InputError(
            f"got {one.shape[1]} slots and {len(one)} draws, and {two.shape[1]} slots and "
            f"{len(two)} draws; a difference needs as many slots and the same sentences"
        )
    floor = np.maximum(swaps[0].floor, swaps[1].floor)[:, None]
    apart = np.where(np.abs(two - one) <= floor, 0.0, two - one)
    return bootstrap_mean(apart, seed=first.provenance.seed)


def matrix_difference(first: Measured, second: Measured, measure: str = "points") -> Estimates:
    """Of any measure (see ``cross_matrix``), the second model's matrix less the first's.

    As ``difference`` where both are swap tests with the same sentences; else, and in decibels,
    without an interval.
    """
    if (
        isinstance(first, Crosstalk)
        and isinstance(second, Crosstalk)
        and measure in ("points", "swap", "push")
        and first.sentences == second.sentences
    ):
        return difference(first, second, measure)
    one, two = (cross_matrix(result, measure).values for result in (first, second))
    nothing = np.full(one.shape, np.nan)
    return Estimates(two - one, nothing, nothing, 0, 0)


# ---- the unchanged group ------------------------------------------------------------------------


@torch.inference_mode()
def _repeated(checkpoint: Checkpoint, group: Group, watched: Watched) -> np.ndarray:
    """Logits ``[runs, U, C]`` of the unchanged group, alone and in stacks."""
    found = []
    most = max(1, TOKENS // group.ids.size)
    for size in STACKS:
        ids, mask, types = group_tensors(checkpoint, [group] * min(size, most))
        with memory_guard(checkpoint):
            logits = checkpoint.model(ids, mask, types, hide_padding=group.hides_padding).logits
        found.append(watched.read(logits)[0])
    return np.concatenate(found)


def _now(checkpoint: Checkpoint, watched: Watched, targets: Targets, logits: np.ndarray) -> _Now:
    """What is read from the repeated runs; the first stands for the group."""
    has = np.ones(len(watched.slots), dtype=bool)
    p, found = softmax(logits[0]), margins_of(watched, targets, logits, has)
    again = softmax(logits)
    measured = watched.per_slot(jensen_shannon(p, again), has).max(axis=0)
    moved = watched.per_slot(total_variation(p, again), has).max(axis=0)
    # Moving one logit by `least` gives JS least^2 / 32 at most and moves least / 4 of probability:
    # where two classes are as likely.
    least = rounding(checkpoint, logits[0])
    return _Now(
        p,
        found[0],
        measured,
        np.maximum(measured, least**2 / 32),
        np.maximum(moved, least / 4),
        np.maximum(np.abs(found - found[0]).max(axis=0), least),
    )


# ---- the draws ----------------------------------------------------------------------------------


def _exchange_all(
    checkpoint: Checkpoint,
    group: Group,
    watched: Watched,
    targets: Targets,
    now: _Now,
    sentences: Sequence[str],
    progress: Progress | None,
) -> _Draws:
    """All draws that are done when the work ends or is stopped."""
    num, start, size, blocks = len(group.rows), 0, BLOCK, []
    while start < len(sentences):
        piece, began = sentences[start : start + size], time.perf_counter()
        told = part_of(progress, start * num, len(sentences) * num)
        try:
            blocks.append(_exchange(checkpoint, group, watched, targets, now, piece, told))
        except Stopped:
            if not blocks:
                raise
            break
        start += len(piece)
        took = max(time.perf_counter() - began, 1e-4)
        size = int(np.clip(len(piece) * BLOCK_S / took, BLOCK, 4 * BLOCK))
    return _Draws(
        *(
            np.concatenate([getattr(b, name) for b in blocks])
            for name in ("js", "moved", "push", "changed", "after")
        )
    )


@torch.inference_mode()
def _exchange(
    checkpoint: Checkpoint,
    group: Group,
    watched: Watched,
    targets: Targets,
    now: _Now,
    sentences: Sequence[str],
    progress: Progress | None,
) -> _Draws:
    """One block of draws: every sentence in the place of every slot's, N groups a sentence."""
    num, config = len(group.rows), checkpoint.config
    groups = [
        exchanged(config, group, {slot: row})
        for row in encoded(checkpoint, sentences, group)
        for slot in range(num)
    ]
    js = np.empty((len(groups), num))
    moved, push, changed = (np.empty_like(js) for _ in range(3))
    classes = now.p.shape[1] if watched.task == ONE_ANSWER else 0
    after = np.empty((len(groups), num, classes), np.float32)
    for batch in batches(checkpoint, groups, progress):
        logits = batch_logits(checkpoint, batch)
        for at, values, has in _pieces(logits, watched):
            numbers = np.array(batch.numbers)[at]
            p = softmax(values)
            js[numbers] = watched.per_slot(jensen_shannon(now.p[has], p), has)
            moved[numbers] = watched.per_slot(total_variation(now.p[has], p), has)
            push[numbers] = now.margins - margins_of(watched, targets, values, has)
            other = p.argmax(axis=-1) != now.p[has].argmax(axis=-1)
            changed[numbers] = watched.per_slot(other.astype(np.float64), has)
            if classes:
                after[numbers] = p

    def by_draw(values: np.ndarray) -> np.ndarray:
        return values.reshape(len(sentences), num, *values.shape[1:]).swapaxes(1, 2)

    return _Draws(*(by_draw(values) for values in (js, moved, push, changed, after)))


def _pieces(
    logits: torch.Tensor, watched: Watched
) -> Iterator[tuple[slice, np.ndarray, np.ndarray]]:
    """Some groups of a batch at a time, as memory allows: which, logits, and answers they have."""
    step = max(1, NUMBERS // (len(watched.slots) * logits.shape[-1] + 1))
    for start in range(0, len(logits), step):
        at = slice(start, start + step)
        yield at, *watched.read(logits[at])


# ---- means and tests ----------------------------------------------------------------------------


def _swap(each: np.ndarray, floor: np.ndarray, seed: int, *, signed: bool) -> Swap:
    """Means with intervals, sums over the other slots, and which cells are more than the floor.

    An amount is never negative, so what is tested is whether it exceeds the floor; a margin's
    change is tested against 0, changes within the floor counting as none. The sign-flip test asks
    for no distribution, and its p, unlike a bootstrap's, is right for few draws too.
    """
    cells = bootstrap_mean(each, seed=seed)
    num = each.shape[1]
    others = np.where(np.eye(num, dtype=bool), 0.0, each)
    if signed:
        p = sign_flip(np.where(np.abs(each) > floor[:, None], each, 0.0), two_sided=True, seed=seed)
        off = np.abs(cells.mean) > floor[:, None]
        clear = off & cells.excludes(0.0)
    else:
        p = sign_flip(each - floor[:, None], two_sided=False, seed=seed)
        clear = cells.low > floor[:, None]
    p[np.diag_indices(num)] = np.nan
    return Swap(
        cells=cells,
        received=bootstrap_mean(others.sum(axis=2), seed=seed),
        given=bootstrap_mean(np.nansum(others, axis=1), seed=seed),
        each=each.astype(np.float32),
        floor=floor,
        p=p,
        is_told=benjamini_hochberg(p) & clear,
    )


def _decibels(each: np.ndarray, floor: np.ndarray, seed: int) -> Estimates:
    """10 log10 of each cell against its row's own sentence, over the resamples of the means."""
    draws, num = each.shape[:2]

    def ratio(means: np.ndarray) -> np.ndarray:
        raised = np.maximum(means, floor[:, None])
        own = raised[..., np.arange(num), np.arange(num)]
        return 10 * np.log10(raised / own[..., None])

    means = (resamples(draws, seed) @ each.reshape(draws, -1) / draws).reshape(-1, num, num)
    return interval_of(ratio(each.mean(axis=0)), ratio(means), draws, seed)

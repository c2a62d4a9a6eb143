"""Which sentence a slot owes its margin to: Shapley values over the sentences of the group.

The game of slot i: v_i(S) = mean over reference sentences in the slots outside S of the margin of
slot i's target, the sentences in S staying where they are. The value of sentence j is

    phi[i, j] = sum over S without j of |S|! (N - |S| - 1)! / N! * (v_i(S + j) - v_i(S))

and sum_j phi[i, j] = v_i(all) - v_i(none) (Shapley 1953). References are pool sentences, not
padding: an empty slot is nothing the model has seen. All coalitions of a draw share its references
(common random numbers), so the sum holds in every draw. Up to N = 10 all 2^N coalitions are run;
above, each draw walks one random order of the slots and its reverse (Castro et al. 2009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
import torch

from muxviz.analysis.crosstalk.swaps import (
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
from muxviz.analysis.groups.bootstrap import bootstrap_mean
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    batch_logits,
    batches,
    origin_of,
    part_of,
)
from muxviz.batch import EncodedRow, Group, Row, Seating
from muxviz.engine.guard import memory_guard
from muxviz.errors import InputError, Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.crosstalk import Shapley

EXACT = 10  # slots up to which all coalitions are run
BLOCK = 256  # groups that a block of draws has at least: kept or lost together at a stop


@dataclass(frozen=True)
class _Plan:
    """Coalitions of one draw as ``[S, N]`` bool (True: the own sentence stays), and the weights
    ``[N, S]`` that turn their margins into Shapley values.
    """

    members: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class _Setting:
    """What every draw needs. full: margins of the group as it is ``[N]``; floor: what counts as no
    change of one.
    """

    checkpoint: Checkpoint
    group: Group
    watched: Watched
    targets: Targets
    full: np.ndarray
    floor: float


def shapley(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    pool: Sequence[str] | None = None,
    baseline: Checkpoint | None = None,
    gold: Sequence[str | None] | None = None,
    seating: Seating = Seating(),
    draws: int = 16,
    is_exact: bool | None = None,
    progress: Progress | None = None,
) -> Shapley:
    """Shapley values of every sentence for the margin of every slot.

    Costs 2^N groups per draw up to N = 10, 2N above; memory is that of one chunk of groups.

    Args:
        rows, pool, baseline, gold: as in ``measure_crosstalk``.
        draws: sets of N reference sentences.
        is_exact: run all coalitions, or a sample; None for all up to N = 10.
        progress: called with groups done and in all; whole blocks of draws done before it raises
            ``Stopped`` are kept.

    Raises:
        NotApplicable: a plain model, a regression, no tokenizer. InputError: an empty pool, fewer
        than one draw, all coalitions of more than 10 slots. Stopped: before the first block.
    """
    refuse_what_has_no_answer(checkpoint)
    num = checkpoint.config.num_instances
    exact = num <= EXACT if is_exact is None else is_exact
    if draws < 1:
        raise InputError(f"got draws={draws}; at least one is needed, 16 are usual")
    if exact and num > EXACT:
        raise InputError(
            f"all coalitions of {num} slots are 2^{num} groups a draw; leave is_exact to None"
        )
    group = base_group(checkpoint, rows, seating)
    left = other_sentences(group, pool)
    references = encoded(checkpoint, left, group)
    setting = _setting(checkpoint, group, baseline, gold)
    each, empty = _all_draws(setting, references, draws, exact, seating.seed, progress)
    fillers = tuple(s for s, r in enumerate(group.repeats) if r is not None)
    each[:, list(fillers)] = np.nan
    values, nothing = (
        bootstrap_mean(each, seed=seating.seed),
        bootstrap_mean(empty, seed=seating.seed),
    )
    beyond = np.abs(each) > setting.floor
    p = sign_flip(np.where(beyond, each, 0.0), two_sided=True, seed=seating.seed)
    p[np.diag_indices(num)] = np.nan
    return Shapley(
        values=values,
        empty=nothing,
        full=setting.full,
        residual=values.mean.sum(axis=1) - (setting.full - nothing.mean),
        each=each.astype(np.float32),
        p=p,
        is_told=benjamini_hochberg(p)
        & values.excludes(0.0)
        & (np.abs(values.mean) > setting.floor),
        is_exact=exact,
        coalitions=2**num if exact else 2 * num,
        targets=setting.targets.names,
        target_from=setting.targets.source,
        texts=tuple(row.row.text for row in group.rows),
        fillers=fillers,
        pool_size=len(left),
        asked=draws,
        is_partial=len(each) < draws,
        task=checkpoint.config.task,
        provenance=origin_of(checkpoint, [group], seating),
    )


def shapley_groups(num: int) -> int:
    """Groups that one draw runs for N slots."""
    return 2**num - 1 if num <= EXACT else 2 * num - 1


# ---- draws --------------------------------------------------------------------------------------


@torch.inference_mode()
def _setting(
    checkpoint: Checkpoint,
    group: Group,
    baseline: Checkpoint | None,
    gold: Sequence[str | None] | None,
) -> _Setting:
    watched = watch(checkpoint, group)
    (batch,) = batches(checkpoint, [group])
    with memory_guard(checkpoint):
        logits = batch_logits(checkpoint, batch)
    values, has = watched.read(logits)
    targets = choose_targets(checkpoint, group, watched, values[0], baseline=baseline, gold=gold)
    full = margins_of(watched, targets, values, has)[0]
    return _Setting(checkpoint, group, watched, targets, full, rounding(checkpoint, values[0]))


def _all_draws(
    setting: _Setting,
    references: Sequence[EncodedRow],
    draws: int,
    exact: bool,
    seed: int,
    progress: Progress | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Shapley values ``[K, N, N]`` and margins of the empty coalition ``[K, N]`` of the draws done
    when the work ends or is stopped.
    """
    generator = np.random.default_rng(seed)
    num = len(setting.group.rows)
    per_draw = 2**num if exact else 2 * num
    step = max(1, BLOCK // per_draw)
    plan = _coalitions(num) if exact else None
    values: list[np.ndarray] = []
    empties: list[np.ndarray] = []
    for start in range(0, draws, step):
        chosen = [_draw(references, num, generator) for _ in range(min(step, draws - start))]
        plans = [plan or _walk(generator.permutation(num)) for _ in chosen]
        told = part_of(progress, start * (per_draw - 1), draws * (per_draw - 1))
        try:
            margins = _margins(setting, plans, chosen, told)
        except Stopped:
            if not values:
                raise
            break
        values += [(p.weights @ m).T for p, m in zip(plans, margins, strict=True)]
        empties += [m[0] for m in margins]
    return np.stack(values), np.stack(empties)


def _draw(
    references: Sequence[EncodedRow], num: int, generator: np.random.Generator
) -> list[EncodedRow]:
    """A reference for every slot, no two alike while the pool lasts."""
    order = generator.choice(len(references), size=num, replace=len(references) < num)
    return [references[i] for i in order]


@torch.inference_mode()
def _margins(
    setting: _Setting,
    plans: Sequence[_Plan],
    chosen: Sequence[Sequence[EncodedRow]],
    progress: Progress | None,
) -> list[np.ndarray]:
    """Margins ``[S, N]`` of every coalition of some draws; the full one is known already."""
    checkpoint, groups = setting.checkpoint, []
    for plan, references in zip(plans, chosen, strict=True):
        for members in plan.members[:-1]:
            rows = {slot: references[slot] for slot in np.flatnonzero(~members).tolist()}
            groups.append(exchanged(checkpoint.config, setting.group, rows))
    found = np.empty((len(groups), len(setting.full)))
    for batch in batches(checkpoint, groups, progress):
        values, has = setting.watched.read(batch_logits(checkpoint, batch))
        found[batch.numbers] = margins_of(setting.watched, setting.targets, values, has)
    return [np.vstack([m, setting.full]) for m in np.split(found, len(plans))]


# ---- coalitions ---------------------------------------------------------------------------------


def _coalitions(num: int) -> _Plan:
    """All 2^N, the empty one first and the full one last."""
    numbers = np.arange(2**num)
    members = (numbers[:, None] >> np.arange(num)) & 1 == 1
    sizes = members.sum(axis=1)
    joining = np.array([factorial(s) * factorial(num - s - 1) for s in range(num)]) / factorial(num)
    # A coalition with j counts by the weight of the one it grew from, without j by its own.
    grown, base = joining[np.maximum(sizes - 1, 0)], joining[np.minimum(sizes, num - 1)]
    return _Plan(members, np.where(members, grown[:, None], -base[:, None]).T)


def _walk(order: np.ndarray) -> _Plan:
    """Coalitions that grow along an order of the slots, and along its reverse: 2N of them."""
    num = len(order)
    ahead = np.tri(num + 1, num, -1, dtype=bool)  # row s: the first s of the order
    members = np.zeros((2 * num, num), dtype=bool)
    members[:num, order] = ahead[:num]
    members[num:, order[::-1]] = ahead[1:]
    # Rows: empty, then 1 to N - 1 members forwards; 1 to N members backwards.
    weights = np.zeros((num, 2 * num))
    for step, slot in enumerate(order):
        weights[slot, step] -= 0.5
        weights[slot, step + 1 if step + 1 < num else 2 * num - 1] += 0.5
    for step, slot in enumerate(order[::-1]):
        weights[slot, num + step - 1 if step else 0] -= 0.5
        weights[slot, num + step] += 0.5
    return _Plan(members, weights)

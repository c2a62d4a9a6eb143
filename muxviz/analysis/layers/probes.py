"""Linear probes: how much of each slot's own embeddings does a level's state still hold?

Unlike the lens this needs no retrieval head, and every level gets a map of its own. What a probe
finds is linearly there; whether the model uses it is another question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from muxviz.analysis.groups.bootstrap import bootstrap_ratio
from muxviz.analysis.groups.draws import Progress, batches, origin_of, part_of, pool_groups
from muxviz.analysis.groups.layer_states import layer_pass, level_names, need_texts
from muxviz.batch import Group, Seating
from muxviz.errors import InputError, Stopped
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.estimates import Estimates
from muxviz.results.layers import LayerProbe

PENALTIES = (1.0, 10.0, 1e2, 1e3, 1e5)  # of the ridge, per squared number of the state
CHOOSERS = 48  # numbers of an embedding that take part in choosing it
HELD_OUT = 5  # every fifth group to fit on is held out to choose the penalty
MOST = 4096  # positions of a split, so that memory stays bounded


@dataclass(frozen=True)
class _Sample:
    """Positions of a split: P of them.

    states: ``[P, D]`` per level. embeddings: ``[P, N, E]``. partner: ``[P, N]``, where slot i has a
    token that counts, the place of one at the same position in another group; -1 elsewhere.
    group: ``[P]``.
    """

    states: list[np.ndarray]
    embeddings: np.ndarray
    partner: np.ndarray
    group: np.ndarray

    @property
    def groups(self) -> int:
        """Groups in the split."""
        return int(self.group.max()) + 1


def linear_probes(
    checkpoint: Checkpoint,
    fit: Sequence[str],
    test: Sequence[str],
    *,
    fit_draws: int = 192,
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> LayerProbe:
    """Ridge regression from the state at a position to each slot's embedding there, by level.

    The control is fitted and scored in the same way, on the same states, but for the embeddings
    that the slot has at that position in another group: it knows positions, not the text. Both
    take the penalty that is best on every fifth group to fit on, then are fitted on all of them.

    Args:
        checkpoint: not modified; plain models have one slot.
        fit, test: sentences to fit on and to score on; they should share none.
        fit_draws, draws: groups of each, fewer where they exceed ``MOST`` positions.
        progress: may raise ``Stopped``; levels fitted by then are kept, the others are NaN.

    Raises:
        InputError: a pool of fewer than two texts, or fewer than two groups.
    """
    if min(fit_draws, draws) < 2:
        raise InputError("a probe needs at least 2 groups to fit on and 2 to score on")
    for texts in (fit, test):
        need_texts(texts)
    levels, num = level_names(checkpoint), checkpoint.config.num_instances
    groups = [
        _capped(pool_groups(checkpoint, texts, count, replace(seating, seed=seating.seed + k)))
        for k, (texts, count) in enumerate(((fit, fit_draws), (test, draws)))
    ]
    passes = sum(len(g) for g in groups)
    total = passes + len(levels) * num
    train = _sample(checkpoint, groups[0], part_of(progress, 0, total))
    held = _sample(checkpoint, groups[1], part_of(progress, len(groups[0]), total))
    errors = np.full((4, held.groups, len(levels), num), np.nan)  # own, its total, control, total
    penalty = np.full((len(levels), num), np.nan)
    is_partial = False
    try:
        for level in range(len(levels)):
            for slot in range(num):
                if progress is not None:
                    progress(passes + level * num + slot, total)
                errors[:, :, level, slot], penalty[level, slot] = _scores(train, held, level, slot)
    except Stopped:
        is_partial = True
        errors[:, :, level] = np.nan
        if not level:
            raise
    r2, control, selectivity = _explained(errors, seating.seed)
    return LayerProbe(
        levels,
        r2,
        control,
        selectivity,
        len(groups[0]),
        len(groups[1]),
        (train.partner >= 0).sum(axis=0),
        (held.partner >= 0).sum(axis=0),
        checkpoint.config.width,
        penalty,
        is_partial,
        origin_of(checkpoint, [*groups[0], *groups[1]], seating, fill="pool"),
    )


def _capped(groups: list[Group]) -> list[Group]:
    """As many groups as fit into ``MOST`` positions, at least two."""
    reached = np.cumsum([group.length for group in groups])
    return groups[: max(2, int((reached <= MOST).sum()))]


def _sample(checkpoint: Checkpoint, groups: list[Group], progress: Progress | None) -> _Sample:
    """States and embeddings at every position where some slot's token counts."""
    counts, longest = _counts(checkpoint, groups), max(g.length for g in groups)
    parts: list[tuple[Any, ...]] = []
    for batch in batches(checkpoint, groups, progress):
        passed = layer_pass(checkpoint, batch)
        prefix = passed.prepared.prefix
        for at, number in enumerate(batch.numbers):
            places = np.nonzero(counts[number].any(axis=0))[0]
            states = [s[at, places + prefix].float().cpu().numpy() for s in passed.states]
            embedded = passed.embeddings[at][:, places + prefix].float().cpu().numpy()
            parts.append((number, places, states, embedded))
    parts.sort(key=lambda part: int(part[0]))
    group = np.concatenate([np.full(len(p[1]), p[0]) for p in parts])
    place = np.concatenate([p[1] for p in parts])
    row = np.full((len(groups), longest), -1)
    row[group, place] = np.arange(len(group))
    counted = np.stack([np.pad(c, ((0, 0), (0, longest - c.shape[1]))) for c in counts])
    return _Sample(
        [np.concatenate([p[2][s] for p in parts]) for s in range(len(parts[0][2]))],
        np.concatenate([p[3] for p in parts], axis=1).swapaxes(0, 1),
        _partners(counted, row)[group, place],
        group,
    )


def _partners(counted: np.ndarray, row: np.ndarray) -> np.ndarray:
    """The next group that has a token of the slot at that position, as a row: ``[M, L, N]``.

    counted: ``[M, N, L]``. row: ``[M, L]`` of the sample. -1 where the token does not count.
    """
    found = np.full((row.shape[0], row.shape[1], counted.shape[1]), -1)
    for slot in range(counted.shape[1]):
        for t in range(row.shape[1]):
            holders = np.nonzero(counted[:, slot, t])[0]
            if len(holders) > 1:
                found[holders, t, slot] = row[np.roll(holders, -1), t]
    return found


def _counts(checkpoint: Checkpoint, groups: list[Group]) -> list[np.ndarray]:
    """``[N, L]`` bool per group: tokens that count."""
    out = []
    for group in groups:
        counted = np.zeros_like(group.mask, dtype=bool)
        for slot, row in enumerate(group.rows):
            own = counted_tokens(checkpoint, row)
            counted[slot, : len(own)] = own
        out.append(counted)
    return out


def _scores(train: _Sample, held: _Sample, level: int, slot: int) -> tuple[np.ndarray, float]:
    """Squared errors and totals per test group, then those of the control: ``[4, groups]``; and
    the penalty taken.
    """
    from sklearn.linear_model import Ridge

    own, tested = (np.nonzero(s.partner[:, slot] >= 0)[0] for s in (train, held))
    out = np.full((4, held.groups), np.nan)
    if min(len(own), len(tested)) < HELD_OUT:
        return out, np.nan
    x, group = train.states[level][own], train.group[own]
    sources = ((own, tested), (train.partner[own, slot], held.partner[tested, slot]))
    wanted = [(train.embeddings[a, slot], held.embeddings[b, slot]) for a, b in sources]
    penalties = _penalties(x, [y for y, _ in wanted], group % HELD_OUT == 0)
    for k, (y, truth) in enumerate(wanted):
        probe = Ridge(alpha=penalties[k], solver="cholesky").fit(x, y)
        wrong = (probe.predict(held.states[level][tested]) - truth) ** 2
        spread = (truth - truth.mean(axis=0)) ** 2
        for at, values in ((2 * k, wrong), (2 * k + 1, spread)):
            sums = values.sum(axis=1, dtype=np.float64)
            out[at] = np.bincount(held.group[tested], sums, minlength=held.groups)
    return out, penalties[0]


def _penalties(x: np.ndarray, wanted: list[np.ndarray], out: np.ndarray) -> tuple[float, ...]:
    """For each target the penalty with the smallest error on the rows held ``out [P]``."""
    if out.all() or not out.any():
        return (PENALTIES[0],) * len(wanted)
    middle = x[~out].mean(axis=0)
    inside, outside = x[~out] - middle, x[out] - middle
    sizes, axes = np.linalg.eigh(inside.T @ inside)
    seen, chosen = outside @ axes, []
    for whole in wanted:
        y = whole[:, :: max(1, whole.shape[1] // CHOOSERS)]
        mean = y[~out].mean(axis=0)
        along = axes.T @ (inside.T @ (y[~out] - mean))
        errors = [
            ((seen @ (along / (sizes + a)[:, None]) - (y[out] - mean)) ** 2).sum()
            for a in PENALTIES
        ]
        chosen.append(PENALTIES[int(np.argmin(errors))])
    return tuple(chosen)


def _explained(errors: np.ndarray, seed: int) -> tuple[Estimates, Estimates, Estimates]:
    """R^2 of the probes, of their controls, and the difference, each ``[S, N]``."""
    wrong, spread, by_chance, spread_by_chance = errors
    own = _less_than_one(bootstrap_ratio(wrong, spread, seed=seed))
    control = _less_than_one(bootstrap_ratio(by_chance, spread_by_chance, seed=seed))
    # One bootstrap for the difference: both are scored on the same groups.
    scale = spread.sum(axis=0) / spread_by_chance.sum(axis=0)
    difference = bootstrap_ratio(by_chance * scale - wrong, spread, seed=seed)
    return own, control, difference


def _less_than_one(ratio: Estimates) -> Estimates:
    return Estimates(1 - ratio.mean, 1 - ratio.high, 1 - ratio.low, ratio.draws, ratio.seed)

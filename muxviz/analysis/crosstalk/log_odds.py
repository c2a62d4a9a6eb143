"""How much likelier a neighbour's token is because the neighbour is there: leaks of one group.

Rows are the slots read out, columns the sources. Reading neighbour: ``leaks``, which counts wrong
tokens over many groups.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from muxviz.analysis.groups.bootstrap import RESAMPLES, redrawn
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    draw_rows,
    need_draws,
    origin_of,
    part_of,
    with_row,
)
from muxviz.analysis.groups.readback import (
    Places,
    Scores,
    counted,
    need_neighbours,
    need_retrieval,
    scores,
)
from muxviz.analysis.groups.shares import discoveries
from muxviz.batch import EncodedRow, Group, Row, Seating
from muxviz.errors import Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.reading import token_names
from muxviz.results.estimates import Estimates
from muxviz.results.leaks import LogOdds

RESOLUTION = 1e-3  # nats; smaller differences are rounding, and never called a leak
FEWEST = 2  # draws that make a result
ROUND = 16  # draws of every source before the next ones, so that work may be stopped


def log_odds(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    pool: Sequence[str],
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> LogOdds:
    """How much likelier slot j's tokens are, read from slot i, because slot j holds them.

    With r_i,t the retrieval distribution of slot i at position t, and draws d in which slot j holds
    a pool sentence instead,

        Λ[i, j] = mean over t of ( log r_i,t(x_j,t) - log mean_d r^d_i,t(x_j,t) )   in nats,

    over positions that count in both slots and where their tokens differ (i = j: all that count).
    The usual frequency of a word cancels. The same pool sentences serve every source.

    Args:
        rows: one to N.
        pool: sentences; those of the group itself are left out.
        draws: per source. Costs ``N * draws + 2`` multiplexed sequences.
        progress: called between chunks; where it raises ``Stopped``, the draws done so far make a
            partial result, if every source has two of them.

    Raises:
        NotApplicable: no retrieval head, or one slot. InputError: fewer than two draws or no pool.
        Stopped: too early for any result.
    """
    need_retrieval(checkpoint)
    need_neighbours(checkpoint)
    group = base_group(checkpoint, rows, seating)
    texts = [t for t in pool if t not in {row.text for row in rows}]
    need_draws(draws, texts, fewest=FEWEST, kind="sentences that are not in the group")
    others = draw_rows(checkpoint, texts, draws, seating)
    asked = _asked(checkpoint, group)
    present, floor = _present(checkpoint, group, asked)
    absent, is_partial = _absent(checkpoint, group, asked, others, progress)
    effect, usual = _effects(present, absent, seating.seed)
    present = np.where(np.isnan(usual), np.nan, present)  # no draw reaches so far
    p = _surprise(present, absent)
    num = len(group.rows)
    claimed = discoveries(p, ~np.eye(num, dtype=bool)) & (np.abs(effect.mean) > floor)
    return LogOdds(
        effect,
        (~np.isnan(present)).sum(axis=2),
        p,
        claimed,
        floor,
        present.astype(np.float32),
        usual.astype(np.float32),
        tuple(token_names(checkpoint.tokenizer, row.ids) for row in group.rows),
        tuple(i for i, repeats in enumerate(group.repeats) if repeats is not None),
        len(texts),
        is_partial,
        origin_of(checkpoint, [group], seating),
    )


def _asked(checkpoint: Checkpoint, group: Group) -> np.ndarray:
    """Which (slot, source, position) count, ``[N, N, L]`` bool."""
    real = counted(checkpoint, group)
    differ = group.ids[:, None] != group.ids[None]
    differ[np.arange(len(real)), np.arange(len(real))] = True
    asked: np.ndarray = real[:, None] & real[None] & differ
    return asked


def _places(group: Group, asked: np.ndarray) -> Places:
    """Questions for the tokens that ``asked [N, N, L]`` points at, in its order."""
    slots, sources, positions = np.nonzero(asked)
    return Places(slots, positions, group.ids[sources, positions])


def _present(checkpoint: Checkpoint, group: Group, asked: np.ndarray) -> tuple[np.ndarray, float]:
    """Log-probabilities ``[N, N, L]`` with every text in place, and how far two runs differ."""
    places = _places(group, asked)
    once = _run_alone(checkpoint, [group], [places])[0].log_prob
    twice = [s.log_prob for s in _run_alone(checkpoint, [group] * 2, [places] * 2)]
    found = np.full(asked.shape, np.nan)
    found[asked] = once
    apart = max((float(np.abs(other - once).max(initial=0.0)) for other in twice), default=0.0)
    return found, max(apart, RESOLUTION)


def _run_alone(
    checkpoint: Checkpoint, groups: Sequence[Group], places: Sequence[Places]
) -> list[Scores]:
    return [found for _, found in scores(checkpoint, groups, places)]


def _absent(
    checkpoint: Checkpoint,
    group: Group,
    asked: np.ndarray,
    others: Sequence[EncodedRow],
    progress: Progress | None,
) -> tuple[np.ndarray, bool]:
    """Log-probabilities ``[K, N, N, L]`` with a pool sentence in the source's slot.

    NaN where a draw was not done, or is too short to have the position.
    """
    num = len(group.rows)
    found = np.full((len(others), *asked.shape), np.nan)
    columns = [asked & (np.arange(num) == j)[:, None] for j in range(num)]
    questions = [_places(group, column) for column in columns]
    order = [(d, j) for d in range(len(others)) for j in range(num)]
    done = np.zeros((len(others), num), dtype=bool)
    try:
        for start in range(0, len(order), ROUND * num):
            some = order[start : start + ROUND * num]
            groups = [with_row(checkpoint, group, j, others[d]) for d, j in some]
            told = part_of(progress, start, len(order))
            for n, answer in scores(checkpoint, groups, [questions[j] for _, j in some], told):
                d, j = some[n]
                found[d][columns[j]] = answer.log_prob
                done[d, j] = True
    except Stopped:
        if done.sum(axis=0).min() < FEWEST:
            raise
    return found, not done.all()


def _effects(present: np.ndarray, absent: np.ndarray, seed: int) -> tuple[Estimates, np.ndarray]:
    """Λ ``[N, N]`` with its interval, and log of the mean probability ``[N, N, L]``."""
    probability = np.exp(absent)
    there = ~np.isnan(probability)
    filled = np.where(there, probability, 0.0)
    counts = there.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        usual = np.log(filled.sum(axis=0) / counts)
        mean = _mean(present - usual)
        num = len(mean)
        again = np.full((RESAMPLES, num, num), np.nan)
        for i in range(num):
            log_usual = np.log(redrawn(filled[:, i], there[:, i].astype(float), seed))
            again[:, i] = _mean(present[i] - log_usual)
    cells = np.isnan(mean)
    low, high = np.quantile(np.where(cells, 0.0, again), (0.025, 0.975), axis=0)
    low[cells] = high[cells] = np.nan
    draws = int(there.any(axis=(1, 3)).sum(axis=0).min())
    return Estimates(mean, low, high, draws, seed), usual


def _mean(values: np.ndarray) -> np.ndarray:
    """Over the last axis, without NaN; NaN where there is nothing else."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore", divide="ignore"):
        found: np.ndarray = np.where(there, values, 0.0).sum(axis=-1) / there.sum(axis=-1)
    return found


def _surprise(present: np.ndarray, absent: np.ndarray) -> np.ndarray:
    """Two-sided p ``[N, N]``: is the text in place unlike one more draw? Student t, K - 1 df."""
    values = _mean(absent)  # [K, N, N]
    draws = (~np.isnan(values)).sum(axis=0)
    middle = _mean(np.moveaxis(values, 0, -1))
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(np.nansum((values - middle) ** 2, axis=0) / (draws - 1))
        t = (_mean(present) - middle) / (spread * np.sqrt(1 + 1 / draws))
    p: np.ndarray = 2 * stats.t.sf(np.abs(t), np.maximum(draws - 1, 1))
    return p

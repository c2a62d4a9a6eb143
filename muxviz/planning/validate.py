"""What the planner is worth: half of the measured points are hidden, and it has to find the best.

The truth is the table itself, never a surface: for a budget, the fastest of all measured settings
whose measured accuracy holds. The planner sees half of the points (the baseline always, since
budgets refer to it) and ranks all settings of the table. Beside it, with the same rule:

- nearest: a hidden setting has the values of the nearest visible one; among equals the one further
  along both axes comes first, since it should be faster.
- nearest_measured: the same, but among equals the measured one comes first.
- random: settings in random order, those last that are visible and do not meet the budget.

And the promise "at least this accuracy with this risk": how often the setting that is named misses
the floor, and what speed the caution costs. Once with settings hidden alone, once with rows drawn
anew as well: what the planner sees is the table's accuracy and a normal error of the width of its
interval, independent from setting to setting, and the table is what comes out later.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from muxviz.errors import DataError, Stopped
from muxviz.planning.advise import TOLERANCE, chance_to_meet, draw, make_goal, rank
from muxviz.planning.choose import LEAST_POINTS, Z975, Progress, fit_planner
from muxviz.results.planning import (
    MODELS,
    QUANTITIES,
    RISK,
    Goal,
    HitRate,
    Measurements,
    PlannerCheck,
    Predicted,
    Promise,
    doublings,
)

LEAST_TO_HIDE = 2
BOOTSTRAPS = 1000
Z80 = 1.2816  # half of an 80 % interval, in standard deviations
WHO = ("planner", "nearest", "nearest_measured", "random")


@dataclass
class _Split:
    """Hits of one split: who -> a row per case of (among the first 1, among the first 3)."""

    hits: dict[str, list[tuple[bool, bool]]] = field(default_factory=lambda: {w: [] for w in WHO})
    was_hidden: list[bool] = field(default_factory=list)
    covered: dict[str, list[bool]] = field(default_factory=lambda: {q: [] for q in QUANTITIES})
    chosen: dict[str, str] = field(default_factory=dict)
    promised: list[np.ndarray] = field(default_factory=list)


def validate_planner(
    points: Measurements,
    *,
    splits: int = 200,
    budgets: int = 25,
    seed: int = 0,
    risk: float = RISK,
    progress: Progress | None = None,
) -> PlannerCheck:
    """Hit rates, and what promises are worth, over many splits and budgets.

    Args:
        points: a table of at least six settings.
        splits: random halves.
        budgets: evenly spaced, from none to the whole range of accuracy below the baseline; those
            that no setting meets are left out.
        seed: of the splits, of the random order and of the rows drawn anew.
        risk: of the promise.
        progress: called with (splits done, splits in all); where it raises ``Stopped``, what was
            done is returned.

    Raises:
        DataError: too few points to hide half of them, or no accuracy below the baseline's.
    """
    if len(points) < LEAST_POINTS + LEAST_TO_HIDE:
        raise DataError(
            f"got {len(points)} distinct settings; hiding half of them needs at least "
            f"{LEAST_POINTS + LEAST_TO_HIDE}: measure more"
        )
    # What was measured is the truth here, so its own intervals say nothing.
    whole, points = (
        points,
        replace(
            points,
            accuracy_low=np.full(len(points), np.nan),
            accuracy_high=np.full(len(points), np.nan),
        ),
    )
    goals = goals_to_try(points, budgets)
    rng = np.random.default_rng(seed)
    drawn_anew = np.random.default_rng([seed, 1])  # leaves the splits as they are
    done: list[_Split] = []
    partial = False
    try:
        for number in range(splits):
            if progress is not None:
                progress(number, splits)
            hidden = hide_half(points, rng)
            found, known = _try(points, hidden, goals, rng)
            found.promised.append(promised(points, known, goals, risk))
            if np.isfinite(whole.accuracy_low).all():
                seen = other_rows(whole, drawn_anew)
                known = fit_planner(seen.at(~hidden)).predict(seen.num_instances, seen.sparsity)
                found.promised.append(promised(whole, known, goals, risk))
            done.append(found)
    except Stopped:
        if not done:
            raise
        partial = True
    return replace(
        _collect(done, budgets, seed, partial),
        promises=tuple(
            promise_of([split.promised[at] for split in done], bool(at), risk, seed)
            for at in range(len(done[0].promised))
        ),
    )


def goals_to_try(points: Measurements, budgets: int) -> tuple[Goal, ...]:
    """Evenly spaced budgets that some measured setting meets.

    Raises:
        DataError: nothing is less accurate than the baseline.
    """
    base = points.accuracy[points.baseline]
    most = float(base - points.accuracy.min())
    if most <= 0:
        raise DataError(
            "no setting is less accurate than the baseline, so every budget has the same answer; "
            "measure larger N or sparsities"
        )
    goals = [make_goal(points, budget=float(b)) for b in np.linspace(0, most, budgets)]
    return tuple(goal for goal in goals if np.any(points.accuracy >= goal.threshold - 1e-12))


def hide_half(points: Measurements, rng: np.random.Generator) -> np.ndarray:
    """[P] booleans: a random half, never the baseline, and never so many that four are not left."""
    others = np.flatnonzero(np.arange(len(points)) != points.baseline)
    number = min(len(points) // 2, len(points) - LEAST_POINTS)
    hidden = np.zeros(len(points), dtype=bool)
    hidden[rng.permutation(others)[:number]] = True
    return hidden


def best_setting(points: Measurements, goal: Goal) -> int:
    """Number of the fastest point that meets a budget."""
    met = points.accuracy >= goal.threshold - 1e-12
    return int(np.argmax(np.where(met, points.throughput, -np.inf)))


# ---- one split ----------------------------------------------------------------------------------


def _try(
    points: Measurements, hidden: np.ndarray, goals: tuple[Goal, ...], rng: np.random.Generator
) -> tuple[_Split, Predicted]:
    planner = fit_planner(points.at(~hidden))
    known = _exactly(planner.predict(points.num_instances, points.sparsity))
    drawn = draw(known)
    copied = nearest_values(points, hidden)
    far = doublings(points.num_instances, points.sparsity).sum(axis=1)
    found = _Split(chosen=dict(planner.comparison.chosen))
    shuffled = rng.permutation(len(points))
    orders: dict[str, Callable[[Goal], np.ndarray]] = {
        "planner": lambda goal: rank(known, drawn, goal)[0],
        "nearest": lambda goal: nearest_order(points, copied, goal, far),
        "nearest_measured": lambda goal: nearest_order(points, copied, goal, far - 1e3 * hidden),
        "random": lambda goal: random_order(points, hidden, shuffled, goal),
    }
    for goal in goals:
        truth = best_setting(points, goal)
        found.was_hidden.append(bool(hidden[truth]))
        for who, order in orders.items():
            first = order(goal)
            found.hits[who].append((bool(first[0] == truth), truth in first[:3].tolist()))
    wide = Z80 * known.accuracy_sd[hidden]
    off = np.abs(known.accuracy - points.accuracy)[hidden]
    found.covered["accuracy"] = (off <= wide).tolist()
    off = np.abs(np.log(known.throughput / points.throughput))[hidden]
    found.covered["throughput"] = (off <= Z80 * known.throughput_sd[hidden]).tolist()
    return found, known


def _exactly(known: Predicted) -> Predicted:
    """Measured settings without the noise of their measurement."""
    own = known.measured >= 0
    return replace(
        known,
        accuracy_sd=np.where(own, 0.0, known.accuracy_sd),
        throughput_sd=np.where(own, 0.0, known.throughput_sd),
    )


def other_rows(points: Measurements, rng: np.random.Generator) -> Measurements:
    """The same settings as other rows of the same number might have had them."""
    spread = (points.accuracy_high - points.accuracy_low) / (2 * Z975)
    error = spread * rng.standard_normal(len(points))
    return replace(
        points,
        **{
            name: np.clip(getattr(points, name) + error, 0, 1)
            for name in ("accuracy", "accuracy_low", "accuracy_high")
        },
    )


def promised(
    points: Measurements, known: Predicted, goals: tuple[Goal, ...], risk: float
) -> np.ndarray:
    """[goals, 4]: whether a setting is promised, whether it misses, and both regrets.

    points: the truth. known: what the planner thinks of these settings. Regrets are NaN where
    there is nothing to compare with.
    """
    truth = _exactly(replace(
        known, accuracy=points.accuracy, throughput=points.throughput,
        measured=np.arange(len(points)),
        accuracy_rows_sd=np.nan_to_num((points.accuracy_high - points.accuracy_low) / (2 * Z975)),
    ))  # fmt: skip
    found = []
    for goal in goals:
        held = replace(goal, risk=risk)
        first, chance = _fastest(known, held)
        if chance < 1 - risk - TOLERANCE:
            found.append((0.0, math.nan, math.nan, math.nan))
            continue
        rate = points.throughput[first]
        best, sure = _fastest(truth, held)
        reached = points.accuracy >= goal.threshold - TOLERANCE
        found.append(
            (
                1.0,
                float(not reached[first]),
                1 - rate / points.throughput[best] if sure >= 1 - risk - TOLERANCE else math.nan,
                1 - rate / points.throughput[reached].max(),
            )
        )
    return np.asarray(found)


def _fastest(known: Predicted, goal: Goal) -> tuple[int, float]:
    """The setting that comes first, and the chance that it keeps the goal."""
    chance = chance_to_meet(known, goal)
    kept = chance >= 1 - goal.risk - TOLERANCE
    at = int(np.argmax(np.where(kept, known.throughput, -1) if kept.any() else chance))
    return at, float(chance[at])


def promise_of(splits: list[np.ndarray], rows: bool, risk: float, seed: int) -> Promise:
    """Over all cases of all splits; splits: each [goals, 4] of ``promised``."""
    tried = np.asarray(splits)
    count, missed = tried[..., 0].sum(axis=1), np.nansum(tried[..., 1], axis=1)
    drawn = np.random.default_rng(seed).integers(0, len(tried), (BOOTSTRAPS, len(tried)))
    shares = missed[drawn].sum(axis=1) / np.maximum(count[drawn].sum(axis=1), 1)
    low, high = np.percentile(shares, [2.5, 97.5])
    regret, hindsight = (
        float(np.nanmean(part)) if np.isfinite(part).any() else math.nan
        for part in (tried[..., 2], tried[..., 3])
    )
    total = int(count.sum())
    return Promise(
        rows, risk, tried.shape[0] * tried.shape[1], total,
        float(missed.sum() / total) if total else math.nan,
        float(low), float(high), regret, hindsight,
    )  # fmt: skip


def nearest_values(points: Measurements, hidden: np.ndarray) -> np.ndarray:
    """[P] number of the visible point whose values each setting takes (itself where visible)."""
    places = doublings(points.num_instances, points.sparsity)
    away = np.linalg.norm(places[:, None] - places[None], axis=-1)
    away[:, hidden] = np.inf
    return np.asarray(away.argmin(axis=1))


def nearest_order(
    points: Measurements, copied: np.ndarray, goal: Goal, before: np.ndarray
) -> np.ndarray:
    """Settings with copied values: fastest that meet the budget, then the most accurate others.

    before: [P], the larger comes first among equals.
    """
    accuracy, rate = points.accuracy[copied], points.throughput[copied]
    met = accuracy >= goal.threshold - 1e-12
    return np.lexsort((-before, np.where(met, -rate, -accuracy), ~met))


def random_order(
    points: Measurements, hidden: np.ndarray, shuffled: np.ndarray, goal: Goal
) -> np.ndarray:
    """A random order, with those last that are seen not to meet the budget."""
    fails = ~hidden & (points.accuracy < goal.threshold - 1e-12)
    return np.concatenate([shuffled[~fails[shuffled]], shuffled[fails[shuffled]]])


# ---- all splits ---------------------------------------------------------------------------------


def _collect(done: list[_Split], budgets: int, seed: int, partial: bool) -> PlannerCheck:
    hidden = [np.asarray(split.was_hidden) for split in done]
    hits = {who: [np.asarray(split.hits[who], dtype=float) for split in done] for who in WHO}
    return PlannerCheck(
        tuple(hit_rate(who, hits[who], seed) for who in WHO),
        tuple(
            hit_rate(who, [h[was] for h, was in zip(hits[who], hidden, strict=True)], seed)
            for who in WHO
        ),
        sum(len(was) for was in hidden),
        int(sum(was.sum() for was in hidden)),
        len(done),
        budgets,
        seed,
        {q: float(np.mean([c for split in done for c in split.covered[q]])) for q in QUANTITIES},
        {
            q: {m: float(np.mean([split.chosen[q] == m for split in done])) for m in MODELS}
            for q in QUANTITIES
        },
        partial,
    )


def hit_rate(who: str, hits: list[np.ndarray], seed: int) -> HitRate:
    """Rates over all cases, and intervals from drawing whole splits again and again.

    hits: for every split, [cases, 2] of 0 and 1: among the first one, among the first three.
    """
    sums = np.asarray([h.sum(axis=0) for h in hits], dtype=float).reshape(-1, 2)
    sizes = np.asarray([len(h) for h in hits], dtype=float)
    if not sizes.sum():
        return HitRate(who, *[float("nan")] * 6)
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(sizes), (BOOTSTRAPS, len(sizes)))
    counted = np.maximum(sizes[rows].sum(axis=1), 1)[:, None]
    low, high = np.percentile(sums[rows].sum(axis=1) / counted, [2.5, 97.5], axis=0)
    top1, top3 = sums.sum(axis=0) / sizes.sum()
    return HitRate(
        who,
        float(top1), float(low[0]), float(high[0]),
        float(top3), float(low[1]), float(high[1]),
    )  # fmt: skip

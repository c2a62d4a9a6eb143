"""The best setting for a goal, how sure that is, and what to measure next.

For a budget the best setting is the fastest one whose accuracy holds; for a throughput target the
most accurate one that is fast enough. Candidates come from ``Planner.predict``. Accuracy and
throughput of a candidate are taken as independent normals (the throughput's logarithm), and so are
candidates of each other. Left out: that the baseline's own accuracy is uncertain; it was measured
on the same rows, so most of that is common to all settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from muxviz.errors import InputError
from muxviz.planning.choose import Z975, Planner
from muxviz.planning.escalated import Escalated, with_escalated
from muxviz.ranges import LEAST_RATE, MOST_RATE
from muxviz.results.planning import (
    ACCURACY,
    BUDGET,
    EVEN,
    THROUGHPUT,
    Advice,
    Advised,
    BudgetCurve,
    Frontier,
    Goal,
    Measurements,
    NextMeasurement,
    Predicted,
    doublings,
    setting_words,
)

DRAWS = 2000
SEED = 0
EVIDENCE = 3  # measured settings named with each candidate
CLOSE = 0.4  # halvings of what is left, within which sparsities of different N stand for one
MOST_CANDIDATES = 2000
LEAST_GAIN = 1e-4  # relative to the best measured setting; less is not worth proposing
TOLERANCE = 1e-12  # of a comparison with a threshold, for sums of decimals
NO_CANDIDATE = "no candidate meets the goal with a risk of at most"
DO_NOT = "do not multiplex for this"


@dataclass(frozen=True)
class Draws:
    """[D, C] possible truths, the same for every goal."""

    accuracy: np.ndarray
    throughput: np.ndarray


def make_goal(
    points: Measurements,
    *,
    budget: float | None = None,
    accuracy: float | None = None,
    throughput: float | None = None,
    baseline_accuracy: float | None = None,
    risk: float = EVEN,
) -> Goal:
    """A goal from exactly one of ``budget``, ``accuracy`` and ``throughput``.

    risk: that it is missed, at most.

    Raises:
        InputError: none or several of them, or one out of range.
    """
    given = [x is not None for x in (budget, accuracy, throughput)]
    if sum(given) != 1:
        raise InputError(
            "got " + ("no goal" if not any(given) else "several goals") + "; give one of a budget "
            "(accuracy that may be lost), an accuracy, or a throughput"
        )
    _need(0 < risk <= EVEN, "risk", risk, "a share above 0, at most 0.5, such as 0.05")
    if throughput is not None:
        _need(
            LEAST_RATE <= throughput <= MOST_RATE,
            "throughput",
            throughput,
            f"instances a second, {LEAST_RATE:g} to {MOST_RATE:g}",
        )
        return Goal(THROUGHPUT, throughput, throughput, risk)
    if accuracy is not None:
        _need(0 <= accuracy <= 1, "accuracy", accuracy, "a share from 0 to 1, such as 0.85")
        return Goal(ACCURACY, accuracy, accuracy, risk)
    assert budget is not None, "one of three"
    _need(0 <= budget <= 1, "budget", budget, "a share from 0 to 1, such as 0.03 for 3 points")
    reference = points.accuracy[points.baseline] if baseline_accuracy is None else baseline_accuracy
    _need(0 <= reference <= 1, "baseline accuracy", reference, "a share from 0 to 1")
    return Goal(BUDGET, budget, float(reference) - budget, risk)


def candidate_settings(
    points: Measurements,
    *,
    num_instances: Sequence[int] = (),
    sparsities: Sequence[float] = (),
    halfway: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Every N with every sparsity, measured ones and the given ones: two arrays [C].

    Pruning ends beside its target, at another place for every N; sparsities that lie close together
    and were measured at different N are one sparsity here: each N has it where it was measured, and
    an N without it at their mean.

    halfway: also sparsities in the middle between neighbouring ones, in halvings. (Another
    sparsity is one pruning run; another N is a multiplexed model of its own, so none is added.)

    Raises:
        InputError: an N below 1, a sparsity outside [0, 1), or too many candidates.
    """
    for n in num_instances:
        _need(n >= 1, "N", n, "a whole number from 1")
    for s in sparsities:
        _need(0 <= s < 1, "sparsity", s, "a share from 0 to below 1, such as 0.8")
    all_n = np.unique([*points.num_instances.tolist(), *map(int, num_instances)])
    bundles = _bundles(points)
    all_s = _unique([*(middle for middle, _ in bundles), *map(float, sparsities)])
    if halfway:
        kept = np.log2(1 - all_s)
        between = [1 - float(f"{2**half:.2g}") for half in (kept[1:] + kept[:-1]) / 2]
        all_s = _unique([*all_s, *between])
    _need(
        len(all_n) * len(all_s) <= MOST_CANDIDATES,
        "number of candidates",
        len(all_n) * len(all_s),
        f"at most {MOST_CANDIDATES}",
    )
    own: list[tuple[float, float]] = []
    for n in all_n:
        here = [s for _, found in bundles for k, s in found if k == n]
        has = {middle for middle, found in bundles if any(k == n for k, _ in found)}
        own += [(float(n), s) for s in _unique([*here, *(s for s in all_s if s not in has)])]
    return np.asarray([n for n, _ in own]).astype(all_n.dtype), np.asarray([s for _, s in own])


def _bundles(points: Measurements) -> list[tuple[float, list[tuple[int, float]]]]:
    """Sparsities that stand for one: their mean, and the (N, sparsity) that were measured."""
    order = np.argsort(points.sparsity, kind="stable")
    groups: list[list[tuple[int, float]]] = []
    for at in order:
        n, s = int(points.num_instances[at]), float(points.sparsity[at])
        last = groups[-1] if groups else []
        near = last and np.log2((1 - last[0][1]) / (1 - s)) <= CLOSE
        same = last and s - last[-1][1] <= 1e-6
        if same or (near and all(n != other for other, _ in last)):
            last.append((n, s))
        else:
            groups.append([(n, s)])
    found = []
    for group in groups:
        values = [s for _, s in group]
        is_one = max(values) - min(values) <= 1e-6
        found.append((values[0] if is_one else round(float(np.mean(values)), 3), group))
    return found


def advise(
    planner: Planner,
    goal: Goal,
    *,
    num_instances: Sequence[int] = (),
    sparsities: Sequence[float] = (),
    escalated: Sequence[Escalated] = (),
    most: int = 5,
    most_next: int = 5,
) -> Advice:
    """Settings for a goal, best first, and what to measure next.

    Args:
        planner: fitted.
        goal: from ``make_goal``.
        num_instances, sparsities: candidates beside those that were measured.
        escalated: the third knob, where it was measured: from ``escalated_of``.
        most: settings to return.
        most_next: measurements to propose.

    Returns:
        Settings by ``rank``. Measurements are ordered by expected improvement; they may lie halfway
        between measured sparsities.
    """
    points = planner.points
    n, s = candidate_settings(points, num_instances=num_instances, sparsities=sparsities)
    known = with_escalated(planner.predict(n, s), escalated)
    order, best = rank(known, draw(known), goal)
    chance = chance_to_meet(known, goal)
    base = points.baseline
    reached = _met(points.accuracy, points.throughput, goal)
    wanted = points.accuracy if goal.held == THROUGHPUT else points.throughput
    top = int(np.argmax(np.where(reached, wanted, -np.inf))) if reached.any() else -1
    settings = tuple(
        _advised(planner, known, at, chance[at], best[at])
        if at < len(n)
        else escalated[at - len(n)].advised(points, chance[at], best[at])
        for at in order[:most]
    )
    where = [k for k, at in enumerate(order[:most]) if top >= 0 and known.measured[at] == top]
    return Advice(
        goal,
        setting_words(int(points.num_instances[base]), float(points.sparsity[base])),
        goal.threshold + goal.value if goal.kind == BUDGET else float(points.accuracy[base]),
        float(points.throughput[base]),
        settings,
        where[0] if where else -1,
        measure_next(planner, goal, num_instances, sparsities, most=most_next),
        dict(planner.comparison.chosen),
        _notes(planner, settings[0], not_to_multiplex(known, order, chance, goal), goal),
    )


def budget_curve(
    planner: Planner,
    budgets: np.ndarray,
    *,
    num_instances: Sequence[int] = (),
    sparsities: Sequence[float] = (),
    baseline_accuracy: float | None = None,
    risk: float = EVEN,
) -> BudgetCurve:
    """The recommended setting at each of [K] budgets, of N and sparsity alone."""
    points = planner.points
    n, s = candidate_settings(points, num_instances=num_instances, sparsities=sparsities)
    known = planner.predict(n, s)
    drawn = draw(known)
    at, chances = [], []
    for budget in budgets:
        goal = make_goal(
            points, budget=float(budget), baseline_accuracy=baseline_accuracy, risk=risk
        )
        at.append(rank(known, drawn, goal)[0][0])
        chances.append(chance_to_meet(known, goal)[at[-1]])
    rows = np.asarray(at, dtype=int)
    base = points.throughput[points.baseline]
    return BudgetCurve(
        np.asarray(budgets, dtype=float),
        known.num_instances[rows],
        known.sparsity[rows],
        known.accuracy[rows],
        known.throughput[rows],
        known.throughput[rows] / base,
        np.asarray(chances),
        known.measured[rows] >= 0,
    )


def frontier(planner: Planner, *, steps: int = 60) -> Frontier:
    """What the surfaces promise between the points: the best accuracy at every throughput.

    Over the measured N and all sparsities up to the largest measured one.
    """
    points = planner.points
    kept = np.linspace(0, -np.log2(1 - points.sparsity.max()), steps)
    sparsities = 1 - 2.0**-kept
    numbers = np.unique(points.num_instances)
    n, s = (grid.ravel() for grid in np.meshgrid(numbers, sparsities, indexing="ij"))
    accuracy, sd = planner.surface(ACCURACY, n, s)
    rate, _ = planner.surface(THROUGHPUT, n, s)
    ends = np.log(rate.min()), np.log(rate.max())
    found = []
    for speed in np.exp(np.linspace(*ends, steps)):
        enough = np.flatnonzero(rate >= speed * (1 - 1e-9))
        found.append(enough[np.argmax(accuracy[enough])])
    at = np.unique(np.asarray(found))
    at = at[np.argsort(rate[at], kind="stable")]
    return Frontier(rate[at], accuracy[at], sd[at], n[at], s[at])


# ---- chances and order --------------------------------------------------------------------------


def draw(known: Predicted, *, draws: int = DRAWS, seed: int = SEED) -> Draws:
    """Possible truths on the same rows: what was measured, and predictions with their spread."""
    rng = np.random.default_rng(seed)
    shape = (draws, len(known))
    return Draws(
        known.accuracy + known.accuracy_sd * rng.standard_normal(shape),
        known.throughput * np.exp(known.throughput_sd * rng.standard_normal(shape)),
    )


def rank(known: Predicted, drawn: Draws, goal: Goal) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the candidates [C], best first, and the chance of each to be the best.

    The best of a draw is the fastest (for a throughput target: the most accurate) that meets the
    goal in it. At even odds the first place goes to the likeliest best of those that meet the goal
    on the same rows rather than not; among equals those first that meet it, the best of them
    first, then those that miss it by least. At a smaller risk the best one comes first that meets
    the goal on new rows with no more than that risk, and so on. Where there is none, the surest
    come first.
    """
    met = _met(drawn.accuracy, drawn.throughput, goal)
    wanted = drawn.accuracy if goal.held == THROUGHPUT else drawn.throughput
    winners = np.argmax(np.where(met, wanted, -np.inf), axis=1)[met.any(axis=1)]
    best = np.bincount(winners, minlength=len(known)) / len(met)
    chance = chance_to_meet(known, goal, same_rows=goal.risk == EVEN)
    value = known.accuracy if goal.held == THROUGHPUT else known.throughput
    sure = chance >= 1 - goal.risk - TOLERANCE
    held = known.throughput if goal.held == THROUGHPUT else known.accuracy
    order = np.lexsort((np.where(sure, -value, -held), ~sure, -best))
    if not sure.any():
        return np.lexsort((-held, -chance)), best
    if goal.risk < EVEN:
        return np.lexsort((-held, np.where(sure, -value, -chance), ~sure)), best
    first = order[sure[order]][0]
    return np.concatenate([[first], order[order != first]]), best


def chance_to_meet(known: Predicted, goal: Goal, *, same_rows: bool = False) -> np.ndarray:
    """[C] chances that the goal is met; on the rows that were measured, or on new ones like them.

    What is measured and has no interval meets it surely or surely not.
    """
    if goal.held == THROUGHPUT:
        room, sd = np.log(known.throughput / goal.threshold), known.throughput_sd
    else:
        room = known.accuracy - goal.threshold
        sd = known.accuracy_sd if same_rows else np.hypot(known.accuracy_sd, known.accuracy_rows_sd)
    return _below(room, sd)


def _met(accuracy: np.ndarray, throughput: np.ndarray, goal: Goal) -> np.ndarray:
    held = throughput if goal.held == THROUGHPUT else accuracy
    return np.asarray(held >= goal.threshold - TOLERANCE * max(1.0, abs(goal.threshold)))


def _below(room: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Chance that a normal about 0 stays within ``room``."""
    from scipy.special import ndtr

    surely = (room >= -TOLERANCE).astype(float)
    return np.where(sd > 0, ndtr(room / np.where(sd > 0, sd, 1.0)), surely)


# ---- what to measure next -----------------------------------------------------------------------


def measure_next(
    planner: Planner,
    goal: Goal,
    num_instances: Sequence[int] = (),
    sparsities: Sequence[float] = (),
    *,
    most: int = 5,
) -> tuple[NextMeasurement, ...]:
    """Unmeasured settings by expected improvement: chance to meet the goal times expected gain."""
    points = planner.points
    n, s = candidate_settings(
        points, num_instances=num_instances, sparsities=sparsities, halfway=True
    )
    known = planner.predict(n, s)
    new = known.measured < 0
    reached = _met(points.accuracy, points.throughput, goal)
    wanted = points.accuracy if goal.held == THROUGHPUT else points.throughput
    best = float(wanted[reached].max()) if reached.any() else 0.0
    if goal.held == THROUGHPUT:
        gain = expected_gain(known.accuracy, known.accuracy_sd, best)
    else:
        gain = expected_gain_of_rate(known.throughput, known.throughput_sd, best)
    chance = chance_to_meet(known, goal, same_rows=True)
    value = np.where(new, gain * chance, -1.0)
    order = np.argsort(-value, kind="stable")
    return tuple(
        NextMeasurement(
            int(n[at]),
            float(s[at]),
            float(known.accuracy[at]),
            float(known.throughput[at]),
            float(value[at]),
            float(value[at] / best) if best > 0 else float("nan"),
            float(chance[at]),
        )
        for at in order[:most]
        if new[at] and value[at] > LEAST_GAIN * (best or 1.0)
    )


def expected_gain(mean: np.ndarray, sd: np.ndarray, best: float) -> np.ndarray:
    """[C] expected excess over ``best`` of normals: E max(X - best, 0)."""
    from scipy.stats import norm

    wide = np.maximum(sd, 1e-12)
    z = (mean - best) / wide
    return np.asarray(wide * (z * norm.cdf(z) + norm.pdf(z)))


def expected_gain_of_rate(median: np.ndarray, sd: np.ndarray, best: float) -> np.ndarray:
    """[C] the same of log-normals with these medians and deviations of the logarithm."""
    from scipy.special import ndtr

    wide = np.maximum(sd, 1e-12)
    mean = median * np.exp(wide**2 / 2)
    if best <= 0:
        return np.asarray(mean)
    z = np.log(median / best) / wide
    return np.asarray(mean * ndtr(z + wide) - best * ndtr(z))


# ---- one setting in full ------------------------------------------------------------------------


def _advised(planner: Planner, known: Predicted, at: int, chance: float, best: float) -> Advised:
    points, rate, own = planner.points, float(known.throughput[at]), int(known.measured[at])
    n, s = int(known.num_instances[at]), float(known.sparsity[at])
    low, high = _accuracy_span(points, known, at)
    factor = float(np.exp(Z975 * known.throughput_sd[at]))
    if own >= 0 and np.isnan(points.throughput_sd[own]):
        factor = float("nan")
    return Advised(
        n,
        s,
        float(known.accuracy[at]),
        low,
        high,
        rate,
        rate / factor,
        rate * factor,
        rate / float(points.throughput[points.baseline]),
        float(chance),
        float(best),
        own >= 0,
        evidence(points, n, s),
    )


def _accuracy_span(points: Measurements, known: Predicted, at: int) -> tuple[float, float]:
    """95 % interval; NaN for a measurement that came without one."""
    own = int(known.measured[at])
    if own >= 0 and np.isfinite(points.accuracy_low[own]):
        return float(points.accuracy_low[own]), float(points.accuracy_high[own])
    if own >= 0 and np.isnan(points.accuracy_sd[own]):
        return float("nan"), float("nan")
    wide = Z975 * float(np.hypot(known.accuracy_sd[at], known.accuracy_rows_sd[at]))
    middle = float(known.accuracy[at])
    return max(0.0, middle - wide), min(1.0, middle + wide)


def evidence(points: Measurements, num_instances: int, sparsity: float) -> tuple[str, ...]:
    """The nearest measured settings with their numbers, nearest first; itself where measured."""
    places = doublings(points.num_instances, points.sparsity)
    away = np.linalg.norm(places - doublings(num_instances, sparsity), axis=1)
    nearest = np.argsort(away, kind="stable")[:EVIDENCE]
    if away[nearest[0]] < 1e-6:
        nearest = nearest[:1]
    return tuple(_one_evidence(points, int(at)) for at in nearest)


def _one_evidence(points: Measurements, at: int) -> str:
    words = setting_words(int(points.num_instances[at]), float(points.sparsity[at]))
    name = f" ({points.names[at]})" if points.names[at] else ""
    return (
        f"{words}{name}: {100 * points.accuracy[at]:.1f} %, "
        f"{points.throughput[at]:,.0f} instances/s"
    )


def _notes(planner: Planner, first: Advised, alone: str, goal: Goal) -> tuple[str, ...]:
    notes = [*planner.points.notes, *([alone] if alone else [])]
    if not first.keeps(goal):
        notes.append(f"{NO_CANDIDATE} {100 * goal.risk:.3g} %; the first one is the surest")
    elif not first.is_measured:
        notes.append("the first setting is a prediction: measure it before you rely on it")
    return tuple(notes)


def not_to_multiplex(known: Predicted, order: np.ndarray, chance: np.ndarray, goal: Goal) -> str:
    """A sentence where the first setting reads one text a pass, though N above 1 is there."""
    first, mixed = order[0], known.num_instances > 1
    kept = chance >= 1 - goal.risk - TOLERANCE
    if mixed[first] or not mixed.any() or not kept[first]:
        return ""
    rivals = np.flatnonzero(mixed & kept)
    if not len(rivals):
        return f"{DO_NOT}: no setting with N above 1 keeps this goal at this risk"
    if goal.held == THROUGHPUT:
        gap = known.accuracy[first] - known.accuracy[rivals].max()
        return f"{DO_NOT}: no setting with N above 1 that is fast enough is as accurate; " + (
            f"the best of them has {100 * gap:.1f} points less"
        )
    best = known.throughput[rivals].max() / known.throughput[first]
    return (
        f"{DO_NOT}: of all with N above 1 that keep this goal the fastest has {best:.2f} times "
        "the speed of N = 1"
    )


def _unique(values: Sequence[float]) -> np.ndarray:
    """Sorted, without what differs in the last digits only."""
    found = np.sort(np.asarray(values, dtype=float))
    return found[np.concatenate([[True], np.diff(found) > 1e-6])]


def _need(holds: bool, what: str, given: object, expected: str) -> None:
    if not holds:
        raise InputError(f"got {what} {given}; expected {expected}")

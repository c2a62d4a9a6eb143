"""What the planner knows, predicts, advises and was found to be worth.

A setting is a number of instances N and a sparsity s. P measured settings, C candidates, K budgets.
Rates count instances (texts) a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MODELS = {
    "interpolation": "interpolation",
    "parametric": "parametric, monotone",
    "gaussian_process": "Gaussian process",
}
ACCURACY, THROUGHPUT = "accuracy", "throughput"
QUANTITIES = (ACCURACY, THROUGHPUT)
BUDGET = "budget"  # a goal beside the two: a drop of accuracy below the baseline
EVEN = 0.5  # a risk at which the first setting is the one that is most likely the best
RISK = 0.05  # unless another is asked for


@dataclass(frozen=True)
class Measurements:
    """Measured settings, one row each, no setting twice, sorted by N, then by sparsity.

    num_instances: [P] whole numbers from 1. sparsity: [P] share of weights removed, in [0, 1).
    accuracy: [P] in [0, 1]. throughput: [P] above 0. accuracy_sd: [P] standard deviation of the
    accuracy that differs from point to point (over seeds or groupings); NaN where unknown.
    accuracy_low, accuracy_high: [P] 95 % interval over rows, which all points share; NaN where
    unknown. throughput_sd: [P] standard deviation of ln(throughput); NaN where unknown.
    names: of the P settings, "" for none. metric: what accuracy is. source: where from. notes:
    what was left out or averaged.
    """

    num_instances: np.ndarray
    sparsity: np.ndarray
    accuracy: np.ndarray
    throughput: np.ndarray
    accuracy_sd: np.ndarray
    accuracy_low: np.ndarray
    accuracy_high: np.ndarray
    throughput_sd: np.ndarray
    names: tuple[str, ...]
    metric: str = "accuracy"
    source: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.accuracy)

    def at(self, chosen: np.ndarray) -> Measurements:
        """Some of the points: [P] booleans, or numbers of points in order."""
        rows = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
        return Measurements(
            self.num_instances[rows],
            self.sparsity[rows],
            self.accuracy[rows],
            self.throughput[rows],
            self.accuracy_sd[rows],
            self.accuracy_low[rows],
            self.accuracy_high[rows],
            self.throughput_sd[rows],
            tuple(self.names[row] for row in rows),
            self.metric,
            self.source,
            self.notes,
        )

    @property
    def baseline(self) -> int:
        """Number of the point that budgets refer to: the smallest N, then the least sparsity."""
        return int(np.lexsort((self.sparsity, self.num_instances))[0])


@dataclass(frozen=True)
class Predicted:
    """Accuracy and throughput of C settings.

    accuracy, accuracy_sd: [C] of the next measurement there. throughput: [C] median;
    throughput_sd: [C] standard deviation of its logarithm. accuracy_rows_sd: [C] what the limited
    number of rows leaves open beside that, 0 where it is unknown. measured: [C] number of the
    measured point, whose own numbers these are then; -1 for a prediction.
    """

    num_instances: np.ndarray
    sparsity: np.ndarray
    accuracy: np.ndarray
    accuracy_sd: np.ndarray
    accuracy_rows_sd: np.ndarray
    throughput: np.ndarray
    throughput_sd: np.ndarray
    measured: np.ndarray

    def __len__(self) -> int:
        return len(self.accuracy)


@dataclass(frozen=True)
class LeftOut:
    """Leave-one-out of one model on one quantity.

    error: root mean square; of accuracy as it is, of throughput as ln(predicted / measured), which
    is nearly the relative error. predicted: [P], each from a fit without that point. sd: [P], what
    that fit said of itself, scaled so that on average it is right.
    """

    model: str
    quantity: str
    error: float
    predicted: np.ndarray
    sd: np.ndarray


@dataclass(frozen=True)
class Comparison:
    """Every model on every quantity; chosen: quantity -> model with the smallest error."""

    left_out: tuple[LeftOut, ...]
    chosen: dict[str, str]

    def errors(self) -> dict[str, dict[str, float]]:
        """quantity -> model -> error."""
        found: dict[str, dict[str, float]] = {quantity: {} for quantity in QUANTITIES}
        for one in self.left_out:
            found[one.quantity][one.model] = one.error
        return found


@dataclass(frozen=True)
class Goal:
    """What is asked for.

    kind: ``budget`` (accuracy may drop by ``value`` below the baseline), ``accuracy`` (at least
    ``value``); both want the highest throughput. Or ``throughput`` (at least ``value``), which
    wants the highest accuracy. threshold: in the unit of the quantity that is held. risk: that it
    is missed, at most; 0 to 0.5.
    """

    kind: str
    value: float
    threshold: float
    risk: float = EVEN

    @property
    def held(self) -> str:
        """The quantity that has to reach the threshold."""
        return THROUGHPUT if self.kind == THROUGHPUT else ACCURACY


@dataclass(frozen=True)
class Advised:
    """One setting for a goal.

    accuracy_from, accuracy_to, throughput_from, throughput_to: 95 % intervals; NaN where a
    measurement came without one. ratio: of the throughput to the baseline's. chance: that the goal
    is met, for new rows of the same kind. chance_best: that it is the best of all candidates, on
    the same rows. is_measured: the numbers are its own. evidence: the measured settings that say
    most about it, nearest first. share: of the texts that ``then`` answers again, the least certain
    ones; 0 for none.
    """

    num_instances: int
    sparsity: float
    accuracy: float
    accuracy_from: float
    accuracy_to: float
    throughput: float
    throughput_from: float
    throughput_to: float
    ratio: float
    chance: float
    chance_best: float
    is_measured: bool
    evidence: tuple[str, ...]
    share: float = 0.0
    then: str = ""

    @property
    def words(self) -> str:
        """``"N = 5, 60 % pruned, 20 % asked again"``."""
        return setting_words(self.num_instances, self.sparsity, self.share)

    def keeps(self, goal: Goal) -> bool:
        """Whether the goal is met with no more than its risk."""
        return self.chance >= 1 - goal.risk - 1e-12


@dataclass(frozen=True)
class NextMeasurement:
    """A setting worth measuring.

    improvement: expected gain over the best measured setting that meets the goal: instances a
    second, or accuracy for a throughput goal. share: the same relative to that setting (NaN where
    there is none). chance: that the goal is met there.
    """

    num_instances: int
    sparsity: float
    accuracy: float
    throughput: float
    improvement: float
    share: float
    chance: float


@dataclass(frozen=True)
class Advice:
    """Settings for a goal, best first, and what to measure next.

    baseline_accuracy: what a budget refers to. baseline_throughput: what ratios refer to.
    baseline: that setting in words. best_measured: place in ``settings`` of the best measured
    setting that meets the goal, -1 for none. models: quantity -> the model that was used.
    """

    goal: Goal
    baseline: str
    baseline_accuracy: float
    baseline_throughput: float
    settings: tuple[Advised, ...]
    best_measured: int
    next: tuple[NextMeasurement, ...]
    models: dict[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class BudgetCurve:
    """The advice at K budgets, from tight to loose.

    budgets, num_instances, sparsity, accuracy, throughput, ratio, chance: [K]; is_measured: [K].
    """

    budgets: np.ndarray
    num_instances: np.ndarray
    sparsity: np.ndarray
    accuracy: np.ndarray
    throughput: np.ndarray
    ratio: np.ndarray
    chance: np.ndarray
    is_measured: np.ndarray


@dataclass(frozen=True)
class SurfaceGrid:
    """A chosen surface over a mesh, for drawing.

    num_instances: [A] (real numbers between whole ones too). sparsity: [S]. mean, sd: [A, S];
    sd of ln(throughput) for throughput.
    """

    quantity: str
    model: str
    num_instances: np.ndarray
    sparsity: np.ndarray
    mean: np.ndarray
    sd: np.ndarray


@dataclass(frozen=True)
class Frontier:
    """The most accurate setting that the surfaces predict at each of F throughputs, or faster.

    throughput, accuracy, accuracy_sd, num_instances, sparsity: [F], from slow to fast.
    """

    throughput: np.ndarray
    accuracy: np.ndarray
    accuracy_sd: np.ndarray
    num_instances: np.ndarray
    sparsity: np.ndarray


@dataclass(frozen=True)
class HitRate:
    """Share of cases in which the true best setting was named.

    top1, top3: among the first one and three. low, high: 95 % interval over splits of each.
    """

    who: str
    top1: float
    top1_low: float
    top1_high: float
    top3: float
    top3_low: float
    top3_high: float


@dataclass(frozen=True)
class Promise:
    """What "at least this accuracy with this risk" was worth where it could be checked.

    rows: whether rows were drawn anew too, beside settings hidden. cases: goals tried; promised: in
    which some setting was promised. missed: share of those in which the chosen setting's accuracy
    was below the floor, with a 95 % interval over splits. regret: mean share of the throughput lost
    against the fastest setting that keeps the same promise once all are measured. hindsight: the
    same against the fastest one that turned out to reach the floor.
    """

    rows: bool
    risk: float
    cases: int
    promised: int
    missed: float
    missed_low: float
    missed_high: float
    regret: float
    hindsight: float


@dataclass(frozen=True)
class PlannerCheck:
    """What the planner is worth: half the points hidden, many times, many budgets.

    everything: hit rates of the planner, of the nearest measured point, of chance. hidden: the
    same where the true best setting was among the hidden ones. cases, hidden_cases: how many.
    coverage: quantity -> share of hidden points within their 80 % interval. chosen: quantity ->
    model -> share of splits that chose it. is_partial: stopped before all splits were done.
    promises: with settings hidden, and, where intervals over rows are known, with rows drawn anew.
    """

    everything: tuple[HitRate, ...]
    hidden: tuple[HitRate, ...]
    cases: int
    hidden_cases: int
    splits: int
    budgets: int
    seed: int
    coverage: dict[str, float]
    chosen: dict[str, dict[str, float]]
    is_partial: bool = False
    promises: tuple[Promise, ...] = ()


def doublings(num_instances: Any, sparsity: Any) -> np.ndarray:
    """[P, 2] coordinates of settings: doublings of N, halvings of the weights that are left.

    Equal steps cost about equally much in both, so distances are measured in them.
    """
    n = np.log2(np.asarray(num_instances, dtype=float))
    kept = -np.log2(1 - np.asarray(sparsity, dtype=float))
    return np.stack([n, kept], axis=-1)


def setting_words(num_instances: float, sparsity: float, share: float = 0.0) -> str:
    """``"N = 5, 60 % pruned"``, ``"N = 1, unpruned, 20 % asked again"``."""
    digits = 3 if sparsity < 0.99 else 4
    pruned = f"{100 * sparsity:.{digits}g} % pruned" if sparsity > 0 else "unpruned"
    again = f", {100 * share:.3g} % asked again" if share else ""
    return f"N = {num_instances:g}, {pruned}{again}"


def goal_words(goal: Goal) -> str:
    """``"at most 3.0 points of accuracy lost, at a risk of 5 %"``."""
    risk = f", at a risk of {100 * goal.risk:.3g} %" if goal.risk < EVEN else ""
    if goal.kind == BUDGET:
        return f"at most {100 * goal.value:.4g} points of accuracy lost{risk}"
    if goal.kind == ACCURACY:
        return f"accuracy of at least {100 * goal.value:.4g} %{risk}"
    return f"at least {goal.value:,.4g} instances/s{risk}"


def rate_words(rate: float) -> str:
    """``"1,234"``, ``"0.0123"``: whole from a hundred on, never a row of zeros."""
    return f"{rate:,.0f}" if 99.5 <= rate < 1e15 else f"{rate:.3g}"


@dataclass(frozen=True)
class AloneRow:
    """A setting that prunes and multiplexes, against each alone at least as fast.

    accuracy in [0, 1]; throughput in instances a second. pruning, multiplexing: the best accuracy
    of N = 1 pruned, and of unpruned N, that is at least as fast; None where none is. against_...:
    "better", "tied" (within the 95 % intervals), "worse", or "never that fast".
    """

    name: str
    num_instances: int
    sparsity: float
    accuracy: float
    throughput: float
    pruning: float | None
    multiplexing: float | None
    against_pruning: str
    against_multiplexing: str

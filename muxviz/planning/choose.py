"""Every model fitted to both quantities and judged by leaving points out; the best one is used."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from muxviz.errors import DataError
from muxviz.planning.surfaces import SURFACES, Surface
from muxviz.ranges import LEAST_RATE, MOST_RATE
from muxviz.results.planning import (
    ACCURACY,
    QUANTITIES,
    Comparison,
    LeftOut,
    Measurements,
    Predicted,
    SurfaceGrid,
    doublings,
)

LEAST_POINTS = 4
Z975 = 1.96
LEAST_SPREAD = 0.1  # of the median spread, in what scales it
MOST_SD = {"accuracy": 0.5, "throughput": 2.0}  # as good as not known
Progress = Callable[[int, int], None]  # (done, in all)


@dataclass(frozen=True)
class Planner:
    """Fitted models.

    surfaces: quantity -> model -> surface. factors: the same -> what its spread is to be
    multiplied with.
    """

    points: Measurements
    surfaces: dict[str, dict[str, Surface]]
    factors: dict[str, dict[str, float]]
    comparison: Comparison

    def predict(
        self, num_instances: np.ndarray, sparsity: np.ndarray, *, by_model: str = ""
    ) -> Predicted:
        """Accuracy and throughput of C settings; a measured one has its own numbers.

        by_model: one of ``MODELS`` for both quantities, instead of the chosen ones.
        """
        known = self.points
        accuracy, accuracy_sd = self.surface(ACCURACY, num_instances, sparsity, by_model=by_model)
        rate, rate_sd = self.surface("throughput", num_instances, sparsity, by_model=by_model)
        rows = (known.accuracy_high - known.accuracy_low) / (2 * Z975)
        usual = float(np.median(rows[np.isfinite(rows)])) if np.isfinite(rows).any() else 0.0
        rows_sd = np.full(len(accuracy), usual)
        measured = find_settings(known, num_instances, sparsity)
        own, its = measured >= 0, measured[measured >= 0]
        accuracy[own], rate[own] = known.accuracy[its], known.throughput[its]
        accuracy_sd[own] = np.nan_to_num(known.accuracy_sd[its])
        rate_sd[own] = np.nan_to_num(known.throughput_sd[its])
        rows_sd[own] = np.nan_to_num(rows[its])
        return Predicted(
            np.asarray(num_instances),
            np.asarray(sparsity, dtype=float),
            accuracy,
            accuracy_sd,
            rows_sd,
            rate,
            rate_sd,
            measured,
        )

    def surface(
        self, quantity: str, num_instances: np.ndarray, sparsity: np.ndarray, *, by_model: str = ""
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [C] of one quantity, measured or not (of ln(throughput))."""
        model = by_model or self.comparison.chosen[quantity]
        mean, spread = self.surfaces[quantity][model].predict(doublings(num_instances, sparsity))
        sd = np.minimum(self.factors[quantity][model] * spread, MOST_SD[quantity])
        return (np.clip(-mean, 0.0, 1.0) if quantity == ACCURACY else _rate(mean)), sd

    def grid(
        self,
        quantity: str,
        num_instances: np.ndarray,
        sparsity: np.ndarray,
        *,
        by_model: str = "",
    ) -> SurfaceGrid:
        """A surface over a mesh of [A] numbers of instances and [S] sparsities."""
        n, s = np.meshgrid(num_instances, sparsity, indexing="ij")
        mean, sd = self.surface(quantity, n.ravel(), s.ravel(), by_model=by_model)
        return SurfaceGrid(
            quantity,
            by_model or self.comparison.chosen[quantity],
            np.asarray(num_instances, dtype=float),
            np.asarray(sparsity, dtype=float),
            mean.reshape(n.shape),
            sd.reshape(n.shape),
        )


def fit_planner(points: Measurements, *, progress: Progress | None = None) -> Planner:
    """Fit every model to both quantities, and leave every point out once.

    Args:
        points: at least four.
        progress: called with (fits done, fits in all); may raise to stop.

    Raises:
        DataError: too few points.
    """
    if len(points) < LEAST_POINTS:
        raise DataError(
            f"got {len(points)} distinct settings; a plan needs at least {LEAST_POINTS}: measure "
            "more, at other N or sparsities"
        )
    from sklearn import config_context

    with config_context(assume_finite=True, skip_parameter_validation=True):  # checked on reading
        return _fit(points, progress or (lambda done, total: None))


def _fit(points: Measurements, progress: Progress) -> Planner:
    x = doublings(points.num_instances, points.sparsity)
    surfaces: dict[str, dict[str, Surface]] = {}
    factors: dict[str, dict[str, float]] = {}
    left_out: list[LeftOut] = []
    for quantity in QUANTITIES:
        y, noise = targets(points, quantity)
        surfaces[quantity], factors[quantity] = {}, {}
        for name, kind in SURFACES.items():
            progress(len(left_out), len(QUANTITIES) * len(SURFACES))
            fitted: Surface = kind().fit(x, y, noise)
            mean, spread = leave_one_out(fitted, x, y, noise)
            factor = _factor(mean - y, spread)
            surfaces[quantity][name], factors[quantity][name] = fitted, factor
            error = float(np.sqrt(np.mean((mean - y) ** 2)))
            shown = -mean if quantity == ACCURACY else _rate(mean)
            left_out.append(LeftOut(name, quantity, error, shown, factor * spread))
    chosen = {
        quantity: min((o for o in left_out if o.quantity == quantity), key=lambda o: o.error).model
        for quantity in QUANTITIES
    }
    return Planner(points, surfaces, factors, Comparison(tuple(left_out), chosen))


def _rate(logarithm: np.ndarray) -> np.ndarray:
    """Of ln(throughput); a surface that is followed far out ends where a measurement would."""
    ends = math.log(LEAST_RATE), math.log(MOST_RATE)
    return np.asarray(np.exp(np.clip(logarithm, *ends)))


def targets(points: Measurements, quantity: str) -> tuple[np.ndarray, np.ndarray]:
    """[P] of what surfaces are fitted to, rising along both coordinates, and its known noise."""
    if quantity == ACCURACY:
        return -points.accuracy, np.nan_to_num(points.accuracy_sd)
    return np.log(points.throughput), np.nan_to_num(points.throughput_sd)


def leave_one_out(
    fitted: Surface, x: np.ndarray, y: np.ndarray, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and spread [P] at every point, of a fit to all others."""
    mean, spread = np.zeros(len(y)), np.zeros(len(y))
    for at in range(len(y)):
        rest = np.arange(len(y)) != at
        other = fitted.again().fit(x[rest], y[rest], noise[rest])
        found, width = other.predict(x[[at]])
        mean[at], spread[at] = found[0], width[0]
    return mean, spread


def find_settings(
    points: Measurements, num_instances: np.ndarray, sparsity: np.ndarray
) -> np.ndarray:
    """[C] number of the measured point at each setting, -1 where nothing was measured."""
    same = (np.asarray(num_instances)[:, None] == points.num_instances) & (
        np.abs(np.asarray(sparsity, dtype=float)[:, None] - points.sparsity) < 1e-6
    )
    return np.where(same.any(axis=1), same.argmax(axis=1), -1)


def _factor(residuals: np.ndarray, spread: np.ndarray) -> float:
    """What makes the mean square of residual / spread one; some more where points are few.

    A level and two slopes are learned of P points, and the model with the smallest residuals is
    the one that is used: P / (P - 3) makes up for a part of that.
    """
    few = len(residuals) / max(len(residuals) - 3, 1)
    least = max(LEAST_SPREAD * float(np.median(spread)), 1e-9)  # one sure miss is not the rule
    mean = np.mean((residuals / np.maximum(spread, least)) ** 2)
    return max(float(np.sqrt(few * mean)), 1e-9)

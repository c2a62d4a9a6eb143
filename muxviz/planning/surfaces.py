"""Three models of a quantity over (N, sparsity), with one interface.

    surface = SURFACES["parametric"]().fit(x, y, noise)
    mean, spread = surface.predict(x_new)
    another = surface.again().fit(...)     # the same model for other points

x: [P, 2] of ``doublings``. y: [P], signed so that it should not fall along either coordinate (minus
the accuracy, the logarithm of the throughput). noise: [P] known standard deviation of y, 0 where
unknown. spread: [C] standard deviation up to a factor that ``choose`` finds by leaving points out.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from muxviz.quiet import warnings_become

ADJACENT = 1.0  # doublings between neighbouring settings of a usual grid
MANY = 9  # points from which a ramp along an axis is worth a third piece
RESTARTS = 1
STEPS_AGAIN = 4  # of the optimiser where it starts from what nearly the same points gave
LEAST_LEFT = 0.02  # of the spread of y: a plane that goes through few points exactly is no proof
SEED = 0


class Surface(Protocol):
    """What every model can do."""

    def fit(self, x: np.ndarray, y: np.ndarray, noise: np.ndarray) -> Surface:
        """Learn from P points; returns itself."""

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread at C settings."""

    def again(self) -> Surface:
        """An unfitted model that starts from what this one found."""


class Interpolation:
    """Flat triangles between neighbouring points; beyond their hull, a rising plane.

    The plane is fitted to all points and stands where the nearest point is right. Follows every
    point exactly. Spread: the root of the distance to the nearest point.
    """

    def fit(self, x: np.ndarray, y: np.ndarray, noise: np.ndarray) -> Interpolation:
        """Triangulate; points on one line are interpolated along it."""
        from scipy.interpolate import LinearNDInterpolator
        from scipy.spatial import KDTree
        from sklearn.linear_model import LinearRegression

        self._tree = KDTree(x)
        self._plane = LinearRegression(positive=True).fit(x, y)
        self._left = y - self._plane.predict(x)
        self._inside: Any = None
        self._line = _line_through(x)
        if self._line is None:
            self._inside = LinearNDInterpolator(x, self._left)
        else:
            along = (x - self._line[0]) @ self._line[1]
            order = np.argsort(along)
            self._along, self._values = along[order], self._left[order]
        return self

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread at C settings."""
        distance, nearest = self._tree.query(x)
        if self._line is not None:
            start, direction = self._line
            left = np.interp((x - start) @ direction, self._along, self._values)
        else:
            left = self._inside(x)
            left = np.where(np.isnan(left), self._left[nearest], left)
        return self._plane.predict(x) + left, np.sqrt(distance)

    def again(self) -> Interpolation:
        """Nothing is carried over."""
        return Interpolation()


class Monotone:
    """A sum of ramps along each axis and of three terms of both, with weights not below zero.

    Every ramp is 0 up to one knot, rises to 1 at the next and stays there (the last one goes on).
    With a and b the shares of the way along the axes, a * b lets both together do more than the sum
    of each, a + b - a * b less; the product of the last ramps acts in the far corner alone. All of
    these rise, so their sum does, whatever was measured. Weights by non-negative least squares,
    which sets many of them to zero. Spread: the root of 1 + leverage of the terms in use.
    """

    def fit(self, x: np.ndarray, y: np.ndarray, noise: np.ndarray) -> Monotone:
        """Knots from the points' range, weights from ``LinearRegression(positive=True)``."""
        from sklearn.linear_model import LinearRegression

        self._ramps = [_ramps(x[:, axis]) for axis in range(x.shape[1])]
        self._ends = np.maximum(x.max(axis=0), 1e-9)
        terms = self._terms(x)
        self._told = np.ptp(terms, axis=0) > 1e-9  # a term that never moved has any weight
        self._regression = LinearRegression(positive=True).fit(terms * self._told, y)
        self._used = self._told & (self._regression.coef_ > 1e-12 * (np.ptp(y) or 1.0))
        design = self._design(terms)
        self._inverse = np.linalg.pinv(design.T @ design)
        return self

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread at C settings."""
        terms = self._terms(x)
        design = self._design(terms)
        leverage = np.einsum("cf,fg,cg->c", design, self._inverse, design)
        mean = self._regression.predict(terms * self._told)
        return mean, np.sqrt(1 + np.maximum(leverage, 0))

    def again(self) -> Monotone:
        """Nothing is carried over."""
        return Monotone()

    def _terms(self, x: np.ndarray) -> np.ndarray:
        parts = [
            np.cumsum(ramps.transform(x[:, [axis]])[:, :0:-1], axis=1)[:, ::-1]
            for axis, ramps in enumerate(self._ramps)
            if ramps is not None
        ]
        a, b = np.clip(x / self._ends, 0, 1).T[:, :, None]
        if len(parts) == 2:
            parts.append(parts[0][:, [-1]] * parts[1][:, [-1]])
        return np.concatenate([*parts, a * b, a + b - a * b], axis=1)

    def _design(self, terms: np.ndarray) -> np.ndarray:
        return np.concatenate([np.ones((len(terms), 1)), terms[:, self._used]], axis=1)


class GaussianProcess:
    """A rising plane, and a Gaussian process (Matérn 5/2, a length for each axis) on what is left.

    Known noise goes in as such, and an unknown one of the same size everywhere is fitted. Spread:
    the process's own standard deviation for the next measurement.
    """

    def __init__(self, start: Any = None) -> None:
        self._start = start

    def fit(self, x: np.ndarray, y: np.ndarray, noise: np.ndarray) -> GaussianProcess:
        """The plane by least squares, the process by its marginal likelihood."""
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.gaussian_process import GaussianProcessRegressor
        from sklearn.linear_model import LinearRegression

        self._plane = LinearRegression(positive=True).fit(x, y)
        left = y - self._plane.predict(x)
        freedom = max(1, len(y) - 1 - int(np.sum(self._plane.coef_ > 0)))
        spread = float(np.sqrt(np.sum(left**2) / freedom))
        self._scale = max(spread, LEAST_LEFT * float(np.std(y)), 1e-9)
        self._process = GaussianProcessRegressor(
            self._start or _kernel(x.shape[1]),
            alpha=(noise / self._scale) ** 2 + 1e-6,
            optimizer=_few_steps if self._start else "fmin_l_bfgs_b",
            n_restarts_optimizer=0 if self._start else RESTARTS,
            random_state=SEED,
        )
        # Few points often leave a length or the noise at its bound: known, and harmless.
        with warnings_become("ignore", ConvergenceWarning):
            self._process.fit(x, left / self._scale)
        return self

    def predict(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and spread at C settings."""
        mean, sd = self._process.predict(x, return_std=True)
        return self._plane.predict(x) + self._scale * mean, self._scale * sd

    def again(self) -> GaussianProcess:
        """Starts from the lengths and the noise that this one found."""
        return GaussianProcess(self._process.kernel_)


SURFACES: dict[str, type[Interpolation] | type[Monotone] | type[GaussianProcess]] = {
    "interpolation": Interpolation,
    "parametric": Monotone,
    "gaussian_process": GaussianProcess,
}


def _line_through(x: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """Start and direction of the line that all points lie on; None where there is none."""
    centre = x.mean(axis=0)
    _, sizes, directions = np.linalg.svd(x - centre, full_matrices=False)
    return (centre, directions[0]) if sizes[-1] <= 1e-9 * max(sizes[0], 1) else None


def _ramps(values: np.ndarray) -> Any:
    """First-degree B-splines along an axis; summed from the last one on they are ramps from 0."""
    from sklearn.preprocessing import SplineTransformer

    found = np.unique(values)
    top = float(found[-1])
    if len(found) < 2:
        return None
    pieces = min(len(found) - 1, 3 if len(values) >= MANY else 2)
    inner = np.quantile(found, np.linspace(0, 1, pieces + 1)[1:-1])
    knots = np.unique(np.concatenate([[0.0], inner[(inner > 0) & (inner < top)], [top]]))
    return SplineTransformer(degree=1, knots=knots[:, None], extrapolation="linear").fit(
        values[:, None]
    )


def _kernel(axes: int) -> Any:
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    smooth = Matern([2 * ADJACENT] * axes, (ADJACENT / 2, 20 * ADJACENT), nu=2.5)
    return ConstantKernel(1.0, (1e-2, 1e2)) * smooth + WhiteKernel(0.1, (1e-4, 2.0))


def _few_steps(objective: Any, start: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, float]:
    """The usual optimiser, cut short."""
    from scipy.optimize import minimize

    found = minimize(
        objective, start, jac=True, bounds=bounds, method="L-BFGS-B",
        options={"maxiter": STEPS_AGAIN},
    )  # fmt: skip
    return found.x, float(found.fun)

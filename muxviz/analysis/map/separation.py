"""How the points of a state group by sentence, slot, neighbours and answer, in the original space.

Nothing here looks at a projection. Every score comes with a 95 % interval (bootstrap over anchors,
with all other anchors held as they are) and with what the same score gives when the names are
shuffled over the points. Left out: where points lie on a map (``projection``), and how scatter is
resampled (``scatter``).
"""

from __future__ import annotations

import numpy as np

from muxviz.analysis.groups.draws import Progress, share_of
from muxviz.analysis.map.scatter import (
    mean_over_anchors,
    ratio_over_anchors,
    scatter_ratio,
    variance_shares,
)
from muxviz.errors import InputError
from muxviz.results.map import (
    ANSWER,
    SOURCES,
    ChanceScore,
    NearState,
    Separation,
    StateReading,
    StateSample,
)

NEAREST = 10
SHUFFLES = 100
RESOLUTION = 1e-12  # of the mean squared length: smaller squared distances are rounding


def read_states(
    sample: StateSample, *, seed: int = 0, progress: Progress | None = None
) -> tuple[StateReading, ...]:
    """Scores of every state of a sample; the user's own points are left out.

    Raises:
        InputError: see ``read_state``. Stopped: from ``progress``.
    """
    readings = []
    for number, name in enumerate(sample.names):
        told = share_of(progress, number, len(sample.names))
        readings.append(read_state(sample, name, seed=seed, progress=told))
    return tuple(readings)


def read_state(
    sample: StateSample,
    state: str,
    *,
    k: int = NEAREST,
    seed: int = 0,
    progress: Progress | None = None,
) -> StateReading:
    """Silhouette, tr S_b / tr S_w, purity of the k nearest, and shares of the variance.

    Args:
        sample: not modified.
        state: one of ``sample.names``.
        k: of the purity; fewer where a group has no more others.
        seed: of the bootstrap and of the shuffles.

    Raises:
        InputError: no such state, or fewer than 10 points. Stopped: from ``progress``.

    Source: Rousseeuw 1987 (silhouette); Fisher 1936 (scatter); docs/quantities.md, "The
    map of states". Points with equal names are no independent draws, so intervals speak of other
    anchors, not of other neighbours.
    """
    kept = ~sample.is_own
    points = centred(points_of(sample, state)[kept])
    require_points(len(points))
    anchor = sample.anchor[kept]
    distances, order = _distances(points), _by_cosine(points_of(sample, state)[kept], k)
    named = [_numbered(sample.groups_by(source)[kept]) for source in SOURCES]
    sources = dict(zip(SOURCES, named, strict=True))
    if len(np.unique(sample.label[kept])) > 1:
        sources[ANSWER] = _numbered(sample.label[kept])
    separations = []
    for source, names in sources.items():
        separations.append(_separation(source, names, points, distances, order, anchor, seed))
        if progress is not None:
            progress(len(separations), len(sources))
    return StateReading(
        state=state,
        separations=tuple(separations),
        shares=variance_shares(points, named, anchor, seed),
        spread=float(np.sqrt(np.square(points).sum(axis=1).mean())),
        points=len(points),
        shuffles=SHUFFLES,
        seed=seed,
    )


def nearest(sample: StateSample, state: str, point: int, k: int = NEAREST) -> tuple[NearState, ...]:
    """The k points nearest to a point by cosine in the original space, the user's own included.

    Raises:
        InputError: no such state or point.
    """
    values = points_of(sample, state)
    if not 0 <= point < len(values):
        raise InputError(f"got point {point}; this sample has points 0 to {len(values) - 1}")
    cosines = _unit(values) @ _unit(values)[point]
    order = [int(i) for i in np.argsort(-cosines, kind="stable") if i != point]
    return tuple(NearState(i, float(cosines[i])) for i in order[:k])


def points_of(sample: StateSample, state: str) -> np.ndarray:
    """One state as float64 ``[P, D]``.

    Raises:
        InputError: no such state.
    """
    if state not in sample.states:
        raise InputError(f"got state {state!r}; this sample has {', '.join(sample.names)}")
    return sample.states[state].astype(np.float64)


def require_points(count: int) -> None:
    """Refuse fewer than 10 points.

    Raises:
        InputError: fewer.
    """
    if count < 10:
        raise InputError(
            f"got {count} points; a map of fewer than 10 shows nothing but chance; take more "
            "anchors or more neighbour sets"
        )


def centred(points: np.ndarray) -> np.ndarray:
    """The points less their mean, ``[P, D]``."""
    return points - points.mean(axis=0)


# ---- scores -------------------------------------------------------------------------------------


def _separation(
    by: str,
    names: np.ndarray,
    points: np.ndarray,
    distances: np.ndarray,
    order: np.ndarray,
    anchor: np.ndarray,
    seed: int,
) -> Separation:
    groups, counts = int(names.max()) + 1, np.bincount(names)
    near = max(1, min(order.shape[1], int(counts.min()) - 1))
    nearest_ones = order[:, :near]
    generator = np.random.default_rng(seed)
    shuffled = np.stack([generator.permutation(names) for _ in range(SHUFFLES)])
    if groups < 2:
        nothing = ChanceScore(*[float("nan")] * 5)
        return Separation(by, groups, nothing, nothing, nothing, near)
    widths = silhouettes(distances, names)
    pure = _purities(nearest_ones, names)
    quick = distances.astype(np.float32)  # twice as fast; chance needs no more digits
    chance = np.array([silhouettes(quick, row).mean() for row in shuffled])
    ratios = np.array([scatter_ratio(points, row) for row in shuffled])
    purities = np.array([_purities(nearest_ones, row).mean() for row in shuffled])
    return Separation(
        by,
        groups,
        _scored(*mean_over_anchors(widths, anchor, seed), chance),
        _scored(
            scatter_ratio(points, names),
            ratio_over_anchors(by, points, names, anchor, seed),
            ratios,
        ),
        _scored(*mean_over_anchors(pure, anchor, seed), purities),
        near,
    )


def _scored(value: float, interval: tuple[float, float], chance: np.ndarray) -> ChanceScore:
    return ChanceScore(value, *interval, float(chance.mean()), float(np.quantile(chance, 0.975)))


def silhouettes(distances: np.ndarray, names: np.ndarray) -> np.ndarray:
    """(b - a) / max(a, b) of every point, ``[P]``; 0 where a group has one point or both are 0.

    a: mean distance to the other points with its name, b: to those of the nearest other name.
    distances ``[P, P]``; names: numbers from 0, ``[P]``.
    """
    member = np.eye(names.max() + 1, dtype=distances.dtype)[names]
    counts = member.sum(axis=0)
    sums = distances @ member
    rows = np.arange(len(names))
    own = counts[names]
    inside = sums[rows, names] / np.maximum(own - 1, 1)
    outside = sums / counts
    outside[rows, names] = np.inf
    other = outside.min(axis=1)
    largest = np.maximum(inside, other)
    scores = np.divide(other - inside, largest, out=np.zeros_like(other), where=largest > 0)
    return np.asarray(np.where(own > 1, scores, 0.0), dtype=np.float64)


def _purities(neighbours: np.ndarray, names: np.ndarray) -> np.ndarray:
    """Share of each point's neighbours that have its name, ``[P]``."""
    return np.asarray((names[neighbours] == names[:, None]).mean(axis=1))


# ---- distances ----------------------------------------------------------------------------------


def _numbered(names: np.ndarray) -> np.ndarray:
    """Group names as numbers from 0 without gaps."""
    return np.asarray(np.unique(names, return_inverse=True)[1], dtype=np.int64)


def _distances(points: np.ndarray) -> np.ndarray:
    """Euclidean distances ``[P, P]``; what is only rounding is 0."""
    lengths = np.square(points).sum(axis=1)
    squares = lengths[:, None] + lengths - 2 * points @ points.T
    squares[squares < RESOLUTION * max(float(lengths.mean()), 1e-300)] = 0.0
    np.fill_diagonal(squares, 0.0)
    return np.sqrt(squares)


def _unit(points: np.ndarray) -> np.ndarray:
    """Every point at length 1; a zero stays zero."""
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(np.divide(points, lengths, out=np.zeros_like(points), where=lengths > 0))


def _by_cosine(points: np.ndarray, k: int) -> np.ndarray:
    """Numbers of the k nearest other points, nearest first, ``[P, k]``."""
    unit = _unit(points)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    order = np.argsort(-cosines, axis=1, kind="stable")
    return order[:, : min(k, len(points) - 1)].copy()

"""Where the points of a sample lie on a map: PCA, UMAP and t-SNE of one state or of several.

PCA is at once. UMAP is an optional package (``pip install "muxviz[analysis]"``); its first use on a
machine compiles for tens of seconds, the first in a process takes two. Several states share one
fit: each is centred and scaled to unit spread first, so that frames show shape and not drift. A map
is for looking at; how far groups lie apart is measured in the original space (``separation``), and
``trustworthiness`` says how far the map's near points are near there, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from muxviz.analysis.groups.draws import Progress, part_of
from muxviz.analysis.map.compiled import keep_compiled
from muxviz.analysis.map.separation import points_of, read_states, require_points
from muxviz.analysis.map.states import ANCHORS, NEIGHBOUR_SETS, sample_states
from muxviz.batch import Row, Seating
from muxviz.errors import InputError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.map import READOUT, Projection, StateMap, StateSample

METHODS = ("pca", "umap", "tsne")
NEIGHBORS = 15
MIN_DIST = 0.1
SCORES = 0.25  # of the work of sampling, that scores take
# Points of one fit. From 4,096 on UMAP would compile another search, for minutes.
MOST_ROWS = {"umap": 4000, "tsne": 3000}
NEEDS_UMAP = (
    'not applicable: UMAP is not installed; pip install "muxviz[analysis]", or look at PCA, which '
    "needs nothing more"
)
ONE_THREAD = "UMAP with a fixed seed runs on one thread"
NO_TRANSFORM = "t-SNE cannot place further points on a finished map: yours are left out"
Placing = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class _Fit:
    """coordinates: ``[n, dims]`` of what was fitted. place: puts further points there, or None."""

    coordinates: np.ndarray
    place: Placing | None
    explained: np.ndarray


def project(
    sample: StateSample,
    states: Sequence[str] = (READOUT,),
    *,
    method: str = "pca",
    dims: int = 2,
    n_neighbors: int = NEIGHBORS,
    min_dist: float = MIN_DIST,
    seed: int = 0,
    progress: Progress | None = None,
) -> Projection:
    """Coordinates of one state, or of several by one joint fit.

    The user's own points are in no fit; they are placed on the finished map (``transform``).

    Args:
        sample: not modified.
        states: names of one width; several make a joint fit.
        method: "pca", "umap" or "tsne".
        dims: 2 or 3.
        n_neighbors: of UMAP; the perplexity of t-SNE, at most a third of the points. Never more
            than the other points there are.
        min_dist: of UMAP, 0 to 1.
        seed: of UMAP and t-SNE; equal seeds give equal maps on one machine.
        progress: called before and after the fit, which cannot be stopped half way.

    Raises:
        InputError: unknown method, state or dims, states of unlike width, fewer than 10 points, or
            no variance. NotApplicable: UMAP is not installed. Stopped: from ``progress``.

    Source: McInnes et al. 2018 (UMAP), van der Maaten and Hinton 2008 (t-SNE), Venna and Kaski 2001
    (trustworthiness).
    """
    _check(method, dims, states)
    own = sample.is_own
    values = _prepared(sample, states)
    count = int((~own).sum())
    require_points(count)
    near = _neighbors(method, n_neighbors, count)
    step = -(-count * len(states) // MOST_ROWS[method]) if method in MOST_ROWS else 1
    fitted = np.flatnonzero(~own)[::step]
    rows = values[:, fitted].reshape(-1, values.shape[2])
    if progress is not None:
        progress(0, 2)
    fit = _FITS[method](rows, dims, near, min_dist, seed)
    if progress is not None:
        progress(1, 2)
    coordinates = np.full((len(states), len(own), dims), np.nan, dtype=np.float32)
    coordinates[:, fitted] = fit.coordinates.reshape(len(states), -1, dims)
    others = np.setdiff1d(np.arange(len(own)), fitted)
    if fit.place is not None and len(others):
        placed = fit.place(values[:, others].reshape(-1, values.shape[2]))
        coordinates[:, others] = placed.reshape(len(states), -1, dims)
    trust = [
        _trust(values[f, fitted], coordinates[f, fitted], near, seed) for f in range(len(states))
    ]
    return Projection(
        method=method,
        states=tuple(states),
        coordinates=coordinates,
        explained=fit.explained,
        trustworthiness=np.array([t[0] for t in trust]),
        trustworthiness_null=np.array([t[1] for t in trust]),
        neighbors=near,
        min_dist=min_dist,
        seed=seed,
        fitted=len(rows),
        notes=tuple(_notes(method, len(states), len(fitted), count, bool(own.any()))),
    )


def map_states(sample: StateSample, *, seed: int = 0, progress: Progress | None = None) -> StateMap:
    """All scores of a sample, and its PCA maps: of each state and of all together, 2-D and 3-D.

    Raises:
        InputError: fewer than 10 points. Stopped: from ``progress``.
    """
    readings = read_states(sample, seed=seed, progress=progress)
    alive = [r.state for r in readings if r.spread > 0]
    frames: list[tuple[str, ...]] = [(name,) for name in alive]
    if len(joint := joint_states(sample)) > 1:
        frames.append(joint)
    maps = (project(sample, frame, dims=d, seed=seed) for frame in frames for d in (2, 3))
    return StateMap(sample, readings, tuple(maps))


def sample_and_map(
    checkpoint: Checkpoint,
    rows: Sequence[Row] = (),
    *,
    pool: Sequence[str],
    gold: Sequence[str] = (),
    baseline: Checkpoint | None = None,
    anchors: int = ANCHORS,
    neighbour_sets: int = NEIGHBOUR_SETS,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> StateMap:
    """Sample the states of a pool's sentences, score them, and map them by PCA.

    Stopped while sampling, it scores and maps the anchors that were finished, if there are two.

    Args:
        As ``sample_states``.

    Raises:
        As ``sample_states`` and ``map_states``.
    """
    steps = anchors * neighbour_sets * checkpoint.config.num_instances + len(rows)
    total = round(steps * (1 + SCORES))
    sample = sample_states(
        checkpoint,
        rows,
        pool=pool,
        gold=gold,
        baseline=baseline,
        anchors=anchors,
        neighbour_sets=neighbour_sets,
        seating=seating,
        progress=part_of(progress, 0, total),
    )

    def scoring(done: int, parts: int) -> None:
        if progress is not None and not sample.is_partial:
            progress(round(steps * (1 + SCORES * done / parts)), total)

    return map_states(sample, seed=seating.seed, progress=scoring)


def joint_states(sample: StateSample) -> tuple[str, ...]:
    """What one joint fit can hold: layers and read-out, and earlier states of that width."""
    width = sample.states[READOUT].shape[1]
    names = tuple(n for n in sample.names if sample.states[n].shape[1] == width)
    return tuple(n for n in names if np.ptp(sample.states[n], axis=0).any())


# ---- fits ---------------------------------------------------------------------------------------


def _pca(rows: np.ndarray, dims: int, near: int, min_dist: float, seed: int) -> _Fit:
    from sklearn.decomposition import PCA

    kept = min(dims, *rows.shape)
    fit = PCA(kept, svd_solver="full").fit(rows)

    def place(points: np.ndarray) -> np.ndarray:
        found = np.zeros((len(points), dims))
        found[:, :kept] = fit.transform(points)
        return found

    explained = np.zeros(dims)
    explained[:kept] = fit.explained_variance_ratio_
    return _Fit(place(rows), place, explained)


def _umap(rows: np.ndarray, dims: int, near: int, min_dist: float, seed: int) -> _Fit:
    umap = import_umap()
    fit = umap.UMAP(
        n_components=dims,
        n_neighbors=near,
        min_dist=min_dist,
        random_state=seed,
        n_jobs=1,  # a seed allows no more, and umap warns where it is not said
    ).fit(rows)
    return _Fit(np.asarray(fit.embedding_), fit.transform, np.empty(0))


def _tsne(rows: np.ndarray, dims: int, near: int, min_dist: float, seed: int) -> _Fit:
    from sklearn.manifold import TSNE

    fit = TSNE(dims, perplexity=near, init="pca", random_state=seed, n_jobs=1)
    return _Fit(fit.fit_transform(rows), None, np.empty(0))


_FITS: dict[str, Callable[[np.ndarray, int, int, float, int], _Fit]] = {
    "pca": _pca,
    "umap": _umap,
    "tsne": _tsne,
}


def import_umap() -> Any:
    """The optional package.

    Raises:
        NotApplicable: it is not installed, or cannot be imported.
    """
    try:
        umap = import_module("umap")
        _keep_umap()
    except Exception as error:  # a broken numba raises anything
        raise NotApplicable(NEEDS_UMAP) from error
    return umap


@cache  # whoever has compiled, keeps it; asking again would forget what has been read
def _keep_umap() -> None:
    keep_compiled("umap")


def compile_umap() -> None:
    """Import UMAP and make it compile what a fit and a placing of further points need.

    Raises:
        NotApplicable: it is not installed, or cannot be imported.
    """
    points = np.random.default_rng(0).normal(size=(24, 4))
    fit = _umap(points, 2, 5, MIN_DIST, 0)
    assert fit.place is not None, "UMAP can place points"
    fit.place(points[:2])


# ---- before and after ---------------------------------------------------------------------------


def _check(method: str, dims: int, states: Sequence[str]) -> None:
    if method not in METHODS:
        raise InputError(f"got method={method!r}; choose one of {', '.join(METHODS)}")
    if dims not in (2, 3):
        raise InputError(f"got dims={dims}; a map has 2 or 3")
    if not states:
        raise InputError("got no state; name at least one")


def _prepared(sample: StateSample, states: Sequence[str]) -> np.ndarray:
    """``[F, P, D]``; several states are centred and scaled to unit spread one by one."""
    fitted = ~sample.is_own
    found = [points_of(sample, name) for name in states]
    if len({values.shape[1] for values in found}) > 1:
        widths = ", ".join(f"{n} {v.shape[1]}" for n, v in zip(states, found, strict=True))
        raise InputError(f"states of unlike width have no joint map ({widths}); take them singly")
    prepared = []
    for name, values in zip(states, found, strict=True):
        shifted = values - values[fitted].mean(axis=0)
        spread = float(np.sqrt(np.square(shifted[fitted]).sum(axis=1).mean()))
        if spread == 0:
            raise InputError(f"all points of the state '{name}' are one; there is nothing to map")
        prepared.append(shifted / spread if len(states) > 1 else shifted)
    return np.stack(prepared)


def _neighbors(method: str, wanted: int, count: int) -> int:
    most = (count - 1) // 3 if method == "tsne" else count - 1
    return max(2, min(wanted, most))


def _trust(
    points: np.ndarray, coordinates: np.ndarray, near: int, seed: int
) -> tuple[float, float]:
    """Trustworthiness of a map, and that of the same coordinates dealt out at random."""
    from sklearn.manifold import trustworthiness

    k = max(1, min(near, (len(points) - 1) // 2))
    shuffled = np.random.default_rng(seed).permutation(coordinates)
    found, chance = (
        float(trustworthiness(points, c, n_neighbors=k)) for c in (coordinates, shuffled)
    )
    return found, chance


def _notes(method: str, frames: int, fitted: int, count: int, has_own: bool) -> list[str]:
    notes = []
    if method == "umap":
        notes.append(ONE_THREAD)
    if method == "tsne" and has_own:
        notes.append(NO_TRANSFORM)
    if fitted < count:
        placed = "the others are left out" if method == "tsne" else "the others are placed after it"
        notes.append(f"{fitted:,} of {count:,} points of each state are fitted, {placed}")
    if frames > 1:
        notes.append("every state is centred and scaled to unit spread before the joint fit")
    return notes

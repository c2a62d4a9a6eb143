"""States of planted models by hand, how they group, and the rows of the map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from sklearn.metrics import silhouette_samples

from muxviz.analysis.groups.draws import base_group
from muxviz.analysis.map.projection import project
from muxviz.analysis.map.scatter import CEILING
from muxviz.analysis.map.separation import read_state
from muxviz.analysis.map.states import sample_states
from muxviz.batch import Row
from muxviz.results.map import MIXTURE, READOUT, SENTENCE, SLOT, ChanceScore, StateSample
from tests.planted import OPEN, Planted, first_forced, planted, scaled_slots
from tests.planted_held import Found, Held, Rows, exact

rows = Rows()
POOL = (
    "a good film",
    "the plot is bad and boring",
    "we like the music",
    "a cold dark house at night",
    "the dog and the cat play",
    "it was a great first day",
    "no man will come",
    "the city was sad",
    "she and he love this old song",
    "a funny child",
    "the book is long",
    "they see the river",
    "you make work fine",
    "an awful scene",
    "this life goes on",
    "the actor was not good",
    "warm bright day",
    "the last road",
)
K, M, N = 5, 3, 3
LEAK = 0.5
UNEVEN = (1.0, 2.0, 0.5)


# ---- samples ------------------------------------------------------------------------------------


def sampled(model: Planted, texts: Sequence[Row] = (), **changes: Any) -> StateSample:
    return sample_states(
        model.checkpoint, texts, pool=POOL, **({"anchors": K, "neighbour_sets": M} | changes)
    )


@cache
def clean() -> StateSample:
    return sampled(planted())


def leaks_of(weight: float) -> np.ndarray:
    return np.asarray(np.eye(N) + weight * (1 - np.eye(N)))


def aligned(sample: StateSample) -> StateSample:
    """Every read-out's open chunk without its offset, in one place for all slots."""
    chunks = sample.states[READOUT].reshape(len(sample.slot), N, -1)
    own = chunks[np.arange(len(chunks)), sample.slot] - OPEN
    return replace(sample, states={READOUT: own.astype(np.float32)})


def made(points: np.ndarray) -> StateSample:
    """A sample of given points ``[K, M, N, D]``, without a model."""
    anchors, _, _, width = points.shape
    anchor, neighbour_set, slot = (i.ravel() for i in np.indices(points.shape[:3], dtype=np.int16))
    count = len(anchor)
    return replace(
        clean(),
        states={READOUT: points.reshape(-1, width).astype(np.float32)},
        anchor=anchor,
        neighbour_set=neighbour_set,
        slot=slot,
        label=np.full(count, -1, dtype=np.int16),
        margin=np.zeros(count, dtype=np.float32),
        correct=np.zeros(count, dtype=np.float32),
        texts=tuple(f"text {k}" for k in range(anchors)),
        neighbour_texts=(("",),) * points.shape[1],
        asked_anchors=anchors,
    )


# ---- by hand ------------------------------------------------------------------------------------


def mixed_codes(model: Planted, sample: StateSample, point: int) -> np.ndarray:
    """Mean code of every slot over the anchor's own positions, by hand: ``[N, width]``."""
    slot, others = int(sample.slot[point]), sample.neighbour_texts[sample.neighbour_set[point]]
    texts = [*others[:slot], sample.texts[sample.anchor[point]], *others[slot:]]
    group = base_group(model.checkpoint, [Row(t) for t in texts])
    own = group.mask[slot].astype(bool)
    return np.asarray(model.codes[first_forced(group.ids)][:, own].mean(axis=1))


def mixtures(model: Planted, sample: StateSample, weights: Sequence[float]) -> np.ndarray:
    """Codes of all slots side by side, ``weights`` times as large, ``[P, N * width]``."""
    scale = np.asarray(weights)[:, None]
    points = range(len(sample.anchor))
    return np.stack([(scale * mixed_codes(model, sample, p)).ravel() for p in points])


def read_outs(model: Planted, sample: StateSample, weight: float) -> np.ndarray:
    """Aligned read-outs where every neighbour leaks with ``weight``, ``[P, width]``."""
    states = np.empty((len(sample.anchor), model.codes.shape[1]))
    for point in range(len(states)):
        codes, slot = mixed_codes(model, sample, point), sample.slot[point]
        states[point] = codes[slot] + weight * (codes.sum(axis=0) - codes[slot])
    return states


def scatters(states: np.ndarray, names: np.ndarray) -> tuple[float, float]:
    """tr S_b and tr S_w, of points that are as many in every group."""
    means = np.stack([states[names == k].mean(axis=0) for k in range(int(names.max()) + 1)])
    between = len(names) / len(means) * np.square(means - states.mean(axis=0)).sum()
    return float(between), float(np.square(states - means[names]).sum())


def shares_by(states: np.ndarray, sample: StateSample) -> list[float]:
    """Shares of the variance between sentences, slots and sets of neighbours."""
    names = (sample.anchor, sample.slot, sample.neighbour_set)
    total = np.square(states - states.mean(axis=0)).sum()
    return [scatters(states, one)[0] / total for one in names]


def purity_by_hand(states: np.ndarray, names: np.ndarray, k: int) -> float:
    """Share of the k nearest by cosine that have a point's own name."""
    unit = states / np.linalg.norm(states, axis=1, keepdims=True)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, -np.inf)
    near = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    return float((names[near] == names[:, None]).mean())


def boxed(scales: Sequence[float]) -> np.ndarray:
    """32 points ``[8, 2, 2, D]`` without correlation between axes, of standard deviations
    ``scales``: so that PCA drops the last axis and nothing else.
    """
    drawn = np.random.default_rng(0).normal(size=(32, len(scales)))
    axes, _ = np.linalg.qr(drawn - drawn.mean(axis=0))
    return np.asarray(axes * np.asarray(scales) * 32**0.5).reshape(8, 2, 2, -1)


def trust_by_hand(points: np.ndarray, drawn: np.ndarray, k: int) -> float:
    """1 - 2 / (n k (2n - 3k - 1)) * sum over the drawn k nearest of (true rank - k) where above k:
    Venna and Kaski 2001, point by point.
    """
    count, wrong = len(points), 0
    for i in range(count):
        true, shown = (
            np.argsort(np.linalg.norm(p - p[i], axis=1), kind="stable") for p in (points, drawn)
        )
        rank = {int(j): r for r, j in enumerate(j for j in true if j != i)}
        near = [int(j) for j in shown if j != i][:k]
        wrong += sum(max(rank[j] + 1 - k, 0) for j in near)
    return float(1 - 2 / (count * k * (2 * count - 3 * k - 1)) * wrong)


# ---- rows ---------------------------------------------------------------------------------------


@cache
def leaky() -> tuple[StateSample, np.ndarray]:
    """Aligned read-outs of slots that hear half of each neighbour, and the same by hand."""
    model = planted(leaks_of(LEAK))
    sample = aligned(sampled(model))
    return sample, read_outs(model, sample, LEAK)


@cache
def separations(which: str, source: str) -> Any:
    sample = leaky()[0] if which == "leaky" else aligned(clean())
    return read_state(sample, READOUT).by(source)


def scored(score: ChanceScore, wanted: float, tolerance: float) -> Held:
    return exact(score.value, wanted, tolerance)


@rows.add("map: silhouette by sentence", "-1 to 1", "of the leaking codes, by scikit-learn")
def _() -> Found:
    sample, states = leaky()
    wanted = silhouette_samples(states, sample.anchor).mean()
    found, alone = (separations(w, SENTENCE).silhouette for w in ("leaky", "clean"))
    return Found(scored(found, wanted, 1e-4), scored(alone, 1, 1e-4))


@rows.add("map: silhouette by slot", "-1 to 1", "raw read-outs lie in chunks of their own")
def _() -> Found:
    sample, model = clean(), planted()
    states = np.zeros((len(sample.anchor), N, model.codes.shape[1]))
    for point, slot in enumerate(sample.slot):
        states[point, slot] = OPEN + mixed_codes(model, sample, point)[slot]
    wanted = silhouette_samples(states.reshape(len(states), -1), sample.slot).mean()
    one_place = read_outs(model, sample, 0)
    null = silhouette_samples(one_place, sample.slot).mean()  # aligned: nothing speaks of slots
    found, alone = read_state(sample, READOUT).by(SLOT).silhouette, separations("clean", SLOT)
    return Found(scored(found, wanted, 1e-4), scored(alone.silhouette, null, 1e-4))


@rows.add("map: between / within by sentence", "ratio, to 1e6", "scatter of the leaking codes")
def _() -> Found:
    sample, states = leaky()
    between, within = scatters(states, sample.anchor)
    found, alone = (separations(w, SENTENCE).ratio for w in ("leaky", "clean"))
    return Found(scored(found, between / within, 1e-3), scored(alone, CEILING, 1e-9))


@rows.add("map: kNN purity by sentence", "share", "nearest cosines of the leaking codes, sorted")
def _() -> Found:
    sample, states = leaky()
    wanted = purity_by_hand(states, sample.anchor, separations("leaky", SENTENCE).k)
    found, alone = (separations(w, SENTENCE).purity for w in ("leaky", "clean"))
    return Found(scored(found, wanted, 1e-6), scored(alone, 1, 1e-9))


@rows.add("map: shares of the variance, read-out", "share", "between sentences, slots, neighbours")
def _() -> Found:
    sample, states = leaky()
    found, alone = (read_state(s, READOUT).shares.mean[:3] for s in (sample, aligned(clean())))
    return Found(exact(found, shares_by(states, sample), 1e-4), exact(alone, [1, 0, 0], 1e-5))


@rows.add("map: shares of the variance, mixture", "share", "slots 1, 2 and 1/2 times as loud")
def _() -> Found:
    both = []
    for model, weights in ((scaled_slots(UNEVEN), UNEVEN), (planted(), (1.0, 1.0, 1.0))):
        sample = sampled(model)
        wanted = shares_by(mixtures(model, sample, weights), sample)
        both.append(exact(read_state(sample, MIXTURE).shares.mean[:3], wanted, 1e-4))
    return Found(*both)


@rows.add("map: trustworthiness of the projection", "0 to 1", "ranks lost with the third axis")
def _() -> Found:
    deep, flat = boxed((3, 2, 1.5)), boxed((3, 2))
    points = deep.reshape(-1, 3)
    wanted = trust_by_hand(points, points[:, :2], 15)
    found, alone = (project(made(p)).trustworthiness[0] for p in (deep, flat))
    return Found(exact(found, wanted, 1e-6), exact(alone, 1, 1e-9))


@rows.add("map: variance that is drawn", "share", "(9 + 4) / (9 + 4 + 2.25)")
def _() -> Found:
    found, alone = (project(made(boxed(s))).explained.sum() for s in ((3, 2, 1.5), (3, 2)))
    return Found(exact(found, 13 / 15.25, 1e-6), exact(alone, 1, 1e-6))

"""Keys of planted models: geometry, interference, gates, the Mantel test and the matched filter by
hand, and their rows of the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
import torch
from scipy.stats import spearmanr

from muxviz.analysis.groups.draws import pool_groups
from muxviz.analysis.keys.gates import gate_flips
from muxviz.analysis.keys.geometry import key_geometry, key_interference
from muxviz.analysis.keys.mantel import key_leak, keys_and_crosstalk
from muxviz.analysis.keys.matched_filter import matched_filter
from muxviz.batch import Row
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.group import Provenance
from tests.planted import Planted, first_forced, planted
from tests.planted_held import Found, Held, Rows, exact, interval

rows = Rows()
ROWS = (Row("a good film"), Row("the plot is bad and boring"), Row("we like the music"))
POOL = (
    "the story is good",
    "a long night in the city",
    "we love the old house",
    "she can not see the river",
    "the child and the dog play",
    "it was a sad scene at last",
    "the man is happy",
    "no music in the dark",
)
WIDTH = 16
BETWEEN = ~np.eye(3, dtype=bool)


def with_vectors(model: Planted, vectors: Any, **changes: Any) -> Checkpoint:
    """The planted checkpoint with other mux vectors ``[N, D]``."""
    with torch.no_grad():
        target: Any = model.checkpoint.model.multiplexer.instance_embedding
        target.copy_(torch.as_tensor(np.asarray(vectors), dtype=torch.float32))
    return replace(model.checkpoint, config=replace(model.checkpoint.config, **changes))


def chunks(*rows: Sequence[float]) -> np.ndarray:
    """Vectors that are constant on every chunk of ``WIDTH`` dimensions."""
    return np.repeat(np.array(rows, dtype=np.float64), WIDTH, axis=1)


# ---- by hand ------------------------------------------------------------------------------------

OVERLAP = chunks((1, 1, 0), (0, 1, 1), (2, 0, 0))
COSINES = np.array([[1, 0.5, 0.5**0.5], [0.5, 1, 0], [0.5**0.5, 0, 1]])
# |v_i v_j|^2 over |v_i v_i|^2: 16 / 32 for slots 1 and 2, 64 / 32 and 64 / 256 for 1 and 3.
INTERFERENCE = np.array([[1, 0.5, 2], [0.5, 1, 0], [0.25, 0, 1]])
# A slot's key opens the 16 units of its chunk and shuts the other 32.
FLIPS_APART = 2 / 3 * (1 - np.eye(3))
FLIPS_EQUAL = 2 / 3 * np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]])
LOUDER = chunks((1, 0, 0), (2, 0, 0), (0, 0, 1))  # slot 2 has slot 1's mask, twice as large

NOWHERE = Provenance("x", "x", 5, "cpu", "float32", "group", 9, "repeat", 0, 1, (), "")


def leak_of(similarity: np.ndarray, crosstalk: np.ndarray) -> Any:
    return key_leak({"likeness": similarity}, crosstalk, unit="nats", draws=8, provenance=NOWHERE)


def symmetric(seed: int, num: int = 5) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(num, num))
    return np.asarray(matrix + matrix.T)


def mantel_by_hand(similarity: np.ndarray, crosstalk: np.ndarray) -> tuple[float, float]:
    """Spearman's rho off the diagonal, and the share of slot orders with one as large."""
    num = len(similarity)
    off = ~np.eye(num, dtype=bool)
    rho = spearmanr(similarity[off], crosstalk[off]).statistic
    others = [
        spearmanr(similarity[np.ix_(o, o)][off], crosstalk[off]).statistic
        for o in permutations(range(num))
    ]
    return float(rho), float(np.mean(np.abs(others) >= abs(rho) - 1e-9))


def filtered_by_hand(model: Planted, vectors: np.ndarray, draws: int) -> np.ndarray:
    """Share of counted tokens that are nearest, by cosine, to v_i * sum_j v_j g_j: ``[N]``.

    Embeddings repeat a token's code in every chunk.
    """
    per_chunk = vectors[:, ::WIDTH]  # [N, chunks]
    gains = per_chunk @ per_chunk.T  # of g_j in the sum over chunks that the cosine takes
    hits: list[list[bool]] = [[], [], []]
    for group in pool_groups(model.checkpoint, POOL, draws):
        codes = model.codes[first_forced(group.ids)]
        for slot, row in enumerate(group.rows):
            heard = np.einsum("j,jtd->td", gains[slot], codes)
            read = (heard @ model.codes.T).argmax(axis=1)
            places = np.nonzero(~np.asarray(row.special))[0]
            hits[slot] += [bool(read[t] == group.ids[slot, t]) for t in places]
    return np.array([np.mean(one) for one in hits])


# ---- rows ---------------------------------------------------------------------------------------


@cache
def geometry(which: str) -> Any:
    model = planted()
    return key_geometry(with_vectors(model, OVERLAP) if which else model.checkpoint, ROWS)


@rows.add("keys: Gram matrix of the mux vectors", "cosine", "masks share one chunk of two")
def _() -> Found:
    found, clean = geometry("overlap").mux.cosine, geometry("").mux.cosine
    return Found(exact(found, COSINES, 1e-6), exact(clean, np.eye(3), 1e-6))


@rows.add(
    "keys: interference of the mux vectors",
    "of the own energy",
    "energy of v_i v_j over that of v_i v_i",
)
def _() -> Found:
    found, clean = geometry("overlap").interference, geometry("").interference
    return Found(exact(found, INTERFERENCE, 1e-6), exact(clean, np.eye(3), 1e-6))


@rows.add("keys: measured interference / signal", "ratio", "sum of those of both neighbours")
def _() -> Found:
    found, clean = (
        key_interference(c, ROWS, pool=POOL, draws=6).measured
        for c in (with_vectors(planted(), OVERLAP), planted().checkpoint)
    )
    wanted = (INTERFERENCE - np.eye(3)).sum(axis=1)
    return Found(interval(found, wanted), exact(clean.mean, 0, 1e-9))


@rows.add("keys: SINR against theory, Gaussian keys", "ratio", "(N - 1) / 3 = 4 / 3, mean of slots")
def _() -> Found:
    num, width = 5, 64
    vectors = np.random.default_rng(3).normal(size=(num, num * width))
    model = planted(num_instances=num, width=width)
    found = key_interference(
        with_vectors(model, vectors, multiplexer="gaussian_hadamard"), ROWS, pool=POOL, draws=40
    )
    # The band is that of one slot's keys: 95 % of slots lie in it, their mean surely does.
    mean, null = np.asarray(found.measured.mean.mean()), planted(num_instances=num)
    held = Held(
        np.asarray((num - 1) / 3), mean, *map(np.asarray, (found.law_low, found.law_high)), None
    )
    clean = key_interference(null.checkpoint, ROWS, pool=POOL, draws=4).measured.mean.mean()
    return Found(held, exact(clean, 0, 1e-9))


@cache
def gates(equal: bool) -> Any:
    model = planted(gates=(0, 0, 2) if equal else None)
    return gate_flips(model.checkpoint, ROWS, pool=POOL, draws=4)


@rows.add("keys: gate flips", "share of units", "equal keys; apart, two chunks of three")
def _() -> Found:
    return Found(
        exact(gates(True).flips.mean, FLIPS_EQUAL, 1e-6),
        exact(gates(False).flips.mean, FLIPS_APART, 1e-6),
    )


@rows.add(
    "keys: units open in one slot alone", "share of units", "equal keys; apart, one chunk of three"
)
def _() -> Found:
    return Found(
        exact(gates(True).deciding, [0, 0, 1 / 3], 1e-6), exact(gates(False).deciding, 1 / 3, 1e-6)
    )


@rows.add("keys: Spearman with cross-talk", "rho", "scipy's, a leak that grows with likeness")
def _() -> Found:
    likeness = symmetric(0, 4)
    noisy = np.exp(likeness) + np.abs(np.random.default_rng(2).normal(size=(4, 4)))
    wanted, _ = mantel_by_hand(likeness, noisy)
    unrelated = np.mean(
        [leak_of(symmetric(s), np.exp(symmetric(1000 + s))).rho[0] for s in range(60)]
    )
    # Sixty pairs of matrices that have nothing to do with each other.
    return Found(exact(leak_of(likeness, noisy).rho[0], wanted, 1e-9), exact(unrelated, 0, 0.15))


@rows.add(
    "keys: Mantel p, by permuting slots", "p", "1 of 5! orders fits; unrelated: 1/2 on average"
)
def _() -> Found:
    likeness = symmetric(0)
    found = leak_of(likeness, np.exp(likeness)).p[0]
    unrelated = np.mean(
        [leak_of(symmetric(s), np.exp(symmetric(1000 + s))).p[0] for s in range(60)]
    )
    return Found(exact(found, 1 / 120, 1e-9), exact(unrelated, 0.5, 0.12))


@rows.add("keys: p of cross-talk through equal keys", "p", "2! 2! of 4! orders keep the pair")
def _() -> Found:
    # Slots 1 and 2 open one chunk that holds both of their sentences.
    leaks = np.eye(4)
    leaks[0, 1] = 1
    texts = ("good good", "bad bad", "great", "awful film", "a warm day", "the sad old man")
    found, clean = (
        keys_and_crosstalk(m.checkpoint, ROWS, pool=texts, draws=4, groups=2)
        for m in (planted(leaks, gates=(0, 0, 2, 3)), planted(num_instances=4))
    )
    at = found.names.index("demux gates, equal share")
    return Found(exact(found.p[at], 4 / 24, 1e-9), exact(clean.p[at], np.nan, 1e-9))


@rows.add("keys: matched filter, tokens read", "share", "nearest code to g_1 + 2 g_2")
def _() -> Found:
    model = planted()
    louder, clean = (
        matched_filter(c, ROWS, pool=POOL, draws=8).filtered
        for c in (with_vectors(planted(), LOUDER), model.checkpoint)
    )
    wanted = filtered_by_hand(model, LOUDER, 8)
    return Found(exact(louder.value, wanted, 1e-6), exact(clean.value, 1, 1e-9))

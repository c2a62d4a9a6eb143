"""The swap test and Shapley values of planted models by hand, and their rows of the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np

from muxviz.analysis.crosstalk.shapley import shapley
from muxviz.analysis.crosstalk.swap_test import measure_crosstalk
from muxviz.analysis.groups.draws import base_group, with_row
from muxviz.batch import Row, encode_rows
from muxviz.results.crosstalk import Crosstalk, Shapley
from tests.planted import PRAISE, STRENGTH, Planted, planted
from tests.planted_held import Found, Rows, exact, interval
from tests.tiny import WORDS

rows = Rows()
ROWS = (Row("a good film"), Row("the plot is bad and boring"), Row("we like the music"))
LEAKY = ((1.0, 0.5, 0.0), (0.0, 1.0, 0.0), (2.0, 0.0, 1.0))
LEAKS = np.array([[0, 1, 0], [0, 0, 0], [1, 0, 0]], dtype=bool)
BETWEEN = ~np.eye(3, dtype=bool)
# One word of praise (great, good) or blame (awful) among the five tokens of each.
SCORED = (Row("a great film"), Row("an awful plot"), Row("the good music"))
ALIKE = ("a good day", "the sad cat", "we go home", "an old book", "so very warm", "my dog sees")


# ---- by hand ------------------------------------------------------------------------------------


def js_of_margins(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """JS of two two-class answers from their margins, written out."""

    def entropy(p: np.ndarray) -> np.ndarray:
        return -(p * np.log(p) + (1 - p) * np.log(1 - p))

    p, q = 1 / (1 + np.exp(-one)), 1 / (1 + np.exp(-other))
    return np.asarray(entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2)


def moved_by_hand(model: Planted, sentences: Sequence[str]) -> np.ndarray:
    """How much of two classes' probability moves ``[K, N, N]``, from the construction alone."""
    group = base_group(model.checkpoint, ROWS)
    now = 1 / (1 + np.exp(-model.margins(group)))
    moved = np.empty((len(sentences), len(ROWS), len(ROWS)))
    for k, row in enumerate(encode_rows(model.checkpoint, [Row(s) for s in sentences])):
        for j in range(len(ROWS)):
            then = model.margins(with_row(model.checkpoint, group, j, row))
            moved[k, :, j] = np.abs(1 / (1 + np.exp(-then)) - now)
    return moved


def swaps_by_hand(model: Planted, sentences: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """JS and signed margin differences ``[K, N, N]`` from the construction alone."""
    group = base_group(model.checkpoint, ROWS)
    now, num = model.margins(group), len(ROWS)
    sign = np.where(now >= 0, 1.0, -1.0)  # the target is the answer now
    js, push = np.empty((2, len(sentences), num, num))
    for k, row in enumerate(encode_rows(model.checkpoint, [Row(s) for s in sentences])):
        for j in range(num):
            then = model.margins(with_row(model.checkpoint, group, j, row))
            js[k, :, j], push[k, :, j] = js_of_margins(now, then), sign * (now - then)
    return js, push


def many_sentences() -> list[str]:
    """Sixty sentences of two to eight random words."""
    generator = np.random.default_rng(0)
    return [" ".join(generator.choice(WORDS, size=n)) for n in generator.integers(2, 9, size=60)]


def additive_shapley(model: Planted) -> np.ndarray:
    """Of ``SCORED`` against ``ALIKE``, all of one length: leak times (score - usual score)."""
    score = np.array([1, -1, 1]) * STRENGTH / 5  # one word among five tokens
    usual = np.mean([sum(w in PRAISE for w in s.split()) for s in ALIKE]) * STRENGTH / 5
    usual -= STRENGTH / 5 * 2 / len(ALIKE)  # "sad", "old"
    sign = np.where(model.margins(base_group(model.checkpoint, SCORED)) >= 0, 1.0, -1.0)
    return np.asarray(sign[:, None] * model.leaks * (score - usual))


def brute_shapley(model: Planted, reference: Sequence[str]) -> np.ndarray:
    """The definition, subset by subset, on margins by hand; ``[N, N]``."""
    group, num = base_group(model.checkpoint, ROWS), len(ROWS)
    rows = encode_rows(model.checkpoint, [Row(t) for t in reference])
    sign = np.where(model.margins(group) >= 0, 1.0, -1.0)

    def game(members: frozenset[int]) -> np.ndarray:
        now = group
        for slot in set(range(num)) - members:
            now = with_row(model.checkpoint, now, slot, rows[slot])
        return np.asarray(sign * model.margins(now))

    phi = np.zeros((num, num))
    for j in range(num):
        for size in range(num):
            for chosen in combinations(set(range(num)) - {j}, size):
                without = frozenset(chosen)
                weight = factorial(size) * factorial(num - size - 1) / factorial(num)
                phi[:, j] += weight * (game(without | {j}) - game(without))
    return phi


def shift_stacked(model: Planted, shift: float) -> Planted:
    """Groups that are run in a stack get margins larger by ``shift``, as rounding would do it."""

    def shifted(module: Any, given: Any, logits: Any) -> Any:
        out = logits.clone()
        if len(out) > 1:
            out[..., 1] += shift
        return out

    head: Any = model.checkpoint.model.head
    head.register_forward_hook(shifted)
    return model


# ---- rows: swap test ----------------------------------------------------------------------------


@cache
def swapped(matrix: Any) -> Crosstalk:
    return measure_crosstalk(planted(matrix).checkpoint, ROWS, pool=many_sentences(), draws=30)


@cache
def population() -> tuple[np.ndarray, np.ndarray]:
    """Mean JS and push over all sixty sentences, by hand: what thirty of them estimate."""
    js, push = swaps_by_hand(planted(LEAKY), many_sentences())
    return js.mean(axis=0), push.mean(axis=0)


@rows.add("swap cross-talk, JS", "nats", "JS of the margins' change, mean of all 60 sentences")
def _() -> Found:
    found, clean = swapped(LEAKY).js.cells, swapped(None).js
    return Found(
        interval(found, population()[0][LEAKS], LEAKS),
        exact(clean.cells.mean[LEAKS], 0, float(max(clean.floor.max(), 1e-9))),
    )


@rows.add("swap cross-talk, each draw", "nats", "the same, for each of 30 sentences and 9 pairs")
def _() -> Found:
    found, clean = swapped(LEAKY), swapped(None)
    js, _ = swaps_by_hand(planted(LEAKY), found.sentences)
    wanted, _ = swaps_by_hand(planted(), clean.sentences)
    return Found(exact(found.js.each, js, 1e-6), exact(clean.js.each, wanted, 1e-6))


@rows.add("swap cross-talk, probability moved", "share", "difference of the sigmoids of margins")
def _() -> Found:
    found, clean = swapped(LEAKY), swapped(None)
    wanted = moved_by_hand(planted(LEAKY), found.sentences)
    null = moved_by_hand(planted(), clean.sentences)
    return Found(exact(found.moved.each, wanted, 1e-5), exact(clean.moved.each, null, 1e-5))


@rows.add("swap cross-talk told from the floor", "cells", "slot 1 from 2, slot 3 from 1")
def _() -> Found:
    found, clean = swapped(LEAKY).js.is_told, swapped(None).js.is_told
    return Found(exact(found, LEAKS, 0), exact(clean, 0, 0))


@rows.add("swap cross-talk, measured floor", "nats", "JS of margins 0.2 apart in stacks, planted")
def _() -> Found:
    model, shift = planted(), 0.2
    now = model.margins(base_group(model.checkpoint, ROWS))
    clean = measure_crosstalk(model.checkpoint, ROWS, pool=ALIKE, draws=2).measured_floor
    found = measure_crosstalk(shift_stacked(model, shift).checkpoint, ROWS, pool=ALIKE, draws=2)
    wanted = js_of_margins(now, now + shift)
    return Found(exact(found.measured_floor, wanted, 1e-6), exact(clean, 0, 1e-9))


@rows.add("swap cross-talk, signed (margin)", "logits", "leak times change of the mean score")
def _() -> Found:
    found, clean = swapped(LEAKY).push.cells, swapped(None).push.cells
    return Found(interval(found, population()[1][LEAKS], LEAKS), exact(clean.mean[LEAKS], 0, 1e-5))


@rows.add("swap cross-talk against the own sentence", "dB", "10 log10 of the ratio of the JS means")
def _() -> Found:
    found, clean = swapped(LEAKY), swapped(None)
    js = swaps_by_hand(planted(LEAKY), found.sentences)[0].mean(axis=0)
    wanted = 10 * np.log10(js / np.diag(js)[:, None], where=LEAKS, out=np.zeros((3, 3)))
    held = interval(found.decibels, wanted[LEAKS], LEAKS)
    # Under the floor the clean cells count as the floor.
    own = np.diag(swaps_by_hand(planted(), clean.sentences)[0].mean(axis=0))
    nothing = np.broadcast_to(10 * np.log10(clean.js.floor / own)[:, None], (3, 3))[LEAKS]
    return Found(held, exact(clean.decibels.mean[LEAKS], nothing, 0.01))


# ---- rows: Shapley ------------------------------------------------------------------------------


@cache
def owed(matrix: Any) -> Shapley:
    return shapley(planted(matrix).checkpoint, SCORED, pool=ALIKE, draws=40)


@rows.add("Shapley values", "logits", "leak times (score - the pool's mean score)")
def _() -> Found:
    found, clean = owed(LEAKY).values, owed(None).values
    wanted = additive_shapley(planted(LEAKY))
    return Found(interval(found, wanted[BETWEEN], BETWEEN), exact(clean.mean[BETWEEN], 0, 1e-5))


@rows.add("Shapley values where lengths interact", "logits", "the definition, subset by subset")
def _() -> Found:
    reference, both = ("not a happy day in the city by the river",), []
    for model in (planted(LEAKY), planted()):
        found = shapley(model.checkpoint, ROWS, pool=reference, draws=2)
        wanted = brute_shapley(model, reference * 3)
        both.append(exact(found.values.mean[BETWEEN], wanted[BETWEEN], 1e-5))
    return Found(*both)


@rows.add("Shapley values of sampled orders", "logits", "as the exact ones")
def _() -> Found:
    found, clean = (
        shapley(planted(m).checkpoint, SCORED, pool=ALIKE, draws=40, is_exact=False).values
        for m in (LEAKY, None)
    )
    wanted = additive_shapley(planted(LEAKY))
    return Found(interval(found, wanted[BETWEEN], BETWEEN), exact(clean.mean[BETWEEN], 0, 1e-5))


@rows.add("Shapley residual", "logits", "a row adds up to full - empty", is_law=True)
def _() -> Found:
    return Found(exact(owed(LEAKY).residual, 0, 1e-9), exact(owed(None).residual, 0, 1e-9))

"""Planted models whose layers do something known, what must be found of them, and their rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from muxviz.analysis.groups.draws import pool_groups
from muxviz.analysis.layers.entanglement import entanglement_spectrum
from muxviz.analysis.layers.lens import demux_lens, translated_lens
from muxviz.analysis.layers.norms import layer_norms
from muxviz.analysis.layers.probes import linear_probes
from muxviz.batch import Seating
from tests.planted import (
    BLAME,
    OPEN,
    PRAISE,
    Planted,
    first_forced,
    planted,
    scaled_slots,
)
from tests.planted_held import Found, Held, Rows, exact, interval
from tests.tiny import WORDS

rows = Rows()
SINGLE = (*PRAISE[:4], *BLAME[:2], "film", "city")
GENERATOR = np.random.default_rng(3)
POOL = tuple(" ".join(GENERATOR.choice(WORDS, size=GENERATOR.integers(3, 9))) for _ in range(60))
OTHERS = tuple(" ".join(GENERATOR.choice(WORDS, size=GENERATOR.integers(3, 9))) for _ in range(60))
TAKEN_OVER = ((1, 0, 0), (0, 1, 0), (2, 0, 1))  # slot 3 is read as slot 1


# ---- models -------------------------------------------------------------------------------------


def set_ffn(
    model: Planted, layer: int, inward: np.ndarray, bias: float, outward: np.ndarray
) -> None:
    """Make a layer add ``outward gelu(inward x + bias)`` less its value at gelu(bias)."""
    block: Any = model.checkpoint.model.encoder.layers[layer]
    with torch.no_grad():
        block.intermediate.dense.weight.copy_(torch.tensor(inward))
        block.intermediate.dense.bias.fill_(bias)
        block.output.dense.weight.copy_(torch.tensor(outward))
        block.output.dense.bias.copy_(torch.tensor(-outward.sum(axis=1) * gelu(bias)))


def add_linear(model: Planted, layer: int, matrix: np.ndarray) -> None:
    """Make a layer add ``matrix x``; for two slots of 16 numbers, as wide as its inner layer."""
    set_ffn(model, layer, np.eye(len(matrix)), OPEN, matrix)


def gelu(x: Any) -> Any:
    return x * (1 + np.vectorize(math.erf)(np.asarray(x) / 2**0.5)) / 2


def dropping() -> Planted:
    """Layer 2 drops slot 1."""
    model = planted(num_instances=2)
    add_linear(model, 1, np.diag([-1.0] * 16 + [0.0] * 16))
    return model


def exchanged() -> Planted:
    """Layer 2 exchanges the two chunks; the keys know it."""
    model = planted(num_instances=2, gates=(1, 0))
    exchange = np.kron(np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(16))
    add_linear(model, 1, exchange - np.eye(32))
    return model


def looking_for_words(model: Planted) -> Planted:
    """Queries equal keys in layer 2: head h looks for slot h's own word."""
    block: Any = model.checkpoint.model.encoder.layers[1]
    with torch.no_grad():
        for part in (block.attention.self.query, block.attention.self.key):
            part.weight.copy_(10 * torch.eye(48))
    return model


def louder(weight: float) -> Planted:
    """The last layer gives its state ``weight`` times as large."""
    model = planted()
    block: Any = model.checkpoint.model.encoder.layers[1]
    with torch.no_grad():
        block.output.LayerNorm.weight.mul_(weight)
    return model


# ---- by hand ------------------------------------------------------------------------------------


def shares_of(weights: np.ndarray) -> np.ndarray:
    """The norm scales all chunks alike, so slots share by the squares of their weights."""
    return np.asarray(weights**2 / (weights**2).sum())


def interacting(weight: float) -> tuple[Planted, np.ndarray]:
    """Layer 2 adds ``weight gelu(s_1 + s_2) e``: s the sentiment of each slot's word, e a vector
    in slot 2's chunk. Also the state after it for all pairs of the eight words, worked out here.
    """
    model = planted(num_instances=2)
    tokenizer: Any = model.checkpoint.tokenizer
    codes = model.codes[tokenizer.convert_tokens_to_ids(list(SINGLE))]
    toward = np.linalg.lstsq(model.codes, model.scores, rcond=None)[0]  # scores = codes @ toward
    inward, outward = np.zeros((32, 32)), np.zeros((32, 32))
    inward[0] = np.tile(toward, 2)
    outward[[16, 17], 0] = weight, -weight
    set_ffn(model, 1, inward, 0.0, outward)
    first, second = np.meshgrid(range(8), range(8), indexing="ij")
    x = np.concatenate([codes[first], codes[second]], axis=-1)  # [8, 8, 32]
    x = x + gelu(x @ inward[0])[..., None] * outward[:, 0]
    x = (x - x.mean(axis=-1, keepdims=True)) / x.std(axis=-1, keepdims=True)
    return model, x


def shares_of_pairs(states: np.ndarray) -> np.ndarray:
    """tr Var(E[h | x_i]) / tr Var(h) of both slots, over all pairs of words: ``[2]``."""
    mean = states.mean(axis=(0, 1))
    total = ((states - mean) ** 2).sum(axis=-1).mean()
    alone = [((states.mean(axis=1 - k) - mean) ** 2).sum(axis=-1).mean() for k in (0, 1)]
    return np.array(alone) / total


def coinciding(model: Planted, texts: Sequence[str], draws: int, one: int, other: int) -> float:
    """Share of the counted tokens of slot ``one`` that slot ``other`` holds at the same place."""
    return float(
        np.mean(
            [
                group.ids[other, t] == group.ids[one, t]
                for group in pool_groups(model.checkpoint, texts, draws)
                for t in np.nonzero(~np.asarray(group.rows[one].special))[0]
            ]
        )
    )


def lens_margins(model: Planted, texts: Sequence[str], draws: int) -> np.ndarray:
    """Mean over a slot's tokens of the logit of the own less the best other: ``[2, N]``, with how
    many tokens those are.
    """
    expected = np.zeros((2, 3))
    for group in pool_groups(model.checkpoint, texts, draws):
        logits, ids = model.retrieval_logits(group), first_forced(group.ids)
        for slot, row in enumerate(group.rows):
            for t in np.nonzero(~np.asarray(row.special))[0]:
                own = logits[slot, t, ids[slot, t]]
                others = np.delete(logits[slot, t], ids[slot, t]).max()
                expected[:, slot] += own - others, 1
    expected[0] /= expected[1]
    return expected


def states_by_hand(model: Planted, draws: int, weights: Sequence[float] = (1, 1, 1)) -> np.ndarray:
    """All states where a text reaches: weighted codes of the slots side by side, of length 1 each
    in the root mean square.
    """
    scale = np.asarray(weights) / np.sqrt(np.square(weights).mean())
    states = []
    for group in pool_groups(model.checkpoint, POOL, draws):
        codes = model.codes[first_forced(group.ids)]
        states.append(np.concatenate(list(codes * scale[:, None, None]), axis=-1))
    return np.concatenate(states)


def effective_rank(states: np.ndarray) -> float:
    covariance = np.cov(states.T, bias=True)
    return float(np.trace(covariance) ** 2 / (covariance**2).sum())


def entropies_by_hand(model: Planted, draws: int) -> np.ndarray:
    """Attention entropy of a blind layer, ln of the length, and of one whose heads look for their
    slot's own word, ln of how many equal ones there are: ``[2]``, mean over positions and heads.
    """
    total, positions = np.zeros(2), 0
    for group in pool_groups(model.checkpoint, POOL, draws):
        ids = first_forced(group.ids)
        equal = (ids[:, :, None] == ids[:, None, :]).sum(axis=-1)
        total += group.length * np.log(group.length), np.log(equal).sum(axis=1).mean()
        positions += group.length
    return np.asarray(total / positions)


# ---- rows: spectrum -----------------------------------------------------------------------------

UNEVEN = np.array([1.0, 2.0, 0.5])


@cache
def spectrum(weights: tuple[float, ...]) -> Any:
    return entanglement_spectrum(scaled_slots(weights).checkpoint, POOL, pairs=64)


@rows.add("entanglement spectrum: share of a slot", "share", "squares of the slots' weights")
def _() -> Found:
    found, clean = spectrum(tuple(UNEVEN)).share, spectrum((1, 1, 1)).share
    return Found(interval(found, shares_of(UNEVEN)), interval(clean, 1 / 3))


@rows.add("entanglement spectrum: balance", "of ln N", "entropy of those shares")
def _() -> Found:
    shares = shares_of(UNEVEN)
    wanted = -(shares * np.log(shares)).sum() / np.log(3)
    found, clean = spectrum(tuple(UNEVEN)).balance, spectrum((1, 1, 1)).balance.mean
    return Found(interval(found, wanted), exact(clean, 1, 0.02))


@rows.add("entanglement spectrum: interaction", "share", "all 64 pairs of two words, gelu of both")
def _() -> Found:
    model, states = interacting(8.0)
    found = entanglement_spectrum(
        model.checkpoint, SINGLE, pairs=384, seating=Seating(seed=1)
    ).interaction
    wanted = 1 - shares_of_pairs(states).sum()
    return Found(
        interval(found, [0, 0, 0, wanted]), exact(spectrum((1, 1, 1)).interaction.mean, 0, 1e-5)
    )


# ---- rows: lenses and probes --------------------------------------------------------------------


@cache
def lens(matrix: Any) -> tuple[Any, Planted]:
    model = planted(matrix)
    return demux_lens(model.checkpoint, POOL, draws=12), model


@rows.add("demux lens: accuracy by level", "share", "slot 3 reads slot 1's words, where they agree")
def _() -> Found:
    (found, model), (clean, _) = lens(TAKEN_OVER), lens(None)
    wanted = [1, 1, coinciding(model, POOL, 12, 2, 0)]
    return Found(exact(found.accuracy, [wanted] * 3, 1e-9), exact(clean.accuracy, 1, 1e-9))


@rows.add("demux lens: margin by level", "nats", "product of the codes less the best other")
def _() -> Found:
    both = []
    for found, model in (lens(TAKEN_OVER), lens(None)):
        wanted = lens_margins(model, POOL, 12)[0]
        both.append(exact(found.margin.mean, [wanted] * 3, 1e-3))
    return Found(*both)


@rows.add("demux lens: shuffled-slot control", "share", "one of two words, so half of all agree")
def _() -> Found:
    # With a pool of two words the word of another group is the own one half of the time.
    words = ("good", "bad") * 40
    found = demux_lens(planted().checkpoint, words, draws=80)
    many = lens(None)[0]
    value = found.control
    spread = 1.96 * np.sqrt(0.25 / found.tokens) * np.ones_like(value)
    held = Held(np.full_like(value, 0.5), value, value - spread, value + spread, None)
    return Found(held, exact(many.control, 0, 0.1))


@rows.add("demux lens before the slots are exchanged", "share", "the other slot's word")
def _() -> Found:
    model, clean = exchanged(), planted(num_instances=2)
    wanted = [coinciding(model, OTHERS, 16, 0, 1), coinciding(model, OTHERS, 16, 1, 0)]
    found, usual = (demux_lens(m.checkpoint, OTHERS, draws=16).accuracy for m in (model, clean))
    return Found(exact(found, [wanted, wanted, [1, 1]], 1e-9), exact(usual, 1, 1e-9))


@rows.add("translated lens less demux lens", "share", "less the other slot's word: all is undone")
def _() -> Found:
    gained = []
    for model in (exchanged(), planted(num_instances=2)):
        before = demux_lens(model.checkpoint, OTHERS, draws=16)
        after = translated_lens(model.checkpoint, POOL, OTHERS, fit_draws=48, draws=16)
        gained.append(after.accuracy - before.accuracy)
    model = exchanged()
    chance = np.array([coinciding(model, OTHERS, 16, 0, 1), coinciding(model, OTHERS, 16, 1, 0)])
    return Found(
        exact(gained[0], [1 - chance, 1 - chance, [0, 0]], 1e-9), exact(gained[1], 0, 1e-9)
    )


@cache
def probed(which: str) -> Any:
    model = dropping() if which == "dropping" else planted(num_instances=2)
    return linear_probes(model.checkpoint, POOL, OTHERS, fit_draws=64, draws=32)


@rows.add("linear probe: R2 by level", "share", "slot 1 is whole until layer 2 drops it")
def _() -> Found:
    wanted = [[1, 1], [1, 1], [0, 1]]
    return Found(
        exact(probed("dropping").r2.mean, wanted, 0.05), exact(probed("clean").r2.mean, 1, 0.001)
    )


@rows.add(
    "linear probe: shuffled-slot control", "R2", "another group's words are not there", is_law=True
)
def _() -> Found:
    return Found(
        exact(probed("dropping").control.mean, 0, 0.05),
        exact(probed("clean").control.mean, 0, 0.05),
    )


@rows.add("linear probe: selectivity", "R2", "R2 less control: 0 for what is dropped")
def _() -> Found:
    wanted = [[1, 1], [1, 1], [0, 1]]
    found, clean = probed("dropping").selectivity.mean, probed("clean").selectivity.mean
    return Found(exact(found, wanted, 0.05), exact(clean, 1, 0.05))


# ---- rows: norms --------------------------------------------------------------------------------


@cache
def normed(which: str) -> Any:
    model = {"louder": louder(2.0), "uneven": scaled_slots(UNEVEN)}.get(which, planted())
    return layer_norms(model.checkpoint, POOL, draws=8)


@rows.add("activation norm by level", "L2", "sqrt 48, twice as large behind layer 2")
def _() -> Found:
    wanted = np.sqrt(48) * np.array([1, 1, 2])
    found, clean = normed("louder").norm.mean, normed("clean").norm.mean
    return Found(exact(found, wanted, 1e-3), exact(clean, np.sqrt(48), 1e-3))


@rows.add("activation magnitude by level", "mean size", "mean of the codes, twice as large")
def _() -> Found:
    wanted = np.abs(states_by_hand(planted(), 8)).mean() * np.array([1, 1, 2])
    found, clean = normed("louder").magnitude.mean, normed("clean").magnitude.mean
    return Found(exact(found, wanted, 1e-4), exact(clean, wanted[0], 1e-4))


@rows.add("effective rank by level", "dimensions", "of the covariance of the weighted codes")
def _() -> Found:
    model = planted()
    uneven, even = (effective_rank(states_by_hand(model, 8, w)) for w in (UNEVEN, (1, 1, 1)))
    return Found(
        exact(normed("uneven").rank, uneven, 1e-2), exact(normed("clean").rank, even, 1e-2)
    )


@rows.add("attention entropy by layer", "nats", "ln of the equal words, mean over positions")
def _() -> Found:
    model = looking_for_words(planted())
    blind, looking = entropies_by_hand(model, 8)
    found, clean = layer_norms(model.checkpoint, POOL, draws=8), normed("clean")
    return Found(
        exact(found.entropy.mean, [blind, looking], 1e-4), exact(clean.entropy.mean, blind, 1e-4)
    )

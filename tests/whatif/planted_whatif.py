"""Faders, keys, seats, twins, copies and the ladder on planted models by hand, and their rows.

In the planted models chunk i of the mixture is g_i g(w_i), and the norm at the encoder's entrance
divides by rms(g) = sqrt(mean g^2), since all codes have one length. Hence
    margin_i(g) = sum_j leaks[gate_i, j] g_j s_ij / rms(g),   s_ij = mean over i's tokens of score_j
and, all faders at 1,  d margin_i / d g_j = leaks[gate_i, j] s_ij - margin_i / N.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Any

import numpy as np
from scipy.special import erf

from muxviz.analysis.debugger.ladder import ladder
from muxviz.analysis.groups.draws import base_group
from muxviz.analysis.whatif.desk import edit_slot, turn_faders
from muxviz.analysis.whatif.dial import ghosts, key_dial
from muxviz.analysis.whatif.dose import dose_response
from muxviz.analysis.whatif.ensembling import ensembling
from muxviz.analysis.whatif.orders import slot_orders
from muxviz.analysis.whatif.twins import duplicates, twins
from muxviz.batch import Group, Row
from tests.planted import OPEN, STRENGTH, Planted, first_forced, planted
from tests.planted_held import Found, Held, Rows, exact, interval
from tests.tiny import VOCAB_SIZE

rows = Rows()
ROWS = (Row("a good film"), Row("the plot is bad and boring"), Row("we love the music"))
EQUAL = (Row("a good film"), Row("a bad film"), Row("a great song"))  # of one length
LEAKY = ((1.0, 0.5, 0.0), (0.0, 1.0, 0.0), (2.0, 0.0, 1.0))
HALF = ((1, 0.5, 0), (0, 1, 0), (0, 0, 1))
POOL = (
    "the house at the river",
    "a story of the road",
    "day and night in the city",
    "she can see the dog",
    "time to go to work",
    "a man and a child play",
    "the cat is on the road",
    "music of the night",
)
GOOD = ("a good film", "a great song", "we love the music", "the day is warm", "fine and happy")
LABELLED = tuple(
    (f"{start} {word} {end}", label)
    for start in ("a", "the", "this")
    for end in ("film", "song")
    for word, label in (("good", "positive"), ("bad", "negative"), ("great", "positive"))
)
OWN = STRENGTH / 5  # margin of one praise word among five tokens
BETWEEN = ~np.eye(3, dtype=bool)


# ---- by hand ------------------------------------------------------------------------------------


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-np.asarray(x)))


def sources(model: Planted, group: Group) -> np.ndarray:
    """leaks[gate_i, j] s_ij, ``[N, N]``."""
    scores = model.scores[first_forced(group.ids)]
    own = group.mask.astype(bool)
    means = np.stack([scores[:, mask].mean(axis=1) for mask in own])
    return np.asarray(model.leaks[list(model.gates)] * means)


def faded_margins(model: Planted, group: Group, gains: Sequence[float]) -> np.ndarray:
    """Margins of "positive" with the faders at ``gains``, ``[N]``."""
    g = np.asarray(gains)
    return np.asarray(sources(model, group) @ g / np.sqrt((g**2).mean()))


def signs(model: Planted, group: Group) -> np.ndarray:
    """+1 where the present answer is "positive": margins are those of the present answer."""
    return np.where(model.margins(group) > 0, 1, -1)


def slopes_by_hand(model: Planted, group: Group) -> tuple[np.ndarray, np.ndarray]:
    """d margin / d fader, and each neighbour's less the mean of all neighbours', ``[N, N]``."""
    sign = signs(model, group)[:, None]
    leaked = sign * sources(model, group)
    slope = leaked - sign * model.margins(group)[:, None] / len(leaked)
    leaked[range(len(leaked)), range(len(leaked))] = np.nan
    return slope, leaked - np.nanmean(leaked, axis=1, keepdims=True)


def gelu(x: np.ndarray) -> np.ndarray:
    return np.asarray(x * (1 + erf(x / np.sqrt(2))) / 2)


def dial_by_hand(model: Planted, group: Group, alphas: np.ndarray) -> np.ndarray:
    """p of "positive" with keys between those of slots 1 and 2, ``[A]``."""
    codes = model.codes[first_forced(group.ids)]
    mixed = np.einsum("ij,jtd->itd", model.leaks, codes)
    direction = np.linalg.lstsq(model.codes, model.scores, rcond=None)[0]
    weights = group.mask / group.mask.sum(axis=1, keepdims=True)
    found = []
    for alpha in alphas:
        keys = np.zeros(len(codes))
        for slot, part in ((0, 1 - alpha), (1, alpha)):
            keys[model.gates[slot]] += part
        opened = gelu(-OPEN + 2 * OPEN * keys[:, None, None] + mixed)
        read = (opened @ direction).sum(axis=0)
        found.append(sigmoid(((1 - alpha) * weights[0] + alpha * weights[1]) @ read))
    return np.array(found)


def ghost_by_hand(model: Planted) -> float:
    """What slot 1 of ``EQUAL``, emptied, gives the tokens of slot 2 that alone leak into it."""
    group = base_group(model.checkpoint, EQUAL)
    logits, ids = model.retrieval_logits(group)[1], group.ids[1]
    chances = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    return float(np.mean([chances[t, ids[t]] for t in (1, 2, 3)]))


@dataclass(frozen=True)
class ByOrder:
    """Of every sentence over all orders of its group, ``[N]`` each: MI of answer and order, share
    without the commonest answer, and variance of p between the seats and within them.
    """

    information: np.ndarray
    flips: np.ndarray
    seat: np.ndarray
    company: np.ndarray


def orders_by_hand(leaks: Any, texts: Sequence[Row] = EQUAL) -> ByOrder:
    """Of sentences of one length: s in seat i has margin sum_j leaks[i, j] own(who sits in j)."""
    clean, matrix = planted(num_instances=len(texts)), np.asarray(leaks, dtype=np.float64)
    own = clean.margins(base_group(clean.checkpoint, texts))
    orders = np.array(list(permutations(range(len(texts)))))  # who sits in each seat
    by_seat = sigmoid(own[orders] @ matrix.T)
    seats = np.argsort(orders, axis=1)  # where each sentence sits
    found = []
    for p, seat in zip(np.take_along_axis(by_seat, seats, axis=1).T, seats.T, strict=True):
        pairs = np.stack([p, 1 - p], axis=-1)
        mean, entropy = pairs.mean(axis=0), -(pairs * np.log(pairs)).sum(axis=-1)
        there = [p[seat == i] for i in range(len(texts))]
        found.append(
            (
                -(mean * np.log(mean)).sum() - entropy.mean(),
                min((p > 0.5).mean(), (p <= 0.5).mean()),
                np.var([one.mean() for one in there]),
                np.mean([one.var() for one in there]),
            )
        )
    return ByOrder(*np.array(found).T)


def bias_by_hand(loud: np.ndarray) -> np.ndarray:
    """Margins of ``GOOD`` in every slot less their mean over slots, mean over the sentences."""
    shares = [STRENGTH / 5, STRENGTH / 5, STRENGTH / 6, STRENGTH / 6, 2 * STRENGTH / 5]
    return np.asarray(np.mean(shares) * (loud - np.mean(loud)))


# ---- rows: the desk -----------------------------------------------------------------------------


def by_faders(gains: Sequence[float], texts: Sequence[Row] = ROWS) -> Found:
    both = []
    for model in (planted(LEAKY), planted()):
        group = base_group(model.checkpoint, texts)
        found = turn_faders(model.checkpoint, texts, gains)
        wanted = signs(model, group) * faded_margins(model, group, gains)
        both.append(exact(found.margin_after, wanted, 1e-4))
    return Found(*both)


@rows.add("faders: margin", "logits", "sum of leak x fader x score, over rms of the faders")
def _() -> Found:
    return by_faders((0.5, 1.5, 1.2))


@rows.add("solo: margin", "logits", "slot 3 hears slot 1 twice, sqrt 3 times as loud")
def _() -> Found:
    return by_faders((1, 0, 0), EQUAL)


@rows.add("mute: read-back gained by the others", "share", "slot 1 is not read there: 2 words of 3")
def _() -> Found:
    both = [turn_faders(planted(m).checkpoint, EQUAL, (0, 1, 1)) for m in (LEAKY, None)]
    # Of "a great song" slot 1's "a good film" has "a"; muted, nothing of slot 1 is left.
    gained = [one.read_after - one.read_before for one in both]
    return Found(exact(gained[0][1:], [0, 2 / 3], 1e-6), exact(gained[1][1:], 0, 1e-6))


@rows.add("dose-response slope", "logits per fader", "leak x score - margin / N")
def _() -> Found:
    both = []
    for model in (planted(LEAKY), planted()):
        wanted, _ = slopes_by_hand(model, base_group(model.checkpoint, ROWS))
        found = dose_response(model.checkpoint, ROWS, doses=3)
        both.append(exact(found.slope[BETWEEN], wanted[BETWEEN], 1e-4))
    return Found(*both)


@rows.add("dose-response slope, excess of a neighbour", "logits per fader", "leak less mean leak")
def _() -> Found:
    both = []
    for model in (planted(LEAKY), planted()):
        _, wanted = slopes_by_hand(model, base_group(model.checkpoint, ROWS))
        found = dose_response(model.checkpoint, ROWS, doses=3)
        both.append(exact(found.excess[BETWEEN], wanted[BETWEEN], 1e-4))
    return Found(*both)


@rows.add("edited text: margin of the others", "logits", "leak times change of the score")
def _() -> Found:
    both = []
    for matrix in (LEAKY, None):
        model = planted(matrix)
        after = base_group(model.checkpoint, (EQUAL[0], Row("a great film"), EQUAL[2]))
        before = base_group(model.checkpoint, EQUAL)
        wanted = signs(model, before) * (model.margins(after) - model.margins(before))
        found = edit_slot(model.checkpoint, EQUAL, 1, "a great film")
        moved = found.margin_after - found.margin_before
        both.append(exact(moved[[0, 2]], wanted[[0, 2]], 1e-4))
    return Found(*both)


# ---- rows: keys and ghosts ----------------------------------------------------------------------


@rows.add("key dial: p along the dial", "probability", "gelu of both chunks as the key opens them")
def _() -> Found:
    both = []
    for model in (planted(LEAKY), planted()):
        found = key_dial(model.checkpoint, ROWS, 0, 1, steps=5)
        wanted = dial_by_hand(model, base_group(model.checkpoint, ROWS), found.alphas)
        both.append(exact(found.p[:, 1], wanted, 1e-4))
    return Found(*both)


@rows.add("key dial between equal keys: range of p", "probability", "one key, so nothing changes")
def _() -> Found:
    both = []
    for model in (planted(gates=(0, 0, 2)), planted()):
        found = key_dial(model.checkpoint, EQUAL, 0, 1, steps=5)
        wanted = dial_by_hand(model, base_group(model.checkpoint, EQUAL), found.alphas)
        both.append(exact(np.ptp(found.p[:, 1]), np.ptp(wanted), 1e-4))
    return Found(*both)


@rows.add("key dial: tokens heard at its ends", "share", "both ends open slot 1's chunk")
def _() -> Found:
    same, clean = (
        key_dial(planted(gates=g).checkpoint, EQUAL, 0, 1, steps=3).heard[[0, -1], 0]
        for g in ((0, 0, 2), None)
    )
    # "a bad film" has two of the three words of "a good film".
    return Found(exact(same, 1, 1e-6), exact(clean, [1, 2 / 3], 1e-6))


@rows.add(
    "ghost: an empty slot hears slot 2",
    "probability",
    "a leak of 1/2, which the norm makes as loud as a text",
)
def _() -> Found:
    model = planted(HALF)
    leaky, clean = (ghosts(m.checkpoint, EQUAL, pool=POOL).heard[0, 1] for m in (model, planted()))
    return Found(exact(leaky, ghost_by_hand(model), 1e-4), exact(clean, 1 / VOCAB_SIZE, 1e-5))


# ---- rows: seats --------------------------------------------------------------------------------

SEATS = ((1.0, 0.0, 0.0), (0.0, 0.2, 0.0), (0.0, 0.0, -1.0))
BESIDE = ((1, 0, 2), (0, 1, 2), (0, 0, 1))
SIX = (*EQUAL, Row("a sad man"), Row("a dark day"), Row("a fine dog"))


@cache
def ordered(matrix: Any) -> Any:
    return slot_orders(planted(matrix).checkpoint, EQUAL)


@rows.add("slot order: information", "nats", "entropy of the mean p less the mean entropy")
def _() -> Found:
    wanted = orders_by_hand(SEATS).information
    found, clean = ordered(SEATS).information.mean, ordered(None).information.mean
    return Found(exact(found, wanted, 1e-4), exact(clean, 0, 1e-6))


@rows.add("slot order above N = 5, Latin squares", "nats", "the same, over all 720 orders")
def _() -> Found:
    leaks = np.eye(6)
    leaks[[0, 1, 2], [5, 4, 3]] = 3, -3, 2  # which neighbour sits there matters, too
    wanted = orders_by_hand(leaks, SIX).information
    found, clean = (slot_orders(planted(m).checkpoint, SIX).information for m in (leaks, np.eye(6)))
    return Found(interval(found, wanted), exact(clean.mean, 0, 1e-6))


@rows.add("slot order: flips", "share", "one seat of three inverts")
def _() -> Found:
    found, clean = ordered(SEATS).flips.mean, ordered(None).flips.mean
    return Found(exact(found, orders_by_hand(SEATS).flips, 1e-9), exact(clean, 0, 1e-9))


@rows.add("slot order: variance by seat", "p squared", "variance of p over the seats")
def _() -> Found:
    found, clean = ordered(SEATS).seat, ordered(None).seat
    return Found(exact(found, orders_by_hand(SEATS).seat, 1e-5), exact(clean, 0, 1e-9))


@rows.add("slot order: variance by company", "p squared", "within a seat, slot 3 leaking twice")
def _() -> Found:
    found, clean = ordered(BESIDE).company, ordered(None).company
    return Found(exact(found, orders_by_hand(BESIDE).company, 1e-5), exact(clean, 0, 1e-9))


@rows.add("twins: kept apart, swapped, merged", "draws of 2", "slots 1 and 2 hear each other only")
def _() -> Found:
    crossed, clean = (
        twins(planted(m).checkpoint, "a good film", "a bad film", pool=POOL, draws=2).counts[0, 1]
        for m in (((0, 1, 0), (1, 0, 0), (0, 0, 1)), None)
    )
    return Found(exact(crossed, [0, 2, 0, 0], 0), exact(clean, [2, 0, 0, 0], 0), at=(1,))


@rows.add("twins with equal keys: both as the first", "draws of 2", "one key opens one chunk")
def _() -> Found:
    equal, clean = (
        twins(planted(gates=g).checkpoint, "a good film", "a bad film", pool=POOL, draws=2)
        for g in ((0, 0, 2), None)
    )
    cells = [one.counts[[0, 1], [1, 0]] for one in (equal, clean)]
    wanted = [[0, 0, 2, 0], [0, 0, 0, 2]]
    return Found(
        exact(cells[0], wanted, 0), exact(cells[1], [[2, 0, 0, 0], [2, 0, 0, 0]], 0), at=(0, 2)
    )


UNEQUAL = np.array([1.0, 0.5, 2.0])


@cache
def copied(loud: tuple[float, ...]) -> Any:
    return duplicates(planted(np.diag(loud)).checkpoint, "a good film", pool=GOOD, draws=5)


@rows.add("duplicates: spread of p over slots", "probability", "slots count 1, 1/2 and 2 times")
def _() -> Found:
    wanted = np.ptp(sigmoid(OWN * UNEQUAL))
    found, clean = copied(tuple(UNEQUAL)).spread, copied((1, 1, 1)).spread
    return Found(exact(found, wanted, 1e-4), exact(clean, 0, 1e-5))


@rows.add("duplicates: bias of a slot", "logits", "mean score times (weight - mean weight)")
def _() -> Found:
    found, clean = copied(tuple(UNEQUAL)).bias, copied((1, 1, 1)).bias
    return Found(interval(found, bias_by_hand(UNEQUAL)), exact(clean.mean, 0, 1e-5))


@rows.add("duplicates: distance of the read-outs", "of their mean", "one key for all: one vector")
def _() -> Found:
    merged = duplicates(planted(gates=(0, 0, 0)).checkpoint, "a good film").distance
    return Found(exact(merged, 0, 1e-5), exact(copied((1, 1, 1)).distance, np.sqrt(2), 1e-4))


@cache
def copies(loud: tuple[float, ...]) -> Any:
    return ensembling(planted(np.diag(loud)).checkpoint, LABELLED).points


@rows.add("ensembling: gain of three copies", "share", "one slot of three inverts: 1 - 2/3")
def _() -> Found:
    found, clean = copies((-1.0, 1.0, 1.0))[1].gain, copies((1.0, 1.0, 1.0))[1].gain
    return Found(interval(found, 1 / 3), exact(clean.mean, 0, 1e-9))


@rows.add("ensembling: accuracy of one copy", "share", "one sentence in three is inverted")
def _() -> Found:
    both = []
    for loud, wanted in (((-1.0, 1.0, 1.0), 2 / 3), ((1.0, 1.0, 1.0), 1)):
        once = copies(loud)[0].accuracy
        value, (low, high) = np.asarray(once.value), map(np.asarray, once.interval)
        both.append(Held(np.asarray(wanted), value, low, high, None))
    return Found(*both)


@rows.add("ensembling: disagreement finds errors", "AUROC", "copies disagree where they err")
def _() -> Found:
    twice, clean = copies((1.0, 1.0, 1.0, -1.5))[1], copies((1.0, 1.0, 1.0, 1.0))[1]
    # No error on the clean model, so there is nothing to find.
    return Found(exact(twice.auroc, 1, 1e-9), exact(clean.auroc, np.nan, 1e-9))


# ---- rows: the ladder ---------------------------------------------------------------------------


def climb(matrix: Any, slot: int, gold: str | None = None, **options: Any) -> Any:
    texts = options.pop("rows", EQUAL)
    model = planted(matrix).checkpoint
    return ladder(model, texts, slot, gold=gold, pool=POOL, draws=16, **options)


def rung(test: str, matrix: Any, change: float, slot: int | None = None) -> Found:
    both = []
    for found, wanted in ((climb(matrix, 0, "positive"), change), (climb(None, 0, "positive"), 0)):
        one = found.rung(test, slot)
        both.append(exact(one.change, wanted, 1e-4))
    return Found(*both)


@rows.add(
    "ladder T0, the sentence in all slots: change", "logits", "own x ((4 + 1 + 1) / 3 - (1 - 3))"
)
def _() -> Found:
    # Times its own score: beside "a bad film", which leaks three times; then with itself around.
    return rung("all slots", ((1, 3, 0), (0, 1, 0), (0, 0, 1)), (2 + 2) * OWN)


@rows.add("ladder T1, another seat: change", "logits", "own - (-1/2 own)")
def _() -> Found:
    return rung("seat", np.diag([-0.5, 1.0, 1.0]), 1.5 * OWN)


@rows.add("ladder T2, another neighbour: change", "logits", "3 own: the blame that is taken away")
def _() -> Found:
    return rung("neighbour", ((1, 3, 0), (0, 1, 0), (0, 0, 1)), 3 * OWN, 1)


BLAMED = (EQUAL[0], EQUAL[1], Row("a sad man"))
BOTH = ((1, 1.2, 1.2), (0, 1, 0), (0, 0, 1))  # blame beside it twice, each a little too quiet alone


@rows.add("ladder T2, net of the other neighbour", "logits", "3 own, and none of the other one")
def _() -> Found:
    loud = climb(((1, 3, 0), (0, 1, 0), (0, 0, 1)), 0, "positive").rung("neighbour", 1)
    clean = climb(None, 0, "positive").rung("neighbour", 1)
    return Found(exact(loud.effect, 3 * OWN, 1e-4), exact(clean.effect, 0, 1e-4))


@rows.add("ladder T3, all neighbours: change", "logits", "2 x 1.2 own: the blame of both")
def _() -> Found:
    both = climb(BOTH, 0, "positive", rows=BLAMED).rung("company")
    clean = climb(None, 0, "positive", rows=BLAMED).rung("company")
    return Found(exact(both.change, 2.4 * OWN, 1e-4), exact(clean.change, 0, 1e-4))


@rows.add(
    "ladder: verdicts", "named", "seat, neighbour, company; model and sentence on the clean one"
)
def _() -> Found:
    seat = climb(np.diag([-0.5, 1.0, 1.0]), 0, "positive")
    loud = climb(((1, 3, 0), (0, 1, 0), (0, 0, 1)), 0, "positive")
    both = climb(BOTH, 0, "positive", rows=BLAMED)
    named = [
        seat.cause == "seat",
        (loud.cause, loud.culprit) == ("neighbour", 1),
        both.cause == "company",
    ]
    # "a good film" is no blame: the clean model cannot, and its N = 1 model can or cannot.
    held = [
        climb(None, 0, "negative", baseline=planted([[sign]]).checkpoint).cause for sign in (-1, 1)
    ]
    told = [held[0] != "model", held[1] != "sentence", climb(None, 0, "positive").cause != "none"]
    return Found(exact(named, 1, 0), exact(told, 0, 0))

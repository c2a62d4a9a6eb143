"""Read-back, bits, agreement and leaks of planted models by hand, and their rows of the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from muxviz.analysis.crosstalk import leaks, log_odds
from muxviz.analysis.fidelity import agreement as agreements
from muxviz.analysis.fidelity import confusion
from muxviz.analysis.fidelity.capacity import bits
from muxviz.analysis.fidelity.recovery import pool_read_back
from muxviz.analysis.groups.draws import base_group, draw_rows, jensen_shannon, softmax, with_row
from muxviz.batch import EncodedRow, Group, Row
from muxviz.results.leaks import LogOdds
from tests.planted import Planted, planted
from tests.planted_held import Found, Held, Rows, exact, interval
from tests.tiny import VOCAB_SIZE

rows = Rows()
ROWS = (Row("a good film"), Row("the plot is bad and boring"), Row("we like the music"))
WORDS = ("good", "bad", "dog", "cat", "road", "time", "man", "song")
POOL = tuple(
    f"{a} {b} {c}"
    for a, b, c in zip(WORDS, WORDS[3:] + WORDS[:3], WORDS[5:] + WORDS[:5], strict=True)
)
TAKEN_OVER = ((1, 0, 0), (0, 1, 0), (2, 0, 1))  # slot 3 reads slot 1's tokens
DEAD = ((1, 0, 0), (0, 0, 0), (0, 0, 1))  # nothing reaches slot 2
QUIET = ((1, 0.5, 0), (0, 1, 0), (0, 0, 1))  # slot 2 leaks into slot 1, too softly to be read
TURNED = ((1, 0, 0), (0, -1, 0), (0, 0, 1))  # slot 2 says the opposite
LOUD = ((1, -3, 0), (0, 1, 0), (0, 0, -1))
PAIR = ("good", "bad")  # two words, equally frequent
SIGNS = ("good", "bad", "great", "awful")
LABELS = ("positive", "negative") * 2
BETWEEN = ~np.eye(3, dtype=bool)


# ---- by hand ------------------------------------------------------------------------------------


def by_hand(model: Planted, texts: Sequence[Row]) -> tuple[np.ndarray, np.ndarray, Any]:
    """Log-probabilities of all tokens ``[N, L, V]``, which places count, and the group."""
    group = base_group(model.checkpoint, texts)
    counted = np.zeros(group.ids.shape, dtype=bool)
    for slot, row in enumerate(group.rows):
        counted[slot, : len(row.ids)] = ~np.asarray(row.special)
    return np.log(softmax(model.retrieval_logits(group))), counted, group


def over_pairs(model: Planted, of: Callable[[np.ndarray, int], float]) -> float:
    """Mean of a number of slot 3's only word, over all pairs of words in slots 3 and 1.

    of: log-probabilities ``[V]`` at the word, and the word's id.
    """
    found = []
    for a, b in product(PAIR, repeat=2):
        log_probs, _, group = by_hand(model, (Row(a), Row("good"), Row(b)))
        found.append(of(log_probs[2, 1], group.ids[2, 1]))
    return float(np.mean(found))


def nll_of(log_probs: np.ndarray, word: int) -> float:
    return float(-log_probs[word])


def inverse_rank_of(log_probs: np.ndarray, word: int) -> float:
    return float(1 / (1 + (log_probs > log_probs[word]).sum()))


def log_odds_by_hand(
    model: Planted, texts: Sequence[Row], others: Sequence[EncodedRow]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean over a cell's places of log p(j's token in i, j present) - log mean p(it, j absent);
    and the number of places: ``[N, N]`` each. others: the sentences put in j's place.
    """
    present, counted, group = by_hand(model, texts)
    effect, places = np.full((2, 3, 3), np.nan)
    for j in range(3):
        swapped = [with_row(model.checkpoint, group, j, row) for row in others]
        absent = [softmax(model.retrieval_logits(g)) for g in swapped]
        for i in range(3):
            cell = []
            for t in np.nonzero(counted[i] & counted[j])[0]:
                word = group.ids[j, t]
                if i != j and word == group.ids[i, t]:
                    continue
                there = [p[i, t, word] for p in absent if t < p.shape[1]]
                if there:
                    cell.append(present[i, t, word] - np.log(np.mean(there)))
            effect[i, j], places[i, j] = np.mean(cell), len(cell)
    return effect, places


@cache
def lone() -> Any:
    """The N = 1 checkpoint of the same codes."""
    return planted(num_instances=1).checkpoint


def margins_apart(model: Planted, group: Group) -> tuple[np.ndarray, np.ndarray]:
    """Of every slot: |margin in company - margin alone|, and JS of the two answers, ``[N]``."""
    alone, mixed = planted().margins(group), model.margins(group)
    p, q = (np.stack([1 / (1 + np.exp(m)), 1 / (1 + np.exp(-m))], axis=-1) for m in (mixed, alone))
    return np.abs(mixed - alone), jensen_shannon(p, q)


# ---- rows: read-back ----------------------------------------------------------------------------


@cache
def read(matrix: Any) -> Any:
    return pool_read_back(planted(matrix).checkpoint, PAIR * 40, draws=100)


@rows.add("read-back accuracy by slot", "share", "slot 3 reads slot 1's word: one of two")
def _() -> Found:
    return Found(interval(read(TAKEN_OVER).slots, [1, 1, 0.5]), interval(read(None).slots, 1))


@rows.add("read-back NLL by slot", "nats", "softmax of the codes' products, all pairs of words")
def _() -> Found:
    wanted = over_pairs(planted(TAKEN_OVER), nll_of)
    return Found(interval(read(TAKEN_OVER).nll, wanted, 2), exact(read(None).nll.mean[2], 0, 1e-3))


@rows.add("rank of the own token", "mean of 1 / rank", "first or among all, over all pairs")
def _() -> Found:
    wanted = over_pairs(planted(TAKEN_OVER), inverse_rank_of)
    return Found(interval(read(TAKEN_OVER).mrr, wanted, 2), exact(read(None).mrr.mean[2], 1, 1e-9))


@cache
def read_dead(matrix: Any) -> Any:
    pool = ("good", "a good film", "the man and the dog play")
    return pool_read_back(planted(matrix).checkpoint, pool, draws=40)


@rows.add("read-back by position", "share", "a dead slot reads nothing at any place")
def _() -> Found:
    places = np.s_[:, 1:7]
    return Found(
        interval(read_dead(DEAD).positions, [[1], [0], [1]], places),
        interval(read_dead(None).positions, 1, places),
    )


@rows.add("read-back by length of the text", "share", "one slot of three is dead at every length")
def _() -> Found:
    short = np.s_[:2]  # texts of 1 to 4 and of 5 to 8 words
    return Found(
        interval(read_dead(DEAD).lengths, 2 / 3, short), interval(read_dead(None).lengths, 1, short)
    )


@rows.add("bits per position by slot", "bits", "1 bit of two words, less the NLL above")
def _() -> Found:
    found = [bits(planted(m).checkpoint, PAIR * 60, draws=120).slots for m in (TAKEN_OVER, None)]
    wanted = 1 - over_pairs(planted(TAKEN_OVER), nll_of) / np.log(2)
    return Found(
        interval(found[0], wanted, 2, scale=1 / np.log(2)),
        exact(found[1].mean[2] / np.log(2), 1, 1e-3),
    )


@rows.add(
    "bits per position against N = 2, 3, 5", "bits", "3 (N - 1) of 8 words, 3 - log2 V if dead"
)
def _() -> Found:
    nums = np.array([2, 3, 5])
    totals = []
    for num in nums.tolist():
        dead = np.diag([0.0] + [1.0] * (num - 1))
        both = (planted(dead), planted(num_instances=num))
        totals.append([bits(m.checkpoint, WORDS * 5, draws=16).total.mean for m in both])
    lost, clean = np.array(totals).T / np.log(2)
    return Found(exact(lost, 3 * nums - np.log2(VOCAB_SIZE), 3e-3), exact(clean, 3 * nums, 3e-3))


# ---- rows: answers ------------------------------------------------------------------------------


@rows.add("agreement with the answer alone", "share", "slot 2 inverts, so it never agrees")
def _() -> Found:
    turned, clean = (
        agreements.pool_agreement(planted(m).checkpoint, SIGNS, baseline=lone(), draws=20)
        for m in (TURNED, None)
    )
    return Found(interval(turned.slots, [1, 0, 1]), interval(clean.slots, 1))


@cache
def apart(matrix: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    model = planted(matrix)
    found = agreements.agreement(model.checkpoint, ROWS, baseline=lone())
    return found, *margins_apart(model, base_group(model.checkpoint, ROWS))


@rows.add("JS distance to the answer alone", "nats", "JS of both margins, worked out")
def _() -> Found:
    (found, _, js), (clean, _, _) = apart(LOUD), apart(None)
    return Found(exact(found.distance.mean, js, 1e-6), exact(clean.distance.mean, 0, 1e-6))


@rows.add("margin against the answer alone", "logits", "-3 times slot 2's score; twice the own one")
def _() -> Found:
    (found, margin, _), (clean, _, _) = apart(LOUD), apart(None)
    return Found(exact(found.margin.mean, margin, 1e-4), exact(clean.margin.mean, 0, 1e-4))


@rows.add("right answers of labelled sentences", "share", "the inverting slot is never right")
def _() -> Found:
    turned, clean = (
        agreements.accuracy(planted(m).checkpoint, SIGNS, LABELS, draws=20) for m in (TURNED, None)
    )
    return Found(interval(turned.slots, [1, 0, 1]), interval(clean.slots, 1))


@rows.add("agreement of two checkpoints", "share", "one slot of three answers the opposite")
def _() -> Found:
    clean = planted().checkpoint
    same, other = (
        confusion.confusion(clean, planted(m).checkpoint, SIGNS, labels=LABELS, draws=10).agree
        for m in (None, TURNED)
    )
    return Found(interval(other, 2 / 3), interval(same, 1))


# ---- rows: leaks --------------------------------------------------------------------------------


@cache
def hard(matrix: Any) -> leaks.HardLeaks:
    return leaks.hard(planted(matrix).checkpoint, pool=PAIR * 300, draws=120)


@rows.add("hard leak", "share", "1/2 the own word; 3/4 of the rest to slot 1, 1/4 to slot 2")
def _() -> Found:
    found, clean = hard(TAKEN_OVER), hard(None)
    shares, low, high = (side[2, :3] for side in (found.shares, found.low, found.high))
    held = Held(np.array([3 / 8, 1 / 8, 1 / 2]), shares, low, high, None)
    return Found(held, exact(clean.shares[2, :3], [0, 0, 1], 1e-9), at=(0,))


@rows.add("hard leak above chance", "share", "3/8 less 3/16, which a stranger's text would get")
def _() -> Found:
    found, clean = hard(TAKEN_OVER).excess, hard(None).excess
    return Found(interval(found, [3 / 16, -1 / 16], np.s_[2, :2]), interval(clean, 0, np.s_[2, :2]))


@rows.add("hard leaks called significant", "cells", "slot 3 from slot 1 alone")
def _() -> Found:
    wanted = np.zeros((3, 3))
    wanted[2, 0] = 1
    found, clean = (hard(m).is_significant for m in (TAKEN_OVER, None))
    return Found(exact(found, wanted, 0), exact(clean, 0, 0))


@cache
def odds(matrix: Any) -> LogOdds:
    return log_odds.log_odds(planted(matrix).checkpoint, ROWS, pool=POOL, draws=24)


@rows.add("log-odds leak", "nats", "log-softmax of the codes, with and without slot 2's text")
def _() -> Found:
    model = planted(QUIET)
    wanted, _ = log_odds_by_hand(model, ROWS, draw_rows(model.checkpoint, POOL, 24))
    found, clean = odds(QUIET), odds(None)
    return Found(
        exact(found.effect.mean[BETWEEN], wanted[BETWEEN], 2e-3),
        exact(clean.effect.mean[BETWEEN], 0, clean.floor),
    )


@rows.add("log-odds leaks called significant", "cells", "slot 1 from slot 2, too soft to be read")
def _() -> Found:
    wanted = np.zeros((3, 3))
    wanted[0, 1] = 1
    found, clean = (odds(m).is_significant for m in (QUIET, None))
    return Found(exact(found, wanted, 0), exact(clean, 0, 0))

"""Worklists whose every number is known: five rows by hand, and 800 drawn ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from muxviz.analysis.regression.redo import tally
from muxviz.results import Provenance
from muxviz.results.regression import Redone, Regression
from muxviz.results.worklist import BadRow, Failure, Worklist

PROVENANCE = Provenance(
    checkpoint="planted-n2",
    fingerprint="0" * 12,
    num_instances=2,
    device="cpu",
    dtype="float32",
    padding="group",
    length=8,
    fill="repeat",
    seed=0,
    threads=1,
    versions=("muxviz 0",),
    measured="2026-01-01T00:00:00Z",
)
FAILURE = Failure(
    number=3,
    rows=(("plain good fun", None), ("dull", None)),
    slot=1,
    gold="negative",
    answer="positive",
    alone="positive",
    margin=-3.0,
    alone_margin=-1.0,
    kind="model",
    tags=("short",),
    wrong_in=2,
    tokens=3,
    grouping="random 1",
    padding="group",
    fill="repeat",
    seed=0,
)


def scores(margins: list[float], gold: list[int]) -> np.ndarray:
    """Log-probabilities ``[R, 2]`` with these margins of the right label."""
    signed = np.asarray(margins) * np.where(np.asarray(gold) == 1, 1, -1)
    logits = np.stack([np.zeros(len(gold)), signed], axis=-1)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def planted() -> Worklist:
    """Rows: fine, shared (wrong in the second grouping), model, lucky, a suspected label."""
    gold = [1, 0, 0, 1, 1]
    return Worklist(
        data="planted.tsv",
        labels=("negative", "positive"),
        groupings=("random 1", "random 2"),
        seeds=(0, 1),
        filler_seed=0,
        numbers=np.asarray([1, 2, 3, 5, 6]),
        gold=np.asarray(gold),
        scores=np.stack(
            [
                scores([2.0, 1.0, -3.0, 1.0, -4.0], gold),
                scores([2.0, -1.0, -2.0, 1.0, -3.0], gold),
            ]
        ),
        alone=scores([2.0, 2.0, -1.0, -2.0, -3.0], gold),
        groups=np.asarray([[0, 0, 1, 1, 2], [0, 1, 0, 1, 2]]),
        slots=np.asarray([[1, 0, 0, 1, 0], [0, 0, 1, 1, 0]]),
        tokens=np.asarray([5, 9, 3, 7, 6]),
        tags=np.zeros((2, 5, 1), dtype=bool) | np.asarray([0, 0, 1, 0, 0], dtype=bool)[:, None],
        tag_names=("short",),
        suspects=np.asarray([False, False, False, False, True]),
        failures=(FAILURE,),
        controls=(),
        bad=(BadRow(4, 5, "label", "is empty; expected one of negative, positive"),),
        bad_rows=1,
        read=6,
        is_whole=True,
        window=1024,
        baseline="planted-n1",
        provenance=PROVENANCE,
    )


def redone(*, only_wrong: bool = False) -> Regression:
    """Of shared rows 3 fixed and 2 not, of model ones 1 and 4; of right ones 1 broken and 5 not."""
    counts = {"shared": (3, 0, 0, 2), "model": (1, 0, 0, 4)}
    if not only_wrong:
        counts[""] = (0, 1, 5, 0)
    pairs = (("no", "yes"), ("yes", "no"), ("yes", "yes"), ("no", "no"))
    rows, tallies = [], []
    for kind, found in counts.items():
        own = [
            Redone(10 * len(rows) + n, f"row {n}", kind, "yes", *pair)
            for pair, count in zip(pairs, found, strict=True)
            for n in range(count)
        ]
        rows += own
        tallies.append(tally(kind, own))
    other = replace(PROVENANCE, checkpoint="other-n2")
    total = tally("all", rows)
    return Regression(
        "planted.tsv", "planted-n2", tuple(rows), tuple(tallies), total, (), PROVENANCE, other
    )


ROWS = 800


def drawn(is_wrong: Any, *, groupings: int = 2, seed: int = 0) -> Worklist:
    """800 rows, N = 4, tags "a" and "b"; ``is_wrong(slots, tags, tokens)`` says what fails."""
    rng = np.random.default_rng(seed)
    gold = rng.integers(2, size=ROWS)
    slots = np.stack([rng.permutation(np.arange(ROWS) % 4) for _ in range(groupings)])
    tags = np.broadcast_to(rng.random((ROWS, 2)) < 0.5, (groupings, ROWS, 2))
    tokens = rng.integers(5, 60, size=ROWS)
    wrong = rng.random((groupings, ROWS)) < is_wrong(slots, tags, tokens)
    margins = np.where(wrong, -2.0, 2.0)
    return replace(
        planted(),
        groupings=tuple(f"random {g + 1}" for g in range(groupings)),
        numbers=np.arange(1, ROWS + 1),
        gold=gold,
        scores=np.stack([scores(list(row), list(gold)) for row in margins]),
        alone=scores([2.0] * ROWS, list(gold)),
        groups=np.zeros((groupings, ROWS), dtype=int),
        slots=slots,
        tokens=tokens,
        tags=tags,
        tag_names=("a", "b"),
        suspects=np.zeros(ROWS, dtype=bool),
        provenance=replace(PROVENANCE, num_instances=4),
    )

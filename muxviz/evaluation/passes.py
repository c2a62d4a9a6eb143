"""One grouping: rows shuffled over groups, run, and what every row got.

With copies, each row is shuffled in several times and its logits are averaged (the ensembling of
Murahari et al. 2023): the decision is taken on the mean, the price is that many more passes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from muxviz.batch import EncodedRow, Group, Seating, make_group, stack_groups
from muxviz.engine.answers import read_sentences
from muxviz.engine.chain import Chain
from muxviz.engine.engine import Engine, Given
from muxviz.engine.guard import need_finite
from muxviz.errors import NotFinite
from muxviz.inference import counted_tokens, trace_groups
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.meaning import meaning
from muxviz.results import LabelAnswer
from muxviz.tracing import Trace

ARRAYS = ("ids", "mask", "types")  # of a group


@dataclass(frozen=True)
class Answers:
    """What one grouping gave.

    given: per row, its answers: one class, one score, or a tag per word, ``[units]``; zeros and
    ones of labels, or several scores, ``[1, C]``. hits, tried ``[rows, N]``: right single answers
    of a row in a slot, and how many; 0 where answers are not right or wrong. read, tokens
    ``[rows, N]``: the same for counted tokens read back. longest: tokens of the longest group.
    passes: groups run. shared: groups that held a row more than once. by: of a chain, the rows that
    each model answered in the end; first: what its first model answered, as ``given``.
    """

    given: list[np.ndarray]
    hits: np.ndarray
    tried: np.ndarray
    read: np.ndarray
    tokens: np.ndarray
    longest: int
    passes: int
    shared: int
    by: dict[str, int] = field(default_factory=dict)
    first: list[np.ndarray] = field(default_factory=list)


@dataclass(frozen=True)
class Units:
    """What is scored. places: per row, the token positions of its words (None: the whole row).

    targets: per row, the right answers, as ``Answers.given``; None where there are no labels.
    """

    places: list[np.ndarray] | None
    targets: list[np.ndarray] | None


@dataclass(frozen=True)
class Way:
    """How to run: copies of each row, padding (None: the checkpoint's), groups per forward."""

    copies: int
    padding: str | None
    batch: int


def run_grouping(
    checkpoint: Checkpoint,
    encoded: Sequence[EncodedRow],
    units: Units,
    way: Way,
    *,
    seed: int,
    done: Callable[[int], None],
    engine: Engine | Chain | None = None,
) -> Answers:
    """Shuffle the copies of every row over groups of N, run them, and average each row's logits.

    The last group is filled up; fillers are not counted. ``done`` is called with groups done. Of
    the ``engine``, whose checkpoint it is, precision and runtime are taken (None: torch's, as
    loaded); a chain asks again what it would ask of these rows.
    """
    num, rows = checkpoint.config.num_instances, len(encoded)
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(rows), way.copies))
    seats = [order[start : start + num] for start in range(0, len(order), num)]
    groups = [
        make_group(checkpoint.config, [encoded[i] for i in seat], Seating(way.padding, seed=seed))
        for seat in seats
    ]
    sums: list[np.ndarray | None] = [None] * rows
    hits, tried, read, tokens = (np.zeros((rows, num), dtype=np.int64) for _ in range(4))
    chain = engine if isinstance(engine, Chain) else None
    first = engine.engines[0] if isinstance(engine, Chain) else engine
    for numbers, _ in stack_groups(groups, at_most=way.batch):
        logits, right = _seen(checkpoint, first, [groups[n] for n in numbers])
        for at, number in enumerate(numbers):
            if units.targets is not None:
                _add_answers(checkpoint, seats[number], logits[at], units, sums, (hits, tried))
            if right is not None:
                _add_reading(checkpoint, groups[number], seats[number], right[at], (read, tokens))
        done(len(numbers))
    given = [] if units.targets is None else [_decide(checkpoint, s, way.copies) for s in sums]
    found = Answers(
        given,
        hits,
        tried,
        read,
        tokens,
        longest=max(group.length for group in groups),
        passes=len(groups),
        shared=sum(len(set(seat)) < len(seat) for seat in seats),
    )
    return found if chain is None else _settled(chain, found, encoded, sums, way)


def _settled(
    chain: Chain,
    found: Answers,
    encoded: Sequence[EncodedRow],
    sums: Sequence[np.ndarray | None],
    way: Way,
) -> Answers:
    """What a chain answers in the end, where its first model's logits add up to ``sums``."""
    logits = torch.from_numpy(np.concatenate([s for s in sums if s is not None]) / way.copies)
    answers = read_sentences(chain.checkpoint, logits.float())
    name = chain.engines[0].name
    given = [None if a is None else Given(a, 0, name, "") for a in answers]
    settled = chain.settle(encoded, given, batch=way.batch)
    by, decided = Counter[str](), []
    for number, one in enumerate(settled, start=1):
        if one is None:
            raise NotFinite(f"{name} or a model after it: row {number} {chain.not_finite}")
        assert isinstance(one.answer, LabelAnswer), "a chain is of classifiers"
        by[one.by] += 1
        decided.append(np.array([one.answer.index]))
    return replace(found, given=decided, by=dict(by), first=found.given)


def _seen(
    checkpoint: Checkpoint, engine: Engine | None, groups: Sequence[Group]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Logits of groups of one length, and which tokens they read back; see the two below."""
    if engine is not None and engine.graph is not None:
        ids, mask, types = (np.stack([getattr(g, n) for g in groups]) for n in ARRAYS)
        hide = groups[0].hides_padding
        logits = engine.graph.logits(ids, mask, types, hide_padding=hide)
        need_finite(checkpoint, logits)
        read = engine.graph.read_back(ids, mask, types, hide_padding=hide)
        right = None if read is None else read == ids[:, :, : read.shape[2]]
        return logits.to(torch.float64).numpy(), right
    if engine is not None and engine.int8:
        checkpoint = replace(checkpoint, model=engine.model)
    traced = trace_groups(checkpoint, groups)
    return _logits(traced), _right_tokens(traced)


def _logits(traced: Trace) -> np.ndarray:
    """``[B, N, ...]`` float64, so that a mean over copies does not depend on their order."""
    return traced.logits.to("cpu", torch.float64).numpy()


def _right_tokens(traced: Trace) -> np.ndarray | None:
    """Where the own token is the most probable one, ``[B, N, L]``; None without a head."""
    if traced.retrieval_scores is None:
        return None
    return (traced.retrieval_scores.rank[:, :, traced.prefix :] == 0).cpu().numpy()


def _add_answers(
    checkpoint: Checkpoint,
    seat: np.ndarray,
    logits: np.ndarray,
    units: Units,
    sums: list[np.ndarray | None],
    counts: tuple[np.ndarray, np.ndarray],
) -> None:
    """Add one group's logits ``[N, ...]`` to its rows', and its single answers to the slots'."""
    assert units.targets is not None, "there are labels"
    hits, tried = counts
    for slot, row in enumerate(seat):
        own = logits[slot][None] if units.places is None else logits[slot][units.places[row]]
        before = sums[row]
        sums[row] = own if before is None else before + own
        read = meaning(checkpoint.config)
        if read.is_right_or_wrong:
            right = read.decide(own) == units.targets[row]
            hits[row, slot] += int(right.reshape(len(own), -1).all(axis=1).sum())
            tried[row, slot] += len(own)


def _add_reading(
    checkpoint: Checkpoint,
    group: Group,
    seat: np.ndarray,
    right: np.ndarray,
    counts: tuple[np.ndarray, np.ndarray],
) -> None:
    """Add the counted tokens that one group ``right [N, L]`` read back."""
    read, tokens = counts
    for slot, row in enumerate(seat):
        counted = counted_tokens(checkpoint, group.rows[slot])[: right.shape[1]]
        read[row, slot] += int((right[slot, : len(counted)] & counted).sum())
        tokens[row, slot] += int(counted.sum())


def _decide(checkpoint: Checkpoint, logits: np.ndarray | None, copies: int) -> np.ndarray:
    """What is answered, as ``Answers.given``, from a row's summed logits ``[units, C]``."""
    assert logits is not None, "every row is in some group"
    decided: np.ndarray = meaning(checkpoint.config).decide(logits / copies)
    return decided

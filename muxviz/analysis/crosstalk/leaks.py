"""Leak matrices: whose tokens are read from whose slot, by chance and by presence.

``hard`` counts, over random groups of pool sentences, the wrong tokens that a neighbour holds;
``group_leaks`` does so for one group.
``log_odds`` (a file of its own) asks for one group how much likelier a neighbour's token is because
the neighbour is there. Rows are the slots read out, columns the sources. Left out: how the tokens
of one group are counted (``muxviz.reading.leak_matrix``), and what a swap does to the answers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy import stats

from muxviz.analysis.groups.bootstrap import bootstrap_ratio
from muxviz.analysis.groups.draws import Progress, need_draws, origin_of, pool_groups, until_stopped
from muxviz.analysis.groups.readback import (
    Places,
    need_neighbours,
    need_retrieval,
    own_places,
    scores,
)
from muxviz.analysis.groups.shares import discoveries, shares
from muxviz.batch import Group, Row, Seating
from muxviz.errors import NotApplicable
from muxviz.inference import run_group
from muxviz.loading.checkpoint import Checkpoint
from muxviz.reading import token_names
from muxviz.results.group import GroupResult
from muxviz.results.leaks import HardLeaks, TopToken

TOP = 5  # tokens listed per pair
FEWEST = 2  # groups that make a result


def group_leaks(
    checkpoint: Checkpoint, rows: Sequence[Row], *, seating: Seating = Seating()
) -> GroupResult:
    """One pass over a group, whose result has its ``leak``.

    Raises:
        NotApplicable: no retrieval head. InputError and its kinds.
    """
    result = run_group(checkpoint, rows, seating=seating)
    if result.leak is None:
        raise NotApplicable(
            "not applicable: this checkpoint has no retrieval head, so no token is read back"
        )
    return result


def hard(
    checkpoint: Checkpoint,
    *,
    pool: Sequence[str],
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> HardLeaks:
    """The hard leak matrix over ``draws`` random groups of pool sentences.

    A wrong token counts for slot j when j holds it at that position and the slot read does not.
    ``chance`` counts the same readings against the neighbours of the next group, whose tokens
    cannot have leaked.

    Args:
        pool: sentences, drawn without replacement while they last.
        draws: groups, one multiplexed sequence each.
        progress: called between chunks; where it raises ``Stopped``, the groups done so far make a
            partial result, if there are two.

    Raises:
        NotApplicable: no retrieval head, or one slot. InputError: fewer than two draws or no pool.
        Stopped: before two groups were done.
    """
    need_retrieval(checkpoint)
    need_neighbours(checkpoint)
    need_draws(draws, pool, fewest=FEWEST)
    groups = pool_groups(checkpoint, pool, draws, seating)
    places = [own_places(checkpoint, group) for group in groups]
    answers = until_stopped(scores(checkpoint, groups, places, progress), fewest=FEWEST)
    reads = {number: answer.read for number, answer in answers}
    return _count(checkpoint, groups, places, reads, pool=len(pool), seating=seating)


def _count(
    checkpoint: Checkpoint,
    groups: Sequence[Group],
    places: Sequence[Places],
    reads: dict[int, np.ndarray],
    *,
    pool: int,
    seating: Seating,
) -> HardLeaks:
    num, done = checkpoint.config.num_instances, sorted(reads)
    credit = np.zeros((len(done), num, num + 1))
    by_chance = np.zeros((len(done), num, num + 1))
    tokens = np.zeros((len(done), num))
    leaked: Counter[tuple[int, int, int]] = Counter()
    for k, n in enumerate(done):
        own, read = places[n], reads[n]
        tokens[k] = np.bincount(own.slots, minlength=num)
        ids, mask = groups[n].ids, groups[n].mask
        of_each = _credit(own, read, ids, mask)
        np.add.at(credit[k], own.slots, of_each)
        for p, j in zip(*np.nonzero(of_each[:, :num]), strict=True):
            if j != own.slots[p]:
                leaked[int(own.slots[p]), int(j), int(read[p])] += 1
        strangers = groups[done[(k + 1) % len(done)]]
        np.add.at(by_chance[k], own.slots, _credit(own, read, strangers.ids, strangers.mask))
    below = np.repeat(tokens[:, :, None], num + 1, axis=2)
    found = shares(credit, below)
    chance = (by_chance.sum(axis=0) / below.sum(axis=0))[:, :num]
    np.fill_diagonal(chance, 0.0)
    excess = (credit - by_chance)[:, :, :num]
    p = _above_zero(excess, below[:, :, :num])
    return HardLeaks(
        found.value,
        found.low,
        found.high,
        tokens.sum(axis=0).astype(np.int64),
        chance,
        bootstrap_ratio(excess, below[:, :, :num], seed=seating.seed),
        discoveries(p, ~np.eye(num, dtype=bool)),
        _tops(checkpoint, leaked, num),
        len(done),
        seating.seed,
        pool,
        len(done) < len(groups),
        origin_of(checkpoint, groups, seating),
    )


def _credit(own: Places, read: np.ndarray, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Credit ``[P, N + 1]`` of readings: to the own slot where right, else to the slots whose
    ``ids [N, L]`` hold the token there, evenly, else to the last column.
    """
    num, length = ids.shape
    credit = np.zeros((len(read), num + 1))
    right = read == own.tokens
    credit[np.nonzero(right)[0], own.slots[right]] = 1
    inside = own.positions < length
    at = np.where(inside, own.positions, 0)
    holds = (ids[:, at] == read) & (mask[:, at] == 1) & inside & ~right  # [N, P]
    holds[own.slots, np.arange(len(read))] = False
    holders = holds.sum(axis=0)
    credit[:, :num] += np.divide(holds, holders, out=np.zeros(holds.shape), where=holders > 0).T
    credit[~right & (holders == 0), num] = 1
    return credit


def _above_zero(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """One-sided p ``[N, N]`` of an excess: Student t of the ratio's linearised groups."""
    groups = len(above)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = above.sum(axis=0) / below.sum(axis=0)
        rest = (above - mean * below) / below.mean(axis=0)
        error = rest.std(axis=0, ddof=1) / groups**0.5
        t = mean / error
    p: np.ndarray = stats.t.sf(t, groups - 1)
    return p


def _tops(
    checkpoint: Checkpoint, leaked: Counter[tuple[int, int, int]], num: int
) -> tuple[tuple[tuple[TopToken, ...], ...], ...]:
    def top(slot: int, source: int) -> tuple[TopToken, ...]:
        found = [(n, w) for (i, j, w), n in leaked.items() if (i, j) == (slot, source)]
        best = sorted(found, key=lambda pair: (-pair[0], pair[1]))[:TOP]
        return tuple(
            TopToken(token_names(checkpoint.tokenizer, [w])[0], float(n), n) for n, w in best
        )

    return tuple(tuple(top(i, j) for j in range(num)) for i in range(num))

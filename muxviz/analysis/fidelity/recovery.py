"""How well each slot comes back: read-back accuracy, likelihood and rank.

``read_back`` looks at the user's group, ``pool_read_back`` at random groups of pool sentences.
Left out: the task's answers (``agreement.py``), and bits per position (``capacity.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.analysis.groups.bootstrap import bootstrap_ratio
from muxviz.analysis.groups.draws import Progress, base_group, origin_of, pool_groups, until_stopped
from muxviz.analysis.groups.readback import Places, Scores, need_retrieval, own_places, scores
from muxviz.analysis.groups.shares import shares
from muxviz.batch import Group, Row, Seating, encode_rows
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.fidelity import (
    LENGTH_EDGES,
    LENGTHS,
    RANK_EDGES,
    RANKS,
    Fidelity,
    Shares,
)


def read_back(
    checkpoint: Checkpoint, rows: Sequence[Row], *, seating: Seating = Seating()
) -> Fidelity:
    """Read-back of every slot of one group: one pass. Fillers are not counted.

    Raises:
        NotApplicable: no retrieval head. InputError and its kinds.
    """
    need_retrieval(checkpoint)
    group = base_group(checkpoint, rows, seating)
    found = dict(scores(checkpoint, [group], [own_places(checkpoint, group)]))
    return _fidelity(checkpoint, [group], found, scope="group", seating=seating)


def pool_read_back(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    *,
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Fidelity:
    """Read-back over ``draws`` random groups of N pool sentences each, one pass a group.

    Chance is what always naming the pool's most frequent token would read.

    Args:
        pool: sentences, drawn without replacement while they last.

    Raises:
        NotApplicable: no retrieval head. InputError: no draws or no pool. Stopped: too early.
    """
    need_retrieval(checkpoint)
    groups = pool_groups(checkpoint, pool, draws, seating)
    places = [own_places(checkpoint, group) for group in groups]
    found = dict(until_stopped(scores(checkpoint, groups, places, progress)))
    counts = token_counts(checkpoint, pool, padding=seating.padding)
    return _fidelity(
        checkpoint,
        groups,
        found,
        scope="pool",
        seating=seating,
        pool=len(pool),
        chance=float(counts.max() / counts.sum()),
    )


def token_counts(
    checkpoint: Checkpoint, texts: Sequence[str], *, padding: str | None = None
) -> np.ndarray:
    """How often each token id is a counted token of the texts, ``[V]``."""
    rows = encode_rows(checkpoint, [Row(text) for text in texts], padding=padding)
    ids = np.concatenate([np.asarray(row.ids)[~np.asarray(row.special)] for row in rows])
    return np.bincount(ids, minlength=checkpoint.config.shape.vocab_size)


def _fidelity(
    checkpoint: Checkpoint,
    groups: Sequence[Group],
    found: dict[int, Scores],
    *,
    scope: str,
    seating: Seating,
    pool: int = 0,
    chance: float = float("nan"),
) -> Fidelity:
    """Counts of sentences ``[K, ...]``, K = groups done x N, made into shares."""
    num, longest = checkpoint.config.num_instances, max(g.length for g in groups)
    size = len(found) * num
    hits, trials = np.zeros((size, num, longest)), np.zeros((size, num, longest))
    nll, inverse = np.zeros((size, num)), np.zeros((size, num))
    ranks = np.zeros((num, len(RANKS)), dtype=np.int64)
    for k, number in enumerate(sorted(found)):
        own, answer = own_places(checkpoint, groups[number]), found[number]
        at = k * num + own.slots
        trials[at, own.slots, own.positions] = 1
        hits[at, own.slots, own.positions] = answer.read == own.tokens
        np.add.at(nll, (at, own.slots), -answer.log_prob)
        np.add.at(inverse, (at, own.slots), 1 / answer.rank)
        np.add.at(ranks, (own.slots, np.searchsorted(RANK_EDGES, answer.rank)), 1)
    told = trials.any(axis=(1, 2))
    hits, trials, nll, inverse = (values[told] for values in (hits, trials, nll, inverse))
    per_slot = trials.sum(axis=2)
    weights, together = per_slot, scope == "pool"
    if not together:
        (only,) = found
        nll, inverse, weights = _by_token(own_places(checkpoint, groups[only]), found[only], num)
    return Fidelity(
        scope=scope,
        slots=shares(hits.sum(axis=2), per_slot, clustered=together),
        total=shares(hits.sum(axis=(1, 2)), trials.sum(axis=(1, 2)), clustered=together),
        positions=shares(hits, trials, clustered=together),
        position_total=shares(hits.sum(axis=1), trials.sum(axis=1), clustered=together),
        lengths=_by_length(hits.sum(axis=(1, 2)), trials.sum(axis=(1, 2)), clustered=together),
        nll=bootstrap_ratio(nll, weights, seed=seating.seed),
        mrr=bootstrap_ratio(inverse, weights, seed=seating.seed),
        ranks=ranks,
        chance=chance,
        groups=len(found),
        sentences=int(told.sum()),
        seed=seating.seed,
        pool=pool,
        is_partial=len(found) < len(groups),
        provenance=origin_of(checkpoint, groups, seating),
    )


def _by_token(own: Places, answer: Scores, num: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """NLL, 1 / rank and 1 per token of one group, each in its slot's column: ``[P, N]``."""
    one = np.eye(num)[own.slots]
    return -one * answer.log_prob[:, None], one / answer.rank[:, None], one


def _by_length(hits: np.ndarray, trials: np.ndarray, *, clustered: bool) -> Shares:
    """Shares by the counted tokens of the sentence: ``[K] -> [lengths]``."""
    one = np.eye(len(LENGTHS))[np.searchsorted(LENGTH_EDGES, trials)]
    return shares(one * hits[:, None], one * trials[:, None], clustered=clustered)

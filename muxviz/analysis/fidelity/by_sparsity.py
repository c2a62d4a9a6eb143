"""Does pruning hurt some slots more than others? The same random groups on several checkpoints.

``slot_record`` counts for one checkpoint, ``by_sparsity`` compares the records of several. Groups
are drawn by seed, so that records of equal draws, pool and number of slots hold the same sentences
in the same slots. ``crosstalk_by_sparsity`` does so for swap tests (``crosstalk/swap_test``).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.analysis.fidelity.answered import (
    TASKS,
    Answered,
    aligned,
    answers_of,
    need_same_answers,
    truth_of,
)
from muxviz.analysis.groups.bootstrap import bootstrap_mean, interval_of, redrawn
from muxviz.analysis.groups.draws import Progress, base_group, origin_of, pool_groups
from muxviz.analysis.groups.readback import own_places, scores
from muxviz.analysis.groups.shares import shares
from muxviz.batch import Group, Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.by_sparsity import BySparsity, CrosstalkBySparsity, SlotRecord
from muxviz.results.crosstalk import Crosstalk
from muxviz.results.estimates import Estimates, kept_mean

PERMUTATIONS = 999
BLOCK = 16  # groups that a stop keeps or loses together
AT_ONCE = 1 << 20  # permuted numbers held at a time


# ---- one checkpoint -----------------------------------------------------------------------------


def slot_record(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    *,
    labels: Sequence[str] | None = None,
    baseline: Checkpoint | None = None,
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> SlotRecord:
    """Tokens read back, right answers and answers as alone, of every slot in random groups.

    Counted is what applies: read-back needs a retrieval head, right answers need labels of the
    checkpoint's own, answers as alone an N = 1 baseline that answers the same question. Costs two
    passes a group, and one of the baseline for every sentence.

    Args:
        checkpoint, baseline: not modified.
        pool: sentences to draw from; labels: theirs.
        draws: groups.
        seating: equal seeds draw equal groups.
        progress: called with groups done; where it raises ``Stopped``, blocks of groups that were
            finished are kept.

    Raises:
        NotApplicable: a plain model, or nothing of the three applies. InputError: no pool.
        Stopped: before the first block.
    """
    config = checkpoint.config
    if config.num_instances < 2:
        raise NotApplicable("not applicable: one text a pass, so there are no slots to compare")
    groups = pool_groups(checkpoint, pool, draws, seating)
    truth = truth_of(checkpoint, pool, labels)
    alone = _Alone(checkpoint, baseline)
    has_answers = config.task in TASKS
    asked = {
        "read": checkpoint.model.retrieval_head is not None,
        "right": has_answers and truth is not None,
        "same": alone.is_there and alone.fits(_answers(checkpoint, groups[:1])[0]),
    }
    quantities = tuple(name for name, applies in asked.items() if applies)
    if not quantities:
        raise NotApplicable(
            "not applicable: nothing is read back here, the pool's labels are not this "
            "checkpoint's, and there is no N = 1 baseline to ask"
        )
    counts = np.zeros((len(quantities), 2, len(groups), config.num_instances))
    done = 0
    try:
        for start in range(0, len(groups), BLOCK):
            if progress is not None:
                progress(start, len(groups))
            block = groups[start : start + BLOCK]
            part = counts[:, :, start : start + len(block)]
            only_read = quantities == ("read",)
            answered = [] if only_read else _answers(checkpoint, block)
            for at, name in enumerate(quantities):
                if name == "read":
                    part[at] = _read(checkpoint, block)
                else:
                    part[at] = _same(answered, truth if name == "right" else alone, part[at])
            done = start + len(block)
    except Stopped:
        if not done:
            raise
    if progress is not None and done == len(groups):
        progress(done, done)
    return SlotRecord(
        quantities,
        counts[:, 0, :done],
        counts[:, 1, :done],
        len(pool),
        draws,
        origin_of(checkpoint, groups, seating, fill="pool"),
    )


def _read(checkpoint: Checkpoint, groups: Sequence[Group]) -> np.ndarray:
    """Tokens read back and counted, ``[2, M, N]``."""
    places = [own_places(checkpoint, group) for group in groups]
    found = np.zeros((2, len(groups), checkpoint.config.num_instances))
    for number, answer in scores(checkpoint, groups, places):
        own = places[number]
        np.add.at(found[0, number], own.slots, answer.read == own.tokens)
        np.add.at(found[1, number], own.slots, 1)
    return found


def _answers(checkpoint: Checkpoint, groups: Sequence[Group]) -> list[list[Answered]]:
    return [found for _, found in sorted(answers_of(checkpoint, groups), key=lambda pair: pair[0])]


def _same(
    answered: Sequence[Sequence[Answered]],
    reference: dict[str, int] | _Alone | None,
    like: np.ndarray,
) -> np.ndarray:
    """Units whose answer is the reference's, and units, ``[2, M, N]``."""
    found = np.zeros_like(like)
    if isinstance(reference, _Alone):
        reference.ask([one for group in answered for one in group])
    for number, group in enumerate(answered):
        for one in group:
            if isinstance(reference, _Alone):
                p, q = aligned(one, reference.known[one.row.row.text])
                same = p.argmax(axis=-1) == q.argmax(axis=-1)
            else:
                assert reference is not None, "right answers need labels"
                same = one.p.argmax(axis=-1) == reference[one.row.row.text]
            found[:, number, one.slot] = same.sum(), len(same)
    return found


class _Alone:
    """The baseline's answers to single texts, each asked once."""

    def __init__(self, checkpoint: Checkpoint, baseline: Checkpoint | None) -> None:
        self.baseline = baseline if baseline and baseline.config.num_instances == 1 else None
        self.known: dict[str, Answered] = {}
        if self.baseline is not None:
            try:
                need_same_answers(checkpoint, self.baseline)
            except NotApplicable:
                self.baseline = None

    @property
    def is_there(self) -> bool:
        return self.baseline is not None

    def fits(self, answered: Sequence[Answered]) -> bool:
        """Whether both cut texts into the same units."""
        self.ask(answered)
        try:
            for one in answered:
                aligned(one, self.known[one.row.row.text])
        except NotApplicable:
            return False
        return True

    def ask(self, answered: Sequence[Answered]) -> None:
        """Answer the texts that are not known yet."""
        assert self.baseline is not None, "checked by is_there"
        new = {one.row.row.text: one.row.row for one in answered}
        rows = [row for text, row in new.items() if text not in self.known]
        groups = [base_group(self.baseline, [row]) for row in rows]
        for number, found in answers_of(self.baseline, groups):
            self.known[rows[number].text] = found[0]


# ---- several ------------------------------------------------------------------------------------


def by_sparsity(records: Sequence[SlotRecord], *, seed: int = 0) -> BySparsity:
    """Shares of every checkpoint by slot, and what changes against the first one.

    The test of unequal change permutes the slots of each group: sentences are drawn into slots at
    random, so where pruning treats all slots alike, every order of them is equally likely.

    Args:
        records: of the same draws, pool and number of slots; the first is compared against.
        seed: of the bootstrap and the permutations.

    Raises:
        InputError: fewer than two records, or records that do not belong together.
        NotApplicable: no quantity was counted in all of them.
    """
    if len(records) < 2:
        raise InputError(f"got {len(records)} record; comparing needs at least two checkpoints")
    first = records[0]
    if any(
        (r.hits.shape[2], r.pool, r.asked, r.provenance.seed)
        != (first.hits.shape[2], first.pool, first.asked, first.provenance.seed)
        for r in records
    ):
        raise InputError("the records are of other slots, pools, draws or seeds; count them alike")
    quantities = tuple(q for q in first.quantities if all(q in r.quantities for r in records))
    if not quantities:
        raise NotApplicable("not applicable: these checkpoints have no quantity in common")
    done = min(r.hits.shape[1] for r in records)
    hits, trials = (
        np.stack(
            [[getattr(r, name)[r.quantities.index(q), :done] for r in records] for q in quantities],
            axis=0,
        ).transpose(2, 0, 1, 3)  # [M, Q, P, N]
        for name in ("hits", "trials")
    )
    whole = hits.sum(axis=-1), trials.sum(axis=-1)
    p = np.full(hits.shape[1:3], np.nan)
    for q in range(len(quantities)):
        for k in range(1, len(records)):
            p[q, k] = unequal(hits[:, q, k] - hits[:, q, 0], trials[:, q, 0], seed=seed)
    return BySparsity(
        quantities,
        _shares(hits, trials, seed),
        _shares(*whole, seed),
        _change(hits, trials, seed),
        _change(*whole, seed),
        p,
        PERMUTATIONS + 1,
        first.pool,
        first.asked,
        tuple(r.provenance for r in records),
    )


def _shares(hits: np.ndarray, trials: np.ndarray, seed: int) -> Estimates:
    """Shares over M groups, ``[M, ...] -> [...]``, with Wilson 95 % intervals over whole groups."""
    found = shares(hits, trials)
    return Estimates(found.value, found.low, found.high, len(hits), seed)


def _change(hits: np.ndarray, trials: np.ndarray, seed: int) -> Estimates:
    """Shares less those of the first checkpoint, ``[M, Q, P, ...] -> [Q, P, ...]``, paired."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = hits.sum(axis=0) / trials.sum(axis=0)
    mean = share - share[:, :1]
    if len(hits) < 2:
        return interval_of(mean, mean, len(hits), seed)
    again = redrawn(hits, trials, seed)
    return interval_of(mean, again - again[:, :, :1], len(hits), seed)


def unequal(changes: np.ndarray, trials: np.ndarray, *, seed: int = 0) -> float:
    """p that slots change as unequally as this where the slot is of no account, in (0, 1].

    Statistic: the variance over slots of the change of their shares. Args: ``[M, N]`` hits more or
    fewer, and trials. NaN for one slot or one group.
    """
    groups, num = changes.shape
    if num < 2 or groups < 2:
        return float("nan")
    found = _variance(changes[None], trials[None])[0]
    generator = np.random.default_rng(seed)
    more, left = 0, PERMUTATIONS
    step = max(1, AT_ONCE // changes.size)
    while left:
        size = min(step, left)
        order = generator.random((size, groups, num)).argsort(axis=-1)
        permuted = (
            np.take_along_axis(np.broadcast_to(part, order.shape), order, axis=-1)
            for part in (changes, trials)
        )
        more += int((_variance(*permuted) >= found - 1e-12).sum())
        left -= size
    return (1 + more) / (1 + PERMUTATIONS)


def _variance(changes: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Over slots, of the changes' shares: ``[R, M, N] -> [R]``."""
    below = np.maximum(trials.sum(axis=1), 1e-12)
    found: np.ndarray = (changes.sum(axis=1) / below).var(axis=-1)
    return found


# ---- cross-talk ---------------------------------------------------------------------------------


def crosstalk_by_sparsity(results: Sequence[Crosstalk], *, seed: int = 0) -> CrosstalkBySparsity:
    """What each slot takes from the others, on several checkpoints and the same sentences.

    Unlike ``by_sparsity`` it is about one group, in which a slot and its sentence are one.

    Args:
        results: swap tests of one group, drawn alike; the first is compared against.
        seed: of the bootstrap.

    Raises:
        InputError: fewer than two, or tests of other sentences or slots.
    """
    if len(results) < 2:
        raise InputError(f"got {len(results)} swap test; comparing needs at least two checkpoints")
    first, done = results[0], min(r.draws for r in results)
    for r in results:
        if (r.texts, r.sentences[:done]) != (first.texts, first.sentences[:done]):
            raise InputError("the swap tests are of other sentences; measure them alike")
    moved = [r.moved.each[:done] for r in results]
    each = np.stack(moved, axis=1).astype(np.float64)  # [K, P, N, N]
    others = ~np.eye(each.shape[-1], dtype=bool)
    received = (each * others).sum(axis=-1) / (each.shape[-1] - 1)  # [K, P, N]; NaN for fillers
    mean = kept_mean(received, axis=-1)
    return CrosstalkBySparsity(
        bootstrap_mean(received, seed=seed),
        bootstrap_mean(mean, seed=seed),
        bootstrap_mean(received - received[:, :1], seed=seed),
        bootstrap_mean(mean - mean[:, :1], seed=seed),
        first.pool_size,
        min(first.asked, first.pool_size),
        tuple(r.provenance for r in results),
    )

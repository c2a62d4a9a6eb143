"""The answers of two checkpoints to the same sentences, each in groups of its own N."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from muxviz.analysis.fidelity.answered import (
    Answered,
    aligned,
    answers_of,
    need_same_answers,
    truth_of,
)
from muxviz.analysis.groups.draws import Progress, base_group, origin_of, part_of, pool_groups
from muxviz.analysis.groups.shares import mcnemar, shares
from muxviz.batch import EncodedRow, Group, Seating
from muxviz.errors import Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.fidelity import Confusion
from muxviz.results.group import Provenance


def confusion(
    checkpoint: Checkpoint,
    baseline: Checkpoint,
    pool: Sequence[str],
    *,
    labels: Sequence[str] | None = None,
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Confusion:
    """Answers of two checkpoints to the same ``draws * N`` sentences, N of the first one.

    Each groups them in the same order by its own N; a last group that is short is filled up.

    Args:
        checkpoint, baseline: not modified; the second one may have any N.

    Raises:
        NotApplicable: they do not answer the same question. InputError and Stopped: as
            ``pool_agreement``.
    """
    need_same_answers(checkpoint, baseline)
    truth = truth_of(checkpoint, pool, labels)
    groups = pool_groups(checkpoint, pool, draws, seating)
    rows = [row for group in groups for row in group.rows]
    theirs = _regrouped(baseline, rows, Seating(seed=seating.seed))
    total = len(groups) + len(theirs)
    ours: dict[int, Answered] = {}
    found: dict[int, Answered] = {}
    is_partial = False
    try:
        for g, answers in answers_of(checkpoint, groups, part_of(progress, 0, total)):
            ours |= {g * len(answers) + a.slot: a for a in answers}
        for g, answers in answers_of(baseline, theirs, part_of(progress, len(groups), total)):
            found |= {g * len(answers) + a.slot: a for a in answers}
    except Stopped:
        is_partial = True
    both = [(ours[n], found[n]) for n in sorted(ours) if n in found]
    if not both:
        raise Stopped("stopped before any sentence was answered by both")
    return _confusion(
        checkpoint,
        both,
        truth,
        pool=len(pool),
        is_partial=is_partial,
        origin=origin_of(checkpoint, groups, seating),
        other=origin_of(baseline, theirs, seating),
    )


def _confusion(
    checkpoint: Checkpoint,
    both: Sequence[tuple[Answered, Answered]],
    truth: Mapping[str, int] | None,
    *,
    pool: int,
    is_partial: bool,
    origin: Provenance,
    other: Provenance,
) -> Confusion:
    names = checkpoint.config.labels or ("original", "replaced")
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    same, trials = np.zeros(len(both)), np.zeros(len(both))
    outcomes = np.zeros((2, 2), dtype=np.int64)
    for k, pair in enumerate(both):
        p, q = (x.argmax(axis=-1) for x in aligned(*pair))
        np.add.at(counts, (p, q), 1)
        same[k], trials[k] = (p == q).sum(), len(p)
        if truth is not None:
            wanted = truth[pair[0].row.row.text]
            outcomes[int(p[0] != wanted), int(q[0] != wanted)] += 1
    first, second = int(outcomes[0, 1]), int(outcomes[1, 0])
    return Confusion(
        labels=tuple(names),
        counts=counts,
        agree=shares(same, trials),
        outcomes=None if truth is None else outcomes,
        p=float("nan") if truth is None else mcnemar(first, second),
        sentences=len(both),
        seed=origin.seed,
        pool=pool,
        is_partial=is_partial,
        provenance=origin,
        other=other,
    )


def _regrouped(checkpoint: Checkpoint, rows: Sequence[EncodedRow], seating: Seating) -> list[Group]:
    num = checkpoint.config.num_instances
    pieces = [rows[start : start + num] for start in range(0, len(rows), num)]
    return [base_group(checkpoint, [r.row for r in piece], seating) for piece in pieces]

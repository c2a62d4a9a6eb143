"""The task's answers in company: against the N = 1 answer, and against labels.

A unit is a sentence, or for token tasks a counted token. Left out: read-back (``recovery.py``).
Against another model, see ``confusion.py``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from muxviz.analysis.fidelity.answered import (
    SENTENCES,
    Answered,
    aligned,
    answers_of,
    need_classes,
    need_same_answers,
    need_truth,
    truth_of,
)
from muxviz.analysis.groups.bootstrap import bootstrap_ratio
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    jensen_shannon,
    margins,
    origin_of,
    part_of,
    pool_groups,
    until_stopped,
)
from muxviz.analysis.groups.shares import shares
from muxviz.batch import EncodedRow, Group, Row, Seating
from muxviz.errors import NotApplicable, Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.fidelity import Accuracy, Agreement
from muxviz.results.group import Provenance

TINY = 1e-300  # keeps the logarithm of an underflown probability finite


# ---- against the answer alone -------------------------------------------------------------------


def agreement(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    baseline: Checkpoint | None,
    seating: Seating = Seating(),
) -> Agreement:
    """One group's answers against those of the baseline to each text alone: N + 1 passes at most.

    Raises:
        NotApplicable: no baseline, or tasks that cannot be compared.
    """
    alone = need_baseline(checkpoint, baseline)
    group = base_group(checkpoint, rows, seating)
    (mixed,) = dict(answers_of(checkpoint, [group])).values()
    mixed = [a for a in mixed if group.repeats[a.slot] is None]
    single = dict(answers_of(alone, singles(alone, [a.row for a in mixed])))
    pairs = [(a, single[k][0]) for k, a in enumerate(mixed)]
    return _agreement(
        checkpoint,
        pairs,
        origin=origin_of(checkpoint, [group], seating),
        baseline=origin_of(
            alone, singles(alone, [a.row for a in mixed]), Seating(seed=seating.seed)
        ),
        named=checkpoint.config.task == SENTENCES,
    )


def pool_agreement(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    *,
    baseline: Checkpoint | None,
    labels: Sequence[str] | None = None,
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Agreement:
    """The same over ``draws`` random groups of N pool sentences, and each of them alone.

    Args:
        checkpoint, baseline: not modified.
        pool: sentences; labels: theirs, where the task gives such labels (else they are not used).
        progress: called between chunks; where it raises ``Stopped``, the sentences answered both
            ways so far make a partial result.

    Raises:
        NotApplicable: as ``agreement``. InputError: no draws, no pool, or labels for other texts.
        Stopped: too early.
    """
    alone = need_baseline(checkpoint, baseline)
    truth = truth_of(checkpoint, pool, labels)
    groups = pool_groups(checkpoint, pool, draws, seating)
    rows = {row.row.text: row for group in groups for row in group.rows}
    ones = singles(alone, list(rows.values()))
    total = len(groups) + len(ones)
    mixed: list[Answered] = []
    single: dict[str, Answered] = {}
    is_partial = False
    try:
        for _, found in answers_of(checkpoint, groups, part_of(progress, 0, total)):
            mixed += found
        for _, found in answers_of(alone, ones, part_of(progress, len(groups), total)):
            single[found[0].row.row.text] = found[0]
    except Stopped:
        is_partial = True
    pairs = [(a, single[a.row.row.text]) for a in mixed if a.row.row.text in single]
    if not pairs:
        raise Stopped("stopped before any sentence was answered both ways")
    return _agreement(
        checkpoint,
        pairs,
        origin=origin_of(checkpoint, groups, seating),
        baseline=origin_of(alone, ones, seating),
        truth=truth,
        groups=len(mixed) // checkpoint.config.num_instances,
        pool=len(pool),
        is_partial=is_partial,
    )


def singles(baseline: Checkpoint, rows: Sequence[EncodedRow]) -> list[Group]:
    """Groups of one row each."""
    return [base_group(baseline, [row.row]) for row in rows]


def need_baseline(checkpoint: Checkpoint, baseline: Checkpoint | None) -> Checkpoint:
    """The N = 1 model that answers the same question.

    Raises:
        NotApplicable: there is none, or nothing to compare.
    """
    if checkpoint.config.num_instances == 1:
        raise NotApplicable(
            "not applicable: this is an N = 1 model; it has no company to compare with"
        )
    need_classes(checkpoint)
    if baseline is None or baseline.config.num_instances > 1:
        raise NotApplicable(
            "not applicable: there is no N = 1 baseline to ask; this checkpoint's card names none"
        )
    need_same_answers(checkpoint, baseline)
    return baseline


def _agreement(
    checkpoint: Checkpoint,
    pairs: Sequence[tuple[Answered, Answered]],
    *,
    origin: Provenance,
    baseline: Provenance,
    truth: Mapping[str, int] | None = None,
    groups: int = 1,
    pool: int = 0,
    is_partial: bool = False,
    named: bool = False,
) -> Agreement:
    num = checkpoint.config.num_instances
    trials, same, apart, moved, right, right_alone = np.zeros((6, len(pairs), num))
    labels = checkpoint.config.labels
    answers, alone_answers = [""] * num, [""] * num
    for k, (mixed, single) in enumerate(pairs):
        p, q = aligned(mixed, single)
        slot, best = mixed.slot, q.argmax(axis=-1)
        trials[k, slot] = len(p)
        same[k, slot] = (p.argmax(axis=-1) == best).sum()
        apart[k, slot] = jensen_shannon(p, q).sum()
        moved[k, slot] = np.abs(_margins(p, best) - _margins(q, best)).sum()
        if truth is not None:
            wanted = truth[mixed.row.row.text]
            right[k, slot] = (p.argmax(axis=-1) == wanted).sum()
            right_alone[k, slot] = (best == wanted).sum()
        if named:
            answers[slot], alone_answers[slot] = labels[int(p.argmax())], labels[int(best[0])]
    return Agreement(
        scope="pool" if pool else "group",
        slots=shares(same, trials),
        total=shares(same.sum(axis=1), trials.sum(axis=1)),
        distance=bootstrap_ratio(apart, trials, seed=origin.seed),
        margin=bootstrap_ratio(moved, trials, seed=origin.seed),
        right=None if truth is None else shares(right, trials),
        right_alone=None if truth is None else shares(right_alone, trials),
        answers=tuple(answers) if named else (),
        alone=tuple(alone_answers) if named else (),
        unit="sentence" if checkpoint.config.task == SENTENCES else "token",
        groups=groups,
        sentences=len(pairs),
        seed=origin.seed,
        pool=pool,
        is_partial=is_partial,
        provenance=origin,
        baseline=baseline,
    )


def _margins(p: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Margins in logits ``[units]`` from probabilities: a softmax keeps their differences."""
    return margins(np.log(np.maximum(p, TINY)), target)


# ---- against labels -----------------------------------------------------------------------------


def accuracy(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    labels: Sequence[str],
    *,
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Accuracy:
    """Right answers per slot over ``draws`` random groups of labelled pool sentences.

    Raises:
        NotApplicable: the checkpoint does not answer with these labels. InputError and Stopped: as
            ``pool_agreement``.
    """
    truth = need_truth(checkpoint, pool, labels)
    groups = pool_groups(checkpoint, pool, draws, seating)
    found = [answers for _, answers in until_stopped(answers_of(checkpoint, groups, progress))]
    answered, done = [answer for answers in found for answer in answers], len(found)
    names = checkpoint.config.labels
    num, size = checkpoint.config.num_instances, len(answered)
    wanted = np.array([truth[a.row.row.text] for a in answered])
    right = np.array([a.p.argmax() for a in answered]) == wanted
    slots, of_label = np.eye(num)[[a.slot for a in answered]], np.eye(len(names))[wanted]
    return Accuracy(
        slots=shares(slots * right[:, None], slots),
        total=shares(right.astype(float), np.ones(size)),
        by_label=shares(of_label * right[:, None], of_label),
        labels=names,
        groups=done,
        sentences=size,
        seed=seating.seed,
        pool=len(pool),
        is_partial=done < len(groups),
        provenance=origin_of(checkpoint, groups, seating),
    )


def accuracy_beside_alone(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    labels: Sequence[str],
    *,
    baseline: Checkpoint | None = None,
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> tuple[Accuracy, Accuracy | None]:
    """``accuracy``, and that of the baseline on the same sentences alone.

    None in place of the second: no baseline, or stopped before its turn.

    Raises:
        As ``accuracy``.
    """
    sentences = draws * checkpoint.config.num_instances
    total = draws + (0 if baseline is None else sentences)
    told = part_of(progress, 0, total)
    found = accuracy(checkpoint, pool, labels, draws=draws, seating=seating, progress=told)
    if baseline is None or found.is_partial:
        return found, None
    told = part_of(progress, draws, total)
    return found, accuracy(
        baseline, pool, labels, draws=sentences, seating=Seating(seed=seating.seed), progress=told
    )

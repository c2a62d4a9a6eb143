"""The task's answers in company: against the N = 1 answer, against labels, against another model.

A unit is a sentence, or for token tasks a counted token. Left out: read-back (``fidelity.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats

from muxviz.analysis.draws import (
    Progress,
    base_group,
    batches,
    distributions,
    jensen_shannon,
    margins,
)
from muxviz.analysis.leaks import pool_groups
from muxviz.analysis.readback import part_of
from muxviz.analysis.shares import bootstrap_ratio, shares
from muxviz.batch import EncodedRow, Group, Row
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.inference import counted_tokens, provenance
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.fidelity import Accuracy, Agreement, Confusion
from muxviz.results.group import Provenance

SENTENCES = "sequence_classification"
TINY = 1e-300  # keeps the logarithm of an underflown probability finite
TASKS = (SENTENCES, "token_classification", "replaced_token_detection")


@dataclass(frozen=True)
class Answered:
    """One sentence's answer: its slot, and probabilities ``p [units, C]`` for tokens ``ids``."""

    slot: int
    row: EncodedRow
    ids: tuple[int, ...]
    p: np.ndarray


# ---- against the answer alone -------------------------------------------------------------------


def agreement(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    baseline: Checkpoint | None,
    padding: str | None = None,
    fill: str = "repeat",
    seed: int = 0,
) -> Agreement:
    """One group's answers against those of the baseline to each text alone: N + 1 passes at most.

    Raises:
        NotApplicable: no baseline, or tasks that cannot be compared.
    """
    alone = _need_baseline(checkpoint, baseline)
    group = base_group(checkpoint, rows, padding=padding, fill=fill, seed=seed)
    (mixed,) = dict(_answers(checkpoint, [group])).values()
    mixed = [a for a in mixed if group.repeats[a.slot] is None]
    single = dict(_answers(alone, _singles(alone, [a.row for a in mixed])))
    pairs = [(a, single[k][0]) for k, a in enumerate(mixed)]
    return _agreement(
        checkpoint,
        pairs,
        origin=_origin(checkpoint, [group], seed=seed, fill=fill),
        baseline=_origin(alone, _singles(alone, [a.row for a in mixed]), seed=seed),
        named=checkpoint.config.task == SENTENCES,
    )


def pool_agreement(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    *,
    baseline: Checkpoint | None,
    labels: Sequence[str] | None = None,
    draws: int = 64,
    seed: int = 0,
    padding: str | None = None,
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
    alone = _need_baseline(checkpoint, baseline)
    truth = _truth(checkpoint, pool, labels)
    groups = _groups(checkpoint, pool, draws, seed=seed, padding=padding)
    rows = {row.row.text: row for group in groups for row in group.rows}
    singles = _singles(alone, list(rows.values()))
    total = len(groups) + len(singles)
    mixed: list[Answered] = []
    single: dict[str, Answered] = {}
    is_partial = False
    try:
        for _, found in _answers(checkpoint, groups, part_of(progress, 0, total)):
            mixed += found
        for _, found in _answers(alone, singles, part_of(progress, len(groups), total)):
            single[found[0].row.row.text] = found[0]
    except Stopped:
        is_partial = True
    pairs = [(a, single[a.row.row.text]) for a in mixed if a.row.row.text in single]
    if not pairs:
        raise Stopped("stopped before any sentence was answered both ways")
    return _agreement(
        checkpoint,
        pairs,
        origin=_origin(checkpoint, groups, seed=seed),
        baseline=_origin(alone, singles, seed=seed),
        truth=truth,
        groups=len(mixed) // checkpoint.config.num_instances,
        pool=len(pool),
        is_partial=is_partial,
    )


def _need_baseline(checkpoint: Checkpoint, baseline: Checkpoint | None) -> Checkpoint:
    if checkpoint.config.num_instances == 1:
        raise NotApplicable(
            "not applicable: this is an N = 1 model; it has no company to compare with"
        )
    _need_classes(checkpoint)
    if baseline is None or baseline.config.num_instances > 1:
        raise NotApplicable(
            "not applicable: there is no N = 1 baseline to ask; this checkpoint's card names none"
        )
    _need_same_answers(checkpoint, baseline)
    return baseline


def _need_same_answers(checkpoint: Checkpoint, other: Checkpoint) -> None:
    _need_classes(checkpoint)
    config = checkpoint.config
    if (config.task, config.labels) != (other.config.task, other.config.labels):
        raise NotApplicable(
            f"not applicable: {checkpoint.name} and {other.name} do not answer the same question "
            "(another task, or other labels)"
        )


def _need_classes(checkpoint: Checkpoint) -> None:
    task = checkpoint.config.task
    if task not in TASKS:
        why = "a number" if task == "regression" else "tokens, which read-back compares"
        raise NotApplicable(f"not applicable: this checkpoint answers with {why}, not with classes")


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
        p, q = _aligned(mixed, single)
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


def _aligned(one: Answered, other: Answered) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the units that both answered.

    Raises:
        NotApplicable: the text falls into other tokens.
    """
    size = min(len(one.ids), len(other.ids))
    if one.ids[:size] != other.ids[:size]:
        raise NotApplicable(
            "not applicable: the two checkpoints cut the text into different tokens, so their tags "
            "cannot be compared one by one"
        )
    return (one.p[:size], other.p[:size]) if size else (one.p, other.p)


# ---- against labels -----------------------------------------------------------------------------


def accuracy(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    labels: Sequence[str],
    *,
    draws: int = 64,
    seed: int = 0,
    padding: str | None = None,
    progress: Progress | None = None,
) -> Accuracy:
    """Right answers per slot over ``draws`` random groups of labelled pool sentences.

    Raises:
        NotApplicable: the checkpoint does not answer with these labels. InputError and Stopped: as
            ``pool_agreement``.
    """
    truth = _truth(checkpoint, pool, labels)
    if truth is None:
        raise NotApplicable(
            f"not applicable: the pool is labelled {', '.join(sorted(set(labels)))}; this "
            "checkpoint answers another question"
        )
    groups = _groups(checkpoint, pool, draws, seed=seed, padding=padding)
    answered, done = [], 0
    try:
        for _, found in _answers(checkpoint, groups, progress):
            answered += found
            done += 1
    except Stopped:
        if not answered:
            raise
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
        seed=seed,
        pool=len(pool),
        is_partial=done < len(groups),
        provenance=_origin(checkpoint, groups, seed=seed),
    )


def _truth(
    checkpoint: Checkpoint, pool: Sequence[str], labels: Sequence[str] | None
) -> dict[str, int] | None:
    """Class of every text; None where the labels are not all among the checkpoint's own."""
    if labels is None:
        return None
    if len(labels) != len(pool):
        raise InputError(f"got {len(labels)} labels for {len(pool)} sentences; give one for each")
    names = checkpoint.config.labels
    if checkpoint.config.task != SENTENCES or not set(labels) <= set(names):
        return None
    return {text: names.index(label) for text, label in zip(pool, labels, strict=True)}


# ---- against another model ----------------------------------------------------------------------


def confusion(
    checkpoint: Checkpoint,
    other: Checkpoint,
    pool: Sequence[str],
    *,
    labels: Sequence[str] | None = None,
    draws: int = 64,
    seed: int = 0,
    padding: str | None = None,
    progress: Progress | None = None,
) -> Confusion:
    """Answers of two checkpoints to the same ``draws * N`` sentences, N of the first one.

    Each groups them in the same order by its own N; a last group that is short is filled up.

    Raises:
        NotApplicable: they do not answer the same question. InputError and Stopped: as
            ``pool_agreement``.
    """
    _need_same_answers(checkpoint, other)
    truth = _truth(checkpoint, pool, labels)
    groups = _groups(checkpoint, pool, draws, seed=seed, padding=padding)
    rows = [row for group in groups for row in group.rows]
    theirs = _regrouped(other, rows, seed=seed)
    total = len(groups) + len(theirs)
    ours: dict[int, Answered] = {}
    found: dict[int, Answered] = {}
    is_partial = False
    try:
        for g, answers in _answers(checkpoint, groups, part_of(progress, 0, total)):
            ours |= {g * len(answers) + a.slot: a for a in answers}
        for g, answers in _answers(other, theirs, part_of(progress, len(groups), total)):
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
        origin=_origin(checkpoint, groups, seed=seed),
        other=_origin(other, theirs, seed=seed),
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
        p, q = (x.argmax(axis=-1) for x in _aligned(*pair))
        np.add.at(counts, (p, q), 1)
        same[k], trials[k] = (p == q).sum(), len(p)
        if truth is not None:
            wanted = truth[pair[0].row.row.text]
            outcomes[int(p[0] != wanted), int(q[0] != wanted)] += 1
    first, second = int(outcomes[0, 1]), int(outcomes[1, 0])
    p_equal = 1.0 if first + second == 0 else stats.binomtest(first, first + second).pvalue
    return Confusion(
        labels=tuple(names),
        counts=counts,
        agree=shares(same, trials),
        outcomes=None if truth is None else outcomes,
        p=float("nan") if truth is None else float(p_equal),
        sentences=len(both),
        seed=origin.seed,
        pool=pool,
        is_partial=is_partial,
        provenance=origin,
        other=other,
    )


# ---- passes -------------------------------------------------------------------------------------


def _answers(
    checkpoint: Checkpoint, groups: Sequence[Group], progress: Progress | None = None
) -> Iterator[tuple[int, list[Answered]]]:
    """Every group's answers by slot, fillers included, as they come."""
    _need_classes(checkpoint)
    for batch in batches(checkpoint, groups, progress):
        some = [groups[n] for n in batch.numbers]
        with torch.inference_mode():
            output = checkpoint.model(
                batch.ids, batch.mask, batch.types, hide_padding=batch.hide_padding
            )
        logits = output.logits.to("cpu", torch.float64).numpy()
        found = distributions(checkpoint, some, list(logits))
        for at, number in enumerate(batch.numbers):
            yield (
                number,
                [
                    Answered(i, row, _ids(checkpoint, row), found.p[at, i][found.counted[at, i]])
                    for i, row in enumerate(some[at].rows)
                ],
            )


def _ids(checkpoint: Checkpoint, row: EncodedRow) -> tuple[int, ...]:
    """The tokens that a token task's units are; none for sentences."""
    if checkpoint.config.task == SENTENCES:
        return ()
    return tuple(int(i) for i in np.asarray(row.ids)[counted_tokens(checkpoint, row)])


def _groups(
    checkpoint: Checkpoint, pool: Sequence[str], draws: int, *, seed: int, padding: str | None
) -> list[Group]:
    if draws < 1 or not pool:
        raise InputError(
            f"got {draws} draws from {len(pool)} pool sentences; give at least one of each"
        )
    return pool_groups(checkpoint, pool, draws, seed=seed, padding=padding)


def _singles(baseline: Checkpoint, rows: Sequence[EncodedRow]) -> list[Group]:
    return [base_group(baseline, [row.row]) for row in rows]


def _regrouped(checkpoint: Checkpoint, rows: Sequence[EncodedRow], *, seed: int) -> list[Group]:
    num = checkpoint.config.num_instances
    pieces = [rows[start : start + num] for start in range(0, len(rows), num)]
    return [base_group(checkpoint, [r.row for r in piece], seed=seed) for piece in pieces]


def _origin(
    checkpoint: Checkpoint, groups: Sequence[Group], *, seed: int, fill: str = "repeat"
) -> Provenance:
    return provenance(
        checkpoint,
        padding=groups[0].padding,
        length=max(group.length for group in groups),
        seed=seed,
        fill=fill,
    )


__all__ = ["accuracy", "agreement", "confusion", "pool_agreement"]

"""Whom to ask again alone: right answers against the share asked again, and by chance.

What is measured in one seating of the sentences; the engine that does it is
``muxviz.engine.chain``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.analysis.fidelity.agreement import need_baseline, singles
from muxviz.analysis.fidelity.answered import Answered, answers_of, need_truth
from muxviz.analysis.groups.bootstrap import bootstrap_mean
from muxviz.analysis.groups.draws import Progress, origin_of, part_of, pool_groups, until_stopped
from muxviz.batch import Seating
from muxviz.engine.chain import Step
from muxviz.errors import Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.escalation import EscalationCurve

SHARES = (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)


def escalation(
    checkpoint: Checkpoint,
    pool: Sequence[str],
    labels: Sequence[str],
    *,
    baseline: Checkpoint | None,
    draws: int = 64,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> EscalationCurve:
    """Right answers where the least certain share is answered again by the N = 1 model.

    One pass a group and one a different sentence. The certainties are ranked over all sentences, so
    a stream that ranks in windows differs a little.

    Args:
        checkpoint, baseline: not modified.
        pool: sentences to draw from; labels: theirs.
        draws: groups.
        progress: where it raises ``Stopped``, the groups answered both ways so far are taken.

    Raises:
        NotApplicable: no N = 1 model, or answers that are not these labels. InputError: no draws,
            no pool, or labels for other texts. Stopped: before the first group.
    """
    alone = need_baseline(checkpoint, baseline)
    truth = need_truth(checkpoint, pool, labels)
    groups = pool_groups(checkpoint, pool, draws, seating)
    rows = {row.row.text: row for group in groups for row in group.rows}
    total = len(groups) + len(rows)
    told = part_of(progress, 0, total)
    mixed = [own for _, own in until_stopped(answers_of(checkpoint, groups, told))]
    told = part_of(progress, len(groups), total)
    each = answers_of(alone, singles(alone, list(rows.values())), told)
    again = {own[0].row.row.text: own[0] for _, own in until_stopped(each)}
    whole = [own for own in mixed if all(a.row.row.text in again for a in own)]
    if not whole:
        raise Stopped("stopped before any group was answered both ways")
    temperature = checkpoint.temperature

    def is_right(answer: Answered) -> bool:
        return bool(answer.p[0].argmax() == truth[answer.row.row.text])

    first = np.array([[is_right(a) for a in own] for own in whole])
    second = np.array([[is_right(again[a.row.row.text]) for a in own] for own in whole])
    sure = np.array([[_certainty(a, temperature) for a in own] for own in whole])
    asked = _asked(sure)
    least = np.where(asked, second, first).mean(axis=-1).T.astype(np.float64)  # [groups, K]
    shares = asked.mean(axis=(1, 2))
    by_chance = (1 - shares) * first.mean(axis=1)[:, None] + shares * second.mean(axis=1)[:, None]
    seed = seating.seed
    return EscalationCurve(
        shares=shares,
        least=bootstrap_mean(least, seed=seed),
        random=bootstrap_mean(by_chance, seed=seed),
        gain=bootstrap_mean(least - by_chance, seed=seed),
        certainty=_thresholds(sure, asked),
        mended=_part(asked, ~first & second),
        spoilt=_part(asked, first & ~second),
        needless=_part(asked, first & second),
        hopeless=_part(asked, ~first & ~second),
        baseline=alone.name,
        is_calibrated=temperature is not None,
        sentences=int(first.size),
        provenance=origin_of(checkpoint, groups, seating, fill="pool"),
    )


def _certainty(answer: Answered, temperature: float | None) -> float:
    """As ``LabelAnswer.certainty``."""
    warm = answer.p[0] ** (1 / (temperature or 1.0))
    return float(warm.max() / warm.sum())


def _asked(sure: np.ndarray) -> np.ndarray:
    """Who is asked again at every share, ``[K, groups, N]``."""
    found = np.zeros((len(SHARES), sure.size), dtype=bool)
    for k, share in enumerate(SHARES):
        found[k, Step(share=share).chosen(sure.ravel())] = True
    return found.reshape(len(SHARES), *sure.shape)


def _thresholds(sure: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """The least certainty that is not asked again, ``[K]``; 1 where all are."""
    return np.array([sure[~own].min() if not own.all() else 1.0 for own in asked])


def _part(asked: np.ndarray, of: np.ndarray) -> np.ndarray:
    """The share of those asked that are so, ``[K]``; NaN where nobody is asked."""
    with np.errstate(invalid="ignore"):
        found: np.ndarray = (asked & of).sum(axis=(1, 2)) / asked.sum(axis=(1, 2))
    return found

"""Whether an answer stayed, unit by unit: a text, or a token of a token task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from muxviz.results import (
    Answer,
    FillAnswer,
    LabelAnswer,
    LabelsAnswer,
    ReplacedAnswer,
    ScoreAnswer,
    ScoresAnswer,
    TagAnswer,
)


@dataclass(frozen=True)
class Said:
    """An answer, unit by unit. names: the token that a unit is, or "".

    sureness: the margin of a class, else the probability of what is answered; NaN of scores.
    """

    answers: Sequence[Any]
    sureness: Sequence[float]
    names: Sequence[str]

    def words(self, unit: int) -> str:
        """The answer of one unit."""
        name, answer = self.names[unit], self.answers[unit]
        shown = f"{answer:.3f}" if isinstance(answer, float) else str(answer)
        return f"{name}: {shown}" if name else shown


def said(answer: Answer) -> Said:
    """The units of an answer of any task."""
    match answer:
        case LabelAnswer():
            return Said([answer.label], [answer.margin], [""])
        case LabelsAnswer():
            return Said([answer.headline], [answer.probability], [""])
        case ScoreAnswer():
            return Said([answer.score], [math.nan], [""])
        case ScoresAnswer():
            return Said(answer.scores, [math.nan] * len(answer.scores), answer.labels)
        case TagAnswer():
            return Said(answer.tags, answer.probabilities.tolist(), answer.tokens)
        case FillAnswer():
            first = [names[0] for names in answer.candidates]
            return Said(first, answer.probabilities[:, 0].tolist(), ["[MASK]"] * len(first))
        case ReplacedAnswer():
            p = answer.probabilities
            words = np.where(p > 0.5, "replaced", "original").tolist()
            return Said(words, np.maximum(p, 1 - p).tolist(), answer.tokens)


@dataclass(frozen=True)
class Compared:
    """Two answers to one text. worst: the unit that changed most, None where all stayed.

    size: of that change: the smaller sureness of the two answers, or the difference of scores.
    """

    kept: int
    trials: int
    worst: int | None
    size: float


def compare(before: Said, after: Said, *, tolerance: float) -> Compared:
    """How much of an answer stayed; a score that moved no further than ``tolerance`` did."""
    changed = {
        unit: size
        for unit in range(len(before.answers))
        if (size := _moved(before, after, unit, tolerance)) is not None
    }
    worst = max(changed, key=lambda unit: changed[unit], default=None)
    trials, size = len(before.answers), 0.0 if worst is None else changed[worst]
    return Compared(trials - len(changed), trials, worst, size)


def _moved(before: Said, after: Said, unit: int, tolerance: float) -> float | None:
    """The size of a unit's change; None where it stayed."""
    old, new = before.answers[unit], after.answers[unit]
    if isinstance(old, float):
        return abs(old - new) if abs(old - new) > tolerance else None
    return None if old == new else min(before.sureness[unit], after.sureness[unit])

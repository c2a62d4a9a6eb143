"""What a head answers for one slot, by task.

All have a ``headline``, a ``probability`` and ``details``: what a record of it holds besides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class LabelAnswer:
    """A class for the whole text.

    probabilities: ``[C]``, sum 1. margin: logit of the answer minus the best other one (>= 0).
    temperature: of the model's card, which makes its certainty; None where it has none.
    """

    label: str
    index: int
    labels: tuple[str, ...]
    probabilities: np.ndarray
    margin: float
    temperature: float | None = None

    @property
    def certainty(self) -> float:
        """How often answers that are as sure as this one are right, by the temperature, in [0, 1].

        Without a temperature it is the probability.
        """
        if self.temperature is None:
            return self.probability
        warm = self.probabilities.astype(np.float64) ** (1 / self.temperature)
        return float(warm[self.index] / warm.sum())

    @property
    def probability(self) -> float:
        """Probability of the answer, in [0, 1]."""
        return float(self.probabilities[self.index])

    @property
    def headline(self) -> str:
        """The label."""
        return self.label

    @property
    def details(self) -> dict[str, Any]:
        """Probabilities by label."""
        return {"probabilities": _by_name(self.labels, self.probabilities)}


@dataclass(frozen=True)
class LabelsAnswer:
    """Any number of labels for the whole text, each by itself.

    probabilities: ``[C]``, that each label applies. chosen: those from one half on.
    """

    labels: tuple[str, ...]
    probabilities: np.ndarray

    @property
    def chosen(self) -> tuple[str, ...]:
        """The labels that apply, in order; perhaps none."""
        pairs = zip(self.labels, self.probabilities, strict=True)
        return tuple(name for name, p in pairs if p >= 0.5)

    @property
    def probability(self) -> float:
        """Of the label that the answer is least sure of: that it applies, or does not."""
        return float(np.maximum(self.probabilities, 1 - self.probabilities).min())

    @property
    def headline(self) -> str:
        """The labels that apply."""
        return ", ".join(self.chosen) or "no label"

    @property
    def details(self) -> dict[str, Any]:
        """The labels that apply, and probabilities by label."""
        return {
            "labels": list(self.chosen),
            "probabilities": _by_name(self.labels, self.probabilities),
        }


@dataclass(frozen=True)
class ScoresAnswer:
    """Several numbers for the whole text (regression), each in the training data's unit."""

    labels: tuple[str, ...]
    scores: tuple[float, ...]

    @property
    def probability(self) -> None:
        """A regression has none."""
        return None

    @property
    def headline(self) -> str:
        """Every score by name."""
        pairs = zip(self.labels, self.scores, strict=True)
        return ", ".join(f"{name} {score:.3f}" for name, score in pairs)

    @property
    def details(self) -> dict[str, Any]:
        """Scores by name."""
        return {"scores": _by_name(self.labels, self.scores)}


@dataclass(frozen=True)
class ScoreAnswer:
    """A number for the whole text (regression), in the training data's unit."""

    score: float

    @property
    def probability(self) -> None:
        """A regression has none."""
        return None

    @property
    def headline(self) -> str:
        """The score with three decimals."""
        return f"{self.score:.3f}"

    @property
    def details(self) -> dict[str, Any]:
        """Nothing more."""
        return {}


@dataclass(frozen=True)
class TagAnswer:
    """A tag per token. probabilities: ``[tokens]``, that of each token's own answer."""

    tokens: tuple[str, ...]
    tags: tuple[str, ...]
    probabilities: np.ndarray

    @property
    def probability(self) -> float:
        """Mean over the tokens."""
        return float(self.probabilities.mean()) if len(self.probabilities) else float("nan")

    @property
    def headline(self) -> str:
        """The tags in order."""
        return " ".join(self.tags)

    @property
    def details(self) -> dict[str, Any]:
        """Nothing more."""
        return {}


@dataclass(frozen=True)
class FillAnswer:
    """Candidates for every [MASK]. probabilities: ``[masks, candidates]``, best first."""

    positions: tuple[int, ...]
    candidates: tuple[tuple[str, ...], ...]
    probabilities: np.ndarray

    @property
    def probability(self) -> float:
        """Mean probability of the first candidates; NaN without a [MASK]."""
        return float(self.probabilities[:, 0].mean()) if self.positions else float("nan")

    @property
    def headline(self) -> str:
        """The first candidates in order, or a note that there is nothing to fill."""
        return " ".join(c[0] for c in self.candidates) or "no [MASK] in this text"

    @property
    def details(self) -> dict[str, Any]:
        """Nothing more."""
        return {}


@dataclass(frozen=True)
class ReplacedAnswer:
    """For every token, how probable it is that it was replaced. probabilities: ``[tokens]``."""

    tokens: tuple[str, ...]
    probabilities: np.ndarray

    @property
    def probability(self) -> float:
        """The largest one."""
        return float(self.probabilities.max()) if len(self.probabilities) else float("nan")

    @property
    def headline(self) -> str:
        """How many tokens look replaced (probability above one half)."""
        count = int((self.probabilities > 0.5).sum())
        return f"{count} replaced" if count else "none replaced"

    @property
    def details(self) -> dict[str, Any]:
        """Nothing more."""
        return {}


def _by_name(labels: Iterable[str], values: Iterable[float]) -> dict[str, float]:
    return {name: float(value) for name, value in zip(labels, values, strict=True)}


Answer = (
    LabelAnswer
    | LabelsAnswer
    | ScoreAnswer
    | ScoresAnswer
    | TagAnswer
    | FillAnswer
    | ReplacedAnswer
)

CONTINUES = "##"  # what marks a token that goes on with the word before it


def parts_alike(answer: Answer, other: Answer) -> tuple[int, int] | None:
    """How many parts of two answers to one text say the same, and of how many.

    A text's label is one part; tags, filled masks and tokens that look replaced are one each. Where
    the two split words differently, tags are those of the words' first tokens, as far as both
    reach. None where this cannot be asked: scores, unlike tasks, other words, nothing to answer.
    """
    match answer, other:
        case LabelAnswer(), LabelAnswer():
            return _equal([answer.label], [other.label])
        case LabelsAnswer(), LabelsAnswer():
            return _equal([answer.chosen], [other.chosen])
        case TagAnswer(), TagAnswer():
            return _equal_in_words(answer.tokens, answer.tags, other.tokens, other.tags)
        case FillAnswer(), FillAnswer():
            return _equal(*([names[0] for names in one.candidates] for one in (answer, other)))
        case ReplacedAnswer(), ReplacedAnswer():
            mine, theirs = ((one.probabilities > 0.5).tolist() for one in (answer, other))
            return _equal_in_words(answer.tokens, mine, other.tokens, theirs)
    return None


def _equal(mine: Sequence[Any], theirs: Sequence[Any]) -> tuple[int, int] | None:
    if not mine or len(mine) != len(theirs):
        return None
    return sum(a == b for a, b in zip(mine, theirs, strict=True)), len(mine)


def _equal_in_words(
    mine: Sequence[str], said: Sequence[Any], theirs: Sequence[str], told: Sequence[Any]
) -> tuple[int, int] | None:
    if tuple(mine) == tuple(theirs):
        return _equal(said, told)
    (words, first), (others, second) = (_by_word(*one) for one in ((mine, said), (theirs, told)))
    both = min(len(words), len(others))
    return _equal(first[:both], second[:both]) if words[:both] == others[:both] else None


def _by_word(tokens: Sequence[str], said: Sequence[Any]) -> tuple[list[str], list[Any]]:
    """Words put together again, and what is said of the first token of each."""
    words: list[str] = []
    first: list[Any] = []
    for token, one in zip(tokens, said, strict=True):
        if words and token.startswith(CONTINUES):
            words[-1] += token.removeprefix(CONTINUES)
        else:
            words.append(token)
            first.append(one)
    return words, first

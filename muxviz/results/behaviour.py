"""Behavioural tests of a multiplexed model: how often answers stay when only their company moves.

Source of the idea: invariance tests of CheckList (Ribeiro et al. 2020).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from muxviz.results.group import Provenance

CHANGES = {  # the tests, and what each does to the pass of a text
    "control": "nothing: the same pass, in a batch and by itself",
    "company": "all its neighbours are others",
    "seat": "it changes places with a neighbour",
    "order": "its neighbours change places among themselves",
    "duplicates": "a neighbour is there twice, in place of another",
    "filler": "the last neighbours are gone, their slots are filled up",
    "length": "a neighbour is replaced by a text longer than all in the pass",
}
PASSED, FAILED, UNDECIDED, SKIPPED = "passed", "failed", "undecided", "skipped"


@dataclass(frozen=True)
class Seated:
    """One text in one pass.

    rows: text and second text (or None) of every seat, in seat order; fewer than N where the rest
    was filled up. slot: its own, from 0. answer: in words; of a token task, that of one token.
    sureness: the margin of a class in logits, else the probability of the answer; NaN of scores.
    """

    rows: tuple[tuple[str, str | None], ...]
    slot: int
    answer: str
    sureness: float

    @property
    def neighbours(self) -> tuple[str, ...]:
        """The other texts, in seat order."""
        return tuple(text for slot, (text, _) in enumerate(self.rows) if slot != self.slot)


@dataclass(frozen=True)
class Change:
    """A text whose answer did not stay. number: its row in the file, from 1.

    changed: answers that changed, of ``trials``. size: what is worst comes first: the smaller
    sureness of the two answers, or the difference of the scores.
    """

    number: int
    before: Seated
    after: Seated
    changed: int
    trials: int
    size: float

    @property
    def text(self) -> str:
        """The text itself."""
        return self.before.rows[self.before.slot][0]


@dataclass(frozen=True)
class BehaviourTest:
    """How often the answer stayed under one of ``CHANGES``.

    kept: answers that stayed, of ``trials``, one a text or one a token. low, high: 95 % interval
    of the share, Wilson, tokens of one text counted as what they are worth; NaN without trials.
    rows: texts that were asked. least: the share that is asked for. reason: why texts were left
    out, or "". changed: texts whose answer did not stay; worst: the first of them.
    """

    name: str
    least: float
    kept: int
    trials: int
    low: float
    high: float
    rows: int
    reason: str
    changed: int
    worst: tuple[Change, ...]
    elapsed_s: float

    @property
    def share(self) -> float:
        """Answers that stayed, in [0, 1]; NaN without trials."""
        return self.kept / self.trials if self.trials else math.nan

    @property
    def verdict(self) -> str:
        """``passed`` where the whole interval is at or above ``least``, ``failed`` where it is
        below, ``undecided`` where it holds ``least``. A ``least`` of 1 asks for all, one of 0 for
        nothing.
        """
        if not self.trials:
            return SKIPPED
        if self.least == 1:
            return PASSED if self.kept == self.trials else FAILED
        if self.low >= self.least:
            return PASSED
        return FAILED if self.high < self.least else UNDECIDED

    @property
    def is_passed(self) -> bool:
        """Whether it did not fail and is not undecided."""
        return self.verdict in (PASSED, SKIPPED)

    @property
    def rows_to_tell(self) -> int | None:
        """About how many texts an undecided test needs if the share stays; None if none would do.

        The distance from the share to the interval's end shrinks with the root of their number.
        """
        room = self.share - self.least
        if self.verdict != UNDECIDED or room <= 0:
            return None
        return math.ceil(self.rows * ((self.share - self.low) / room) ** 2)


@dataclass(frozen=True)
class Behaviour:
    """All tests of one checkpoint on one file.

    texts: different ones in the file; rows: those asked. unit: "texts" or "tokens", what a trial
    is. tolerance: how far a score may move and still count as kept, in the scores' unit; None where
    answers are no scores. passes: groups that were run.
    """

    data: str
    texts: int
    rows: int
    unit: str
    tolerance: float | None
    tests: tuple[BehaviourTest, ...]
    passes: int
    provenance: Provenance

    @property
    def is_passed(self) -> bool:
        """Whether no test failed or is undecided."""
        return all(test.is_passed for test in self.tests)

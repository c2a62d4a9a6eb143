"""Two checkpoints on rows that were kept: what the second one fixed, and what it broke."""

from __future__ import annotations

from dataclasses import dataclass

from muxviz.results.group import Provenance

FIXED, BROKEN, RIGHT, WRONG = OUTCOMES = ("fixed", "broken", "same right", "same wrong")


@dataclass(frozen=True)
class Redone:
    """One kept row, answered by both. number: its row in the file, from 1. kind: as it was kept."""

    number: int
    text: str
    kind: str
    gold: str
    first: str
    second: str

    @property
    def outcome(self) -> str:
        """One of ``OUTCOMES``; same wrong holds for two different wrong answers, too."""
        right = (self.first == self.gold, self.second == self.gold)
        outcomes = {(False, True): FIXED, (True, False): BROKEN, (True, True): RIGHT}
        return outcomes.get(right, WRONG)


@dataclass(frozen=True)
class Tally:
    """Rows of a kind by outcome, in the order of ``OUTCOMES``.

    p: exact McNemar test of as many fixed as broken; NaN where the first gets no row right, so
    that none could break.
    """

    kind: str
    counts: tuple[int, int, int, int]
    p: float

    @property
    def rows(self) -> int:
        """All of them."""
        return sum(self.counts)


@dataclass(frozen=True)
class Regression:
    """The kept rows of ``data`` with a first and a second checkpoint.

    tallies: a kind each; total: all of them. kept_by: name of the checkpoint whose answers the rows
    were kept for. notes: what to know before believing it.
    """

    data: str
    kept_by: str
    rows: tuple[Redone, ...]
    tallies: tuple[Tally, ...]
    total: Tally
    notes: tuple[str, ...]
    first: Provenance
    second: Provenance

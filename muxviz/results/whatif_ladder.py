"""Why a slot answered what it answered: interventions, one at a time."""

from __future__ import annotations

from dataclasses import dataclass

from muxviz.results.group import Provenance
from muxviz.results.reading import Proportion

TESTS = ("all slots", "baseline", "seat", "reseated", "neighbour")
CAUSES = ("sentence", "seat", "neighbour", "none")


@dataclass(frozen=True)
class Rung:
    """One intervention.

    test: one of ``TESTS``. slot: the neighbour exchanged, for "neighbour". change: mean of the
    margin less the present one, logits, with a 95 % interval over draws (low, high); where all
    possible draws were made (``is_exact``) the interval is the mean itself, NaN with one draw.
    turned: draws in which the answer is another than now in the asked direction: right instead of
    wrong, or in fragility mode wrong instead of right. claims: the interval of what the rung is
    held against (0; for "seat" the same neighbours without the move) excludes none, in the asked
    direction. effect: mean of that contrast, logits.
    """

    test: str
    slot: int | None
    change: float
    low: float
    high: float
    effect: float
    turned: Proportion
    is_exact: bool
    claims: bool


@dataclass(frozen=True)
class Ladder:
    """The first three rungs of the failure ladder for one slot.

    target: the class asked for, by ``source``: "gold", "baseline" or "present". answer: the present
    one; is_right: they are the same by a clear margin, so the question is what would break it
    (fragility). margin:
    the present margin of the target, logits. token: where the answer is one per token, the token
    looked at (the one with the smallest margin), else "". cause: one of ``CAUSES``; culprit: the
    neighbour, counted from 0. alone_right: share of slots that give the target when all hold the
    sentence. floor: largest difference between passes of the unchanged group, logits.
    """

    slot: int
    text: str
    texts: tuple[str, ...]
    answer: str
    target: str
    source: str
    is_right: bool
    margin: float
    token: str
    rungs: tuple[Rung, ...]
    cause: str
    culprit: int | None
    alone_right: Proportion
    floor: float
    draws: int
    pool_size: int
    seed: int
    is_partial: bool
    provenance: Provenance

    def rung(self, test: str, slot: int | None = None) -> Rung | None:
        """A rung by its test and neighbour, where it was made."""
        return next((r for r in self.rungs if (r.test, r.slot) == (test, slot)), None)

    @property
    def verdict(self) -> Rung | None:
        """The rung that names the cause, or None."""
        if self.cause == "none":
            return None
        test = {"sentence": "all slots", "seat": "seat", "neighbour": "neighbour"}[self.cause]
        return self.rung(test, self.culprit)

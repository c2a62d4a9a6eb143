"""Why a slot came back wrong: every check of the debugger, and the rule that names a cause."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance
from muxviz.results.ladder import Interval, Ladder, Rung
from muxviz.results.reading import Proportion

CHECKS = ("company", "neighbours", "seat", "heard", "padding", "cut", "layers")
FIRST = ("company",)  # company or capacity
CAUSES = (
    "right",
    "label",
    "sentence",
    "dead slot",
    "key",
    "cut",
    "padding",
    "neighbour",
    "seat",
    "company",
    "layer",
    "model",
    "none",
    "untold",
)
NOBODY = ("model", "none", "untold")  # no part of the group is to blame
MEASURES = ("margin, exchanged", "probability, exchanged", "margin, muted", "probability, muted")
DEAF = 0.02  # a sentence whose exchange moves the answer's probabilities by less is not heard
GONE = 0.01  # of what a slot brings to the mixture, over the mean of all
SAME = 1e-3  # two slots whose probabilities never differ by more read the same
Cause = tuple[str, int | None]  # and its slot or layer
SURE = 0.9  # of a class, where no labelled sentences say how sure the N = 1 model is of it


@dataclass(frozen=True)
class Heard:
    """Whom one slot's answer listens to.

    moved ``[N]``: how far exchanging the sentence of each slot moves the answer's probabilities
    (total variation, in [0, 1]). raised ``[N]``: the change of the target's probability. muted
    ``[N, 2]``: change of the target's margin (logits) and probability with that slot's part of
    the mixture silenced, exact. in_mixture ``[N]``: how much goes out of the mixture with the slot
    (L2), over the mean of all slots. unlike ``[N]``: the largest difference between this slot's
    probabilities and each slot's own in all those passes; 0 where both read the same.
    """

    slot: int
    moved: Estimates
    raised: Estimates
    muted: np.ndarray
    in_mixture: np.ndarray
    unlike: np.ndarray

    @property
    def is_deaf(self) -> bool:
        """Whether the slot does not hear its own sentence."""
        return bool(self.moved.mean[self.slot] < DEAF)

    @property
    def is_gone(self) -> bool:
        """Whether the sentence is not in the mixture at all."""
        return bool(self.in_mixture[self.slot] < GONE)

    @property
    def reads(self) -> int | None:
        """The slot that is read in place of a deaf one: both answer alike whatever they hold."""
        same = [j for j, unlike in enumerate(self.unlike) if j != self.slot and unlike < SAME]
        return same[0] if self.is_deaf and same else None


@dataclass(frozen=True)
class Alone:
    """The N = 1 model's answer. probability: of that answer. sure: how probable that class is, on
    average, among labelled sentences of it (Northcutt et al. 2021); ``is_measured``: or 0.9.
    """

    answer: str
    probability: float
    sure: float
    is_measured: bool


@dataclass(frozen=True)
class Fix:
    """Something to do about it, tried. kind: "seat", "neighbour", "company", "shorter" or "alone".
    at: the slot of it. turned: draws that came back right, on draws that it was
    not chosen on. held: the same for a random change of that size.
    """

    kind: str
    at: int | None
    turned: Proportion
    held: Proportion


@dataclass(frozen=True)
class Extreme:
    """A sentence of the pool in a neighbour's slot, and the target's margin with it (logits)."""

    slot: int
    text: str
    margin: float


@dataclass(frozen=True)
class Diagnosis:
    """What the debugger found about one slot of one group.

    checks: those that were asked for. ladder: with the rungs T0 to T3. further: rungs of padding, a
    cut end and layers; heard, alone (where N = 1 is wrong as well): empty or None where they were
    not made or do not apply. gains: per layer, how many more of the reference sentences the slot
    answers as N = 1 does without it, a share with its 95 % interval. untrained: layers that are as
    they were before training. leaders: per measure of ``MEASURES``, the neighbour whose change
    gives the target most, or None where none is told from nothing. cut_text: the end of the
    sentence that did not fit. worst, best: neighbours tried that harmed and helped most. cause: one
    of ``CAUSES``, at: the slot or layer named with it.
    """

    checks: tuple[str, ...]
    ladder: Ladder
    heard: Heard | None
    further: tuple[Rung, ...]
    gains: tuple[Interval, ...]
    untrained: tuple[int, ...]
    alone: Alone | None
    leaders: tuple[int | None, ...]
    fixes: tuple[Fix, ...]
    cut_text: str
    worst: tuple[Extreme, ...]
    best: tuple[Extreme, ...]
    cause: str
    at: int | None
    provenance: Provenance

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """All interventions."""
        return (*self.ladder.rungs, *self.further)

    @property
    def depends_on_measure(self) -> bool:
        """Whether another measure or another way to take a neighbour away names another one."""
        return self.cause == "neighbour" and any(slot != self.at for slot in self.leaders)

    @property
    def is_first(self) -> bool:
        """Whether only the company was asked about, so that nobody else can be named or cleared."""
        return self.checks == FIRST

    @property
    def is_company(self) -> bool | None:
        """Whether other neighbours mend a third of the draws; None where that was not tried."""
        rung = self.ladder.rung("company") or self.ladder.rung("neighbour", self._only)
        return None if rung is None else rung.mends

    @property
    def _only(self) -> int | None:
        """The one neighbour of a group of two."""
        return 1 - self.ladder.slot if len(self.ladder.texts) == 2 else None


@dataclass(frozen=True)
class Attributed:
    """Attribution and intervention on one slot's answer.

    shares ``[N]``: of the absolute integrated gradients, by sentence, sum 1. gap: what the
    gradients miss of the change they explain, a share of it. moved ``[N]``: as in ``Heard``.
    """

    slot: int
    shares: np.ndarray
    gap: float
    moved: Estimates
    provenance: Provenance

    @property
    def named(self) -> tuple[int, int]:
        """The neighbour with the largest share, and the one whose exchange moves it most."""
        own = np.arange(len(self.shares)) == self.slot
        ranked = (np.where(own, -1, x) for x in (self.shares, self.moved.mean))
        first, second = (int(values.argmax()) for values in ranked)
        return first, second

    @property
    def is_contradicted(self) -> bool:
        """Whether exchanging the neighbour with the largest share does less than another does, by
        intervals that do not meet.
        """
        first, second = self.named
        return bool(self.moved.high[first] < self.moved.low[second])

    @property
    def agreement(self) -> float:
        """Spearman's rank correlation over all N sentences; NaN where one side is all alike."""
        ranks = [_ranks(values) for values in (self.shares, self.moved.mean)]
        if any(np.ptp(rank) == 0 for rank in ranks):
            return float("nan")
        return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks, equal values sharing theirs."""
    below = (values[None] < values[:, None]).sum(axis=1)
    equal = (values[None] == values[:, None]).sum(axis=1)
    ranks: np.ndarray = below + (equal - 1) / 2
    return ranks


def name_cause(
    ladder: Ladder,
    *,
    heard: Heard | None,
    further: Sequence[Rung],
    untrained: Sequence[int],
    alone: Alone | None,
) -> Cause:
    """The cause that the numbers allow to name, and its slot or layer.

    In this order, so that what explains more goes first: an answer that is right; a row that N = 1
    gets wrong too ("label" where it is surer of its answer than of sentences labelled so); a
    sentence that is not in the mixture ("dead slot"); a cut end, then padding, where the change
    mends more than its control; a slot that reads another one ("key"); a layer that was never
    trained; a neighbour that ``ladder.judge`` would name, also where another seat mends more; a
    slot that does not hear its own sentence ("key"); seat or company; a layer without which the
    slot answers better; nobody.
    """
    if ladder.is_right or ladder.is_partial:
        return ("right", ladder.culprit) if ladder.is_right else ("none", None)
    causes = [rung for rung in further if rung.claims and rung.mends]
    return (
        _of_the_row(ladder, alone)
        or _of_the_place(heard, causes)
        or (("layer", untrained[0]) if untrained else None)
        or _of_the_group(ladder, heard)
        or _of_a_layer(causes)
        or (ladder.cause, None)
    )


def _of_the_row(ladder: Ladder, alone: Alone | None) -> Cause | None:
    """Wrong by itself too."""
    if alone is None or ladder.alone_is_right is not False:
        return None
    is_sure = alone.probability >= alone.sure and alone.answer == ladder.answer
    return ("label" if is_sure and ladder.source == "gold" else "sentence"), None


def _of_the_place(heard: Heard | None, causes: Sequence[Rung]) -> Cause | None:
    """Not in the mixture, cut, padded, or another slot read in its place."""
    if heard is not None and heard.is_gone:
        return "dead slot", None
    for kind in ("cut", "padding"):
        if any(rung.test == kind for rung in causes):
            return kind, None
    if heard is not None and heard.reads is not None:
        return "key", heard.reads
    return None


def _of_the_group(ladder: Ladder, heard: Heard | None) -> Cause | None:
    """A neighbour; else a slot that hears nothing of its own; else seat or company."""
    blamed = [r for r in ladder.rungs if r.test == "neighbour" and r.claims and r.mends]
    if blamed:
        return "neighbour", max(blamed, key=lambda r: r.net).slot
    if heard is not None and heard.is_deaf:
        return "key", None
    return (ladder.cause, None) if ladder.cause in ("seat", "company") else None


def _of_a_layer(causes: Sequence[Rung]) -> Cause | None:
    """A layer without which this answer and the slot in general are better."""
    harmful = [rung for rung in causes if rung.layer is not None]
    return ("layer", max(harmful, key=lambda r: r.net).layer) if harmful else None

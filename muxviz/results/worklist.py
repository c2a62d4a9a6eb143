"""A labelled file as a checkpoint answered it: every row under every grouping, and what failed.

Texts are in the failures alone, so that a file of any length costs a few numbers a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from muxviz.results.group import Provenance

SHARED, MODEL, LUCKY, LABEL, ALONE_UNKNOWN = KINDS = (
    "shared",
    "model",
    "lucky",
    "label suspected",
    "no baseline",
)
FINE = ""  # the kind of a row that nothing is wrong with
MOVED = "moved"  # one of these, listed because company moves its margin most
LISTED = (*KINDS, MOVED)
MEANING = {
    SHARED: "N = 1 is right, the shared pass is wrong: multiplexing did it",
    MODEL: "N = 1 is wrong too: multiplexing is not to blame",
    LUCKY: "N = 1 is wrong, the shared pass is right",
    LABEL: "both are sure of one other label: look at the label first",
    ALONE_UNKNOWN: "wrong, and there is no N = 1 baseline to tell whose fault it is",
    MOVED: "right every time, among the rows whose margin company moves most",
}


@dataclass(frozen=True)
class Failure:
    """One row as it was answered in the grouping that it did worst in, with its whole group.

    number: the row in the file, from 1. rows: text and second text (or None) of every seat, in
    seat order; fewer than N where the group was filled up (``fill``, ``seed``). slot: the row's
    seat, from 0. margins: logit of the right label less the best other one; below 0 is wrong;
    alone_margin is NaN and alone None without a baseline. kind: one of ``LISTED``, FINE for a row
    that is kept because nothing is wrong with it. wrong_in: the groupings in which it is wrong.
    tokens: of its text, special ones included. moved: its largest margin over the groupings less
    its smallest, logits.
    """

    number: int
    rows: tuple[tuple[str, str | None], ...]
    slot: int
    gold: str
    answer: str
    alone: str | None
    margin: float
    alone_margin: float
    kind: str
    tags: tuple[str, ...]
    wrong_in: int
    tokens: int
    grouping: str
    padding: str
    fill: str
    seed: int
    moved: float = 0.0

    @property
    def text(self) -> str:
        """The row's own text."""
        return self.rows[self.slot][0]

    @property
    def pair(self) -> str | None:
        """Its second text."""
        return self.rows[self.slot][1]


@dataclass(frozen=True)
class FailureSet:
    """Failures of one file with one checkpoint, as they are saved (``results.store``).

    data: name of the file. groupings: their names. baseline: name of the N = 1 checkpoint, or "".
    right: rows of the file that nothing was wrong with; those among ``failures`` are drawn of them.
    """

    data: str
    labels: tuple[str, ...]
    groupings: tuple[str, ...]
    baseline: str
    failures: tuple[Failure, ...]
    provenance: Provenance
    right: int = 0


@dataclass(frozen=True)
class BadRow:
    """A row of the file that was left out: its number (from 1) and line, its column, and why.

    column: "" where the whole row is at fault.
    """

    number: int
    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        where = f", column {self.column}" if self.column else ""
        return f"row {self.number} (line {self.line}){where}: {self.reason}"


@dataclass(frozen=True)
class Worklist:
    """A labelled file through a checkpoint, G groupings, and once through its N = 1 baseline.

    R rows, C labels. numbers: ``[R]`` row in the file, from 1, rows that were left out counted.
    controls: rows drawn of those that nothing is wrong with, so that a saved set can show what
    another checkpoint breaks. gold: ``[R]`` number of the right label. scores: ``[G, R, C]``
    log-probabilities. alone: the same of N = 1, ``[R, C]``; NaN without a baseline. groups, slots:
    ``[G, R]`` whom a row shared its pass with, and where it sat, both from 0. tokens: ``[R]``.
    tags: ``[G, R, T]`` bool, true of a row in that grouping; tag_names: T. suspects: ``[R]`` bool,
    see ``KINDS``. bad: the first rows that were left out; bad_rows: how many. read: rows of the
    file that were looked at, and is_whole whether that is all of it. window: rows that groups were
    drawn among. seeds: one a grouping; filler_seed: of the rows that fill a last group up.
    """

    data: str
    labels: tuple[str, ...]
    groupings: tuple[str, ...]
    seeds: tuple[int, ...]
    filler_seed: int
    numbers: np.ndarray
    gold: np.ndarray
    scores: np.ndarray
    alone: np.ndarray
    groups: np.ndarray
    slots: np.ndarray
    tokens: np.ndarray
    tags: np.ndarray
    tag_names: tuple[str, ...]
    suspects: np.ndarray
    failures: tuple[Failure, ...]
    controls: tuple[Failure, ...]
    bad: tuple[BadRow, ...]
    bad_rows: int
    read: int
    is_whole: bool
    window: int
    baseline: str
    provenance: Provenance

    def __len__(self) -> int:
        return len(self.gold)

    @property
    def is_partial(self) -> bool:
        """Whether it was stopped before the end of the file."""
        return not self.is_whole

    @cached_property
    def answers(self) -> np.ndarray:
        """``[G, R]`` number of the label that was answered."""
        return np.asarray(self.scores.argmax(axis=-1))

    @cached_property
    def is_wrong(self) -> np.ndarray:
        """``[G, R]`` bool."""
        return np.asarray(self.answers != self.gold)

    @cached_property
    def margins(self) -> np.ndarray:
        """``[G, R]`` logit of the right label less the best other one; below 0 is wrong."""
        return gold_margins(self.scores, self.gold)

    @cached_property
    def alone_margins(self) -> np.ndarray:
        """``[R]``, the same of N = 1; NaN without a baseline."""
        return gold_margins(self.alone, self.gold)

    @cached_property
    def worst(self) -> np.ndarray:
        """``[R]`` the grouping in which a row has its smallest margin."""
        return np.asarray(self.margins.argmin(axis=0))

    @cached_property
    def flips(self) -> np.ndarray:
        """``[R]`` bool: not the same answer in every grouping."""
        return np.asarray((self.answers != self.answers[:1]).any(axis=0))

    @cached_property
    def moved(self) -> np.ndarray:
        """``[R]`` largest margin over the groupings less the smallest: how far company moves it."""
        return np.asarray(self.margins.max(axis=0) - self.margins.min(axis=0))

    @cached_property
    def kinds(self) -> np.ndarray:
        """``[R]`` one of ``KINDS`` or ``FINE``; wrong at N means in one grouping or more."""
        wrong = self.is_wrong.any(axis=0)
        if not self.baseline:
            return np.where(wrong, ALONE_UNKNOWN, FINE)
        alone_wrong = self.alone_margins < 0
        told = [self.suspects, wrong & alone_wrong, wrong, alone_wrong]
        return np.select(told, [LABEL, MODEL, SHARED, LUCKY], FINE)

    def count(self, kind: str) -> int:
        """Rows of a kind."""
        return int((self.kinds == kind).sum())

    @property
    def failing(self) -> int:
        """Rows that are wrong in one grouping or more, or bear a suspected label."""
        return len(self) - self.count(FINE) - self.count(LUCKY)

    @property
    def summary(self) -> str:
        """What fails, in one sentence."""
        n = self.provenance.num_instances
        said = f"{self.failing:,} of {len(self):,} rows fail at N = {n}"
        if self.is_partial:
            said = f"So far {said}"
        if not self.failing or not self.baseline:
            return said
        if n == 1:
            return f"{said}, alone in every pass"
        shared, model, label = (self.count(kind) for kind in (SHARED, MODEL, LABEL))
        parts = [f"{shared:,} that N = 1 answers right", f"{model:,} that it does not"]
        return f"{said}: {', '.join(parts)}, {label:,} with a suspected label"

    def seats(self, grouping: int, row: int) -> np.ndarray:
        """The rows that shared a pass with ``row`` (itself among them), in seat order."""
        order, groups = self._seated[grouping]
        start, stop = np.searchsorted(groups, self.groups[grouping, row] + np.arange(2))
        return order[start:stop]

    @cached_property
    def _seated(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Per grouping the rows by group and seat, and the groups in that order."""
        orders = [np.lexsort(both) for both in zip(self.slots, self.groups, strict=True)]
        return [(order, own[order]) for order, own in zip(orders, self.groups, strict=True)]

    def saved(self, failures: Sequence[Failure] | None = None) -> FailureSet:
        """Failures with where they come from; None: all of them, and the controls."""
        failing = (one for one in self.failures if one.kind != MOVED)
        chosen = (*failing, *self.controls) if failures is None else tuple(failures)
        origin = (self.data, self.labels, self.groupings, self.baseline)
        return FailureSet(*origin, chosen, self.provenance, self.count(FINE))


def gold_margins(scores: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Log-probability of the right label less the best other one, ``[..., R]``.

    Args:
        scores: ``[..., R, C]``, C at least 2. gold: ``[R]``.
    """
    place = np.broadcast_to(gold, scores.shape[:-1])[..., None]
    own = np.take_along_axis(scores, place, axis=-1)[..., 0]
    others = scores.copy()
    np.put_along_axis(others, place, -np.inf, axis=-1)
    return np.asarray(own - others.max(axis=-1))

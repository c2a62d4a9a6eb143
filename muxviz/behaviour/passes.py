"""The passes of one text: as it was drawn, and what every test makes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from muxviz.batch import EncodedRow


@dataclass(frozen=True)
class Seats:
    """Rows in the slots of a pass, fewer than N where the rest is to be filled up.

    slot: of the row that is asked, from 0.
    """

    rows: tuple[EncodedRow, ...]
    slot: int

    @property
    def neighbours(self) -> list[int]:
        """The other slots."""
        return [slot for slot in range(len(self.rows)) if slot != self.slot]

    def put(self, changes: dict[int, EncodedRow]) -> Seats:
        """The same with other rows in some slots."""
        rows = tuple(changes.get(slot, row) for slot, row in enumerate(self.rows))
        return Seats(rows, self.slot)


@dataclass(frozen=True)
class Drawn:
    """A text among N - 1 neighbours, and what tests may put in their place.

    others: N - 1 further rows. longer: a row of more tokens than any in the pass, if there is one.
    """

    seats: Seats
    others: tuple[EncodedRow, ...]
    longer: EncodedRow | None


@dataclass(frozen=True)
class Pool:
    """Rows that are no two the same, by length. order: their places from short to long."""

    rows: Sequence[EncodedRow]
    lengths: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[EncodedRow]) -> Pool:
        """Of at least 2N - 1 rows."""
        lengths = np.asarray([len(row.ids) for row in rows])
        order = np.argsort(lengths, kind="stable")
        return cls(rows, lengths[order], order)

    def draw(self, at: int, slot: int, num: int, generator: np.random.Generator) -> Drawn:
        """Row ``at`` in a slot among ``num`` - 1 others, all by chance."""
        picked = generator.choice(len(self.rows) - 1, 2 * (num - 1), replace=False)
        found = [self.rows[int(i) + (i >= at)] for i in picked]  # never the row itself
        rows = (*found[:slot], self.rows[at], *found[slot : num - 1])
        first = int(np.searchsorted(self.lengths, max(len(r.ids) for r in rows), side="right"))
        longer = None
        if first < len(self.rows):
            longer = self.rows[self.order[generator.integers(first, len(self.rows))]]
        return Drawn(Seats(rows, slot), tuple(found[num - 1 :]), longer)


# ---- what is changed ----------------------------------------------------------------------------


def _control(drawn: Drawn, generator: np.random.Generator) -> Seats:
    return drawn.seats


def _company(drawn: Drawn, generator: np.random.Generator) -> Seats:
    return drawn.seats.put(dict(zip(drawn.seats.neighbours, drawn.others, strict=True)))


def _seat(drawn: Drawn, generator: np.random.Generator) -> Seats:
    old, rows = drawn.seats.slot, drawn.seats.rows
    new = int(generator.choice(drawn.seats.neighbours))
    return Seats(drawn.seats.put({old: rows[new], new: rows[old]}).rows, new)


def _order(drawn: Drawn, generator: np.random.Generator) -> Seats | None:
    """No neighbour stays: they go round in one circle of random order."""
    slots = generator.permutation(drawn.seats.neighbours).tolist()
    if len(slots) < 2:
        return None
    rows = drawn.seats.rows
    return drawn.seats.put(
        {to: rows[come] for to, come in zip(slots, slots[1:] + slots[:1], strict=True)}
    )


def _duplicates(drawn: Drawn, generator: np.random.Generator) -> Seats | None:
    slots = drawn.seats.neighbours
    if len(slots) < 2:
        return None
    twice, gone = generator.choice(slots, 2, replace=False).tolist()
    return drawn.seats.put({gone: drawn.seats.rows[twice]})


def _filler(drawn: Drawn, generator: np.random.Generator) -> Seats | None:
    """Slots behind the text are freed, since those of a last short group are the last ones."""
    slot, num = drawn.seats.slot, len(drawn.seats.rows)
    if slot == num - 1:
        return None
    return Seats(drawn.seats.rows[: generator.integers(slot + 1, num)], slot)


def _length(drawn: Drawn, generator: np.random.Generator) -> Seats | None:
    if drawn.longer is None:
        return None
    return drawn.seats.put({int(generator.choice(drawn.seats.neighbours)): drawn.longer})


APPLIES: dict[str, tuple[Callable[[Drawn, np.random.Generator], Seats | None], str]] = {
    "control": (_control, ""),
    "company": (_company, ""),
    "seat": (_seat, ""),
    "order": (_order, "there is one neighbour only"),
    "duplicates": (_duplicates, "there is one neighbour only"),
    "filler": (_filler, "they sit in the last slot, which is never freed"),
    "length": (_length, "no text of the file is longer than those in the pass"),
}  # how a pass is changed, None where it cannot be, and why it cannot

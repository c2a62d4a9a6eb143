"""Who may use a device next: one caller at a time, short work before long, no one for ever.

    with lane.held(Errand("ann", "swap"), waiting) as ticket:
        for batch in batches:
            ...
            lane.hand_on(ticket, waiting)  # others with less to do go first

Work is of a class, by how long it held the lane or is known to hold it: below 1 s, 4 s, 16 s, 64 s,
or more; what was never measured begins in the first and moves on. Lower classes go first. Within
one it is the order of arrival, and of one session one at a time: its next one lines up when the one
before is done; work that was begun is finished before other work of its class is begun. Nobody in a
higher class is kept from work for much longer than ``STARVED_S``.
"""

from __future__ import annotations

import math
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from muxviz.errors import TooBusy

CLASSES_S = (1.0, 4.0, 16.0, 64.0)  # of holding the lane, where a class ends
SLICE_S = 0.4  # that one keeps the lane for who had to wait too long for it
STARVED_S = 5.0  # that the first one of a class may be kept waiting by lower classes
UNKNOWN_S = 1.0  # taken for work that was never measured, while no other was either
HOPELESS_S = 600.0  # of measured work ahead, beyond which nobody is made to wait
HEARTBEAT_S = 0.5  # how often a waiting caller hears of its place, so that it can give up
MEMORY = 5  # latest durations that are remembered of a name


@dataclass(frozen=True)
class Errand:
    """Who wants the device, "" for nobody in particular, and for what; None is never measured."""

    session: str = ""
    name: Hashable = None


@dataclass(frozen=True)
class Place:
    """Where a waiting caller stands: callers before and behind it, and about how long it waits."""

    ahead: int
    behind: int
    seconds: float


Waiting = Callable[[Place], None]  # may raise to give up


@dataclass(eq=False)
class Ticket:
    """One caller. number: counts all that came. spent: seconds that it has held the lane.

    arrival: its place among the first ones of all sessions.
    """

    errand: Errand
    number: int
    arrival: int
    thread: int
    is_begun: bool = False
    is_last: bool = False  # goes behind all others
    is_ending: bool = False  # gives up, and needs the lane only to leave in order
    spent: float = 0.0
    since: float = 0.0  # when it came, took the lane or gave it
    until: float = 0.0  # to when it keeps it


class Lane:
    """The line before one device.

    Args:
        device: its name, for messages.
        clock: seconds.
    """

    def __init__(self, device: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._device = device
        self._clock = clock
        self._turn = threading.Condition()  # guards what follows
        self._tickets: list[Ticket] = []
        self._holder: Ticket | None = None
        self._arrivals = 0
        self._held_at = clock()
        self._took: dict[Hashable, deque[float]] = {}  # seconds by name of work

    @contextmanager
    def held(self, errand: Errand, waiting: Waiting | None = None) -> Iterator[Ticket]:
        """Wait for this caller's turn; however the block ends, it goes to the next.

        Raises:
            TooBusy: what is ahead is measured to take longer than ``HOPELESS_S``.
        """
        ticket = self._enter(errand)
        try:
            self.take(ticket, waiting)
            yield ticket
        except BaseException:
            self._leave(ticket, is_done=False)
            raise
        self._leave(ticket, is_done=True)

    def hand_on(self, ticket: Ticket, waiting: Waiting | None = None) -> int:
        """Between two batches: let those go first who should, and come back; who waits then.

        What ``waiting`` raises is raised once the lane is held again.
        """
        if self.is_due(ticket):
            self.give(ticket)
            self.take(ticket, waiting)
        return self.waiting

    @property
    def waiting(self) -> int:
        """Callers that wait now."""
        with self._turn:
            return len(self._tickets) - (self._holder is not None)

    @property
    def idle_s(self) -> float:
        """Seconds since it was held last; 0 while it is."""
        with self._turn:
            return 0.0 if self._tickets else self._clock() - self._held_at

    def is_due(self, ticket: Ticket) -> bool:
        """Whether somebody else should have the lane now."""
        with self._turn:
            now = self._clock()
            if ticket is not self._holder or now < ticket.until or not self._class(ticket, now):
                return False
            return self._line(now, self._tickets)[0] is not ticket

    def loaded(self, ticket: Ticket) -> None:
        """The work itself begins: what was spent until now is not a part of its time."""
        with self._turn:
            ticket.spent, ticket.since = 0.0, self._clock()

    def others_begun(self, ticket: Ticket) -> bool:
        """Whether somebody else is in the middle of work."""
        with self._turn:
            return any(other.is_begun for other in self._tickets if other is not ticket)

    def give(self, ticket: Ticket, *, as_last: bool = False) -> None:
        """Let go of the lane and stay in line; ``as_last``: behind all work that is begun."""
        with self._turn:
            self._let_go(ticket)
            if as_last:
                ticket.is_begun, ticket.is_last = False, True
            self._turn.notify_all()

    def take(self, ticket: Ticket, waiting: Waiting | None = None) -> None:
        """Wait for the lane; what ``waiting`` raises is raised, with the lane, if work was begun.

        Work that is given up may have to tidy up on the device.
        """
        place = self._wait(ticket, None)
        while place is not None:
            try:
                if waiting is not None and not ticket.is_ending:
                    waiting(place)
            except BaseException:
                if ticket.is_begun:
                    ticket.is_ending = True
                    self.take(ticket)
                raise
            place = self._wait(ticket, place)

    # ---- one at a time ----

    def _enter(self, errand: Errand) -> Ticket:
        with self._turn:
            me = threading.get_ident()
            if any(ticket.thread == me for ticket in self._tickets):
                raise RuntimeError("Registry.use inside Registry.use; ask for all models at once")
            now = self._clock()
            self._arrivals += 1
            ticket = Ticket(errand, self._arrivals, self._arrivals, me, since=now)
            self._tickets.append(ticket)
            before = self._before(ticket, now)
            measured = sum(self._left(t, ticket) for t in before if t.errand.name in self._took)
            if measured > HOPELESS_S:
                self._tickets.remove(ticket)
                raise TooBusy(
                    f"{self._device} is taken for about {measured / 60:.0f} minutes by "
                    f"{len(before)} before you, as measured here; come back later, or ask for less "
                    "(fewer draws). A single pass is still answered at once"
                )
            return ticket

    def _leave(self, ticket: Ticket, *, is_done: bool) -> None:
        with self._turn:
            kind = self._class(ticket, self._clock())
            if ticket is self._holder:
                self._let_go(ticket)
            self._tickets.remove(ticket)
            self._line_up_next(ticket.errand.session, kind)
            if is_done and ticket.errand.name is not None:
                took = self._took.setdefault(ticket.errand.name, deque(maxlen=MEMORY))
                took.append(ticket.spent)
            self._turn.notify_all()

    def _line_up_next(self, session: str, kind: int) -> None:
        """The session's next one of a class comes to the end of the line now."""
        now = self._clock()
        own = [
            ticket
            for ticket in self._tickets
            if session and ticket.errand.session == session and not ticket.is_begun
            if self._class(ticket, now) == kind
        ]
        if own:
            self._arrivals += 1
            min(own, key=lambda ticket: ticket.number).arrival = self._arrivals

    def _let_go(self, ticket: Ticket) -> None:
        now = self._clock()
        ticket.spent += now - ticket.since
        ticket.since = self._held_at = now
        self._holder = None

    def _wait(self, ticket: Ticket, known: Place | None) -> Place | None:
        """None with the lane in hand; else the place, as soon as it changes or it is time."""
        with self._turn:
            if known is not None and not self._is_next(ticket):
                self._turn.wait(HEARTBEAT_S)
            if self._is_next(ticket):
                self._begin(ticket)
                return None
            return self._place(ticket)

    def _is_next(self, ticket: Ticket) -> bool:
        return self._holder is None and self._line(self._clock(), self._tickets)[0] is ticket

    def _begin(self, ticket: Ticket) -> None:
        now = self._clock()
        ticket.until = now + SLICE_S if now - ticket.since >= STARVED_S else now
        ticket.since, ticket.is_begun = now, True
        self._holder = ticket

    # ---- the order, and how long it takes ----

    def _line(self, now: float, tickets: list[Ticket]) -> list[Ticket]:
        """All of them, the one that should hold the lane now first."""
        seen: dict[tuple[str, int], int] = {}
        place: dict[Ticket, tuple[int, bool, int, int]] = {}
        for ticket in sorted(tickets, key=lambda t: (not t.is_begun, t.number)):
            kind = self._class(ticket, now)
            own = (ticket.errand.session, kind)
            turn = seen.get(own, 0) if own[0] else 0  # how many of its session are before it
            seen[own] = seen.get(own, 0) + 1
            place[ticket] = (kind, not ticket.is_begun, turn, ticket.arrival)
        line = sorted(tickets, key=place.__getitem__)
        heads = {place[ticket][0]: ticket for ticket in reversed(line)}
        starved = [head for kind, head in heads.items() if kind and self._is_starved(head, now)]
        return sorted(
            line,
            key=lambda t: (not t.is_ending, t.since if t in starved else math.inf, line.index(t)),
        )

    def _is_starved(self, ticket: Ticket, now: float) -> bool:
        """Whether it waited too long, or has its turn because it did."""
        if ticket is self._holder:
            return now < ticket.until
        return not ticket.is_last and now - ticket.since >= STARVED_S

    def _class(self, ticket: Ticket, now: float) -> int:
        if ticket.is_last:
            return len(CLASSES_S) + 1
        held = now - ticket.since if ticket is self._holder else 0.0
        known = min(self._took.get(ticket.errand.name, (0.0,)))
        return bisect_right(CLASSES_S, max(ticket.spent + held, known))

    def _before(self, ticket: Ticket, now: float) -> list[Ticket]:
        line = self._line(now, [t for t in self._tickets if t is not self._holder])
        holder = [] if self._holder is None else [self._holder]
        return [*holder, *line[: line.index(ticket)]]

    def _place(self, ticket: Ticket) -> Place:
        before = self._before(ticket, self._clock())
        seconds = sum(self._left(other, ticket) for other in before)
        return Place(len(before), len(self._tickets) - len(before) - 1, seconds)

    def _left(self, other: Ticket, ticket: Ticket) -> float:
        """Seconds that ``other`` still keeps ``ticket`` waiting: a long one hands on soon."""
        now = self._clock()
        spent = other.spent + (now - other.since if other is self._holder else 0.0)
        left = max(0.0, self._usual(other.errand.name) - spent)
        is_overtaken = self._class(other, now) > self._class(ticket, now)
        return min(left, SLICE_S) if is_overtaken else left

    def _usual(self, name: Hashable) -> float:
        """Seconds that work of a name takes, or that the usual work does."""
        own = self._took.get(name)
        known = own or [median(took) for took in self._took.values()]
        return median(known) if known else UNKNOWN_S

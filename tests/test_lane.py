"""The line before a device, by a clock of its own: who goes first, who waits for how long.

Only the holder of the lane moves the clock on, so that every order of events is a fixed one; a
thread that hangs is a failed test.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Any

import pytest

from muxviz.errors import TooBusy
from muxviz.lane import CLASSES_S, HOPELESS_S, SLICE_S, STARVED_S, Errand, Lane, Place, Ticket

PATIENCE_S = 60
BATCH = 0.4  # seconds of the clock
Step = float | Callable[[], Any]


class Street:
    """A lane, its clock, and people who come with work in batches."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lane = Lane("cpu", lambda: self.now)
        self.log: list[tuple[str, float]] = []  # who began a batch, and when
        self.heard: dict[str, list[Place]] = {}
        self.tickets: dict[str, Ticket] = {}
        self.failed: dict[str, BaseException] = {}
        self.threads: list[threading.Thread] = []

    def come(
        self,
        who: str,
        *batches: Step,
        session: str | None = None,
        name: Hashable = None,
        told: Callable[[Place], None] = lambda place: None,
    ) -> None:
        """Somebody with work; in line, or at work, when this returns."""
        is_in = threading.Event()
        errand = Errand(who if session is None else session, name)

        def hear(place: Place) -> None:
            self.heard.setdefault(who, []).append(place)
            is_in.set()
            told(place)

        def body() -> None:
            try:
                with self.lane.held(errand, hear) as ticket:
                    self.tickets[who] = ticket
                    for number, batch in enumerate(batches):
                        if number:
                            self.lane.hand_on(ticket, hear)
                        self.log.append((who, self.now))
                        is_in.set()
                        if callable(batch):
                            batch()
                        self.now += BATCH if callable(batch) else batch
            except BaseException as error:
                self.failed[who] = error
                is_in.set()

        thread = threading.Thread(target=body, daemon=True)
        self.threads.append(thread)
        thread.start()
        assert is_in.wait(PATIENCE_S), f"{who} hangs"

    def opened(self, *during: Callable[[], Any], seconds: float = 0.1) -> None:
        """Hold the lane while others come, then let them go on to the end."""

        def all_come() -> None:
            for come in during:
                come()

        self.come("door", all_come, session="")
        self.now += seconds
        self.close()

    def close(self) -> None:
        for thread in self.threads:  # also those that come meanwhile
            thread.join(PATIENCE_S)
            assert not thread.is_alive(), "somebody hangs"

    @property
    def order(self) -> list[str]:
        """Who worked, batch by batch, without the door."""
        return [who for who, _ in self.log if who != "door"]

    def known(self, name: str, seconds: float) -> None:
        """Let work of a name be measured."""
        self.come(name, seconds, session="", name=name)
        self.close()
        self.log.clear()


@pytest.fixture
def street() -> Street:
    return Street()


# ---- order --------------------------------------------------------------------------------------


def test_equals_are_served_in_order_of_arrival(street: Street) -> None:
    people = [f"p{number}" for number in range(40)]
    street.opened(*(lambda who=who: street.come(who, 0.2) for who in people))
    assert street.order == people, "and nobody is refused for being the fortieth"
    assert not street.failed


def test_a_pass_overtakes_a_job_that_turns_out_long(street: Street) -> None:
    street.come("swap", BATCH, lambda: street.come("ann", 0.1), *[BATCH] * 4)
    street.close()
    assert street.order == ["swap"] * 3 + ["ann"] + ["swap"] * 3
    assert 3 * BATCH >= CLASSES_S[0] > 2 * BATCH, "it was short until then"


def test_work_known_to_be_long_is_overtaken_at_its_first_batch(street: Street) -> None:
    street.known("swap", 4.0)
    street.come("swap", lambda: street.come("ann", 0.1), *[BATCH] * 2, name="swap")
    street.close()
    assert street.order == ["swap", "ann", "swap", "swap"]


def test_what_is_short_goes_before_what_is_long_and_came_first(street: Street) -> None:
    street.known("swap", 4.0)
    street.opened(lambda: street.come("long", BATCH, name="swap"), lambda: street.come("ann", 0.1))
    assert street.order == ["ann", "long"]


def test_a_long_job_is_finished_before_another_is_begun(street: Street) -> None:
    street.known("swap", 4.0)

    def others() -> None:
        street.come("second", BATCH, BATCH, name="swap")
        street.come("ann", 0.1)

    street.come("first", others, BATCH, BATCH, name="swap")
    street.close()
    assert street.order == ["first", "ann", "first", "first", "second", "second"]


def test_shorter_work_overtakes_longer_work_that_is_itself_not_short(street: Street) -> None:
    """On a slow machine nothing is short; it is the order that counts."""
    street.known("map", 90.0)
    street.known("pass", 2.0)
    street.come("map", lambda: street.come("ann", 2.0, name="pass"), BATCH, name="map")
    street.close()
    assert street.order == ["map", "ann", "map"]


def test_one_slow_time_does_not_make_work_long(street: Street) -> None:
    street.known("swap", 8.0)
    street.known("pass", 20.0)  # a cold start
    street.known("pass", 0.2)
    street.come("swap", lambda: street.come("ann", 0.2, name="pass"), BATCH, name="swap")
    street.close()
    assert street.order == ["swap", "ann", "swap"]


def test_loading_is_no_part_of_what_work_takes(street: Street) -> None:
    def load() -> None:
        street.now += 30.0
        street.lane.loaded(street.tickets["ann"])

    street.come("ann", load, name="pass")
    street.close()
    assert list(street.lane._took["pass"]) == [pytest.approx(BATCH)]


def test_a_short_job_in_batches_is_not_broken_up(street: Street) -> None:
    street.come("two", lambda: street.come("ann", 0.1), 0.1)
    street.close()
    assert street.order == ["two", "two", "ann"]


# ---- fairness -----------------------------------------------------------------------------------


def test_one_who_asks_much_is_served_in_turn_with_the_others(street: Street) -> None:
    def heavy(number: int) -> Callable[[], None]:
        return lambda: street.come(f"heavy{number}", 0.1, session="heavy")

    street.opened(*(heavy(n) for n in range(4)), *(lambda w=w: street.come(w, 0.1) for w in "ab"))
    assert street.order == ["heavy0", "a", "b", "heavy1", "heavy2", "heavy3"]


def test_the_next_of_one_session_lines_up_behind_those_who_came_meanwhile(street: Street) -> None:
    def first() -> None:
        street.come("heavy1", 0.1, session="heavy")
        street.come("heavy2", 0.1, session="heavy")
        street.come("late", 0.1)

    street.come("heavy0", first, session="heavy")
    street.close()
    assert street.order == ["heavy0", "late", "heavy1", "heavy2"]


def test_a_session_has_one_long_job_at_a_time_and_others_get_theirs_between(street: Street) -> None:
    street.known("swap", 4.0)

    def more() -> None:
        street.come("mine2", BATCH, BATCH, session="me", name="swap")
        street.come("yours", BATCH, BATCH, session="you", name="swap")

    street.come("mine1", more, BATCH, session="me", name="swap")
    street.close()
    assert street.order == ["mine1"] * 2 + ["yours"] * 2 + ["mine2"] * 2


def test_ones_own_pass_overtakes_ones_own_long_job(street: Street) -> None:
    street.known("swap", 4.0)
    street.come(
        "swap", lambda: street.come("pass", 0.1, session="me"), BATCH, session="me", name="swap"
    )
    street.close()
    assert street.order == ["swap", "pass", "swap"]


def test_many_passes_do_not_starve_a_long_job(street: Street) -> None:
    street.known("swap", 4.0)
    count = iter(range(100))

    def passes() -> None:
        """Each brings the next, so that a short one waits at every moment."""
        number = next(count)
        if number < 60:
            street.come(f"p{number}", passes)

    street.come("swap", passes, *[0.1] * 8, name="swap")
    street.close()
    begun = [at for who, at in street.log if who == "swap"]
    pauses = [b - a for a, b in zip(begun, begun[1:], strict=False)]
    assert max(pauses) <= STARVED_S + 2 * BATCH
    assert street.order.index("swap", 1) < 60, "it went on while they kept coming"
    kept = [p for p in pauses if p < SLICE_S]
    assert len(kept) >= 4, "a slice is more than one small batch"


# ---- how long -----------------------------------------------------------------------------------


def test_the_wait_is_estimated_from_what_was_measured(street: Street) -> None:
    street.known("swap", 4.0)
    street.known("pass", 0.2)

    def others() -> None:
        street.now += 1.0
        street.come("ann", 0.2, name="pass")
        street.come("long", 4.0, name="swap")
        street.come("ben", 0.2, name="pass")

    street.come("swap", others, 2.6, name="swap")
    street.close()
    ann, ben, long = (street.heard[who][0] for who in ("ann", "ben", "long"))
    assert (ann.ahead, ben.ahead, long.ahead) == (1, 2, 2)
    assert (ann.behind, ben.behind, long.behind) == (0, 1, 0)
    assert ann.seconds == pytest.approx(SLICE_S), "a long job hands on"
    assert ben.seconds == pytest.approx(SLICE_S + 0.2)
    assert long.seconds == pytest.approx(3.0 + 0.2)


def test_what_was_never_measured_is_taken_for_the_usual(street: Street) -> None:
    street.known("pass", 0.2)
    street.come("odd", lambda: street.come("ann", 0.2), name="never seen")
    street.close()
    assert street.heard["ann"][0].seconds == pytest.approx(0.2)


def test_only_a_hopeless_wait_is_refused_with_what_to_do(street: Street) -> None:
    street.known("map", 0.7 * HOPELESS_S)

    def others() -> None:
        street.come("second", 1.0, name="map")
        street.come("third", 1.0, name="map")
        street.come("ann", 0.1)

    street.come("first", others, 0.7 * HOPELESS_S, name="map")
    street.close()
    assert sorted(street.failed) == ["third"]
    assert isinstance(street.failed["third"], TooBusy)
    said = str(street.failed["third"])
    assert "about 14 minutes by 2 before you" in said
    assert "fewer draws" in said
    assert street.order == ["first", "ann", "first", "second"]


# ---- giving up ----------------------------------------------------------------------------------


class Gone(Exception):
    pass


def leave(place: Place) -> None:
    raise Gone


def test_one_who_gives_up_in_line_leaves_it(street: Street) -> None:
    street.opened(lambda: street.come("gone", 0.1, told=leave), lambda: street.come("ann", 0.1))
    assert isinstance(street.failed["gone"], Gone)
    assert street.order == ["ann"]


def test_one_who_gives_up_between_batches_leaves_with_the_lane_in_hand(street: Street) -> None:
    street.known("swap", 4.0)
    holders: list[bool] = []

    def tidy() -> None:
        with street.lane.held(Errand("swap", "swap"), leave) as ticket:
            try:
                street.come("ann", 0.1)
                street.come("ben", 0.1)
                street.lane.hand_on(ticket, leave)
            finally:
                holders.append(street.lane._holder is ticket)

    with pytest.raises(Gone):
        tidy()
    street.close()
    assert holders == [True]
    assert sorted(street.order) == ["ann", "ben"]


def test_an_error_does_not_hold_the_lane_and_its_time_is_not_taken(street: Street) -> None:
    def fail() -> None:
        street.come("ann", 0.1)
        raise ZeroDivisionError

    street.come("bad", 30.0, fail, name="bad")
    street.close()
    assert isinstance(street.failed["bad"], ZeroDivisionError)
    assert street.order == ["bad", "bad", "ann"]
    assert street.lane._took == {}


def test_it_idles_since_it_was_held_last(street: Street) -> None:
    idle: list[float] = []
    street.come("ann", lambda: idle.append(street.lane.idle_s))
    street.close()
    street.now += 2.0
    assert idle == [0.0]
    assert street.lane.idle_s == pytest.approx(2.0)

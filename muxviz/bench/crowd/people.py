"""What a person does on the app, and what is noted of it."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from muxviz.bench.crowd.wire import Lost, Tab, Value

PAGES = ("whatif", "attention", "fidelity", "crosstalk", "tradeoff", "planner", "app", "learn")
A_ROUND = 4  # pages between two runs
THINK_S = (1.0, 3.0)  # between two actions
SWAP, HEAVY_SWAP = 64, 256  # draws
WORDS = [
    "the",
    "film",
    "was",
    "a",
    "slow",
    "dull",
    "moving",
    "bright",
    "warm",
    "story",
    "with",
    "fine",
    "actors",
    "and",
    "no",
    "heart",
    "but",
    "some",
    "charm",
    "that",
    "nobody",
    "will",
    "forget",
    "or",
    "forgive",
]
ANSWER = re.compile(r"^#### (.+) :small\[:gray\[(\d\.\d\d)\]\]$")
REFUSED = "Too many are waiting"


@dataclass(frozen=True)
class Action:
    """Something done: when, in seconds of the benchmark, until it was drawn, until all was there.

    outcome: "done", "refused", "error" or "lost".
    """

    who: int
    what: str
    began: float
    drawn: float
    settled: float
    outcome: str = "done"
    said: str = ""


@dataclass(frozen=True)
class Answered:
    """A run as its cards show it: sentence, label and probability of every slot."""

    who: int
    checkpoint: str
    rows: tuple[str, ...]
    shown: tuple[tuple[str, str, float], ...]


@dataclass
class Notes:
    """What all people note."""

    clock: Callable[[], float] = time.perf_counter
    actions: list[Action] = field(default_factory=list)
    answers: list[Answered] = field(default_factory=list)
    received: int = 0  # bytes


@dataclass
class Person:
    """One of the crowd, with a tab, a checkpoint and sentences of its own."""

    who: int
    tab: Tab
    checkpoint: str
    slots: int
    notes: Notes
    draw: random.Random

    def sentence(self) -> str:
        """One that nobody else has: it begins with the person's number."""
        words = self.draw.choices(WORDS, k=self.draw.randint(4, 12))
        return f"person {self.who} says {' '.join(words)}"

    async def once(self) -> None:
        """Run once, so that the model is there."""
        await self._do("run", lambda: self.tab.press("run"))

    async def live(self, until: float) -> None:
        """Edit, run, look at other pages, until the time is over."""
        rows = [self.sentence() for _ in range(self.slots)]
        await self._do("paste", lambda: self.tab.paste("pasted", "\n".join(rows), "row_paste"))
        while self.notes.clock() < until:
            slot = self.draw.randrange(self.slots)
            rows[slot] = self.sentence()
            await self._do("edit", self._setting(self._row_keys()[slot], rows[slot]))
            if await self._do("run", lambda: self.tab.press("run")):
                shown = answers_of(self.tab)
                self.notes.answers.append(Answered(self.who, self.checkpoint, tuple(rows), shown))
            for page in self.draw.sample(PAGES, A_ROUND):
                if self.notes.clock() < until:
                    await self._look_at(page)
            await self._do("open mix", lambda: self.tab.go("mix"))

    async def swap_for_ever(self, until: float) -> None:
        """The heavy one: long swap tests, one after the other."""
        seed = 100 * self.who
        while self.notes.clock() < until:
            seed += 1
            await self._do("set the seed", self._setting("seed", seed))
            await self._do(f"swap {HEAVY_SWAP}", lambda: self.tab.press("_compute"))

    async def _look_at(self, page: str) -> None:
        await self._do(f"open {page}", lambda: self.tab.go(page))
        if page == "crosstalk" and self.tab.find("_compute") is not None:
            await self._do(f"swap {SWAP}", lambda: self.tab.press("_compute"))

    def _setting(self, key: str, value: Value) -> Callable[[], Awaitable[None]]:
        return lambda: self.tab.set(key, value)

    def _row_keys(self) -> list[str]:
        ids = [str(field.id).rpartition("-")[2] for field in self.tab.elements("text_input")]
        found = [key for key in ids if key.startswith("row_") and key.endswith("_text")]
        if len(found) < self.slots:
            raise Lost(f"this page has {len(found)} rows for {self.slots} slots")
        return found

    async def _do(self, what: str, act: Callable[[], Awaitable[None]]) -> bool:
        """Do something, wait for all that comes of it, note it, and think."""
        began = self.notes.clock()
        try:
            await act()
            drawn = self.notes.clock() - began
            await self.tab.settled()
        except Lost as error:
            spent = self.notes.clock() - began
            self._note(Action(self.who, what, began, spent, spent, "lost", str(error)))
            raise
        outcome, said = outcome_of(self.tab)
        settled = self.notes.clock() - began
        self._note(Action(self.who, what, began, drawn, settled, outcome, said))
        await self.tab.think(self.draw.uniform(*THINK_S))
        return outcome == "done"

    def _note(self, action: Action) -> None:
        self.notes.actions.append(action)


async def vanish(url: str, checkpoint: str, seed: int) -> None:
    """Somebody who starts a long swap test and closes the browser."""
    async with Tab.opened(url, "crosstalk", f"m={checkpoint}&c_draws={HEAVY_SWAP}") as tab:
        await tab.set("seed", seed)
        await tab.press("_compute")
        await asyncio.sleep(1)
        await tab.drop()


def answers_of(tab: Tab) -> tuple[tuple[str, str, float], ...]:
    """Sentence, label and probability of every card that is shown."""
    found, waiting = [], None
    for kind, message in tab.in_order():
        if kind == "markdown" and (card := ANSWER.match(message.body)):
            waiting = card
        elif kind == "text" and waiting is not None:
            label = waiting[1].replace("\\", "").replace("\u2060", "")
            found.append((str(message.body), label, float(waiting[2])))
            waiting = None
    return tuple(found)


def outcome_of(tab: Tab) -> tuple[str, str]:
    """How the page stands, with what it says of an error."""
    bugs = [str(bug.message) for bug in tab.elements("exception")]
    error: Any = [str(a.body) for a in tab.elements("alert") if a.icon == ":material/error:"]
    refused = [said for said in error if REFUSED in said]
    said = [*bugs, *refused, *error]
    if not said:
        return "done", ""
    return ("refused" if refused and not bugs else "error"), said[0]

"""What a session keeps of its studies: jobs under way, results, and panels made of them.

Results are kept under the question asked, so that going back to one computes nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from muxviz.errors import MuxvizError
from muxviz.ui.shell import session
from muxviz.ui.study.errors import Bug, noted
from muxviz.ui.study.jobs import Job, forget, pick_up
from muxviz.ui.study.jobs import note as remember
from muxviz.ui.study.pace import note
from muxviz.ui.study.panels import Panel

MAX_RESULTS = 32
MAX_PANELS = 48  # with their figures, of at most 1 MB each


@dataclass(frozen=True)
class Kept:
    """A result. is_partial: work was stopped after ``done`` of ``total`` steps."""

    result: Any
    is_partial: bool
    done: int
    total: int


@dataclass(frozen=True)
class Running:
    """A job under way. key: of the panel that started it. pace: under which its time is noted.

    sequences: mixed ones that it takes, 0 where it is not made of any.
    """

    job: Job
    key: str
    pace: Hashable
    sequences: float


@dataclass(frozen=True)
class Shown:
    """What a study drew last; ``view`` is what its panel was cached under, beside the ask."""

    ask: Any
    view: Hashable
    panel: Panel


@dataclass
class Desk:
    """The studies of one session.

    running: jobs by what they answer. shown: by the study's key. errors: of the last attempt, by
    ask. pace: seconds that an analysis took last, by its name and checkpoint. computed: how often
    work was started.
    """

    running: dict[Hashable, Running] = field(default_factory=dict)
    results: OrderedDict[Hashable, Kept] = field(default_factory=OrderedDict)
    shown: dict[str, Shown] = field(default_factory=dict)
    errors: dict[Hashable, MuxvizError | Bug] = field(default_factory=dict)
    pace: dict[Hashable, float] = field(default_factory=dict)
    panels: OrderedDict[Hashable, Panel] = field(default_factory=OrderedDict)
    computed: int = 0

    def begin(
        self, ask: Hashable, job: Job, key: str, pace: Hashable, sequences: float = 0.0
    ) -> None:
        """Start a job, unless one for the same ask is under way.

        What the same panel still computes for an earlier ask is stopped.
        """
        if self.find(ask, key, pace, sequences):
            return
        for earlier, running in list(self.running.items()):
            if running.key == key:
                running.job.stop()
                self.collect(earlier)
                self.running.pop(earlier, None)  # whatever it leaves is not waited for
                forget(earlier, running.job)
        self.errors.pop(ask, None)
        self.running[ask] = Running(job, key, pace, sequences)
        self.computed += 1
        remember(ask, job)
        job.start()

    def find(self, ask: Hashable, key: str, pace: Hashable, sequences: float = 0.0) -> bool:
        """Whether a job for an ask is under way, or was until this page was loaded anew."""
        if ask not in self.running and (job := pick_up(ask)) is not None:
            self.running[ask] = Running(job, key, pace, sequences)
        return ask in self.running

    def collect_all(self) -> None:
        """Take over what finished jobs left."""
        for ask in list(self.running):
            self.collect(ask)

    def collect(self, ask: Hashable) -> None:
        """The same for one job."""
        running = self.running.get(ask)
        if running is None or not running.job.status().is_over:
            return
        del self.running[ask]
        forget(ask, running.job)
        job, status = running.job, running.job.status()
        error = job.error if job.bug is None else noted(job.bug)
        if error is not None:
            self.errors[ask] = error
            return
        partial = status.state == "stopped" or bool(getattr(job.result, "is_partial", False))
        if not partial:
            self.pace[running.pace] = status.elapsed_s
            note(running.pace, running.sequences, status.elapsed_s)
        self.keep(ask, Kept(job.result, partial, status.done, status.total))

    def wait(self, ask: Hashable, timeout_s: float) -> None:
        """Give a job a moment if it is the only one, and take over what it left by then."""
        running = self.running.get(ask)
        if running is not None and len(self.running) == 1 and running.job.join(timeout_s):
            self.collect(ask)

    def stop(self, ask: Hashable) -> None:
        """Ask the job of an ask to end."""
        if ask in self.running:
            self.running[ask].job.stop()

    def keep(self, ask: Hashable, kept: Kept) -> None:
        """Keep a result; the one not looked at for longest is dropped."""
        self.results[ask] = kept
        self.results.move_to_end(ask)
        for made in [key for key in self.panels if isinstance(key, tuple) and key[0] == ask]:
            del self.panels[made]
        while len(self.results) > MAX_RESULTS:
            self.results.popitem(last=False)

    def look_up(self, ask: Hashable) -> Kept | None:
        """The kept result of an ask."""
        kept = self.results.get(ask)
        if kept is not None:
            self.results.move_to_end(ask)
        return kept

    def panel(self, ask: Hashable, view: Hashable, make: Callable[[], Panel]) -> Panel:
        """A panel of an ask's result, made once per view: figures are the dearest part."""
        key = (ask, view)
        if key not in self.panels:
            self.panels[key] = make()
        self.panels.move_to_end(key)
        while len(self.panels) > MAX_PANELS:
            self.panels.popitem(last=False)
        return self.panels[key]


def desk() -> Desk:
    """The desk of this session."""
    found: Desk = st.session_state.setdefault(session.STUDIES, Desk())
    return found

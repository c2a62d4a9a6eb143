"""How fast the pass of a run is: once per model and shape while the device idles, or on request.

Timing costs twice what the run itself does, so that it is never in the way of anybody's run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import streamlit as st

from muxviz.results import Timing
from muxviz.ui.shell import session
from muxviz.ui.study import runs
from muxviz.ui.study.call import Ask
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.jobs import Progress, Together, Work
from muxviz.ui.study.kept import desk
from muxviz.ui.study.question import progress_text, start
from muxviz.ui.study.runs import PastRun, RunRequest
from muxviz.ui.study.verdict import SPEED_WHY

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint

TICK_S = 2.0  # between looks whether the device idles
IDLE_S = 1.5  # without work on the device before a run is timed unasked
MOST_SHAPES = 256


@dataclass(frozen=True)
class Timed:
    """The passes of a run, to be timed in alternation."""

    request: RunRequest
    key: ClassVar[str] = "timing"

    @property
    def ask(self) -> Ask:
        """What the result depends on."""
        return Ask(self.request, "timing", (), (), False)

    @property
    def work(self) -> Work | Together:
        """What gives the result."""
        return self._measure

    def _measure(
        self, checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress
    ) -> tuple[Timing, ...]:
        from muxviz.batch import encode_rows, make_group
        from muxviz.inference import time_group

        encoded = encode_rows(checkpoint, self.request.rows, padding=self.request.padding)
        group = make_group(checkpoint.config, encoded, self.request.seating)
        return time_group(
            checkpoint, group, baseline, encoded, repeats=runs.TIMED_PASSES, progress=progress
        )


def timed(past: PastRun) -> PastRun:
    """The run with its times, where they are known."""
    if past.result.timings:
        return past
    own = desk()
    own.collect_all()
    kept = own.look_up(Timed(past.request).ask)
    shape, known = _shape(past), _known()
    if kept is not None:
        known[shape] = kept.result
        while len(known) > MOST_SHAPES:
            known.popitem(last=False)
    return runs.add_timings(past, known[shape]) if shape in known else past


def speed(past: PastRun) -> None:
    """The place of the speed until it is there."""
    st.metric("Speed", "…", help=SPEED_WHY)
    if len(past.result.slots) < 2:
        st.caption("One text a pass: nothing is shared, so nothing is saved.")
        return
    st.session_state[session.TICKED] = None
    _speed(past.number)


@st.fragment(run_every=TICK_S)
def _speed(number: int) -> None:
    """Times a run at a tick of its own (never while the page is drawn), then draws the page."""
    past = runs.find_run(number)
    if past is None:
        return
    is_tick = st.session_state.get(session.TICKED) == number
    st.session_state[session.TICKED] = number
    asked, own = Timed(past.request), desk()
    if timed(past).result.timings:
        st.rerun()
    elif (error := own.errors.get(asked.ask)) is not None:
        error_panel(error)
    elif (running := own.running.get(asked.ask)) is not None:
        st.caption(f":material/timer: Timing: {progress_text(running.job.status())}")
    elif is_tick and runs.idle_s(past.request) >= IDLE_S:
        start(asked)
        st.caption(":material/timer: The passes are being timed.")
    else:
        st.caption("Not timed yet: that is done when nobody computes.")
        st.button("Time now", icon=":material/timer:", key="time", on_click=start, args=(asked,))


def _shape(past: PastRun) -> Hashable:
    """What the times depend on: the models, and how long the texts are."""
    slots = past.result.slots
    bare = replace(past.request, rows=(), seed=0, fill="", equal_slots=False)
    own = sorted(slot.num_tokens for slot in slots if not slot.is_filler)
    return (bare, past.result.provenance.length, tuple(own), len(slots))


@st.cache_resource(show_spinner=False)
def _known() -> OrderedDict[Hashable, tuple[Timing, ...]]:
    """Times by shape, of all sessions."""
    return OrderedDict()

"""From choices on the screen to a result: the shared models, cached runs, and the session's runs.

A run is made when its button is pressed and then kept in the session, so that looking at it in
another way computes nothing. torch is imported inside the functions that need it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING

import streamlit as st

from muxviz.batch import Row, Seating
from muxviz.engine.threads import set_threads
from muxviz.errors import GroupError
from muxviz.lane import Errand, Place, Waiting
from muxviz.results import GroupResult, Timing
from muxviz.ui.shell import session
from muxviz.ui.shell.text import count

if TYPE_CHECKING:
    from muxviz.errors import MuxvizError
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.registry import ModelKey, Registry
    from muxviz.ui.study.errors import Bug

MAX_RUNS = 20  # kept per session
TIMED_PASSES = 9
Tell = Callable[[str], None]  # shows what is going on


@dataclass(frozen=True)
class RunRequest:
    """Everything a result depends on, apart from the weights themselves.

    rows: at most N. padding: None for the checkpoint's default. fill: one of ``options.FILLS``.
    stamp: of the checkpoint's files.
    """

    checkpoint: str
    num_instances: int
    baseline: str
    device: str
    dtype: str
    rows: tuple[Row, ...]
    padding: str | None
    fill: str
    seed: int
    equal_slots: bool
    stamp: str

    @property
    def seating(self) -> Seating:
        """How its rows become a group; one that is not to be filled has no free slots."""
        fill = "repeat" if self.fill == "refuse" else self.fill
        return Seating(self.padding, fill, self.seed)


def pooled(run: RunRequest, *, baseline: bool = False) -> RunRequest:
    """The run as far as random groups depend on it: no sentences of the user's.

    baseline: whether it is asked about the N = 1 model too.
    """
    kept = run.baseline if baseline else ""
    return replace(run, rows=(), fill="repeat", equal_slots=False, baseline=kept)


@dataclass(frozen=True)
class PastRun:
    """A request and what came of it; ``number`` counts the session's runs from 1."""

    number: int
    request: RunRequest
    result: GroupResult


def differences(now: RunRequest, then: RunRequest) -> list[str]:
    """What changed between two requests, in words; empty when the results must be equal."""
    filled = len(now.rows) < now.num_instances
    changed = {
        "the checkpoint": (now.checkpoint, now.stamp) != (then.checkpoint, then.stamp),
        "device or precision": (now.device, now.dtype) != (then.device, then.dtype),
        _changed_rows(now.rows, then.rows): now.rows != then.rows,
        "padding": now.padding != then.padding,
        "filling": filled and now.fill != then.fill,
        "the seed": filled and now.seed != then.seed,
        "the comparison alone": now.equal_slots != then.equal_slots,
    }
    return [what for what, is_changed in changed.items() if is_changed]


def _changed_rows(now: tuple[Row, ...], then: tuple[Row, ...]) -> str:
    number = sum(a != b for a, b in zip(now, then, strict=False)) + abs(len(now) - len(then))
    return count(number, "sentence")


# ---- the shared models --------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def registry() -> Registry:
    """The models of this process, shared by all sessions."""
    from muxviz.registry import Registry

    return Registry()


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread:
    """Import torch in the background, once, while the user reads the page."""
    thread = threading.Thread(target=import_module, args=("muxviz.inference",), daemon=True)
    thread.start()
    return thread


def wait_words(place: Place) -> str:
    """``"2 runs ahead of yours, about 3 s"``."""
    return f"{count(place.ahead, 'run')} ahead of yours, about {max(1, round(place.seconds))} s"


@contextmanager
def models(
    request: RunRequest, tell: Tell, waiting: Waiting | None = None, errand: Errand = Errand()
) -> Iterator[tuple[Checkpoint, Checkpoint | None]]:
    """The checkpoint of a request and its baseline, loaded and held for the block.

    ``waiting`` is called while others hold the device, and may raise to give up.
    """
    from muxviz.registry import ModelKey

    wanted = [ModelKey(request.checkpoint, request.device, request.dtype)]
    if request.baseline:
        wanted.append(replace(wanted[0], name=request.baseline))
    with _used(wanted, tell, waiting, errand) as held:
        yield held[0], held[1] if len(held) > 1 else None


@contextmanager
def models_together(
    requests: Sequence[RunRequest],
    tell: Tell,
    waiting: Waiting | None = None,
    errand: Errand = Errand(),
) -> Iterator[tuple[Checkpoint, ...]]:
    """The checkpoints of several requests, held at once so that they can take turns."""
    from muxviz.registry import ModelKey

    wanted = [ModelKey(r.checkpoint, r.device, r.dtype) for r in requests]
    with _used(wanted, tell, waiting, errand) as held:
        yield held


@contextmanager
def _used(
    wanted: list[ModelKey], tell: Tell, waiting: Waiting | None, errand: Errand
) -> Iterator[tuple[Checkpoint, ...]]:
    def progress(what: str, share: float) -> None:
        tell(f"{what} ({share:.0%})" if 0 < share < 1 else what)

    set_threads()
    waiting = waiting or (lambda place: tell(wait_words(place)))
    with registry().use(*wanted, progress=progress, waiting=waiting, errand=errand) as held:
        yield held


# ---- cached work --------------------------------------------------------------------------------


def check(request: RunRequest) -> None:
    """Refuse a group that is too small where free slots are not to be filled.

    Raises:
        GroupError: it is.
    """
    if request.fill == "refuse" and len(request.rows) < request.num_instances:
        raise GroupError(
            f"got {count(len(request.rows), 'sentence')}, this model multiplexes "
            f"{request.num_instances}, and free slots are not to be filled; add "
            f"{request.num_instances - len(request.rows)}, or choose a filling"
        )


def idle_s(request: RunRequest) -> float:
    """Seconds since anybody used the request's device; 0 while somebody does."""
    from muxviz.registry import ModelKey

    return registry().idle_s(ModelKey(request.checkpoint, request.device, request.dtype))


# ---- the session's runs -------------------------------------------------------------------------


def history() -> tuple[PastRun, ...]:
    """The kept runs, the latest last."""
    runs: tuple[PastRun, ...] = st.session_state.get(session.HISTORY, ())
    return runs


def find_run(number: int | None) -> PastRun | None:
    """A kept run by its number."""
    return next((r for r in history() if r.number == number), None)


def current() -> PastRun | None:
    """The run on screen."""
    return find_run(st.session_state.get(session.CURRENT))


def pinned() -> PastRun | None:
    """The run to compare with."""
    return find_run(st.session_state.get(session.PINNED))


def pinned_request() -> RunRequest | None:
    """What the pinned run was made of, so that a page can treat it like a second model."""
    past = pinned()
    return past.request if past else None


def keep(request: RunRequest, result: GroupResult) -> PastRun:
    """Put a run on screen and, unless it is there, into the history; a pinned one stays there."""
    same = next((r for r in history() if r.request == request), None)
    if same is not None:
        st.session_state[session.CURRENT] = same.number
        return same
    number = max((r.number for r in history()), default=0) + 1
    new = PastRun(number, request, result)
    runs = [*history(), new]
    while len(runs) > MAX_RUNS:
        runs.remove(next(r for r in runs if r.number != st.session_state.get(session.PINNED)))
    st.session_state[session.HISTORY] = tuple(runs)
    st.session_state[session.CURRENT] = number
    return new


def add_timings(past: PastRun, timings: tuple[Timing, ...]) -> PastRun:
    """The same run with its timings, also in the history."""
    timed = replace(past, result=replace(past.result, timings=timings))
    st.session_state[session.HISTORY] = tuple(
        timed if r.number == past.number else r for r in history()
    )
    return timed


def failed() -> MuxvizError | Bug | None:
    """The error of the last attempt, until the next one."""
    error: MuxvizError | Bug | None = st.session_state.get(session.FAILED)
    return error

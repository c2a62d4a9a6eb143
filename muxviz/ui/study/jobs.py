"""Work in the background of a session: one thread per job, watched from the page.

    job = Job((request,), work)    # on the page
    job.start()
    job.status()                   # at every look: state, progress, time
    job.stop()                     # ends it at its next call of ``progress``

The thread waits for its turn on the device, loads what is missing, calls ``work`` and keeps what
came of it; at every ``progress`` shorter work of others may go first. It makes no Streamlit call;
the page looks at the job. A job whose browser is gone for ``GONE_S`` stops by itself, sooner if
somebody waits; a page that asks for the same meanwhile takes it over (``pick_up``): so does one
that was loaded anew.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from muxviz.errors import MuxvizError, NotApplicable, Stopped
from muxviz.lane import Errand, Place
from muxviz.ui.shell import session as keys
from muxviz.ui.study import runs
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

    from muxviz.loading.checkpoint import Checkpoint

GONE_S = 20.0  # without a browser after which a job is not wanted any more
GONE_WAITED_S = 2.5  # the same while somebody waits for the device
LOOK_S = 0.5  # between looking whether there is one
MOST_JOBS = 64  # that can be picked up, of all sessions
ROUNDS = 12  # of jobs that follow from jobs, in ``settle``
PATIENCE_S = 300.0  # for one job, in ``settle``
Progress = Callable[[int, int], None]  # (done, in all); raises Stopped
Work = Callable[["Checkpoint", "Checkpoint | None", Progress], Any]
Together = Callable[[tuple["Checkpoint", ...], Progress], Any]  # on several, held at once
State = Literal["queued", "running", "done", "stopped", "failed"]


@dataclass(frozen=True)
class Status:
    """A job at one moment.

    doing: what goes on before the work itself, "" from then on. place: in the line for the device,
    also between two batches; None while it is not waiting. elapsed_s: of the work, or of waiting
    and loading before it. left_s: None until it can be told.
    """

    state: State
    doing: str
    place: Place | None
    done: int
    total: int
    elapsed_s: float
    left_s: float | None

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.state not in ("queued", "running")

    @property
    def share(self) -> float:
        """Share done, in [0, 1]."""
        return min(1.0, self.done / self.total) if self.total else 0.0


@dataclass(frozen=True)
class Answer:
    """What work across several runs gave for one of them; ``reason``: why it gave nothing."""

    run: RunRequest
    result: Any
    reason: str = ""


class Job:
    """One piece of work, called once for each request; to be made and started on the page.

    ``work(checkpoint, baseline or None, progress)`` gives the result; with several requests the
    result is a tuple of ``Answer``, or, ``together``, that of one ``work(checkpoints, progress)``.
    Without a request no model is loaded, no device waited for and no torch started.
    ``name``: what its time on the device is remembered by; hashable.
    After the end one of these is set: ``result`` (also of a stopped job that kept a part),
    ``error``, or ``bug``: anything that is not a ``MuxvizError``.
    """

    def __init__(
        self,
        requests: tuple[RunRequest, ...],
        work: Work | Together,
        *,
        together: bool = False,
        name: Hashable = None,
    ) -> None:
        self.result: Any = None
        self.error: MuxvizError | None = None
        self.bug: BaseException | None = None
        self._requests = requests
        self._part = 0  # which of them
        self._work = work
        self._together = together
        self._stop = threading.Event()
        self._lock = threading.Lock()  # guards what follows
        self._state: State = "queued"
        self._doing = "Starting torch" if requests else "Starting"
        self._place: Place | None = None
        self._done = self._total = 0
        self._started = self._working = self._ended = 0.0
        self._errand = Errand(_session(), name)
        self._watch = _Watch(self._errand.session)
        self._thread = threading.Thread(target=self._run, daemon=True, name="muxviz-job")

    def start(self) -> None:
        """Begin; torch is imported and the device waited for in the thread."""
        self._started = time.monotonic()
        self._warming = runs.warm_up() if self._requests else None
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end at the next chance."""
        self._stop.set()

    @property
    def is_stray(self) -> bool:
        """Whether its browser is away, and it goes on or is done."""
        return self._watch.is_away and not self.is_stopping and self.status().state != "failed"

    def adopt(self) -> None:
        """Belong to the session that is being drawn from now on."""
        self._watch = _Watch(_session())

    @property
    def is_stopping(self) -> bool:
        """Whether it was asked to end."""
        return self._stop.is_set()

    def join(self, timeout_s: float | None = None) -> bool:
        """Wait for the end; whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def status(self) -> Status:
        """How it stands."""
        with self._lock:
            spent = (self._ended or time.monotonic()) - (self._working or self._started)
            left = None
            if self._done and self._total and not self._ended:
                left = spent * (self._total - self._done) / self._done
            return Status(
                self._state, self._doing, self._place, self._done, self._total, spent, left
            )

    # ---- in the thread ----

    def _run(self) -> None:
        try:
            if self._warming is not None:
                self._warming.join()
            self.result = self._all()
        except MuxvizError as error:
            self.error = error
        except BaseException as bug:
            self.bug = bug
        with self._lock:
            self._ended = time.monotonic()
            self._state = self._outcome()

    def _outcome(self) -> State:
        if isinstance(self.error, Stopped):
            return "stopped"
        if self.error is not None or self.bug is not None:
            return "failed"
        return "stopped" if self._stop.is_set() and self._done < self._total else "done"

    def _all(self) -> Any:
        if not self._requests:
            self._begin()
            return cast(Together, self._work)((), self._progress)
        if self._together:
            asked = (self._requests, self._tell, self._wait, self._errand)
            with runs.models_together(*asked) as held:
                self._begin()
                return cast(Together, self._work)(held, self._progress)
        return self._answer(self._requests[0]) if len(self._requests) == 1 else self._answers()

    def _answer(self, request: RunRequest) -> Any:
        asked = (request, self._tell, self._wait, self._errand)
        with runs.models(*asked) as (checkpoint, baseline):
            self._begin()
            return cast(Work, self._work)(checkpoint, baseline, self._progress)

    def _begin(self) -> None:
        """Loaded: from here on the work itself is timed."""
        self._check()
        with self._lock:
            self._state, self._doing, self._place = "running", "", None
            self._working = self._working or time.monotonic()

    def _answers(self) -> tuple[Answer, ...]:
        found: list[Answer] = []
        for part, request in enumerate(self._requests):
            self._part = part
            try:
                found.append(Answer(request, self._answer(request)))
            except NotApplicable as error:
                found.append(Answer(request, None, str(error)))
            except Stopped:
                if not any(answer.result is not None for answer in found):
                    raise
                break
        return tuple(found)

    def _tell(self, text: str) -> None:
        """Never raises: a model that is being loaded is loaded."""
        with self._lock:
            self._state, self._doing, self._place = "running", text, None

    def _wait(self, place: Place) -> None:
        with self._lock:
            self._place = place
        self._check(place.behind)

    def _progress(self, done: int, total: int) -> None:
        with self._lock:
            self._done = done + self._part * total
            self._total = len(self._requests) * total
        if done < total or not total:
            self._check(self._hand_on())

    def _hand_on(self) -> int:
        """Let shorter work of others go first; how many wait for the device."""
        if not self._requests:
            return 0
        try:
            return runs.registry().hand_on(self._wait)
        finally:
            with self._lock:
                self._place = None

    def _check(self, waiting: int = 0) -> None:
        if self._watch.is_gone(GONE_WAITED_S if waiting else GONE_S):
            self._stop.set()
        if self._stop.is_set():
            raise Stopped("stopped on request; compute again for the rest")


class _Watch:
    """Whether the browser of a session has been away for long."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._seen = self._looked = time.monotonic()

    def is_gone(self, after_s: float) -> bool:
        now = time.monotonic()
        if now - self._looked >= LOOK_S:
            self._looked = now
            if not self.is_away:
                self._seen = now
        return now - self._seen > after_s

    @property
    def is_away(self) -> bool:
        """Whether it is at this moment."""
        if not self._session or not runtime.exists():
            return False
        return not runtime.get_instance().is_active_session(self._session)


def _session() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    return context.session_id if context else ""


# ---- jobs whose browser went away ---------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def _known() -> OrderedDict[Hashable, Job]:
    """The latest jobs of all sessions, by what they answer: a result depends on nothing else."""
    return OrderedDict()


def note(ask: Hashable, job: Job) -> None:
    """Let a job be found by ``pick_up``."""
    known = _known()
    known[ask] = job
    known.move_to_end(ask)
    while len(known) > MOST_JOBS:
        known.popitem(last=False)


def forget(ask: Hashable, job: Job) -> None:
    """Its page has what came of it."""
    if _known().get(ask) is job:
        _known().pop(ask, None)


def pick_up(ask: Hashable) -> Job | None:
    """The job that a browser which went away, perhaps this one before a reload, left for an ask."""
    job = _known().get(ask)
    if job is None or not job.is_stray:
        return None
    job.adopt()
    return job


def settle(at: AppTest) -> AppTest:
    """For tests: wait for the session's jobs and run the page again, until none is under way.

    A job may end while the page that started it is still being drawn: nothing runs then, but the
    page shows it as running.
    """
    joined: list[Job] = []
    for _ in range(ROUNDS):
        waiting = [job for job in _jobs(at) if job not in joined]
        if not waiting and not _shows_a_job(at):
            return at
        for job in waiting:
            if not job.join(PATIENCE_S):
                raise TimeoutError(f"a job is still {job.status().state} after {PATIENCE_S:.0f} s")
        joined += waiting
        at.run()
    raise RuntimeError(f"jobs keep following from jobs, {ROUNDS} rounds long")


def _shows_a_job(at: AppTest) -> bool:
    return any((button.key or "").endswith("_stop") for button in at.button)


def _jobs(at: AppTest) -> list[Job]:
    if keys.STUDIES not in at.session_state:
        return []
    return [running.job for running in at.session_state[keys.STUDIES].running.values()]

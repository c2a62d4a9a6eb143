"""Work of the Planner page in the background: fitting a table's models, and checking the planner.

What is computed is kept under the table's digest, so that a goal or a view costs no fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.errors import Stopped
from muxviz.results.planning import Measurements, PlannerCheck
from muxviz.ui.planner.sources import Table
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.jobs import Job
from muxviz.ui.study.kept import Kept, desk
from muxviz.ui.study.question import AT_ONCE_S, LOOK_S, progress_text

if TYPE_CHECKING:
    from muxviz.planning.choose import Planner
    from muxviz.ui.study.jobs import Progress

BUDGETS = 25
TABLES = 8  # whose models are kept for all sessions
SEED = 0
FIT, CHECK = "n_fit", "n_check"


@dataclass(frozen=True)
class PlannerAsk:
    """What a result depends on. kind: ``FIT`` or ``CHECK``; splits: of the latter."""

    kind: str
    digest: str
    splits: int = 0


def fitted(table: Table) -> Planner | None:
    """The table's fitted models; until they are there, progress is drawn."""
    ask = PlannerAsk(FIT, table.digest)
    own = desk()
    own.collect_all()
    if ask not in own.running and ask not in own.results and ask not in own.errors:

        def work(_: tuple[Any, ...], progress: Progress) -> Planner:
            return _fit(table.digest, table.points, progress)

        own.begin(ask, Job((), work, together=True), FIT, FIT)
        own.wait(ask, AT_ONCE_S)
    kept = _state(ask)
    return kept.result if kept else None


@st.cache_resource(max_entries=TABLES, show_spinner=False)
def _fit(digest: str, _points: Measurements, _progress: Progress) -> Planner:
    """Fitted once for all sessions: the same table gives the same models."""
    from muxviz.planning.choose import fit_planner

    return fit_planner(_points, progress=_progress)


def checked(table: Table, splits: int) -> PlannerCheck | None:
    """What the planner is worth on a table, once that was asked for."""
    kept = _state(PlannerAsk(CHECK, table.digest, splits))
    return kept.result if kept else None


def check_button(table: Table, splits: int) -> None:
    """Begin the check, and what it costs; nothing while it is under way or done."""
    own, ask = desk(), PlannerAsk(CHECK, table.digest, splits)
    own.collect_all()
    kept = own.results.get(ask)
    if ask in own.running or (kept is not None and not kept.is_partial):
        return
    took = own.pace.get(CHECK)
    last = f" It took {took:.0f} s here last time." if took is not None else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Check the planner" if kept is None else "Check with all halves",
            icon=":material/play_arrow:",
            key=f"{CHECK}_compute",
            on_click=_begin_check,
            args=(table, ask),
        )
        st.caption(
            f"Cost: {splits} fits of half the points, about half a second each.{last}",
            width="stretch",
        )


def _begin_check(table: Table, ask: PlannerAsk) -> None:
    """A callback."""

    def work(_: tuple[Any, ...], progress: Progress) -> PlannerCheck:
        from muxviz.planning.validate import validate_planner

        return validate_planner(
            table.points, splits=ask.splits, budgets=BUDGETS, seed=SEED, progress=progress
        )

    own = desk()
    own.results.pop(ask, None)
    own.begin(ask, Job((), work, together=True), CHECK, CHECK)


def _state(ask: PlannerAsk) -> Kept | None:
    """What is kept of an ask; its progress or its error is drawn."""
    own = desk()
    own.collect_all()
    error = own.errors.get(ask)
    if ask in own.running:
        _watch(ask)
    elif error is not None and not isinstance(error, Stopped):
        error_panel(error)
    elif error is not None and ask.kind == FIT:
        st.button(
            "Fit again",
            icon=":material/refresh:",
            key=f"{FIT}_again",
            on_click=_forget_error,
            args=(ask,),
        )
    return own.look_up(ask)


def _forget_error(ask: PlannerAsk) -> None:
    desk().errors.pop(ask, None)


@st.fragment(run_every=LOOK_S)
def _watch(ask: PlannerAsk) -> None:
    """Progress of a job; draws the whole page again once it is over."""
    running = desk().running.get(ask)
    status = running.job.status() if running else None
    if running is None or status is None or status.is_over:
        st.rerun()
        return
    what = "Fitting the models" if ask.kind == FIT else "Hiding half of the points"
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        st.progress(status.share, text=f"{what} · {progress_text(status)}", width="stretch")
        st.button(
            "Stop",
            icon=":material/stop:",
            key=f"{ask.kind}_stop",
            on_click=desk().stop,
            args=(ask,),
            disabled=running.job.is_stopping,
        )

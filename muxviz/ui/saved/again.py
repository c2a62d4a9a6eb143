"""Runs of before, from a file or the tab: computed again one by one, and held against then."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from muxviz.errors import Stopped
from muxviz.ui.saved.file import SavedRun
from muxviz.ui.saved.state import AGAIN, answers, request_again
from muxviz.ui.shell import session
from muxviz.ui.shell.text import count, plain, shorten
from muxviz.ui.study import runs
from muxviz.ui.study.errors import error_panel, one_panel
from muxviz.ui.study.kept import desk
from muxviz.ui.study.passes import Pass
from muxviz.ui.study.question import start, watch


def runs_again() -> None:
    """The runs that a file or the tab asks for; nothing where there are none."""
    asked: tuple[SavedRun, ...] = st.session_state.get(AGAIN, ())
    if not asked:
        return
    st.header("Runs of before", anchor=False)
    st.caption(
        "Kept is what was asked, not the results: each run is computed again when you say so, goes "
        "into the History of Mix & read, and is held against the answers of then."
    )
    desk().collect_all()
    for number, run in enumerate(asked):
        with st.container(border=True, gap="xsmall", key=f"again_{number}"), one_panel():
            _run(number, run)


def _run(number: int, run: SavedRun) -> None:
    pinned = " · pinned" if run.is_pinned else ""
    seed = f" · seed {run.seed}" if run.seed else ""
    st.markdown(
        f"**{plain(run.checkpoint)}** · {count(len(run.rows), 'sentence')}{seed}{pinned} — "
        f"{plain(shorten(run.rows[0].text, 60))}"
    )
    request = request_again(run)
    if request is None:
        st.caption(
            ":material/block: No checkpoint of that name is here; open it on Models, and come back."
        )
        return
    asked, own = Pass(request, f"again_{number}"), desk()
    error, kept = own.errors.get(asked.ask), own.look_up(asked.ask)
    if asked.ask in own.running:
        watch(asked)
    elif kept is not None:
        there = (past for past in runs.history() if past.request == request)
        past = next(there, None) or runs.keep(request, kept.result)  # which puts it on screen
        if run.is_pinned and runs.pinned() is None:
            st.session_state[session.PINNED] = past.number
        st.caption(_held_against(run, past.result.provenance.fingerprint, answers(past)))
    else:
        if error is not None and not isinstance(error, Stopped):
            error_panel(error)
        st.button(
            "Run again",
            key=f"run_again_{number}",
            icon=":material/play_arrow:",
            on_click=start,
            args=(asked,),
        )


def _held_against(run: SavedRun, fingerprint: str, given: Sequence[str]) -> str:
    """What the new run has of the old one, in words."""
    others = [
        n for n, pair in enumerate(zip(run.answers, given, strict=False), 1) if pair[0] != pair[1]
    ]
    weights = "the same weights"
    if run.fingerprint != fingerprint:
        weights = f"other weights ({plain(run.fingerprint or 'unknown')} then, {fingerprint} now)"
    if len(run.answers) != len(given):
        return f"Computed again with {weights}: {len(given)} answers, {len(run.answers)} then."
    if not others:
        return f"Computed again with {weights}: every answer as then."
    told = "; ".join(
        f"{n}: {plain(shorten(given[n - 1], 40))}, then {plain(shorten(run.answers[n - 1], 40))}"
        for n in others[:5]
    )
    return f"Computed again with {weights}: {len(others)} of {len(given)} answers differ ({told})."

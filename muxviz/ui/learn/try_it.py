"""From a recorded step to the live page in the same state."""

from __future__ import annotations

import streamlit as st

from muxviz.lesson.step import Step, TryIt
from muxviz.presets import preset
from muxviz.ui.shell import group, session
from muxviz.ui.shell.checkpoints import bundled
from muxviz.ui.shell.frame import PAGES, go_to, page_exists


def try_it(step: Step) -> None:
    """The button that opens the live page, and what it opens."""
    live = step.try_it
    if not page_exists(live.page):
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Try it yourself",
            icon=":material/play_circle:",
            key=f"learn_try_{step.id}",
            on_click=_open,
            args=(live,),
        )
        st.caption(f"{live.note} Opens {PAGES[live.page].title}.", width="stretch")


def _open(live: TryIt) -> None:
    """Set the state of the live page and go there."""
    state = st.session_state
    group.put_preset(preset(live.preset))
    if live.checkpoint in {listed.name for listed in bundled()}:
        state[session.CHECKPOINT] = live.checkpoint
    state[session.SLOT] = live.slot + 1
    state.update(live.settings)
    go_to(live.page)

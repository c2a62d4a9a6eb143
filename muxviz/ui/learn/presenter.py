"""Presenter mode: no sidebar, large type, arrow keys, notes, a clock."""

from __future__ import annotations

import time

import streamlit as st

from muxviz.lesson.step import Step
from muxviz.lesson.words import MINUTES
from muxviz.ui.learn.params import PRESENT, STEP
from muxviz.ui.learn.text import MISSING_NOTES, PRESENT_STYLE
from muxviz.ui.shell.text import plain

NOTES, BEGUN = "learn_notes", "learn_begun"  # in the session: notes shown; when it began
LOOK_S = 5  # between looks at the clock


def stage() -> None:
    """Hide what is not for the class."""
    st.html(PRESENT_STYLE)
    st.session_state.setdefault(BEGUN, time.time())


@st.fragment(run_every=LOOK_S)
def clock() -> None:
    """Minutes and seconds since presenter mode began."""
    spent = int(time.time() - st.session_state.get(BEGUN, time.time()))
    st.caption(
        f":material/schedule: {spent // 60}:{spent % 60:02d} of {MINUTES}:00",
        width="content",
    )


def notes(step: Step) -> None:
    """What to say, where it is asked for."""
    if st.session_state.get(NOTES):
        st.info(f"{step.notes.text(plain)} *{MISSING_NOTES}*", icon=":material/sticky_note_2:")


def ways(at: int, names: list[str]) -> None:
    """Steps before and after by arrow keys, notes, and the way out."""
    with st.container(horizontal=True, horizontal_alignment="distribute", key="learn_ways"):
        back, on = names[max(at - 1, 0)], names[min(at + 1, len(names) - 1)]
        step_button("Back", back, ":material/arrow_back:", at == 0, "Left")
        st.button("Notes", key="learn_notes_button", shortcut="N", on_click=_turn_notes)
        st.button("Leave", key="learn_leave", shortcut="Esc", on_click=_leave)
        step_button("Next", on, ":material/arrow_forward:", at == len(names) - 1, "Right")


def step_button(label: str, to: str, icon: str, is_end: bool, shortcut: str | None = None) -> None:
    """A way to another step."""
    key = f"learn_{label.lower()}"
    st.button(
        label, icon=icon, key=key, on_click=_go, args=(to,), disabled=is_end, shortcut=shortcut
    )


def _go(step: str) -> None:
    st.session_state[STEP.key] = step


def _turn_notes() -> None:
    st.session_state[NOTES] = not st.session_state.get(NOTES)


def _leave() -> None:
    st.session_state[PRESENT.key] = False
    st.session_state.pop(BEGUN, None)

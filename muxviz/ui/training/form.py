"""The form that starts a run, and what came of it; on screen only outside of a demonstration."""

from __future__ import annotations

import os
from dataclasses import replace

import streamlit as st

from muxviz.errors import MuxvizError
from muxviz.ui.shell import session
from muxviz.ui.shell.frame import is_demo
from muxviz.ui.shell.text import plain
from muxviz.ui.training import control as training_control
from muxviz.ui.training.command import TrainCommand, check_name, place, recipes, shown
from muxviz.ui.training.control import DEMO, holds_run
from muxviz.ui.training.runs import FOLDER, root

RECIPE, DATA, START, TEACHER = "t_recipe", "t_data", "t_start", "t_teacher"
STEPS, NAME, NUM = "t_steps", "t_name", "t_num"
OFFER = "t_offer"  # a TrainCommand that would go on with an existing run
PROBLEM = "t_problem"  # why the last button did nothing
FEW_STEPS = 200


def start_form(*, is_open: bool) -> None:
    """Start a run; every field is checked before a process is started."""
    if is_demo():
        st.caption(f":material/lock: Recorded runs only: {plain(DEMO)}.")
        return
    with st.expander("Start a run", icon=":material/play_circle:", expanded=is_open):
        with st.form("t_form", border=False):
            _fields()
            st.form_submit_button("Start", type="primary", on_click=_start)
        st.caption(
            "The run is a process of its own on this machine: it goes on when this page is closed "
            "or the app ends, and is stopped on this page. It uses the processor that the app uses."
        )
    offer()


def offer() -> None:
    """What the last button could not do, and the offer to resume an existing run."""
    problem, command = st.session_state.get(PROBLEM), st.session_state.get(OFFER)
    if problem:
        st.error(f"**Not started.** {plain(problem)}", icon=":material/error:")
    if command is not None:
        with st.container(border=True):
            st.markdown(
                f":material/history: **{plain(command.out)} already holds a run.** Go on with it "
                "from its last save, or give another name above."
            )
            st.code(command.text, language=None, wrap_lines=True)
            st.button("Resume it", key="t_resume_offer", on_click=resume, args=(command,))


def resume(command: TrainCommand) -> None:
    """Go on with a run; a callback."""
    _try(replace(command, resume=True))


def stop(folder: str) -> None:
    """Ask the run in ``folder`` to stop; a callback."""
    st.session_state[PROBLEM] = None
    try:
        training_control.stop(place(folder))
    except MuxvizError as error:
        st.session_state[PROBLEM] = str(error)


def _fields() -> None:
    st.session_state.setdefault(DATA, os.environ.get("MUXVIZ_DATA", ""))
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.selectbox(
            "Recipe",
            recipes(),
            key=RECIPE,
            accept_new_options=True,
            placeholder="configs/… or the path of a TOML file",
            help="A file of `configs/`, or the path of your own.",
        )
        st.text_input("Data folder", key=DATA, help="The recipe's paths start here. `--data`")
        st.text_input(
            "Start folder",
            key=START,
            help="Where the first weights come from: an encoder's folder for N = 1, a run's folder "
            "for the others; nothing, or `packed`, for narrow models cut out of the teacher. "
            "`--start`",
        )
    with right:
        st.text_input("Name of the run", key=NAME, placeholder="first-try", help="Its folder.")
        st.number_input(
            "Steps at most",
            min_value=1,
            value=FEW_STEPS,
            key=STEPS,
            help="The run saves and ends after so many, so that it can be resumed. `--steps`",
        )
        st.number_input(
            "N",
            min_value=0,
            value=0,
            key=NUM,
            help="For a recipe of several N; 0 takes the recipe's own. `--num-instances`",
        )
        st.text_input(
            "Teacher folder", key=TEACHER, help="Only for recipes that have one. `--teacher`"
        )


def _start() -> None:
    """Read the form; a callback."""
    state = st.session_state
    name = str(state.get(NAME) or "").strip()
    try:
        check_name(name)
    except MuxvizError as error:
        state[PROBLEM], state[OFFER] = str(error), None
        return
    command = TrainCommand(
        recipe=str(state.get(RECIPE) or "").strip(),
        data=str(state.get(DATA) or "").strip(),
        out=shown(root() / name),
        start=str(state.get(START) or "").strip(),
        teacher=str(state.get(TEACHER) or "").strip(),
        steps=int(state.get(STEPS) or 0),
        num_instances=int(state.get(NUM) or 0),
    )
    _try(command)


def _try(command: TrainCommand) -> None:
    """Start a command and put its run on screen, or keep why not."""
    state = st.session_state
    state[PROBLEM] = state[OFFER] = None
    if not command.resume and command.recipe and holds_run(place(command.out)):
        state[OFFER] = replace(command, resume=True)
        return
    try:
        folder = training_control.start(command)
    except MuxvizError as error:
        state[PROBLEM] = str(error)
        return
    if folder.parent != root() and folder != root():
        state[FOLDER] = str(folder.parent)
    state[session.RUN] = folder.name

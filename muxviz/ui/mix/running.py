"""Running what Mix & read shows now, and what differs from the run on screen."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from muxviz.errors import MuxvizError
from muxviz.presets import find_preset
from muxviz.ui.mix.history import history_control, pin_control
from muxviz.ui.shell import group, session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import listed, plain
from muxviz.ui.study import runs
from muxviz.ui.study.heading import request_of
from muxviz.ui.study.shown import outcome

OWN_HINT = "They stay in this page's address as long as they fit, so a reload keeps them."


def changes(bench: Bench) -> list[str]:
    """What differs between the inputs now and those of the run on screen."""
    now, past = request_of(bench), runs.current()
    return runs.differences(now, past.request) if now and past else []


def heading(bench: Bench) -> tuple[bool, DeltaGenerator]:
    """Title and Run; whether it was pressed, and the place for what acts on the present run."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Mix & read", anchor=False, width="stretch")
        with st.container(horizontal=True, width="content", gap="small", wrap=False):
            place = st.container(horizontal=True, width="content", gap="small", wrap=False)
            pressed = st.button(
                "Run",
                icon=":material/play_arrow:",
                type="primary",
                shortcut="Ctrl+Enter",
                disabled=request_of(bench) is None,
                key="run",
            )
    preset = find_preset(st.session_state[session.PRESET])
    title, said = (preset.title, preset.look_for) if preset else (group.OWN, OWN_HINT)
    about = f"**{title}{'' if title.endswith('?') else '.'}** {said}"
    if preset and bench.checkpoint and (was := outcome(preset, bench.checkpoint.name)):
        about += f" Recorded on {plain(bench.checkpoint.name)} (CPU, float32, seed 0): {was}."
    st.caption(about)
    return pressed, place


def run_controls(place: DeltaGenerator) -> None:
    """History and pin, drawn once the newest run is known."""
    with place:
        history_control()
        pin_control(runs.current())


def attempt(bench: Bench) -> None:
    """Run, and keep the result or the error; what was there stays."""
    request = request_of(bench)
    st.session_state[session.FAILED] = None
    if request is None:
        return
    with st.spinner(f"One pass through {plain(request.checkpoint)}", show_time=True):
        line = st.empty()
        try:
            runs.keep(request, runs.run(request, lambda text: _show(line, text)))
        except MuxvizError as error:
            st.session_state[session.FAILED] = error
        line.empty()
    if runs.failed() is None and not st.session_state.get(session.EDITOR_MOVED):
        st.session_state[session.EDITOR] = False  # the picture takes its place, once
        st.session_state[session.EDITOR_MOVED] = True


def stale_line(changed: list[str]) -> None:
    """Say that the result below belongs to other inputs; nothing when it does not."""
    if changed:
        st.warning(
            f"**Stale.** This result is from before you changed {plain(listed(changed))}. Run "
            "again to bring it up to date.",
            icon=":material/update:",
        )


def _show(line: DeltaGenerator, text: str) -> None:
    line.caption(plain(text))

"""Running what Mix & read shows now, and what differs from the run on screen."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from muxviz.errors import Stopped
from muxviz.presets import find_preset
from muxviz.ui.mix.history import history_control, pin_control
from muxviz.ui.shell import group, session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import listed, plain
from muxviz.ui.study import runs
from muxviz.ui.study.heading import request_of
from muxviz.ui.study.kept import desk
from muxviz.ui.study.passes import Pass
from muxviz.ui.study.question import AT_ONCE_S, found, start, watch
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.shown import outcome

OWN_HINT = "They stay in this page's address as long as they fit, so a reload keeps them."


def changes(bench: Bench) -> list[str]:
    """What differs between the inputs now and those of the run on screen."""
    now, past = request_of(bench), runs.current()
    if past is None:
        return []
    if now is None:  # nothing could be run
        return ["the checkpoint"] if bench.checkpoint is None else ["the sentences"]
    return runs.differences(now, past.request)


def heading(bench: Bench) -> tuple[bool, DeltaGenerator]:
    """Title and Run; whether it was pressed, and the place for what acts on the present run."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Mix & read", anchor=False, width="stretch")
        with st.container(horizontal=True, width="content", gap="small"):
            place = st.container(horizontal=True, width="content", gap="small")
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
    """Start the pass, or find it done; what is on screen stays until there is another."""
    request = request_of(bench)
    st.session_state[session.FAILED] = None
    if request is None:
        return
    st.session_state[session.ASKED] = request
    asked, own = Pass(request), desk()
    own.errors.pop(asked.ask, None)
    if own.look_up(asked.ask) is None:
        start(asked)
        own.wait(asked.ask, AT_ONCE_S)


def take_over(bench: Bench) -> None:
    """Keep what the pass left, the result or the error; while it is under way, its progress."""
    request: RunRequest | None = st.session_state.get(session.ASKED) or _before_reload(bench)
    if request is None:
        return
    asked, own = Pass(request), desk()
    own.collect_all()
    if asked.ask in own.running:
        watch(asked)
        return
    st.session_state[session.ASKED] = None
    error, kept = own.errors.pop(asked.ask, None), own.look_up(asked.ask)
    if error is not None and not isinstance(error, Stopped):
        st.session_state[session.FAILED] = error
    elif kept is not None:
        runs.keep(request, kept.result)


def _before_reload(bench: Bench) -> RunRequest | None:
    """What Run was pressed for before the page was loaded anew, if its pass is there yet."""
    request = None if runs.current() else request_of(bench)
    if request is None or not found(Pass(request)):
        return None
    st.session_state[session.ASKED] = request
    return request


def stale_line(changed: list[str]) -> None:
    """Say that the result below belongs to other inputs; nothing when it does not."""
    if changed:
        st.warning(
            f"**Stale.** Changed since this result: {plain(listed(changed))}. Run again to bring "
            "it up to date.",
            icon=":material/update:",
        )

"""Mix & read: what came back for each sentence, and how sure?"""

from __future__ import annotations

import streamlit as st

from muxviz.errors import MuxvizError
from muxviz.ui import group, keys, link, runs
from muxviz.ui.cards import answer_cards
from muxviz.ui.editor import editor, padding_choice
from muxviz.ui.errors import error_panel
from muxviz.ui.frame import Bench, frame
from muxviz.ui.history import comparison, history_control, pin_control
from muxviz.ui.panels import empty
from muxviz.ui.results import PANELS, braid_panel
from muxviz.ui.runs import PastRun, RunRequest
from muxviz.ui.text import listed, plain


def request_of(bench: Bench) -> RunRequest | None:
    """What a run would be made of now; None without a checkpoint or a sentence."""
    rows = tuple(group.as_row(r) for r in group.seat(bench.num_instances).seated)
    if bench.checkpoint is None or not rows:
        return None
    state = st.session_state
    return RunRequest(
        checkpoint=bench.checkpoint.name,
        num_instances=bench.num_instances,
        baseline=bench.checkpoint.baseline,
        device=bench.device,
        dtype=bench.dtype,
        rows=rows,
        padding=padding_choice(),
        fill=state.get(keys.FILL, "repeat"),
        seed=bench.seed,
        equal_slots=bool(state.get(keys.EQUAL)) and not bench.checkpoint.baseline,
        stamp=bench.checkpoint.stamp,
    )


def heading(bench: Bench) -> bool:
    """Title and the buttons that act on the whole page; whether Run was pressed."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title("Mix & read", anchor=False, width="stretch")
        history_control()
        pin_control(runs.current())
        return st.button(
            "Run",
            icon=":material/play_arrow:",
            type="primary",
            shortcut="Ctrl+Enter",
            disabled=bench.checkpoint is None,
            key="run",
            help="All sentences through one forward pass.",
        )


def attempt(request: RunRequest | None) -> None:
    """Run, and keep the result or the error; what was there stays."""
    st.session_state[keys.FAILED] = None
    if request is None:
        return
    with st.spinner(f"One pass through {plain(request.checkpoint)} …", show_time=True):
        line = st.empty()
        try:
            runs.keep(request, runs.run(request, lambda text: line.caption(plain(text)) and None))
        except MuxvizError as error:
            st.session_state[keys.FAILED] = error
        line.empty()


def stale_line(changed: list[str]) -> None:
    """Say that the result below belongs to other inputs."""
    st.warning(
        f"This result is from before you changed {plain(listed(changed))}. Run again to bring it "
        "up to date.",
        icon=":material/update:",
    )


def results(past: PastRun, bench: Bench) -> None:
    """Everything about one run, the whole picture first."""
    braid_panel(past, bench)
    comparison(past, bench)
    answer_cards(past.result, bench.slot)
    for panel in PANELS:
        panel(past, bench)


bench = frame("mix")
pressed = heading(bench)
editing = st.container()
answer = st.container()
if pressed:
    with answer:
        attempt(request_of(bench))
    if runs.failed() is None and not st.session_state.get(keys.EDITOR_MOVED):
        st.session_state[keys.EDITOR] = False  # the picture takes its place, once
        st.session_state[keys.EDITOR_MOVED] = True


def changes() -> list[str]:
    """What differs between the inputs now and those of the run on screen."""
    now, past = request_of(bench), runs.current()
    return runs.differences(now, past.request) if now and past else []


with editing:
    editor(bench, lambda: bool(changes()))
link.write_group()
with answer:
    error, past = runs.failed(), runs.current()
    if error is not None:
        error_panel(error)
    if past is None:
        empty("No run yet", "The braid of this group will be here: press Run, or Ctrl+Enter.")
    else:
        if changes():
            stale_line(changes())
        results(past, bench)
runs.warm_up()

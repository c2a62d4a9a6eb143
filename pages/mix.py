"""Mix & read: what came back for each sentence, and how sure?"""

from __future__ import annotations

import streamlit as st

from muxviz.ui.mix.cards import answer_cards
from muxviz.ui.mix.editor import editor
from muxviz.ui.mix.history import comparison
from muxviz.ui.mix.results import braid_panel, cost_panel, leak_panel, reading_panel
from muxviz.ui.mix.running import attempt, changes, heading, run_controls, stale_line
from muxviz.ui.shell import link
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.errors import error_panel, one_panel
from muxviz.ui.study.panels import empty

bench = frame("mix")
pressed, controls = heading(bench)
editing, answer = st.container(), st.container()

if pressed:
    with answer:
        attempt(bench)
run_controls(controls)
with editing:
    editor(bench, lambda: bool(changes(bench)))
link.write_group()

with answer:
    error, past = runs.failed(), runs.current()
    if error is not None:
        error_panel(error)
    if past is None:
        empty("No run yet", "The braid of this group will be here. Press Run, or Ctrl+Enter.")
    else:
        stale_line(changes(bench))
        for panel in (braid_panel, answer_cards, comparison, reading_panel, leak_panel, cost_panel):
            with one_panel():
                panel(past, bench)
runs.warm_up()

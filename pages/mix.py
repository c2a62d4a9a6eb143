"""Mix & read: what came back for each sentence, and how sure?"""

from __future__ import annotations

import streamlit as st

from muxviz.ui import link, runs
from muxviz.ui.cards import answer_cards
from muxviz.ui.editor import editor
from muxviz.ui.errors import error_panel, one_panel
from muxviz.ui.frame import frame
from muxviz.ui.history import comparison
from muxviz.ui.mixing import attempt, changes, heading, run_controls, stale_line
from muxviz.ui.panels import empty
from muxviz.ui.results import braid_panel, cost_panel, leak_panel, reading_panel

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

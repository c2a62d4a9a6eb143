"""Mix & read: what came back for each sentence, and how sure?"""

from __future__ import annotations

import streamlit as st

from muxviz.ui.mix.cards import answer_cards
from muxviz.ui.mix.editor import editor
from muxviz.ui.mix.field_keys import field_keys
from muxviz.ui.mix.history import comparison
from muxviz.ui.mix.results import braid_panel, details, verdict_tiles
from muxviz.ui.mix.running import attempt, changes, heading, run_controls, stale_line, take_over
from muxviz.ui.mix.timing import timed
from muxviz.ui.saved import tab
from muxviz.ui.shell import link
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.errors import error_panel, one_panel
from muxviz.ui.study.panels import empty

bench = frame("mix")
pressed, controls = heading(bench)
editing, answer = st.container(), st.container()

if pressed:
    attempt(bench)
with answer:
    take_over(bench)
run_controls(controls)
with editing:
    editor(bench, lambda: bool(changes(bench)))
link.write_group()

with answer:
    error, past = runs.failed(), runs.current()
    if error is not None:
        error_panel(error)
    tab.gone_line()
    if past is None:
        empty("No run yet", "How well this group comes back will be here. Press Run.")
    else:
        past = timed(past)
        stale_line(changes(bench))
        for panel in (verdict_tiles, answer_cards, braid_panel, comparison, details):
            with one_panel():
                panel(past, bench)
tab.remember()
field_keys()
runs.warm_up()

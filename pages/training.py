"""Training: what was learned, and when? Follow a run, compare runs, start and stop one."""

from __future__ import annotations

import streamlit as st

from muxviz.ui import training_empty, training_runs
from muxviz.ui.frame import frame
from muxviz.ui.training_form import start_form
from muxviz.ui.training_view import run_view

bench = frame("training")
st.title("Training", anchor=False)
runs = training_runs.listed()
if runs:
    run, others = training_runs.choose(runs, bench)
    start_form(is_open=False)
    run_view(run, others, bench)
else:
    training_empty.nothing_yet()
    training_runs.folder_control()
    start_form(is_open=True)

"""Training: what was learned, and when? Follow a run, compare runs, start and stop one."""

from __future__ import annotations

import streamlit as st

from muxviz.ui.shell.frame import frame
from muxviz.ui.training import empty as training_empty
from muxviz.ui.training import runs as training_runs
from muxviz.ui.training.form import start_form
from muxviz.ui.training.view import run_view

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

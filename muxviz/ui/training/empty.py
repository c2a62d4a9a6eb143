"""The Training page before there is a run: what will be here, and how to get it."""

from __future__ import annotations

import shlex

import streamlit as st

from muxviz.ui.shell.frame import is_demo
from muxviz.ui.study.panels import empty
from muxviz.ui.training import runs as training_runs
from muxviz.ui.training.command import recipes, shown

WILL_BE_HERE = (
    "Curves of every loss, the share of tokens that each slot gives back, and texts read back at "
    "each checkpoint will be here."
)


def nothing_yet() -> None:
    """What the page shows and the command that makes a first run."""
    if is_demo():
        empty("No recorded run", f"{WILL_BE_HERE} No checkpoint of this demonstration has its own.")
        return
    empty("No run yet", f"{WILL_BE_HERE} Make one with this command, or with the form below.")
    recipe = next(iter(recipes()), "CONFIG.toml")
    out = shown(training_runs.root() / "first-run")
    words = ["muxviz", "train", recipe, "--data", "DATA", "--start", "START", "--out", out]
    st.code(shlex.join([*words, "--steps", "200"]), language=None, wrap_lines=True)
    st.caption(
        "`DATA` is the folder that the recipe's paths start from; `START` is an encoder's folder "
        "for N = 1, and the N = 1 run for the others."
    )

"""The way to the Debugger from other pages: on a slot, with a right answer where one is known."""

from __future__ import annotations

import streamlit as st

from muxviz.ui.shell import session
from muxviz.ui.shell.frame import go_to

RIGHT, CHECKED = "d_gold", "d_draws"  # its controls


def ask_why(slot: int | None = None, gold: str = "", draws: int = 0) -> None:
    """Open the Debugger (as a callback); slots count from 0, without one that of now stays."""
    state = st.session_state
    if slot is not None:
        state[session.SLOT] = slot + 1
    state[RIGHT] = gold
    if draws:
        state[CHECKED] = draws
    go_to("debugger")

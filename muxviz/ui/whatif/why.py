"""Why did this slot answer that? It has a page of its own, where links of before lead on."""

from __future__ import annotations

import streamlit as st

from muxviz.ui.shell.frame import PAGES, Bench
from muxviz.ui.shell.params import value
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.why import ask_why
from muxviz.ui.whatif.params import DRAWS, GOLD


def why_view(run: RunRequest, bench: Bench) -> None:
    """The way to the Debugger, with the right answer and the draws of the link."""
    st.markdown("Every intervention on one slot, with a verdict, is on a page of its own.")
    st.button(
        "Open the Debugger",
        icon=PAGES["debugger"].icon,
        key="w_why",
        on_click=ask_why,
        args=(bench.slot, str(value(GOLD)), int(value(DRAWS))),
    )

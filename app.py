"""Start: what is this? Shown from a recorded result, before any model is loaded."""

from __future__ import annotations

import streamlit as st

from muxviz.ui.shell.frame import frame
from muxviz.ui.start import view as start

bench = frame("start")
st.title("Many sentences, one forward pass", anchor=False)
st.markdown(
    "A multiplexed language model adds N sentences up into **one** sequence, reads it **once**, "
    "and takes N answers out of it again. muxviz shows what each sentence keeps on the way, and "
    "what it picks up from its neighbours."
)
start.recorded_part(bench)
st.space("small")
start.ways_on(bench)
st.space("small")
start.gallery()

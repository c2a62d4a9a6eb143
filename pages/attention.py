"""Attention: where does the shared pass look, and for whom?"""

from __future__ import annotations

import streamlit as st

from muxviz.ui.attention.view import ranked_heads, reading
from muxviz.ui.attention.words import words
from muxviz.ui.models.pruning import pruned_note
from muxviz.ui.shell.frame import frame
from muxviz.ui.study.heading import page_head

bench = frame("attention")
run = page_head(
    bench,
    "Attention",
    "Where does the shared pass look, and for whom? There is one attention map per head for all "
    "sentences; here are three readings of it, and the words that each answer rests on.",
)
if run is not None:
    pruned_note(bench)
    above, below = st.container(), st.container()
    with below:
        heads = ranked_heads(bench, run)  # first: its ranking names the head to look at
    with above:
        reading(bench, run, heads)
    words(bench, run, heads)

"""Learn: three steps from one shared pass to a leak, on recorded results."""

from __future__ import annotations

import streamlit as st

from muxviz.ui.learn.view import learn
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import panels

bench = frame("learn")
panels.begin_report()
st.title("Learn", anchor=False)
st.markdown("How can many sentences share one pass, and what does it cost them? Three steps.")
learn(bench)

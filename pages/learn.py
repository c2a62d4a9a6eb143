"""Learn: three steps from one shared pass to a leak, on recorded results."""

from __future__ import annotations

import streamlit as st

from muxviz.ui import panels
from muxviz.ui.frame import frame
from muxviz.ui.learn_view import learn

bench = frame("learn")
panels.begin_report()
st.title("Learn", anchor=False)
st.markdown("How can many sentences share one pass, and what does it cost them? Three steps.")
learn(bench)

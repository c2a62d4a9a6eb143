"""About: what exactly did this compute?"""

from __future__ import annotations

import streamlit as st

from muxviz.ui.about.view import about_page
from muxviz.ui.shell.frame import frame

frame("about")
st.title("About", anchor=False)
about_page()

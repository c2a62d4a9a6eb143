"""What the panels of the Layers page share: rows of controls, warnings, the slot to look at."""

from __future__ import annotations

from typing import Any

import streamlit as st

from muxviz.ui.layers.params import SOLO
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Number, control, value

ROOM = 200  # px of a slider


def controls(*params: Any) -> None:
    """Controls in a row; sliders of one width."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        for param in params:
            if isinstance(param, Number):
                with st.container(width=ROOM):
                    control(param)
            else:
                control(param)


def rough(text: str) -> None:
    """Warn of low numbers."""
    st.warning(f"**Low numbers.** {text}", icon=":material/data_exploration:")


def soloed(bench: Bench) -> int | None:
    """The slot to look at, where one is soloed."""
    return bench.slot if value(SOLO) else None

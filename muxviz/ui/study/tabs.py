"""Panels behind tabs: only the open one is drawn and computed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import streamlit as st

from muxviz.ui.study.errors import one_panel


def in_tabs(key: str, tabs: Mapping[str, Callable[[], object]]) -> None:
    """Draw what stands behind the open tab; ``st.session_state[key]`` is its label."""
    places = st.tabs(list(tabs), key=key, on_change="rerun")
    for place, draw in zip(places, tabs.values(), strict=True):
        if place.open:
            with place, one_panel():
                draw()

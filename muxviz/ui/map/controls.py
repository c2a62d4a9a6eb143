"""The controls of the Map page: what is sampled, and how the sample is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from muxviz.figures.map.words import state_words
from muxviz.results.map import EMBEDDING, LAYER, MIXTURE, READOUT, StateMap
from muxviz.ui.map import params as controls
from muxviz.ui.shell.params import control, value

STATES = {"demux": READOUT, "mix": MIXTURE, "embed": EMBEDDING}
IDS = {name: key for key, name in STATES.items()}
ROOM = 210  # px of a slider


def design_controls() -> None:
    """What is sampled; each of these asks for new passes."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(controls.ANCHORS, help="From the pool, each in every slot.", where=_room())
        control(controls.SETS, help="Drawn from the pool, the same for all.", where=_room())
        control(controls.OWN, help="As extra points, in no score and no fit.")


def view_controls(found: StateMap | None) -> None:
    """How the sample is shown; none of these makes a pass."""
    layers = _layers(found)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        which = control(controls.STATE)
        if which == "layer":
            control(replace(controls.LAYER, high=max(2, layers)), where=_room())
        if found is not None:
            _steps(found)
        control(controls.JOINT)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        method = control(controls.METHOD)
        control(controls.DIMS)
        control(controls.COLOR)
    if method != "pca":
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            control(controls.NEAR, where=_room(300))
            if method == "umap":
                control(controls.DIST, where=_room())


def _room(width: int = ROOM) -> Any:
    return st.container(width=width)


def _layers(found: StateMap | None) -> int:
    if found is None:
        return int(controls.LAYER.high)
    return sum(name.startswith(LAYER) for name in found.sample.names)


def _steps(found: StateMap) -> None:
    """One state back, one on: the frames of the animation by buttons."""
    names = found.sample.names
    at = names.index(chosen_state(found))
    for label, to in ((":material/chevron_left:", at - 1), (":material/chevron_right:", at + 1)):
        inside = 0 <= to < len(names)
        st.button(
            label,
            key=f"map_step_{label}",
            help=state_words(names[to]).capitalize() if inside else None,
            disabled=not inside,
            on_click=_go,
            args=(names[to] if inside else names[at],),
        )


def _go(name: str) -> None:
    """Choose a state (a callback)."""
    state = st.session_state
    state[controls.STATE.key] = IDS.get(name, "layer")
    if name.startswith(LAYER):
        state[controls.LAYER.key] = int(name.removeprefix(LAYER))


def chosen_state(found: StateMap) -> str:
    """The chosen state, as the sample calls it."""
    which = str(value(controls.STATE))
    if which != "layer":
        return STATES[which]
    return f"{LAYER}{min(int(value(controls.LAYER)), _layers(found))}"


def chosen_states(found: StateMap, state: str) -> tuple[str, ...]:
    """The frames of one map: all states that fit together, or one."""
    joint = max((m.states for m in found.maps), key=len)
    return joint if value(controls.JOINT) and state in joint else (state,)

"""The controls of the Map page: what is sampled, and how the sample is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from muxviz.figures.map.words import state_words
from muxviz.results.map import EMBEDDING, LAYER, MIXTURE, READOUT, Projection, StateMap
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
    at = names.index(chosen().state(found))
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


@dataclass(frozen=True)
class Chosen:
    """What of a sample the controls chose, for an export too, which is made after the page."""

    which: str
    layer: int
    is_joint: bool
    dims: int

    def state(self, found: StateMap) -> str:
        """The state, as the sample calls it."""
        if self.which != "layer":
            return STATES[self.which]
        return f"{LAYER}{min(self.layer, _layers(found))}"

    def states(self, found: StateMap) -> tuple[str, ...]:
        """The frames of one map: all states that fit together, or one."""
        state = self.state(found)
        joint = max((m.states for m in found.maps), key=len)
        return joint if self.is_joint and state in joint else (state,)

    def pca(self, found: StateMap) -> Projection:
        """The stored map; that of the read-out for a state without variance."""
        wanted = self.states(found), self.dims
        kept = next((m for m in found.maps if (m.states, m.dims) == wanted), None)
        return kept or found.map_of((READOUT,), 2)


def chosen() -> Chosen:
    """As the controls are now."""
    return Chosen(
        str(value(controls.STATE)),
        int(value(controls.LAYER)),
        bool(value(controls.JOINT)),
        int(value(controls.DIMS)),
    )

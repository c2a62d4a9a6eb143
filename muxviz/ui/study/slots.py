"""Selecting a slot by a click, another one beside it, and one that holds no sentence."""

from __future__ import annotations

import streamlit as st

from muxviz.ui.shell import session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Choice, control
from muxviz.ui.study.panels import empty
from muxviz.ui.study.runs import RunRequest


def other_slot(run: RunRequest, bench: Bench, label: str, among: Choice) -> int:
    """A slot beside the selected one, counted from 0; ``among`` declares the control."""
    numbers = [n for n in range(1, run.num_instances + 1) if n != bench.slot + 1]
    options = {str(n): among.options[str(n)] for n in numbers if str(n) in among.options}
    default = among.default if among.default in options else str(numbers[0])
    return int(control(Choice(among.key, label, options, default))) - 1


def only_fills(run: RunRequest, bench: Bench) -> bool:
    """Whether the selected slot holds no sentence of the user's; if so, that is said."""
    if bench.slot < len(run.rows):
        return False
    empty(
        f"Slot {bench.slot + 1} holds no sentence of yours",
        "It only fills the group up; select another slot on the left.",
    )
    return True


def take_slot(place: list[int]) -> None:
    """Select the slot of a point that was clicked, from 0 (a callback); the sidebar says which."""
    st.session_state[session.SLOT] = place[0] + 1

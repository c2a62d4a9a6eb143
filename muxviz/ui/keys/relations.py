"""Panels of the Keys page that compare slots: gates, and keys against cross-talk."""

from __future__ import annotations

import streamlit as st

from muxviz.figures.drawing.family import Picture
from muxviz.figures.keys.gates import GATES_FAMILY
from muxviz.figures.keys.scatter import KEY_LEAK, key_leak_tests
from muxviz.results.keys import KeyLeak
from muxviz.ui.keys import text as words
from muxviz.ui.keys.params import DRAWS, GATES, LIKE, OVER
from muxviz.ui.keys.view import Side, drawn, each_side, origin
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.question import show

# What the results call the likenesses that the control offers.
LIKENESSES = {
    "mux": "mux vectors, cosine",
    "interference": "mux vectors, interference",
    "demux": "demux keys, cosine",
    "gates": "demux gates, equal share",
}


# ---- gates --------------------------------------------------------------------------------------


def gates_panel(bench: Bench) -> None:
    """Flip rates between two read-outs."""
    shown = [show(_gates(side)) for side in each_side(bench)]
    if any(shown):
        control(GATES)


def _gates(side: Side) -> Question:
    return Question(
        f"keys_gates{side.key}",
        f"Do two read-outs gate the same state differently?{side.words}",
        Call("keys.gates.gate_flips", side.run, drawn()),
        mixed(value(DRAWS) + 1),
        GATES_FAMILY(over=value(GATES)),
        words.GATES_HOW,
        words.GATES_LIMITS,
        "For every pair of slots, the share of the demultiplexer's units that switch.",
        origin=lambda result: origin(result, result.flips.draws),
    )


# ---- keys against cross-talk --------------------------------------------------------------------


def leak_panel(bench: Bench) -> None:
    """Do like keys leak more?"""
    shown = [show(_leak(side)) for side in each_side(bench)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(
            OVER,
            help="What the cross-talk is measured on; over random groups, the keys weigh more than "
            "single sentences.",
        )
        if any(shown):
            control(LIKE)
    for result in shown:
        if isinstance(result, KeyLeak):
            st.dataframe(
                key_leak_tests(result),
                hide_index=True,
                width="stretch",
                alt="Rank correlation and p of every likeness of keys with cross-talk",
            )


def _leak(side: Side) -> Question:
    name = "keys.mantel.keys_and_crosstalk"
    call = Call(name, side.run, drawn(), takes="pool")
    if value(OVER) == "group":
        call = Call(name, side.run, {"groups": As("what cross-talk is measured on", 0), **drawn()})
    return Question(
        f"keys_leak{side.key}",
        f"Do slots with like keys leak more?{side.words}",
        call,
        mixed(value(DRAWS) * side.run.num_instances),
        _scattered,
        words.LEAK_HOW,
        words.LEAK_LIMITS,
        "Every pair of slots by the likeness of its keys and by its measured cross-talk, with a "
        "permutation test.",
        origin=lambda result: origin(result, result.draws),
    )


def _scattered(result: KeyLeak) -> Picture:
    """Of the chosen likeness where this checkpoint has it, else of the first."""
    chosen = LIKENESSES[value(LIKE)]
    return KEY_LEAK(which=result.names.index(chosen) if chosen in result.names else 0)

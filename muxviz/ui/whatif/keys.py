"""Other keys for the same mixture, and slots that hold nothing."""

from __future__ import annotations

import streamlit as st

from muxviz.figures.whatif.keys import DIAL, GHOSTS
from muxviz.pool import pool_name
from muxviz.results.whatif_desk import Ghosts
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call, pool_texts
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.slots import other_slot
from muxviz.ui.whatif import text as words
from muxviz.ui.whatif.params import ALPHA, FLOOR, OTHER


def keys_view(run: RunRequest, bench: Bench) -> None:
    """The dial, then the ghosts."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        other = other_slot(run, bench, "Towards the key of slot", OTHER)
        with st.container(width=360):
            control(ALPHA, help="0 is the selected slot's key, 1 the other's.")
    show(_dial_question(run, bench.slot, other))
    control(FLOOR)
    show(_ghost_question(run))


def _dial_question(run: RunRequest, slot: int, other: int) -> Question:
    given = {"slot": As("the slot", slot), "other": As("the other slot", other)}
    return Question(
        "dial",
        "What does another key hear in the same mixture?",
        Call("whatif.dial.key_dial", run, given),
        "one pass",
        DIAL(alpha=float(value(ALPHA))),
        words.DIAL_HOW,
        words.DIAL_LIMITS,
        "How the read-out turns from one slot into the other as the key does.",
        instant=True,
    )


def _ghost_question(run: RunRequest) -> Question:
    given = {"content": As("what an empty slot holds", str(value(FLOOR))), "pool": pool_texts()}
    return Question(
        "ghosts",
        "What does an empty slot hear?",
        Call("whatif.dial.ghosts", run, given),
        mixed(run.num_instances, ", each read back in full"),
        GHOSTS(),
        words.GHOST_HOW,
        words.GHOST_LIMITS,
        "Each slot emptied in turn, and whose words come out of it all the same.",
        origin=_strangers,
    )


def _strangers(result: Ghosts) -> str:
    return f"{result.provenance.line()} · strangers: {result.floor.draws} of {pool_name()}"

"""Panels of the Fidelity page about read-back, and what all panels of that page share."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import streamlit as st

from muxviz.figures.fidelity.places import LENGTHS_FAMILY, POSITIONS
from muxviz.figures.fidelity.recovery import FIDELITY
from muxviz.pool import pool_name
from muxviz.ui.fidelity import text as words
from muxviz.ui.fidelity.params import DRAWS, PLACES, SCOPE, VALUE
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Call, labelled_groups, random_groups
from muxviz.ui.study.pace import Cost, mixed
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.tabs import in_tabs


def scope_controls() -> None:
    """What is computed: the group, or random groups of the pool. Below, how it is shown."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(SCOPE)
        with st.container(width=260):
            control(DRAWS, help="Groups of N sentences drawn from the pool, one pass each.")
    with st.container(horizontal=True, gap="medium"):
        control(VALUE, help="Of slots.")
        control(PLACES, help="Of the picture by place.")


# ---- read-back ----------------------------------------------------------------------------------


def read_back_panels(run: RunRequest, bench: Bench) -> None:
    """By slot, by position and by length: three pictures of one result."""
    scope, groups = value(SCOPE), value(DRAWS)
    call: Call = Call("fidelity.recovery.read_back", run)
    cost: Cost | str = "one pass"
    if scope == "pool":
        call = Call("fidelity.recovery.pool_read_back", run, drawn(), takes="pool")
        cost = mixed(groups, f", {groups * run.num_instances} sentences of the pool")
    slots = Question(
        f"fidelity_slots_{scope}",
        "How much of each slot is read back?",
        call,
        cost,
        FIDELITY(value=value(VALUE)),
        words.READ_HOW,
        words.READ_LIMITS,
        "The share of tokens read back per slot, with intervals, over random groups.",
        instant=scope == "group",
        file="fidelity",
        origin=origin,
    )
    positions = replace(
        slots,
        key=f"fidelity_positions_{scope}",
        question="Does it depend on where the token stands?",
        draw=POSITIONS(slot=bench.slot if value(PLACES) == "one" else None),
        how=words.POSITION_HOW,
        limits=words.POSITION_LIMITS,
        file="fidelity_positions",
    )
    lengths = replace(
        slots,
        key=f"fidelity_lengths_{scope}",
        question="Does it depend on how long the sentence is?",
        draw=LENGTHS_FAMILY(),
        how=words.LENGTH_HOW,
        limits=words.LENGTH_LIMITS,
        file="fidelity_lengths",
    )
    questions = {"By slot": slots, "By place": positions, "By length": lengths}
    in_tabs("fidelity_by", {name: partial(show, question) for name, question in questions.items()})


# ---- shared -------------------------------------------------------------------------------------


def drawn() -> dict[str, Any]:
    """How many random groups, and what they are drawn from."""
    return random_groups(value(DRAWS))


def drawn_labelled() -> dict[str, Any]:
    """The same of labelled sentences, with their labels."""
    return labelled_groups(value(DRAWS))


def origin(result: Any) -> str:
    """The provenance line, with what was drawn."""
    if not getattr(result, "pool", 0):
        return str(result.provenance.line())
    part = " (stopped)" if result.is_partial else ""
    from_pool = f"{result.groups} random groups{part} of {result.pool} pool sentences"
    return f"{from_pool} ({pool_name()}) · {result.provenance.line()}"

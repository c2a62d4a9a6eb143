"""The panel of the Fidelity page about bits: of one checkpoint, or of all that answer the same."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from muxviz.figures.fidelity.bits import BITS
from muxviz.results.fidelity import Bits
from muxviz.ui.fidelity import text as words
from muxviz.ui.fidelity.params import ACROSS, DRAWS, UNIT
from muxviz.ui.fidelity.view import drawn, origin
from muxviz.ui.shell import checkpoints
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.study.asked import Across
from muxviz.ui.study.call import Call
from muxviz.ui.study.heading import family
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest

QUESTION = "How much does one vector carry?"


def bits_panel(run: RunRequest, bench: Bench) -> None:
    """Bits per vector, of this checkpoint or of all that answer the same question."""
    others = relatives(bench, run) if value(ACROSS) == "task" else []
    question = Across(
        "fidelity_bits",
        QUESTION,
        Call("fidelity.capacity.bits", run, drawn(), takes="pool", across=tuple(others)),
        mixed(value(DRAWS) * (1 + len(others)), f", {1 + len(others)} checkpoints"),
        BITS(unit=value(UNIT)),
        words.BITS_HOW,
        words.BITS_LIMITS,
        "Bits per position that one vector carries, slot by slot and in all, against N.",
        origin=_origin,
    )
    with st.container(horizontal=True, gap="medium"):
        control(ACROSS, help="All: every checkpoint here with these labels and two slots or more.")
        control(UNIT)
    show(question)


def relatives(bench: Bench, run: RunRequest) -> list[RunRequest]:
    """The other checkpoints with two slots or more that answer the same question."""
    listed = {c.name: c for c in checkpoints.bundled()}
    if bench.checkpoint is not None:
        listed[bench.checkpoint.name] = bench.checkpoint
    own = listed[run.checkpoint].labels if run.checkpoint in listed else None
    return [
        other
        for other in family(bench)
        if other.checkpoint != run.checkpoint
        and other.num_instances > 1
        and own is not None
        and other.checkpoint in listed
        and listed[other.checkpoint].labels == own
    ]


def _origin(results: Sequence[Bits]) -> str:
    return " ◦ ".join([origin(results[0]), *map(_short, results[1:])])


def _short(result: Bits) -> str:
    made = result.provenance
    return f"{made.checkpoint} ({made.fingerprint}), {result.groups} groups"

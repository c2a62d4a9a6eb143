"""Panels of the Fidelity page about pruning: slots of A against B, and slots against sparsity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from muxviz.figures.drawing.family import Family, Picture
from muxviz.figures.fidelity.by_sparsity import SLOT_CHANGE, SPARSITY
from muxviz.results.by_sparsity import BySparsity
from muxviz.ui.fidelity import text as words
from muxviz.ui.fidelity.params import DRAWS, QUANTITY
from muxviz.ui.fidelity.view import drawn_labelled
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import count
from muxviz.ui.study.asked import Across, Gather
from muxviz.ui.study.call import Call
from muxviz.ui.study.heading import sides
from muxviz.ui.study.pruned_family import origins_line, sparsity_family, why_no_family
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest


@dataclass(frozen=True)
class Compared:
    """A picture of several checkpoints on the same random groups, and the words for it."""

    key: str
    question: str
    promise: str
    family: Family
    how: str
    limits: str


PAIR = Compared(
    "fidelity_slot_change",
    "Do some slots change more than others from A to B?",
    "The same random groups on both, slot by slot, with the difference and its interval.",
    SLOT_CHANGE,
    words.CHANGE_HOW,
    words.CHANGE_LIMITS,
)
AGAINST = Compared(
    "fidelity_sparsity",
    "Does pruning hurt some slots more than others?",
    "One line per slot against sparsity, on the same random groups.",
    SPARSITY,
    words.SPARSITY_HOW,
    words.SPARSITY_LIMITS,
)


def pruning_panels(run: RunRequest, bench: Bench) -> None:
    """A against B slot by slot, then all checkpoints of the kind against sparsity."""
    st.divider()
    control(QUANTITY, help="What is compared; all three are counted at once.")
    other = dict(sides(bench)).get("B")
    show(_question(PAIR, [run] if other is None else [run, other], _why_no_pair(run, other)))
    members = sparsity_family(bench)
    show(_question(AGAINST, members or [run], why_no_family(bench, members)))


def _why_no_pair(run: RunRequest, other: RunRequest | None) -> str:
    if run.num_instances < 2:
        return "One text a pass: there are no slots to compare."
    if other is None or other.num_instances != run.num_instances:
        return (
            f"Choose a model B with {run.num_instances} slots on the sidebar: a pruned model "
            "against its unpruned one, for example."
        )
    return ""


def _question(what: Compared, members: Sequence[RunRequest], reason: str) -> Across:
    groups, first, name = value(DRAWS), members[0], "fidelity.by_sparsity.slot_record"
    picked = value(QUANTITY)

    def draw(result: BySparsity) -> Picture:
        return what.family(quantity=picked if picked in result.quantities else result.quantities[0])

    return Across(
        what.key,
        what.question,
        Call(name, first, drawn_labelled(), "pool", baseline=True, across=tuple(members[1:])),
        f"{2 * groups} mixed sequences on each of {count(len(members), 'checkpoint')}, and up to "
        f"{groups * first.num_instances} sentences alone",
        draw,
        what.how,
        what.limits,
        what.promise,
        reason=reason,
        origin=origins_line,
        gather=Gather("fidelity.by_sparsity.by_sparsity", {"seed": first.seed}),
        least=2,
    )

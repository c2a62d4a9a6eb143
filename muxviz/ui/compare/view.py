"""Compare: model A and model B on the same sentences, in this group and in random ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from muxviz.figures.compare.answers import ANSWERS, READ
from muxviz.figures.crosstalk.taken import TAKEN
from muxviz.figures.drawing.family import Picture
from muxviz.figures.fidelity.answers import CONFUSION
from muxviz.figures.fidelity.by_sparsity import SLOT_CHANGE
from muxviz.results import GroupResult
from muxviz.results.by_sparsity import BySparsity
from muxviz.results.fidelity import Confusion
from muxviz.ui.compare import text as words
from muxviz.ui.compare.params import DRAWS, QUANTITY, SWAPS
from muxviz.ui.compare.series import series_panels
from muxviz.ui.compare.swaps import swap_test
from muxviz.ui.shell import session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study.asked import Across, Gather, Question
from muxviz.ui.study.call import As, Call, labelled_groups
from muxviz.ui.study.heading import sides
from muxviz.ui.study.pace import Cost, mixed
from muxviz.ui.study.panels import empty
from muxviz.ui.study.pruned_family import origins_line
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.tabs import in_tabs

MOST_OFFERED = 4
SERIES = "All of its kind"


def compare_page(run: RunRequest, bench: Bench, alike: Sequence[str]) -> None:
    """A and B where there is a B, then the series. alike: checkpoints of A's kind, to offer."""
    other = dict(sides(bench)).get("B")
    if other is None:
        _choose(alike)
    else:
        _answers(run, other)
        st.divider()
    with st.container(horizontal=True, gap="medium"):
        control(QUANTITY, help="What is compared; all three are counted at once.")
        with st.container(width=260):
            control(DRAWS)
        with st.container(width=260):
            control(SWAPS, help="Of the swap test: for each slot.")
    if other is None:
        series_panels(run, bench)
        return
    in_tabs(
        "compare_more",
        {
            "Slot by slot": partial(_slots, run, other),
            "Other answers": partial(_confusion, run, other),
            "Cross-talk": partial(_taken, run, other),
            SERIES: partial(series_panels, run, bench),
        },
    )


def _choose(alike: Sequence[str]) -> None:
    empty(
        "No model B",
        "Choose a second checkpoint on the sidebar, under Compare with. It answers the same "
        "sentences, and every difference is shown with its interval.",
    )
    if alike:
        with st.container(horizontal=True, horizontal_alignment="center", gap="small"):
            for name in alike[:MOST_OFFERED]:
                st.button(
                    plain(name), key=f"compare_with_{name}", on_click=_take_other, args=(name,)
                )


def _take_other(name: str) -> None:
    st.session_state[session.OTHER] = name


# ---- this group ---------------------------------------------------------------------------------


def _answers(run: RunRequest, other: RunRequest) -> None:
    if run.num_instances != other.num_instances:
        st.caption(
            f"A has {run.num_instances} slots and B {other.num_instances}: the same sentences are "
            "seated anew in B, from the first one on."
        )
    show(
        Across(
            "compare_answers",
            "What do A and B make of these sentences?",
            Call("inference.run_group", run, baseline=True, across=(other,), listed=True),
            "one pass each, and one of each sentence alone",
            _both_pictures,
            words.ANSWERS_HOW,
            words.ANSWERS_LIMITS,
            "Both models' answers and read-back, slot by slot, on common scales.",
            instant=True,
            origin=_of_each,
            least=2,
        )
    )


def _both_pictures(results: list[GroupResult]) -> Picture:
    picture = ANSWERS()
    if any(result.read_back is not None for result in results):
        picture = picture + READ()
    return picture.of(*results, named="*result")


def _of_each(results: list[GroupResult]) -> str:
    first, second = (result.provenance for result in results)
    return f"A: {first.line()} ◦ B: {second.named} ({second.fingerprint})"


# ---- random groups ------------------------------------------------------------------------------


def _slots(run: RunRequest, other: RunRequest) -> None:
    groups, picked = value(DRAWS), value(QUANTITY)

    def draw(result: BySparsity) -> Picture:
        there = picked if picked in result.quantities else result.quantities[0]
        return SLOT_CHANGE(quantity=there)

    show(
        Across(
            "compare_slots",
            "Do some slots differ more than others?",
            Call(
                "fidelity.by_sparsity.slot_record",
                run,
                labelled_groups(groups),
                "pool",
                baseline=True,
                across=(other,),
            ),
            mixed(
                2 * groups,
                f" on each, and up to {groups * run.num_instances} sentences alone",
                times=2,
                alone=groups * run.num_instances,
            ),
            draw,
            words.CHANGE_HOW,
            words.CHANGE_LIMITS,
            "The same random groups on both, slot by slot, with the difference and its interval.",
            reason=_why_no_slots(run, other),
            origin=origins_line,
            gather=Gather("fidelity.by_sparsity.by_sparsity", {"seed": run.seed}),
            least=2,
        )
    )


def _why_no_slots(run: RunRequest, other: RunRequest) -> str:
    if run.num_instances < 2:
        return "One text a pass: there are no slots to compare."
    if run.num_instances != other.num_instances:
        return (
            f"A has {run.num_instances} slots and B {other.num_instances}: no slot of A is one of "
            "B. The table of answers below compares them all the same."
        )
    return ""


def _confusion(run: RunRequest, other: RunRequest) -> None:
    given = labelled_groups(value(DRAWS))
    # The labels' key is the pool's name as well: here it tells the files of model B apart.
    stamped = replace(given["labels"], key=other.stamp)
    show(
        Question(
            "compare_confusion",
            "Where do A and B answer differently?",
            Call(
                "fidelity.confusion.confusion",
                replace(run, baseline=other.checkpoint),
                given | {"labels": As("model B", stamped)},
                takes="pool",
                baseline=True,
            ),
            Cost(
                2 * value(DRAWS),
                f"{value(DRAWS) * run.num_instances} sentences through both checkpoints",
            ),
            CONFUSION(),
            words.CONFUSION_HOW,
            words.CONFUSION_LIMITS,
            "A table of A's answers against B's on the same sentences, and whether one of them is "
            "right more often.",
            origin=_of_both,
        )
    )


def _of_both(result: Confusion) -> str:
    made = result.other
    return (
        f"{result.sentences} sentences of {result.pool} · {result.provenance.line()} · B: "
        f"{made.checkpoint} ({made.fingerprint})"
    )


# ---- cross-talk ---------------------------------------------------------------------------------


def _taken(run: RunRequest, other: RunRequest) -> None:
    show(
        Across(
            "compare_taken",
            "Whose slots take more from their neighbours?",
            swap_test(run, (other,)),
            mixed(value(SWAPS) * run.num_instances, " on each", times=2),
            TAKEN(),
            words.TAKEN_HOW,
            words.TAKEN_LIMITS,
            "The swap test of this group on both, slot by slot, with the difference.",
            reason=_why_no_slots(run, other),
            origin=origins_line,
            gather=Gather("fidelity.by_sparsity.crosstalk_by_sparsity", {"seed": run.seed}),
            least=2,
        )
    )

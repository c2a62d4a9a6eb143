"""Where the failures of a run are: slots, tags, slices, labels, calibration, groupings."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import streamlit as st

from muxviz.figures.dataset.labels import LABELS
from muxviz.figures.dataset.right import RIGHT
from muxviz.figures.dataset.sure import SURE
from muxviz.figures.drawing.family import Family
from muxviz.results.worklist import Worklist
from muxviz.ui.dataset import text as words
from muxviz.ui.dataset.params import PART, WHERE
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Call, Known
from muxviz.ui.study.question import show

REPORT = "muxviz.analysis.dataset.report"


@dataclass(frozen=True)
class Part:
    """A look at a worklist: what is asked, the function of ``dataset.report``, and its picture."""

    question: str
    function: str
    family: Family
    how: str
    limits: str


PARTS = {
    "slot": Part(
        "Is a slot worse than the others?",
        "right_by_slot",
        RIGHT,
        words.SLOT_HOW,
        words.SLOT_LIMITS,
    ),
    "tag": Part(
        "Which rows fail more often?", "right_by_tag", RIGHT, words.TAG_HOW, words.TAG_LIMITS
    ),
    "slice": Part(
        "Which combinations fail?",
        "right_by_slice",
        RIGHT,
        words.SLICE_HOW,
        words.SLICE_LIMITS,
    ),
    "labels": Part(
        "Which labels are taken for which?",
        "label_counts",
        LABELS,
        words.LABELS_HOW,
        words.LABELS_LIMITS,
    ),
    "sure": Part(
        "Is it as sure as it should be?",
        "calibration",
        SURE,
        words.SURE_HOW,
        words.SURE_LIMITS,
    ),
    "grouping": Part(
        "Does it matter who shares a pass?",
        "compare_groupings",
        RIGHT,
        words.GROUPING_HOW,
        words.GROUPING_LIMITS,
    ),
}


def part_panels(bench: Bench, call: Call, found: Worklist) -> None:
    """The one that is chosen; nothing is run again."""
    st.divider()
    chosen = str(control(PART))
    given: dict[str, Any] = {}
    if chosen == "labels" and control(WHERE) == "slot":
        given = {"slot": bench.slot}
    reason = ""
    if chosen == "grouping" and len(found.groupings) < 2:
        reason = "One grouping was run; choose several draws, or each grouping once."
    part = PARTS[chosen]
    code = "".join(f", {name}={value!r}" for name, value in given.items())
    show(
        Question(
            f"dataset_{chosen}",
            part.question,
            Known(
                lambda: getattr(import_module(REPORT), part.function)(found, **given),
                (call.ask, len(found), chosen, tuple(given.items())),
                imports=(*call.imports(), f"from {REPORT} import {part.function}"),
                lines=(*call.statements("worklist"), f"result = {part.function}(worklist{code})"),
            ),
            "",
            part.family(),
            part.how,
            part.limits,
            reason=reason,
        )
    )

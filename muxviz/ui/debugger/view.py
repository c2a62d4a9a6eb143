"""The Debugger: company or capacity, then what is to blame, then what would help."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from muxviz.figures.debugger.attributed import ATTRIBUTED
from muxviz.figures.debugger.edits import EDITS
from muxviz.figures.debugger.fixes import FIXES
from muxviz.figures.debugger.heard import HEARD
from muxviz.figures.debugger.verdict import VERDICT, extreme_rows
from muxviz.pool import pool_name
from muxviz.results.diagnosis import FIRST, Diagnosis
from muxviz.ui.debugger import text as words
from muxviz.ui.debugger.gold import gold_control, say_target
from muxviz.ui.debugger.params import DRAWS, NEIGHBOUR
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call, Known, balanced_texts, pool_texts
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.panels import not_applicable
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.slots import only_fills, other_slot
from muxviz.ui.study.tabs import in_tabs

LABELLED = 64  # sentences that say how sure the N = 1 model is of its answers
FIRST_DRAWS = 32


def debugger_panels(run: RunRequest, bench: Bench) -> None:
    """The controls, and one panel after another."""
    if run.num_instances < 2:
        not_applicable("Why did this slot come back wrong?", words.ALONE)
        return
    if only_fills(run, bench):
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        gold = gold_control(bench)
        with st.container(width=260):
            draws = int(control(DRAWS, help="Of neighbours, orders and seats for each check."))
    target = st.container()
    first = show(_first(run, bench.slot, gold))
    if isinstance(first, Diagnosis):
        with target:
            say_target(first.ladder)
    call = _call(run, bench.slot, gold, draws)
    found = show(_verdict(call, bench.slot, draws))
    known = Known(lambda: found, (call.ask, "more"), by=call)
    more = {"Gradients": partial(_attributed, run, bench.slot)}
    if len(run.rows) > 1:
        more["A neighbour's words"] = partial(_edit, run, bench, gold)
    if isinstance(found, Diagnosis):
        _fixes(found, known)
        heard = {"Whom it hears": partial(_heard, found, known)}
        more = (heard if found.worst or found.heard is not None else {}) | more
    in_tabs("debugger_more", more)


def _call(run: RunRequest, slot: int, gold: str, draws: int, **more: Any) -> Call:
    given = {
        "slot": As("the slot", slot),
        "gold": As("the right answer", gold or None),
        "draws": As("the number of draws", draws),
        "pool": pool_texts(),
        "labelled": balanced_texts(LABELLED),
        **more,
    }
    return Call("debugger.diagnose.diagnose", run, given, baseline=True)


def _origin(result: Diagnosis) -> str:
    return f"{result.provenance.line()} · {result.ladder.draws} draws from {pool_name()}"


def _first(run: RunRequest, slot: int, gold: str) -> Question:
    """The first rung, at once: do other neighbours mend it?"""
    return Question(
        "first",
        "Company or capacity?",
        _call(run, slot, gold, FIRST_DRAWS, checks=FIRST),
        mixed(2 * FIRST_DRAWS),
        VERDICT(),
        words.FIRST_HOW,
        words.FIRST_LIMITS,
        words.FIRST_PROMISE,
        instant=True,
        origin=_origin,
    )


def _verdict(call: Call, slot: int, draws: int) -> Question:
    passes = (call.run.num_instances + 6) * draws
    return Question(
        "verdict",
        f"Why did slot {slot + 1} come back so?",
        call,
        mixed(passes, f", and {LABELLED} sentences through the N = 1 model"),
        VERDICT(),
        words.VERDICT_HOW,
        words.VERDICT_LIMITS,
        words.VERDICT_PROMISE,
        origin=_origin,
    )


def _fixes(found: Diagnosis, known: Known) -> None:
    """What was tried to mend it."""
    if found.fixes:
        show(
            Question(
                "fixes",
                "What would help?",
                known,
                "",
                FIXES(),
                words.FIXES_HOW,
                words.FIXES_LIMITS,
                origin=_origin,
            )
        )


def _heard(found: Diagnosis, known: Known) -> None:
    """What its neighbours do to it: the extremes, and the drift of its read-out."""
    if found.worst:
        st.caption("Sentences of the pool in a neighbour's slot: the three worst, the three best.")
        st.dataframe(
            extreme_rows(found),
            hide_index=True,
            width="stretch",
            height="content",
            alt="Sentences with which the answer did worst and best, with the target's margin",
        )
    if found.heard is not None:
        show(
            Question(
                "heard",
                "Whom does it listen to?",
                known,
                "",
                HEARD(),
                words.HEARD_HOW,
                words.HEARD_LIMITS,
                origin=_origin,
            )
        )


def _attributed(run: RunRequest, slot: int) -> None:
    """What gradients say, beside what exchanging says."""
    given = {"slot": As("the slot", slot), "pool": pool_texts()}
    show(
        Question(
            "attributed",
            "Do gradients name the same neighbour?",
            Call("debugger.attributed.attributed", run, given),
            mixed(32 * run.num_instances, ", and 32 to 256 with their gradients", times=8),
            ATTRIBUTED(),
            words.ATTRIBUTED_HOW,
            words.ATTRIBUTED_LIMITS,
            words.ATTRIBUTED_PROMISE,
        )
    )


def _edit(run: RunRequest, bench: Bench, gold: str) -> None:
    """The smallest edit of a neighbour that turns the answer."""
    other = other_slot(run, bench, "A neighbour to edit", NEIGHBOUR)
    if other >= len(run.rows):
        return
    given = {
        "slot": As("the slot", bench.slot),
        "neighbour": As("the neighbour", other),
        "gold": As("the right answer", gold or None),
    }
    show(
        Question(
            "edits",
            f"Which words of slot {other + 1} would turn it?",
            Call("debugger.edits.edit_neighbour", run, given, baseline=True),
            "one mixed sequence per word, up to three times, and per word of the other neighbours",
            EDITS(),
            words.EDIT_HOW,
            words.EDIT_LIMITS,
            words.EDIT_PROMISE,
        )
    )

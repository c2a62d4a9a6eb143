"""The panels of the Planner page about its own worth: errors of the models, and hit rates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from muxviz.figures.planner.models import HITS, LOO
from muxviz.results.planning import Promise
from muxviz.ui.planner import params as p
from muxviz.ui.planner import text as words
from muxviz.ui.planner.sources import Table
from muxviz.ui.planner.view import known_of, origin
from muxviz.ui.planner.work import BUDGETS, SEED, check_button, checked
from muxviz.ui.shell.params import control
from muxviz.ui.shell.text import plain
from muxviz.ui.study.asked import Question
from muxviz.ui.study.question import show

if TYPE_CHECKING:
    from muxviz.planning.choose import Planner


def errors_panel(table: Table, planner: Planner) -> None:
    """Leave-one-out errors of every model."""
    known = known_of(table, "models", lambda: planner.comparison)
    show(
        Question(
            "planner_models",
            "How far are the models off?",
            replace(known, named="planner.comparison"),
            "",
            LOO(),
            words.MODELS_HOW,
            words.MODELS_LIMITS,
            origin=origin(planner),
        )
    )


def promise_words(one: Promise) -> str:
    """What a promise was worth: how often it was broken, and what it cost."""
    what = "on other rows too" if one.rows else "on the same rows"
    return (
        f"Settings hidden, {what}: a promise at {100 * one.risk:.3g} % risk is broken in "
        f"{100 * one.missed:.1f} % of {one.promised:,} cases ({100 * one.missed_low:.1f} to "
        f"{100 * one.missed_high:.1f} %) and gives up {100 * one.regret:.1f} % of the speed that "
        f"the same promise allows once all is measured ({100 * one.hindsight:.1f} % against "
        "hindsight)"
    )


def check_panel(table: Table) -> None:
    """Hit rates with half of the points hidden; computed when asked for."""
    question = "How often does the planner name the best setting?"
    st.header(question, anchor=False)
    with st.container(width=320):
        splits = int(control(p.SPLITS, help="More of them make the intervals narrower."))
    found = checked(table, splits)
    check_button(table, splits)
    if found is None:
        return
    for one in found.promises:
        st.markdown(f":material/rule: {plain(promise_words(one))}.")
    imports = ("from muxviz.planning.validate import validate_planner",)
    line = f"check = validate_planner(points, splits={splits}, budgets={BUDGETS}, seed={SEED})"
    known = known_of(table, (splits, found.splits), lambda: found, imports, (line,))
    show(
        Question(
            "planner_check",
            question,
            replace(known, named="check"),
            "",
            HITS(),
            words.CHECK_HOW,
            words.CHECK_LIMITS,
            origin=f"{found.splits} splits, {found.cases:,} cases, seed {found.seed} · "
            f"{table.points.source}",
            is_headed=False,
        )
    )

"""The panels of the Planner page about its own worth: errors of the models, and hit rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from muxviz.figures.planner import models as figures
from muxviz.results.store import to_json
from muxviz.ui.planner import params as p
from muxviz.ui.planner import text as words
from muxviz.ui.planner.sources import Table
from muxviz.ui.planner.view import code, origin
from muxviz.ui.planner.work import BUDGETS, SEED, check_button, checked
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control
from muxviz.ui.study.kept import put
from muxviz.ui.study.panels import Panel

if TYPE_CHECKING:
    from muxviz.planning.choose import Planner


def errors_panel(table: Table, planner: Planner, bench: Bench) -> None:
    """Leave-one-out errors of every model."""

    def make() -> Panel:
        found = planner.comparison
        return Panel(
            "planner_models",
            (figures.loo_figure(found, dark=bench.is_dark),),
            (figures.loo_alt(found),),
            figures.loo_table(found),
            words.MODELS_HOW,
            words.MODELS_LIMITS,
            lambda: to_json(found),
            code(
                table,
                "models",
                "loo_figure",
                (),
                ("loo_figure(planner.comparison).show()",),
            ),
            origin(planner),
        )

    put("planner_models", "How far are the models off?", table.digest, bench, make)


def check_panel(table: Table, bench: Bench) -> None:
    """Hit rates with half of the points hidden; computed when asked for."""
    question = "How often does the planner name the best setting?"
    st.subheader(question, anchor=False)
    with st.container(width=320):
        splits = int(control(p.SPLITS, help="More of them make the intervals narrower."))
    found = checked(table, splits)
    check_button(table, splits)
    if found is None:
        return

    def make() -> Panel:
        return Panel(
            "planner_check",
            (figures.hits_figure(found, dark=bench.is_dark),),
            (figures.hits_alt(found),),
            figures.hits_table(found),
            words.CHECK_HOW,
            words.CHECK_LIMITS,
            lambda: to_json(found),
            code(
                table,
                "models",
                "hits_figure",
                (),
                (
                    f"check = validate_planner(points, splits={splits}, budgets={BUDGETS}, "
                    f"seed={SEED})",
                    "hits_figure(check).show()",
                ),
                more=("from muxviz.planning.validate import validate_planner",),
            ),
            f"{found.splits} splits, {found.cases:,} cases, seed {found.seed} · "
            f"{table.points.source}",
        )

    about = (table.digest, splits, found.splits)
    put("planner_check", "", about, bench, make, heads=question)

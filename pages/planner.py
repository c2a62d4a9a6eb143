"""Planner: which N and which sparsity for my accuracy budget?"""

from __future__ import annotations

from functools import partial

from muxviz.ui.planner import view
from muxviz.ui.planner.models import check_panel, errors_panel
from muxviz.ui.shell.frame import frame
from muxviz.ui.study.heading import head_without_group
from muxviz.ui.study.tabs import in_tabs

frame("planner")
head_without_group(
    "planner",
    "Which N and which sparsity for my accuracy budget? Models fitted to measured settings say "
    "which one to use, how sure that is, and what to measure next.",
)
table = view.choose_table()
planner = view.planner_of(table)
if table is not None and planner is not None:
    asked = view.goal_controls(planner)
    if asked is not None:
        view.choice_panel(table, planner, asked)
    in_tabs(
        "n_tabs",
        (
            {}
            if asked is None
            else {
                "Measure next": partial(view.next_panel, table, planner, asked),
                "Other budgets": partial(view.budget_panel, table, planner, asked),
            }
        )
        | {
            "Surfaces": partial(view.surfaces_panel, table, planner),
            "Errors": partial(errors_panel, table, planner),
            "Does it keep its promise?": partial(check_panel, table),
        },
    )

"""The panels of the Planner page: choice, surfaces, budgets, what to measure next."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from muxviz.errors import InputError, MuxvizError
from muxviz.figures.drawing.family import Picture
from muxviz.figures.drawing.measured import times
from muxviz.figures.drawing.wording import sure
from muxviz.figures.planner.budget import SENSITIVITY
from muxviz.figures.planner.choice import PLANNER
from muxviz.figures.planner.measure_next import MEASURE_NEXT
from muxviz.figures.planner.surfaces import SLICES, SURFACES
from muxviz.results.planning import (
    ACCURACY,
    BUDGET,
    MODELS,
    THROUGHPUT,
    Advice,
    Advised,
    BudgetCurve,
    Goal,
    SurfaceGrid,
    setting_words,
)
from muxviz.ui.planner import params as p
from muxviz.ui.planner import text as words
from muxviz.ui.planner.sources import Table, tables, upload_control
from muxviz.ui.planner.work import fitted
from muxviz.ui.shell.params import control, one_of, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study import panels
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.question import show

if TYPE_CHECKING:
    from muxviz.planning.choose import Planner

CHOSEN = "n_table"  # in the session: number of the table among those there are
OPEN = "n_open"  # whether the page began without a table
CURVE_STEPS = 61
MESH = 25  # places along each axis of the surfaces
MOST_FURTHER = 12
SHOWN = 5  # settings in the table under the recommendation


@dataclass(frozen=True)
class Asked:
    """A goal and the candidates beside the measured ones."""

    goal: Goal
    num_instances: tuple[int, ...]
    sparsities: tuple[float, ...]


def choose_table() -> Table | None:
    """Open files, and the table to plan with; None where there is none."""
    is_open = st.session_state.setdefault(OPEN, not tables(quiet=True))
    with st.expander("Open a table of measured settings", icon=":material/upload_file:",
                     expanded=is_open):  # fmt: skip
        upload_control()
    found = tables()
    if not found:
        panels.empty("No table yet", words.WILL_BE_HERE)
        st.caption("A table, with more rows, and the same on the command line:")
        st.code(words.EXAMPLE, language="text")
        st.code(words.COMMAND, language="shell")
        return None
    chosen: Table = one_of(
        found, CHOSEN, "Plan with", lambda one: f"{one.label} ({len(one.points)} settings)"
    )
    for note in chosen.points.notes:
        st.caption(f":material/info: {plain(note)}.")
    return chosen


def planner_of(table: Table | None) -> Planner | None:
    """The fitted models of a table; None while they are being fitted."""
    return None if table is None else fitted(table)


# ---- the goal -----------------------------------------------------------------------------------


def goal_controls(planner: Planner) -> Asked | None:
    """What is asked for; None where it cannot be, which is said."""
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            kind = str(control(p.GOAL))
            if kind == BUDGET:
                control(p.LOSS)
            elif kind == ACCURACY:
                with st.container(width=280):
                    control(p.FLOOR)
            else:
                with st.container(width=280):
                    control(p.RATE)
        with st.grid(2, min_column_width=220, gap="small"):
            control(p.MORE_N, help="Whole numbers, such as 3, 4: settings that were not measured.")
            control(p.MORE_S, help="In percent, such as 70, 85. Every N is tried with each.")
    try:
        return Asked(_goal(planner, kind), *_further())
    except MuxvizError as error:
        error_panel(error)
        return None


def _goal(planner: Planner, kind: str) -> Goal:
    from muxviz.planning.advise import make_goal

    if kind == BUDGET:
        return make_goal(planner.points, budget=round(float(value(p.LOSS)) / 100, 6))
    if kind == ACCURACY:
        return make_goal(planner.points, accuracy=round(float(value(p.FLOOR)) / 100, 6))
    return make_goal(planner.points, throughput=float(value(p.RATE)))


def _further() -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Candidates that were typed in."""
    numbers = _numbers(str(value(p.MORE_N)), "Further N", "whole numbers from 1, such as 3, 4")
    if any(n < 1 or n != int(n) or n > 10_000 for n in numbers):
        raise InputError(f"Further N: got {value(p.MORE_N)!r}; expected whole numbers from 1")
    shares = _numbers(str(value(p.MORE_S)), "Further sparsities", "percent, such as 70, 85")
    if any(not 0 <= s < 100 for s in shares):
        raise InputError(
            f"Further sparsities: got {value(p.MORE_S)!r}; expected percent from 0 to below 100"
        )
    return tuple(int(n) for n in numbers), tuple(round(s / 100, 6) for s in shares)


def _numbers(text: str, what: str, expected: str) -> list[float]:
    parts = [part for part in re.split(r"[,;\s]+", text) if part]
    try:
        found = [float(part) for part in parts]
    except ValueError as error:
        raise InputError(f"{what}: got {text!r}; expected {expected}") from error
    if len(found) > MOST_FURTHER or not np.isfinite(found).all():
        raise InputError(f"{what}: got {text!r}; expected at most {MOST_FURTHER} numbers")
    return found


# ---- panels -------------------------------------------------------------------------------------


def choice_panel(table: Table, planner: Planner, asked: Asked) -> None:
    """The first choice in numbers, the runners-up, and where they lie."""
    from muxviz.planning.advise import frontier

    question = "Which setting should I use?"
    st.subheader(question, anchor=False)
    advice = _advice(planner, asked)
    _say(advice)

    def draw(advice: Advice) -> Picture:
        named = "points, advice, frontier(planner)"
        return PLANNER().of(table.points, advice, frontier(planner), named=named)

    advising = "from muxviz.planning.advise import advise, frontier, make_goal"
    show(
        Question(
            "planner",
            question,
            known_of(table, asked, lambda: advice, (advising,), (advice_code(asked),)),
            "",
            draw,
            words.CHOICE_HOW,
            words.CHOICE_LIMITS,
            origin=origin(planner),
            is_headed=False,
        )
    )


def surfaces_panel(table: Table, planner: Planner) -> None:
    """Contours or slices of the models in use, or of one of them."""
    question = "What do the models say between the points?"
    st.subheader(question, anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        view = str(control(p.VIEW))
        model = str(control(p.MODEL))
    by_model = "" if model == "used" else model

    points, is_sliced = table.points, view == "slices"

    def grids() -> tuple[SurfaceGrid, ...]:
        numbers = np.unique(points.num_instances).astype(float)
        if not is_sliced and len(numbers) > 1:
            numbers = 2 ** np.linspace(np.log2(numbers[0]), np.log2(numbers[-1]), MESH)
        sparsities = 1 - 2.0 ** np.linspace(0, np.log2(1 - points.sparsity.max()), MESH)
        return tuple(
            planner.grid(quantity, numbers, sparsities, by_model=by_model)
            for quantity in (ACCURACY, THROUGHPUT)
        )

    def draw(found: tuple[SurfaceGrid, ...]) -> Picture:
        picture = SLICES() if is_sliced else SURFACES()
        return picture.of(points, *found, named="points, *grids")

    lines = (
        _mesh_code(is_sliced),
        f"grids = [planner.grid(quantity, numbers, sparsities, by_model={by_model!r}) "
        "for quantity in ('accuracy', 'throughput')]",
    )
    show(
        Question(
            "planner_surfaces",
            question,
            known_of(table, (view, model), grids, ("import numpy as np",), lines),
            "",
            draw,
            words.SURFACES_HOW,
            words.SURFACES_LIMITS,
            origin=origin(planner),
            is_headed=False,
        )
    )


def budget_panel(table: Table, planner: Planner, asked: Asked) -> None:
    """The first choice at every budget."""
    from muxviz.planning.advise import budget_curve

    points = table.points
    lost = float(points.accuracy[points.baseline] - points.accuracy.min())
    budgets = np.linspace(0, max(lost, 0.01), CURVE_STEPS)
    now = asked.goal.value if asked.goal.kind == BUDGET else None

    def curve() -> BudgetCurve:
        return budget_curve(
            planner, budgets, num_instances=asked.num_instances, sparsities=asked.sparsities
        )

    imports = ("import numpy as np", "from muxviz.planning.advise import budget_curve")
    lines = (
        f"budgets = np.linspace(0, {budgets[-1]:.6g}, {CURVE_STEPS})",
        f"curve = budget_curve(planner, budgets{_further_code(asked)})",
    )
    about = (now, asked.num_instances, asked.sparsities)
    show(
        Question(
            "planner_budget",
            "How does the answer change with the budget?",
            replace(known_of(table, about, curve, imports, lines), named="curve"),
            "",
            SENSITIVITY(budget=now),
            words.BUDGET_HOW,
            words.BUDGET_LIMITS,
            origin=origin(planner),
        )
    )


def next_panel(table: Table, planner: Planner, asked: Asked) -> None:
    """Expected improvement of measurements that were not made."""
    imports = ("from muxviz.planning.advise import advise, make_goal",)
    known = known_of(table, asked, lambda: _advice(planner, asked), imports, (advice_code(asked),))
    show(
        Question(
            "planner_next",
            "What should I measure next?",
            replace(known, named="advice"),
            "",
            MEASURE_NEXT(),
            words.NEXT_HOW,
            words.NEXT_LIMITS,
            origin=origin(planner),
            record=lambda advice: advice.next,
        )
    )


# ---- parts --------------------------------------------------------------------------------------


def _advice(planner: Planner, asked: Asked) -> Advice:
    from muxviz.planning.advise import advise

    return advise(
        planner, asked.goal, num_instances=asked.num_instances, sparsities=asked.sparsities
    )


def _say(advice: Advice) -> None:
    """The first choice in a few numbers, then the others as a table."""
    first = advice.settings[0]
    is_rate = advice.goal.held == THROUGHPUT
    cells = (
        (
            "N · sparsity",
            f"{first.num_instances} · {100 * first.sparsity:.4g} %",
            "measured" if first.is_measured else "predicted: measure it before you rely on it",
        ),
        (
            "Throughput",
            f"{first.throughput:,.0f}/s",
            f"{times(first.ratio)} {plain(advice.baseline)}",
        ),
        (
            "Accuracy",
            f"{100 * first.accuracy:.1f} %",
            f"{100 * (first.accuracy - advice.baseline_accuracy):+.1f} points",
        ),
        (
            "P(goal)",
            sure(first.chance).replace("over ", "> ").replace("under ", "< "),
            "that it is fast enough" if is_rate else "that accuracy holds on new rows",
        ),
    )
    with st.grid(4, min_column_width=150, gap="small"):
        for label, number, how in cells:
            with st.container(border=True, height="stretch", gap="xsmall"):
                st.metric(label, number)
                st.caption(how)
    for note in advice.notes:
        if note.startswith("no candidate"):
            st.warning(f"**{note[0].upper()}{note[1:]}.**", icon=":material/block:")
    st.dataframe(
        [_row(place, one) for place, one in enumerate(advice.settings[:SHOWN], start=1)],
        hide_index=True,
        width="stretch",
        column_config={
            name: st.column_config.NumberColumn(format="%.2f")
            for name in ("speed-up", "P(goal)", "P(best)")
        },
        alt=f"The first {SHOWN} settings with accuracy, throughput, chances and evidence",
    )


def _row(place: int, one: Advised) -> dict[str, str | int | float]:
    return {
        "": place,
        "setting": setting_words(one.num_instances, one.sparsity),
        "accuracy, %": _with_span(100 * one.accuracy, 100 * one.accuracy_from,
                                  100 * one.accuracy_to, ".1f"),
        "instances/s": _with_span(one.throughput, one.throughput_from, one.throughput_to, ",.0f"),
        "speed-up": round(one.ratio, 2),
        "P(goal)": round(one.chance, 2),
        "P(best)": round(one.chance_best, 2),
        "from": "measured" if one.is_measured else "predicted",
        "evidence": "; ".join(one.evidence),
    }  # fmt: skip


def _with_span(middle: float, low: float, high: float, form: str) -> str:
    return f"{middle:{form}}" if np.isnan(low) else f"{middle:{form}} ({low:{form}}–{high:{form}})"


def known_of(
    table: Table,
    about: Any,
    get: Callable[[], Any],
    imports: tuple[str, ...] = (),
    lines: tuple[str, ...] = (),
) -> Known:
    """What is got of a table's fitted models, with the Python that reads the table and fits."""
    above = (
        "from muxviz.planning.choose import fit_planner",
        "from muxviz.planning.points import read_points",
        *table.imports,
        *imports,
    )
    first = (f"points = read_points({table.python})", "planner = fit_planner(points)")
    return Known(get, (table.digest, about), "result", above, (*first, *lines))


def advice_code(asked: Asked) -> str:
    """A statement that asks the same again."""
    name = {BUDGET: "budget", ACCURACY: "accuracy", THROUGHPUT: "throughput"}[asked.goal.kind]
    goal = f"make_goal(points, {name}={asked.goal.value!r})"
    return f"advice = advise(planner, {goal}{_further_code(asked)})"


def _further_code(asked: Asked) -> str:
    found = ""
    if asked.num_instances:
        found += f", num_instances={list(asked.num_instances)!r}"
    if asked.sparsities:
        found += f", sparsities={list(asked.sparsities)!r}"
    return found


def _mesh_code(is_sliced: bool) -> str:
    numbers = "numbers = np.unique(points.num_instances).astype(float)"
    if not is_sliced:
        numbers += (
            f"\nif len(numbers) > 1:\n    numbers = np.geomspace(numbers[0], numbers[-1], {MESH})"
        )
    return (
        f"{numbers}\nsparsities = 1 - 2.0 ** np.linspace(0, "
        f"np.log2(1 - points.sparsity.max()), {MESH})"
    )


def origin(planner: Planner) -> str:
    """The table and the models in use."""
    points, chosen = planner.points, planner.comparison.chosen
    used = ", ".join(f"{quantity}: {MODELS[name]}" for quantity, name in chosen.items())
    return f"{len(points)} measured settings of {points.source} · {used}"

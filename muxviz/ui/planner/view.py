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
)
from muxviz.ui.planner import params as p
from muxviz.ui.planner import text as words
from muxviz.ui.planner.sources import Table, recorded_escalation, tables, upload_control
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
    from muxviz.planning.escalated import Escalated

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
        st.code(words.COMMAND, language=None)
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
    with st.container(border=True, horizontal=True, vertical_alignment="bottom", gap="medium"):
        kind = str(control(p.GOAL))
        if kind == BUDGET:
            with st.container(width=300):
                control(p.LOSS)
        elif kind == ACCURACY:
            with st.container(width=200):
                control(p.FLOOR)
        else:
            with st.container(width=240):
                control(p.RATE)
        control(p.RISK, help="That the goal is missed on other rows of the same kind.")
        with st.popover("Further settings", icon=":material/add:"):
            control(p.MORE_N, help="Whole numbers, such as 3, 4: not measured so far.")
            control(p.MORE_S, help="In percent, such as 70, 85. Every N is tried with each.")
    try:
        return Asked(_goal(planner, kind), *_further())
    except MuxvizError as error:
        error_panel(error)
        return None


def _goal(planner: Planner, kind: str) -> Goal:
    from muxviz.planning.advise import make_goal

    if kind == BUDGET:
        asked = {"budget": round(float(value(p.LOSS)) / 100, 6)}
    elif kind == ACCURACY:
        asked = {"accuracy": round(float(value(p.FLOOR)) / 100, 6)}
    else:
        asked = {"throughput": float(value(p.RATE))}
    return make_goal(planner.points, **asked, risk=int(value(p.RISK)) / 100)


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
    from muxviz.planning.escalated import NO_CURVE

    question = "Which setting should I use?"
    st.header(question, anchor=False)
    advice = _advice(planner, asked)
    _say(advice)
    if not escalated(planner):
        st.caption(f":material/info: {plain(NO_CURVE)}.")

    def draw(advice: Advice) -> Picture:
        named = "points, advice, frontier(planner)"
        return PLANNER().of(table.points, advice, frontier(planner), named=named)

    show(
        Question(
            "planner",
            question,
            known_of(table, (asked, _more_about()), lambda: advice, *_advising(planner, asked)),
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
    st.header(question, anchor=False)
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
            planner,
            budgets,
            num_instances=asked.num_instances,
            sparsities=asked.sparsities,
            risk=asked.goal.risk,
        )

    imports = ("import numpy as np", "from muxviz.planning.advise import budget_curve")
    lines = (
        f"budgets = np.linspace(0, {budgets[-1]:.6g}, {CURVE_STEPS})",
        f"curve = budget_curve(planner, budgets{_further_code(asked)}, risk={asked.goal.risk!r})",
    )
    about = (now, asked.goal.risk, asked.num_instances, asked.sparsities)
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
    about = (asked, _more_about())
    known = known_of(table, about, lambda: _advice(planner, asked), *_advising(planner, asked))
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
        planner,
        asked.goal,
        num_instances=asked.num_instances,
        sparsities=asked.sparsities,
        escalated=escalated(planner),
    )


def escalated(planner: Planner) -> tuple[Escalated, ...]:
    """Candidates that ask again, where the recorded run has any for this table."""
    from muxviz.planning.escalated import escalated_of

    return escalated_of(planner.points, recorded_escalation())


def _more_about() -> Any:
    """What advice depends on beside the table and the goal."""
    return recorded_escalation()


def _advising(planner: Planner, asked: Asked) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Imports and statements that ask the same again."""
    imports = ["from muxviz.planning.advise import advise, frontier, make_goal"]
    lines = []
    if escalated(planner):
        imports += [
            "from muxviz.planning.escalated import escalated_of",
            "from muxviz.recorded import escalation_file",
            "from muxviz.results.checked import read_escalation",
        ]
        lines.append("bench = read_escalation(escalation_file().read_bytes(), 'escalation')")
    return tuple(imports), (*lines, advice_code(asked, is_escalated=bool(lines)))


def _say(advice: Advice) -> None:
    """The first choice in a few numbers, then the others as a table."""
    from muxviz.planning.advise import DO_NOT, NO_CANDIDATE

    first = advice.settings[0]
    is_rate = advice.goal.held == THROUGHPUT
    how = "measured" if first.is_measured else "predicted: measure it before you rely on it"
    pruned = f"{100 * first.sparsity:.0f} % pruned" if first.sparsity else "unpruned"
    again = f", {first.share:.0%} asked again by {plain(first.then)}" if first.share else ""
    keeps = first.keeps(advice.goal)
    for note in advice.notes:
        if note.startswith(NO_CANDIDATE):
            st.warning(
                f"**{note[0].upper()}{note[1:]}.** It is no recommendation.",
                icon=":material/block:",
            )
        elif note.startswith(DO_NOT):
            head, _, why = note.partition(":")
            st.info(
                f"**{head[0].upper()}{head[1:]}:** {plain(why.strip())}.",
                icon=":material/looks_one:",
            )
    cells = (
        ("Use" if keeps else "Surest", f"N = {first.num_instances}", f"{pruned}{again} · {how}"),
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
            "Risk",
            sure(1 - first.chance).replace("over ", "> ").replace("under ", "< "),
            f"that it is {'too slow' if is_rate else 'less accurate on other rows'}; you allow "
            f"{100 * advice.goal.risk:.3g} %",
        ),
    )
    with st.grid(4, min_column_width=150, gap="small"):
        for label, number, how in cells:
            with st.container(border=True, height="stretch", gap="xsmall"):
                st.metric(label, number)
                st.caption(how)
    st.dataframe(
        [_row(place, one) for place, one in enumerate(advice.settings[:SHOWN], start=1)],
        hide_index=True,
        width="stretch",
        column_config={
            "times as fast": st.column_config.NumberColumn(format="%.2f"),
            "risk": st.column_config.NumberColumn(format="percent"),
        },
        alt=f"The first {SHOWN} settings with accuracy, throughput, chances and evidence",
    )


def _row(place: int, one: Advised) -> dict[str, str | int | float]:
    return {
        "place": place,
        "setting": one.words,
        "accuracy, %": _with_span(100 * one.accuracy, 100 * one.accuracy_from,
                                  100 * one.accuracy_to, ".1f"),
        "instances/s": _with_span(one.throughput, one.throughput_from, one.throughput_to, ",.0f"),
        "times as fast": round(one.ratio, 2),
        "risk": round(1 - one.chance, 4),
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


def advice_code(asked: Asked, *, is_escalated: bool = False) -> str:
    """A statement that asks the same again."""
    name = {BUDGET: "budget", ACCURACY: "accuracy", THROUGHPUT: "throughput"}[asked.goal.kind]
    goal = f"make_goal(points, {name}={asked.goal.value!r}, risk={asked.goal.risk!r})"
    third = ", escalated=escalated_of(points, bench)" if is_escalated else ""
    return f"advice = advise(planner, {goal}{_further_code(asked)}{third})"


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

"""The panels of the Trade-off page: recorded and new runs side by side, never joined."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from muxviz.figures.tradeoff import accuracy_speed as figures
from muxviz.figures.tradeoff import carried_and_copies as more_figures
from muxviz.figures.tradeoff import memory as memory_figures
from muxviz.figures.tradeoff import published as published_figures
from muxviz.figures.tradeoff import speed as speed_figures
from muxviz.figures.tradeoff.table import tradeoff_table
from muxviz.presets.published import published
from muxviz.results.measured import Measured, Timed, machine_line, tasks_of
from muxviz.results.speed_settings import Setting, settings_of
from muxviz.results.store import to_json
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, one_of
from muxviz.ui.shell.text import plain
from muxviz.ui.study import panels
from muxviz.ui.study.kept import put
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.python import ordered
from muxviz.ui.tradeoff import text as words
from muxviz.ui.tradeoff.measure import measure_controls
from muxviz.ui.tradeoff.params import AXIS
from muxviz.ui.tradeoff.sources import Held, busy_warning, sources, upload_control

OPEN = "o_open"  # whether the page began without a run
TASK, TIMED_RUN, SETTING = "o_task", "o_timed", "o_setting"  # choices among what was loaded


def more_runs(bench: Bench) -> None:
    """Measure here, or load what was measured elsewhere; open where there was nothing at first."""
    is_open = st.session_state.setdefault(OPEN, not sources(quiet=True)[0])
    with st.expander("Measure now", icon=":material/speed:", expanded=is_open):
        measure_controls(bench)
    with st.expander("Load a run from a file", icon=":material/upload_file:"):
        upload_control()


# ---- trade-off ----------------------------------------------------------------------------------


def tradeoff_panels(held: Sequence[Held], bench: Bench) -> None:
    """Accuracy against speed; bits; copies."""
    question = "What does speed cost in accuracy?"
    if not held:
        st.subheader(question, anchor=False)
        panels.empty("No run yet", words.WILL_BE_HERE)
        st.code(words.COMMAND, language="shell")
        return
    runs = measured(held)
    st.subheader(question, anchor=False)
    busy_warning(held)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        axis = str(control(AXIS))
        task = _task(runs)

    def accuracy() -> Panel:
        call = f"tradeoff_figure(runs, task={task!r}, x={axis!r})"
        return Panel(
            "tradeoff",
            (figures.tradeoff_figure(runs, task=task, x=axis, dark=bench.is_dark),),
            (figures.tradeoff_alt(runs, task=task, x=axis),),
            tradeoff_table(runs),
            words.TRADEOFF_HOW,
            words.TRADEOFF_LIMITS,
            lambda: record(runs),
            code(held, "accuracy_speed", "tradeoff_figure", call),
            origin(runs),
        )

    put("tradeoff", "", (runs, task, axis), bench, accuracy, heads=question)
    said = figures.rivals_finding(runs, task=task)
    if said:
        st.caption(f"{plain(said)}.")


def other_panels(held: Sequence[Held], bench: Bench) -> None:
    """What follows the calculator: bits and copies of the same runs."""
    if not held:
        return
    runs = measured(held)
    task = _chosen_task(runs)

    def carried() -> Panel:
        return Panel(
            "tradeoff_bits",
            (more_figures.carried_figure(runs, dark=bench.is_dark),),
            (more_figures.carried_alt(runs),),
            more_figures.carried_table(runs),
            words.BITS_HOW,
            words.BITS_LIMITS,
            lambda: record(runs),
            code(held, "carried_and_copies", "carried_figure", "carried_figure(runs)"),
            origin(runs),
        )

    def copies() -> Panel:
        call = f"copies_curve(runs, task={task!r})"
        return Panel(
            "tradeoff_copies",
            (more_figures.copies_curve(runs, task=task, dark=bench.is_dark),),
            (more_figures.copies_alt(runs, task=task),),
            more_figures.copies_table(runs, task=task),
            words.COPIES_HOW,
            words.COPIES_LIMITS,
            lambda: record(runs),
            code(held, "carried_and_copies", "copies_curve", call),
            origin(runs),
        )

    put("tradeoff_bits", "How much does one vector carry?", runs, bench, carried)
    put("tradeoff_copies", "What do copies of a text buy?", (runs, task), bench, copies)


def measured(held: Sequence[Held]) -> tuple[Measured, ...]:
    """The trade-offs among what is held."""
    return tuple(h.one for h in held if isinstance(h.one, Measured))


def _task(runs: Sequence[Measured]) -> str:
    """Whose points are drawn; asked where there are several tasks."""
    tasks = tasks_of(runs)
    if len(tasks) > 1:
        if st.session_state.get(TASK) not in tasks:
            st.session_state[TASK] = tasks[0]
        with st.container(width=260):
            st.selectbox("Task", tasks, key=TASK, format_func=lambda task: task.replace("_", " "))
    return _chosen_task(runs)


def _chosen_task(runs: Sequence[Measured]) -> str:
    tasks = tasks_of(runs)
    chosen = st.session_state.get(TASK)
    return str(chosen) if chosen in tasks else tasks[0]


# ---- speed --------------------------------------------------------------------------------------


def speed_panels(held: Sequence[Held], bench: Bench) -> None:
    """Latency and memory of one run in one setting."""
    question = "How long does a request wait?"
    if not held:
        st.subheader(question, anchor=False)
        panels.empty(
            "No speed run yet",
            "Times of a pass and memory by batch will be here: record a run, press Measure "
            "latency above, or load a file.",
        )
        return
    st.subheader(question, anchor=False)
    one = one_of(held, TIMED_RUN, "Speed run", lambda h: h.one.label)
    timed = one.one
    assert isinstance(timed, Timed), "speed runs only"
    busy_warning([one])
    setting = one_of(settings_of(timed.run), SETTING, "Setting", lambda s: s.label)

    def latency() -> Panel:
        return Panel(
            "tradeoff_latency",
            (speed_figures.latency_figure(timed, setting, dark=bench.is_dark),),
            (speed_figures.latency_alt(timed, setting),),
            speed_figures.latency_table(timed),
            words.LATENCY_HOW,
            words.LATENCY_LIMITS,
            lambda: to_json(timed.run),
            _speed_code(one, setting, "speed", "latency_figure"),
            _speed_origin(timed),
        )

    def memory() -> Panel:
        return Panel(
            "tradeoff_memory",
            (memory_figures.memory_figure(timed, setting, dark=bench.is_dark),),
            (memory_figures.memory_alt(timed, setting),),
            memory_figures.memory_table(timed, setting),
            words.MEMORY_HOW,
            words.MEMORY_LIMITS,
            lambda: to_json(timed.run),
            _speed_code(one, setting, "memory", "memory_figure"),
            _speed_origin(timed),
        )

    put("tradeoff_latency", "", (timed, setting), bench, latency, heads=question)
    put("tradeoff_memory", "What memory does it need?", (timed, setting), bench, memory)


def _speed_code(one: Held, setting: Setting, module: str, figure: str) -> str:
    imports = [
        *one.imports,
        f"from muxviz.figures.tradeoff.{module} import {figure}",
        "from muxviz.results.speed_settings import Setting",
    ]
    return "\n".join([*ordered(imports), "", *one.python, f"{figure}(timed, {setting!r}).show()"])


def _speed_origin(timed: Timed) -> str:
    run = timed.run
    command = f"{run.command} · " if run.command else ""
    return f"{timed.label} · {run.rounds} rounds · {command}{machine_line(run.machine)}"


# ---- published ----------------------------------------------------------------------------------


def published_panel(bench: Bench) -> None:
    """Papers' numbers, by themselves."""
    found = published()

    def make() -> Panel:
        return Panel(
            "tradeoff_published",
            (published_figures.published_figure(found, dark=bench.is_dark),),
            (published_figures.published_alt(found),),
            published_figures.published_table(found),
            words.PUBLISHED_HOW,
            words.PUBLISHED_LIMITS,
            lambda: to_json(found),
            "from muxviz.figures.tradeoff.published import published_figure\n"
            "from muxviz.presets.published import published\n\n"
            "published_figure(published()).show()",
            f"{len(found)} numbers of "
            f"{', '.join(dict.fromkeys(p.source for p in found))}; sources in the table",
        )

    put("tradeoff_published", "What do papers report?", found, bench, make)


# ---- shared -------------------------------------------------------------------------------------


def record(runs: Sequence[Measured]) -> str:
    """JSON of one run as it can be loaded again; of several, a list of them."""
    found = tuple(one.run for one in runs)
    return to_json(found[0] if len(found) == 1 else found)


def code(held: Sequence[Held], module: str, figure: str, call: str) -> str:
    """Python that collects the runs and draws ``call``."""
    imports = [f"from muxviz.figures.tradeoff.{module} import {figure}"]
    imports += [line for h in held for line in h.imports]
    lines = [line for h in held for line in h.python]
    return "\n".join([*ordered(imports), "", "runs = []", *lines, f"{call}.show()"])


def origin(runs: Sequence[Measured]) -> str:
    """Data, rounds, seeds and machine of every run."""
    lines = []
    for one in runs:
        run = one.run
        dtypes = ", ".join(dict.fromkeys(p.dtype for p in run.points))
        seeds = ", ".join(map(str, run.seeds))
        command = f" · {run.command}" if run.command else ""
        lines.append(
            f"{one.label}: {run.data}, {dtypes}, {run.rounds} rounds, seeds {seeds}{command} · "
            f"{machine_line(run.machine)}"
        )
    return " ◦ ".join(lines)

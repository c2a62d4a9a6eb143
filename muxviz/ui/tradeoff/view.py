"""The panels of the Trade-off page: recorded and new runs side by side, never joined."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from muxviz.figures.tradeoff.accuracy_speed import TRADEOFF, rivals_finding
from muxviz.figures.tradeoff.carried_and_copies import CARRIED, COPIES
from muxviz.figures.tradeoff.memory import MEMORY
from muxviz.figures.tradeoff.published import PUBLISHED
from muxviz.figures.tradeoff.speed import LATENCY
from muxviz.presets.published import published
from muxviz.results.measured import Measured, Timed, machine_line, tasks_of
from muxviz.results.speed_settings import settings_of
from muxviz.results.throughput import TradeoffRun
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, one_of
from muxviz.ui.shell.text import plain
from muxviz.ui.study import panels
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known
from muxviz.ui.study.question import show
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


def tradeoff_panels(held: Sequence[Held]) -> None:
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

    show(
        Question(
            "tradeoff",
            question,
            known(held),
            "",
            TRADEOFF(task=task, x=axis),
            words.TRADEOFF_HOW,
            words.TRADEOFF_LIMITS,
            view=(task, axis),
            origin=origin,
            record=record,
            is_headed=False,
        )
    )
    said = rivals_finding(runs, task=task)
    if said:
        st.caption(f"{plain(said)}.")


def other_panels(held: Sequence[Held]) -> None:
    """What follows the calculator: bits and copies of the same runs."""
    if not held:
        return
    task = _chosen_task(measured(held))
    panels_of = (
        ("bits", "How much does one vector carry?", CARRIED(), words.BITS_HOW, words.BITS_LIMITS),
        (
            "copies",
            "What do copies of a text buy?",
            COPIES(task=task),
            words.COPIES_HOW,
            words.COPIES_LIMITS,
        ),
    )
    for name, question, picture, how, limits in panels_of:
        show(
            Question(
                f"tradeoff_{name}",
                question,
                known(held),
                "",
                picture,
                how,
                limits,
                view=(task,),
                origin=origin,
                record=record,
            )
        )


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


def speed_panels(held: Sequence[Held]) -> None:
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

    panels_of = (
        (
            "latency",
            question,
            LATENCY(setting=setting),
            words.LATENCY_HOW,
            words.LATENCY_LIMITS,
        ),
        (
            "memory",
            "What memory does it need?",
            MEMORY(setting=setting),
            words.MEMORY_HOW,
            words.MEMORY_LIMITS,
        ),
    )
    needed = ("from muxviz.results.speed_settings import Setting",)
    for name, asked, picture, how, limits in panels_of:
        show(
            Question(
                f"tradeoff_{name}",
                asked,
                Known(lambda: timed, timed, "timed", (*one.imports, *needed), one.python),
                "",
                picture,
                how,
                limits,
                view=(setting,),
                origin=_speed_origin,
                record=lambda timed: timed.run,
                is_headed=asked != question,
            )
        )


def _speed_origin(timed: Timed) -> str:
    run = timed.run
    command = f"{run.command} · " if run.command else ""
    return f"{timed.label} · {run.rounds} rounds · {command}{machine_line(run.machine)}"


# ---- published ----------------------------------------------------------------------------------


def published_panel() -> None:
    """Papers' numbers, by themselves."""
    show(
        Question(
            "tradeoff_published",
            "What do papers report?",
            Known(
                published,
                "published",
                "published()",
                ("from muxviz.presets.published import published",),
            ),
            "",
            PUBLISHED(),
            words.PUBLISHED_HOW,
            words.PUBLISHED_LIMITS,
            origin=lambda found: (
                f"{len(found)} numbers of {', '.join(dict.fromkeys(q.source for q in found))}; "
                "sources in the table"
            ),
        )
    )


# ---- shared -------------------------------------------------------------------------------------


def known(held: Sequence[Held]) -> Known:
    """The trade-offs among what is held, as a result that is there."""
    runs = measured(held)
    return Known(
        lambda: runs,
        runs,
        "runs",
        tuple(line for h in held for line in h.imports),
        ("runs = []", *(line for h in held for line in h.python)),
    )


def record(runs: Sequence[Measured]) -> TradeoffRun | tuple[TradeoffRun, ...]:
    """One run as it can be loaded again; of several, all of them."""
    found = tuple(one.run for one in runs)
    return found[0] if len(found) == 1 else found


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

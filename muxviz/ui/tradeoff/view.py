"""The panels of the Trade-off page: recorded and new runs side by side, never joined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from muxviz.figures.tradeoff.accuracy_speed import TRADEOFF
from muxviz.figures.tradeoff.carried_and_copies import CARRIED, COPIES
from muxviz.figures.tradeoff.memory import MEMORY
from muxviz.figures.tradeoff.published import PUBLISHED
from muxviz.figures.tradeoff.speed import LATENCY
from muxviz.figures.tradeoff.words import goals_finding, rivals_finding
from muxviz.presets.published import published
from muxviz.results.contenders import FEATURES, Contender, Found, contenders_of
from muxviz.results.measured import Measured, Timed, machine_line, tasks_of
from muxviz.results.speed_settings import settings_of
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, one_of, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study import panels
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known
from muxviz.ui.study.question import show
from muxviz.ui.study.tabs import in_tabs
from muxviz.ui.tradeoff import text as words
from muxviz.ui.tradeoff.measure import measure_controls
from muxviz.ui.tradeoff.params import AXIS, DEVICE, HIDE
from muxviz.ui.tradeoff.sources import Held, busy_warning, sources, upload_control

QUESTION = "What does speed cost in accuracy?"
TABS, CHIPS, DEVICES = "o_tabs", "o_chips", "o_devices"
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


def picture(held: Sequence[Held], chosen: tuple[str, ...]) -> None:
    """Everything measured: accuracy against speed. chosen: key of the mark with a ring."""
    if not held:
        st.header(QUESTION, anchor=False)
        panels.empty("No run yet", words.WILL_BE_HERE)
        st.code(words.COMMAND, language=None)
        return
    runs = everything(held)
    st.header(QUESTION, anchor=False)
    busy_warning(held)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        axis = str(control(AXIS))
        task = _task(runs)
        hidden, device = _chips(contenders_of(runs, task))
    show(
        Question(
            "tradeoff",
            QUESTION,
            known(held, everything),
            "",
            TRADEOFF(task=task, x=axis, hidden=hidden, device=device, chosen=chosen),
            words.TRADEOFF_HOW,
            words.TRADEOFF_LIMITS,
            view=(task, axis, hidden, device, chosen),
            origin=origin,
            record=record,
            is_headed=False,
        )
    )
    for said in (goals_finding(runs), rivals_finding(runs, task=task, is_brief=True)):
        if said:
            st.caption(f"{plain(said)}.")


def _chips(found: Sequence[Contender]) -> tuple[tuple[str, ...], str]:
    """What is hidden, and the one device that is shown; only what occurs can be chosen."""
    there = [name for name in FEATURES if any(name in one.features for one in found)]
    given = str(value(HIDE)).split(",")
    hidden = tuple(name for name in there if name in given)
    if there:
        st.session_state[CHIPS] = [name for name in there if name not in hidden]
        st.pills(
            "Show",
            there,
            key=CHIPS,
            selection_mode="multi",
            format_func=FEATURES.__getitem__,
            on_change=_hide,
            args=(there,),
        )
    devices = list(dict.fromkeys(one.device for one in found))
    device = str(value(DEVICE))
    device = device if device in devices else ""
    if len(devices) > 1:
        st.session_state[DEVICES] = device
        with st.container(width=220):
            st.selectbox(
                "Device",
                ["", *devices],
                key=DEVICES,
                format_func=lambda name: name or "All",
                on_change=_only,
            )
    return hidden, device


def _hide(there: list[str]) -> None:
    """Carry the chips into links; a callback."""
    hidden = [name for name in there if name not in st.session_state[CHIPS]]
    st.session_state[HIDE.key] = ",".join(hidden)


def _only() -> None:
    """The same for the device."""
    name = st.session_state[DEVICES]
    st.session_state[DEVICE.key] = name if len(name) <= DEVICE.max_length else ""


def details(held: Sequence[Held], speeds: Sequence[Held], plans: Callable[[], None]) -> None:
    """What else was measured, and what papers report, each behind its tab."""
    in_tabs(
        TABS,
        {
            "Settings considered": plans,
            "Latency": partial(_speed_panel, speeds, "latency"),
            "Memory": partial(_speed_panel, speeds, "memory"),
            "Bits": partial(_more_panel, held, "bits"),
            "Copies": partial(_more_panel, held, "copies"),
            "Published": published_panel,
        },
    )


def _more_panel(held: Sequence[Held], name: str) -> None:
    """Bits or copies of the trade-off runs."""
    runs = measured(held)
    if not runs:
        panels.empty("No trade-off run yet", "Measure one, or load a file, above.")
        return
    task = _chosen_task(runs)
    question, drawn, how, limits = {
        "bits": (
            "How much does one vector carry?",
            CARRIED(),
            words.BITS_HOW,
            words.BITS_LIMITS,
        ),
        "copies": (
            "What do copies of a text buy?",
            COPIES(task=task),
            words.COPIES_HOW,
            words.COPIES_LIMITS,
        ),
    }[name]
    show(
        Question(
            f"tradeoff_{name}",
            question,
            known(held, measured),
            "",
            drawn,
            how,
            limits,
            view=(task,),
            origin=origin,
            record=record,
        )
    )


def everything(held: Sequence[Held]) -> tuple[Found, ...]:
    """What the first picture shows."""
    return tuple(h.one for h in held if not isinstance(h.one, Timed))


def measured(held: Sequence[Held]) -> tuple[Measured, ...]:
    """The trade-offs among what is held."""
    return tuple(h.one for h in held if isinstance(h.one, Measured))


def _task(runs: Sequence[Found]) -> str:
    """Whose points are drawn; asked where there are several tasks."""
    tasks = tasks_of(runs)
    if len(tasks) > 1:
        if st.session_state.get(TASK) not in tasks:
            st.session_state[TASK] = tasks[0]
        with st.container(width=260):
            st.selectbox("Task", tasks, key=TASK, format_func=lambda task: task.replace("_", " "))
    return _chosen_task(runs)


def _chosen_task(runs: Sequence[Found]) -> str:
    tasks = tasks_of(runs)
    chosen = st.session_state.get(TASK)
    return str(chosen) if chosen in tasks else tasks[0]


# ---- speed --------------------------------------------------------------------------------------


def _speed_panel(held: Sequence[Held], name: str) -> None:
    """Latency or memory of one run in one setting."""
    if not held:
        panels.empty(
            "No speed run yet",
            "Times of a pass and memory by batch will be here: record a run, press Measure "
            "latency above, or load a file.",
        )
        return
    one = one_of(held, TIMED_RUN, "Speed run", lambda h: h.one.label)
    timed = one.one
    assert isinstance(timed, Timed), "speed runs only"
    busy_warning([one])
    setting = one_of(settings_of(timed.run), SETTING, "Setting", lambda s: s.label)
    question, drawn, how, limits = {
        "latency": (
            "How long does a request wait?",
            LATENCY(setting=setting),
            words.LATENCY_HOW,
            words.LATENCY_LIMITS,
        ),
        "memory": (
            "What memory does it need?",
            MEMORY(setting=setting),
            words.MEMORY_HOW,
            words.MEMORY_LIMITS,
        ),
    }[name]
    needed = ("from muxviz.results.speed_settings import Setting",)
    show(
        Question(
            f"tradeoff_{name}",
            question,
            Known(lambda: timed, timed, "timed", (*one.imports, *needed), one.python),
            "",
            drawn,
            how,
            limits,
            view=(setting,),
            origin=_speed_origin,
            record=lambda timed: timed.run,
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


def known(held: Sequence[Held], chosen: Callable[[Sequence[Held]], tuple[Any, ...]]) -> Known:
    """The runs of some kinds among what is held, as a result that is there."""
    runs = chosen(held)
    own = [h for h in held if h.one in runs]
    return Known(
        lambda: runs,
        runs,
        "runs",
        tuple(line for h in own for line in h.imports),
        ("runs = []", *(line for h in own for line in h.python)),
    )


def record(runs: Sequence[Found]) -> Any:
    """One run as it can be loaded again; of several, all of them."""
    found = tuple(one.run for one in runs)
    return found[0] if len(found) == 1 else found


def origin(runs: Sequence[Found]) -> str:
    """Data, rounds, seeds and machine of every run."""
    lines = []
    for one in runs:
        run = one.run
        how = f"{run.rounds} rounds"
        if isinstance(one, Measured):
            dtypes = ", ".join(dict.fromkeys(p.dtype for p in one.run.points))
            how = f"{dtypes}, {how}, seeds {', '.join(map(str, one.run.seeds))}"
        command = f" · {run.command}" if run.command else ""
        lines.append(f"{one.label}: {run.data}, {how}{command} · {machine_line(run.machine)}")
    return " ◦ ".join(lines)

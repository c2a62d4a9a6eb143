"""One run on screen: its state, its numbers, its curves, and what it reads back."""

from __future__ import annotations

import math
import shlex
from datetime import UTC, datetime
from functools import partial

import numpy as np
import streamlit as st

from muxviz.errors import MuxvizError
from muxviz.figures.drawing.small_multiples import short_number
from muxviz.figures.drawing.wording import percent
from muxviz.printable import printable
from muxviz.results.training import RunCurves, RunSummary
from muxviz.training.run_folder import log_tail
from muxviz.ui.shell.frame import Bench, is_demo
from muxviz.ui.shell.text import plain
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.panels import empty
from muxviz.ui.study.tabs import in_tabs
from muxviz.ui.training import runs as training_runs
from muxviz.ui.training.command import TrainCommand, from_words
from muxviz.ui.training.curves import Source, losses_panel, slots_panel, speed_panel
from muxviz.ui.training.form import resume, stop
from muxviz.ui.training.runs import Listed
from muxviz.ui.training.samples import samples_panel

TICK_S = 4.0  # between two looks at a live run
RECENT = 20  # rows that tell the present speed
NONE = "n/a"
STATES = {
    "starting": ("starting", ":material/hourglass_top:", "blue"),
    "running": ("live", ":material/play_circle:", "green"),
    "stopping": ("stopping", ":material/hourglass_bottom:", "orange"),
    "finished": ("finished", ":material/check_circle:", "gray"),
    "stopped": ("stopped", ":material/pause_circle:", "gray"),
    "failed": ("failed", ":material/error:", "red"),
    "interrupted": ("interrupted", ":material/power_off:", "orange"),
    "elsewhere": ("on another machine", ":material/lan:", "blue"),
    "recorded": ("recorded, not live", ":material/movie:", "gray"),
    "empty": ("nothing logged yet", ":material/hourglass_empty:", "gray"),
}


def run_view(run: Listed, others: list[Listed], bench: Bench) -> None:
    """Everything about a run; looked at again every few seconds while it lives."""
    every = TICK_S if training_runs.summary(run).is_alive else None
    st.fragment(_view, run_every=every)(run, others, bench, every is not None)


def _view(run: Listed, others: list[Listed], bench: Bench, was_alive: bool) -> None:
    summary = training_runs.summary(run)
    if summary.is_alive != was_alive:
        st.rerun()  # once more as a whole: from now on it need not be looked at, or has to be
    try:
        curves = training_runs.curves(run)
        compared = [training_runs.curves(other) for other in others]
    except MuxvizError as error:
        error_panel(error)
        return
    _state_line(run, summary)
    _next_step(run, summary)
    if not len(curves.steps):
        waiting = "The curves of this run will be here once its first row is logged."
        ended = "The run ended before its first row, so there is no curve."
        empty("No row yet", waiting if summary.is_alive or summary.state == "empty" else ended)
        _facts(summary)
        return
    _numbers(summary, curves)
    _facts(summary)
    shown = [curves, *(c for c in compared if len(c.steps))]
    folders = [
        run.folder,
        *(o.folder for o, c in zip(others, compared, strict=True) if len(c.steps)),
    ]
    source = Source(tuple(map(str, folders)), provenance(summary, curves))
    in_tabs(
        "training_more",
        {
            "Slots": partial(slots_panel, shown, source, bench),
            "Losses": partial(losses_panel, shown, source),
            "Samples": partial(samples_panel, run, summary, source.provenance),
            "Speed": partial(speed_panel, shown, source),
        },
    )


# ---- its state ----------------------------------------------------------------------------------


def _state_line(run: Listed, summary: RunSummary) -> None:
    words, icon, color = STATES["recorded" if run.is_recorded else summary.state]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.badge(words, icon=icon, color=color)  # type: ignore[arg-type]
        st.caption(_doing(summary), width="content")
        if summary.is_alive and not is_demo():
            st.button(
                "Stop",
                key="t_stop",
                icon=":material/stop_circle:",
                on_click=stop,
                args=(summary.folder,),
                disabled=summary.state == "stopping",
                help="It saves, then ends; it can be resumed later.",
            )
    if summary.is_alive and summary.total_steps:
        st.progress(min(summary.step / summary.total_steps, 1.0))


def _doing(summary: RunSummary) -> str:
    parts = []
    if summary.step:
        of = f" of {summary.total_steps:,}" if summary.total_steps else ""
        parts.append(f"step {summary.step:,}{of}")
    if summary.stage:
        parts.append(plain(summary.stage.replace("_", " ")))
    age = _age(summary.updated)
    if summary.is_alive and age is not None:
        parts.append(f"last sign of life {duration(age)} ago")
    if summary.message:
        parts.append(plain(summary.message))
    return " · ".join(parts)


def _next_step(run: Listed, summary: RunSummary) -> None:
    """How to go on with a run that ended early, and what it printed last."""
    if (
        run.is_recorded
        or summary.is_alive
        or summary.state in ("finished", "recorded", "elsewhere")
    ):
        return
    known = from_words(summary.command)
    if summary.state == "interrupted":
        st.warning(
            "**Interrupted:** its process is gone. Resume it with", icon=":material/power_off:"
        )
    elif summary.state != "empty":
        st.caption("Go on with it:" if summary.has_state else "Begin again:")
    st.code(_command(summary, known), language=None, wrap_lines=True)
    if known is not None and not is_demo():
        label = "Resume" if summary.has_state else "Start again"
        st.button(
            label,
            key="t_resume",
            icon=":material/play_arrow:",
            on_click=resume,
            args=(known.resumed(),),
        )
    if summary.state in ("failed", "interrupted") and (tail := log_tail(run.folder)):
        with st.expander("What it printed last", expanded=summary.state == "failed"):
            st.code("\n".join(tail.split("\n")[-40:]), language=None, wrap_lines=True)


def _command(summary: RunSummary, known: TrainCommand | None) -> str:
    if known is not None:
        return known.resumed().text
    if summary.command:
        words = [w for w in summary.command if w != "--resume"]
        return shlex.join([*words, "--resume"])
    recipe = summary.recipe_file or "CONFIG"
    return shlex.join(
        ["muxviz", "train", recipe, "--data", "DIR", "--out", summary.folder, "--resume"]
    )


# ---- its numbers --------------------------------------------------------------------------------


def _numbers(summary: RunSummary, curves: RunCurves) -> None:
    cells = [_read_back(curves), _rate(curves), _time(summary, curves), _seen(curves)]
    with st.grid(4, min_column_width=160, gap="small"):
        for label, value, how in cells:
            with st.container(border=True, height="stretch", gap="xsmall"):
                st.metric(label, value)
                st.caption(how)


def _read_back(curves: RunCurves) -> tuple[str, str, str]:
    label = "Tokens read back"
    known = np.flatnonzero(np.isfinite(curves.retrieval).any(axis=1))
    if not len(known):
        return label, NONE, "No read-back was measured: N = 1, or no retrieval loss."
    row = curves.retrieval[known[-1]]
    step = int(curves.steps[known[-1]])
    low, high = percent(float(np.nanmin(row))), percent(float(np.nanmax(row)))
    return label, percent(float(np.nanmean(row))), f"mean of slots ({low} to {high}), step {step:,}"


def _rate(curves: RunCurves) -> tuple[str, str, str]:
    now = _recent(curves.instances_per_s)
    tokens = _recent(curves.tokens_per_s)
    how = f"{short_number(tokens)} tokens/s" if math.isfinite(tokens) else "tokens not logged"
    return "Instances per second", short_number(now), f"{how}; median of the last rows"


def _time(summary: RunSummary, curves: RunCurves) -> tuple[str, str, str]:
    spent = float(curves.seconds[-1])
    if not summary.is_alive:
        how = "of training, all sessions" if math.isfinite(spent) else "not logged"
        return "Time", duration(spent), how
    left = time_left(curves, summary.total_steps)
    return "Time left", duration(left), f"at the present speed; {duration(spent)} so far"


def _seen(curves: RunCurves) -> tuple[str, str, str]:
    tokens = float(curves.tokens[-1])
    instances = float(curves.instances[-1])
    how = f"in {amount(instances)} texts" if math.isfinite(instances) else "not logged"
    return "Tokens seen", amount(tokens), how


def amount(number: float) -> str:
    """``"840"``, ``"240,000"``, ``"5.04 M"``; n/a for NaN."""
    for size, word in ((1e9, "bn"), (1e6, "M")):
        if number >= size:
            return f"{short_number(number / size)} {word}"
    return f"{number:,.0f}" if math.isfinite(number) else NONE


def time_left(curves: RunCurves, total_steps: int) -> float:
    """Seconds to the last step at the speed of the last rows; NaN where that is not known."""
    rows = np.flatnonzero(np.isfinite(curves.seconds))[-RECENT:]
    if len(rows) < 2 or not total_steps:
        return math.nan
    steps = float(curves.steps[rows[-1]] - curves.steps[rows[0]])
    seconds = float(curves.seconds[rows[-1]] - curves.seconds[rows[0]])
    return max(0, total_steps - int(curves.steps[-1])) * seconds / steps if steps else math.nan


def duration(seconds: float) -> str:
    """``"45 s"``, ``"12 min"``, ``"3 h 5 min"``; n/a for NaN."""
    if not math.isfinite(seconds):
        return NONE
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _recent(values: np.ndarray) -> float:
    known = values[np.isfinite(values)][-RECENT:]
    return float(np.median(known)) if len(known) else math.nan


def _age(updated: str) -> float | None:
    try:
        then = datetime.fromisoformat(updated)
    except ValueError:
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return max(0.0, (datetime.now(UTC) - then).total_seconds())


def _facts(summary: RunSummary) -> None:
    """What the run is, as its files tell."""
    facts = [
        ("N", str(summary.num_instances)),
        ("recipe", summary.recipe_file),
        ("command", shlex.join(summary.command)),
        ("start", summary.start),
        ("teacher", summary.teacher),
        ("seed", "" if summary.seed is None else str(summary.seed)),
        ("commit", summary.commit),
        ("started", summary.started),
        ("folder", "" if is_demo() else summary.folder),
        *((f"machine: {name}", value) for name, value in summary.hardware),
    ]
    known = [{"what": name, "value": printable(value)} for name, value in facts if value]
    with st.expander("What this run is, and what machine made it", type="compact"):
        st.dataframe(
            known, hide_index=True, width="stretch", alt=f"{len(known)} facts about this run"
        )


def provenance(summary: RunSummary, curves: RunCurves) -> str:
    """One line for the foot of a figure."""
    machine = dict(summary.hardware)
    parts = [
        curves.name,
        f"N = {summary.num_instances}",
        f"{len(curves.steps):,} rows to step {int(curves.steps[-1]):,}",
        "" if summary.seed is None else f"seed {summary.seed}",
        f"commit {summary.commit[:10]}" if summary.commit else "",
        f"{machine['processes']} processes" if machine.get("processes", "1") != "1" else "",
        machine.get("device", ""),
        machine.get("cpu", ""),
        f"started {summary.started}" if summary.started else "",
        f"{curves.unreadable} lines could not be read" if curves.unreadable else "",
    ]
    return " · ".join(part for part in parts if part)

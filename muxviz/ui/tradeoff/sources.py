"""Runs that the Trade-off page shows: recorded ones, files of the user's, and those made now.

Every source knows the Python that gives the same run again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import streamlit as st

from muxviz import recorded
from muxviz.errors import DataError, MuxvizError
from muxviz.files import read_bytes
from muxviz.results.checked import MAX_BYTES, read_run
from muxviz.results.escalation import EscalationBench
from muxviz.results.measured import FILE, NOW, RECORDED, Escalated, Measured, Timed
from muxviz.results.throughput import SpeedRun, TradeoffRun
from muxviz.ui.shell.text import plain
from muxviz.ui.study import uploads
from muxviz.ui.study.call import Call
from muxviz.ui.study.errors import error_panel
from muxviz.ui.tradeoff.measure import made_now

FILES = "o"  # key of the field
Run: TypeAlias = TradeoffRun | SpeedRun | EscalationBench
KINDS: dict[str, type] = {
    "tradeoff": TradeoffRun,
    "escalation": EscalationBench,
    "speed": SpeedRun,
}


@dataclass(frozen=True)
class Held:
    """A run on the page. python: statements that append it to ``runs``, or set ``timed``."""

    one: Measured | Timed | Escalated
    python: tuple[str, ...]
    imports: tuple[str, ...] = ()


def sources(*, quiet: bool = False) -> tuple[list[Held], list[Held]]:
    """Trade-offs (those that ask again too) and speed runs, recorded ones first.

    A damaged recording is said on the page, unless ``quiet``.
    """
    found: list[Held] = []
    for name in KINDS:
        try:
            run = recorded_run(name)
        except MuxvizError as error:
            if not quiet:
                error_panel(error)
            continue
        if run is not None:
            found.append(_held(RECORDED, name, run))
    found += [_held(FILE, one.label, one.value) for one in uploads.opened(FILES)]
    found += [_made(run, call) for run, call in made_now()]
    return (
        [
            h
            for h in found
            if (isinstance(h.one, Measured) and h.one.run.points)
            or (isinstance(h.one, Escalated) and h.one.run.results)
        ],
        [h for h in found if isinstance(h.one, Timed) and h.one.run.results],
    )


def _made(run: TradeoffRun | SpeedRun, call: Call) -> Held:
    is_tradeoff = isinstance(run, TradeoffRun)
    one = Measured(NOW, run) if isinstance(run, TradeoffRun) else Timed(NOW, run)
    word = type(one).__name__
    last = f"runs.append({word}({NOW!r}, run))" if is_tradeoff else f"timed = {word}({NOW!r}, run)"
    imports = (*call.imports(), f"from muxviz.results.measured import {word}")
    return Held(one, (*call.statements("run"), last), imports)


def recorded_run(name: str) -> Run | None:
    """The recorded run of one of ``KINDS``; None where there is none.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    path = getattr(recorded, f"{name}_file")()
    if not path.is_file():
        return None
    run = _read(str(path), path.stat().st_mtime_ns)
    if not isinstance(run, KINDS[name]):
        raise DataError(f"{path.name} holds a {type(run).__name__}; record it again")
    return run


@st.cache_data(max_entries=4, show_spinner=False)
def _read(path: str, changed: int) -> Run:
    return read_run(read_bytes(path), Path(path).name)


def _held(kind: str, name: str, run: Run) -> Held:
    shown = name if kind == FILE else ""
    one: Measured | Timed | Escalated
    if isinstance(run, TradeoffRun):
        one = Measured(kind, run, shown)
    elif isinstance(run, SpeedRun):
        one = Timed(kind, run, shown)
    else:
        one = Escalated(kind, run, shown)
    word = type(one).__name__
    imports = [
        f"from muxviz.results.measured import {word}",
        "from muxviz.results.checked import read_run",
    ]
    imports += (
        [f"from muxviz.recorded import {name}_file"]
        if kind == RECORDED
        else ["from pathlib import Path"]
    )
    source = f"{name}_file()" if kind == RECORDED else f"Path({name!r})"
    made = f"{word}({kind!r}, read_run({source}.read_bytes(), {name!r}), {shown!r})"
    return Held(
        one,
        (f"timed = {made}" if isinstance(run, SpeedRun) else f"runs.append({made})",),
        tuple(imports),
    )


def upload_control() -> None:
    """Load runs that were recorded elsewhere, such as on a machine with a GPU."""
    uploads.upload_control(
        FILES,
        "A TradeoffRun, SpeedRun or EscalationBench as JSON",
        kinds=["json"],
        most=MAX_BYTES,
        read=read_run,
        help="As `muxviz bench … --json` or `muxviz record --speed` write it, or JSON saved here.",
    )


# ---- what is said of them -----------------------------------------------------------------------


def busy_warning(held: Sequence[Held]) -> None:
    """One warning for each run that was measured on a busy machine."""
    for one in (h.one for h in held):
        machine = one.run.machine
        if machine.is_busy:
            st.warning(
                f"**Measured while {machine.load:.1f} other processors were busy: not "
                f"comparable.** {plain(one.label)}. Its marks are hollow; accuracy is not touched.",
                icon=":material/traffic_jam:",
            )

"""Measure now: chosen checkpoints beside each other, in the background.

What was measured stays for the session, each run with its own settings; nothing of it goes stale.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from muxviz.errors import Stopped
from muxviz.pool import pool_name
from muxviz.results.store import to_json
from muxviz.results.throughput import SpeedRun, TradeoffRun
from muxviz.ui.shell import checkpoints, session
from muxviz.ui.shell.checkpoints import Listed
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import listed, plain, shorten
from muxviz.ui.study import runs
from muxviz.ui.study.call import Ask, Call
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.jobs import Together, Work
from muxviz.ui.study.kept import desk
from muxviz.ui.study.question import start, watch
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.tradeoff import params as p

TRADEOFF, SPEED = "bench.here.tradeoff_of", "bench.here.speed_of"
VARIABLE = "MUXVIZ_DATA"
PICKED = "o_picked"  # the multiselect; what it holds is kept under ``MODELS.key``
SPEED_BATCHES = (1, 4, 16)
MOST = 8  # checkpoints held at once


def measure_controls(bench: Bench) -> None:
    """Which checkpoints, which rows, and two buttons."""
    choices = [*checkpoints.bundled(), *st.session_state.get(session.OPENED, ())]
    if not choices:
        st.info("No checkpoint is here to measure. Open one on Models.")
        return
    chosen = _pick(choices, bench)
    with st.grid(3, min_column_width=200, gap="small"):
        control(p.ROWS, help="Drawn at random, the same for all.")
        control(p.GROUPINGS, help="Shuffles of the rows: who shares a pass changes answers.")
        control(p.ROUNDS, help="Timed turns of every checkpoint, after one that does not count.")
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(p.BATCH, help="Mixed sequences per forward.")
        control(p.GROUPING)
        control(
            p.COPIES, help="Ensembling: each text in several slots, log-probabilities averaged."
        )
        if os.environ.get(VARIABLE):
            control(p.DATA)
        control(p.BITS, help="From random groups of the pool; needs a retrieval head.")
        with st.container(width=240):
            control(p.LENGTH, help="Of the random rows that latency is measured on.")
    if not chosen:
        st.caption("Choose at least one checkpoint.")
        return
    tradeoff, speed = _tradeoff(chosen, bench), _speed(chosen, bench)
    _state(tradeoff, "Measure trade-off", primary=True)
    _state(speed, "Measure latency", primary=False)
    runs.warm_up()


def made_now() -> Iterator[tuple[TradeoffRun | SpeedRun, Call]]:
    """Runs of this session, each with the call that made it."""
    own = desk()
    own.collect_all()
    for ask, kept in list(own.results.items()):
        if isinstance(ask, Ask) and ask.name in (TRADEOFF, SPEED):
            yield kept.result, _call(ask.name, (ask.run, *ask.across), dict(ask.params))


# ---- choosing -----------------------------------------------------------------------------------


def _pick(choices: list[Listed], bench: Bench) -> list[Listed]:
    """The checkpoints to measure; a link names them, else those that answer the same question."""
    by_name = {c.name: c for c in choices}
    asked = [name.strip() for name in str(value(p.MODELS)).split(",") if name.strip()]
    missing = [name for name in asked if name not in by_name]
    default = [name for name in asked if name in by_name] or _family(choices, bench.checkpoint)
    if PICKED not in st.session_state or not set(st.session_state[PICKED]) <= set(by_name):
        st.session_state[PICKED] = default[:MOST]
    names = st.multiselect(
        "Checkpoints",
        list(by_name),
        key=PICKED,
        max_selections=MOST,
        on_change=_picked,
        persist_state="session",
        help="Loaded at the same time; they take turns. The same labels are needed.",
    )
    if missing:
        st.caption(
            ":material/link_off: Not here: "
            f"{listed([plain(shorten(name, 40)) for name in missing])}."
        )
    return [by_name[name] for name in names]


def _picked() -> None:
    """Carry the choice into links; a callback."""
    names = ",".join(st.session_state[PICKED])
    st.session_state[p.MODELS.key] = names if len(names) <= p.MODELS.max_length else ""


def _family(choices: list[Listed], chosen: Listed | None) -> list[str]:
    """The chosen checkpoint, and for every other N the plainest one with the same labels.

    Plain: not pruned, of the family whose name begins as the chosen one's, with a short name.
    """
    if chosen is None:
        return []
    root = chosen.name.partition("-")[0]
    best: dict[int, Listed] = {}
    for one in choices:
        if one.labels == chosen.labels:
            best[one.num_instances] = min(
                best.get(one.num_instances, one),
                one,
                key=lambda c: (
                    c.name != chosen.name,
                    c.sparsity > 0,
                    not c.name.startswith(root),
                    len(c.name),
                ),
            )
    return [best[n].name for n in sorted(best)]


# ---- what is measured ----------------------------------------------------------------------------


def _requests(chosen: list[Listed], bench: Bench) -> tuple[RunRequest, ...]:
    return tuple(
        RunRequest(
            checkpoint=one.name,
            num_instances=one.num_instances,
            baseline="",
            device=bench.device,
            dtype=bench.dtype,
            rows=(),
            padding=None,
            fill="repeat",
            seed=bench.seed,
            equal_slots=False,
            stamp=one.stamp,
        )
        for one in chosen
    )


def data_folder() -> str:
    """The folder whose dev set is measured on; "" for the pool."""
    return os.environ.get(VARIABLE, "") if value(p.DATA) == "folder" else ""


@dataclass(frozen=True)
class Measurement:
    """What one of the buttons does; the panels of the page draw what comes of it."""

    key: str
    call: Call
    cost: str

    @property
    def ask(self) -> Ask:
        """What the result depends on."""
        return self.call.ask

    @property
    def work(self) -> Work | Together:
        """What gives the result."""
        return self.call.work


def _call(function: str, requests: Sequence[RunRequest], asked: dict[str, Any]) -> Call:
    first, *others = requests
    return Call(function, first, asked, "models", across=tuple(others), together=True)


def _tradeoff(chosen: list[Listed], bench: Bench) -> Measurement:
    folder = data_folder()
    copies = {"1": (1,), "2": (1, 2), "5": (1, 2, 5)}[value(p.COPIES)]
    asked: dict[str, Any] = {
        "rows": int(value(p.ROWS)),
        "groupings": int(value(p.GROUPINGS)),
        "rounds": int(value(p.ROUNDS)),
        "batch": int(value(p.BATCH)),
        "grouping": str(value(p.GROUPING)),
        "copies": copies,
        "folder": folder,
        "bits": bool(value(p.BITS)),
    }
    mixed = sum(one.num_instances > 1 for one in chosen)
    turns = (asked["rounds"] + 1) * (len(chosen) + mixed * (len(copies) - 1))
    rows = f"{asked['rows']} rows of {'the data folder' if folder else pool_name()}"
    return Measurement(
        "o_tradeoff",
        _call(TRADEOFF, _requests(chosen, bench), asked),
        f"{turns} turns of {rows}, {asked['groupings']} groupings each",
    )


def _speed(chosen: list[Listed], bench: Bench) -> Measurement:
    length = int(value(p.LENGTH))
    asked = {"batches": SPEED_BATCHES, "length": length, "rounds": int(value(p.ROUNDS))}
    return Measurement(
        "o_speed",
        _call(SPEED, _requests(chosen, bench), asked),
        f"{len(chosen)} checkpoints at batch {listed([str(b) for b in SPEED_BATCHES])}, "
        f"random rows of {length} tokens",
    )


# ---- states -------------------------------------------------------------------------------------


def _state(study: Measurement, label: str, *, primary: bool) -> None:
    """The button, or how far it is; what came of it is drawn by the panels below."""
    own = desk()
    own.collect_all()
    if study.ask in own.running:
        watch(study)
        return
    error, kept = own.errors.get(study.ask), own.look_up(study.ask)
    if error is not None and not isinstance(error, Stopped):
        error_panel(error)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            f"{label} again" if kept else label,
            icon=":material/speed:",
            type="primary" if primary and not kept else "secondary",
            key=f"{study.key}_compute",
            on_click=start,
            args=(study,),
        )
        said = "Stopped; nothing of it was kept. " if isinstance(error, Stopped) else ""
        said += "Measured, see above. " if kept else ""
        st.caption(f"{said}Cost: {plain(study.cost)}.", width="stretch")
        if kept is not None:
            st.download_button(
                "JSON",
                data=lambda: to_json(kept.result),
                file_name=f"muxviz-{study.key.removeprefix('o_')}.json",
                mime="application/json",
                icon=":material/download:",
                on_click="ignore",
                key=f"{study.key}_save",
                help="Load it again below, here or on another machine.",
            )

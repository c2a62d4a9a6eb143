"""Which runs there are, which one is shown, and which are compared with it; read without torch."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from muxviz.figures.drawing.small_multiples import MOST_RUNS
from muxviz.loading.bundled import bundled_folders
from muxviz.printable import printable
from muxviz.results.training import RunCurves, RunSummary, TrainingSample
from muxviz.training import run_folder
from muxviz.ui.shell import session
from muxviz.ui.shell.frame import Bench, is_demo
from muxviz.ui.shell.text import plain, shorten

FOLDER = "t_folder"  # key of the field with another folder of runs
LONGEST = 60  # characters of a name in a notice


@dataclass(frozen=True)
class Listed:
    """A run that can be chosen: its label on screen and in links, and where it lies."""

    label: str
    folder: Path
    is_recorded: bool = False

    @property
    def stamp(self) -> str:
        """Changes when anything that is shown was written; part of every cache key."""
        return run_folder.stamp(self.folder)


def listed() -> list[Listed]:
    """Runs of the folder of runs, the latest first, then those recorded with a checkpoint."""
    recorded = [
        Listed(f"recorded with {name}", folder, is_recorded=True)
        for name, folder in bundled_folders().items()
        if (folder / run_folder.METRICS).is_file()
    ]
    return recorded if is_demo() else [*_in_root(root()), *recorded]


def root() -> Path:
    """The folder of runs: the one in the field, or the default one."""
    typed = str(st.session_state.get(FOLDER) or "").strip()
    return run_folder.expanded(typed) if typed and not is_demo() else run_folder.runs_folder()


def folder_control() -> None:
    """A field for another folder; not in a demonstration, which opens no paths."""
    if is_demo():
        return
    with st.popover("Folder", icon=":material/folder_open:", help="Where runs are looked for."):
        st.text_input(
            "Another folder",
            key=FOLDER,
            placeholder=str(run_folder.runs_folder()),
            help="Of runs, or of one run. Empty: the usual one, or what `MUXVIZ_RUNS` names.",
        )
        st.caption(f"Runs are looked for in {plain(shorten(printable(root()), 300))}")
        if not run_folder.is_folder(root()):
            st.caption(":material/warning: That folder is not there.")


def choose(runs: list[Listed], bench: Bench) -> tuple[Listed, list[Listed]]:
    """The run on screen and those compared with it; ``runs`` must not be empty."""
    by_label = {run.label: run for run in runs}
    _settle(by_label, bench)
    left, right, edge = st.columns([5, 6, 3], vertical_alignment="bottom", gap="small")
    with left:
        label = st.selectbox("Run", list(by_label), key=session.RUN, bind="query-params")
    others = [other for other in by_label if other != label]
    st.session_state[session.COMPARE] = [
        other for other in st.session_state.get(session.COMPARE, ()) if other in others
    ][: MOST_RUNS - 1]
    with right:
        st.multiselect(
            "Compare with",
            others,
            key=session.COMPARE,
            bind="query-params",
            max_selections=MOST_RUNS - 1,
            placeholder="up to three runs" if others else "no other run is here",
            disabled=not others,
        )
    with edge:
        folder_control()
    return by_label[label], [by_label[o] for o in st.session_state[session.COMPARE]]


def _settle(by_label: dict[str, Listed], bench: Bench) -> None:
    """See to it that the field's value is one of its options, and say what a link missed."""
    asked = st.session_state.get(session.RUN)
    if asked in by_label:
        return
    if asked:
        st.caption(
            f":material/link_off: The run {plain(shorten(str(asked), LONGEST))} is not here; this "
            "is another one."
        )
    st.session_state[session.RUN] = _first(by_label, bench)


def _first(by_label: dict[str, Listed], bench: Bench) -> str:
    """What is shown unasked: a live run, else the latest, else the chosen checkpoint's own."""
    runs = list(by_label.values())
    live = (r for r in runs if not r.is_recorded and summary(r).is_alive)
    name = bench.checkpoint.name if bench.checkpoint else ""
    own = f"recorded with {name}"
    latest = next((r.label for r in runs if not r.is_recorded), None)
    first = next(live, None)
    return first.label if first else latest or (own if own in by_label else runs[0].label)


def _in_root(folder: Path) -> list[Listed]:
    if run_folder.is_run(folder):
        return [Listed(printable(folder.name), folder)]
    runs = run_folder.find_runs(folder)
    return [Listed(printable(path.relative_to(folder)), path) for path in runs]


# ---- what their files say -----------------------------------------------------------------------


def summary(run: Listed) -> RunSummary:
    """What the run is, now; processes are asked each time."""
    return run_folder.read_summary(run.folder)


def curves(run: Listed) -> RunCurves:
    """Its curves, named by its label."""
    return _curves(os.fsencode(run.folder), run.label, run.stamp)


def samples(run: Listed) -> tuple[TrainingSample, ...]:
    """What was read back at its checkpoints."""
    return _samples(os.fsencode(run.folder), run.stamp)


@st.cache_data(max_entries=12, ttl="1h", show_spinner=False)
def _curves(folder: bytes, label: str, stamp: str) -> RunCurves:
    return run_folder.read_curves(os.fsdecode(folder), name=label)


@st.cache_data(max_entries=4, ttl="1h", show_spinner=False)
def _samples(folder: bytes, stamp: str) -> tuple[TrainingSample, ...]:
    return run_folder.read_samples(os.fsdecode(folder))

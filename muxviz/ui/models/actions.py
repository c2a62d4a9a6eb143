"""What the Models page does: pre-flight, load, unload; and what came of it, kept for the session.

torch is imported inside the functions that need it. In a demonstration (``MUXVIZ_DEMO=1``) only the
bundled checkpoints can be named, and nobody unloads what others use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from muxviz.errors import CheckpointMissing, DeviceError, MuxvizError
from muxviz.lane import Place
from muxviz.loading.bundled import bundled_folder, bundled_names
from muxviz.registry import ModelKey
from muxviz.ui.models.text import short
from muxviz.ui.shell import checkpoints, options, session
from muxviz.ui.shell.frame import is_demo
from muxviz.ui.shell.text import plain
from muxviz.ui.study.runs import registry, wait_words

if TYPE_CHECKING:
    from muxviz.loading.check import CheckReport

OUTCOME = "i_outcome"  # of the last action, in the session
COMPUTE = "i_compute"  # device and precision to load with
MAX_NAME = 4096  # characters of a path or id


@dataclass(frozen=True)
class Request:
    """What a button asks for."""

    action: str  # "check" or "load"
    name: str  # as ``muxviz.load`` takes it
    compute: str  # an id of ``options.COMPUTE``
    revision: str | None = None

    @property
    def key(self) -> ModelKey:
        """The model it names."""
        device, dtype = options.compute(self.compute)
        return ModelKey(self.name, device, dtype, self.revision)


@dataclass(frozen=True)
class Outcome:
    """What came of the last action: an error, a word (done), or a report.

    A report stays when its checkpoint is loaded afterwards. is_loaded: whether ``name`` can be
    chosen now. stamp: of the files in ``folder`` at the time of the report, "" where not known.
    """

    name: str
    error: MuxvizError | None = None
    report: CheckReport | None = None
    done: str = ""
    is_loaded: bool = False
    folder: Path | None = None
    stamp: str = ""

    @property
    def is_stale(self) -> bool:
        """Whether the files have changed since."""
        return bool(self.stamp) and _stamp(self.folder) != self.stamp


def outcome() -> Outcome | None:
    """Of the last action in this session."""
    kept: Outcome | None = st.session_state.get(OUTCOME)
    return kept


def perform(request: Request) -> None:
    """Do what is asked with a progress bar, keep what came of it, and draw the page anew."""
    bar = st.progress(0.0, text="Starting torch")

    def tell(what: str, share: float) -> None:
        bar.progress(min(max(share, 0.0), 1.0), text=plain(what))

    try:
        refuse(request)
        action = {"check": _check, "load": _load}[request.action]
        _keep(action(request, tell))
    except MuxvizError as error:
        _keep(Outcome(request.name, error=error))
    bar.empty()
    st.rerun()


def unload(key: ModelKey) -> None:
    """Let go of a model; a callback."""
    try:
        if is_demo():
            raise DeviceError("models are shared in this demonstration; nothing was unloaded")
        registry().unload(key)
        _keep(Outcome(key.name, done=f"{short(key.name)} is unloaded"))
    except MuxvizError as error:
        _keep(Outcome(key.name, error=error))


def choose(name: str) -> None:
    """Choose a checkpoint for every page; a callback."""
    st.session_state[session.CHECKPOINT] = name


def _keep(new: Outcome) -> None:
    """Put an outcome on the page, together with the report that its checkpoint had."""
    old = outcome()
    if new.report is None and old is not None and old.name == new.name:
        new = replace(new, report=old.report, folder=old.folder, stamp=old.stamp)
    st.session_state[OUTCOME] = new


def refuse(request: Request) -> None:
    """Raise for a name that cannot be one, or that a demonstration does not open."""
    if not request.name:
        raise CheckpointMissing("nothing is named; give a folder or the id of a checkpoint")
    if len(request.name) > MAX_NAME:
        raise CheckpointMissing(
            f"a name of {len(request.name):,} characters was given; expected a folder or an id"
        )
    if is_demo() and request.name not in bundled_names():
        raise CheckpointMissing(
            f"{request.name} is not one of the bundled checkpoints, and this demonstration opens "
            "no others; run muxviz on your own machine for that"
        )


def _check(request: Request, tell: Callable[[str, float], None]) -> Outcome:
    from muxviz.loading.check import check

    tell(f"Checking {request.name}", 0.1)
    report = check(request.name, revision=request.revision, progress=tell)
    folder = Path(report.folder) if report.folder else None
    return Outcome(request.name, report=report, folder=folder, stamp=_stamp(folder))


def _load(request: Request, tell: Callable[[str, float], None]) -> Outcome:
    def waiting(place: Place) -> None:
        tell(wait_words(place), 0.0)

    key = _pinned(request, tell)
    with registry().use(key, progress=tell, waiting=waiting) as (model,):
        where, dtype = model.device, str(model.dtype).removeprefix("torch.")
        folder = model.folder
    _open(key.name, folder)
    at = f" at {request.revision}" if request.revision else ""
    done = f"{short(request.name)}{at} is loaded on {where} in {dtype}"
    return Outcome(key.name, done=done, is_loaded=True)


def _pinned(request: Request, tell: Callable[[str, float], None]) -> ModelKey:
    """The key to load. A revision is named by its folder, so that every page runs that one."""
    if not request.revision:
        return request.key
    from muxviz.loading.load import resolve_folder

    folder, _ = resolve_folder(request.name, revision=request.revision, progress=tell)
    return replace(request.key, name=str(folder), revision=None)


def _open(name: str, folder: Path) -> None:
    """Offer a checkpoint that is not bundled on the sidebar, for this session."""
    if bundled_folder(name) is not None:
        return
    others = [c for c in st.session_state.get(session.OPENED, ()) if c.name != name]
    st.session_state[session.OPENED] = (*others, checkpoints.describe(name, folder))


def _stamp(folder: Path | None) -> str:
    try:
        return checkpoints.Listed("", 1, folder=folder).stamp
    except OSError:
        return ""

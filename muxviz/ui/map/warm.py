"""UMAP made ready in the background: its import takes seconds, its first use on a machine tens.

    warm_umap()   # at the end of a page

It begins once, when this session has a first result and no job is under way in the process, so that
nothing that somebody waits for is held up. The thread keeps its priority: one that was held back
while it holds the interpreter's lock would hold back all others. ``MUXVIZ_WARM=off`` switches it
off. It never raises; where UMAP is missing, maps fall back to PCA and say how to install it.
"""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass, field
from importlib.util import find_spec

import streamlit as st

from muxviz.ui.study.kept import desk

SWITCH = "MUXVIZ_WARM"
JOBS = "muxviz-job"  # the threads of muxviz.ui.study.jobs
INSTALL = (
    'UMAP is not installed: `pip install "muxviz[analysis]"`. PCA and t-SNE need nothing more.'
)
log = logging.getLogger(__name__)


@dataclass
class Warmth:
    """How far it is. thread: None where there is nothing to do. error: why it did not work."""

    thread: threading.Thread | None = None
    error: str = ""
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def is_ready(self) -> bool:
        """Whether a map by UMAP starts at once."""
        return self.done.is_set() and not self.error


def has_umap() -> bool:
    """Whether the optional package is installed; it is not imported."""
    return find_spec("umap") is not None


def warm_umap() -> Warmth | None:
    """Begin, unless it was begun, is switched off, or now is a bad time; None where it was not."""
    if os.environ.get(SWITCH, "").lower() in ("off", "0") or not desk().results or is_busy():
        return None
    return begun()


def is_busy() -> bool:
    """Whether any session's job is under way."""
    return any(thread.name == JOBS for thread in threading.enumerate())


@st.cache_resource(show_spinner=False)
def begun() -> Warmth:
    """The one attempt of this process."""
    warmth = Warmth()
    if not has_umap():
        warmth.error = INSTALL
        warmth.done.set()
        return warmth
    warmth.thread = threading.Thread(
        target=_warm, args=(warmth,), daemon=True, name="muxviz-warm-umap"
    )
    warmth.thread.start()
    return warmth


def _warm(warmth: Warmth) -> None:
    try:
        from muxviz.analysis.map.projection import compile_umap

        compile_umap()
    except Exception as error:  # nothing was asked for, so nothing may fail
        warmth.error = str(error)
        log.info("UMAP could not be made ready: %s", error)
    finally:
        warmth.done.set()

"""How long a study will take here, by what its like took, or by a quick measurement of the model.

Seconds of one mixed sequence are noted by what is computed, on which checkpoint and device, for all
sessions of the process. Before there are any, a few passes are timed in the background.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from muxviz.errors import Stopped
from muxviz.pool import texts
from muxviz.ui.study import runs
from muxviz.ui.study.jobs import Job, Progress
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint

MINUTE = 60.0
SOON_S = 1.0  # below this nobody minds


@dataclass(frozen=True)
class Cost:
    """What a study takes. sequences: passes of one mixed sequence, or what costs as much as one."""

    sequences: float
    words: str


Model: TypeAlias = tuple[str, ...]  # a checkpoint's files, on a device in a precision


@dataclass
class Rates:
    """Seconds per mixed sequence. own: by what is computed. plain: of passes alone, by model."""

    own: dict[Hashable, float] = field(default_factory=dict)
    plain: dict[Model, float] = field(default_factory=dict)
    measuring: dict[Model, Job] = field(default_factory=dict)


@st.cache_resource(show_spinner=False)
def rates() -> Rates:
    """Those of this process."""
    return Rates()


def mixed(sequences: float, more: str = "", *, times: float = 1.0, alone: float = 0.0) -> Cost:
    """So many mixed sequences.

    times: as many passes does each take. alone: sentences that the N = 1 model is given besides.
    """
    return Cost(sequences * times + alone, f"{int(sequences):,} mixed sequences{more}")


def expected_s(pace: Hashable, run: RunRequest, sequences: float) -> float | None:
    """Seconds that so many mixed sequences will take, as far as that can be told by now."""
    each = rates().own.get(pace, rates().plain.get(model_of(run)))
    return None if each is None or not sequences else each * sequences


def note(pace: Hashable, sequences: float, seconds: float) -> None:
    """Remember what a study took."""
    if sequences:
        rates().own[pace] = seconds / sequences


def is_measuring(run: RunRequest) -> bool:
    """Whether its model is being timed; begins it where nothing is known of it."""
    known, model = rates(), model_of(run)
    job = known.measuring.get(model)
    if job is None or isinstance(job.error, Stopped):
        if not _is_seen():
            return False
        job = known.measuring[model] = Job((runs.pooled(run),), _measured, name="pace")
        job.start()
    if job.status().is_over and job.result is not None:
        known.plain[model] = job.result
    return not job.status().is_over


def duration_words(seconds: float) -> str:
    """``"under 1 s"``, ``"about 12 s"``, ``"about 3 min"``."""
    if seconds < SOON_S:
        return "under 1 s"
    if seconds < 2 * MINUTE:
        return f"about {seconds:.0f} s"
    return f"about {seconds / MINUTE:.0f} min"


def _is_seen() -> bool:
    """Whether a browser shows the page: else, as in tests, nothing is timed."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None or not runtime.exists():
        return False
    return runtime.get_instance().is_active_session(context.session_id) is True


def _measured(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> float:
    from muxviz.analysis.groups.rate import seconds_per_sequence

    return seconds_per_sequence(checkpoint, texts())


def model_of(run: RunRequest) -> Model:
    """What its speed depends on, beside what is computed."""
    return (run.checkpoint, run.stamp, run.device, run.dtype)

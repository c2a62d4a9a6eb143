"""Other keys for the same mixture, and slots that hold nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.whatif import keys as figures
from muxviz.pool import pool_name
from muxviz.results.store import to_json
from muxviz.results.whatif_desk import Ghosts, KeyDial
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.question import Ask, Study, show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif import text as words
from muxviz.ui.whatif.params import ALPHA, FLOOR
from muxviz.ui.whatif.parts import POOL_LINE, other_slot

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress


def keys_view(run: RunRequest, bench: Bench) -> None:
    """The dial, then the ghosts."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        other = other_slot(run, bench, "Towards the key of slot")
        with st.container(width=360):
            control(ALPHA, help="0 is the selected slot's key, 1 the other's.")
    show(_dial_study(run, bench, other))
    control(FLOOR)
    show(_ghost_study(run, bench))


# ---- key dial -----------------------------------------------------------------------------------


def _dial_study(run: RunRequest, bench: Bench, other: int) -> Study:
    slot = bench.slot

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.whatif.dial import key_dial

        return key_dial(checkpoint, run.rows, slot, other, **run.group_options)

    def panel(result: KeyDial) -> Panel:
        alpha = float(value(ALPHA))
        imports = [
            "from muxviz.analysis.whatif.dial import key_dial",
            "from muxviz.figures.whatif.keys import dial_figure",
        ]
        lines = [
            f"result = key_dial({call_arguments(run)}, slot={slot}, other={other})",
            f"dial_figure(result, alpha={alpha:g}).show()",
        ]
        return Panel(
            "dial",
            (figures.dial_figure(result, alpha, dark=bench.is_dark),),
            (figures.dial_alt(result),),
            figures.dial_table(result),
            words.DIAL_HOW,
            words.DIAL_LIMITS,
            lambda: to_json(result),
            analysis_snippet(run, imports, lines),
            result.provenance.line(),
        )

    return Study(
        "dial",
        "What does another key hear in the same mixture?",
        Ask(run, "key dial", (("the slot", slot), ("the other slot", other))),
        "one pass",
        work,
        panel,
        "How the read-out turns from one slot into the other as the key does.",
        instant=True,
    )


# ---- ghosts -------------------------------------------------------------------------------------


def _ghost_study(run: RunRequest, bench: Bench) -> Study:
    content = str(value(FLOOR))

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.whatif.dial import ghosts
        from muxviz.pool import texts

        return ghosts(
            checkpoint,
            run.rows,
            content=content,
            pool=texts(),
            progress=progress,
            **run.group_options,
        )

    def panel(result: Ghosts) -> Panel:
        imports = [
            "from muxviz.analysis.whatif.dial import ghosts",
            "from muxviz.figures.whatif.keys import ghost_figure",
            POOL_LINE,
        ]
        held = "" if content == "zero" else f", content={content!r}"
        lines = [
            f"result = ghosts({call_arguments(run)}{held}, pool=texts())",
            "ghost_figure(result).show()",
        ]
        return Panel(
            "ghosts",
            (figures.ghost_figure(result, dark=bench.is_dark),),
            (figures.ghost_alt(result),),
            figures.ghost_table(result),
            words.GHOST_HOW,
            words.GHOST_LIMITS,
            lambda: to_json(result),
            analysis_snippet(run, imports, lines),
            f"{result.provenance.line()} · strangers: {result.floor.draws} of {pool_name()}",
        )

    return Study(
        "ghosts",
        "What does an empty slot hear?",
        Ask(
            replace(run, baseline=""),
            "ghost test",
            (("what an empty slot holds", content), ("the pool", pool_name())),
        ),
        f"{run.num_instances} mixed sequences, each read back in full",
        work,
        panel,
        "Each slot emptied in turn, and whose words come out of it all the same.",
    )

"""The panels of a run's curves: losses, read-back per slot, speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from muxviz.errors import NotApplicable
from muxviz.figures.training.curves import (
    loss_alt,
    loss_figure,
    loss_table,
    loss_terms,
    slot_accuracy_alt,
    slot_accuracy_figure,
    slot_accuracy_table,
    speed_alt,
    speed_figure,
    speed_table,
)
from muxviz.results import to_json
from muxviz.results.training import RunCurves
from muxviz.ui.shell import options, session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import plain
from muxviz.ui.study.panels import Panel, draw, not_applicable

LOSS_HOW = """
One panel per part of the loss, over the same steps; each value is the mean since the row before.
Cross-entropies and divergences are in nats: a guess among V word pieces costs ln V (8.5 for 5,000).
Dotted lines are where a stage of the first run begins; a part that a stage does not train has no
line there. Accuracies are those of the training steps themselves.
"""
LOSS_LIMITS = """
These are training losses, with dropout and changing texts, not scores on held-out ones. The
weighted sum cannot be compared across stages or recipes, because the weights differ.
"""
SLOT_HOW = """
Share of the sampled positions at which the retrieval head names the slot's own token, per slot. The
slot chosen on the sidebar is drawn thicker. Slots that part early and stay apart have keys that the
demultiplexer tells apart unequally well.
"""
SLOT_LIMITS = """
Measured on training texts at sampled positions, special tokens as the recipe has them. A
checkpoint's card has the read-back of the dev set, with its interval.
"""
SPEED_HOW = """
Instances (texts) and real tokens trained on per second, over the steps since the row before; all N
texts of a multiplexed sequence count.
"""
SPEED_LIMITS = """
Whatever else the machine did at the time is part of it. To compare models, measure them alone with
`muxviz bench train`.
"""


@dataclass(frozen=True)
class Source:
    """Where the numbers of the panels come from: the runs' folders, and a line that says it."""

    folders: tuple[str, ...]
    provenance: str

    def python(self, figure: str, arguments: str = "") -> str:
        """Code that draws ``figure``; it runs as pasted."""
        read = ",\n".join(f"    read_curves({folder!r})" for folder in self.folders)
        return (
            f"from muxviz.figures.training.curves import {figure}\n"
            "from muxviz.training.run_folder import read_curves\n\n"
            f"runs = [\n{read},\n]\n{figure}(runs{arguments}).show()"
        )


def losses_panel(runs: list[RunCurves], source: Source, bench: Bench) -> None:
    """Every loss over steps."""
    question = "What was learned, and when?"
    if not loss_terms(runs):
        not_applicable(question, "The rows of this run hold no losses.")
        return
    st.subheader(question, anchor=False)
    choice = st.segmented_control(
        "Axis of the losses",
        list(options.LOSS_AXES),
        default="log",
        format_func=options.LOSS_AXES.__getitem__,
        required=True,
        key=session.LOSS_AXIS,
        bind="query-params",
        label_visibility="collapsed",
    )
    log = choice == "log"
    draw(
        Panel(
            "losses",
            (loss_figure(runs, log=log, dark=bench.is_dark),),
            (loss_alt(runs),),
            loss_table(runs),
            LOSS_HOW,
            LOSS_LIMITS,
            _record(runs),
            source.python("loss_figure", f", log={log}"),
            source.provenance,
        )
    )


def slots_panel(runs: list[RunCurves], source: Source, bench: Bench) -> None:
    """Read-back per slot over steps, or why there is none."""
    _answer(
        "Is every slot read back?",
        lambda: Panel(
            "retrieval",
            (slot_accuracy_figure(runs, slot=bench.slot, dark=bench.is_dark),),
            (slot_accuracy_alt(runs),),
            slot_accuracy_table(runs),
            SLOT_HOW,
            SLOT_LIMITS,
            _record(runs),
            source.python("slot_accuracy_figure", f", slot={bench.slot}"),
            source.provenance,
        ),
    )


def speed_panel(runs: list[RunCurves], source: Source, bench: Bench) -> None:
    """Instances and tokens per second over steps."""
    _answer(
        "How fast did it train?",
        lambda: Panel(
            "speed",
            (speed_figure(runs, dark=bench.is_dark),),
            (speed_alt(runs),),
            speed_table(runs),
            SPEED_HOW,
            SPEED_LIMITS,
            _record(runs),
            source.python("speed_figure"),
            source.provenance,
        ),
    )


def _answer(question: str, make: Callable[[], Panel]) -> None:
    """The panel that answers a question, or why these runs have none."""
    try:
        panel = make()
    except NotApplicable as error:
        not_applicable(question, plain(str(error)))
        return
    st.subheader(question, anchor=False)
    draw(panel)


def _record(runs: list[RunCurves]) -> Callable[[], str]:
    return lambda: to_json(tuple(runs))

"""The panels of a run's curves: losses, read-back per slot, speed."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from muxviz.figures.training.losses import LOSSES, loss_terms
from muxviz.figures.training.slots import SLOT_ACCURACY
from muxviz.figures.training.speed import SPEED
from muxviz.results.training import RunCurves
from muxviz.ui.shell import options, session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known
from muxviz.ui.study.panels import not_applicable
from muxviz.ui.study.question import show

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

    def known(self, runs: list[RunCurves]) -> Known:
        """The curves, with the Python that reads them."""
        read = ",\n".join(f"    read_curves({folder!r})" for folder in self.folders)
        imports = ("from muxviz.training.run_folder import read_curves",)
        last = tuple((len(run.steps), *run.steps[-1:], *run.seconds[-1:]) for run in runs)
        lines = (f"runs = [\n{read},\n]",)
        return Known(lambda: runs, (self.folders, last), "runs", imports, lines)


def losses_panel(runs: list[RunCurves], source: Source) -> None:
    """Every loss over steps."""
    question = "What was learned, and when?"
    if not loss_terms(runs):
        not_applicable(question, "The rows of this run hold no losses.")
        return
    st.header(question, anchor=False)
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
    show(
        Question(
            "losses",
            "",
            source.known(runs),
            "",
            LOSSES(log=choice == "log"),
            LOSS_HOW,
            LOSS_LIMITS,
            view=(choice,),
            origin=source.provenance,
            record=tuple,
            is_headed=False,
        )
    )


def slots_panel(runs: list[RunCurves], source: Source, bench: Bench) -> None:
    """Read-back per slot over steps, or why there is none."""
    show(
        Question(
            "retrieval",
            "Is every slot read back?",
            source.known(runs),
            "",
            SLOT_ACCURACY(slot=bench.slot),
            SLOT_HOW,
            SLOT_LIMITS,
            view=(bench.slot,),
            origin=source.provenance,
            record=tuple,
        )
    )


def speed_panel(runs: list[RunCurves], source: Source) -> None:
    """Instances and tokens per second over steps."""
    show(
        Question(
            "speed",
            "How fast did it train?",
            source.known(runs),
            "",
            SPEED(),
            SPEED_HOW,
            SPEED_LIMITS,
            origin=source.provenance,
            record=tuple,
        )
    )

"""The right answer of a slot, where the user knows it."""

from __future__ import annotations

import math

import streamlit as st

from muxviz.figures.debugger.ladder import target_words
from muxviz.results.ladder import Ladder
from muxviz.ui.debugger.params import GOLD
from muxviz.ui.shell.checkpoints import read_object
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import Choice, control
from muxviz.ui.shell.text import plain

MAX_LABELS = 40
UNKNOWN = "I do not know"
ALONE = {  # by whether the N = 1 model gives what is held against
    None: ".",
    True: ", and then gives that answer.",
    False: ", and then does not give that answer.",
}


def gold_control(bench: Bench) -> str:
    """The right answer, chosen among the checkpoint's labels; "" where it is not known."""
    labels = label_names(bench)
    if not labels:
        return ""
    options = {"": UNKNOWN} | {label: label for label in labels}
    return str(control(Choice(GOLD.key, f"{GOLD.label} of slot {bench.slot + 1}", options, "")))


def label_names(bench: Bench) -> tuple[str, ...]:
    """The classes of a sentence task, told from the configuration alone; () for other tasks."""
    listed = bench.checkpoint
    if listed is None or listed.folder is None:
        return ()
    names, kinds = (
        listed.label_names,
        read_object(listed.folder / "config.json").get("architectures"),
    )
    if not isinstance(kinds, list) or not 2 <= len(names) <= MAX_LABELS:
        return ()
    return names if any("SequenceClassification" in str(kind) for kind in kinds) else ()


def say_target(result: Ladder) -> None:
    """What the answer is held against, loudly."""
    kind = st.info if result.source == "gold" else st.warning
    text = f"**{plain(target_words(result))}**"
    if result.is_right:
        text += " The present answer is that already, so the question is what would turn it."
    if not math.isnan(result.certainty):
        text += f" Certainty {result.certainty:.2f}: with a threshold above it is asked again alone"
        text += ALONE[result.alone_is_right]
    kind(text, icon=":material/flag:")

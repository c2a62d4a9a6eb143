"""Model B on the Layers page: its spectrum, and both in one picture."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from muxviz.figures.layers.compare import SPECTRA
from muxviz.ui.layers import text as words
from muxviz.ui.layers.view import spectrum_call, spectrum_question, version
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import plain
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known
from muxviz.ui.study.heading import sides
from muxviz.ui.study.kept import desk
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest

ALONE = "one text a pass: there is nothing to entangle."


def beside(run: RunRequest, bench: Bench) -> None:
    """Model B's spectrum and the comparison, where a model B is chosen."""
    other = dict(sides(bench)).get("B")
    if other is None or run.num_instances < 2:
        return
    if other.num_instances < 2:
        st.caption(f"Model B, {plain(other.checkpoint)}: {ALONE}")
        return
    label = bench.other.label if bench.other else other.checkpoint
    first = spectrum_question(run, bench)
    second = replace(
        spectrum_question(other, bench),
        key="layers_spectrum_b",
        question=f"And in model B, {plain(label)}?",
        file="spectrum_b",
    )
    show(second)
    kept = [desk().look_up(question.ask) for question in (first, second)]
    both = tuple(one.result for one in kept if one is not None)
    if len(both) < 2:
        return
    about = (first.ask, second.ask, *map(version, both))
    call = replace(spectrum_call(run), across=(other,))
    show(
        Question(
            "layers_compare",
            "Which model entangles its slots more?",
            Known(lambda: both, about, by=call),
            "",
            SPECTRA().of(*both, named="*result"),
            words.COMPARE_HOW,
            words.COMPARE_LIMITS,
            origin=lambda both: f"A: {both[0].provenance.line()} — B: {both[1].provenance.line()}",
        )
    )

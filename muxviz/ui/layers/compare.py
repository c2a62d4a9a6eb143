"""Model B on the Layers page: its spectrum, and both in one picture."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from muxviz.figures.layers.compare import spectra_alt, spectra_figure, spectra_table
from muxviz.results import to_json
from muxviz.results.layers import EntanglementSpectrum
from muxviz.ui.layers import text as words
from muxviz.ui.layers.view import spectrum_study
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import plain
from muxviz.ui.study.kept import desk
from muxviz.ui.study.panels import Panel, draw
from muxviz.ui.study.python import pool_arguments
from muxviz.ui.study.question import show, sides
from muxviz.ui.study.runs import RunRequest

COMPARED = "Which model entangles its slots more?"
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
    first = spectrum_study(run, bench)
    second = replace(
        spectrum_study(other, bench),
        key="layers_spectrum_b",
        question=f"And in model B, {plain(label)}?",
    )
    show(second)
    kept = [desk().look_up(study.ask) for study in (first, second)]
    if kept[0] is None or kept[1] is None:
        return
    one, two = kept[0].result, kept[1].result
    st.subheader(COMPARED, anchor=False)
    view = ("layers_compare", second.ask, bench.is_dark)

    def make() -> Panel:
        return _panel(one, two, run, other, bench.is_dark)

    draw(desk().panel(first.ask, view, make), COMPARED)


def _panel(
    one: EntanglementSpectrum,
    two: EntanglementSpectrum,
    run: RunRequest,
    other: RunRequest,
    dark: bool,
) -> Panel:
    where = f"device={run.device!r}, dtype={run.dtype!r}"
    call = f"checkpoint, texts(), pairs={one.asked}{pool_arguments(run)}"
    return Panel(
        "layers_compare",
        (spectra_figure(one, two, dark=dark),),
        (spectra_alt(one, two),),
        spectra_table(one, two),
        words.COMPARE_HOW,
        words.COMPARE_LIMITS,
        lambda: to_json((one, two)),
        "\n".join(
            [
                "import muxviz",
                "from muxviz.analysis.layers.entanglement import entanglement_spectrum",
                "from muxviz.figures.layers.compare import spectra_figure",
                "from muxviz.pool import texts",
                "",
                f"names = {[run.checkpoint, other.checkpoint]!r}",
                f"both = [muxviz.load(name, {where}) for name in names]",
                f"found = [entanglement_spectrum({call}) for checkpoint in both]",
                "spectra_figure(*found).show()",
            ]
        ),
        f"A: {one.provenance.line()} — B: {two.provenance.line()}",
    )

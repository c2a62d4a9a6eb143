"""Fidelity: how well does each slot come back?"""

from __future__ import annotations

from functools import partial

from muxviz.ui.fidelity.answers import accuracy_panel, agreement_panel, escalation_panel
from muxviz.ui.fidelity.bits import bits_panel
from muxviz.ui.fidelity.pruning import pruning_panel
from muxviz.ui.fidelity.view import read_back_panels, scope_controls
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head
from muxviz.ui.study.tabs import in_tabs

bench = frame("fidelity")
run = page_head(bench, "Fidelity", "How well does each slot come back?")

if run is not None:
    scope_controls()
    read_back_panels(run, bench)
    in_tabs(
        "fidelity_answers",
        {
            "As alone": partial(agreement_panel, run),
            "Right": partial(accuracy_panel, run),
            "Ask again": partial(escalation_panel, run),
            "Bits": partial(bits_panel, run, bench),
            "Pruning": partial(pruning_panel, run, bench),
        },
    )
runs.warm_up()

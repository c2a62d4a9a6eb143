"""Fidelity: how well does each slot come back?"""

from __future__ import annotations

from muxviz.ui.fidelity.answers import accuracy_panel, agreement_panel, escalation_panel
from muxviz.ui.fidelity.bits import bits_panel
from muxviz.ui.fidelity.pruning import pruning_panel
from muxviz.ui.fidelity.view import read_back_panels, scope_controls
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head

bench = frame("fidelity")
run = page_head(bench, "Fidelity", "How well does each slot come back?")

if run is not None:
    scope_controls()
    read_back_panels(run, bench)
    agreement_panel(run)
    accuracy_panel(run)
    escalation_panel(run)
    bits_panel(run, bench)
    pruning_panel(run, bench)
runs.warm_up()

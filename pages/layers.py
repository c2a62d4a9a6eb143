"""Layers: at what depth are they mixed and unmixed?"""

from __future__ import annotations

from muxviz.ui.layers.compare import beside
from muxviz.ui.layers.reading import lens_panel, strip_panel
from muxviz.ui.layers.view import braid_panel, norms_panel, spectrum_panel
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head

bench = frame("layers")
run = page_head(bench, "Layers", "At what depth are they mixed and unmixed?")

if run is not None:
    spectrum = spectrum_panel(run, bench)
    beside(run, bench)
    braid_panel(run, bench, spectrum)
    probe = lens_panel(run, bench)
    strip_panel(run, bench, probe)
    norms_panel(run, bench)
runs.warm_up()

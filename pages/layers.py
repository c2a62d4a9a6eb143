"""Layers: at what depth are they mixed and unmixed?"""

from __future__ import annotations

from functools import partial

from muxviz.ui.layers.compare import beside
from muxviz.ui.layers.reading import reading_panels
from muxviz.ui.layers.view import braid_panel, norms_panel, spectrum_panel
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head
from muxviz.ui.study.tabs import in_tabs

bench = frame("layers")
run = page_head(bench, "Layers", "At what depth are they mixed and unmixed?")

if run is not None:
    spectrum = spectrum_panel(run, bench)
    beside(run, bench)
    in_tabs(
        "layers_more",
        {
            "This group": partial(braid_panel, run, bench, spectrum),
            "Read on the way": partial(reading_panels, run, bench),
            "Against N": partial(norms_panel, run, bench),
        },
    )
runs.warm_up()

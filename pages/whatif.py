"""What-if: what happens to the others if I change one?"""

from __future__ import annotations

from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head
from muxviz.ui.whatif.view import whatif_panels

bench = frame("whatif")
run = page_head(bench, "What-if", "What happens to the others if I change one?")

if run is not None:
    whatif_panels(run, bench)
runs.warm_up()

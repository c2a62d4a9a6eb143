"""What-if: what happens to the others if I change one?"""

from __future__ import annotations

from muxviz.ui import runs
from muxviz.ui.frame import frame
from muxviz.ui.study import page_head
from muxviz.ui.whatif_view import whatif_panels

bench = frame("whatif")
run = page_head(bench, "What-if", "What happens to the others if I change one?")

if run is not None:
    whatif_panels(run, bench)
runs.warm_up()

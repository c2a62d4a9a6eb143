"""Debugger: why did this slot come back wrong, and what would help?"""

from __future__ import annotations

from muxviz.ui.debugger.view import debugger_panels
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head

bench = frame("debugger")
run = page_head(bench, "Debugger", "Why did this slot come back wrong?")

if run is not None:
    debugger_panels(run, bench)
runs.warm_up()

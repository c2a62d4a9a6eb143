"""Cross-talk: which slot leaks into which?"""

from __future__ import annotations

from muxviz.ui.crosstalk.view import crosstalk_page
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head

bench = frame("crosstalk")
run = page_head(bench, "Cross-talk", "Which slot leaks into which?")

if run is not None:
    crosstalk_page(run, bench)
runs.warm_up()

"""Compare: is checkpoint B better than A for this?"""

from __future__ import annotations

from muxviz.ui.compare.series import kind_of
from muxviz.ui.compare.view import compare_page
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head

bench = frame("compare")
run = page_head(bench, "Compare", "Is checkpoint B better than A for this, and in which slots?")

if run is not None:
    alike = [one.name for one in kind_of(bench) if one != bench.checkpoint]
    compare_page(run, bench, alike)
runs.warm_up()

"""Map: do same sentences stay together whatever their neighbours?"""

from __future__ import annotations

from muxviz.ui.map import warm
from muxviz.ui.map.view import QUESTION, map_page
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import page_head

bench = frame("map")
run = page_head(bench, "Map", QUESTION)

if run is not None:
    map_page(run, bench)
runs.warm_up()
warm.warm_umap()

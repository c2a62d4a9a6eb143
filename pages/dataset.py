"""Dataset: where does it fail systematically?"""

from __future__ import annotations

from muxviz.ui.dataset import view
from muxviz.ui.dataset.parts import part_panels
from muxviz.ui.dataset.redone import redone_panel
from muxviz.ui.dataset.source import choose_table
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import runs
from muxviz.ui.study.heading import head_without_group

bench = frame("dataset")
head_without_group(
    "dataset",
    "Where does it fail systematically? A labelled file through the checkpoint in company and "
    "through N = 1 alone: which rows fail, whose fault it is, and what they have in common.",
)
chosen = choose_table(bench)
asked = view.run_panel(bench, chosen)
if asked is not None:
    view.worklist(*asked)
    part_panels(*asked)
    redone_panel(*asked)
runs.warm_up()

"""Trade-off: how many slots should I use?"""

from __future__ import annotations

from muxviz.ui.shell.frame import frame
from muxviz.ui.study.heading import head_without_group
from muxviz.ui.tradeoff import view
from muxviz.ui.tradeoff.plans import plans_panel
from muxviz.ui.tradeoff.sources import sources

bench = frame("tradeoff")
head_without_group(
    "tradeoff",
    "How many slots should I use? Accuracy against speed as measured, what papers report, and what "
    "it means for your traffic.",
)
view.more_runs(bench)
tradeoffs, speeds = sources()
view.tradeoff_panels(tradeoffs)
plans_panel(tradeoffs, speeds)
view.speed_panels(speeds)
view.other_panels(tradeoffs)
view.published_panel()

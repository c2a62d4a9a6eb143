"""Trade-off: how many slots should I use?"""

from __future__ import annotations

from functools import partial

import streamlit as st

from muxviz.ui.shell.frame import frame
from muxviz.ui.study.heading import head_without_group
from muxviz.ui.tradeoff import view
from muxviz.ui.tradeoff.plans import plans_panel, traffic_line
from muxviz.ui.tradeoff.sources import sources

bench = frame("tradeoff")
head_without_group(
    "tradeoff",
    "How many slots should I use? Everything that was measured in one picture, and what it means "
    "for your traffic.",
)
tradeoffs, speeds = sources()
place = st.container()
planned = traffic_line(tradeoffs, speeds)
with place:
    view.picture(tradeoffs, planned.key if planned else ())
view.more_runs(bench)
view.details(tradeoffs, speeds, partial(plans_panel, planned))

"""Models: load, inspect, unload; is my checkpoint sane?"""

import streamlit as st

from muxviz.ui.models import card as model_card
from muxviz.ui.models import choice as model_choice
from muxviz.ui.models import report as model_report
from muxviz.ui.models import views as model_views
from muxviz.ui.models.actions import outcome, perform
from muxviz.ui.models.pruning import pointed_at, pruning_panel
from muxviz.ui.shell.frame import frame
from muxviz.ui.study.errors import one_panel

bench = frame("models")
st.title("Models", anchor=False)
rows = model_views.facts()
with one_panel():
    model_views.summary(rows)
    model_views.table(rows)
    model_views.left_out()
model_choice.link_offer(bench)

left, right = st.columns([3, 2], gap="large")
with left:
    asked = model_choice.choose(bench)
with right:
    offered = model_views.memory(bench, rows)
if request := asked or offered:
    perform(request)

last = outcome()
with one_panel():
    model_report.draw(last, bench)
subject = model_choice.picked() or pointed_at() or (last.name if last else "")
for row in rows:
    if row.name == subject:
        with one_panel():
            pruning_panel(row, bench)
        with one_panel():
            model_card.draw(row)

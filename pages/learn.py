"""Learn: nine steps from one shared pass to its price, on recorded results."""

from __future__ import annotations

from muxviz.ui.learn.view import learn
from muxviz.ui.shell.frame import frame
from muxviz.ui.study import panels

bench = frame("learn")
panels.begin_report()
learn(bench)

"""Start."""
from muxviz.ui.frame import frame
frame("start")

from muxviz.ui.shell.frame import frame

frame("about")

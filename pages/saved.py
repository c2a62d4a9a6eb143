"""Saved: what do I keep of this session, and how do I bring it back?"""

from __future__ import annotations

from muxviz.ui.saved.view import saved_page
from muxviz.ui.shell.frame import frame

frame("saved")
saved_page()

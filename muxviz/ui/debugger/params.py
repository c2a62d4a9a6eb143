"""Private controls of the Debugger."""

from __future__ import annotations

from muxviz.figures.drawing.slots import slot_label
from muxviz.ui.shell.params import Choice, Number, Param, Words
from muxviz.ui.study.why import CHECKED, RIGHT

MAX_SLOTS = 64  # that a control may name

GOLD = Words(RIGHT, "Right answer", "", 60)
DRAWS = Number(CHECKED, "Draws", 8, 256, 64, 8)
NEIGHBOUR = Choice("d_to", "Neighbour", {str(n + 1): slot_label(n) for n in range(MAX_SLOTS)}, "2")

PARAMS: tuple[Param, ...] = (GOLD, DRAWS, NEIGHBOUR)

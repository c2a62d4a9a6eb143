"""Private controls of the Learn page."""

from __future__ import annotations

from muxviz.lesson.outline import SCENES, STEPS
from muxviz.ui.shell.params import Choice, Flag, Param

STEP = Choice("step", "Step", {name: name for name in STEPS}, "1", spread=True)
SCENE = Choice("step_turn", "Turn", SCENES, next(iter(SCENES)), spread=True)
PRESENT = Flag("present", "Presenter mode")

PARAMS: tuple[Param, ...] = (STEP, SCENE, PRESENT)

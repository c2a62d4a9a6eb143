"""Private controls of the Learn page."""

from __future__ import annotations

from muxviz.figures.drawing.slots import slot_label
from muxviz.ui.shell.params import Choice, Param

MOST = 64  # slots that a link can name
STEP = Choice(
    "step",
    "Step",
    {"1": "1 · One pass, N answers", "2": "2 · Keys", "3": "3 · Find the culprit"},
    "1",
)
TURN = Choice(
    "step_key",
    "Read the mixture with",
    {"own": "the right key", "half": "half of each", "other": "the other slot's key"},
    "own",
)
GUESS = Choice(
    "step_guess",
    "Whose sentence is it?",
    {"none": "not sure yet", **{str(i + 1): slot_label(i) for i in range(MOST)}},
    "none",
)

PARAMS: tuple[Param, ...] = (STEP, TURN, GUESS)

"""Private controls of Compare."""

from __future__ import annotations

from muxviz.ui.shell.params import Choice, Number, Param

DRAWS = Number("q_draws", "How many random groups", 16, 256, 64, 16)
SWAPS = Number("q_swaps", "Sentences put in", 8, 64, 16, 8)
QUANTITY = Choice(
    "q_count",
    "Compare",
    {"right": "Right answers", "read": "Read-back", "same": "Answers as alone"},
    "right",
)
SERIES = Choice(
    "q_series", "Rows", {"dial": "The dial of sharing", "all": "All of this N and task"}, "dial"
)

PARAMS: tuple[Param, ...] = (DRAWS, SWAPS, QUANTITY, SERIES)

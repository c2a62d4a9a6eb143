"""Private controls of the Fidelity page."""

from __future__ import annotations

from muxviz.ui.shell.params import Choice, Number, Param

SCOPE = Choice(
    "f_scope", "Look at", {"group": "This group", "pool": "Random groups of the pool"}, "group"
)
DRAWS = Number("f_draws", "How many random groups", 16, 256, 64, 16)
VALUE = Choice(
    "f_value",
    "Read-back as",
    {
        "read": "Share",
        "nll": "Log-likelihood",
        "mrr": "Reciprocal rank",
        "ranks": "Ranks",
    },
    "read",
)
PLACES = Choice("f_places", "Positions of", {"all": "All slots", "one": "Selected slot"}, "all")
ACROSS = Choice(
    "f_across", "Checkpoints", {"one": "This one", "task": "All that answer the same"}, "task"
)
UNIT = Choice("f_unit", "Unit", {"bits": "Bits", "nats": "Nats"}, "bits")
QUANTITY = Choice(
    "f_count",
    "Compare",
    {"read": "Read-back", "right": "Right answers", "same": "Answers as alone"},
    "right",
)

PARAMS: tuple[Param, ...] = (SCOPE, DRAWS, VALUE, PLACES, ACROSS, UNIT, QUANTITY)

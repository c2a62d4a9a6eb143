"""Private controls of the Cross-talk page."""

from __future__ import annotations

from dataclasses import replace

from muxviz.figures.drawing.slots import slot_label
from muxviz.ui.shell.params import Choice, Flag, Number, Param, Words

AUTO = "auto"
MOST = 64  # slots that a link can name
MEASURE = Choice(
    "c_meas",
    "Measure",
    {
        "swap": "Swap",
        "push": "Push",
        "shapley": "Shapley",
        "odds": "Log-odds",
        "leak": "Token leak",
        "share": "Gradient share",
    },
    "swap",
)
OVER = Choice(
    "c_over", "Leaks in", {"group": "This group", "pool": "Random groups of the pool"}, "group"
)
POOL = Choice(
    "c_pool",
    "Sentences from",
    {"all": "The pool", "positive": "Only positive", "negative": "Only negative", "own": "My own"},
    "all",
)
OWN = Words("c_own", "My sentences, parted by |", "", 2000)
DRAWS = Number("c_draws", "Draws", 8, 256, 64, 8)
SETS = Number("c_sets", "Sets of reference sentences", 4, 64, 16, 4)
DECIBEL = Flag("c_db", "In dB against the own sentence")
MARK = Flag("c_sig", "Strike through what is not told from nothing", default=True)
SLOTS = {AUTO: "strongest", **{str(i + 1): slot_label(i) for i in range(MOST)}}
SLOT = Choice("c_i", "Observe slot", SLOTS, AUTO)
SOURCE = Choice("c_j", "under the sentence of slot", SLOTS, AUTO)

PARAMS: tuple[Param, ...] = (
    MEASURE,
    OVER,
    POOL,
    OWN,
    DRAWS,
    SETS,
    DECIBEL,
    MARK,
    SLOT,
    SOURCE,
)


def of_slots(choice: Choice, num: int) -> Choice:
    """The same choice among the first ``num`` slots only."""
    return replace(choice, options=dict(list(choice.options.items())[: num + 1]))

"""A training run over its steps: one panel per loss, read-back per slot, and speed.

Runs are told apart by colour, dash and name; slots keep the colour, number and symbol that they
have everywhere. Long curves are drawn as means of equally many rows.
"""

from muxviz.figures.drawing.small_multiples import MOST_RUNS, stage_at
from muxviz.figures.training.losses import (
    is_share,
    loss_alt,
    loss_figure,
    loss_finding,
    loss_table,
    loss_terms,
    term_label,
)
from muxviz.figures.training.slots import (
    slot_accuracy_alt,
    slot_accuracy_figure,
    slot_accuracy_finding,
    slot_accuracy_table,
)
from muxviz.figures.training.speed import speed_alt, speed_figure, speed_finding, speed_table

__all__ = [
    "MOST_RUNS",
    "is_share",
    "loss_alt",
    "loss_figure",
    "loss_finding",
    "loss_table",
    "loss_terms",
    "slot_accuracy_alt",
    "slot_accuracy_figure",
    "slot_accuracy_finding",
    "slot_accuracy_table",
    "speed_alt",
    "speed_figure",
    "speed_finding",
    "speed_table",
    "stage_at",
    "term_label",
]

"""Private controls of What-if. A fader vector is written as numbers with commas: ``1,1,0.5``.

Slots in a link are counted from 1, as shown.
"""

from __future__ import annotations

from muxviz.figures.drawing.slots import slot_label
from muxviz.ui.shell.params import Choice, Number, Param, Words

MAX_TEXT = 300  # characters of a sentence tried out
MAX_SLOTS = 64  # that a control may name

VIEW = Choice(
    "w_view",
    "What to change",
    {
        "desk": "Faders",
        "edit": "A sentence",
        "key": "Keys",
        "seats": "Seats",
        "same": "Twins and copies",
        "why": "Why this answer?",
    },
    "desk",
)
GAINS = Words("w_g", "Faders as numbers", "", 240)
FLOOR = Choice(
    "w_floor", "A silent slot holds", {"zero": "Nothing", "pool": "The average sentence"}, "zero"
)
SCALE = Choice("w_scale", "Response", {"probability": "Probability", "margin": "Margin"}, "margin")
OTHER = Choice("w_to", "Other slot", {str(n + 1): slot_label(n) for n in range(MAX_SLOTS)}, "2")
ALPHA = Number("w_alpha", "Key dial", 0.0, 1.0, 0.0, 0.05)
TEXT = Words("w_text", "New sentence", "", MAX_TEXT)
TWIN = Words("w_twin", "Its twin", "", MAX_TEXT)
GOLD = Words("w_gold", "Right answer", "", 60)
DRAWS = Number("w_draws", "Draws", 8, 256, 64, 8)

PARAMS: tuple[Param, ...] = (
    VIEW,
    GAINS,
    FLOOR,
    SCALE,
    OTHER,
    ALPHA,
    TEXT,
    TWIN,
    GOLD,
    DRAWS,
)

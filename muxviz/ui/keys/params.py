"""Private controls of the Keys page."""

from __future__ import annotations

from muxviz.ui.shell.params import Choice, Number, Param

DRAWS = Number("k_draws", "Random groups", 16, 256, 64, 16)
MUX = Choice(
    "k_mux", "Of the multiplexer", {"cosine": "Cosine", "interference": "Interference"}, "cosine"
)
GATES = Choice("k_gates", "Gates in", {"group": "This group", "pool": "Random groups"}, "group")
LIKE = Choice(
    "k_like",
    "Likeness of",
    {
        "interference": "Mux vectors, interference",
        "mux": "Mux vectors, cosine",
        "demux": "Demux keys, cosine",
        "gates": "Demux gates, equal share",
    },
    "demux",
)
OVER = Choice("k_over", "Cross-talk of", {"pool": "Random groups", "group": "This group"}, "pool")

PARAMS: tuple[Param, ...] = (DRAWS, MUX, GATES, LIKE, OVER)

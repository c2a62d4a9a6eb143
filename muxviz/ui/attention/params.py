"""Private controls of the Attention page. Where the choices depend on the checkpoint, a link's word
is taken as text here and checked where the control is drawn.
"""

from __future__ import annotations

from muxviz.ui.shell.params import Choice, Flag, Number, Param, Words

READING = Choice(
    "a_read",
    "Reading",
    {
        "raw": "Raw map",
        "pairs": "Slot pairs",
        "relevance": "For each slot",
        "across": "Across sentences",
    },
    "raw",
)
LOOK = Choice(
    "a_agg",
    "Heads",
    {"top": "The one that matters most", "one": "One", "mean": "Mean", "max": "Largest"},
    "top",
)
LAYER = Number("a_layer", "Layer", 1, 48, 1)
HEAD = Number("a_head", "Head", 1, 64, 1)
DEPTH = Number("a_to", "Layer", 1, 48, 48)
ROLLED = Choice(
    "a_roll", "Layers", {"rollout": "Up to this one", "layer": "This one alone"}, "rollout"
)
COMPARED = Words("a_b", "Compare with slot", "auto", 8)
SEEN = Flag("a_seen", "Only what the softmax sees")
LOOKING = Words("a_i", "Looking slot", "auto", 8)
LOOKED_AT = Words("a_j", "Slot looked at", "auto", 8)
POSITION = Number("a_pos", "Position", 0, 512, 1)
SPECIALS = Flag("a_spec", "Hide special tokens")
WHOLE = Flag("a_whole", "Whole words")
TOKENS = Words("a_tok", "Only positions with", "", 80)
WINDOW = Number("a_win", "First position shown", 0, 512, 0, 16)
EFFECT = Choice(
    "a_by", "Effect", {"margin": "On the margin", "js": "On the probabilities"}, "margin"
)
LABEL = Words("a_for", "Why", "answer", 80)
AGAINST = Words("a_vs", "rather than", "runner-up", 80)
PLACE = Words("a_at", "at token", "all", 8)

PARAMS: tuple[Param, ...] = (
    READING,
    LOOK,
    LAYER,
    HEAD,
    DEPTH,
    ROLLED,
    COMPARED,
    SEEN,
    LOOKING,
    LOOKED_AT,
    POSITION,
    SPECIALS,
    WHOLE,
    TOKENS,
    WINDOW,
    EFFECT,
    LABEL,
    AGAINST,
    PLACE,
)

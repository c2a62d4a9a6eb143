"""Private controls of the Map page."""

from __future__ import annotations

from muxviz.ui.shell.params import Choice, Flag, Number, Param

ANCHORS = Number("u_k", "Sentences", 4, 40, 16, 2)
SETS = Number("u_m", "Neighbour sets", 2, 10, 5, 1)
OWN = Flag("u_own", "Add my sentences", True)
STATE = Choice(
    "u_state",
    "State",
    {"demux": "Read-out", "layer": "A layer", "mix": "Mixture", "embed": "Before mixing"},
    "demux",
)
LAYER = Number("u_layer", "Layer", 1, 64, 1, 1)  # of the last checkpoint: its layers
JOINT = Flag("u_joint", "One map for all states, played")
METHOD = Choice("u_proj", "Projection", {"pca": "PCA", "umap": "UMAP", "tsne": "t-SNE"}, "pca")
DIMS = Choice("u_dims", "Dimensions", {"2": "2-D", "3": "3-D"}, "2")
NEAR = Number("u_nn", "Neighbours (UMAP), perplexity (t-SNE)", 5, 50, 15, 5)
DIST = Number("u_dist", "Least distance (UMAP)", 0.0, 0.9, 0.1, 0.1)
COLOR = Choice(
    "u_col",
    "Colour",
    {
        "sentence": "Sentence",
        "slot": "Slot",
        "neighbours": "Neighbours",
        "label": "Answer",
        "margin": "Margin",
        "correct": "Right or wrong",
    },
    "sentence",
)
SELECTED = Number("u_sel", "Sentence that stands out (0: none)", 0, 40, 0, 1)
POINT = Number("u_pt", "Point to look at (0: none)", 0, 25_700, 0, 1)

PARAMS: tuple[Param, ...] = (
    ANCHORS,
    SETS,
    OWN,
    STATE,
    LAYER,
    JOINT,
    METHOD,
    DIMS,
    NEAR,
    DIST,
    COLOR,
    SELECTED,
    POINT,
)

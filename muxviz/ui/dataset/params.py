"""Private controls of the Dataset page."""

from __future__ import annotations

from muxviz.analysis.dataset.tags import MEANING as TAGS
from muxviz.results.worklist import LISTED
from muxviz.ui.shell.params import Choice, Number, Param, Words

SOURCE = Choice(
    "s_source",
    "Rows from",
    {"sample": "The sample", "upload": "A file of yours", "path": "A path on this machine"},
    "sample",
)
GROUPING = Choice(
    "s_group",
    "Who shares a pass",
    {
        "random": "Random",
        "length": "Like length",
        "balanced": "Balanced by label",
        "adversarial": "Adversarial",
        "alike": "Alike",
        "all": "Each of them once",
    },
    "random",
)
DRAWS = Number("s_draws", "Draws", 1, 10, 3)
RUNTIME = Choice("s_runtime", "Answered by", {"torch": "torch", "onnx": "ONNX Runtime"}, "torch")
ALL = "all"
KIND = Choice("s_kind", "Kind", {ALL: "All kinds"} | {kind: kind for kind in LISTED}, ALL)
TAG = Choice("s_tag", "Tag", {ALL: "All tags"} | {tag: tag for tag in TAGS}, ALL)
FIND = Words("s_find", "Text holds", max_length=100)
ROW = Number("s_row", "Row of the file", 0, 100_000_000, 0, 1, typed=True)
PART = Choice(
    "s_slice",
    "Look at",
    {
        "slot": "Slots",
        "tag": "Tags",
        "slice": "Slices found",
        "labels": "Labels",
        "sure": "Calibration",
        "grouping": "Groupings",
    },
    "slot",
)
WHERE = Choice("s_where", "Answers of", {ALL: "All slots", "slot": "Selected slot"}, ALL)

PARAMS: tuple[Param, ...] = (
    SOURCE,
    GROUPING,
    DRAWS,
    RUNTIME,
    KIND,
    TAG,
    FIND,
    ROW,
    PART,
    WHERE,
)

"""What muxviz found out, as frozen values of NumPy arrays, strings and numbers.

Neither torch nor plotly is imported here: analysis returns these, figures draw them, recorded
results are stored in them. Slots are counted from 0 in fields and from 1 on screen
(``SlotResult.number``). N x N arrays have the slot observed in the row, the source in the column.
"""

from muxviz.results.answers import (
    Answer,
    FillAnswer,
    LabelAnswer,
    LabelsAnswer,
    ReplacedAnswer,
    ScoreAnswer,
    ScoresAnswer,
    TagAnswer,
)
from muxviz.results.evaluation import METRICS, Evaluation, Slots, Spread
from muxviz.results.group import GroupResult, Provenance, SlotResult, Timing
from muxviz.results.reading import Leak, LeakExample, Proportion, TokenReading
from muxviz.results.store import from_json, to_json

__all__ = [
    "METRICS",
    "Answer",
    "Evaluation",
    "FillAnswer",
    "GroupResult",
    "LabelAnswer",
    "LabelsAnswer",
    "Leak",
    "LeakExample",
    "Proportion",
    "Provenance",
    "ReplacedAnswer",
    "ScoreAnswer",
    "ScoresAnswer",
    "SlotResult",
    "Slots",
    "Spread",
    "TagAnswer",
    "Timing",
    "TokenReading",
    "from_json",
    "to_json",
]

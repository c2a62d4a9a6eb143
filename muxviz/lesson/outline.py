"""What is fixed about the steps: their titles, and what can be turned in each.

Known without a result, so that a link can be read before anything is drawn. Ids and words are each
unlike all others: one parameter of the address names the scene of any step.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from muxviz.figures.drawing.slots import slot_label

MOST = 10  # slots that scenes are named for
SEATS = 5  # up to which all orders are known


@dataclass(frozen=True)
class Outline:
    """Title, what is turned, and the scenes by id."""

    title: str
    turn: str
    scenes: Mapping[str, str]


def _slots(stem: str, word: str) -> dict[str, str]:
    return {f"{stem}{i + 1}": f"{word} {slot_label(i)}".strip() for i in range(MOST)}


STEPS = {
    "1": Outline(
        "One pass, many answers",
        "Which five sentences?",
        {"clear": "clear ones", "harder": "harder ones", "swapped": "one of these exchanged"},
    ),
    "2": Outline(
        "What happens to a token",
        "Mixing desk",
        {"all": "all sound", **_slots("mute", "mute"), **_slots("solo", "solo")},
    ),
    "3": Outline(
        "Keys",
        "Read the mixture with",
        {
            "key0": "the right key",
            "key25": "a quarter turned",
            "key50": "half of each",
            "key75": "three quarters turned",
            "key100": "the other slot's key",
        },
    ),
    "4": Outline("Read-back", "Whose tokens?", _slots("read", "tokens of")),
    "5": Outline(
        "Find the culprit",
        "Exchange the sentence of",
        {"nobody": "nobody yet", **_slots("from", ""), "everybody": "each of them"},
    ),
    "6": Outline(
        "Depth",
        "The slots have",
        {"apart": "rooms of their own", "together": "one room for all"},
    ),
    "7": Outline(
        "The seating game",
        "Swap two seats",
        {
            "stay": "nobody moves",
            **{
                f"swap{i + 1}{j + 1}": f"{i + 1} ↔ {j + 1}"
                for i, j in combinations(range(SEATS), 2)
            },
        },
    ),
    "8": Outline(
        "Rooms or one room",
        "Sharing",
        {"share0": "rooms", "share25": "a quarter", "share50": "half", "share100": "one room"},
    ),
    "9": Outline(
        "When it breaks",
        "The debugger",
        {"before": "look at the case", "run": "run it"},
    ),
}
SCENES = {name: words for step in STEPS.values() for name, words in step.scenes.items()}

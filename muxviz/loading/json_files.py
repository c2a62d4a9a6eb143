"""The JSON files of a checkpoint folder, read through the door and without torch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from muxviz import files
from muxviz.errors import CheckpointUnreadable, FileError, NotAModelFolder

CONFIG, CARD = "config.json", "card.json"
LARGEST_CONFIG = 4 << 20  # bytes of a configuration or card; the largest known has 0.2

# What a card holds where it holds it: an object with such fields, a list for an object of such
# objects, or the kinds of a plain value.
NUMBER, NAME = (int, float, type(None)), (str, type(None))
SPREAD = {name: NUMBER for name in ("mean", "std", "value", "low", "high")}
MEASURED = {
    "data": NAME,
    "primary": NAME,
    "provenance": {},
    "metrics": [SPREAD],
    "accuracy": SPREAD,
    "retrieval_accuracy": SPREAD,
}
CARD_FIELDS = {
    "recipe": {"task_dev": NAME},
    "run": {},
    "storage": {},
    "baseline": NAME,
    "measured": [MEASURED],
}


def read_json(path: Path, *, most: int = files.LARGEST_JSON) -> dict[str, Any]:
    """A JSON object from ``path``.

    Raises:
        CheckpointUnreadable: not a regular file, not JSON, not an object, or one that the door does
            not let in (see ``muxviz.files``).
    """
    try:
        return files.read_json(path, most=most)
    except FileError as error:
        raise CheckpointUnreadable(f"{error}; fetch the file again") from error


def read_config(folder: Path) -> dict[str, Any]:
    """The fields of a folder's ``config.json``.

    Raises:
        NotAModelFolder: there is none. CheckpointUnreadable: as ``read_json``.
    """
    path = folder / CONFIG
    is_shut = files.is_there(folder) and not os.access(folder, os.X_OK)
    if not files.is_there(path) and not is_shut:
        raise NotAModelFolder(
            f"{folder} is not a model folder: it has no config.json; give the folder that "
            "save_pretrained or muxviz.save wrote"
        )
    return read_json(path, most=LARGEST_CONFIG)


def read_card(folder: Path) -> dict[str, Any]:
    """The fields of a folder's ``card.json``, where there is one; what we read is of its kind.

    Raises:
        CheckpointUnreadable: as ``read_json``, or a field of another kind.
    """
    path = folder / CARD
    if not files.is_there(path):
        return {}
    card = read_json(path, most=LARGEST_CONFIG)
    wrong = _wrong(card, CARD_FIELDS, "")
    if wrong:
        raise CheckpointUnreadable(
            f"{path}: the field {wrong[:80]!r} is not what a card holds there; remove the card, or "
            "write it with muxviz card"
        )
    return card


def _wrong(value: Any, expected: Any, name: str) -> str:
    """The first field that is of another kind, as a dotted name; "" for none."""
    if expected is SPREAD and value is None:
        return ""
    if isinstance(expected, dict | list):
        if not isinstance(value, dict):
            return name
        fields = expected if isinstance(expected, dict) else dict.fromkeys(value, expected[0])
        inner = (
            _wrong(value[f], fields[f], f"{name}.{f}".lstrip(".")) for f in fields if f in value
        )
        return next(filter(None, inner), "")
    return "" if isinstance(value, expected) and not isinstance(value, bool) else name

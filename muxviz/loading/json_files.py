"""The JSON files of a checkpoint folder, read through the door and without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from muxviz import files
from muxviz.errors import CheckpointUnreadable, FileError, NotAModelFolder

CONFIG, CARD = "config.json", "card.json"
LARGEST_CONFIG = 4 << 20  # bytes of a configuration or card; the largest known has 0.2


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
    if not files.is_there(path):
        raise NotAModelFolder(
            f"{folder} is not a model folder: it has no config.json; give the folder that "
            "save_pretrained or muxviz.save wrote"
        )
    return read_json(path, most=LARGEST_CONFIG)


def read_card(folder: Path) -> dict[str, Any]:
    """The fields of a folder's ``card.json``; {} where there is none.

    Raises:
        CheckpointUnreadable: as ``read_json``.
    """
    path = folder / CARD
    return read_json(path, most=LARGEST_CONFIG) if files.is_there(path) else {}

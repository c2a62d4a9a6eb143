"""The checkpoints that come with the project."""

from __future__ import annotations

import os
import re
from pathlib import Path

from muxviz.errors import CheckpointError, CheckpointMissing
from muxviz.files import half_character, is_there, why
from muxviz.loading.json_files import CONFIG, read_card, read_config


def checkpoints_folder() -> Path:
    """``MUXVIZ_CHECKPOINTS``, or ``checkpoints/`` beside the package."""
    named = os.environ.get("MUXVIZ_CHECKPOINTS")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "checkpoints"


def bundled_folders() -> dict[str, Path]:
    """Folders of the bundled checkpoints by name, in reading order (task, then N).

    A folder that holds a ``config.json`` is one, whatever that says; a name that is not UTF-8 could
    be neither shown nor linked to and is left out.
    """
    folder = checkpoints_folder()
    try:
        names = os.listdir(folder)
    except (OSError, ValueError):
        return {}
    folders = {n: folder / n for n in sorted(names, key=_reading_order) if not half_character(n)}
    return {name: inner for name, inner in folders.items() if is_there(inner / CONFIG)}


def bundled_names() -> list[str]:
    """Names of the bundled checkpoints, in reading order."""
    return list(bundled_folders())


def bundled_folder(name: str) -> Path | None:
    """The folder of a bundled checkpoint, or None; ``name`` is never used as a path."""
    return bundled_folders().get(name)


def bundled_faults() -> dict[str, str]:
    """Every folder that holds a checkpoint or may hold one, and what is wrong with it, or "".

    Only JSON files are read; weights and tokenizer are for the pre-flight.

    Raises:
        CheckpointMissing: the folder of the checkpoints cannot be listed.
    """
    folder = checkpoints_folder()
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CheckpointMissing(
            f"{str(folder)[:200]!r} cannot be listed ({why(error)}); name a folder of checkpoints "
            "in MUXVIZ_CHECKPOINTS"
        ) from error
    faults = {name: _fault(folder / name) for name in sorted(names, key=_reading_order)}
    return {name: fault for name, fault in faults.items() if fault is not None}


def _fault(folder: Path) -> str | None:
    """What is wrong with a folder, "" for nothing; None for what is no checkpoint at all."""
    try:
        if CONFIG not in os.listdir(folder):
            return None
    except NotADirectoryError:
        return None
    except OSError as error:
        return f"cannot be read ({why(error)})"
    if half_character(folder.name):
        return "its name is not UTF-8, rename it"
    try:
        read_config(folder)
        read_card(folder)
    except CheckpointError as error:
        return str(error)
    return ""


def _reading_order(name: str) -> list[str | int]:
    """Numbers in a name count as numbers: ``a-n2`` comes before ``a-n10``."""
    parts = re.split("([0-9]+)", name)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)]

"""The checkpoints that come with the project."""

from __future__ import annotations

import os
from pathlib import Path


def checkpoints_folder() -> Path:
    """``MUXVIZ_CHECKPOINTS``, or ``checkpoints/`` beside the package."""
    named = os.environ.get("MUXVIZ_CHECKPOINTS")
    return Path(named) if named else Path(__file__).resolve().parents[2] / "checkpoints"


def bundled_names() -> list[str]:
    """Names of the bundled checkpoints, in reading order (task, then N)."""
    folder = checkpoints_folder()
    if not folder.is_dir():
        return []
    names = [p.name for p in folder.iterdir() if (p / "config.json").is_file()]
    return sorted(names, key=_reading_order)


def bundled_folder(name: str) -> Path | None:
    """The folder of a bundled checkpoint, or None; ``name`` is never used as a path."""
    return checkpoints_folder() / name if name in bundled_names() else None


def _reading_order(name: str) -> tuple[str, int, str]:
    task, _, number = name.rpartition("-n")
    return (task, int(number), name) if number.isdigit() else (name, 0, name)

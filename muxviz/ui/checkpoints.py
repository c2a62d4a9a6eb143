"""Which checkpoints can be chosen, told from their JSON files alone: no weights, no torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muxviz.loading.bundled import bundled_folder, bundled_names

PREFERRED = 5  # slots of the checkpoint chosen when nothing is asked for


@dataclass(frozen=True)
class Listed:
    """A checkpoint that can be chosen.

    name: a bundled name, a folder or a hub id, as ``muxviz.load`` takes it. baseline: the N = 1
    checkpoint its card names, or "". folder: where its files are, or None when not known yet.
    """

    name: str
    num_instances: int
    baseline: str = ""
    folder: Path | None = None

    @property
    def stamp(self) -> str:
        """Changes when the folder's files are replaced; part of every cache key."""
        files = sorted(self.folder.iterdir()) if self.folder and self.folder.is_dir() else []
        return " ".join(f"{p.name}:{p.stat().st_mtime_ns}" for p in files if p.is_file())


def describe(name: str, folder: Path) -> Listed:
    """What the JSON files of a folder say; N = 1 where they say nothing (loading will complain)."""
    number = read_object(folder / "config.json").get("num_instances", 1)
    baseline = read_object(folder / "card.json").get("baseline") or ""
    return Listed(
        name,
        number if isinstance(number, int) and 1 <= number <= 1024 else 1,
        baseline if baseline in bundled_names() and baseline != name else "",
        folder,
    )


def bundled() -> list[Listed]:
    """The bundled checkpoints, in reading order."""
    named = ((name, bundled_folder(name)) for name in bundled_names())
    return [describe(name, folder) for name, folder in named if folder is not None]


def preferred(choices: list[Listed]) -> Listed | None:
    """The one to start with: as many slots as possible up to five, or the first."""
    fitting = [c for c in choices if c.num_instances <= PREFERRED]
    return max(fitting or choices, key=lambda c: c.num_instances, default=None)


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file; {} where there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}

"""Groups of sentences, each made to show one phenomenon; all written for this project.

The data is ``presets.toml`` beside this file. Left out: what a run of a preset gave, which depends
on the checkpoint (see ``muxviz/recorded``).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

from muxviz.files import parse_toml

Texts = tuple[str, str | None]  # a sentence, and for pair tasks a second one


@dataclass(frozen=True)
class Preset:
    """A named group: what to look for in it, and its rows (a checkpoint takes the first N)."""

    id: str
    title: str
    look_for: str
    rows: tuple[Texts, ...]


@cache
def presets() -> tuple[Preset, ...]:
    """All of them, in reading order."""
    text = (resources.files(__package__) / "presets.toml").read_text(encoding="utf-8")
    raw = parse_toml(text, "presets.toml")
    return tuple(
        Preset(p["id"], p["title"], p["look_for"], tuple(_row(r) for r in p["rows"]))
        for p in raw["preset"]
    )


def preset(name: str) -> Preset:
    """The preset of this id.

    Raises:
        KeyError: there is none.
    """
    return {p.id: p for p in presets()}[name]


def find_preset(name: str) -> Preset | None:
    """The preset of this id or title, or None."""
    return next((p for p in presets() if name in (p.id, p.title)), None)


def _row(value: str | list[str]) -> Texts:
    return (value, None) if isinstance(value, str) else (value[0], value[1])

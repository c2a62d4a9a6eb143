"""The labelled sample that comes with muxviz, and where a table that a user names is."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

SAMPLE = "sample"


def table_path(given: str | Path) -> Path:
    """The file that is meant: ``sample`` for the one that comes with muxviz."""
    if str(given) == SAMPLE:
        return Path(str(resources.files("muxviz.pool") / "labelled.tsv"))
    return Path(given)

"""What behavioural tests ask for: the least share of answers that stay, from a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from muxviz.errors import FileError
from muxviz.files import read_toml, real_number
from muxviz.printable import printable
from muxviz.results.behaviour import CHANGES

EXPECTED = "a table [least] of tests with shares from 0 to 1, and a tolerance"
DEFAULTS = MappingProxyType({name: 1.0 if name == "control" else 0.9 for name in CHANGES})
TOLERANCE = 0.1  # of scores, in their own unit
LARGEST_TOLERANCE = 1e12


@dataclass(frozen=True)
class Thresholds:
    """least: per test, the share of answers that must stay. tolerance: how far a score may move."""

    least: Mapping[str, float] = field(default_factory=lambda: DEFAULTS)
    tolerance: float = TOLERANCE


def read_thresholds(path: Path | None) -> Thresholds:
    """Those of a file, the defaults for what it does not name (None: all).

    Raises:
        FileError: not TOML, a name that is no test, or a value out of range.
    """
    if path is None:
        return Thresholds()
    table = read_toml(path, expected=EXPECTED)
    _known(path, table, ("least", "tolerance"))
    least = table.get("least", {})
    if not isinstance(least, dict):
        raise FileError(path, "least is no table", expected=EXPECTED)
    _known(path, least, tuple(CHANGES))
    found = {name: _number(path, name, value, most=1) for name, value in least.items()}
    tolerance = table.get("tolerance", TOLERANCE)
    return Thresholds(
        DEFAULTS | found, _number(path, "tolerance", tolerance, most=LARGEST_TOLERANCE)
    )


def _known(path: Path, table: dict[str, Any], names: tuple[str, ...]) -> None:
    strange = [name for name in table if name not in names]
    if strange:
        raise FileError(
            path, f"names {printable(strange[0][:60])!r}", expected=f"some of {', '.join(names)}"
        )


def _number(path: Path, name: str, value: Any, *, most: float) -> float:
    found = None if isinstance(value, str) else real_number(value, low=0, high=most)
    if found is None:
        given = f"{name} is {printable(repr(value)[:40])}"
        raise FileError(path, given, expected=f"a number from 0 to {most:g}")
    return found

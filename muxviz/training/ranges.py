"""Ranges of the fields of a recipe: declared in the fields' types, checked whenever one is built.

    steps: Annotated[int, Whole(1, 10**9)]  # optimiser steps

A range says in ``words`` what it takes, for messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol, get_type_hints

from muxviz import config
from muxviz.errors import ConfigError
from muxviz.printable import printable


class Range(Protocol):
    """What a field takes."""

    @property
    def words(self) -> str: ...

    def holds(self, value: Any) -> bool: ...


@dataclass(frozen=True)
class Whole:
    """A whole number from ``low`` to ``high``."""

    low: int
    high: int

    @property
    def words(self) -> str:
        return f"a whole number from {self.low:,} to {self.high:,}"

    def holds(self, value: Any) -> bool:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return is_whole and self.low <= value <= self.high


@dataclass(frozen=True)
class Real:
    """A number from ``low`` to ``high``; where one is open it is not taken itself."""

    low: float
    high: float
    is_above: bool = False
    is_below: bool = False

    @property
    def words(self) -> str:
        low, high = f"{self.low:,.9g}", f"{self.high:,.9g}"
        if self.is_above:
            return f"a number above {low} and {'below' if self.is_below else 'at most'} {high}"
        return f"a number from {low} to {'below ' if self.is_below else ''}{high}"

    def holds(self, value: Any) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        is_end = (self.is_above and value == self.low) or (self.is_below and value == self.high)
        return self.low <= value <= self.high and not is_end  # NaN is in no range


@dataclass(frozen=True)
class Flag:
    """true or false."""

    words: str = "true or false"

    def holds(self, value: Any) -> bool:
        return isinstance(value, bool)


@dataclass(frozen=True)
class Text:
    """A text that can be printed as it is."""

    most: int
    least: int = 0

    @property
    def words(self) -> str:
        return f"a text of {self.least} to {self.most:,} characters, none of them a control one"

    def holds(self, value: Any) -> bool:
        if not isinstance(value, str) or not self.least <= len(value) <= self.most:
            return False
        return printable(value) == value and (not self.least or bool(value.strip()))


@dataclass(frozen=True)
class OneOf:
    """One of some words."""

    known: tuple[str, ...]

    @property
    def words(self) -> str:
        return f"one of {', '.join(self.known)}"

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.known


@dataclass(frozen=True)
class Part:
    """One of the parts that ``muxviz.config`` lists under a name, now."""

    name: str  # "MULTIPLEXERS"

    @property
    def words(self) -> str:
        return OneOf(getattr(config, self.name)).words

    def holds(self, value: Any) -> bool:
        return OneOf(getattr(config, self.name)).holds(value)


@dataclass(frozen=True)
class Each:
    """A list of things of one range."""

    inner: Range
    most: int
    least: int = 0
    is_distinct: bool = False

    @property
    def words(self) -> str:
        kind = "different values" if self.is_distinct else "values"
        return f"a list of {self.least} to {self.most:,} {kind}, each {self.inner.words}"

    def holds(self, value: Any) -> bool:
        if not isinstance(value, tuple) or not self.least <= len(value) <= self.most:
            return False
        if not all(self.inner.holds(one) for one in value):
            return False
        return not self.is_distinct or len(set(value)) == len(value)


@dataclass(frozen=True)
class Instance:
    """A value of some class, which has checked itself."""

    kind: type

    @property
    def words(self) -> str:
        return f"a {self.kind.__name__}"

    def holds(self, value: Any) -> bool:
        return isinstance(value, self.kind)


@cache
def ranges(kind: type) -> dict[str, Range]:
    """The range of every field of a dataclass.

    Raises:
        TypeError: a field declares none.
    """
    found: dict[str, Range] = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        declared: tuple[Any, ...] = getattr(hint, "__metadata__", ())
        if len(declared) != 1:
            raise TypeError(f"{kind.__name__}.{name} declares no range")
        found[name] = declared[0]
    return found


def problem(kind: type, name: str, value: Any) -> str:
    """What is wrong with a value for a field, "" where nothing is."""
    wanted = ranges(kind)[name]
    return "" if wanted.holds(value) else f"{name} is {shown(value)}; expected {wanted.words}"


def check(values: Any) -> None:
    """Hold every field of a dataclass against its range.

    Raises:
        ConfigError: names the field, its value and what was expected.
    """
    kind: type = type(values)
    for name in ranges(kind):
        if said := problem(kind, name, getattr(values, name)):
            raise ConfigError(said)


def shown(value: Any) -> str:
    """``value`` as a recipe writes it, cut where it is long."""
    if isinstance(value, tuple):
        value = list(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) >= 10**30:
        return "a number of more than 30 digits"
    written = repr(value)
    return written if len(written) <= 80 else f"{written[:77]}..."

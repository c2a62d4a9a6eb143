"""A kind of figure as one value: how it is drawn, what it finds, what it says, its numbers.

    LADDER = Family(ladder_figure, ladder_finding, ladder_alt, ladder_table)
    LADDER().draw(result, dark=False)                    # a Drawn
    (DOSE(slot=2, scale="logits") + SLOPES()).draw(result)    # two figures in one panel

One set of choices makes the figure, its title, description, table and the Python that draws it, so
that they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from inspect import Parameter, signature
from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.narrow import narrowed


@dataclass(frozen=True)
class Drawn:
    """What a panel shows.

    figures: Plotly figures with their findings as titles. narrow: the same for a page of 360 px.
    findings, alts: one of each, in words. table: the same in numbers. imports, lines: Python that
    draws the figures of ``result``.
    """

    figures: tuple[go.Figure, ...]
    narrow: tuple[go.Figure, ...]
    findings: tuple[str, ...]
    alts: tuple[str, ...]
    table: list[dict[str, Any]]
    imports: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Family:
    """The functions of one kind of figure.

    Each takes the result first, and by name what it knows of the choices: a ``table`` that is the
    same for all of them need not take any. table: None where another figure of the panel has it.
    narrow: draws it for a page of 360 px, where ``narrowed`` cannot; a figure that knows
    ``is_narrow`` is asked with it first.
    """

    figure: Callable[..., go.Figure]
    finding: Callable[..., str]
    alt: Callable[..., str]
    table: Callable[..., list[dict[str, Any]]] | None = None
    narrow: Callable[..., go.Figure] | None = None

    def __call__(self, **choices: Any) -> Picture:
        """A picture with these choices; those that are None are left to the functions."""
        given = {name: value for name, value in choices.items() if value is not None}
        return Picture((Part(self, given),))

    @cached_property
    def _defaults(self) -> dict[str, Any]:
        return {name: p.default for name, p in signature(self.figure).parameters.items()}

    def on_a_phone(
        self, wide: go.Figure, results: tuple[Any, ...], choices: dict[str, Any]
    ) -> go.Figure:
        """The same figure as ``wide`` for a page of 360 px."""
        if self.narrow is not None:
            return _call(self.narrow, results, choices)
        if "is_narrow" in self._defaults:
            wide = _call(self.figure, results, {**choices, "is_narrow": True})
        return narrowed(wide)

    def line(self, named: str, choices: Mapping[str, Any]) -> str:
        """Python that draws it: choices that are not the figure's own defaults."""
        given = [
            f"{name}={value!r}"
            for name, value in choices.items()
            if name in self._defaults and not _is_default(value, self._defaults[name])
        ]
        return f"{self.figure.__name__}({', '.join([named, *given])}).show()"

    def import_line(self) -> str:
        """Where the figure is imported from."""
        return f"from {self.figure.__module__} import {self.figure.__name__}"


def _is_default(value: Any, default: Any) -> bool:
    return default is not Parameter.empty and type(value) is type(default) and value == default


@dataclass(frozen=True)
class Part:
    """One figure with its choices. results, named: what it is drawn of, where that is not the
    panel's result alone, and how Python calls that.
    """

    family: Family
    choices: Mapping[str, Any]
    results: tuple[Any, ...] = ()
    named: str = ""


@dataclass(frozen=True)
class Picture:
    """One figure or several, with their choices; to be drawn of a result.

    only_here: choices that no snippet needs, such as which positions the controls leave.
    """

    parts: tuple[Part, ...]
    only_here: Mapping[str, Any] = field(default_factory=dict)

    def __add__(self, other: Picture) -> Picture:
        """Both, one below the other, with the rows of both tables."""
        return Picture(self.parts + other.parts, {**self.only_here, **other.only_here})

    def here(self, **choices: Any) -> Picture:
        """The same with choices that the Python leaves out."""
        return Picture(self.parts, {**self.only_here, **choices})

    def of(self, *results: Any, named: str) -> Picture:
        """The same drawn of these results, which Python calls ``named``."""
        bound = tuple(replace(part, results=results, named=named) for part in self.parts)
        return Picture(bound, self.only_here)

    def draw(self, *results: Any, dark: bool = False, named: str = "result") -> Drawn:
        """Draw it. named: how Python calls the results, parted by commas."""
        figures, findings, alts, rows, lines, narrow = [], [], [], [], [], []
        for part in self.parts:
            family, drawn_of = part.family, part.results or results
            known = {**part.choices, **self.only_here}
            looks = {**known, "dark": dark}
            figures.append(_call(family.figure, drawn_of, looks))
            narrow.append(family.on_a_phone(figures[-1], drawn_of, looks))
            findings.append(_call(family.finding, drawn_of, known))
            alts.append(_call(family.alt, drawn_of, known))
            if family.table is not None:
                rows += _call(family.table, drawn_of, known)
            lines.append(family.line(part.named or named, part.choices))
        return Drawn(
            tuple(figures),
            tuple(narrow),
            tuple(findings),
            tuple(alts),
            rows,
            tuple(part.family.import_line() for part in self.parts),
            tuple(lines),
        )


def _call(function: Callable[..., Any], results: tuple[Any, ...], choices: dict[str, Any]) -> Any:
    """Call it with as many of the results, and those of the choices, as it knows."""
    known = signature(function).parameters
    given = {name: value for name, value in choices.items() if name in known}
    places = [p for name, p in known.items() if name not in given]
    if any(p.kind is Parameter.VAR_POSITIONAL for p in places):
        return function(*results, **given)
    room = sum(p.kind is Parameter.POSITIONAL_OR_KEYWORD for p in places)
    return function(*results[:room], **given)

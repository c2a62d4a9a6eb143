"""What figures say: numbers in words, and marks with the words over them."""

from __future__ import annotations

import html
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

ENDS = (
    ("low", "high"),
    ("from", "to"),
    ("lower quartile", "upper quartile"),
    ("lowest", "highest"),
)
NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])([+\-−]?)(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+)(?:e([+\-−]?\d+))?"
)
# What makes a number a share: a sign of percent behind it, or behind the end of its interval.
PERCENT = re.compile(r"(?: (?:to|or) [+\-−]?[\d.]+)? ?(?:%| points?(?![:\w]))")
# Where a number is a level, or the bound of what is too close to an end to be told.
NO_RESULT = re.compile(
    r"95 % interval|\b95 % (?=[−\d])|band: 95 %|at 5 %|(over|>) ?99(?:9| %)"
    r"|(under|<) ?(1 %|0\.1(?: points)?)"
)
HOLE = re.compile(r"%\{(?P<name>\w+)(?::(?P<form>[^}]*))?\}")  # of a template, which Plotly fills
TAG = re.compile(r"<[^>]+>")


class Said(NamedTuple):
    """A number in a text: its value, whether it bears a sign, half of its last digit, its place.

    Percent, and points of percent, are read as shares.
    """

    value: float
    is_signed: bool
    half: float
    is_share: bool
    around: str


class Mark(NamedTuple):
    """A point, bar or cell: coordinates as drawn, ends of its intervals by axis, words over it.

    measured: the axes that its number is drawn along, none where only its place is known.
    """

    at: dict[str, Any]
    ends: dict[str, tuple[float, float]]
    measured: tuple[str, ...]
    words: str


def numbers_in(text: str) -> Iterator[Said]:
    text = NO_RESULT.sub("", text)
    for found in NUMBER.finditer(text):
        sign, body, power = found[1], found[2].replace(",", ""), (found[3] or "0")
        exponent = int(power.replace("−", "-"))
        digits = len(body.partition(".")[2])
        value = float(body) * 10**exponent * (-1 if sign in "-−" and sign else 1)
        around = text[max(0, found.start() - 20) : found.end() + 20]
        is_share = PERCENT.match(text, found.end()) is not None
        part = 100 if is_share else 1
        half = 10 ** (exponent - digits) / 2
        yield Said(value / part, bool(sign), half / part, is_share, around)


def numbers_of(table: list[dict[str, Any]]) -> np.ndarray:
    """All numbers of a table: of its cells, words and headings, and counts of its rows."""
    found = {float(len(table))}
    for name in {name for row in table for name in row}:
        column = [row.get(name) for row in table]
        found |= {float(n) for n in Counter(map(str, column)).values()}
        found |= {said.value for said in numbers_in(name)}
        for cell in column:
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                part = 100 if name.endswith(", %") else 1
                found |= {float(cell) / part} if not math.isnan(cell) else set()
            else:
                found |= {said.value for said in numbers_in(str(cell))}
    return np.array(sorted(found))


def is_among(said: Said, known: np.ndarray) -> bool:
    """Whether a number of the table is shown by it: rounded, in thousandths, or, where the sign
    of percent stands elsewhere, in percent.
    """
    scaled = known if said.is_share else np.concatenate([known, 100 * known, 1000 * known])
    if not said.is_signed:
        scaled = np.abs(scaled)
    slack = said.half * 1.0001 + 1e-9 * abs(said.value)
    return bool((np.abs(scaled - said.value) <= slack).any())


def says(text: str, value: float) -> bool:
    """Whether a text has this number, also as ``"3 of 8"`` or of an axis in percent."""
    parts = re.findall(r"(\d+) of (\d+)", text)
    shares = [int(part) / int(whole) for part, whole in parts if int(whole)]
    known = np.array([float(value), float(value) / 100])
    return any(is_among(said, known) for said in numbers_in(text)) or bool(
        np.isclose(shares, value, rtol=1e-6).any()
    )


def bounded(row: dict[str, Any]) -> Iterator[tuple[str, Any, Any, Any]]:
    """Name of a number, the number itself, low and high, for every pair of ends in a row."""
    names = list(row)
    for at, name in enumerate(names):
        for low, high in ENDS:
            if not re.search(rf"(^|[ ,]){low}( |$)", name):
                continue
            other = re.sub(rf"(^|[ ,]){low}( |$)", rf"\1{high}\2", name)
            if other in row:
                base = re.sub(rf"[ ,]*\b{low}\b( 95 %| grouping| ms| probability)?$", "", name)
                value = row.get(base, row[names[at - 1]] if at else None)
                yield name, value, row[name], row[other]


def as_read(text: str) -> str:
    """A text as Plotly shows it."""
    return html.unescape(TAG.sub(" ", text.replace("<br>", "\n")))


def marks_of(figure: Any) -> Iterator[Mark]:
    """Every mark with words over it."""
    for trace in figure.data:
        given = (trace.hovertext, trace.hovertemplate, trace.text)
        words = next((one for one in given if one is not None), None)
        if words is None or trace.hoverinfo == "skip":
            continue
        is_map = trace.type == "heatmap"
        for place in np.ndindex(np.shape(trace.z) if is_map else (len(trace.x),)):
            axes = {"x": place[-1], "y": place[0]}
            at = {
                axis: trace[axis][k] if trace[axis] is not None else k for axis, k in axes.items()
            }
            if is_map:
                at["z"] = trace.z[place[0]][place[1]]
            ends = {} if is_map else _ends(trace, place[0])
            measured = ("z",) if is_map else tuple(ends)
            if trace.type == "bar" and not ends:
                measured = ("x" if trace.orientation == "h" else "y",)
            if over := _filled(trace, words, place, at):
                yield Mark(at, ends, measured, over)


def _ends(trace: Any, k: int) -> dict[str, tuple[float, float]]:
    found = {}
    for axis in ("x", "y"):
        bar = getattr(trace, f"error_{axis}", None)
        if bar is not None and bar.array is not None:
            value = float(trace[axis][k])
            found[axis] = value - float(bar.arrayminus[k]), value + float(bar.array[k])
    return found


def _filled(trace: Any, words: Any, place: tuple[int, ...], at: dict[str, Any]) -> str:
    """The words over one mark, a template's holes filled."""
    for k in place:
        words = words if isinstance(words, str) else words[k]

    def fill(hole: re.Match[str]) -> str:
        value = trace.text[place[0]] if hole["name"] == "text" else at[hole["name"]]
        return format(float(value), hole["form"]) if hole["form"] else str(value)

    return as_read(HOLE.sub(fill, words or ""))

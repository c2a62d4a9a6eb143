"""Laws that hold for every figure: title, description, table and picture say the same numbers."""

from __future__ import annotations

import html
import math
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import muxviz.figures
from muxviz.figures.ink import TITLE_ROOM
from muxviz.figures.wording import ELLIPSIS, fold
from tests import figure_families
from tests.figure_families import FAMILIES, Drawn

ENDS = (
    ("low", "high"),
    ("from", "to"),
    ("lower quartile", "upper quartile"),
    ("lowest", "highest"),
)
NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])([+\-−]?)(\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*\.?\d+)(?:e([+\-−]?\d+))?"
)
# Where a number is a kind of interval, or the bound of what is too close to an end to be told.
SAID = re.compile(r"95 % interval|\b95 % (?=[−\d])|band: 95 %|over 99(?:9| %)|under 1 %")
# A strip of one level bears the words of that level; its finding is about all of them.
OTHER_TITLE = {"lens_strip"}


@pytest.fixture(params=FAMILIES, scope="module")
def drawn(request: pytest.FixtureRequest) -> Drawn:
    return FAMILIES[request.param]()


class Said(NamedTuple):
    """A number in a text: its value, whether it bears a sign, half of its last digit, its place."""

    value: float
    is_signed: bool
    half: float
    around: str


def numbers_in(text: str) -> Iterator[Said]:
    for found in NUMBER.finditer(text):
        sign, body, power = found[1], found[2].replace(",", ""), (found[3] or "0")
        exponent = int(power.replace("−", "-"))
        digits = len(body.partition(".")[2])
        value = float(body) * 10**exponent * (-1 if sign in "-−" and sign else 1)
        around = text[max(0, found.start() - 20) : found.end() + 20]
        yield Said(value, bool(sign), 10 ** (exponent - digits) / 2, around)


def numbers_of(table: list[dict[str, Any]]) -> set[float]:
    """All numbers of a table: of its cells, words and headings, and counts of its rows."""
    found = {float(len(table))}
    for name in {name for row in table for name in row}:
        column = [row.get(name) for row in table]
        found |= {float(n) for n in Counter(map(str, column)).values()}
        found |= {said.value for said in numbers_in(name)}
        for cell in column:
            if isinstance(cell, int | float) and not isinstance(cell, bool):
                found |= {float(cell)} if not math.isnan(cell) else set()
            else:
                found |= {said.value for said in numbers_in(str(cell))}
    return found


def is_among(said: Said, known: np.ndarray) -> bool:
    """Whether a number of the table is shown by it: rounded, in percent, or in thousandths."""
    scaled = np.concatenate([known, 100 * known, 1000 * known])
    if not said.is_signed:
        scaled = np.abs(scaled)
    slack = said.half * 1.0001 + 1e-9 * abs(said.value)
    return bool((np.abs(scaled - said.value) <= slack).any())


# ---- words --------------------------------------------------------------------------------------


def test_the_description_begins_with_the_finding(drawn: Drawn) -> None:
    assert drawn.alt.startswith(drawn.finding)
    assert drawn.finding
    assert "nan" not in drawn.alt.lower()


@pytest.mark.parametrize("name", sorted(FAMILIES.keys() - OTHER_TITLE))
def test_the_title_is_the_finding_and_is_not_cut(name: str) -> None:
    drawn = FAMILIES[name]()
    lines = fold(drawn.finding, TITLE_ROOM, 2)
    assert html.unescape(drawn.figure.layout.title.text) == "<br>".join(lines)
    assert ELLIPSIS not in "".join(lines).replace(ELLIPSIS, "", drawn.finding.count(ELLIPSIS))


def test_every_number_said_is_in_the_table(drawn: Drawn) -> None:
    known = np.array(sorted(numbers_of(drawn.table)))
    missing = [
        said.around for said in numbers_in(SAID.sub("", drawn.alt)) if not is_among(said, known)
    ]
    assert not missing


# ---- intervals ----------------------------------------------------------------------------------


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


def test_low_is_below_high_and_the_number_between_in_the_table(drawn: Drawn) -> None:
    for row in drawn.table:
        for name, value, low, high in bounded(row):
            if not (isinstance(low, float) and isinstance(high, float)):  # positions are no ends
                continue
            assert low <= high, (name, row)
            if isinstance(value, int | float) and not isinstance(value, bool):
                assert low - 1e-6 <= value <= high + 1e-6, (name, row)


def bars_of(figure: Any) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Values with the ends that error bars draw around them."""
    for trace in figure.data:
        for axis in ("x", "y"):
            bar = getattr(trace, f"error_{axis}", None)
            if bar is None or bar.array is None:
                continue
            value, above, below = (
                np.asarray(part, dtype=np.float64)
                for part in (trace[axis], bar.array, bar.arrayminus)
            )
            known = np.isfinite(value) & np.isfinite(above) & np.isfinite(below)
            yield value[known], above[known], below[known]


def test_error_bars_end_at_the_ends_of_the_table(drawn: Drawn) -> None:
    ends: dict[str, set[float]] = {"low": set(), "high": set()}
    for row in drawn.table:
        for _, _, low, high in bounded(row):
            if not any(isinstance(v, str | None) for v in (low, high)):
                ends["low"].add(float(low))
                ends["high"].add(float(high))
    for value, above, below in bars_of(drawn.figure):
        assert (above >= -1e-12).all()
        assert (below >= -1e-12).all()
        for side, drawn_at in (("high", value + above), ("low", value - below)):
            for end, length in zip(drawn_at, above if side == "high" else below, strict=True):
                known = np.array(sorted(ends[side]))
                if abs(length) < 1e-12:
                    continue
                scaled = np.concatenate([known, 100 * known, 1000 * known])
                near = 2e-5 * max(1.0, abs(end)) if abs(end) > 1e-3 else 1e-6
                assert (np.abs(scaled - end) <= near).any(), (side, end)


# ---- none is left out ---------------------------------------------------------------------------


def test_every_kind_of_figure_is_held_to_the_laws() -> None:
    """Whatever has a finding of its own is drawn by some family."""
    source = Path(figure_families.__file__).read_text(encoding="utf-8")
    found = 0
    for module in pkgutil.iter_modules(muxviz.figures.__path__):
        room = import_module(f"muxviz.figures.{module.name}")
        for name, call in vars(room).items():
            if not name.endswith("_finding") or name.startswith("_"):
                continue
            if call.__module__ == room.__name__:
                found += 1
                stem = name.removesuffix("_finding")
                asked = re.search(rf"\b{name}\b|alike\(\s*\"{stem}\"|prefix=\"{stem}\"", source)
                assert asked, f"{room.__name__}.{name} is drawn by no family"
    assert found > 50

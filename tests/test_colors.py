"""Colours are said once, on the floor of drawing; the logo takes them from there, and the theme,
which cannot, is held to them.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from muxviz.figures.drawing.ink import contrast, ink
from muxviz.figures.drawing.slots import SLOT_COLORS
from muxviz.ui.shell.logo import ICON

ROOT = Path(__file__).resolve().parents[1]
THEME = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
COLOR = re.compile(r"#[0-9a-fA-F]{6}\b")
ENDS = {"#000000", "#ffffff"}  # what outlines go towards


def test_only_the_floor_of_drawing_names_colours() -> None:
    figures = ROOT / "muxviz" / "figures"
    own = {
        path.relative_to(figures).as_posix(): found
        for path in figures.rglob("*.py")
        if path.parent.name != "drawing"
        and (found := set(COLOR.findall(path.read_text(encoding="utf-8"))) - ENDS)
    }
    assert not own


def test_the_colours_of_slots_stand_in_one_file() -> None:
    places = [
        path.relative_to(ROOT).as_posix()
        for folder in ("muxviz", "pages", "tests", "benchmarks", ".streamlit")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".toml"}
        and {*map(str.lower, COLOR.findall(path.read_text(encoding="utf-8")))} & {*SLOT_COLORS}
    ]
    assert places == ["muxviz/figures/drawing/slots.py"]


def test_the_theme_has_the_colours_of_figures() -> None:
    for dark, part in ((False, THEME["light"]), (True, THEME["dark"])):
        colors = ink(dark)
        assert part["backgroundColor"] == colors.paper
        assert part["textColor"] == colors.text
    assert THEME["light"]["primaryColor"] == ink(False).accent


def test_the_logo_is_three_lanes() -> None:
    assert set(COLOR.findall(ICON)) == {SLOT_COLORS[n] for n in (0, 1, 4)}


def test_the_accent_is_no_slot_and_is_seen() -> None:
    for dark in (False, True):
        colors = ink(dark)
        assert colors.accent not in SLOT_COLORS
        assert contrast(colors.accent, colors.paper) >= 4.5
        assert contrast(colors.grey, colors.paper) >= 3

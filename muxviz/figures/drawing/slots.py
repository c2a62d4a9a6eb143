"""Who a slot is on screen: a number, a symbol and a colour, the same in every figure.

Slots are counted from 0 in data and from 1 on screen. Colours are those of Petroff (2021), told
apart under the common colour blindnesses; some are pale on paper, so marks always get an outline
and text is never written in them. Past ten slots colours come round again, numbers do not, and
the symbols shift by one, so that colour and symbol together still name one slot of a hundred.
"""

from __future__ import annotations

from muxviz.figures.drawing.ink import mix

SLOT_COLORS = (
    "#3f90da",
    "#ffa90e",
    "#bd1f01",
    "#94a4a2",
    "#832db6",
    "#a96b59",
    "#e76300",
    "#b9ac70",
    "#717581",
    "#92dadd",
)
MARKER_SYMBOLS = (
    "circle",
    "square",
    "diamond",
    "cross",
    "x",
    "triangle-up",
    "triangle-down",
    "star",
    "pentagon",
    "hexagon",
)
# None of them an emoji: Streamlit draws those apart from their number.
TEXT_SYMBOLS = ("●", "■", "◆", "✚", "✕", "▲", "▼", "★", "⬟", "⬢")
OUTLINE = 0.5  # how far an outline goes from the slot's colour to black, or to white in the dark


def slot_color(slot: int) -> str:
    """Fill colour of a slot counted from 0, as ``#rrggbb``."""
    return SLOT_COLORS[slot % len(SLOT_COLORS)]


def slot_outline(slot: int, *, dark: bool = False) -> str:
    """Outline of that fill, at least 3:1 against the page, as ``#rrggbb``."""
    return mix(slot_color(slot), "#ffffff" if dark else "#000000", OUTLINE)


def slot_marker(slot: int) -> str:
    """Plotly marker symbol of a slot counted from 0."""
    return MARKER_SYMBOLS[_symbol(slot)]


def slot_symbol(slot: int) -> str:
    """The same symbol as a character, for text."""
    return TEXT_SYMBOLS[_symbol(slot)]


def slot_label(slot: int) -> str:
    """Symbol and number as shown, ``"● 1"`` for slot 0."""
    return f"{slot_symbol(slot)} {slot + 1}"


def _symbol(slot: int) -> int:
    return (slot + slot // len(SLOT_COLORS)) % len(TEXT_SYMBOLS)

"""Page colours for light and dark, contrast, and the frame that every figure shares.

Backgrounds stay transparent and no font family is set, so a figure takes those of its page; text
and line colours are set here because Plotly cannot ask the page for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from muxviz.figures.drawing.plot import Plot
from muxviz.figures.drawing.wording import fold, plain

TITLE_ROOM = 82  # letters of the title's size that fit into 900 px
TITLE_SIZE = 17
TITLE_TOP = 18  # px above it
TEXT_SIZE = 13
SMALL_SIZE = 12
CLEAR = "rgba(0,0,0,0)"
UNSEEN = "rgba(128,128,128,0.01)"  # as good as clear, and still there to be pointed at


@dataclass(frozen=True)
class Ink:
    """CSS colours of everything that is not a slot, as ``#rrggbb``.

    paper: the page, under transparent figures. accent: what a figure is about, where that is no
    slot. grey: everything it is held against. good: where a goal is met.
    """

    text: str
    muted: str
    line: str
    paper: str
    warning: str
    accent: str
    grey: str = "#808790"
    good: str = "#1f7a4d"


LIGHT = Ink("#101318", "#555a63", "#c4c1b9", "#fbfaf7", "#a3261b", "#0b6b66")
DARK = Ink("#e4e6ea", "#a3a9b3", "#454c57", "#0f1215", "#ff9f93", "#5fc4bb")


def ink(dark: bool) -> Ink:
    """The colours for a light or a dark page."""
    return DARK if dark else LIGHT


def mix(color: str, other: str, share: float) -> str:
    """``#rrggbb`` that lies ``share`` (0 to 1) of the way from one ``#rrggbb`` to another."""
    pairs = zip(_channels(color), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def tint(color: str, alpha: float) -> str:
    """The CSS ``rgba`` of a ``#rrggbb``; alpha from 0 (clear) to 1."""
    red, green, blue = _channels(color)
    return f"rgba({red},{green},{blue},{alpha:g})"


def contrast(color: str, other: str) -> float:
    """WCAG contrast ratio of two ``#rrggbb``, 1 to 21."""
    low, high = sorted((_luminance(color), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def text_on(fill: str) -> str:
    """Black or white, whichever is easier to read on ``fill`` (``#rrggbb``): 4.5:1 and more."""
    return max("#000000", "#ffffff", key=lambda color: contrast(color, fill))


def framed(plot: Plot, title: str, *, dark: bool, height: int, sides: dict[str, int]) -> None:
    """Give ``plot`` (changed in place) its title, sizes in px and colours.

    Args:
        plot: the figure, traces and axes already set.
        title: plain words; broken over at most two lines.
        dark: for a dark page.
        height: of the whole figure.
        sides: margins ``l``, ``r``, ``t``, ``b``.
    """
    colors = ink(dark)
    lines = "<br>".join(plain(line) for line in fold(title, TITLE_ROOM, 2))
    plot.set(
        title={
            "text": lines,
            "x": 0,
            "xanchor": "left",
            "xref": "container",
            "y": 1 - TITLE_TOP / height,
            "yanchor": "top",
            "yref": "container",
            "pad": {"l": 12},
            "font": {"size": TITLE_SIZE, "color": colors.text, "weight": 600},
        },
        height=height,
        margin=sides,
        font={"size": TEXT_SIZE, "color": colors.text},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
        hovermode="closest",
        dragmode=False,
        hoverlabel={
            "bgcolor": colors.paper,
            "bordercolor": colors.line,
            "font": {"size": TEXT_SIZE, "color": colors.text},
            "align": "left",
            "namelength": -1,
        },
        modebar={"bgcolor": CLEAR, "color": colors.line, "activecolor": colors.text},
    )


def caption(plot: Plot, text: str, *, dark: bool, below: int, left: int = 0) -> None:
    """A small line under ``plot`` (changed in place).

    Args:
        plot: the figure.
        text: as Plotly reads it; user text must have been through ``plain``.
        dark: for a dark page.
        below: px under the plot.
        left: px to the right of its left edge (negative: to the left).
    """
    line = {
        "text": text,
        "x": 0,
        "y": 0,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top",
        "xshift": left,
        "yshift": -below,
        "align": "left",
        "showarrow": False,
        "font": {"size": SMALL_SIZE, "color": ink(dark).muted},
    }
    plot.mark(annotations=[line])


def bare(**more: object) -> dict[str, object]:
    """Settings of an axis that only places things: no line, grid, ticks or dragging."""
    return {
        "visible": False,
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        **more,
    }


def named_axis(dark: bool, **more: Any) -> dict[str, Any]:
    """Settings of an axis that only names things: small words, no grid, line, ticks or dragging."""
    return {
        "showgrid": False,
        "zeroline": False,
        "fixedrange": True,
        "ticks": "",  # a page's theme may draw some
        "tickfont": {"size": SMALL_SIZE, "color": ink(dark).muted},
        **more,
    }


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    parts = [c / 255 for c in _channels(color)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

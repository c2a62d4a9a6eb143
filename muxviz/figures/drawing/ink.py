"""Page colours for light and dark, contrast, and what all figures share: template and frame.

Backgrounds stay transparent; text and line colours are set here because Plotly cannot ask the page
for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from muxviz.figures.drawing.plot import Plot
from muxviz.figures.drawing.wording import fold, fold_marked, plain

TITLE_ROOM = 82  # letters of the title's size that fit into 900 px
NARROW_ROOM, NARROW_LINES = 34, 6  # the same into 360 px, and how many lines
LINE_ROOM = 122  # letters of small type that fit into 780 px
TITLE_LINE = 22  # px from line to line of it
TITLE_SIZE = 17
TITLE_TOP = 18  # px above it
# Those of the app, which come with Streamlit, or what the page has; then what common systems have
# for other scripts and for emoji (last: in these, signs such as a star are pictures).
OTHERS = (
    'arial, "Noto Sans", "PingFang SC", "Microsoft YaHei", "Nirmala UI", sans-serif, '
    '"Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji"'
)
FACE, TITLE_FACE = f'"Source Sans", {OTHERS}', f'"Source Serif", {OTHERS}'
TEXT_SIZE = 13
SMALL_SIZE = 12
CLEAR = "rgba(0,0,0,0)"
TOGGLES = {"itemclick": "toggle", "itemdoubleclick": "toggleothers"}  # legends that hide traces
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


@cache
def template(dark: bool) -> dict[str, Any]:
    """What figures of a light or a dark page have in common, as a Plotly template."""
    colors = ink(dark)
    text = {"family": FACE, "size": TEXT_SIZE, "color": colors.text}
    muted = {"size": SMALL_SIZE, "color": colors.muted}
    axis = {
        "automargin": True,
        "fixedrange": True,
        "gridcolor": tint(colors.line, 0.5),
        "showgrid": False,
        "tickcolor": colors.line,
        "ticks": "",
        "tickfont": muted,
        "zeroline": False,
    }
    return {
        "layout": {
            "annotationdefaults": {"font": muted, "showarrow": False},
            "coloraxis": {"colorbar": {"xpad": 24, "y": 0.5745}},
            "colorway": [colors.accent],
            "dragmode": False,
            "font": text,
            "hoverlabel": {
                "bgcolor": colors.paper,
                "bordercolor": colors.line,
                "font": text,
                "align": "left",
                "namelength": -1,
            },
            "hovermode": "closest",
            "legend": {
                "bgcolor": CLEAR,
                "font": {"size": SMALL_SIZE, "color": colors.text},
                "itemclick": False,
                "itemdoubleclick": False,
            },
            "margin": {"pad": 8},
            "modebar": {"bgcolor": CLEAR, "color": colors.line, "activecolor": colors.text},
            "paper_bgcolor": CLEAR,
            "plot_bgcolor": CLEAR,
            "title": {
                "font": {
                    "family": TITLE_FACE,
                    "size": TITLE_SIZE,
                    "color": colors.text,
                    "weight": 700,
                },
                "pad": {"l": 12},
                "x": 0,
                "xanchor": "left",
                "xref": "container",
                "yanchor": "top",
                "yref": "container",
            },
            "xaxis": {**axis, "title": {"font": muted, "standoff": 20}},
            "yaxis": {**axis, "title": {"font": muted, "standoff": 24}},
        }
    }


def framed(
    plot: Plot,
    title: str,
    *,
    dark: bool,
    height: int,
    sides: dict[str, int],
    is_narrow: bool = False,
) -> None:
    """Give ``plot`` (changed in place) its template, its title and sizes in px.

    Args:
        plot: the figure.
        title: plain words; broken over at most two lines.
        dark: for a dark page.
        height: of the whole figure.
        sides: margins ``l``, ``r``, ``t``, ``b``.
        is_narrow: for a page of 360 px; lines of the title after the second make it higher.
    """
    lines = fold(title, NARROW_ROOM, NARROW_LINES) if is_narrow else fold(title, TITLE_ROOM, 2)
    more = TITLE_LINE * max(0, len(lines) - 2)
    plot.set(
        template=template(dark),
        title={
            "text": "<br>".join(plain(line) for line in lines),
            "y": 1 - TITLE_TOP / (height + more),
        },
        height=height + more,
        margin=sides | {"t": sides["t"] + more} if more else sides,
    )


def caption(plot: Plot, text: str, *, below: int, left: int = 0) -> None:
    """A small line under ``plot`` (changed in place).

    Args:
        plot: the figure.
        text: as Plotly reads it; user text must have been through ``plain``.
        below: px under the plot.
        left: px to the right of its left edge (negative: to the left).
    """
    line = {
        "text": "<br>".join(fold_marked(line, LINE_ROOM) for line in text.split("<br>")),
        "x": 0,
        "y": 0,
        "xref": "paper",
        "yref": "paper",
        "xanchor": "left",
        "yanchor": "top",
        "xshift": left,
        "yshift": -below,
        "align": "left",
    }
    plot.mark(annotations=[line])


def legend_of(height: int, above: int) -> dict[str, Any]:
    """A legend under the title, ``above`` px from the top of the figure."""
    return {
        "orientation": "h",
        "x": 12 / 900,
        "xanchor": "left",
        "xref": "container",
        "y": 1 - above / height,
        "yref": "container",
        "yanchor": "top",
    }


def _channels(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _luminance(color: str) -> float:
    parts = [c / 255 for c in _channels(color)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue

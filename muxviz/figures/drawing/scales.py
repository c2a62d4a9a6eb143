"""The two colour scales of muxviz: cividis for amounts, blue-grey-orange for signed values.

Cividis reads alike with and without colour blindness, and by lightness alone in print. On a light
page low values are light; the dark page turns the scale round. Blue and orange stay apart under
the common colour blindnesses, and both grow in contrast to the page with the size of the value.
What is near nothing looks like nothing: in both scales it fades into the page.
"""

from __future__ import annotations

from typing import Any

from muxviz.figures.drawing.ink import ink, mix
from muxviz.figures.drawing.plot import Trace, scatter

CIVIDIS = (
    "#fee838",
    "#e1cc55",
    "#c3b369",
    "#a59c74",
    "#8a8678",
    "#707173",
    "#575d6d",
    "#3b496c",
    "#123570",
    "#00224e",
)
FADE = (0.85, 0.5, 0.2)  # how much of the page is in the lowest colours
LOW = ("#0b3f7a", "#2a6db0", "#6fa2d4", "#b4cce4")  # blues, from the largest size to the least
HIGH = ("#f3cfa6", "#e8a45a", "#cc6f12", "#8a3f00")  # oranges, from the least size to the largest
ZERO = "#e9e8e5"
DARK_LOW = ("#9ecbf5", "#5b9bd8", "#3a70a6", "#2c4a68")
DARK_HIGH = ("#5c4124", "#9a6020", "#db8a2c", "#ffc27a")
DARK_ZERO = "#1f2429"


def sequential(dark: bool) -> list[list[float | str]]:
    """Plotly colour scale: ``[position in [0, 1], "#rrggbb"]`` pairs from low to high."""
    colors = list(CIVIDIS[::-1] if dark else CIVIDIS)
    for i, share in enumerate(FADE):
        colors[i] = mix(colors[i], ink(dark).paper, share)
    return [[i / (len(colors) - 1), color] for i, color in enumerate(colors)]


def diverging(dark: bool) -> list[list[float | str]]:
    """Plotly colour scale from blue (lowest) over the page's grey (the middle) to orange (highest).

    Draw it over a range that is symmetric about 0, so that the middle is 0.
    """
    colors = [*DARK_LOW, DARK_ZERO, *DARK_HIGH] if dark else [*LOW, ZERO, *HIGH]
    return [[i / (len(colors) - 1), color] for i, color in enumerate(colors)]


def scale_alone(
    scale: list[list[float | str]], low: float, high: float, colorbar: dict[str, Any]
) -> Trace:
    """A trace without points that bears a colour bar, for colours that are drawn as shapes."""
    return scatter(
        x=[None],
        y=[None],
        mode="markers",
        hoverinfo="skip",
        marker={
            "color": [low],
            "cmin": low,
            "cmax": high,
            "colorscale": scale,
            "showscale": True,
            "colorbar": colorbar,
        },
    )


def color_at(scale: list[list[float | str]], position: float) -> str:
    """``#rrggbb`` of an evenly spaced ``scale`` at ``position``, clipped to [0, 1]."""
    place = min(max(position, 0.0), 1.0) * (len(scale) - 1)
    low = min(int(place), len(scale) - 2)
    return mix(str(scale[low][1]), str(scale[low + 1][1]), place - low)

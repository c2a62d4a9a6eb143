"""The sequential colour scale of muxviz: cividis, its low end fading into the page.

Read alike with and without colour blindness, and by lightness alone in print. On a light page
low values are light; the dark page turns the scale round. What is near nothing looks like nothing.
"""

from __future__ import annotations

from muxviz.figures.ink import ink, mix

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


def sequential(dark: bool) -> list[list[float | str]]:
    """Plotly colour scale: ``[position in [0, 1], "#rrggbb"]`` pairs from low to high."""
    colors = list(CIVIDIS[::-1] if dark else CIVIDIS)
    for i, share in enumerate(FADE):
        colors[i] = mix(colors[i], ink(dark).paper, share)
    return [[i / (len(colors) - 1), color] for i, color in enumerate(colors)]


def color_at(scale: list[list[float | str]], position: float) -> str:
    """``#rrggbb`` of an evenly spaced ``scale`` at ``position``, clipped to [0, 1]."""
    place = min(max(position, 0.0), 1.0) * (len(scale) - 1)
    low = min(int(place), len(scale) - 2)
    return mix(str(scale[low][1]), str(scale[low + 1][1]), place - low)

"""The mark of muxviz, three lanes through one band, as SVG that reads well in light and dark."""

from __future__ import annotations

from muxviz.figures.drawing.slots import slot_color

LANES = f"""
  <path d="M6 14C22 14 22 26 32 26S42 14 58 14" stroke="{slot_color(0)}"/>
  <path d="M6 50C22 50 22 38 32 38S42 50 58 50" stroke="{slot_color(4)}"/>
  <path d="M6 32H58" stroke="{slot_color(1)}"/>
"""
NAME = (
    '<text x="76" y="46" font-family="Source Serif, Source Serif 4, Georgia, serif" '
    'font-weight="600" font-size="42" fill="#2a8a83" stroke="none" '
    'textLength="148" lengthAdjust="spacingAndGlyphs">muxviz</text>'
)


def _svg(width: int, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 64" fill="none" '
        f'stroke-width="8" stroke-linecap="round">{body}</svg>'
    )


ICON = _svg(64, LANES)
LOGO = _svg(232, LANES + NAME)

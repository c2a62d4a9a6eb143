"""The mark of muxviz, three lanes through one band, as SVG that reads well in light and dark."""

from __future__ import annotations

LANES = """
  <path d="M6 14C22 14 22 26 32 26S42 14 58 14" stroke="#3f90da"/>
  <path d="M6 50C22 50 22 38 32 38S42 50 58 50" stroke="#832db6"/>
  <path d="M6 32H58" stroke="#ffa90e"/>
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

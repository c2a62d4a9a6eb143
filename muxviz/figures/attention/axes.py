"""Axes of a map whose positions hold one token of every sentence, and which positions to show.

What is left out of a picture is still in the result: filters change the display only.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink
from muxviz.figures.drawing.plot import Plot, heatmap
from muxviz.figures.drawing.slots import slot_label, slot_symbol
from muxviz.figures.drawing.wording import plain, shorten, visible

WINDOW = 128  # positions shown at once
NAMED = 30  # positions up to which each one bears its tokens
NARROW_NAMED = 15  # of them side by side on 360 px
TURNED = 72  # px of an upright token
ROOM = 9  # letters of a token under a map
LINE = 17  # px of a line of tokens
SIDE = 120  # px left of a map


class Positioned(Protocol):
    """A result with one token of every slot at T positions."""

    @property
    def tokens(self) -> tuple[tuple[str, ...], ...]: ...
    @property
    def counted(self) -> np.ndarray: ...
    @property
    def prefix(self) -> int: ...


def positions_of(
    result: Positioned, *, specials: bool = True, words: str = "", start: int = 0
) -> np.ndarray:
    """Positions to show: ``[P]`` ascending, at most ``WINDOW``.

    Args:
        result: with T positions.
        specials: whether to show positions where no slot has a token that counts.
        words: if any, only positions where a token of some slot is one of these.
        start: the first position of the window.
    """
    keep = np.ones(len(result.tokens[0]), dtype=bool)
    if not specials:
        keep &= result.counted.any(axis=0)
    wanted = set(words.lower().split())
    if wanted:
        keep &= [any(name.lower() in wanted for name in stack(result, t)) for t in range(len(keep))]
    chosen = np.flatnonzero(keep)
    return np.asarray(chosen[chosen >= start][:WINDOW])


def stack(result: Positioned, position: int) -> tuple[str, ...]:
    """The tokens that share a position, in slot order."""
    return tuple(names[position] for names in result.tokens)


def stacked(result: Positioned, position: int, limit: int = 6) -> str:
    """They in words, as Plotly reads it: ``"3: film / bad / music"``."""
    names = [plain(shorten(visible(name), 14)) for name in stack(result, position)]
    more = f" / … ({len(names)})" if len(names) > limit else ""
    return f"{position}: {' / '.join(names[:limit])}{more}"


def held(result: Positioned, position: int) -> str:
    """The same for titles, which are made plain later: ``"position 3 (film / bad / music)"``."""
    names = stack(result, position)
    if len(set(names)) == 1 and len(names) > 1:
        return f"position {position} ({names[0]} in every sentence)"
    more = " / …" if len(names) > 5 else ""
    return f"position {position} ({' / '.join(names[:5])}{more})"


def left_out(result: Positioned, positions: np.ndarray) -> str:
    """What the display leaves out, in words; "" when nothing."""
    total = len(result.tokens[0])
    if len(positions) == total:
        return ""
    return f"{len(positions)} of {total} positions shown; the numbers are those of all. "


def token_map(
    values: np.ndarray,
    result: Positioned,
    positions: np.ndarray,
    *,
    slot: int,
    title: str,
    note: str,
    scale: list[list[float | str]],
    limits: tuple[float, float],
    unit: str,
    dark: bool,
    is_narrow: bool = False,
) -> go.Figure:
    """One map ``[P, P]`` of the shown positions: rows look (queries), columns are looked at (keys).

    Under the columns stand the tokens of every slot; rows bear those of the selected slot, and on a
    page of 360 px (``is_narrow``) columns too.
    """
    labels = [stacked(result, int(t)) for t in positions]
    plot = Plot(
        heatmap(
            z=values.astype(np.float32),
            x=labels,
            y=labels,
            zmin=limits[0],
            zmax=limits[1],
            colorscale=scale,
            colorbar=color_bar(unit, dark),
            xgap=1,
            ygap=1,
            hovertemplate=f"from %{{y}}<br>to %{{x}}<br>%{{z:.4f}} {unit}<extra></extra>",
        )
    )
    is_named = len(positions) <= NAMED
    lines = 0 if is_narrow or not is_named else len(result.tokens)
    height = int(np.clip(22 * len(positions), 200, 460))
    below = LINE * lines + (TURNED * is_narrow * is_named or 14)
    muted = {"size": SMALL_SIZE, "color": ink(dark).muted}
    names = [plain(shorten(visible(result.tokens[slot][int(t)]), ROOM)) for t in positions]
    each = math.ceil(len(positions) / NARROW_NAMED)  # of the columns bears its token
    plot.xaxes(
        showticklabels=is_narrow and is_named,
        type="category",
        tickvals=labels[::each],
        ticktext=names[::each],
        tickangle=-90,
        tickfont=muted,
    )
    plot.yaxes(
        type="category",
        autorange="reversed",
        tickvals=labels,
        ticktext=names,
        tickfont=muted,
        showticklabels=is_named,
        title={"text": f"looks ({slot_label(slot)})"},
    )
    if lines:
        _ladder(plot, result, positions)
    caption(plot, f"{left_out(result, positions)}{note}", below=below)
    framed(
        plot,
        title,
        dark=dark,
        height=height + 66 + below + 24,
        sides={"l": SIDE, "r": 24, "t": 66, "b": below + 24},
    )
    return plot.figure()


def _ladder(
    plot: Plot,
    result: Positioned,
    positions: np.ndarray,
) -> None:
    """Every slot's tokens in a line of its own under the columns, and whose they are."""
    room = max(3.0, 105 / len(positions))
    notes = []
    for slot, names in enumerate(result.tokens):
        common = {"yref": "paper", "y": 0, "yanchor": "top", "yshift": -(LINE * slot + 6)}
        notes.append(
            common
            | {"xref": "paper", "x": 0, "xshift": -8, "xanchor": "right", "text": slot_label(slot)}
        )
        notes += [
            common
            | {"xref": "x", "x": i, "text": plain(shorten(visible(names[int(t)]), min(room, 12)))}
            for i, t in enumerate(positions)
        ]
    plot.set(annotations=notes)


def color_bar(unit: str, dark: bool) -> dict[str, Any]:
    """A thin colour bar with its unit."""
    muted = {"size": SMALL_SIZE, "color": ink(dark).muted}
    return {
        "title": {"text": unit, "font": muted, "side": "right"},
        "thickness": 8,
        "len": 0.9,
        "tickfont": muted,
        "outlinecolor": ink(dark).line,
        "outlinewidth": 0.8,
        "nticks": 5,
    }


def slot_words(slot: int, num: int) -> str:
    """``"● 1"``, or what is no sentence for slot ``num``."""
    return f"{slot_symbol(slot)} {slot + 1}" if slot < num else "no sentence"

"""Saliency strips: every sentence's tokens, tinted by what they bring to one slot's answer.

One colour scale for all sentences of a figure, symmetric about 0: orange argues for what is
explained, blue against it. The bar before a sentence is the slot's share of the absolute
attribution.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.attention.axes import color_bar
from muxviz.figures.drawing.cells import NARROW_LINE, Cell, strip_figure
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, TEXT_SIZE, caption, ink
from muxviz.figures.drawing.plot import Plot
from muxviz.figures.drawing.scales import color_at, diverging, scale_alone
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.wording import number, or_none, percent, plain, shorten, visible, width
from muxviz.results.attribution import TOLERANCE, Attribution, SlotShares, in_whole_words

ROOM = 84.0  # letters in a line
GUTTER = 21.0  # letters left of the tokens, for the slot and its share
BAR = (4.5, 12.5)  # from its left edge, a share from 0 to 100 %
PAD, BETWEEN = 2.2, 0.7  # letters around a token, and between two
TOKEN_ROOM = 20  # letters


def saliency_figure(
    result: Attribution, *, whole: bool = False, dark: bool = False, is_narrow: bool = False
) -> go.Figure:
    """One strip per sentence; padding and prefix are not drawn, they are kept by the baseline.

    Args:
        result: integrated gradients.
        whole: pieces of a word are one word, with their sum.
        dark: for a dark page.
        is_narrow: for a page of 360 px, where a slot and its share stand above its tokens.
    """
    result = in_whole_words(result) if whole else result
    scale = diverging(dark)
    top = max(float(np.abs(result.values).max()), 1e-9)
    cells: list[Cell] = []
    starts, line = [], 0
    room, gutter = (NARROW_LINE, 0.0) if is_narrow else (ROOM, GUTTER)
    for slot in range(len(result.tokens)):
        own = _cells(result, slot, () if whole else _answered(result, slot), scale, top, room)
        starts.append(line)
        line += is_narrow
        cells += [replace(cell, line=cell.line + line) for cell in own]
        line += 1 + max((cell.line for cell in own), default=0)
    for_bar = 48 * is_narrow  # px
    plot = strip_figure(cells, saliency_finding(result), dark=dark, below=62 + for_bar)
    plot.xaxes(range=[-gutter, room + 0.5])
    _gutter(plot, result, starts, gutter, dark)
    _scale(plot, scale, top, dark, 0.7 if is_narrow else 0.3)
    caption(plot, _note(result), below=34 + for_bar)
    return plot.figure()


def saliency_finding(result: Attribution, *, whole: bool = False) -> str:
    """On whose words the answer rests."""
    result = in_whole_words(result) if whole else result
    what, slot = result.explained, result.explained.slot
    shares = result.shares
    if np.isnan(shares).all():
        return f"Slot {slot + 1}: no word changes {what.words}"
    others = np.where(np.arange(len(shares)) == slot, -1.0, shares)
    line = f"Slot {slot + 1}, {what.words}: {percent(float(shares[slot]))} rests on its own words"
    if len(shares) < 2:
        best = int(np.abs(result.values[slot]).argmax())
        return f"{line}, most on “{result.tokens[slot][best]}”"
    other = int(others.argmax())
    return f"{line}, {percent(float(shares[other]))} on those of slot {other + 1}"


def saliency_table(result: Attribution, *, whole: bool = False) -> list[dict[str, Any]]:
    """One row per token that counts: its attribution, and its slot's share."""
    result = in_whole_words(result) if whole else result
    shares = result.shares
    return [
        {
            "source slot": slot + 1,
            "position": t,
            "token": names[t],
            "attribution (logits)": float(result.values[slot, t]),
            "share of its slot": None if np.isnan(shares[slot]) else float(shares[slot]),
        }
        for slot, names in enumerate(result.tokens)
        for t in range(len(names))
        if result.moved[slot, t]
    ]


def saliency_alt(result: Attribution, *, whole: bool = False) -> str:
    """The strips in words: shares, and the strongest tokens."""
    result = in_whole_words(result) if whole else result
    order = np.argsort(-np.abs(result.values).ravel(), kind="stable")[:6]
    length = result.values.shape[1]
    tokens = [
        f"{result.tokens[n // length][n % length]} (slot {n // length + 1}, "
        f"{number(result.values.ravel()[n], '+.2f')})"
        for n in (int(m) for m in order)
    ]
    shares = ", ".join(f"slot {j + 1} {percent(float(v))}" for j, v in enumerate(result.shares))
    return f"{saliency_finding(result)}. Shares: {shares}. Strongest tokens: {', '.join(tokens)}."


def slot_shares_rows(result: SlotShares) -> list[dict[str, Any]]:
    """One row per observed slot: share of every source, completeness gap."""
    return [
        {"slot": i + 1, "explained": what.words}
        | {f"from {j + 1}": or_none(v) for j, v in enumerate(result.shares[i])}
        | {"completeness gap": None if np.isnan(result.gaps[i]) else float(result.gaps[i])}
        for i, what in enumerate(result.explained)
    ]


def gap_words(gap: float) -> str:
    """A completeness gap as ``"0.4 %"``; ``"under 0.01 %"`` where it is that small."""
    if not np.isfinite(gap):
        return "all"
    return "under 0.01 %" if gap < 1e-4 else f"{100 * gap:.2g} %"


# ---- details ------------------------------------------------------------------------------------


def _answered(result: Attribution, slot: int) -> tuple[int, ...]:
    """The one token that is explained, where it is of this slot."""
    places = result.explained.places if slot == result.explained.slot else ()
    return places if len(places) == 1 else ()


def _cells(
    result: Attribution,
    slot: int,
    marked: tuple[int, ...],
    scale: list[list[float | str]],
    top: float,
    room: float,
) -> list[Cell]:
    places = _drawn(result, slot)
    cells: list[Cell] = []
    x, line = 0.0, 0
    for t in places:
        name = shorten(visible(result.tokens[slot][t]), TOKEN_ROOM)
        size = width(name) + PAD
        if x and x + size > room:
            x, line = 0.0, line + 1
        is_moved = bool(result.moved[slot, t])
        fill = (
            color_at(scale, 0.5 + float(result.values[slot, t]) / (2 * top)) if is_moved else None
        )
        is_marked = t - result.prefix in marked
        cells.append(Cell(x, line, size, plain(name), _hover(result, slot, t), fill, is_marked))
        x += size + BETWEEN
    return cells


def _drawn(result: Attribution, slot: int) -> list[int]:
    """Positions from just before the first counted token to just behind the last."""
    counted = np.flatnonzero(result.moved[slot])
    if not len(counted):
        return [0]
    low, high = max(int(counted[0]) - 1, 0), int(counted[-1]) + 2
    return list(range(low, min(high, len(result.tokens[slot]))))


def _hover(result: Attribution, slot: int, t: int) -> str:
    head = f"slot {slot + 1}, position {t}: {plain(visible(result.tokens[slot][t]))}"
    if not result.moved[slot, t]:
        return f"{head}<br>kept by the baseline, no attribution"
    return f"{head}<br>{number(float(result.values[slot, t]), '+.4f')} logits"


def _gutter(plot: Plot, result: Attribution, starts: list[int], gutter: float, dark: bool) -> None:
    """Slot, share and signed sum before every sentence."""
    shapes, notes = [], []
    left, right = (end - gutter for end in BAR)
    for slot, y in enumerate(starts):
        share = float(np.nan_to_num(result.shares[slot]))
        for stop, fill, edge in (
            (right, "rgba(0,0,0,0)", ink(dark).line),
            (left + (right - left) * share, slot_color(slot), slot_outline(slot, dark=dark)),
        ):
            shapes.append(
                {
                    "type": "rect",
                    "x0": left,
                    "x1": stop,
                    "y0": y - 0.2,
                    "y1": y + 0.2,
                    "fillcolor": fill,
                    "line": {"color": edge, "width": 1},
                }
            )
        is_own = slot == result.explained.slot
        common = {"y": y, "yanchor": "middle", "xanchor": "left"}
        label = f"<b>{slot_label(slot)}</b>" if is_own else slot_label(slot)
        font = {"size": TEXT_SIZE, "color": ink(dark).text}
        notes.append(common | {"x": -gutter, "text": label, "font": font})
        share, total = float(result.shares[slot]), float(result.sums[slot])
        words = f"{plain(percent(share))}<br>{number(total, '+.2f')}"
        font = {"size": SMALL_SIZE, "color": ink(dark).muted}
        notes.append(common | {"x": right + 0.7, "text": words, "font": font, "align": "left"})
    plot.mark(shapes=shapes, annotations=notes)


def _note(result: Attribution) -> str:
    gap = gap_words(result.gap)
    enough = "" if result.gap < TOLERANCE else " <b>(above 1 %: read with care)</b>"
    return (
        f"Bars: share of the absolute attribution; beside them its signed sum. Together they add "
        f"up to {number(result.difference, '+.2f')} logits<br>"
        f"(from {number(result.baseline_output, '.2f')} with the pool's mean words to "
        f"{number(result.output, '.2f')}), completeness gap {gap} of it at "
        f"{result.steps} steps{enough}. Dotted: kept by the baseline."
    )


def _scale(
    plot: Plot, scale: list[list[float | str]], top: float, dark: bool, length: float
) -> None:
    colors = color_bar("attribution (logits)", dark) | {
        "orientation": "h",
        "len": length,
        "x": 1,
        "xanchor": "right",
        "y": 0,
        "yanchor": "top",
        "ypad": 6,
        "tickvals": [-top, 0, top],
        "ticktext": [number(-top, ".2g"), "0", number(top, ".2g")],
    }
    colors["title"] = {"text": "attribution (logits)", "font": {"size": SMALL_SIZE}}
    plot.add(scale_alone(scale, -top, top, colors))


SALIENCY = Family(saliency_figure, saliency_finding, saliency_alt, saliency_table)

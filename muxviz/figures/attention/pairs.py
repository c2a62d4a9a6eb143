"""Reading 2: the first layer's attention logits, split exactly into pairs of slots."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.attention.axes import color_bar, slot_words, token_map
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import (
    CLEAR,
    SMALL_SIZE,
    TEXT_SIZE,
    caption,
    framed,
    ink,
    text_on,
)
from muxviz.figures.drawing.plot import Plot, Trace, heatmap, scatter
from muxviz.figures.drawing.pruned_cells import UNNUMBERED, gone_field, gone_head, heads_left
from muxviz.figures.drawing.scales import color_at, diverging, sequential
from muxviz.figures.drawing.wording import number, or_none, percent, plain
from muxviz.results.attention import SlotPairs

ROW = 40  # px


def shares_shown(result: SlotPairs, head: int | None, seen: bool = False) -> np.ndarray:
    """``[N + 1, N + 1]`` shares of a head, or their mean over the heads that are left (None).

    seen: of what the softmax sees, each row of each map less its mean over keys.
    """
    shares = result.shares_seen if seen else result.shares
    if head is not None:
        return np.asarray(shares[head])
    alive = shares[~np.isnan(shares).any(axis=(1, 2))]
    return np.asarray(alive.mean(axis=0) if len(alive) else shares[0])


def largest_pair(
    result: SlotPairs,
    head: int | None,
    *,
    query: int | None = None,
    key: int | None = None,
    seen: bool = False,
) -> tuple[int, int]:
    """The pair of the largest share, where wanted among those of one query or key slot."""
    shares = np.nan_to_num(shares_shown(result, head, seen))
    allowed = np.zeros(shares.shape, dtype=bool)
    allowed[
        slice(None) if query is None else slice(query, query + 1),
        slice(None) if key is None else slice(key, key + 1),
    ] = True
    masked = np.where(allowed, shares, -1.0)
    row, column = np.unravel_index(int(masked.argmax()), masked.shape)
    return int(row), int(column)


# ---- shares -------------------------------------------------------------------------------------


def pairs_figure(
    result: SlotPairs,
    head: int | None = None,
    *,
    seen: bool = False,
    chosen: tuple[int, int] | None = None,
    dark: bool = False,
) -> go.Figure:
    """Share of every pair: rows are the slot that looks, columns the slot looked at.

    Args:
        head: from 0; None for the mean over heads.
        seen: shares of what the softmax sees.
        chosen: (query, key) to be framed.
    """
    if gone := _gone(result, head):
        return gone_field(gone, dark=dark)
    shares = shares_shown(result, head, seen)
    num = len(shares) - 1
    edges = np.r_[np.arange(num + 1), num + 1.15]
    top = float(np.nanmax(shares)) if np.isfinite(shares).any() else 1.0
    plot = Plot(
        heatmap(
            z=shares.astype(np.float32),
            x=edges,
            y=edges,
            zmin=0,
            zmax=max(top, 1e-6),
            colorscale=sequential(dark),
            colorbar=color_bar("share", dark) | {"tickformat": ".0%"},
            xgap=3,
            ygap=3,
            hoverinfo="skip",
        )
    )
    plot.add(_numbers(shares, max(top, 1e-6), dark))
    _axes(plot, num)
    if chosen is not None:
        i, j = (float(c + 0.02 + (0.0 if c < num else 0.0)) for c in chosen)
        box = {"type": "rect", "x0": j, "x1": j + 0.96 + 0.15 * (chosen[1] == num)}
        box |= {"y0": i, "y1": i + 0.96 + 0.15 * (chosen[0] == num)}
        box |= {"line": {"color": ink(dark).text, "width": 2}, "fillcolor": CLEAR}
        plot.mark(shapes=[box])
    what = "of what the softmax sees" if seen else "of the logits' absolute parts"
    unknown = "" if result.is_numbered else UNNUMBERED
    words = f"Shares {what}; all of them add up to 100 %. {unknown}Framed: the map below."
    caption(plot, words, below=14)
    framed(
        plot,
        pairs_finding(result, head, seen=seen),
        dark=dark,
        height=ROW * (num + 1) + 176,
        sides={"l": 130, "r": 24, "t": 108, "b": 50},
    )
    return plot.figure()


def pairs_finding(result: SlotPairs, head: int | None = None, *, seen: bool = False) -> str:
    """How much of the logits is within sentences, across them, and of no sentence."""
    if gone := _gone(result, head):
        return gone
    shares = shares_shown(result, head, seen)
    mean = f"Layer 1, mean of its {heads_left(result.is_kept)}"
    where = mean if head is None else f"Layer 1, head {head + 1}"
    if np.isnan(shares).all():
        return f"{where}: its logits are all 0, there is nothing to share"
    across, own, nobody = _sums(shares)
    return (
        f"{where}: {percent(across)} of the logits compare one sentence with another, "
        f"{percent(own)} a sentence with itself, {percent(nobody)} involve no sentence on a side"
    )


def pairs_table(
    result: SlotPairs, head: int | None = None, *, seen: bool = False
) -> list[dict[str, Any]]:
    """One row per looking slot; shares in [0, 1]."""
    shares = shares_shown(result, head, seen)
    num = len(shares) - 1
    across, own, nobody = _sums(shares)
    return [
        {"looks": _slot(i, num)}
        | {f"at {_slot(j, num)}": or_none(v) for j, v in enumerate(shares[i])}
        | {
            "one sentence with another": or_none(across),
            "a sentence with itself": or_none(own),
            "no sentence on a side": or_none(nobody),
        }
        for i in range(num + 1)
    ]


def _sums(shares: np.ndarray) -> tuple[float, float, float]:
    """Shares of the logits that compare one sentence with another, with itself, or with none."""
    own = float(np.trace(shares[:-1, :-1]))
    across = float(shares[:-1, :-1].sum()) - own
    return across, own, 1 - own - across


def pairs_alt(result: SlotPairs, head: int | None = None, *, seen: bool = False) -> str:
    """The shares in words: the largest pairs."""
    if gone := _gone(result, head):
        return f"{gone}."
    shares = np.nan_to_num(shares_shown(result, head, seen))
    num = len(shares) - 1
    order = np.argsort(-shares.ravel(), kind="stable")[:5]
    named = [
        f"{_slot(int(n) // (num + 1), num)} at {_slot(int(n) % (num + 1), num)} "
        f"{percent(float(shares.ravel()[n]))}"
        for n in order
    ]
    return f"{pairs_finding(result, head, seen=seen)}. Largest pairs: {', '.join(named)}."


# ---- the map of one pair ------------------------------------------------------------------------


def pair_map_figure(
    result: SlotPairs,
    head: int,
    pair: tuple[int, int],
    *,
    positions: np.ndarray | None = None,
    slot: int = 0,
    dark: bool = False,
    is_narrow: bool = False,
) -> go.Figure:
    """The part of one head's logits that one pair of slots brings, signed."""
    if gone := _gone(result, head):
        return gone_field(gone, dark=dark)
    values = result.pair(head, *pair)
    shown = np.arange(len(values)) if positions is None else positions
    top = max(float(np.abs(values).max()), 1e-9)
    whose = pair[0] if pair[0] < len(result.tokens) else slot
    return token_map(
        values[np.ix_(shown, shown)],
        result,
        shown,
        slot=whose,
        title=pair_map_finding(result, head, pair),
        note=(
            f"All {len(result.tokens) + 1} x {len(result.tokens) + 1} such maps add up to the "
            f"logits (off by {number(result.residual, '.0e')} of the largest)."
        ),
        scale=diverging(dark),
        limits=(-top, top),
        unit="logit",
        dark=dark,
        is_narrow=is_narrow,
    )


def pair_map_finding(result: SlotPairs, head: int, pair: tuple[int, int]) -> str:
    """The strongest place of a pair's map."""
    if gone := _gone(result, head):
        return gone
    values = result.pair(head, *pair)
    num = len(result.tokens)
    t, s = (int(n) for n in np.unravel_index(int(np.abs(values).argmax()), values.shape))
    asks = f"“{result.tokens[pair[0]][t]}”" if pair[0] < num else f"position {t}"
    asked = f"“{result.tokens[pair[1]][s]}”" if pair[1] < num else f"position {s}"
    verb = "towards" if values[t, s] > 0 else "away from"
    return (
        f"Head {head + 1}, {_slot(pair[0], num)} looking at {_slot(pair[1], num)}: strongest "
        f"from {asks} {verb} {asked} ({number(values[t, s], '+.2f')})"
    )


def pair_map_table(result: SlotPairs, head: int, pair: tuple[int, int]) -> list[dict[str, Any]]:
    """One row on a pair's map, logits; none where the head was pruned away."""
    if _gone(result, head):
        return []
    values, num = result.pair(head, *pair), len(result.tokens)
    t, s = (int(n) for n in np.unravel_index(int(np.abs(values).argmax()), values.shape))
    return [
        {
            "head": head + 1,
            "looks": _slot(pair[0], num),
            "at": _slot(pair[1], num),
            "strongest": float(values[t, s]),
            "from position": t,
            "to position": s,
            "least": float(values.min()),
            "largest": float(values.max()),
            "mean size": float(np.abs(values).mean()),
        }
    ]


def pair_map_alt(result: SlotPairs, head: int, pair: tuple[int, int]) -> str:
    """The map in words."""
    if gone := _gone(result, head):
        return f"{gone}."
    values = result.pair(head, *pair)
    return (
        f"{pair_map_finding(result, head, pair)}. Parts run from {number(values.min(), '.2f')} to "
        f"{number(values.max(), '.2f')}, mean size {number(np.abs(values).mean(), '.3f')}."
    )


def _gone(result: SlotPairs, head: int | None) -> str:
    """Why there is nothing of a head; "" where there is something."""
    return gone_head(result.is_kept[None], 0, head)


def _slot(slot: int, num: int) -> str:
    return f"slot {slot + 1}" if slot < num else "no sentence"


def _numbers(shares: np.ndarray, top: float, dark: bool) -> Trace:
    num = len(shares) - 1
    scale = sequential(dark)
    cells = [(i, j) for i in range(num + 1) for j in range(num + 1)]
    values = [float(shares[c]) for c in cells]
    small = num > 6
    return scatter(
        x=[j + (0.5 if j < num else 0.575) for _, j in cells],
        y=[i + (0.5 if i < num else 0.575) for i, _ in cells],
        mode="text",
        text=["" if np.isnan(v) else plain(f"{100 * v:.1f}") for v in values],
        textfont={
            "size": SMALL_SIZE - 2 if small else TEXT_SIZE,
            "color": [
                ink(dark).muted if np.isnan(v) else text_on(color_at(scale, v / top))
                for v in values
            ],
        },
        hovertext=[
            f"{_slot(i, num)} looks at {_slot(j, num)}: {percent(v)}"
            for (i, j), v in zip(cells, values, strict=True)
        ],
        customdata=cells,
    )


def _axes(plot: Plot, num: int) -> None:
    common = {"tickvals": [*(i + 0.5 for i in range(num)), num + 0.575]}
    names = [slot_words(i, num) for i in range(num + 1)]
    plot.xaxes(
        ticktext=names,
        side="top",
        range=[0, num + 1.15],
        title={"text": "looked at (key)", "standoff": 8},
        **common,
    )
    plot.yaxes(ticktext=[f"{name} looks  " for name in names], range=[num + 1.15, 0], **common)


PAIRS = Family(pairs_figure, pairs_finding, pairs_alt, pairs_table)
PAIR_MAP = Family(pair_map_figure, pair_map_finding, pair_map_alt, pair_map_table)

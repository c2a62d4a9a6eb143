"""Bars behind one cell or row of the token and gradient measures of cross-talk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.crosstalk.words import signed
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import name_rows, write_ends
from muxviz.figures.drawing.scales import diverging
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.wording import number, or_none, percent, plain, shorten, visible
from muxviz.results.attribution import SlotShares
from muxviz.results.leaks import LogOdds, PlacedToken

MOST = 20  # positions drawn
LEFT = 250  # px for names
TOKEN = 14  # letters of a token


# ---- log-odds, position by position -------------------------------------------------------------


def odds_pair_figure(result: LogOdds, slot: int, source: int, *, dark: bool = False) -> go.Figure:
    """How much likelier each token of ``source`` is in ``slot`` because ``source`` holds it.

    The positions with the largest effects, in reading order.
    """
    shown = _shown(result, slot, source)
    scale = diverging(dark)
    more, less = str(scale[-3][1]), str(scale[2][1])
    names = [
        f"{place.position} · {plain(visible(shorten(place.token, TOKEN)))}"
        f" (own: {plain(visible(shorten(place.own, TOKEN)))})"
        for place in shown
    ]
    plot = _bars(
        names,
        [place.effect for place in shown],
        [more if place.effect > 0 else less for place in shown],
        [_said(place) for place in shown],
        [signed(place.effect) for place in shown],
        "log-odds of the neighbour's token (nats)",
        dark,
    )
    framed(
        plot,
        odds_pair_finding(result, slot, source),
        dark=dark,
        height=26 * len(shown) + 168,
        sides={"l": LEFT, "r": 60, "t": 74, "b": 84},
    )
    words = f"Positions with tokens of slot {source + 1}, from 0. Orange: likelier for being there."
    if len(shown) < len(result.places(slot, source)):
        words += f" The {len(shown)} largest of {len(result.places(slot, source))}."
    caption(plot, words, below=50, left=12 - LEFT)
    return plot.figure()


def odds_pair_finding(result: LogOdds, slot: int, source: int) -> str:
    """Which tokens of one slot reach another."""
    tops = [top for top in result.top(slot, source, 3) if top.amount > 0]
    if not tops:
        return f"No token of slot {source + 1} is likelier in slot {slot + 1} for being there"
    words = ", ".join(f"“{top.token}” {signed(top.amount)}" for top in tops)
    return f"Of slot {source + 1}'s tokens, slot {slot + 1} hears most of: {words} nats"


def odds_pair_table(result: LogOdds, slot: int, source: int) -> list[dict[str, Any]]:
    """Every position of the pair; natural logarithms."""
    return [
        {
            "position": place.position,
            "own token": place.own,
            f"token of slot {source + 1}": place.token,
            "log p now": place.log_prob,
            "log p usually": place.usual,
            "log-odds (nats)": place.effect,
        }
        for place in result.places(slot, source)
    ]


def odds_pair_alt(result: LogOdds, slot: int, source: int) -> str:
    """The picture in words."""
    lines = [_said(place) for place in _shown(result, slot, source)]
    return ". ".join([odds_pair_finding(result, slot, source), *lines]) + "."


def _shown(result: LogOdds, slot: int, source: int) -> list[PlacedToken]:
    places = result.places(slot, source)
    largest = sorted(places, key=lambda place: -abs(place.effect))[:MOST]
    return sorted(largest, key=lambda place: place.position)


def _said(place: PlacedToken) -> str:
    return plain(
        f"position {place.position}: {place.token}, {signed(place.effect)} nats "
        f"(log p {number(place.log_prob, '.1f')}, usually {number(place.usual, '.1f')})"
    )


# ---- gradient shares of one slot ----------------------------------------------------------------


def shares_figure(result: SlotShares, slot: int, *, dark: bool = False) -> go.Figure:
    """Whose tokens the answer of one slot rests on."""
    num = len(result.shares)
    order = [slot, *(j for j in range(num) if j != slot)]
    shares = np.nan_to_num(result.shares[slot, order])
    plot = _bars(
        [f"{slot_label(j)}{' own' if j == slot else ''}" for j in order],
        [float(v) for v in shares],
        [slot_color(j) for j in order],
        [_share_said(result, slot, j) for j in order],
        [plain(percent(float(v))) for v in shares],
        "share of the absolute attribution",
        dark,
        outlines=[slot_outline(j, dark=dark) for j in order],
    )
    plot.xaxes(range=[0, 1.08], tickformat=".0%")
    framed(
        plot,
        shares_finding(result, slot),
        dark=dark,
        height=30 * num + 168,
        sides={"l": LEFT, "r": 60, "t": 74, "b": 84},
    )
    words = (
        f"Integrated gradients of {plain(result.explained[slot].words)}; completeness gap "
        f"{100 * float(result.gaps[slot]):.2f} % of the difference."
    )
    caption(plot, words, below=50, left=12 - LEFT)
    return plot.figure()


def shares_finding(result: SlotShares, slot: int) -> str:
    """How much of an answer rests on the own tokens, in one sentence."""
    shares = result.shares[slot]
    if np.isnan(shares).any():
        return f"Nothing of slot {slot + 1} was attributed"
    others = np.where(np.arange(len(shares)) == slot, -1.0, shares)
    first = int(others.argmax())
    return (
        f"Slot {slot + 1}'s answer rests on its own tokens for {percent(float(shares[slot]))}, on "
        f"slot {first + 1}'s for {percent(float(shares[first]))}"
    )


def shares_table(result: SlotShares, slot: int) -> list[dict[str, Any]]:
    """One row per sentence."""
    return [
        {
            "slot": j + 1,
            "share": or_none(share),
            "signed sum (logits)": or_none(total),
        }
        for j, (share, total) in enumerate(zip(result.shares[slot], result.sums[slot], strict=True))
    ]


def shares_alt(result: SlotShares, slot: int) -> str:
    """The picture in words."""
    lines = [_share_said(result, slot, j) for j in range(len(result.shares))]
    return ". ".join([shares_finding(result, slot), *lines]) + "."


def _share_said(result: SlotShares, slot: int, source: int) -> str:
    share = percent(float(result.shares[slot, source]))
    return (
        f"tokens of slot {source + 1}: {share}, {signed(float(result.sums[slot, source]))} logits"
    )


# ---- bars ---------------------------------------------------------------------------------------


def _bars(
    names: Sequence[str],
    values: Sequence[float],
    fills: Sequence[str],
    hovers: Sequence[str],
    written: Sequence[str],
    title: str,
    dark: bool,
    *,
    outlines: Sequence[str] = (),
) -> Plot:
    """Horizontal bars from 0, each with its number; texts as Plotly reads them."""
    plot = Plot(
        bar(
            x=list(values),
            y=list(range(len(names))),
            orientation="h",
            width=0.62,
            marker={
                "color": list(fills),
                "line": {"color": list(outlines) or ink(dark).text, "width": 0.8},
            },
            hovertext=list(hovers),
        )
    )
    name_bars(plot, names, title, dark)
    write_ends(plot, [max(value, 0.0) for value in values], written, shift=6, dark=dark)
    return plot


def name_bars(plot: Plot, names: Sequence[str], title: str, dark: bool) -> None:
    """What horizontal bars stand for, and their scale; texts as Plotly reads them."""
    colors = ink(dark)
    plot.xaxes(title={"text": title, "standoff": 6}, zerolinecolor=colors.muted)
    name_rows(plot, names, margin=0.6)


ODDS_PAIR = Family(odds_pair_figure, odds_pair_finding, odds_pair_alt, odds_pair_table)
SHARES = Family(shares_figure, shares_finding, shares_alt, shares_table)

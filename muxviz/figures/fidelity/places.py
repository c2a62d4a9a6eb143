"""Read-back along the text, and by how long the text is."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.dots import share_row, share_span, share_words
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import framed, ink, tint
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import percent
from muxviz.results.fidelity import LENGTHS, Fidelity, Shares
from muxviz.results.reading import Z95

FEWEST = 20  # trials that a place needs to be called the worst
LINE_HEIGHT = 340  # px


def positions_figure(result: Fidelity, *, slot: int | None = None, dark: bool = False) -> go.Figure:
    """Share read back at every position of the text, all slots together, or of one slot."""
    found, which = _of_slot(result, slot)
    places = np.nonzero(found.trials > 0)[0]
    plot = _line(found, places, [str(p) for p in places], places, "position", dark)
    plot.xaxes(title={"text": "position in the text (0 is [CLS])"})
    framed(
        plot,
        positions_finding(result, slot=slot),
        dark=dark,
        height=LINE_HEIGHT,
        sides={"l": 70, "r": 24, "t": 78, "b": 64},
    )
    return plot.figure()


def positions_finding(result: Fidelity, *, slot: int | None = None) -> str:
    """What it shows, in one sentence."""
    found, which = _of_slot(result, slot)
    names = [f"at position {p}" for p in range(len(found.hits))]
    return _stand_out(found, names, which, "wherever it stands")


def positions_table(result: Fidelity, *, slot: int | None = None) -> list[dict[str, Any]]:
    """One row per position that something was counted at."""
    found, _ = _of_slot(result, slot)
    return [{"position": int(p)} | share_row(found, (p,)) for p in np.nonzero(found.trials > 0)[0]]


def positions_alt(result: Fidelity, *, slot: int | None = None) -> str:
    """The picture in words."""
    found, _ = _of_slot(result, slot)
    parts = [
        f"{p}: {percent(float(found.value[p]))} of {int(found.trials[p])}"
        for p in np.nonzero(found.trials > 0)[0]
    ]
    return f"{positions_finding(result, slot=slot)}. By position, {', '.join(parts)}."


def lengths_figure(result: Fidelity, *, dark: bool = False) -> go.Figure:
    """Share read back by how many tokens the text has."""
    found = result.lengths
    there = np.nonzero(found.trials > 0)[0]
    names = [LENGTHS[k] for k in there]
    plot = _line(found, np.arange(len(there)), names, there, "length", dark)
    plot.xaxes(
        title={"text": "tokens in the text (special ones not counted)"},
        tickvals=list(range(len(there))),
        ticktext=names,
        range=[-0.5, len(there) - 0.5],
    )
    framed(
        plot,
        lengths_finding(result),
        dark=dark,
        height=LINE_HEIGHT,
        sides={"l": 70, "r": 24, "t": 78, "b": 64},
    )
    return plot.figure()


def lengths_finding(result: Fidelity) -> str:
    """What it shows, in one sentence."""
    names = [f"in texts of {name} tokens" for name in LENGTHS]
    return _stand_out(result.lengths, names, "", "however long its text is")


def lengths_table(result: Fidelity) -> list[dict[str, Any]]:
    """One row per class of length that occurs."""
    return [
        {"tokens in the text": LENGTHS[k]} | share_row(result.lengths, (k,))
        for k in np.nonzero(result.lengths.trials > 0)[0]
    ]


def lengths_alt(result: Fidelity) -> str:
    """The picture in words."""
    found = result.lengths
    parts = [
        f"{LENGTHS[k]}: {percent(float(found.value[k]))} of {int(found.trials[k])}"
        for k in np.nonzero(found.trials > 0)[0]
    ]
    return f"{lengths_finding(result)}. By tokens in the text, {', '.join(parts)}."


def _of_slot(result: Fidelity, slot: int | None) -> tuple[Shares, str]:
    if slot is None:
        return result.position_total, ""
    found = result.positions
    hits, trials = found.hits[slot], found.trials[slot]
    own = Shares(hits, trials, found.low[slot], found.high[slot], found.clusters)
    return own, f" of slot {slot + 1}"


def _stand_out(found: Shares, names: list[str], which: str, always: str) -> str:
    """The place that is clearly worse than the whole, or that there is none."""
    n = found.trials.sum()
    if not n:
        return f"There is no token{which} to count"
    whole = float(found.hits.sum() / n)
    if found.hits.sum() == n:
        return f"Every one of the {int(n)} tokens{which} comes back, {always}"
    many = found.trials >= FEWEST
    needed = NormalDist().inv_cdf(1 - 0.025 / max(int(many.sum()), 1)) / Z95  # Bonferroni
    clear = np.nonzero(many & (found.value + needed * (found.high - found.value) < whole))[0]
    if not len(clear):
        return f"No place stands out: {percent(whole)} of the tokens{which} come back"
    worst = int(clear[np.argmin(found.value[clear])])
    return (
        f"Read-back{which} is worst {names[worst]}: {percent(float(found.value[worst]))}, against "
        f"{percent(whole)} overall"
    )


def _line(
    found: Shares, x: np.ndarray, names: list[str], at: np.ndarray, noun: str, dark: bool
) -> Plot:
    """Points joined by a line, with the band of their intervals."""
    colors = ink(dark)
    color = colors.accent
    value, low, high = (
        part[at].astype(np.float32) for part in (found.value, found.low, found.high)
    )
    plot = Plot()
    if len(x) > 1:
        plot.add(
            scatter(
                x=np.r_[x, x[::-1]],
                y=np.r_[high, low[::-1]],
                fill="toself",
                fillcolor=tint(color, 0.16),
                line={"width": 0},
                mode="lines",
                hoverinfo="skip",
            )
        )
    plot.add(
        scatter(
            x=x,
            y=value,
            mode="lines+markers",
            line={"color": color, "width": 2},
            marker={"size": 8, "color": color, "line": {"color": colors.paper, "width": 1}},
            error_y=whiskers(high - value, value - low, tint(color, 0.55), thickness=1.2, width=3),
            hovertext=[
                f"{noun} {name}: {share_words(found, (int(k),))}<br>"
                f"{found.hits[k]:g} of {int(found.trials[k])} tokens"
                for k, name in zip(at, names, strict=True)
            ],
        )
    )
    many = found.trials[at] >= FEWEST
    start, stop = share_span(low[many] if many.any() else low)
    plot.yaxes(
        showgrid=True,
        title={"text": "share read back"},
        range=[start - 0.03 * (stop - start), stop + 0.03 * (stop - start)],
        tickformat=".0%",
    )
    plot.xaxes()
    return plot


POSITIONS = Family(positions_figure, positions_finding, positions_alt, positions_table)
LENGTHS_FAMILY = Family(lengths_figure, lengths_finding, lengths_alt, lengths_table)

"""The entanglement spectrum: each slot's share of the state over depth, and what is of no slot.

Left: shares, stacked; the grey band at the bottom is the interaction. Right: the interaction by
itself, which is often thin, and the balance of the slots.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.claims import spans, standing_out, trend
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, framed, ink, text_on, tint
from muxviz.figures.drawing.levels import (
    finite,
    heading,
    interval_band,
    label_levels,
    level_words,
    value_axis,
)
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.wording import ends, percent, plain
from muxviz.results.layers import EntanglementSpectrum

HEIGHT = 430
SIDES = {"l": 56, "r": 26, "t": 84, "b": 62}
LEAST_LABEL = 0.045  # of the height that a band needs to be named in
DIGITS = 4  # of a share; what is left is rounding
UNEVEN = 0.5  # a slot with less than this much of an equal share is named in the finding


def spectrum_figure(
    spectrum: EntanglementSpectrum, *, solo: int | None = None, dark: bool = False
) -> go.Figure:
    """Stacked shares over levels, and interaction and balance beside them.

    Args:
        spectrum: of one checkpoint.
        solo: the slot (from 0) to look at; the others are paler. None shows all alike.
        dark: for a dark page.
    """
    plot = Plot.grid(
        rows=2,
        cols=2,
        widths=[0.66, 0.34],
        heights=[0.5, 0.5],
        tall=(1,),
        across=0.1,
        down=0.2,
    )
    shares = _stacked(spectrum)
    names = []
    plot.add(_rest(spectrum, shares, dark), row=1, col=1)
    for slot in reversed(range(shares.shape[1])):  # slot 1 on top, as in the braid
        pale = solo not in (None, slot)
        plot.add(_area(spectrum, shares, slot, pale, dark), row=1, col=1)
        names += _name(shares, slot, ink(dark).text if pale else text_on(slot_color(slot)))
    _line(plot, spectrum.interaction, spectrum, "interaction", 1, dark)
    _line(plot, spectrum.balance, spectrum, "balance", 2, dark)
    label_levels(plot, spectrum.levels, dark=dark)
    value_axis(plot, dark=dark, tickformat=".0%")
    plot.yaxes(range=[0, 1], showgrid=False, row=1, col=1)
    plot.yaxes(range=[0, _room(spectrum)], nticks=4, row=1, col=2)
    plot.yaxes(range=[0, 1.04], tickvals=[0, 0.5, 1], row=2, col=2)
    plot.xaxes(range=[0, len(shares) - 1], row=1, col=1)
    plot.xaxes(title={"text": "layer"}, row=1, col=1)
    titles = ("share of the state's variance", "interaction", "balance of the slots")
    plot.mark(annotations=[*names, *(heading(t, k + 1) for k, t in enumerate(titles))])
    framed(plot, spectrum_finding(spectrum), dark=dark, height=HEIGHT, sides=SIDES)
    return plot.figure()


def spectrum_finding(spectrum: EntanglementSpectrum) -> str:
    """What the spectrum shows, in one sentence."""
    found, last = spectrum.interaction, len(spectrum.levels) - 1
    where = level_words(spectrum.levels[last])
    if not np.isfinite(found.mean[last]):
        return f"Nothing varies after {where}"
    if found.low[last] > 0:
        start = percent(max(0.0, round(float(found.mean[0]), DIGITS)))
        words = (
            f"Interaction grows from {start} of the mixture to "
            f"{percent(float(found.mean[last]))} after {where} ({_interval(spectrum, last)})"
            if trend(spans(found)) > 0
            else f"{percent(float(found.mean[last]))} of the state after {where} belongs to no "
            f"single slot ({_interval(spectrum, last)})"
        )
    else:
        words = f"After {where} the state is still a sum of its slots, as far as can be told"
    share = spectrum.share.mean[last]
    parts = zip(share, spectrum.share.low[last], spectrum.share.high[last], strict=True)
    least = standing_out(list(parts), least=True)
    if least is not None and share[least] < UNEVEN / len(share):
        return f"{words}; slot {least + 1} keeps only {percent(max(0.0, float(share[least])))}"
    return words


def spectrum_table(spectrum: EntanglementSpectrum) -> list[dict[str, Any]]:
    """One row per level: shares with intervals, interaction, balance."""
    table = []
    for k, level in enumerate(spectrum.levels):
        row: dict[str, Any] = {"level": level}
        for slot in range(spectrum.share.mean.shape[1]):
            row[f"slot {slot + 1}"] = finite(spectrum.share.mean[k, slot])
            row[f"slot {slot + 1} from"] = finite(spectrum.share.low[k, slot])
            row[f"slot {slot + 1} to"] = finite(spectrum.share.high[k, slot])
        for name in ("interaction", "balance"):
            estimates = getattr(spectrum, name)
            row[name] = finite(estimates.mean[k])
            row[f"{name} from"] = finite(estimates.low[k])
            row[f"{name} to"] = finite(estimates.high[k])
        table.append(row | {"variance per position": finite(spectrum.variance[k])})
    return table


def spectrum_alt(spectrum: EntanglementSpectrum) -> str:
    """The picture in words."""
    lines = [f"{spectrum_finding(spectrum)}."]
    for k, level in enumerate(spectrum.levels):
        shares = ", ".join(
            f"slot {i + 1} {percent(max(0.0, float(s)))}"
            for i, s in enumerate(spectrum.share.mean[k])
        )
        rest = percent(max(0.0, round(float(spectrum.interaction.mean[k]), DIGITS)))
        lines.append(f"{level_words(level).capitalize()}: {shares}, interaction {rest}.")
    return " ".join(lines)


def _stacked(spectrum: EntanglementSpectrum) -> np.ndarray:
    """``[S, N]`` shares that can be stacked: none below 0, no level above 1 in sum."""
    shares = np.clip(np.nan_to_num(spectrum.share.mean), 0, None)
    return np.asarray(shares / np.maximum(shares.sum(axis=1, keepdims=True), 1.0))


def _interval(spectrum: EntanglementSpectrum, level: int) -> str:
    low, high = spectrum.interaction.low[level], spectrum.interaction.high[level]
    return f"{100 * low:.0f} to {100 * high:.0f} %" if np.isfinite(low) else "no interval"


def _area(
    spectrum: EntanglementSpectrum, shares: np.ndarray, slot: int, pale: bool, dark: bool
) -> Trace:
    share, hovers = spectrum.share, []
    for k, level in enumerate(spectrum.levels):
        low, high = 100 * share.low[k, slot], 100 * share.high[k, slot]
        hovers.append(
            f"slot {slot + 1}, {level_words(level)}: {plain(_share_words(share.mean[k, slot]))}"
            f"{ends(low, high, '.1f', ' %')}"
        )
    return scatter(
        x=np.arange(len(shares)),
        y=shares[:, slot].astype(np.float32),
        stackgroup="shares",
        mode="lines",
        line={"color": tint(slot_outline(slot, dark=dark), 0.3 if pale else 0.9), "width": 1},
        fillcolor=tint(slot_color(slot), 0.18 if pale else 0.78),
        hovertext=hovers,
    )


def _share_words(share: float) -> str:
    return f"{100 * share:.1f} %"


def _rest(spectrum: EntanglementSpectrum, shares: np.ndarray, dark: bool) -> Trace:
    hovers = [
        f"interaction, {level_words(level)}: {_share_words(spectrum.interaction.mean[k])}"
        for k, level in enumerate(spectrum.levels)
    ]
    return scatter(
        x=np.arange(len(shares)),
        y=(1 - shares.sum(axis=1)).clip(0).astype(np.float32),
        stackgroup="shares",
        mode="lines",
        line={"color": ink(dark).muted, "width": 0.8},
        fillcolor=tint(ink(dark).grey, 0.35),
        hovertext=hovers,
    )


def _name(shares: np.ndarray, slot: int, color: str) -> list[dict[str, Any]]:
    """The slot's label inside its band, near the start, where there is room."""
    if shares[:2, slot].min() < LEAST_LABEL:
        return []
    return [
        {
            "text": f"<b>{slot_label(slot)}</b>",
            "x": 0,
            "y": float(1 - shares[0, :slot].sum() - shares[0, slot] / 2),
            "xanchor": "left",
            "xshift": 8,
            "font": {"size": SMALL_SIZE, "color": color},
        }
    ]


def _line(
    plot: Plot, estimates: Any, spectrum: EntanglementSpectrum, name: str, row: int, dark: bool
) -> None:
    x, color = np.arange(len(spectrum.levels)), ink(dark).text
    band = interval_band(x, estimates, ink(dark).grey, alpha=0.3)
    if band is not None:
        plot.add(band, row=row, col=2)
    hovers = [
        f"{name}, {level_words(level)}: {100 * estimates.mean[k]:.1f} %"
        f"{ends(100 * estimates.low[k], 100 * estimates.high[k], '.1f', ' %')}"
        for k, level in enumerate(spectrum.levels)
    ]
    plot.add(
        scatter(
            x=x,
            y=np.asarray(estimates.mean, dtype=np.float32),
            mode="lines+markers",
            line={"color": color, "width": 1.6},
            marker={"size": 6, "color": color},
            hovertext=hovers,
        ),
        row=row,
        col=2,
    )


def _room(spectrum: EntanglementSpectrum) -> float:
    """Upper end of the interaction's axis."""
    highest = np.nanmax([np.nanmax(spectrum.interaction.mean), 0.02])
    if np.isfinite(spectrum.interaction.high).any():
        highest = max(highest, float(np.nanmax(spectrum.interaction.high)))
    return float(min(1.0, 1.15 * highest))


SPECTRUM = Family(spectrum_figure, spectrum_finding, spectrum_alt, spectrum_table)

"""Two entanglement spectra side by side: what belongs to no slot, and how even the slots are."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import framed, ink, legend_of
from muxviz.figures.drawing.levels import (
    finite,
    heading,
    interval_band,
    label_levels,
    level_words,
    value_axis,
)
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.wording import ends, percent, plain, shorten
from muxviz.results.estimates import Estimates
from muxviz.results.layers import EntanglementSpectrum

HEIGHT = 380
SIDES = {"l": 56, "r": 26, "t": 124, "b": 56}
LOOKS = (("solid", "circle", 0.34), ("dot", "diamond-open", 0.2))  # of A and B
PANELS = (("interaction", "share of no single slot"), ("balance", "balance of the slots"))
NAME = 40  # letters of a checkpoint's name


def spectra_figure(
    one: EntanglementSpectrum, other: EntanglementSpectrum, *, dark: bool = False
) -> go.Figure:
    """Interaction and balance of A (full line) and B (dotted) over depth, with 95 % intervals.

    The two may be of any width and number of layers: shares are of each one's own variance.
    """
    plot = Plot.grid(rows=1, cols=2, across=0.09)
    levels = max(one.levels, other.levels, key=len)
    for spectrum, side, look in zip((one, other), "AB", LOOKS, strict=True):
        name = plain(shorten(f"{side}: {spectrum.provenance.named}", NAME))
        for panel, (field, _) in enumerate(PANELS):
            for trace in _traces(spectrum, getattr(spectrum, field), name, field, look, dark):
                trace["showlegend"] = panel == 0 and trace.get("showlegend", True)
                plot.add(trace, row=1, col=panel + 1)
    label_levels(plot, levels, dark=dark, range=[-0.2, len(levels) - 0.8])
    value_axis(plot, dark=dark, tickformat=".0%", rangemode="tozero")
    plot.yaxes(range=[0, 1.04], col=2)
    plot.xaxes(title={"text": "layer", "standoff": 6})
    plot.mark(annotations=[heading(t, k + 1) for k, (_, t) in enumerate(PANELS)])
    framed(plot, spectra_finding(one, other), dark=dark, height=HEIGHT, sides=SIDES)
    plot.set(legend=legend_of(HEIGHT, 62) | {"x": 0, "xref": "paper"})
    return plot.figure()


def spectra_finding(one: EntanglementSpectrum, other: EntanglementSpectrum) -> str:
    """Which of the two is more entangled after its last layer."""
    first, second = (_last(s) for s in (one, other))
    names = [f"{s} ({_told(m)})" for s, m in zip("AB", (one, other), strict=True)]
    if np.isnan(first[0]) or np.isnan(second[0]):
        return f"After the last layer nothing varies in {names[0 if np.isnan(first[0]) else 1]}"
    apart = first[2] < second[1] or second[2] < first[1]
    end = "" if apart else "; the intervals overlap"
    return (
        f"What belongs to no single slot after the last layer: {percent(max(0.0, first[0]))} in "
        f"{names[0]}, {percent(max(0.0, second[0]))} in {names[1]}{end}"
    )


def spectra_table(one: EntanglementSpectrum, other: EntanglementSpectrum) -> list[dict[str, Any]]:
    """One row per model and level."""
    return [
        {
            "model": side,
            "checkpoint": spectrum.provenance.checkpoint,
            "sparsity": spectrum.provenance.sparsity,
            "level": level,
            **{
                f"{name}{end}": finite(getattr(getattr(spectrum, name), part)[k])
                for name, _ in PANELS
                for part, end in (("mean", ""), ("low", " from"), ("high", " to"))
            },
        }
        for side, spectrum in (("A", one), ("B", other))
        for k, level in enumerate(spectrum.levels)
    ]


def spectra_alt(one: EntanglementSpectrum, other: EntanglementSpectrum) -> str:
    """The picture in words."""
    lines = []
    for side, spectrum in (("A", one), ("B", other)):
        shares = ", ".join(
            f"{level_words(level)} {percent(max(0.0, float(v)))}"
            for level, v in zip(spectrum.levels, spectrum.interaction.mean, strict=True)
        )
        lines.append(f"{side}, {spectrum.provenance.named}: interaction {shares}.")
    return f"{spectra_finding(one, other)}. {' '.join(lines)}"


def _last(spectrum: EntanglementSpectrum) -> tuple[float, float, float]:
    found = spectrum.interaction
    return float(found.mean[-1]), float(found.low[-1]), float(found.high[-1])


def _told(spectrum: EntanglementSpectrum) -> str:
    made = spectrum.provenance
    return made.named if made.sparsity else f"{made.checkpoint}, unpruned"


def _traces(
    spectrum: EntanglementSpectrum,
    values: Estimates,
    name: str,
    field: str,
    look: tuple[str, str, float],
    dark: bool,
) -> list[Trace]:
    """A line and, where there is one, its interval."""
    dash, symbol, alpha = look
    x, color = np.arange(len(spectrum.levels)), ink(dark).text
    band = interval_band(x, values, ink(dark).grey, alpha=alpha)
    line = scatter(
        x=x,
        y=np.asarray(values.mean, dtype=np.float32),
        name=name,
        mode="lines+markers",
        line={"color": color, "width": 1.8, "dash": dash},
        marker={"size": 8, "symbol": symbol, "color": color},
        hovertext=[
            f"{name}<br>{field}, {level_words(level)}: {100 * values.mean[k]:.1f} %"
            f"{ends(100 * values.low[k], 100 * values.high[k], '.1f', ' %')}"
            for k, level in enumerate(spectrum.levels)
        ],
    )
    return [*([band] if band is not None else []), line]


SPECTRA = Family(spectra_figure, spectra_finding, spectra_alt, spectra_table)

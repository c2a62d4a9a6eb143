"""Reliability: how often answers of a confidence are right, at N and alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, legend_of
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import or_none
from muxviz.results.dataset import Calibration

HEIGHT = 430  # px
LINES = ("all slots", "alone")


def sure_figure(found: Calibration, *, dark: bool = False) -> go.Figure:
    """Share of right answers (y) against their mean probability (x); on the diagonal it is said
    as often as it is true.
    """
    colors = ink(dark)
    plot = Plot(
        scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            line={"color": colors.line, "width": 1, "dash": "dot"},
        )  # fmt: skip
    )
    for k, part in enumerate(found.parts):
        if part not in LINES:
            continue
        there = found.right.trials[k] > 0
        share, low, high = (
            a[k][there] for a in (found.right.value, found.right.low, found.right.high)
        )
        color = colors.accent if part == LINES[0] else colors.grey
        plot.add(
            scatter(
                x=found.confidence[k][there],
                y=share,
                mode="lines+markers",
                name=part,
                line={"color": color, "width": 2},
                marker={
                    "size": 9,
                    "color": color,
                    "symbol": "circle" if part == LINES[0] else "diamond",
                },
                error_y=whiskers(high - share, share - low, color),
                hovertext=[
                    f"{part}: said {c:.3f}, right {s:.3f} ({int(n):,} answers)"
                    for c, s, n in zip(
                        found.confidence[k][there], share, found.right.trials[k][there], strict=True
                    )
                ],
            )
        )
    least = float(np.nanmin(found.confidence))
    plot.xaxes(title={"text": "probability of the answer"}, range=[min(least, 0.5) - 0.02, 1.02])
    plot.yaxes(title={"text": "share of right answers"}, tickformat=".0%", range=[-0.02, 1.05])
    plot.set(legend=legend_of(HEIGHT, 66), showlegend=True)
    framed(
        plot,
        sure_finding(found),
        dark=dark,
        height=HEIGHT,
        sides={"l": 84, "r": 24, "t": 108, "b": 84},
    )
    caption(plot, "Lines: 95 % intervals. Dotted: said as often as true.", below=60, left=-60)
    return plot.figure()


def sure_finding(found: Calibration) -> str:
    """What it shows, in one sentence."""
    text = f"Calibration error {found.ece[0]:.3f} at N = {found.provenance.num_instances}"
    if found.parts[-1] == LINES[1]:
        text += f", {found.ece[-1]:.3f} alone"
    return (
        f"{text}; a temperature of {found.temperature[0]:.2f} takes it from "
        f"{found.ece_before[0]:.3f} to {found.ece_after[0]:.3f} on rows it was not fitted on"
    )


def sure_table(found: Calibration) -> list[dict[str, Any]]:
    """One row per part, then one per part and bin of confidence that is not empty."""
    n = found.provenance.num_instances
    rows: list[dict[str, Any]] = [
        {
            "of": part,
            "N": 1 if part == LINES[1] else n,
            "calibration error": float(found.ece[k]),
            "temperature": float(found.temperature[k]),
            "error on held-out rows": float(found.ece_before[k]),
            "the same with temperature": float(found.ece_after[k]),
        }
        for k, part in enumerate(found.parts)
    ]
    for k, bin_ in np.argwhere(found.right.trials > 0):
        rows.append(
            {
                "of": found.parts[k],
                "probability": or_none(found.confidence[k, bin_]),
                "answers": int(found.right.trials[k, bin_]),
                "right": int(found.right.hits[k, bin_]),
                "share": or_none(found.right.value[k, bin_]),
                "share, low": or_none(found.right.low[k, bin_]),
                "share, high": or_none(found.right.high[k, bin_]),
            }
        )
    return rows


def sure_alt(found: Calibration) -> str:
    """The picture in words."""
    parts = [
        f"{part}: error {found.ece[k]:.3f}, temperature {found.temperature[k]:.2f}"
        for k, part in enumerate(found.parts)
    ]
    return f"{sure_finding(found)}. {'; '.join(parts)}."


SURE = Family(sure_figure, sure_finding, sure_alt, sure_table)

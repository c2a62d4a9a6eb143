"""Levels of the state along an axis, and lines over them: shared by the figures by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from muxviz.figures.drawing.ink import CLEAR, ink, tint
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.results.estimates import Estimates

SHORT = {"mix": "mix", "in": "in"}
LONG = {"mix": "the mixture", "in": "the input of layer 1"}
MOST_NAMES = 14  # on an axis; of more, every second is named


def level_words(level: str) -> str:
    """A level inside a sentence: ``"the mixture"``, ``"layer 3"``."""
    return LONG.get(level, f"layer {level}")


def label_levels(plot: Plot, levels: Sequence[str], *, dark: bool, **where: Any) -> None:
    """Name the levels along an x axis of ``plot`` (changed in place)."""
    stride = 2 if len(levels) > MOST_NAMES else 1
    shown = [i for i in range(len(levels)) if i < 3 or i % stride == 0 or i == len(levels) - 1]
    plot.xaxes(
        tickvals=shown,
        ticktext=[SHORT.get(levels[i], levels[i]) for i in shown],
        linecolor=ink(dark).line,
        **where,
    )


def value_axis(plot: Plot, *, dark: bool, **more: Any) -> None:
    """Quiet lines across and small numbers on a y axis of ``plot`` (changed in place)."""
    plot.yaxes(showgrid=True, gridcolor=tint(ink(dark).line, 0.6), griddash="dot", **more)


def heading(text: str, axis: int) -> dict[str, Any]:
    """A small title over the panel of one axis, as an annotation."""
    name = "" if axis == 1 else str(axis)
    return {
        "text": text,
        "x": 0,
        "y": 1,
        "xref": f"x{name} domain",
        "yref": f"y{name} domain",
        "xanchor": "left",
        "yanchor": "bottom",
        "yshift": 6,
    }


def interval_band(
    x: np.ndarray, estimates: Estimates, color: str, *, alpha: float = 0.18
) -> Trace | None:
    """The interval of a line over levels, as a pale band; None without one."""
    known = np.isfinite(estimates.low) & np.isfinite(estimates.high)
    if not known.any():
        return None
    at, low, high = x[known], estimates.low[known], estimates.high[known]
    return scatter(
        x=np.r_[at, at[::-1]].astype(np.float32),
        y=np.r_[high, low[::-1]].astype(np.float32),
        mode="lines",
        fill="toself",
        fillcolor=tint(color, alpha),
        line={"width": 0, "color": CLEAR},
        hoverinfo="skip",
    )


def column(values: np.ndarray, slot: int) -> np.ndarray:
    """One slot's numbers over levels, as float32."""
    return np.asarray(values[:, slot], dtype=np.float32)


def finite(value: Any) -> float | None:
    """A number for a table: None where there is none."""
    number = float(value)
    return number if np.isfinite(number) else None

"""Columns of dots for shares of several checkpoints and for what changes between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.figures.drawing.dots import Column, Mark, amount_span
from muxviz.figures.drawing.ink import ink
from muxviz.figures.drawing.wording import number, percent, plain, shorten
from muxviz.results.estimates import Estimates
from muxviz.results.group import Provenance

NAME = 26  # letters of a checkpoint's name
LEFT = 200  # px for them


def checkpoint_marks(origins: Sequence[Provenance], *, dark: bool) -> list[Mark]:
    """Rows for checkpoints."""
    colors = ink(dark)
    return [
        Mark(plain(shorten(made.checkpoint, NAME)), colors.grey, colors.text, "diamond-tall")
        for made in origins
    ]


def percent_column(title: str, found: Estimates, span: tuple[float, float]) -> Column:
    """Shares ``[rows]``, with their intervals on hover."""
    words = []
    for mean, low, high in zip(found.mean, found.low, found.high, strict=True):
        told = "" if np.isnan(low) else f" ({100 * low:.0f} to {100 * high:.0f})"
        words.append("nothing counted" if np.isnan(mean) else f"{percent(float(mean))}{told}")
    shown = [plain(text.partition(" (")[0]) for text in words]
    return Column(
        title, found.mean, found.low, found.high, shown, [plain(w) for w in words], span, ".0%"
    )


def points_column(title: str, change: Estimates, *, brief: bool = False) -> Column:
    """Changes of shares ``[rows]``, drawn in points against 0; brief as in ``share_column``."""
    ends = amount_span([change.low, change.high, change.mean])
    words = []
    mean, low, high = 100 * change.mean, 100 * change.low, 100 * change.high
    for value, least, most in zip(mean, low, high, strict=True):
        told = "" if np.isnan(least) else f" ({signed_points(least)} to {signed_points(most)})"
        words.append("nothing counted" if np.isnan(value) else f"{signed_points(value)}{told}")
    said = [plain(text) for text in words]
    shown = [text.partition(" (")[0] for text in said] if brief else said
    span = min(100 * ends[0], -0.5), max(100 * ends[1], 0.5)
    return Column(title, mean, low, high, shown, said, span, "", 0.0)


def signed_points(points: float) -> str:
    """``"+4"``, ``"−0.6"``, ``"0"``."""
    if abs(points) < 0.05:
        return "0"
    digits = 0 if abs(points) >= 0.95 else 1
    return number(points, f"+.{digits}f")

"""What the points of a map are coloured by: named groups, or a value with a scale.

Slots keep their one palette. All other groups take hues of equal lightness steps around the circle
(OKLCH, Ottosson 2020); neighbouring numbers differ in lightness too, and numbers stand on the map,
so that no reading rests on hue alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from muxviz.errors import InputError
from muxviz.figures.drawing.ink import ink
from muxviz.figures.drawing.scales import color_at, diverging, sequential
from muxviz.figures.drawing.slots import slot_color, slot_label
from muxviz.results.map import StateSample

COLORS = {
    "sentence": "Sentence",
    "slot": "Slot",
    "neighbours": "Neighbour set",
    "label": "Answer",
    "margin": "Margin",
    "correct": "Right or wrong",
}
STEP = 7  # groups apart that may look alike: hues go round in steps of about 1 / 7 of the circle
CHROMA = 0.12


@dataclass(frozen=True)
class Colors:
    """Colours of P points.

    fills: ``#rrggbb`` of each. keys: what a legend explains, (words, colour) each. scale, limit:
    of a continuous value, from low to high; empty and NaN where colours name groups. note: why
    nothing is coloured, or "".
    """

    fills: list[str]
    keys: tuple[tuple[str, str], ...] = ()
    scale: tuple[tuple[float, str], ...] = ()
    low: float = math.nan
    high: float = math.nan
    title: str = ""
    note: str = ""


def colors_of(sample: StateSample, by: str, *, dark: bool) -> Colors:
    """Colours by one of ``COLORS``.

    Raises:
        InputError: another ``by``.
    """
    if by not in COLORS:
        raise InputError(f"got color={by!r}; choose one of {', '.join(COLORS)}")
    if by == "slot":
        keys = tuple((slot_label(i), slot_color(i)) for i in range(sample.num_slots))
        return Colors([slot_color(int(i)) for i in sample.slot], keys)
    if by == "sentence":
        return Colors(_by_number(sample.anchor, dark))
    if by == "neighbours":
        names = [(f"set {m + 1}", hue(m, dark=dark)) for m in range(sample.num_sets)]
        own = [("yours", ink(dark).muted)] if sample.is_own.any() else []
        return Colors(_by_number(sample.neighbour_set, dark), tuple(names + own))
    if by == "label":
        return _by_label(sample, dark)
    return _by_margin(sample, dark) if by == "margin" else _by_correct(sample, dark)


def hue(number: int, *, dark: bool) -> str:
    """``#rrggbb`` of group ``number``; alike only for numbers far apart."""
    turn = (0.70 + number * (math.sqrt(5) - 1) / 2) % 1
    steps = (0.70, 0.84, 0.60) if dark else (0.58, 0.72, 0.44)
    return oklch(steps[number % 3], CHROMA, 2 * math.pi * turn)


def oklch(lightness: float, chroma: float, angle: float) -> str:
    """``#rrggbb`` of an OKLCH colour, clipped to sRGB; angle in radians."""
    a, b = chroma * math.cos(angle), chroma * math.sin(angle)
    cone = (
        (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3,
        (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3,
        (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3,
    )
    linear = (
        4.0767416621 * cone[0] - 3.3077115913 * cone[1] + 0.2309699292 * cone[2],
        -1.2684380046 * cone[0] + 2.6097574011 * cone[1] - 0.3413193965 * cone[2],
        -0.0041960863 * cone[0] - 0.7034186147 * cone[1] + 1.7076147010 * cone[2],
    )
    return "#" + "".join(f"{round(255 * _encoded(c)):02x}" for c in linear)


def _encoded(value: float) -> float:
    clipped = min(max(value, 0.0), 1.0)
    if clipped <= 0.0031308:
        return 12.92 * clipped
    return float(1.055 * clipped ** (1 / 2.4) - 0.055)


def _by_number(numbers: np.ndarray, dark: bool) -> list[str]:
    grey = ink(dark).muted
    return [hue(int(n), dark=dark) if n >= 0 else grey for n in numbers]


def _by_label(sample: StateSample, dark: bool) -> Colors:
    if not sample.labels or (sample.label < 0).all():
        note = "No colour by answer: this task gives no class to a whole sentence."
        return Colors([ink(dark).muted] * len(sample.label), note=note)
    shown = sorted({int(i) for i in sample.label if i >= 0})
    keys = tuple((sample.labels[i], hue(i, dark=dark)) for i in shown)
    return Colors(_by_number(sample.label, dark), keys)


def _by_margin(sample: StateSample, dark: bool) -> Colors:
    if np.isnan(sample.margin).all():
        note = "No colour by margin: this task has no classes to choose between."
        return Colors([ink(dark).muted] * len(sample.margin), note=note)
    limit = max(float(np.nanmax(np.abs(sample.margin))), 1e-6)
    return _scaled(sample.margin, diverging(dark), -limit, limit, "margin, logits", dark)


def _by_correct(sample: StateSample, dark: bool) -> Colors:
    values = sample.correct
    if np.isnan(values).all():
        note = (
            "No right or wrong: there are no gold labels and no baseline to hold answers against."
        )
        return Colors([ink(dark).muted] * len(values), note=note)
    if not set(values[~np.isnan(values)].tolist()) <= {0.0, 1.0}:
        title = "share of tokens as alone"
        return _scaled(values, sequential(dark), 0.0, 1.0, title, dark)
    against = {"gold": "as labelled", "alone": "as alone"}.get(sample.reference, "right")
    right, wrong = color_at(diverging(dark), 0.12), color_at(diverging(dark), 0.86)
    grey = ink(dark).muted
    fills = [grey if np.isnan(v) else right if v else wrong for v in values]
    keys = [(against, right), (f"not {against}", wrong)]
    if np.isnan(values).any():
        keys.append(("not known", grey))
    return Colors(fills, tuple(keys))


def _scaled(
    values: np.ndarray,
    scale: list[list[float | str]],
    low: float,
    high: float,
    title: str,
    dark: bool,
) -> Colors:
    grey = ink(dark).muted
    fills = [
        grey if np.isnan(v) else color_at(scale, (float(v) - low) / (high - low)) for v in values
    ]
    pairs = tuple((float(place), str(color)) for place, color in scale)
    return Colors(fills, (), pairs, low, high, title)

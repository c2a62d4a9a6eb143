"""What one shared pass costs against the same texts alone."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import TEXT_SIZE, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.results import Timing

NAMES = {
    "multiplexed": "one multiplexed pass",
    "alone, one batch": "N = 1, one batch",
    "alone, one by one": "N = 1, one by one",
}


def timing_figure(timings: tuple[Timing, ...], *, dark: bool = False) -> go.Figure:
    """Bars of median milliseconds with quartiles; the title says the ratios."""
    colors = ink(dark)
    values = [t.median_s * 1e3 for t in timings]
    plot = Plot(
        bar(
            x=values,
            y=[_name(t) for t in timings],
            orientation="h",
            width=0.56,
            marker={
                "color": [
                    tint(colors.grey if i else colors.accent, 0.75) for i in range(len(timings))
                ],
                "line": {"color": colors.text, "width": 0.8},
            },
            error_x=whiskers(
                [(t.q3_s - t.median_s) * 1e3 for t in timings],
                [(t.median_s - t.q1_s) * 1e3 for t in timings],
                colors.text,
            ),
            hovertext=[_words(t) for t in timings],
        )
    )
    beside = [
        {
            "x": max(value, timing.q3_s * 1e3),
            "y": _name(timing),
            "xanchor": "left",
            "xshift": 10,
            "text": f"{value:.1f} ms",
            "font": {"size": TEXT_SIZE, "color": colors.text},
        }
        for timing, value in zip(timings, values, strict=True)
    ]
    plot.mark(annotations=beside)
    plot.xaxes(
        title={"text": "median time of the forward passes (ms)"},
        rangemode="tozero",
        range=[0, 1.18 * max(t.q3_s for t in timings) * 1e3],
    )
    plot.yaxes(autorange="reversed", ticksuffix="  ")
    framed(
        plot,
        timing_finding(timings),
        dark=dark,
        height=52 * len(timings) + 140,
        sides={"l": 160, "r": 24, "t": 74, "b": 56},
    )
    return plot.figure()


def timing_finding(timings: tuple[Timing, ...]) -> str:
    """The ratios in one sentence."""
    by_name = {t.name: t for t in timings}
    shared = by_name["multiplexed"]
    batch, single = by_name.get("alone, one batch"), by_name.get("alone, one by one")
    if batch is None or single is None:
        return (
            f"One pass took {shared.median_s * 1e3:.1f} ms; there is no N = 1 baseline to compare"
        )
    texts = single.passes
    return (
        f"One multiplexed pass answered {texts} texts {batch.median_s / shared.median_s:.1f} times "
        f"as fast as one batch at N = 1, {single.median_s / shared.median_s:.1f} times as fast as "
        "one by one"
    )


def timing_table(timings: tuple[Timing, ...]) -> list[dict[str, Any]]:
    """The same numbers, one row per way; times in milliseconds."""
    shared = next(t.median_s for t in timings if t.name == "multiplexed")
    return [
        {
            "way": _name(t),
            "passes": t.passes,
            "median ms": t.median_s * 1e3,
            "lower quartile ms": t.q1_s * 1e3,
            "upper quartile ms": t.q3_s * 1e3,
            "repeats": t.repeats,
            "times the shared pass": t.median_s / shared,
        }
        for t in timings
    ]


def timing_alt(timings: tuple[Timing, ...]) -> str:
    """The picture in words."""
    return " ".join([f"{timing_finding(timings)}.", *(f"{_words(t)}." for t in timings)])


def _name(timing: Timing) -> str:
    return NAMES.get(timing.name, timing.name)


def _words(timing: Timing) -> str:
    passes = f"{timing.passes} pass{'es' * (timing.passes != 1)}"
    return (
        f"{_name(timing)}: {passes}, median {timing.median_s * 1e3:.1f} ms, quartiles "
        f"{timing.q1_s * 1e3:.1f} to {timing.q3_s * 1e3:.1f} ms, {timing.repeats} repeats"
    )


TIMING = Family(timing_figure, timing_finding, timing_alt, timing_table)

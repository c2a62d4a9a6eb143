"""Measured settings, what lies between them by prediction, and the setting to use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, legend_of, tint
from muxviz.figures.drawing.labels import CORNERS, label_at, place_labels, spots_of
from muxviz.figures.drawing.levels import finite
from muxviz.figures.drawing.measured import SIZE, log_axis, score_range, times
from muxviz.figures.drawing.plot import Plot, Settings, Trace, scatter
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import plain, sure
from muxviz.figures.planner.parts import (
    MEASURED,
    PREDICTED,
    Z975,
    band,
    kind_in_legend,
    line_in_legend,
    measured_marks,
    point_words,
    predicted_marks,
)
from muxviz.results.planning import (
    THROUGHPUT,
    Advice,
    Advised,
    Frontier,
    Measurements,
    goal_words,
)

HEIGHT = 500  # px
WIDTH, NARROW_WIDTH = 664, 270  # px of the axes, at the narrowest
LEGEND_TOP = 62


def planner_figure(
    points: Measurements,
    advice: Advice,
    front: Frontier,
    *,
    dark: bool = False,
    is_narrow: bool = False,
) -> go.Figure:
    """Accuracy against throughput; the tinted part meets the goal, a ring marks the first setting.

    Args:
        points: what was measured.
        advice: for one goal; settings that were not measured are drawn as predictions.
        front: what the surfaces promise between the points, with its 95 % band.
        dark: for a dark page.
        is_narrow: for a page of 360 px.
    """
    plot, colors = Plot(), ink(dark)
    line = tint(colors.text, 0.7)
    wide = Z975 * front.accuracy_sd
    for trace in band(
        front.throughput, front.accuracy - wide, front.accuracy + wide, tint(colors.text, 0.1)
    ):
        plot.add(trace)
    plot.add(
        scatter(
            x=front.throughput,
            y=front.accuracy,
            mode="lines",
            line={"color": line, "width": 1.6, "dash": "dash"},
            hoverinfo="skip",
        )
    )
    guesses = [one for one in advice.settings if not one.is_measured or one.share]
    plot.add(_measured(points, dark))
    plot.add(_predicted(guesses, dark))
    first = advice.settings[0]
    plot.add(_ring(first, dark))
    plot.add(kind_in_legend("measured", MEASURED, colors.muted))
    plot.add(kind_in_legend("predicted", PREDICTED, colors.muted))
    plot.add(line_in_legend("predicted front, 95 % band", line, dash="dash"))
    plot.add(kind_in_legend("first choice", "circle-open", colors.text))
    rates, scores = _reach(points, advice, front)
    across = log_axis("instances per second", rates)
    plot.xaxes(**across)
    span = score_range(min(scores), max(scores))
    ends = np.array([across["range"], span], dtype=float)
    width = NARROW_WIDTH if is_narrow else WIDTH
    plot.mark(annotations=_names(points, guesses, ends, width, colors.text))
    plot.yaxes(showgrid=True, title={"text": plain(points.metric)}, tickformat=".1%", range=span)
    _goal(plot, advice, span, dark)
    framed(
        plot,
        planner_finding(advice),
        dark=dark,
        height=HEIGHT,
        sides={"l": 76, "r": 40, "t": 112, "b": 96},
    )
    plot.set(legend=legend_of(HEIGHT, LEGEND_TOP))
    held = "was measured" if first.is_measured else "is a prediction: measure it first"
    words = (
        f"Green: {plain(goal_words(advice.goal))}. Numbers: N. Bars: 95 % intervals where known. "
        f"The first choice {held}."
    )
    caption(plot, words, below=50, left=-56)
    return plot.figure()


def planner_finding(advice: Advice) -> str:
    """The first setting, what it gains and how sure it is."""
    first = advice.settings[0]
    words = first.words
    if not first.keeps(advice.goal):
        return (
            f"No candidate is likely to meet {goal_words(advice.goal)}; closest is {words}, "
            f"{sure(first.chance)} sure"
        )
    how = "measured" if first.is_measured else f"predicted, {sure(first.chance)} sure"
    return (
        f"Use {words}: {times(first.ratio)} as fast as {advice.baseline}, "
        f"{100 * first.accuracy:.1f} % right ({how})"
    )


def planner_alt(points: Measurements, advice: Advice) -> str:
    """The picture in words."""
    parts = [
        f"{one.words}: {100 * one.accuracy:.1f} %, "
        f"{one.throughput:,.0f} instances/s, chance {one.chance:.2f}, "
        f"{'measured' if one.is_measured else 'predicted'}"
        for one in advice.settings
    ]
    return (
        f"{planner_finding(advice)}. {len(points)} measured settings. In order: {'; '.join(parts)}."
    )


def planner_table(points: Measurements, advice: Advice) -> list[dict[str, Any]]:
    """One row per advised setting, best first, then the measured settings."""
    advised = [
        {
            "place": place,
            "N": one.num_instances,
            "sparsity": one.sparsity,
            "asked again": one.share,
            "accuracy": one.accuracy,
            "accuracy from": finite(one.accuracy_from),
            "accuracy to": finite(one.accuracy_to),
            "instances/s": one.throughput,
            "instances/s from": finite(one.throughput_from),
            "instances/s to": finite(one.throughput_to),
            "times the baseline": one.ratio,
            "chance to meet the goal": one.chance,
            "chance to be the best": one.chance_best,
            "from": "measured" if one.is_measured else "predicted",
            "evidence": "; ".join(one.evidence),
        }
        for place, one in enumerate(advice.settings, start=1)
    ]
    factor = _spread(points)
    own = [
        {
            "place": None,
            "N": int(points.num_instances[at]),
            "sparsity": float(points.sparsity[at]),
            "accuracy": float(points.accuracy[at]),
            "accuracy from": finite(points.accuracy_low[at]),
            "accuracy to": finite(points.accuracy_high[at]),
            "instances/s": float(points.throughput[at]),
            "instances/s from": float(points.throughput[at] / factor[at]),
            "instances/s to": float(points.throughput[at] * factor[at]),
            "times the baseline": float(points.throughput[at] / advice.baseline_throughput),
            "from": "measured",
            "evidence": points.names[at],
        }
        for at in range(len(points))
    ]
    head = dict.fromkeys(advised[0])
    return [*advised, *(head | row for row in own)]


# ---- parts --------------------------------------------------------------------------------------


def _spread(points: Measurements) -> np.ndarray:
    """What measured throughputs are multiplied with and divided by for their 95 %."""
    return np.asarray(np.exp(Z975 * np.nan_to_num(points.throughput_sd)))


def _measured(points: Measurements, dark: bool) -> Trace:
    colors = ink(dark)
    low = np.where(np.isfinite(points.accuracy_low), points.accuracy_low, points.accuracy)
    high = np.where(np.isfinite(points.accuracy_high), points.accuracy_high, points.accuracy)
    factor = _spread(points)
    return scatter(
        x=points.throughput,
        y=points.accuracy,
        mode="markers",
        marker=measured_marks(points.num_instances.tolist(), dark),
        error_x=whiskers(
            points.throughput * (factor - 1),
            points.throughput * (1 - 1 / factor),
            colors.muted,
            thickness=1,
            width=2,
        ),
        error_y=whiskers(
            np.maximum(high - points.accuracy, 0),
            np.maximum(points.accuracy - low, 0),
            tint(colors.muted, 0.5),
            thickness=1,
            width=2,
        ),
        hovertext=[point_words(points, at) for at in range(len(points))],
        cliponaxis=False,
    )


def _names(
    points: Measurements, guesses: Sequence[Advised], ends: np.ndarray, width: float, color: str
) -> list[Settings]:
    """N beside the marks, the predicted ones first, where there is room."""
    rates = [*(one.throughput for one in guesses), *points.throughput.tolist()]
    scores = [*(one.accuracy for one in guesses), *points.accuracy.tolist()]
    nums = [*(one.num_instances for one in guesses), *points.num_instances.tolist()]
    places, size = np.stack([np.log10(rates), scores], axis=1), (width, HEIGHT - 208)
    texts, radii = [str(n) for n in nums], [SIZE / 2] * len(nums)
    spots = spots_of(places, ends, size)
    placed = place_labels(spots, texts, size, radii=radii, sides=CORNERS)
    return [
        label_at(text, place, offset, color)
        for text, place, offset in zip(texts, places.tolist(), placed, strict=True)
        if offset is not None
    ]


def _predicted(chosen: Sequence[Advised], dark: bool) -> Trace:
    colors = ink(dark)
    return scatter(
        x=[one.throughput for one in chosen] or None,
        y=[one.accuracy for one in chosen] or None,
        mode="markers",
        marker=predicted_marks([one.num_instances for one in chosen] or [1], dark),
        error_x=whiskers(
            _bars([one.throughput_to - one.throughput for one in chosen]),
            _bars([one.throughput - one.throughput_from for one in chosen]),
            colors.muted,
            thickness=1,
            width=3,
        ),
        error_y=whiskers(
            _bars([one.accuracy_to - one.accuracy for one in chosen]),
            _bars([one.accuracy - one.accuracy_from for one in chosen]),
            colors.muted,
            thickness=1,
            width=3,
        ),
        hovertext=[_hover(one) for one in chosen],
        cliponaxis=False,
    )


def _hover(one: Advised) -> str:
    near = "<br>".join(plain(words) for words in one.evidence)
    return (
        f"<b>{one.words}</b>, {'asked again' if one.share else 'predicted'}<br>"
        f"{100 * one.accuracy:.1f} % ({100 * one.accuracy_from:.1f} to "
        f"{100 * one.accuracy_to:.1f}), {one.throughput:,.0f} instances/s"
        f"{_rates(one)}<br>chance to meet the goal "
        f"{one.chance:.2f}<br>nearest measured:<br>{near}"
    )


def _bars(lengths: list[float]) -> list[float]:
    """None where an end is not known."""
    return np.nan_to_num(lengths).tolist() or [0]


def _rates(one: Advised) -> str:
    """Their interval, where it is known."""
    if np.isnan(one.throughput_from):
        return ""
    return f" ({one.throughput_from:,.0f} to {one.throughput_to:,.0f})"


def _ring(first: Advised, dark: bool) -> Trace:
    """Around the first choice, whatever its mark."""
    return scatter(
        x=[first.throughput],
        y=[first.accuracy],
        mode="markers",
        marker={
            "symbol": "circle-open",
            "size": SIZE + 13,
            "opacity": 1,
            "color": ink(dark).text,
            "line": {"width": 2.4, "color": ink(dark).text},
        },
        hoverinfo="skip",
        cliponaxis=False,
    )


def _reach(
    points: Measurements, advice: Advice, front: Frontier
) -> tuple[list[float], list[float]]:
    """Values that the axes have to hold."""
    settings = advice.settings
    rates = [*points.throughput, *front.throughput, *(one.throughput for one in settings)]
    scores = [*points.accuracy, *front.accuracy, *(one.accuracy for one in settings)]
    if advice.goal.held == THROUGHPUT:
        rates.append(min(max(advice.goal.threshold, 0.5 * min(rates)), 2 * max(rates)))
    else:
        edge = 0.25 * (max(scores) - min(scores))
        low, high = min(scores) - edge, max(scores) + edge
        scores.append(min(max(advice.goal.threshold, low), high))
    return [float(v) for v in rates], [float(v) for v in scores]


def _goal(plot: Plot, advice: Advice, span: list[float], dark: bool) -> None:
    """The part of the plot that meets the goal, and its edge."""
    threshold = advice.goal.threshold
    fill: dict[str, Any] = {
        "type": "rect",
        "fillcolor": tint(ink(dark).good, 0.13),
        "line": {"width": 0},
        "layer": "below",
    }
    edge: dict[str, Any] = {
        "type": "line",
        "line": {"color": ink(dark).muted, "width": 1.3, "dash": "dot"},
    }
    if advice.goal.held == THROUGHPUT:
        upright = {"yref": "paper", "y0": 0, "y1": 1}
        right = 10 ** float(plot.layout["xaxis"]["range"][1])
        if threshold < right:
            fill |= upright | {"x0": threshold, "x1": right}
            edge |= upright | {"x0": threshold, "x1": threshold}
            plot.mark(shapes=[fill, edge])
        return
    level = {"xref": "paper", "x0": 0, "x1": 1}
    if threshold >= span[1]:
        return
    fill |= level | {"y0": max(threshold, span[0]), "y1": span[1]}
    edge |= level | {"y0": threshold, "y1": threshold}
    plot.mark(shapes=[fill] if threshold < span[0] else [fill, edge])


PLANNER = Family(
    planner_figure, lambda points, advice: planner_finding(advice), planner_alt, planner_table
)

"""Which setting to measure next: what each is expected to gain."""

from __future__ import annotations

import math
from typing import Any

import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed
from muxviz.figures.drawing.measured import SIZE
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.rows import name_rows, write_ends
from muxviz.figures.planner.parts import predicted_marks
from muxviz.results.planning import THROUGHPUT, Advice, NextMeasurement, setting_words

ROW = 34  # px


def measure_next_figure(advice: Advice, *, dark: bool = False) -> go.Figure:
    """A row per proposed measurement: expected improvement, and its chance behind it.

    Raises:
        NotApplicable: nothing is expected to improve.
    """
    if not advice.next:
        raise NotApplicable(
            "not applicable: no candidate without a measurement is expected to be better; add an "
            "N or a sparsity to the candidates"
        )
    values = [_shown(one, advice) for one in advice.next]
    plot = Plot(
        scatter(
            x=values,
            y=list(range(len(values))),
            mode="markers",
            marker=predicted_marks([one.num_instances for one in advice.next], dark, size=SIZE),
            hovertext=[_words(one, advice) for one in advice.next],
            cliponaxis=False,
        )
    )
    unit = "points of accuracy" if advice.goal.kind == THROUGHPUT else "instances per second"
    plot.xaxes(
        title={"text": f"expected improvement, {unit}"}, range=[0, 1.6 * max(max(values), 1e-9)]
    )
    name_rows(plot, [setting_words(one.num_instances, one.sparsity) for one in advice.next])
    write_ends(plot, values, [_end(one) for one in advice.next], shift=12, dark=dark)
    framed(
        plot,
        measure_next_finding(advice),
        dark=dark,
        height=ROW * len(values) + 178,
        sides={"l": 170, "r": 24, "t": 72, "b": 92},
    )
    caption(
        plot,
        "Nothing here is measured. Sparsities halfway between measured ones are candidates too.",
        below=50,
        left=-140,
    )
    return plot.figure()


def measure_next_finding(advice: Advice) -> str:
    """The first proposal and what it may bring."""
    if not advice.next:
        return "No further measurement is expected to improve on what was measured"
    one = advice.next[0]
    words = setting_words(one.num_instances, one.sparsity)
    if math.isnan(one.share):
        return (
            f"Measure {words} next: nothing measured meets the goal, and this one does with a "
            f"chance of {100 * one.chance:.0f} %"
        )
    return (
        f"Measure {words} next: it meets the goal with a chance of {100 * one.chance:.0f} %, and "
        f"{100 * one.share:.2g} % more {_quantity(advice)} is expected of it"
    )


def measure_next_alt(advice: Advice) -> str:
    """The picture in words."""
    parts = [_words(one, advice) for one in advice.next]
    return f"{measure_next_finding(advice)}. {'; '.join(parts)}."


def measure_next_table(advice: Advice) -> list[dict[str, Any]]:
    """One row per proposal."""
    return [
        {
            "N": one.num_instances,
            "sparsity": one.sparsity,
            "expected improvement": one.improvement,
            "relative": None if math.isnan(one.share) else one.share,
            "chance to meet the goal": one.chance,
            "accuracy, predicted": one.accuracy,
            "instances/s, predicted": one.throughput,
        }
        for one in advice.next
    ]


def _shown(one: NextMeasurement, advice: Advice) -> float:
    return 100 * one.improvement if advice.goal.kind == THROUGHPUT else one.improvement


def _quantity(advice: Advice) -> str:
    return "accuracy" if advice.goal.kind == THROUGHPUT else "throughput"


def _end(one: NextMeasurement) -> str:
    return (
        f"chance {one.chance:.2f} · {100 * one.accuracy:.1f} %, {one.throughput:,.0f} instances/s"
    )


def _words(one: NextMeasurement, advice: Advice) -> str:
    unit = "points" if advice.goal.kind == THROUGHPUT else "instances/s"
    return (
        f"{setting_words(one.num_instances, one.sparsity)}: {_shown(one, advice):,.3g} {unit} "
        f"expected, chance {one.chance:.2f}, predicted {100 * one.accuracy:.1f} %, "
        f"{one.throughput:,.0f} instances/s"
    )


MEASURE_NEXT = Family(
    measure_next_figure, measure_next_finding, measure_next_alt, measure_next_table
)

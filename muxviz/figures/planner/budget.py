"""How the advice changes with the budget."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, legend_of, tint
from muxviz.figures.drawing.measured import SIZE, log_axis, times
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.planner.parts import (
    MEASURED,
    PREDICTED,
    kind_in_legend,
    measured_marks,
    predicted_marks,
)
from muxviz.results.planning import BudgetCurve, setting_words

HEIGHT = 440  # px
LEGEND_TOP = 62
NEAR = 0.055  # of the axis, within which a second label is left out
TICKS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
ROOM = 1.35  # of the plot for labels above the highest step


def sensitivity_figure(
    curve: BudgetCurve, *, budget: float | None = None, dark: bool = False
) -> go.Figure:
    """Steps of the speed-up over the budget; a mark where the recommended setting changes.

    Args:
        curve: the advice at every budget.
        budget: the one that is chosen now; marked by a line.
        dark: for a dark page.
    """
    plot, colors = Plot(), ink(dark)
    plot.add(
        scatter(
            x=100 * curve.budgets,
            y=curve.ratio,
            mode="lines",
            line={"shape": "hv", "width": 1.8, "color": tint(colors.text, 0.6)},
            hovertext=[_words(curve, at) for at in range(len(curve.budgets))],
        )
    )
    changes = changes_of(curve)
    for is_measured in (True, False):
        chosen = [at for at in changes if bool(curve.is_measured[at]) == is_measured]
        if not chosen:
            continue
        numbers = [int(curve.num_instances[at]) for at in chosen]
        plot.add(
            scatter(
                x=[100 * curve.budgets[at] for at in chosen],
                y=[curve.ratio[at] for at in chosen],
                mode="markers",
                marker=(measured_marks if is_measured else predicted_marks)(
                    numbers, dark, size=SIZE - 2
                ),
                hovertext=[f"from here on: {_words(curve, at)}" for at in chosen],
                cliponaxis=False,
            )
        )
    low, high = float(100 * curve.budgets[0]), float(100 * curve.budgets[-1])
    edge = 0.03 * max(high - low, 0.1)
    plot.xaxes(
        title={"text": "budget: points of accuracy that may be lost"},
        range=[low - edge, high + 5 * edge],
    )
    tops = [*curve.ratio, ROOM * float(curve.ratio.max())]
    ticks = [t for t in TICKS if min(tops) * 0.99 <= t <= max(tops)]
    plot.yaxes(
        showgrid=True,
        **log_axis("speed-up over the baseline, times", tops, room=0.08)
        | ({"tickvals": ticks, "ticktext": [f"{t:g}" for t in ticks]} if ticks else {}),
    )
    _label(plot, curve, changes, high - low, dark)
    if budget is not None and low <= 100 * budget <= high:
        line = {"color": colors.muted, "width": 1.4, "dash": "dot"}
        at = 100 * budget
        shape = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at}
        plot.mark(shapes=[shape | {"line": line}])
    plot.add(kind_in_legend("measured", MEASURED, colors.muted))
    plot.add(kind_in_legend("predicted", PREDICTED, colors.muted))
    framed(
        plot,
        sensitivity_finding(curve),
        dark=dark,
        height=HEIGHT,
        sides={"l": 76, "r": 40, "t": 108, "b": 96},
    )
    plot.set(legend=legend_of(HEIGHT, LEGEND_TOP))
    words = "A mark stands where the first choice changes. " + (
        "Dotted: the budget chosen above." if budget is not None else ""
    )
    caption(plot, words, below=50, left=-56)
    return plot.figure()


def changes_of(curve: BudgetCurve) -> list[int]:
    """Numbers of the budgets at which another setting is recommended, the first one included."""
    same = (curve.num_instances[1:] == curve.num_instances[:-1]) & (
        curve.sparsity[1:] == curve.sparsity[:-1]
    )
    return [0, *(np.flatnonzero(~same) + 1).tolist()]


def sensitivity_finding(curve: BudgetCurve) -> str:
    """The largest step: how much one more point of budget can buy."""
    changes = changes_of(curve)
    if len(changes) == 1:
        return f"The advice is the same at every budget: {_setting(curve, 0)}"
    steps = [curve.ratio[at] / curve.ratio[at - 1] for at in changes[1:]]
    most = changes[1:][int(np.argmax(steps))]
    if max(steps) <= 1:
        return f"The advice changes {len(changes) - 1} times, without getting faster"
    return (
        f"The advice changes {len(changes) - 1} times; most is won at "
        f"{100 * curve.budgets[most]:.1f} points: {_setting(curve, most)} is "
        f"{times(float(max(steps)))} as fast as what stricter budgets allow"
    )


def sensitivity_alt(curve: BudgetCurve) -> str:
    """The picture in words."""
    parts = [_words(curve, at) for at in changes_of(curve)]
    return f"{sensitivity_finding(curve)}. {'; '.join(parts)}."


def sensitivity_table(curve: BudgetCurve) -> list[dict[str, Any]]:
    """One row per budget."""
    return [
        {
            "budget": float(curve.budgets[at]),
            "N": int(curve.num_instances[at]),
            "sparsity": float(curve.sparsity[at]),
            "accuracy": float(curve.accuracy[at]),
            "instances/s": float(curve.throughput[at]),
            "times the baseline": float(curve.ratio[at]),
            "chance to meet the budget": float(curve.chance[at]),
            "from": "measured" if curve.is_measured[at] else "predicted",
        }
        for at in range(len(curve.budgets))
    ]


def _label(plot: Plot, curve: BudgetCurve, changes: list[int], wide: float, dark: bool) -> None:
    """The setting above its mark, where there is room."""
    logs = np.log10(curve.ratio)
    high = float(logs.max() - logs.min()) or 1.0
    kept: list[int] = []
    for at in sorted(changes, key=lambda at: -(_length(curve, changes, at))):
        is_free = all(
            abs(100 * (curve.budgets[at] - curve.budgets[k])) > 3.4 * NEAR * wide
            or abs(logs[at] - logs[k]) > NEAR * high
            for k in kept
        )
        kept += [at] if is_free else []
    notes = [
        {
            "text": f"{int(curve.num_instances[at])} · {100 * curve.sparsity[at]:.4g} %",
            "x": float(100 * curve.budgets[at]),
            "y": float(logs[at]),
            "xanchor": "right" if at else "left",  # up and to the left of a step nothing is drawn
            "yanchor": "bottom",
            "xshift": 4 if at else -6,
            "yshift": 7,
            "font": {"size": SMALL_SIZE, "color": ink(dark).text},
        }
        for at in kept
    ]
    plot.mark(annotations=notes)


def _length(curve: BudgetCurve, changes: list[int], at: int) -> int:
    """Budgets for which the advice of a change holds."""
    after = [other for other in changes if other > at]
    return (after[0] if after else len(curve.budgets)) - at


def _setting(curve: BudgetCurve, at: int) -> str:
    return setting_words(int(curve.num_instances[at]), float(curve.sparsity[at]))


def _words(curve: BudgetCurve, at: int) -> str:
    how = "measured" if curve.is_measured[at] else "predicted"
    return (
        f"{100 * curve.budgets[at]:.1f} points: {_setting(curve, at)}, "
        f"{curve.ratio[at]:.2f} times, {100 * curve.accuracy[at]:.1f} % ({how}, "
        f"chance {curve.chance[at]:.2f})"
    )


SENSITIVITY = Family(sensitivity_figure, sensitivity_finding, sensitivity_alt, sensitivity_table)

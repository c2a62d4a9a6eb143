"""The fitted surfaces: contours over N and sparsity, and slices with their uncertainty."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, legend_of, tint
from muxviz.figures.drawing.labels import Box, box_of, touch
from muxviz.figures.drawing.measured import SIZE, log_axis, outline_of
from muxviz.figures.drawing.plot import Plot, contour, scatter
from muxviz.figures.drawing.scales import sequential
from muxviz.figures.drawing.wording import plain
from muxviz.figures.planner.parts import (
    MEASURED,
    Z975,
    band,
    halvings,
    instances_axis,
    kind_in_legend,
    line_in_legend,
    measured_marks,
    point_words,
    sparsity_axis,
)
from muxviz.results.planning import ACCURACY, MODELS, Measurements, SurfaceGrid, setting_words

HEIGHT = 470  # px
LEGEND_TOP = 62
WIDTH, TALL = 262, 236  # px of a map, at the narrowest
LEVELS = 9  # contour lines, about


def surfaces_figure(
    points: Measurements, accuracy: SurfaceGrid, throughput: SurfaceGrid, *, dark: bool = False
) -> go.Figure:
    """Left accuracy, right throughput: lines of equal prediction, and the measured points.

    The colour of a point is that of its measured value: where it differs from the colour around it,
    the surface is wrong there.
    """
    plot = Plot.grid(rows=1, cols=2, across=0.13)
    colors, scale = ink(dark), sequential(dark)
    for column, (grid, own) in enumerate(
        ((accuracy, points.accuracy), (throughput, np.log10(points.throughput))), start=1
    ):
        shown = grid.mean if grid.quantity == ACCURACY else np.log10(grid.mean)
        low = float(min(shown.min(), own.min()))
        high = float(max(shown.max(), own.max())) or 1.0
        values = _levels(grid, low, high)
        plot.add(
            contour(
                x=halvings(grid.sparsity),
                y=np.log2(grid.num_instances),
                z=shown,
                zmin=low,
                zmax=high,
                colorscale=scale,
                showscale=False,
                contours={"start": values[0], "end": values[-1], "size": values[1] - values[0]},
                line={"width": 1, "color": tint(colors.text, 0.55)},
                hoverinfo="skip",
            ),
            row=1,
            col=column,
        )
        plot.add(
            scatter(
                x=halvings(points.sparsity),
                y=np.log2(points.num_instances),
                mode="markers",
                marker={
                    "symbol": MEASURED,
                    "size": SIZE,
                    "opacity": 1,
                    "color": own,
                    "cmin": low,
                    "cmax": high,
                    "colorscale": scale,
                    "line": {"width": 1.6, "color": colors.text},
                },
                hovertext=[
                    f"{point_words(points, at)}<br>{_surface_words(grid, points, at)}"
                    for at in range(len(points))
                ],
                cliponaxis=False,
            ),
            row=1,
            col=column,
        )
        _write_levels(plot, grid, shown, values, column, dark)
        plot.xaxes(**sparsity_axis(points.sparsity, room=0.3), row=1, col=column)
        plot.yaxes(**instances_axis(points.num_instances, room=0.35), row=1, col=column)
    plot.xaxes(ticks="outside")
    plot.yaxes(ticks="outside")
    plot.add(kind_in_legend("measured, coloured by its own value", MEASURED, colors.muted))
    plot.add(line_in_legend("predicted: line of equal value", tint(colors.text, 0.55)))
    _frame(plot, surfaces_finding(points, accuracy, throughput), accuracy, throughput, dark)
    return plot.figure()


def slices_figure(
    points: Measurements, accuracy: SurfaceGrid, throughput: SurfaceGrid, *, dark: bool = False
) -> go.Figure:
    """Left accuracy, right throughput against sparsity: a line and a 95 % band per measured N."""
    plot = Plot.grid(rows=1, cols=2, across=0.13)
    colors = ink(dark)
    rates: list[float] = [*points.throughput]
    scores: list[float] = [*points.accuracy]
    for row, n in enumerate(accuracy.num_instances):
        for column, grid in ((1, accuracy), (2, throughput)):
            low, high = _band(grid, row)
            color = outline_of(int(n), dark)
            x = halvings(grid.sparsity)
            for trace in band(x, low, high, tint(color, 0.13)):
                plot.add(trace, row=1, col=column)
            plot.add(
                scatter(
                    x=x,
                    y=grid.mean[row],
                    mode="lines",
                    line={"color": color, "width": 1.8},
                    hoverinfo="skip",
                ),
                row=1,
                col=column,
            )
            (scores if column == 1 else rates).extend([low.min(), high.max()])
            _name_line(plot, grid, row, column, dark)
    for column, own in ((1, points.accuracy), (2, points.throughput)):
        plot.add(
            scatter(
                x=halvings(points.sparsity),
                y=own,
                mode="markers",
                marker=measured_marks(points.num_instances.tolist(), dark, size=SIZE - 2),
                hovertext=[point_words(points, at) for at in range(len(points))],
                cliponaxis=False,
            ),
            row=1,
            col=column,
        )
        plot.xaxes(**sparsity_axis(points.sparsity), row=1, col=column)
    plot.yaxes(
        title={"text": plain(points.metric)}, tickformat=".0%", range=_range(scores), row=1, col=1
    )
    plot.yaxes(**log_axis("instances per second", rates, room=0.04), row=1, col=2)
    plot.yaxes(showgrid=True)
    plot.add(kind_in_legend("measured", MEASURED, colors.muted))
    plot.add(line_in_legend("predicted, with its 95 % band", colors.muted))
    _frame(plot, slices_finding(points, accuracy), accuracy, throughput, dark)
    return plot.figure()


def surfaces_finding(points: Measurements, accuracy: SurfaceGrid, throughput: SurfaceGrid) -> str:
    """What the far corner costs and gains by prediction."""
    lost = accuracy.mean[0, 0] - accuracy.mean[-1, -1]
    gained = throughput.mean[-1, -1] / throughput.mean[0, 0]
    far = setting_words(float(accuracy.num_instances[-1]), float(accuracy.sparsity[-1]))
    near = setting_words(float(accuracy.num_instances[0]), float(accuracy.sparsity[0]))
    change = f"costs {100 * lost:.1f} points" if lost >= 0 else f"wins {-100 * lost:.1f} points"
    return (
        f"From {near} to {far}, throughput becomes {gained:.3g} times as high and it {change}, by "
        "prediction"
    )


def slices_finding(points: Measurements, accuracy: SurfaceGrid) -> str:
    """Where the surface is least sure."""
    row, at = np.unravel_index(int(np.argmax(accuracy.sd)), accuracy.sd.shape)
    where = setting_words(
        float(accuracy.num_instances[row]), round(float(accuracy.sparsity[at]), 3)
    )
    return (
        f"Accuracy is predicted to ± {100 * Z975 * float(np.median(accuracy.sd)):.1f} points in "
        f"the middle, and least surely at {where} (± {100 * Z975 * accuracy.sd[row, at]:.1f})"
    )


def surfaces_alt(points: Measurements, accuracy: SurfaceGrid, throughput: SurfaceGrid) -> str:
    """The picture in words."""
    parts = [
        f"{setting_words(float(n), float(accuracy.sparsity[at]))}: "
        f"{100 * accuracy.mean[row, at]:.1f} %, {throughput.mean[row, at]:,.0f} instances/s"
        for row, n in enumerate(accuracy.num_instances)
        for at in (0, -1)
        if row in (0, len(accuracy.num_instances) - 1)
    ]
    finding = surfaces_finding(points, accuracy, throughput)
    return f"{finding}. Predicted at the corners: {'; '.join(parts)}."


def slices_alt(points: Measurements, accuracy: SurfaceGrid, throughput: SurfaceGrid) -> str:
    """The picture in words."""
    parts = [
        f"N = {n:g}: {100 * accuracy.mean[row, 0]:.1f} % unpruned, "
        f"{100 * accuracy.mean[row, -1]:.1f} % at {100 * accuracy.sparsity[-1]:.4g} % sparsity, "
        f"{throughput.mean[row, 0]:,.0f} to {throughput.mean[row, -1]:,.0f} instances/s"
        for row, n in enumerate(accuracy.num_instances)
    ]
    return f"{slices_finding(points, accuracy)}. {'; '.join(parts)}."


def surfaces_table(accuracy: SurfaceGrid, throughput: SurfaceGrid) -> list[dict[str, Any]]:
    """One row per place of the mesh."""
    return [
        {
            "N": float(n),
            "sparsity": float(s),
            "accuracy, predicted": float(accuracy.mean[row, at]),
            "its standard deviation": float(accuracy.sd[row, at]),
            "its 95 %, to each side": float(Z975 * accuracy.sd[row, at]),
            "its 95 %, median": float(Z975 * np.median(accuracy.sd)),
            "accuracy less the first's": float(accuracy.mean[row, at] - accuracy.mean[0, 0]),
            "accuracy model": accuracy.model,
            "instances/s, predicted": float(throughput.mean[row, at]),
            "times the first's": float(throughput.mean[row, at] / throughput.mean[0, 0]),
            "standard deviation of its logarithm": float(throughput.sd[row, at]),
            "throughput model": throughput.model,
        }
        for row, n in enumerate(accuracy.num_instances)
        for at, s in enumerate(accuracy.sparsity)
    ]


# ---- parts --------------------------------------------------------------------------------------


def _frame(
    plot: Plot, title: str, accuracy: SurfaceGrid, throughput: SurfaceGrid, dark: bool
) -> None:
    framed(plot, title, dark=dark, height=HEIGHT, sides={"l": 70, "r": 30, "t": 138, "b": 96})
    plot.set(legend=legend_of(HEIGHT, LEGEND_TOP))
    names = [
        {
            "text": f"{words} ({MODELS[grid.model]})",
            "xref": f"{where} domain",
            "yref": "paper",
            "x": 0,
            "y": 1,
            "yshift": 24,
            "xanchor": "left",
            "font": {"size": SMALL_SIZE, "color": ink(dark).text, "weight": 600},
        }
        for words, grid, where in (
            ("Accuracy", accuracy, "x"),
            ("Throughput, instances/s", throughput, "x2"),
        )
    ]
    plot.mark(annotations=names)
    caption(plot, "In brackets: the model that is drawn.", below=56, left=-50)


def _levels(grid: SurfaceGrid, low: float, high: float) -> np.ndarray:
    """Evenly spaced values of contour lines, at round numbers."""
    wide = max(high - low, 1e-6)
    step = 10.0 ** np.floor(np.log10(wide / LEVELS))
    for factor in (1, 2, 2.5, 5, 10):
        if wide / (factor * step) <= LEVELS:
            step *= factor
            break
    if grid.quantity != ACCURACY:  # 100, 200, 400 ... or finer
        step = next(s for s in [*np.log10([1.25, 2, 4, 16]), wide] if wide / s <= LEVELS)
    whole = 0.0 if grid.quantity == ACCURACY else 2.0
    start = whole + np.ceil((low - whole) / step) * step
    found = np.arange(start, high + 1e-9, step)
    return found if len(found) > 1 else np.asarray([low, low + wide])


def _write_levels(
    plot: Plot,
    grid: SurfaceGrid,
    shown: np.ndarray,
    values: np.ndarray,
    column: int,
    dark: bool,
) -> None:
    """The value of each line, where it leaves the mesh: at the top, on the right, or below; none
    over another.
    """
    axes = {"xref": "x" if column == 1 else "x2", "yref": "y" if column == 1 else "y2"}
    x, y = halvings(grid.sparsity), np.log2(grid.num_instances)
    notes: list[dict[str, Any]] = []
    px = np.array([WIDTH, TALL]) / np.maximum([x[-1] - x[0], y[-1] - y[0]], 1e-9)
    taken: list[Box] = []
    for value in values:
        words = f"{100 * value:.3g} %" if grid.quantity == ACCURACY else f"{10**value:,.0f}"
        spot: dict[str, Any] = {}
        if (place := _crossing(shown[-1], x, value)) is not None:
            spot = {"x": place, "y": y[-1], "yanchor": "bottom", "yshift": 7}
        elif (place := _crossing(shown[:, -1], y, value)) is not None:
            spot = {"x": x[-1], "y": place, "xanchor": "left", "xshift": 9}
        elif (place := _crossing(shown[0], x, value)) is not None:
            spot = {"x": place, "y": y[0], "yanchor": "top", "yshift": -7}
        else:
            continue
        at = px * (spot["x"], -spot["y"])
        box = box_of((at[0], at[1] - spot.get("yshift", 0)), (0, 0), words)
        if any(touch(box, other) for other in taken):
            continue
        taken.append(box)
        notes.append(
            axes
            | spot
            | {
                "text": words,
                "font": {"size": SMALL_SIZE - 1, "color": ink(dark).muted},
            }
        )
    plot.mark(annotations=notes)


def _crossing(values: np.ndarray, places: np.ndarray, level: float) -> float | None:
    """Where a line of values first passes a level."""
    above = values >= level
    change = np.flatnonzero(above[1:] != above[:-1])
    if not len(change):
        return None
    at = change[0]
    share = (level - values[at]) / (values[at + 1] - values[at])
    return float(places[at] + share * (places[at + 1] - places[at]))


def _surface_words(grid: SurfaceGrid, points: Measurements, at: int) -> str:
    row = int(np.argmin(np.abs(grid.num_instances - points.num_instances[at])))
    column = int(np.argmin(np.abs(grid.sparsity - points.sparsity[at])))
    value = grid.mean[row, column]
    if grid.quantity == ACCURACY:
        return f"surface near it: {100 * value:.1f} %"
    return f"surface near it: {value:,.0f} instances/s"


def _band(grid: SurfaceGrid, row: int) -> tuple[np.ndarray, np.ndarray]:
    wide = Z975 * grid.sd[row]
    if grid.quantity == ACCURACY:
        return grid.mean[row] - wide, np.minimum(grid.mean[row] + wide, 1.0)
    return grid.mean[row] * np.exp(-wide), grid.mean[row] * np.exp(wide)


def _name_line(plot: Plot, grid: SurfaceGrid, row: int, column: int, dark: bool) -> None:
    """N at the right end of its line."""
    end = grid.mean[row, -1]
    note = {
        "text": f"{grid.num_instances[row]:g}",
        "x": float(halvings(grid.sparsity[-1])),
        "y": float(end if column == 1 else np.log10(end)),
        "xref": "x" if column == 1 else "x2",
        "yref": "y" if column == 1 else "y2",
        "xanchor": "left",
        "xshift": 9,
        "font": {"size": SMALL_SIZE, "color": ink(dark).text},
    }
    plot.mark(annotations=[note])


def _range(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    edge = 0.04 * max(high - low, 0.01)
    return [max(low - edge, 0.0), min(high + edge, 1.005)]


def _table(_: Measurements, *grids: SurfaceGrid) -> list[dict[str, Any]]:
    return surfaces_table(*grids)


SURFACES = Family(surfaces_figure, surfaces_finding, surfaces_alt, _table)
SLICES = Family(slices_figure, slices_finding, slices_alt, _table)

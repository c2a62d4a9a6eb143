"""Small multiples over training steps: one panel per quantity, one line per run, stages marked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.ink import SMALL_SIZE, TEXT_SIZE, framed, ink, legend_of
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.wording import fold_marked, number, plain, shorten
from muxviz.results.training import RunCurves, StageSpan

MOST_RUNS = 4
SPARSE = 12  # points that are marked one by one
MOST_POINTS = 600  # of one curve
COLUMNS = 2
PANEL_HEIGHT = 150  # px
BOTTOM, LEFT, RIGHT = 58, 68, 24  # px
TITLE, LEGEND, PANEL_TITLE = 52, 26, 26  # px above the panels
GAP = 48  # px between panels, one above the other
HEADING_ROOM = 46  # letters over a panel
STAGE_LINE = 16  # px of the stages' names above the first panels
NAME_ROOM = 28  # letters of a run's name
STAGE_ROOM = 16
LIGHT_RUNS = ("#0b6b66", "#101318", "#8a4b08", "#5b6470")
DARK_RUNS = ("#3fc1b5", "#e4e6ea", "#e0a458", "#8d98a8")
DASHES = ("solid", "dash", "dot", "dashdot")


@dataclass(frozen=True)
class Curve:
    """One line in one panel: ``values [rows]`` at ``steps [rows]``; ``run`` counts from 0.

    is_target: drawn thin and dotted, as what another line is to reach.
    """

    run: int
    steps: np.ndarray
    values: np.ndarray
    is_target: bool = False


def need_runs(runs: Sequence[RunCurves]) -> None:
    """Between one and as many runs as can be told apart, and something logged.

    Raises:
        NotApplicable: otherwise.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise NotApplicable(f"{len(runs)} runs were given; 1 to {MOST_RUNS} can be told apart")
    if not any(len(run.steps) for run in runs):
        raise NotApplicable("not applicable: nothing was logged yet; wait for the first row")


def draw_panels(
    runs: Sequence[RunCurves],
    panels: Mapping[str, list[Curve]],
    heading: Callable[[str], str],
    *,
    dark: bool,
) -> Plot:
    """Small multiples in two columns that share their steps."""
    rows, inner = math.ceil(len(panels) / COLUMNS), inner_height(len(panels))
    plot = Plot.grid(
        rows=rows,
        cols=COLUMNS,
        share_x=True,
        across=0.09,
        down=spacing(rows, inner),
        titles=[
            {
                "text": fold_marked(heading(name), HEADING_ROOM),
                "align": "left",
                "xanchor": "left",
                "font": {"size": TEXT_SIZE, "color": ink(dark).text},
                "yshift": STAGE_LINE if number < COLUMNS and is_staged(runs) else 0,
            }
            for number, name in enumerate(panels)
        ],
    )
    colors, last = DARK_RUNS if dark else LIGHT_RUNS, last_step(runs)
    for place, curves in enumerate(panels.values()):
        row, column = place // COLUMNS + 1, place % COLUMNS + 1
        for curve in curves:
            name = plain_name(runs[curve.run])
            x, y, _ = thinned(curve.steps, curve.values)
            sparse = int(np.isfinite(y).sum()) <= SPARSE  # such as dev scores, once per save
            plot.add(
                scatter(
                    x=x,
                    y=y,
                    mode="lines+markers" if sparse else "lines",
                    connectgaps=True,
                    name=name,
                    legendgroup=str(curve.run),
                    showlegend=place == 0 and len(runs) > 1 and not curve.is_target,
                    line={
                        "color": colors[curve.run],
                        "dash": "dot" if curve.is_target else DASHES[curve.run],
                        "width": 1 if curve.is_target else 2,
                    },
                    marker={"color": colors[curve.run], "size": 7},
                    hovertemplate=f"{name}{', target' if curve.is_target else ''}<br>"
                    "step %{x:,}: %{y:.4g}<extra></extra>",
                ),
                row=row,
                col=column,
            )
        mark_stages(plot, runs[0].stages, last, [row], column, dark=dark, named=row == 1)
    set_axes(plot)
    below = {column: math.ceil((len(panels) - column) / COLUMNS) for column in range(COLUMNS)}
    for column, row in below.items():
        if row:
            plot.xaxes(title={"text": "step"}, showticklabels=True, row=row, col=column + 1)
    return plot


def mark_stages(
    plot: Plot,
    stages: Sequence[StageSpan],
    last: int,
    rows: Sequence[int],
    column: int,
    *,
    dark: bool,
    named: bool,
) -> None:
    """Dotted lines where a stage begins, with its name above the first row of panels."""
    if not has_stages(stages, last):
        return
    begun = [s for s in stages if s.first < last]
    colors = ink(dark)
    for row in rows:
        xref, y = plot.cell(row, column)
        yref = f"{y} domain"
        lines = [
            {
                "type": "line",
                "xref": xref,
                "yref": yref,
                "x0": s.first,
                "x1": s.first,
                "y0": 0,
                "y1": 1,
                "line": {"color": colors.muted, "width": 1, "dash": "dot"},
                "layer": "below",
            }
            for s in begun[1:]
        ]
        names = [
            {
                "text": plain(shorten(s.name.replace("_", " "), STAGE_ROOM)),
                "x": s.first,
                "y": 1,
                "xref": xref,
                "yref": yref,
                "xanchor": "left",
                "yanchor": "bottom",
                "xshift": 2 if s.first else 0,
                "font": {"size": SMALL_SIZE - 1, "color": colors.muted},
            }
            for s in begun
        ]
        plot.mark(shapes=lines, annotations=names if named else ())


def set_axes(plot: Plot) -> None:
    plot.xaxes(rangemode="tozero", separatethousands=True)
    plot.yaxes(showgrid=True, nticks=5)


def finish(
    plot: Plot, title: str, inner: int, *, dark: bool, has_stages: bool, has_titles: bool = True
) -> None:
    """Title, legend and sizes of ``plot`` (changed in place), with panels ``inner`` px high."""
    has_legend = any(trace.get("showlegend") for trace in plot.data)
    top = TITLE + LEGEND * has_legend + STAGE_LINE * has_stages + PANEL_TITLE * has_titles
    height = top + inner + BOTTOM
    framed(
        plot, title, dark=dark, height=height, sides={"l": LEFT, "r": RIGHT, "t": top, "b": BOTTOM}
    )
    plot.set(legend=legend_of(height, TITLE) | {"font": {"size": TEXT_SIZE}})


def log_ticks(values: np.ndarray) -> list[float]:
    """Two to six round numbers inside the range of ``values``, which are above zero."""
    low, high = float(values.min()) * 0.98, float(values.max()) * 1.02
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5), range(1, 10), [n / 10 for n in range(10, 100)]):
        inside = [d * 10.0**p for p in powers for d in digits if low <= d * 10.0**p <= high]
        if len(inside) >= 2:
            return inside[:: math.ceil(len(inside) / 6)]
    return [float(f"{low:.2g}"), float(f"{high:.2g}")]


def has_stages(stages: Sequence[StageSpan], last: int) -> bool:
    """Whether more than one stage has begun by step ``last``, so that they are marked."""
    return sum(s.first < last for s in stages) > 1


def is_staged(runs: Sequence[RunCurves]) -> bool:
    """Whether the stages of the first run are marked."""
    return has_stages(runs[0].stages, last_step(runs))


def stage_at(stages: Sequence[StageSpan], step: int) -> str:
    """Name of the stage that made step ``step``; "" past the last one."""
    return next((s.name for s in stages if s.first < step <= s.last), "")


def inner_height(panels: int) -> int:
    """Height in px of that many panels in two columns."""
    rows = math.ceil(panels / COLUMNS)
    return rows * PANEL_HEIGHT + (rows - 1) * GAP


def spacing(rows: int, inner: int) -> float:
    return GAP / inner if rows > 1 else 0.0


def last_step(runs: Sequence[RunCurves]) -> int:
    return max((int(run.steps[-1]) for run in runs if len(run.steps)), default=0)


def short_number(value: float) -> str:
    """A number in three significant figures: ``"8.50"``, ``"0.0213"``, ``"1,240"``; n/a for NaN."""
    if not math.isfinite(value):
        return "n/a" if math.isnan(value) else "infinite"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if 0 < abs(value) < 0.0005:
        return number(value, ".1e")
    digits = 3 - 1 - (math.floor(math.log10(abs(value))) if value else 0)
    return f"{value:.{min(max(digits, 0), 4)}f}"


def plain_name(run: RunCurves) -> str:
    """A run's name as Plotly may draw it."""
    return plain(shorten(run.name, NAME_ROOM))


def thinned(steps: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """At most ``MOST_POINTS`` points: means of equally many rows, at their last step; how many."""
    each = max(1, math.ceil(len(steps) / MOST_POINTS))
    if each == 1:
        return steps, values, 1
    starts = np.arange(0, len(steps), each)
    known = np.isfinite(values)
    counts = np.add.reduceat(known.astype(float), starts)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts)
    means = np.divide(sums, counts, out=np.full(len(starts), np.nan), where=counts > 0)
    return steps[np.minimum(starts + each, len(steps)) - 1], means, each


def in_table(value: float) -> float | None:
    """For a table: None where nothing is known."""
    return float(value) if math.isfinite(value) else None

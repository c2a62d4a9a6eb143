"""Figures of the Planner page: numbers given are numbers drawn, and no mark means two things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from muxviz.errors import NotApplicable
from muxviz.figures.planner import budget as budget_figures
from muxviz.figures.planner import choice as choice_figures
from muxviz.figures.planner import measure_next as next_figures
from muxviz.figures.planner import models as model_figures
from muxviz.figures.planner import surfaces as surface_figures
from muxviz.figures.planner.parts import MEASURED, PREDICTED, thinned
from muxviz.planning.advise import advise, budget_curve, frontier, make_goal
from muxviz.planning.choose import Planner, fit_planner
from muxviz.planning.points import from_run
from muxviz.results.planning import HitRate, PlannerCheck
from tests.model.planted_runs import HOSTILE
from tests.planner.planted_grid import SOME, grid_run, table

BUDGETS = np.linspace(0, 0.168, 15)


@pytest.fixture(scope="module")
def planner() -> Planner:
    """Fitted to half of the grid; not to be changed."""
    return fit_planner(from_run(grid_run(*SOME), "run.json"))


def rate(who: str, top1: float, top3: float) -> HitRate:
    return HitRate(who, top1, top1 - 0.05, top1 + 0.05, top3, top3 - 0.05, top3 + 0.05)


CHECK = PlannerCheck(
    (rate("planner", 0.6, 0.95), rate("nearest", 0.3, 0.6), rate("nearest_measured", 0.4, 0.5),
     rate("random", 0.1, 0.2)),
    (rate("planner", 0.5, 0.92), rate("nearest", 0.1, 0.3), rate("nearest_measured", 0.0, 0.1),
     rate("random", 0.1, 0.2)),
    1000, 500, 40, 25, 0, {"accuracy": 0.8, "throughput": 0.7}, {},
)  # fmt: skip


def drawn(figure: go.Figure) -> list[Any]:
    """Traces with points; those that stand in the legend alone have none."""
    return [t for t in figure.data if t.x is not None and len(t.x) and t.x[0] is not None]


def symbols(figure: go.Figure) -> set[str]:
    return {
        str(t.marker.symbol)
        for t in drawn(figure)
        if getattr(t, "mode", None) and "markers" in t.mode
    }


def words_of(figure: go.Figure) -> str:
    return " ".join(a.text for a in figure.layout.annotations)


def test_measured_and_predicted_share_no_mark(planner: Planner) -> None:
    advice = advise(planner, make_goal(planner.points, budget=0.08))
    assert {one.is_measured for one in advice.settings} == {True, False}
    figure = choice_figures.planner_figure(planner.points, advice, frontier(planner))
    marks = {t.marker.symbol: t for t in drawn(figure) if "markers" in t.mode}
    assert set(marks) == {MEASURED, PREDICTED, "circle-open"}
    assert list(marks[MEASURED].x) == planner.points.throughput.tolist()
    assert list(marks[MEASURED].y) == planner.points.accuracy.tolist()
    others = [one for one in advice.settings if not one.is_measured]
    assert list(marks[PREDICTED].x) == [one.throughput for one in others]
    up = marks[PREDICTED].error_y.array[0]
    assert others[0].accuracy + up == pytest.approx(others[0].accuracy_to)
    ring = marks["circle-open"]
    assert (ring.x[0], ring.y[0]) == (advice.settings[0].throughput, advice.settings[0].accuracy)
    assert PREDICTED not in symbols(
        surface_figures.surfaces_figure(planner.points, *grids(planner))
    )
    assert symbols(next_figures.measure_next_figure(advice)) == {PREDICTED}


def test_the_goal_is_tinted(planner: Planner) -> None:
    front = frontier(planner)
    for asked, side in (({"budget": 0.08}, "y0"), ({"throughput": 900.0}, "x0")):
        goal = make_goal(planner.points, **asked)
        figure = choice_figures.planner_figure(planner.points, advise(planner, goal), front)
        fill = next(s for s in figure.layout.shapes if s.type == "rect")
        assert fill[side] == pytest.approx(goal.threshold)
    none = make_goal(planner.points, accuracy=1.0)
    figure = choice_figures.planner_figure(planner.points, advise(planner, none), front)
    assert not [s for s in figure.layout.shapes if s.type == "rect"]
    assert "No candidate is likely to meet accuracy of at least 100 %" in figure.layout.title.text


def grids(planner: Planner, *, sliced: bool = False) -> list[Any]:
    numbers = np.unique(planner.points.num_instances).astype(float)
    if not sliced:
        numbers = np.geomspace(1, 10, 9)
    sparsities = 1 - 2.0 ** np.linspace(0, np.log2(0.05), 9)
    return [planner.grid(q, numbers, sparsities) for q in ("accuracy", "throughput")]


def test_surfaces_are_those_of_the_model(planner: Planner) -> None:
    accuracy, rates = grids(planner)
    figure = surface_figures.surfaces_figure(planner.points, accuracy, rates)
    left, right = [t for t in figure.data if t.type == "contour"]
    assert np.asarray(left.z) == pytest.approx(accuracy.mean)
    assert np.asarray(right.z) == pytest.approx(np.log10(rates.mean))
    assert left.zmin <= planner.points.accuracy.min()
    notes = words_of(figure)
    assert "Accuracy (parametric, monotone)" in notes or "Accuracy (Gaussian process)" in notes
    assert "400" in notes  # rates at 100, 200, 400 ...


def test_slices_have_bands_that_hold_their_lines(planner: Planner) -> None:
    accuracy, rates = grids(planner, sliced=True)
    figure = surface_figures.slices_figure(planner.points, accuracy, rates)
    bands = [t for t in drawn(figure) if t.fill == "tonexty"]
    assert len(bands) == 2 * 4
    for row in range(4):
        wide = 1.96 * accuracy.sd[row]
        above = np.minimum(accuracy.mean[row] + wide, 1)
        assert np.asarray(bands[2 * row].y) == pytest.approx(above)
    assert symbols(figure) == {MEASURED}


def test_the_curve_marks_changes(planner: Planner) -> None:
    curve = budget_curve(planner, BUDGETS)
    changes = budget_figures.changes_of(curve)
    figure = budget_figures.sensitivity_figure(curve, budget=0.05)
    line = next(t for t in drawn(figure) if t.mode == "lines")
    assert np.asarray(line.y) == pytest.approx(curve.ratio)
    assert line.line.shape == "hv"  # a setting holds from its budget on
    marked = sorted(x for t in drawn(figure) if t.mode == "markers" for x in t.x)
    assert marked == pytest.approx([100 * curve.budgets[at] for at in changes])
    assert figure.layout.shapes[0].x0 == pytest.approx(5)
    same = replace(
        curve,
        num_instances=np.ones(15, dtype=int),
        sparsity=np.zeros(15),
        ratio=np.ones(15),
    )
    assert budget_figures.changes_of(same) == [0]
    assert "the same at every budget" in budget_figures.sensitivity_finding(same)


def test_errors_and_hits_are_drawn_as_given(planner: Planner) -> None:
    errors = planner.comparison.errors()
    figure = model_figures.loo_figure(planner.comparison)
    left, right = drawn(figure)
    assert list(left.x) == pytest.approx([100 * e for e in errors["accuracy"].values()])
    assert list(right.x) == pytest.approx([100 * e for e in errors["throughput"].values()])
    hits = model_figures.hits_figure(CHECK)
    assert [list(t.x) for t in drawn(hits)] == [
        [0.95, 0.6, 0.5, 0.2],
        [0.6, 0.3, 0.4, 0.1],
        [0.92, 0.3, 0.1, 0.2],
        [0.5, 0.1, 0.0, 0.1],
    ]
    assert "95 % of cases (nearest point: 60 %); 92 % where it was hidden" in (
        model_figures.hits_finding(CHECK)
    )
    nobody = tuple(HitRate(one.who, *[float("nan")] * 6) for one in CHECK.hidden)
    partly = replace(CHECK, hidden=nobody, hidden_cases=0, is_partial=True)
    assert "Stopped early" in words_of(model_figures.hits_figure(partly))
    assert "n/a" in model_figures.hits_alt(partly)
    with pytest.raises(NotApplicable, match="no budget has an answer"):
        model_figures.hits_figure(replace(CHECK, cases=0))


def test_nothing_to_measure_is_not_a_picture(planner: Planner) -> None:
    advice = replace(advise(planner, make_goal(planner.points, budget=0.01)), next=())
    with pytest.raises(NotApplicable, match="add an N or a sparsity"):
        next_figures.measure_next_figure(advice)
    assert "No further measurement" in next_figures.measure_next_finding(advice)


def everything(planner: Planner) -> Iterator[tuple[go.Figure, str, list[dict[str, Any]]]]:
    """Figure, words and table of all that can be drawn, dark too."""
    points, front = planner.points, frontier(planner)
    curve = budget_curve(planner, BUDGETS)
    for dark in (False, True):
        for asked in ({"budget": 0.08}, {"throughput": 900.0}, {"accuracy": 0.99}):
            advice = advise(planner, make_goal(points, **asked))
            yield (
                choice_figures.planner_figure(points, advice, front, dark=dark),
                choice_figures.planner_alt(points, advice),
                choice_figures.planner_table(points, advice),
            )
            if advice.next:
                yield (
                    next_figures.measure_next_figure(advice, dark=dark),
                    next_figures.measure_next_alt(advice),
                    next_figures.measure_next_table(advice),
                )
        mesh = grids(planner)
        yield (
            surface_figures.surfaces_figure(points, *mesh, dark=dark),
            surface_figures.surfaces_alt(points, *mesh),
            surface_figures.surfaces_table(*mesh),
        )
        mesh = grids(planner, sliced=True)
        yield (
            surface_figures.slices_figure(points, *mesh, dark=dark),
            surface_figures.slices_alt(points, *mesh),
            surface_figures.surfaces_table(*mesh),
        )
        yield (
            budget_figures.sensitivity_figure(curve, dark=dark),
            budget_figures.sensitivity_alt(curve),
            budget_figures.sensitivity_table(curve),
        )
        yield (
            model_figures.loo_figure(planner.comparison, dark=dark),
            model_figures.loo_alt(planner.comparison),
            model_figures.loo_table(planner.comparison),
        )
        yield (
            model_figures.hits_figure(CHECK, dark=dark),
            model_figures.hits_alt(CHECK),
            model_figures.hits_table(CHECK),
        )


def test_every_figure_has_title_axes_words_and_table(planner: Planner) -> None:
    for figure, alt, rows in everything(planner):
        assert figure.layout.title.text
        assert all(axis.title.text for axis in figure.select_xaxes()), alt
        assert len(alt) > 40
        assert "nan" not in f"{alt}{words_of(figure)}{figure.layout.title.text}"
        assert rows
        assert len({tuple(row) for row in rows}) == 1, "every row has the same columns"


def test_hostile_names_are_words(planner: Planner) -> None:
    points = replace(planner.points, names=(HOSTILE,) * len(planner.points), metric=HOSTILE)
    advice = advise(replace(planner, points=points), make_goal(points, budget=0.08))
    figure = choice_figures.planner_figure(points, advice, frontier(planner))
    assert "<b>big" not in str(figure.to_dict())


def test_one_axis_only_is_a_picture_too() -> None:
    points = table((1, 0, 0.9, 10), (2, 0, 0.88, 18), (4, 0, 0.8, 30), (8, 0, 0.6, 55))
    fitted = fit_planner(points)
    mesh = [
        fitted.grid(q, np.asarray([1.0, 2, 4, 8]), np.zeros(2)) for q in ("accuracy", "throughput")
    ]
    assert surface_figures.surfaces_figure(points, *mesh).data
    assert surface_figures.slices_figure(points, *mesh).data
    assert len(frontier(fitted).throughput) >= 2


def test_many_ticks_are_thinned() -> None:
    assert thinned(np.arange(100.0)).tolist()[0] == 0
    assert thinned(np.arange(100.0)).tolist()[-1] == 99
    assert len(thinned(np.arange(100.0))) == 8

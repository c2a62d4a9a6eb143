"""The planner against arithmetic on paper: tables, surfaces, leaving out, advice, hit rates."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from muxviz.cli import main
from muxviz.errors import DataError, InputError, NotApplicable, Stopped
from muxviz.figures.planner.parts import sparsity_axis
from muxviz.planning import validate
from muxviz.planning.advise import (
    Draws,
    advise,
    budget_curve,
    candidate_settings,
    chance_to_meet,
    draw,
    evidence,
    expected_gain,
    expected_gain_of_rate,
    frontier,
    make_goal,
    rank,
)
from muxviz.planning.alone import against_alone
from muxviz.planning.choose import Planner, fit_planner, leave_one_out
from muxviz.planning.escalated import escalated_of
from muxviz.planning.points import from_run, parse_points, read_points
from muxviz.planning.surfaces import SURFACES, GaussianProcess, Interpolation, Monotone
from muxviz.planning.validate import (
    best_setting,
    goals_to_try,
    hide_half,
    hit_rate,
    nearest_order,
    nearest_values,
    random_order,
    validate_planner,
)
from muxviz.results.planning import (
    MODELS,
    QUANTITIES,
    Goal,
    Predicted,
    doublings,
    goal_words,
    setting_words,
)
from muxviz.results.store import from_json, to_json
from tests.bad import command
from tests.model.planted_runs import escalation, escalation_row, point, speed, tradeoff
from tests.planner.planted_grid import GRID, SOME, grid, grid_run, straight, table

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def planner() -> Planner:
    """Fitted to half of the grid; not to be changed."""
    return fit_planner(grid(*SOME))


# ---- tables -------------------------------------------------------------------------------------


def test_a_table_is_read_sorted_and_named() -> None:
    text = (
        "Name;N;Sparsity;Accuracy;Instances per s;accuracy_low;accuracy_high;throughput_q1;"
        "throughput_q3\nb;2;0.5;0.8;20;0.7;0.9;10;40\na;1;0;0.9;10;;;;\nc;2;0;0.85;15;;;;\n"
        "d;1;0.5;0.88;14;;;;\n"
    )
    found = parse_points(text.encode("utf-8-sig"), "t.csv")
    assert found.num_instances.tolist() == [1, 1, 2, 2]
    assert found.sparsity.tolist() == [0, 0.5, 0, 0.5]
    assert found.names == ("a", "d", "c", "b")
    assert found.throughput.tolist() == [10, 14, 15, 20]
    assert (found.accuracy_low[3], found.accuracy_high[3]) == (0.7, 0.9)
    assert found.throughput_sd[3] == pytest.approx(math.log(4) / 1.349)
    assert np.isnan(found.throughput_sd[0])
    assert found.baseline == 0
    rows = [{"n": 1, "s": s, "acc": 0.5, "throughput": 2} for s in (0, 0.1, 0.2, 0.3)]
    for data in (rows, {"points": rows}):
        assert len(parse_points(json.dumps(data).encode(), "t.json")) == 4


def test_a_setting_measured_twice_is_averaged_and_said() -> None:
    found = table(
        (1, 0, 0.9, 100), (1, 0, 0.8, 400), (2, 0, 0.7, 2), (3, 0, 0.6, 3), (4, 0, 0.5, 4)
    )
    assert len(found) == 4
    assert found.accuracy[0] == pytest.approx(0.85)
    assert found.throughput[0] == pytest.approx(200)  # the mean of logarithms
    assert found.accuracy_sd[0] == pytest.approx(0.05)  # 0.0707 / sqrt(2)
    assert found.notes == ("2 rows of N = 1, unpruned were averaged",)


def test_a_trade_off_run_is_read_in_both_layouts() -> None:
    run = grid_run(*SOME)
    half = replace(run.points[0], dtype="bfloat16")
    copied = replace(run.points[1], copies=5)
    run = replace(run, points=(*run.points, half, copied))
    for text in (to_json(run), json.dumps(_plain(run))):
        found = parse_points(text.encode(), "run.json")
        assert len(found) == len(SOME)
        assert found.accuracy_low[0] == pytest.approx(0.879)
        assert found.names[0] == "n1-s0"
        assert any("ensembles" in note for note in found.notes)
        assert any("only dtype float32" in note for note in found.notes)
    flat = json.dumps([_plain(p) for p in run.points[:5]])
    assert parse_points(flat.encode(), "points.json").throughput_sd[0] > 0
    with pytest.raises(DataError, match="no point with dtype int8; it has float32, bfloat16"):
        from_run(run, "run.json", dtype="int8")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty; expected CSV or JSON"),
        ("n,sparsity,accuracy\n1,0,0.9\n", "has no throughput (it has n, sparsity, accuracy)"),
        ("n,s,acc,throughput\n1,0,89.9,10\n", "accuracy 89.9; expected a share from 0 to 1; write"),
        ("n,s,acc,throughput\n1,60,0.9,10\n", "sparsity 60; expected a share from 0 to below 1"),
        ("n,s,acc,throughput\n1.5,0,0.9,10\n", "num_instances 1.5; expected a whole number"),
        ("n,s,acc,throughput\n1,0,0.9,0\n", "throughput 0; expected instances a second from 1e-09"),
        ("n,s,acc,throughput\n1,0,nan,5\n", "accuracy is 'nan'; expected a number"),
        ("n,s,acc,throughput\n1,0,much,5\n", "line 2: accuracy is 'much'; expected a number"),
        ("n,s,acc,throughput\n1,0,,5\n", "line 2 has no accuracy"),
        ("n,num_instances,s,acc,throughput\n1,1,0,0.9,5\n", "'n and num_instances' twice"),
        ("n,s,acc,throughput\n1,0,0.9,5\n2,0,0.8,9\n", "2 distinct settings; expected 4 to 120"),
        ("n,s,acc,throughput,accuracy_low,accuracy_high\n1,0,0.9,5,0.9,0.8\n", "low <= value"),
        ("n,s,acc,throughput\n", "has no rows"),
        ("[1, 2]", "no list of objects"),
        ("{]", "is not JSON"),
        ('{"a": 1}', "no list of objects"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_used_says_why(text: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        parse_points(text.encode(), "t.csv")
    assert words in str(caught.value)
    assert str(caught.value).startswith("t.csv")


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="times of passes without accuracies"):
        parse_points(to_json(speed()).encode(), "speed.json")
    with pytest.raises(DataError, match="is UTF-16, not UTF-8; expected CSV or JSON"):
        parse_points(b"\xff\xfe\x00", "t.csv")
    with pytest.raises(DataError, match="has 5 MB; expected at most 4"):
        parse_points(b" " * 5_000_000, "t.csv")
    with pytest.raises(
        DataError, match="t.csv: no such file; expected a table of measured settings"
    ):
        read_points(tmp_path / "t.csv")
    many = [{"n": 1 + n, "s": 0, "acc": 0.5, "throughput": 1} for n in range(121)]
    with pytest.raises(DataError, match="keep those you choose among"):
        parse_points(json.dumps(many).encode(), "t.json")


def _plain(value: Any) -> Any:
    from dataclasses import asdict

    return json.loads(json.dumps(asdict(value)))


# ---- surfaces -----------------------------------------------------------------------------------


def test_coordinates_are_doublings_and_halvings() -> None:
    assert doublings([1, 8], [0, 0.75]).tolist() == [[0, 0], [3, 2]]
    assert setting_words(5, 0.6) == "N = 5, 60 % pruned"
    assert setting_words(1, 0.0) == "N = 1, unpruned"


def test_interpolation_halfway_between_two_points() -> None:
    x = np.asarray([[0.0, 0], [2, 0], [3, 0], [5, 0]])
    fitted = Interpolation().fit(x, np.asarray([0.0, 1, 5, 6]), np.zeros(4))
    mean, spread = fitted.predict(np.asarray([[1.0, 0], [2.5, 0], [2, 0]]))
    assert mean == pytest.approx([0.5, 3, 1])
    assert spread == pytest.approx([1, math.sqrt(0.5), 0])


def test_interpolation_of_a_plane_is_the_plane_inside_and_outside() -> None:
    x = np.asarray([[0.0, 0], [0, 2], [2, 0], [2, 2], [1, 1]])
    fitted = Interpolation().fit(x, 3 * x[:, 0] + x[:, 1], np.zeros(5))
    new = np.asarray([[0.3, 1.4], [4, 4], [0.5, 3]])
    assert fitted.predict(new)[0] == pytest.approx(3 * new[:, 0] + new[:, 1])


@pytest.mark.parametrize("seed", range(25))
def test_the_parametric_surface_never_falls(seed: int) -> None:
    """Whatever was measured, also between the points and beyond them."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(4, 24))
    x = np.stack([rng.integers(0, 5, count), rng.uniform(0, 5, count)], axis=1).astype(float)
    y = rng.normal(size=count) * 10.0 ** rng.integers(-3, 3)
    fitted = Monotone().fit(x, y, np.zeros(count))
    a, b = np.meshgrid(np.linspace(0, 7, 29), np.linspace(0, 7, 31), indexing="ij")
    mean, spread = fitted.predict(np.stack([a.ravel(), b.ravel()], axis=1))
    mean, small = mean.reshape(a.shape), 1e-9 * np.ptp(y)
    assert (np.diff(mean, axis=0) >= -small).all()
    assert (np.diff(mean, axis=1) >= -small).all()
    assert np.isfinite(mean).all()
    assert (spread >= 1).all()


def test_the_parametric_surface_bends_both_ways() -> None:
    """Together more than the sum of both, and less: each is followed."""
    x = np.stack(np.meshgrid([0.0, 1, 2, 3], [0.0, 1, 2, 3]), axis=-1).reshape(-1, 2)
    for y in (x.prod(axis=1), 3 * x.sum(axis=1) - x.prod(axis=1)):
        fitted = Monotone().fit(x, y, np.zeros(len(y)))
        assert fitted.predict(x)[0] == pytest.approx(y, abs=0.35)


@pytest.mark.parametrize("name", SURFACES)
def test_a_plane_is_found_by_every_model(name: str) -> None:
    x = doublings(straight().num_instances, straight().sparsity)
    fitted = SURFACES[name]().fit(x, 2 * x[:, 0] + x[:, 1], np.zeros(len(x)))
    mean, _ = fitted.predict(np.asarray([[0.5, 1.5], [2.5, 0.3]]))
    assert mean == pytest.approx([2.5, 5.3], abs=0.02)


def test_points_on_one_line_are_no_obstacle() -> None:
    for found in (
        table((1, 0, 0.9, 10), (2, 0, 0.8, 18), (4, 0, 0.75, 30), (8, 0, 0.6, 55)),
        table((2, 0, 0.9, 10), (2, 0.5, 0.88, 18), (2, 0.75, 0.8, 30), (2, 0.9, 0.6, 55)),
        table((1, 0, 0.9, 10), (2, 0.5, 0.8, 18), (4, 0.75, 0.75, 30), (8, 0.875, 0.6, 55)),
    ):
        fitted = fit_planner(found)
        known = fitted.predict(np.asarray([3]), np.asarray([0.3]))
        assert np.isfinite([known.accuracy, known.throughput, known.accuracy_sd]).all()
        assert advise(fitted, make_goal(found, budget=0.12)).settings[0].chance == 1


def test_a_gaussian_process_with_known_noise_does_not_chase_it() -> None:
    x = np.stack([np.arange(8.0), np.zeros(8)], axis=1)
    y = np.asarray([0.0, 0, 0, 1, 0, 0, 0, 0])
    trusting = GaussianProcess().fit(x, y, np.zeros(8)).predict(x)[0][3]
    doubting = GaussianProcess().fit(x, y, np.full(8, 3.0)).predict(x)[0][3]
    assert abs(doubting) < abs(trusting) + 1e-9
    assert abs(doubting) < 0.2


# ---- leaving out --------------------------------------------------------------------------------


def test_leave_one_out_by_hand() -> None:
    """0, 1, 2, 5 at 0, 1, 2, 3. The ends are extrapolated by the line through the other three."""
    x = np.asarray([[0.0, 0], [1, 0], [2, 0], [3, 0]])
    y = np.asarray([0.0, 1, 2, 5])
    mean, _ = leave_one_out(Interpolation().fit(x, y, np.zeros(4)), x, y, np.zeros(4))
    # Without 0: slope 2, level -4/3, and 1/3 above it at the nearest point. Without 3: the line.
    assert mean == pytest.approx([-1, 1, 3, 3])


def test_errors_are_those_of_points_left_out_and_the_smallest_is_used(planner: Planner) -> None:
    errors = planner.comparison.errors()
    points = planner.points
    for one in planner.comparison.left_out:
        measured = getattr(points, one.quantity)
        off = one.predicted - measured
        if one.quantity == "throughput":
            off = np.log(one.predicted / measured)
        assert one.error == pytest.approx(np.sqrt(np.mean(off**2)))
        assert one.error == errors[one.quantity][one.model]
        few = len(points) / (len(points) - 3)
        assert np.mean((off / one.sd) ** 2) == pytest.approx(1 / few, rel=0.02)
    for quantity in QUANTITIES:
        assert set(errors[quantity]) == set(MODELS)
        assert errors[quantity][planner.comparison.chosen[quantity]] == min(
            errors[quantity].values()
        )
    again = fit_planner(planner.points).comparison.errors()
    assert again == errors  # nothing depends on chance


def test_what_was_measured_comes_before_the_surface(planner: Planner) -> None:
    known = planner.predict(np.asarray([1, 1, 3]), np.asarray([0.0, 0.8, 0.0]))
    assert known.measured.tolist() == [0, -1, -1]
    assert (known.accuracy[0], known.throughput[0], known.accuracy_sd[0]) == (0.899, 269, 0)
    assert (known.accuracy_sd[1:] > 0).all()
    assert 0.85 < known.accuracy[1] < 0.9


def test_four_points_are_never_sure() -> None:
    """A plane goes through three points exactly; that is no proof that it is right."""
    for seed in range(5):
        rng = np.random.default_rng(seed)
        chosen = rng.permutation(20)[:4]
        fitted = fit_planner(grid(*chosen))
        n, s = candidate_settings(grid())
        for model in MODELS:
            known = fitted.predict(n, s, by_model=model)
            new = known.measured < 0
            assert np.isfinite(draw(known).throughput).all()
            assert (known.accuracy_sd[new] > 1e-4).all(), (seed, model)
            assert (known.throughput_sd[new] > 1e-3).all(), (seed, model)
            assert (known.throughput_sd <= 2).all()


def test_too_few_points() -> None:
    three = grid(0, 1, 2, 3).at(np.arange(3))
    with pytest.raises(DataError, match="got 3 distinct settings; a plan needs at least 4"):
        fit_planner(three)


# ---- goals and order ----------------------------------------------------------------------------


def test_goals() -> None:
    points = grid()
    assert make_goal(points, budget=0.03).threshold == pytest.approx(0.869)
    assert make_goal(points, budget=0.03, baseline_accuracy=0.95).threshold == pytest.approx(0.92)
    assert make_goal(points, throughput=500).held == "throughput"
    assert goal_words(make_goal(points, accuracy=0.85)) == "accuracy of at least 85 %"
    for bad, words in (
        ({}, "no goal"),
        ({"budget": 0.1, "accuracy": 0.8}, "several goals"),
        ({"budget": 3}, "budget 3; expected a share from 0 to 1, such as 0.03"),
        ({"accuracy": 85}, "accuracy 85"),
        ({"throughput": 0}, "throughput 0"),
    ):
        with pytest.raises(InputError, match=words):
            make_goal(points, **bad)  # type: ignore[arg-type]


def predicted(*rows: tuple[float, float, float, float], measured: int = 0) -> Predicted:
    """From (accuracy, its sd, throughput, its sd); the first ``measured`` ones are measured."""
    a, sd, t, tsd = np.asarray(rows, dtype=float).T
    own = np.where(np.arange(len(rows)) < measured, np.arange(len(rows)), -1)
    return Predicted(np.arange(1, len(rows) + 1), np.zeros(len(rows)), a, sd, 0 * a, t, tsd, own)


def test_order_of_what_is_known_for_sure() -> None:
    known = predicted((0.9, 0, 10, 0), (0.8, 0, 50, 0), (0.85, 0, 30, 0), (0.6, 0, 90, 0))
    order, best = rank(known, draw(known), Goal("accuracy", 0.8, 0.8))
    assert order.tolist() == [1, 2, 0, 3]
    assert best.tolist() == [0, 1, 0, 0]
    order, _ = rank(known, draw(known), Goal("throughput", 20, 20))
    assert order.tolist() == [2, 1, 3, 0]
    order, best = rank(known, draw(known), Goal("accuracy", 0.95, 0.95))
    assert order.tolist() == [0, 2, 1, 3]  # nothing meets it: the nearest first
    assert best.sum() == 0


def test_a_long_shot_is_not_the_first_choice() -> None:
    """The fast one meets the goal in 30.9 % of cases (half a deviation below)."""
    known = predicted((0.9, 0, 10, 0), (0.79, 0.02, 50, 0))
    goal = Goal("accuracy", 0.8, 0.8)
    order, best = rank(known, draw(known), goal)
    assert order.tolist() == [0, 1]
    assert best == pytest.approx([0.691, 0.309], abs=0.03)
    assert chance_to_meet(known, goal) == pytest.approx([1, 0.3085], abs=1e-4)
    likely = predicted((0.9, 0, 10, 0), (0.81, 0.02, 50, 0))
    assert rank(likely, draw(likely), goal)[0].tolist() == [1, 0]


def test_rows_widen_the_chance_but_not_the_order() -> None:
    known = replace(predicted((0.82, 0, 10, 0)), accuracy_rows_sd=np.asarray([0.02]))
    goal = Goal("accuracy", 0.8, 0.8)
    assert chance_to_meet(known, goal) == pytest.approx([0.8413], abs=1e-4)
    assert chance_to_meet(known, goal, same_rows=True).tolist() == [1]


def test_chance_to_be_the_best_counts_draws() -> None:
    known = predicted((0.9, 0, 10, 0), (0.9, 0, 20, 0))
    drawn = Draws(
        np.asarray([[0.9, 0.9], [0.9, 0.7], [0.9, 0.7], [0.7, 0.7]]),
        np.asarray([[10.0, 20], [10, 20], [10, 20], [10, 20]]),
    )
    assert rank(known, drawn, Goal("accuracy", 0.8, 0.8))[1].tolist() == [0.5, 0.25]


def test_expected_gain_is_the_integral() -> None:
    from scipy.integrate import quad
    from scipy.stats import lognorm, norm

    def integral(law: Any, best: float, end: float) -> float:
        return float(quad(lambda x: (x - best) * law.pdf(x), best, end)[0])

    for mean, sd, best in ((0.8, 0.05, 0.82), (0.9, 0.01, 0.7), (0.5, 0.2, 0.9)):
        ours = expected_gain(np.asarray([mean]), np.asarray([sd]), best)[0]
        assert ours == pytest.approx(integral(norm(mean, sd), best, mean + 12 * sd), rel=1e-6)
    for median, sd, best in ((100.0, 0.3, 120.0), (50.0, 0.05, 40.0), (10.0, 0.5, 60.0)):
        ours = expected_gain_of_rate(np.asarray([median]), np.asarray([sd]), best)[0]
        exact = integral(lognorm(sd, scale=median), best, median * math.exp(10 * sd))
        assert ours == pytest.approx(exact, rel=1e-5)
    assert expected_gain_of_rate(np.asarray([100.0]), np.asarray([0.0]), 90.0) == pytest.approx(10)
    assert expected_gain_of_rate(np.asarray([100.0]), np.asarray([0.5]), 0.0) == pytest.approx(
        100 * math.exp(0.125)
    )


# ---- advice -------------------------------------------------------------------------------------


def test_with_everything_measured_the_advice_is_the_table() -> None:
    points = grid(0, 2, 4, 10, 12, 14, 15, 17, 19)  # every N with every sparsity
    fitted = fit_planner(points)
    for budget in (0.0, 0.01, 0.03, 0.07, 0.1, 0.5):
        goal = make_goal(points, budget=budget)
        advice = advise(fitted, goal)
        first, truth = advice.settings[0], best_setting(points, goal)
        assert (first.num_instances, first.sparsity) == (
            points.num_instances[truth],
            points.sparsity[truth],
        )
        assert (first.chance, first.chance_best, first.is_measured) == (1, 1, True)
        assert advice.best_measured == 0
        assert math.isnan(first.accuracy_from)  # the table has no interval
    one = advise(fitted, make_goal(points, throughput=3000)).settings[0]
    assert (one.num_instances, one.sparsity) == (5, 0.95)
    assert one.ratio == pytest.approx(3420 / 269)


def test_a_prediction_says_so_and_names_its_evidence(planner: Planner) -> None:
    goal = make_goal(planner.points, budget=0.08)
    advice = advise(planner, goal, num_instances=[3], sparsities=[0.7], most=30)
    assert {one.num_instances for one in advice.settings} == {1, 2, 3, 5, 10}
    assert {one.sparsity for one in advice.settings} >= {0.7}
    assert len(advice.settings) == 30
    for one in advice.settings:
        assert one.accuracy_from <= one.accuracy <= one.accuracy_to or one.is_measured
        assert len(one.evidence) == (1 if one.is_measured else 3)
    later = [one.chance_best for one in advice.settings[1:]]
    assert later == sorted(later, reverse=True)
    assert sum(one.chance_best for one in advice.settings) <= 1 + 1e-9
    near = evidence(planner.points, 10, 0.94)
    assert near[0] == "N = 10, 95 % pruned: 73.1 %, 5,010 instances/s"
    kept = from_json(to_json(advice))
    assert [one for one in kept.settings if not one.is_measured] == [
        one for one in advice.settings if not one.is_measured
    ]


def test_intervals_of_the_table_are_kept() -> None:
    points = from_run(grid_run(*SOME), "run")
    fitted = fit_planner(points)
    advice = advise(fitted, make_goal(points, budget=0.0), most=30)
    own = next(one for one in advice.settings if one.sparsity == 0 and one.num_instances == 1)
    assert (own.accuracy_from, own.accuracy_to) == pytest.approx((0.879, 0.919))
    assert own.chance == pytest.approx(0.5)  # exactly at the threshold, with an interval
    assert own.throughput_from < 269 < own.throughput_to


def test_what_to_measure_next(planner: Planner) -> None:
    goal = make_goal(planner.points, budget=0.08)
    found = advise(planner, goal).next
    gains = [one.improvement for one in found]
    assert gains == sorted(gains, reverse=True)
    measured = set(
        zip(planner.points.num_instances.tolist(), planner.points.sparsity.tolist(), strict=True)
    )
    assert not {(one.num_instances, one.sparsity) for one in found} & measured
    best = found[0]
    reached = planner.points.accuracy >= goal.threshold
    top = planner.points.throughput[reached].max()
    known = planner.predict(np.asarray([best.num_instances]), np.asarray([best.sparsity]))
    by_hand = float(
        expected_gain_of_rate(known.throughput, known.throughput_sd, top)[0]
        * chance_to_meet(known, goal)[0]
    )
    assert best.improvement == pytest.approx(by_hand)
    assert best.share == pytest.approx(by_hand / top)
    nothing = advise(planner, make_goal(planner.points, accuracy=0.99))
    assert nothing.best_measured == -1
    assert any("no candidate meets the goal" in note for note in nothing.notes)


def test_candidates() -> None:
    points = table((1, 0, 0.9, 10), (1, 0.75, 0.8, 20), (4, 0, 0.7, 30), (4, 0.75, 0.6, 70))
    n, s = candidate_settings(points, num_instances=[2], sparsities=[0.5])
    assert sorted(set(n.tolist())) == [1, 2, 4]
    assert sorted(set(s.tolist())) == [0, 0.5, 0.75]
    assert len(n) == 9
    _, s = candidate_settings(points, halfway=True)
    assert sorted(set(s.tolist())) == [0, 0.5, 0.75]  # one of two halvings
    with pytest.raises(InputError, match="sparsity 60"):
        candidate_settings(points, sparsities=[60])
    with pytest.raises(InputError, match="number of candidates"):
        candidate_settings(points, num_instances=range(1, 2000))


def test_sparsities_beside_one_target_are_one() -> None:
    points = table(
        (1, 0, 0.9, 10), (1, 0.63, 0.8, 20), (4, 0, 0.7, 30), (4, 0.59, 0.6, 70), (8, 0, 0.5, 90)
    )
    n, s = candidate_settings(points)
    found = {(int(a), float(b)) for a, b in zip(n, s, strict=True)}
    assert found == {(1, 0), (4, 0), (8, 0), (1, 0.63), (4, 0.59), (8, 0.61)}
    fine = table((1, 0, 0.9, 10), (1, 0.6, 0.8, 20), (1, 0.62, 0.8, 21), (4, 0, 0.7, 30))
    n, s = candidate_settings(fine)  # told apart where one N has both
    assert sorted(s[n == 4].tolist()) == [0, 0.6, 0.62]


def test_named_sparsities_do_not_overlap() -> None:
    sparsities = np.asarray([0, 0.595, 0.604, 0.834, 0.843, 0.95])
    assert sparsity_axis(sparsities)["ticktext"] == ["0 %", "59.5 %", "83.4 %", "95 %"]


# ---- against each alone -------------------------------------------------------------------------


def test_each_alone_must_be_as_fast() -> None:
    points = table(
        (1, 0, 0.90, 10),
        (1, 0.6, 0.88, 20),
        (1, 0.9, 0.80, 40),
        (4, 0, 0.85, 30),
        (4, 0.6, 0.84, 35),
        (4, 0.9, 0.70, 90),
    )
    slow, fast = against_alone(points)
    assert (slow.throughput, fast.throughput) == (35, 90)
    assert slow.pruning == 0.80
    assert slow.against_pruning == "better"
    assert slow.multiplexing is None
    assert slow.against_multiplexing == "never that fast"
    assert fast.against_pruning == "never that fast"


def test_what_the_intervals_allow_is_tied() -> None:
    head = "n,sparsity,accuracy,throughput,accuracy_low,accuracy_high\n"
    rows = [
        "1,0,.90,10,.88,.92",
        "1,.6,.88,50,.86,.90",
        "4,0,.85,60,.83,.87",
        "4,.6,.84,45,.82,.86",
    ]
    (row,) = against_alone(parse_points((head + "\n".join(rows)).encode(), "t.csv"))
    assert row.pruning == pytest.approx(0.88)
    assert row.against_pruning == "worse"  # 4 points, room sqrt(2 x 2^2) = 2.8
    assert row.against_multiplexing == "tied"  # 1 point


def test_both_alone_must_be_there() -> None:
    with pytest.raises(NotApplicable, match="N = 1 pruned, N > 1 unpruned"):
        against_alone(table((1, 0, 0.9, 10), (2, 0, 0.8, 20), (2, 0.6, 0.7, 30), (4, 0, 0.6, 40)))


def test_the_command_compares_with_each_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "grid.csv").write_text(GRID)
    words = ["plan", "--points", str(tmp_path / "grid.csv"), "--alone"]
    assert main([*words, "--json", str(tmp_path / "alone.json")]) == 0
    assert "against multiplexing alone:" in capsys.readouterr().out
    rows = json.loads((tmp_path / "alone.json").read_text())["alone"]
    assert len(rows) == 12
    assert rows[-1]["against_pruning"] == "never that fast"


def test_the_curve_follows_the_advice(planner: Planner) -> None:
    budgets = np.asarray([0.0, 0.05, 0.17])
    curve = budget_curve(planner, budgets)
    for at, budget in enumerate(budgets):
        one = advise(planner, make_goal(planner.points, budget=budget)).settings[0]
        assert (curve.num_instances[at], curve.sparsity[at]) == (one.num_instances, one.sparsity)
        assert curve.ratio[at] == pytest.approx(one.ratio)
        assert curve.chance[at] == pytest.approx(one.chance)
    assert curve.ratio[-1] == pytest.approx(5010 / 269)


def test_the_front_falls_with_speed(planner: Planner) -> None:
    found = frontier(planner)
    assert (np.diff(found.throughput) > 0).all()
    assert (np.diff(found.accuracy) <= 1e-9).all()
    assert found.num_instances[-1] == 10


# ---- risk, and the share asked again ------------------------------------------------------------

CHAINS = (
    escalation_row("n1-s0", "alone", 0.90, 1.0),
    escalation_row("n5-s80", "alone", 0.80, 4.0),
    escalation_row("n5-s80+n1-s0@0.1", "multiplexed", 0.83, 3.5, 0.1),
    escalation_row("n5-s80+n1-s0@0.2", "multiplexed", 0.88, 3.0, 0.2),
    escalation_row("n5-s80:int8+n1-s0@0.2", "multiplexed", 0.97, 9.0, 0.2),
    escalation_row("n5-s80+n2-s0@0.2+n1-s0@0.5", "multiplexed", 0.97, 9.0, 0.2, 0.5),
)


def known_by_hand() -> Predicted:
    """Three measured settings, ever faster, of which the intervals are 2, 2 and 2 points wide."""
    return Predicted(
        np.asarray([1, 2, 5]), np.zeros(3), np.asarray([0.90, 0.86, 0.82]), np.zeros(3),
        np.full(3, 0.01), np.asarray([10.0, 20.0, 40.0]), np.zeros(3), np.arange(3),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("floor", "risk", "first"),
    [
        (0.84, 0.05, 1),  # two deviations of room: 2.3 %
        (0.845, 0.05, 0),  # one and a half: 6.7 %
        (0.845, 0.10, 1),
        (0.845, 0.5, 1),
        (0.81, 0.05, 1),  # one deviation is not enough
        (0.80, 0.05, 2),
        (0.95, 0.05, 0),  # nobody: the surest
    ],
)
def test_the_fastest_that_keeps_the_risk_comes_first(floor: float, risk: float, first: int) -> None:
    known = known_by_hand()
    goal = Goal("accuracy", floor, floor, risk)
    assert rank(known, draw(known), goal)[0][0] == first


def test_a_risk_out_of_range_is_refused() -> None:
    for risk in (0.0, 0.6, -1):
        with pytest.raises(InputError, match=r"got risk .*at most 0\.5"):
            make_goal(grid(), accuracy=0.8, risk=risk)


def test_what_was_promised_by_hand() -> None:
    """The planner thinks 2 points too well of the fastest, so a floor is missed."""
    points = table((1, 0, 0.90, 10), (2, 0, 0.86, 20), (4, 0, 0.83, 30), (5, 0, 0.82, 40))
    known = Predicted(
        points.num_instances, points.sparsity, np.asarray([0.90, 0.86, 0.80, 0.84]), np.zeros(4),
        np.zeros(4), points.throughput, np.zeros(4), np.asarray([0, 1, 2, -1]),
    )  # fmt: skip
    goals = tuple(Goal("accuracy", floor, floor) for floor in (0.95, 0.85, 0.83, 0.82))
    found = validate.promised(points, known, goals, 0.05)
    assert found[:, 0].tolist() == [0, 1, 1, 1]
    assert np.isnan(found[0, 1:]).all(), "nothing was promised"
    assert found[1].tolist() == [1, 0, 0, 0]
    assert found[2].tolist() == [1, 1, pytest.approx(1 - 40 / 30), pytest.approx(1 - 40 / 30)]
    assert found[3].tolist() == [1, 0, 0, 0]
    said = validate.promise_of([found, found], False, 0.05, 0)
    assert (said.cases, said.promised) == (8, 6)
    assert said.missed == pytest.approx(1 / 3)
    assert said.regret == pytest.approx((0 + 0 - 1 / 3) / 3)


def test_without_noise_promises_are_kept() -> None:
    check = validate_planner(straight((1, 2, 4, 8, 16), (0, 0.5, 0.75)), splits=4, budgets=6)
    (one,) = check.promises
    assert one.missed == 0
    assert one.regret < 0.2


def test_asking_again_carries_gains_and_slowing_over_to_the_table() -> None:
    """n5-s80 has 82.9 % at 1,720/s; at a fifth +8 points and 3/4 of the speed; between, halves."""
    points = from_run(grid_run(*SOME), "run")
    found = escalated_of(points, escalation(*CHAINS))
    assert [one.share for one in found] == [0.05, 0.1, 0.15, 0.2]
    assert {(one.num_instances, one.sparsity, one.then) for one in found} == {(5, 0.8, "n1-s0")}
    assert [one.is_measured for one in found] == [False, True, False, True]
    assert [one.accuracy for one in found] == pytest.approx([0.844, 0.859, 0.884, 0.909])
    assert found[3].throughput == pytest.approx(1720 * 3 / 4)
    assert found[1].throughput == pytest.approx(1720 * 3.5 / 4)
    assert found[2].throughput == pytest.approx(1720 / ((4 / 3.5 + 4 / 3) / 2)), "times are even"
    fitted = fit_planner(points)
    goal = make_goal(points, accuracy=0.85, risk=0.05)
    first = advise(fitted, goal, escalated=found).settings[0]
    assert first.words == "N = 5, 80 % pruned, 15 % asked again"
    assert first.keeps(goal)
    alone = advise(fitted, goal)
    assert alone.settings[0].num_instances == 1
    assert any(note.startswith("do not multiplex for this") for note in alone.notes)
    assert escalated_of(points, None) == ()
    assert escalated_of(grid(*SOME), escalation(*CHAINS)) == (), "a table without names"


# ---- hidden points ------------------------------------------------------------------------------


def test_half_is_hidden_and_never_the_baseline() -> None:
    points = grid()
    rng = np.random.default_rng(0)
    seen = np.asarray([hide_half(points, rng) for _ in range(300)])
    assert (seen.sum(axis=1) == 10).all()
    assert not seen[:, points.baseline].any()
    assert seen[:, 1:].mean(axis=0) == pytest.approx(10 / 19, abs=0.12)
    assert hide_half(grid(0, 1, 2, 3, 4, 5), rng).sum() == 2  # four stay


def test_budgets_span_the_table() -> None:
    goals = goals_to_try(grid(), 5)
    assert [goal.value for goal in goals] == pytest.approx([0, 0.042, 0.084, 0.126, 0.168])
    flat = table((1, 0, 0.5, 1), (2, 0, 0.5, 2), (4, 0, 0.6, 3), (8, 0, 0.7, 4))
    with pytest.raises(DataError, match="every budget has the same answer"):
        goals_to_try(flat, 5)


def test_nearest_point_by_hand() -> None:
    """N = 2 takes the values of N = 1; N = 8 those of N = 16 (nearer than 1)."""
    points = table((1, 0, 0.9, 10), (2, 0, 0.85, 18), (8, 0, 0.7, 50), (16, 0, 0.6, 90))
    hidden = np.asarray([False, True, True, False])
    copied = nearest_values(points, hidden)
    assert copied.tolist() == [0, 0, 3, 3]
    far = np.asarray([0.0, 1, 3, 4])
    goal = Goal("accuracy", 0.8, 0.8)
    assert nearest_order(points, copied, goal, far).tolist() == [1, 0, 3, 2]
    assert nearest_order(points, copied, goal, far - 1e3 * hidden).tolist() == [0, 1, 3, 2]
    shuffled = np.asarray([3, 2, 0, 1])
    assert random_order(points, hidden, shuffled, goal).tolist() == [2, 0, 1, 3]


def test_hit_rates_by_hand() -> None:
    splits = [np.asarray([[1, 1], [0, 1]]), np.asarray([[0, 0], [0, 1], [1, 1], [0, 0]])]
    found = hit_rate("planner", splits, 0)
    assert (found.top1, found.top3) == pytest.approx((2 / 6, 4 / 6))
    assert found.top1_low == pytest.approx(1 / 4)  # the second split twice
    assert found.top1_high == pytest.approx(1 / 2)  # the first one twice
    assert math.isnan(hit_rate("planner", [np.zeros((0, 2))], 0).top1)


def test_on_a_table_without_noise_the_best_is_always_found() -> None:
    check = validate_planner(straight(), splits=4, budgets=9, seed=3)
    own, near, _, by_chance = check.everything
    assert own.top1 > 0.95
    assert own.top3 == 1
    assert check.hidden[0].top3 == 1
    assert by_chance.top3 < near.top3 < 1
    assert check.cases == 4 * 9
    assert 0 < check.hidden_cases < check.cases
    assert {q: sum(shares.values()) for q, shares in check.chosen.items()} == {
        "accuracy": pytest.approx(1),
        "throughput": pytest.approx(1),
    }


def test_hits_are_counted_against_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A planner that always names the same order is right exactly where that is true."""
    points, order = grid(*SOME), np.asarray([10, 9, 8, *range(8)])
    monkeypatch.setattr(validate, "rank", lambda *a: (order, np.zeros(11)))
    check = validate_planner(points, splits=2, budgets=7)
    goals = goals_to_try(points, 7)
    truths = [best_setting(points, goal) for goal in goals]
    assert check.everything[0].top1 == pytest.approx(np.mean([t == 10 for t in truths]))
    assert check.everything[0].top3 == pytest.approx(np.mean([t in (8, 9, 10) for t in truths]))


def test_the_grid_with_noise_and_the_same_seed() -> None:
    check = validate_planner(grid(), splits=2, budgets=12, seed=1)
    assert check.everything[0].top3 > max(rate.top3 for rate in check.everything[1:])
    again = validate_planner(straight(), splits=1, budgets=5, seed=1)
    assert validate_planner(straight(), splits=1, budgets=5, seed=1) == again
    for share in check.coverage.values():
        assert 0.4 < share <= 1


def test_a_check_that_is_stopped_keeps_what_is_done() -> None:
    def progress(done: int, total: int) -> None:
        if done == 2:
            raise Stopped("enough")

    check = validate_planner(straight(), splits=50, budgets=3, progress=progress)
    assert (check.splits, check.is_partial) == (2, True)
    with pytest.raises(DataError, match="hiding half of them needs at least 6"):
        validate_planner(grid(0, 1, 2, 3, 4))

    def at_once(done: int, total: int) -> None:
        raise Stopped("at once")

    with pytest.raises(Stopped):
        validate_planner(straight(), progress=at_once)


# ---- command ------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path: Path) -> Path:
    head, *rows = GRID.splitlines()
    path = tmp_path / "points.csv"
    path.write_text("\n".join([head, *(rows[at] for at in (0, 1, 2, 5, 8, 12, 14, 15, 19))]))
    return path


def test_the_command_prints_and_writes(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = file.parent / "plan.json"
    words = ["plan", "--points", str(file), "--budget", "0.03", "--json", str(out), "--top", "3"]
    assert main(words) == 0
    said = capsys.readouterr().out
    for part in (
        "9 measured settings of points.csv; baseline N = 1, unpruned: 89.9 %, 269 instances/s",
        "at most 3 points of accuracy lost, at a risk of 5 %, so 86.9 % or more",
        "Two knobs, N and sparsity",
        "note: do not multiplex for this",
        "N = 1, 80 % pruned",
        "measure next:",
        "leave-one-out error",
        "parametric, monotone",
    ):
        assert part in said, part
    found = json.loads(out.read_text())
    assert len(found["settings"]) == 3
    assert found["settings"][0]["num_instances"] == 1
    assert found["settings"][0]["accuracy_from"] is None
    assert set(found["loo_error"]) == {"accuracy", "throughput"}
    assert set(found["loo_error"]["accuracy"]) == set(MODELS)
    assert found["next"]


def test_the_command_checks_the_planner(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = file.parent / "check.json"
    words = ["plan", "--points", str(file), "--validate", "--splits", "2", "--budgets", "6"]
    assert main([*words, "--json", str(out)]) == 0
    said = capsys.readouterr().out
    assert "top 1" in said
    assert "nearest, ties: measured first" in said
    assert "promise at a risk of 5.0%, settings hidden: floor missed in" in said
    found = json.loads(out.read_text())
    (promise,) = found["promises"]  # the table has no intervals, so no rows to draw anew
    assert promise["cases"] == 2 * 6
    for key in ("top1", "top3", "baseline_top1", "baseline_top3", "random_top1", "random_top3"):
        assert 0 <= found[key] <= 1, key
        assert f"hidden_{key}" in found
    assert (found["splits"], found["budgets"], found["seed"]) == (2, 6, 0)
    assert found["loo_error"]["throughput"]["gaussian_process"] > 0
    near = [rate for rate in found["rates"] if rate["who"].startswith("nearest")]
    assert found["baseline_top3"] == max(rate["top3"] for rate in near)


def test_the_command_takes_the_recorded_grid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "grid.json"
    monkeypatch.setattr("muxviz.recorded.grid_file", lambda: path)
    assert main(["plan", "--budget", "0.03"]) == 1
    assert "name a table of measured settings with --points" in capsys.readouterr().err
    path.write_text(to_json(grid_run(*SOME)))
    assert main(["plan", "--throughput", "900"]) == 0
    said = capsys.readouterr().out
    assert "at least 900 instances/s" in said
    assert "n1-s90" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no goal: give --budget, --accuracy or --throughput"),
        (["--budget", "3"], "--budget: got 3; expected a number from 0 to 1, such as 0.03"),
        (["--budget", "0.1", "--accuracy", "0.8"], "several goals"),
        (["--budget", "0.1", "--sparsity", "70"], "--sparsity: got 70; expected a number from 0"),
        (["--budget", "0.1", "--n", "0"], "--n: got 0; expected a whole number from 1"),
        (["--validate", "--splits", "0"], "--splits: got 0; expected a whole number from 1 to"),
        (["--budget", "0.1", "--dtype", "int8", "--json", "/nowhere/x.json"], "cannot be written"),
    ],
)
def test_the_command_says_what_is_wrong(file: Path, words: list[str], said: str) -> None:
    assert said in command("plan", "--points", file, *words)


def test_the_command_knows_the_share_asked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grid_path, chains = tmp_path / "grid.json", tmp_path / "chains.json"
    grid_path.write_text(to_json(grid_run(*SOME)))
    chains.write_text(to_json(escalation(*CHAINS)))
    words = ["plan", "--points", str(grid_path), "--accuracy", "0.85", "--top", "1"]
    assert main([*words, "--escalation", str(chains)]) == 0
    assert "N = 5, 80 % pruned, 15 % asked again" in capsys.readouterr().out
    assert main([*words, "--escalation", str(grid_path)]) == 1
    assert "expected an EscalationBench" in capsys.readouterr().err


def test_points_of_one_slot_number_only(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run = tradeoff(*(point(f"n{n}", n, 0.9 - n / 100, 100.0 * n) for n in (1, 2, 4, 8)))
    path = tmp_path / "run.json"
    path.write_text(to_json(run))
    assert main(["plan", "--points", str(path), "--budget", "0.05"]) == 0
    assert "nothing: no candidate without a measurement" in capsys.readouterr().out


def test_nothing_heavy_is_imported_before_a_fit() -> None:
    code = (
        "import sys\nimport muxviz.cli as cli\ncli._parser()\nlight = set(sys.modules)\n"
        "import muxviz.planning.advise, muxviz.planning.command, muxviz.planning.validate\n"
        "print(sorted(light & {'numpy', 'tqdm'}), "
        "sorted({'sklearn', 'scipy', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "[] []"

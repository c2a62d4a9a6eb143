"""The calculator of the Trade-off page, against arithmetic on paper."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from muxviz.errors import InputError, NotApplicable
from muxviz.planning.traffic import (
    expected_latency_ms,
    padded_length,
    plan_traffic,
    with_shares,
)
from muxviz.results.throughput import Accuracy, Quartiles, Traffic
from tests.model.planted_runs import machine, point, speed, speed_row, tradeoff

# N = 2 at batch 5: 10 texts in 10 ms, p95 12 ms, 1000 texts/s; tokenising leaves 80 % of it.
SCORE = Accuracy("accuracy", 0.90, 0.89, 0.91, (0.88, 0.92), 5, 100)
PAIR = point("two", 2, 0.9, 800, forward_per_s=Quartiles(1000, 990, 1010), accuracy=SCORE)
ROW = speed_row("two", 2, 5, 10.0)
RUN, SPEED = tradeoff(PAIR), speed(ROW)
TRAFFIC = Traffic(300.0, ((20.0, 1.0),), 100.0, 0.85)


def test_a_setting_that_serves() -> None:
    """300 of 800 a second: one machine, 37.5 % used. 15 ms to fill, 3 ms to wait, 12 ms to pass."""
    (plan,) = plan_traffic(TRAFFIC, RUN, SPEED).plans
    assert (plan.checkpoint, plan.n, plan.batch, plan.dtype) == ("two", 2, 5, "float32")
    assert plan.instances_per_s == pytest.approx(800)
    assert plan.machines == 1
    assert plan.latency_ms == pytest.approx(15 + 3 + 12)
    assert plan.chance == pytest.approx(1, abs=1e-5)
    assert plan.why_not == ""


def test_more_requests_need_more_machines() -> None:
    """1000 of 640 a second: two machines, 62.5 % used. 9 ms to fill, 8.33 ms to wait."""
    (plan,) = plan_traffic(replace(TRAFFIC, requests_per_s=1000.0), RUN, SPEED).plans
    assert plan.machines == 2
    assert plan.latency_ms == pytest.approx(9 + 10 * 0.625 / 0.75 + 12)
    exact = plan_traffic(replace(TRAFFIC, requests_per_s=640.0), RUN, SPEED).plans[0]
    assert exact.machines == 1  # 80 % exactly


def test_accuracy_too_low() -> None:
    found = plan_traffic(replace(TRAFFIC, accuracy=0.95), RUN, SPEED)
    (plan,) = found.plans
    assert plan.machines is None
    assert plan.why_not == "accuracy 90.0 % is below 95.0 %"
    assert plan.chance < 1e-5
    assert found.notes[0].startswith("Nothing serves. Closest is two (N = 2, batch 5): accuracy")


def test_latency_too_long() -> None:
    (plan,) = plan_traffic(replace(TRAFFIC, latency_ms=20.0), RUN, SPEED).plans
    assert plan.machines is None
    assert plan.why_not == "a request takes 30 ms of 20, 15 ms of it until 10 requests are there"


def test_both_too_much_and_the_closest_is_named() -> None:
    """The one that misses a single constraint by little comes first."""
    far = point("far", 2, 0.5, 800)
    asked = Traffic(300.0, ((20.0, 1.0),), 29.0, 0.85)
    found = plan_traffic(asked, tradeoff(far, PAIR), speed(ROW, speed_row("far", 2, 5, 10.0)))
    assert [plan.checkpoint for plan in found.plans] == ["two", "far"]
    assert found.plans[1].why_not.count(";") == 1
    assert "Closest is two" in found.notes[0]


def test_no_machine_is_enough() -> None:
    found = plan_traffic(replace(TRAFFIC, requests_per_s=1e12, latency_ms=1e9), RUN, SPEED)
    assert "machines would be needed" in found.plans[0].why_not


def test_chance_is_even_at_the_floor_and_95_at_the_budget() -> None:
    at_floor = plan_traffic(replace(TRAFFIC, accuracy=0.90, latency_ms=1e4), RUN, SPEED).plans[0]
    assert at_floor.chance == pytest.approx(0.5)
    in_budget = replace(TRAFFIC, latency_ms=30.0 + 1e-9, accuracy=0.0)
    assert plan_traffic(in_budget, RUN, SPEED).plans[0].chance == pytest.approx(0.95, abs=1e-4)
    one_sigma = replace(TRAFFIC, accuracy=0.90 - 0.04 / 3.92, latency_ms=1e4)
    assert plan_traffic(one_sigma, RUN, SPEED).plans[0].chance == pytest.approx(0.8413, abs=1e-4)


def test_without_an_interval_the_rows_say_how_sure() -> None:
    """sqrt(0.9 * 0.1 / 100) = 3 points."""
    bare = replace(PAIR, accuracy=replace(SCORE, interval=None))
    asked = replace(TRAFFIC, accuracy=0.87, latency_ms=1e4)
    assert plan_traffic(asked, tradeoff(bare), SPEED).plans[0].chance == pytest.approx(
        0.8413, abs=1e-4
    )


def test_a_mixed_row_is_as_long_as_its_longest_text() -> None:
    mix = ((10.0, 0.5), (30.0, 0.5))
    assert padded_length(mix, 1) == 20
    assert padded_length(mix, 2) == 0.25 * 10 + 0.75 * 30
    assert padded_length(((7.0, 3.0),), 9) == 7
    (plan,) = plan_traffic(replace(TRAFFIC, lengths=mix), RUN, SPEED).plans
    assert plan.instances_per_s == pytest.approx(800 / 1.25)  # 25 tokens, 20 were measured
    alike = tradeoff(replace(PAIR, grouping="length"))
    assert plan_traffic(replace(TRAFFIC, lengths=mix), alike, SPEED).plans[
        0
    ].instances_per_s == pytest.approx(800)
    fixed = tradeoff(replace(PAIR, padding="fixed"))
    assert plan_traffic(replace(TRAFFIC, lengths=mix), fixed, SPEED).plans[
        0
    ].instances_per_s == pytest.approx(800)


def test_one_text_a_pass_does_not_wait_for_others() -> None:
    assert expected_latency_ms(1, 50, 100, 10) == pytest.approx(5 + 10)


def test_fewest_machines_then_surest_come_first() -> None:
    plans = plan_traffic(Traffic(900.0, ((20.0, 1.0),), 1e4, 0.5), tradeoff(), speed()).plans
    serving = [plan for plan in plans if plan.machines is not None]
    counts = [plan.machines or 0 for plan in serving]
    assert counts == sorted(counts)
    assert {plan.checkpoint for plan in plans} == {"plain", "two", "five", "slow-five", "ten"}
    assert len({(p.checkpoint, p.batch) for p in plans}) == len(plans)


def test_what_is_to_be_known_is_noted() -> None:
    other = replace(speed(ROW), machine=replace(machine(busy=True), threads=1))
    notes = " ".join(plan_traffic(TRAFFIC, tradeoff(PAIR, point("x", 1, 0.9, 100)), other).notes)
    for words in ("different machines", "slower quartile", "busy"):
        assert words in notes
    assert plan_traffic(TRAFFIC, RUN, SPEED).notes == ()


def test_without_a_speed_run_the_own_batch_is_taken() -> None:
    """N = 2, batch 8: 16 texts at 800 a second are 20 ms; the slower quartile, 720, 22.2 ms."""
    (plan,) = plan_traffic(TRAFFIC, RUN, replace(SPEED, results=())).plans
    fill, used = 1000 * 15 / 2 / 300, 300 / 800
    assert plan.batch == 8
    assert plan.latency_ms == pytest.approx(fill + 20 * used / (2 * (1 - used)) + 16_000 / 720)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"requests_per_s": 0.0}, "above 0"),
        ({"latency_ms": math.nan}, "above 0"),
        ({"accuracy": 1.2}, "expected 0 to 1"),
        ({"lengths": ()}, "got none"),
        ({"lengths": ((0.0, 1.0),)}, "tokens above 0"),
        ({"lengths": ((9.0, 0.4),)}, "sum to 1"),
    ],
)
def test_impossible_traffic_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        plan_traffic(replace(TRAFFIC, **changes), RUN, SPEED)


def test_parts_become_shares() -> None:
    assert with_shares(((10, 1), (20, 3), (30, 0))) == ((10, 0.25), (20, 0.75))
    with pytest.raises(InputError, match="give at least one"):
        with_shares(((10, 0),))


def test_only_copies_cannot_be_planned() -> None:
    with pytest.raises(NotApplicable, match="without copies"):
        plan_traffic(TRAFFIC, tradeoff(replace(PAIR, copies=2)), SPEED)

"""A finding says no more than its order and its intervals allow, on numbers planted by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from muxviz.figures.attention.relevance import relevance_finding
from muxviz.figures.crosstalk.by_sparsity import crosstalk_sparsity_finding
from muxviz.figures.crosstalk.words import crosstalk_finding
from muxviz.figures.drawing import claims
from muxviz.figures.fidelity.answers import agreement_finding
from muxviz.figures.fidelity.bits import bits_finding
from muxviz.figures.fidelity.recovery import fidelity_finding
from muxviz.figures.keys.bars import sinr_finding
from muxviz.figures.keys.gates import gates_finding
from muxviz.figures.layers.lens import lens_finding
from muxviz.figures.layers.norms import norms_finding
from muxviz.figures.layers.spectrum import spectrum_finding
from muxviz.figures.planner.surfaces import surfaces_finding
from muxviz.figures.tradeoff.accuracy_speed import tradeoff_finding
from muxviz.figures.tradeoff.carried_and_copies import carried_finding
from muxviz.figures.training.losses import loss_finding
from muxviz.figures.whatif.orders import company_finding, seats_finding
from muxviz.results.cross_matrix import CrossMatrix
from muxviz.results.estimates import Estimates
from muxviz.results.keys import GateFlips, KeyInterference
from muxviz.results.measured import NOW, Measured
from muxviz.results.planning import SurfaceGrid
from muxviz.results.whatif_orders import SlotOrders
from tests import figure_families as drawn
from tests.attention.test_attention_figures import relevance
from tests.layers.test_layers_figures import around, lens, member, origin, spectrum
from tests.model.planted_runs import TASK, point, tradeoff

NOTHING = math.nan
# Findings that speak of a course, or of a largest or least one, and must not without cause.
COURSE = ("the more", "rises", "falls", "grows", "fell", "rose")


def span(value: float, half: float = 0.1) -> claims.Span:
    return value, value - half, value + half


# ---- the helper ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "half", "course", "by_steps"),
    [
        ([1, 2, 3], 0.1, 1, 1),
        ([3, 2, 1], 0.1, -1, -1),
        ([1, 2, 3], 0.6, 1, 0),  # ends apart, steps not
        ([1, 2, 3], 1.0, 0, 0),
        ([6.0, 2.0, 6.05], 0.01, 0, 0),  # not monotone
        ([1, 3, 2], 0.1, 0, 0),
        ([1, 1, 2], 0.1, 1, 0),
        ([1, 1, 1], 0.0, 0, 0),
        ([1], 0.1, 0, 0),
        ([1, NOTHING, 3], 0.1, 0, 0),
    ],
)
def test_a_course_needs_its_order_and_intervals_apart(
    values: list[float], half: float, course: int, by_steps: int
) -> None:
    found = [span(v, half) for v in values]
    assert claims.trend(found) == course
    assert claims.trend(found, every_step=True) == by_steps


def test_the_largest_stands_out_only_apart_from_all_others() -> None:
    assert claims.standing_out([span(1), span(3), span(2)]) == 1
    assert claims.standing_out([span(1), span(3), span(2)], least=True) == 0
    assert claims.standing_out([span(1), span(3), span(2.9)]) is None
    assert claims.standing_out(claims.exact([1, 3, 3])) is None  # a tie
    assert claims.standing_out(claims.exact([1, 3, 3 + 1e-12])) is None  # rounding
    assert claims.standing_out([span(1), (3, NOTHING, NOTHING)]) is None  # not known how sure
    assert claims.standing_out([span(1), span(NOTHING)]) == 0
    assert claims.standing_out([]) is None


def test_sizes_keep_their_intervals() -> None:
    assert claims.sizes([(-2, -3, -1), (1, -1, 2), (2, 1, 3)]) == [
        (2, 1, 3),
        (1, 0.0, 2),
        (2, 1, 3),
    ]


# ---- findings -----------------------------------------------------------------------------------


def of_bits(*totals: float, half: float) -> str:
    numbers = (2, 5, 10)[: len(totals)]
    made = [drawn.bits(n, total, half) for n, total in zip(numbers, totals, strict=True)]
    return bits_finding(made[::-1], unit="nats")


def test_bits_in_no_order_carry_most_somewhere_or_nowhere() -> None:
    assert of_bits(6.0, 2.0, 6.05, half=0.5).startswith("Where one vector carries most is not told")
    assert of_bits(6.0, 2.0, 6.5, half=0.1) == (
        "One vector carries most at N = 10: 6.50 nats per position, then 6.00 at N = 2"
    )
    assert of_bits(2.0, 4.0, 6.0, half=0.5) == (
        "The more slots, the more one vector carries: 2.00 nats per position at N = 2, 6.00 at "
        "N = 10"
    )
    assert "The more slots, the less" in of_bits(6.0, 4.0, 2.0, half=0.5)
    assert "the more" not in of_bits(2.0, 4.0, 6.0, half=1.5).lower()  # steps overlap
    same = [drawn.bits(5, total, 0.1, name) for total, name in ((4.0, "a"), (6.0, "b"))]
    assert "at N = 5 (b): 8.66 bits" in bits_finding(same)


def test_bits_without_intervals_have_two_ends_and_no_order() -> None:
    said = carried_finding([Measured(NOW, tradeoff(*(
        point(f"n{n}", n, 0.8, 10, bits_per_vector=b) for n, b in ((2, 6.0), (5, 2.0), (10, 6.05))
    )))])  # fmt: skip
    assert said.startswith("One vector carries up to 6.0 bits at N = 10, and 2.0 at N = 5")


@pytest.mark.parametrize(
    ("read", "words"),
    [
        ([4, 20, 36], "rises from 10 % at the input of layer 1 to 90 % after layer 2"),
        ([36, 20, 4], "falls from 90 % at the input of layer 1 to 10 % after layer 2"),
        ([20, 38, 24], "is 50 % at the input of layer 1 and 60 % after layer 2"),
        ([4, 38, 24], "is 10 % at the input of layer 1 and 60 % after layer 2"),  # by way of 95 %
    ],
)
def test_a_lens_rises_only_level_by_level(read: list[float], words: str) -> None:
    counts = np.array([[float(v)] * 3 for v in read])
    assert words in lens_finding(replace(lens(), read=counts))


def test_the_lowest_slot_of_a_lens_is_told_from_the_others() -> None:
    counts = np.array([[10.0, 20, 30], [20, 30, 35], [40, 39, 20]])
    assert lens_finding(replace(lens(), read=counts)).endswith("slot 3 is lowest there (50 %)")
    counts[2] = [24, 39, 20]  # 60 % and 50 % of 40 tokens
    assert "lowest" not in lens_finding(replace(lens(), read=counts))


def test_interaction_grows_only_where_it_never_falls() -> None:
    found = spectrum()
    assert "Interaction grows from 0 %" in spectrum_finding(found)
    up_and_down = replace(found, interaction=around([0, 0.5, 0.7, 0.3]))
    assert "30 % of the state after layer 2 belongs to no single slot" in (
        spectrum_finding(up_and_down)
    )
    wide = replace(found, share=around(found.share.mean, 0.3))
    assert "keeps only" in spectrum_finding(found)
    assert "keeps only" not in spectrum_finding(wide)


def test_a_slot_is_least_sure_only_apart_from_the_next() -> None:
    def said(*nats: float) -> str:
        return fidelity_finding(replace(drawn.read(), nll=around(nats, 0.2)), value="nll")

    assert "Slot 3 comes back least surely: 5" in said(1.0, 3.0, 5.0)
    assert said(1.0, 4.9, 5.0) == (
        "Slots come back unlike: 5 nats per token in slot 3, 1 in slot 1"
    )
    assert "about alike" in said(4.8, 4.9, 5.0)


def test_company_moves_no_margin_most_where_intervals_overlap() -> None:
    whole = drawn.agreed()
    kept = replace(whole.total, hits=whole.total.trials)
    apart = replace(whole, total=kept, margin=around([0.1, 0.2, 0.9], 0.05))
    assert "it moves the margin of slot 3 most, by 0.9" in agreement_finding(apart)
    alike = replace(apart, margin=around([0.1, 0.8, 0.9], 0.2))
    assert "no slot's margin is told to move most (up to 0.9)" in agreement_finding(alike)


def matrix(second: float) -> CrossMatrix:
    values = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, second], [0.0, 0.0, 1.0]])
    nothing = Estimates(np.zeros(3), np.zeros(3), np.zeros(3), 64, 0)
    faint = np.zeros((3, 3), dtype=bool)
    return CrossMatrix(
        "swap", values, values - 0.05, values + 0.05, faint, True, nothing, nothing, 0.0, 1.0, ()
    )


def test_a_cell_moves_most_only_apart_from_the_next() -> None:
    assert crosstalk_finding(matrix(0.2)).startswith(
        "Exchanging the sentence in slot 2 moves slot 1 most: 0.50 nats"
    )
    said = crosstalk_finding(matrix(0.48))
    assert "moves slot 1: 0.50 nats" in said
    assert said.endswith("; other pairs are not told from it")


def test_no_slot_changes_most_with_sparsity_where_intervals_overlap() -> None:
    found = drawn.swap_by_sparsity()
    change = around([[0, 0, 0], [0.1, 0.2, 0.9]], 0.05)
    told = replace(found, change=change, mean_change=around([0, 0.4], 0.1))
    assert crosstalk_sparsity_finding(told).endswith("slot 3 changes most, by +90 points")
    wide = replace(told, change=around(change.mean, 0.5))
    assert crosstalk_sparsity_finding(wide).endswith("no slot is told to change most")


def test_no_slot_hears_loudest_and_no_gates_are_most_alike_where_intervals_overlap() -> None:
    def loud(half: float) -> str:
        measured = around([0.5, 1.0, 2.0], half)
        nan = float("nan")
        return sinr_finding(
            KeyInterference(measured, np.ones(3), nan, nan, nan, 9, False, origin())
        )

    assert loud(0.1) == "Slot 3 hears the others loudest: −3.0 dB"
    assert loud(1.5).endswith("no slot is told to hear most")

    def gates(half: float) -> str:
        flips = np.array([[0, 0.2, 0.3], [0.2, 0, 0.35], [0.3, 0.35, 0]])
        made = GateFlips(flips, around(flips, half), np.zeros(3), 48, 9, False, origin())
        return gates_finding(made, over="pool")

    assert gates(0.01).startswith("The read-outs of slots 1 and 2 are the most alike: 20 %")
    assert gates(0.2).startswith("No two read-outs are told to be most alike")


def test_attention_is_narrower_only_where_intervals_are_apart() -> None:
    two, five = member(2, (0.5, 0.6)), member(5, (0.3, 0.6))
    assert "In layer 1 attention is narrower with N = 5 than with N = 2" in norms_finding(
        [two, five]
    )
    wide = [replace(m, evenness=around(m.evenness.mean, 0.2)) for m in (two, five)]
    assert norms_finding(wide).startswith("No layer is told to attend most narrowly")
    assert "narrowest in layer 1: 50 %" in norms_finding([two])


def test_two_slots_are_one_pair() -> None:
    said = relevance_finding(relevance(num=2), 1)
    assert "slots 1 and 2 lean on looks with a cosine of" in said
    assert "most" not in said


def test_a_surface_that_falls_does_not_grow() -> None:
    numbers, sparsities = np.array([1.0, 10.0]), np.array([0.0, 0.9])
    down = SurfaceGrid("t", "m", numbers, sparsities, np.array([[4.0, 3], [2, 1]]), np.ones((2, 2)))
    said = surfaces_finding(drawn.grid().points, down, down)
    assert "throughput becomes 0.25 times as high" in said
    assert "grows" not in said


def test_accuracies_that_overlap_are_not_told_apart() -> None:
    def said(score: float) -> str:
        return tradeoff_finding(
            [Measured(NOW, tradeoff(point("plain", 1, 0.9, 100), point("two", 2, score, 180)))],
            task=TASK,
        )

    assert "loses 10.0 points of accuracy (two)" in said(0.80)
    assert "loses 4.0 points of accuracy (not told apart) (two)" in said(0.86)


def test_a_loss_has_two_ends() -> None:
    said = loss_finding(drawn.curves()[:1])
    assert re_course(said) == []
    assert " went from " in said


def re_course(text: str) -> list[str]:
    return [word for word in COURSE if word in text.lower()]


# ---- seats --------------------------------------------------------------------------------------


def orders(by_seat: list[float], noise: float, *, exact: bool = False) -> SlotOrders:
    """One sentence followed through 10 squares of 4 orders; the others stay where they are told."""
    generator = np.random.default_rng(0)
    num = len(by_seat)
    firsts = [generator.permutation(num) for _ in range(10)]
    found = np.array([np.roll(first, shift) for first in firsts for shift in range(num)])
    seats = (found == 0).argmax(axis=1)
    sure = np.array(by_seat)[seats] + noise * generator.normal(size=len(seats))
    between = float(np.var([sure[seats == s].mean() for s in range(num)]))
    within = float(np.mean([sure[seats == s].var() for s in range(num)]))
    column = np.repeat(sure[:, None], num, axis=1)
    some: Any = np.full(num, 0.25)
    nothing = np.full(num, np.nan)
    return SlotOrders(
        ("a",) * num,
        ("positive",) * num,
        True,
        num,
        found,
        column,
        column,
        (column > 0.5).astype(float),
        Estimates(some, nothing, nothing, len(found), 0),
        Estimates(some, nothing, nothing, len(found), 0),
        np.full(num, between),
        np.full(num, within),
        0.1,
        exact,
        False,
        origin(num),
    )


def test_a_seat_is_named_where_it_is_told_from_another_beside_what_chance_gives() -> None:
    told = seats_finding(orders([0.9, 0.2, 0.5, 0.5], 0.01), 0)
    assert told.startswith("25 % of 40 orders give another answer; its probability is 20 % in ")
    assert "seat 2 and 90 % in seat 1 (the seat explains over 99 %, 8 % by chance)" in told
    blurred = seats_finding(orders([0.5, 0.5, 0.5, 0.5], 0.2), 0)
    assert "no seat is told from another (the seat explains" in blurred
    assert "by chance" in company_finding(orders([0.5] * 4, 0.2))
    assert "by chance" not in seats_finding(orders([0.9, 0.2, 0.5, 0.5], 0.2, exact=True), 0)

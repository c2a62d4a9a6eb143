"""The rule of "Why this answer?" on numbers alone: what it may name, and what it must not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from muxviz.figures.debugger.ladder import ladder_alt, ladder_finding, ladder_table
from muxviz.results.group import Provenance
from muxviz.results.ladder import CAUSES, Ladder, Rung, judge, rung_of
from muxviz.results.reading import Proportion

NONE = (0.0, -0.05, 0.05)  # no change
UP, DOWN = (1.0, 0.8, 1.2), (-1.0, -1.2, -0.8)
Share = tuple[int, int]


def alone(turned: int) -> Rung:
    nothing = float("nan")
    return rung_of("baseline", change=(3.0, nothing, nothing), turned=Proportion(turned, 1))


def reordered(turned: Share, change: Any = NONE, **options: Any) -> Rung:
    return rung_of("reseated", change=change, turned=Proportion(*turned), **options)


def seat(turned: Share, held: Share, both: int, effect: Any = UP, **options: Any) -> Rung:
    return rung_of(
        "seat",
        change=effect,
        turned=Proportion(*turned),
        effect=effect,
        held=Proportion(*held),
        both=both,
        control="reseated",
        **options,
    )


def company(turned: Share, held: Share, change: Any = UP, effect: Any = UP, **options: Any) -> Rung:
    return rung_of(
        "company",
        change=change,
        turned=Proportion(*turned),
        effect=effect,
        held=Proportion(*held),
        control="reseated",
        **options,
    )


def neighbours(turned: Sequence[int], effects: Sequence[Any] = (), **options: Any) -> list[Rung]:
    """Slots 2, 3, … of 64 draws each, every one against all the others."""
    out = []
    for number, one in enumerate(turned):
        effect = effects[number] if effects else (UP if one else NONE)
        held = Proportion(sum(turned) - one, 64 * (len(turned) - 1))
        out.append(
            rung_of(
                "neighbour",
                slot=number + 1,
                change=effect,
                turned=Proportion(one, 64),
                effect=effect,
                held=held,
                control="other neighbours",
                **options,
            )
        )
    return out


STILL = [seat((0, 64), (0, 64), 0, NONE), reordered((0, 64)), company((0, 64), (0, 64), NONE, NONE)]
# "An unhurried, radiant hymn to bicycles." in slot 4 of ten: 0.29 logits from the turn.
HYMN = [
    rung_of("all slots", change=(-0.64, -0.90, -0.43), turned=Proportion(0, 10)),
    alone(1),
    seat((0, 64), (0, 64), 0, (0.36, 0.22, 0.50)),
    reordered((0, 64), (-1.15, -1.27, -1.03)),
    company((3, 64), (0, 64), (-0.87, -1.02, -0.72), (0.27, 0.08, 0.47)),
    *neighbours(
        [1, 5, 1, 31, 18, 21, 0, 0, 3],
        [
            (-0.06, -0.12, -0.01),
            (0.11, 0.05, 0.17),
            (-0.11, -0.17, -0.05),
            (0.40, 0.33, 0.47),
            (0.23, 0.15, 0.31),
            (0.27, 0.20, 0.35),
            (-0.28, -0.35, -0.21),
            (-0.48, -0.54, -0.41),
            (-0.08, -0.15, 0.0),
        ],
    ),
]
# "It ended; that was its kindest moment." in slot 9: 47 of 64 in other seats, 39 without moving.
ENDED = [
    rung_of("all slots", change=(0.85, 0.31, 1.29), turned=Proportion(5, 10)),
    alone(1),
    seat((47, 64), (39, 64), 31, (0.31, 0.08, 0.57)),
    reordered((39, 64), (1.03, 0.90, 1.16)),
    company((48, 64), (39, 64), (1.63, 1.44, 1.80), (0.59, 0.38, 0.80)),
    *neighbours([4, 0, 0, 1, 2, 1, 0, 2, 2]),
]

CASES: dict[str, tuple[list[Rung], bool, tuple[str, int | None]]] = {
    "the hymn: one neighbour of nine tips it": (HYMN, False, ("neighbour", 4)),
    "the ending: the move adds nothing to the reordering": (ENDED, False, ("company", None)),
    "N = 1 is right and nothing mends": ([alone(1), *STILL], False, ("model", None)),
    "N = 1 is wrong too and nothing mends": ([alone(0), *STILL], False, ("sentence", None)),
    "nothing mends and there is no N = 1": (STILL, False, ("untold", None)),
    "N = 1 is wrong, but copies are right": (
        [alone(0), rung_of("all slots", change=UP, turned=Proportion(9, 10)), *STILL],
        False,
        ("none", None),
    ),
    "wrong among copies alone does not make it the sentence": (
        [alone(1), rung_of("all slots", change=DOWN, turned=Proportion(0, 10)), *STILL],
        False,
        ("model", None),
    ),
    "N = 1 is wrong, and yet any exchange mends a third": (
        [alone(0), *STILL, *neighbours([24, 24, 24])],
        False,
        ("none", None),
    ),
    "every neighbour alike is nobody's": (
        [alone(1), *neighbours([40, 41, 40])],
        False,
        ("none", None),
    ),
    "a neighbour that mends too seldom": (
        [alone(1), *STILL, *neighbours([15, 0, 0])],
        False,
        ("model", None),
    ),
    "a share without a change of the margin": (
        [alone(1), *STILL, *neighbours([40, 0, 0], [NONE, NONE, NONE])],
        False,
        ("none", None),
    ),
    "the stronger of two neighbours": (
        [*STILL, *neighbours([60, 30, 0, 0])],
        False,
        ("neighbour", 1),
    ),
    "a seat that its control does not explain": (
        [alone(1), seat((50, 64), (5, 64), 4), reordered((5, 64)), *neighbours([0, 0])],
        False,
        ("seat", None),
    ),
    "a seat stronger than a neighbour": (
        [seat((64, 64), (5, 64), 5), reordered((5, 64)), *neighbours([30, 0, 0])],
        False,
        ("seat", None),
    ),
    "all neighbours together, none by itself": (
        [alone(1), seat((4, 64), (4, 64), 2, NONE), reordered((4, 64)), company((50, 64), (4, 64))]
        + neighbours([2, 3, 1]),
        False,
        ("company", None),
    ),
    "together, but one by itself as well": (
        [alone(1), reordered((4, 64)), company((60, 64), (4, 64)), *neighbours([50, 3, 1])],
        False,
        ("neighbour", 1),
    ),
    "equals: a neighbour before the seat": (
        [seat((64, 64), (0, 64), 0), reordered((0, 64)), *neighbours([64, 0])],
        False,
        ("neighbour", 1),
    ),
    "equals: the company before the seat": (
        [seat((64, 64), (0, 64), 0), reordered((0, 64)), company((64, 64), (0, 64))],
        False,
        ("company", None),
    ),
    "only their order": (
        [alone(1), reordered((40, 64), UP), company((10, 64), (40, 64), UP, DOWN)],
        False,
        ("company", None),
    ),
    "others turn it as often as not, without a change on average": (
        [alone(1), reordered((30, 64), NONE), company((31, 64), (30, 64), NONE, NONE)],
        False,
        ("none", None),
    ),
    "all seats of a small group, so nothing is drawn": (
        [seat((3, 4), (1, 4), 1, (1.0,) * 3, is_exact=True), reordered((1, 4), is_exact=True)],
        False,
        ("seat", None),
    ),
    "the same few as draws": (
        [seat((3, 4), (1, 4), 1), reordered((1, 4))],
        False,
        ("none", None),
    ),
    "right, and what would turn it": (
        neighbours([50, 1, 1], [DOWN, NONE, NONE], is_right=True),
        True,
        ("neighbour", 1),
    ),
    "right, and a margin that only rises is no cause": (
        neighbours([50, 1, 1], is_right=True),
        True,
        ("none", None),
    ),
    "right, and nothing turns it": (neighbours([0, 0, 0], is_right=True), True, ("none", None)),
}  # fmt: skip


@pytest.mark.parametrize(("rungs", "is_right", "wanted"), CASES.values(), ids=CASES)
def test_the_rule_names(rungs: list[Rung], is_right: bool, wanted: tuple[str, int | None]) -> None:
    assert judge(rungs, is_right=is_right) == wanted
    assert judge(rungs[::-1], is_right=is_right) == wanted
    assert judge(rungs, is_right=is_right, is_partial=True) == ("none", None)


def test_every_cause_is_tried() -> None:
    assert {wanted for _, _, (wanted, _) in CASES.values()} == set(CAUSES)


@pytest.mark.parametrize("right_alone", [None, False, True])
@pytest.mark.parametrize("most", [0, 21, 22, 64])
def test_the_sentence_is_never_blamed_where_n_1_is_right_or_an_exchange_mends_a_third(
    right_alone: bool | None, most: int
) -> None:
    rungs = STILL + neighbours([most, most, most])
    rungs += [] if right_alone is None else [alone(int(right_alone))]
    cause, _ = judge(rungs, is_right=False)
    assert (cause == "sentence") == (right_alone is False and most < 64 / 3)


def test_an_effect_below_the_floor_is_rounding() -> None:
    told = rung_of("reseated", change=UP, turned=Proportion(9, 9), floor=0.5)
    lost = rung_of("reseated", change=UP, turned=Proportion(9, 9), floor=1.5)
    assert (told.claims, lost.claims) == (True, False)


def test_differences_of_shares_have_the_published_intervals() -> None:
    """Newcombe 1998, Statistics in Medicine 17: 873 (two samples) and 2635 (pairs), method 10."""
    apart = Proportion(56, 70).less(Proportion(48, 80))
    assert apart == pytest.approx((0.2, 0.0524, 0.3339), abs=5e-5)
    pairs = Proportion(48, 50).less(Proportion(38, 50), both=36)
    assert pairs == pytest.approx((0.2, 0.0569, 0.3404), abs=5e-5)
    assert all(v != v for v in Proportion(0, 0).less(Proportion(1, 2)))


# ---- words --------------------------------------------------------------------------------------


def told(rungs: Sequence[Rung], margin: float, *, is_right: bool = False, slot: int = 0) -> Ladder:
    cause, culprit = judge(rungs, is_right=is_right)
    right, wrong = "positive", "negative"
    return Ladder(
        slot=slot,
        text="a film",
        texts=tuple(f"neighbour {n + 1}" for n in range(10)),
        answer=right if is_right else wrong,
        target=right,
        source="gold",
        is_right=is_right,
        margin=margin,
        token="",
        rungs=tuple(rungs),
        cause=cause,
        culprit=culprit,
        copies_right=Proportion(0, 10),
        floor=0.0,
        draws=64,
        pool_size=400,
        seed=0,
        is_partial=False,
        provenance=Provenance("", "", "", "", "", "", "", 10, 0, "", "", 0),
    )


def test_the_hymn_is_borderline_and_its_neighbour_is_held_against_the_others() -> None:
    result = told(HYMN, -0.2855, slot=3)
    said = ladder_finding(result)
    assert said.startswith("Slot 4 reads as negative (alone, N = 1: positive), borderline, 0.29 ")
    assert "slot 5 tips it: another sentence in slot 5 mends 31 of 64 draws" in said
    assert "in other slots 49 of 512" in said
    assert "sentence itself" not in said
    assert "Slot 5 (neighbour 5) holds that sentence" in ladder_alt(result)
    assert "copies of it (off-distribution)" in ladder_alt(result)


def test_the_ending_is_its_companys_and_the_seat_is_net_of_the_reordering() -> None:
    result = told(ENDED, -0.918, slot=8)
    said = ladder_finding(result)
    assert "0.92 logits from the turn: because of its company: others mend 48 of 64 draws" in said
    assert "the same reordered 39 of 64; no single one does" in said
    assert "seat" not in said
    assert "borderline" not in said
    (row,) = [row for row in ladder_table(result) if row["test"].startswith("T1 · in")]
    assert (row["draws turned"], row["draws of the control turned"]) == (47, 39)
    assert row["net turned"] == 0.125
    assert row["net turned from"] < 0 < row["net turned to"]
    assert not row["told from its control"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("N = 1 is right and nothing mends", "because of the model at N = 10; nothing tried mends"),
        ("N = 1 is wrong too and nothing mends", "(alone, N = 1: not positive)"),
        ("N = 1 is wrong too and nothing mends", "because of the sentence itself; nothing tried"),
        ("nothing mends and there is no N = 1", "no N = 1 model to tell the sentence"),
        ("every neighbour alike is nobody's", "no single cause; another sentence in slot 3 mends"),
        ("a seat that its control does not explain", "its seat: another seat mends 50 of 64"),
        ("only their order", "others mend 10 of 64 draws, the same reordered 40 of 64"),
        ("right, and what would turn it", "most easily another sentence in slot 2 turns 50"),
        ("right, and nothing turns it", "logits from the turn; nothing tried turns it"),
    ],
)
def test_verdicts_in_words(name: str, words: str) -> None:
    rungs, is_right, _ = CASES[name]
    assert words in ladder_finding(told(rungs, 1.5 if is_right else -1.5, is_right=is_right))


def test_the_title_of_the_longest_verdict_is_not_cut() -> None:
    from muxviz.figures.drawing.ink import TITLE_ROOM
    from muxviz.figures.drawing.wording import ELLIPSIS, fold

    for rungs, is_right, _ in CASES.values():
        for margin in (0.31, 10.31):
            said = ladder_finding(
                told(rungs, margin if is_right else -margin, is_right=is_right, slot=9)
            )
            assert ELLIPSIS not in "".join(fold(said, TITLE_ROOM, 2)), said

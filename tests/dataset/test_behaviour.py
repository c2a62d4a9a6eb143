"""Behavioural tests on planted models whose shares are known, and their thresholds."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from muxviz.batch import Row, Seating, encode_rows, make_group
from muxviz.behaviour import Thresholds, measure_behaviour, read_texts, read_thresholds
from muxviz.behaviour.compare import compare, said
from muxviz.behaviour.passes import APPLIES, Pool, Seats
from muxviz.errors import DataError, FileError, NotApplicable
from muxviz.results import LabelAnswer, Proportion, ScoreAnswer, TagAnswer, from_json, to_json
from muxviz.results.behaviour import CHANGES, Behaviour, BehaviourTest
from tests.planted import BLAME, PRAISE, planted
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config

NEUTRAL = ("film", "movie", "story", "plot", "actor", "scene", "book", "music", "song", "dog")
PRAISED = [Row(f"{good} {thing}") for good in PRAISE[:5] for thing in NEUTRAL]
BLAMED = [Row(f"{bad} {thing}") for bad in BLAME[:5] for thing in NEUTRAL]
TEXTS = [row for pair in zip(PRAISED, BLAMED, strict=True) for row in pair]
LONG = [Row("good old film story plot actor scene"), Row("bad book music song dog")]


def shares(result: Behaviour) -> dict[str, float]:
    return {test.name: test.share for test in result.tests}


def test_slots_that_do_not_touch_keep_every_answer() -> None:
    found = measure_behaviour(planted().checkpoint, TEXTS + LONG, rows=60)
    assert set(shares(found)) == set(CHANGES)
    assert set(shares(found).values()) == {1.0}
    assert found.is_passed
    assert [test.worst for test in found.tests] == [()] * len(found.tests)
    control, company, *_, filler, length = found.tests
    assert (control.kept, control.trials, control.low) == (60, 60, pytest.approx(0.9398, abs=1e-4))
    assert company.reason == order_reason(found) == ""
    assert (filler.rows, filler.reason[:18]) == (40, "20 texts left out:"), "a third sits last"
    assert 0 < length.rows < 60 or not length.reason


def order_reason(found: Behaviour) -> str:
    return next(test.reason for test in found.tests if test.name == "order")


def test_a_slot_that_copies_another_fails_by_the_share_known_for_it() -> None:
    """Slot 1 answers with slot 2's text, and half of the texts are of each kind.

    A third of the texts sit in slot 1; half of these get a text of the other kind in slot 2.
    """
    leaks = np.eye(3)
    leaks[0] = (0, 1, 0)
    found = measure_behaviour(planted(leaks).checkpoint, TEXTS, rows=60, worst=99)
    tests = {test.name: test for test in found.tests}
    assert tests["control"].share == 1
    for name in ("company", "order"):
        test = tests[name]
        assert {change.before.slot for change in test.worst} == {0}
        seen = [kinds(c.before.rows[1][0]) != kinds(c.after.rows[1][0]) for c in test.worst]
        assert all(seen), "the answer turned because slot 2 did"
        assert test.share == pytest.approx(1 - 1 / 6, abs=0.1)
        assert test.changed == len(test.worst)
    for change in tests["seat"].worst:
        assert 0 in (change.before.slot, change.after.slot)


def kinds(text: str) -> bool:
    return text.split()[0] in PRAISE


def expected_changes(leaks: np.ndarray, test: BehaviourTest) -> list[bool]:
    """By hand, for texts of one strong word: the sign of what each slot hears, in both passes."""
    signs = []
    for change in test.worst:
        heard = [
            sum(
                leaks[seated.slot, j] * (1 if kinds(text) else -1)
                for j, (text, _) in enumerate(seated.rows)
            )
            for seated in (change.before, change.after)
        ]
        signs.append(heard[0] * heard[1] < 0)
    return signs


def test_every_change_is_one_that_the_leaks_demand() -> None:
    leaks = np.array([[1, 0.6, 0.6], [0, 1, 0], [0, 0, 1.0]])
    found = measure_behaviour(planted(leaks).checkpoint, TEXTS, rows=60, worst=99)
    for test in found.tests:
        assert all(expected_changes(leaks, test)), test.name
    tests = {test.name: test for test in found.tests}
    assert tests["order"].share == 1, "a sum does not hear the order of its neighbours"
    assert tests["company"].share < 1 > tests["duplicates"].share


def test_the_shares_are_those_of_a_count_by_hand() -> None:
    """The same draws, their margins worked out in NumPy."""
    model = planted(np.array([[1, 0.8, 0.9], [0.7, 1, 0], [-0.6, 0.5, 1]]))
    config, rows = model.checkpoint.config, 40
    texts = LONG + TEXTS
    numbers = np.random.default_rng(3).permutation(len(texts))
    pool = Pool.of(encode_rows(model.checkpoint, [texts[n] for n in numbers]))
    drawn = [pool.draw(at, at % 3, 3, np.random.default_rng([3, at])) for at in range(rows)]

    def answers(seats: Seats) -> bool:
        margin = model.margins(make_group(config, seats.rows, Seating(seed=3)))[seats.slot]
        assert abs(margin) > 1e-3, "no answer hangs on rounding"
        return bool(margin > 0)

    found = measure_behaviour(model.checkpoint, texts, rows=rows, seed=3)
    for number, test in enumerate(found.tests):
        changed = [
            APPLIES[test.name][0](one, np.random.default_rng([3, at, number]))
            for at, one in enumerate(drawn)
        ]
        pairs = [(a.seats, b) for a, b in zip(drawn, changed, strict=True) if b is not None]
        assert test.trials == len(pairs)
        assert test.kept == sum(answers(one) == answers(other) for one, other in pairs), test.name
    assert len({test.kept for test in found.tests}) > 3


def test_unequal_slots_fail_the_seat_and_nothing_else() -> None:
    leaks = np.diag([1.0, 1.0, -1.0])
    found = measure_behaviour(planted(leaks).checkpoint, TEXTS, rows=60)
    wrong = {test.name for test in found.tests if test.share < 1}
    assert wrong == {"seat"}
    seat = next(test for test in found.tests if test.name == "seat")
    # from slots 1 and 2 half of the moves go into slot 3; from slot 3 all leave it
    assert seat.share == pytest.approx(1 / 3, abs=0.1)
    assert seat.verdict == "failed"
    for change in seat.worst:
        assert (change.before.slot == 2) != (change.after.slot == 2)
        assert change.text == change.after.rows[change.after.slot][0]


def test_two_slots_have_no_order_and_no_duplicates() -> None:
    found = measure_behaviour(planted(num_instances=2).checkpoint, TEXTS + LONG, rows=40)
    skipped = {test.name: test.reason for test in found.tests if test.verdict == "skipped"}
    assert skipped == dict.fromkeys(
        ("order", "duplicates"), "40 texts left out: there is one neighbour only"
    )
    assert math.isnan(next(t for t in found.tests if t.name == "order").share)
    assert {test.share for test in found.tests if test.name not in skipped} == {1.0}


def test_the_same_seed_gives_the_same_and_more_rows_begin_with_it() -> None:
    leaks = np.array([[1, 1.2, 0], [0, 1, 1.2], [1.2, 0, 1]])
    checkpoint = planted(leaks).checkpoint

    def changed(rows: int, **options: int) -> list[list[tuple[int, str]]]:
        found = measure_behaviour(checkpoint, TEXTS, rows=rows, worst=99, **options)
        return [sorted((c.number, c.after.answer) for c in test.worst) for test in found.tests]

    few, many = changed(15), changed(30)
    assert few == changed(15, batch=7)
    assert few != changed(15, seed=1)
    assert all(set(one) < set(two) for one, two in zip(few[1:2], many[1:2], strict=True))


def test_a_text_that_occurs_twice_is_taken_once() -> None:
    checkpoint = shared_checkpoint()
    texts = [Row(f"the {thing}") for thing in NEUTRAL[:5]]
    found = measure_behaviour(checkpoint, texts * 3, rows=100)
    assert (found.texts, found.rows) == (5, 5)
    assert all(change.number <= 5 for test in found.tests for change in test.worst)


def test_tokens_are_counted_one_by_one() -> None:
    config = tiny_config(task="token_classification", num_labels=3)
    texts = [Row(f"{a} {b} cat") for a in PRAISE for b in NEUTRAL]
    found = measure_behaviour(tiny_checkpoint(config), texts, rows=20)
    assert found.unit == "tokens"
    company = found.tests[1]
    assert (company.rows, company.trials) == (20, 60)
    assert 0 < company.kept < 60, "random weights let neighbours in"
    assert company.changed <= 20
    assert sum(change.changed for change in company.worst) <= 60 - company.kept
    word = company.worst[0].before.answer.split(": ")[0]
    assert word in company.worst[0].text.split()


def test_scores_stay_within_the_tolerance() -> None:
    checkpoint = tiny_checkpoint(tiny_config(task="regression"))

    def company(tolerance: float) -> BehaviourTest:
        asked = Thresholds(tolerance=tolerance)
        return measure_behaviour(checkpoint, TEXTS, rows=20, thresholds=asked).tests[1]

    assert company(1e6).share == 1
    small = company(1e-9)
    assert small.share == 0
    differences = [
        abs(float(c.before.answer) - float(c.after.answer)) for c in small.worst
    ]  # shown with three decimals
    sizes = [change.size for change in small.worst]
    assert sizes == pytest.approx(differences, abs=2e-3)
    assert sizes == sorted(sizes, reverse=True)


# ---- comparing answers --------------------------------------------------------------------------


def test_the_worst_unit_is_the_one_that_both_passes_were_surest_of() -> None:
    before = said(TagAnswer(("a", "b", "c"), ("X", "X", "Y"), np.array([0.9, 0.8, 0.7])))
    after = said(TagAnswer(("a", "b", "c"), ("Y", "Y", "Y"), np.array([0.5, 0.6, 0.9])))
    found = compare(before, after, tolerance=0)
    assert (found.kept, found.trials, found.worst, found.size) == (1, 3, 1, 0.6)
    assert (before.words(1), after.words(1)) == ("b: X", "b: Y")


def test_a_label_is_one_answer_and_a_score_may_move() -> None:
    one = LabelAnswer("no", 0, ("no", "yes"), np.array([0.9, 0.1]), 2.2)
    two = LabelAnswer("yes", 1, ("no", "yes"), np.array([0.4, 0.6]), 0.4)
    assert compare(said(one), said(one), tolerance=0).worst is None
    assert compare(said(one), said(two), tolerance=0).size == 0.4
    scores = [said(ScoreAnswer(value)) for value in (1.0, 1.5)]
    assert compare(*scores, tolerance=0.5).kept == 1
    assert compare(*scores, tolerance=0.4).size == 0.5


# ---- verdicts -----------------------------------------------------------------------------------


def _with(kept: int, trials: int, least: float) -> BehaviourTest:
    low, high = Proportion(kept, trials).interval
    return BehaviourTest("seat", least, kept, trials, low, high, trials, "", 0, (), 0.0)


@pytest.mark.parametrize(
    ("kept", "trials", "least", "verdict"),
    [
        (200, 200, 0.98, "passed"),  # Wilson: 0.981 to 1
        (20, 20, 0.9, "undecided"),  # 0.839 to 1: too few rows never pass
        (185, 200, 0.9, "undecided"),  # 0.880 to 0.954
        (185, 200, 0.96, "failed"),
        (200, 200, 1.0, "passed"),
        (199, 200, 1.0, "failed"),
        (0, 5, 0.0, "passed"),
        (0, 0, 0.9, "skipped"),
    ],
)
def test_verdicts(kept: int, trials: int, least: float, verdict: str) -> None:
    test = _with(kept, trials, least)
    assert test.verdict == verdict
    assert test.is_passed == (verdict in ("passed", "skipped"))


def test_the_rows_that_would_tell_do() -> None:
    test = _with(185, 200, 0.9)
    assert test.rows_to_tell == 650
    rows = 10 * test.rows_to_tell
    assert _with(round(0.925 * rows), rows, 0.9).verdict == "passed"
    assert _with(179, 200, 0.9).rows_to_tell is None
    assert _with(200, 200, 0.9).rows_to_tell is None, "it passed"


def test_a_result_comes_back_from_json() -> None:
    found = measure_behaviour(planted(np.diag([1.0, -1, 1])).checkpoint, TEXTS, rows=12)
    assert from_json(to_json(found)).tests[2].worst == found.tests[2].worst


# ---- what cannot be asked -----------------------------------------------------------------------


def test_one_slot_has_no_company() -> None:
    with pytest.raises(NotApplicable, match="N = 1 model; its texts have no company"):
        measure_behaviour(shared_checkpoint(plain=True), TEXTS)


def test_too_few_different_texts() -> None:
    with pytest.raises(DataError, match="holds 4 different texts; expected at least 5, so that"):
        measure_behaviour(shared_checkpoint(), TEXTS[:4] * 9, data="mine.txt")


def test_a_text_without_a_token_is_named_by_its_row() -> None:
    texts = [*TEXTS[:9], Row("\u200b"), *TEXTS[9:20]]
    with pytest.raises(DataError, match="mine.txt, row 10 holds nothing that the tokenizer keeps"):
        measure_behaviour(shared_checkpoint(), texts, data="mine.txt")


def test_a_masked_model_needs_something_to_fill() -> None:
    checkpoint = tiny_checkpoint(tiny_config(task="masked_lm"))
    with pytest.raises(NotApplicable, match=r"no text of mine.txt holds a \[MASK\] for tiny"):
        measure_behaviour(checkpoint, TEXTS, data="mine.txt", rows=10)
    texts = [Row(f"{row.text} [MASK]") for row in TEXTS]
    assert measure_behaviour(checkpoint, texts, rows=10).tests[1].trials == 10


# ---- files --------------------------------------------------------------------------------------


def test_lines_and_tables_are_read_alike(tmp_path: Path) -> None:
    checkpoint = shared_checkpoint()
    wanted = [Row("a film"), Row("a dog")]
    (tmp_path / "t.txt").write_text("a film\na dog\n")
    (tmp_path / "t.tsv").write_text("sentence\tmood\na film\tblue\na dog\t\n")
    (tmp_path / "t.jsonl").write_text('{"text": "a film", "label": "unheard of"}\n{"text":"a dog"}')
    for name in ("t.txt", "t.tsv", "t.jsonl"):
        assert read_texts(tmp_path / name, checkpoint) == wanted, name
    (tmp_path / "p.txt").write_text("a film\ta dog\n")
    assert read_texts(tmp_path / "p.txt", checkpoint) == [Row("a film", "a dog")]
    (tmp_path / "w.jsonl").write_text('{"tokens": ["a", "film"], "tags": [0, 1]}')
    assert read_texts(tmp_path / "w.jsonl", checkpoint) == [Row("a film")]
    tagger = shared_checkpoint(task="token_classification")
    assert read_texts(tmp_path / "w.jsonl", tagger) == [Row("a film", None, ("a", "film"))]


def test_thresholds_are_those_of_the_file_and_the_defaults(tmp_path: Path) -> None:
    assert read_thresholds(None) == Thresholds()
    path = tmp_path / "least.toml"
    path.write_text("tolerance = 2\n[least]\nseat = 0.5\norder = 1\n")
    found = read_thresholds(path)
    assert found.tolerance == 2
    assert found.least["seat"] == 0.5
    assert (found.least["order"], found.least["company"], found.least["control"]) == (1, 0.9, 1)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[least]\nsaet = 0.5", "names 'saet'; expected some of control, company, seat"),
        ("seat = 0.5", "names 'seat'; expected some of least, tolerance"),
        ("least = 0.5", "least is no table"),
        ("[least]\nseat = 50", "seat is 50; expected a number from 0 to 1"),
        ("[least]\nseat = '0.5'", "seat is '0.5'; expected a number"),
        ("[least]\nseat = true", "seat is True; expected a number"),
        ("tolerance = -1", "tolerance is -1; expected a number from 0"),
        ("[least", "is not TOML"),
    ],
)
def test_thresholds_that_cannot_be_meant(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "least.toml").write_text(text)
    with pytest.raises(FileError) as refused:
        read_thresholds(tmp_path / "least.toml")
    assert says in str(refused.value)

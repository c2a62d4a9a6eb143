"""Kept rows on two planted checkpoints whose answers are known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from muxviz.analysis.groups.shares import mcnemar
from muxviz.analysis.regression.redo import regression, regrouped, tally
from muxviz.errors import DataError, NotApplicable, Stopped
from muxviz.results import from_json, to_json
from muxviz.results.regression import Redone, Regression
from muxviz.results.worklist import Failure, FailureSet
from tests.dataset.planted_worklist import FAILURE
from tests.dataset.planted_worklist import planted as worklist
from tests.planted import planted
from tests.tiny import shared_checkpoint

CLEAN = planted(name="clean").checkpoint
DEAF = planted(np.array([[0, 1, 0], [0, 1, 0], [0, 0, 1.0]]), name="deaf").checkpoint  # slot 1
WIDE = planted(num_instances=5, name="wide").checkpoint
ALONE = planted(num_instances=2, name="two").checkpoint


def kept(*failures: Failure, by: object = DEAF) -> FailureSet:
    origin = replace(
        worklist().provenance,
        checkpoint=by.name,
        fingerprint=by.fingerprint,
        num_instances=by.config.num_instances,
    )
    return replace(worklist().saved(failures), provenance=origin)


def failure(number: int, *texts: str, slot: int = 0, gold: str, answer: str) -> Failure:
    rows = tuple((text, None) for text in texts)
    kind = "shared" if gold != answer else ""
    return replace(
        FAILURE, number=number, rows=rows, slot=slot, gold=gold, answer=answer, kind=kind
    )


WRONG = failure(1, "good film", "bad dog", "a song", gold="positive", answer="negative")
STILL = failure(2, "sad film", "bad dog", "a song", gold="positive", answer="negative")
RIGHT = failure(3, "warm film", "good dog", "a song", gold="positive", answer="positive")
BREAKS = failure(4, "bad film", "good dog", "a song", gold="positive", answer="positive")


def test_every_outcome_is_counted_once() -> None:
    found = regression(DEAF, CLEAN, kept(WRONG, STILL, RIGHT, BREAKS))
    outcomes = [row.outcome for row in found.rows]
    assert outcomes == ["fixed", "same wrong", "same right", "broken"]
    assert found.total.counts == (1, 1, 1, 1)
    assert {t.kind: t.counts for t in found.tallies} == {
        "shared": (1, 0, 0, 1),
        "": (0, 1, 1, 0),
    }
    assert found.total.p == mcnemar(1, 1) == 1
    assert any("clean looks better than it is (regression to the mean)" in n for n in found.notes)
    assert isinstance(from_json(to_json(found)), Regression)
    back = regression(CLEAN, DEAF, kept(WRONG, STILL, RIGHT, BREAKS))
    assert back.total.counts == (1, 1, 1, 1)
    assert [row.outcome for row in back.rows] == ["broken", "same wrong", "same right", "fixed"]


def test_rows_that_all_failed_are_no_test() -> None:
    found = regression(DEAF, CLEAN, kept(WRONG, STILL))
    assert found.total.counts == (1, 0, 0, 1)
    assert math.isnan(found.total.p)
    assert any("deaf gets none of these rows right, so none could break" in n for n in found.notes)


def test_the_pass_is_the_one_that_was_kept() -> None:
    """Filled up and seated as then: an answer that was not repeated is said."""
    short = failure(1, "bad film", "good dog", slot=1, gold="positive", answer="positive")
    assert regression(CLEAN, CLEAN, kept(short, by=CLEAN)).rows[0].first == "positive"
    strange = failure(1, "bad film", "good dog", slot=1, gold="positive", answer="negative")
    found = regression(CLEAN, DEAF, kept(strange, by=CLEAN))
    assert any("1 answers of clean are not those that were kept" in note for note in found.notes)


def test_another_number_of_slots_regroups_and_says_so() -> None:
    found = regression(ALONE, WIDE, kept(WRONG, RIGHT))
    assert [row.first for row in found.rows] == [row.second for row in found.rows]
    assert [n for n in found.notes if "N = " in n] == [
        "two has N = 2, rows were kept at N = 3: it answers each among the nearest of its "
        "neighbours",
        "wide has N = 5, rows were kept at N = 3: it answers each among further texts of the kept "
        "groups",
    ]
    assert "the rows were kept for what deaf answered, a third checkpoint" in found.notes


def test_who_sits_beside_it_then() -> None:
    row = failure(1, "a", "b", "c", "d", slot=2, gold="positive", answer="negative")
    spare = [("d", None), ("x", None), ("y", "z")]
    assert regrouped(row, 1, spare) == ((("c", None),), 0)
    assert regrouped(row, 2, spare) == ((("b", None), ("c", None)), 1)
    assert regrouped(row, 3, spare) == ((("b", None), ("c", None), ("d", None)), 1)
    assert regrouped(row, 5, spare) == ((*row.rows, ("x", None)), 2)
    assert regrouped(row, 9, spare) == ((*row.rows, ("x", None), ("y", "z")), 2)


@pytest.mark.parametrize(
    ("fixed", "broken", "p"), [(0, 0, 1.0), (5, 0, 0.0625), (8, 1, 0.0390625), (3, 3, 1.0)]
)
def test_mcnemar_is_the_exact_one(fixed: int, broken: int, p: float) -> None:
    assert mcnemar(fixed, broken) == pytest.approx(p)
    rows = [Redone(n, "t", "", "yes", "no", "yes") for n in range(fixed)]
    rows += [Redone(n, "t", "", "yes", "yes", "no") for n in range(broken)]
    rows.append(Redone(99, "t", "", "yes", "yes", "yes"))
    assert tally("", rows).p == pytest.approx(p)


def test_what_cannot_be_asked() -> None:
    with pytest.raises(DataError, match="holds no rows"):
        regression(CLEAN, DEAF, kept())
    with pytest.raises(NotApplicable, match="kept rows are positive; tiny answers LABEL_0"):
        regression(CLEAN, shared_checkpoint(), kept(WRONG))
    with pytest.raises(NotApplicable, match="give a checkpoint of the same task"):
        regression(CLEAN, shared_checkpoint(task="token_classification"), kept(WRONG))


def test_progress_counts_both_and_may_stop() -> None:
    told: list[tuple[int, int]] = []
    regression(CLEAN, DEAF, kept(WRONG, RIGHT), progress=lambda *now: told.append(now))
    assert told == [(2, 4), (4, 4)]

    def stop(done: int, total: int) -> None:
        raise Stopped("enough")

    with pytest.raises(Stopped, match="enough"):
        regression(CLEAN, DEAF, kept(WRONG), progress=stop)

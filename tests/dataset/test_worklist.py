"""The worklist: kinds, margins, seats by hand, and the saved set there and back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from muxviz.analysis.dataset.failing import control_rows, moved_rows
from muxviz.results import from_json, to_json
from muxviz.results.worklist import ALONE_UNKNOWN, FINE, LABEL, LUCKY, MODEL, SHARED, FailureSet
from tests.dataset.planted_worklist import FAILURE, drawn, planted


def test_kinds_are_told_apart_by_hand() -> None:
    """Rows: fine, shared (wrong in one grouping), model, lucky, a suspected label."""
    found = planted()
    assert found.kinds.tolist() == ["", SHARED, MODEL, LUCKY, LABEL]
    assert [found.count(kind) for kind in (SHARED, MODEL, LUCKY, LABEL)] == [1, 1, 1, 1]
    assert found.flips.tolist() == [False, True, False, False, False]
    assert found.worst[1] == 1


def test_without_a_baseline_nobody_is_blamed() -> None:
    found = planted()
    bare = replace(found, baseline="", alone=np.full_like(found.alone, np.nan))
    assert bare.kinds.tolist() == ["", ALONE_UNKNOWN, ALONE_UNKNOWN, "", ALONE_UNKNOWN]


def test_margins_are_those_of_the_right_label() -> None:
    found = planted()
    assert found.margins[0] == pytest.approx([2.0, 1.0, -3.0, 1.0, -4.0])
    assert found.margins[1, 1] == pytest.approx(-1.0)
    assert found.alone_margins == pytest.approx([2.0, 2.0, -1.0, -2.0, -3.0])


def test_seats_are_in_slot_order() -> None:
    found = planted()
    assert found.seats(0, 0).tolist() == [1, 0]
    assert found.seats(1, 4).tolist() == [4]


def test_a_saved_set_comes_back_as_it_was() -> None:
    kept = planted().saved()
    again = from_json(to_json(kept))
    assert isinstance(again, FailureSet)
    assert again == kept
    bare = replace(FAILURE, alone=None, alone_margin=float("nan"))
    back = from_json(to_json(planted().saved([bare]))).failures[0]
    assert back.alone is None
    assert np.isnan(back.alone_margin)
    assert (back.text, back.pair) == ("dull", None)


def test_right_rows_are_kept_as_controls_and_those_that_company_moves_most_are_listed() -> None:
    found = drawn(lambda slots, tags, tokens: 0.1 + 0.0 * slots)
    spread = np.linspace(0.0, 4.0, len(found))
    scores = np.array(found.scores)
    scores[1, np.arange(len(found)), found.gold] += spread  # one grouping is kinder
    found = replace(found, scores=scores)
    fine = np.flatnonzero(found.kinds == FINE)
    moved = moved_rows(found)
    assert len(moved) == 50
    assert set(moved) <= set(fine)
    assert found.moved[moved].min() >= np.sort(found.moved[fine])[-50]
    controls = control_rows(found, 120)
    assert len(set(controls)) == 120
    assert set(controls) <= set(fine)
    assert abs(found.moved[controls].mean() - found.moved[fine].mean()) < 0.5, "drawn, not chosen"
    assert len(control_rows(found, 10**6)) == 500

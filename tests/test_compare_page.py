"""Compare: A and B on the same sentences, with other slots and tasks, and the series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from muxviz.batch import Row
from muxviz.figures.compare.answers import answers_finding, answers_table, read_finding, read_table
from muxviz.figures.compare.series import series_finding, series_table
from muxviz.figures.crosstalk.taken import (
    taken_figure,
    taken_finding,
    taken_series_finding,
    taken_table,
)
from muxviz.inference import run_group
from muxviz.results.by_sparsity import CrosstalkBySparsity
from muxviz.ui.shell.checkpoints import Listed, bundled, relatives
from tests.figure_families import clean_swap, sparse, swap_by_sparsity
from tests.pages import (
    charts,
    click,
    open_tab,
    press,
    questions,
    run_as_pasted,
    seen,
    titles,
    visit,
    write_checkpoint,
    write_pair,
)
from tests.planted import planted

ROWS = tuple(Row(text) for text in ("a great warm film", "an awful sad plot", "the good songs"))
BASELINE = {"baseline": "tiny-n1"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two of three slots with how far they share, one of two slots, and one that tags."""
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    for name, sharing in (("tiny-n3-half", 0.5), ("tiny-n3-none", 0.0)):
        packed = {"packed": {"sharing": sharing}}
        write_checkpoint(root / name, BASELINE | {"run": packed})
    write_checkpoint(root / "tiny-n2", BASELINE, num_instances=2)
    write_checkpoint(root / "tags-n3", task="token_classification")
    pool = (f"{a} {b} {c}" for a in ("a", "the") for b in ("good", "bad") for c in ("film", "song"))
    (root / "pool.txt").write_text("\n".join(pool), encoding="utf-8")
    return root


@pytest.fixture(autouse=True)
def _here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(folder))
    monkeypatch.setenv("MUXVIZ_POOL", str(folder / "pool.txt"))


def open_page(**parameters: str) -> AppTest:
    return visit("compare", **({"m": "tiny-n3", "q_draws": "16", "q_swaps": "8"} | parameters))


TABS = {"slots": "Slot by slot", "confusion": "Other answers", "taken": "Cross-talk"}


def confusion(at: AppTest) -> AppTest:
    return open_tab(at, "compare_more", TABS["confusion"])


def bare(at: AppTest) -> str:
    return seen(at).replace("\\", "").replace("\u2060", "")


def test_without_a_b_it_offers_some_and_shows_the_series() -> None:
    at = open_page()
    assert "No model B" in seen(at)
    assert titles(at) == []
    at = click(at, "compare_with_tiny-n3-half")
    assert at.selectbox(key="mb").value == "tiny-n3-half"
    assert "What do A and B make of these sentences?" in questions(at)


def test_everything_of_two_models(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page(mb="tiny-n3-half", q_count="read")
    assert len(charts(at)) == 2
    assert "A keeps" in titles(at)[0]
    for key in ("slots", "confusion", "taken"):
        at = press(open_tab(at, "compare_more", TABS[key]), f"compare_{key}_compute")
        assert len(titles(at)) == 3
    at = open_tab(at, "compare_more", "All of its kind")
    for key in ("series", "taken_series"):
        at = press(at, f"compare_{key}_compute")
    assert len(titles(at)) == 4
    assert "tiny-n3-none (0 % shared), tiny-n3-half (50 % shared)" in bare(at)
    assert run_as_pasted(at, monkeypatch) == 6


def test_another_number_of_slots_seats_the_sentences_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page(mb="tiny-n2")
    words = seen(at)
    assert "A has 3 slots and B 2: the same sentences are seated anew" in words
    assert "no slot of A is one of B" in words
    assert len(titles(at)) == 2
    assert "no sentence here" in str(charts(at)[0])
    assert run_as_pasted(at, monkeypatch) == 1
    at = press(confusion(at), "compare_confusion_compute")
    assert "A and B give the same answer" in titles(at)[2]


def test_another_task_says_so_and_a_plain_model_too() -> None:
    at = press(confusion(open_page(mb="tags-n3")), "compare_confusion_compute")
    assert "Nothing to compare" in titles(at)[0]
    assert "tags-n3 do not answer the same question" in seen(at)
    assert "there are no slots to compare" in seen(open_page(m="tiny-n1", mb="tiny-n3"))


def test_a_bad_link_is_named() -> None:
    at = open_page(mb="nobody", q_series="sideways", q_draws="17")
    words = bare(at)
    assert "mb=nobody (no such checkpoint here" in words
    assert "q_series=sideways (use dial and all)" in words
    assert "q_draws=17 (16 to 256 in steps of 16)" in words


# ---- the order of a series ----------------------------------------------------------------------


def test_a_series_is_of_one_kind_and_stands_by_sharing() -> None:
    by_name = {one.name: one for one in bundled()}
    assert by_name["tiny-n3-half"].sharing == 0.5
    assert by_name["tiny-n3-none"].sharing == 0.0
    assert by_name["tiny-n3"].sharing is None
    names = [one.name for one in relatives(by_name["tiny-n3"], list(by_name.values()))]
    assert names == ["tiny-n3-none", "tiny-n3-half", "tiny-n3"]


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"packed": 3},
        {"packed": {"sharing": "much"}},
        {"packed": {"sharing": 7}},
        {"packed": {"turned": 17}},
    ],
)
def test_a_card_that_tells_nothing_is_on_no_dial(told: dict[str, Any], tmp_path: Path) -> None:
    write_checkpoint(tmp_path, {"run": told})
    assert Listed("x", 3, folder=tmp_path).sharing is None


# ---- figures ------------------------------------------------------------------------------------


def test_the_table_of_answers_counts_by_hand() -> None:
    one = run_group(planted().checkpoint, ROWS)
    other = run_group(planted(np.diag([1.0, -1.0, 1.0])).checkpoint, ROWS)
    assert answers_finding(one, other) == "A and B say the same in 2 of 3 answers"
    rows = answers_table(one, other)
    assert [row.get("A answers") == row.get("B answers") for row in rows[:3]] == [True, False, True]
    assert rows[1]["A"] + rows[1]["B"] > 0
    assert rows[1]["B - A"] == pytest.approx(rows[1]["B"] - rows[1]["A"])


def test_read_back_differs_with_newcombes_interval() -> None:
    one = run_group(planted().checkpoint, ROWS)
    other = run_group(planted([[1, 0, 0], [3, 0, 0], [0, 0, 1]]).checkpoint, ROWS)  # slot 1 into 2
    rows = read_table(one, other)
    assert rows[0]["B - A read back"] == 0
    assert rows[1]["B - A read back"] == -1
    # Of 4 pairs, 4 and 0 read: 1 - sqrt(.4899² + .4899²), by hand.
    assert rows[1]["B - A read back, high"] == pytest.approx(-0.3072, abs=1e-4)
    assert read_finding(one, other).startswith("Tokens read back: A 100 %")


def test_what_two_take_is_of_exactly_two() -> None:
    pair: CrosstalkBySparsity = swap_by_sparsity()
    rows = taken_table(pair)
    assert [row["slot"] for row in rows] == ["1", "2", "3", "all"]
    assert rows[-1]["A"] == pytest.approx(0, abs=1e-6), "slots that do not meet take nothing"
    assert rows[-1]["B"] > 0
    assert "A slot takes" in taken_finding(pair)
    from muxviz.analysis.fidelity.by_sparsity import crosstalk_by_sparsity
    from muxviz.errors import InputError

    three = crosstalk_by_sparsity([clean_swap()] * 3)
    with pytest.raises(InputError, match="got 3 checkpoints; this figure compares two"):
        taken_figure(three)
    assert "tell none from the first" in taken_series_finding(three)


def test_a_series_tells_what_is_told_from_the_first() -> None:
    found = sparse()
    rows = series_table(found)
    assert len(rows) == len(found.origins)
    assert rows[0]["right answers, change"] == 0
    assert rows[0]["of"] == len(rows) - 1
    assert series_finding(found).startswith("Right answers: ")

"""The Planner page: without a table, with the recorded grid, with files, links and nonsense."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from muxviz import recorded
from muxviz.planning import choose, command, validate
from muxviz.results.store import to_json
from muxviz.ui.planner.work import CHECK
from tests.model.planted_runs import HOSTILE, escalation, escalation_row
from tests.pages import (
    charts,
    click,
    computed,
    press,
    questions,
    run_as_pasted,
    seen,
    settled,
    titles,
    visit,
)
from tests.planner.planted_grid import GRID, grid_run

FEW = (0, 2, 4, 10, 12, 15, 17, 19)  # rows of the grid
CHECK_TAB = "Does it keep its promise?"
HEAD, *ROWS = GRID.splitlines()
MINE = "\n".join([HEAD, *(ROWS[at] for at in (0, 1, 3, 5, 7, 9))]).encode()


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the recorded grid of this test lies; there is none at first. No checkpoint either."""
    path = tmp_path / "grid.json"
    monkeypatch.setattr(recorded, "grid_file", lambda: path)
    monkeypatch.setattr(recorded, "escalation_file", lambda: tmp_path / "escalation.json")
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    return path


@pytest.fixture
def with_grid(place: Path) -> Path:
    place.write_text(to_json(grid_run(*FEW)))
    return place


def on_tab(at: AppTest, tab: str) -> AppTest:
    at.session_state["n_tabs"] = tab
    return settled(at.run())


def plain_words(at: AppTest) -> str:
    return seen(at).replace("\\", "").replace("\u2060", "")


def test_without_a_table_the_page_says_what_it_needs() -> None:
    at = visit("planner")
    assert "No table yet" in seen(at)
    assert any("muxviz plan --points" in str(c.value) for c in at.code)
    assert any("num_instances,sparsity" in str(c.value) for c in at.code)
    assert titles(at) == []


def test_the_recorded_grid_is_planned_with_and_its_python_runs(
    with_grid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = visit("planner", n_budget="8", n_splits="5", n_risk="50")
    assert questions(at) == ["Which setting should I use?", "What should I measure next?"]
    assert titles(at)[0].startswith("Use N = 5, 80 % pruned")
    assert [m.label for m in at.metric] == ["Use", "Throughput", "Accuracy", "Risk"]
    assert at.metric[0].value == "N = 5"
    assert "Two knobs, N and sparsity" in plain_words(at)
    assert "8 measured settings of grid.json" in plain_words(at)
    assert all(len(chart.proto.alt) > 40 for chart in at.get("plotly_chart"))
    assert questions(on_tab(at, "Other budgets"))[1] == (
        "How does the answer change with the budget?"
    )
    assert questions(on_tab(at, "Errors"))[1] == "How far are the models off?"
    assert questions(on_tab(at, "Surfaces"))[1] == "What do the models say between the points?"
    before, work = titles(at), computed(at)
    at.slider(key="n_budget").set_value(0.0)
    settled(at.run())
    assert titles(at)[0].startswith("Use N = 1, unpruned")
    assert titles(at)[1] == before[1]
    at.session_state["n_view"] = "slices"
    at.session_state["n_model"] = "gaussian_process"
    settled(at.run())
    assert "± " in titles(at)[1]
    assert "Gaussian process" in str(charts(at)[1])
    assert computed(at) == work  # a goal or a view fits nothing
    press(on_tab(at, CHECK_TAB), f"{CHECK}_compute")
    assert "a promise at 5 % risk is broken in" in plain_words(at)
    assert titles(at)[-1].startswith("With half the points hidden")
    assert f"{CHECK}_compute" not in {b.key for b in at.button}
    assert run_as_pasted(at, monkeypatch) >= 6


def test_a_table_is_fitted_once_for_everybody(
    with_grid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = titles(visit("planner"))
    monkeypatch.setattr(choose, "fit_planner", None)
    assert titles(visit("planner")) == first


def test_a_smaller_risk_is_more_careful_and_says_when_not_to_multiplex(with_grid: Path) -> None:
    """By hand: with intervals of 2 points each way a floor of 85 % at 5 % risk needs 86.7 %."""
    at = visit("planner", n_goal="accuracy", n_floor="85.0")
    assert at.session_state["n_risk"] == "5"
    assert titles(at)[0].startswith("Use N = 1, 80 % pruned")
    assert any("Do not multiplex" in i.value for i in at.info)
    at.number_input(key="n_floor").set_value(89.8)
    settled(at.run())
    assert "No candidate is likely" in titles(at)[0]
    assert at.metric[0].label == "Surest"
    assert any("no recommendation" in w.value for w in at.warning)
    at.number_input(key="n_floor").set_value(78.0)
    settled(at.run())
    assert "Do not multiplex" not in plain_words(at)
    assert at.metric[0].value != "N = 1"


def test_the_share_asked_again_is_a_third_knob_where_it_was_recorded(
    with_grid: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """n5-s80 has 82.9 % at 1,720/s; +3 points at 3/4 of the speed, planted, win at 85 %."""
    rows = (
        escalation_row("n1-s0", "alone", 0.9, 1.0),
        escalation_row("n5-s80", "alone", 0.80, 4.0),
        escalation_row("n5-s80+n1-s0@0.2", "multiplexed", 0.88, 3.0, 0.2),
    )
    chains = with_grid.parent / "escalation.json"
    chains.write_text(to_json(escalation(*rows)))
    at = visit("planner", n_goal="accuracy", n_floor="85.0")
    assert titles(at)[0].startswith("Use N = 5, 80 % pruned")
    assert "asked again" in titles(at)[0]
    assert "Two knobs" not in plain_words(at)
    assert run_as_pasted(at, monkeypatch) >= 2
    chains.write_text("{}")
    assert "Two knobs" in plain_words(visit("planner"))


def test_other_goals_and_further_candidates(with_grid: Path) -> None:
    at = visit("planner", n_goal="throughput", n_rate="3000", n_more="3, 4", n_sparsities="70")
    assert titles(at)[0].startswith("Use N = ")
    assert "at least 3,000 instances/s" in str(charts(at)[0])
    assert "points of accuracy" in str(charts(at)[1]) or "expected to be better" in seen(at)
    at.segmented_control(key="n_goal").set_value("accuracy")
    settled(at.run())
    at.number_input(key="n_floor").set_value(99.0)
    settled(at.run())
    assert "No candidate is likely to meet" in titles(at)[0]
    assert any("no candidate" in w.value.lower() for w in at.warning)
    for text, words in (("three", "expected whole numbers"), ("2.5", "expected whole numbers")):
        at.text_input(key="n_more").set_value(text)
        settled(at.run())
        assert words in plain_words(at)
    at.text_input(key="n_more").set_value("")
    at.text_input(key="n_sparsities").set_value("100")
    settled(at.run())
    assert "from 0 to below 100" in plain_words(at)


def test_a_link_sets_every_control_and_nonsense_is_named(with_grid: Path) -> None:
    at = visit("planner", n_goal="accuracy", n_floor="80.5", n_view="slices", n_model="no",
               n_budget="99")  # fmt: skip
    assert at.session_state["n_goal"] == "accuracy"
    assert at.session_state["n_floor"] == 80.5
    assert at.session_state["n_view"] == "slices"
    assert on_tab(at, "Surfaces").session_state["n_model"] == "used"
    said = plain_words(at)
    assert "n_model=no" in said
    assert "n_budget=99" in said
    assert any("n_floor=80.5" in str(c.value) for c in at.code)


def test_files_are_opened_beside_the_recorded_grid_and_let_go(with_grid: Path) -> None:
    at = visit("planner")
    bad = b"n,sparsity,accuracy,throughput\n1,0,89.9,10\n"
    at.get("file_uploader")[0].set_value([("mine.csv", MINE, "text/csv"), ("bad.csv", bad, "")])
    settled(at.run())
    said = plain_words(at)
    assert "6 measured settings of mine.csv" in said
    assert "bad.csv, line 2: accuracy 89.9; expected a share from 0 to 1" in said
    assert at.selectbox(key="n_table").options == [
        "mine.csv (6 settings)",
        "recorded grid (8 settings)",
    ]
    at.selectbox(key="n_table").set_value(1)
    settled(at.run())
    assert "8 measured settings of grid.json" in plain_words(at)
    press(at, "n_forget")
    assert "mine.csv" not in plain_words(at)


def test_odd_files_cost_a_notice_each(with_grid: Path) -> None:
    """As bytes: a CR in a row, a cell without end, half a character, numbers without end."""
    rows = [f"{n},{s},0.5,{1e308 if n == 1 else 1e-320}" for n in (1, 2) for s in (0, 0.5)]
    odd = {
        "cr.csv": MINE.replace(b"0.899", b"0.8\r99", 1),
        "field.csv": MINE + b"x" * 200_000,
        "half.json": b'[{"n": 1, "name": "\\ud800"}]',
        "long.json": b'[{"n": ' + b"9" * 400 + b"}]",
        "huge.csv": "\n".join([HEAD, *rows]).encode(),
        "deep.json": b"[" * 100_000,
    }
    at = visit("planner")
    at.get("file_uploader")[0].set_value([(name, data, "") for name, data in odd.items()])
    settled(at.run())
    assert not at.exception
    said = plain_words(at)
    assert [name for name in odd if f"{name}: " not in said and f"{name}, line" not in said] == []
    assert titles(at)[0].startswith("Use N = "), "the recorded grid is still there"


def test_numbers_at_the_ends_of_what_is_taken(place: Path) -> None:
    rows = [f"{n},{s},0.{9 - n}{s},{1e-9 if n == 1 else 1e15}" for n in (1, 2) for s in (0, 0.99)]
    at = visit("planner")
    text = "\n".join([HEAD, *rows]).replace("0.80.99", "0.8").replace("0.70.99", "0.7")
    at.get("file_uploader")[0].set_value([("ends.csv", text.encode(), "text/csv")])
    settled(at.run())
    assert not at.exception
    assert titles(at)[0].startswith("Use N = ")
    assert "Infinity" not in str(charts(at))


def test_a_damaged_recording_is_said(place: Path) -> None:
    place.write_text("{}")
    at = visit("planner")
    assert "holds no list of objects" in plain_words(at)
    assert "No table yet" in seen(at)


def test_hostile_names(place: Path) -> None:
    text = "name," + HEAD + "\n" + "\n".join(f'"{HOSTILE}",{ROWS[at]}' for at in FEW)
    at = visit("planner")
    at.get("file_uploader")[0].set_value([(f"{HOSTILE}.csv", text.encode(), "text/csv")])
    settled(at.run())
    assert titles(at)[0].startswith("Use N = ")
    assert "<b>big" not in str(charts(at))
    assert "**big**" not in seen(at)
    assert "$x$" not in seen(at)


def test_the_check_can_be_stopped(with_grid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from muxviz.errors import Stopped

    def slow(points: object, *, progress: object, **_: object) -> None:
        raise Stopped("on request")

    for module in (command, validate):
        monkeypatch.setattr(module, "validate_planner", slow)
    at = settled(click(on_tab(visit("planner", n_splits="5"), CHECK_TAB), f"{CHECK}_compute"))
    assert f"{CHECK}_compute" in {b.key for b in at.button}
    assert not [t for t in titles(at) if t.startswith("With half")]

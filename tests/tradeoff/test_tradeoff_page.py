"""The Trade-off page: recorded, loaded and new runs on tiny checkpoints, and its calculator."""

from __future__ import annotations

import threading
from pathlib import Path

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from muxviz import recorded
from muxviz.bench import here
from muxviz.errors import DataError, NotApplicable
from muxviz.evaluation.pool_data import rows_to_measure, sample_rows
from muxviz.pool import pool_name
from muxviz.results.store import to_json
from muxviz.ui.shell import session
from muxviz.ui.study.kept import Desk
from tests.model.planted_runs import HOSTILE, escalation, point, speed, tradeoff
from tests.pages import (
    charts,
    click,
    press,
    questions,
    run_as_pasted,
    seen,
    settled,
    titles,
    visit,
    write_checkpoint,
    write_pair,
)
from tests.tiny import shared_checkpoint

LABELS = {"labels": ("negative", "positive")}
FEW = {"o_rows": "20", "o_groupings": "1", "o_rounds": "1", "o_batch": "4", "o_length": "16"}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentiment at N = 1 and 3, and tags; not to be changed."""
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root, **LABELS)
    write_checkpoint(root / "tags-n2", task="token_classification", num_labels=3, num_instances=2)
    return root


@pytest.fixture(autouse=True)
def folder(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the recorded runs of this test lie; empty at first."""
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))
    monkeypatch.delenv("MUXVIZ_DATA", raising=False)
    for name in ("tradeoff", "speed", "escalation"):
        path = tmp_path / f"{name}.json"
        monkeypatch.setattr(recorded, f"{name}_file", lambda path=path: path)
    return tmp_path


@pytest.fixture
def with_runs(folder: Path) -> Path:
    (folder / "tradeoff.json").write_text(to_json(tradeoff()))
    (folder / "speed.json").write_text(to_json(speed()))
    return folder


def on_tab(at: AppTest, tab: str) -> AppTest:
    at.session_state["o_tabs"] = tab
    return settled(at.run())


def symbols(at: AppTest) -> set[str]:
    """Of the marks in the first picture."""
    found = [t["marker"]["symbol"] for t in charts(at)[0]["data"] if "marker" in t]
    return {s for one in found for s in (one if isinstance(one, list) else [one])}


def has_ring(at: AppTest) -> bool:
    return any(t.get("name") == "for your traffic" for t in charts(at)[0]["data"])


def open_page(**parameters: str) -> AppTest:
    return visit("tradeoff", **({"m": "tiny-n3"} | FEW | parameters))


# ---- without and with recorded runs -------------------------------------------------------------


def test_without_a_run_the_page_says_what_will_be_here() -> None:
    at = open_page()
    assert any("muxviz record --speed" in str(c.value) for c in at.code)
    assert "will be here" in seen(at)
    assert titles(at) == []
    assert "Nothing to plan with" in seen(at)
    for tab, words in (("Latency", "No speed run yet"), ("Bits", "No trade-off run yet")):
        assert words in seen(on_tab(at, tab))
    assert titles(on_tab(at, "Published"))[0].startswith("Published, not measured here")
    assert {b.key for b in at.button} >= {"o_tradeoff_compute", "o_speed_compute"}


def test_recorded_runs_are_drawn_and_their_python_runs(
    with_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_page()
    assert questions(at) == ["What does speed cost in accuracy?"]
    assert titles(at)[0].startswith("N = 10 is 7.0 times as fast as N = 1")
    assert titles(at)[1].startswith("Use ")
    assert run_as_pasted(at, monkeypatch) == 2
    shown = seen(at).replace("\\", "")
    for words in ("3 rounds", "seeds 0, 1, 2", "4 threads", "Planted CPU"):
        assert words in shown, words
    assert not at.warning
    for tab, question in (
        ("Latency", "How long does a request wait?"),
        ("Memory", "What memory does it need?"),
        ("Bits", "How much does one vector carry?"),
        ("Copies", "What do copies of a text buy?"),
        ("Published", "What do papers report?"),
    ):
        assert questions(on_tab(at, tab))[1:] == [question]
        assert all(len(chart.proto.alt) > 40 for chart in at.get("plotly_chart"))
    assert run_as_pasted(at, monkeypatch) == 7
    assert "MUX-PLM" not in str(charts(at)[0]), "published numbers never stand beside measured ones"
    before = titles(at)
    at.session_state["o_x"] = "ratio"
    settled(at.run())
    assert "relative to N = 1" in str(charts(at)[0])
    assert titles(at)[1:] == before[1:]


def test_a_busy_machine_is_warned_of(folder: Path) -> None:
    (folder / "tradeoff.json").write_text(to_json(tradeoff(busy=True)))
    (folder / "speed.json").write_text(to_json(speed(busy=True)))
    at = open_page()
    assert len(at.warning) == 1
    assert len(on_tab(at, "Latency").warning) == 2
    assert "2.3 other processors were busy: not comparable" in at.warning[0].value
    assert "open-dot" in str(charts(at)[0])


def test_one_point_and_hostile_names(folder: Path) -> None:
    run = tradeoff(point(HOSTILE, 2, 0.8, 50.0, ratio_to_n1=None), data=HOSTILE)
    (folder / "tradeoff.json").write_text(to_json(run))
    at = open_page(o_x="ratio", o_floor="50")
    assert "no run has an N \\=" in seen(at)  # the ratio has nothing to relate to
    assert "**big**" not in seen(at)
    assert "$x$" not in seen(at)
    assert "<b>big" not in str(charts(at))
    assert "No speed run yet" in seen(on_tab(at, "Memory"))


def test_a_damaged_recording_is_said_and_the_rest_is_there(with_runs: Path) -> None:
    (with_runs / "speed.json").write_text(to_json(tradeoff()))
    at = open_page()
    assert "holds a TradeoffRun" in seen(at)
    assert titles(at)[0].startswith("N = 10")


# ---- the calculator -----------------------------------------------------------------------------


def test_the_calculator_answers_and_says_what_is_closest(with_runs: Path) -> None:
    at = open_page(o_rate="500", o_ms="900", o_floor="78")
    assert titles(at)[1].startswith("Use ")
    assert "none needs fewer machines" in seen(at) or "the fewest machines" in seen(at)
    assert has_ring(at)
    at.number_input(key="o_floor").set_value(99.0)
    settled(at.run())
    assert titles(at)[1].startswith("Nothing measured serves this traffic")
    assert "below 99" in seen(at)
    assert not has_ring(at)
    for part in ("o_short_parts", "o_medium_parts", "o_long_parts"):
        at.number_input(key=part).set_value(0)
    settled(at.run())
    assert "no length has a share above 0" in seen(at)


# ---- links --------------------------------------------------------------------------------------


def test_a_link_sets_every_control_and_nonsense_is_named(with_runs: Path) -> None:
    at = open_page(
        o_x="ratio", o_rate="250", o_ms="x", o_group="length", o_copies="9", o_models="tiny-n1,gone"
    )
    assert at.session_state["o_x"] == "ratio"
    assert at.session_state["o_rate"] == 250
    assert at.session_state["o_group"] == "length"
    assert at.session_state["o_ms"] == 500
    assert at.session_state["o_copies"] == "1"
    said = seen(at).replace("\\", "")
    assert "o_ms" in said
    assert "o_copies" in said
    assert "Not here: gone" in said
    assert at.multiselect(key="o_picked").value == ["tiny-n1"]


def test_chips_hide_kinds_and_go_into_links(folder: Path) -> None:
    run = tradeoff(point("plain", 1, 0.9, 100), point("five", 5, 0.8, 400),
                   point("small", 1, 0.85, 200, dtype="int8"))  # fmt: skip
    (folder / "tradeoff.json").write_text(to_json(run))
    at = open_page(o_hide="int8,nonsense", o_device="no such device")
    chips = next(group for group in at.button_group if group.key == "o_chips")
    assert chips.value == ["multiplexed"]
    assert "small" not in str(charts(at)[0])
    chips.set_value(["int8"])
    settled(at.run())
    assert at.session_state["o_hide"] == "multiplexed"
    assert "small" in str(charts(at)[0])
    assert "five" not in str(charts(at)[0])
    assert any("o_hide=multiplexed" in str(c.value) for c in at.code)


def test_chains_that_ask_again_are_drawn_where_they_were_recorded(
    with_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (with_runs / "escalation.json").write_text(to_json(escalation()))
    at = open_page()
    assert "n5+n1@0.2" in str(charts(at)[0])
    said = seen(at).replace("\\", "").replace("\u2060", "")
    assert "the rival n1-s95+n1@0.2 does better" in said
    assert "Its latency was not measured" in seen(at)
    assert run_as_pasted(at, monkeypatch) == 2
    (with_runs / "escalation.json").write_text(to_json(tradeoff()))
    at = open_page()
    assert "holds a TradeoffRun" in seen(at)
    assert "n5+n1@0.2" not in str(charts(at)[0])


def test_the_choice_of_checkpoints_goes_into_links() -> None:
    at = open_page()
    assert at.multiselect(key="o_picked").value == ["tiny-n1", "tiny-n3"]
    at.multiselect(key="o_picked").set_value(["tiny-n3"])
    settled(at.run())
    assert at.session_state["o_models"] == "tiny-n3"
    assert any("o_models=tiny-n3" in str(c.value) for c in at.code)


# ---- files --------------------------------------------------------------------------------------


def test_files_are_loaded_beside_the_recorded_run_and_let_go(with_runs: Path) -> None:
    at = open_page()
    field = at.get("file_uploader")[0]
    mine = to_json(tradeoff(point("mine", 1, 0.7, 50), point("mine-2", 2, 0.6, 90))).encode()
    field.set_value([("mine.json", mine, "application/json"), ("no.json", b"{}", "")])
    settled(at.run())
    assert "mine" in str(charts(at)[0])
    assert "no.json has format None" in seen(at).replace("\\", "").replace("\u2060", "")
    assert {"circle", "square"} <= symbols(at)
    press(at, "o_forget")
    assert "mine" not in str(charts(at)[0])


# ---- measuring ----------------------------------------------------------------------------------


def test_measuring_now_beside_what_was_recorded(
    with_runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = press(open_page(o_copies="2", o_bits="true"), "o_tradeoff_compute")
    traces = charts(at)[0]["data"]
    assert any("measured now" in str(t.get("name")) for t in traces), seen(at)
    assert "diamond" in str(symbols(at))
    assert "Measured, see above" in seen(at)
    press(on_tab(at, "Latency"), "o_speed_compute")
    assert at.selectbox(key="o_timed").options[1].startswith("measured now")
    at.session_state["o_timed"] = 1
    settled(at.run())
    found = [k.result for k in at.session_state[session.STUDIES].results.values()]
    assert [type(run).__name__ for run in found] == ["TradeoffRun", "SpeedRun"]
    assert [(p.checkpoint, p.copies) for p in found[0].points] == [
        ("tiny-n1", 1),
        ("tiny-n3", 1),
        ("tiny-n3", 2),
    ]
    assert found[0].data == pool_name()
    assert [p.bits_per_vector is None for p in found[0].points] == [True, False, False]
    assert {row.batch for row in found[1].results} == {1, 4, 16}
    panels: Desk = at.session_state[session.STUDIES]
    codes = {panel.key: panel.python for panel in panels.panels.values()}
    monkeypatch.setattr(go.Figure, "show", lambda self: None)
    for key in ("tradeoff", "tradeoff_latency"):
        assert "from muxviz.bench.here import" in codes[key]
        exec(codes[key], {})


def test_measuring_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    entered, gate = threading.Event(), threading.Event()

    def slow(entries: object, data: object, *, progress: object, **_: object) -> None:
        entered.set()
        assert gate.wait(60)
        progress(1, 4)  # type: ignore[operator]

    monkeypatch.setattr(here, "measure_entries", slow)
    at = click(open_page(), "o_tradeoff_compute")
    assert entered.wait(60), at.session_state[session.STUDIES]
    studies: Desk = at.session_state[session.STUDIES]
    for running in studies.running.values():
        running.job.stop()
    gate.set()
    settled(at)
    assert "Stopped; nothing of it was kept" in seen(at)


def test_checkpoints_that_answer_another_question_are_refused() -> None:
    at = press(open_page(o_models="tiny-n3,tags-n2"), "o_tradeoff_compute")
    assert "answers another question" in seen(at)
    assert titles(at) == []


def test_the_family_of_the_chosen_one_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One for every N: the chosen one, else the plainest with the same labels."""
    for name, n in (("a-n1", 1), ("a-n1-more", 1), ("a-n5", 5), ("a-n5-16k", 5), ("a-n10", 10)):
        write_checkpoint(tmp_path / name, num_instances=n, **LABELS)
    write_checkpoint(tmp_path / "b-n2", num_instances=2, labels=("x", "y"))
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    at = visit("tradeoff", m="a-n5-16k")
    assert at.multiselect(key="o_picked").value == ["a-n1", "a-n5-16k", "a-n10"]


def test_without_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    at = visit("tradeoff")
    assert "No checkpoint is here to measure" in seen(at)


# ---- rows to measure on -------------------------------------------------------------------------


def test_rows_of_the_pool_and_of_a_file(tmp_path: Path) -> None:
    model = shared_checkpoint(**LABELS)
    data, name = rows_to_measure([model], limit=30, seed=4)
    assert name == pool_name()
    assert len(data.texts) == 30
    assert set(data.labels.tolist()) <= {0, 1}
    assert sample_rows(data, 99) is data
    again, _ = rows_to_measure([model], limit=30, seed=4)
    assert again.texts == data.texts
    path = tmp_path / "dev.tsv"
    path.write_text("sentence\tlabel\nthe film is good\t1\nthe plot is bad\t0\n")
    read, name = rows_to_measure([model], folder=str(path))
    assert read.labels.tolist() == [1, 0]
    assert name.endswith("dev.tsv")
    with pytest.raises(DataError, match="names no dev set"):
        rows_to_measure([model], folder=str(tmp_path))
    with pytest.raises(NotApplicable, match="set MUXVIZ_DATA"):
        rows_to_measure([shared_checkpoint(labels=("a", "b"))])

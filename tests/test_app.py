"""The app without a browser: every page with good, bad and missing inputs, on tiny checkpoints."""

from __future__ import annotations

import base64
import json
import random
import re
import subprocess
import sys
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from muxviz import errors, inference, recorded
from muxviz.batch import Row, encode_rows
from muxviz.engine.threads import cores, threads
from muxviz.errors import DeviceError, MuxvizError
from muxviz.inference import run_group
from muxviz.lane import Errand
from muxviz.loading.load import load
from muxviz.presets import find_preset, preset, presets
from muxviz.registry import ModelKey
from muxviz.results import to_json
from muxviz.ui.mix import timing
from muxviz.ui.mix.counting import counter_of
from muxviz.ui.shell import group, options, session
from muxviz.ui.shell.checkpoints import bundled, preferred
from muxviz.ui.shell.frame import PAGES
from muxviz.ui.shell.links import MAX_PACKED, MAX_ROWS, MAX_TEXT, address, pack_rows, unpack_rows
from muxviz.ui.shell.text import JOINER, plain
from muxviz.ui.study import panels, runs, slots
from muxviz.ui.study.call import Known
from muxviz.ui.study.errors import CATALOGUE
from muxviz.ui.study.python import RUN_IMPORTS, run_lines
from muxviz.ui.study.runs import RunRequest, differences
from tests.pages import (
    ASKED,
    ROOT,
    charts,
    checked,
    click,
    computed,
    open_tab,
    press,
    seen,
    settled,
    titles,
    visit,
    write_checkpoint,
    write_pair,
)

HOSTILE = "<b>x</b> **y** :red[z] $q$ [a](http://b.c) :smile: `d` \\ -> www.e.fg"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One checkpoint per kind of answer, and one that cannot be read; not to be changed."""
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    kinds: dict[str, dict[str, Any]] = {
        "tags-n2": {"task": "token_classification", "num_labels": 3, "num_instances": 2},
        "fills-n2": {"task": "masked_lm", "num_instances": 2},
        "replaced-n2": {
            "backbone": "electra",
            "task": "replaced_token_detection",
            "num_instances": 2,
        },
        "score-n2": {"task": "regression", "num_instances": 2},
        "index-n2": {"task": "masked_lm", "num_instances": 2, "demultiplexer": "index_prefix"},
        "blind-n2": {"has_retrieval_head": False, "num_instances": 2},
        "many-n14": {"num_instances": 14},
    }
    for name, changes in kinds.items():
        write_checkpoint(root / name, **changes)
    broken = write_checkpoint(root / "broken-n2", num_instances=2)
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    return root


@pytest.fixture(autouse=True)
def _only_these_checkpoints(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))
    monkeypatch.setattr("muxviz.ui.study.runs.TIMED_PASSES", 1)


def open_page(page: str = "mix", **parameters: str) -> AppTest:
    return visit(page, **({"m": "tiny-n3"} | parameters))


def texts(at: AppTest) -> list[str]:
    return [row.text for row in at.session_state[session.ROWS]]


# ---- Start --------------------------------------------------------------------------------------


def test_start_says_what_to_do_without_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "start_file", lambda: tmp_path / "none.json")
    at = open_page("start")
    assert "make recorded" in at.info[0].value
    assert "Separate" in seen(at)
    assert not at.get("plotly_chart")


def test_start_shows_the_recording_with_its_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkpoints: Path
) -> None:
    model, alone = load(checkpoints / "tiny-n3"), load(checkpoints / "tiny-n1")
    rows = [Row(*t) for t in preset("clean").rows[:3]]
    result = run_group(model, rows, baseline=alone, timing_repeats=2)
    file = tmp_path / "start.json"
    file.write_text(to_json(result), encoding="utf-8")
    monkeypatch.setattr(recorded, "start_file", lambda: file)
    at = open_page("start")
    assert "recorded, not live" in seen(at)
    assert plain(result.provenance.brief()) in seen(at)
    assert [m.label for m in at.metric] == ["Answers kept", "Tokens read back", "Speed"]
    assert all(m.value != "n/a" for m in at.metric)
    assert len(charts(at)) == 1


def test_start_explains_a_damaged_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "start.json"
    file.write_text('{"format": 1, "value": ')
    monkeypatch.setattr(recorded, "start_file", lambda: file)
    at = open_page("start")
    assert "make recorded" in seen(at)
    assert at.error


def test_start_and_an_empty_mix_need_no_torch(checkpoints: Path) -> None:
    code = (
        "import sys\n"
        "from streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "assert not at.exception, at.exception\n"
        "import muxviz.ui.study.runs as runs\n"
        "runs.warm_up = lambda: None\n"
        "at.switch_page('pages/mix.py').run()\n"
        "assert not at.exception, at.exception\n"
        "print('heavy:', sorted({'torch', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert "heavy: []" in done.stdout, done.stdout + done.stderr


def test_a_card_opens_its_group() -> None:
    at = press(open_page("start"), "open_twins")
    assert at.session_state[session.PRESET] == preset("twins").title
    assert texts(at) == [text for text, _ in preset("twins").rows]
    assert at.title[0].value == "Mix & read"


# ---- links --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rows",
    [
        (Row("a"),),
        (Row("one", "two"), Row("", None), Row("ünïcödé 😀 日本", 'tab\t"quote"')),
        tuple(Row(f"row {i}") for i in range(MAX_ROWS)),
    ],
)
def test_packed_rows_come_back(rows: tuple[Row, ...]) -> None:
    packed = pack_rows(rows)
    assert packed is not None
    assert len(packed) <= MAX_PACKED
    assert re.fullmatch(r"[\w-]+", packed)
    assert unpack_rows(packed) == rows


def test_what_is_too_much_for_a_link_is_not_packed() -> None:
    noise = base64.b64encode(random.Random(0).randbytes(3000)).decode()
    assert pack_rows([Row("a" * (MAX_TEXT + 1))]) is None
    assert pack_rows([Row("a")] * (MAX_ROWS + 1)) is None
    assert pack_rows([Row(noise[:MAX_TEXT]), Row(noise[MAX_TEXT:])]) is None


def packed_json(value: object) -> str:
    return base64.urlsafe_b64encode(zlib.compress(json.dumps(value).encode(), 9)).decode()


@pytest.mark.parametrize(
    "packed",
    [
        "",
        "%%%",
        "abc",
        "é" * 8,
        "A" * (MAX_PACKED + 1),
        base64.urlsafe_b64encode(zlib.compress(b"not json")).decode(),
        packed_json({"a": 1}),
        packed_json([]),
        packed_json([1]),
        packed_json([["a", "b", "c"]]),
        packed_json(["a" * (MAX_TEXT + 1)]),
        packed_json(["a"] * (MAX_ROWS + 1)),
        packed_json(["a" * 50_000_000]),  # would unpack to far more than a group may be
        base64.urlsafe_b64encode(zlib.compress(b"[" * 1_000_00)).decode(),
    ],
    ids=range(14),
)
def test_packed_rubbish_is_refused(packed: str) -> None:
    assert unpack_rows(packed) is None


def test_an_address_has_these_parameters_only() -> None:
    assert address("http://a.b/mix?x=1#y", {"m": "c/d e"}) == "http://a.b/mix?m=c%2Fd+e"
    assert address("", {}) == ""


def test_bad_parameters_are_ignored_and_named() -> None:
    bad = {
        "m": "no/such",
        "p": "nothing",
        "g": "%%%",
        "slot": "99",
        "seed": "-1",
        "dt": "tpu",
        "x_fill": "sand",
        "x_pairs": "perhaps",
        "v": "7",
        "evil": "**bold** :red[x]",
    }
    at = open_page(**bad)
    ignored = at.session_state[session.IGNORED]
    assert len(ignored) == len(bad)
    for name in bad:
        assert any(line.startswith(plain(f"{name}=")) for line in ignored), name
    assert at.session_state[session.SLOT] == 1
    assert at.session_state[session.PRESET] == presets()[0].title
    notices = [c.value for c in at.caption if "cannot use" in c.value]
    assert len(notices) == 1
    press(at, "dismiss_ignored")
    assert not [c.value for c in at.caption if "cannot use" in c.value]


def test_good_parameters_are_taken_by_id_and_by_label() -> None:
    at = open_page(p="twins", slot="2", seed="5", dt="cpu-float32", x_fill="refuse", x_tok="one")
    assert not at.session_state[session.IGNORED]
    state = at.session_state
    assert (state[session.SLOT], state[session.SEED], state[session.COMPUTE]) == (
        2,
        5,
        "cpu-float32",
    )
    assert texts(at)[0] == preset("twins").rows[0][0]
    again = open_page(p=preset("twins").title, slot="■ 2", dt=options.COMPUTE["cpu-float32"])
    assert not again.session_state[session.IGNORED]
    assert again.session_state[session.SLOT] == 2


def test_a_link_brings_everything_back() -> None:
    at = open_page(slot="2", seed="7")
    at.text_input[0].set_value(HOSTILE).run()
    at.text_input[1].set_value("ünïcödé 😀").run()
    assert at.session_state[session.PRESET] == group.OWN
    link = at.code[0].value
    parameters = dict(p.split("=", 1) for p in link.lstrip("?").split("&"))
    assert parameters["g"] == at.query_params["g"]
    again = open_page(**parameters)
    assert not again.session_state[session.IGNORED]
    assert texts(again) == texts(at)
    for key in (session.CHECKPOINT, session.SLOT, session.SEED, session.PRESET):
        assert again.session_state[key] == at.session_state[key]


def test_own_sentences_outlive_a_page_change_with_a_stale_group() -> None:
    at = open_page()
    at.text_input[0].set_value("My own words.").run()
    assert at.session_state[session.PRESET] == group.OWN
    at.sidebar.selectbox(key=session.PRESET).set_value(presets()[0].title)  # a slow browser's state
    at.switch_page(PAGES["models"].file).run()
    assert not at.exception
    assert texts(at)[0] == "My own words."
    assert at.session_state[session.PRESET] == group.OWN


def test_a_named_group_goes_before_packed_rows() -> None:
    packed = pack_rows([Row("mine")])
    at = open_page(p="twins", g=packed or "")
    assert texts(at)[0] == preset("twins").rows[0][0]
    assert any(line.startswith("g") for line in at.session_state[session.IGNORED])


# ---- rows ---------------------------------------------------------------------------------------


def test_rows_can_be_added_copied_removed_cleared_and_brought_back() -> None:
    at = open_page(p="single")
    first = at.session_state[session.ROWS][0]
    press(at, "row_add")
    assert texts(at) == [first.text, ""]
    press(at, f"icon_duplicate_{first.id}")
    assert texts(at) == [first.text, first.text, ""]
    press(at, f"icon_remove_{first.id}")
    assert texts(at) == [first.text, ""]
    press(at, "row_clear")
    assert texts(at) == [""]
    assert at.button(key="run").disabled
    for _ in range(4):
        press(at, "row_undo")
    assert texts(at) == [first.text]
    assert at.text_input[0].value == first.text


def test_shuffle_is_drawn_with_the_seed() -> None:
    orders = [tuple(texts(press(open_page(seed=s), "row_shuffle"))) for s in "112"]
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(text for text, _ in presets()[0].rows)


def test_pasted_lines_become_rows_and_pairs() -> None:
    at = open_page()
    at.text_area(key=session.PASTED).set_value("one\n\n  two\tsecond \nthree")
    press(at, "row_paste")
    rows = at.session_state[session.ROWS]
    assert [(r.text, r.pair) for r in rows] == [("one", ""), ("two", "second"), ("three", "")]
    assert at.session_state[session.PAIRS]


def test_pasting_is_capped() -> None:
    rows = group.parse("\n".join("x" * (MAX_TEXT + 9) for _ in range(MAX_ROWS + 9)))
    assert len(rows) == MAX_ROWS
    assert all(len(r.text) == MAX_TEXT for r in rows)


def test_a_row_is_text_to_streamlit_not_markdown() -> None:
    at = open_page(p="single")
    at.text_input[0].set_value(HOSTILE).run()
    press(at, "run")
    assert at.text[0].value == HOSTILE
    assert HOSTILE not in "".join(m.value for m in at.markdown)
    assert plain(HOSTILE).replace(JOINER, "").replace("\\", "") == HOSTILE.replace("\\", "")


@pytest.mark.parametrize("name", ["tiny-n3", "tiny-n1", "index-n2", "replaced-n2"])
def test_counters_agree_with_the_model(name: str, checkpoints: Path) -> None:
    listed = next(c for c in bundled() if c.name == name)
    counter = counter_of(listed)
    assert counter is not None
    rows = [Row(*t) for p in presets() for t in p.rows] + [Row("so " * 200), Row(HOSTILE, "b")]
    model = load(checkpoints / name)
    encoded = encode_rows(model, rows)
    assert [counter.tokens(r) for r in rows] == [len(e.ids) + e.cut_tokens for e in encoded]
    assert counter.limit(None) == max(len(e.ids) for e in encoded)
    fixed = [encode_rows(model, rows[-2:-1], padding=p)[0] for p in ("fixed", "group")]
    assert [counter.limit(p) for p in ("fixed", "group")] == [len(e.ids) for e in fixed]


def test_a_long_text_is_marked_as_cut_before_and_after_the_run() -> None:
    at = open_page(p="single")
    at.text_input[0].set_value("film " * 200).run()
    assert any("cut to" in c.value for c in at.caption)
    press(at, "run")
    assert any("cut off" in c.value for c in at.caption)


# ---- runs ---------------------------------------------------------------------------------------


def count_passes(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    calls = SimpleNamespace(runs=0, timings=0)
    real_run, real_time = inference.run_group, inference.time_group

    def run(*args: Any, **kwargs: Any) -> Any:
        calls.runs += 1
        return real_run(*args, **kwargs)

    def time(*args: Any, **kwargs: Any) -> Any:
        calls.timings += 1
        return real_time(*args, **kwargs)

    monkeypatch.setattr(inference, "run_group", run)
    monkeypatch.setattr(inference, "time_group", time)
    return calls


def test_a_run_shows_finding_answers_reading_leaks_and_cost() -> None:
    at = open_page()
    assert "No run yet" in seen(at)
    press(at, "run")
    shown = titles(at)
    assert len(shown) == 2  # the braid, and the strip of the selected slot
    assert "multiplexing" in shown[0].lower() or "lost" in shown[0]
    assert [m.label for m in at.metric] == ["Answers kept", "Tokens read back", "Speed"]
    assert all(c.proto.alt for c in at.get("plotly_chart"))
    words = seen(at)
    for text in texts(at)[:3]:
        assert text in words
    assert "alone: " in words
    assert "tiny" in words
    assert len(at.session_state[session.HISTORY]) == 1
    assert at.session_state[session.EDITOR]


def test_only_the_open_tab_is_computed() -> None:
    at = press(open_page(), "run")
    before = computed(at)
    at = open_tab(at, session.DETAILS, "Time")
    assert "not timed yet" in seen(at)
    assert len(titles(at)) == 1
    assert computed(at) == before
    at = open_tab(at, session.DETAILS, "Layers")
    assert "64 + 16" not in seen(at)
    assert "Cost: 96 mixed sequences" in seen(at)  # 16 pairs of 3 + 2, and 16


def test_the_band_is_measured_where_none_is_recorded() -> None:
    at = press(open_page(), "run")
    assert "equal by construction" in seen(at)
    assert "Band:" not in json.dumps(charts(at)[0]["layout"])
    at = press(open_tab(at, session.DETAILS, "Layers"), "band_compute")
    assert "16 pairs of random groups, measured just now" in seen(at)
    assert "Band: each slot's measured share" in json.dumps(charts(at)[0]["layout"])


def test_pressing_run_again_is_the_same_run(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count_passes(monkeypatch)
    at = open_page()
    for _ in range(4):  # before the first is over, and after
        at.button(key="run").click().run()
    at = press(settled(at), "run")
    assert calls.runs == 1
    assert len(at.session_state[session.HISTORY]) == 1


def test_what_was_pasted_is_said_and_the_editor_stays_open() -> None:
    at = press(open_page(), "run")
    at.text_area(key=session.PASTED).set_value("\n".join(f"line {i}" for i in range(5)))
    press(at, "row_paste")
    assert "5 lines taken: 3 in slots, 2 parked." in seen(at)
    assert at.session_state[session.EDITOR]
    press(at, "row_add")
    assert "lines taken" not in seen(at)


def test_a_card_selects_its_slot() -> None:
    at = press(press(open_page(), "run"), "select_2")
    assert at.session_state[session.SLOT] == 3
    assert titles(at)[-1].startswith("◆ 3")


def test_a_click_on_a_lane_selects_its_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    at = press(open_page(), "run")
    state: dict[str, Any] = {"braid_figure": {"selection": {"points": [{"customdata": [1]}]}}}
    monkeypatch.setattr(st, "session_state", state)
    panels._picked("braid_figure", slots.take_slot)
    assert state[session.SLOT] == 2
    state["braid_figure"]["selection"]["points"] = []
    panels._picked("braid_figure", slots.take_slot)
    assert state[session.SLOT] == 2
    assert at.get("plotly_chart")[0].proto.selection_mode


def test_both_models_answer_side_by_side() -> None:
    at = press(open_page(mb="score-n2"), "run")
    at.session_state["mix_other_braid"] = True
    assert "The pass of model B" in seen(settled(at.run()))
    table = next(d.value for d in at.dataframe if "A against alone" in d.value)
    assert list(table["slot"]) == ["● 1", "■ 2", "◆ 3"]
    assert list(table["A"].notna()) == [True] * 3
    assert list(table["B"].notna()) == [True, True, False]  # two slots only
    assert "Answers kept" not in seen(at) or "tokens read back: A" in seen(at)


def test_looking_at_it_in_another_way_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = count_passes(monkeypatch)
    at = press(open_page(p="negation"), "run")
    assert (calls.runs, calls.timings) == (1, 0)
    at.session_state[session.SLOT] = 3
    at.session_state[session.LEAK_VIEW] = "common"
    at.session_state[session.STRIPS] = "one"
    at.context = {"theme": "dark"}
    at.run()
    assert not at.exception
    assert (calls.runs, calls.timings) == (1, 0)
    press(at, "run")  # equal inputs come from the cache
    assert calls.runs == 1


def test_the_passes_are_timed_on_request_once_per_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    timing._known.clear()
    calls = count_passes(monkeypatch)
    at = press(open_page(), "run")
    assert "Not timed yet" in seen(at)
    assert next(m for m in at.metric if m.label == "Speed").value == "…"
    press(at, "time")
    checked(at.run())
    past = at.session_state[session.HISTORY][0]
    assert [t.passes for t in past.result.timings] == [1, 1, 3]
    assert all(0 < t.q1_s <= t.median_s <= t.q3_s for t in past.result.timings)
    at = open_tab(at, session.DETAILS, "Time")
    assert "times as fast" in titles(at)[-1]
    speed = next(m for m in at.metric if m.label == "Speed")
    assert speed.value == f"{past.result.speed:.1f} ×"
    other = press(open_page(seed="5"), "run")
    assert "Not timed yet" not in seen(other), "another session's pass of the same shape"
    assert calls.timings == 1
    longer = open_page()
    longer.text_input[0].set_value("film " * 9).run()
    assert "Not timed yet" in seen(press(longer, "run"))


def test_an_error_of_the_timing_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise DeviceError("out of memory")

    timing._known.clear()
    monkeypatch.setattr(inference, "time_group", fail)
    at = press(press(open_page(), "run"), "time")
    assert "out of memory" in at.error[0].value


def test_one_who_waits_sees_for_how_many_and_how_long() -> None:
    at, registry = open_page(), runs.registry()
    with registry.use(ModelKey("tiny-n1", "cpu"), errand=Errand("other", "map")):
        at = click(at, "run")
        (running,) = at.session_state[session.STUDIES].running.values()
        while running.job.status().place is None:
            assert not running.job.join(0.01), "it waits"
        checked(at.run())
        assert "Waiting: 1 run ahead of yours, about 1 s" in seen_progress(at)
        assert "run_stop" in [b.key for b in at.button]
    assert "Not timed yet" in seen(settled(at))


@pytest.mark.parametrize(
    ("own", "openmp", "wanted"),
    [("3", "1", 3), ("", "2", 2), ("", "", max(1, cores() - 1)), ("", "odd", max(1, cores() - 1))],
)
def test_threads_are_set_or_the_cores_but_one(
    own: str, openmp: str, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUXVIZ_THREADS", own)
    monkeypatch.setenv("OMP_NUM_THREADS", openmp)
    assert threads() == wanted


def test_a_run_uses_the_threads_that_are_set_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_THREADS", "2")
    at = press(open_page(), "run")
    assert at.session_state[session.HISTORY][0].result.provenance.threads == 2
    monkeypatch.setenv("MUXVIZ_THREADS", "many")
    at = press(open_page(seed="7"), "run")
    said = at.error[0].value.replace("\\", "")
    assert "MUXVIZ_THREADS is 'many'; set it to a whole number from 1 to 256" in said


def seen_progress(at: AppTest) -> str:
    return "\n".join(e.proto.text for e in at.get("progress"))


def test_changed_inputs_make_the_result_stale() -> None:
    at = press(open_page(), "run")
    assert not at.warning
    at.text_input[1].set_value("Another sentence.").run()
    assert "1 sentence" in at.warning[0].value
    press(at, "run")
    assert not at.warning


def test_an_error_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    at = press(open_page(x_fill="refuse"), "run")
    first = at.session_state[session.ROWS][0]
    before = titles(at)
    press(at, f"icon_remove_{first.id}")
    for row in at.session_state[session.ROWS][2:]:
        press(at, f"icon_remove_{row.id}")
    kept = texts(at)
    press(at, "run")
    assert at.error
    assert "got 2 sentences" in at.error[0].value.replace(JOINER, "")
    assert any("E-GROUP" in e.label for e in at.expander)
    assert texts(at) == kept
    assert titles(at) == before
    at.session_state[session.FILL] = "repeat"
    press(at.run(), "run")
    assert not at.error


def test_a_page_change_loses_nothing() -> None:
    at = press(open_page(slot="2"), "run")
    at.text_input[0].set_value("Mine.").run()
    shown = titles(at)
    at.switch_page("app.py").run()
    at.switch_page(PAGES["mix"].file).run()
    assert not at.exception
    assert texts(at)[0] == "Mine."
    assert at.text_input[0].value == "Mine."
    assert at.session_state[session.SLOT] == 2
    assert titles(at) == shown


def test_a_checkpoint_that_cannot_be_read_is_explained() -> None:
    at = press(open_page(m="broken-n2"), "run")
    assert at.error
    assert any("E-READ" in e.label for e in at.expander)
    assert texts(at)


def test_no_checkpoint_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    at = open_page()
    assert at.button(key="run").disabled
    assert "No checkpoint" in at.info[0].value
    assert not open_page("start").exception


def test_fillers_are_not_answers() -> None:
    at = press(open_page(p="single"), "run")
    assert at.text[0].value == texts(at)[0]
    assert len(at.text) == 1
    assert len(titles(at)) == 2  # the braid and one strip


def test_more_rows_than_slots_are_parked_and_used_by_a_larger_model() -> None:
    at = open_page(m="tiny-n3")
    assert any("7 sentences parked" in e.label for e in at.expander)
    at.session_state[session.CHECKPOINT] = "many-n14"
    at.run()
    assert "10 of 14 slots" in seen(at)
    assert at.selectbox(key=session.SLOT).value == 1


@pytest.mark.parametrize(
    ("name", "group_id", "word"),
    [
        ("tags-n2", "clean", "read back"),
        ("fills-n2", "gaps", "read back"),
        ("replaced-n2", "clean", "read back"),
        ("score-n2", "pairs", "read back"),
        ("blind-n2", "clean", "no retrieval head"),
        ("tiny-n1", "clean", "plain model"),
    ],
)
def test_every_kind_of_answer(name: str, group_id: str, word: str) -> None:
    at = press(open_page(m=name, p=group_id), "run")
    assert not at.error
    assert word in seen(at)
    assert "No run yet" not in seen(at)


def test_all_slots_equal_stands_in_under_its_own_name() -> None:
    at = press(open_page(m="score-n2", x_equal="true"), "run")
    assert "not an N = 1 model" in seen(at)
    assert at.session_state[session.HISTORY][0].result.baseline == "all slots equal"


def test_pin_compare_and_reopen() -> None:
    at = press(press(open_page(), "run"), "pin_run")
    first = texts(at)
    at.text_input[0].set_value("Something else entirely.").run()
    press(at, "run")
    assert any("Against the pinned run 1" in s.value for s in at.header)
    table = at.dataframe[0].value
    assert list(table["sentence"]) == ["different", "same", "same"]
    press(at, "reopen_1")
    assert at.session_state[session.CURRENT] == 1
    assert texts(at)[:3] == first[:3]
    assert not at.warning


def test_history_is_bounded_and_keeps_the_pinned_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muxviz.ui.study.runs.MAX_RUNS", 2)
    at = press(press(open_page(), "run"), "pin_run")
    for text in ("b", "c"):
        at.text_input[0].set_value(text).run()
        press(at, "run")
    assert [r.number for r in at.session_state[session.HISTORY]] == [1, 3]


def test_what_changed_is_named() -> None:
    request = RunRequest(
        "a", 3, "", "auto", "auto", (Row("x"), Row("y"), Row("z")), None, "repeat", 0, False, ""
    )
    changed = RunRequest(
        "a", 3, "", "auto", "auto", (Row("x"), Row("!")), "fixed", "published", 1, False, ""
    )
    assert differences(request, request) == []
    assert differences(changed, request) == ["2 sentences", "padding", "filling", "the seed"]


def test_the_python_of_a_panel_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    monkeypatch.setattr("plotly.graph_objects.Figure.show", lambda self: drawn.append(self))
    for timed, place, call in (
        (False, "mix.braid", "braid_figure(result).show()"),
        (True, "mix.timing", "timing_figure(result.timings).show()"),
    ):
        known = Known(dict, "", "result", RUN_IMPORTS, run_lines(ASKED, timed=timed))
        figure = f"from muxviz.figures.{place} import {call.partition('(')[0]}"
        exec(known.python([figure], [call]), {})
    assert len(drawn) == 2


# ---- presets, errors, choices -------------------------------------------------------------------


def test_presets_are_whole() -> None:
    assert len(presets()) >= 10
    assert len({p.id for p in presets()}) == len({p.title for p in presets()}) == len(presets())
    for item in presets():
        assert item.look_for.endswith((".", "?"))
        assert 1 <= len(item.rows) <= MAX_ROWS
        assert all(text.strip() and len(text) <= MAX_TEXT for text, _ in item.rows)
        assert find_preset(item.id) is find_preset(item.title) is item
    assert find_preset(group.OWN) is None
    with pytest.raises(KeyError):
        preset("nothing")


def all_errors(kind: type[MuxvizError] = MuxvizError) -> list[type[MuxvizError]]:
    return [kind, *(e for sub in kind.__subclasses__() for e in all_errors(sub))]


def test_every_error_has_its_own_entry_in_the_catalogue() -> None:
    ours = [e for e in all_errors() if e.__module__ == errors.__name__]
    codes = [e.code for e in ours if "code" in vars(e)]  # the others are kinds of their parent
    assert len(set(codes)) == len(codes)
    assert {e.code for e in ours} == set(codes)
    assert set(codes) == set(CATALOGUE)
    for advice in CATALOGUE.values():
        assert advice.title
        assert advice.still_works.endswith(".")
        assert advice.to_do.endswith(".")


def test_the_preferred_checkpoint_has_up_to_five_slots() -> None:
    chosen = preferred(bundled())
    assert chosen is not None
    assert chosen.name == "tiny-n3"
    assert chosen.baseline == "tiny-n1"
    assert preferred([]) is None


def test_the_least_certain_card_says_what_asking_it_again_gives() -> None:
    at = press(open_page(), "run")
    said = [c.value for c in at.caption if "first to be asked again" in c.value]
    assert len(said) == 1
    assert "certainty 0." in said[0]
    assert said[0].count("answer") == 1

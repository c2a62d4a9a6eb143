"""The Map page: its figures, its states, its controls and links, and UMAP made ready."""

from __future__ import annotations

import base64
import io
import json
import threading
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from muxviz.analysis.map import projection as projections
from muxviz.analysis.map.projection import map_states
from muxviz.analysis.map.states import sample_states
from muxviz.batch import Row
from muxviz.errors import InputError, NotApplicable
from muxviz.figures.map.colors import COLORS, hue
from muxviz.figures.map.points import SVG_MOST
from muxviz.figures.map.scores import PLOTS
from muxviz.figures.map.shares import share_figure
from muxviz.figures.map.states import map_figure
from muxviz.figures.map.words import (
    map_alt,
    map_finding,
    map_readings,
    map_table,
    ratio_text,
    score_table,
    share_alt,
    share_finding,
    share_table,
)
from muxviz.results.arrays import sample_arrays
from muxviz.results.map import (
    ANSWER,
    NEIGHBOURS,
    READOUT,
    SENTENCE,
    SHARES,
    SLOT,
    ChanceScore,
    StateMap,
    StateReading,
)
from muxviz.ui.map import params as map_params
from muxviz.ui.map import warm
from muxviz.ui.map.view import ALONE
from muxviz.ui.shell import session
from muxviz.ui.study import panels
from muxviz.ui.study.kept import Desk
from tests.map.test_map_analysis import GOLD, OWN, POOL
from tests.optional import needs
from tests.pages import (
    charts,
    checked,
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
from tests.planted import planted

MIB = 1024 * 1024


@cache
def found() -> StateMap:
    model = planted(((1.0, 0.3, 0.0), (0.0, 1.0, 0.3), (0.3, 0.0, 1.0)))
    sample = sample_states(
        model.checkpoint,
        (*OWN[:2], Row("<b>x</b> $y$")),
        pool=POOL,
        gold=GOLD,
        anchors=5,
        neighbour_sets=3,
    )
    return map_states(sample)


def spec_of(figure: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(figure.to_json())
    return read


def numbers(array: Any) -> np.ndarray:
    """What Plotly wrote of an array."""
    if isinstance(array, list):
        return np.array(array)
    kind = np.dtype(array["dtype"])
    return np.frombuffer(base64.b64decode(array["bdata"]), dtype=kind)


def figure(state: str = READOUT, *, joint: bool = False, dims: int = 2, **chosen: Any) -> Any:
    states = max((m.states for m in found().maps), key=len) if joint else (state,)
    return map_figure(
        found().sample, found().map_of(states, dims), found().readings, state=state, **chosen
    )


# ---- figures ------------------------------------------------------------------------------------


def test_every_point_is_drawn_where_it_lies_and_carries_its_number() -> None:
    places = found().map_of((READOUT,), 2).coordinates[0]
    drawn: set[int] = set()
    for trace in spec_of(figure())["data"]:
        if "customdata" not in trace:
            continue
        which = numbers(trace["customdata"])
        np.testing.assert_allclose(numbers(trace["x"]), places[which, 0])
        np.testing.assert_allclose(numbers(trace["y"]), places[which, 1])
        drawn |= set(which.tolist())
    assert drawn == set(range(len(found().sample.anchor)))


def test_lines_run_from_the_middle_of_a_sentence_to_its_points() -> None:
    sample = found().sample
    lines = spec_of(figure(selected=2))["data"][0]
    own = np.flatnonzero(sample.anchor == 2)
    places = found().map_of((READOUT,), 2).coordinates[0][own]
    x = numbers(lines["x"]).reshape(-1, 3)
    np.testing.assert_allclose(x[:, 0], places[:, 0].mean(), atol=1e-5)
    np.testing.assert_allclose(x[:, 1], places[:, 0])
    assert np.isnan(x[:, 2]).all()


def test_the_scores_beside_the_map_are_those_of_its_state() -> None:
    data = spec_of(figure("mixture"))["data"]
    reading = found().reading("mixture")
    for number, (name, _, ends, _) in enumerate(PLOTS, start=2):
        dots = [t for t in data if t.get("xaxis") == f"x{number}" and t["mode"] == "markers"]
        want = [getattr(one, name).value for one in reading.separations]
        np.testing.assert_allclose(
            numbers(dots[-1]["x"]), np.clip(want, *ends) if name == "ratio" else want, rtol=1e-5
        )


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("dark", [False, True])
def test_every_colouring_in_two_and_three_dimensions(color: str, dims: int, dark: bool) -> None:
    made = figure(color=color, dims=dims, dark=dark, point=1)
    text = made.to_json()
    assert len(text) < MIB
    assert "<b>x</b>" not in text
    kinds = {t["type"] for t in spec_of(made)["data"]}
    assert ("scatter3d" in kinds) == (dims == 3)
    assert "scattergl" not in kinds


def test_colours_that_do_not_apply_say_so() -> None:
    sample = found().sample
    nan = np.full(len(sample.anchor), np.nan, dtype=np.float32)
    bare = replace(sample, label=np.full_like(sample.label, -1), margin=nan, correct=nan)
    for color, said in (("label", "no class"), ("margin", "no classes"), ("correct", "no gold")):
        made = map_figure(
            bare, found().map_of((READOUT,), 2), found().readings, state=READOUT, color=color
        )
        assert any(said in a.text for a in made.layout.annotations)
    shares = replace(sample, correct=np.linspace(0, 1, len(nan), dtype=np.float32))
    made = map_figure(
        shares, found().map_of((READOUT,), 2), found().readings, state=READOUT, color="correct"
    )
    assert "share of tokens" in made.to_json()
    with pytest.raises(InputError, match="choose one of sentence"):
        figure(color="mood")


def test_hues_of_neighbouring_numbers_differ() -> None:
    for dark in (False, True):
        hues = [hue(n, dark=dark) for n in range(24)]
        assert len(set(hues)) == 24


def test_a_joint_map_has_a_frame_for_every_state_with_its_own_scores() -> None:
    made = figure("layer 1", joint=True)
    joint = max((m.states for m in found().maps), key=len)
    assert [frame.name for frame in made.frames] == list(joint) == list(found().sample.names)
    places = found().map_of(joint, 2).coordinates
    for f, frame in enumerate(made.frames):
        assert len(frame.data) == len(frame.traces)
        moved = [t for t, n in zip(frame.data, frame.traces, strict=True) if n == 1][0]
        which = np.asarray(made.data[1].customdata)
        np.testing.assert_allclose(np.asarray(moved.x), places[f, which, 0])
        assert frame.layout.title.text
    assert len(made.to_json()) < MIB
    assert made.layout.sliders[0].active == list(joint).index("layer 1")


def test_many_points_are_drawn_by_webgl_and_stay_under_a_megabyte() -> None:
    sample = found().sample
    times = SVG_MOST // len(sample.anchor) + 25
    big = replace(
        sample,
        **{
            name: np.tile(getattr(sample, name), times)
            for name in ("anchor", "slot", "neighbour_set", "label", "margin", "correct")
        },
    )
    flat = found().map_of((READOUT,), 2)
    tiled = replace(flat, coordinates=np.tile(flat.coordinates, (1, times, 1)))
    made = map_figure(big, tiled, found().readings, state=READOUT)
    kinds = [t["type"] for t in spec_of(made)["data"]]
    assert kinds.count("scattergl") == 3
    assert len(made.to_json()) < MIB


def test_words_and_table_hold_the_numbers_of_the_picture() -> None:
    reading, flat = found().reading(READOUT), found().map_of((READOUT,), 2)
    alt = map_alt(found().sample, flat, reading)
    assert map_finding(reading) in alt
    assert f"{flat.trustworthiness[0]:.2f}" in alt
    rows = map_table(found().sample, flat, READOUT)
    assert len(rows) == len(found().sample.anchor)
    assert rows[3]["axis 1"] == pytest.approx(float(flat.coordinates[0, 3, 0]))
    assert rows[-1]["sentence"] == "yours"
    scores = score_table(found().readings)
    assert len(scores) == sum(len(r.separations) for r in found().readings)
    assert scores[0]["silhouette"] == found().readings[0].separations[0].silhouette.value


def test_shares_are_drawn_as_they_are() -> None:
    data = spec_of(share_figure(found().readings, dark=True))["data"]
    bars = [t for t in data if t["type"] == "bar"]
    for number, bar in enumerate(bars):
        want = [r.shares.mean[number] for r in found().readings]
        np.testing.assert_allclose(numbers(bar["x"]), want, atol=1e-6)
    rows = share_table(found().readings)
    assert all(sum(row[name] for name in SHARES) == pytest.approx(1) for row in rows)
    assert share_finding(found().readings) in share_alt(found().readings)


def said(**values: float) -> str:
    """The finding for silhouettes by grouping."""
    base = found().reading(READOUT)
    separations = []
    for by, value in values.items():
        score = ChanceScore(value, value - 0.05, value + 0.05, 0.0, 0.02)
        separations.append(replace(base.by(SENTENCE), by=by, silhouette=score))
    reading: StateReading = replace(base, separations=tuple(separations))
    assert len(map_readings(reading)) == len(values)
    return map_finding(reading)


def test_findings_say_what_groups() -> None:
    names = (SENTENCE, SLOT, NEIGHBOURS, ANSWER)

    def of(*values: float) -> str:
        return said(**dict(zip(names, values, strict=True)))

    assert "cleanly told apart" in of(0.41, 0.02, -0.1, 0.3)
    assert "sentences (0.41) group, but so do slots" in of(0.41, 0.2, 0, 0)
    assert "slots and neighbour sets" in of(0.41, 0.2, 0.3, 0)
    assert "by answer (0.50), not by sentence (0.01)" in of(0.01, 0.02, 0, 0.5)
    assert "by neighbour set (0.30), not by sentence (−0.07)" in of(-0.07, 0, 0.3, 0)
    assert "no grouping that can be seen" in of(0.05, 0, 0, 0.01)
    still = replace(found().reading(READOUT), spread=0.0)
    assert "all points are one" in map_finding(still)
    assert ratio_text(1e6) == "over 999"
    assert ratio_text(float("nan")) == "n/a"


# ---- the page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    write_checkpoint(root / "fills-n2", task="masked_lm", num_instances=2)
    return root


@pytest.fixture(autouse=True)
def _here(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv(warm.SWITCH, "off")


def open_page(**parameters: str) -> AppTest:
    return visit("map", **({"m": "tiny-n3", "u_k": "4", "u_m": "2"} | parameters))


def opened(**parameters: str) -> AppTest:
    return press(open_page(**parameters), "map_states_compute")


def test_the_page_asks_before_it_computes() -> None:
    at = open_page()
    assert "25 mixed sequences" in seen(at)
    assert not at.get("plotly_chart")


def test_a_map_appears_with_its_readings_and_looking_makes_no_pass() -> None:
    at = opened()
    assert len(charts(at)) == 1
    assert titles(at)[0].startswith("Read-out: ")
    for tab, said in (("Made of", "of the variance"), ("On their way", "the sentence's own")):
        open_tab(at, "map_behind", tab)
        assert len(charts(at)) == 2
        assert said in titles(at)[1]
    assert "Sentences" in seen(at)
    for key, value in ((map_params.STATE.key, "mix"), (map_params.COLOR.key, "slot")):
        at.session_state[key] = value
    checked(at.run())
    assert titles(at)[0].startswith("Mixture: ")
    at.session_state[map_params.DIMS.key] = "3"
    at.session_state[map_params.JOINT.key] = True
    checked(at.run())
    assert json.loads(at.get("plotly_chart")[0].proto.spec)["frames"]
    assert computed(at) == 1


def test_buttons_step_through_the_states() -> None:
    at = opened(u_state="mix")
    press(at, "map_step_:material/chevron_right:")
    assert titles(at)[0].startswith("After layer 1: ")
    press(at, "map_step_:material/chevron_right:")
    press(at, "map_step_:material/chevron_right:")
    assert titles(at)[0].startswith("Read-out: ")
    assert at.button(key="map_step_:material/chevron_right:").disabled


def test_a_sentence_and_a_point_are_looked_at_by_number() -> None:
    at = opened(u_sel="2", u_pt="3")
    words = seen(at)
    assert "**Sentence 2:**" in words
    assert "**Point 3:**" in words
    assert "Nearest by cosine, read-out" in words
    rows = at.dataframe
    assert len(rows) == 2
    assert len(rows[0].value) == 6  # two sets in three slots
    assert len(rows[1].value) == 10
    far = opened(u_sel="40", u_pt="9000")  # of a larger sample
    assert "**Sentence" not in seen(far)


def test_tsne_takes_the_place_of_pca_once_it_is_there() -> None:
    at = opened(u_proj="tsne", u_nn="5")
    assert len(charts(at)) == 1
    assert "The same states by t-SNE" in seen(at)
    assert "t-SNE, seed 0" in at.get("plotly_chart")[0].proto.spec
    assert computed(at) == 2


@needs("umap")
def test_umap_comes_through_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projections, "import_umap", lambda: SimpleNamespace(UMAP=FakeUmap))
    at = opened(u_proj="umap")
    assert "UMAP, seed 0" in at.get("plotly_chart")[0].proto.spec  # it was chosen, so it is shown
    at.session_state[map_params.STATE.key] = "mix"
    settled(at.run())
    assert titles(at)[0].startswith("Mixture: ")
    assert "UMAP, seed 0" in at.get("plotly_chart")[0].proto.spec


class FakeUmap:
    """Takes the first columns; stands in where the real one would compile."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def fit(self, rows: np.ndarray) -> FakeUmap:
        self.embedding_ = self.transform(rows)
        return self

    def transform(self, rows: np.ndarray) -> np.ndarray:
        return np.asarray(rows[:, : self.options["n_components"]])


def test_without_umap_pca_stays_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "has_umap", lambda: False)
    at = opened(u_proj="umap")
    assert "pip install" in seen(at)
    assert len(charts(at)) == 1


def test_states_are_given_as_arrays() -> None:
    sample = found().sample
    arrays = np.load(io.BytesIO(sample_arrays(sample)), allow_pickle=False)
    for name, values in sample.states.items():
        np.testing.assert_array_equal(arrays[f"state/{name}"], values)
    assert list(arrays["texts"]) == list(sample.texts)
    np.testing.assert_array_equal(arrays["neighbour_set"], sample.neighbour_set)


def test_lines_join_the_points_of_a_chosen_sentence_only() -> None:
    places = found().map_of((READOUT,), 2)
    given = (found().sample, places, found().readings)
    bare, joined = (map_figure(*given, state=READOUT, selected=chosen) for chosen in (None, 1))
    lines = [[t for t in figure.data if t.mode == "lines"] for figure in (bare, joined)]
    assert len(lines[1]) == len(lines[0]) + 1


def test_one_slot_is_not_applicable() -> None:
    at = open_page(m="tiny-n1")
    assert ALONE in seen(at)
    assert not [b for b in at.button if b.key == "map_states_compute"]


def test_a_masked_lm_has_a_map_but_no_answers() -> None:
    at = opened(m="fills-n2", u_col="label")
    assert "No colour by answer" in at.get("plotly_chart")[0].proto.spec


def test_changed_inputs_make_the_map_stale() -> None:
    at = opened()
    at.session_state[map_params.SETS.key] = 3
    checked(at.run())
    assert "Stale" in seen(at)
    assert "the number of neighbour sets" in seen(at)


def test_bad_links_leave_the_defaults() -> None:
    bad = {"u_k": "5", "u_state": "nowhere", "u_dist": "7", "u_joint": "perhaps"}
    at = open_page(**bad)
    for param in map_params.PARAMS:
        if param.key in bad and param.key in at.session_state:
            assert at.session_state[param.key] == param.default
    assert "nowhere" in seen(at)


@pytest.mark.parametrize(
    ("parameters", "count"),
    [({"u_col": "margin", "u_sel": "1"}, 3), ({"u_own": "false"}, 3), ({"u_proj": "tsne"}, 3)],
)
def test_the_python_runs_as_pasted(
    parameters: dict[str, str], count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr("plotly.graph_objects.Figure.show", lambda figure: shown.append(figure))
    at = opened(**parameters)
    for tab in ("Made of", "On their way"):
        open_tab(at, "map_behind", tab)
    desk: Desk = at.session_state["studies"]
    drawn = list(desk.panels.values())
    for panel in drawn:
        exec(panel.python, {})
        assert json.loads(panel.record())
    assert len(shown) == len(drawn) >= count
    titles = [figure.layout.title.text for figure in shown]
    assert titles == [panel.figures[0].layout.title.text for panel in drawn]


# ---- UMAP made ready ----------------------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the background thread did; nothing is compiled."""
    done: list[str] = []
    monkeypatch.delenv(warm.SWITCH)
    monkeypatch.setattr(projections, "compile_umap", lambda: done.append("compiled"))
    monkeypatch.setattr(warm, "desk", lambda: SimpleNamespace(results={"a": 1}))
    monkeypatch.setattr(warm, "is_busy", lambda: False)
    warm.begun.clear()
    return done


def waited(warmth: warm.Warmth | None) -> warm.Warmth:
    assert warmth is not None
    assert warmth.done.wait(60)
    return warmth


@needs("umap")
def test_warming_twice_does_the_work_once(calls: list[str]) -> None:
    first = waited(warm.warm_umap())
    assert waited(warm.warm_umap()) is first
    assert calls == ["compiled"]
    assert first.is_ready
    assert first.thread is not None
    assert first.thread.daemon


def test_warming_waits_for_a_first_result_and_an_idle_moment(
    calls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(warm, "desk", lambda: SimpleNamespace(results={}))
        assert warm.warm_umap() is None
    with monkeypatch.context() as patch:
        patch.setattr(warm, "is_busy", lambda: True)
        assert warm.warm_umap() is None
    with monkeypatch.context() as patch:
        patch.setenv(warm.SWITCH, "off")
        assert warm.warm_umap() is None
    assert not calls


def test_a_job_under_way_is_seen() -> None:
    over = threading.Event()
    job = threading.Thread(target=over.wait, name=warm.JOBS, daemon=True)
    assert not warm.is_busy()
    job.start()
    assert warm.is_busy()
    over.set()
    job.join()
    assert not warm.is_busy()


@pytest.mark.parametrize("missing", [True, False])
def test_a_failure_to_warm_is_kept_and_never_raised(
    calls: list[str], monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    def fail() -> None:
        raise NotApplicable("no umap here")

    monkeypatch.setattr(projections, "compile_umap", fail)
    monkeypatch.setattr(warm, "has_umap", lambda: not missing)
    warmth = waited(warm.warm_umap())
    assert not warmth.is_ready
    assert warmth.error == (warm.INSTALL if missing else "no umap here")


def test_a_first_look_comes_before_the_whole_sample() -> None:
    at = visit("map", m="tiny-n3", u_k="12", u_m="3")
    at = press(at, "map_states_compute")
    assert computed(at) == 2
    assert "12 sentences × 3 neighbour sets" in seen(at)
    assert "A first look" not in seen(at)


def test_what_a_lasso_holds_is_listed_and_a_row_is_ringed(monkeypatch: pytest.MonkeyPatch) -> None:
    from muxviz.ui.map import look

    at = opened()
    points = [{"customdata": n} for n in (5, 0, 1)]
    state: dict[str, Any] = {
        "map_pca_figure": {"selection": {"points": points, "lasso": [{"xref": "x"}]}},
        "map_circled": {"selection": {"rows": [2]}},
    }
    with monkeypatch.context() as patched:
        patched.setattr(st, "session_state", state)
        panels._picked("map_pca_figure", look.take_point, look.take_points)
        look._mark_row([{"point": n + 1} for n in state[session.LASSO]])
    assert state[session.LASSO] == (0, 1, 5)
    assert state["u_pt"] == 6
    at.session_state[session.LASSO] = state[session.LASSO]
    at = settled(at.run())
    assert "3 points circled." in seen(at)
    listed = next(d.value for d in at.dataframe if len(d.value) == 3)
    assert list(listed["point"]) == [1, 2, 6]

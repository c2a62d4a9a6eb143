"""The Keys page and its figures, on tiny checkpoints and planted ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from muxviz.analysis.keys.gates import gate_flips
from muxviz.analysis.keys.geometry import key_geometry, key_interference
from muxviz.analysis.keys.mantel import key_leak, keys_and_crosstalk, similarities_of
from muxviz.analysis.keys.matched_filter import matched_filter
from muxviz.batch import Row
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.figures.keys.bars import (
    filter_alt,
    filter_figure,
    filter_finding,
    filter_table,
    sinr_alt,
    sinr_figure,
    sinr_finding,
    sinr_table,
)
from muxviz.figures.keys.gates import gates_alt, gates_figure, gates_finding, gates_table
from muxviz.figures.keys.geometry import (
    keys_alt,
    keys_figure,
    keys_finding,
    keys_table,
    random_bound,
)
from muxviz.figures.keys.scatter import (
    key_leak_alt,
    key_leak_figure,
    key_leak_finding,
    key_leak_table,
    key_leak_tests,
)
from muxviz.pool import VARIABLE
from muxviz.ui.shell import session
from muxviz.ui.shell.text import plain
from tests.pages import (
    computed,
    open_tab,
    press,
    questions,
    seen,
    settled,
    titles,
    visit,
    write_checkpoint,
)
from tests.planted import planted
from tests.tiny import shared_checkpoint

ROWS = (Row("a good film"), Row("the plot is bad and boring"), Row("we like the music"))
POOL = ("the story is good", "a long night", "we love it", "the man is happy", "a sad song", "no")
QUESTIONS = (
    "How alike are the keys?",
    "How loud are the others when one slot is filtered out?",
    "How much could be read with no network at all?",
    "Do two read-outs gate the same state differently?",
    "Do slots with like keys leak more?",
)
MB = 1_000_000


# ---- figures ------------------------------------------------------------------------------------


def drawn(figure: go.Figure) -> Any:
    spec = figure.to_json()
    assert len(spec) < MB
    return json.loads(spec)


def test_the_geometry_is_drawn_as_it_was_found() -> None:
    clean = key_geometry(planted().checkpoint, ROWS)
    assert keys_finding(clean).startswith("No two slots are more alike than random vectors")
    cells = drawn(keys_figure(clean))["data"][1]["text"]
    assert cells[:2] == ["|12|", ".00"]  # a mask is 3 on 16 dimensions: length 12
    table = keys_table(clean)
    assert (len(table), table[0]["mux norm"], table[1]["mux cosine"]) == (9, 12.0, 0.0)
    for dark in (False, True):
        for measure in ("cosine", "interference"):
            assert drawn(keys_figure(clean, measure=measure, dark=dark))["data"]


def test_keys_that_are_too_alike_are_named() -> None:
    checkpoint = planted().checkpoint
    vectors: Any = checkpoint.model.multiplexer.instance_embedding
    vectors[2] = vectors[0] + 0.1 * vectors[1]
    found = key_geometry(checkpoint, ROWS)
    assert found.mux is not None
    assert found.mux.cosine[0, 2] > random_bound(found.mux)
    assert "slots 1 and 3" in keys_finding(found)
    assert "cosine 1.00" in keys_finding(found)


def test_a_half_that_does_not_apply_says_why() -> None:
    mlp = key_geometry(shared_checkpoint(demultiplexer="mlp", default_padding="group"), ROWS)
    notes = [a["text"] for a in drawn(keys_figure(mlp))["layout"]["annotations"]]
    assert any("has no keys" in " ".join(n.split("<br>")) for n in notes)
    assert "no keys" in keys_alt(mlp)
    contextual = shared_checkpoint(multiplexer="contextual", default_padding="group")
    found = key_geometry(contextual, ROWS)
    notes = drawn(keys_figure(found, measure="interference"))["layout"]["annotations"]
    assert any("contextual" in n["text"] for n in notes)
    assert len(keys_table(found)) == 9


def test_no_interference_is_said_not_drawn() -> None:
    found = key_interference(planted().checkpoint, pool=POOL, draws=4)
    spec = drawn(sinr_figure(found))
    assert sinr_finding(found) == "No interference: the slots' vectors do not overlap"
    assert [a["text"] for a in spec["layout"]["annotations"]].count("no interference") == 3
    assert sinr_table(found)[0]["measured dB"] == "no interference"
    assert "no interference" in sinr_alt(found)


def test_ratios_are_drawn_in_decibels_beside_their_law() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    found = key_interference(checkpoint, pool=POOL, draws=6)
    spec = drawn(sinr_figure(found, dark=True))
    bars = sinr_figure(found).data[0].x
    np.testing.assert_allclose(bars, found.sinr_db(found.measured.mean))
    assert [row["measured dB"] for row in sinr_table(found)] == pytest.approx(list(bars))
    lines = [s["x0"] for s in spec["layout"]["shapes"] if s["type"] == "line"]
    assert lines == pytest.approx([10 * np.log10(3 / 2)])
    assert "Gaussian vectors" in sinr_finding(found)
    turned = shared_checkpoint(multiplexer="random_orthogonal", default_padding="group")
    assert "random turns promise −3.0 dB" in sinr_finding(
        key_interference(turned, pool=POOL, draws=2)
    )


def test_the_filter_is_drawn_beside_the_model_and_chance() -> None:
    found = matched_filter(planted().checkpoint, ROWS, pool=POOL, draws=4)
    spec = drawn(filter_figure(found))
    assert [len(t["y"]) for t in spec["data"]] == [3, 3]
    assert spec["layout"]["shapes"][0]["x0"] == pytest.approx(found.chance)
    assert filter_finding(found).startswith("Without a network, 100 % of the tokens")
    assert filter_table(found)[2]["model"] == 1.0
    assert "slot 3, model: 100 %" in filter_alt(found)
    blind = shared_checkpoint(has_retrieval_head=False, default_padding="group")
    alone = matched_filter(blind, ROWS, pool=POOL, draws=2)
    assert len(drawn(filter_figure(alone, dark=True))["data"]) == 1
    assert "model" not in filter_finding(alone)
    assert "model" not in filter_table(alone)[0]


def test_gates_are_drawn_and_equal_ones_named() -> None:
    apart = gate_flips(planted().checkpoint, ROWS, pool=POOL, draws=2)
    assert drawn(gates_figure(apart))["data"][1]["text"][1] == "67"
    assert "about half" in gates_finding(apart)
    same = gate_flips(planted(gates=(0, 0, 2)).checkpoint, ROWS, pool=POOL, draws=2)
    assert gates_finding(same, over="pool").startswith("The read-outs of slots 1 and 2 gate every")
    assert gates_table(same)[0]["differ in this group"] == 0
    assert "slot 3 33 %" in gates_alt(same)
    assert drawn(gates_figure(same, over="pool", dark=True))["data"]


def leak(num: int = 5) -> Any:
    matrix = np.random.default_rng(0).normal(size=(num, num))
    similarity = matrix + matrix.T
    origin = key_geometry(planted().checkpoint, ROWS).provenance
    likes = {"likeness": similarity, "flat": np.eye(num)}
    return key_leak(likes, np.exp(similarity), unit="nats", draws=8, provenance=origin)


def test_pairs_are_drawn_where_they_are() -> None:
    found = leak()
    spec = drawn(key_leak_figure(found))
    assert len(spec["data"][0]["text"]) == 20
    assert 6 <= sum(bool(t) for t in spec["data"][0]["text"]) <= 12  # where there is room
    rows = key_leak_table(found)
    at = [r for r in rows if (r["slot observed"], r["source"]) == (2, 4)]
    assert at[0]["likeness"] == pytest.approx(found.similarity[0, 1, 3])
    assert key_leak_finding(found).startswith("Slots with like keys leak more into each other")
    assert "equally alike" in key_leak_finding(found, which=1)
    assert key_leak_tests(found)[1]["p (permuting slots)"] is None
    assert "all 120 orders" in key_leak_alt(found)
    assert drawn(key_leak_figure(found, which=1, dark=True))["data"]
    with pytest.raises(InputError, match="0 to 1"):
        key_leak_figure(found, which=2)


def test_ten_slots_still_fit() -> None:
    checkpoint = shared_checkpoint(num_instances=14, default_padding="group")
    found = key_geometry(checkpoint, ROWS)
    assert "text" not in drawn(keys_figure(found))["data"][1]
    assert drawn(key_leak_figure(leak(10)))["layout"]["height"] < 600


# ---- keys and measured cross-talk ---------------------------------------------------------------


def test_keys_are_compared_with_cross_talk_that_is_measured() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    told: list[tuple[int, int]] = []
    pooled = keys_and_crosstalk(
        checkpoint, (), pool=POOL, draws=4, groups=2, progress=lambda *a: told.append(a)
    )
    assert (pooled.groups, pooled.draws, pooled.permutations) == (2, 4, 6)
    assert told[-1][0] == told[-1][1]
    assert len(pooled.names) == 4
    own = keys_and_crosstalk(checkpoint, ROWS, pool=POOL, draws=3, groups=0)
    assert own.groups == 0
    assert np.abs(own.crosstalk - pooled.crosstalk).max() > 0
    again = keys_and_crosstalk(checkpoint, ROWS, pool=POOL, draws=3, groups=0)
    np.testing.assert_array_equal(own.crosstalk, again.crosstalk)


def test_planted_leaks_show_and_clean_ones_do_not() -> None:
    """Slot 2 leaks into slot 1 alone; the keys know nothing of it."""
    leaks = np.eye(3)
    leaks[0, 1] = 3.0
    pool = ("good good", "bad bad", "great", "awful film", "a warm day", "the sad old man")
    found = keys_and_crosstalk(planted(leaks).checkpoint, ROWS, pool=pool, draws=4, groups=2)
    off = ~np.eye(3, dtype=bool)
    assert np.argwhere((found.crosstalk > 1e-3) & off).tolist() == [[0, 1]]
    clean = keys_and_crosstalk(planted().checkpoint, ROWS, pool=pool, draws=4, groups=2)
    np.testing.assert_allclose(clean.crosstalk[off], 0, atol=1e-6)
    assert np.isnan(clean.rho[list(clean.names).index("mux vectors, cosine")])


def test_what_cannot_be_compared_says_so() -> None:
    two = shared_checkpoint(num_instances=2, default_padding="group")
    with pytest.raises(NotApplicable, match="two slots are one pair"):
        keys_and_crosstalk(two, ROWS[:2], pool=POOL)
    checkpoint = shared_checkpoint(default_padding="group")
    with pytest.raises(NotApplicable, match="free slots"):
        keys_and_crosstalk(checkpoint, ROWS[:2], pool=POOL, groups=0)

    def stop(done: int, total: int) -> None:
        raise Stopped("stopped")

    with pytest.raises(Stopped, match="before the first draws"):
        keys_and_crosstalk(checkpoint, ROWS, pool=POOL, draws=4, groups=2, progress=stop)
    contextual = shared_checkpoint(multiplexer="contextual", default_padding="group")
    names = list(similarities_of(key_geometry(contextual, ROWS), None))
    assert names == ["mux vectors, cosine", "demux keys, cosine"]


# ---- the page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind the page must bear; not to be changed."""
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "tiny-n3")
    write_checkpoint(root / "tiny-n1", plain=True)
    write_checkpoint(root / "tiny-n2", num_instances=2)
    write_checkpoint(root / "context-n3", multiplexer="contextual")
    write_checkpoint(root / "blind-n3", has_retrieval_head=False)
    return root


@pytest.fixture(autouse=True)
def _only_these(
    checkpoints: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pool = tmp_path_factory.mktemp("pool") / "short.txt"
    pool.write_text("\n".join(POOL), encoding="utf-8")
    monkeypatch.setenv(VARIABLE, str(pool))
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))


TABS = {"filter": "Without a network", "gates": "Gates", "leak": "Against cross-talk"}


def tab(at: AppTest, name: str) -> AppTest:
    return open_tab(at, "keys_more", TABS[name])


def open_page(**parameters: str) -> AppTest:
    return visit("keys", **({"m": "tiny-n3", "k_draws": "16"} | parameters))


def test_every_question_is_answered_and_its_python_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page()
    assert questions(at) == list(QUESTIONS[:2])
    assert len(titles(at)) == 2  # geometry and interference come by themselves
    for name, question in zip(TABS, QUESTIONS[2:], strict=True):
        press(tab(at, name), f"keys_{name}_compute")
        assert questions(at) == [QUESTIONS[0], question]
        assert len(titles(at)) == 2
    monkeypatch.setattr(go.Figure, "show", lambda self: None)
    panels = list(at.session_state[session.STUDIES].panels.values())
    assert len({panel.key for panel in panels}) == 5
    for panel in panels:
        exec(panel.python, {})
        assert panel.table
        assert json.loads(panel.record())["format"] == 1


def test_views_compute_nothing_and_are_carried_by_the_link() -> None:
    at = open_page(k_mux="interference", k_gates="pool", k_like="gates")
    press(tab(at, "gates"), "keys_gates_compute")
    assert any("interference" in str(c.proto.spec).lower() for c in at.get("plotly_chart"))
    before, shown = computed(at), str([c.proto.spec for c in at.get("plotly_chart")])
    at.segmented_control(key="k_mux").set_value("cosine").run()
    at.segmented_control(key="k_gates").set_value("group").run()
    settled(at)
    assert computed(at) == before
    assert str([c.proto.spec for c in at.get("plotly_chart")]) != shown
    bad = open_page(k_mux="angle", k_draws="7")
    assert bad.button(key="dismiss_ignored")
    assert bad.slider(key="k_draws").value == 64


def test_a_new_number_of_groups_makes_the_drawn_panels_stale() -> None:
    at = open_page()
    press(tab(at, "gates"), "keys_gates_compute")
    at.slider(key="k_draws").set_value(32).run()
    assert not at.exception
    assert "Stale" in seen(at)


@pytest.mark.parametrize(
    ("checkpoint", "asked", "reason"),
    [
        ("tiny-n1", (), "a plain model has no slots"),
        ("context-n3", ("filter",), "the contextual multiplexer passes"),
        ("tiny-n2", ("leak",), "two slots are one pair"),
        ("blind-n3", ("filter",), ""),
    ],
)
def test_what_does_not_apply_says_why(checkpoint: str, asked: Sequence[str], reason: str) -> None:
    at = open_page(m=checkpoint)
    for name in asked:
        press(tab(at, name), f"keys_{name}_compute")
    assert reason in seen(at)


def test_a_second_model_gets_panels_of_its_own() -> None:
    at = open_page(mb="tiny-n2")
    names = (("A", "tiny-n3"), ("B", "tiny-n2"))
    sides = [f"{QUESTIONS[0]} · {side}: {plain(name)}" for side, name in names]
    assert questions(at)[:2] == sides
    assert len(titles(at)) == 4

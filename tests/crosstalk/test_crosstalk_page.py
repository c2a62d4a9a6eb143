"""The Cross-talk page without a browser, and its figures: numbers given are numbers drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from muxviz.analysis.crosstalk.shapley import shapley
from muxviz.analysis.crosstalk.swap_test import difference, measure_crosstalk
from muxviz.errors import InputError
from muxviz.figures.crosstalk.compare import (
    comparison_alt,
    comparison_figure,
    comparison_finding,
    comparison_table,
)
from muxviz.figures.crosstalk.matrix import crosstalk_figure
from muxviz.figures.crosstalk.pair import (
    swap_pair_alt,
    swap_pair_figure,
    swap_pair_finding,
    swap_pair_table,
)
from muxviz.figures.crosstalk.rows import shares_figure, shares_finding
from muxviz.figures.crosstalk.waterfall import waterfall_alt, waterfall_figure, waterfall_table
from muxviz.figures.crosstalk.words import (
    crosstalk_alt,
    crosstalk_finding,
    crosstalk_table,
    short,
    signed,
)
from muxviz.figures.drawing.ink import ink
from muxviz.figures.drawing.scales import color_at, diverging
from muxviz.results.attribution import Explained, SlotShares
from muxviz.results.cross_matrix import common_scale, cross_matrix
from muxviz.results.crosstalk import Crosstalk, Shapley
from muxviz.ui.crosstalk.params import AUTO, PARAMS, SLOT, of_slots
from muxviz.ui.shell import session
from tests.crosstalk.test_crosstalk_analysis import LEAKY, POOL, ROWS
from tests.optional import needs
from tests.pages import (
    charts,
    computed,
    press,
    seen,
    titles,
    visit,
    write_checkpoint,
    write_pair,
)
from tests.planted import planted

HOSTILE = "<b>x</b> $q$ a & b"


@pytest.fixture(scope="module")
def swap() -> Crosstalk:
    return measure_crosstalk(planted(LEAKY).checkpoint, ROWS, pool=(*POOL[:-1], HOSTILE))


@pytest.fixture(scope="module")
def values() -> Shapley:
    return shapley(planted(LEAKY).checkpoint, ROWS, pool=POOL, draws=6)


def heat(fig: go.Figure) -> np.ndarray:
    return np.asarray(next(t for t in fig.data if t.type == "heatmap").z, dtype=float)


# ---- figures ------------------------------------------------------------------------------------


def test_the_diverging_scale_runs_from_blue_over_the_page_to_orange() -> None:
    for dark in (False, True):
        scale = diverging(dark)
        assert [p for p, _ in scale] == pytest.approx(np.linspace(0, 1, 9))

        def channels(place: float, scale: Any = scale) -> list[int]:
            color = color_at(scale, place)
            return [int(color[k : k + 2], 16) for k in (1, 3, 5)]

        for place in (0.0, 0.25):
            assert channels(place)[2] > channels(place)[0]
            assert channels(1 - place)[0] > channels(1 - place)[2]
        paper = [int(ink(dark).paper[k : k + 2], 16) for k in (1, 3, 5)]
        assert np.abs(np.array(channels(0.5)) - paper).max() < 30


@pytest.mark.parametrize(
    ("measure", "dark"), [("points", False), ("swap", False), ("push", True), ("decibel", True)]
)
def test_the_matrix_draws_its_cells_and_leaves_the_rest(
    swap: Crosstalk, measure: str, dark: bool
) -> None:
    matrix = cross_matrix(swap, measure)
    fig = crosstalk_figure(matrix, mark_faint=False, picked=matrix.strongest, dark=dark)
    shown = heat(fig)
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(shown[off], matrix.values[off], rtol=1e-6)
    assert np.isnan(np.diag(shown)).all()  # the own sentence is off the scale
    marked = heat(crosstalk_figure(matrix, dark=dark))
    np.testing.assert_array_equal(np.isnan(marked), matrix.is_faint | ~off)
    assert matrix.strongest in {(0, 1), (2, 0)}
    slot, source = matrix.strongest  # type: ignore[misc]
    assert f"slot {slot + 1}" in fig.layout.title.text.lower()
    assert any(s.x0 == source + 0.015 and s.line.width > 2 for s in fig.layout.shapes)
    assert len(fig.to_json()) < 1_000_000
    hovers = next(t for t in fig.data if t.customdata is not None)
    for (i, j), said in zip(hovers.customdata, hovers.hovertext, strict=True):
        who = "own sentence" if i == j else f"slot {j + 1}"
        assert said.startswith(f"{who} → slot {i + 1}: "), "of the cell that it lies on"
        x, y = hovers.x[list(map(tuple, hovers.customdata)).index((i, j))], i + 0.5
        assert (x, y) == (j + 0.5, i + 0.5)


def test_the_bars_are_the_sums_with_their_intervals(swap: Crosstalk) -> None:
    fig = crosstalk_figure(cross_matrix(swap, "swap"))
    beside, above = (t for t in fig.data if t.type == "bar")
    np.testing.assert_allclose(beside.x, swap.js.received.mean)
    np.testing.assert_allclose(above.y, swap.js.given.mean)
    np.testing.assert_allclose(beside.error_x.array, swap.js.received.high - swap.js.received.mean)


def test_the_finding_the_table_and_the_words_say_the_same(swap: Crosstalk) -> None:
    matrix = cross_matrix(swap, "swap")
    slot, source = (0, 1) if swap.js.cells.mean[0, 1] > swap.js.cells.mean[2, 0] else (2, 0)
    value = short(float(swap.js.cells.mean[slot, source]))
    finding = crosstalk_finding(matrix)
    assert f"slot {source + 1} moves slot {slot + 1} most: {value} nats" in finding
    assert finding in crosstalk_alt(matrix)
    row = crosstalk_table(matrix)[3 * slot + source]
    assert row["swap (nats)"] == swap.js.cells.mean[slot, source]
    assert row["told from nothing"] is True
    assert crosstalk_table(matrix)[0]["told from nothing"] is None
    clean = cross_matrix(measure_crosstalk(planted().checkpoint, ROWS, pool=POOL))
    finding = crosstalk_finding(clean)
    assert finding.startswith("No slot's sentence moves")
    assert clean.strongest is None
    # Slot 2's blame works against slot 1's praise.
    assert "slot 2 hurts slot 1: −" in crosstalk_finding(cross_matrix(swap, "push"))
    with pytest.raises(InputError, match="choose one of points, swap, push, decibel"):
        cross_matrix(swap, "leak")


def test_numbers_are_short_and_never_rounded_away() -> None:
    assert [short(v) for v in (0.0, 3.84, 0.000213, 31.6, 4e-9)] == [
        "0", "3.8", "0.00021", "32", "4e−9",
    ]  # fmt: skip
    assert [signed(v) for v in (0.314, -1.2, 0.001)] == ["+0.31", "−1.20", "0.00"]


def test_fillers_and_many_slots_are_drawn() -> None:
    found = measure_crosstalk(planted(LEAKY).checkpoint, ROWS[:2], pool=POOL, draws=4)
    fig = crosstalk_figure(cross_matrix(found))
    assert np.isnan(heat(fig)[2]).all()
    assert "filler" in fig.data[1].text
    assert "Slot 3: filler, not read." in crosstalk_alt(cross_matrix(found))
    wide = np.full((14, 14), 0.1)
    fig = crosstalk_figure(cross_matrix(of_shares(wide)))
    assert fig.data[1].mode == "markers"
    assert fig.data[0].showscale


def test_a_pair_lists_the_draws_that_moved_it_most(swap: Crosstalk) -> None:
    table = swap_pair_table(swap, 2, 0)
    assert len(table) == swap.draws
    assert [r["JS (nats)"] for r in table] == sorted(swap.js.each[:, 2, 0].tolist(), reverse=True)
    fig = swap_pair_figure(swap, 2, 0, dark=True)
    label = swap.labels.index(swap.targets[2])
    np.testing.assert_allclose(fig.data[0].x, swap.after[:, 2, 0, label], rtol=1e-6)
    assert "with other sentences in slot 1" in fig.layout.title.text.replace("<br>", " ")
    assert table[0]["sentence"] in swap_pair_alt(swap, 2, 0)
    assert len(fig.to_json()) < 1_000_000
    push = swap_pair_figure(swap, 2, 0, of_margin=True)
    np.testing.assert_allclose(push.data[0].x, -swap.push.each[:, 2, 0], rtol=1e-6)
    assert "'s margin changes by" in swap_pair_alt(swap, 2, 0, of_margin=True)
    everything = swap_pair_figure(swap, 1, 1).to_json()
    assert "<b>" not in everything
    assert "its own slot" in swap_pair_finding(swap, 1, 1)


def test_a_pair_of_a_token_task_counts_changed_tags() -> None:
    model = planted(LEAKY, task="token_classification")
    found = measure_crosstalk(model.checkpoint, ROWS, pool=POOL, draws=6)
    fig = swap_pair_figure(found, 2, 0)
    np.testing.assert_allclose(fig.data[0].x, found.js.each[:, 2, 0], rtol=1e-6)
    assert "at most in a draw" in swap_pair_finding(found, 2, 0)
    assert "answer" not in swap_pair_table(found, 2, 0)[0]


def test_the_waterfall_adds_up(values: Shapley) -> None:
    fig = waterfall_figure(values, 0)
    bars = fig.data[0]
    np.testing.assert_allclose(bars.x[0], values.empty.mean[0])
    np.testing.assert_allclose(bars.base[-2] + bars.x[-2], values.full[0], atol=1e-9)
    np.testing.assert_allclose(bars.x[1:4], values.values.mean[0])
    assert "leave over less than 1e−9 logits" in fig.layout.annotations[-1].text
    for color, value in zip(bars.marker.color[1:4], values.values.mean[0], strict=True):
        red, _, blue = (int(color[k : k + 2], 16) for k in (1, 3, 5))
        assert (blue > red) == (value >= 0), "blue helps, orange hurts"
    table = waterfall_table(values, 0)
    assert sum(r["logits"] for r in table[:4]) == pytest.approx(table[4]["logits"])
    assert "slot 1 (own)" in waterfall_alt(values, 0)


def of_shares(shares: np.ndarray) -> SlotShares:
    num = len(shares)
    origin = measure_crosstalk(planted().checkpoint, ROWS, pool=POOL, draws=1).provenance
    return SlotShares(
        shares, shares.copy(), np.ones(num), np.zeros(num), np.full(num, 8),
        tuple(Explained(i, "positive", "negative", ()) for i in range(num)), 5, False, origin,
    )  # fmt: skip


def test_gradient_shares_are_drawn_as_given() -> None:
    result = of_shares(np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.0, 0.0, 1.0]]))
    assert "20 % on slot 1" in crosstalk_finding(cross_matrix(result))
    np.testing.assert_allclose(shares_figure(result, 1).data[0].x, [0.7, 0.2, 0.1])
    assert "own tokens for 70 %, on slot 1's for 20 %" in shares_finding(result, 1)
    assert not cross_matrix(result).is_tested


def test_two_models_are_compared_on_one_scale(swap: Crosstalk) -> None:
    clean = measure_crosstalk(planted().checkpoint, ROWS, pool=(*POOL[:-1], HOSTILE))
    one, other = cross_matrix(clean), cross_matrix(swap)
    apart = difference(clean, swap)
    fig = comparison_figure(one, other, apart, ("a", HOSTILE), dark=True)
    maps = [t for t in fig.data if t.type == "heatmap"]
    assert (maps[0].zmin, maps[0].zmax) == (maps[1].zmin, maps[1].zmax) == common_scale(one, other)
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(
        np.asarray(maps[2].z, float)[off], apart.mean[off], rtol=1e-6, atol=1e-12
    )
    assert maps[2].zmin == -maps[2].zmax
    assert "2 of 6 cells differ" in comparison_finding(one, other, apart)
    assert comparison_table(one, other, apart)[1]["B − A"] == apart.mean[0, 1]
    assert "Slot 2 into slot 1" in comparison_alt(one, other, apart)
    with pytest.raises(InputError, match="compare one measure"):
        comparison_finding(one, cross_matrix(swap, "push"), apart)


# ---- the page -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    write_checkpoint(root / "two-n2", num_instances=2)
    write_checkpoint(root / "blind-n2", has_retrieval_head=False, num_instances=2)
    write_checkpoint(root / "score-n2", task="regression", num_instances=2)
    write_checkpoint(root / "tags-n3", task="token_classification", num_labels=3)
    return root


@pytest.fixture(autouse=True)
def _only_these_checkpoints(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pool = tmp_path / "pool.tsv"
    lines = [f"{text}\t{'positive' if i % 2 else 'negative'}" for i, text in enumerate(POOL)]
    pool.write_text("\n".join(["text\tlabel", *lines]), encoding="utf-8")
    monkeypatch.setenv("MUXVIZ_POOL", str(pool))
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(folder))


def open_page(**parameters: str) -> AppTest:
    return visit("crosstalk", **({"m": "tiny-n3", "c_draws": "8", "c_sets": "4"} | parameters))


def compute(at: AppTest, key: str = "crosstalk_swap") -> AppTest:
    return press(at, f"{key}_compute")


def test_the_page_says_what_it_would_cost_and_then_shows_it() -> None:
    at = open_page()
    assert at.title[0].value == "Cross-talk"
    assert "24 mixed sequences" in seen(at)
    assert not charts(at)
    compute(at)
    first, second = titles(at)
    assert " moves slot " in first or first.startswith("No slot's")
    assert "with other sentences in" in second.replace("<br>", " ")
    assert "8 draws of a pool of 12" in seen(at)
    assert "floor" in seen(at)


def test_views_of_the_same_draws_compute_nothing_more() -> None:
    at = compute(open_page())
    work = computed(at)
    for key, value in (
        ("c_meas", "push"), ("c_meas", "swap"), ("c_db", True), ("c_sig", False),
        ("c_i", "2"), ("c_j", "3"), ("c_j", "2"),
    ):  # fmt: skip
        at.session_state[key] = value
        at.run()
        assert not at.exception
        assert len(charts(at)) == 2
    assert computed(at) == work
    assert "in its own slot" in titles(at)[1].replace("<br>", " ")
    at.session_state["c_draws"] = 16
    at.run()
    assert "Stale" in seen(at)
    assert "the number of draws" in seen(at)


@pytest.mark.parametrize(
    ("measure", "pictures"),
    [("push", 2), ("shapley", 2), ("odds", 2), pytest.param("share", 2, marks=needs("captum"))],
)
def test_every_measure_has_its_picture_and_its_detail(measure: str, pictures: int) -> None:
    at = compute(open_page(c_meas=measure), f"crosstalk_{measure}")
    assert len(charts(at)) == pictures
    assert not at.error


def test_leaks_of_the_group_come_at_once_and_over_the_pool_on_request() -> None:
    at = open_page(c_meas="leak")
    assert len(charts(at)) == 1
    assert "came out of slot" in seen(at)
    at.session_state["c_over"] = "pool"
    at.run()
    compute(at, "crosstalk_leak")
    assert len(charts(at)) == 1


def test_a_link_brings_pair_measure_and_own_sentences() -> None:
    at = open_page(
        c_meas="push", c_i="3", c_j="1", c_pool="own", c_own="good film|bad book", c_sig="false"
    )
    assert "The pool has 2 sentences" in at.warning[0].value
    compute(at, "crosstalk_push")
    assert titles(at)[1].startswith("Slot 3's margin changes by")
    assert "Struck through" not in json.dumps(charts(at)[0])


@pytest.mark.parametrize("value", ["nonsense", "<b>", "9999"])
def test_rubbish_in_a_link_leaves_the_defaults(value: str) -> None:
    at = open_page(c_meas=value, c_i=value, c_draws="8")
    assert "Whose answer changes when a sentence is exchanged?" in seen(at)
    assert not at.error


def test_an_empty_pool_is_explained() -> None:
    at = open_page(c_pool="own")
    assert any("no sentence to draw from" in str(e.value) for e in at.get("markdown")) or (
        "no sentence to draw from" in seen(at)
    )
    assert not charts(at)


def test_what_does_not_apply_says_so() -> None:
    at = open_page(m="tiny-n1")
    assert "there is no other slot" in seen(at)
    assert not at.button or not any(b.key == "crosstalk_swap_compute" for b in at.button)
    at = open_page(m="blind-n2", c_meas="leak")
    assert "no retrieval head" in seen(at)
    assert "Swap, Push, Shapley" in seen(at)
    at = compute(open_page(m="blind-n2"))  # swap still works
    assert len(charts(at)) == 2
    at = compute(open_page(m="score-n2"))
    assert "answers with a number" in seen(at)


def test_model_b_is_drawn_on_the_same_scale_with_the_difference() -> None:
    at = compute(open_page(mb="tags-n3"))
    compute(at, "crosstalk_swap_b")
    found = charts(at)
    assert len(found) == 4  # A, B, both, the pair
    one, other = found[0]["data"][0], found[1]["data"][0]
    assert (one["zmin"], one["zmax"]) == (other["zmin"], other["zmax"])
    assert "cells differ" in titles(at)[2]


def test_model_b_with_other_slots_is_not_subtracted() -> None:
    at = compute(open_page(mb="two-n2"))
    compute(at, "crosstalk_swap_b")
    assert "there is no difference cell by cell" in seen(at)
    assert len(charts(at)) == 3
    assert "no other slot" in seen(open_page(mb="tiny-n1"))


@pytest.mark.parametrize("measure", ["swap", "shapley", "odds", "leak", "share"])
def test_show_python_runs_as_pasted(measure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page(c_meas=measure, c_pool="positive")
    if measure != "leak":
        compute(at, f"crosstalk_{measure}")
    drawn: list[go.Figure] = []
    monkeypatch.setattr(go.Figure, "show", lambda self: drawn.append(self))
    panels = at.session_state[session.STUDIES].panels.values()
    codes = {panel.python: panel for panel in panels}
    for code in codes:
        exec(code, {})
    assert len(drawn) == len(codes)
    for fig, panel in zip(drawn, codes.values(), strict=True):
        assert fig.layout.title.text == panel.figures[0].layout.title.text


def test_choices_of_slots_end_with_the_model() -> None:
    assert list(of_slots(SLOT, 3).options) == [AUTO, "1", "2", "3"]
    assert len({p.key for p in PARAMS}) == len(PARAMS)
    assert all(p.key.startswith("c_") for p in PARAMS)

"""The Fidelity page and its figures, on tiny checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from muxviz.analysis.fidelity.agreement import accuracy, agreement, pool_agreement
from muxviz.analysis.fidelity.capacity import bits
from muxviz.analysis.fidelity.confusion import confusion
from muxviz.analysis.fidelity.recovery import pool_read_back, read_back
from muxviz.batch import Row
from muxviz.errors import InputError
from muxviz.figures.fidelity import answers as answer_figures
from muxviz.figures.fidelity import bits as bits_figures
from muxviz.figures.fidelity import places as place_figures
from muxviz.figures.fidelity import recovery as read_figures
from muxviz.results.fidelity import Fidelity
from tests.pages import (
    checked,
    computed,
    open_tab,
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
from tests.planted import planted
from tests.tiny import tiny_config, write_tiny_folder

LABELS = {"labels": ("negative", "positive")}
ROWS = (Row("a good film"), Row("the plot is bad and boring"), Row("we like the music"))
SHORT = ("good", "bad", "a warm day", "the dog is sad", "we like the city and the road")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentiment at N = 1, 2 and 3, tags, and one without a retrieval head; not to be changed."""
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root, **LABELS)
    write_tiny_folder(root / "tiny-n2", tiny_config(num_instances=2, **LABELS), seed=1)
    write_checkpoint(root / "blind-n2", num_instances=2, has_retrieval_head=False, **LABELS)
    write_checkpoint(root / "tags-n2", task="token_classification", num_labels=3, num_instances=2)
    write_checkpoint(root / "score-n2", task="regression", num_instances=2)
    return root


@pytest.fixture(autouse=True)
def _only_these(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))


TABS = "fidelity_answers"  # the row of tabs about answers


def open_page(**parameters: str) -> AppTest:
    return visit("fidelity", **({"m": "tiny-n3", "f_draws": "16"} | parameters))


def open_again(**parameters: str) -> AppTest:
    return open_tab(open_page(**parameters), TABS, "Ask again")


# ---- the page -----------------------------------------------------------------------------------


def test_a_group_is_read_at_once_and_views_compute_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = open_page()
    before, counted = titles(at), computed(at)
    assert len(before) == 2  # by slot, and agreement
    assert questions(at)[0] == "How much of each slot is read back?"
    for tab in ("By place", "By length", "By slot"):
        at.session_state["fidelity_by"] = tab
        checked(at.run())
    assert computed(at) == counted
    at = open_tab(at, TABS, "Right")
    assert at.button(key="fidelity_right_compute")
    assert "16 mixed sequences" in seen(at)
    at = open_tab(at, TABS, "As alone")
    assert run_as_pasted(at, monkeypatch) == 4
    for key, view in (("f_value", "nll"), ("f_value", "ranks"), ("f_places", "one")):
        at.session_state[key] = view
    settled(at.run())
    assert computed(at) == counted
    assert titles(at) != before


def test_everything_over_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    at = open_page(f_scope="pool", f_across="task", f_unit="nats")
    assert titles(at) == []
    assert "fidelity_positions" not in str([b.key for b in at.button])  # one Compute for all three
    press(at, "fidelity_slots_pool_compute")
    shown = []
    for tab, key in (("As alone", "agreement_pool"), ("Right", "right"), ("Bits", "bits")):
        press(open_tab(at, TABS, tab), f"fidelity_{key}_compute")
        assert len(titles(at)) == 2
        shown += titles(at)
    for tab in ("By place", "By length"):
        at.session_state["fidelity_by"] = tab
        checked(at.run())
    assert "16 random groups" in seen(at)
    assert "nats per position" in " ".join(shown)
    assert run_as_pasted(at, monkeypatch) == 6


def test_a_link_sets_every_control_and_nonsense_is_named() -> None:
    at = open_page(f_scope="pool", f_draws="32", f_value="mrr", f_unit="nats", f_places="x")
    assert at.session_state["f_draws"] == 32
    assert at.session_state["f_value"] == "mrr"
    assert at.session_state["f_scope"] == "pool"
    assert "f_places" in seen(at).replace("\\", "")


@pytest.mark.parametrize(
    ("name", "words", "charts"),
    [
        ("tiny-n1", "plain N = 1 model without a retrieval head", 0),
        ("blind-n2", "no retrieval head", 0),
        ("score-n2", "answers with a number", 1),
        ("tags-n2", "names none", 1),
        ("tiny-n2", "names none", 1),
    ],
)
def test_what_does_not_apply_says_so_and_the_rest_is_there(
    name: str, words: str, charts: int
) -> None:
    at = open_page(m=name)
    assert words in seen(at)
    assert len(titles(at)) == charts


def test_right_answers_need_labels_of_the_pool() -> None:
    at = press(open_tab(open_page(m="tags-n2"), TABS, "Right"), "fidelity_right_compute")
    assert "answers another question" in seen(at)


def test_whom_to_ask_again_is_drawn_and_its_python_gives_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at = press(open_again(), "fidelity_escalation_compute")
    assert any("asked again alone" in title for title in titles(at))
    assert run_as_pasted(at, monkeypatch) >= 1
    assert "An N = 1 model answers alone already." in seen(open_again(m="tiny-n1"))
    assert "answers another question" in seen(
        press(open_again(m="tags-n2"), "fidelity_escalation_compute")
    ) or "names none" in seen(open_page(m="tags-n2"))


def test_without_a_checkpoint_or_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    at = visit("fidelity")
    assert "No checkpoint" in seen(at)


# ---- figures ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def leaky() -> Any:
    return planted(((1, 0, 0), (0, 0, 0), (2, 0, 1)))


@pytest.fixture(scope="module")
def results(leaky: Any) -> dict[str, Any]:
    lone = planted(num_instances=1).checkpoint
    model, labels = leaky.checkpoint, ["positive" if "good" in t else "negative" for t in SHORT]
    return {
        "group": read_back(model, ROWS),
        "pool": pool_read_back(model, SHORT, draws=30),
        "clean": pool_read_back(planted().checkpoint, SHORT, draws=10),
        "agree": agreement(model, ROWS, baseline=lone),
        "agree_pool": pool_agreement(model, SHORT, baseline=lone, draws=20),
        "right": accuracy(model, SHORT, labels, draws=20),
        "alone": accuracy(lone, SHORT, labels, draws=60),
        "confusion": confusion(model, lone, SHORT, labels=labels, draws=20),
        "bits": [bits(planted(num_instances=n).checkpoint, SHORT, draws=6) for n in (2, 3)],
    }


def every(results: dict[str, Any]) -> Iterator[tuple[go.Figure, str, str, list[dict[str, Any]]]]:
    """Figure, finding, alternative text and table of everything that can be drawn, dark too."""
    for dark in (False, True):
        for name in ("clean",) if dark else ("group", "pool", "clean"):
            r = results[name]
            for value in read_figures.VALUES:
                yield (
                    read_figures.fidelity_figure(r, value=value, dark=dark),
                    read_figures.fidelity_finding(r, value=value),
                    read_figures.fidelity_alt(r, value=value),
                    read_figures.fidelity_table(r),
                )
            for slot in (None, 1):
                yield (
                    place_figures.positions_figure(r, slot=slot, dark=dark),
                    place_figures.positions_finding(r, slot=slot),
                    place_figures.positions_alt(r, slot=slot),
                    place_figures.positions_table(r, slot=slot),
                )
            yield (
                place_figures.lengths_figure(r, dark=dark),
                place_figures.lengths_finding(r),
                place_figures.lengths_alt(r),
                place_figures.lengths_table(r),
            )
        for name in ("agree", "agree_pool"):
            r = results[name]
            yield (
                answer_figures.agreement_figure(r, dark=dark),
                answer_figures.agreement_finding(r),
                answer_figures.agreement_alt(r),
                answer_figures.agreement_table(r),
            )
        for alone in (None, results["alone"]):
            yield (
                answer_figures.accuracy_figure(results["right"], alone, dark=dark),
                answer_figures.accuracy_finding(results["right"], alone),
                answer_figures.accuracy_alt(results["right"], alone),
                answer_figures.accuracy_table(results["right"], alone),
            )
        yield (
            answer_figures.confusion_figure(results["confusion"], dark=dark),
            answer_figures.confusion_finding(results["confusion"]),
            answer_figures.confusion_alt(results["confusion"]),
            answer_figures.confusion_table(results["confusion"]),
        )
        for unit in bits_figures.UNITS:
            yield (
                bits_figures.bits_figure(results["bits"], unit=unit, dark=dark),
                bits_figures.bits_finding(results["bits"], unit=unit),
                bits_figures.bits_alt(results["bits"], unit=unit),
                bits_figures.bits_table(results["bits"], unit=unit),
            )


def test_every_figure_bears_its_finding_is_small_and_has_words_and_a_table(
    results: dict[str, Any],
) -> None:
    for figure, finding, alt, table in every(results):
        title = figure.layout.title.text.replace("<br>", " ").replace("&lt;", "<")
        assert title == finding
        assert alt.startswith(finding)
        assert table
        assert len(figure.to_json()) < 1_000_000
        assert "nan" not in alt.lower()
        assert all(not isinstance(v, float) or v == v for row in table for v in row.values())
        assert not any(trace.type == "scattergl" for trace in figure.data)


def test_numbers_given_are_numbers_drawn(results: dict[str, Any]) -> None:
    found: Fidelity = results["pool"]
    dots = read_figures.fidelity_figure(found).data[0]
    np.testing.assert_allclose(dots.x, [*found.slots.value, found.total.value], atol=1e-6)
    np.testing.assert_allclose(
        np.asarray(dots.x[:3]) + dots.error_x.array[:3], found.slots.high, atol=1e-6
    )
    table = read_figures.fidelity_table(found)
    assert [row["share"] for row in table[:3]] == found.slots.value.tolist()
    assert [row["nats per token"] for row in table[:3]] == found.nll.mean.tolist()
    bars = read_figures.fidelity_figure(found, value="ranks").data
    drawn = np.stack([bar.x for bar in bars], axis=1)
    np.testing.assert_allclose(drawn.sum(axis=1), 1, atol=1e-6)
    line = place_figures.positions_figure(found).data[-1]
    there = found.position_total.trials > 0
    np.testing.assert_allclose(line.y, found.position_total.value[there], atol=1e-6)
    counts = results["confusion"].counts
    drawn = np.nan_to_num(
        np.asarray(answer_figures.confusion_figure(results["confusion"]).data[0].z)
    )
    assert drawn.tolist() == counts.tolist()
    total = bits_figures.bits_figure(results["bits"], unit="nats").data[1]
    np.testing.assert_allclose(total.y, [float(r.total.mean) for r in results["bits"]], rtol=1e-6)


def test_findings_say_what_was_planted(results: dict[str, Any]) -> None:
    assert "only 0 % of slot 2's" in read_figures.fidelity_finding(results["pool"])
    clean = read_figures.fidelity_finding(results["clean"])
    assert clean.startswith("Every one of the")
    assert "Slot 3 comes back least surely" in read_figures.fidelity_finding(
        results["pool"], value="nll"
    )
    finding = bits_figures.bits_finding(results["bits"])
    assert finding.startswith("The more slots, the more one vector carries")
    assert "alone" in answer_figures.accuracy_finding(results["right"], results["alone"])


def test_wrong_choices_are_refused(results: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="choose one of read"):
        read_figures.fidelity_figure(results["pool"], value="x")
    with pytest.raises(InputError, match="choose one of bits"):
        bits_figures.bits_figure(results["bits"], unit="x")
    with pytest.raises(InputError, match="no results"):
        bits_figures.bits_figure([])

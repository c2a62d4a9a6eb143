"""The Attention page without a browser: readings, links, contrasts, what does not apply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from muxviz.ui.shell import session
from tests.optional import needs
from tests.pages import charts, computed, open_tab, press, seen, titles, visit, write_checkpoint


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("attention")
    write_checkpoint(root / "tiny-n1", plain=True)
    write_checkpoint(root / "tiny-n3", default_padding="group")
    kinds: dict[str, dict[str, Any]] = {
        "contextual-n2": {"multiplexer": "contextual", "num_instances": 2},
        "tags-n2": {"task": "token_classification", "num_labels": 3, "num_instances": 2},
        "score-n2": {"task": "regression", "num_instances": 2},
        "fills-n2": {"task": "masked_lm", "num_instances": 2},
    }
    for name, changes in kinds.items():
        write_checkpoint(root / name, default_padding="group", **changes)
    return root


@pytest.fixture(autouse=True)
def _only_these_checkpoints(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))
    short = checkpoints / "pool.txt"
    short.write_text("a good film\nthe plot is old\nwe like the music\n", encoding="utf-8")
    monkeypatch.setenv("MUXVIZ_POOL", str(short))


def open_page(**parameters: str) -> AppTest:
    return visit("attention", **({"m": "tiny-n3"} | parameters))


TABS = "attention_more"


def words(at: AppTest) -> AppTest:
    return open_tab(at, TABS, "Words")


def ways(at: AppTest) -> AppTest:
    return open_tab(at, TABS, "Ways through")


def test_the_raw_map_and_the_ranking_come_by_themselves() -> None:
    at = open_page()
    shown = titles(at)
    assert len(shown) == 3
    assert "entropy" in shown[0]
    assert "spreads over about" in shown[1]
    assert "leans most on head" in shown[2]
    best = shown[2].split("head ")[1].split(" of layer ")
    assert shown[1].startswith(f"Layer {best[1][0]}, head {best[0]}")  # the one that matters most
    assert all(c.proto.alt for c in at.get("plotly_chart") if hasattr(c.proto, "alt"))


def test_views_are_changed_without_computing() -> None:
    at = open_page()
    before = computed(at)
    at.segmented_control(key="a_agg").set_value("one").run()
    at.slider(key="a_layer").set_value(2).run()
    at.slider(key="a_head").set_value(3).run()
    assert titles(at)[1].startswith("Layer 2, head 3")
    at.segmented_control(key="a_agg").set_value("mean").run()
    assert titles(at)[1].startswith("Layer 2, mean of its heads")
    at.text_input(key="a_tok").set_value("film").run()
    at.toggle(key="a_spec").set_value(True).run()
    at.segmented_control(key="a_by").set_value("js").run()
    assert not at.exception
    assert computed(at) == before


def test_every_reading_opens_from_a_link_and_names_itself() -> None:
    at = open_page(a_read="pairs", a_i="2", a_j="none", a_seen="true")
    assert "Layer 1, head" in titles(at)[0]
    assert "slot 2 looking at no sentence" in titles(at)[1]
    assert "Reading 2" in seen(at)
    at = open_page(a_read="relevance", a_to="1", a_b="3", a_roll="layer", slot="1")
    assert "One pass, 3 readings" in titles(at)[0]
    assert "3" in titles(at)[1]
    assert len([t for t in charts(at)[0]["data"] if t["type"] == "heatmap"]) == 3
    at = open_page(m="contextual-n2", a_read="across", a_pos="2")
    assert "a sentence keeps" in titles(at)[0]


def test_what_does_not_apply_is_said_and_the_rest_is_there() -> None:
    assert "only the contextual multiplexer" in seen(open_page(a_read="across"))
    pairs = open_page(m="contextual-n2", a_read="pairs")
    assert "not a sum of one part per sentence" in seen(pairs)
    assert len(titles(pairs)) == 1  # the heads
    plain = open_page(m="tiny-n1")
    assert len(titles(plain)) == 3
    assert "there is no pair" in seen(open_page(m="tiny-n1", a_read="pairs"))
    alone = open_page(m="tiny-n1", a_read="relevance")
    assert "leans most on looks at" in titles(alone)[0]


@needs("captum")
def test_words_and_ways_are_computed_when_asked_for_with_their_contrast() -> None:
    at = open_page(slot="2", a_for="LABEL_1", a_vs="nothing")
    press(words(at), "attention_words_compute")
    found = next(t for t in titles(at) if t.startswith("Slot 2, “LABEL_1”:"))
    assert "rests on its own words" in found
    press(ways(at), "attention_ways_compute")
    assert any("leaves the last layer at position" in t for t in titles(at))
    at.segmented_control(key="a_for").set_value("answer").run()
    assert "Stale" in seen(at)
    assert "what is explained" in seen(at)


@needs("captum")
def test_tagged_texts_are_explained_token_by_token() -> None:
    at = open_page(m="tags-n2", a_at="2")
    press(words(at), "attention_words_compute")
    assert any("at token 2" in t for t in titles(at))
    score = open_page(m="score-n2")
    assert "a_for" not in [s.key for s in score.segmented_control]
    press(words(score), "attention_words_compute")
    assert any("its score" in t for t in titles(score))
    heads = titles(open_tab(score, TABS, "Heads"))[2]
    assert "score falls" in heads or "score rises" in heads


def test_a_link_that_asks_for_what_is_not_there_falls_back() -> None:
    at = open_page(a_read="nonsense", a_layer="40", a_head="60", a_agg="one", a_for="LABEL_9")
    assert titles(at)[1].startswith("Layer 1, head 1 ")
    assert "a_read=nonsense" in seen(at).replace("\\", "").replace("\u2060", "")
    assert words(at).segmented_control(key="a_for").value == "answer"
    long = open_page(a_tok="nothing of this is there")
    assert len(titles(long)) == 3


def test_fewer_sentences_than_slots_and_none_at_all() -> None:
    open_page(m="fills-n2", a_read="relevance")
    open_page(p="Your own")


@needs("captum")
@pytest.mark.parametrize("reading", ["raw", "pairs", "relevance"])
def test_the_python_of_every_panel_runs_as_pasted(
    reading: str, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import plotly.graph_objects as go

    shown: list[str] = []
    monkeypatch.setattr(go.Figure, "show", lambda self: shown.append(self.layout.title.text))
    at = open_page(a_read=reading)
    press(words(at), "attention_words_compute")
    press(ways(at), "attention_ways_compute")
    desk = at.session_state[session.STUDIES]
    ran = set()
    for panel in list(desk.panels.values()):
        if panel.python not in ran:
            ran.add(panel.python)
            exec(compile(panel.python, "snippet", "exec"), {})
    assert len(ran) >= 4
    assert set(titles(at)) <= set(shown)

"""The Layers page on tiny checkpoints: its studies, its link, and where they do not apply."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from muxviz.loading.load import load
from muxviz.pool import fit_and_test
from muxviz.ui.shell import session
from muxviz.ui.shell.text import plain
from tests.pages import (
    charts,
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

FEW = {"l_pairs": "16", "l_draws": "8", "l_fit": "32", "l_groups": "8"}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A family of N = 1 and 3, one without a retrieval head, one contextual; not to be changed."""
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    write_checkpoint(root / "blind-n2", num_instances=2, has_retrieval_head=False)
    write_checkpoint(root / "tags-n2", task="token_classification", num_labels=3, num_instances=2)
    return root


@pytest.fixture(autouse=True)
def _only_these(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """These checkpoints, and a small pool, so that passes stay short."""
    words = ("good", "bad", "a warm day", "the dog is sad", "we like the city", "a very old book")
    rows = [
        f"{text} {more}\t{split}"
        for split in ("pool", "fit", "test")
        for text in words
        for more in ("here", "now")
    ]
    pool = tmp_path / "pool.tsv"
    pool.write_text("\n".join(["text\tsplit", *rows]) + "\n", encoding="utf-8")
    monkeypatch.setenv("MUXVIZ_POOL", str(pool))
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))


def open_page(**parameters: str) -> AppTest:
    return visit("layers", **({"m": "tiny-n3"} | FEW | parameters))


TABS, READ, FAMILY = "layers_more", "Read on the way", "Against N"


def reading(**parameters: str) -> AppTest:
    return open_tab(open_page(**parameters), TABS, READ)


def choose(at: AppTest, key: str, value: str) -> AppTest:
    next(g for g in at.get("button_group") if g.key == key).set_value(value).run()
    return settled(at)


def test_the_page_opens_with_what_one_pass_shows_and_offers_the_rest() -> None:
    at = open_page()
    assert at.title[0].value == "Layers"
    assert "At what depth are they mixed and unmixed?" in seen(at)
    assert len(titles(at)) == 1  # the braid
    assert "Equal stripes until the spectrum above is computed" in seen(at)
    assert "Cost: 96 mixed sequences" in seen(at)
    assert len(titles(open_tab(at, TABS, READ))) == 1  # the strip
    assert "Cost: 8 mixed sequences on each of 2 checkpoints" in seen(open_tab(at, TABS, FAMILY))


def test_spectrum_fills_the_braid_and_solo_computes_nothing() -> None:
    at = press(open_page(), "layers_spectrum_compute")
    assert len(titles(at)) == 2
    assert "Interaction" in titles(at)[0] or "state" in titles(at)[0]
    assert "Equal stripes" not in seen(at)
    assert "Low numbers" in seen(at)  # 16 pairs
    braid = charts(at)[1]
    assert any("grey, of no single slot" in a["text"] for a in braid["layout"]["annotations"])
    before = computed(at)
    at.toggle(key="l_solo").set_value(True).run()
    settled(at)
    assert computed(at) == before
    soloed = charts(at)[1]
    assert any(t.get("opacity", 1) < 0.5 for t in soloed["data"])


@pytest.mark.parametrize(
    ("probe", "words"),
    [("demux", "demux lens"), ("translated", "translated lens"), ("linear", "linear probe")],
)
def test_every_probe_from_a_link(probe: str, words: str) -> None:
    at = press(reading(l_probe=probe), f"layers_{probe}_compute")
    assert any(words in title for title in titles(at))
    before, shown = computed(at), "selectivity" if probe == "linear" else "margin"
    at = choose(at, "l_r2" if probe == "linear" else "l_show", shown)
    assert any(shown in title.lower() for title in titles(at))
    assert computed(at) == before


def test_the_strip_follows_the_slot_and_steps_through_the_levels() -> None:
    at = reading(l_play="1", slot="2")
    assert "after layer 1" in titles(at)[-1]
    assert titles(at)[-1].startswith("■ 2")
    before = computed(at)
    at = press(at, "layers_next")
    assert "after layer 2" in titles(at)[-1]
    assert at.button(key="layers_next").disabled
    at = press(press(at, "layers_previous"), "layers_previous")
    assert "at the input of layer 1" in titles(at)[-1]
    assert at.button(key="layers_previous").disabled
    assert computed(at) == before


def test_the_family_is_measured_together() -> None:
    at = press(open_tab(open_page(), TABS, FAMILY), "layers_norms_compute")
    chart = charts(at)[-1]
    names = {t["name"] for t in chart["data"] if t.get("showlegend")}
    assert names == {"tiny-n1 (N = 1)", "tiny-n3 (N = 3)"}
    alone = press(open_tab(open_page(m="tags-n2"), TABS, FAMILY), "layers_norms_compute")
    assert any("Attention" in title for title in titles(alone))


def test_a_plain_model_has_probes_and_norms_only() -> None:
    at = open_page(m="tiny-n1")
    assert "there is nothing to entangle" in seen(at)
    at = open_tab(at, TABS, READ)
    assert "nothing was mixed, so nothing is read back" in seen(at)
    assert not titles(at)
    at = press(reading(m="tiny-n1", l_probe="linear"), "layers_linear_compute")
    assert any("linear probe" in title for title in titles(at))


def test_without_a_retrieval_head_the_probe_still_works() -> None:
    at = press(reading(m="blind-n2"), "layers_demux_compute")
    assert "has no retrieval head" in seen(at)
    at = press(choose(at, "l_probe", "linear"), "layers_linear_compute")
    assert any("linear probe" in title for title in titles(at))


def test_a_bad_link_leaves_the_defaults() -> None:
    at = reading(l_pairs="7", l_probe="everything", l_play="99")
    assert at.slider(key="l_pairs").value == 64
    assert at.slider(key="l_play").value == 0
    ignored = " ".join(at.session_state[session.IGNORED])
    assert all(plain(f"{name}=") in ignored for name in ("l_pairs", "l_probe", "l_play"))


@pytest.mark.parametrize(
    ("parameters", "pressed"),
    [
        ({}, {"spectrum": "This group", "demux": READ, "norms": FAMILY}),
        (
            {"l_probe": "translated", "seed": "3", "l_solo": "true"},
            {"translated": READ, "strip_translated": READ},
        ),
        ({"l_probe": "linear"}, {"linear": READ}),
    ],
)
def test_the_python_of_every_panel_runs_as_pasted(
    parameters: dict[str, str],
    pressed: dict[str, str],
    checkpoints: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []
    monkeypatch.setattr(go.Figure, "show", lambda figure: made.append(figure))
    monkeypatch.setattr("muxviz.load", lambda name, **given: load(checkpoints / name, **given))
    at = open_page(**parameters)
    shown = set(titles(at))
    for key, tab in pressed.items():
        at = press(open_tab(at, TABS, tab), f"layers_{key}_compute")
        at = settled(at.run())  # what a busy machine finished after its page was drawn
        shown |= set(titles(at))
    codes = {p.key: p.python for p in at.session_state[session.STUDIES].panels.values()}
    assert len(codes) >= len(pressed) + 1
    for code in codes.values():
        exec(compile(code, "<pasted>", "exec"), {})
    assert len(made) == len(codes)
    assert set(titles(at)) <= {figure.layout.title.text for figure in made} <= shown


def test_a_pool_without_splits_is_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "own.txt"
    file.write_text("\n".join(f"sentence {i}" for i in range(9)), encoding="utf-8")
    monkeypatch.setenv("MUXVIZ_POOL", str(file))
    fit, test = fit_and_test()
    assert (len(fit), len(test)) == (5, 4)
    assert not set(fit) & set(test)

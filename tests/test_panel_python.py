"""The Python of panels that read labels, with a pool whose labels are not muxviz's own."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from muxviz.pool import balanced, labelled
from muxviz.ui.shell import session
from tests.pages import open_tab, press, run_as_pasted, seen, titles, visit, write_checkpoint

LABELS = ("bad", "good", "so-so")
KIND: dict[str, Any] = {"labels": LABELS, "num_labels": 3, "readout": "mean"}
THINGS = ("film", "plot", "story", "scene", "song", "book")
SAID = {"good": ("fine", "warm", "funny"), "bad": ("dull", "cold", "sad"), "so-so": ("old", "long")}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Checkpoints of three classes, and a pool with as many labels: 18, 18 and 12 sentences."""
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "tiny-n2", num_instances=2, **KIND)
    write_checkpoint(root / "tiny-n3", **KIND)
    rows = [
        f"the {thing} is {word}\t{label}"
        for label, words in SAID.items()
        for thing, word in product(THINGS, words)
    ]
    (root / "pool.tsv").write_text("\n".join(["text\tlabel", *rows]), "utf-8")
    return root


@pytest.fixture(autouse=True)
def _other_labels(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(folder))
    monkeypatch.setenv("MUXVIZ_POOL", str(folder / "pool.tsv"))
    # It would compile beside the tests to come, in whose time it then silences warnings.
    monkeypatch.setattr("muxviz.ui.map.warm.warm_umap", lambda: None)


def test_balanced_takes_as_many_of_each_label_and_none_without(tmp_path: Path) -> None:
    some = tmp_path / "some.tsv"
    some.write_text("text\tlabel\nthe end\t\na good film\tgood\n", "utf-8")
    assert labelled(some) == (["the end", "a good film"], ["", "good"])
    assert balanced(10, some) == (("a good film", "good"),)
    found = [label for _, label in balanced(30)]
    assert {label: found.count(label) for label in LABELS} == dict.fromkeys(LABELS, 10)
    assert len(balanced(1000)) == 48
    assert balanced(3)[0] == ("the film is dull", "bad")


def test_copies_are_made_of_the_same_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    at = press(visit("whatif", m="tiny-n3", w_draws="8", w_view="same"), "copies_compute")
    assert len(titles(at)) == 1
    (panel,) = at.session_state[session.STUDIES].panels.values()
    assert json.loads(panel.record())["value"]["sentences"] == 48
    assert run_as_pasted(at, monkeypatch) == 1


def test_right_answers_are_those_of_the_pools_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    at = press(
        open_tab(
            visit("fidelity", m="tiny-n3", f_draws="16", f_scope="pool"),
            "fidelity_answers",
            "Right",
        ),
        "fidelity_right_compute",
    )
    assert len(titles(at)) == 1
    assert run_as_pasted(at, monkeypatch) == 1
    at = press(
        open_tab(
            visit("compare", m="tiny-n3", mb="tiny-n2", q_draws="16"),
            "compare_more",
            "Other answers",
        ),
        "compare_confusion_compute",
    )
    assert len(titles(at)) == 3
    assert run_as_pasted(at, monkeypatch) == 2


def test_the_map_knows_right_from_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    at = press(visit("map", m="tiny-n3", u_k="8", u_m="2"), "map_states_compute")
    assert titles(at)
    assert run_as_pasted(at, monkeypatch) >= 1


def test_a_pool_without_splits_is_halved_in_the_snippet_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = visit("layers", m="tiny-n3", l_draws="4", l_fit="4")
    at = press(open_tab(page, "layers_more", "Read on the way"), "layers_demux_compute")
    assert titles(at)
    assert run_as_pasted(at, monkeypatch) >= 1


def test_a_label_that_the_pool_lacks_is_an_empty_pool() -> None:
    at = visit("crosstalk", m="tiny-n3", c_pool="positive", c_draws="8")
    assert "no sentence to draw from" in seen(at)

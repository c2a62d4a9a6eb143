"""A checkpoint whose folder is gone for a moment, and a model that is unloaded under a user."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from muxviz.registry import ModelKey
from muxviz.ui.shell import session
from muxviz.ui.shell.text import plain
from muxviz.ui.study import runs
from tests.pages import checked, press, seen, settled, titles, visit, write_checkpoint


@pytest.fixture
def bundled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_checkpoint(tmp_path / "tiny-n3")
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    return tmp_path


def went(at: AppTest, folder: Path) -> AppTest:
    """The page once a checkpoint has lost its configuration."""
    (folder / "config.json").rename(folder / "away")
    return settled(at.run())


def came_back(at: AppTest, folder: Path) -> AppTest:
    (folder / "away").rename(folder / "config.json")
    return settled(at.run())


def test_without_its_checkpoint_a_result_is_stale_until_it_is_back(bundled: Path) -> None:
    at = press(visit("mix", m="tiny-n3"), "run")
    assert titles(at)
    assert "Stale" not in seen(at)
    at = went(at, bundled / "tiny-n3")
    assert "No checkpoint is here" in seen(at)
    assert "Changed since this result: the checkpoint." in seen(at)
    assert at.button(key="run").disabled
    assert titles(at), "what was answered can still be read"
    at = came_back(at, bundled / "tiny-n3")
    assert "Stale" not in seen(at), "the files are those of before"
    assert "No checkpoint" not in seen(at)


def test_another_stands_in_and_gives_way_again(bundled: Path) -> None:
    write_checkpoint(bundled / "tiny-n2", num_instances=2)
    at = press(visit("mix", m="tiny-n3"), "run")
    at = went(at, bundled / "tiny-n3")
    assert at.session_state[session.CHECKPOINT] == "tiny-n2"
    assert f"{plain('tiny-n3')} is not here now; {plain('tiny-n2')} stands in for it" in seen(at)
    assert "Stale" in seen(at)
    at = press(at, "run")
    assert "Stale" not in seen(at)
    at = came_back(at, bundled / "tiny-n3")
    assert at.session_state[session.CHECKPOINT] == "tiny-n3"
    assert "stands in" not in seen(at)
    assert "Stale" in seen(at), "the answers are those of the other one"


def test_a_third_one_that_is_chosen_stays(bundled: Path) -> None:
    for num in (1, 2):
        write_checkpoint(bundled / f"tiny-n{num}", num_instances=num)
    at = went(visit("mix", m="tiny-n3"), bundled / "tiny-n3")
    at = checked(at.selectbox(key=session.CHECKPOINT).select("tiny-n1").run())
    assert "stands in" not in seen(at)
    at = came_back(at, bundled / "tiny-n3")
    assert at.session_state[session.CHECKPOINT] == "tiny-n1"


def test_sentences_that_are_all_gone_leave_a_stale_result(bundled: Path) -> None:
    at = press(visit("mix", m="tiny-n3"), "run")
    for number in range(len(at.session_state[session.ROWS])):
        at = checked(at.text_input[number].set_value("").run())
    assert "Changed since this result: the sentences." in seen(at)


def test_a_page_asks_again_for_a_model_that_was_unloaded(bundled: Path) -> None:
    at = press(visit("mix", m="tiny-n3"), "run")
    shown = titles(at)
    assert runs.registry().unload(ModelKey("tiny-n3", "cpu", "auto"))
    at = settled(at.run())
    assert titles(at) == shown, "answers stay on the page of who asked"
    assert "Stale" not in seen(at)
    at.session_state[session.SEED] = 5
    at = press(settled(at.run()), "run")
    assert "Stale" not in seen(at)
    assert "tiny-n3" in [model.key.name for model in runs.registry().loaded()]

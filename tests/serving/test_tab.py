"""What a tab remembers of its session: bounded, read like a stranger's file, and computed again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from muxviz.batch import Row
from muxviz.ui.saved import tab
from muxviz.ui.saved.file import SavedRun, read
from muxviz.ui.saved.state import AGAIN
from muxviz.ui.study import runs
from tests.pages import PATIENCE_S, checked, press, seen, settled, visit, write_checkpoint

RUN = SavedRun("tiny-n3", "auto", (Row("a"),), "default", "repeat", 0, False, False, "f" * 12, ())


def held(text: str) -> tuple[SavedRun, ...]:
    return read(text.encode(), "the tab").runs


def test_the_latest_runs_and_the_pinned_one_are_held() -> None:
    many = [RUN] * (runs.MAX_RUNS + 1)
    assert len(held(tab.text_of(many))) == runs.MAX_RUNS
    pinned = SavedRun(**{**vars(RUN), "is_pinned": True})
    large = SavedRun(**{**vars(RUN), "rows": (Row("long " * 80),) * 9})
    text = tab.text_of([pinned, *[large] * 19])
    assert len(text) <= tab.MOST_CHARACTERS
    kept = held(text)
    assert kept[0].is_pinned
    assert 1 < len(kept) < 20
    assert tab.text_of([]) == ""


def page() -> None:
    """A page that asks its tab, as a new session does; ``kept`` stands for the tab's answer."""
    from types import SimpleNamespace

    import streamlit as st

    from muxviz.ui.saved import tab

    state: Any = st.session_state
    if "kept" in state and tab.TOLD not in state:
        state[tab.KEY] = SimpleNamespace(kept=state["kept"])
        tab.take()
    tab.gone_line()


def told(kept: str) -> AppTest:
    at = AppTest.from_function(page, default_timeout=PATIENCE_S)
    at.session_state["kept"] = kept
    return checked(at.run())


def test_what_a_tab_gives_back_is_said_and_waits_to_be_asked_for() -> None:
    at = told(tab.text_of([RUN, SavedRun(**{**vars(RUN), "seed": 3, "is_pinned": True})]))
    assert "2 runs of before are gone (one was pinned)" in seen(at)
    assert [run.seed for run in at.session_state[AGAIN]] == [0, 3]
    at.button(key="tab_leave").click().run()
    assert "gone" not in seen(at)


@pytest.mark.parametrize(
    "kept", ["{", "[1]", '{"kind": "muxviz session", "version": 99}', "\udcff", "x" * 9_000_000]
)
def test_what_is_no_session_is_passed_over(kept: str) -> None:
    at = told(kept)
    assert "gone" not in seen(at)
    assert not at.error


def test_a_run_goes_to_the_tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path / "tiny-n3")
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    sent: list[dict[str, Any]] = []
    monkeypatch.setattr(tab, "TAB", lambda **given: sent.append(given["data"]))
    at = visit("mix", m="tiny-n3")
    assert sent[-1]["text"] == ""
    assert not sent[-1]["told"], "a new session asks"
    at = settled(press(at, "run").run())
    assert [run.checkpoint for run in held(sent[-1]["text"])] == ["tiny-n3"]
    assert "gone" not in seen(at)
    assert len({one["session"] for one in sent}) == 1

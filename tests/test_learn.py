"""The Learn page: recorded steps, the ways to live pages, and no torch before them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from muxviz import recorded
from muxviz.bench.lessons import lessons as run_lessons
from muxviz.loading.load import load
from muxviz.presets import preset
from muxviz.results.lessons import Lessons
from muxviz.results.store import from_json, to_json
from muxviz.ui.shell import session
from muxviz.ui.shell.frame import PAGES
from muxviz.ui.shell.params import params_of
from muxviz.ui.shell.text import JOINER
from tests import pages
from tests.pages import ROOT, click, titles, write_pair

STEPS = ("One pass, many answers", "The right key and the wrong key", "Find the culprit")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    return root


@pytest.fixture(scope="module")
def found(checkpoints: Path) -> Lessons:
    """Lessons of the tiny model."""
    models = (load(str(checkpoints / name), device="cpu") for name in ("tiny-n3", "tiny-n1"))
    return replace(run_lessons(*models, candidates=("twins",), draws=3), checkpoint="tiny-n3")


@pytest.fixture(autouse=True)
def _recorded(
    found: Lessons,
    checkpoints: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "learn.json"
    file.write_text(to_json(found), encoding="utf-8")
    monkeypatch.setattr(recorded, "learn_file", lambda: file)
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))


def open_page(**parameters: str) -> AppTest:
    return pages.visit("learn", **parameters)


def seen(at: AppTest) -> str:
    return pages.seen(at).replace(JOINER, "")


def test_three_steps_in_order_each_with_a_picture(found: Lessons) -> None:
    at = open_page()
    for number, question in enumerate(STEPS, start=1):
        assert [s.value for s in at.subheader] == [question]
        if number == 3:
            assert not titles(at)  # a guess comes first
            assert found.leak_preset == "twins"
            at = open_page(step="3", step_guess=str(found.culprit[1] + 1))
        assert len(titles(at)) == 1
        assert at.button(key=f"learn_try_{number}").label == "Try it yourself"
        if number < 3:
            click(at, "learn_next")
    assert at.button(key="learn_next").disabled
    click(at, "learn_back")


def test_a_guess_is_answered_with_numbers(found: Lessons) -> None:
    slot, source = found.culprit
    right = open_page(step="3", step_guess=str(source + 1))
    assert "**Yes.**" in seen(right)
    wrong = next(i for i in range(3) if i not in (slot, source))
    other = open_page(step="3", step_guess=str(wrong + 1))
    assert "**Not this one.**" in seen(other)
    amount = 1000 * found.leaks.js.cells.mean[slot, source]
    assert f"by {amount:.2g}" in seen(other)
    own = open_page(step="3", step_guess=str(slot + 1))  # not on offer: its own slot
    assert not titles(own)


def test_the_key_turns(found: Lessons) -> None:
    figures = [
        str(open_page(step="2", step_key=key).get("plotly_chart")[0].proto.spec)
        for key in ("own", "half", "other")
    ]
    assert len(set(figures)) == 3


@pytest.mark.parametrize(
    ("step", "page", "chosen", "state"),
    [
        ("1", "mix", "clean", {}),
        ("2", "whatif", "clean", {"w_view": "key", "w_to": "2", "w_alpha": 1.0}),
        ("3", "crosstalk", "twins", {"c_meas": "swap"}),
    ],
)
def test_try_it_yourself_sets_the_state_of_a_live_page(
    step: str, page: str, chosen: str, state: dict[str, Any], found: Lessons
) -> None:
    at = open_page(step=step, step_key="other")
    click(at, f"learn_try_{step}")
    texts = [row.text for row in at.session_state[session.ROWS]][:3]
    assert texts == [row[0] for row in preset(chosen).rows[:3]]
    assert at.session_state[session.CHECKPOINT] == "tiny-n3"
    for key, value in state.items():
        assert at.session_state[key] == value
    assert set(state) <= {param.key for param in params_of(page)}
    if step == "3":
        assert at.session_state[session.SLOT] == found.culprit[0] + 1
    assert at.title[0].value == PAGES[page].title


def test_python_of_every_step_runs(monkeypatch: pytest.MonkeyPatch, found: Lessons) -> None:
    monkeypatch.setattr(go.Figure, "show", lambda self: None)
    guess = str(found.culprit[1] + 1)
    for step in "123":
        at = open_page(step=step, step_guess=guess)
        (panel,) = at.session_state[session.STUDIES].panels.values()
        exec(panel.python.replace("draws=3", "draws=2"), {})


def test_a_missing_or_broken_recording_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "learn_file", lambda: tmp_path / "none.json")
    assert "make recorded" in seen(open_page())
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    monkeypatch.setattr(recorded, "learn_file", lambda: broken)
    assert "record it again" in seen(open_page())
    other = tmp_path / "other.json"
    other.write_text(to_json((1, 2)), encoding="utf-8")
    monkeypatch.setattr(recorded, "learn_file", lambda: other)
    assert "make recorded" in seen(open_page())


def test_the_page_needs_no_torch() -> None:
    code = "import sys; import muxviz.ui.learn.view; print('torch' in sys.modules)"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert out.stdout.strip() == "False"


PACKAGED = Path(recorded.__file__).parent / "learn.json"


def test_the_packaged_lessons_can_be_read_and_are_small() -> None:
    stored = from_json(PACKAGED.read_text(encoding="utf-8"))
    assert isinstance(stored, Lessons)
    assert PACKAGED.stat().st_size < 400_000
    assert [s.text for s in stored.group.slots] == [
        row[0] for row in preset(stored.group_preset).rows[: len(stored.group.slots)]
    ]
    slot, source = stored.culprit
    cells = stored.leaks.js.cells.mean
    assert slot != source
    assert cells[slot, source] == np.where(np.eye(len(cells), dtype=bool), -1, cells).max()
    assert stored.dial.provenance.fingerprint == stored.group.provenance.fingerprint
    assert stored.leaks.provenance.checkpoint == stored.leaky != stored.checkpoint


def test_another_model_may_leak_and_is_named(
    found: Lessons, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded.learn_file().write_text(to_json(replace(found, leak_checkpoint="shared")))
    at = open_page(step="3", step_guess=str(found.culprit[1] + 1))
    assert "**shared** is the" in seen(at)
    (panel,) = at.session_state[session.STUDIES].panels.values()
    assert "muxviz.load('shared')" in panel.python
    assert "made to share" not in seen(open_page(step="1"))

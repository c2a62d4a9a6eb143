"""The Debugger, on tiny checkpoints: its states, its pictures, its Python, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from muxviz.ui.shell import session
from tests.pages import (
    BASELINE,
    click,
    open_tab,
    press,
    run_as_pasted,
    seen,
    settled,
    titles,
    visit,
    write_checkpoint,
)
from tests.whatif.test_whatif_analysis import LABELLED

LABELS: dict[str, Any] = {"labels": ("negative", "positive"), "readout": "mean"}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentiment at N = 1 and 3, tags, and a score; not to be changed."""
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "tiny-n1", plain=True, labels=LABELS["labels"])
    write_checkpoint(root / "tiny-n3", BASELINE, **LABELS)
    write_checkpoint(root / "tags-n2", num_instances=2, task="token_classification", num_labels=3)
    write_checkpoint(root / "score-n2", num_instances=2, task="regression")
    rows = [f"{text}\t{label}\tpool" for text, label in LABELLED]
    (root / "pool.tsv").write_text("\n".join(["text\tlabel\tsplit", *rows]), encoding="utf-8")
    return root


@pytest.fixture(autouse=True)
def _only_these(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("MUXVIZ_POOL", str(checkpoints / "pool.tsv"))


def open_page(**parameters: str) -> AppTest:
    return visit("debugger", **({"m": "tiny-n3", "d_draws": "8"} | parameters))


def test_company_or_capacity_is_answered_at_once_and_the_target_is_said_loudly() -> None:
    at = open_page()
    assert "Company or capacity?" in seen(at)
    assert len(titles(at)) == 1
    assert "no gold label was given" in at.warning[0].value
    assert "Certainty 0." in at.warning[0].value
    gold = open_page(d_gold="positive")
    assert "the gold label you gave" in seen(gold)
    other = open_page(d_gold="sand")
    assert other.session_state["d_gold"] != "sand"
    assert "cannot use" in seen(other)


def test_all_checks_give_a_verdict_fixes_and_whom_it_hears(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wrong = next(
        gold for gold in ("positive", "negative") if "turn it." not in seen(open_page(d_gold=gold))
    )
    at = open_page(d_gold=wrong)
    press(at, "verdict_compute")
    assert len(titles(at)) == 4
    for heading in ("What would help?", "Whom does it listen to?"):
        assert heading in seen(at)
    for name, key in (("A neighbour's words", "edits"), ("Gradients", "attributed")):
        press(open_tab(at, "debugger_more", name), f"{key}_compute")
        assert len(titles(at)) == 4
    assert run_as_pasted(at, monkeypatch) == 6
    at.session_state[session.SLOT] = 2
    at.run()
    settled(at)
    assert "Stale" in seen(at)


def test_what_it_cannot_debug_is_said() -> None:
    assert "no other slot to blame" in seen(open_page(m="tiny-n1"))
    assert "a number, not with classes" in seen(open_page(m="score-n2"))
    tags = open_page(m="tags-n2")
    assert "Right answer" not in [s.label for s in tags.selectbox]
    press(tags, "verdict_compute")
    assert "Whom does it listen to?" not in seen(tags)
    at = open_page(slot="3")
    at.session_state[session.ROWS] = at.session_state[session.ROWS][:2]
    at.run()
    settled(at)
    assert "holds no sentence of yours" in seen(at)


def test_a_card_whose_answer_changed_asks_why() -> None:
    at = visit("mix", m="tiny-n3")
    click(at, "run")
    asked = next(b.key for b in at.button if (b.key or "").startswith("why_"))
    click(at, asked)
    assert "Company or capacity?" in seen(at)
    assert at.session_state[session.SLOT] == int(asked[-1]) + 1

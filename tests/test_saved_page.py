"""Saved: a session as a file and back, what a file may not do, and findings that are kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from muxviz.batch import Row
from muxviz.errors import FileError
from muxviz.ui.saved import state as saved_state
from muxviz.ui.saved.file import MOST_BYTES, Saved, read, write
from muxviz.ui.shell import session
from muxviz.ui.shell.frame import PAGES
from muxviz.ui.study import findings
from tests.pages import checked, click, press, seen, settled, visit, write_pair

OWN = [["The <b>soup</b> was **cold**.", None], ["A hymn to bicycles.", None], ["Why?", None]]
RUN: dict[str, Any] = {
    "checkpoint": "tiny-n3",
    "compute": "auto",
    "rows": OWN,
    "padding": "default",
    "fill": "repeat",
    "seed": 4,
    "equal_slots": False,
    "pinned": True,
    "fingerprint": "0" * 12,
    "answers": ["never", "so", "answered"],
}
FINDING: dict[str, Any] = {
    "question": "Who leaks?",
    "note": "<script>alert(1)</script>",
    "page": "whatif",
    "parameters": {"slot": ["2"], "w_alpha": ["0.35"]},
    "titles": ["Slot 2 leaks **most**"],
    "rows": [{"slot": 1, "share": 0.5}],
    "of_rows": 1,
    "provenance": "made up",
    "kept": "2026-01-01",
}
FILE: dict[str, Any] = {
    "kind": "muxviz session",
    "version": 1,
    "saved": "2026-01-01T00:00:00+00:00",
    "versions": ["muxviz 0.0.0"],
    "checkpoints": {"tiny-n3": "0" * 12, "gone-n9": "1" * 12},
    "settings": {"m": "tiny-n3", "slot": "2", "seed": "7", "w_alpha": "0.35", "x_fill": "refuse"},
    "rows": OWN,
    "runs": [RUN],
    "findings": [FINDING],
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    return root


@pytest.fixture(autouse=True)
def _here(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("MUXVIZ_RUNS", str(tmp_path))


def as_bytes(**changes: Any) -> bytes:
    return json.dumps(FILE | changes).encode()


def opened(content: bytes, at: AppTest | None = None) -> AppTest:
    """Saved with a file in its field."""
    at = visit("saved") if at is None else at
    at.file_uploader[0].set_value([("session.json", content, "application/json")])
    return settled(at.run())


def bare(text: str) -> str:
    """Words without what keeps Markdown from being obeyed."""
    return text.replace("\\", "").replace("\u2060", "")


# ---- the file -----------------------------------------------------------------------------------


def test_what_is_written_is_read_again() -> None:
    one = read(as_bytes(), "a.json")
    assert not one.faults
    assert one.rows[0] == Row("The <b>soup</b> was **cold**.", None)
    assert one.runs[0].seed == 4
    assert one.findings[0].rows == ({"slot": 1, "share": 0.5},)
    assert read(write(one).encode(), "b.json") == one


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"{", "is not JSON"),
        (b"\xff\xfe{", "UTF-16"),
        (b'{"kind": "something"}', "is JSON of another kind; expected a session that Saved wrote"),
        (as_bytes(version=9), "version 9; expected version 1"),
        (b" " * (MOST_BYTES + 1), "8,000,001 bytes; expected at most 8,000,000"),
        (b'{"kind": "muxviz session", "version": 1, "rows": [1e999]}', "not allowed"),
        (b"[" * 100_000, "nested deeper"),
    ],
)
def test_what_is_no_session_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(FileError, match="x.json") as caught:
        read(content, "x.json")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rows": [["a", None], "b"]}, "rows 2: is no sentence with a second one or null"),
        ({"rows": [["x" * 2001, None]]}, "rows 1: the sentence is no text of up to 2000"),
        ({"rows": "abc"}, "rows (no list)"),
        ({"settings": {"__class__": "1"}}, "settings 1: no name of a setting"),
        ({"settings": {"slot": 2}}, "settings 1: slot is no text of up to 2000"),
        ({"runs": [RUN | {"fill": "rm -rf"}]}, "runs 1: fill is none of repeat, published, refuse"),
        ({"runs": [RUN | {"seed": -1}]}, "runs 1: seed is no whole number from 0 to 2147483647"),
        ({"runs": [RUN | {"rows": []}]}, "runs 1: not 1 to 40 sentences"),
        ({"runs": [RUN] * 21}, "runs after the first 20"),
        ({"findings": [FINDING | {"page": "../etc"}]}, "findings 1: there is no page ../etc"),
        ({"findings": [FINDING | {"rows": [{"a": [1]}]}]}, "a cell is no short text or number"),
        ({"findings": [FINDING | {"rows": [{}] * 201}]}, "its rows are too many"),
        ({"results": []}, "results (unknown)"),
    ],
)
def test_what_is_bad_is_named_and_the_rest_taken(changes: dict[str, Any], said: str) -> None:
    one = read(as_bytes(**changes), "x.json")
    assert said in "; ".join(one.faults)
    assert one.checkpoints == FILE["checkpoints"]


# ---- the page -----------------------------------------------------------------------------------


def test_restoring_brings_the_state_and_runs_nothing() -> None:
    at = opened(as_bytes())
    words = bare(seen(at))
    assert "3 sentences, 5 settings, 1 run and 1 kept finding" in words
    assert "tiny-n3: other weights; gone-n9: not here" in words
    assert "Made with other versions: muxviz 0.0.0" in words
    assert at.session_state[session.SEED] == 0, "nothing is taken over before it is asked for"
    at = click(at, "restore_session")
    assert at.session_state[session.SEED] == 7
    assert at.session_state[session.SLOT] == 2
    assert at.session_state["w_alpha"] == 0.35
    assert at.session_state[session.FILL] == "refuse"
    assert [row.text for row in at.session_state[session.ROWS]] == [text for text, _ in OWN]
    assert session.HISTORY not in at.session_state
    assert "Slot 2 leaks **most**" in bare(seen(at))
    assert "read from a file, not computed here" in seen(at)
    assert "<script>" not in seen(at), "a note stands in a field, never in Markdown"
    assert at.text_input[0].value == "<script>alert(1)</script>"


def test_a_run_of_the_file_is_computed_and_held_against_it() -> None:
    at = click(opened(as_bytes()), "restore_session")
    at = press(at, "run_again_0")
    past = at.session_state[session.HISTORY]
    assert [run.request.seed for run in past] == [4]
    assert at.session_state[session.PINNED] == past[0].number
    words = bare(seen(at))
    assert (
        f"other weights (000000000000 then, {past[0].result.provenance.fingerprint} now)" in words
    )
    assert "3 of 3 answers differ (1: " in words
    assert "then never" in words


def test_a_saved_session_comes_back_as_it_was() -> None:
    at = click(opened(as_bytes()), "restore_session")
    at = press(at, "run_again_0")
    content = saved_content(at)
    assert content.runs[0].fingerprint == content.checkpoints["tiny-n3"]
    again = opened(write(content).encode())
    assert "other weights" not in seen(again)
    again = click(again, "restore_session")
    for name in (session.SEED, session.SLOT, session.FILL, "w_alpha", session.CHECKPOINT):
        assert again.session_state[name] == at.session_state[name]
    again = press(again, "run_again_0")
    assert "the same weights: every answer as then" in bare(seen(again))


def saved_content(at: AppTest) -> Saved:
    """What Save would write: asked for outside of a page, of the page's own state."""
    kept = dict(at.session_state._state.filtered_state)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("streamlit.session_state", kept)
        return saved_state.now()


def test_a_checkpoint_that_is_gone_and_settings_that_no_longer_fit() -> None:
    content = as_bytes(
        settings={"m": "gone-n9", "slot": "9", "w_alpha": "7", "c_meas": "magic"},
        runs=[RUN | {"checkpoint": "gone-n9"}],
    )
    at = click(opened(content), "restore_session")
    words = bare(seen(at))
    assert "m=gone-n9 (no such checkpoint here; open it on Models)" in words
    assert "slot=9 (slots are 1 to 3)" in words
    assert "w_alpha=7 (" in words
    assert "c_meas=magic (use " in words
    assert "No checkpoint of that name is here" in words
    assert "w_alpha" not in at.session_state


def test_a_damaged_file_is_explained_and_the_page_goes_on() -> None:
    at = opened(b'{"kind": "muxviz session", "version": 3}')
    assert "expected version 1" in bare(seen(at))
    assert not [b for b in at.button if b.key == "restore_session"]
    at = opened(as_bytes(rows=[["ok", None], 3]), at)
    assert "rows 2: is no sentence" in bare(seen(at))
    assert click(at, "restore_session").session_state[session.ROWS][0].text == "ok"


# ---- findings -----------------------------------------------------------------------------------


def test_a_finding_is_kept_once_with_its_numbers_and_opens_its_page() -> None:
    at = visit("fidelity", m="tiny-n3", seed="5")
    at = click(at, "fidelity_keep")
    at = click(at, "fidelity_keep")
    (kept,) = at.session_state[session.FINDINGS]
    assert kept.page == "fidelity"
    assert kept.parameters["seed"] == "5"
    assert kept.titles
    assert kept.rows[0]["slot"] == 1 or kept.rows
    assert kept.section is not None
    at.switch_page(PAGES["saved"].file)
    at = checked(at.run())
    assert bare(kept.titles[0]) in bare(seen(at))
    at.text_input[0].set_value("look at this")
    at = checked(at.run())
    assert at.session_state[session.FINDINGS][0].note == "look at this"
    at = click(at, "finding_remove_0")
    assert at.session_state[session.FINDINGS] == ()


def test_the_report_holds_findings_as_text() -> None:
    one = read(as_bytes(), "x.json").findings[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(findings, "findings", lambda: (one,))
        from muxviz.figures.drawing.export import report_html

        page = report_html("t", [], [], findings.sections())
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<h1>Kept findings</h1>" in page
    assert "<td>0.5</td>" in page
    assert "not computed here" in page
    assert "plotly" not in page, "no figure, no library"

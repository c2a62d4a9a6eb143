"""Links, whatever they hold: every page opens, says what it cannot use, and goes on."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from muxviz.batch import Row
from muxviz.ui.shell import link, params, session
from muxviz.ui.shell.checkpoints import Listed
from muxviz.ui.shell.frame import PAGES
from muxviz.ui.shell.link_readers import Meant, readers
from muxviz.ui.shell.links import MAX_ROWS, MAX_TEXT, pack_rows, unpack_rows
from muxviz.ui.study.kept import Desk
from tests.pages import checked, linked, write_pair

ODD: dict[str, str | list[str]] = {
    "empty": "",
    "infinite": "1e309",
    "not a number": "nan",
    "400 digits": "9" * 400,
    "no text": "\0\x1b[31m\u202e",
    "repeated": ["1", "2"],
}
SHARED = (*session.SIDEBAR, *session.MIX, *session.TRAINING, session.GROUP, session.VERSION)
LISTED = [
    Listed("tiny-n1", 1),
    Listed("tiny-n3", 3, "tiny-n1"),
    Listed("tiny-n3-s50", 3, "", None, 0.5),
]
KNOWN = readers(LISTED, ("auto", "cpu-float32"))


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    return root


@pytest.fixture(autouse=True)
def _no_work(checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is computed: it is the controls that are asked for."""
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("MUXVIZ_RUNS", str(tmp_path))
    monkeypatch.setattr(Desk, "begin", lambda *begun: None)
    monkeypatch.setattr("muxviz.ui.study.runs.warm_up", lambda: None)


def open_at(page: str, parameters: dict[str, Any]) -> AppTest:
    at = linked(parameters)
    if page != "start":
        at.switch_page(PAGES[page].file)
    return checked(at.run())


def notice(at: AppTest) -> str:
    """What is said of the link; said once."""
    found = [c.value for c in at.caption if "cannot use" in c.value]
    assert len(found) <= 1
    return found[0].replace("\\", "").replace("\u2060", "") if found else ""


# ---- every parameter of every page --------------------------------------------------------------


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_with_every_parameter_odd(page: str, odd: str) -> None:
    names = (*SHARED, *(p.key for p in params.params_of(page)), "never_heard_of")
    asked = dict.fromkeys(names, ODD[odd])
    at = open_at(page, asked)
    said = notice(at)
    assert "never_heard_of" in said or "more" in said
    ignored = at.session_state[session.IGNORED]
    for name in names:
        is_named = any(line.replace("\\", "").startswith(f"{name}=") for line in ignored)
        assert is_named or name in at.session_state, f"{name} is neither taken nor named"
    assert at.session_state[session.SLOT] == 1
    assert 0 <= at.session_state[session.SEED] < 2**31
    left = at.query_params
    assert all(left[name] == asked[name] for name in left), "nothing is made up"
    assert not set(left) & {"seed", "slot", "never_heard_of"}, "the address is clean"


def test_a_hundred_thousand_characters_and_a_thousand_names() -> None:
    at = open_at("mix", {"x_fill": "x" * 100_000, "w_text": "y" * 100_000})
    assert "x_fill=xxx" in notice(at)
    assert len(notice(at)) < 400
    at = open_at("mix", {f"n{i}": "1" for i in range(990)})
    assert "978 more" in notice(at)
    assert len(at.session_state[session.IGNORED]) == 990


def test_the_parameter_of_training_is_no_button_of_mix() -> None:
    at = open_at("mix", {"run": "anything"})
    assert "run=anything (unknown)" in notice(at)
    assert at.button(key="run").label == "Run"
    at = open_at("mix", {session.RUN: "anything"})
    assert notice(at) == ""


def test_what_the_drawn_control_does_not_offer_is_named() -> None:
    at = open_at(
        "attention", {"m": "tiny-n3", "a_read": "relevance", "a_to": "40", "a_b": "no one"}
    )
    assert "a_to=40 (1 to" in notice(at)
    assert at.session_state["a_b"] == "auto"
    dismissed = checked(at.button(key="dismiss_ignored").click().run())
    assert notice(dismissed) == ""


def test_a_refresh_brings_back_what_is_chosen() -> None:
    at = open_at("whatif", {"slot": "3", "w_view": "key", "w_alpha": "0.35", "seed": "7"})
    assert not at.session_state[session.IGNORED]
    again = open_at("whatif", dict(at.query_params))
    assert not again.session_state[session.IGNORED]
    for name in ("slot", "w_view", "w_alpha", "seed"):
        assert again.session_state[name] == at.session_state[name]
        assert name in at.query_params


# ---- keys ---------------------------------------------------------------------------------------


def widgets(block: Any) -> Iterator[Any]:
    for node in block.children.values():
        yield node
        if hasattr(node, "children"):
            yield from widgets(node)


@pytest.mark.parametrize("page", PAGES)
def test_no_widget_has_the_name_of_a_parameter_that_is_not_its_own(page: str) -> None:
    at = open_at(page, {"m": "tiny-n3"})
    drawn = [
        n for block in (at.main, at.sidebar) for n in widgets(block) if getattr(n, "key", None)
    ]
    assert len(drawn) >= 5
    own = link.controls_of(page)
    for node in drawn:
        if node.key in KNOWN:
            assert node.key in own, f"{node.key} belongs to another page"
            assert node.type not in ("button", "download_button", "file_uploader"), node.key


def test_parameters_and_keys_of_the_session_have_names_of_their_own() -> None:
    fixed = [v for n, v in vars(session).items() if n.isupper() and isinstance(v, str)]
    assert len(fixed) == len(set(fixed))
    private = [param.key for param in params.all_params()]
    assert len(private) == len(set(private))
    assert not set(private) & set(fixed)
    assert not {"embed", "embed_options"} & set(KNOWN)


# ---- readers ------------------------------------------------------------------------------------


@given(st.sampled_from(sorted(KNOWN)), st.text(max_size=60))
def test_a_reader_takes_or_says_why(name: str, text: str) -> None:
    found = KNOWN[name](text)
    if isinstance(found, str):
        assert found
        return
    param = next((p for p in params.all_params() if p.key == name), None)
    assert param is None or params.fits(param, found.value)
    if found.written is not None:  # what is written into the address means the same again
        again = KNOWN[name](found.written)
        assert isinstance(again, Meant)
        assert again == found


def examples(param: params.Param) -> list[Any]:
    if isinstance(param, params.Choice):
        return list(param.options)
    if isinstance(param, params.Flag):
        return [True, False]
    if isinstance(param, params.Words):
        return ["a b", "1, 2"]
    return [param.low, param.high, param.low + param.step, param.low + 3 * param.step]


@pytest.mark.parametrize("param", params.all_params(), ids=lambda p: p.key)
def test_what_a_control_writes_is_read_back(param: params.Param) -> None:
    for value in examples(param):
        for text in (params.as_text(param, value), params.as_written(param, value)):
            found = KNOWN[param.key](text)
            assert isinstance(found, Meant), text
            assert (
                found.value == pytest.approx(value)
                if isinstance(value, float)
                else found.value == value
            )


# ---- packed groups ------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS), min_size=1, max_size=12))
def test_any_rows_come_back(rows: list[tuple[str, str | None]]) -> None:
    group = tuple(Row(*texts) for texts in rows)
    packed = pack_rows(group)
    assert packed is None or unpack_rows(packed) == group


@given(st.binary(max_size=120) | st.binary(max_size=120).map(zlib.compress))
def test_any_bytes_are_rows_or_nothing(data: bytes) -> None:
    rows = unpack_rows(base64.urlsafe_b64encode(data).decode().rstrip("="))
    assert rows is None or 0 < len(rows) <= MAX_ROWS


@given(st.text(max_size=80))
def test_any_text_is_rows_or_nothing(text: str) -> None:
    unpack_rows(text)


def test_a_row_with_half_a_character_can_be_packed() -> None:
    packed = pack_rows([Row("one \ud800 two")])
    assert packed is not None
    assert unpack_rows(packed) == (Row("one \ufffd two"),)
    assert len("one \ufffd two") < MAX_TEXT


# ---- links of before ----------------------------------------------------------------------------

STORED = json.loads((Path(__file__).parent / "links.json").read_text("utf-8"))


@pytest.mark.parametrize("stored", STORED, ids=lambda stored: f"{stored['page']}?{stored['link']}")
def test_a_link_of_before_means_the_same(stored: dict[str, Any]) -> None:
    """Thirty links as version 0.1 wrote them, with what each parameter meant there."""
    earlier = link.EARLIER.get(stored["page"], {})
    means = {}
    for name, (text,) in parse_qs(stored["link"], strict_parsing=True).items():
        key = earlier.get(name, name)
        found = KNOWN[key](text)
        assert isinstance(found, Meant), found
        rows = key == session.GROUP
        means[key] = [[row.text, row.pair] for row in found.value] if rows else found.value
    assert means == stored["means"]

"""The Dataset page: sample, upload or path; run, list, one failure opened; what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from muxviz.results import from_json
from muxviz.results.regression import Regression
from muxviz.results.worklist import FailureSet, Worklist
from muxviz.training.strangers import Columns, look
from muxviz.ui.dataset import source
from muxviz.ui.dataset.view import Resumed
from muxviz.ui.shell import session
from muxviz.ui.study.call import Call
from muxviz.ui.study.kept import Kept
from tests.dataset.planted_worklist import planted
from tests.pages import (
    click,
    computed,
    press,
    run_as_pasted,
    seen,
    settled,
    titles,
    visit,
    write_checkpoint,
    write_pair,
)

LABELS = {"labels": ("negative", "positive")}
TEXTS = ("good great day", "bad awful night", "the plot is not funny", "we love the city")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentiment at N = 1 and 3, tags; not to be changed."""
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root, **LABELS)
    write_checkpoint(root / "tags-n2", task="token_classification", num_labels=3, num_instances=2)
    return root


@pytest.fixture(autouse=True)
def _only_these(checkpoints: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(checkpoints))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """100 good rows, two bad ones, and text that would be Markdown."""
    rows = [f"{TEXTS[n % 4]} **{n}** <b>,{LABELS['labels'][n % 2]}" for n in range(100)]
    rows[10:10] = [",positive", "good day,neutral"]
    path = tmp_path / "rows.csv"
    path.write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


def open_file(path: Path, **parameters: str) -> AppTest:
    at = visit("dataset", **({"m": "tiny-n3", "s_source": "path", "s_draws": "2"} | parameters))
    at.text_input(key=source.PATH).set_value(str(path))
    return settled(at.run())


def run_of(at: AppTest) -> Worklist:
    found = [k.result for k in at.session_state[session.STUDIES].results.values()]
    assert isinstance(found[-1], Worklist)
    return found[-1]


def test_a_file_is_run_listed_and_looked_at_from_all_sides(
    table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = open_file(table)
    assert "every row 2 times in company, and once alone" in plain_words(at)
    at = press(at, "dataset_run_compute")
    found = run_of(at)
    assert (
        titles(at)[0].replace("<br>", " ").startswith(f"{found.failing} of 100 rows fail at N = 3")
    )
    assert "row 11 (line 12), column text: is empty" in plain_words(at)
    assert "row 12 (line 13), column label: is 'neutral'" in plain_words(at)
    (listed,) = [d for d in at.dataframe if "kind" in d.value.columns]
    assert len(listed.value) == len(found.failures)
    assert "**" in listed.value["text"][0]  # a user's text is shown as it is
    counted = computed(at)
    for part in ("tag", "slice", "labels", "sure", "grouping"):
        at.session_state["s_slice"] = part
        settled(at.run())
    assert computed(at) == counted  # no second run of the file
    assert run_as_pasted(at, monkeypatch) >= 6


def plain_words(at: AppTest) -> str:
    return seen(at).replace("\\", "").replace("\u2060", "")


def test_one_failure_opens_its_very_group_on_another_page(table: Path) -> None:
    at = press(open_file(table), "dataset_run_compute")
    one = run_of(at).failures[0]
    at.number_input(key="s_row").set_value(one.number)
    settled(at.run())
    assert f"Row {one.number:,}" in seen(at)
    at = click(at, "dataset_mix")
    state = at.session_state
    assert [r.text for r in state[session.ROWS]] == [text for text, _ in one.rows]
    assert state[session.SLOT] == one.slot + 1
    assert (state[session.SEED], state[session.PADDING]) == (one.seed, one.padding)
    assert (state[session.CHECKPOINT], state["d_gold"]) == ("tiny-n3", one.gold)


def test_model_b_answers_the_listed_rows(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = press(open_file(table), "dataset_run_compute")
    found = run_of(at)
    assert "Choose a model B on the sidebar" in plain_words(at)
    at.selectbox(key=session.OTHER).set_value("tiny-n1")
    at = press(settled(at.run()), "dataset_redone_compute")
    results = [k.result for k in at.session_state[session.STUDIES].results.values()]
    (redone,) = [result for result in results if isinstance(result, Regression)]
    kept = found.saved()
    assert len(kept.failures) == found.failing + found.count("lucky") + len(found.controls)
    assert [row.number for row in redone.rows] == [one.number for one in kept.failures]
    assert [row.second for row in redone.rows] == [one.alone for one in kept.failures]
    assert any(title.startswith("tiny-n1 gets ") for title in titles(at))
    assert "tiny-n1 has N = 1, rows were kept at N = 3: it answers each alone" in plain_words(at)
    assert run_as_pasted(at, monkeypatch) >= 2


def test_the_list_is_filtered_and_what_is_left_is_saved(table: Path) -> None:
    at = press(open_file(table), "dataset_run_compute")
    found = run_of(at)
    at.session_state["s_tag"] = "negation"
    settled(at.run())
    expected = [f for f in found.failures if "negation" in f.tags]
    assert f"{len(expected):,} of {len(found.failures):,} listed rows" in seen(at)
    at.session_state["s_find"] = "no such text"
    settled(at.run())
    assert f"0 of {len(found.failures):,} listed rows" in seen(at)


def test_a_saved_set_is_one_file() -> None:
    kept = from_json(json.dumps(json.loads(_text(planted()))))
    assert isinstance(kept, FailureSet)
    assert len(kept.failures) == 1


def _text(found: Worklist) -> str:
    from muxviz.results import to_json

    return to_json(found.saved())


def test_a_stopped_run_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The work is given what there is, and only where that is a part."""
    call = Call("dataset.run.measure_file", _request(), {"groupings": 2}, takes="pool")
    desk = SimpleNamespace(look_up=lambda ask: state[0])
    monkeypatch.setattr("muxviz.ui.dataset.view.desk", lambda: desk)
    given: list[dict[str, Any]] = []
    monkeypatch.setattr(Call, "_called", lambda self, *_: given.append(dict(self.given)))
    state: list[Kept | None] = [None]
    for kept in (None, Kept("part", True, 1, 2), Kept("whole", False, 2, 2)):
        state[0] = kept
        Resumed(call).work(None, None, lambda *_: None)  # type: ignore[arg-type]
    assert [one.get("start") for one in given] == [None, "part", None]
    assert Resumed(call).ask == call.ask


def _request() -> Any:
    from tests.pages import ASKED

    return ASKED


def test_columns_that_cannot_be_guessed_are_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    rows = "".join(f"{n},{TEXTS[n % 4]},{('good', 'bad')[n % 2]}\n" for n in range(40))
    path.write_text(f"id,review,stars\n{rows}", encoding="utf-8")
    at = open_file(path)
    assert "choose the label among id, review, stars" in plain_words(at)
    assert not [b for b in at.button if b.key == "dataset_run_compute"]
    click(at, "dataset_dialog")
    assert at.selectbox(key="dataset_text").value == "review"
    assert at.selectbox(key="dataset_label").options == ["(none)", "id", "review", "stars"]
    # A test has no fragments: what the dialog leaves when it is closed is put in its place.
    said = Columns("review", "stars", labels=(("good", "positive"), ("bad", "negative")))
    place = source.Source(
        path, look(path), (str(path), path.stat().st_mtime_ns, path.stat().st_size)
    )
    at.session_state[source.SAID] = {(place.stamp, LABELS["labels"]): said}
    settled(at.run())
    assert "good = positive, bad = negative" in plain_words(at)
    assert [b for b in at.button if b.key == "dataset_run_compute"]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("rows.txt", "a\n", "expected a labelled table"),
        ("rows.csv", "", "no row with columns"),
        ("absent.csv", None, "no such file"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    tmp_path: Path, name: str, content: str | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert said in plain_words(open_file(path))


def test_another_task_says_so() -> None:
    at = (
        press(visit("dataset", m="tags-n2"), "dataset_run_compute")
        if False
        else visit("dataset", m="tags-n2")
    )
    assert "holds" in plain_words(at) or "not applicable" in plain_words(at).lower()


def test_a_link_sets_the_controls_and_nonsense_is_named() -> None:
    at = visit("dataset", m="tiny-n3", s_group="length", s_kind="shared", s_draws="99", s_row="7")
    assert at.session_state["s_group"] == "length"
    assert at.session_state["s_kind"] == "shared"
    assert "s_draws=99" in plain_words(at)
    assert not at.session_state[session.STUDIES].computed  # a link runs nothing


def test_paths_are_closed_in_a_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUXVIZ_DEMO", "1")
    at = visit("dataset", m="tiny-n3", s_source="path")
    assert "paths of its machine are closed" in plain_words(at)
    assert not [t for t in at.text_input if t.key == source.PATH]

"""``muxviz test`` and ``muxviz regress`` as CI calls them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from muxviz.behaviour.junit import junit
from muxviz.cli import main
from muxviz.results import to_json
from muxviz.results.behaviour import CHANGES, Behaviour, BehaviourTest, Change, Seated
from tests.dataset.planted_worklist import FAILURE, PROVENANCE
from tests.dataset.planted_worklist import planted as worklist
from tests.tiny import shared_folder

TEXTS = [f"{a} {b}" for a in ("good", "bad", "a long old", "sad") for b in ("film", "dog", "song")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(TEXTS) + "\n")
    return path


def thresholds(folder: Path, least: float) -> Path:
    path = folder / "least.toml"
    path.write_text("[least]\n" + "".join(f"{name} = {least}\n" for name in CHANGES))
    return path


def test_the_exit_code_is_that_of_the_tests(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = ("--junit", tmp_path / "o.xml", "--json", tmp_path / "o.json", "--rows", "9")
    folder = shared_folder(task="token_classification", num_labels=3)
    words = ["test", folder, "--data", data, *files, "--thresholds"]
    assert main([str(w) for w in [*words, thresholds(tmp_path, 0)]]) == 0
    out, err = capsys.readouterr()
    assert "pass" in err
    passed = json.loads((tmp_path / "o.json").read_text())
    assert passed["is_passed"]
    assert [test["name"] for test in passed["tests"]] == list(CHANGES)
    for test in passed["tests"]:
        assert f"{test['share']:.1%}" in out
    assert main([str(w) for w in [*words, thresholds(tmp_path, 1)]]) == 1
    failed = json.loads((tmp_path / "o.json").read_text())
    wrong = [test["name"] for test in failed["tests"] if test["kept"] < test["trials"]]
    assert wrong, "random weights let neighbours in"
    suite = ET.parse(tmp_path / "o.xml").getroot()[0]
    assert suite.get("failures") == str(len(wrong))
    cases = suite.findall("testcase")
    assert [case.get("name") for case in cases] == list(CHANGES)
    assert [case.get("name") for case in cases if case.find("failure") is not None] == wrong
    out = capsys.readouterr().out
    worst = next(test for test in failed["tests"] if test["name"] == wrong[0])["worst"][0]
    assert f"row {worst['number']}: {TEXTS[worst['number'] - 1]}" in out
    numbers = [[(t["kept"], t["worst"]) for t in found["tests"]] for found in (passed, failed)]
    assert numbers[0] == numbers[1], "the same seed, the same passes"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("nothing", "--data", "DATA"), 2, "no checkpoint named 'nothing'"),
        (("FOLDER", "--data", "/none"), 2, "no data at /none"),
        (("PLAIN", "--data", "DATA"), 2, "is an N = 1 model"),
        (("FOLDER", "--data", "DATA", "--thresholds", "/none.toml"), 2, "/none.toml: no such file"),
        (("FOLDER", "--data", "DATA", "--junit", "DATA"), 2, "is what is read"),
        (("FOLDER", "--data", "DATA", "--junit", "x", "--json", "./x"), 2, "is named twice"),
        (("FOLDER", "--data", "DATA", "--rows", "0"), 2, "expected a whole number"),
        (("FOLDER", "--data", "BAD"), 2, "line 2 is empty; write a sentence"),
        (("FOLDER", "--data", "TABLE"), 2, "line 3 is empty; write a sentence"),
    ],
)
def test_what_keeps_tests_from_being_made_is_no_failed_test(
    words: tuple[str, ...],
    code: int,
    says: str,
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    bad, table = tmp_path / "bad.txt", tmp_path / "bad.tsv"
    bad.write_text("a film\n\na dog\n")
    table.write_text("text\ta\na film\t1\n\t2\n")
    here = {"DATA": data, "BAD": bad, "TABLE": table, "FOLDER": shared_folder()}
    here["PLAIN"] = shared_folder(plain=True)
    before = data.read_text()
    try:
        found = main(["test", *(str(here.get(word, word)) for word in words)])
    except SystemExit as left:
        found = int(left.code or 0)
    assert found == code
    assert says in capsys.readouterr().err
    assert data.read_text() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.tsv", "bad.txt", "texts.txt"]


def test_junit_holds_any_text() -> None:
    nasty = 'a <b> & "c" ]]> \x00\x1b[31m \ufffe\uffff \ud800 \u202e é \n two'
    seats = (Seated(((nasty, None), ("dull", None)), 0, nasty, 0.5),) * 2
    change = Change(1, *seats, changed=1, trials=1, size=0.5)
    tests = (
        BehaviourTest("seat", 0.9, 1, 2, 0.1, 0.8, 2, nasty, 1, (change,), 0.25),
        BehaviourTest("order", 0.9, 0, 0, float("nan"), float("nan"), 0, "one only", 0, (), 0.0),
        BehaviourTest("control", 1.0, 2, 2, 0.3, 1.0, 2, "", 0, (), 0.5),
    )
    result = Behaviour(nasty, 2, 2, "texts", None, tests, 6, replace(PROVENANCE, checkpoint=nasty))
    root = ET.fromstring(junit(result).encode("utf-8"))
    suite = root[0]
    for one in (root, suite):
        counts = {name: one.get(name) for name in ("tests", "failures", "errors", "skipped")}
        assert counts == {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"}
        assert one.get("time") == "0.750"
    seat, order, control = suite.findall("testcase")
    failure = seat.find("failure")
    assert failure is not None
    assert failure.get("type") == "failed"
    assert "1 of 2 texts kept their answer (50.0%, 95 % 10.0% to 80.0%)" in failure.get("message")
    assert 'a <b> & "c" ]]> \\x00\\x1b[31m' in failure.text
    assert "é" in failure.text
    assert order.find("skipped").get("message") == "one only"
    assert [child.tag for child in control] == ["system-out"]


# ---- regress ------------------------------------------------------------------------------------


def kept_file(folder: Path, **changes: object) -> Path:
    kept = worklist().saved([replace(FAILURE, **changes)])
    path = folder / "kept.json"
    path.write_text(to_json(kept))
    return path


def test_regress_prints_the_counts_that_it_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = ("negative", "positive")
    a, b = shared_folder(labels=labels), shared_folder(labels=labels, num_instances=2)
    path, out = kept_file(tmp_path), tmp_path / "o.json"
    words = ("regress", a, b, "--failures", path, "--json", out)
    assert main([str(word) for word in words]) == 0
    shown = capsys.readouterr().out
    found = json.loads(out.read_text())
    (row,) = found["rows"]
    assert row["outcome"] in shown
    assert sum(found["total"]["counts"]) == 1
    assert "kept with planted-n2" in shown
    for note in found["notes"]:
        assert f"note: {note}" in shown


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("{}", "has format None"),
        ("[", "is not JSON"),
        (to_json(FAILURE), "holds a Failure; expected a set of failures that muxviz saved"),
    ],
)
def test_what_is_no_set_of_failures(
    content: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "kept.json").write_text(content)
    assert main(["regress", "a", "b", "--failures", str(tmp_path / "kept.json")]) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes",
    [
        {"slot": 2},
        {"slot": -1},
        {"slot": True},
        {"seed": -1},
        {"fill": "gold"},
        {"padding": "none"},
        {"rows": ((1, None),)},
        {"gold": None},
    ],
)
def test_a_failure_that_cannot_be_run_again(
    changes: dict[str, object], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = kept_file(tmp_path, **changes)
    assert main(["regress", "a", "b", "--failures", str(path)]) == 1
    assert "failure 1 cannot be run again" in capsys.readouterr().err

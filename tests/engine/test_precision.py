"""Automatic precision: the rule by hand, planted answers that change, and one check for good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from muxviz.cli import main
from muxviz.engine import command, engine, precision
from muxviz.engine.engine import Engine
from muxviz.engine.precision import (
    Check,
    Choice,
    Tried,
    best_precision,
    check,
    chosen,
    sample,
    settled,
)
from muxviz.engine.spec import EngineSpec
from muxviz.errors import NotApplicable
from muxviz.loading.load import load
from tests.tiny import shared_folder

PLANTED = Check(1000, "2026-12-01T10:00:00+00:00", (Tried("bfloat16", 0.999, 2.5),))


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A processor with both, and a cache that is empty."""
    monkeypatch.setattr(precision, "_candidates", lambda: ["bfloat16", "int8"])
    monkeypatch.setenv("MUXVIZ_CACHE", str(tmp_path / "cache"))


# ---- the rule -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        ([("bfloat16", 0.995, 2.0), ("int8", 0.999, 3.0)], "int8"),
        ([("bfloat16", 0.995, 3.0), ("int8", 0.999, 2.0)], "bfloat16"),
        ([("bfloat16", 0.996, 2.0), ("int8", 0.9949, 9.0)], "bfloat16"),
        ([("bfloat16", 1.0, 1.09), ("int8", 0.9, 9.0)], "float32"),
        ([], "float32"),
    ],
)
def test_the_fastest_that_keeps_the_answers_is_taken(
    tried: list[tuple[str, float, float]], expected: str
) -> None:
    found = chosen(Check(800, "2026-12-01", tuple(Tried(*one) for one in tried)))
    assert found.precision == expected
    assert found.why.startswith(f"{expected} (")
    assert "800 answers, checked here on 2026-12-01" in found.why


def test_a_choice_says_what_it_keeps_and_how_to_keep_all() -> None:
    assert chosen(PLANTED) == Choice(
        "bfloat16",
        "bfloat16 (2.5 times float32's speed, keeps 99.9% of 1,000 answers, checked here on "
        "2026-12-01; --dtype float32 keeps all)",
    )


@pytest.mark.parametrize(
    ("changes", "rows", "says"),
    [
        ({}, 3, "answers in float32 (checking a faster precision pays from 4,000 on, these are 3"),
        ({}, None, "texts that nobody has counted; --dtype names another)"),
        ({"dtype": "bfloat16"}, 10**6, ""),
        ({"int8": True}, 10**6, ""),
        ({"compiled": True}, 10**6, ""),
        ({"runtime": "onnx"}, 10**6, ""),
        ({"device": "cuda"}, 10**6, ""),
    ],
)
def test_nothing_is_checked_for_a_few_texts_or_where_a_precision_is_given(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], rows: int | None, says: str
) -> None:
    monkeypatch.setattr(precision, "check", lambda checkpoint: pytest.fail("it was checked"))
    spec = replace(EngineSpec(str(shared_folder()), device="cpu"), **changes)
    found, told = settled(spec, rows)
    kept = spec.precision if spec.precision != "auto" else "float32"
    assert found == replace(spec, dtype=found.dtype)
    assert found.precision == kept
    assert [says in line for line in told] == [True] * bool(says)


def test_every_model_of_a_chain_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    from muxviz.engine.chain import Step

    monkeypatch.setattr(precision, "check", lambda checkpoint: PLANTED)
    later = (
        EngineSpec(str(shared_folder()), device="cpu", int8=True),
        EngineSpec(str(shared_folder(plain=True)), device="cpu"),
    )
    spec = EngineSpec(
        str(shared_folder()), device="cpu", again=tuple((Step(share=0.5), one) for one in later)
    )
    found, told = settled(spec, 4000)
    assert [found.precision, *(one.precision for _, one in found.again)] == [
        "bfloat16", "int8", "bfloat16"
    ]  # fmt: skip
    assert len(told) == 2
    assert settled(found, 4000) == (found, [])


# ---- the check ----------------------------------------------------------------------------------


def test_changed_answers_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """int8 computes as float32 does, and lies about the first text of every group."""
    real = Engine.read

    def lying(self: Engine, groups: Any, raw: Any) -> Iterator[Any]:
        for number, answers in real(self, groups, raw):
            yield number, [replace(answers[0], label="x"), *answers[1:]] if self.int8 else answers

    monkeypatch.setattr(engine, "int8_model", lambda model: model)
    monkeypatch.setattr(Engine, "read", lying)
    checkpoint = load(shared_folder(), device="cpu")
    groups = sample(checkpoint)
    found = check(checkpoint)
    answers = sum(group.repeats.count(None) for group in groups)
    assert found.answers == answers >= precision.ANSWERS
    (int8,) = [one for one in found.tried if one.precision == "int8"]
    assert int8.kept == pytest.approx(1 - len(groups) / answers)
    assert chosen(found).precision != "int8"


def test_a_precision_that_cannot_run_here_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(model: Any) -> None:
        raise NotApplicable("no int8 kernels")

    monkeypatch.setattr(engine, "int8_model", missing)
    tried = check(load(shared_folder(plain=True), device="cpu")).tried
    assert [one.precision for one in tried] == ["bfloat16"]


def test_scores_stay_in_float32() -> None:
    choice = best_precision(load(shared_folder(task="regression"), device="cpu"))
    assert choice == Choice(
        "float32", "float32 (its answers are scores, of which none can be said to be kept)"
    )


def test_a_check_is_made_once_and_again_where_it_may_be_another(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def counted(checkpoint: Any) -> Check:
        asked.append(checkpoint.fingerprint)
        return PLANTED

    monkeypatch.setattr(precision, "check", counted)
    one, other = load(shared_folder(), device="cpu"), load(shared_folder(plain=True), device="cpu")
    for checkpoint in (one, one, other, one, other):
        assert best_precision(checkpoint) == chosen(PLANTED)
    assert asked == [one.fingerprint, other.fingerprint]
    (kept,) = (tmp_path / "cache" / "precision").glob(f"{one.fingerprint}-*.json")
    whole = json.loads(kept.read_text())
    for spoilt in ("", "{}", json.dumps(whole | {"tried": [{"precision": "int3"}]})):
        kept.write_text(spoilt)
        assert best_precision(one) == chosen(PLANTED)
    assert asked[2:] == 3 * [one.fingerprint]
    assert json.loads(kept.read_text()) == whole
    monkeypatch.setattr(precision, "_candidates", lambda: ["bfloat16"])  # another machine
    best_precision(one)
    assert len(asked) == 6


def test_a_cache_that_cannot_be_written_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MUXVIZ_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(precision, "check", lambda checkpoint: PLANTED)
    assert best_precision(load(shared_folder(), device="cpu")) == chosen(PLANTED)


# ---- in the commands ----------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> dict[str, Check]:
    """Ten texts are enough to check; what is found can be changed."""
    found = {"check": PLANTED}
    monkeypatch.setattr(precision, "FEWEST", 10)
    monkeypatch.setattr(command, "FEWEST", 10)
    monkeypatch.setattr(precision, "best_precision", lambda checkpoint: chosen(found["check"]))
    return found


def run(*arguments: object) -> int:
    return main(["run", "--checkpoint", str(shared_folder()), *map(str, arguments)])


def test_a_run_keeps_the_precision_that_it_began_with(
    tmp_path: Path, few: dict[str, Check], capsys: pytest.CaptureFixture[str]
) -> None:
    texts, out = tmp_path / "texts.txt", tmp_path / "out.tsv"
    texts.write_text("a good film\nthe old house\n" * 10)
    assert run("--texts", texts, "--out", out) == 0
    assert "answers in bfloat16 (2.5 times float32's speed" in capsys.readouterr().err
    beside = out.with_name("out.tsv.run.json")
    assert json.loads(beside.read_text())["dtype"] == "bfloat16"
    whole = out.read_bytes()
    assert f"{shared_folder().name}:bfloat16".encode() in whole
    cut = whole.splitlines(keepends=True)
    few["check"] = replace(PLANTED, tried=())  # the same machine, another day
    out.write_bytes(b"".join(cut[:3]))
    assert run("--texts", texts, "--out", out, "--resume") == 0
    assert out.read_bytes() == whole
    assert run("--texts", texts, "--out", out, "--resume", "--dtype", "float32") == 1
    assert "made with dtype 'bfloat16', now it is 'float32'" in capsys.readouterr().err
    assert run("--texts", texts, "--out", out, "--resume", "--runtime", "onnx") == 1


def test_workers_are_given_the_precision(
    tmp_path: Path, few: dict[str, Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[EngineSpec] = []
    monkeypatch.setattr(
        command, "spread", lambda starts, make, **how: given.append(make.args[0]) or iter(())
    )
    texts = tmp_path / "texts.txt"
    texts.write_text("a good film\n" * 12)
    with pytest.raises(ValueError, match="zip"):  # nobody answers
        run("--texts", texts, "--out", tmp_path / "out.tsv", "--workers", "2")
    assert [spec.precision for spec in given] == ["bfloat16"]


def test_an_evaluation_says_in_which_precision(
    tmp_path: Path, few: dict[str, Check], capsys: pytest.CaptureFixture[str]
) -> None:
    data, found = tmp_path / "dev.tsv", tmp_path / "found.json"
    rows = "".join(f"a good film\t{n % 2}\n" for n in range(12))
    data.write_text(f"sentence\tlabel\n{rows}")
    arguments = ("--checkpoint", shared_folder(), "--data", data, "--groupings", 1)
    assert main(["evaluate", *map(str, arguments), "--json", str(found)]) == 0
    said = capsys.readouterr()
    assert "answers in bfloat16" in said.err
    assert "note: " in said.out
    assert "answers in bfloat16" in said.out
    assert json.loads(found.read_text())["provenance"]["dtype"] == "bfloat16"
    assert main(["evaluate", *map(str, arguments), "--dtype", "int8", "--json", str(found)]) == 0
    assert json.loads(found.read_text())["provenance"]["dtype"] == "int8"
    assert "answers in" not in capsys.readouterr().err

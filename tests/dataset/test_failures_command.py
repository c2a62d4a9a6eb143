"""``muxviz failures``: what it prints, saves and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from muxviz.cli import main
from muxviz.results import from_json
from muxviz.results.worklist import FINE, FailureSet
from tests.pages import write_pair

TEXTS = ("good great day", "bad awful night", "the plot is not funny")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("checkpoints")
    write_pair(root, labels=("negative", "positive"))
    rows = "".join(f"{TEXTS[n % 3]},{('good', 'bad')[n % 2]}\n" for n in range(30))
    (root / "rows.csv").write_text(f"what,stars\n{rows},good\n", encoding="utf-8")
    return root


def run(folder: Path, *more: str) -> int:
    named = ("--baseline", str(folder / "tiny-n1"), "--text", "what", "--label", "stars")
    return main(
        ["failures", str(folder / "tiny-n3"), "--data", str(folder / "rows.csv"), *named, *more]
    )


MEANS = ("--means", "good=positive", "--means", "bad = negative")


def test_it_prints_the_kinds_and_saves_the_failures(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "failures.json"
    assert run(folder, *MEANS, "--top", "2", "--json", str(out)) == 0
    said = capsys.readouterr()
    saved = from_json(out.read_text(encoding="utf-8"))
    assert isinstance(saved, FailureSet)
    assert saved.groupings == ("random 1", "random 2", "random 3")
    failing = sum(f.kind not in ("lucky", FINE) for f in saved.failures)
    assert said.out.startswith(f"{failing} of 30 rows fail")
    assert said.out.count(" -> ") == 1 + 2  # the heading, and as many lines as were asked for
    assert "left out: row 31 (line 32), column what: is empty" in said.err
    first = saved.failures[0]
    assert first.gold in ("negative", "positive")
    assert len(first.rows) == 3


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ((), "say which of them means which of negative, positive"),
        (("--means", "good"), "takes WRITTEN=LABEL"),
        (("--means", "good=splendid"), "'splendid' is no label of the checkpoint"),
        ((*MEANS, "--label", "mood"), "has no column 'mood'"),
        ((*MEANS, "--baseline", "none", "--grouping", "adversarial"), "names no N = 1 baseline"),
        ((*MEANS, "--json", "rows.csv/x"), "cannot be written"),
    ],
)
def test_what_cannot_be_done_says_why(
    folder: Path, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], said: str
) -> None:
    given = tuple(str(folder / one) if one == "rows.csv/x" else one for one in more)
    assert run(folder, *given) == 1
    assert said in capsys.readouterr().err.replace("\n", " ")


def test_without_a_baseline_nobody_is_blamed(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, *MEANS, "--baseline", "none", "--groupings", "1", "--top", "0") == 0
    said = capsys.readouterr().out
    assert "rows fail at N = 3.\n" in said
    assert "alone" not in said

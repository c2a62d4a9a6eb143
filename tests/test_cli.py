"""The command as a user types it: a process, its output, its exit code."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import muxviz.loading.command  # noqa: F401  # before a name that it keeps is replaced
from muxviz import cli
from muxviz.cli import main
from muxviz.loading.bundled import bundled_names
from tests.tiny import shared_folder, write_tiny_folder

LINES = ("the film is good", "boring old story", "a happy dog", "bad", "the cat")


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


def muxviz(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "muxviz", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_run_answers_a_pipe_in_order() -> None:
    model = ("run", "--checkpoint", str(shared_folder()))
    done = muxviz(*model, "--texts", "-", "--grouping", "order", stdin="\n".join(LINES))
    assert done.returncode == 0, done.stderr
    header, *lines = done.stdout.splitlines()
    assert header.split("\t") == [
        *("line", "slot", "label", "probability", "certainty", "by"),
        *("cut", "text", "text2", "error"),
    ]
    cells = [line.split("\t") for line in lines]
    assert [c[0] for c in cells] == ["1", "2", "3", "4", "5"]
    assert [c[1] for c in cells] == ["1", "2", "3", "1", "2"]
    assert [c[7] for c in cells] == list(LINES)
    assert all(c[2] in ("LABEL_0", "LABEL_1") and 0.5 <= float(c[3]) <= 1 for c in cells)
    assert "text" in done.stderr, "progress goes to standard error"


def test_run_json_lines_and_pairs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pairs.txt"
    path.write_text("the film\tthe movie\na dog\tcold river\n")
    code = main(
        ["run", "--checkpoint", str(shared_folder()), "--texts", str(path), "--format", "jsonl"]
    )
    assert code == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(r["line"], r["text"], r["text2"]) for r in records] == [
        (1, "the film", "the movie"),
        (2, "a dog", "cold river"),
    ]
    assert sum(records[0]["probabilities"].values()) == pytest.approx(1)


def test_evaluate_writes_the_numbers_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = tmp_path / "dev.tsv", tmp_path / "out.json"
    table.write_text("sentence\tlabel\n" + "".join(f"{t}\t{i % 2}\n" for i, t in enumerate(LINES)))
    code = main(
        [
            *("evaluate", "--checkpoint", str(shared_folder()), "--data", str(table)),
            *("--groupings", "2", "--json", str(out)),
        ]
    )
    assert code == 0
    numbers = json.loads(out.read_text())
    assert set(numbers["accuracy"]) == {"mean", "std", "min", "max", "values"}
    assert numbers["forward_passes"] == 2
    assert len(numbers["per_slot"]) == 3
    assert numbers["retrieval_accuracy"]["n"] > 0
    assert f"{numbers['accuracy']['mean']:.4f}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "--checkpoint", "nothing", "--texts", "-"], 1, "no checkpoint named 'nothing'"),
        (["run", "--texts", "-"], 2, "--checkpoint"),
        (["fly"], 2, "invalid choice: 'fly'"),
        (["evaluate", "--checkpoint", "x", "--data", "/none"], 1, "no data at /none"),
        (["train", "none.toml", "--start", "a", "--out", "b"], 1, "none.toml: no such file"),
        (["check", "/none"], 1, "/none"),
    ],
)
def test_mistakes_exit_with_a_sentence(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        found = main(arguments)
    except SystemExit as left:  # argparse's own
        found = int(left.code or 0)
    shown = capsys.readouterr()
    assert found == code
    assert message in shown.err + shown.out


def test_a_mistake_leaves_no_traceback_and_a_code() -> None:
    done = muxviz("run", "--checkpoint", "nothing", "--texts", "-")
    assert done.returncode == 1
    assert "no checkpoint named 'nothing'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bad_line_is_named_and_does_not_stop_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("good\n\nbad\n")
    assert main(["run", "--checkpoint", str(shared_folder()), "--texts", str(path)]) == 1
    shown = capsys.readouterr()
    assert "line 2 is empty" in shown.err
    assert "1 of 3 lines could not be answered" in shown.err
    cells = [line.split("\t") for line in shown.out.splitlines()[1:]]
    assert [(c[0], c[1], c[7], bool(c[9])) for c in cells] == [
        ("1", "1", "good", False),
        ("2", "", "", True),
        ("3", "2", "bad", False),
    ]
    path.write_text("")
    assert main(["run", "--checkpoint", str(shared_folder()), "--texts", str(path)]) == 1
    assert "holds no text" in capsys.readouterr().err


def test_a_reader_that_stops_early_is_no_error(texts: Path) -> None:
    texts.write_text("\n".join(LINES * 40) + "\n")
    command = f"'{sys.executable}' -m muxviz run --checkpoint '{shared_folder()}' --texts '{texts}'"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} --batch 1 | head -1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("line\tslot")
    assert "Traceback" not in done.stderr


def test_every_command_has_help_with_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    commands = re.findall(r"^    (\w+) ", capsys.readouterr().out, re.MULTILINE)
    listed = str(cli.__doc__).split(":")[1].split(".")[0]
    assert sorted(re.findall(r"\w+", listed)) == sorted(commands)
    for command in commands:
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        said = capsys.readouterr().out
        assert "example" in said
        assert f"muxviz {command}" in said


def test_every_command_is_there_and_none_is_imported_before_it_is_asked_for() -> None:
    code = (
        "import argparse, sys\n"
        "from muxviz import cli\n"
        "def calls(parser):\n"
        "    for action in parser._actions:\n"
        "        if isinstance(action, argparse._SubParsersAction):\n"
        "            for one in action.choices.values():\n"
        "                yield from filter(None, [one.get_default('call'), *calls(one)])\n"
        "print(*calls(cli._parser()))\n"
        "print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    named, loaded = (line.split() for line in done.stdout.splitlines())
    assert not {"torch", "transformers", "numpy"} & set(loaded)
    assert len(named) == len(set(named)) == 24
    for one in named:
        package, function = one.split(":")
        assert callable(getattr(import_module(f"muxviz.{package}.command"), function)), one


def test_list_names_the_bundled_checkpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    assert main(["list"]) == 0
    assert "no checkpoints in" in capsys.readouterr().out
    for name in ("a-n10", "a-n2", "b-n1"):
        write_tiny_folder(tmp_path / name)
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ["a-n2", "a-n10", "b-n1"]


def test_list_tells_what_is_wrong_with_a_folder_and_lists_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    for name in ("good-n2", "deep-n2", "nested-card-n2", "\x1b[31mred", os.fsdecode(b"bad\xff")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text("{}")
    (tmp_path / "deep-n2" / "config.json").write_text('{"a":' * 100_000)
    (tmp_path / "nested-card-n2" / "card.json").write_text("[" * 100_000)
    (tmp_path / "pipe-n2").mkdir()
    os.mkfifo(tmp_path / "pipe-n2" / "config.json")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "no-model").mkdir()
    (tmp_path / "plain").touch()
    assert main(["list"]) == 0
    out, err = capsys.readouterr()
    assert out.split("\n")[:-1] == [
        "\\x1b[31mred", "bad\\xff", "deep-n2", "good-n2", "loop", "nested-card-n2", "pipe-n2"
    ]  # fmt: skip
    assert [name for name in ("good", "red cannot", "no-model", "plain") if name in err] == []
    for words in (
        "bad\\xff cannot be used: its name is not UTF-8",
        "config.json: is not allowed: nested deeper than 64 levels",
        "card.json: is not allowed: nested deeper than 64 levels",
        "pipe-n2/config.json: is a pipe",
        "loop cannot be used: cannot be read",
    ):
        assert words in err
    assert main(["list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == ["\x1b[31mred", "good-n2"]
    assert bundled_names() == ["\x1b[31mred", "deep-n2", "good-n2", "nested-card-n2", "pipe-n2"]


@pytest.mark.parametrize("name", ["x" * 5000, "nul\0byte"])
def test_a_folder_that_cannot_be_listed(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("muxviz.loading.bundled.checkpoints_folder", lambda: Path(name))
    assert main(["list"]) == 1
    assert "cannot be listed" in capsys.readouterr().err
    assert bundled_names() == []


def test_check_answers_with_its_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(shared_folder()), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usable"] is True
    (tmp_path / "config.json").write_text("[]")
    assert main(["check", str(tmp_path)]) == 1
    assert "Traceback" not in capsys.readouterr().out

"""The README says what is so: its commands run, its table is the cards', its files exist."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import goals, suite
from muxviz.cli import main
from muxviz.evaluation.calibration import calibration_table
from muxviz.evaluation.cards import bundled_cards, markdown_table
from muxviz.loading.bundled import bundled_names
from muxviz.ui.shell.frame import PAGES

ROOT = Path(__file__).resolve().parents[1]
GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
NAMES = bundled_names()


def test_the_table_is_that_of_the_cards() -> None:
    assert markdown_table() in README, "run muxviz card and put its table into the README"


def test_the_table_of_temperatures_is_that_of_the_cards() -> None:
    text = (ROOT / "docs" / "escalation.md").read_text(encoding="utf-8")
    assert calibration_table(bundled_cards()) in text, "run muxviz card and put its table there"


def test_the_python_example_runs_as_pasted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert code is not None
    monkeypatch.chdir(ROOT)
    exec(code[1], {})
    printed = capsys.readouterr().out
    assert re.search(r"torch.Size\(\[1, \d+, 384\]\) torch.Size\(\[1, 5, \d+, 384\]\)", printed)


@pytest.mark.parametrize(
    "command",
    [
        line
        for line in README.splitlines()
        if ".venv/bin/muxviz" in line and "path/to" not in line and "--help" not in line
        if not line.startswith(("|", "On "))
    ],
)
def test_the_readmes_commands_run(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process; what stands before ``|`` is run by a shell and given to it to read."""
    before, own = re.fullmatch(r"(?:(.*) \| )?\.venv/bin/muxviz (.*)", command).groups()  # type: ignore[union-attr]
    piped = subprocess.run(["bash", "-c", before or ":"], capture_output=True, check=True).stdout
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(piped)))
    monkeypatch.chdir(ROOT)
    assert main(shlex.split(own)) == 0
    assert capsys.readouterr().out.strip()


def test_what_docs_testing_says_runs(tmp_path: Path) -> None:
    """Its files, its commands and its Python, from top to bottom in one folder."""
    text = (ROOT / "docs" / "testing.md").read_text(encoding="utf-8")
    shown = "".join(code for kind, code in blocks_of(text) if kind == "sh")
    for kind, code in blocks_of(text):
        if kind == "toml":
            (tmp_path / "least.toml").write_text(code)
        elif kind == "yaml":
            commands = re.findall(r"\.venv/bin/muxviz .*", code)
            assert commands
            assert all(command in shown for command in commands)
        else:
            follow(kind, code, tmp_path)
    assert all((tmp_path / name).is_file() for name in ("muxviz.xml", "regression.json"))


@pytest.mark.parametrize("path", GUIDES, ids=lambda path: path.stem)
def test_what_a_guide_says_runs(path: Path, tmp_path: Path) -> None:
    blocks = blocks_of(path.read_text(encoding="utf-8"))
    assert blocks
    for kind, code in blocks:
        follow(kind, code.replace("REPOSITORY", str(ROOT)), tmp_path)
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).is_file(), target


def blocks_of(text: str) -> list[tuple[str, str]]:
    """Kind and code of every block."""
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def follow(kind: str, code: str, folder: Path) -> None:
    """Run a block in a folder, as a reader would."""
    here = {"muxviz": f"'{sys.executable}' -m muxviz", "python": f"'{sys.executable}'"}
    code = re.sub(r"\.venv/bin/(\w+)", lambda found: here[found[1]], code)
    done = subprocess.run(
        ["bash", "-ec", code] if kind == "sh" else [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_the_table_of_pages_is_that_of_the_app() -> None:
    rows = re.findall(r"^\| \*\*(.+?)\*\* \|", README, re.MULTILINE)
    assert rows == [page.title for page in PAGES.values()]
    assert all((ROOT / page.file).is_file() for page in PAGES.values())


def test_every_file_the_readme_names_is_there() -> None:
    named = re.findall(r"(?:muxviz|docs|configs|tests|pages|checkpoints)/[\w/.-]+\.\w+", README)
    assert named
    assert [name for name in named if "*" not in name and not (ROOT / name).exists()] == []
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_every_document_that_the_code_names_is_there() -> None:
    there = {p.name for folder in (ROOT, ROOT / "docs") for p in folder.glob("*.md")}
    for path in [*(ROOT / "muxviz").rglob("*.py"), *(ROOT / "pages").glob("*.py")]:
        named = re.findall(r"[\w./-]*\w\.md\b", path.read_text(encoding="utf-8"))
        assert {Path(name).name for name in named} <= there, path


def test_every_section_that_a_source_points_to_is_there() -> None:
    text = (ROOT / "docs" / "quantities.md").read_text(encoding="utf-8")
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    pointing = 0
    for path in (ROOT / "muxviz").rglob("*.py"):
        source = " ".join(path.read_text(encoding="utf-8").split())
        for title in re.findall(r'docs/quantities\.md, "([^"]+)"', source):
            pointing += 1
            assert any(head.startswith(title) for head in heads), (path, title)
    assert pointing >= 9


@pytest.mark.parametrize("name", NAMES)
def test_bundled_checkpoints_are_small_and_say_how_they_were_made(name: str) -> None:
    folder = ROOT / "checkpoints" / name
    assert sum(p.stat().st_size for p in folder.iterdir()) < 20_000_000
    card = json.loads((folder / "card.json").read_text())
    assert name.startswith(card["recipe"]["name"])  # one run may give several
    assert {"seed", "stages", "task_train"} <= set(card["recipe"])
    assert {"weights", "data", "licence", "limits", "selection"} <= set(card)
    dev = card["measured"]["dev"]
    rows = {"sst2/dev.tsv.gz": 872, "ud_ewt/dev.jsonl.gz": 2001}[card["recipe"]["task_dev"]]
    assert dev["rows"] == rows
    assert dev["forward_passes"] == -(-rows // card["recipe"]["num_instances"])
    assert len(dev["seeds"]) == dev["groupings"] == 5
    assert {"steps", "instances", "config", "hardware"} <= set(card["run"])
    assert (ROOT / card["run"]["config"]).is_file()
    if card["recipe"]["num_instances"] > 1:
        assert card["baseline"] in NAMES
        assert len(dev["retrieval_per_slot"]) == card["recipe"]["num_instances"]


def test_the_family_is_complete() -> None:
    assert {"sst2-n1", "sst2-n2", "sst2-n5", "sst2-n10"} <= set(NAMES)
    assert {"upos-n1", "upos-n5", "electra-n2", "contextual-n2"} <= set(NAMES)
    size = sum(p.stat().st_size for p in (ROOT / "checkpoints").rglob("*") if p.is_file())
    assert size < 200_000_000


def test_the_throughput_goals_are_what_the_stored_benchmarks_say() -> None:
    from benchmarks.throughput_goals import RESULTS, results, table

    text = (ROOT / "docs" / "throughput.md").read_text(encoding="utf-8")
    assert table() in text, "print it with: python -m benchmarks.throughput_goals"
    for path in RESULTS.glob("throughput-*.json"):
        assert results(path.stem.removeprefix("throughput-")) in text, path


def test_the_pruning_tables_are_what_was_measured() -> None:
    from benchmarks.pruning_tables import TABLES

    text = (ROOT / "docs" / "pruning.md").read_text(encoding="utf-8")
    for table in TABLES:
        for part in table().split("\n\n"):
            assert part in text, "print it with: python -m benchmarks.pruning_tables"


def test_the_debuggers_tables_are_what_was_measured() -> None:
    from benchmarks.debugger_table import printed

    text = (ROOT / "docs" / "debugging.md").read_text(encoding="utf-8")
    assert printed() in text, "print it with: python -m benchmarks.debugger_table"


def test_stored_benchmarks_have_the_documented_layout() -> None:
    files = sorted((ROOT / "benchmarks" / "results").glob("throughput-*.json"))
    assert files
    for path in files:
        run = json.loads(path.read_text())
        assert {"cpu", "threads", "versions", "load", "is_busy"} <= set(run["machine"]), path
        assert run["command"].startswith("muxviz bench throughput"), path
        for row in run["results"]:
            rate = row["instances_per_s"]
            assert 0 < rate["q1"] <= rate["median"] <= rate["q3"], path
            assert row["batch_mode"] in ("equal_multiplexed", "equal_total"), path
            assert row["ratio_to_n1"] is not None, path


@pytest.mark.parametrize(("name", "printed"), [("goals", goals.printed), ("suite", suite.table)])
def test_tables_of_training_are_what_their_command_prints(
    name: str, printed: Callable[[], str]
) -> None:
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    held = text.split(f"<!-- {name} -->\n")[1].split(f"<!-- end of {name} -->")[0]
    assert held.strip() == printed().strip()

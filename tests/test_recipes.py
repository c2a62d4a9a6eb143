"""What docs/recipes.md works out, written into a copy of the project and used there."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"^(?:In )?`([^`]+)`(?:, (before|after) `([^`]+)`)?:\n\n```\w+\n(.*?)```", re.M | re.S
)
COPIED = (
    *("app.py", "pages", "muxviz", "tests", "benchmarks", "examples"),
    *("pyproject.toml", "README.md"),
)
PAGE = {  # its own tests, and those that hold for every page, figure and file
    "its own": ("tests/fidelity/test_calibration_page.py",),
    "of every page": ("tests/test_links.py", "-k", "calibration or cal_draws"),
    "of every figure": ("tests/test_figure_laws.py", "-k", "calibration or every_kind_of_figure"),
    "of every file": (
        "tests/test_imports.py",
        "tests/test_docs.py::test_the_table_of_pages_is_that_of_the_app",
    ),
}
MULTIPLEXER = """
import torch
from muxviz.analysis.attention.pairs import slot_pairs
from muxviz.analysis.keys.geometry import key_geometry
from muxviz.batch import Row
from muxviz.loading.load import load
from muxviz.training.export import checkpoint_of_run, export_run
from muxviz.training.loop import train
from tests.tiny import tiny_ids
from tests.training.tiny_runs import tiny_recipe, tiny_stage, write_data

data = write_data(work / "data")
train(tiny_recipe(tiny_stage("task", steps=3), multiplexer="rolled"), data, work / "run")
folder = export_run(work / "run", work / "saved", dtype="float32", data=data)
found = load(folder, device="cpu")
ids = tiny_ids(found.config)
assert torch.equal(found.model(ids).logits, checkpoint_of_run(work / "run").model(ids).logits)
assert slot_pairs(found, [Row("the film is good")]).residual < 1e-6
assert "has no instance_embedding" in key_geometry(found, [Row("a film")]).reasons["mux"]
"""
OPTION = """
from muxviz.training.loop import train
from tests.training.tiny_runs import losses, tiny_recipe, tiny_stage, write_data

data = write_data(work / "data")
sizes = []
for number, weight in enumerate((0.0, 1e-9, 3.0)):
    stage = tiny_stage("task", steps=20, size_coeff=weight)
    train(tiny_recipe(stage), data, work / str(number))
    sizes.append(losses(work / str(number), "size"))
assert not sizes[0]
assert sizes[2][-1] < 0.7 * sizes[1][-1], sizes
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with every block of the document in its place."""
    copy = tmp_path_factory.mktemp("project")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    blocks = BLOCK.findall((ROOT / "docs" / "recipes.md").read_text("utf-8"))
    assert len(blocks) >= 19
    for path, where, line, code in blocks:
        write(copy / path, where, line, code)
    return copy


def write(path: Path, where: str, line: str, code: str) -> None:
    """A new file, or lines before or after the one line that is named."""
    if not where:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code, encoding="utf-8")
        return
    lines = path.read_text("utf-8").split("\n")
    assert lines.count(line) == 1, (path, line)
    at = lines.index(line) + (where == "after")
    blank = [] if where == "after" else ["", ""]  # a class or function ahead of another one
    lines[at:at] = [*code.rstrip("\n").split("\n"), *blank]
    path.write_text("\n".join(lines), encoding="utf-8")


def ran(project: Path, *arguments: str) -> None:
    """Python with these arguments, in the copy."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=project, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_is_worked_out_works(project: Path, tmp_path: Path) -> None:
    """Both in one process, which is slow to start."""
    folders = "from pathlib import Path\nwork = Path({!r})\nwork.mkdir()\n"
    scripts = {"multiplexer": MULTIPLEXER, "option": OPTION}
    code = "".join(folders.format(str(tmp_path / n)) + script for n, script in scripts.items())
    ran(project, "-c", code)


@pytest.mark.parametrize("tests", PAGE.values(), ids=PAGE)
def test_the_page_that_is_worked_out_passes_tests(tests: tuple[str, ...], project: Path) -> None:
    ran(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests)


@pytest.mark.parametrize("rule", [("check", "."), ("format", "--check", ".")], ids=" ".join)
def test_what_is_worked_out_is_written_as_the_rest(rule: tuple[str, ...], project: Path) -> None:
    ran(project, "-m", "ruff", *rule, "--no-cache")

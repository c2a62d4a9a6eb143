"""The notebook is its source, holds every figure, and its quick sections still run."""

from __future__ import annotations

import ast
import importlib
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest

from examples.make_notebook import MOST_BYTES, NOTEBOOK, complaints, read_cells
from tests.pages import write_checkpoint

ROOT = Path(__file__).resolve().parents[1]
CELLS = read_cells()
CODE = [text for kind, text in CELLS if kind == "code"]
PAGES_ONLY = {"dataset", "debugger", "learn", "compare"}
HELPERS = {"strip_figure", "braid_stack_figure", "taken_figure", "taken_series_figure"}  # of others
LATER = {"escalation_figure", "journey_figure"}  # the notebook has no section for them yet
LABELS = ("negative", "positive")
QUICK = ("", "One pass", "Keys")  # sections


def figure_names() -> set[str]:
    """Public functions that make a figure, but for those of files, verdicts, lessons and pairs of
    models: the notebook has none of these; of the Debugger it has the ladder.
    """
    rooms = [p for p in (ROOT / "muxviz/figures").rglob("*.py") if p.parent.name not in PAGES_ONLY]
    ladder = ROOT / "muxviz/figures/debugger/ladder.py"
    trees = [ast.parse(p.read_text("utf-8")) for p in [*rooms, ladder]]
    found = {node.name for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)}
    return {n for n in found if n.endswith("_figure") and not n.startswith("_")} - HELPERS - LATER


def called(code: str) -> list[str]:
    """Figure functions that are called in a cell."""
    calls = [node.func for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]
    return [f.id for f in calls if isinstance(f, ast.Name) and f.id.endswith("_figure")]


def notebook() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(NOTEBOOK.read_text("utf-8"))
    return found


def code_cells() -> list[dict[str, Any]]:
    return [cell for cell in notebook()["cells"] if cell["cell_type"] == "code"]


def pictures(cell: dict[str, Any]) -> int:
    return sum("image/png" in output.get("data", {}) for output in cell["outputs"])


def test_the_notebook_holds_the_cells_of_its_source() -> None:
    kept = [(cell["cell_type"], "".join(cell["source"])) for cell in notebook()["cells"]]
    assert kept == CELLS, "run make notebook"


def test_every_figure_is_made_once() -> None:
    assert Counter(name for code in CODE for name in called(code)) == Counter(figure_names())


def test_every_figure_is_asked_for_in_words_first() -> None:
    for (kind_before, before), (kind, text) in pairwise(CELLS):
        if kind == "code" and called(text):
            assert kind_before == "markdown", text
            assert "?" in before, text


def test_every_cell_was_run_in_order_without_errors_or_warnings() -> None:
    counts = [cell["execution_count"] for cell in code_cells()]
    assert counts == list(range(1, len(CODE) + 1))
    assert complaints(notebook()) == []


def test_every_figure_has_its_picture_and_nothing_heavier() -> None:
    for cell in code_cells():
        assert pictures(cell) == len(called("".join(cell["source"])))
    text = NOTEBOOK.read_text("utf-8")
    assert len(text) < MOST_BYTES
    assert "vnd.plotly" not in text
    assert "text/html" not in text


def test_the_notebook_says_nothing_of_the_machine_that_ran_it() -> None:
    made = notebook()
    assert set(made["metadata"]) == {"kernelspec", "language_info"}
    assert set(made["metadata"]["language_info"]) == {"name"}
    assert [cell["metadata"] for cell in made["cells"] if cell["metadata"]] == []


def test_what_the_cells_import_is_there() -> None:
    for node in (node for code in CODE for node in ast.walk(ast.parse(code))):
        if isinstance(node, ast.ImportFrom) and node.module:
            module = importlib.import_module(node.module)
            assert [a.name for a in node.names if not hasattr(module, a.name)] == []


def test_text_cells_hold_text_only(tmp_path: Path) -> None:
    source = tmp_path / "source.py"
    source.write_text("# %% [markdown]\n# a question\ncall()\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"'call\(\)' in a text cell"):
        read_cells(source)


def test_the_quick_sections_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With tiny models under the names of the bundled ones."""
    write_checkpoint(tmp_path / "sst2-n1", plain=True, labels=LABELS)
    write_checkpoint(tmp_path / "sst2-n5", num_instances=5, labels=LABELS)
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    names: dict[str, Any] = {}
    section, drawn = "", 0
    for kind, text in CELLS:
        if kind == "markdown" and text.startswith("## "):
            section = text.splitlines()[0].removeprefix("## ")
        elif kind == "code" and section in QUICK:
            drawn += run_cell(text, names)
    assert drawn >= 9


def run_cell(code: str, names: dict[str, Any]) -> int:
    """Run a cell as a notebook does; how many figures it shows."""
    tree = ast.parse(code)
    if not called(code):
        exec(compile(tree, "cell", "exec"), names)
        return 0
    last = tree.body.pop()
    assert isinstance(last, ast.Expr), code
    exec(compile(tree, "cell", "exec"), names)
    shown = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    assert isinstance(shown, go.Figure)
    assert shown.layout.title.text
    return 1

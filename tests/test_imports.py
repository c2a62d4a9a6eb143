"""Imports point one way, heavy libraries stay in their layers, and ``import muxviz`` is light."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import muxviz

ROOT = Path(__file__).resolve().parents[1]

# Lowest first: a module may import from its own layer (same name) or from any layer below.
LAYERS = (
    ("printable", "quiet"),
    ("errors",),
    ("files",),
    ("terminal", "cache"),
    ("structure", "ranges", "certainty", "lane"),
    ("config",),
    ("results",),
    ("presets", "pool"),
    ("figures",),
    ("model",),
    ("tracing",),
    ("pruning",),
    ("loading",),
    ("batch",),
    ("reading",),
    ("engine",),
    ("inference",),
    ("training",),
    ("evaluation", "registry", "recorded"),
    ("analysis", "planning", "lesson"),
    ("behaviour",),
    ("bench",),
    ("ui", "cli"),
    ("__main__", "app", "pages"),
)
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
ONLY = {  # which of our top-level parts may import a library
    "streamlit": {"ui", "app", "pages"},
    "plotly": {"figures"},
    "torch": {
        "model",
        "tracing",
        "loading",
        "analysis",
        "reading",
        "engine",
        "inference",
        "pruning",
        "training",
        "evaluation",
        "bench",
        "registry",
        "cli",
    },
}
# figures and results know no torch and no model; the rest of the table is in RANK.
FIGURES_MAY_IMPORT = {"results", "errors", "figures"}
# Layers of rooms, and the rooms that others may import, lowest first.
FLOORS = {"analysis": ("groups",), "figures": ("drawing",), "ui": ("shell", "study")}
BETWEEN_ROOMS = {  # which room may import which other one, and why
    ("analysis", "keys", "crosstalk"): "a Mantel test of keys is one against measured cross-talk",
}


def sources() -> list[Path]:
    return [ROOT / "app.py", *(ROOT / "pages").glob("*.py"), *(ROOT / "muxviz").rglob("*.py")]


def part(path: Path) -> str:
    relative = path.relative_to(ROOT)
    if relative.parts[0] != "muxviz":
        return relative.parts[0].removesuffix(".py")
    if len(relative.parts) == 2:
        return relative.stem
    return relative.parts[1]


def imported(path: Path) -> set[str]:
    """Every module that ``path`` imports, also inside functions; not under TYPE_CHECKING."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for node in ast.walk(block)
    }
    names = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    here = part(path)
    if here == "__init__":
        return
    assert here in RANK, f"{here} has no place in LAYERS"
    for name in imported(path):
        top, *rest = name.split(".")
        for library, allowed in ONLY.items():
            assert top != library or here in allowed, f"{path} imports {library}"
        if top != "muxviz" or not rest or rest[0] not in RANK:
            continue
        there = rest[0]
        assert there == here or RANK[there] < RANK[here], f"{path}: {here} imports {there}"
        if here == "figures":
            assert there in FIGURES_MAY_IMPORT, f"{path}: figures import {there}"


def test_no_two_modules_import_each_other() -> None:
    """Not in a circle of any length, late imports inside functions counted too."""
    module = {".".join(p.relative_to(ROOT).with_suffix("").parts): p for p in sources()}
    left = {
        name: {n for n in imported(path) if n in module} - {name} for name, path in module.items()
    }
    while leaves := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in leaves:
            del left[name]
    assert not left, f"in a circle, or above one: {sorted(left)}"


def other_rooms(layer: str) -> set[tuple[str, str, str]]:
    """Every import of a room from another that is neither itself nor a floor below it."""
    found = set()
    floors = FLOORS[layer]
    for path in (ROOT / "muxviz" / layer).glob("*/*.py"):
        here = path.parent.name
        below = floors[: floors.index(here) + 1] if here in floors else (*floors, here)
        for name in imported(path):
            if name.startswith(f"muxviz.{layer}.") and name.split(".")[2] not in below:
                found.add((layer, here, name.split(".")[2]))
    return found


@pytest.mark.parametrize("layer", FLOORS)
def test_a_room_imports_itself_and_the_floors(layer: str) -> None:
    assert other_rooms(layer) == {one for one in BETWEEN_ROOMS if one[0] == layer}


@pytest.mark.parametrize("layer", FLOORS)
def test_every_file_is_in_a_room(layer: str) -> None:
    folder = ROOT / "muxviz" / layer
    assert [p.name for p in folder.glob("*.py")] == ["__init__.py"]
    rooms = [p for p in folder.iterdir() if p.is_dir() and p.name != "__pycache__"]
    assert {p for p in rooms if not (p / "__init__.py").is_file()} == set()
    assert {p.name for p in rooms} >= set(FLOORS[layer])


def test_the_rule_can_fail() -> None:
    """The parser sees imports inside functions and relative to a package."""
    tree = "def f():\n    import streamlit\n    from muxviz.ui.shell import frame\n"
    scratch = ROOT / "muxviz" / "model" / "__init__.py"
    names = set()
    for node in ast.walk(ast.parse(tree)):
        if isinstance(node, ast.Import):
            names |= {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    assert names == {"streamlit", "muxviz.ui.shell"}
    assert RANK["ui"] > RANK[part(scratch)]


def modules_after(code: str) -> set[str]:
    out = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(' '.join(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    return set(out.stdout.split())


def test_importing_muxviz_is_light() -> None:
    loaded = modules_after("import muxviz")
    assert not loaded & {"torch", "transformers", "numpy", "streamlit", "plotly", "tokenizers"}


def test_results_and_figures_know_no_torch() -> None:
    loaded = modules_after("import muxviz.results, muxviz.figures.mix.braid, muxviz.presets")
    assert "plotly" in loaded
    assert not loaded & {"torch", "transformers", "streamlit"}


def test_names_are_sorted_and_resolve() -> None:
    assert muxviz.__all__ == sorted(muxviz.__all__)
    # A submodule of the same name would take a function's place once it is imported.
    import_module("muxviz.inference")
    for name in muxviz.__all__:
        assert callable(getattr(muxviz, name)), name
    with pytest.raises(AttributeError, match="no attribute 'lood'"):
        muxviz.lood  # noqa: B018


def by_name(path: Path) -> set[str]:
    """``package.module.NAME`` of every name that ``path`` imports at its head."""
    return {
        f"{node.module}.{alias.name}"
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def test_who_keeps_a_name_is_imported_before_a_test_replaces_it() -> None:
    """A module first imported while a name is replaced would keep the replacement for good."""
    dotted = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sources()}
    kept = {path: by_name(path) for path in sources()}
    for path in (ROOT / "tests").rglob("*.py"):
        there = imported(path)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "setattr"):
                continue
            name = getattr(node.args[0], "value", None)
            late = {dotted[p] for p, names in kept.items() if name in names} - there
            late -= by_name(path)
            assert not late, f"{path.name} replaces {name}, which {sorted(late)} keep"

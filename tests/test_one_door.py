"""Files that a user can name are opened in one place; whoever opens another says why."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.test_imports import ROOT, sources

OPENS = {"read_text", "read_bytes", "write_text", "write_bytes", "open", "splitlines"}
PARSERS = {"json": {"load", "loads", "dump", "dumps"}, "tomllib": {"load", "loads"},
           "csv": {"reader", "DictReader"}, "gzip": {"open"}, "lzma": {"open"}}  # fmt: skip
PACKAGE_DATA = "a file of the package"
NO_FILE = "a method of ours that opens no file"
ALLOWED: dict[str, dict[str, str]] = {
    "muxviz/analysis/dataset/apart.py": {"open": NO_FILE},
    "muxviz/engine/command.py": {"open": NO_FILE},
    "muxviz/engine/output.py": {"open": "the answers, by a descriptor that can be locked"},
    "muxviz/engine/workers.py": {"open": NO_FILE},
    "muxviz/evaluation/apart.py": {"open": NO_FILE},
    "muxviz/evaluation/command.py": {"open": NO_FILE},
    "muxviz/lesson/page.py": {"read_text": PACKAGE_DATA},
    "muxviz/loading/tokenizer.py": {
        "json.dumps": "clean copies in a folder of our own, for transformers",
        "json.loads": "what a loaded tokenizer says of itself",
    },
    "muxviz/loading/tokenizer_check.py": {"json.dumps": "no file: for the Rust library"},
    "muxviz/loading/weights.py": {
        "json.loads": "a header that safetensors has found sound",
        "open": "a member of a torch file, inside the bounds of the file",
    },
    "muxviz/pool/__init__.py": {"read_text": PACKAGE_DATA},
    "muxviz/presets/__init__.py": {"read_text": PACKAGE_DATA},
    "muxviz/presets/published.py": {"read_text": PACKAGE_DATA},
    "muxviz/pruning/gates.py": {"open": NO_FILE},
    "muxviz/terminal.py": {"open": "the null device"},
    "muxviz/training/corpus.py": {"open": "writes the cache, whose name no user gives"},
    "muxviz/training/run_files.py": {
        "open": "writes the run's own files, which were looked at before",
        "read_text": "/proc/cpuinfo, of the system",
    },
    "muxviz/training/run_folder.py": {"open": "the end of a file that the door has looked at"},
    "muxviz/ui/training/control.py": {"open": "appends to the log of a run that is started"},
    "muxviz/training/bench_memory.py": {
        "read_text": "/proc/self/status, of the system",
        "splitlines": "the same",
    },
}
NOT_YET = {
    "muxviz/training/tasks.py",
}


def calls(path: Path) -> set[str]:
    """What a file opens, parses or decodes by itself; ``errors=`` stands for lenient decoding."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        call = node.func
        if isinstance(call, ast.Name) and call.id == "open":
            found.add("open")
        if isinstance(call, ast.Attribute):
            owner = call.value.id if isinstance(call.value, ast.Name) else ""
            if owner == "files":  # the door
                continue
            if owner in PARSERS:
                found |= {f"{owner}.{call.attr}"} if call.attr in PARSERS[owner] else set()
            elif call.attr in OPENS:
                found.add(call.attr)
        for word in node.keywords:
            if word.arg == "errors" and getattr(word.value, "value", "") in ("replace", "ignore"):
                found.add("errors=")
    return found


@pytest.mark.parametrize(
    "path",
    [*sources(), *(ROOT / "benchmarks").glob("*.py")],
    ids=lambda p: str(p.relative_to(ROOT)),
)
def test_a_file_is_opened_through_the_door(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    if name == "muxviz/files.py" or name in NOT_YET:
        return
    allowed = ALLOWED.get(name, {})
    found = calls(path)
    assert not found - set(allowed), f"{name}: use muxviz.files, or say here why not"
    assert not set(allowed) - found, f"{name} no longer needs its exception"


def test_the_rule_can_fail(tmp_path: Path) -> None:
    path = tmp_path / "page.py"
    path.write_text(
        "import json\njson.loads(open('x').read())\nwith path.open(errors='replace') as f: pass\n"
        "path.read_bytes().decode()\ntext.splitlines()\n"
    )
    assert calls(path) == {"json.loads", "open", "errors=", "read_bytes", "splitlines"}

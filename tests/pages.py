"""Pages of the app without a browser: opened from a link, pressed, waited for, and read.

A page's tests say which checkpoints and which pool it sees; this module has what they share.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from streamlit.testing.v1 import AppTest

from muxviz.batch import Row
from muxviz.results.store import to_json
from muxviz.ui.shell import session
from muxviz.ui.shell.frame import PAGES
from muxviz.ui.study.jobs import settle
from muxviz.ui.study.runs import RunRequest
from tests.tiny import tiny_config, write_tiny_folder

ROOT = Path(__file__).resolve().parents[1]
APP = ROOT / "app.py"
PATIENCE_S = 120  # for one run of a page, torch's start included
BASELINE = {"baseline": "tiny-n1"}
KINDS = (
    "markdown", "caption", "text", "error", "warning", "info", "success", "title", "header"
)  # fmt: skip
# A run that differs from the defaults in all that a snippet has to say.
ASKED = RunRequest(
    checkpoint="tiny-n3",
    num_instances=3,
    baseline="tiny-n1",
    device="cpu",
    dtype="auto",
    rows=(Row('it\'s "good"\\'), Row("a", "b")),
    padding="group",
    fill="published",
    seed=3,
    equal_slots=False,
    stamp="",
)


def write_checkpoint(folder: Path, card: dict[str, Any] | None = None, **changes: Any) -> Path:
    """A tiny checkpoint; ``changes`` as for ``tiny_config``."""
    return write_tiny_folder(folder, tiny_config(**changes), card=card)


def write_pair(root: Path, **changes: Any) -> None:
    """tiny-n3, and the N = 1 model that its card names."""
    write_checkpoint(root / "tiny-n1", plain=True, **changes)
    write_checkpoint(root / "tiny-n3", BASELINE, **changes)


def linked(parameters: dict[str, str], app: Path = APP) -> AppTest:
    """An app with a link's parameters, not run yet."""
    at = AppTest.from_file(str(app), default_timeout=PATIENCE_S)
    for name, value in parameters.items():
        at.query_params[name] = value
    return at


def visit(page: str, **parameters: str) -> AppTest:
    """A page from a link, once everything it started by itself is over."""
    at = linked(parameters)
    if page != "start":
        at.switch_page(PAGES[page].file)
    return settled(at.run())


def checked(at: AppTest) -> AppTest:
    """The page after a run without a bug."""
    assert not at.exception, [e.value for e in at.exception]
    return at


def settled(at: AppTest) -> AppTest:
    """The page once everything it started is over."""
    return checked(settle(at))


def click(at: AppTest, key: str) -> AppTest:
    """Press a button and look at once, on whichever page it opens."""
    return checked(at.button(key=key).click().run())


def press(at: AppTest, key: str) -> AppTest:
    """Press a button of this page and wait for what it started."""
    return settled(click(at, key))


def open_tab(at: AppTest, row: str, name: str) -> AppTest:
    """Open a tab of a row of tabs, and wait for what it computes."""
    at.session_state[row] = name
    return settled(at.run())


def seen(at: AppTest) -> str:
    """All words on the page."""
    return "\n".join(str(e.value) for kind in KINDS for e in at.get(kind))


def questions(at: AppTest) -> list[str]:
    return [s.value for s in at.header]


def charts(at: AppTest) -> list[dict[str, Any]]:
    """The figures; those for narrow pages show the same once more."""
    wide = (c for c in at.get("plotly_chart") if not c.proto.id.endswith("_narrow"))
    return [json.loads(c.proto.spec) for c in wide]


def titles(at: AppTest) -> list[str]:
    return [c["layout"]["title"]["text"] for c in charts(at)]


def computed(at: AppTest) -> int:
    """How often the page has started work."""
    return int(at.session_state[session.STUDIES].computed)


def run_as_pasted(at: AppTest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Run the Python of every panel that was made; how many there were.

    It must give the panel's numbers again: its ``result`` is what the panel exports, but for the
    rounding that comes from passes stacked otherwise.
    """
    monkeypatch.setattr(go.Figure, "show", lambda self: None)
    panels = list(at.session_state[session.STUDIES].panels.values())
    for panel in panels:
        assert "figure" in panel.python
        found: dict[str, Any] = {}
        exec(panel.python, found)
        if "result" in found:
            given = json.loads(to_json(found["result"]))["value"]
            kept = json.loads(panel.record())["value"]
            if isinstance(given, dict) and given.get("class") == "StateMap":  # not the states
                given, kept = given["readings"], kept if "state" in kept[0] else kept[-1]
            alike(given, kept if type(given) is type(kept) else kept[0], panel.key)
    return len(panels)


def alike(one: Any, other: Any, where: str) -> None:
    """Two JSON values, equal but for the rounding of numbers and where they came from."""
    assert type(one) is type(other) or isinstance(one, int | float), where
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for name in () if one.get("class") == "Provenance" else one:
            alike(one[name], other[name], f"{where}.{name}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for number, pair in enumerate(zip(one, other, strict=True)):
            alike(*pair, f"{where}[{number}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-3, abs=1e-5), where
    else:
        assert one == other, where

"""What every page says of one fixed group, to be held against what another version says.

    python -m benchmarks.pages save before.json [--only crosstalk,keys]
    python -m benchmarks.pages compare before.json after.json

Opens thirty states of the pages from their links (``STATES``), presses every Compute, and writes
what each panel shows: title, description, table, the numbers behind every figure, its texts and
its Python. ``compare`` prints what differs, and ends with 1 where numbers or words do; Python may
be written otherwise as long as it runs, so what differs there is only counted.
"""

from __future__ import annotations

import argparse
import base64
import math
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
from streamlit.testing.v1 import AppTest

from muxviz.files import json_text, read_json, results_file

ROOT = Path(__file__).resolve().parents[1]
MODEL = "sst2-n5-shared-50"
TEXTS = (
    "a gripping, funny film",
    "the plot goes nowhere and takes its time",
    "warm and well acted",
    "I want these two hours back",
    "not bad at all",
)
DRAWN = {"c_draws": "16", "c_sets": "4", "f_draws": "16", "k_draws": "16", "w_draws": "16"}
FEW = {"l_pairs": "16", "l_draws": "8", "l_fit": "32", "l_groups": "8", "u_k": "6", "u_m": "2"}
B = {"mb": "sst2-n5"}
STATES: tuple[tuple[str, dict[str, str]], ...] = (
    ("models", {}),  # first: it says what is in memory
    ("start", {}),
    ("learn", {}),
    ("learn", {"step": "2"}),
    ("learn", {"step": "3"}),
    ("mix", {}),
    ("mix", {"slot": "3", "x_tok": "one"}),
    ("fidelity", {}),
    ("fidelity", {"f_scope": "pool", **B}),
    ("crosstalk", {}),
    ("crosstalk", {"c_meas": "push", **B}),
    ("crosstalk", {"c_meas": "shapley", "c_i": "2"}),
    ("crosstalk", {"c_meas": "odds"}),
    ("crosstalk", {"c_meas": "leak", "c_over": "pool"}),
    ("crosstalk", {"c_meas": "share"}),
    ("whatif", {"w_view": "desk", "w_g": "1,0.5,1,1,0"}),
    ("whatif", {"w_view": "edit", "w_text": "a dull remake"}),
    ("whatif", {"w_view": "key"}),
    ("whatif", {"w_view": "seats"}),
    ("whatif", {"w_view": "same"}),
    ("whatif", {"w_view": "why"}),
    ("map", {}),
    ("map", {"u_proj": "tsne", "u_state": "mix"}),
    ("attention", {}),
    ("attention", {"a_read": "pairs"}),
    ("attention", {"a_read": "relevance"}),
    ("layers", B),
    ("layers", {"l_probe": "linear"}),
    ("keys", B),
    ("tradeoff", {}),
    ("planner", {}),
    ("training", {}),
)
VARYING = re.compile(r"\d{4}-\d\d-\d\d[T ,]+[\d:]+\S*|\d+\.\d+ s\b|\d+(?:\.\d+)? ms\b")
TIMED = {"cost"}  # panels whose numbers are of the moment
SLACK = 1e-4  # relative and absolute: passes stacked otherwise round otherwise
ROUNDS = 6  # of buttons that appear once others were pressed


def link_of(page: str, given: dict[str, str]) -> dict[str, str]:
    """The parameters of a state's link."""
    from muxviz.batch import Row
    from muxviz.ui.shell.links import pack_rows

    shared = {"m": MODEL, "g": pack_rows([Row(text) for text in TEXTS])}
    return {**shared, **DRAWN, **FEW, **given}


def save(path: Path, only: frozenset[str]) -> None:
    """Open every state and write what was drawn."""
    from muxviz.ui.study import panels

    seen: list[dict[str, Any]] = []
    note = panels._note

    def also(panel: Any, question: str) -> None:
        seen.append(_said(panel, question))
        note(panel, question)

    panels._note = also
    found = {}
    for page, given in STATES:
        if only and page not in only:
            continue
        name = " ".join([page, *(f"{k}={v}" for k, v in sorted(given.items()))])
        at = _opened(page, link_of(page, given))
        seen.clear()
        at.run()
        found[name] = {
            "panels": {panel["key"]: panel for panel in seen},
            "words": [VARYING.sub("…", str(e.value)) for kind in KINDS for e in at.get(kind)],
        }
        print(f"{name}: {len(found[name]['panels'])} panels", flush=True)
    with results_file(path) as write:
        write(json_text(found, indent=1, sort_keys=True) + "\n")


KINDS = ("title", "header", "error", "warning", "info", "caption", "markdown")


def _opened(page: str, parameters: dict[str, str]) -> AppTest:
    from muxviz.ui.shell.frame import PAGES
    from muxviz.ui.study.jobs import settle

    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600)
    for name, value in parameters.items():
        at.query_params[name] = value
    if page != "start":
        at.switch_page(PAGES[page].file)
    at.run()
    settle(at)
    pressed: set[str] = set()
    for _ in range(ROUNDS):
        keys = [str(b.key) for b in at.button if _computes(str(b.key)) and b.key not in pressed]
        if not keys:
            break
        for key in keys:
            pressed.add(key)
            if any(b.key == key for b in at.button):
                at.button(key=key).click().run()
                settle(at)
    if at.exception:
        raise SystemExit(f"{page} {parameters}: {[e.value for e in at.exception]}")
    return at


def _computes(key: str) -> bool:
    """Whether a button computes something that is the same each time: times are not."""
    return (key.endswith("_compute") and not key.startswith("o_")) or key == "run"


def _said(panel: Any, question: str) -> dict[str, Any]:
    figures = [] if panel.key in TIMED else [_numbers(f.to_plotly_json()) for f in panel.figures]
    is_timed = panel.key in TIMED
    return {
        "key": panel.key,
        "question": question,
        "alts": [] if is_timed else list(panel.alts),
        "table": [] if is_timed else _plain(panel.table),
        "how": panel.how,
        "limits": panel.limits,
        "provenance": VARYING.sub("…", panel.provenance),
        "figures": figures,
        "python": panel.python,
    }


def _numbers(spec: dict[str, Any]) -> Any:
    """Title, and of every trace what is drawn and said where the pointer is."""
    kept = (
        "type",
        "name",
        "x",
        "y",
        "z",
        "text",
        "customdata",
        "hovertemplate",
        "error_x",
        "error_y",
    )
    title = spec["layout"].get("title", {}).get("text")
    traces = [{k: t[k] for k in kept if k in t} for t in spec["data"]]
    return _decoded(_plain({"title": title, "traces": traces}))


def _decoded(value: Any) -> Any:
    """Arrays that Plotly packed, as numbers."""
    if isinstance(value, list):
        return [_decoded(one) for one in value]
    if not isinstance(value, dict):
        return "nan" if value != value else value
    if "bdata" in value:
        packed = np.frombuffer(base64.b64decode(value["bdata"]), np.dtype(value["dtype"]))
        return ["nan" if number != number else float(number) for number in packed]
    return {name: _decoded(one) for name, one in value.items()}


def _plain(value: Any) -> Any:
    """As JSON holds it: lists for arrays and tuples, words for whatever is no number."""
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and value != value:
        return "nan"
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def compare(before: Path, after: Path) -> int:
    """Print what differs; how many places."""
    one, other = read_json(before), read_json(after)
    places: list[str] = []
    python = 0
    for name in [name for name in one if name in other]:
        for key, panel in one[name]["panels"].items():
            again = dict(other[name]["panels"].get(key) or {})
            if not again:
                places.append(f"{name}: panel {key} is gone")
                continue
            python += panel["python"] != again["python"]
            given = {k: v for k, v in panel.items() if k != "python"}
            again.pop("python")
            places += [f"{name}: {key}{where}" for where in _differences(given, again, "")]
        extra = other[name]["panels"].keys() - one[name]["panels"].keys()
        places += [f"{name}: panel {key} is new" for key in sorted(extra)]
        places += [
            f"{name}: words{w}" for w in _differences(one[name]["words"], other[name]["words"], "")
        ]
    print("\n".join(places))
    states = len(one.keys() & other.keys())
    panels = sum(len(one[n]["panels"]) for n in one if n in other)
    print(
        f"{states} states, {panels} panels, {len(places)} places differ; Python of {python} differs"
    )
    return len(places)


def _differences(one: Any, other: Any, where: str) -> list[str]:
    one, other = _decoded(one), _decoded(other)
    if isinstance(one, dict) and isinstance(other, dict):
        names = sorted(one.keys() | other.keys())
        return [d for n in names for d in _differences(one.get(n), other.get(n), f"{where}.{n}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [d for i, (a, b) in pairs for d in _differences(a, b, f"{where}[{i}]")]
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    if numbers and math.isclose(one, other, rel_tol=SLACK, abs_tol=SLACK):
        return []
    if isinstance(one, str) and isinstance(other, str):
        one, other = _bare(one), _bare(other)
    return [] if one == other else [f"{where}: {str(one)[:90]!r} became {str(other)[:90]!r}"]


def _bare(text: str) -> str:
    """Without escapes and moments."""
    return VARYING.sub("…", text.replace("\\", "").replace("\u2060", ""))


def main() -> None:
    """Save or compare."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parts = parser.add_subparsers(dest="what", required=True)
    saving = parts.add_parser("save")
    saving.add_argument("path", type=Path)
    saving.add_argument("--only", default="", help="pages, with commas between")
    comparing = parts.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.what == "save":
        save(options.path, frozenset(filter(None, options.only.split(","))))
    else:
        sys.exit(int(compare(options.before, options.after) > 0))


if __name__ == "__main__":
    main()

"""A session as one JSON file: sentences, settings, requests of runs, and kept findings.

Reading trusts nothing: sizes are capped, every value is checked, what is bad is named and left out,
and no number of the file is used as a result. Left out: results and figures, which are computed
again; opened tables and training runs, which are files of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from muxviz.batch import Row
from muxviz.errors import FileError
from muxviz.files import decode, json_text, parse_json
from muxviz.ui.shell import options, session
from muxviz.ui.shell.frame import PAGES
from muxviz.ui.shell.link_readers import MAX_SEED
from muxviz.ui.shell.links import MAX_ROWS, MAX_TEXT
from muxviz.ui.study import findings, runs
from muxviz.ui.study.findings import Cell, Finding

KIND, VERSION = "muxviz session", 1
MOST_BYTES = 8_000_000
MAX_NAME = 300  # characters of a checkpoint's name, a parameter's value, a digest
MOST_SETTINGS = 400
MOST_COLUMNS = 60
EXPECTED = "a session that Saved wrote"
SETTING = re.compile(r"[a-z]\w{0,30}")


@dataclass(frozen=True)
class SavedRun:
    """What a run was asked with. fingerprint, answers: of then, to hold the new run against."""

    checkpoint: str
    compute: str
    rows: tuple[Row, ...]
    padding: str
    fill: str
    seed: int
    equal_slots: bool
    is_pinned: bool
    fingerprint: str
    answers: tuple[str, ...]


@dataclass(frozen=True)
class Saved:
    """A session file as it was understood.

    settings: as a link has them. checkpoints: fingerprints by name, "" where it was not known.
    faults: what was left out, in words.
    """

    settings: Mapping[str, list[str]]
    rows: tuple[Row, ...]
    runs: tuple[SavedRun, ...]
    findings: tuple[Finding, ...]
    checkpoints: Mapping[str, str]
    versions: tuple[str, ...]
    saved: str
    faults: tuple[str, ...] = ()


def write(one: Saved) -> str:
    """The file's text."""
    values = {
        "kind": KIND,
        "version": VERSION,
        "saved": one.saved,
        "versions": list(one.versions),
        "checkpoints": dict(one.checkpoints),
        "settings": {name: list(texts) for name, texts in one.settings.items()},
        "rows": [[row.text, row.pair] for row in one.rows],
        "runs": [_run_values(run) for run in one.runs],
        "findings": [_finding_values(finding) for finding in one.findings],
    }
    return json_text(values, indent=1) + "\n"


def read(data: bytes, name: str) -> Saved:
    """What a file holds.

    Raises:
        FileError: too large, no JSON, another kind of file, or a version that this one cannot read.
    """
    if len(data) > MOST_BYTES:
        given = f"has {len(data):,} bytes"
        raise FileError(name, given, expected=f"at most {MOST_BYTES:,}: {EXPECTED}")
    values = parse_json(decode(data, name, expected=EXPECTED), name, expected=EXPECTED)
    if not isinstance(values, dict) or values.get("kind") != KIND:
        raise FileError(name, "is JSON of another kind", expected=EXPECTED)
    if values.get("version") != VERSION:
        given = f"is a session of version {str(values.get('version'))[:20]}"
        raise FileError(name, given, expected=f"version {VERSION}; save it with this muxviz again")
    faults: list[str] = []
    take = _Taker(faults)
    known = {"kind", "version", "saved", "versions", "checkpoints", "settings"}
    faults += [f"{key} (unknown)" for key in values if key not in {*known, "rows", *_MANY}]
    rows = take.all("rows", values.get("rows", []), _row, MAX_ROWS)
    found = {key: take.all(key, values.get(key, []), *_MANY[key]) for key in _MANY}
    return Saved(
        dict(take.all("settings", _pairs(values.get("settings", {})), _setting, MOST_SETTINGS)),
        tuple(rows),
        tuple(found["runs"]),
        tuple(found["findings"]),
        dict(take.all("checkpoints", _pairs(values.get("checkpoints", {})), _texts, runs.MAX_RUNS)),
        tuple(take.all("versions", values.get("versions", []), _line, 10)),
        (take.all("saved", [values.get("saved", "")], _line, 1) or [""])[0],
        tuple(faults[:MOST_SETTINGS]),
    )


class _Taker:
    """Takes the good entries of lists, and notes the others."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults

    def all(self, what: str, given: Any, one: Callable[[Any], Any], most: int) -> list[Any]:
        if not isinstance(given, list):
            self.faults.append(f"{what} (no list)")
            return []
        if len(given) > most:
            self.faults.append(f"{what} after the first {most}")
        found = []
        for number, value in enumerate(given[:most], start=1):
            try:
                found.append(one(value))
            except _BadError as bad:
                self.faults.append(f"{what} {number}: {bad}")
        return found


class _BadError(ValueError):
    """What is wrong with a value, in words."""


def _need(is_good: bool, otherwise: str) -> None:
    if not is_good:
        raise _BadError(otherwise)


# ---- parts --------------------------------------------------------------------------------------


def _pairs(given: Any) -> Any:
    return [list(pair) for pair in given.items()] if isinstance(given, dict) else given


def _text(value: Any, most: int, name: str) -> str:
    _need(isinstance(value, str) and len(value) <= most, f"{name} is no text of up to {most}")
    return str(value)


def _line(value: Any) -> str:
    return _text(value, MAX_NAME, "it")


def _texts(value: Any) -> tuple[str, str]:
    return _line(value[0]), _line(value[1])


def _row(value: Any) -> Row:
    is_pair = isinstance(value, list) and len(value) == 2
    _need(is_pair, "is no sentence with a second one or null")
    text = _text(value[0], MAX_TEXT, "the sentence")
    return Row(text, None if value[1] is None else _text(value[1], MAX_TEXT, "the second sentence"))


def _rows(value: Any) -> tuple[Row, ...]:
    _need(isinstance(value, list) and 0 < len(value) <= MAX_ROWS, f"not 1 to {MAX_ROWS} sentences")
    return tuple(_row(one) for one in value)


def _setting(value: Any) -> tuple[str, list[str]]:
    name, given = value
    _need(bool(SETTING.fullmatch(name)), "no name of a setting")
    given = given if isinstance(given, list) else [given]
    _need(0 < len(given) <= 20, f"{name} has {len(given)} values")
    return name, [_text(one, MAX_TEXT, name) for one in given]


def _object(value: Any) -> dict[str, Any]:
    _need(isinstance(value, dict), "is no object")
    return dict(value)


def _among(value: Any, table: Mapping[str, str], name: str) -> str:
    _need(isinstance(value, str) and value in table, f"{name} is none of {', '.join(table)}")
    return str(value)


def _flag(value: Any, name: str) -> bool:
    _need(isinstance(value, bool), f"{name} is neither true nor false")
    return bool(value)


def _whole(value: Any, most: int, name: str) -> int:
    is_whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    _need(is_whole, f"{name} is no whole number from 0 to {most}")
    return int(value)


def _lines(value: Any, most: int, name: str) -> tuple[str, ...]:
    _need(isinstance(value, list) and len(value) <= most, f"{name} is no list of up to {most}")
    return tuple(_text(one, MAX_TEXT, name) for one in value)


def _run_values(run: SavedRun) -> dict[str, Any]:
    return {
        "checkpoint": run.checkpoint,
        "compute": run.compute,
        "rows": [[row.text, row.pair] for row in run.rows],
        "padding": run.padding,
        "fill": run.fill,
        "seed": run.seed,
        "equal_slots": run.equal_slots,
        "pinned": run.is_pinned,
        "fingerprint": run.fingerprint,
        "answers": list(run.answers),
    }


def _run(value: Any) -> SavedRun:
    given = _object(value)
    return SavedRun(
        _text(given.get("checkpoint"), MAX_NAME, "checkpoint"),
        _among(given.get("compute"), options.COMPUTE, "compute"),
        _rows(given.get("rows")),
        _among(given.get("padding"), options.PADDINGS, "padding"),
        _among(given.get("fill"), options.FILLS, "fill"),
        _whole(given.get("seed"), MAX_SEED, "seed"),
        _flag(given.get("equal_slots"), "equal_slots"),
        _flag(given.get("pinned"), "pinned"),
        _text(given.get("fingerprint"), MAX_NAME, "fingerprint"),
        _lines(given.get("answers"), MAX_ROWS, "answers"),
    )


def _finding_values(one: Finding) -> dict[str, Any]:
    return {
        "question": one.question,
        "note": one.note,
        "page": one.page,
        "parameters": {name: _listed(value) for name, value in one.parameters.items()},
        "titles": list(one.titles),
        "rows": [dict(row) for row in one.rows],
        "of_rows": one.of_rows,
        "provenance": one.provenance,
        "kept": one.kept,
    }


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _finding(value: Any) -> Finding:
    given = _object(value)
    page = _text(given.get("page"), MAX_NAME, "page")
    _need(page in PAGES, f"there is no page {page[:40]}")
    rows: Any = given.get("rows")
    _need(isinstance(rows, list) and len(rows) <= findings.MOST_ROWS, "its rows are too many")
    named = given.get("parameters")
    _need(isinstance(named, dict) and len(named) <= MOST_SETTINGS, "its parameters are no object")
    pairs = (_setting(pair) for pair in _pairs(named))
    return Finding(
        _text(given.get("question"), MAX_TEXT, "question"),
        page,
        {name: texts[0] if name != session.COMPARE else texts for name, texts in pairs},
        _lines(given.get("titles"), 12, "titles"),
        tuple(_cells(row) for row in rows),
        _whole(given.get("of_rows"), 10**9, "of_rows"),
        _text(given.get("provenance"), 4 * MAX_TEXT, "provenance"),
        _text(given.get("kept"), MAX_NAME, "kept"),
        _text(given.get("note"), findings.MAX_NOTE, "note"),
    )


def _cells(row: Any) -> dict[str, Cell]:
    given = _object(row)
    _need(len(given) <= MOST_COLUMNS, f"a row has more than {MOST_COLUMNS} columns")
    for name, cell in given.items():
        is_short = not isinstance(cell, str) or len(cell) <= MAX_TEXT
        is_plain = cell is None or isinstance(cell, str | int | float | bool)
        _need(len(name) <= MAX_NAME and is_short and is_plain, "a cell is no short text or number")
    return given


_MANY: dict[str, tuple[Callable[[Any], Any], int]] = {
    "runs": (_run, runs.MAX_RUNS),
    "findings": (_finding, findings.MOST),
}


def left_out(faults: Sequence[str], most: int = 12) -> str:
    """Faults in one line."""
    more = len(faults) - most
    return "; ".join([*faults[:most], *([f"{more:,} more"] if more > 0 else [])])

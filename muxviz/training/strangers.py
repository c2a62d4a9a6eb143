"""A labelled table of anybody's: its columns are chosen, its labels mapped, bad rows kept apart.

    columns = guess(look(path), checkpoint.config.labels)
    for row in read_rows(path, columns, checkpoint.config.labels):  # a GoodRow or a BadRow

.csv (commas, semicolons or tabs, with quotes), .tsv (cells as they are) and .jsonl, plain, .gz or
.xz. Rows come one at a time, so that a file of any length costs no memory.
Left out: tags of words, scores, and any number of labels a row; ``tasks`` reads those.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from muxviz.batch import Row, nothing_to_read
from muxviz.errors import DataError, FileError
from muxviz.files import csv_cells, header_names, parse_json, read_lines, whole_number
from muxviz.printable import printable
from muxviz.results.worklist import BadRow
from muxviz.training.files import kind_of
from muxviz.training.tasks import LABEL_COLUMNS, LONGEST_ROW, TEXT_COLUMNS, match_names

ENDINGS = (".csv", ".tsv", ".jsonl")
EXPECTED = f"a labelled table: {', '.join(ENDINGS)} (also .gz, .xz)"
LOOK_ROWS = 1000  # looked at to guess columns and labels
NEARLY_ALL = 0.9
MOST_LABELS = 200  # of a column that may be one of labels
TEXTS = (*TEXT_COLUMNS, "review", "content", "body", "comment", "message", "utterance")
LABELS = (*LABEL_COLUMNS, "class", "category", "sentiment", "target", "gold")
SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True)
class Columns:
    """How a table is read.

    text, label, pair: names of columns; pair is that of a second text, or "". labels: what the
    table calls a label, and the checkpoint's name for it; others are matched by name.
    """

    text: str = ""
    label: str = ""
    pair: str = ""
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Table:
    """What a look at the first rows of a table shows: its columns, and its rows as texts."""

    name: str
    columns: tuple[str, ...]
    head: tuple[dict[str, str], ...]

    def values(self, column: str) -> tuple[str, ...]:
        """The different values of a column among these rows, in order of appearance."""
        cells = (row.get(column, "").strip() for row in self.head)
        return tuple(dict.fromkeys(cell for cell in cells if cell))


@dataclass(frozen=True)
class GoodRow:
    """A row that can be answered and scored. number: in the file, from 1; gold: its label's."""

    number: int
    line: int
    row: Row
    gold: int


# ---- looking ------------------------------------------------------------------------------------


def look(path: Path) -> Table:
    """The columns and first rows of a table.

    Raises:
        DataError: nothing there, another ending, no header, or no row.
    """
    found = itertools.islice(_records(path), LOOK_ROWS)
    head = [row for _, row in found if isinstance(row, dict)]
    columns = tuple(dict.fromkeys(name for row in head for name in row))
    if not columns:
        raise DataError(f"{path}: no row with columns in it; expected {EXPECTED}")
    texts = tuple({name: _as_text(value) for name, value in row.items()} for row in head)
    return Table(path.name, columns, texts)


def guess(table: Table, labels: Sequence[str]) -> Columns:
    """Columns and labels as far as names and values tell them; "" for a column that they do not.

    Args:
        labels: the checkpoint's.
    """
    known = {name.casefold(): name for name in table.columns}
    text = next((known[name] for name in TEXTS if name in known), "")
    seconds = ("sentence2", *(["sentence"] if text.casefold() == "question" else []))
    pair = next((known[name] for name in seconds if name in known), "") if text else ""
    rest = [name for name in table.columns if name not in (text, pair)]
    named = [known[name] for name in LABELS if name in known and known[name] in rest]
    fits = [name for name in rest if _fits(table.values(name), labels)]
    label = next((name for name in named if name in fits), next(iter([*named, *fits]), ""))
    if not text and len(rest) == 2 and label:
        text = next(name for name in rest if name != label)
    columns = Columns(text, label, pair)
    return replace(columns, labels=guess_labels(table, label, labels)) if label else columns


def guess_labels(table: Table, column: str, labels: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What the values of a column mean: the labels of the same name, or of the same number.

    Numbers mean labels only where 0 is among them and nearly all rows have the number of a label.
    """
    values = table.values(column)
    named = match_names(values, labels)
    if not named and "0" in values:
        numbers = {v: whole_number(v, low=0, high=len(labels) - 1) for v in values}
        numbered = {value: n for value, n in numbers.items() if n is not None}
        rows = sum(row.get(column, "").strip() in numbered for row in table.head)
        named = numbered if rows >= NEARLY_ALL * len(table.head) else {}
    return tuple((value, labels[number]) for value, number in named.items())


def unmapped(table: Table, columns: Columns) -> tuple[str, ...]:
    """Values of the label column that mean nothing yet."""
    return tuple(v for v in table.values(columns.label) if v not in dict(columns.labels))


def _fits(values: Sequence[str], labels: Sequence[str]) -> bool:
    return 0 < len(values) <= MOST_LABELS and bool(match_names(values, labels))


def check(columns: Columns, table: Table, labels: Sequence[str]) -> None:
    """Refuse what a table cannot be read by.

    Raises:
        DataError: a column that is not there or not chosen, one chosen twice, or no value of the
            label column that means a label; names the choices.
    """
    chosen = {"text": columns.text, "label": columns.label, "second text": columns.pair}
    for what, name in chosen.items():
        if (name or what != "second text") and name not in table.columns:
            given = f"no column {printable(name[:SHOWN])!r}" if name else f"no column of the {what}"
            raise DataError(
                f"{table.name} has {given}; choose the {what} among "
                f"{printable(', '.join(table.columns)[:400])}"
            )
    used = [name for name in chosen.values() if name]
    if len(set(used)) < len(used):
        raise DataError(f"{table.name}: one column is chosen twice ({printable(', '.join(used))})")
    strange = [meant for _, meant in columns.labels if meant not in labels]
    if strange:
        raise DataError(
            f"{printable(strange[0][:SHOWN])!r} is no label of the checkpoint; it has "
            f"{printable(', '.join(labels)[:400])}"
        )
    if not columns.labels:
        seen = printable(", ".join(table.values(columns.label)[:8])[:200])
        raise DataError(
            f"{table.name}: the column {printable(columns.label)} holds {seen}; say which of "
            f"them means which of {printable(', '.join(labels)[:400])}"
        )


# ---- reading ------------------------------------------------------------------------------------


def read_rows(path: Path, columns: Columns, labels: Sequence[str]) -> Iterator[GoodRow | BadRow]:
    """Every row of a table in file order, one at a time.

    Raises:
        DataError: the file cannot be read on, or has no header.
    """
    gold = _gold(columns, labels)
    for number, (line, record) in enumerate(_records(path), start=1):
        if isinstance(record, str):
            yield BadRow(number, line, "", record)
            continue
        yield _row(number, line, record, columns, gold)


def _row(
    number: int,
    line: int,
    record: dict[str, Any],
    columns: Columns,
    gold: Callable[[Any], int | str],
) -> GoodRow | BadRow:
    for column in filter(None, (columns.text, columns.pair)):
        value = record.get(column)
        if not isinstance(value, str):
            given = "is missing" if value is None else f"holds {_shown(value)}"
            return BadRow(number, line, column, f"{given}; expected a text")
        if column == columns.text and (why := nothing_to_read(Row(value))):
            return BadRow(number, line, column, why)
    pair = record[columns.pair] if columns.pair else None
    found = gold(record.get(columns.label))
    if isinstance(found, str):
        return BadRow(number, line, columns.label, found)
    return GoodRow(number, line, Row(record[columns.text], pair), found)


def _gold(columns: Columns, labels: Sequence[str]) -> Callable[[Any], int | str]:
    """What gives the number of a label as it was written, or why it is none."""
    meant = {written: labels.index(name) for written, name in columns.labels}
    is_numbered = bool(meant) and all(written == str(n) for written, n in meant.items())
    known = printable(", ".join([*meant, *(["..."] * (len(meant) > 12))][:13]))

    def number(value: Any) -> int | str:
        written = _as_text(value).strip()
        if written in meant:
            return meant[written]
        found = match_names([written], labels).get(written)
        if found is None and is_numbered:
            found = whole_number(written, low=0, high=len(labels) - 1)
        if found is not None:
            meant[written] = found
            return found
        return f"is {_shown(written) if written else 'empty'}; expected one of {known}"

    return number


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Line and cells of every row, or why it is none."""
    kind = kind_of(path)
    if kind not in ENDINGS:
        raise DataError(f"{path}: expected {EXPECTED}")
    lines = read_lines(path, longest=LONGEST_ROW, expected=EXPECTED)
    if kind == ".jsonl":
        yield from _objects(lines, path)
        return
    rows = csv_cells(f"{line}\n" for line in lines) if kind == ".csv" else _split(lines)
    header: tuple[str, ...] = ()
    for line, cells in rows:
        if not header:
            if isinstance(cells, str):
                raise FileError(path, f"has no header ({cells})", line=line, expected=EXPECTED)
            header = header_names(cells, path)
        elif isinstance(cells, str):
            yield line, f"is not a row of the table ({cells})"
        elif len(cells) != len(header):
            yield line, f"has {len(cells)} cells; the header has {len(header)}"
        else:
            yield line, dict(zip(header, cells, strict=True))


def _split(lines: Iterator[str]) -> Iterator[tuple[int, list[str] | str]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, line.split("\t")


def _objects(lines: Iterator[str], path: Path) -> Iterator[tuple[int, dict[str, Any] | str]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = parse_json(line, path)
        except FileError as error:
            yield number, error.given
            continue
        yield number, value if isinstance(value, dict) else "is JSON, but not an object"


def _as_text(value: Any) -> str:
    """A cell as a table would write it."""
    return value if isinstance(value, str) else "" if value is None else str(value)


def _shown(value: Any) -> str:
    text = printable(repr(value))
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."

"""The texts that ``muxviz run`` reads: one a line, for pair tasks the second after a tab.

They come from a file (also ``.gz``, ``.xz``) or from standard input, by the rules of
``muxviz.files``. What is a table rather than texts is refused before anything is answered; a line
that cannot be meant (too many cells, a second text for a model that reads one) is a row error.
"""

from __future__ import annotations

import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from muxviz.batch import Row
from muxviz.engine.stream import Window, windows
from muxviz.errors import DataError, FileError
from muxviz.files import COMPRESSED, check_regular, guarded, parse_json, read_lines, text_lines
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.known import reads_pairs

PIPE = "-"
EXPECTED = "text in UTF-8 with one text a line"
TABLES = (".tsv", ".csv", ".jsonl", ".json")
COLUMNS = re.compile(  # names that tables of texts give their columns
    "(sentence|question|text)[12]?|premise|hypothesis|label|score|tokens|tags|ner_tags|upos|id|idx|"
    "index|line"
)
REMEDY = (
    "one text a line; measure labelled tables with muxviz evaluate --data, or save the column of "
    "texts as .txt"
)


class Texts:
    """What ``--texts`` names. A file is looked at at once, standard input when it is wanted.

    Args:
        given: a file, or ``-`` for standard input.

    Raises:
        DataError: nothing there, no text, or what looks like a table.
    """

    def __init__(self, given: str) -> None:
        self.path = None if given == PIPE else Path(given)
        self.name = given if self.path else "standard input"
        self._lines: Iterator[str] | None = None
        if self.path:
            check_regular(self.path, expected=f"a file of {EXPECTED}, or - for standard input")
            _refuse_table_name(self.path)
            self.look()

    def look(self) -> None:
        """Open them and see that the first line is a text.

        Raises:
            DataError: as above.
        """
        if self._lines is not None:
            return
        lines = read_lines(self.path, expected=EXPECTED) if self.path else _standard_input()
        first = next(lines, None)
        if first is None:
            raise DataError(f"{self.name} holds no text; expected one text per line")
        _refuse_table(self.name, first)
        self._lines = itertools.chain([first], lines)

    def rows(self) -> Iterator[Row]:
        """All of them; call once, after ``look``.

        Raises:
            FileError: while they are read: not UTF-8, a line without an end, a read error.
        """
        assert self._lines is not None, "nobody has looked"
        return read_rows(self._lines)


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """One text per line, for pair tasks the second after a tab."""
    for line in lines:
        text, tab, pair = line.partition("\t")
        yield Row(text, pair if tab else None)


def rows_of_file(path: Path) -> Iterator[Row]:
    """The same from a file that was looked at before."""
    return read_rows(read_lines(path, expected=EXPECTED))


def rows_up_to(path: Path, most: int) -> int | None:
    """How many texts a file has; no further than ``most``. None where it is damaged before that."""
    try:
        return sum(1 for _ in itertools.islice(rows_of_file(path), most))
    except FileError:
        return None


def line_windows(rows: Iterable[Row], checkpoint: Checkpoint, size: int) -> Iterator[Window]:
    """The windows of ``size`` rows in which a file is answered, wherever that is done."""
    is_single = takes_pairs(checkpoint) is False
    num = checkpoint.config.num_instances
    return windows(rows, size, num=num, refuse=lambda row: _tabs(row.pair, is_single))


def takes_pairs(checkpoint: Checkpoint) -> bool | None:
    """Whether the model's rows have two texts; None where nothing says so."""
    if checkpoint.config.task == "token_classification":
        return False
    recipe = checkpoint.card.get("recipe")
    data = recipe.get("task_train") if isinstance(recipe, dict) else None
    return reads_pairs(checkpoint.name, str(data or ""))


def _tabs(pair: str | None, is_single: bool) -> str:
    """Why a line's tabs cannot be meant; "" where they can."""
    if pair is None:
        return ""
    if "\t" in pair:
        cells = pair.count("\t") + 2
        return f"has {cells} cells between tabs; expected one text, or two of a pair"
    if is_single:
        return "has a tab, and this model reads one text at a time; remove it or what follows it"
    return ""


def _standard_input() -> Iterator[str]:
    if sys.stdin is None:
        raise FileError("standard input", "is closed", expected=EXPECTED)
    # Unbuffered: a thread that waits for a line must hold no lock that Python needs to end.
    raw = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    stream = guarded(raw, "standard input", expected=EXPECTED)
    return text_lines(stream, "standard input", expected=EXPECTED)


def _refuse_table_name(path: Path) -> None:
    name = path.name.lower()
    for packed in COMPRESSED:
        name = name.removesuffix(packed)
    if name.endswith(TABLES):
        ending = name[name.rindex(".") :]
        raise FileError(path, f"is a table by its name ({ending})", expected=REMEDY)


def _refuse_table(name: str, first: str) -> None:
    """Raise FileError where the first line is no text but the beginning of a table."""
    sign = _sign_of_table(first)
    if sign:
        raise FileError(name, f"looks like a table: {sign}", line=1, expected=REMEDY)


def _sign_of_table(first: str) -> str:
    separator = next((mark for mark in "\t;," if mark in first), "\t")
    cells = [cell.strip().strip('"').casefold() for cell in first.split(separator)]
    named = [cell for cell in cells if COLUMNS.fullmatch(cell)]
    if len(named) > 1:
        return f"its first line names columns ({', '.join(named[:4])})"
    if separator == "\t" and len(cells) == 2 and re.fullmatch(r"[+-]?\d+([.,]\d+)?", cells[1]):
        return f"behind the tab of its first line is a number ({cells[1][:20]}), as of a label"
    if separator == "\t" and len(cells) > 2:
        return f"its first line has {len(cells)} cells between tabs"
    if first.strip() in ("{", "[", "[{") or _is_json(first):
        return "its first line is JSON"
    return ""


def _is_json(first: str) -> bool:
    if not first.lstrip().startswith(("{", "[{")):
        return False
    try:
        parse_json(first.strip(), "")
    except FileError:
        return False
    return True

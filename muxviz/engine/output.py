"""Answers as lines of a file, written window by window, so that a run can go on where it stopped.

Beside ``answers.tsv`` stands ``answers.tsv.run.json``: what was run, on what, with which settings.
A resumed run is compared with it, keeps every whole window of the file and does the rest; its
groups and batches are those of a run that was never stopped.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from muxviz.batch import Row
from muxviz.engine.stream import RowAnswer, RowError, Window
from muxviz.errors import DataError
from muxviz.results import LabelAnswer

COLUMNS = ("line", "slot", "label", "probability", "cut", "text", "text2", "error")
HEADERS = {"tsv": "\t".join(COLUMNS) + "\n", "jsonl": ""}
BLOCK = 1 << 20  # bytes read at a time while counting lines


def as_lines(answers: Sequence[RowAnswer | RowError], form: str) -> str:
    """One line each, ``tsv`` or ``jsonl``."""
    line = _tsv if form == "tsv" else _jsonl
    return "".join(line(answer) for answer in answers)


def _tsv(answer: RowAnswer | RowError) -> str:
    row, number = answer.row, str(answer.number + 1)
    texts = (clean(row.text), clean(row.pair or ""))
    if isinstance(answer, RowError):
        return "\t".join((number, "", "", "", "", *texts, answer.reason)) + "\n"
    cells = (
        number,
        str(answer.slot + 1),
        clean(answer.answer.headline),
        _number(answer.answer.probability),
        clean(answer.cut_text),
        *texts,
        "",
    )
    return "\t".join(cells) + "\n"


def _jsonl(answer: RowAnswer | RowError) -> str:
    record: dict[str, Any] = {"line": answer.number + 1}
    if isinstance(answer, RowError):
        record |= {"error": answer.reason}
    else:
        record |= {
            "slot": answer.slot + 1,
            "label": answer.answer.headline,
            "probability": _finite(answer.answer.probability),
            "cut": answer.cut_text,
        }
    record |= {"text": answer.row.text, "text2": answer.row.pair}
    if isinstance(answer, RowAnswer) and isinstance(answer.answer, LabelAnswer):
        pairs = zip(answer.answer.labels, answer.answer.probabilities, strict=True)
        record["probabilities"] = {name: float(p) for name, p in pairs}
    # A lone surrogate, in a text that is reported as bad, has no UTF-8.
    text = json.dumps(record, ensure_ascii=False).encode("utf-8", "replace").decode()
    return text + "\n"


def clean(text: str) -> str:
    """On one line, without tabs."""
    return " ".join(text.encode("utf-8", "replace").decode().split())


def _finite(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else value


def _number(value: float | None) -> str:
    return "" if _finite(value) is None else f"{value:.6f}"


class Resumable:
    """An answer file that is written window by window.

    Args:
        path: the file.
        form: ``tsv`` or ``jsonl``.
        settings: all that answers depend on; compared when a run goes on.
        resume: keep what is there.

    Raises:
        DataError: the file is there already and is not to be resumed, or comes from other settings.
    """

    def __init__(self, path: Path, form: str, settings: dict[str, Any], *, resume: bool) -> None:
        self.path, self.form = path, form
        self._head = HEADERS[form]
        self._about = path.with_name(path.name + ".run.json")
        if path.exists() and not resume:
            raise DataError(
                f"{path} is there already; go on with --resume, or name another file with --out"
            )
        if resume and path.exists():
            self._compare(settings)
            if not _begins_with(path, self._head.encode()):
                path.write_text(self._head, encoding="utf-8")  # cut before its first answer
            return
        if not path.absolute().parent.is_dir():
            raise DataError(f"{path} cannot be written; name a file in an existing folder")
        self._about.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        path.write_text(self._head, encoding="utf-8")

    def _compare(self, settings: dict[str, Any]) -> None:
        if not self._about.is_file():
            raise DataError(
                f"{self._about} is missing, so {self.path} cannot be resumed; start anew"
            )
        before = json.loads(self._about.read_text(encoding="utf-8"))
        for name, value in settings.items():
            if before.get(name) != value:
                raise DataError(
                    f"{self.path} was made with {name} {before.get(name)!r}, now it is {value!r}; "
                    "resume with the same settings, or name another file with --out"
                )

    def keep(self, windows: Iterable[Window]) -> Iterator[Window]:
        """The windows that are still to be done; what is not a whole window is cut off the file.

        Call once, before ``append``.
        """
        lines = count_lines(self.path) - len(self._head.splitlines())
        kept, rest = 0, iter(windows)
        first = None
        for window in rest:
            if kept + len(window.rows) > lines:
                first = window
                break
            kept += len(window.rows)
        self._cut(kept)
        if first is not None:
            yield first
            yield from rest

    def _cut(self, lines: int) -> None:
        with self.path.open("r+b") as file:
            file.truncate(offset_of_line(self.path, lines + len(self._head.splitlines())))

    def append(self, answers: Sequence[RowAnswer | RowError]) -> None:
        """Add a window's lines."""
        self.append_text(as_lines(answers, self.form))

    def append_text(self, text: str) -> None:
        """Add a window's lines, made elsewhere."""
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)


def count_lines(path: Path) -> int:
    """Whole lines of a file."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(BLOCK), b""))


def offset_of_line(path: Path, line: int) -> int:
    """Where a line (from 0) begins, in bytes."""
    with path.open("rb") as file:
        for _ in range(line):
            file.readline()
        return file.tell()


def read_rows(lines: Iterable[str]) -> Iterator[Row]:
    """One text per line, for pair tasks the second after a tab."""
    for line in lines:
        text, tab, pair = line.rstrip("\r\n").partition("\t")
        yield Row(text, pair if tab else None)


def to_stream(file: TextIO, form: str) -> Callable[[Sequence[RowAnswer | RowError]], None]:
    """A function that writes windows to an open file, header first."""
    file.write(HEADERS[form])

    def write(answers: Sequence[RowAnswer | RowError]) -> None:
        file.write(as_lines(answers, form))
        file.flush()

    return write


def _begins_with(path: Path, head: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(head)) == head

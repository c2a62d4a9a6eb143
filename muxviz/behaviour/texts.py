"""The texts of a file, with or without labels: lines, or a table that evaluate reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from muxviz.batch import Row, nothing_to_read
from muxviz.engine.texts import Texts, line_windows
from muxviz.errors import DataError
from muxviz.loading.checkpoint import Checkpoint
from muxviz.training.files import kind_of
from muxviz.training.tasks import Record, iterate_records, record_texts

TABLES = (".tsv", ".jsonl")
WINDOW = 4096  # lines looked at together


def read_texts(path: Path, checkpoint: Checkpoint) -> list[Row]:
    """Every row of a file: one text a line (.txt), or a .tsv or .jsonl (each also .gz, .xz).

    Labels are not looked at. Rows with ``tokens`` are words for a model that tags words.

    Raises:
        DataError: no such file, no texts in it, or a row that cannot be answered (it is named).
    """
    is_table = kind_of(path) in TABLES
    return list(_of_table(path, checkpoint) if is_table else _of_lines(path, checkpoint))


def _of_lines(path: Path, checkpoint: Checkpoint) -> Iterator[Row]:
    for window in line_windows(Texts(str(path)).rows(), checkpoint, WINDOW):
        for number, reason in sorted(window.bad.items())[:1]:
            raise DataError(f"{path} line {number + 1} {reason}")
        yield from window.rows


def _of_table(path: Path, checkpoint: Checkpoint) -> Iterator[Row]:
    by_word = checkpoint.config.task == "token_classification"
    for record in iterate_records(path):
        row = _row(record, by_word)
        if reason := nothing_to_read(row):
            raise DataError(f"{record.place} {reason}")
        yield row


def _row(record: Record, by_word: bool) -> Row:
    texts = record_texts(record)
    words = tuple(record.values["tokens"]) if by_word and "tokens" in record.values else ()
    return Row(texts[0], texts[1] if texts[1:] else None, words)

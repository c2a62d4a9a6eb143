"""Labelled data: classes, scores or a tag per word, from tables, JSON lines or the hub."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from muxviz.batch import EncodedRow, Row, encode_texts
from muxviz.errors import DataError
from muxviz.training.files import Source, is_hub, kind_of, open_text
from muxviz.training.hub_data import open_hub
from muxviz.training.rows import UNLABELLED, TokenRows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXT_COLUMNS = ("question", "sentence1", "sentence", "text")  # the first of these that is there
TAG_COLUMNS = ("upos", "ner_tags", "slots", "tags")  # the same; beside ``tokens``
CHUNK_ROWS = 2000  # tokenised at once


@dataclass(frozen=True)
class LabelledRows:
    """Texts and their labels, in file order. pairs[i] is the second sentence or None."""

    texts: tuple[str, ...]  # of a token task: the words joined by spaces
    pairs: tuple[str | None, ...]
    labels: np.ndarray  # [rows] int64 class, float64 score, or UNLABELLED throughout
    words: tuple[tuple[str, ...], ...] = ()  # token tasks only
    word_labels: tuple[np.ndarray, ...] = ()  # token tasks only: int64, one per word
    names: tuple[str, ...] = ()  # what class numbers mean, where the file says so in words
    source: str = ""  # what messages call it


@dataclass(frozen=True)
class Record:
    """One row as it was read. place: file and line, for messages."""

    place: str
    values: dict[str, Any]


def read_task(source: Source, *, labels: Sequence[str] = ()) -> LabelledRows:
    """Read labelled rows from .tsv or .jsonl (plain, .gz or .xz), or from a hub data set.

    Texts are in ``question``, ``sentence1``, ``sentence`` or ``text``, second texts in
    ``sentence2`` (or ``sentence`` beside ``question``), labels in ``label`` (a whole number or a
    word) or ``score`` (a number: regression). A token task has ``tokens`` and ``upos``,
    ``ner_tags``, ``slots`` or ``tags``, a list of equal length each.

    Args:
        labels: names of the classes in order, such as those of the training rows; by default the
            hub's own, or the words that occur, sorted.

    Raises:
        DataError: no file, no such columns, or a malformed row (its place is named).
    """
    columns: dict[str, tuple[str, ...]] = {}
    if is_hub(source):
        table = open_hub(str(source), streaming=False)
        columns = table.names
        records = [Record(f"{source} row {n}", row) for n, row in enumerate(table.rows)]
    else:
        records = list(iterate_records(Path(source)))
    if not records:
        raise DataError(f"{source}: no rows")
    header = records[0].values
    if "tokens" in header:
        tags = _first_of(TAG_COLUMNS, source, header, beside="tokens")
        return _tagged_rows(records, tags, labels or columns.get(tags, ()))
    text, second = text_columns(source, header, labelled=True)
    texts = tuple(_text(record, text) for record in records)
    pairs = tuple(_text(record, second) if second else None for record in records)
    if "label" not in header:
        return LabelledRows(texts, pairs, _scores(records), source=str(source))
    values = [_value(record, "label") for record in records]
    numbers, names = _class_numbers(
        values, lambda at: records[at].place, labels or columns.get("label", ())
    )
    if (low := int(numbers.min())) < 0:
        place = records[int(numbers.argmin())].place
        raise DataError(f"{place}: label {low}; classes are numbered from 0")
    return LabelledRows(texts, pairs, numbers, names=names, source=str(source))


def iterate_records(path: Path) -> Iterator[Record]:
    """The rows of a .tsv or .jsonl file (plain, .gz or .xz), one at a time.

    Raises:
        DataError: another ending, or a row that cannot be taken apart.
    """
    kind = kind_of(path)
    if kind not in (".tsv", ".jsonl"):
        raise DataError(f"{path}: labelled rows are .tsv or .jsonl (also .gz, .xz)")
    with open_text(path) as file:
        yield from (_table_rows if kind == ".tsv" else _json_rows)(path, file)


def _table_rows(path: Path, file: Iterator[str]) -> Iterator[Record]:
    header = next(file, "").rstrip("\r\n").split("\t")
    text_columns(path, dict.fromkeys(header), labelled=False)
    number = 1
    for number, line in enumerate(file, start=2):
        cells = line.rstrip("\r\n").split("\t")
        place = f"{path} line {number}"
        if len(cells) != len(header):
            raise DataError(f"{place}: {len(cells)} columns, the header has {len(header)}")
        yield Record(place, dict(zip(header, cells, strict=True)))
    if number == 1:
        raise DataError(f"{path}: no rows after the header")


def _json_rows(path: Path, file: Iterator[str]) -> Iterator[Record]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        place = f"{path} line {number}"
        try:
            values = json.loads(line)
        except ValueError as error:
            raise DataError(f"{place}: not JSON ({error}); expected one object a line") from None
        if not isinstance(values, dict):
            raise DataError(f"{place}: {type(values).__name__}; expected one JSON object a line")
        yield Record(place, values)


def text_columns(
    source: Source, header: dict[str, Any], *, labelled: bool
) -> tuple[str, str | None]:
    """Names of the first text's column and, if there is one, the second's.

    Raises:
        DataError: no text column, or ``labelled`` and neither ``label`` nor ``score``.
    """
    text = next((c for c in TEXT_COLUMNS if c in header), None)
    if text is None or (labelled and not {"label", "score"} & set(header)):
        raise DataError(
            f"{source}: columns are {', '.join(header)}; expected label or score, and one of "
            f"{', '.join(TEXT_COLUMNS)}"
        )
    second = ("sentence2", *(["sentence"] if text == "question" else []))
    return text, next((c for c in second if c in header), None)


def record_texts(record: Record) -> list[str]:
    """The texts of one row of a task, without its labels: one, or two of a pair.

    Raises:
        DataError: no text column.
    """
    if "tokens" in record.values:
        return [" ".join(_words(record))]
    text, second = text_columns(record.place, record.values, labelled=False)
    return [_text(record, column) for column in (text, second) if column]


def _first_of(wanted: Sequence[str], source: Source, header: dict[str, Any], *, beside: str) -> str:
    found = next((c for c in wanted if c in header), None)
    if found is None:
        raise DataError(
            f"{source}: columns are {', '.join(header)}; expected one of {', '.join(wanted)} "
            f"beside {beside}"
        )
    return found


def _value(record: Record, column: str) -> Any:
    if (value := record.values.get(column)) is None:
        raise DataError(f"{record.place}: nothing in {column}")
    return value


def _text(record: Record, column: str) -> str:
    value = _value(record, column)
    if not isinstance(value, str):
        raise DataError(f"{record.place}: {column} is {value!r}; expected a text")
    return value


def _words(record: Record) -> tuple[str, ...]:
    words = _value(record, "tokens")
    if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
        raise DataError(f"{record.place}: tokens is {words!r}; expected a list of words")
    return tuple(words)


def _scores(records: list[Record]) -> np.ndarray:
    scores = np.empty(len(records))
    for at, record in enumerate(records):
        value = _value(record, "score")
        try:
            scores[at] = float(value)
        except (TypeError, ValueError):
            scores[at] = math.nan
        if not math.isfinite(scores[at]):
            raise DataError(f"{record.place}: score {value!r} is not a number")
    return scores


def _tagged_rows(records: list[Record], column: str, labels: Sequence[str]) -> LabelledRows:
    words = tuple(_words(record) for record in records)
    tags: list[Any] = []
    for record, row in zip(records, words, strict=True):
        given = _value(record, column)
        if not isinstance(given, list) or len(given) != len(row):
            count = len(given) if isinstance(given, list) else repr(given)
            raise DataError(
                f"{record.place}: {column} has {count} for {len(row)} tokens; expected one each"
            )
        tags += given
    ends = np.cumsum([len(row) for row in words])

    def place(at: int) -> str:
        return records[int(np.searchsorted(ends, at, side="right"))].place

    numbers, names = _class_numbers(tags, place, labels)
    if (bad := np.flatnonzero((numbers < 0) & (numbers != UNLABELLED))).size:
        raise DataError(
            f"{place(int(bad[0]))}: tag {numbers[bad[0]]}; classes are numbered from 0, and "
            f"{UNLABELLED} means none"
        )
    none = np.full(len(records), UNLABELLED, dtype=np.int64)
    texts = tuple(" ".join(row) for row in words)
    return LabelledRows(
        texts, (None,) * len(texts), none, words, tuple(np.split(numbers, ends[:-1])), names
    )


def _class_numbers(
    values: Sequence[Any], place: Callable[[int], str], labels: Sequence[str]
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class numbers ``[values]`` int64 and names, of labels that are all numbers or all words."""
    whole = [_whole_number(value) for value in values]
    names = tuple(labels)
    if whole[0] is None:
        words = _label_words(values, place)
        names = names or tuple(sorted(set(words)))
        number_of = {name: number for number, name in enumerate(names)}
        for at, word in enumerate(words):
            if word not in number_of:
                raise DataError(
                    f"{place(at)}: label {word!r} is none of the {len(names)} known ones: "
                    f"{', '.join(names)}"
                )
        return np.asarray([number_of[word] for word in words], dtype=np.int64), names
    for at, number in enumerate(whole):
        if number is None:
            raise DataError(f"{place(at)}: label {values[at]!r} is not a whole number")
        if names and number >= len(names):
            raise DataError(
                f"{place(at)}: label {number}, but there are {len(names)} classes "
                f"({', '.join(names)}), numbered from 0"
            )
    return np.asarray(whole, dtype=np.int64), names


def _whole_number(value: Any) -> int | None:
    if isinstance(value, bool | float) or value is None:
        return None
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _label_words(values: Sequence[Any], place: Callable[[int], str]) -> list[str]:
    for at, value in enumerate(values):
        if not isinstance(value, str) or not value or _whole_number(value) is not None:
            raise DataError(
                f"{place(at)}: label {value!r}; expected words throughout, or whole numbers"
            )
    return list(values)


def tokenise_task(
    tokenizer: PreTrainedTokenizerBase, rows: LabelledRows, *, max_length: int
) -> TokenRows:
    """Token ids with special tokens; longer texts are cut to ``max_length``, of a pair the longer.

    The tokens are those that ``batch.encode_rows`` gives. The label of a word goes to its first
    piece; a word cut away loses its label.

    Raises:
        DataError: a row that the tokenizer keeps nothing of.
    """
    pieces: list[np.ndarray] = []
    tags: list[np.ndarray] = []
    seconds: list[int] = []
    for number, row in enumerate(_encoded(tokenizer, rows, max_length)):
        pieces.append(np.asarray(row.ids, dtype=np.int32))
        if rows.words:
            tags.append(_piece_labels(row, rows.word_labels[number]))
        # As the tokenizer says; RoBERTa's tells texts apart by separators alone.
        seconds.append(row.types.index(1) if 1 in row.types else len(row.ids))
    starts = np.cumsum([0, *(len(row) for row in pieces)])
    has_pairs = any(pair is not None for pair in rows.pairs)
    return TokenRows(
        np.concatenate(pieces),
        starts,
        rows.labels,
        token_labels=np.concatenate(tags) if rows.words else None,
        pair_starts=np.asarray(seconds, dtype=np.int64) if has_pairs else None,
    )


def _encoded(
    tokenizer: PreTrainedTokenizerBase, rows: LabelledRows, max_length: int
) -> Iterator[EncodedRow]:
    parts = zip(rows.texts, rows.pairs, rows.words or ((),) * len(rows.texts), strict=True)
    plain = [Row(*part) for part in parts]
    for start in range(0, len(plain), CHUNK_ROWS):
        found = encode_texts(tokenizer, plain[start : start + CHUNK_ROWS], max_length)
        for number, row in enumerate(found, start=start + 1):
            if row.why_not:
                raise DataError(f"{rows.source or 'the data'}, row {number} {row.why_not}")
            yield row


def _piece_labels(row: EncodedRow, labels: np.ndarray) -> np.ndarray:
    """Labels of pieces ``[pieces]`` int64 from those of words."""
    pieces = np.full(len(row.ids), UNLABELLED, dtype=np.int64)
    starts = np.asarray(row.word_starts)
    pieces[starts[starts >= 0]] = labels[starts >= 0]
    return pieces

"""Labelled data: classes, scores or a tag per word, from tables, JSON lines or the hub.

Classes are matched by name: words, and numbers that a table names, against the names of whoever
asks (a checkpoint, a recipe, the training rows). Numbers without names stay numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from muxviz.batch import EncodedRow, Row, encode_texts
from muxviz.errors import DataError
from muxviz.files import header_names, json_lines, read_lines, real_number
from muxviz.loading.infer import are_numbers
from muxviz.printable import printable
from muxviz.training.files import Source, expected, is_hub, kind_of
from muxviz.training.hub_data import open_hub
from muxviz.training.rows import UNLABELLED, TokenRows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

TEXT_COLUMNS = ("question", "sentence1", "sentence", "text")  # the first of these that is there
TAG_COLUMNS = ("upos", "ner_tags", "slots", "tags")  # the same; beside ``tokens``
LABEL_COLUMNS = ("label", "labels", "score", "intent")  # one of these
CHUNK_ROWS = 2000  # tokenised at once
LONGEST_ROW = 4 << 20  # characters
MOST_CLASSES = 1 << 16
LONGEST_NAME = 200  # characters of a label
LARGEST_SCORE = 1e12


@dataclass(frozen=True)
class LabelledRows:
    """Texts and their labels, in file order. pairs[i] is the second sentence or None.

    labels: ``[rows]`` int64 class, float64 score, or UNLABELLED throughout; ``[rows, C]`` int64 of
    0 and 1 where any number of labels applies, or float64 scores. notes: what to know of the file.
    """

    texts: tuple[str, ...]  # of a token task: the words joined by spaces
    pairs: tuple[str | None, ...]
    labels: np.ndarray
    words: tuple[tuple[str, ...], ...] = ()  # token tasks only
    word_labels: tuple[np.ndarray, ...] = ()  # token tasks only: int64, one per word
    names: tuple[str, ...] = ()  # what class numbers mean, where the file says so in words
    source: str = ""  # what messages call it
    notes: tuple[str, ...] = ()

    @property
    def task(self) -> str:
        """The task that has labels of this kind; see ``muxviz.config.TASKS``."""
        if self.words:
            return "token_classification"
        if self.labels.dtype.kind == "f":
            return "regression"
        return "sequence_classification" if self.labels.ndim == 1 else "multi_label_classification"


@dataclass(frozen=True)
class Record:
    """One row as it was read. place: file and line, for messages."""

    place: str
    values: dict[str, Any]


def read_task(source: Source, *, labels: Sequence[str] = (), task: str = "") -> LabelledRows:
    """Read labelled rows from .tsv or .jsonl (plain, .gz or .xz), or from a hub data set.

    Texts are in ``question``, ``sentence1``, ``sentence`` or ``text``, second texts in
    ``sentence2`` (or ``sentence`` beside ``question``), labels in ``label`` or ``intent`` (a whole
    number or a word), ``labels`` (any number of these: a list, in a table with commas between them)
    or ``score`` (a number, or a list of them: regression). A token task has ``tokens`` and
    ``upos``, ``ner_tags``, ``slots`` or ``tags``, a list of equal length each. Cells of a table are
    taken as they are, quotes included.

    Args:
        labels: names of the classes in order, such as those of the training rows; by default the
            hub's own, or the words that occur, sorted. Words, and numbers that a hub column names,
            are matched to them by name, where case, blanks, ``_`` and ``-`` do not count.
        task: what the rows are for, where a file may serve two: rows with ``tokens`` and an
            ``intent`` are texts with that class for ``sequence_classification``, else tagged words.

    Raises:
        DataError: no file, no such columns, a malformed row (its place is named), or a label that
            is none of ``labels``.
    """
    declared: dict[str, tuple[str, ...]] = {}
    if is_hub(source):
        table = open_hub(str(source), streaming=False)
        declared = table.names
        records = [Record(f"{source} row {n}", row) for n, row in enumerate(table.rows)]
    else:
        records = list(iterate_records(Path(source)))
    if not records:
        raise DataError(f"{source}: no rows")
    header = dict.fromkeys(name for record in records for name in record.values)
    if kind_of(source) == ".jsonl":
        header_names(list(header), source)
    is_spoken = task == "sequence_classification" and "intent" in header
    if "tokens" in header and is_spoken:
        texts = tuple(" ".join(_words(record)) for record in records)
        return _classed(
            records, "intent", texts, (None,) * len(texts), _Classes(labels, ()), source
        )
    if "tokens" in header:
        tags = _first_of(TAG_COLUMNS, source, header, beside="tokens")
        return _tagged_rows(records, tags, _Classes(labels, declared.get(tags, ())), str(source))
    text, second = text_columns(source, header, labelled=True)
    column, *others = [name for name in LABEL_COLUMNS if name in header]
    if others:
        raise DataError(
            f"{source} has both {column} and {others[0]}; leave the column that is meant"
        )
    texts = tuple(_text(record, text) for record in records)
    pairs = tuple(_text(record, second) if second else None for record in records)
    if column == "score":
        notes = tuple(_notes(source, texts))
        return LabelledRows(texts, pairs, _scores(records), source=str(source), notes=notes)
    classes = _Classes(labels, declared.get(column, ()))
    return _classed(records, column, texts, pairs, classes, source)


def _classed(
    records: list[Record],
    column: str,
    texts: tuple[str, ...],
    pairs: tuple[str | None, ...],
    classes: _Classes,
    source: Source,
) -> LabelledRows:
    """Rows whose class, or any number of classes, is in ``column``."""
    if column == "labels":
        numbers, names = _any_labels(records, classes)
    else:
        numbers, names = _one_class(records, column, classes)
    notes = tuple(_notes(source, texts))
    return LabelledRows(texts, pairs, numbers, names=names, source=str(source), notes=notes)


# ---- rows ---------------------------------------------------------------------------------------


def iterate_records(path: Path) -> Iterator[Record]:
    """The rows of a .tsv or .jsonl file (plain, .gz or .xz), one at a time.

    Raises:
        DataError: another ending, or a row that cannot be taken apart.
    """
    kind = kind_of(path)
    if kind not in (".tsv", ".jsonl"):
        raise DataError(f"{path}: labelled rows are .tsv or .jsonl (also .gz, .xz)")
    lines = read_lines(path, longest=LONGEST_ROW, expected=expected("labelled rows"))
    yield from (_table_rows if kind == ".tsv" else _json_rows)(path, lines)


def _table_rows(path: Path, lines: Iterator[str]) -> Iterator[Record]:
    first = next(lines, "").split("\t")
    text_columns(path, dict.fromkeys(first), labelled=False)
    header, number = header_names(first, path), 1
    for number, line in enumerate(lines, start=2):
        cells = line.split("\t")
        place = f"{path} line {number}"
        if len(cells) != len(header):
            raise DataError(f"{place}: {len(cells)} columns, the header has {len(header)}")
        yield Record(place, dict(zip(header, cells, strict=True)))
    if number == 1:
        raise DataError(f"{path}: no rows after the header")


def _json_rows(path: Path, lines: Iterator[str]) -> Iterator[Record]:
    for number, values in json_lines(lines, path):
        yield Record(f"{path} line {number}", values)


def text_columns(
    source: Source, header: dict[str, Any], *, labelled: bool
) -> tuple[str, str | None]:
    """Names of the first text's column and, if there is one, the second's.

    Raises:
        DataError: no text column, or ``labelled`` and none of ``LABEL_COLUMNS``.
    """
    text = next((c for c in TEXT_COLUMNS if c in header), None)
    if text is None or (labelled and not set(LABEL_COLUMNS) & set(header)):
        raise DataError(
            f"{source}: columns are {_shown(', '.join(header), quoted=False)}; expected label or "
            f"score, and one of {', '.join(TEXT_COLUMNS)}"
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


def _notes(source: Source, texts: Sequence[str]) -> Iterator[str]:
    quoted = sum(len(t) > 1 and t[0] == t[-1] == '"' for t in texts)
    if kind_of(source) == ".tsv" and quoted > len(texts) / 2:
        yield (
            f"{quoted:,} of {len(texts):,} texts stand between quotes, which are read as part of "
            "the text; remove them if they are only the table's."
        )


def _first_of(wanted: Sequence[str], source: Source, header: dict[str, Any], *, beside: str) -> str:
    found = next((c for c in wanted if c in header), None)
    if found is None:
        raise DataError(
            f"{source}: columns are {_shown(', '.join(header), quoted=False)}; expected one of "
            f"{', '.join(wanted)} beside {beside}"
        )
    return found


def _value(record: Record, column: str) -> Any:
    if (value := record.values.get(column)) is None:
        raise DataError(f"{record.place}: nothing in {column}")
    return value


def _text(record: Record, column: str) -> str:
    value = _value(record, column)
    if not isinstance(value, str):
        raise DataError(f"{record.place}: {column} is {_shown(value)}; expected a text")
    return value


def _words(record: Record) -> tuple[str, ...]:
    words = _value(record, "tokens")
    if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
        raise DataError(f"{record.place}: tokens is {_shown(words)}; expected a list of words")
    return tuple(words)


def _shown(value: Any, *, quoted: bool = True) -> str:
    """A value as messages show it: printable and not too long."""
    text = printable(repr(value) if quoted else value)
    return text if len(text) <= 80 else f"{text[:77]}..."


# ---- scores -------------------------------------------------------------------------------------


def _scores(records: list[Record]) -> np.ndarray:
    """``[rows]``, or ``[rows, C]`` where every row has a list of C."""
    found = [_score(record) for record in records]
    sizes = [len(scores) for scores in found]
    if len(set(sizes)) > 1:
        at = next(at for at, size in enumerate(sizes) if size != sizes[0])
        raise DataError(f"{records[at].place}: {sizes[at]} scores, the rows before have {sizes[0]}")
    is_list = isinstance(records[0].values.get("score"), list)
    return np.asarray(found) if is_list else np.asarray(found)[:, 0]


def _score(record: Record) -> list[float]:
    given = _value(record, "score")
    values = given if isinstance(given, list) else [given]
    found = [real_number(value, low=-LARGEST_SCORE, high=LARGEST_SCORE) for value in values]
    if not found or None in found:
        raise DataError(
            f"{record.place}: score {_shown(given)} is not a number between "
            f"{-LARGEST_SCORE:g} and {LARGEST_SCORE:g}"
        )
    return [score for score in found if score is not None]


# ---- classes ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Classes:
    """What classes are called. wanted: by whoever asks; declared: by the table, for its numbers."""

    wanted: Sequence[str]
    declared: Sequence[str]

    def numbers(
        self, values: Sequence[Any], place: Callable[[int], str]
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Class numbers ``[values]`` int64 and names, of labels all numbers or all words.

        Numbers below 0 stay what they are.
        """
        whole = [_whole_number(value, place, at) for at, value in enumerate(values)]
        if _are_names(self.declared):
            return self._of_words(_named(values, whole, self.declared, place), place)
        if whole and whole[0] is None:
            _check_words(values, whole, place)
            return self._of_words(list(values), place)
        for at, number in enumerate(whole):
            if number is None:
                raise DataError(f"{place(at)}: label {_shown(values[at])} is not a whole number")
        if _are_names(self.wanted) and all(_says_number(name) for name in self.wanted):
            words = [n if n is None or n < 0 else str(n) for n in whole]  # "1" to "5" are names
            return self._of_words(words, place)
        names = tuple(self.wanted)
        for at, number in enumerate(whole):
            if names and number is not None and number >= len(names):
                raise DataError(
                    f"{place(at)}: label {number}, but there are {len(names)} classes "
                    f"({_shown(', '.join(names), quoted=False)}), numbered from 0"
                )
        return np.asarray(whole, dtype=np.int64), names

    def _of_words(
        self, words: Sequence[Any], place: Callable[[int], str]
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Numbers of words; those of numbers (below 0) are themselves."""
        used = dict.fromkeys(word for word in words if isinstance(word, str))
        names = tuple(self.wanted or self.declared or sorted(used))
        if not self.wanted and not self.declared:
            _check_spellings(names, words, place)
        number_of = match_names(list(used), names)
        strange = Counter(w for w in words if isinstance(w, str) and w not in number_of)
        if strange:
            at = next(at for at, word in enumerate(words) if word in strange)
            raise DataError(
                f"{place(at)}: label {_shown(words[at])} is none of the {len(names)} known ones: "
                f"{_shown(', '.join(names), quoted=False)} ({strange.total():,} labels are none); "
                f"expected {_remedy(names)}"
            )
        found = [number_of[word] if isinstance(word, str) else word for word in words]
        return np.asarray(found, dtype=np.int64), names


def _remedy(names: Sequence[str]) -> str:
    if are_numbers(names):
        return "class numbers, or a config.json that names the model's classes (id2label)"
    return "the labels of the same task"


def match_names(given: Sequence[str], known: Sequence[str]) -> dict[str, int]:
    """The number among ``known`` of every given name that is one of them.

    Case, blanks, ``_`` and ``-`` count only where ``known`` names differ in nothing else.
    """
    exact = {name: number for number, name in enumerate(known)}
    loose = {_plain(name): number for number, name in enumerate(known)}
    if len(loose) < len(known):
        loose = {}
    found = {name: exact.get(name, loose.get(_plain(name))) for name in given}
    return {name: number for name, number in found.items() if number is not None}


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().casefold()


def _check_spellings(
    names: Sequence[str], words: Sequence[Any], place: Callable[[int], str]
) -> None:
    """Raise DataError where two names of a file differ in case or blanks only."""
    seen: dict[str, str] = {}
    for name in names:
        meant = " ".join(name.casefold().split())
        if meant in seen:
            at = next(at for at, word in enumerate(words) if word == name)
            raise DataError(
                f"{place(at)}: label {_shown(name)}, elsewhere {_shown(seen[meant])}; expected one "
                "spelling of a label"
            )
        seen[meant] = name


def _are_names(names: Sequence[str]) -> bool:
    """Whether these say more than the class numbers do."""
    return bool(names) and tuple(names) != tuple(map(str, range(len(names))))


def _named(
    values: Sequence[Any],
    whole: Sequence[int | None],
    names: Sequence[str],
    place: Callable[[int], str],
) -> list[Any]:
    """Numbers as the names that their table gives them; those below 0 as they are."""
    for at, number in enumerate(whole):
        if number is None or number >= len(names):
            raise DataError(
                f"{place(at)}: label {_shown(values[at])}, but the table names {len(names)} "
                "classes, numbered from 0"
            )
    return [n if n is None or n < 0 else names[n] for n in whole]


def _says_number(value: Any) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole or bool(
        isinstance(value, str) and re.fullmatch(r"\s*[+-]?[0-9]+\s*", value, re.ASCII)
    )


def _whole_number(value: Any, place: Callable[[int], str], at: int) -> int | None:
    if not _says_number(value):
        return None
    digits = str(value).strip()
    if len(digits) > 20 or not -MOST_CLASSES <= int(digits) < MOST_CLASSES:
        raise DataError(
            f"{place(at)}: label {_shown(value)}; expected a class number from 0 to "
            f"{MOST_CLASSES - 1:,}"
        )
    return int(digits)


def _check_words(
    values: Sequence[Any], whole: Sequence[int | None], place: Callable[[int], str]
) -> None:
    for at, (value, number) in enumerate(zip(values, whole, strict=True)):
        is_word = isinstance(value, str) and len(value.strip()) > 0 and number is None
        if not is_word or len(value) > LONGEST_NAME:
            raise DataError(
                f"{place(at)}: label {_shown(value)}; expected words throughout (of at most "
                f"{LONGEST_NAME} characters), or whole numbers"
            )


def _one_class(
    records: list[Record], column: str, classes: _Classes
) -> tuple[np.ndarray, tuple[str, ...]]:
    values = [_value(record, column) for record in records]
    numbers, names = classes.numbers(values, lambda at: records[at].place)
    if (low := int(numbers.min())) < 0:
        place = records[int(numbers.argmin())].place
        raise DataError(f"{place}: label {low}; classes are numbered from 0")
    return numbers, names


def _any_labels(records: list[Record], classes: _Classes) -> tuple[np.ndarray, tuple[str, ...]]:
    """``[rows, C]`` of 0 and 1."""
    found = [_label_list(record) for record in records]
    ends = np.cumsum([len(row) for row in found])

    def place(at: int) -> str:
        return records[int(np.searchsorted(ends, at, side="right"))].place

    numbers, names = classes.numbers([label for row in found for label in row], place)
    if numbers.size and (low := int(numbers.min())) < 0:
        raise DataError(f"{place(int(numbers.argmin()))}: label {low}; numbers begin at 0")
    if not names:
        raise DataError(
            f"{records[0].place}: labels are numbers without names; expected the names of labels"
        )
    table = np.zeros((len(records), len(names)), dtype=np.int64)
    owners = np.repeat(np.arange(len(records)), [len(row) for row in found])
    table[owners, numbers] = 1
    return table, names


def _label_list(record: Record) -> list[Any]:
    value = _value(record, "labels")
    if isinstance(value, str):  # of a table
        return [name.strip() for name in value.split(",") if name.strip()]
    if not isinstance(value, list):
        raise DataError(f"{record.place}: labels is {_shown(value)}; expected a list of labels")
    return value


def _tagged_rows(
    records: list[Record], column: str, classes: _Classes, source: str
) -> LabelledRows:
    words = tuple(_words(record) for record in records)
    tags: list[Any] = []
    for record, row in zip(records, words, strict=True):
        given = _value(record, column)
        if not isinstance(given, list) or len(given) != len(row):
            count = len(given) if isinstance(given, list) else _shown(given)
            raise DataError(
                f"{record.place}: {column} has {count} for {len(row)} tokens; expected one each"
            )
        tags += given
    ends = np.cumsum([len(row) for row in words])

    def place(at: int) -> str:
        return records[int(np.searchsorted(ends, at, side="right"))].place

    numbers, names = classes.numbers(tags, place)
    if (bad := np.flatnonzero((numbers < 0) & (numbers != UNLABELLED))).size:
        raise DataError(
            f"{place(int(bad[0]))}: tag {numbers[bad[0]]}; classes are numbered from 0, and "
            f"{UNLABELLED} means none"
        )
    none = np.full(len(records), UNLABELLED, dtype=np.int64)
    texts = tuple(" ".join(row) for row in words)
    split = tuple(np.split(numbers, ends[:-1]))
    return LabelledRows(texts, (None,) * len(texts), none, words, split, names, source)


# ---- tokens -------------------------------------------------------------------------------------


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

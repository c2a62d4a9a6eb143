"""Sentences that counterfactual draws take their texts from; all written for this project.

``pool.tsv`` beside this file holds a text, a label and a split per row: 3 to 40 words, films, food,
travel, work, weather, technology, sport, books, health, home and news, half of them positive and
half negative in every split. ``pool`` is for draws, ``fit`` for whatever is fitted (probes,
projections), ``test`` for measuring what was fitted. A user's own file takes its place: by
argument, or for the whole process by the environment variable ``MUXVIZ_POOL``.
``labelled.tsv`` is another set, of films, food, travel and the like too, with hard cases and wrong
labels marked: the sample of the Dataset page and of ``muxviz failures``.
Left out: drawing from it (``muxviz.analysis.groups.draws``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path

from muxviz import files
from muxviz.errors import DataError, FileError
from muxviz.printable import printable

VARIABLE = "MUXVIZ_POOL"
SPLITS = ("pool", "fit", "test")
COLUMNS = ("text", "label", "split")
MAX_BYTES = 8_000_000
MOST_CHARACTERS = 10_000  # of a sentence
EXPECTED = f"a .tsv or .txt file with a few hundred sentences in UTF-8; or unset {VARIABLE}"


@dataclass(frozen=True)
class PoolSentence:
    """label: "positive" or "negative"; in a user's file any word, "" where it gives none."""

    text: str
    label: str
    split: str


def read_pool(path: str | Path | None = None) -> tuple[PoolSentence, ...]:
    """Every sentence of a pool, in the order of its file.

    Args:
        path: a tab-separated file with a header (``text``, and if you like ``label`` and
            ``split``), or a .txt file with one sentence a line (both also ``.gz``, ``.xz``); what
            gives no split is ``pool``. None: the file that ``MUXVIZ_POOL`` names, else the one
            that comes with muxviz.

    Raises:
        FileError: the file is missing, too large, or a line is malformed; names the line.
    """
    found = path or os.environ.get(VARIABLE) or None
    if found is None:
        return _bundled()
    file = Path(os.path.expanduser(found))  # of an unknown user: as it stands
    status = files.check_regular(file, expected=EXPECTED)
    return _read(file, status.st_mtime_ns)


def texts(split: str = "pool", path: str | Path | None = None) -> tuple[str, ...]:
    """The texts of one split; empty where a user's file has none of it.

    Raises:
        DataError: no such split, or see ``read_pool``.
    """
    if split not in SPLITS:
        raise DataError(f"there is no split '{split}'; a pool has {', '.join(SPLITS)}")
    return tuple(s.text for s in read_pool(path) if s.split == split)


def fit_and_test(path: str | Path | None = None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Texts to fit on and others to test on; a pool without those splits is halved."""
    fit, test = texts("fit", path), texts("test", path)
    if fit and test:
        return fit, test
    every = texts("pool", path)
    return every[::2], every[1::2]


def labelled(path: str | Path | None = None) -> tuple[list[str], list[str]]:
    """Texts of the split ``pool``, and their labels; "" where a text has none."""
    found = [s for s in read_pool(path) if s.split == "pool"]
    return [s.text for s in found], [s.label for s in found]


def balanced(count: int, path: str | Path | None = None) -> tuple[tuple[str, str], ...]:
    """About ``count`` of those texts with their labels: the first ones, as many of each label."""
    rows = [(text, label) for text, label in zip(*labelled(path), strict=True) if label]
    labels = sorted({label for _, label in rows})
    each = max(1, count // max(1, len(labels)))
    return tuple(row for label in labels for row in [r for r in rows if r[1] == label][:each])


def pool_name(path: str | Path | None = None) -> str:
    """What to call the pool beside a result: the file's name, or "muxviz pool"."""
    found = path or os.environ.get(VARIABLE)
    return Path(found).name if found else "muxviz pool"


def bundled_texts() -> tuple[str, ...]:
    """All sentences that come with muxviz, of both tables, whatever ``MUXVIZ_POOL`` names."""
    content = (resources.files(__package__) / "labelled.tsv").read_text(encoding="utf-8")
    own = [row.split("\t")[0] for row in content.strip().split("\n")[1:]]
    return tuple(dict.fromkeys([*(s.text for s in _bundled()), *own]))


@lru_cache(maxsize=1)
def _bundled() -> tuple[PoolSentence, ...]:
    return _table(
        (resources.files(__package__) / "pool.tsv").read_text(encoding="utf-8"), "pool.tsv"
    )


@lru_cache(maxsize=4)
def _read(file: Path, _changed: int) -> tuple[PoolSentence, ...]:
    """``_changed``: when the file was written, so that an edited file is read again."""
    content = files.read_text(file, most=MAX_BYTES, expected=EXPECTED)
    is_plain = file.name.removesuffix(file.suffix * (file.suffix in files.COMPRESSED)).endswith(
        ".txt"
    )
    found = _lines(content, file.name) if is_plain else _table(content, file.name)
    if not found:
        raise DataError(
            f"the pool file {printable(file.name)} holds no sentence; write one per line"
        )
    return found


def _lines(content: str, name: str) -> tuple[PoolSentence, ...]:
    return tuple(
        PoolSentence(_checked(row.strip(), name, number), "", "pool")
        for number, row in enumerate(content.split("\n"), start=1)
        if row.strip()
    )


def _table(content: str, name: str) -> tuple[PoolSentence, ...]:
    head, *rows = content.split("\n")
    header = files.header_names(head.split("\t"), name)
    unknown = [cell for cell in header if cell not in COLUMNS]
    if "text" not in header or unknown:
        raise FileError(
            name,
            f"has the columns {printable(', '.join(header)[:200])}",
            line=1,
            expected="text and, if you like, label and split, separated by tabs (or a .txt file "
            "without a header)",
        )
    return tuple(
        _sentence(header, row, name, number)
        for number, row in enumerate(rows, start=2)
        if row.strip()
    )


def _sentence(header: tuple[str, ...], line: str, name: str, number: int) -> PoolSentence:
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) != len(header):
        raise FileError(
            name,
            f"has {len(cells)} columns",
            line=number,
            expected=f"{len(header)} ({', '.join(header)})",
        )
    row = dict(zip(header, cells, strict=True))
    split = row.get("split") or "pool"
    if split not in SPLITS:
        raise FileError(
            name,
            f"has the split {printable(split[:40])!r}",
            line=number,
            expected=f"one of {', '.join(SPLITS)}",
        )
    return PoolSentence(_checked(row["text"], name, number), row.get("label", ""), split)


def _checked(text: str, name: str, number: int) -> str:
    """``text``, where there is something to read in it and not a whole book."""
    if not any(c.isprintable() and not c.isspace() for c in text):
        raise FileError(name, "has no text", line=number, expected="a sentence, or no such row")
    if len(text) > MOST_CHARACTERS:
        raise FileError(
            name,
            f"has a text of {len(text):,} characters",
            line=number,
            expected=f"sentences of at most {MOST_CHARACTERS:,}",
        )
    return text

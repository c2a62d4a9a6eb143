"""Sentences that counterfactual draws take their texts from; all written for this project.

``pool.tsv`` beside this file holds a text, a label and a split per row: 3 to 40 words, films, food,
travel, work, weather, technology, sport, books, health, home and news, half of them positive and
half negative in every split. ``pool`` is for draws, ``fit`` for whatever is fitted (probes,
projections), ``test`` for measuring what was fitted. A user's own file takes its place: by
argument, or for the whole process by the environment variable ``MUXVIZ_POOL``.
Left out: drawing from it (``muxviz.analysis.draws``).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from muxviz.errors import DataError

VARIABLE = "MUXVIZ_POOL"
SPLITS = ("pool", "fit", "test")
COLUMNS = ("text", "label", "split")
MAX_BYTES = 8_000_000


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
            ``split``), or a .txt file with one sentence a line; what gives no split is ``pool``.
            None: the file that ``MUXVIZ_POOL`` names, else the one that comes with muxviz.

    Raises:
        DataError: the file is missing, too large, or a row is malformed; names row and column.
    """
    found = path or os.environ.get(VARIABLE) or None
    if found is None:
        return _bundled()
    file = Path(found).expanduser()
    try:
        stat = file.stat()
    except OSError as error:
        raise DataError(
            f"the pool file {file} cannot be read ({error.strerror}); "
            f"give a .tsv or .txt file, or unset {VARIABLE}"
        ) from error
    if stat.st_size > MAX_BYTES:
        raise DataError(
            f"the pool file {file.name} has {stat.st_size / 1e6:.0f} MB; "
            f"draws need a few hundred sentences, at most {MAX_BYTES / 1e6:.0f} MB"
        )
    return _read(file, stat.st_mtime_ns)


def texts(split: str = "pool", path: str | Path | None = None) -> tuple[str, ...]:
    """The texts of one split; empty where a user's file has none of it.

    Raises:
        DataError: no such split, or see ``read_pool``.
    """
    if split not in SPLITS:
        raise DataError(f"there is no split '{split}'; a pool has {', '.join(SPLITS)}")
    return tuple(s.text for s in read_pool(path) if s.split == split)


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


@lru_cache(maxsize=1)
def _bundled() -> tuple[PoolSentence, ...]:
    return _table(files(__package__).joinpath("pool.tsv").read_text(encoding="utf-8"), "pool.tsv")


@lru_cache(maxsize=4)
def _read(file: Path, _changed: int) -> tuple[PoolSentence, ...]:
    """``_changed``: when the file was written, so that an edited file is read again."""
    try:
        content = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"the pool file {file.name} is not readable UTF-8 text: {error}") from error
    found = _lines(content) if file.suffix == ".txt" else _table(content, file.name)
    if not found:
        raise DataError(f"the pool file {file.name} holds no sentence; write one per line")
    return found


def _lines(content: str) -> tuple[PoolSentence, ...]:
    return tuple(PoolSentence(s.strip(), "", "pool") for s in content.splitlines() if s.strip())


def _table(content: str, name: str) -> tuple[PoolSentence, ...]:
    rows = content.splitlines()
    header = tuple(cell.strip() for cell in rows[0].split("\t")) if rows else ()
    unknown = [cell for cell in header if cell not in COLUMNS]
    if "text" not in header or unknown or len(set(header)) < len(header):
        raise DataError(
            f"{name}, row 1: the header is '{' | '.join(header)}'; expected the columns text and, "
            "if you like, label and split, separated by tabs (or a .txt file without a header)"
        )
    return tuple(
        _sentence(header, line, f"{name}, row {number}")
        for number, line in enumerate(rows[1:], start=2)
        if line.strip()
    )


def _sentence(header: tuple[str, ...], line: str, where: str) -> PoolSentence:
    cells = [cell.strip() for cell in line.split("\t")]
    if len(cells) != len(header):
        raise DataError(
            f"{where}: {len(cells)} columns, expected {len(header)} ({', '.join(header)})"
        )
    row = dict(zip(header, cells, strict=True))
    if not row["text"]:
        raise DataError(f"{where}, column text: empty; write a sentence or remove the row")
    split = row.get("split") or "pool"
    if split not in SPLITS:
        raise DataError(f"{where}, column split: '{split}'; expected one of {', '.join(SPLITS)}")
    return PoolSentence(row["text"], row.get("label", ""), split)

"""Texts for training: labelled rows, sentences of a general corpus, and the order they come in.

Rows are token ids without padding. The order is a pure function of (seed, step), so a resumed run
goes on exactly where it stopped without any saved iterator.
"""

from __future__ import annotations

import gzip
import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from muxviz.errors import DataError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNLABELLED = -100


@dataclass(frozen=True)
class LabelledRows:
    """Texts and their labels, in file order. pairs[i] is the second sentence or None."""

    texts: tuple[str, ...]
    pairs: tuple[str | None, ...]
    labels: np.ndarray  # [rows] int64


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """Open a plain, gzip or xz text file as UTF-8 for reading.

    Raises:
        DataError: the file is not there, or inside the block turns out not to be what it says.
    """
    if not path.is_file():
        raise DataError(f"no data file at {path}; name the data folder with --data or MUXVIZ_DATA")
    openers: dict[str, Any] = {".gz": gzip.open, ".xz": lzma.open}
    try:
        with openers.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
            yield file
    except (EOFError, OSError, UnicodeDecodeError, lzma.LZMAError, zlib.error) as error:
        raise DataError(f"{path} cannot be read as UTF-8 text ({error}); save it again") from error


TEXT_COLUMNS = ("question", "sentence1", "sentence", "text")  # the first of these in the header
PAIR_COLUMNS = ("sentence2",)


def read_labelled(path: Path) -> LabelledRows:
    """Read a tab-separated file with a header: a text column, maybe a second one, and ``label``.

    Raises:
        DataError: no file, no such columns, or a malformed row (its number is named).
    """
    with open_text(path) as file:
        header = file.readline().rstrip("\n").split("\t")
        text_at = next((header.index(c) for c in TEXT_COLUMNS if c in header), None)
        if text_at is None or "label" not in header:
            raise DataError(
                f"{path}: columns are {', '.join(header)}; expected label and one of "
                f"{', '.join(TEXT_COLUMNS)}"
            )
        second = [*PAIR_COLUMNS, *(["sentence"] if header[text_at] == "question" else [])]
        pair_at = next((header.index(c) for c in second if c in header), None)
        label_at = header.index("label")
        texts, pairs, labels = [], [], []
        for number, line in enumerate(file, start=2):
            cells = line.rstrip("\n").split("\t")
            if len(cells) != len(header):
                raise DataError(
                    f"{path} line {number}: {len(cells)} columns, the header has {len(header)}"
                )
            try:
                labels.append(int(cells[label_at]))
            except ValueError:
                raise DataError(
                    f"{path} line {number}: label {cells[label_at]!r} is not a whole number"
                ) from None
            texts.append(cells[text_at])
            pairs.append(None if pair_at is None else cells[pair_at])
    if not texts:
        raise DataError(f"{path}: no rows after the header")
    return LabelledRows(tuple(texts), tuple(pairs), np.asarray(labels, dtype=np.int64))


def read_sentences(paths: list[Path], *, limit: int, seed: int) -> list[str]:
    """A random sample of sentences of 4 to 40 words from corpora with one paragraph per line.

    Reservoir sampling: one pass, ``limit`` sentences in memory.
    """
    generator = np.random.default_rng(seed)
    kept: list[str] = []
    seen = 0
    for path in paths:
        with open_text(path) as file:
            for paragraph in file:
                for sentence in re.split(r"(?<=[.!?]) ", paragraph.strip()):
                    if not 4 <= len(sentence.split()) <= 40:
                        continue
                    seen += 1
                    if len(kept) < limit:
                        kept.append(sentence)
                    elif (at := int(generator.integers(seen))) < limit:
                        kept[at] = sentence
    return kept


@dataclass(frozen=True)
class TokenRows:
    """Rows of token ids, end to end. Row r is ``ids[starts[r]:starts[r + 1]]``."""

    ids: np.ndarray  # [tokens] int32
    starts: np.ndarray  # [rows + 1] int64
    labels: np.ndarray  # [rows] int64, UNLABELLED where there is none

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens per row, ``[rows]``."""
        return np.diff(self.starts)

    def pad(self, rows: np.ndarray, pad_id: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids and mask of the named rows, ``[len(rows), longest]`` int64 each."""
        lengths = self.lengths[rows]
        ids = np.full((len(rows), int(lengths.max())), pad_id, dtype=np.int64)
        mask = np.zeros_like(ids)
        for at, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            ids[at, :length] = self.ids[self.starts[row] : self.starts[row] + length]
            mask[at, :length] = 1
        return ids, mask


def tokenise(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], labels: np.ndarray, *, max_length: int
) -> TokenRows:
    """Token ids with special tokens; longer texts are cut to ``max_length``."""
    encoded: Any = tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]
    lengths = np.fromiter((len(row) for row in encoded), dtype=np.int64, count=len(encoded))
    ids = np.fromiter((i for row in encoded for i in row), dtype=np.int32, count=int(lengths.sum()))
    return TokenRows(ids, np.concatenate([[0], np.cumsum(lengths)]), labels)


class Sampler:
    """Which rows make up step s: a pure function of the seed and s.

    Rows come in pools. A pool shuffles its share of task and general rows and cuts them into
    groups; in bucketed pools like lengths meet in a group, in the others any lengths do. Groups of
    like length then share a step, which keeps padding short.
    """

    POOL_STEPS = 40

    def __init__(
        self,
        lengths: np.ndarray,
        *,
        task_rows: int,
        num_instances: int,
        groups: int,
        general_share: float,
        bucketed_share: float,
        seed: int,
    ) -> None:
        """Rows 0..task_rows-1 are the task's, the rest is general; ``lengths [rows]`` in tokens."""
        self.lengths = lengths
        self.task_rows = task_rows
        self.num_instances = num_instances
        self.groups = groups
        self.general_share = general_share
        self.bucketed_share = bucketed_share
        self.seed = seed
        self._cached: tuple[int, np.ndarray] | None = None

    def step(self, step: int) -> np.ndarray:
        """Row numbers ``[groups, num_instances]`` of step ``step``."""
        number, at = divmod(step, self.POOL_STEPS)
        if self._cached is None or self._cached[0] != number:
            self._cached = (number, self._pool(number))
        return self._cached[1][at]

    def _pool(self, number: int) -> np.ndarray:
        generator = np.random.default_rng((self.seed, number))
        want = self.POOL_STEPS * self.groups * self.num_instances
        has_general = len(self.lengths) > self.task_rows
        general = int(want * self.general_share) if has_general else 0
        chosen = np.concatenate(
            [
                _draw(generator, 0, self.task_rows, want - general),
                _draw(generator, self.task_rows, len(self.lengths), general),
            ]
        )
        generator.shuffle(chosen)
        if generator.random() < self.bucketed_share:
            noise = generator.random(len(chosen)) * 2
            chosen = chosen[np.argsort(self.lengths[chosen] + noise, kind="stable")]
        grouped = generator.permuted(chosen.reshape(-1, self.num_instances), axis=1)
        order = np.argsort(self.lengths[grouped].max(axis=1), kind="stable")
        steps = grouped[order].reshape(self.POOL_STEPS, self.groups, self.num_instances)
        return steps[generator.permutation(self.POOL_STEPS)]


def _draw(generator: np.random.Generator, low: int, high: int, count: int) -> np.ndarray:
    """``count`` rows in [low, high), each used once before any is used twice."""
    if count == 0:
        return np.empty(0, dtype=np.int64)
    span = high - low
    rounds = -(-count // span)
    rows = [generator.permutation(span) for _ in range(rounds)]
    return low + np.concatenate(rows)[:count]

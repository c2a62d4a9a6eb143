"""Rows of token ids without padding, in memory or on disk, and their batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

UNLABELLED = -100  # the label of a row or token that has none


@dataclass(frozen=True)
class TokenRows:
    """Rows of token ids, end to end. Row r is ``ids[starts[r]:starts[r + 1]]``.

    ids and starts may lie in a memory-mapped file; only the rows asked for are read.
    """

    ids: np.ndarray  # [tokens] int32 or uint16
    starts: np.ndarray  # [rows + 1] int64
    labels: np.ndarray  # [rows] int64 class or float64 score, UNLABELLED where there is none
    token_labels: np.ndarray | None = None  # [tokens] int64, on the first piece of each word
    pair_starts: np.ndarray | None = None  # [rows] where the second text begins, or the length

    def __len__(self) -> int:
        return len(self.labels)

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens per row, ``[rows]``."""
        return np.diff(self.starts)

    @property
    def has_token_labels(self) -> bool:
        """Whether any token carries a label of its own."""
        return self.token_labels is not None

    @property
    def has_pairs(self) -> bool:
        """Whether any row has a second text."""
        return self.pair_starts is not None

    def pad(self, rows: np.ndarray, pad_id: int) -> tuple[np.ndarray, np.ndarray]:
        """Ids and mask of the named rows, ``[len(rows), longest]`` int64 each."""
        ids = self._padded(self.ids, rows, pad_id)
        return ids, (np.arange(ids.shape[1]) < self.lengths[rows][:, None]).astype(np.int64)

    def pad_token_labels(self, rows: np.ndarray) -> np.ndarray:
        """Token labels of the named rows, ``[len(rows), longest]`` int64, UNLABELLED elsewhere."""
        if self.token_labels is None:
            return np.full((len(rows), int(self.lengths[rows].max())), UNLABELLED, dtype=np.int64)
        return self._padded(self.token_labels, rows, UNLABELLED)

    def segments(self, rows: np.ndarray) -> np.ndarray:
        """1 on the tokens of the second text, 0 elsewhere, ``[len(rows), longest]`` int64."""
        lengths = self.lengths[rows][:, None]
        at = np.arange(int(lengths.max()))
        second = lengths if self.pair_starts is None else self.pair_starts[rows][:, None]
        return ((at >= second) & (at < lengths)).astype(np.int64)

    def _padded(self, values: np.ndarray, rows: np.ndarray, fill: int) -> np.ndarray:
        lengths = self.lengths[rows]
        padded = np.full((len(rows), int(lengths.max())), fill, dtype=np.int64)
        for at, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            start = self.starts[row]
            padded[at, :length] = values[start : start + length]
        return padded


class JoinedRows:
    """Several ``TokenRows`` under one numbering, first part first, without copying their ids.

    It answers as one ``TokenRows`` would, so that a task and a corpus on disk can share a batch.
    """

    def __init__(self, parts: Sequence[TokenRows]) -> None:
        """At least one part; labels are float64 if those of any part are."""
        self.parts = tuple(parts)
        self.offsets = np.cumsum([0, *(len(part) for part in parts)])
        self.labels = np.concatenate([part.labels for part in parts])
        self.lengths = np.concatenate([part.lengths for part in parts])
        self.has_token_labels = any(part.has_token_labels for part in parts)
        self.has_pairs = any(part.has_pairs for part in parts)

    def __len__(self) -> int:
        return len(self.labels)

    def pad(self, rows: np.ndarray, pad_id: int) -> tuple[np.ndarray, np.ndarray]:
        """As ``TokenRows.pad``."""
        ids = self._gather(rows, pad_id, lambda part, own: part.pad(own, pad_id)[0])
        return ids, (np.arange(ids.shape[1]) < self.lengths[rows][:, None]).astype(np.int64)

    def pad_token_labels(self, rows: np.ndarray) -> np.ndarray:
        """As ``TokenRows.pad_token_labels``; parts without token labels give UNLABELLED."""
        return self._gather(rows, UNLABELLED, lambda part, own: part.pad_token_labels(own))

    def segments(self, rows: np.ndarray) -> np.ndarray:
        """As ``TokenRows.segments``."""
        return self._gather(rows, 0, lambda part, own: part.segments(own))

    def _gather(
        self, rows: np.ndarray, fill: int, read: Callable[[TokenRows, np.ndarray], np.ndarray]
    ) -> np.ndarray:
        padded = np.full((len(rows), int(self.lengths[rows].max())), fill, dtype=np.int64)
        for number, part in enumerate(self.parts):
            low, high = self.offsets[number : number + 2]
            here = np.flatnonzero((rows >= low) & (rows < high))
            if len(here):
                values = read(part, rows[here] - low)
                padded[here, : values.shape[1]] = values
        return padded


Rows = TokenRows | JoinedRows  # what a batch is made of

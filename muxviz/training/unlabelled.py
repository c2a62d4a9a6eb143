"""Rows that only a teacher labels: texts of other files, and pairs of task rows made into one.

A labelled set of short phrases teaches little about long texts; a teacher can label any text, so a
student may imitate it on texts made for that purpose. Texts of the dev set never enter.
"""

from __future__ import annotations

import numpy as np

from muxviz.errors import ConfigError
from muxviz.training.rows import UNLABELLED, TokenRows


def compound_rows(rows: TokenRows, count: int, *, max_length: int, seed: int) -> TokenRows:
    """``count`` rows [CLS] a b [SEP] of two different rows a and b, drawn at random.

    Args:
        rows: single texts, each [CLS] text [SEP].
        count: rows to make.
        max_length: of a row in tokens; the second text is cut to it.
        seed: of the draws.

    Raises:
        ConfigError: fewer than two rows, or rows of two texts.
    """
    if len(rows) < 2 or rows.has_pairs:
        raise ConfigError("compounds need at least two task rows of one text each")
    generator = np.random.default_rng(seed)
    first = generator.integers(len(rows), size=count)
    second = (first + generator.integers(1, len(rows), size=count)) % len(rows)
    made = []
    for a, b in zip(first, second, strict=True):
        ids = np.concatenate([_row(rows, a)[:-1], _row(rows, b)[1:]])
        if len(ids) > max_length:
            ids = np.append(ids[: max_length - 1], ids[-1])
        made.append(ids)
    return _packed(made, rows.ids.dtype)


def rows_not_in(rows: TokenRows, held_out: TokenRows) -> TokenRows:
    """``rows`` without their labels and without those whose tokens are a row of ``held_out``."""
    seen = {_row(held_out, r).astype(np.int64).tobytes() for r in range(len(held_out))}
    found = (_row(rows, r) for r in range(len(rows)))
    return _packed([i for i in found if i.astype(np.int64).tobytes() not in seen], rows.ids.dtype)


def _row(rows: TokenRows, row: int) -> np.ndarray:
    return np.asarray(rows.ids[rows.starts[row] : rows.starts[row + 1]])


def _packed(made: list[np.ndarray], dtype: np.dtype) -> TokenRows:
    lengths = np.array([len(ids) for ids in made], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    ids = np.concatenate(made).astype(dtype) if made else np.empty(0, dtype=dtype)
    return TokenRows(ids, starts, np.full(len(made), UNLABELLED, dtype=np.int64))

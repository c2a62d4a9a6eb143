"""Trim a WordPiece vocabulary without losing a word.

Ids 0 to 998 keep their places (the special tokens, and the ids the published forward writes), every
single Latin letter, digit and mark stays alone and as a continuation, and the rest of the room
goes to the most frequent pieces. A word whose piece is gone is split into smaller pieces; only
characters outside the kept ones become [UNK].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import numpy as np
from tokenizers import Tokenizer

RESERVED = 999  # ids that keep their places
LATIN_END = 0x250  # single characters below this code point stay


def trim_vocabulary(
    tokenizer: Tokenizer, corpora: Iterable[list[str]], size: int
) -> tuple[list[str], np.ndarray]:
    """Choose the pieces to keep.

    Args:
        tokenizer: a WordPiece tokenizer (its vocabulary is not changed).
        corpora: texts; each corpus counts equally, whatever its length.
        size: pieces to keep, reserved ones included.

    Returns:
        The kept pieces in their new order, and for each its old id ``[size]``.
    """
    vocabulary = {i: piece for piece, i in tokenizer.get_vocab().items()}
    score: dict[int, float] = dict.fromkeys(vocabulary, 0.0)
    for texts in corpora:
        encoded = tokenizer.encode_batch(texts, add_special_tokens=False)
        counts = Counter(i for text in encoded for i in text.ids)
        total = sum(counts.values())
        for i, count in counts.items():
            score[i] += count / total
    keep = {i for i in vocabulary if i < RESERVED} | {
        i for i, piece in vocabulary.items() if _is_character(piece)
    }
    for i in sorted(score, key=lambda i: (-score[i], i)):
        if len(keep) >= size:
            break
        keep.add(i)
    old_ids = np.asarray(sorted(keep), dtype=np.int64)
    return [vocabulary[i] for i in old_ids], old_ids


def _is_character(piece: str) -> bool:
    bare = piece.removeprefix("##")
    return len(bare) == 1 and ord(bare) < LATIN_END

"""Trim a WordPiece vocabulary without losing a word.

Ids 0 to 998 keep their places (the special tokens, and the ids the published forward writes), every
single Latin letter, digit and mark stays alone and as a continuation, and the rest of the room
goes to the most frequent pieces. A word whose piece is gone is split into smaller pieces; only
characters outside the kept ones become [UNK].
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from muxviz.errors import ConfigError, FileError
from muxviz.files import read_text
from muxviz.loading.fields import LIMITS
from muxviz.printable import printable

SPECIAL = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[MASK]",
)  # what a WordPiece tokenizer writes into its output
LARGEST = 64 << 20  # bytes of a vocab.txt
RESERVED = 999  # ids that keep their places
LATIN_END = 0x250  # single characters below this code point stay


def read_pieces(path: Path) -> list[str]:
    """The pieces of a ``vocab.txt``, one a line, in order.

    Raises:
        ConfigError: it cannot be read, lacks a special piece, or has one twice or none on a line.
    """
    wanted = "a vocab.txt: one word piece a line"
    try:
        pieces = read_text(path, most=LARGEST, expected=wanted).removesuffix("\n").split("\n")
        first: dict[str, int] = {}
        for line, piece in enumerate(pieces, start=1):
            if not piece:
                given = "is empty" if len(pieces) == 1 else "holds no piece"
                raise FileError(path, given, line=line, expected=wanted)
            if piece in first:
                given = f"repeats the piece {printable(piece[:60])!r} of line {first[piece]}"
                raise FileError(path, given, line=line, expected="each piece once")
            first[piece] = line
        missing = [piece for piece in SPECIAL if piece not in first]
        if missing:
            given = f"has no piece {missing[0]}"
            raise FileError(path, given, expected=f"{wanted}, {', '.join(SPECIAL)} among them")
        if len(pieces) > LIMITS["vocab_size"]:
            given = f"has {len(pieces):,} pieces"
            raise FileError(path, given, expected=f"at most {LIMITS['vocab_size']:,}")
    except FileError as error:
        raise ConfigError(str(error)) from error
    return pieces


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

    Raises:
        ConfigError: more pieces than ``size`` have to stay.
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
    if len(keep) > size:
        raise ConfigError(
            f"vocab_size is {size:,}; {len(keep):,} pieces have to stay (reserved ids and single "
            "characters): give that many or more, or 0 for all"
        )
    for i in sorted(score, key=lambda i: (-score[i], i)):
        if len(keep) >= size:
            break
        keep.add(i)
    old_ids = np.asarray(sorted(keep), dtype=np.int64)
    return [vocabulary[i] for i in old_ids], old_ids


def _is_character(piece: str) -> bool:
    bare = piece.removeprefix("##")
    return len(bare) == 1 and ord(bare) < LATIN_END

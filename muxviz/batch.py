"""From texts to groups of token ids: cutting, filling, padding, and which groups share a forward.

Padding belongs to the group, never to the batch: a group is padded by its own rule (its longest
row, or a fixed length), and only groups of one length are stacked, so that what else is in a batch
cannot change a group's result.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from muxviz.config import PADDINGS, MuxConfig
from muxviz.errors import EmptyGroup, GroupError, InputError
from muxviz.files import half_character

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint

FILLS = ("repeat", "published")
CHARACTERS = 64  # of a text per token that it may have: what is looked at first of a longer one
MOST_CHARACTERS = 1 << 18  # of a text looked at for tokens
BLANKS = (" ", "\n", "\t", "\u3000")  # where a text may be cut without changing a token before it
NOTHING = (
    "holds nothing that the tokenizer keeps (only blanks, invisible or control characters); write "
    "a sentence or remove the row"
)
NO_END = (
    "has {:,} characters, and its first {:,} tokens do not end among those looked at; expected "
    "words with blanks between them"
)


@dataclass(frozen=True)
class Row:
    """One instance: a text, and for pair tasks a second one.

    words: the text already split, for tag tasks with a label per word; ``text`` is then their join.
    """

    text: str
    pair: str | None = None
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seating:
    """How rows become a group of N, beside the rows themselves.

    padding: ``group`` pads to the group's longest row, ``fixed`` to one length, ``masked`` like
    ``group`` and keeps padding out of the pass; None for the checkpoint's default. fill: of free
    slots: ``repeat`` repeats rows of the group, each with its own mask; ``published`` draws ids and
    masks of the fillers separately, as the released classes do. seed: of the fillers, and of
    whatever an analysis draws, its bootstrap included.

    Raises:
        InputError: unknown padding or fill.
    """

    padding: str | None = None
    fill: str = "repeat"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.padding not in (None, *PADDINGS):
            raise InputError(f"unknown padding {self.padding!r}; use {', '.join(PADDINGS)}")
        if self.fill not in FILLS:
            raise InputError(f"unknown filling {self.fill!r}; use {', '.join(FILLS)}")


@dataclass(frozen=True)
class EncodedRow:
    """A row as token ids, special tokens included, cut to the model's room.

    types: segment ids. cut_text: the end of the text that did not fit, "" when all did. special:
    True on tokens the tokenizer added. word_starts: for a row given as words, where the first token
    of each word is, -1 for a word that has none (cut off, or nothing the tokenizer keeps). why_not:
    why there is nothing to answer, as words behind "text 3"; "" where there is something.
    """

    row: Row
    ids: tuple[int, ...]
    types: tuple[int, ...]
    special: tuple[bool, ...]
    cut_text: str
    cut_tokens: int
    word_starts: tuple[int, ...] = ()
    why_not: str = ""


@dataclass(frozen=True)
class Group:
    """N rows that share a pass, padded to one length.

    ids, mask, types: ``[N, L]`` int64. repeats: per slot None, or the slot whose row fills it.
    rows: the encoded row of every slot (a filler's is the one it repeats).
    """

    ids: np.ndarray
    mask: np.ndarray
    types: np.ndarray
    rows: tuple[EncodedRow, ...]
    repeats: tuple[int | None, ...]
    padding: str

    @property
    def length(self) -> int:
        """Tokens per row, padding included."""
        return int(self.ids.shape[1])

    @property
    def hides_padding(self) -> bool:
        """Whether padding is kept out of the pass."""
        return self.padding == "masked"


def max_tokens(config: MuxConfig, padding: str) -> int:
    """Tokens (specials included) that a text may have in this padding mode.

    Where the index prefix displaces the last tokens instead of lengthening the input, that many
    fewer fit into a fixed length.
    """
    room = config.default_max_length
    displaced = config.prefix_length if config.cuts_prefix_room else 0
    return min(room, config.fixed_length - displaced) if padding == "fixed" else room


def encode_rows(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    padding: str | None = None,
    keep_bad: bool = False,
) -> list[EncodedRow]:
    """Tokenise rows; what does not fit is cut from the longer text of a pair and reported.

    Args:
        keep_bad: give rows that cannot be answered back too, with their ``why_not``, for a caller
            that answers the others.

    Raises:
        NotApplicable: the checkpoint has no tokenizer. InputError: a row that cannot be answered.
    """
    limit = max_tokens(checkpoint.config, padding or checkpoint.config.default_padding)
    encoded = encode_texts(checkpoint.need_tokenizer(), rows, limit)
    for number, row in enumerate(encoded, start=1):
        if row.why_not and not keep_bad:
            raise InputError(f"text {number} {row.why_not}")
    return encoded


def encode_texts(tokenizer: Any, rows: Sequence[Row], limit: int) -> list[EncodedRow]:
    """Rows as at most ``limit`` tokens each: the same for training, measuring and answering.

    Rows that cannot be answered come back with their ``why_not``: see ``nothing_to_read``.
    """
    reasons = map(nothing_to_read, rows)
    encoded = [_refused(row, why) if why else None for row, why in zip(rows, reasons, strict=True)]
    for kind in (_is_single, _is_pair):
        numbers = [n for n, row in enumerate(rows) if encoded[n] is None and kind(row, limit)]
        for n, whole in zip(numbers, _encode_together(tokenizer, rows, numbers), strict=True):
            encoded[n] = whole if len(whole.ids) <= limit else None
    for n, row in enumerate(rows):
        if encoded[n] is None:
            encoded[n] = _encode_one(tokenizer, row, limit)
    return [row for row in encoded if row is not None]


def nothing_to_read(row: Row) -> str:
    """Why a row cannot be answered, as far as its text alone says; "" where it can.

    What the tokenizer keeps nothing of is known only by ``encode_texts``: invisible and control
    characters leave no token, an unknown character leaves one.
    """
    if not row.text.strip():
        return "is empty; write a sentence or remove the row"
    if half_character(f"{row.text}{row.pair or ''}"):
        return "holds half a character (a lone surrogate); save the text as UTF-8"
    return ""


def _refused(row: Row, why_not: str) -> EncodedRow:
    return EncodedRow(row, (), (), (), "", 0, why_not=why_not)


def _is_single(row: Row, limit: int) -> bool:
    return not row.words and row.pair is None and len(row.text) <= CHARACTERS * limit


def _is_pair(row: Row, limit: int) -> bool:
    pair = row.pair
    is_short = pair is not None and max(len(row.text), len(pair)) <= CHARACTERS * limit
    return not row.words and is_short


def _encode_together(
    tokenizer: Any, rows: Sequence[Row], numbers: Sequence[int]
) -> Iterator[EncodedRow]:
    """Rows of one kind, uncut, in one call: several times faster than one by one."""
    if not numbers:
        return
    texts = [rows[n].text for n in numbers]
    is_pair = rows[numbers[0]].pair is not None
    pairs = [rows[n].pair for n in numbers] if is_pair else None
    found = tokenizer(texts, pairs, return_special_tokens_mask=True)
    types = found.get("token_type_ids") or [[0] * len(ids) for ids in found["input_ids"]]
    parts = zip(numbers, found["input_ids"], types, found["special_tokens_mask"], strict=True)
    for at, (n, ids, segments, mask) in enumerate(parts):
        special = tuple(map(bool, mask))
        if all(special) or (is_pair and 0 not in found.sequence_ids(at)):
            yield _refused(rows[n], NOTHING)
        else:
            yield EncodedRow(rows[n], tuple(ids), tuple(segments), special, "", 0)


def _encode_one(tokenizer: Any, row: Row, limit: int) -> EncodedRow:
    """A row given as words, or one that is too long."""
    head = _head(tokenizer, row, limit)
    if head is None:
        return _refused(row, NO_END.format(max(len(row.text), len(row.pair or "")), limit))
    kept = full = _tokenise(tokenizer, head)
    if 0 not in full.sequence_ids(0):
        return _refused(row, NOTHING)
    cut = max(0, len(full["input_ids"]) - limit)
    cut_text = ""
    if cut:
        kept = _tokenise(
            tokenizer,
            head,
            truncation="longest_first",
            max_length=limit,
            return_offsets_mapping=True,
        )
        cut_text = _cut_words(row, kept) if row.words else _cut_text(row, kept)
    types = kept.get("token_type_ids") or [0] * len(kept["input_ids"])
    return EncodedRow(
        row,
        tuple(kept["input_ids"]),
        tuple(types),
        tuple(bool(s) for s in kept["special_tokens_mask"]),
        cut_text,
        cut,
        _word_starts(row, kept),
    )


def _head(tokenizer: Any, row: Row, limit: int) -> Row | None:
    """The row with as much of its texts as decides on its first ``limit`` tokens.

    None where these do not end within ``MOST_CHARACTERS``.
    """
    if row.words:
        words = row.words[: 4 * limit]  # a word without a token is rare
        is_small = sum(map(len, words)) <= MOST_CHARACTERS
        return Row(row.text, None, words) if is_small else None
    texts = [row.text] if row.pair is None else [row.text, row.pair]
    heads = [_head_of_text(tokenizer, text, limit) for text in texts]
    found = [head for head in heads if head is not None]
    return Row(found[0], found[1] if found[1:] else None) if len(found) == len(texts) else None


def _head_of_text(tokenizer: Any, text: str, limit: int) -> str | None:
    size = CHARACTERS * limit
    while size < len(text):
        end = max(text.rfind(blank, 0, size) for blank in BLANKS)
        if end > 0 and len(tokenizer(text[:end], add_special_tokens=False)["input_ids"]) > limit:
            return text[:end]
        if size >= MOST_CHARACTERS:
            return None
        size *= 4
    return text


def _tokenise(tokenizer: Any, row: Row, **options: Any) -> Any:
    if row.words:
        options["is_split_into_words"] = True
        return tokenizer(list(row.words), return_special_tokens_mask=True, **options)
    return tokenizer(row.text, row.pair, return_special_tokens_mask=True, **options)


def _word_starts(row: Row, kept: Any) -> tuple[int, ...]:
    """Where the first token of each word is, -1 without one; empty for a row given as text."""
    if not row.words:
        return ()
    starts = [-1] * len(row.words)
    for at, word in enumerate(kept.word_ids()):
        if word is not None and starts[word] < 0:
            starts[word] = at
    return tuple(starts)


def _cut_words(row: Row, kept: Any) -> str:
    """The words behind the last one that kept a token."""
    last = max((word for word in kept.word_ids() if word is not None), default=-1)
    return " ".join(row.words[last + 1 :])


def _cut_text(row: Row, kept: Any) -> str:
    """The ends of the first and second text that the kept tokens do not reach."""
    reached = {0: 0, 1: 0}
    for (_, stop), sequence in zip(kept["offset_mapping"], kept.sequence_ids(), strict=True):
        if sequence is not None:
            reached[sequence] = max(reached[sequence], stop)
    parts = [row.text[reached[0] :], (row.pair or "")[reached[1] :]]
    return " … ".join(part.strip() for part in parts if part.strip())


def make_group(
    config: MuxConfig, rows: Sequence[EncodedRow], seating: Seating = Seating()
) -> Group:
    """Fill 1 to N encoded rows up to N and pad them.

    Raises:
        GroupError: no rows, or more than N. InputError: padding that this model has no use for.
    """
    padding = seating.padding or config.default_padding
    if padding == "masked" and config.mixes_padding:
        raise InputError(
            f"padding 'masked' is not defined for the {config.multiplexer} multiplexer: its own "
            "attention mixes padding in; use group or fixed"
        )
    num = config.num_instances
    if not 1 <= len(rows) <= num:
        kind = GroupError if rows else EmptyGroup
        raise kind(
            f"got {len(rows)} texts, this model multiplexes {num}; "
            f"{'write at least one' if not rows else f'remove {len(rows) - num}'}, or load another "
            "checkpoint"
        )
    length = max(len(row.ids) for row in rows)
    if padding == "fixed":
        length = max_tokens(config, padding)
    if config.cuts_prefix_room:
        length += config.prefix_length  # the prefix then displaces padding, not text
    ids = np.full((num, length), config.shape.pad_token_id, dtype=np.int64)
    mask = np.zeros_like(ids)
    types = np.zeros_like(ids)
    for slot, row in enumerate(rows):
        size = len(row.ids)
        ids[slot, :size], mask[slot, :size], types[slot, :size] = row.ids, 1, row.types
    sources, masks = _fillers(len(rows), num - len(rows), seating)
    for offset, (source, mask_source) in enumerate(zip(sources, masks, strict=True)):
        slot = len(rows) + offset
        ids[slot], types[slot], mask[slot] = ids[source], types[source], mask[mask_source]
    return Group(
        ids,
        mask,
        types,
        (*rows, *(rows[s] for s in sources)),
        (*([None] * len(rows)), *sources),
        padding,
    )


def padded(config: MuxConfig, group: Group, length: int) -> Group:
    """The group with more padding, up to ``length`` tokens."""
    wide = ((0, 0), (0, length - group.length))
    return replace(
        group,
        ids=np.pad(group.ids, wide, constant_values=config.shape.pad_token_id),
        mask=np.pad(group.mask, wide),
        types=np.pad(group.types, wide),
    )


def _fillers(rows: int, missing: int, seating: Seating) -> tuple[list[int], list[int]]:
    """Which rows give ids, and which masks, to the ``missing`` slots."""
    if not missing:
        return [], []
    generator = np.random.default_rng(seating.seed)
    sources = generator.integers(rows, size=missing).tolist()
    is_apart = seating.fill == "published"
    masks = generator.integers(rows, size=missing).tolist() if is_apart else sources
    return sources, masks


def stack_groups(
    groups: Sequence[Group], *, at_most: int
) -> Iterator[tuple[list[int], tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Batches of groups of one length: their numbers, and ids, mask, types ``[B, N, L]``."""
    by_length: dict[int, list[int]] = {}
    for number, group in enumerate(groups):
        by_length.setdefault(group.length, []).append(number)
    for numbers in by_length.values():
        for start in range(0, len(numbers), at_most):
            piece = numbers[start : start + at_most]
            chosen = [groups[n] for n in piece]
            yield (
                piece,
                (
                    np.stack([g.ids for g in chosen]),
                    np.stack([g.mask for g in chosen]),
                    np.stack([g.types for g in chosen]),
                ),
            )

"""More texts for a teacher to label, made of the training rows; and rows kept out of training.

Three kinds are made, each from a seed of its own: *compounds* of two or three rows, and rows in
which a part is *exchanged* for a like part of another row. A part is

- of single texts: a phrase that is a training row itself (SST-2 comes as sentences and the phrases
  of their parse trees), exchanged for another such phrase of about as many words;
- of tagged words: a span of 2 to 10 words, exchanged for a span of another row whose first and last
  word have the same tags; the tags go along;
- of pairs: the second text, exchanged for that of another row, or the two texts for each other.

Made rows have no label but tags; the teacher gives one. Words are what spaces separate.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import numpy as np

from muxviz.errors import ConfigError
from muxviz.training.rows import UNLABELLED
from muxviz.training.tasks import LabelledRows

HOST_WORDS = 8  # a row needs so many for a phrase in it to be exchanged
SPAN_WORDS = (2, 10)
THREE_SHARE = 0.25  # of compounds: made of three rows
TRIES = 30  # draws for a span that fits, before another row is taken
# Words as treebanks split them: n't, 's and other clitics, numbers, words, single marks.
WORD = re.compile(
    r"[A-Za-z]+(?=n't\b)|n't\b|'(?:s|m|d|re|ve|ll)\b|\d[\d,.:]*\d|\d|\w+|\.{2,}|[^\w\s]",
    re.IGNORECASE,
)


def split_words(text: str) -> tuple[str, ...]:
    """Words and marks of plain text, for a token task.

    >>> split_words("I don't like Tom's well-made film.")
    ('I', 'do', "n't", 'like', 'Tom', "'s", 'well', '-', 'made', 'film', '.')
    """
    return tuple(WORD.findall(text))


def chosen(rows: LabelledRows, numbers: Sequence[int] | np.ndarray) -> LabelledRows:
    """The rows of these numbers, in their order."""
    at = [int(n) for n in numbers]
    return LabelledRows(
        tuple(rows.texts[n] for n in at),
        tuple(rows.pairs[n] for n in at),
        rows.labels[at],
        tuple(rows.words[n] for n in at) if rows.words else (),
        tuple(rows.word_labels[n] for n in at) if rows.words else (),
        rows.names,
    )


def hold_out(rows: LabelledRows, count: int, *, seed: int) -> tuple[LabelledRows, LabelledRows]:
    """Rows to train on, and ``count`` rows kept apart to look at while training.

    Those kept apart are no part of another row, and no part of them is left among the others.
    Where enough rows have parts that are rows, as in a set that comes with its phrases, they are
    whole sentences: rows of 8 words or more with a part.

    Raises:
        ConfigError: fewer rows than that could be kept apart.
    """
    if not count:
        return rows, chosen(rows, [])
    phrases = _phrases(rows)
    free = _sentences(phrases)
    if count * 2 > len(free):
        inside = {p for parts in phrases.values() for _, _, p in parts}
        free = [n for n in range(len(rows.texts)) if n not in inside]
    if count * 2 > len(free):
        raise ConfigError(
            f"held_out is {count}; {len(free)} training rows can be kept apart, of which at most "
            "half are"
        )
    drawn = np.random.default_rng((seed, 1)).permutation(len(free))[:count]
    held = sorted(free[n] for n in drawn)
    texts = {(rows.texts[n], rows.pairs[n]) for n in held}
    texts |= {(rows.texts[p], None) for n in held for _, _, p in phrases.get(n, ())}
    kept = [n for n, key in enumerate(zip(rows.texts, rows.pairs, strict=True)) if key not in texts]
    return chosen(rows, kept), chosen(rows, held)


def compounds(rows: LabelledRows, count: int, *, seed: int) -> LabelledRows:
    """``count`` rows made of two or three different rows, one after another.

    Raises:
        ConfigError: fewer than three rows, or rows of two texts.
    """
    if len(rows.texts) < 3 or any(pair is not None for pair in rows.pairs):
        raise ConfigError("compounds are made of at least three rows of one text each")
    draws = np.random.default_rng((seed, 2))
    texts, words, tags = [], [], []
    for _ in range(count):
        of = draws.choice(len(rows.texts), size=2 + (draws.random() < THREE_SHARE), replace=False)
        texts.append(" ".join(rows.texts[n] for n in of))
        if rows.words:
            words.append(tuple(word for n in of for word in rows.words[n]))
            tags.append(np.concatenate([rows.word_labels[n] for n in of]))
    return _made(rows, texts, words=words, tags=tags)


def exchanged(rows: LabelledRows, count: int, *, seed: int) -> LabelledRows:
    """``count`` rows with a part exchanged for a like part of another row.

    Raises:
        ConfigError: there is no such part in any row.
    """
    draws = np.random.default_rng((seed, 3))
    if rows.words:
        return _exchanged_spans(rows, count, draws)
    if any(pair is not None for pair in rows.pairs):
        return _exchanged_seconds(rows, count, draws)
    return _exchanged_phrases(rows, count, draws)


def _exchanged_phrases(rows: LabelledRows, count: int, draws: np.random.Generator) -> LabelledRows:
    found = _phrases(rows)
    hosts = _sentences(found)
    if count and not hosts:
        raise ConfigError(
            "no training row is a phrase of another one, so none can be exchanged; set exchanged "
            "to 0"
        )
    phrases = sorted({n for parts in found.values() for _, _, n in parts})
    split = {n: rows.texts[n].split() for n in {*hosts, *phrases}}
    by_length: dict[int, list[int]] = {}
    for n in phrases:
        by_length.setdefault(len(split[n]), []).append(n)
    texts = []
    for _ in range(count):
        host = hosts[draws.integers(len(hosts))]
        begin, end, _ = found[host][draws.integers(len(found[host]))]
        near = [n for d in (-1, 0, 1) for n in by_length.get(end - begin + d, ())]
        other = near[draws.integers(len(near))]
        texts.append(" ".join([*split[host][:begin], *split[other], *split[host][end:]]))
    return _made(rows, texts)


def _phrases(rows: LabelledRows) -> dict[int, list[tuple[int, int, int]]]:
    """Per row of 8 words and more: first word, end and row number of each other row inside it."""
    if rows.words or any(pair is not None for pair in rows.pairs):
        return {}
    row_of: dict[tuple[str, ...], int] = {}
    split = [tuple(text.split()) for text in rows.texts]
    for n, words in enumerate(split):
        row_of.setdefault(words, n)
    lengths = sorted({len(words) for words in split if len(words) >= 2})
    found: dict[int, list[tuple[int, int, int]]] = {}
    for n, words in enumerate(split):
        if len(words) < HOST_WORDS:
            continue
        parts = [
            (begin, begin + length, row_of[part])
            for length in lengths
            if length < len(words)
            for begin in range(len(words) - length + 1)
            if (part := words[begin : begin + length]) in row_of
        ]
        if parts:
            found[n] = parts
    return found


def _sentences(found: dict[int, list[tuple[int, int, int]]]) -> list[int]:
    """Rows with a phrase inside that are no phrase of another row themselves."""
    inside = {n for parts in found.values() for _, _, n in parts}
    return [n for n in found if n not in inside]


def _exchanged_spans(rows: LabelledRows, count: int, draws: np.random.Generator) -> LabelledRows:
    """A span of tagged words for one whose ends are tagged alike."""
    where: dict[int, list[tuple[int, int]]] = {}
    for n, row in enumerate(rows.word_labels):
        for at, tag in enumerate(row.tolist()):
            where.setdefault(tag, []).append((n, at))
    low, high = SPAN_WORDS
    long_enough = [n for n, row in enumerate(rows.words) if len(row) >= low]
    if count and len(long_enough) < 2:
        raise ConfigError("no training row has two words, so no span can be exchanged")
    texts: list[str] = []
    words: list[tuple[str, ...]] = []
    tags: list[np.ndarray] = []
    while len(words) < count:
        host = long_enough[draws.integers(len(long_enough))]
        own = rows.word_labels[host]
        length = int(draws.integers(low, min(high, len(own)) + 1))
        begin = int(draws.integers(len(own) - length + 1))
        last = own[begin + length - 1]
        span = _like_span(rows, where[int(own[begin])], int(last), host, draws)
        if span is None:
            continue
        other, first, end = span
        made = [*rows.words[host][:begin], *rows.words[other][first:end]]
        made += rows.words[host][begin + length :]
        parts = (own[:begin], rows.word_labels[other][first:end], own[begin + length :])
        words.append(tuple(made))
        tags.append(np.concatenate(parts))
        texts.append(" ".join(made))
    return _made(rows, texts, words=words, tags=tags)


def _like_span(
    rows: LabelledRows,
    begins: list[tuple[int, int]],
    last: int,
    host: int,
    draws: np.random.Generator,
) -> tuple[int, int, int] | None:
    """Row, first word and end of a span that starts at one of ``begins`` and ends with a tag.

    The host itself counts only where no other row was found.
    """
    low, high = SPAN_WORDS
    for attempt in range(TRIES):
        other, first = begins[draws.integers(len(begins))]
        ahead = rows.word_labels[other][first + low - 1 : first + high]
        ends = np.flatnonzero(ahead == last)
        if len(ends) and (other != host or attempt == TRIES - 1):
            return other, first, first + low + int(ends[draws.integers(len(ends))])
    return None


def _exchanged_seconds(rows: LabelledRows, count: int, draws: np.random.Generator) -> LabelledRows:
    """Pairs turned round, and pairs with the second text of another row."""
    if count and len(rows.texts) < 2:
        raise ConfigError("pairs are made of at least two training rows")
    texts, pairs = [], []
    for _ in range(count):
        n, other = draws.choice(len(rows.texts), size=2, replace=False)
        first, second = rows.texts[n], rows.pairs[n] or ""
        turned = draws.random() < 0.5
        texts.append(second if turned else first)
        pairs.append(first if turned else rows.pairs[other] or "")
    return _made(rows, texts, pairs=pairs)


def unlabelled(rows: LabelledRows, like: LabelledRows) -> LabelledRows:
    """``rows`` of any task as texts of the task of ``like``, without their labels.

    For a token task the words are the rows' own, or those of ``split_words``; every word gets class
    0, which stands for "a word begins here" until a teacher says which it is. For single texts
    both texts of a pair count; for pairs, rows of one text are none.
    """
    if like.words:
        words = rows.words or tuple(split_words(text) for text in _single(rows))
        words = tuple(row for row in words if row)
        texts = [" ".join(row) for row in words]
        tags = [np.zeros(len(row), dtype=np.int64) for row in words]
        return _made(like, texts, words=list(words), tags=tags)
    if any(pair is not None for pair in like.pairs):
        both = [(t, p) for t, p in zip(rows.texts, rows.pairs, strict=True) if p is not None]
        return _made(like, [t for t, _ in both], pairs=[p for _, p in both])
    return _made(like, list(_single(rows)))


def _single(rows: LabelledRows) -> Iterable[str]:
    for text, pair in zip(rows.texts, rows.pairs, strict=True):
        yield text
        if pair is not None:
            yield pair


def _made(
    like: LabelledRows,
    texts: list[str],
    *,
    pairs: list[str] | None = None,
    words: list[tuple[str, ...]] | None = None,
    tags: list[np.ndarray] | None = None,
) -> LabelledRows:
    """Rows without a label of their own, of the kind of ``like``."""
    labels = np.full(len(texts), UNLABELLED, dtype=like.labels.dtype)
    none: tuple[str | None, ...] = (None,) * len(texts)
    return LabelledRows(
        tuple(texts),
        none if pairs is None else tuple(pairs),
        labels,
        tuple(words or ()),
        tuple(tags or ()),
        like.names,
    )

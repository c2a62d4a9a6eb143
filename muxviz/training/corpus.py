"""Unlabelled text of any size: streamed, tokenised once, kept in a file, read where needed.

A plain text has one paragraph per line and an empty line between documents. Labelled files
contribute their texts, one document each. Rows of token ids go to a file in a cache folder, which
later runs and other processes use again; in memory there is one chunk of text at a time.
"""

from __future__ import annotations

import hashlib
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from tqdm import tqdm

from muxviz.errors import ConfigError, DataError
from muxviz.files import check_regular, json_text, parse_json, read_pieces, writing
from muxviz.training.files import Source, expected, is_hub, kind_of
from muxviz.training.hub_data import iterate_hub_texts
from muxviz.training.rows import UNLABELLED, TokenRows
from muxviz.training.tasks import iterate_records, record_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Packing = Literal["sentences", "documents"]
PACKINGS: tuple[Packing, ...] = ("sentences", "documents")

FORMAT = 1  # of the cache files; a change of packing raises it
SENTENCE_WORDS = (4, 40)
SHORTEST = 8  # pieces of text in a row of packed documents; the rest of a document is dropped
LINE_CHARACTERS = 1 << 20  # a longer line is read as several paragraphs
CHUNK_TEXTS = 2000  # tokenised at once, or
CHUNK_CHARACTERS = 1 << 19  # as many texts as reach this
CHUNK_TOKENS = 1 << 20  # copied or written at once


def iterate_texts(source: Source) -> Iterator[str]:
    """The paragraphs of a text file, or texts of a labelled file, or of a hub data set, streamed.

    Raises:
        DataError: not there, not readable, or an ending that says neither text nor rows.
    """
    return (paragraph for paragraph in _paragraphs(source) if paragraph)


def sample_sentences(paths: Sequence[Source], *, limit: int, seed: int) -> list[str]:
    """A random sample of sentences of 4 to 40 words from texts with one paragraph per line.

    Reservoir sampling: one pass, ``limit`` sentences in memory.
    """
    generator = np.random.default_rng(seed)
    kept: list[str] = []
    sentences = chain.from_iterable(
        _sentences(paragraph) for path in paths for paragraph in iterate_texts(path)
    )
    for seen, sentence in enumerate(sentences, start=1):
        if len(kept) < limit:
            kept.append(sentence)
        elif (at := int(generator.integers(seen))) < limit:
            kept[at] = sentence
    return kept


def text_rows(
    sources: Sequence[Source],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    packing: Packing,
    cache: Path,
    limit: int = 0,
    seed: int = 0,
) -> TokenRows:
    """Unlabelled rows of token ids, memory-mapped from a file that is made on the first call.

    Args:
        sources: text files (.txt), labelled files (.tsv, .jsonl), each also .gz or .xz, or hub
            names; read in this order. A file counts as changed when its size or time changes, a hub
            name never does: empty the cache folder to read it again.
        max_length: of a row in tokens, with the special ones.
        packing: ``sentences``: a sentence of 4 to 40 words per row, or a text of a labelled file as
            it is; longer ones are cut. ``documents``: consecutive paragraphs of one document fill a
            row to its end and go on in the next; rows of fewer than 8 pieces are dropped.
        cache: folder for the file; created.
        limit: keep a random sample of this many rows, in order; 0 keeps all.
        seed: of that sample.

    Raises:
        ConfigError: another packing, or a tokenizer without [CLS] and [SEP].
        DataError: a source cannot be read, or there is no row in any.
    """
    if packing not in PACKINGS:
        raise ConfigError(f"packing is {packing!r}; expected one of {', '.join(PACKINGS)}")
    if tokenizer.cls_token_id is None or tokenizer.sep_token_id is None:
        raise ConfigError("the tokenizer has no [CLS] and [SEP]; use a BERT or RoBERTa tokenizer")
    dtype = np.dtype(np.uint16 if len(tokenizer) < 65536 else np.int32)
    name = _fingerprint(sources, tokenizer, packing, max_length)
    with writing(cache):
        found = _stored_rows(cache / name, dtype)
        if found is None:
            rows = pack(sources, tokenizer, max_length=max_length, packing=packing)
            shown = tqdm(rows, desc="reading the corpus", unit=" rows", mininterval=1, disable=None)
            _store(cache / name, shown, dtype)
            found = _stored_rows(cache / name, dtype)
        if found is None or not len(found):
            raise DataError(
                f"no text for a single row in {', '.join(map(str, sources)) or 'no file'}; "
                "is there one paragraph per line?"
            )
        return _sampled(found, cache / f"{name}-{limit}-{seed}", limit, seed) if limit else found


def pack(
    sources: Sequence[Source],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    packing: Packing,
) -> Iterator[list[int]]:
    """The rows of ``text_rows`` one after another, with special tokens."""
    room = max_length - 2
    if packing == "sentences":
        texts = chain.from_iterable(_sentence_texts(source) for source in sources)
        pieces: Iterable[list[int]] = (ids[:room] for ids in encode_stream(tokenizer, texts) if ids)
    else:
        texts = chain.from_iterable(chain(_paragraphs(source), [""]) for source in sources)
        pieces = _filled(encode_stream(tokenizer, texts), room)
    first, last = int(tokenizer.cls_token_id), int(tokenizer.sep_token_id)
    return ([first, *ids, last] for ids in pieces)


def encode_stream(tokenizer: PreTrainedTokenizerBase, texts: Iterable[str]) -> Iterator[list[int]]:
    """Ids of each text without special tokens; one chunk of texts is held at a time."""
    for chunk in _chunks(texts):
        encoded: Any = tokenizer(
            chunk,
            add_special_tokens=False,
            return_attention_mask=False,
            return_token_type_ids=False,
            verbose=False,  # says that a paragraph is longer than a model's input; it is cut here
        )
        yield from encoded["input_ids"]


def _chunks(texts: Iterable[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    characters = 0
    for text in texts:
        chunk.append(text)
        characters += len(text)
        if len(chunk) >= CHUNK_TEXTS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _filled(paragraphs: Iterable[list[int]], room: int) -> Iterator[list[int]]:
    """Consecutive paragraphs cut into rows of ``room`` pieces; an empty one ends a document."""
    held: list[int] = []
    for ids in paragraphs:
        held += ids
        full = len(held) - len(held) % room
        for at in range(0, full, room):
            yield held[at : at + room]
        held = held[full:]
        if not ids:
            if len(held) >= SHORTEST:
                yield held
            held = []


def _paragraphs(source: Source) -> Iterator[str]:
    """Paragraphs without spaces around them; "" ends a document (and may come twice)."""
    if is_hub(source):
        yield from iterate_hub_texts(str(source))
        return
    path = Path(source)
    if kind_of(path) in (".tsv", ".jsonl"):
        for record in iterate_records(path):
            yield from (text.strip() for text in record_texts(record))
            yield ""
        return
    if kind_of(path) != ".txt":
        raise DataError(f"{path}: a corpus is .txt, .tsv or .jsonl (also .gz, .xz)")
    wanted = expected("a text with one paragraph a line (.txt)")
    for line in read_pieces(path, longest=LINE_CHARACTERS, expected=wanted):
        yield line.strip()


def _sentence_texts(source: Source) -> Iterator[str]:
    if not is_hub(source) and kind_of(source) in (".tsv", ".jsonl"):
        return iterate_texts(source)
    return chain.from_iterable(_sentences(paragraph) for paragraph in iterate_texts(source))


def _sentences(paragraph: str) -> Iterator[str]:
    shortest, longest = SENTENCE_WORDS
    for sentence in re.split(r"(?<=[.!?]) ", paragraph):
        if shortest <= len(sentence.split()) <= longest:
            yield sentence


def _fingerprint(
    sources: Sequence[Source],
    tokenizer: PreTrainedTokenizerBase,
    packing: Packing,
    max_length: int,
) -> str:
    """A name that is another one whenever the rows could be."""
    files: list[tuple[str, int, int]] = []
    for source in sources:
        if is_hub(source):
            files.append((str(source), 0, 0))
        else:
            wanted = "a corpus (.txt, .tsv or .jsonl); name its folder with --data"
            status = check_regular(source, expected=wanted)
            files.append((str(Path(source).resolve()), status.st_size, status.st_mtime_ns))
    rules = parse_json(tokenizer.backend_tokenizer.to_str(), "the tokenizer")
    for changing in ("truncation", "padding"):  # by the last call, not by what the tokenizer is
        rules.pop(changing, None)
    parts = [FORMAT, files, rules, packing, max_length, SENTENCE_WORDS, SHORTEST]
    return hashlib.sha256(json_text(parts, sort_keys=True).encode()).hexdigest()[:20]


def _ids_file(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.ids")


def _starts_file(stem: Path) -> Path:
    return stem.with_name(f"{stem.name}.starts.npy")


def _stored_rows(stem: Path, dtype: np.dtype) -> TokenRows | None:
    """Rows of an earlier ``_store``, or None where there are none or not all of them."""
    ids_file = _ids_file(stem)
    try:
        starts = np.asarray(np.load(_starts_file(stem), mmap_mode="r"))
        tokens = ids_file.stat().st_size // dtype.itemsize
    except (OSError, ValueError):
        return None
    if tokens != int(starts[-1]):
        return None
    ids = np.memmap(ids_file, dtype=dtype, mode="r") if tokens else np.empty(0, dtype=dtype)
    labels = np.broadcast_to(np.int64(UNLABELLED), (len(starts) - 1,))  # one number in memory
    return TokenRows(np.asarray(ids), starts, labels)


def _store(stem: Path, rows: Iterable[Sequence[int]], dtype: np.dtype) -> None:
    """Write rows to two files, each whole or not there.

    Two processes that build the same rows at once write the same bytes under names of their own;
    who is last replaces the other's files, and mappings of those stay valid.
    """
    lengths: list[np.ndarray] = []
    held: list[int] = []
    ends: list[int] = []
    ids_part, starts_part = _partial(_ids_file(stem)), _partial(_starts_file(stem))
    stem.parent.mkdir(parents=True, exist_ok=True)
    try:
        with ids_part.open("wb") as file:

            def flush() -> None:
                np.asarray(held, dtype=dtype).tofile(file)
                lengths.append(np.asarray(ends, dtype=np.int32))
                held.clear()
                ends.clear()

            for row in rows:
                held.extend(row)
                ends.append(len(row))
                if len(held) >= CHUNK_TOKENS:
                    flush()
            flush()
        starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths), dtype=np.int64)])
        with starts_part.open("wb") as file:
            np.save(file, starts)
        os.replace(ids_part, _ids_file(stem))
        os.replace(starts_part, _starts_file(stem))
    finally:
        ids_part.unlink(missing_ok=True)
        starts_part.unlink(missing_ok=True)
        with suppress(OSError):  # made for nothing
            stem.parent.rmdir()


def _partial(path: Path) -> Path:
    """A name beside ``path`` that no other process uses."""
    return path.with_name(f"{path.name}.{uuid.uuid4().hex}.partial")


def _sampled(rows: TokenRows, stem: Path, limit: int, seed: int) -> TokenRows:
    """``limit`` of the rows at random, in order, in a file of their own; all if there are fewer."""
    if len(rows) <= limit:
        return rows
    found = _stored_rows(stem, rows.ids.dtype)
    if found is None:
        chosen = np.sort(np.random.default_rng(seed).choice(len(rows), size=limit, replace=False))
        starts = rows.starts
        _store(stem, (rows.ids[starts[r] : starts[r + 1]].tolist() for r in chosen), rows.ids.dtype)
        found = _stored_rows(stem, rows.ids.dtype)
    assert found is not None, "just written"
    return found

"""What is answered is what the text, the head and the labels say; everything else is an error."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from muxviz.batch import EncodedRow, Row, encode_rows
from muxviz.engine.engine import Engine
from muxviz.engine.stream import How, RowError, stream
from muxviz.errors import DataError, InputError
from muxviz.training.tasks import LabelledRows, tokenise_task
from tests.tiny import shared_checkpoint, tiny_tokenizer

# ---- what there is to read ----------------------------------------------------------------------

NOTHING = ("\u200b", "\x00", "\u2060 \u2060", "\ufffd\x01", "\u0301", "\x7f\u200d")


@pytest.mark.parametrize("text", NOTHING)
def test_a_text_without_a_token_is_refused_at_every_door(text: str) -> None:
    checkpoint = shared_checkpoint()
    with pytest.raises(InputError, match="text 2 holds nothing that the tokenizer keeps"):
        encode_rows(checkpoint, [Row("a dog"), Row(text)])
    with pytest.raises(InputError, match="text 1 holds nothing"):
        encode_rows(checkpoint, [Row(text, "a dog")])  # tokens of the second text do not count
    (found,) = stream(Engine(checkpoint), [Row("a dog"), Row(text), Row("a cat")], How())
    assert [isinstance(answer, RowError) for answer in found] == [False, True, False]
    data = LabelledRows(("a dog", text), (None, None), np.asarray([0, 1]), source="rows.tsv")
    with pytest.raises(DataError, match=r"rows.tsv, row 2 holds nothing"):
        tokenise_task(tiny_tokenizer(), data, max_length=9)


def test_an_unknown_character_is_something_to_read() -> None:
    (row,) = encode_rows(shared_checkpoint(), [Row("\u2603")])
    assert row.ids == (101, 100, 102)
    assert not row.why_not


@pytest.mark.parametrize("backbone", ["bert", "roberta"])
def test_training_and_answers_see_the_same_tokens(backbone: str) -> None:
    """Also of a pair whose second text is empty, and of texts that are cut."""
    tokenizer = tiny_tokenizer()
    if backbone == "roberta":  # separators as RoBERTa's, and no segment ids
        from tokenizers.processors import RobertaProcessing

        tokenizer.backend_tokenizer.post_processor = RobertaProcessing(
            ("[SEP]", 102), ("[CLS]", 101)
        )
        tokenizer.model_input_names = ["input_ids", "attention_mask"]
    checkpoint = replace(shared_checkpoint(max_position_embeddings=11), tokenizer=tokenizer)
    texts = ("a dog", "the good film", "a " * 900, "the old city", "a cat")
    pairs = ("", "a dog", "b " * 900, None, "the " * 700)
    data = LabelledRows(texts, pairs, np.zeros(5, dtype=np.int64))
    trained = tokenise_task(tokenizer, data, max_length=11)
    encoded = encode_rows(checkpoint, [Row(*row) for row in zip(texts, pairs, strict=True)])
    segments = trained.segments(np.arange(5))
    for at, row in enumerate(encoded):
        piece = slice(trained.starts[at], trained.starts[at + 1])
        assert row.ids == tuple(trained.ids[piece].tolist())
        assert row.types == tuple(segments[at, : len(row.ids)].tolist())
    separators = [row.ids.count(102) for row in encoded]
    assert separators == ([2, 2, 2, 1, 2] if backbone == "bert" else [3, 3, 3, 1, 3])
    assert encoded[2].cut_tokens
    assert encoded[2].cut_text.endswith("b b")


def test_a_long_text_is_cut_where_the_whole_would_be() -> None:
    checkpoint = shared_checkpoint(max_position_embeddings=11)
    tokenizer = checkpoint.need_tokenizer()
    for text in ("no " * 4000, "x" * 300 + " so" * 900, "dog.\tcat\n" * 500, " " * 2000 + "a b"):
        (row,) = encode_rows(checkpoint, [Row(text)])
        whole = tokenizer(text, truncation="longest_first", max_length=11)
        assert row.ids == tuple(whole["input_ids"])
    with pytest.raises(InputError, match="has 3,000,000 characters, and its first 11 tokens"):
        encode_rows(checkpoint, [Row("x" * 3_000_000)])


def test_rows_that_cannot_be_answered_come_back_on_request() -> None:
    found: list[EncodedRow] = encode_rows(
        shared_checkpoint(), [Row(" "), Row("a \ud800"), Row("a dog")], keep_bad=True
    )
    assert [row.why_not[:18] for row in found] == ["is empty; write a ", "holds half a chara", ""]

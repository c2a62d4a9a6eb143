"""Texts made for a teacher to label, rows kept out, and the order in which all are drawn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from muxviz.training.packed.answers import Places, centred
from muxviz.training.packed.pool import Pool, PoolSampler, keys_of, make_pool, without
from muxviz.training.packed.texts import (
    HOST_WORDS,
    SPAN_WORDS,
    chosen,
    compounds,
    exchanged,
    hold_out,
    split_words,
    unlabelled,
)
from muxviz.training.recipe import Recipe
from muxviz.training.rows import UNLABELLED, JoinedRows
from muxviz.training.tasks import LabelledRows, tokenise_task
from tests.tiny import WORDS, tiny_tokenizer
from tests.training.tiny_runs import tiny_recipe, tiny_stage

SENTENCES = (
    "the film is a good story and the plot is warm",
    "a bad movie with a boring plot and a sad actor",
    "she sees a great city and a bright old house",
    "one day the child and the dog go home at night",
    "no man is very happy in a cold dark winter city",
)
PHRASES = ("a good story", "the plot is warm", "a boring plot", "a bright old house", "the dog")


def rows_of(*texts: str, labels: tuple[int, ...] = ()) -> LabelledRows:
    numbers = np.array(labels or [n % 2 for n in range(len(texts))], dtype=np.int64)
    return LabelledRows(texts, (None,) * len(texts), numbers)


def pairs_of(*pairs: tuple[str, str]) -> LabelledRows:
    first, second = zip(*pairs, strict=True)
    return LabelledRows(first, second, np.zeros(len(pairs), dtype=np.int64))


def tagged(*rows: str) -> LabelledRows:
    """``"the/1 film/2"`` ... as rows of a token task."""
    split = [[part.rsplit("/", 1) for part in row.split()] for row in rows]
    words = tuple(tuple(word for word, _ in row) for row in split)
    tags = tuple(np.array([int(tag) for _, tag in row]) for row in split)
    none = np.full(len(rows), UNLABELLED, dtype=np.int64)
    texts = tuple(" ".join(row) for row in words)
    return LabelledRows(texts, (None,) * len(rows), none, words, tags)


TREES = rows_of(*SENTENCES, *PHRASES, "good")
TAGGED = tagged(
    "the/1 good/2 film/3 is/4 warm/2",
    "a/1 bad/2 old/2 plot/3 was/4 sad/2 and/5 cold/2",
    "no/1 song/3 is/4 bright/2",
)


# ---- made texts ---------------------------------------------------------------------------------


def test_a_phrase_is_exchanged_for_another() -> None:
    made = exchanged(TREES, 60, seed=1)
    assert len(made.texts) == 60
    assert (made.labels == UNLABELLED).all()
    for text in made.texts:
        host = next(
            (s, p, o)
            for s in SENTENCES
            for p in PHRASES
            for o in PHRASES
            if p in s and text == s.replace(p, o, 1)
        )
        assert abs(len(host[1].split()) - len(host[2].split())) <= 1, host
    assert len(set(made.texts)) > 5
    assert made.texts == exchanged(TREES, 60, seed=1).texts
    assert made.texts != exchanged(TREES, 60, seed=2).texts


def test_spans_of_words_are_exchanged_with_their_tags() -> None:
    made = exchanged(TAGGED, 200, seed=0)
    rows = zip(TAGGED.words, TAGGED.word_labels, strict=True)
    tag_of = {w: t for row, tags in rows for w, t in zip(row, tags.tolist(), strict=True)}
    known = set(TAGGED.words)
    for words, tags in zip(made.words, made.word_labels, strict=True):
        assert [tag_of[word] for word in words] == tags.tolist()
        host = next(  # all but one span is that of a row
            (begin, end)
            for row in TAGGED.words
            for begin in range(len(row))
            for end in range(begin + SPAN_WORDS[0], len(row) + 1)
            if words[:begin] == row[:begin] and words[len(words) - (len(row) - end) :] == row[end:]
        )
        assert host
    assert len(set(made.words) - known) > 10


def test_compounds_are_two_or_three_rows() -> None:
    made = compounds(TREES, 80, seed=0)
    parts = []
    for text in made.texts:
        found = [
            (a, b, c)
            for a in TREES.texts
            for b in TREES.texts
            for c in ("", *TREES.texts)
            if text == " ".join(filter(None, (a, b, c)))
        ]
        assert found
        parts.append(min(bool(c) for *_, c in found))
    assert 0.1 < np.mean(parts) < 0.4
    words = compounds(TAGGED, 10, seed=0)
    assert all(len(w) == len(t) for w, t in zip(words.words, words.word_labels, strict=True))


def test_pairs_are_turned_or_get_another_second_text() -> None:
    pairs = pairs_of(("a b", "c d"), ("e f", "g h"), ("i j", "k l"))
    made = exchanged(pairs, 40, seed=0)
    firsts, seconds = set(pairs.texts), set(pairs.pairs)
    turned = 0
    for text, pair in zip(made.texts, made.pairs, strict=True):
        if text in seconds:
            turned += 1
            assert (pair, text) in set(zip(pairs.texts, pairs.pairs, strict=True))
        else:
            assert text in firsts
            assert pair in seconds
            assert (text, pair) not in set(zip(pairs.texts, pairs.pairs, strict=True))
    assert 8 < turned < 32


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("He can't; won't!", "He ca n't ; wo n't !"),
        ("It's 3,000.50 well-made... (really)", "It 's 3,000.50 well - made ... ( really )"),
        ("We'll see", "We 'll see"),
        ("", ""),
    ],
)
def test_plain_text_is_split_as_a_treebank(text: str, words: str) -> None:
    assert split_words(text) == tuple(words.split())


def test_other_texts_become_rows_of_the_task() -> None:
    mixed = LabelledRows(("a b", "c"), ("d e", None), np.array([1, 0]))
    single = unlabelled(mixed, TREES)
    assert single.texts == ("a b", "d e", "c")
    assert (single.labels == UNLABELLED).all()
    assert unlabelled(mixed, pairs_of(("x", "y"))).texts == ("a b",)
    words = unlabelled(rows_of("it's so"), TAGGED)
    assert words.words == (("it", "'s", "so"),)
    assert words.word_labels[0].tolist() == [0, 0, 0]
    scores = LabelledRows(("x",), (None,), np.array([0.5]))
    assert unlabelled(TREES, scores).labels.dtype == np.float64


# ---- rows kept out ------------------------------------------------------------------------------


def test_nothing_of_a_row_kept_apart_stays() -> None:
    kept, held = hold_out(TREES, 1, seed=3)
    (apart,) = held.texts
    assert apart in SENTENCES
    assert len(apart.split()) >= HOST_WORDS
    inside = [p for p in PHRASES if p in apart]
    assert inside, "seed 3 takes one with phrases"
    assert not set(kept.texts) & {apart, *inside}
    assert len(kept.texts) == len(TREES.texts) - 1 - len(inside)
    assert hold_out(TREES, 0, seed=3)[0] is TREES


def test_rows_without_phrases_are_kept_apart_too() -> None:
    kept, held = hold_out(TAGGED, 1, seed=0)
    assert len(kept.texts) == 2
    assert len(held.words) == 1
    assert chosen(TAGGED, [1]).word_labels[0].tolist() == [1, 2, 2, 3, 4, 2, 5, 2]


def test_a_phrase_here_and_there_does_not_keep_other_rows_from_being_kept_apart() -> None:
    others = tuple(f"row {number} stands alone" for number in range(20))
    rows = rows_of(*SENTENCES[:1], "good story", *others)
    kept, held = hold_out(rows, 5, seed=0)
    assert len(held.texts) == 5
    assert "good story" not in held.texts
    assert not set(held.texts) & set(kept.texts)


def test_no_row_equals_an_evaluation_row_in_letters_and_digits() -> None:
    tokenizer = tiny_tokenizer()

    def tokens(*texts: str) -> JoinedRows:
        return tokenise_task(tokenizer, rows_of(*texts), max_length=32)

    dev = keys_of(tokens("the film, is good!", "old"), tokenizer)
    rows = tokens("The film is good", "the film is bad", "o ld", "old film", "the fil m is good ?")
    kept = without(rows, dev, tokenizer)
    assert len(kept) == 2
    assert tokenizer.decode(kept.ids[kept.starts[1] : kept.starts[2]]) == "[CLS] old film [SEP]"
    assert without(rows, set(), tokenizer) is rows


def test_the_two_texts_of_a_pair_are_told_apart() -> None:
    tokenizer = tiny_tokenizer()
    rows = tokenise_task(
        tokenizer, pairs_of(("the film", "is good"), ("the", "film is good")), max_length=32
    )
    keys = keys_of(rows, tokenizer)
    assert keys == {"thefilm\nisgood", "the\nfilmisgood"}
    left = without(rows, {"the\nfilmisgood"}, tokenizer)
    assert left.pair_starts is not None
    assert left.pair_starts.tolist() == [4]


@pytest.mark.parametrize("seed", range(5))
def test_made_rows_never_leak_an_evaluation_row(seed: int, tmp_path: Path) -> None:
    """Exchanging and joining can arrive at a dev row by chance: it is left out, and counted."""
    tokenizer = tiny_tokenizer()
    rows = exchanged(TREES, 40, seed=seed)
    leaks = (rows.texts[3].upper(), rows.texts[7] + " .", compounds(TREES, 30, seed=seed).texts[0])
    recipe = made_of(TREES, exchanged=40, compounds=30, data_seed=seed, unlabelled=("more.tsv",))
    (tmp_path / "more.tsv").write_text(f"sentence\tlabel\n{leaks[0]}\t0\nso it is\t1\n")
    pool = make_pool(recipe, tmp_path, tmp_path, tokenizer, TREES, rows_of(*leaks), 32)
    dev = keys_of(tokenise_task(tokenizer, rows_of(*leaks), max_length=32), tokenizer)
    for part in pool.rows.parts:
        assert not keys_of(part, tokenizer) & dev
    assert pool.left_out["exchanged"] >= 2
    assert pool.left_out["compounds"] >= 1
    assert pool.left_out["unlabelled"] == 1
    total = sum(pool.left_out.values()) + len(pool.rows)
    assert total == len(TREES.texts) + 40 + 30 + 2


# ---- their order --------------------------------------------------------------------------------


def made_of(rows: LabelledRows, **changes: object) -> Recipe:
    stage = tiny_stage("task", answer_coeff=1.0, groups=4, general_share=0.25)
    values = {
        "start": "packed",
        "multiplexer": "binary_hadamard",
        "general": (),
        "num_instances": 3,
    }
    return tiny_recipe(stage, **(values | changes))


def pool_of(lengths: dict[str, list[int]]) -> Pool:
    """A pool of rows of these lengths."""
    texts = [
        " ".join(WORDS[(n * 7 + i) % 50] for i in range(length - 2))
        for own in lengths.values()
        for n, length in enumerate(own)
    ]
    rows = tokenise_task(tiny_tokenizer(), rows_of(*texts), max_length=64)
    ends = dict(zip(lengths, np.cumsum([len(ks) for ks in lengths.values()]).tolist(), strict=True))
    return Pool(JoinedRows([rows]), ends, None, ())


POOL = pool_of({"task": [5, 9] * 40, "compounds": [12] * 50, "general": [50] * 20})


def test_the_order_is_a_function_of_seed_and_step() -> None:
    recipe = made_of(TREES, compounds=50, general=("a.txt",))
    stage = recipe.stages[0]
    here, there = (PoolSampler(POOL, recipe, stage, seed=5) for _ in range(2))
    steps = [here.step(n) for n in range(100)]
    assert all(np.array_equal(steps[n], there.step(n)) for n in (99, 3, 41))
    other = PoolSampler(POOL, recipe, stage, seed=6)
    assert any(not np.array_equal(steps[n], other.step(n)) for n in range(5))


def test_kinds_are_drawn_as_often_as_their_shares_say() -> None:
    recipe = made_of(TREES, compounds=50, shares=(0.8, 0.2))
    stage = replace(recipe.stages[0], general_share=0.0, min_tokens=6)
    sampler = PoolSampler(POOL, recipe, stage, seed=0)
    drawn = np.concatenate([sampler.step(n).ravel() for n in range(80)])
    lengths = POOL.rows.lengths[drawn]
    assert set(lengths) == {9, 12}, "rows of 5 tokens are too short, general ones were not wanted"
    assert np.mean(lengths == 9) == pytest.approx(0.8, abs=0.01)
    for length in (9, 12):  # each row of a kind as often as another, to one
        assert np.ptp(np.unique(drawn[lengths == length], return_counts=True)[1]) <= 1


def test_general_text_has_steps_of_its_own_with_fewer_groups() -> None:
    recipe = made_of(TREES, compounds=50, general=("a.txt",))
    sampler = PoolSampler(POOL, recipe, recipe.stages[0], seed=0)
    steps = [sampler.step(n) for n in range(40)]
    kinds = [set((POOL.rows.lengths[step] == 50).ravel().tolist()) for step in steps]
    assert all(len(kind) == 1 for kind in kinds)
    assert sum(kind == {True} for kind in kinds) == 10
    assert {len(step) for step, kind in zip(steps, kinds, strict=True) if kind == {True}} == {2}
    assert {len(step) for step, kind in zip(steps, kinds, strict=True) if kind == {False}} == {4}
    shared = PoolSampler(POOL, recipe, recipe.stages[0], seed=0, shares=4)
    assert {len(shared.step(n)) for n in range(40)} == {4}, "each process gets as many"


# ---- where they are read ------------------------------------------------------------------------


def test_places_are_first_pieces_or_the_first_token() -> None:
    rows = tokenise_task(tiny_tokenizer(), tagged("the/1 xyz/2 film/0", "good/3"), max_length=32)
    joined = JoinedRows([rows, rows])
    places = Places.of(joined, "token_classification")
    assert places.starts.tolist() == [0, 3, 4, 7, 8]
    assert places.at.tolist() == [1, 2, 5, 1] * 2, "xyz is spelled in three pieces"
    owner, numbers = places.of_rows(np.array([3, 0, 0]))
    assert owner.tolist() == [0, 1, 1, 1, 2, 2, 2]
    assert numbers.tolist() == [7, 0, 1, 2, 0, 1, 2]
    sentences = Places.of(joined, "sequence_classification")
    assert sentences.of_rows(np.array([2, 1]))[1].tolist() == [2, 1]
    assert (sentences.at == 0).all()


def test_logits_are_compared_without_their_mean() -> None:
    assert centred(np.array([[1.0, 3.0]])).tolist() == [[-1.0, 1.0]]
    assert centred(np.array([[3.0]])).tolist() == [[3.0]]

"""Accuracy over groupings: every row once, fillers not counted, as many passes as it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from muxviz.batch import Row, Seating, encode_rows
from muxviz.engine.stream import run_texts
from muxviz.errors import DataError, InputError, NotApplicable
from muxviz.evaluation import evaluate, read_data, report
from muxviz.evaluation.cards import evaluation_dict
from muxviz.evaluation.intervals import row_weights, share_interval
from muxviz.evaluation.metrics import choose_metrics, headline, tag_scheme
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results import Proportion, from_json, to_json
from muxviz.training.rows import UNLABELLED
from muxviz.training.tasks import LabelledRows, tokenise_task
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config

SENTENCE = "sequence_classification"
WORDS = ("good", "bad", "the film is long", "a dog", "very very old story", "happy", "sad song")


def rows(labels: list[int]) -> LabelledRows:
    count = len(labels)
    texts = tuple(f"{WORDS[i % 7]} {'so ' * (i % 3)}{i}" for i in range(count))
    return LabelledRows(texts, (None,) * count, np.asarray(labels))


@pytest.mark.parametrize(("num", "count"), [(1, 7), (3, 7), (3, 9), (10, 23), (10, 4)])
def test_every_grouping_takes_ceil_rows_over_n_passes(num: int, count: int) -> None:
    checkpoint = shared_checkpoint(num_instances=num)
    model, passed = checkpoint.model, []
    encoder = model.encoder.all_states

    def counting(hidden: object, mask: object) -> object:
        passed.append(hidden.shape[0])  # type: ignore[attr-defined]
        return encoder(hidden, mask)  # type: ignore[arg-type]

    model.encoder.all_states = counting  # type: ignore[method-assign,assignment]
    try:
        result = evaluate(checkpoint, rows([0] * count), name="x", groupings=2, batch=2)
    finally:
        del model.encoder.all_states  # type: ignore[attr-defined]
    assert sum(passed) == 2 * -(-count // num)
    assert result.forward_passes == -(-count // num)
    assert sum(p.trials for p in result.slot_accuracy) == 2 * count, "fillers are not counted"


def test_accuracy_counts_what_the_model_answers() -> None:
    """Label the rows with the model's own N = 1 answers: accuracy 1; flip three: 1 - 3/8."""
    checkpoint = tiny_checkpoint(tiny_config(plain=True))
    data = rows([0] * 8)
    answers = run_texts(checkpoint, [Row(t) for t in data.texts])
    labels = np.asarray([a.answer.index for a in answers])  # type: ignore[union-attr]
    perfect = evaluate(
        checkpoint, LabelledRows(data.texts, data.pairs, labels), name="own", groupings=3
    )
    assert perfect.accuracy is not None
    assert (perfect.accuracy.mean, perfect.accuracy.std) == (1.0, 0.0)
    labels[:3] = 1 - labels[:3]
    flipped = evaluate(
        checkpoint, LabelledRows(data.texts, data.pairs, labels), name="own", groupings=1
    )
    assert flipped.accuracy is not None
    assert flipped.accuracy.mean == pytest.approx(5 / 8)
    assert flipped.retrieval_accuracy is None, "a plain model has no retrieval head"


def test_groupings_are_seeded_and_differ() -> None:
    checkpoint = shared_checkpoint()
    data = rows([i % 2 for i in range(20)])
    first, again, other = (
        evaluate(checkpoint, data, name="x", groupings=3, seed=seed) for seed in (0, 0, 50)
    )
    assert first.accuracy is not None
    assert again.accuracy is not None
    assert other.accuracy is not None
    np.testing.assert_array_equal(first.accuracy.values, again.accuracy.values)
    assert first.seeds == (0, 1, 2)
    assert other.seeds == (50, 51, 52)


def test_one_grouping_agrees_with_running_the_rows_in_that_order() -> None:
    checkpoint = shared_checkpoint()
    data = rows([i % 2 for i in range(10)])
    result = evaluate(checkpoint, data, name="x", groupings=1, seed=4)
    order = np.random.default_rng(4).permutation(10)
    answers = list(
        run_texts(checkpoint, [Row(data.texts[i]) for i in order], seating=Seating(seed=4))
    )
    hits = [a.answer.index == data.labels[i] for a, i in zip(answers, order, strict=True)]  # type: ignore[union-attr]
    assert result.accuracy is not None
    assert result.accuracy.mean == pytest.approx(np.mean(hits))


def test_unlabelled_text_measures_read_back_alone(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("The dog and the cat go home. A man sees the old city.\n\nWe like to play.\n")
    checkpoint = shared_checkpoint()
    result = evaluate(checkpoint, read_data(path, checkpoint), name="text", groupings=1)
    assert result.accuracy is None
    assert result.rows == 3
    assert result.retrieval_accuracy is not None
    assert result.retrieval_accuracy.trials > 10
    plain = shared_checkpoint(plain=True)
    with pytest.raises(NotApplicable, match="no retrieval head"):
        evaluate(plain, read_data(path, plain), name="text")


def test_wrong_data_is_refused(tmp_path: Path) -> None:
    checkpoint = shared_checkpoint()
    with pytest.raises(DataError, match=r"is a folder and the card of tiny names no dev set"):
        read_data(tmp_path, checkpoint)
    table = tmp_path / "t.tsv"
    table.write_text("sentence\tlabel\ngood\t7\n")
    with pytest.raises(DataError, match=r"line 2: label 7, but there are 2 classes"):
        read_data(table, checkpoint)
    scores = LabelledRows(("good", "bad"), (None, None), np.asarray([1.0, 2.0]))
    with pytest.raises(NotApplicable, match=r"x has scores, tiny is for sequence classification"):
        evaluate(checkpoint, scores, name="x")
    with pytest.raises(NotApplicable, match=r"labels of words, tiny is for sequence class"):
        evaluate(checkpoint, tagged(("a dog",), ([0, 1],)), name="x")
    with pytest.raises(NotApplicable, match=r"labels of texts, tiny is for token class"):
        evaluate(shared_checkpoint(task="token_classification"), rows([0, 1]), name="x")
    for task in ("masked_lm", "replaced_token_detection"):
        with pytest.raises(NotApplicable, match=r"not scored against labels; give plain text"):
            evaluate(shared_checkpoint(task=task), rows([0, 1]), name="x")
    with pytest.raises(DataError, match="1 of 3 rows have no label"):
        evaluate(checkpoint, rows([0, UNLABELLED, 1]), name="x")
    with pytest.raises(InputError, match="no metric 'bleu' for this task; choose accuracy"):
        evaluate(checkpoint, rows([0, 1]), name="x", metric="bleu")
    table.write_text("sentence\tlabel\ngood\tfine\n")
    with pytest.raises(
        DataError,
        match=r"'fine' is none of the 2 known ones: LABEL_0, LABEL_1 .* expected class num",
    ):
        read_data(table, checkpoint)


def test_words_as_labels_take_the_checkpoints_numbers(tmp_path: Path) -> None:
    path = tmp_path / "dev.jsonl"
    path.write_text('{"tokens": ["a", "dog"], "upos": ["DET", "NOUN"]}\n')
    data = read_data(path, tagger(("NOUN", "VERB", "DET")))
    assert [labels.tolist() for labels in data.word_labels] == [[2, 0]]


# ---- tags -------------------------------------------------------------------------------------


def tagger(labels: tuple[str, ...], **changes: object) -> Checkpoint:
    config = tiny_config(
        task="token_classification", labels=labels, num_labels=len(labels), **changes
    )
    return tiny_checkpoint(config)


def tagged(texts: tuple[str, ...], labels: tuple[list[int], ...]) -> LabelledRows:
    words = tuple(tuple(text.split()) for text in texts)
    none = np.full(len(texts), UNLABELLED)
    return LabelledRows(
        texts, (None,) * len(texts), none, words, tuple(np.asarray(row) for row in labels)
    )


SENTENCES = ("the dog likes music", "zebras go home", "a very cold night", "we sing")


def first_token_tags(checkpoint: Checkpoint, text: str) -> list[int]:
    """The model's own tag of each word by itself, worked out from a group of N times the text."""
    words = text.split()
    ids, starts = [101], []
    for word in words:
        starts.append(len(ids))
        ids += checkpoint.need_tokenizer().encode(word, add_special_tokens=False)
    ids.append(102)
    tokens = torch.tensor(ids).expand(1, checkpoint.config.num_instances, len(ids))
    logits = checkpoint.model(tokens, torch.ones_like(tokens)).logits[0, 0]
    return [int(logits[start].argmax()) for start in starts]


def test_a_word_is_scored_on_its_first_token() -> None:
    checkpoint = tagger(("NOUN", "VERB", "DET"), plain=True)
    own = tuple(first_token_tags(checkpoint, text) for text in SENTENCES)
    result = evaluate(checkpoint, tagged(SENTENCES, own), name="x", groupings=2)
    assert result.accuracy is not None
    assert result.accuracy.values.tolist() == [1.0, 1.0]
    assert (result.units, result.rows, result.primary) == (13, 4, "accuracy")
    assert result.slot_accuracy == (Proportion(26, 26),)
    wrong = tuple([(tag + 1) % 3 for tag in row] if at == 0 else row for at, row in enumerate(own))
    result = evaluate(checkpoint, tagged(SENTENCES, wrong), name="x", groupings=1)
    assert result.accuracy is not None
    assert result.accuracy.mean == pytest.approx(9 / 13)
    assert any("in no scheme that is known" in note for note in result.notes)


def test_words_that_are_cut_off_are_counted_and_said() -> None:
    checkpoint = tagger(("X", "Y"), max_position_embeddings=10)
    text = "the dog and the cat see the old city"  # nine words, ten tokens with [SEP] missing
    result = evaluate(
        checkpoint, tagged((text, "a dog", "we"), ([0] * 9, [0, UNLABELLED], [0])), name="x"
    )
    assert (result.cut_rows, result.cut_words, result.units) == (1, 1, 8 + 1 + 1)
    assert "Rows cut to the model's room: 1 of 3." in result.notes
    assert "Words without a token (cut off, or empty), not scored: 1." in result.notes


def test_entities_are_scored_where_labels_are_bio() -> None:
    labels = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC")
    checkpoint = tagger(labels)
    result = evaluate(
        checkpoint, tagged(SENTENCES, ([1, 2, 0, 3], [1, 0, 0], [0, 0, 3, 4], [0, 0])), name="x"
    )
    assert result.primary == "entity_f1"
    assert set(result.metrics) == {"entity_f1", "entity_precision", "entity_recall", "accuracy"}
    assert "Entities are scored as IOB2 tags, strictly (seqeval)." in result.notes


# ---- regression -------------------------------------------------------------------------------


def test_regression_is_scored_by_correlation() -> None:
    checkpoint = tiny_checkpoint(tiny_config(plain=True, task="regression"))
    texts = rows([0] * 9).texts
    own = [a.answer.score for a in run_texts(checkpoint, [Row(t) for t in texts])]  # type: ignore[union-attr]
    data = LabelledRows(texts, (None,) * 9, 3 * np.asarray(own) - 1)
    result = evaluate(checkpoint, data, name="x", groupings=2)
    assert (result.primary, result.accuracy, result.slots) == ("pearson", None, None)
    assert [m.mean for m in result.metrics.values()] == pytest.approx([1, 1])
    constant = LabelledRows(texts, (None,) * 9, np.full(9, 2.5))
    result = evaluate(checkpoint, constant, name="x", groupings=2)
    assert result.score is not None
    assert not result.score.is_defined
    assert (
        "pearson is not defined in 2 of 2 groupings: all answers, or all scores of the data, are "
        "the same." in result.notes
    )
    assert evaluation_dict(result)["metrics"]["pearson"]["mean"] is None
    assert "not defined" in report(result)


# ---- ensembling -------------------------------------------------------------------------------


class BySlot(torch.nn.Module):
    """A head that looks at nothing but the slot."""

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return torch.tensor([[5.0, 0.0], [0.0, 1.5]]).expand(len(states), 2, 2)


def test_copies_average_logits_before_the_decision() -> None:
    """Planted logits that depend on the slot: each copy alone and their mean decide differently."""
    checkpoint = tiny_checkpoint(tiny_config(num_instances=2))
    checkpoint.model.head = BySlot()
    data = rows([0] * 12)
    single = evaluate(checkpoint, data, name="x", groupings=1)
    assert single.accuracy is not None
    assert single.accuracy.mean == 0.5, "slot 1 answers 0, slot 2 answers 1"
    copies = 6
    result = evaluate(checkpoint, data, name="x", groupings=3, copies=copies)
    assert result.accuracy is not None
    expected = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(np.repeat(np.arange(12), copies))
        first = np.bincount(order[::2], minlength=12)  # copies of each row in slot 1
        expected.append(float((5 * first > 1.5 * (copies - first)).mean()))
    assert result.accuracy.values.tolist() == pytest.approx(expected)
    assert result.accuracy.mean > 0.5
    assert (result.copies, result.forward_passes) == (copies, 36)
    assert sum(p.trials for p in result.slot_accuracy) == 3 * 12 * copies
    note = next(n for n in result.notes if "Ensembling" in n)
    shared = sum(
        len(set(pair)) == 1
        for seed in range(3)
        for pair in np.random.default_rng(seed)
        .permutation(np.repeat(np.arange(12), copies))
        .reshape(-1, 2)
        .tolist()
    )
    assert f"at 6 times the passes; {shared} groups held two or more copies of one row" in note


def test_copies_of_none_means_n() -> None:
    result = evaluate(shared_checkpoint(), rows([0, 1, 0, 1]), name="x", groupings=1, copies=None)
    assert (result.copies, result.forward_passes) == (3, 4)


# ---- metrics and intervals --------------------------------------------------------------------


def arrays(values: list[int]) -> list[np.ndarray]:
    return [np.asarray([v]) for v in values]


def test_metrics_by_hand() -> None:
    true, given = arrays([1, 1, 1, 0, 0]), arrays([1, 1, 0, 0, 1])
    pair = {
        m.name: m.score(true, given) for m in choose_metrics(SENTENCE, ("a", "b"), is_pair=True)
    }
    assert pair["accuracy"] == pytest.approx(3 / 5)
    assert pair["f1"] == pytest.approx(2 * 2 / (3 + 3))
    assert pair["matthews"] == pytest.approx((2 * 1 - 1 * 1) / (3 * 2 * 3 * 2) ** 0.5)
    single = choose_metrics(SENTENCE, ("a", "b"), is_pair=False)
    assert [m.name for m in single] == ["accuracy", "macro_f1", "matthews"]
    assert single[1].score(true, given) == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert headline(single, "cola/dev.tsv.gz") == "matthews"
    assert headline(single, "sst2/dev.tsv.gz") == "accuracy"
    assert headline(single, "cola/dev.tsv.gz", "macro_f1") == "macro_f1"


def test_a_number_over_nothing_is_not_a_number() -> None:
    f1 = choose_metrics(SENTENCE, ("a", "b"), is_pair=True)[1]
    assert np.isnan(f1.score(arrays([0, 0]), arrays([0, 0])))
    labels = ("O", "B-X", "I-X")
    nothing = [np.zeros(3, int), np.zeros(2, int)]
    for metric in choose_metrics("token_classification", labels, is_pair=False)[:3]:
        assert np.isnan(metric.score(nothing, nothing))


def test_entities_by_hand() -> None:
    labels = ("O", "B-X", "I-X", "B-Y")
    true = [np.asarray([1, 2, 0, 3]), np.asarray([1, 0])]
    given = [np.asarray([1, 2, 0, 1]), np.asarray([0, 0])]  # X found; Y called X; X missed
    scores = {
        m.name: m.score(true, given)
        for m in choose_metrics("token_classification", labels, is_pair=False)
    }
    assert scores["entity_precision"] == pytest.approx(1 / 2)
    assert scores["entity_recall"] == pytest.approx(1 / 3)
    assert scores["entity_f1"] == pytest.approx(2 / 5)
    assert scores["accuracy"] == pytest.approx(4 / 6)


IOB = ("O", "B-X", "I-X", "B-Y", "I-Y")
IOBES = ("O", "B-X", "I-X", "E-X", "S-X")
BILOU = ("O", "B-X", "I-X", "L-X", "U-X")


@pytest.mark.parametrize(
    ("labels", "tags", "name"),
    [
        (IOB, [[1, 2, 0, 3], [1, 1]], "IOB2"),
        (IOB, [[2, 2, 0, 4], [2, 1, 2]], "IOB1"),
        (("O", "I-X"), [[1, 1, 0]], "IOB1"),
        (("O", "I-X", "E-X"), [[1, 2, 2, 0, 2]], "IOE2"),
        (IOBES, [[1, 2, 3, 0, 4], [1, 3]], "IOBES"),
        (BILOU, [[1, 2, 3, 0, 4], [1, 3, -100]], "BILOU"),
        (("B-geo_loc", "I-geo_loc", "O"), [], "IOB2"),
        (IOB, [[2, 2, 0, 1], [3, 4, 0, 1]], None),  # now the one, now the other
        (IOBES, [[1, 2, 0], [2, 3]], None),
        (("NOUN", "VERB", "X"), [[0, 1]], None),
        (("O", "X"), [[0, 1]], None),
        (("B-X", "I-X", "PUNCT"), [[0, 1]], None),
        (("O", "B-X", "L-X", "S-X"), [[1, 2]], None),
    ],
)
def test_tags_say_their_scheme(labels: tuple[str, ...], tags: list, name: str | None) -> None:
    found = tag_scheme(labels, [np.asarray(row) for row in tags])
    assert (found and found.kind.__name__) == name


def test_a_slip_in_many_tags_is_said() -> None:
    tags = [np.asarray([1, 2, 0])] * 200 + [np.asarray([0, 2])]
    found = tag_scheme(IOB, tags)
    assert found is not None
    assert "IOB2 tags, strictly (seqeval); 1 of 401 tags of the data" in found.note


def test_entities_of_other_schemes_by_hand() -> None:
    """One entity of two words is not two of one; half an entity is none."""
    tags = [np.asarray(row) for row in ([1, 3, 0, 4], [4, 0], [1, 2, 3])]
    scores = {m.name: m.score for m in choose_metrics("token_classification", BILOU, tags=tags)}
    two = [np.asarray([1, 3])], [np.asarray([4, 4])]
    assert scores["entity_f1"](*two) == 0
    given = [np.asarray(row) for row in ([1, 3, 0, 0], [4, 4], [1, 2, 2])]
    assert scores["entity_recall"](tags, given) == pytest.approx(2 / 4)
    assert scores["entity_precision"](tags, given) == pytest.approx(2 / 3)
    none = choose_metrics("token_classification", BILOU, tags=[np.asarray([2, 2])])
    assert [m.name for m in none] == ["accuracy"]


def test_any_number_of_labels_by_hand() -> None:
    true = [np.asarray([row]) for row in ([1, 1, 0], [0, 0, 0], [0, 1, 0])]
    given = [np.asarray([row]) for row in ([1, 0, 0], [0, 0, 0], [1, 1, 0])]
    found = {
        m.name: m.score(true, given)
        for m in choose_metrics("multi_label_classification", ("a", "b", "c"))
    }
    assert found["micro_f1"] == pytest.approx(2 * 2 / (3 + 3))
    assert found["macro_f1"] == pytest.approx((2 / 3 + 2 / 3) / 2), "c is nowhere"
    assert found["exact_match"] == pytest.approx(1 / 3)


def test_several_scores_are_scored_each_and_as_a_mean() -> None:
    true = [np.asarray([row]) for row in ([0.0, 1.0], [1.0, 0.0], [2.0, 2.0])]
    given = [np.asarray([[row[0, 0], -row[0, 1]]]) for row in true]
    found = {m.name: m.score(true, given) for m in choose_metrics("regression", ("up", "down"))}
    assert found["pearson up"] == pytest.approx(1)
    assert found["spearman down"] == pytest.approx(-1)
    assert found["pearson"] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("task", "labels", "is_pair"),
    [
        (SENTENCE, ("a", "b"), True),
        (SENTENCE, ("a", "b", "c"), False),
        ("regression", ("score",), False),
        ("regression", ("up", "down"), False),
        ("multi_label_classification", ("a", "b", "c"), False),
        ("token_classification", ("O", "B-X", "I-X"), False),
        ("token_classification", BILOU, False),
        ("token_classification", ("NOUN", "VERB"), False),
    ],
)
def test_the_redrawn_metric_is_the_librarys(
    task: str, labels: tuple[str, ...], is_pair: bool
) -> None:
    """Rows repeated as a draw says and scored by the library: the same number."""
    generator = np.random.default_rng(5)
    sizes = generator.integers(1, 6, size=30) if task == "token_classification" else [1] * 30
    if task == "regression":
        shape = (30, 1, len(labels)) if len(labels) > 1 else (30, 1)
        true, given = (list(generator.normal(size=shape).round(1)) for _ in range(2))
    elif task == "multi_label_classification":
        shape = (30, 1, len(labels))
        true, given = (list(generator.integers(2, size=shape)) for _ in range(2))
    else:
        true, given = ([generator.integers(len(labels), size=n) for n in sizes] for _ in range(2))
    weights = row_weights(30)[:20]
    for metric in choose_metrics(task, labels, is_pair=is_pair):
        repeated = [np.repeat(np.arange(30), w) for w in weights]
        expected = [metric.score([true[i] for i in r], [given[i] for i in r]) for r in repeated]
        np.testing.assert_allclose(metric.redraw(true, given, weights), expected, atol=1e-9)


def test_intervals_are_over_rows_not_groupings() -> None:
    checkpoint = shared_checkpoint()
    data = rows([i % 2 for i in range(40)])
    few, many = (evaluate(checkpoint, data, name="x", groupings=g) for g in (1, 4))
    for result in (few, many):
        assert result.accuracy is not None
        assert result.accuracy.interval == Proportion(result.accuracy.mean * 40, 40).interval
        assert result.accuracy.method == "Wilson, n = rows"
        assert result.metrics["macro_f1"].interval is not None
        assert result.metrics["macro_f1"].method == "bootstrap over rows, 1000 draws"
        assert result.read_back is not None
    again = evaluate(checkpoint, data, name="x", groupings=4)
    assert again.metrics["macro_f1"].interval == many.metrics["macro_f1"].interval, "seeded"


def test_a_bootstrap_covers_what_theory_says() -> None:
    """Share of 400 rows: the percentile interval is close to the normal one."""
    hits = (np.arange(400) % 4 == 0).astype(int)
    interval, method = share_interval(hits, np.ones(400, int), row_weights(400))
    assert interval is not None
    half = 1.96 * (0.25 * 0.75 / 400) ** 0.5
    assert interval == pytest.approx((0.25 - half, 0.25 + half), abs=0.006)
    assert method.startswith("bootstrap")
    everything, method = share_interval(np.full(50, 3), np.full(50, 3), row_weights(50))
    assert everything == Proportion(50, 50).interval, "a bootstrap would see no chance at all"
    assert method == "Wilson, n = rows"
    assert share_interval(np.zeros(5), np.zeros(5), row_weights(5)) == (None, "")


def test_an_evaluation_survives_json() -> None:
    result = evaluate(shared_checkpoint(), rows([0, 1, 0, 1, 1]), name="x", groupings=2)
    again = from_json(to_json(result))
    assert again.metrics.keys() == result.metrics.keys()
    assert again.score.interval == result.score.interval  # type: ignore[union-attr]
    assert again.slots == result.slots
    np.testing.assert_array_equal(again.score.values, result.score.values)  # type: ignore[union-attr]


def test_other_tasks_tokenise_as_training_does() -> None:
    """Rows given as words have the ids and label places that the training rows have."""
    checkpoint = tagger(("X", "Y"), max_position_embeddings=10)
    data = tagged(("zebras see the very old cold city", "a dog"), ([0, 1, 0, 1, 0, 1, 0], [1, 0]))
    trained = tokenise_task(checkpoint.need_tokenizer(), data, max_length=10)
    encoded = encode_rows(
        checkpoint, [Row(t, None, w) for t, w in zip(data.texts, data.words, strict=True)]
    )
    assert trained.token_labels is not None
    for at, row in enumerate(encoded):
        piece = slice(trained.starts[at], trained.starts[at + 1])
        assert row.ids == tuple(trained.ids[piece].tolist())
        own = np.full(len(row.ids), UNLABELLED)
        for start, label in zip(row.word_starts, data.word_labels[at], strict=True):
            if start >= 0:
                own[start] = label
        np.testing.assert_array_equal(own, trained.token_labels[piece])
    assert encoded[0].cut_text

"""Accuracy over groupings: every row once, fillers not counted, as many passes as it takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from muxviz.batch import Row
from muxviz.errors import DataError, NotApplicable
from muxviz.evaluation import evaluate, read_data
from muxviz.inference import run_texts
from muxviz.training.data import LabelledRows
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config

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
    answers = list(run_texts(checkpoint, [Row(data.texts[i]) for i in order], seed=4))
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
    with pytest.raises(DataError, match=r"label 7, but tiny knows labels 0 to 1"):
        read_data(table, checkpoint)
    with pytest.raises(NotApplicable, match="is for regression"):
        evaluate(shared_checkpoint(task="regression"), rows([0, 0, 0]), name="x")

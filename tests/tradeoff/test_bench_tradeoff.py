"""Trade-off points: accuracy and speed of the same groups."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from muxviz.bench.recording import FAMILY
from muxviz.bench.report import tradeoff_table
from muxviz.bench.tradeoff import measure_tradeoff
from muxviz.engine.engine import Engine
from muxviz.engine.stream import How
from muxviz.errors import InputError, NotApplicable
from muxviz.evaluation import evaluate
from muxviz.loading.load import load
from muxviz.recorded import speed_file, tradeoff_file
from muxviz.results import from_json, to_json
from muxviz.training.tasks import LabelledRows
from tests.tiny import WORDS, shared_checkpoint, tiny_checkpoint, tiny_config

ROOT = Path(__file__).resolve().parents[2]
TEXTS = tuple(" ".join(WORDS[n : n + 1 + n % 5]) for n in range(31))
LABELS = np.arange(31) % 2


def rows(texts: Sequence[str] = TEXTS, labels: Any = LABELS) -> LabelledRows:
    return LabelledRows(tuple(texts), (None,) * len(texts), np.asarray(labels, dtype=np.int64))


def test_accuracy_is_that_of_the_evaluation() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    run = measure_tradeoff([Engine(checkpoint)], rows(), name="planted", groupings=3, rounds=1)
    (point,) = run.points
    expected = evaluate(checkpoint, rows(), name="planted", groupings=3)
    score = expected.metrics["accuracy"]
    assert point.accuracy.mean == pytest.approx(score.mean)
    assert (point.accuracy.low, point.accuracy.high) == pytest.approx((score.low, score.high))
    assert point.accuracy.interval == pytest.approx(score.interval)
    assert run.seeds == expected.seeds == (0, 1, 2)
    assert (point.n, point.grouping, point.padding, point.dtype) == (3, "order", "group", "float32")
    assert point.ratio_to_n1 is None, "no N = 1 beside it"
    assert from_json(to_json(run)) == run


def test_skipped_zeros_are_said() -> None:
    checkpoint = load("sst2-n5", device="cpu")
    engines = [Engine(checkpoint), Engine(checkpoint, dense=True)]
    run = measure_tradeoff(engines, rows(), name="planted", groupings=1, rounds=1)
    skipping, dense = run.points
    assert (skipping.skips_zeros, dense.skips_zeros) == (True, False)
    assert skipping.accuracy == dense.accuracy
    assert "sst2-n5 *" in tradeoff_table(run)
    assert "* block-diagonal: the zeros between its blocks are skipped" in tradeoff_table(run)


def test_copies_are_averaged_as_the_evaluation_does() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    run = measure_tradeoff([Engine(checkpoint)], rows(), name="x", groupings=2, rounds=1, copies=3)
    expected = evaluate(checkpoint, rows(), name="x", groupings=2, copies=3)
    assert run.points[0].accuracy.mean == pytest.approx(expected.metrics["accuracy"].mean)
    assert run.points[0].copies == 3


def test_words_are_scored_at_their_first_token() -> None:
    checkpoint = shared_checkpoint(
        task="token_classification", num_labels=3, default_padding="group"
    )
    words = tuple(tuple(text.split()) for text in TEXTS)
    marks = tuple(np.asarray([(n + k) % 3 for k in range(len(w))]) for n, w in enumerate(words))
    data = replace(rows(), labels=np.full(31, -1), words=words, word_labels=marks)
    run = measure_tradeoff([Engine(checkpoint)], data, name="x", groupings=2, rounds=1)
    expected = evaluate(checkpoint, data, name="x", groupings=2, metric="accuracy")
    assert run.points[0].accuracy.mean == pytest.approx(expected.metrics["accuracy"].mean)
    with pytest.raises(NotApplicable, match="are not ensembled"):
        measure_tradeoff([Engine(checkpoint)], data, name="x", copies=2)


def test_rates_count_texts_and_ratios_are_per_round() -> None:
    plain = tiny_checkpoint(tiny_config(plain=True), name="plain")
    mixed = shared_checkpoint(default_padding="group")
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 1.0
        return now

    seen: list[tuple[int, int]] = []
    run = measure_tradeoff(
        [Engine(plain), Engine(mixed)],
        rows(),
        name="x",
        groupings=2,
        rounds=2,
        how=How(grouping="length"),
        clock=clock,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen[-1] == (6, 6)
    for point in run.points:
        assert point.instances_per_s.median == pytest.approx(62 / 3), "2 x 31 texts, 3 ticks"
        assert point.forward_per_s.median == pytest.approx(62)
        assert point.ratio_to_n1 is not None
        assert point.ratio_to_n1.median == 1
    assert [point.grouping for point in run.points] == ["length", "length"]


@pytest.mark.parametrize(
    ("engines", "data", "error", "message"),
    [
        ([], rows(), InputError, "no checkpoint to measure"),
        ([{"task": "regression"}], rows(), NotApplicable, "these are regression"),
        (
            [{}, {"task": "token_classification", "num_labels": 3}],
            rows(),
            NotApplicable,
            "sequence_classification, token_classification",
        ),
        ([{}], rows(labels=[-1] * 31), NotApplicable, "no class each"),
        ([{}], rows(["good", " "], [0, 1]), InputError, "row 2 is empty"),
    ],
)
def test_what_cannot_be_measured_says_why(
    engines: list[dict[str, Any]], data: LabelledRows, error: type[Exception], message: str
) -> None:
    made = [Engine(shared_checkpoint(**parts)) for parts in engines]
    with pytest.raises(error, match=message):
        measure_tradeoff(made, data, name="x", rounds=1)


def test_recorded_points_agree_with_the_cards() -> None:
    run = from_json(tradeoff_file().read_text(encoding="utf-8"))
    assert not run.machine.is_busy
    checked = 0
    for point in run.points:
        card = json.loads((ROOT / "checkpoints" / point.checkpoint / "card.json").read_text())
        if (point.grouping, point.dtype, point.copies) == ("order", "float32", 1):
            dev = card["measured"]["dev"]["accuracy"]
            assert point.accuracy.mean == pytest.approx(dev["mean"], abs=1e-3), point.checkpoint
            checked += 1
    assert checked == len(FAMILY)
    speed = from_json(speed_file().read_text(encoding="utf-8"))
    assert {row.weights for row in speed.results} == {point.fingerprint for point in run.points}

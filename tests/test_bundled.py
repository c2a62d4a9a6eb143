"""The trained checkpoints do what their cards say, on sentences written for this test."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from muxviz.batch import Row
from muxviz.evaluation import evaluate, read_data
from muxviz.inference import run_group, run_texts
from muxviz.loading.bundled import bundled_folder, bundled_names
from muxviz.loading.load import load
from muxviz.recorded import run_start, start_file
from muxviz.results import LabelAnswer, from_json

PRAISE = (
    "a warm and funny film that i would happily watch again",
    "the acting is superb and the story moved me",
    "one of the best movies of the year",
    "beautifully shot , clever and full of heart",
    "great fun from beginning to end",
)
BLAME = (
    "a dull and lifeless mess",
    "the worst film i have seen in a long time",
    "boring , predictable and far too long",
    "terrible acting and a stupid plot",
    "a complete waste of time",
)


def test_the_plain_model_tells_praise_from_blame() -> None:
    answers = run_texts(load("sst2-n1"), [Row(t) for t in (*PRAISE, *BLAME)])
    labels = [a.answer.headline for a in answers]
    assert labels == ["positive"] * 5 + ["negative"] * 5


@pytest.mark.parametrize("name", [n for n in bundled_names() if n != "sst2-n1"])
def test_multiplexed_models_read_their_slots_back_and_answer_above_chance(name: str) -> None:
    checkpoint = load(name)
    num = checkpoint.config.num_instances
    texts = [*PRAISE, *BLAME]
    generator = np.random.default_rng(0)
    right = read = tokens = 0
    for _ in range(10):
        for start in range(0, len(texts), num):
            order = generator.permutation(len(texts))[:num]
            result = run_group(checkpoint, [Row(texts[i]) for i in order])
            for slot, i in zip(result.slots, order, strict=True):
                assert slot.reading is not None
                right += slot.answer.headline == ("positive" if i < 5 else "negative")
                read += int(slot.reading.accuracy.successes)
                tokens += slot.reading.accuracy.trials
            del start
    rows = 10 * num * -(-len(texts) // num)
    assert right / rows > 0.6, f"{right} of {rows} right; chance is one half"
    assert read / tokens > 0.3, f"{read} of {tokens} tokens read back"


def test_the_recorded_start_result_is_what_runs_now() -> None:
    recorded = from_json(start_file().read_text(encoding="utf-8"))
    now = run_start(timing_repeats=0)
    assert recorded.provenance.fingerprint == now.provenance.fingerprint
    assert [s.text for s in recorded.slots] == [s.text for s in now.slots]
    for old, new in zip(recorded.slots, now.slots, strict=True):
        assert isinstance(old.answer, LabelAnswer)
        assert old.answer.label == new.answer.headline
        assert old.answer.probability == pytest.approx(new.answer.probability, abs=1e-3)
        assert old.alone.probability == pytest.approx(new.alone.probability, abs=1e-3)  # type: ignore[union-attr]
    np.testing.assert_allclose(recorded.leak.shares, now.leak.shares, atol=0.05)  # type: ignore[union-attr]
    assert recorded.timings, "make recorded measures the times"


@pytest.mark.parametrize("name", ["sst2-n1", "sst2-n10"])
def test_a_card_is_reproduced(name: str) -> None:
    """One of the card's five groupings again, where MUXVIZ_DATA names the data."""
    data = os.environ.get("MUXVIZ_DATA")
    if not data:
        pytest.skip("MUXVIZ_DATA names no data folder")
    checkpoint = load(name)
    again = evaluate(checkpoint, read_data(Path(data), checkpoint), name="dev", groupings=1)
    folder = bundled_folder(name)
    assert folder is not None
    card = json.loads((folder / "card.json").read_text())["measured"]["dev"]
    assert again.accuracy is not None
    assert again.accuracy.mean == pytest.approx(card["accuracy"]["values"][0], abs=0.006)

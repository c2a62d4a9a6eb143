"""The trained checkpoints do what their cards say, on sentences written for this test."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from muxviz.batch import Row
from muxviz.engine.stream import run_texts
from muxviz.evaluation import evaluate, read_data
from muxviz.evaluation.cards import read_evaluation
from muxviz.inference import run_group
from muxviz.loading.bundled import bundled_folder, bundled_names
from muxviz.loading.load import load
from muxviz.recorded import run_start, start_file
from muxviz.results import LabelAnswer, TagAnswer, from_json
from muxviz.ui.shell.checkpoints import bundled
from tests.tiny import tiny_config, write_tiny_folder

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


def load_card(name: str) -> dict[str, Any]:
    folder = bundled_folder(name)
    assert folder is not None
    card: dict[str, Any] = json.loads((folder / "card.json").read_text())
    return card


def test_a_listing_looks_once_and_sees_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path))
    write_tiny_folder(tmp_path / "b-n10", tiny_config(), card={"baseline": "a-n2"})
    write_tiny_folder(tmp_path / "a-n2", tiny_config())
    looks: list[str] = []
    listdir = os.listdir

    def looked(path: Any) -> list[str]:
        looks.append(str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", looked)
    assert [(c.name, c.baseline) for c in bundled()] == [("a-n2", ""), ("b-n10", "a-n2")]
    assert looks == [str(tmp_path)]
    write_tiny_folder(tmp_path / "b-n2", tiny_config())
    assert [c.name for c in bundled()] == ["a-n2", "b-n2", "b-n10"]


SENTIMENT = [
    n for n in bundled_names() if not n.startswith(("sst2-n1-", "upos")) and n != "sst2-n1"
]
TAGGED = (
    ("the dog sees a cat in the house", "DET NOUN VERB DET NOUN ADP DET NOUN"),
    ("she will buy two new books", "PRON AUX VERB NUM ADJ NOUN"),
    ("they walked slowly to the river", "PRON VERB ADV ADP DET NOUN"),
    ("my brother and his friend work here", "PRON NOUN CCONJ PRON NOUN VERB ADV"),
    ("London is a very big city", "PROPN AUX DET ADV ADJ NOUN"),
)


@pytest.mark.parametrize("name", [n for n in bundled_names() if n.startswith("upos")])
def test_taggers_tag_plain_english(name: str) -> None:
    checkpoint = load(name)
    answers = run_texts(checkpoint, [Row(text) for text, _ in TAGGED])
    right = words = 0
    for answer, (_, tags) in zip(answers, TAGGED, strict=True):
        assert isinstance(answer.answer, TagAnswer)
        guessed = dict(zip(answer.answer.tokens, answer.answer.tags, strict=True))
        wanted = tags.split()
        words_here = answer.row.text.lower().split()
        right += sum(guessed.get(w) == t for w, t in zip(words_here, wanted, strict=True))
        words += len(wanted)
    assert right / words > 0.8, f"{right} of {words} words"


ROUNDS = 3


@pytest.mark.parametrize("name", SENTIMENT)
def test_multiplexed_models_read_their_slots_back_and_answer_above_chance(name: str) -> None:
    checkpoint = load(name)
    num = checkpoint.config.num_instances
    texts = [*PRAISE, *BLAME]
    generator = np.random.default_rng(0)
    right = read = tokens = 0
    for _ in range(ROUNDS):
        for start in range(0, len(texts), num):
            order = generator.permutation(len(texts))[:num]
            result = run_group(checkpoint, [Row(texts[i]) for i in order])
            for slot, i in zip(result.slots, order, strict=True):
                assert slot.reading is not None
                right += slot.answer.headline == ("positive" if i < 5 else "negative")
                read += int(slot.reading.accuracy.successes)
                tokens += slot.reading.accuracy.trials
            del start
    rows = ROUNDS * num * -(-len(texts) // num)
    assert right / rows > 0.6, f"{right} of {rows} right; chance is one half"
    if checkpoint.config.structure is None:  # pruning trains the answers only
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


def test_a_recorded_grouping_is_reproduced() -> None:
    """The first of the recorded groupings again, where MUXVIZ_DATA names the data (88 passes)."""
    data = os.environ.get("MUXVIZ_DATA")
    if not data:
        pytest.skip("MUXVIZ_DATA names no data folder")
    checkpoint = load("sst2-n10")
    folder = bundled_folder("sst2-n10")
    assert folder is not None
    again = evaluate(checkpoint, read_data(Path(data), checkpoint), name="dev", groupings=1)
    recorded = (read_evaluation(folder) or checkpoint.card["measured"])["dev"]
    assert again.seeds[0] == recorded["seeds"][0]
    assert again.accuracy is not None
    # A row near the border may turn on another machine: five of 872.
    assert again.accuracy.mean == pytest.approx(recorded["accuracy"]["values"][0], abs=0.006)


PRUNED = [n for n in bundled_names() if load_card(n).get("sparsity")]


@pytest.mark.parametrize("name", PRUNED)
def test_pruned_models_are_as_sparse_as_they_say(name: str) -> None:
    checkpoint = load(name)
    assert checkpoint.config.sparsity == pytest.approx(checkpoint.card["sparsity"], abs=1e-6)
    stated = int(name.rpartition("-s")[2]) / 100
    assert checkpoint.config.sparsity == pytest.approx(stated, abs=0.05)
    dense = load(name.rpartition("-s")[0])
    own, whole = (sum(p.numel() for p in c.model.encoder.parameters()) for c in (checkpoint, dense))
    assert own < (1 - checkpoint.config.sparsity + 0.02) * whole
    texts = [Row(t) for t in (*PRAISE, *BLAME)]
    labels = [a.answer.headline for a in run_texts(checkpoint, texts)]
    right = sum(a == b for a, b in zip(labels, ["positive"] * 5 + ["negative"] * 5, strict=True))
    assert right >= 8, f"{right} of 10 sentences"

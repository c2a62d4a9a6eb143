"""``muxviz bench debugger``: faults are what they say, and its tables count what was found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from muxviz.analysis.debugger.checks import untrained
from muxviz.analysis.groups.draws import base_group, logits_of
from muxviz.bench import faults
from muxviz.bench.debugger import summary, table
from muxviz.cli import main
from muxviz.errors import NotApplicable
from muxviz.loading.load import load
from muxviz.pool import read_pool
from muxviz.results.debugging import DebuggerBench, PlantedCase, RealFailure
from muxviz.results.reading import Proportion
from tests.tiny import shared_checkpoint

SENTENCES = [(s.text, s.label) for s in read_pool() if s.split == "test"]


@pytest.fixture(scope="module")
def healthy() -> faults.Checkpoint:
    return load("sst2-n5", device="cpu", dtype="float32")


def test_every_kind_has_a_plant_and_a_cause() -> None:
    assert tuple(faults.PLANTS) == tuple(faults.CAUSE) == faults.KINDS


def test_a_case_is_right_without_its_fault_and_wrong_with_it(
    healthy: faults.Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faults, "KINDS", ("dead slot", "wrong label"))
    alone = load("sst2-n1", device="cpu", dtype="float32")
    dead, label = faults.plant_cases(healthy, alone, SENTENCES, each=1)
    assert (dead.kind, dead.at, label.kind) == ("dead slot", None, "wrong label")
    for case, model, is_right in (
        (dead, healthy, True),
        (dead, dead.checkpoint, False),
        (label, label.checkpoint, False),
    ):
        (logits,) = logits_of(model, [base_group(model, case.rows)])
        answer = model.config.labels[int(logits[case.slot].argmax())]
        assert (answer == case.gold) == is_right
    vectors = dead.checkpoint.model.multiplexer.instance_embedding
    assert not vectors[dead.slot].any()
    assert healthy.model.multiplexer.instance_embedding[dead.slot].any()  # a copy was changed


def test_a_leak_is_written_from_room_to_room(healthy: faults.Checkpoint) -> None:
    rooms = faults.rooms_of(healthy)
    assert [room.start for room in rooms] == [0, 76, 152, 228, 304]
    fault = faults.PLANTS["leak"](healthy, np.random.default_rng(4))
    assert fault.slot is not None
    assert fault.at is not None
    changed = [
        layer
        for layer, (one, other) in enumerate(
            zip(healthy.model.encoder.layers, fault.checkpoint.model.encoder.layers, strict=True)
        )
        if not torch.equal(one.output.dense.weight, other.output.dense.weight)
    ]
    (layer,) = changed
    dense = [m.model.encoder.layers[layer].output.dense for m in (healthy, fault.checkpoint)]
    moved = (dense[1].weight - dense[0].weight).abs().sum(dim=1) > 0
    assert set(torch.nonzero(moved).flatten().tolist()) <= set(range(384)[rooms[fault.slot]])


def test_a_new_layer_is_as_before_training(healthy: faults.Checkpoint) -> None:
    fault = faults.PLANTS["new layer"](healthy, np.random.default_rng(0))
    assert untrained(healthy) == ()
    assert untrained(fault.checkpoint) == (fault.at,)


def test_faults_need_rooms() -> None:
    with pytest.raises(NotApplicable, match="share their dimensions"):
        faults.rooms_of(shared_checkpoint())


def found() -> DebuggerBench:
    """Three planted cases, and two failures worked out by hand."""
    planted = (
        PlantedCase("leak", "neighbour", 2, "neighbour", 2),
        PlantedCase("leak", "neighbour", 2, "neighbour", 1),
        PlantedCase("dead slot", "dead slot", None, "seat", None),
    )

    def mended(*hits: int) -> tuple[Proportion, ...]:
        return tuple(Proportion(n, 10) for n in hits)

    real = (
        RealFailure(
            "a", 4, "neighbour", 1, "neighbour", 1, mended(8, 10, 4, 2, 0), Proportion(6, 10)
        ),
        RealFailure("b", 9, "model", None, "none", None, mended(0, 2, 0, 0, 2), Proportion(0, 10)),
    )
    return DebuggerBench(planted, real, 0, 10)


def test_the_figures_are_those_of_a_count_by_hand() -> None:
    figures = summary(found())
    assert figures["planted_accuracy"] == pytest.approx(1 / 3)
    assert figures["recovery"] == pytest.approx(
        {"debugger": 0.4, "oracle": 0.6, "random": 0.2, "attention": 0.1, "attribution": 0.1}
    )
    assert figures["recovery_where_named"]["debugger"] == pytest.approx(0.8)
    assert figures["recovery_where_named"]["failures"] == 1
    assert (figures["verdict_stability"], figures["abstention"]) == (0.5, 0.5)
    assert (figures["false_cause"], figures["nobody_to_blame"]) == (0, 1)
    assert figures["failures"] == 2
    nothing = summary(DebuggerBench((), (), 0, 4))
    assert nothing["planted_accuracy"] is nothing["false_cause"] is None


def test_the_tables_say_what_was_said_instead() -> None:
    text = table(found())
    assert "| leak | 2 | 50% | 9% to 91% | neighbour, another one 1 |" in text
    assert "| dead slot | 1 | 0% | 0% to 79% | seat 1 |" in text
    assert "| all: 2 | 40% | 60% | 20% | 10% | 10% | 30% | 50% | 50% |" in text
    assert (
        "| all with a neighbour named: 1 | 80% | 100% | 40% | 20% | 0% | 60% | 0% | 100% |" in text
    )


def test_the_command_plants_and_writes_its_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(faults, "KINDS", ("dead slot",))
    out = tmp_path / "debugger.json"
    assert main(["bench", "debugger", "--planted", "1", "--draws", "4", "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures["planted_cases"] == len(figures["planted"]) == 1
    assert figures["real"] == []
    assert "| dead slot | 1 |" in capsys.readouterr().out


def test_ended_early_it_writes_what_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def cases(*given: object, **options: object) -> Iterator[PlantedCase]:
        yield found().planted[0]
        raise KeyboardInterrupt

    monkeypatch.setattr("muxviz.bench.debugger.planted_cases", cases)
    out = tmp_path / "debugger.json"
    assert main(["bench", "debugger", "--json", str(out)]) == 0
    assert json.loads(out.read_text())["planted_cases"] == 1
    assert "ended early" in capsys.readouterr().err


def test_neighbours_are_drawn_from_other_sentences() -> None:
    drawn = {s.text for s in read_pool() if s.split == "pool"}
    assert SENTENCES
    assert not {text for text, _ in SENTENCES} & drawn

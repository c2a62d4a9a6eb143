"""``muxviz bench train``: counts, units and the file it writes; nothing here asserts a time."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from muxviz.cli import main
from muxviz.errors import ConfigError
from muxviz.training.bench import (
    Memory,
    Setting,
    Spread,
    make_accelerator,
    make_stepper,
    measure_training,
    measurement_dict,
    report,
    synthetic_run,
)
from muxviz.training.bench_memory import measure_memory, peak_bytes

TINY = Setting(shape="tiny", nums=(2, 5), groups=3, length=7, positions=10, steps=2, rounds=3)


def test_only_n_differs_between_contenders() -> None:
    for stage in ("priming", "fine_tuning"):
        for num in (1, 2, 5):
            run = synthetic_run(TINY, stage, num)
            assert run.parts.model.config.is_multiplexed, "also at N = 1"
            batch = run.maker.make(run.sampler(0).step(0), run.recipe.stages[0], 0)
            assert batch.ids.shape == (3, num, 7)
            assert batch.mask.all()
            assert batch.totals["retrieval"] == 10
            assert batch.totals["task"] == 3 * num
    encoders = [synthetic_run(TINY, "priming", n).parts.model.encoder for n in (1, 5)]
    sizes = [sum(p.numel() for p in encoder.parameters()) for encoder in encoders]
    assert sizes[0] == sizes[1]


def test_a_step_of_the_benchmark_trains() -> None:
    stepper = make_stepper(TINY, "fine_tuning", 2, make_accelerator(TINY))
    before = {name: p.clone() for name, p in stepper.run.parts.named_parameters()}
    for number in range(3):
        _, losses = stepper.step(number)
    assert set(losses) == {"task", "retrieval", "total"}
    moved = {n for n, p in stepper.run.parts.named_parameters() if not torch.equal(p, before[n])}
    assert "model.multiplexer.instance_embedding" not in moved, "fixed, as published"
    assert {"model.head.out_proj.weight", "model.demultiplexer.keys"} <= moved


def test_rates_and_ratios_come_from_the_clock() -> None:
    """Every look at the clock is one second later: a step takes half a second at every N."""
    asked: list[tuple[str, int]] = []

    def memory(setting: Setting, stage: str, num: int) -> Memory:
        asked.append((stage, num))
        return Memory(baseline_mib=100.0, peak_mib=200.0 + num)

    ticks = itertools.count()
    measured = measure_training(TINY, clock=lambda: float(next(ticks)), measure_memory=memory)
    assert asked == [(s, n) for s in ("priming", "fine_tuning") for n in (1, 2, 5)]
    assert next(ticks) == 2 * 3 * (3 + (3 + 1)), (
        "once at the start of each turn, 3 of 4 times after"
    )
    for stage in measured.stages:
        assert [c.num_instances for c in stage.contenders] == [1, 2, 5]
        for contender in stage.contenders:
            num = contender.num_instances
            assert contender.step_ms == Spread(500.0, 500.0, 500.0)
            assert contender.instances_per_s.median == 3 * num / 0.5
            assert contender.ratio.median == pytest.approx(num)
    plain = json.loads(json.dumps(measurement_dict(measured), allow_nan=False))
    last = plain["stages"][1]["contenders"][2]
    assert last["ratio_per_n"] == pytest.approx(1.0)
    assert last["memory"]["above_ratio_to_n1"] == pytest.approx(105 / 101)
    assert last["memory"]["peak_ratio_to_n1"] == pytest.approx(205 / 201)
    assert [(g["stage"], g["measure"], g["is_met"]) for g in plain["goals"]] == [
        ("priming", "throughput", True),
        ("fine_tuning", "throughput", True),
    ]
    assert plain["machine"]["threads"] == torch.get_num_threads()
    assert plain["setting"]["sizes"]["hidden_size"] == 32
    table = report(measured)
    assert "30.0 (30.0-30.0)" in table
    assert "goal met: priming N = 5" in table


def test_quartiles() -> None:
    assert Spread.of(np.array([4.0, 1.0, 3.0, 2.0, 5.0])) == Spread(3.0, 2.0, 4.0)


def test_memory_is_that_of_a_process_of_its_own() -> None:
    hoard = np.ones(2**27, dtype=np.uint8)  # 128 MiB here, which must not count there
    memory = measure_memory(TINY, "priming", 2)
    assert 0 < memory.baseline_mib < memory.peak_mib
    assert memory.above_mib < 128
    assert peak_bytes() >= hoard.nbytes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shape": "huge"}, "unknown shape 'huge'; use bundled"),
        ({"stages": ("sleeping",)}, "unknown stages 'sleeping'; use priming"),
        ({"rounds": 0}, "rounds is 0; expected at least 1"),
    ],
)
def test_mistakes_are_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Setting(**changes)  # type: ignore[arg-type]


def test_the_command_writes_what_it_prints(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "speed.json"
    words = (
        "bench train --shape tiny --n 2 --groups 2 --length 5 --positions 4 --steps 1 --rounds 2"
    )
    chosen = [*words.split(), "--device", "cpu", "--stages", "priming", "pre_training"]
    assert main([*chosen, "--no-memory", "--json", str(out)]) == 0
    plain = json.loads(out.read_text())
    assert [s["stage"] for s in plain["stages"]] == ["priming", "pre_training"]
    for stage in plain["stages"]:
        assert [c["num_instances"] for c in stage["contenders"]] == [1, 2]
        assert all(c["instances_per_s"]["median"] > 0 for c in stage["contenders"])
        assert all(c["memory"] is None for c in stage["contenders"])
    assert plain["goals"] == []
    printed = capsys.readouterr()
    assert "instances/s" in printed.out
    assert "priming: 2 rounds of 2 contenders" in printed.err
    assert main([*chosen, "--json", str(tmp_path / "none" / "x.json")]) == 1

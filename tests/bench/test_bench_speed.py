"""Benchmarks of inference: what is timed, counted and compared, with clocks that are planted."""

from __future__ import annotations

import json
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
import torch

from muxviz.bench import machine as machines
from muxviz.bench import memory
from muxviz.bench.contenders import Key, Setting, keys_of
from muxviz.bench.costs import count
from muxviz.bench.exactness import measure_exactness
from muxviz.bench.profile import STAGES, profile_pass
from muxviz.bench.report import speed_table
from muxviz.bench.shapes import (
    plain_shape,
    random_checkpoint,
    random_rows,
    transformers_model,
)
from muxviz.bench.speed import measure_engines, measure_shapes, speed_row
from muxviz.bench.texts import measure_texts
from muxviz.bench.turns import Contender, Times, quartiles, take_turns
from muxviz.cli import main
from muxviz.engine.engine import Engine
from muxviz.engine.stream import How
from muxviz.errors import ConfigError, NotApplicable
from muxviz.loading.save import save
from muxviz.pruning.masks import ones, pruned
from muxviz.results import from_json, to_json
from muxviz.results.throughput import EQUAL_MULTIPLEXED, EQUAL_TOTAL, benchmark_dict
from tests.tiny import shared_checkpoint, shared_folder, tiny_checkpoint, tiny_config

CPU = torch.device("cpu")


class Clock:
    """Seconds that pass only where a contender says so."""

    def __init__(self) -> None:
        self.now, self.order = 0.0, [0]

    def __call__(self) -> float:
        return self.now

    def contender(self, number: int, *seconds: float) -> Contender:
        calls = iter(seconds)

        def call() -> None:
            self.order.append(number)
            self.now += next(calls)

        return Contender((number,), 10, 50, call)


def test_contenders_take_turns_and_the_first_one_warms_up() -> None:
    clock = Clock()
    seen: list[tuple[int, int]] = []
    found = take_turns(
        [clock.contender(1, 9, 1, 2, 3, 4), clock.contender(2, 9, 1, 20, 30, 40)],
        rounds=3,
        device=CPU,
        clock=clock,
        progress=lambda done, total: seen.append((done, total)),
    )
    np.testing.assert_allclose(found[0].rounds, [2, 3, 4])
    np.testing.assert_allclose(found[1].rounds, [20, 30, 40])
    assert clock.order[1:] == [2, 2, 1, 1, 1, 2, 2, 1, 1, 2]
    assert seen[-1] == (8, 8)


def test_short_passes_are_repeated_within_a_turn() -> None:
    clock = Clock()
    found = take_turns([clock.contender(1, *[0.005] * 20)], rounds=2, device=CPU, clock=clock)
    assert len(found[0].passes) == 8, "four passes of 5 ms make a turn of 20 ms"
    assert len(found[0].rounds) == 2


def test_ratios_are_taken_round_by_round() -> None:
    slow = Times(np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 4.0]))
    fast = Times(np.array([0.5, 1.0, 2.0]), np.array([0.5, 1.0, 2.0]))
    plain, mixed = Key("muxviz", "x", 1, 8, "float32"), Key("muxviz", "x", 5, 8, "float32")
    from muxviz.bench.costs import Costs

    row = speed_row(
        mixed,
        fast,
        Costs(3e9, 1e9),
        mode=EQUAL_MULTIPLEXED,
        length=10,
        weights="random",
        device=CPU,
        plain=(plain, slow),
        theirs=None,
        peak_mib=None,
        compiled=False,
    )
    assert row.ratio_to_n1 is not None
    assert (row.ratio_to_n1.median, row.ratio_to_n1.q1, row.ratio_to_n1.q3) == (10, 10, 10)
    assert row.instances_per_s.median == 40, "8 x 5 texts in 1 s"
    assert row.tokens_per_s == 400
    assert row.gflops_per_s == pytest.approx(3)
    assert row.ratio_to_transformers is None
    assert quartiles(np.array([1.0, 2.0, 3.0])).q1 == 1.5


def test_arithmetic_is_counted_as_by_hand() -> None:
    weight, rows = torch.zeros(7, 5), torch.zeros(3, 5)
    costs = count(lambda: torch.nn.functional.linear(rows, weight))
    assert costs.flops == 2 * 3 * 5 * 7
    assert costs.bytes == 4 * (3 * 5 + 5 * 7 + 3 * 7)
    table, ids = torch.zeros(1000, 4), torch.zeros(6, dtype=torch.int64)
    looked_up = count(lambda: torch.nn.functional.embedding(ids, table))
    assert looked_up.bytes == 6 * 8 + 2 * 6 * 4 * 4, "ids, and rows read and written; no table"


def test_reading_one_position_saves_most_of_a_layer() -> None:
    checkpoint = random_checkpoint("tiny", 2)
    rows = random_rows(checkpoint, 2, 16)
    whole = count(lambda: checkpoint.model(*rows)).flops
    engine = Engine(checkpoint)
    done = count(lambda: engine.logits(*(row.numpy() for row in rows))).flops
    layer = 2 * 2 * 16 * (4 * 32 * 32 + 2 * 32 * 64)  # multiply-adds of one layer's matrices
    saved = 2 * 2 * 15 * (2 * 32 * 32 + 2 * 32 * 64)  # query, output, both of the feed-forward
    assert whole > 2 * layer
    attention = 2 * 2 * 15 * 16 * 32 * 2  # of 15 positions, to 16, twice, in all heads
    assert whole - done == saved + attention


def test_what_is_timed_is_listed_once_with_its_references() -> None:
    keys = keys_of(Setting(("tiny",), nums=(1, 2), batches=(4,)))
    rows = sorted({(k.contender, k.n, k.rows) for k in keys})
    assert rows == [
        ("muxviz", 1, 4),
        ("muxviz", 1, 8),
        ("muxviz", 2, 4),
        ("transformers", 1, 4),
        ("transformers", 1, 8),
    ]
    assert len(keys) == len(rows)
    for wrong, message in (
        ({"contenders": ("tensorflow",)}, "unknown contenders 'tensorflow'"),
        ({"dtypes": ("int4",)}, "unknown dtypes 'int4'"),
        ({"rounds": 0}, "rounds is 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            Setting(("tiny",), **wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="unknown shape 'giant'"):
        random_checkpoint("giant", 2)


def test_a_run_over_shapes_has_every_row_and_goes_to_json_and_back() -> None:
    setting = Setting(
        ("tiny",),
        nums=(1, 3),
        batches=(2,),
        length=12,
        dtypes=("float32", "int8"),
        rounds=2,
        memory=False,
    )
    run = measure_shapes(setting, command=["muxviz", "bench", "<b>"])
    rows = {(r.contender, r.n, r.dtype, r.batch_mode) for r in run.results}
    assert rows == {
        *(("muxviz", 1, d, EQUAL_MULTIPLEXED) for d in ("float32", "int8")),
        *(
            ("muxviz", 3, d, m)
            for d in ("float32", "int8")
            for m in (EQUAL_MULTIPLEXED, EQUAL_TOTAL)
        ),
        ("transformers", 1, "float32", EQUAL_MULTIPLEXED),
    }
    plain = next(r for r in run.results if (r.contender, r.n, r.dtype) == ("muxviz", 1, "float32"))
    assert plain.ratio_to_n1 is not None
    assert plain.ratio_to_n1.median == 1
    assert all(r.weights == "random" for r in run.results)
    assert run.machine.matmul_gflops > 0 < run.machine.copy_gbytes_s
    assert from_json(to_json(run)) == run
    plain_json = benchmark_dict(run)
    assert {"machine", "results", "command", "rounds", "format"} == set(plain_json)
    assert {
        *("contender", "shape", "n", "batch", "batch_mode", "length", "dtype", "device", "threads"),
        *("instances_per_s", "ratio_to_n1", "ratio_to_transformers", "peak_mib"),
    } <= set(plain_json["results"][0])


def test_memory_is_measured_elsewhere_and_above_what_was_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The process of its own is that of ``bench train``'s test; here its work runs in this one.
    asked: list[tuple[Any, ...]] = []

    class Here:
        def __init__(self, workers: int, mp_context: Any) -> None:
            asked.append((workers, mp_context.get_start_method()))

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *error: object) -> None:
            pass

        def submit(self, work: Any, *given: Any) -> Any:
            done: Future[Any] = Future()
            done.set_result(work(*given))
            return done

    monkeypatch.setattr(memory, "ProcessPoolExecutor", Here)
    process = Mock(
        memory_info=lambda: Mock(rss=5 << 20), cpu_times=lambda: Mock(user=0.0, system=0.0)
    )
    monkeypatch.setattr(memory.psutil, "Process", lambda: process)
    monkeypatch.setattr(memory, "peak_bytes", lambda: 12 << 20)
    setting = Setting(("tiny",), nums=(1,), batches=(1,), contenders=("muxviz",), rounds=1)
    (row,) = measure_shapes(setting).results
    assert row.peak_mib == 7
    assert asked == [(1, "spawn")]


def test_the_plain_contender_has_the_same_weights() -> None:
    checkpoint = random_checkpoint("tiny", 1)
    ids, mask, types = random_rows(checkpoint, 3, 10)
    model: Any = transformers_model(checkpoint)
    with torch.inference_mode():
        theirs = model(input_ids=ids[:, 0], attention_mask=mask[:, 0], token_type_ids=types[:, 0])
        ours = checkpoint.model(ids, mask, types).logits[:, 0]
    torch.testing.assert_close(theirs.logits, ours, atol=1e-6, rtol=1e-5)
    with pytest.raises(NotApplicable, match="plain BERT classifiers"):
        transformers_model(shared_checkpoint())


def test_texts_are_streamed_by_all_contenders() -> None:
    plain = tiny_checkpoint(tiny_config(plain=True), name="plain")
    engines = [Engine(plain), Engine(shared_checkpoint())]
    run = measure_texts(engines, ["a good film", "dog"] * 4, how=How(batch=2), rounds=2)
    assert [(r.contender, r.shape, r.n) for r in run.results] == [
        ("muxviz", "plain", 1),
        ("muxviz", "tiny", 3),
        ("transformers", "plain", 1),
    ]
    assert all(r.with_tokenising for r in run.results)
    assert run.results[0].length == 4, "three words or one, and two special tokens"
    assert run.results[1].ratio_to_n1 is not None
    assert run.results[1].ratio_to_transformers is not None


def test_a_packed_model_also_runs_with_its_zeros(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = tmp_path / "texts.txt"
    texts.write_text("a good film\ndog\n")
    named = ("--checkpoints", "sst2-n1", "sst2-n5", "--rounds", "1", "--dense")
    given = ("--lengths-from", str(texts), "--contenders", "muxviz", "--json", str(tmp_path / "j"))
    assert main(["bench", "throughput", *named, *given]) == 0
    rows = json.loads((tmp_path / "j").read_text())["results"]
    assert [(r["contender"], r["n"]) for r in rows] == [("muxviz", 1), ("muxviz", 5), ("dense", 5)]
    assert "dense " in capsys.readouterr().out


def test_engines_at_hand_are_timed_at_several_batches() -> None:
    engines = [Engine(shared_checkpoint()), Engine(shared_checkpoint(plain=True))]
    run = measure_engines(engines, batches=(1, 2), length=8, rounds=2)
    assert [(r.n, r.batch) for r in run.results] == [(3, 1), (1, 1), (3, 2), (1, 2)]
    assert all(r.ratio_to_n1 is not None for r in run.results)


def test_others_load_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    busy, own, now = iter([100.0, 112.0]), iter([50.0, 57.0]), iter([0.0, 10.0])
    monkeypatch.setattr(machines, "_busy_seconds", lambda: next(busy))
    monkeypatch.setattr(machines, "_own_seconds", lambda: next(own))
    monkeypatch.setattr(machines.time, "perf_counter", lambda: next(now))
    with machines.watched() as load:
        pass
    assert load.others == pytest.approx(0.5), "12 s of all, 7 of them ours, in 10 s"
    assert load.is_busy
    assert not machines.Load(0.1).is_busy


def test_stages_of_a_pass_add_up() -> None:
    found = profile_pass(random_checkpoint("tiny", 3), batch=2, length=12, passes=2)
    for times in found.values():
        assert set(times.stages) == set(STAGES)
        assert times.share(*STAGES) == pytest.approx(1)
        assert 0 <= times.python <= 1


def test_exactness_is_measured_per_precision() -> None:
    texts = ["a good film", "the story is long and boring", "dog", "no"]
    exact, rough = measure_exactness(str(shared_folder()), texts, precisions=("float32", "int8"))
    assert exact.logits < 1e-4 < rough.logits
    assert exact.agreement == 1
    assert exact.compared == rough.compared == 4
    with pytest.raises(NotApplicable, match="answers regression"):
        measure_exactness(str(shared_folder(task="regression")), texts)


def test_the_commands_print_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out, texts = tmp_path / "speed.json", tmp_path / "texts.txt"
    texts.write_text("a good film\n\ndog\n")
    common = ("--shape", "tiny", "--length", "8", "--batch", "2", "--rounds", "1")
    speed = ("bench", "throughput", *common, "--n", "2", "--no-memory", "--json", str(out))
    assert main(speed) == 0
    table = capsys.readouterr().out
    assert "to transformers" in table
    assert "GFLOP/s" in table
    assert len(json.loads(out.read_text())["results"]) == 4
    assert main(("bench", "profile", *common, "--n", "2")) == 0
    assert "embed and mix" in capsys.readouterr().out
    family = ("--checkpoints", str(shared_folder(plain=True)), str(shared_folder()))
    over = ("--lengths-from", str(texts), "--rounds", "1")
    assert main(("bench", "throughput", *family, *over)) == 0
    assert "transformers" in capsys.readouterr().out
    assert main(("bench", "exactness", "--checkpoints", str(shared_folder()))) == 0
    assert "max |diff|" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--checkpoints", "sst2-n1"), "name some with --lengths-from"),
        (("--lengths-from", "none.txt"), "none.txt: no such file; expected one text a line"),
        (("--shape", "giant"), "unknown shape 'giant'; use tiny"),
        (("--shape", "tiny", "--dtype", "int4"), "unknown dtypes 'int4'"),
    ],
)
def test_mistakes_are_sentences(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(("bench", "throughput", *arguments)) == 1
    assert message in capsys.readouterr().err


def test_onnx_runtime_is_a_contender_at_every_n() -> None:
    pytest.importorskip("onnxruntime", reason="ONNX Runtime is not installed (extra 'onnx')")
    setting = Setting(
        ("tiny",),
        nums=(1, 2),
        batches=(2,),
        length=8,
        dtypes=("float32", "bfloat16"),
        contenders=("muxviz", "onnxruntime"),
        batch_modes=(EQUAL_MULTIPLEXED,),
        rounds=1,
        memory=False,
    )
    rows = measure_shapes(setting).results
    assert {(r.contender, r.n, r.dtype) for r in rows} == {
        *(("muxviz", n, dtype) for n in (1, 2) for dtype in ("float32", "bfloat16")),
        *(("onnxruntime", n, "float32") for n in (1, 2)),
    }
    assert all(r.ratio_to_n1 is not None for r in rows)


def test_answers_over_texts_are_held_against_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 4 texts, the int8 engine is made to answer the first one otherwise."""
    checkpoint = shared_checkpoint()
    engines = [Engine(checkpoint), Engine(checkpoint, int8=True)]
    real = Engine.read

    def turned(self: Engine, groups: Any, raw: Any) -> Any:
        for number, answers in real(self, groups, raw):
            if self.int8 and number == 0:
                other = replace(answers[0], label="another")
                answers = [other, *answers[1:]]
            yield number, answers

    monkeypatch.setattr(Engine, "read", turned)
    texts = ["a good film", "dog", "the old house", "a cold night"]
    run = measure_texts(engines, texts, how=How(2), rounds=1, with_transformers=False)
    exact, rough = run.results
    assert exact.agreement == 1
    assert rough.agreement == 0.75
    assert "75.00%" in speed_table(run)
    (alone,) = measure_texts(engines[:1], texts, how=How(2), rounds=1).results
    assert alone.agreement is None


# ---- pruned shapes ------------------------------------------------------------------------------


def test_a_pruned_shape_keeps_every_layer_and_hidden_dimension() -> None:
    """bert-base at 5 %: 85,017,600 weights x 0.05 / (12 x 768) = 461.2 = 4 x 64 + 2 x 102.6."""
    config = random_checkpoint("bert-base-s95", 1).config
    assert config.structure is not None
    kept = {(len(layer.heads), len(layer.intermediate)) for layer in config.structure.layers}
    assert kept == {(1, 103)}
    assert len(config.structure.hidden) == 768
    assert config.sparsity == pytest.approx(0.95, abs=1e-3)


def test_a_shape_like_a_pruned_checkpoint_keeps_its_shares(tmp_path: Path) -> None:
    dense = random_checkpoint("tiny", 2)
    masks = ones(dense.config)
    masks.heads[0, 1:] = 0
    masks.feed_forward[1] = 0
    masks.hidden[8:] = 0
    small = pruned(dense.model, masks)
    save(replace(dense, model=small, config=small.config), tmp_path / "small")
    config = random_checkpoint(f"bert-base~{tmp_path / 'small'}", 10).config
    assert config.structure is not None
    layers = [(len(layer.heads), len(layer.intermediate)) for layer in config.structure.layers]
    assert layers == [(3, 3072)] * 6 + [(12, 0)] * 6
    assert len(config.structure.hidden) == 192
    with pytest.raises(ConfigError, match="nothing was pruned there"):
        random_checkpoint("bert-base~sst2-n1", 1)


@pytest.mark.parametrize("name", ["bert-base-s995", "tiny-", "huge-s60"])
def test_shapes_that_are_not_known_are_said(name: str) -> None:
    with pytest.raises(ConfigError, match="unknown shape"):
        plain_shape(name)


def test_one_head_may_be_more_than_is_left() -> None:
    with pytest.raises(ConfigError, match="one head per layer is more than"):
        random_checkpoint("tiny-s95", 1)


def test_pruned_shapes_are_compared_with_the_unpruned_one() -> None:
    setting = Setting(
        ("tiny", "tiny-s60"),
        nums=(1, 2),
        batches=(1,),
        rounds=1,
        contenders=("muxviz",),
        batch_modes=("equal_multiplexed",),
        memory=False,
        length=8,
    )
    run = measure_shapes(setting)
    rates = {(row.shape, row.n): row.instances_per_s.median for row in run.results}
    for row in run.results:
        assert row.ratio_to_n1 is not None
        expected = rates[row.shape, row.n] / rates["tiny", 1]
        assert row.ratio_to_n1.median == pytest.approx(expected)
    assert set(rates) == {("tiny", 1), ("tiny", 2), ("tiny-s60", 1), ("tiny-s60", 2)}

"""Two processes, or micro-batches, give the losses of one process that takes the step at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from muxviz.training.loop import train
from muxviz.training.recipe import Recipe
from muxviz.training.state import read_state
from tests.training.tiny_runs import (
    changed,
    metrics,
    tiny_recipe,
    tiny_stage,
    write_data,
    write_recipe,
)

TOLERANCE = 1e-5
DEADLINE_S = 600  # on a busy machine


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def two_stages(**changes: object) -> Recipe:
    """30 steps of priming and a sentence task, without dropout."""
    stages = (tiny_stage("priming", steps=15), tiny_stage("task", steps=15))
    return tiny_recipe(*stages, **changes)


@pytest.fixture(scope="module")
def one(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one process that takes every step at once."""
    out = tmp_path_factory.mktemp("one") / "run"
    train(two_stages(), data, out)
    return out


def launch(processes: int, recipe: Recipe, data: Path, out: Path) -> None:
    """Processes on the CPU that talk through gloo.

    ``accelerate launch --cpu --num_processes 2`` starts one process only (it leaves more to MPI),
    so torch's own launcher is used, which ``accelerate launch`` calls for several GPUs.
    """
    path = write_recipe(recipe, out.with_suffix(".toml"))
    words = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    words += ["--nproc_per_node", str(processes), "-m", "muxviz", "train", str(path)]
    words += ["--data", str(data), "--out", str(out)]
    environment = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(
        words,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def assert_same_losses(one: Path, other: Path, title: str) -> None:
    """Every loss of every step within the tolerance; prints the totals side by side."""
    rows, others = metrics(one), metrics(other)
    assert [row["step"] for row in rows] == [row["step"] for row in others] == list(range(1, 31))
    print(f"{'step':>4}  {'one':>10}  {title:>10}")
    for row, again in zip(rows, others, strict=True):
        ours, theirs = row["losses"], again["losses"]
        print(f"{row['step']:4}  {ours['total']:10.6f}  {theirs['total']:10.6f}")
        for name in ("total", "retrieval", "task"):
            assert theirs.get(name, 0.0) == pytest.approx(ours.get(name, 0.0), abs=TOLERANCE), name
        for name in (n for n in ours if n.endswith("_accuracy") and not n.startswith("dev")):
            assert theirs[name] == pytest.approx(ours[name], abs=0.02), name  # of all processes
        assert row["retrieval_by_slot"] == pytest.approx(again["retrieval_by_slot"], abs=0.05)
        assert row["tokens"] == again["tokens"]
        assert row["instances"] == again["instances"]


@pytest.mark.slow
def test_two_processes_equal_one(one: Path, data: Path, tmp_path: Path) -> None:
    launch(2, two_stages(), data, tmp_path / "two")
    about = json.loads((tmp_path / "two" / "run.json").read_text())
    assert about["hardware"]["processes"] == 2
    assert_same_losses(one, tmp_path / "two", "two")
    weights, others = (read_state(run)["parts"] for run in (one, tmp_path / "two"))
    for name, value in weights.items():
        torch.testing.assert_close(others[name], value, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("accumulate", [2, 4])
def test_micro_batches_equal_whole_steps(
    accumulate: int, one: Path, data: Path, tmp_path: Path
) -> None:
    train(changed(two_stages(), accumulate=accumulate), data, tmp_path / "parts")
    assert_same_losses(one, tmp_path / "parts", f"in {accumulate} parts")

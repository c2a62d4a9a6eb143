"""A run that is killed, stopped or fails goes on to the same bits as one that was not."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from muxviz.cli import main
from muxviz.errors import TrainingError
from muxviz.training.batches import Batch
from muxviz.training.loop import train
from muxviz.training.meters import Meter
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

DEADLINE_S = 600  # for a sub-process to get somewhere, on a busy machine


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_data(tmp_path_factory.mktemp("data"))


def dropping(*steps: int, **changes: Any) -> Recipe:
    """Priming and a sentence task with dropout, so that every draw counts."""
    stages = (tiny_stage(k, steps=n) for k, n in zip(("priming", "task"), steps, strict=False))
    return tiny_recipe(*stages, **({"dropout": 0.1, "save_every": 10} | changes))


BROKEN_OFF = dropping(12, 8, save_every=5)


@pytest.fixture(scope="module")
def whole(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``BROKEN_OFF`` without a break."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(BROKEN_OFF, data, out)
    return out


def assert_same_bits(a: Path, b: Path) -> None:
    """Weights, optimiser and step of two runs are equal, bit for bit."""
    first, second = read_state(a), read_state(b)
    assert first["step"] == second["step"]
    assert first["parts"].keys() == second["parts"].keys()
    assert all(torch.equal(value, second["parts"][key]) for key, value in first["parts"].items())
    moments, others = first["optimiser"]["state"], second["optimiser"]["state"]
    for key, values in moments.items():
        assert all(torch.equal(values[name], others[key][name]) for name in values)
    assert curves(a) == curves(b)


def curves(run: Path) -> list[tuple[dict[str, float], int]]:
    """Losses and tokens of every row; the quick look at the dev set comes with each save."""
    return [
        ({k: v for k, v in row["losses"].items() if not k.startswith("dev_")}, row["tokens"])
        for row in metrics(run)
    ]


def progress(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "progress.json").read_text())
    return found


# ---- killed -----------------------------------------------------------------------------------


KILLED = """
import os, signal, sys
from muxviz.cli import main
from muxviz.training.run_files import RunFiles

at, original = int(sys.argv[1]), RunFiles.add_metrics

def add(files, row):
    original(files, row)
    if row["step"] == at:
        os.kill(os.getpid(), signal.SIGKILL)

RunFiles.add_metrics = add
main(sys.argv[2:])
"""


@pytest.mark.slow
def test_a_run_killed_twice_ends_in_the_same_bits(data: Path, tmp_path: Path, whole: Path) -> None:
    """By a signal that cannot be caught, in both stages, between one state and the next."""
    recipe, out = write_recipe(BROKEN_OFF, tmp_path / "recipe.toml"), tmp_path / "killed"
    words = ["train", str(recipe), "--data", str(data), "--out", str(out)]
    words += ["--threads", str(torch.get_num_threads())]
    for step, saved, more in ((8, 5, []), (17, 15, ["--resume"])):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(step), *words, *more],
            stderr=subprocess.PIPE,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL, done.stderr.decode()
        assert metrics(out)[-1]["step"] == step
        assert read_state(out)["step"] == saved
        (out / "state.partial").write_bytes(b"half a state")  # as if killed while saving
    assert main([*words, "--resume"]) == 0
    assert_same_bits(whole, out)
    assert [row["step"] for row in metrics(out)] == list(range(1, 21))
    assert progress(out)["state"] == "finished"


class Killed(BaseException):
    """Stands for a signal that cannot be caught."""


def test_a_kill_while_saving_loses_nothing(
    data: Path, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = BROKEN_OFF, tmp_path / "run"

    def die(state: dict[str, Any], file: Any) -> None:
        file.write(b"half a state")
        if state["step"] == 10:
            raise Killed
        file.seek(0)
        original(state, file)

    original = torch.save
    monkeypatch.setattr(torch, "save", die)
    with pytest.raises(Killed):
        train(recipe, data, out)
    monkeypatch.undo()
    assert (out / "state.partial").read_bytes() == b"half a state"
    assert read_state(out)["step"] == 5
    train(recipe, data, out, resume=True)
    assert_same_bits(out, whole)


# ---- failed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 64 vs 0"),
    ],
)
def test_a_full_disk_keeps_the_last_good_state(
    error: Exception, data: Path, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = BROKEN_OFF, tmp_path / "run"

    def fill_up(state: dict[str, Any], file: Any) -> None:
        if state["step"] >= 10:
            file.write(b"half a state")
            raise error
        original(state, file)

    original = torch.save
    monkeypatch.setattr(torch, "save", fill_up)
    with pytest.raises(TrainingError, match=r"step 10 cannot be written .*last good state is sti"):
        train(recipe, data, out)
    monkeypatch.undo()
    assert read_state(out)["step"] == 5
    assert not (out / "state.partial").exists(), "half a file would fill the disk"
    assert progress(out)["state"] == "failed"
    assert "Make room on the disk" in progress(out)["message"]
    train(recipe, data, out, resume=True)
    assert_same_bits(out, whole)


def test_a_full_disk_under_the_curves_is_said_too(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Path.open

    def refuse(path: Path, mode: str = "r", **options: Any) -> Any:
        if path.name == "metrics.jsonl" and mode == "a":
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(path, mode, **options)

    monkeypatch.setattr(Path, "open", refuse)
    said = r"metrics.jsonl: cannot be written \(no space left.*no state was saved yet. Make room"
    with pytest.raises(TrainingError, match=said):
        train(dropping(3), data, tmp_path / "run")


@pytest.mark.parametrize("saved", [False, True])
def test_a_loss_that_is_not_a_number_stops_the_run(
    saved: bool, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, out = dropping(30, save_every=5 if saved else 100), tmp_path / "run"

    def spoil(meter: Meter, sums: dict[str, float], accelerator: Any) -> dict[str, float]:
        reduced = original(meter, sums, accelerator)
        return {**reduced, "total": float("nan")} if meter_steps(meter) == 7 else reduced

    def meter_steps(meter: Meter) -> int:
        return meter.instances // 16 + 1  # of 8 groups of 2 in each step logged

    original = Meter.reduce
    monkeypatch.setattr(Meter, "reduce", spoil)
    good = r"the last good state is .*state.pt" if saved else "no state was saved yet"
    with pytest.raises(TrainingError, match=f"loss is nan at step 6.*; {good}"):
        train(recipe, data, out)
    assert progress(out)["state"] == "failed"
    assert (out / "state.pt").is_file() == saved


def test_too_high_a_learning_rate_is_found_out(data: Path, tmp_path: Path) -> None:
    stage = tiny_stage("priming", learning_rate=1e6, warmup_steps=1)
    with pytest.raises(TrainingError, match=r"loss is (nan|inf).*Lower the learning rate"):
        train(tiny_recipe(stage, clip_norm=1e30), data, tmp_path / "run")


# ---- stopped ----------------------------------------------------------------------------------


def by_signal(out: Path) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def by_file(out: Path) -> None:
    (out / "stop").touch()


@pytest.mark.parametrize("ask", [by_signal, by_file])
def test_a_run_that_is_asked_to_stop_saves_and_can_go_on(
    ask: Callable[[Path], None],
    data: Path,
    tmp_path: Path,
    whole: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe, out = changed(BROKEN_OFF, save_every=100), tmp_path / "run"
    before = signal.getsignal(signal.SIGTERM)

    def count(meter: Meter, whole: Batch) -> None:
        original(meter, whole)
        if meter.instances == 4 * 16:  # in the fifth step
            ask(out)

    original = Meter.add_step
    monkeypatch.setattr(Meter, "add_step", count)
    train(recipe, data, out)
    monkeypatch.undo()
    assert read_state(out)["step"] == 5
    assert progress(out)["state"] == "stopped"
    assert progress(out)["step"] == 5
    assert signal.getsignal(signal.SIGTERM) is before
    train(recipe, data, out, resume=True)
    assert progress(out)["state"] == "finished"
    assert not (out / "stop").exists(), "an old request is not obeyed again"
    assert_same_bits(out, whole)


def test_a_later_stage_may_bring_a_part_that_starts_fresh(data: Path, tmp_path: Path) -> None:
    """What was known of the old parts stays: the same bits as if the part had always been there."""
    first = tiny_stage("task", steps=3, retrieval_coeff=0.0)
    later = replace(first, probe_coeff=1.0)
    recipe = tiny_recipe(first, num_instances=1, multiplexer="identity", demultiplexer="identity")
    out = tmp_path / "run"
    train(recipe, data, out)
    before = read_state(out)
    train(replace(recipe, stages=(first, later)), data, out, resume=True)
    after = read_state(out)
    assert "probe.weight" in after["parts"]
    assert "probe.weight" not in before["parts"]
    steps = [float(s["step"]) for s in after["optimiser"]["state"].values()]
    assert sorted(set(steps)) == [3.0, 6.0], "the probe took 3 steps, everything else 6"
    assert steps.count(3.0) == 2


def test_a_run_of_a_version_without_some_fields_goes_on(data: Path, tmp_path: Path) -> None:
    recipe, out = tiny_recipe(tiny_stage("task", steps=4)), tmp_path / "run"
    train(recipe, data, out, steps=2)
    state = torch.load(out / "state.pt", weights_only=True)
    older = json.loads(state["recipe"])
    for stage in older["stages"]:
        del stage["sharing"], stage["min_tokens"]
    del older["held_out"]
    torch.save(state | {"recipe": json.dumps(older)}, out / "state.pt")
    train(recipe, data, out, resume=True)
    assert read_state(out)["step"] == 4


def test_slices_across_epochs_and_stages_equal_one_run(data: Path, tmp_path: Path) -> None:
    """98 rows, 16 a step: an epoch ends after 6 steps, a pool of the sampler after 40."""
    recipe = dropping(7, 50, general=("general.txt",), learn_instances=True, accumulate=2)
    recipe = replace(recipe, stages=tuple(replace(s, general_share=0.3) for s in recipe.stages))
    train(recipe, data, tmp_path / "whole")
    for steps in (3, 3, 2, 38, 1, 10):
        train(recipe, data, tmp_path / "slices", resume=True, steps=steps)
    assert read_state(tmp_path / "slices")["step"] == 57
    assert_same_bits(tmp_path / "whole", tmp_path / "slices")

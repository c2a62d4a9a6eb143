"""Run folders are read as they are found: whole, half written, damaged, or of another machine."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from muxviz.errors import DataError
from muxviz.training import run_folder
from muxviz.training.run_folder import (
    LAUNCHED_FOR,
    find_runs,
    launched_process,
    log_tail,
    mark,
    process_is_alive,
    read_curves,
    read_samples,
    read_summary,
    stamp,
)
from tests.run_folders import NOBODY, row, write_json, write_progress, write_run

ROOT = Path(__file__).resolve().parents[2]


def now(hours: float = 0.0) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def test_a_whole_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", num=3)
    summary, curves, samples = read_summary(folder), read_curves(folder), read_samples(folder)
    assert (summary.state, summary.step, summary.total_steps) == ("finished", 3000, 3000)
    assert (summary.num_instances, summary.seed, summary.name) == (3, 17, "a")
    assert dict(summary.hardware)["cpu"] == "a test"
    assert [(s.name, s.first, s.last) for s in curves.stages] == [
        ("priming", 0, 1000),
        ("fine_tuning", 1000, 3000),
    ]
    assert curves.steps.tolist() == list(range(50, 3001, 50))
    assert curves.retrieval.shape == (60, 3)
    task = curves.term("task")
    assert task is not None
    assert np.isnan(task[:20]).all()
    assert np.isfinite(task[20:]).all()
    assert curves.term("nothing") is None
    assert [s.step for s in samples] == [500, 1000, 1500, 2000, 2500, 3000]
    assert samples[-1].slots[1].read == "it never begins"


def test_n1_has_no_read_back(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", num=1)
    assert read_curves(folder).retrieval.shape == (60, 0)
    assert read_samples(folder) == ()
    assert read_summary(folder).num_instances == 1


def test_a_row_being_written_is_left_out(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", last=100)
    before = stamp(folder)
    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row(150))[:40])
    assert stamp(folder) != before
    curves = read_curves(folder)
    assert curves.steps.tolist() == [50, 100]
    assert curves.unreadable == 0
    assert read_summary(folder).step == 100


def test_rubbish_between_rows_is_counted(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", last=100)
    lines = ['{"step": ', "[1]", '{"step": "x"}', '{"losses": {}}', '{"step": true}', "\x00\xff"]
    lines += ['{"step": 120, "losses": {"task": ' + end for end in ("9" * 400 + "}}", "NaN}}")]
    lines += ['{"step": 130, "a": ' + "[" * 100_000, '{"step": 140, "stage": "\\ud800"}', "\udcff"]
    with (folder / "metrics.jsonl").open("a", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\n".join([*lines, "", json.dumps(row(150)), ""]))
    curves = read_curves(folder)
    assert curves.steps.tolist() == [50, 100, 150]
    assert curves.unreadable == len(lines)


def test_odd_values_are_unknown(tmp_path: Path) -> None:
    odd = {"step": 50, "losses": {"task": None, "a": "x", "b": True}, "retrieval_by_slot": [None]}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(odd) + "\n" + '{"step": 51, "losses": 3}\n')
    curves = read_curves(tmp_path)
    assert np.isnan(curves.values).all()
    assert np.isnan(curves.retrieval).all()
    assert np.isnan(curves.seconds).all()
    assert read_summary(tmp_path).state == "recorded"


def test_a_repeated_step_counts_once(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", last=200)
    again = [row(150) | {"seconds": 7.0}, row(200) | {"seconds": 8.0}]
    with (folder / "metrics.jsonl").open("a") as file:
        file.write("".join(json.dumps(r) + "\n" for r in again))
    curves = read_curves(folder)
    assert curves.steps.tolist() == [50, 100, 150, 200]
    assert curves.seconds[-2:].tolist() == [7.0, 8.0]


def test_missing_and_damaged_files(tmp_path: Path) -> None:
    assert read_curves(tmp_path).steps.size == 0
    assert read_summary(tmp_path).state == "empty"
    assert log_tail(tmp_path) == ""
    assert find_runs(tmp_path / "none") == []
    for name in ("run.json", "progress.json", "launch.json", "samples.jsonl", "card.json"):
        (tmp_path / name).write_text('{"a": [')
    assert read_summary(tmp_path).state == "empty"
    assert read_samples(tmp_path) == ()
    for name in ("run.json", "progress.json", "launch.json", "card.json"):
        (tmp_path / name).write_text('{"stages": [3], "recipe": [], "state": {}, "started": 1}')
    assert read_summary(tmp_path).total_steps == 0


def test_a_file_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_run(tmp_path / "a")
    monkeypatch.setattr(run_folder, "LARGEST_LINES", 100)
    with pytest.raises(DataError, match=r"has more than 100 bytes; expected the rows of a run"):
        read_curves(folder)


def test_stages_of_a_checkpoint_come_from_its_rows_or_its_card(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", last=1500, state=None)
    (folder / "run.json").unlink()
    spans = read_curves(folder).stages
    assert [(s.name, s.last) for s in spans] == [("priming", 1000), ("fine_tuning", 1500)]
    card = {"recipe": {"stages": [{"name": "one", "steps": 9}], "seed": 4, "num_instances": 5}}
    write_json(folder / "card.json", card)
    assert [s.name for s in read_curves(folder).stages] == ["one"]
    assert (read_summary(folder).seed, read_summary(folder).num_instances) == (4, 5)


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "running"),
        ({"pid": NOBODY}, "interrupted"),
        ({"pid": "x"}, "interrupted"),
        ({"pid": -1}, "interrupted"),
        ({"updated": "2001-01-01T00:00:00+00:00"}, "interrupted"),  # the number was given again
        ({"host": "elsewhere"}, "elsewhere"),
        ({"state": "finished"}, "finished"),
        ({"state": "stopped"}, "stopped"),
        ({"state": "failed"}, "failed"),
        ({"state": "dancing"}, "recorded"),
    ],
)
def test_states(tmp_path: Path, changes: dict[str, Any], state: str) -> None:
    folder = write_run(tmp_path / "a", last=100, state=None)
    write_progress(folder, **({"state": "running"} | changes))
    assert read_summary(folder).state == state


def test_a_stop_that_was_asked_for(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "a", last=100, state="running")
    (folder / "stop").touch()
    assert read_summary(folder).state == "stopping"
    assert read_summary(folder).is_alive


@pytest.fixture
def child(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that was started for the run in ``a``, and waits to be ended."""
    waits = [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"]
    environment = os.environ | {LAUNCHED_FOR: mark(tmp_path / "a")}
    with subprocess.Popen(
        waits, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_launch_comes_before_older_progress(
    tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    folder = write_run(tmp_path / "a", last=100, state="stopped", updated=now(-1))
    launch = {"pid": child.pid, "host": socket.gethostname(), "started": now()}
    write_json(folder / "launch.json", launch)
    assert (read_summary(folder).state, read_summary(folder).pid) == ("starting", child.pid)
    write_json(folder / "launch.json", launch | {"pid": NOBODY})
    assert read_summary(folder).state == "failed"
    (folder / "stop").touch()
    assert read_summary(folder).state == "stopped"
    write_json(folder / "launch.json", launch | {"host": "elsewhere"})
    assert read_summary(folder).state == "elsewhere"
    write_json(folder / "launch.json", launch | {"started": now(-2)})
    assert read_summary(folder).state == "stopped"


@pytest.mark.parametrize(
    "changes",
    [
        {"pid": os.getpid()},  # runs, and was started for something else
        {"started": now(1)},
        {"started": "2099-01-01T00:00:00+00:00"},
        {"pid": True},
        {"pid": 2**63},
        {"pid": "1"},
    ],
    ids=["a process of something else", "later", "far ahead", "true", "too large", "a text"],
)
def test_only_the_process_of_this_folder_is_believed(
    changes: dict[str, Any], tmp_path: Path, child: subprocess.Popen[bytes]
) -> None:
    folder = write_run(tmp_path / "a", last=100, state=None)
    launch = {"pid": child.pid, "host": socket.gethostname(), "started": now()}
    write_json(folder / "launch.json", launch | changes)
    summary = read_summary(folder)
    assert (summary.is_alive, summary.pid) == (False, None)
    other = write_run(tmp_path / "b", last=100, state=None)
    write_json(other / "launch.json", launch)
    assert launched_process(other) is None


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE)
    assert child.stdout is not None
    with child.stdout:
        child.stdout.read()  # until the child has closed it, which it does by ending
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not process_is_alive(child.pid, now())
    child.wait()
    assert process_is_alive(os.getpid(), now())


def test_the_tail_of_a_log_shows_bars_once(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_bytes(b"first\n10%|#\r20%|##\r\nlast \xff line")
    assert log_tail(tmp_path) == "first\n20%|##\nlast \ufffd line"
    (tmp_path / "log.txt").write_text("x" * 50 + "\nshort\n")
    assert log_tail(tmp_path, most=20) == "short"


def test_runs_are_found_latest_first(tmp_path: Path) -> None:
    for age, name in enumerate(("old", "new")):
        folder = write_run(tmp_path / name, last=50)
        for file in folder.iterdir():
            os.utime(file, (1000 + age, 1000 + age))
    (tmp_path / "other").mkdir()
    assert [f.name for f in find_runs(tmp_path)] == ["new", "old"]


def test_the_runs_of_a_pruning_are_found_below_its_folder(tmp_path: Path) -> None:
    for name in ("gates", "s60"):
        write_run(tmp_path / "pruned" / name, last=50)
    assert {f.relative_to(tmp_path).as_posix() for f in find_runs(tmp_path)} == {
        "pruned/gates",
        "pruned/s60",
    }


def test_reading_needs_no_torch() -> None:
    code = "import sys, muxviz.training.run_folder\nprint('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "False"

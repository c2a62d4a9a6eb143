"""Ray workers: the answers of one process, in order, also when a worker is killed."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sys
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from muxviz.cli import main
from muxviz.engine.output import COLUMNS
from muxviz.engine.spec import EngineSpec
from muxviz.engine.stream import How
from muxviz.engine.texts import line_windows, rows_of_file
from muxviz.engine.workers import TextWorker, spread
from muxviz.errors import NotApplicable
from tests.tiny import WORDS, shared_checkpoint, shared_folder

pytestmark = [
    pytest.mark.slow,
    # Ray closes its files and sockets when the process ends.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
ray = pytest.importorskip("ray", reason="Ray is not installed (extra 'workers')")


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Any:
    """Two processors of this machine, whatever it has."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


def write_texts(path: Path, count: int) -> Path:
    path.write_text(
        "".join(
            f"{' '.join(WORDS[(n + k) % 60] for k in range(1 + n % 7))}\n" for n in range(count)
        )
    )
    return path


def test_two_workers_equal_one_process_and_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = write_texts(tmp_path / "texts.txt", 4700).read_text().splitlines()
    lines[3600] = ""
    texts = tmp_path / "texts.txt.gz"  # where a line begins cannot be known without reading it
    texts.write_bytes(gzip.compress("\r".join(lines).encode()))
    one, two = tmp_path / "one.tsv", tmp_path / "two.tsv"
    options = ["run", "--checkpoint", str(shared_folder()), "--texts", str(texts)]
    assert main([*options, "--out", str(one)]) == 1
    expected = one.read_bytes()
    assert expected.count(b"\n") == 4701
    two.write_bytes(expected[: len(expected) * 2 // 5])  # one window and a piece of the next
    about = (tmp_path / "one.tsv.run.json").read_text()
    (tmp_path / "two.tsv.run.json").write_text(about)
    assert main([*options, "--out", str(two), "--workers", "2", "--resume"]) == 1
    shown = capsys.readouterr().err
    assert "line 3601 is empty" in shown
    assert "1 of 4,700 lines could not be answered" in shown, "some were there"
    columns = COLUMNS
    pairs = zip(two.read_text().splitlines(), expected.decode().splitlines(), strict=True)
    for ours, theirs in list(pairs)[1:]:
        one_row, two_row = (
            dict(zip(columns, line.split("\t"), strict=True)) for line in (ours, theirs)
        )
        for row in (one_row, two_row):
            row["probability"] = float(row["probability"] or 0)  # type: ignore[assignment]
            row["probabilities"] = row["probability"]
        assert_alike(one_row, two_row)


def test_evaluation_by_workers_equals_one_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "dev.tsv"
    rows = "".join(f"{WORDS[n]} {WORDS[n + 1]}\t{n % 2}\n" for n in range(40))
    table.write_text("sentence\tlabel\n" + rows)
    found = []
    for workers in ((), ("--workers", "2")):
        out = tmp_path / f"{len(found)}.json"
        options = ("--data", str(table), "--groupings", "3", "--json", str(out))
        assert main(["evaluate", "--checkpoint", str(shared_folder()), *options, *workers]) == 0
        found.append(json.loads(out.read_text()))
    assert found[0]["accuracy"] == found[1]["accuracy"]
    assert found[0]["retrieval_accuracy"] == found[1]["retrieval_accuracy"]
    assert found[0]["per_slot"] == found[1]["per_slot"]
    capsys.readouterr()


def test_failures_by_workers_equal_one_process(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "dev.tsv"
    rows = [f"{WORDS[n % 40]} {WORDS[n % 40 + 1]}\t{n % 2}\n" for n in range(700)]
    rows[300:300] = ["\t1\n", "fine\tmeh\n"]
    table.write_text("sentence\tlabel\n" + "".join(rows))
    found = []
    for workers in ((), ("--workers", "2")):
        out = tmp_path / f"{len(found)}.json"
        options = ("--data", str(table), "--groupings", "2", "--json", str(out))
        assert main(["failures", str(shared_folder()), *options, *workers]) == 0
        said, kept = capsys.readouterr(), json.loads(out.read_text())["value"]
        assert "left out: row 301 (line 302)" in said.err
        made = kept["provenance"].pop("measured")
        rows = sorted(kept.pop("failures"), key=lambda failure: failure["number"])
        margins = [row.pop("margin") for row in rows]
        found.append((said.out.partition(made)[0], kept, rows, margins))
    assert found[0][:3] == found[1][:3]
    assert found[0][3] == pytest.approx(found[1][3], abs=1e-4)
    failing = sum(bool(row["kind"]) for row in found[0][2])
    assert found[0][0].startswith(f"{failing} of 700 rows")


def test_a_killed_workers_rows_are_done_again(tmp_path: Path) -> None:
    texts = write_texts(tmp_path / "texts.txt", 100)
    make = partial(TextWorker, EngineSpec(str(shared_folder()), "cpu"), texts, 15, How(), "jsonl")
    found = [w.start for w in line_windows(rows_of_file(texts), shared_checkpoint(), 15)]
    mark = tmp_path / "killed"

    def killing() -> Any:  # inside the test, so that workers need not import this file
        work = make()

        def call(start: int) -> Any:
            if start and not mark.exists():
                mark.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
            return work(start)

        return call

    lines = "".join(done.text for done in spread(found, killing, workers=1, device="cpu"))
    assert [json.loads(line)["line"] for line in lines.splitlines()] == list(range(1, 101))
    killed = int(mark.read_text())
    assert not psutil.pid_exists(killed)
    worker = make()
    assert worker(found[-1]).rows == 10, "a later window first: the file is then read again"
    expected = "".join(worker(start).text for start in found)
    for ours, theirs in zip(lines.splitlines(), expected.splitlines(), strict=True):
        assert_alike(json.loads(ours), json.loads(theirs))


def assert_alike(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """The same answer; another process may round the last digits of a probability differently."""
    for name in ("probability", "probabilities"):
        assert ours.pop(name) == pytest.approx(theirs.pop(name), abs=1e-5)
    assert ours == theirs


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(NotApplicable, match=r"pip install 'muxviz\[workers\]'"):
        next(spread([1], lambda: str, workers=1, device="cpu"))

"""A disk that is full: said in words, nothing half written is left, what was there is whole."""

from __future__ import annotations

import errno
import json
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muxviz.cli import main
from muxviz.errors import FileError, TrainingError
from muxviz.files import results_file, scratch, write_whole
from muxviz.loading.load import load
from muxviz.training.corpus import text_rows
from muxviz.training.loop import train
from muxviz.training.run_files import RunFiles
from muxviz.training.run_folder import read_curves, read_summary
from muxviz.training.state import read_state
from muxviz.ui.training.control import launch
from tests.pages import press, seen, titles, visit, write_checkpoint
from tests.serving.full_disk import fill_up, make_room, names, small_disk
from tests.training.tiny_runs import tiny_recipe, tiny_stage, write_data

NO_ROOM = "no space left on device"
LONG = "a line of a file that is too long for what is left\n" * 2000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", "4m") as place:
        yield place


def test_a_file_is_replaced_whole_or_not_at_all(disk: Path) -> None:
    path = disk / "kept.json"
    path.write_text("as it was")
    fill_up(disk, left=8192)
    with pytest.raises(FileError, match=NO_ROOM):
        write_whole(path, LONG)
    with pytest.raises(FileError, match=NO_ROOM), results_file(path) as write:
        write(LONG)
    assert path.read_text() == "as it was"
    assert names(disk) == {"kept.json"}
    write_whole(path, "a little still fits")
    assert path.read_text() == "a little still fits"


def test_a_corpus_is_cached_whole_or_not_at_all(disk: Path, tmp_path: Path) -> None:
    tokenizer = load(write_checkpoint(tmp_path / "tiny-n3")).tokenizer
    text = tmp_path / "text.txt"
    text.write_text("the good film is a story and the story is good .\n" * 4000)
    cache = disk / "cache"

    def rows() -> Any:
        return text_rows([text], tokenizer, max_length=16, packing="sentences", cache=cache)

    fill_up(disk, left=8192)
    with pytest.raises(FileError, match="cannot be written"):
        rows()
    assert not cache.exists() or not names(cache)
    make_room(disk)
    assert len(rows()) == 4000


def test_a_run_says_what_is_saved_and_goes_on_once_there_is_room(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full right after the first state: the next line of the curves has no room."""
    recipe = tiny_recipe(tiny_stage("task", steps=12), save_every=5)
    data, out = write_data(tmp_path / "data"), disk / "run"
    save = RunFiles.save_state

    def save_and_fill(files: RunFiles, state: dict[str, Any]) -> None:
        save(files, state)
        fill_up(disk)

    monkeypatch.setattr(RunFiles, "save_state", save_and_fill)
    with pytest.raises(TrainingError, match=rf"{NO_ROOM}.*last good state is .*then --resume"):
        train(recipe, data, out)
    monkeypatch.undo()
    assert read_state(out)["step"] == 5
    assert not [name for name in names(out) if "partial" in name or name.startswith(".")]
    assert read_summary(out).step == 5
    assert read_curves(out).steps.tolist()[:5] == [1, 2, 3, 4, 5]
    make_room(disk)
    train(recipe, data, out, resume=True)
    assert read_state(out)["step"] == 12
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    steps = [row["step"] for row in rows]
    assert steps == sorted(set(steps))


def test_a_run_that_cannot_be_noted_is_not_started(disk: Path) -> None:
    program = (sys.executable, "-c", "import time; time.sleep(600)")
    fill_up(disk)
    with pytest.raises(FileError, match=NO_ROOM):
        launch(disk / "runs" / "a", ["train"], program=program)
    assert not (disk / "runs" / "a").exists()


def test_answers_stop_at_a_whole_window_and_go_on(
    disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint, texts, out = tmp_path / "tiny-n3", tmp_path / "texts.txt", disk / "answers.tsv"
    write_checkpoint(checkpoint)
    texts.write_text("".join(f"the film {n} is good\n" for n in range(5000)))
    words = ["run", "--checkpoint", str(checkpoint), "--texts", str(texts), "--out", str(out)]
    fill_up(disk, left=180_000)
    assert main(words) == 1
    said = capsys.readouterr().err
    assert NO_ROOM in said
    assert re.search(r"the answers to [1-4],\d{3} lines are in .*; --resume goes on", said)
    make_room(disk)
    assert main([*words, "--resume"]) == 0
    whole = tmp_path / "whole.tsv"
    assert main([*words[:-1], str(whole)]) == 0
    assert out.read_text() == whole.read_text()


def test_without_room_for_temporary_files_a_model_says_so_and_loads_later(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_checkpoint(tmp_path / "tiny-n3")
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    fill_up(disk)
    with pytest.raises(FileError, match=rf"{NO_ROOM}.*a place with room"):
        load(folder)
    assert not names(disk)
    make_room(disk)
    assert load(folder).tokenizer is not None
    assert not names(disk)


def test_without_a_place_for_temporary_files_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(**given: Any) -> None:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in []")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", nowhere)
    with pytest.raises(FileError, match="TMPDIR.*no usable temporary directory"), scratch("x"):
        pass


def test_the_app_answers_and_hands_out_its_session_where_every_disk_is_full(
    disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session file is made in memory: the server writes none."""
    write_checkpoint(tmp_path / "bundled" / "tiny-n3")
    monkeypatch.setenv("MUXVIZ_CHECKPOINTS", str(tmp_path / "bundled"))
    monkeypatch.setenv("MUXVIZ_RUNS", str(disk))
    at = press(visit("mix", m="tiny-n3"), "run")
    fill_up(disk)
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    at.session_state["seed"] = 3
    at = press(at.run(), "run")
    assert titles(at)
    assert not at.error
    at.switch_page("pages/saved.py")
    at = at.run()
    assert "2 runs" in seen(at)
    assert not names(disk)

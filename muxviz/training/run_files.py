"""Writes a run folder: every file whole or not at all, or a line at a time.

``run_folder`` reads what this writes.
"""

from __future__ import annotations

import math
import os
import platform
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from filelock import FileLock, Timeout

from muxviz import files
from muxviz.errors import FileError, MuxvizError, TrainingError
from muxviz.loading.tokenizer import ALL_TOKENIZER_FILES
from muxviz.training.recipe import Recipe
from muxviz.training.run_folder import (
    LARGEST_LINES,
    LAUNCH,
    METRICS,
    PROGRESS,
    RUN,
    SAMPLES,
    STATE,
    STOP,
    parsed_row,
    read_about,
)

if TYPE_CHECKING:
    from accelerate import Accelerator

LOCK = ".writer.lock"  # held by the process that writes to the folder
# Any of them makes a folder that of a run; of a small one what it holds has to say so.
OF_A_RUN = {STATE: "", RUN: "", PROGRESS: "state", LAUNCH: "pid"}
WRITTEN = (RUN, PROGRESS, STATE, METRICS, SAMPLES, *ALL_TOKENIZER_FILES)


class RunFiles:
    """The files of one run. Where is_writer is False (other processes) nothing is written."""

    def __init__(self, folder: Path, *, is_writer: bool) -> None:
        self.folder, self.is_writer = folder, is_writer
        self._progress: dict[str, Any] = {}
        self._about: dict[str, Any] = {}
        self._has_begun = False

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Be the folder's only writer; where the block fails before ``begin``, leave no trace.

        Raises:
            TrainingError: another process writes there, or the folder holds files of others.
            FileError: it cannot be made or written to; ``run.json`` is damaged.
        """
        if not self.is_writer:
            self._about = read_about(self.folder)
            yield
            return
        _check_place(self.folder)
        made = _make(self.folder)
        lock = FileLock(self.folder / LOCK)
        try:
            with files.writing(self.folder):
                _acquire(lock, self.folder)
        except MuxvizError:
            _remove(made)
            raise
        before: dict[Path, bytes | None] = {}
        try:
            before = {path: _content(path) for path in (self.folder / PROGRESS, self.folder / STOP)}
            self._about = read_about(self.folder)
            yield
        finally:
            if not self._has_begun:
                for path, content in before.items():
                    _put_back(path, content)
            (self.folder / LOCK).unlink(missing_ok=True)
            lock.release()
            if not self._has_begun:
                _remove(made)

    def begin(
        self,
        recipe: Recipe,
        start: Path | None,
        teacher: Path | None,
        accelerator: Accelerator,
        about: dict[str, Any],
    ) -> None:
        """Write ``run.json``; a resumed run adds a session to what its first one wrote."""
        if not self.is_writer:
            return
        self._has_begun = True
        session = {
            "started": _now(),
            "commit": _commit(),
            "hardware": describe_hardware(accelerator),
            "command": about.get("command"),
        }
        now = {
            "name": recipe.name,
            "total_steps": recipe.total_steps,
            "stages": [{"name": s.name, "steps": s.steps} for s in recipe.stages],
            "recipe": recipe.to_dict(),
        }
        named = None if teacher is None else str(teacher)
        if self._about and (self.folder / STATE).is_file():
            before = self._about
            sessions = before.get("sessions")
            listed = sessions if isinstance(sessions, list) else []
            content = before | now | {"sessions": [*listed, session]}
            content["teacher"] = before.get("teacher") or named
        else:
            content = {
                "format": 2,
                "num_instances": recipe.num_instances,
                "seed": recipe.seed,
                **session,
                "start": recipe.start or (None if start is None else str(start)),
                "teacher": named,
                **now,
                **about,
            }
        files.write_whole(self.folder / RUN, files.json_text(content, indent=1))

    @property
    def teacher(self) -> str | None:
        """The teacher that the run has had so far."""
        return self._about.get("teacher")

    def put_tokenizer(self, contents: dict[str, bytes]) -> None:
        """Write the run's tokenizer files, those that are not there yet."""
        for name, content in contents.items() if self.is_writer else ():
            if _content(self.folder / name) != content:
                files.write_whole(self.folder / name, content)

    def progress(self, state: str, step: int | None, *, message: str = "", **more: Any) -> None:
        """Rewrite ``progress.json``; step None keeps the last one."""
        if not self.is_writer:
            return
        if "total" in more:
            self._progress["total_steps"] = more.pop("total")
        self._progress |= {"pid": os.getpid(), "host": socket.gethostname(), **more}
        self._progress |= {"state": state, "message": message, "updated": _now()}
        if step is not None:
            self._progress["step"] = step
        files.write_whole(self.folder / PROGRESS, files.json_text(self._progress))

    def add_metrics(self, row: dict[str, Any]) -> None:
        """Append to ``metrics.jsonl``."""
        self._append(METRICS, row)

    def add_samples(self, step: int, slots: list[dict[str, Any]]) -> None:
        """Append to ``samples.jsonl`` what was read back."""
        if slots:
            self._append(SAMPLES, {"step": step, "slots": slots})

    def forget_after(self, step: int) -> None:
        """Drop rows that were logged after the state was saved; they will be logged again."""
        for name in (METRICS, SAMPLES) if self.is_writer else ():
            path = self.folder / name
            content = _content(path)
            if content:
                kept = [line for line in content.split(b"\n") if _step_of(line) <= step]
                files.write_whole(path, b"".join(line + b"\n" for line in kept))

    def stop_wanted(self) -> bool:
        """Whether somebody has put the file ``stop`` into the folder."""
        return (self.folder / STOP).exists()

    def clear_stop(self) -> None:
        """Forget an old request to stop."""
        if self.is_writer:
            (self.folder / STOP).unlink(missing_ok=True)

    def save_state(self, state: dict[str, Any]) -> None:
        """Write ``state.pt`` beside its place, flush it to the disk, then move it over the old one.

        Raises:
            TrainingError: it cannot be written; the old state is still there.
        """
        path = self.folder / STATE
        partial = path.with_suffix(".partial")
        try:
            partial.unlink(missing_ok=True)
            with partial.open("xb") as file:  # never through a link that lies there
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, path)
        except (OSError, RuntimeError) as error:  # torch's writer raises RuntimeError
            partial.unlink(missing_ok=True)
            old = f"the last good state is still {path}" if path.is_file() else "none was saved yet"
            raise TrainingError(
                f"the state of step {state['step']} cannot be written to {self.folder} ({error}); "
                f"{old}. Make room on the disk, then --resume"
            ) from error

    def _append(self, name: str, row: dict[str, Any]) -> None:
        if not self.is_writer:
            return
        path = self.folder / name
        with files.writing(path), path.open("a", encoding="utf-8") as file:
            file.write(files.json_text(row) + "\n")


# ---- the folder ----------------------------------------------------------------------------------


def _acquire(lock: FileLock, folder: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise TrainingError(
            f"another process is training in {folder}; stop it first, or name another folder"
        ) from error


def _check_place(folder: Path) -> None:
    """See that nothing of others would be replaced."""
    there = [name for name in WRITTEN if os.path.lexists(folder / name)]
    odd = [name for name in there if not stat.S_ISREG(os.lstat(folder / name).st_mode)]
    if odd:
        raise TrainingError(
            f"{folder / odd[0]} is a link, a folder or a pipe, no file of a run; name another "
            "folder"
        )
    if there and not any(_is_of_a_run(folder / name, own) for name, own in OF_A_RUN.items()):
        raise TrainingError(
            f"{folder} holds {there[0]} and no run; nothing was written. Name another folder"
        )


def _is_of_a_run(path: Path, field: str) -> bool:
    """Whether a run wrote the file: it is there, and has ``field`` where one is named."""
    if not field or not path.is_file():
        return path.is_file()
    try:
        return field in files.read_json(path, most=LARGEST_LINES)
    except FileError:
        return False


def _make(folder: Path) -> list[Path]:
    """Make a folder and those above it; those that were not there, the innermost first."""
    made = []
    with files.writing(folder):
        for path in (folder, *folder.parents):
            if path.exists():
                break
            made.append(path)
        folder.mkdir(parents=True, exist_ok=True)
    return made


def _remove(folders: list[Path]) -> None:
    """Remove folders as long as they are empty."""
    with suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _content(path: Path) -> bytes | None:
    if not files.is_there(path):
        return None
    return files.read_bytes(path, most=LARGEST_LINES, expected="a file of a run")


def _put_back(path: Path, content: bytes | None) -> None:
    with suppress(FileError):
        if content is None:
            path.unlink(missing_ok=True)
        elif _content(path) != content:
            files.write_whole(path, content)


def _step_of(line: bytes) -> float:
    """The step of a row; one cut off in the middle of writing is dropped as if it were later."""
    row = parsed_row(line) or {}
    step = row.get("step")
    return step if isinstance(step, int | float) else math.inf


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _commit() -> str | None:
    """The commit of the code, where it lies in a git checkout."""
    here = Path(__file__).resolve().parent
    try:
        asked = subprocess.run(
            ["git", "-C", str(here), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return asked.stdout.strip() or None


def describe_hardware(accelerator: Accelerator) -> dict[str, Any]:
    """The machine, in words and numbers, for ``run.json`` and measurements."""
    device = accelerator.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
    return {
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": name,
        "processes": accelerator.num_processes,
        "precision": str(accelerator.mixed_precision),
        "torch": torch.__version__,
    }


def cpu_name() -> str:
    """The processor's own name, "" where it is not told."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n")
    except OSError:
        return platform.processor()
    return next((s.split(":", 1)[1].strip() for s in lines if s.startswith("model name")), "")

"""Writes a run folder: every file whole or not at all, or a line at a time.

``run_folder`` reads what this writes.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from muxviz.errors import TrainingError
from muxviz.training.recipe import Recipe
from muxviz.training.run_folder import METRICS, PROGRESS, RUN, SAMPLES, STATE, STOP

if TYPE_CHECKING:
    from accelerate import Accelerator


class RunFiles:
    """The files of one run. Where is_writer is False (other processes) nothing is written."""

    def __init__(self, folder: Path, *, is_writer: bool) -> None:
        self.folder, self.is_writer = folder, is_writer
        self._progress: dict[str, Any] = {}
        if is_writer:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise _no_room(folder, error) from error

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
        path = self.folder / RUN
        session = {
            "started": _now(),
            "commit": _commit(),
            "hardware": describe_hardware(accelerator),
            "command": about.get("command"),
        }
        if path.is_file() and (self.folder / STATE).is_file():
            content = json.loads(path.read_text(encoding="utf-8"))
            content["sessions"] = [*content.get("sessions", []), session]
            content |= {"recipe": recipe.to_dict(), "total_steps": recipe.total_steps}
            content["name"] = recipe.name
            content["teacher"] = content.get("teacher") or (str(teacher) if teacher else None)
            content["stages"] = [{"name": s.name, "steps": s.steps} for s in recipe.stages]
            self._write(path, json.dumps(content, indent=1))
            return
        content = {
            "format": 2,
            "name": recipe.name,
            "num_instances": recipe.num_instances,
            "seed": recipe.seed,
            **session,
            "total_steps": recipe.total_steps,
            "stages": [{"name": s.name, "steps": s.steps} for s in recipe.stages],
            "start": recipe.start or (None if start is None else str(start)),
            "teacher": None if teacher is None else str(teacher),
            "recipe": recipe.to_dict(),
            **about,
        }
        self._write(path, json.dumps(content, indent=1))

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
        self._write(self.folder / PROGRESS, json.dumps(self._progress))

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
            if path.is_file():
                lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
                kept = [line for line in lines if _step_of(line) <= step]
                self._write(path, "".join(f"{line}\n" for line in kept))

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
            with partial.open("wb") as file:
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
        try:
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
        except OSError as error:
            raise _no_room(path, error) from error

    def _write(self, path: Path, text: str) -> None:
        partial = path.with_name(path.name + ".partial")
        try:
            partial.write_text(text, encoding="utf-8")
            os.replace(partial, path)
        except OSError as error:
            raise _no_room(path, error) from error


def _no_room(path: Path, error: OSError) -> TrainingError:
    return TrainingError(
        f"{path} cannot be written ({error.strerror}); make room, or name another folder"
    )


def _step_of(line: str) -> float:
    """The step of a row; one cut off in the middle of writing is dropped as if it were later."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")


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
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((s.split(":", 1)[1].strip() for s in lines if s.startswith("model name")), "")

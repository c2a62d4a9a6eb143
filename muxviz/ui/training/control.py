"""Starting and stopping a run from the browser.

A run is a process of its own, in a session of its own: reloading the page or stopping the app does
not end it. What is needed to find it again lies in its folder (``launch.json``, ``log.txt``), and
it is stopped through that folder too. In a demonstration (``MUXVIZ_DEMO=1``) nothing is started or
stopped.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from muxviz.errors import MuxvizError, TrainingError
from muxviz.files import is_there, json_text, why, write_whole, writing
from muxviz.results.training import RunSummary
from muxviz.training.run_folder import (
    LAUNCH,
    LAUNCHED_FOR,
    LOG,
    METRICS,
    STATE,
    STOP,
    launched_process,
    mark,
    read_summary,
)
from muxviz.ui.shell.frame import is_demo
from muxviz.ui.training.command import ROOT, TrainCommand, check, place

PROGRAM = (sys.executable, "-m", "muxviz")
DEMO = "this is a demonstration: runs are neither started nor stopped here"
_lock = threading.Lock()
_children: list[subprocess.Popen[bytes]] = []  # to be waited for, so that none stays a zombie


def start(command: TrainCommand) -> Path:
    """Check a command and start it; the run's folder.

    Raises:
        MuxvizError: an input cannot work, or the folder already holds a run.
    """
    if is_demo():
        raise TrainingError(DEMO)
    check(command)
    folder = place(command.out)
    if holds_run(folder) and not command.resume:
        raise TrainingError(f"{command.out} already holds a run; resume it, or give another name")
    launch(folder, command.words)
    return folder


def holds_run(folder: Path) -> bool:
    """Whether a new run there would need ``--resume``."""
    return is_there(folder / STATE) or is_there(folder / METRICS)


def launch(folder: Path, words: Sequence[str], *, program: Sequence[str] = PROGRAM) -> int:
    """Start ``program`` with ``words``, printing to the folder's log; its process number.

    Raises:
        TrainingError: a run is going on there. FileError: the folder cannot be written.
    """
    if is_demo():
        raise TrainingError(DEMO)
    with _lock:
        reap()
        if read_summary(folder).is_alive:
            raise TrainingError(f"a run is going on in {folder}; stop it first, or give a name")
        with writing(folder):
            process = _spawn(folder, [*program, *words], ["muxviz", *words])
        _children.append(process)
    return process.pid


def _spawn(folder: Path, command: list[str], written: list[str]) -> subprocess.Popen[bytes]:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / STOP).unlink(missing_ok=True)
    try:
        process = _logged(folder, command, written)
    except OSError:
        _clear(folder)
        raise
    record = {
        "pid": process.pid,
        "host": socket.gethostname(),
        "started": datetime.now(UTC).isoformat(),
        "command": written,
    }
    try:
        write_whole(folder / LAUNCH, json_text(record))
    except MuxvizError:  # a run that the page knew nothing of
        process.kill()
        process.wait()
        raise
    return process


def _clear(folder: Path) -> None:
    """Take away what a run that was never started left."""
    log = folder / LOG
    with suppress(OSError):
        if not log.stat().st_size:
            log.unlink()
        folder.rmdir()  # unless there was something in it


def _logged(folder: Path, command: list[str], written: list[str]) -> subprocess.Popen[bytes]:
    """Start a command that prints to the folder's log."""
    with (folder / LOG).open("ab") as log:
        log.write(f"$ {' '.join(written)}\n".encode())
        log.flush()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1", LAUNCHED_FOR: mark(folder)},
        )
    _wait_until_seen(process)
    return process


def _wait_until_seen(process: subprocess.Popen[bytes]) -> None:
    """Until the system shows the environment of a process that has only just begun, or 1 s."""
    with suppress(psutil.Error):  # it has ended already
        for _ in range(100):
            if psutil.Process(process.pid).environ():
                return
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.01)


def stop(folder: Path) -> RunSummary:
    """Ask a run to save and end; what it was at that moment.

    A run that is still starting has nothing to save and is ended at once.

    Raises:
        TrainingError: nothing runs there.
    """
    if is_demo():
        raise TrainingError(DEMO)
    summary = read_summary(folder)
    if not summary.is_alive:
        raise TrainingError(f"nothing runs in {folder}; it is {summary.state}")
    try:
        (folder / STOP).touch()
        process = launched_process(folder) if summary.state == "starting" else None
        if process is not None:
            process.terminate()  # psutil looks once more whether it is still the same one
    except psutil.NoSuchProcess:
        return summary  # it ended by itself meanwhile
    except (OSError, psutil.Error) as error:
        raise TrainingError(
            f"the run in {folder} could not be asked to stop ({why(error)}); "
            f"create the file {folder / STOP} by hand"
        ) from error
    return summary


def reap() -> None:
    """Wait for children that have ended, without waiting for others."""
    _children[:] = [child for child in _children if child.poll() is None]

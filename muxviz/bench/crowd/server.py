"""The app to be measured: one that runs already, or one of this machine's own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil  # type: ignore[import-untyped]

import muxviz
from muxviz.errors import InputError, NotApplicable

READY_S = 90.0  # for a server to start


@contextmanager
def served(url: str = "", threads: int = 0) -> Iterator[tuple[str, psutil.Process | None]]:
    """The address of a server, and its process where it is ours.

    Args:
        url: of one that runs; "" starts one.
        threads: of that one; 0 for its own rule.

    Raises:
        InputError: no app answers there. NotApplicable: none can be started here.
    """
    if url:
        if not _is_up(url):
            raise InputError(f"no app answers at {url}; start it, or leave --url out")
        yield url.rstrip("/"), None
        return
    app = Path(muxviz.__file__).parents[1] / "app.py"
    if not app.is_file():
        raise NotApplicable(
            "not applicable: app.py is not beside this installation; start the app and give --url"
        )
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    options = [f"--server.port={port}", "--server.headless=true", "--server.address=127.0.0.1"]
    given = {"MUXVIZ_THREADS": str(threads)} if threads else {}
    process = psutil.Popen(
        [sys.executable, "-m", "streamlit", "run", str(app), *options],
        cwd=app.parent,
        env=os.environ | given,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _until_up(url, process)
        yield url, process
    finally:
        process.terminate()
        process.wait(timeout=30)


def _until_up(url: str, process: psutil.Popen) -> None:
    until = time.monotonic() + READY_S
    while not _is_up(url):
        if process.poll() is not None or time.monotonic() > until:
            raise NotApplicable("not applicable: the app did not start here; start it, give --url")
        time.sleep(0.2)


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/_stcore/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False

"""A real server and a real Chromium for tests; where either is missing, the tests skip and say so.

``MUXVIZ_CHROMIUM`` names the browser; else it is looked for on PATH. Nothing is downloaded.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
WIDE = {"width": 1280, "height": 900}
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PATIENCE_S = 240  # for the server to start, and for anything to appear


def find_chromium() -> str | None:
    """Path of a Chromium, or None."""
    named = os.environ.get("MUXVIZ_CHROMIUM")
    return named or next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Any]:
    """A window of a headless Chromium, closed at the end; skips the test where there is none.

    Its pages are sessions of their own, and share what was fetched and compiled.
    """
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = find_chromium()
    if chromium is None:
        pytest.skip("no Chromium on PATH and MUXVIZ_CHROMIUM is not set")
    with api.sync_playwright() as playwright:
        # Without --disable-gpu a machine that has none imitates one, for half of all the work.
        arguments = ["--no-sandbox", "--disable-gpu"]
        launched = playwright.chromium.launch(executable_path=chromium, args=arguments)
        try:
            window = launched.new_context(viewport=WIDE, reduced_motion="reduce")
            window.set_default_timeout(PATIENCE_S * 1000)
            yield window
        finally:
            launched.close()


@contextmanager
def server(checkpoints: Path, runs: Path) -> Iterator[str]:
    """The app on a free port with these checkpoints and training runs; yields its address."""
    with serving(checkpoints, runs) as (address, _):
        yield address


@contextmanager
def serving(
    checkpoints: Path, runs: Path, *options: str, port: int = 0, **settings: str
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The same, with the process, which a test may kill.

    Args:
        options: of ``streamlit run``. port: 0 for a free one. settings: of the environment.
    """
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={port}"]
    command += ["--server.headless=true", "--server.address=127.0.0.1", *options]
    folders = {"MUXVIZ_CHECKPOINTS": str(checkpoints), "MUXVIZ_RUNS": str(runs)}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | folders | settings,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    base = next((o.split("=")[1] for o in options if o.startswith("--server.baseUrlPath=")), "")
    address = f"http://127.0.0.1:{port}{base and '/' + base}"
    try:
        wait_for(f"{address}/_stcore/health", process)
        yield address, process
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE_S)


def free_port() -> int:
    """One that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Ask until the server answers; a closed port says no at once, so this asks often."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with code {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            continue
    raise RuntimeError(f"no answer from {url} within {PATIENCE_S} s")

"""The Training page in a browser: it follows a run that goes on, and stops it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.browser import PATIENCE_S, browser, server
from tests.run_folders import row, write_progress, write_run
from tests.tiny import tiny_config, write_tiny_folder

pytestmark = pytest.mark.browser


def test_a_live_run_is_followed_and_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This process plays the run: it is alive, writes rows, and ends when it is asked to."""
    monkeypatch.setenv("MUXVIZ_RUNS", str(tmp_path / "runs"))
    write_tiny_folder(tmp_path / "bundled" / "tiny-n3", tiny_config(num_instances=3))
    folder = write_run(tmp_path / "runs" / "mine", last=500, state="running")
    with browser() as chromium, server(tmp_path / "bundled") as address:
        page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.set_default_timeout(PATIENCE_S * 1000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"{address}/training")
        page.get_by_text("in 500 steps").first.wait_for()

        with (folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(row(550)) + "\n")
        write_progress(folder, "running", step=550)
        page.get_by_text("in 550 steps").first.wait_for()  # nothing was pressed

        page.reload()
        main = page.get_by_test_id("stMain")  # the header has a Stop of its own while a page runs
        main.get_by_role("button", name="Stop").click()
        page.get_by_text("stopping").first.wait_for()
        assert (folder / "stop").exists()
        write_progress(folder, "stopped", step=550)
        page.get_by_role("button", name="Start again").wait_for()
        main.get_by_role("button", name="Stop").first.wait_for(state="detached")
        assert not errors

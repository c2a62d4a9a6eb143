"""In a browser: the link is copied and said to be, also where the browser refuses; a session is
saved as a file, brought back in another one, and computed again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import PATIENCE_S, server
from tests.pages import write_pair

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    with server(root, tmp_path_factory.mktemp("runs")) as url:
        yield url


def opened(window: Any, address: str, path: str) -> Any:
    page = window.new_page()
    page.goto(address + path)
    return page


def test_the_link_is_copied_and_says_so(window: Any, address: str) -> None:
    window.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    page = opened(window, address, "/keys?m=tiny-n3&slot=2&seed=7")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(f"{address}/keys?")
    assert {"slot=2", "seed=7"} <= set(copied.split("?")[1].split("&"))
    page.get_by_role("button", name="Copy link").wait_for()
    page.get_by_role("button", name="Show link").click()
    shown = page.locator("[data-testid=stPopoverBody] code")
    shown.wait_for()
    assert shown.inner_text().replace("\n", "") == copied
    page.close()


def test_a_browser_that_refuses_is_told_of_and_the_link_can_be_read(
    window: Any, address: str
) -> None:
    page = window.new_page()
    page.add_init_script(
        "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
        "document.execCommand = () => false;"
    )
    page.goto(f"{address}/keys?m=tiny-n3")
    page.get_by_role("button", name="Copy link").click()
    page.get_by_role("button", name="Refused: see below").wait_for()
    page.get_by_role("button", name="Show link").click()
    page.locator("[data-testid=stPopoverBody] code").wait_for()
    page.close()


def test_a_session_goes_through_a_file(window: Any, address: str, tmp_path: Path) -> None:
    page = opened(window, address, "/mix?m=tiny-n3&p=twins&seed=3")
    page.locator(".st-key-run button").click()
    page.locator(".st-key-room_braid .gtitle:visible").last.wait_for()
    page.get_by_text("measured: ").wait_for()  # timed, and drawn anew, once the page was there
    page.locator(".st-key-braid_keep button:visible").last.click()
    page.get_by_text("Kept on Saved").wait_for()
    page.get_by_role("link", name="Saved").click()
    page.get_by_text("1 kept finding").wait_for()
    note = page.get_by_placeholder("A note of your own")
    note.fill("why <b>this</b>?")
    note.press("Enter")
    page.get_by_role("link", name="About").click()
    page.get_by_text("Is mixing a lock?").wait_for()
    page.get_by_role("link", name="Saved").click()  # drawn anew, with the note
    page.get_by_text("1 kept finding").wait_for()
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    with page.expect_download(timeout=PATIENCE_S * 1000) as caught:
        page.locator(".st-key-save_session button:visible").click()
    path = tmp_path / "session.json"
    caught.value.save_as(path)
    held = json.loads(path.read_text(encoding="utf-8"))
    assert held["settings"]["seed"] == ["3"]
    assert len(held["runs"]) == 1
    page.close()

    again = opened(window, address, "/saved")
    again.locator("input[type=file]").set_input_files(str(path))
    again.locator(".st-key-restore_session button:visible").click()
    again.get_by_text("Runs of before").wait_for()
    assert (
        again.get_by_placeholder("A note of your own").input_value() == held["findings"][0]["note"]
    )
    again.locator(".st-key-run_again_0 button").click()
    again.get_by_text("every answer as then").wait_for()
    again.get_by_role("link", name="Mix & read").click()
    again.get_by_role("button", name="History (1)").wait_for()
    again.locator(".st-key-room_braid .gtitle:visible").last.wait_for()
    again.close()

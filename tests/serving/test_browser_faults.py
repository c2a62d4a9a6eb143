"""In a browser: the server is killed and started again, one of two behind nginx dies, and the app
is below a path.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser import free_port, serving
from tests.pages import write_pair

pytestmark = [pytest.mark.browser, pytest.mark.journey]
BRAID = ".st-key-room_braid .gtitle:visible"
OWN = "A film of <b>my</b> own."


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundled")
    write_pair(root)
    return root


def run(page: Any) -> str:
    """Press Run; the title of the picture."""
    page.locator(".st-key-run button:visible").last.click()
    return braid(page)


def braid(page: Any) -> str:
    found = page.locator(BRAID).last
    found.wait_for()
    return str(found.text_content())


def write(page: Any, text: str) -> None:
    field = page.get_by_label("Sentence of slot 1")
    field.fill(text)
    field.press("Enter")
    page.get_by_text("My sentences").first.wait_for()


def test_a_server_that_was_killed_comes_back_to_its_page(
    window: Any, bundled: Path, tmp_path: Path
) -> None:
    port, page = free_port(), window.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    with serving(bundled, tmp_path, port=port) as (address, process):
        page.goto(f"{address}/mix?m=tiny-n3&p=twins")
        run(page)
        page.get_by_text("measured: ").wait_for()
        page.locator(".st-key-pin_run button:visible").last.click()
        page.get_by_role("button", name="Unpin").wait_for()
        write(page, OWN)
        shown = run(page)
        page.wait_for_function(
            "JSON.parse(JSON.parse(sessionStorage.muxviz).text).runs.length === 2"
        )
        page.locator(".st-key-run button:visible").last.click()
        process.kill()
        process.wait()
    with serving(bundled, tmp_path, port=port):
        page.get_by_text("2 runs of before are gone (one was pinned)").wait_for()
        assert page.get_by_label("Sentence of slot 1").input_value() == OWN
        assert run(page) == shown
        page.get_by_text("1 run of before is gone (it was pinned)").wait_for()
        page.locator(".st-key-tab_again button").click()
        page.get_by_text("Runs of before").wait_for()
        page.locator(".st-key-run_again_0 button").click()
        again = page.locator(".st-key-again_0")
        again.get_by_text("the same weights: every answer as then").wait_for()
        page.get_by_role("link", name="Mix & read").click()
        page.get_by_role("button", name="Unpin").wait_for()
        page.get_by_role("button", name="History (2)").wait_for()
        assert not page.get_by_text("of before").count()
    assert errors == []


@pytest.mark.parametrize("base", ["mux/viz"])
def test_below_a_path_links_deep_links_and_files_work(
    window: Any, bundled: Path, tmp_path: Path, base: str
) -> None:
    with serving(bundled, tmp_path, f"--server.baseUrlPath={base}") as (address, _):
        page, missing = window.new_page(), []
        page.on("response", lambda r: missing.append(r.url) if r.status >= 400 else None)
        page.goto(f"{address}/mix?m=tiny-n3&p=twins&slot=2")
        run(page)
        page.get_by_role("link", name="Keys").click()
        page.get_by_role("heading", name="Keys", exact=True).wait_for()
        assert re.match(rf"{re.escape(address)}/keys\b", page.url)
        page.get_by_role("button", name="Show link").click()
        code = page.locator("[data-testid=stPopoverBody] code")
        code.wait_for()
        link = code.inner_text().replace("\n", "")
        assert link.startswith(f"{address}/keys?")
        page.goto(link)
        page.get_by_role("heading", name="Keys", exact=True).wait_for()
        page.get_by_role("link", name="Start", exact=True).click()
        page.get_by_role("heading", name="Many sentences, one forward pass").wait_for()
        assert page.url.startswith(address)
        # Streamlit's browser side finds the base by asking for its own files at longer ones first.
        assert [url for url in missing if "/_stcore/" not in url] == []

"""Back and Forward in a browser: over all pages, after clicks, a run and a bad link."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from muxviz.ui.shell.frame import PAGES
from tests.browser import PATIENCE_S, browser, server
from tests.pages import BASELINE, write_checkpoint

pytestmark = pytest.mark.browser
STEADY_MS = 400  # that a page stays at one address without running: then it is drawn to its end
QUIET = """(steady) => {
    const app = document.querySelector('[data-testid=stApp]');
    const isQuiet = app?.getAttribute('data-test-script-state') === 'notRunning'
        && document.querySelector('h1');
    if (!isQuiet || window.steadyAt !== location.href) {
        window.steadyAt = isQuiet ? location.href : '';
        window.steadySince = performance.now();
    }
    return isQuiet && performance.now() - window.steadySince > steady;
}"""
OPENED = [page for page in PAGES if page != "start"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "tiny-n1", plain=True)
    write_checkpoint(root / "tiny-n3", BASELINE)
    with server(root) as url:
        yield url


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as launched:
        yield launched


def open_at(chromium: Any, url: str) -> Any:
    page = chromium.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_S * 1000)
    page.goto(url)
    whole(page)
    return page


def whole(page: Any) -> None:
    """The page is drawn to its end, without an error, and a slot is chosen."""
    page.wait_for_function(QUIET, arg=STEADY_MS)
    assert page.locator("[data-testid=stException]").all_inner_texts() == []
    chosen = page.locator("[data-testid=stSidebar]").get_by_role("radio", checked=True)
    chosen.or_(page.get_by_text("plain, one text a pass")).first.wait_for()
    assert chosen.count() <= 1


def go_to(page: Any, name: str) -> None:
    page.locator("[data-testid=stSidebar]").get_by_role("link", name=PAGES[name].title).click()
    page.wait_for_url(re.compile(rf"/{name}(\?|$)"))
    whole(page)


def slot(page: Any, number: int) -> None:
    page.locator("[data-testid=stSidebar]").get_by_role("radio", name=str(number)).click()


def back_to(page: Any, path: str) -> None:
    """Press Back until the browser is at ``path``; every stop on the way is a whole page."""
    while not re.search(path, page.url):
        page.go_back()
        whole(page)


@pytest.mark.parametrize(
    "opened",
    [OPENED[1:4], pytest.param(OPENED, marks=pytest.mark.journey)],
    ids=["some pages", "all pages"],
)
def test_back_and_forward(opened: list[str], chromium: Any, address: str) -> None:
    page = open_at(chromium, address)
    for number, name in enumerate(opened):
        go_to(page, name)
        slot(page, 2 + number % 2)
    steps = 0
    while page.evaluate("location.pathname") != "/":
        page.go_back()
        whole(page)
        steps += 1
    assert steps >= len(opened)
    for _ in range(steps):
        page.go_forward()
        whole(page)
    # A page that draws itself once more may push its address, and Forward ends there.
    assert page.evaluate("location.pathname") != "/"


def test_back_after_a_run_and_another_checkpoint(chromium: Any, address: str) -> None:
    page = open_at(chromium, address)
    go_to(page, "mix")
    slot(page, 3)
    page.locator(".st-key-run button").click()
    page.locator(".st-key-braid_figure .gtitle").last.wait_for()
    go_to(page, "crosstalk")
    page.get_by_label("Checkpoint", exact=False).first.click()
    page.get_by_role("option", name="tiny-n1").click()
    page.get_by_text("plain, one text a pass").wait_for()
    back_to(page, "/mix")
    page.get_by_text("N = 3").first.wait_for()
    page.locator(".st-key-braid_figure .gtitle").last.wait_for()  # the run is still there
    back_to(page, re.escape(address) + r"/(\?|$)")
    page.go_forward()
    whole(page)


def test_back_to_a_bad_link(chromium: Any, address: str) -> None:
    page = open_at(chromium, f"{address}/mix?seed=1e309&slot=2&evil=1")
    page.get_by_text("cannot use").wait_for()
    go_to(page, "keys")
    back_to(page, "/mix")
    page.go_back()
    whole(page)
    page.get_by_text("cannot use").wait_for()
    assert "seed" not in page.url
    assert "evil" not in page.url
    page.reload()
    whole(page)
    chosen = page.locator("[data-testid=stSidebar]").get_by_role("radio", checked=True)
    assert "2" in chosen.inner_text()

"""The three journeys with the keyboard alone: Tab, Enter, Space, arrows, Ctrl+Enter and typing.

Each stop of Tab is counted, and must be seen: it has a ring, or the caret of a field.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from muxviz.lesson.outline import STEPS
from tests.browser import server
from tests.pages import BASELINE, write_checkpoint
from tests.test_browser import BRAID, open_at, whole

pytestmark = [pytest.mark.journey, pytest.mark.browser]
FOCUSED = """() => {
    let at = document.activeElement;
    while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
    const styles = getComputedStyle(at);
    return {
        name: (at.getAttribute('aria-label') || at.innerText || '').trim().replace(/\\s+/g, ' '),
        isSeen: /^(INPUT|TEXTAREA|MAIN)$/.test(at.tagName) || styles.boxShadow !== 'none'
            || (styles.outlineStyle !== 'none' && styles.outlineWidth !== '0px'),
        isBody: at === document.body,
    };
}"""
IDLE = """() => document.querySelector('[data-testid=stApp]')
    .getAttribute('data-test-script-state') === 'notRunning'"""
MOST = 70  # stops to anything


class Keys:
    """A page that is used by the keyboard. stops: of Tab; presses: of Enter, Space or arrows."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.stops = self.presses = 0

    def to(self, name: str, *, skips: bool = True) -> None:
        """Tab until something of this name (a pattern) has the focus.

        skips: by the link that leaves the sidebar out.
        """
        if skips:
            self.page.evaluate("document.activeElement.blur()")
            self.to("^Skip to main content$", skips=False)
            self.press("Enter")
        for _ in range(MOST):
            self.page.keyboard.press("Tab")
            self.stops += 1
            now = self.page.evaluate(FOCUSED)
            assert now["isBody"] or now["isSeen"], f"nothing shows the focus on {now['name']!r}"
            if re.search(name, now["name"]):
                return
        raise AssertionError(f"{MOST} stops of Tab and no {name!r}")

    def press(self, key: str) -> None:
        """One key, and the page drawn to its end."""
        self.page.keyboard.press(key)
        self.presses += 1
        whole(self.page)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("bundled")
    labels = {"labels": ("negative", "positive")}
    write_checkpoint(root / "tiny-n1", plain=True, **labels)
    write_checkpoint(root / "tiny-n3", BASELINE, **labels)
    with server(root, root / "runs") as url:
        yield url


def test_a_researcher_pastes_runs_maps_and_copies_a_link(window: Any, address: str) -> None:
    keys = Keys(open_at(window, f"{address}/?m=tiny-n3"))
    page = keys.page
    keys.to("Mix & read$", skips=False)
    keys.press("Enter")
    page.get_by_text("No run yet").wait_for()
    keys.to("Paste")
    keys.press("Enter")
    page.get_by_label(re.compile("^One sentence per line")).wait_for()
    keys.to("^One sentence per line", skips=False)
    page.keyboard.type("The soup was cold.\nA hymn to bicycles.\nBoth thumbs are missing.")
    keys.to("^Use these lines$", skips=False)
    keys.press("Enter")
    page.get_by_text("3 lines taken").wait_for()
    page.keyboard.press("Escape")
    keys.press("Control+Enter")
    page.locator(BRAID).last.wait_for()
    keys.to("Tokens$")
    keys.press("ArrowRight")  # to the next tab of the row
    keys.press("Enter")
    page.get_by_role("tab", name="Leaks", selected=True).wait_for()
    keys.to("Copy link$", skips=False)
    keys.press("Enter")
    page.get_by_role("button", name="Copied").or_(page.get_by_text("Refused")).first.wait_for()
    keys.to("Map$", skips=False)
    keys.press("Enter")
    keys.to("Compute$")
    keys.press("Enter")
    page.locator(".st-key-map_pca_figure .gtitle").wait_for()
    print(f"researcher: {keys.stops} stops, {keys.presses} presses")
    assert keys.presses <= 16


def test_a_teacher_goes_through_the_lesson_by_arrows(window: Any, address: str) -> None:
    page = window.new_page()
    page.goto(f"{address}/learn?present=1")
    for number in (*range(1, len(STEPS) + 1), len(STEPS) - 1):
        page.get_by_role("heading", name=f"{number} of {len(STEPS)} ").wait_for()
        page.locator("[data-testid=stPlotlyChart]").first.wait_for()
        page.wait_for_function(IDLE)
        assert page.locator("[data-testid=stSidebar]").is_hidden()
        page.keyboard.press("ArrowRight" if number < len(STEPS) else "ArrowLeft")
    assert page.locator("[data-testid=stException]").count() == 0


def test_an_engineer_gets_from_a_run_to_a_verdict(window: Any, address: str) -> None:
    keys = Keys(open_at(window, f"{address}/mix?m=tiny-n3"))
    page = keys.page
    keys.press("Control+Enter")
    page.locator(BRAID).last.wait_for()
    keys.to(r"Why\?")
    keys.press("Enter")
    page.wait_for_url("**/debugger*")
    keys.to("Compute$")
    keys.press("Enter")
    page.locator(".st-key-verdict_figure .gtitle").wait_for()
    print(f"engineer: {keys.stops} stops, {keys.presses} presses")
    assert keys.presses <= 5, "two of them are of the link that skips the sidebar"

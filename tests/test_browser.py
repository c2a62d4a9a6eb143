"""The app in a browser: from Start to a run, a link that brings it back, keys, dark, narrow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser import PATIENCE_S, browser, server
from tests.pages import BASELINE, write_checkpoint

pytestmark = pytest.mark.browser
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 900, "height": 900}


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


class Screen:
    """One page of the browser, with its errors and the requests that left the machine."""

    def __init__(self, page: Any, home: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self.strangers: list[str] = []
        page.set_default_timeout(PATIENCE_S * 1000)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda r: self._note(r.url, home))

    def _note(self, url: str, home: str) -> None:
        if url.startswith("http") and not url.startswith(home):
            self.strangers.append(url)

    def sentences(self) -> list[str]:
        """Texts in the slots, in order."""
        fields = self.page.get_by_label(re.compile("^Sentence of slot"))
        fields.first.wait_for()
        return [field.input_value() for field in fields.all()]

    def run_and_wait(self) -> None:
        """Press Run and wait for the picture and its title."""
        self.page.locator(".st-key-run button").click()
        self.wait_for_braid()

    def wait_for_braid(self) -> None:
        self.page.locator(".st-key-braid_figure .gtitle").last.wait_for()  # two while drawn anew

    def finding(self) -> str:
        return str(self.page.locator(".st-key-braid_figure .gtitle").text_content())

    def open_editor(self) -> None:
        summary = self.page.locator(".st-key-editor_open summary").first
        if not self.page.get_by_label("Sentence of slot 1").is_visible():
            summary.click()
        self.page.get_by_label("Sentence of slot 1").wait_for()

    def link(self) -> str:
        """What the link pop-up offers."""
        self.page.get_by_role("button", name="Copy link").click()
        code = self.page.locator("[data-testid=stPopoverBody] code")
        code.wait_for()
        text = str(code.inner_text()).replace("\n", "")
        self.page.keyboard.press("Escape")
        return text


def screen(chromium: Any, address: str, path: str = "/", **options: Any) -> Screen:
    page = chromium.new_context(viewport=WIDE, **options).new_page()
    shown = Screen(page, address)
    page.goto(address + path)
    return shown


def expect_first(page: Any, text: str) -> None:
    """Wait until slot 1 holds ``text``: a busy machine paints the page before the link is read."""
    from playwright.sync_api import expect

    field = page.get_by_label("Sentence of slot 1")
    expect(field).to_have_value(text, timeout=PATIENCE_S * 1000)


def test_from_start_to_a_run_and_back_by_link(chromium: Any, address: str) -> None:
    shown = screen(chromium, address)
    page = shown.page
    page.get_by_role("heading", name="Many sentences, one forward pass").wait_for()
    page.get_by_role("link", name="Mix & read").click()
    page.get_by_text("No run yet").wait_for()
    first = page.get_by_label("Sentence of slot 1")
    first.fill("A film <b>of</b> my own.")
    page.get_by_text("My sentences").first.wait_for()
    shown.run_and_wait()
    assert re.search("slot|leak|answer|read back", shown.finding(), re.IGNORECASE)
    page.locator(".st-key-cost_figure .gtitle").wait_for()  # timed once the page was there
    texts = shown.sentences() if first.is_visible() else None
    link = shown.link()
    assert "g=" in link

    again = screen(chromium, "", link)
    again.page.get_by_text("No run yet").wait_for()
    expect_first(again.page, "A film <b>of</b> my own.")
    reopened = again.sentences()
    assert texts is None or reopened == texts
    again.page.reload()
    again.page.get_by_text("No run yet").wait_for()
    expect_first(again.page, "A film <b>of</b> my own.")
    assert again.sentences() == reopened
    again.run_and_wait()
    assert again.finding() == shown.finding()
    assert shown.errors == again.errors == []
    assert shown.strangers == [], "everything comes from this machine"


def test_typing_counts_marks_stale_and_ctrl_enter_runs(chromium: Any, address: str) -> None:
    shown = screen(chromium, address, "/mix?p=twins&m=tiny-n3")
    page = shown.page
    shown.sentences()
    page.keyboard.press("Control+Enter")
    shown.wait_for_braid()
    shown.open_editor()
    field = page.get_by_label("Sentence of slot 2")
    field.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("the film is good")
    page.get_by_text("6 tokens", exact=True).wait_for()  # while typing, the field still has focus
    page.get_by_text("Stale.").wait_for()
    assert field.input_value() == "the film is good"
    page.keyboard.press("Control+Enter")
    page.get_by_text("Stale.").wait_for(state="detached")
    page.get_by_role("button", name="History (2)").wait_for()
    assert shown.errors == []


def test_a_card_opens_its_group_also_from_an_address_with_choices(
    chromium: Any, address: str
) -> None:
    shown = screen(chromium, address, "/?m=tiny-n1&p=Sarcasm")
    shown.page.locator(".st-key-open_twins button").click()
    shown.page.get_by_text("No run yet").wait_for()
    assert shown.sentences() == ["The second half of the film is a triumph."]
    assert shown.errors == []


def test_two_sessions_do_not_mix(chromium: Any, address: str) -> None:
    one = screen(chromium, address, "/mix?p=twins")
    two = screen(chromium, address, "/mix?p=short")
    for shown in (one, two):
        shown.sentences()
        shown.page.locator(".st-key-run button").click()
    for shown, text in ((one, "triumph"), (two, "Superb")):
        shown.wait_for_braid()
        labels = shown.page.locator(".st-key-braid_figure svg").first.text_content()
        assert text in shown.page.locator(".st-key-card_0").inner_text(), labels


FITS = "e => e.scrollWidth <= e.clientWidth + 1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(chromium: Any, address: str, scheme: str) -> None:
    shown = screen(chromium, address, "/mix?p=lengths", color_scheme=scheme)
    shown.sentences()
    shown.run_and_wait()
    main = shown.page.locator("[data-testid=stMain]")
    for viewport in (WIDE, NARROW):
        shown.page.set_viewport_size(viewport)
        shown.wait_for_braid()
        # Charts redraw a moment after the window changes: the page may settle first.
        shown.page.wait_for_function(FITS, arg=main.element_handle())
    background = shown.page.locator(".stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert background == {"light": "rgb(251, 250, 247)", "dark": "rgb(15, 18, 21)"}[scheme]
    assert shown.errors == []

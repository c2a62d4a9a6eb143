"""The app in a browser: from Start to a run, a link that brings it back, keys, dark, narrow; Back
and Forward over pages, after clicks, a run and a bad link; a training run that goes on.

One server and one window serve all tests; each opens pages of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muxviz.ui.shell.frame import PAGES
from tests.browser import PATIENCE_S, WIDE, server
from tests.pages import BASELINE, write_checkpoint
from tests.run_folders import row, write_progress, write_run

pytestmark = pytest.mark.browser
NARROW = {"width": 900, "height": 900}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def address(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "tiny-n1", plain=True)
    write_checkpoint(root / "tiny-n3", BASELINE)
    with server(root, runs) as url:
        yield url


BRAID = ".st-key-room_braid .gtitle:visible"  # its title, of the form for wide or narrow pages


class Screen:
    """One page of the browser, with its errors and the requests that left the machine."""

    def __init__(self, page: Any, home: str) -> None:
        self.page = page
        self.errors: list[str] = []
        self.strangers: list[str] = []
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
        self.page.locator(BRAID).last.wait_for()  # two while drawn anew

    def finding(self) -> str:
        return str(self.page.locator(BRAID).text_content())

    def open_editor(self) -> None:
        summary = self.page.locator(".st-key-editor_open summary").first
        if not self.page.get_by_label("Sentence of slot 1").is_visible():
            summary.click()
        self.page.get_by_label("Sentence of slot 1").wait_for()

    def link(self) -> str:
        """What the link pop-up offers."""
        self.page.get_by_role("button", name="Show link").click()
        code = self.page.locator("[data-testid=stPopoverBody] code")
        code.wait_for()
        text = str(code.inner_text()).replace("\n", "")
        self.page.keyboard.press("Escape")
        return text


def screen(window: Any, address: str, path: str = "/", scheme: str = "light") -> Screen:
    page = window.new_page()
    page.emulate_media(color_scheme=scheme)
    shown = Screen(page, address)
    page.goto(address + path)
    return shown


def expect_first(page: Any, text: str) -> None:
    """Wait until slot 1 holds ``text``: a busy machine paints the page before the link is read."""
    from playwright.sync_api import expect

    field = page.get_by_label("Sentence of slot 1")
    expect(field).to_have_value(text, timeout=PATIENCE_S * 1000)


def test_from_start_to_a_run_and_back_by_link(window: Any, address: str) -> None:
    shown = screen(window, address)
    page = shown.page
    page.get_by_role("heading", name="Many sentences, one forward pass").wait_for()
    page.get_by_role("link", name="Mix & read").click()
    page.get_by_text("No run yet").wait_for()
    first = page.get_by_label("Sentence of slot 1")
    first.fill("A film <b>of</b> my own.")
    page.get_by_text("My sentences").first.wait_for()
    shown.run_and_wait()
    assert re.search("slot|leak|answer|read back", shown.finding(), re.IGNORECASE)
    page.get_by_text("measured: ").wait_for()  # timed once the page was there
    texts = shown.sentences() if first.is_visible() else None
    link = shown.link()
    assert "g=" in link

    again = screen(window, "", link)
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


def test_typing_counts_marks_stale_and_ctrl_enter_runs(window: Any, address: str) -> None:
    shown = screen(window, address, "/mix?p=twins&m=tiny-n3")
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
    field.click()
    page.keyboard.press("Control+A")
    page.keyboard.type("the plot is bad")
    page.keyboard.press("Control+Enter")  # before the field has sent its text
    page.get_by_role("button", name="History (3)").wait_for()
    page.locator(".st-key-card_1", has_text="the plot is bad").wait_for()
    whole(page)
    assert page.get_by_text("Stale.").count() == 0
    assert field.is_visible(), "the editor is as open as it was"
    page.get_by_role("button", name="Clear").click()
    page.get_by_text("0 of 3 slots taken").wait_for()
    page.get_by_label("Sentence of row without a slot").first.wait_for()
    assert shown.errors == []


def test_a_card_opens_its_group_also_from_an_address_with_choices(
    window: Any, address: str
) -> None:
    shown = screen(window, address, "/?m=tiny-n1&p=Sarcasm")
    shown.page.locator(".st-key-open_twins button").click()
    shown.page.get_by_text("No run yet").wait_for()
    assert shown.sentences() == ["The second half of the film is a triumph."]
    assert shown.errors == []


def test_two_sessions_do_not_mix(window: Any, address: str) -> None:
    one = screen(window, address, "/mix?p=twins")
    two = screen(window, address, "/mix?p=short")
    for shown in (one, two):
        shown.sentences()
        shown.page.locator(".st-key-run button").click()
    for shown, text in ((one, "triumph"), (two, "Superb")):
        shown.wait_for_braid()
        labels = shown.page.locator(".st-key-braid_figure svg").first.text_content()
        assert text in shown.page.locator(".st-key-card_0").inner_text(), labels


SCROLLED = """() => [...document.querySelectorAll('[data-testid=stMain] div')].filter(e =>
    ['auto', 'scroll'].includes(getComputedStyle(e).overflowX) && e.scrollWidth > e.clientWidth + 1
    && !e.matches('[role=tablist], .dvn-scroller')
).map(e => e.className)"""  # boxes, but for tabs and tables, that have to be scrolled sideways
FITS = "e => e.scrollWidth <= e.clientWidth + 1"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out(window: Any, address: str, scheme: str) -> None:
    shown = screen(window, address, "/mix?p=lengths", scheme)
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


def test_a_narrow_page_stacks_and_nothing_scrolls_sideways(window: Any, address: str) -> None:
    shown = screen(window, address, "/mix?p=lengths&m=tiny-n3")
    shown.page.set_viewport_size({"width": 390, "height": 844})
    shown.sentences()
    shown.run_and_wait()
    stacked = shown.page.locator(".st-key-braid_narrow .gtitle")
    stacked.wait_for()
    assert shown.page.locator(".st-key-braid_figure").is_hidden()
    main = shown.page.locator("[data-testid=stMain]")
    shown.page.wait_for_function(FITS, arg=main.element_handle())
    for tab in ("Tokens", "Leaks", "Time"):
        shown.page.get_by_role("tab", name=tab).click()
        whole(shown.page)
        charts = shown.page.locator("[data-testid=stPlotlyChart]:visible")
        for chart in charts.all():
            assert chart.bounding_box()["width"] <= 390
        assert shown.page.evaluate(SCROLLED) == []
    shown.page.set_viewport_size(WIDE)
    shown.page.locator(".st-key-braid_figure .gtitle").wait_for()
    assert stacked.is_hidden()
    assert shown.errors == []


def test_many_presses_are_one_run_and_a_click_on_an_answer_selects(
    window: Any, address: str
) -> None:
    from playwright.sync_api import expect

    shown = screen(window, address, "/mix?p=clean&m=tiny-n3")
    page = shown.page
    shown.sentences()
    for _ in range(8):
        page.locator(".st-key-run button").click()
    shown.wait_for_braid()
    page.get_by_text("measured: ").wait_for()
    whole(page)
    page.get_by_role("button", name="History (1)").wait_for()
    capsule = page.locator(".st-key-braid_figure .points path.point").last
    capsule.scroll_into_view_if_needed()
    box = capsule.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    chosen = page.locator("[data-testid=stSidebar]").get_by_role("radio", checked=True)
    expect(chosen).to_contain_text("3")
    assert shown.errors == []


# ---- Back and Forward ----------------------------------------------------------------------------

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


def open_at(window: Any, url: str) -> Any:
    page = window.new_page()
    page.goto(url)
    whole(page)
    return page


def whole(page: Any) -> None:
    """The page is drawn to its end, without an error, and a slot is chosen."""
    page.wait_for_function(QUIET, arg=STEADY_MS, polling=50)
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
def test_back_and_forward(opened: list[str], window: Any, address: str) -> None:
    page = open_at(window, address)
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


@pytest.mark.journey
def test_back_and_forward_from_pages_in_use(window: Any, address: str) -> None:
    page = open_at(window, f"{address}/mix?m=tiny-n3&mb=tiny-n1")
    page.locator(".st-key-run button").click()
    page.locator(BRAID).last.wait_for()
    page.get_by_role("tab", name="Leaks").click()
    whole(page)
    used = {
        "compare": lambda: page.get_by_role("tab", name="Cross-talk").click(),
        "debugger": lambda: page.locator(".st-key-verdict_compute button").click(),
        "dataset": lambda: page.get_by_text("A file of yours").first.click(),
        "learn": lambda: page.locator(".st-key-learn_next button").click(),
        "saved": lambda: slot(page, 2),
        "about": lambda: slot(page, 3),
    }
    for name, use in used.items():
        go_to(page, name)
        use()
        whole(page)
    back_to(page, "/mix")
    page.locator(BRAID).last.wait_for()
    steps = 0
    while steps < len(used):
        page.go_forward()
        whole(page)
        steps += 1
    assert page.evaluate("location.pathname") != "/mix"


def test_back_after_a_run_and_another_checkpoint(window: Any, address: str) -> None:
    page = open_at(window, address)
    go_to(page, "mix")
    slot(page, 3)
    page.locator(".st-key-run button").click()
    page.locator(BRAID).last.wait_for()
    go_to(page, "crosstalk")
    page.get_by_label("Checkpoint", exact=False).first.click()
    page.get_by_role("option", name="tiny-n1").click()
    page.get_by_text("plain, one text a pass").wait_for()
    back_to(page, "/mix")
    page.get_by_text("N = 3").first.wait_for()
    page.locator(BRAID).last.wait_for()  # the run is still there
    back_to(page, re.escape(address) + r"/(\?|$)")
    page.go_forward()
    whole(page)


def test_back_to_a_bad_link(window: Any, address: str) -> None:
    page = open_at(window, f"{address}/mix?seed=1e309&slot=2&evil=1")
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


# ---- Training ------------------------------------------------------------------------------------


def test_a_live_run_is_followed_and_stopped(window: Any, address: str, runs: Path) -> None:
    """This process plays the run: it is alive, writes rows, and ends when it is asked to."""
    folder = write_run(runs / "mine", last=500, state="running")
    shown = screen(window, address, "/training")
    page = shown.page
    page.get_by_role("tab", name="Losses").click()
    page.get_by_text("in 500 steps").locator("visible=true").first.wait_for()

    with (folder / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(row(550)) + "\n")
    write_progress(folder, "running", step=550)
    page.get_by_text("in 550 steps").locator("visible=true").first.wait_for()  # nothing was pressed

    page.reload()
    main = page.get_by_test_id("stMain")  # the header has a Stop of its own while a page runs
    main.get_by_role("button", name="Stop").click()
    page.get_by_text("stopping").first.wait_for()
    assert (folder / "stop").exists()
    write_progress(folder, "stopped", step=550)
    page.get_by_role("button", name="Start again").wait_for()
    main.get_by_role("button", name="Stop").first.wait_for(state="detached")
    assert shown.errors == []

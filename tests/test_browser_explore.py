"""The explorer in a browser: a researcher's way to a leak and a link, Stop, and the dark."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from muxviz.ui.shell.frame import page_exists
from tests.browser import server
from tests.pages import BASELINE, write_checkpoint
from tests.test_browser import FITS, Screen, screen

pytestmark = [
    pytest.mark.journey,
    pytest.mark.browser,
    pytest.mark.skipif(
        not (page_exists("crosstalk") and page_exists("layers")),
        reason="the pages Cross-talk and Layers are not there",
    ),
]
OWN = (
    "The river was cold and very long.",
    "A funny story about a dog.",
    "We like the new song.",
    "It is a bad movie, so boring!",
    "She came to see the old house.",
)
SLOW = "/crosstalk?m=tiny-n10&c_meas=shapley&c_sets=64"  # 2**10 coalitions, 64 times
HAS_FIELD = "text => [...document.querySelectorAll('input')].some(e => e.value === text)"
PAPER_DARK = (15, 18, 21)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "tiny-n1", plain=True)
    write_checkpoint(root / "tiny-n5", BASELINE, num_instances=5)
    write_checkpoint(root / "tiny-n10", BASELINE, num_instances=10)
    with server(root, root / "runs") as url:
        yield url


def press_compute(shown: Screen, study: str) -> None:
    shown.page.locator(f".st-key-{study}_compute button").click()


def drawn(shown: Screen, panel: str) -> str:
    """Every word and number of a figure, once it is there and not out of date."""
    figure = shown.page.locator(f".st-key-{panel}_figure")
    figure.locator(".gtitle").wait_for()
    return "|".join(figure.locator("svg text").all_text_contents())


def choose(shown: Screen, key: str, words: str) -> None:
    shown.page.locator(f".st-key-{key} button", has_text=words).click()


def test_own_sentences_to_a_leak_to_its_layers_and_a_link(window: Any, address: str) -> None:
    shown = screen(window, address)
    page = shown.page
    page.get_by_role("link", name="Mix & read").click()
    page.get_by_role("button", name="Paste").click()
    page.get_by_label(re.compile("^One sentence per line")).fill("\n".join(OWN))
    page.get_by_role("button", name="Use these lines").click()
    page.wait_for_function(HAS_FIELD, arg=OWN[4])
    page.get_by_role("link", name="Cross-talk").click()
    group = page.locator(".st-key-group_in_short")  # the sentences are shown on every page
    group.get_by_text("She came to see the old house").wait_for()

    page.locator(".st-key-c_meas button", has_text="Log-odds").click()
    press_compute(shown, "crosstalk_odds")
    matrix = drawn(shown, "crosstalk_odds")
    choose(shown, "c_i", "2")
    choose(shown, "c_j", "4")
    page.get_by_text("Which tokens of slot 4 are heard in slot 2?").wait_for()
    matrix = drawn(shown, "crosstalk_odds")
    link = shown.link()
    assert all(part in link for part in ("c_meas=odds", "c_i=2", "c_j=4", "g=")), link

    page.get_by_role("link", name="Layers").click()
    press_compute(shown, "layers_spectrum")
    spectrum = drawn(shown, "spectrum")
    deeper = shown.link()

    again = screen(window, "", link)
    press_compute(again, "crosstalk_odds")
    again.page.get_by_text("Which tokens of slot 4 are heard in slot 2?").wait_for()
    assert drawn(again, "crosstalk_odds") == matrix
    again.page.goto(deeper)
    press_compute(again, "layers_spectrum")
    assert drawn(again, "spectrum") == spectrum
    assert shown.errors == again.errors == []
    assert shown.strangers == []


def click_on(shown: Screen, mark: Any) -> None:
    """The pointer on the middle of a mark, as a user's."""
    mark.scroll_into_view_if_needed()
    box = mark.bounding_box()
    shown.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def test_a_cell_and_a_point_are_chosen_by_a_click(window: Any, address: str) -> None:
    shown = screen(window, address, "/crosstalk?m=tiny-n5&c_draws=8")
    press_compute(shown, "crosstalk_swap")
    drawn(shown, "crosstalk_swap")
    cells = shown.page.locator(".st-key-crosstalk_swap_figure .points path.point")
    click_on(shown, cells.nth(3 * 5 + 1))  # row by row: slot 4, under the sentence of slot 2
    shown.page.get_by_text("What does slot 4 answer with other sentences in slot 2?").wait_for()

    shown = screen(window, address, "/map?m=tiny-n5&u_k=4&u_m=2")
    press_compute(shown, "map_states")
    drawn(shown, "map_pca")
    click_on(shown, shown.page.locator(".st-key-map_pca_figure .points path.point").first)
    shown.page.get_by_text(re.compile(r"Point \d+:")).wait_for()
    assert shown.errors == []


def test_stop_ends_the_work_and_a_changed_view_starts_none(window: Any, address: str) -> None:
    shown = screen(window, address, SLOW)
    press_compute(shown, "crosstalk_shapley")
    page = shown.page
    page.get_by_text(re.compile(r"\d of [\d,]+ · ")).wait_for()
    page.locator(".st-key-crosstalk_shapley_stop button").click()
    # The matrix and the pair below it, where a first set was done by then.
    page.get_by_text(re.compile("Stopped (after|before)")).first.wait_for()
    page.locator(".st-key-crosstalk_shapley_stop").wait_for(state="detached")
    assert page.locator(".st-key-crosstalk_shapley_compute").is_visible()
    assert shown.errors == []


def test_dark_pages_are_dark_and_nothing_sticks_out(window: Any, address: str) -> None:
    shown = screen(window, address, "/crosstalk?m=tiny-n5&c_meas=leak", "dark")
    drawn(shown, "crosstalk_leak")
    main = shown.page.locator("[data-testid=stMain]")
    shown.page.wait_for_function(FITS, arg=main.element_handle())
    picture = Image.open(io.BytesIO(shown.page.screenshot())).convert("RGB")
    dots = list(picture.resize((160, 112)).get_flattened_data())
    assert max(set(dots), key=dots.count) == PAPER_DARK
    light = sum(min(dot) > 200 for dot in dots) / len(dots)
    assert light < 0.05, f"{light:.0%} of the dark page is light"
    assert shown.errors == []

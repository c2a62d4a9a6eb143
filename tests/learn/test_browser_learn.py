"""The lesson in a browser: the file from a disk without a network, and the page before a class."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from muxviz.cli import main
from muxviz.lesson.build import build, recorded_lessons
from muxviz.lesson.step import LETTERS
from tests.browser import server
from tests.pages import write_checkpoint

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("lesson") / "lesson.html"
    assert main(["lesson", "--out", str(path)]) == 0
    return path.as_uri()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "sst2-n5", num_instances=5)
    with server(root, tmp_path_factory.mktemp("runs")) as url:
        yield url


class Noted:
    """A page with what it complained of and what it asked for."""

    def __init__(self, window: Any, address: str, path: str = "") -> None:
        self.page = window.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda m: self._note(m.type, m.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(address + path)

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)


def test_the_file_teaches_all_steps_from_a_disk_without_a_network(window: Any, file: str) -> None:
    window.set_offline(True)
    try:
        shown = Noted(window, file)
        page, steps = shown.page, build(recorded_lessons())
        for step in steps:
            article = page.locator(f"#step{step.id}")
            article.get_by_role("heading", name=step.title).wait_for()
            told = set()
            for name in (list(step.scenes)[0], list(step.scenes)[-1]):
                article.locator(f"[data-scene={name}]").click()
                article.locator(".figure .main-svg").first.wait_for()
                told.add(article.locator(".said").first.text_content())
            assert len(told) == 2
            wrong = next(k for k in range(len(step.quiz.answers)) if k != step.quiz.right)
            article.locator(f"[data-answer='{wrong}']").click()
            assert article.locator(".reply").text_content() == step.quiz.hint.text().replace(
                "*", ""
            )
            article.locator(f"[data-answer='{step.quiz.right}']").click()
            assert article.locator(".right b").text_content() == LETTERS[step.quiz.right]
            page.keyboard.press("ArrowRight")
        assert page.locator("#score").text_content() == "0 of 9 right at once"
        assert shown.complaints == []
        assert [url for url in shown.asked if url.split("#")[0] != file] == []
        page.close()
    finally:
        window.set_offline(False)


def test_the_file_before_a_class(window: Any, file: str) -> None:
    shown = Noted(window, file, "?present=1#7")
    page = shown.page
    page.locator("#step7 .main-svg").first.wait_for()
    assert page.locator("#clock").text_content().endswith("of 10:00")
    notes = page.locator("#step7 .notes")
    assert not notes.is_visible()
    page.keyboard.press("n")
    assert notes.is_visible()
    page.keyboard.press("ArrowLeft")
    page.locator("#step6 .main-svg").first.wait_for()
    size = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    large = page.evaluate(size)
    page.keyboard.press("p")
    assert page.evaluate(size) < large
    assert not page.locator("#clock").is_visible()
    page.emulate_media(media="print")
    assert page.get_by_text("Mix them yourself").is_visible()
    assert not page.locator("main").is_visible()
    assert shown.complaints == []
    page.close()


def test_the_page_before_a_class_is_turned_by_keys(window: Any, address: str) -> None:
    shown = Noted(window, address, "/learn?present=1")
    page = shown.page
    page.locator(".main-svg").first.wait_for()
    assert not page.locator("[data-testid=stSidebar]").is_visible()
    page.keyboard.press("ArrowRight")
    page.get_by_role("heading", name="2 of 9 · What happens to a token").wait_for()
    page.keyboard.press("n")
    page.get_by_text("Press the button under the picture").wait_for()
    page.keyboard.press("Escape")
    page.get_by_role("heading", name="Learn", exact=True).wait_for()
    page.locator("[data-testid=stSidebar]").wait_for()
    assert [url for url in shown.asked if not url.startswith((address, "data:", "blob:"))] == []
    page.close()

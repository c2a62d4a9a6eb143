"""An engineer's way in a browser: a file with two bad rows, its worklist, one failure, why, what
would help, the report, and the same rows on another checkpoint.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muxviz.results import from_json
from muxviz.results.worklist import SHARED, FailureSet
from tests.browser import server
from tests.pages import BASELINE, write_checkpoint
from tests.test_browser import go_to, open_at, whole

pytestmark = [pytest.mark.journey, pytest.mark.browser]
LABELS = {"labels": ("negative", "positive")}
PARTS = ("the plot", "an old dog", "<b>we</b>", "she", "the song", "$x^2$", "it")
WORDS = ("is not funny", "was good, great", "**never** ends", "can be a bad day", "goes on", "ran")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "tiny-n1", plain=True, **LABELS)
    write_checkpoint(root / "tiny-n3", BASELINE, **LABELS)
    with server(root, root / "runs") as url:
        yield url


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """500 rows, two of them bad, under column names that have to be told."""
    rows = [[f"{PARTS[n % 7]} {WORDS[n % 6]} {n}", ("good", "bad")[n % 2]] for n in range(498)]
    rows[10:10] = [["", "good"], ["fine, really", "meh"]]
    path = tmp_path / "odd reviews.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["Review", "stars"], *rows])
    return path


def pick(page: Any, words: str, choice: str) -> None:
    """Choose in the dialog, and wait until it has been drawn anew."""
    box = page.locator("[role=dialog] [data-testid=stSelectbox]", has_text=words).first
    box.locator("input").click()
    page.get_by_role("option", name=choice, exact=True).first.click()
    page.wait_for_function(
        "([box, choice]) => box.innerText.includes(choice) || "
        "[...box.querySelectorAll('input')].some(e => e.value === choice)",
        arg=[box.element_handle(), choice],
    )


def see(page: Any, words: str) -> None:
    """Wait for words; joiners that keep text from being read as Markdown are left out."""
    reads = "words => document.body.innerText.replaceAll('\\u2060', '').includes(words)"
    page.wait_for_function(reads, arg=words)


def saved(page: Any, button: str, folder: Path) -> Path:
    with page.expect_download() as waited:
        page.get_by_role("button", name=button).click()
    path = folder / str(waited.value.suggested_filename)
    waited.value.save_as(path)
    return path


def compute(page: Any, key: str) -> str:
    """Press Compute of a panel, and wait for its picture; its title."""
    page.locator(f".st-key-{key}_compute button").click()
    return title(page, key)


def title(page: Any, key: str) -> str:
    shown = page.locator(f".st-key-{key}_figure .gtitle").last
    shown.wait_for()
    return spaced(shown)


def spaced(shown: Any) -> str:
    """Words of a title, which may be cut into lines otherwise elsewhere."""
    lines = shown.locator("tspan.line").all_text_contents()
    return " ".join(lines) if lines else str(shown.text_content())


def test_from_a_file_to_why_to_a_report(
    window: Any, address: str, table: Path, tmp_path: Path
) -> None:
    page = open_at(window, f"{address}/dataset?m=tiny-n3&mb=tiny-n1")
    page.get_by_role("radio", name="A file of yours").or_(
        page.get_by_text("A file of yours")
    ).first.click()
    page.locator("input[type=file]").first.set_input_files(str(table))
    page.locator(".st-key-dataset_dialog button").click()
    for words, choice in (
        ("Text", "Review"), ("Label", "stars"),
        ("good", "positive"), ("bad", "negative"),
    ):  # fmt: skip
        pick(page, words, choice)
    page.locator(".st-key-dataset_use button").click()

    found = compute(page, "dataset_run")
    assert "of 498 rows fail at N = 3" in found
    see(page, "row 11 (line 12), column Review: is empty")
    see(page, "row 12 (line 13), column stars: is 'meh'")
    kept = from_json(saved(page, "Save these failures", tmp_path).read_text("utf-8"))
    assert isinstance(kept, FailureSet)
    one = next(failure for failure in kept.failures if failure.kind == SHARED)

    row = page.get_by_label("Row of the file", exact=True)
    row.fill(str(one.number))
    row.press("Enter")
    see(page, f"Row {one.number:,} · shared")
    page.locator(".st-key-dataset_debugger button").click()
    page.wait_for_url("**/debugger*")
    whole(page)
    for text, _ in one.rows:
        see(page, text)
    why = compute(page, "verdict")
    assert f"Slot {one.slot + 1}" in why
    helps = title(page, "fixes")
    report = window.new_page()
    report.goto(saved(page, "Report", tmp_path).as_uri())
    report.locator(".gtitle").last.wait_for()
    titles = [spaced(each) for each in report.locator(".gtitle").all()]
    assert {why, helps} <= set(titles)

    go_to(page, "dataset")
    assert page.locator(".st-key-dataset_run_figure .gtitle").last.is_visible()  # no second run
    mended = compute(page, "dataset_redone")
    wrong = [failure for failure in kept.failures if failure.answer != failure.gold]
    fixed = sum(failure.alone == failure.gold for failure in wrong)
    assert f"tiny-n1 gets {fixed:,} of the {len(wrong):,} wrong rows right" in mended
    assert page.locator("[data-testid=stException]").count() == 0

"""Every page, light and dark: axe-core finds nothing that it calls moderate, serious or critical,
and no word of a figure is over another or cut, on a screen and on a phone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from muxviz.ui.shell.frame import PAGES
from tests.boxes import faults
from tests.browser import WIDE, server
from tests.pages import BASELINE, write_checkpoint
from tests.test_browser import FITS, SCROLLED, screen, whole

pytestmark = pytest.mark.browser
SCREENS = ({"width": 1440, "height": 900}, {"width": 390, "height": 844})
GRAVE = ("moderate", "serious", "critical")
# A quick look at two pages is always taken; all pages in both schemes take two minutes.
SOON = (("start", "light"), ("mix", "dark"))
EACH = [(page, scheme) for page in PAGES for scheme in ("light", "dark")]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("bundled")
    write_checkpoint(root / "tiny-n1", plain=True)
    write_checkpoint(root / "tiny-n3", BASELINE)
    with server(root, root / "runs") as url:
        yield url


@pytest.mark.parametrize(
    ("page", "scheme"),
    [
        pytest.param(*each, marks=() if each in SOON else pytest.mark.journey, id="-".join(each))
        for each in EACH
    ],
)
def test_a_page_can_be_read_by_all(page: str, scheme: str, window: Any, address: str) -> None:
    path = "/" if page == "start" else f"/{page}?m=tiny-n3"
    shown = screen(window, address, path, scheme)
    whole(shown.page)
    if page == "mix":
        shown.run_and_wait()
        whole(shown.page)
    for size in SCREENS:
        shown.page.set_viewport_size(size)
        whole(shown.page)
        assert faults(shown.page) == []
    main = shown.page.locator("[data-testid=stMain]")
    shown.page.wait_for_function(FITS, arg=main.element_handle())
    assert shown.page.evaluate(SCROLLED) == []
    shown.page.set_viewport_size(WIDE)
    whole(shown.page)
    assert not grave(shown.page)


def grave(page: Any) -> list[str]:
    """What axe finds."""
    name = "axe_playwright_python.sync_playwright"
    axe = pytest.importorskip(name, reason="axe is not installed; the words were measured")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"][:3]
    ]

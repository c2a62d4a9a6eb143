"""axe-core on every page, light and dark: nothing that it calls moderate, serious or critical."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from muxviz.ui.shell.frame import PAGES
from tests.browser import server
from tests.pages import BASELINE, write_checkpoint
from tests.test_browser import screen, whole

pytestmark = pytest.mark.browser
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")
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
def test_axe_finds_nothing_grave(page: str, scheme: str, window: Any, address: str) -> None:
    path = "/" if page == "start" else f"/{page}?m=tiny-n3"
    shown = screen(window, address, path, scheme)
    whole(shown.page)
    if page == "mix":
        shown.run_and_wait()
        whole(shown.page)
    found = axe.Axe().run(shown.page).response["violations"]
    said = [
        f"{one['id']} ({one['impact']}): {node['html'][:160]}"
        for one in found
        if one["impact"] in GRAVE
        for node in one["nodes"][:3]
    ]
    assert not said, "\n".join(said)

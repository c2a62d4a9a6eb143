"""Every kind of figure in a browser, at its narrowest forms: no word over another, none cut.

Pages are measured where they are visited, in ``test_browser_axe.py``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit
from plotly.offline import get_plotlyjs

from tests.boxes import faults
from tests.figure_families import FAMILIES

pytestmark = pytest.mark.browser
WIDE, NARROW = 780, 358  # px: what wide forms get at least; a page of 390 without its margins
PARTS = 6  # of all kinds; one is always measured
NAMES = sorted(FAMILIES)
MEDIA = Path(streamlit.__file__).parent / "static/static/media"
FACES = {"Source Sans": "SourceSansVF-Upright", "Source Serif": "SourceSerifVariable-Roman"}
DRAW = """async ([figure, width]) => {
  const box = document.getElementById("box");
  Plotly.purge(box);
  box.style.width = `${width}px`;
  const layout = {...figure.layout, width};
  await Plotly.newPlot(box, figure.data, layout, {displayModeBar: false});
}"""


def face(name: str, file: str) -> str:
    """A font of the app, as its pages have it."""
    (found,) = MEDIA.glob(f"{file}*.woff2")
    data = base64.b64encode(found.read_bytes()).decode()
    source = f"url(data:font/woff2;base64,{data})"
    return f"@font-face{{font-family:'{name}';font-weight:200 900;src:{source}}}"


@pytest.fixture(scope="module")
def sheet(whole_window: Any) -> Iterator[Any]:
    """An empty page with Plotly and the app's fonts."""
    page = whole_window.new_page()
    faces = "".join(face(name, file) for name, file in FACES.items())
    told = "".join(f"<i style='font-family:{name}'>a</i>" for name in FACES)
    page.set_content(f"<style>{faces}body{{margin:0}}</style>{told}<div id=box></div>")
    page.add_script_tag(content=get_plotlyjs())
    page.evaluate("document.fonts.ready")
    yield page
    page.close()


def drawn(sheet: Any, figure: Any, width: int, page: int = 0) -> list[str]:
    sheet.set_viewport_size({"width": page or width, "height": 900})
    sheet.evaluate(DRAW, [json.loads(figure.to_json()), width])
    return faults(sheet)


@pytest.mark.parametrize(
    "part", [0, *(pytest.param(k, marks=pytest.mark.journey) for k in range(1, PARTS))]
)
def test_no_word_of_a_figure_is_over_another_or_cut(part: int, sheet: Any) -> None:
    found = {
        f"{name}, {width} px": said
        for name in NAMES[part::PARTS]
        for width, figure in (
            (WIDE, FAMILIES[name]().figure),
            (NARROW, FAMILIES[name]().narrow),
        )
        if (said := drawn(sheet, figure, width))
    }
    assert not found


def note(text: str, x: float, **more: Any) -> dict[str, Any]:
    return {"text": text, "x": x, "y": 0.5, "showarrow": False, **more}


def test_what_is_over_another_cut_or_clipped_is_found(sheet: Any) -> None:
    """The measure itself: planted words that touch, that leave the figure, that axes clip."""
    plain = {"xref": "paper", "yref": "paper"}
    layout = {
        "height": 300,
        "xaxis": {"range": [0, 1], "showticklabels": False},
        "yaxis": {"range": [0, 1], "showticklabels": False},
        "annotations": [
            note("first", 0.5, **plain),
            note("second", 0.5, **plain),
            note("beyond the edge", 1, xanchor="left", xshift=60, **plain),
            note("alone", 0.2, **plain),
            note("turned", 0.8, textangle=-90, **plain),
        ],
    }
    clipped = {"type": "scatter", "mode": "text", "x": [1], "y": [0.2], "text": ["clipped"]}

    class Planted:
        @staticmethod
        def to_json() -> str:
            return json.dumps({"data": [clipped], "layout": layout})

    found = drawn(sheet, Planted, 700)
    assert [said.split(": ", 1)[1] for said in found] == [
        "cut: clipped",
        "cut: beyond the edge",
        "overlap: first | second",
    ]
    wider = drawn(sheet, Planted, 700, page=500)
    assert [said.split(": ", 1)[1] for said in wider] == [
        "beyond the page: 700 px",
        *(said.split(": ", 1)[1] for said in found),
    ]

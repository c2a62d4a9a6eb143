"""Figures and tables as files: vector images from the browser, one self-contained page, CSV."""

from __future__ import annotations

import csv
import html
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from muxviz.figures.drawing.ink import Ink, ink

FORMULA_STARTS = "=+-@"
NOT_SEEN = "CMZ"  # first letters of categories: controls, combining marks, blanks
FILLERS = "\u115f\u1160\u3164\uffa0"  # letters without a shape
NO_NETWORK = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:"
)
REPORT_STYLE = (
    "body{font-family:sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "h1,h2{font-family:serif;font-weight:600}p{line-height:1.5}.from{opacity:.75;font-size:.8em}"
    "td,th{padding:.15rem .6rem;text-align:left}details{overflow-x:auto;margin:.5rem 0}"
)
SELECTING = ["select2d", "lasso2d"]
REMOVED_BUTTONS = ["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "autoScale2d", "resetScale2d"]


def figure_config(
    file_name: str, image: str = "svg", *, can_select: bool = False
) -> dict[str, Any]:
    """Settings of the mode bar: save as SVG (or PNG) under ``file_name``, nothing that drags axes.

    can_select: with a box and a lasso.

    The browser draws the image. HTML files made of a page save PNG.
    """
    return {
        "displaylogo": False,
        "modeBarButtonsToRemove": REMOVED_BUTTONS + ([] if can_select else SELECTING),
        "toImageButtonOptions": {"format": image, "scale": 2, "filename": f"muxviz-{file_name}"},
        "scrollZoom": False,
        "responsive": True,
    }


def to_html(fig: go.Figure, title: str, caption: str) -> str:
    """One HTML page that may not use the network: figure with plotly.js inside, title, caption.

    It is as light or dark as the figure was made for.
    """
    colors = _colors(fig)
    body = fig.to_html(
        full_html=False, include_plotlyjs=True, config=figure_config("figure", "png")
    )
    head, foot = html.escape(title), html.escape(caption)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{NO_NETWORK}">'
        f"<title>{head}</title></head>"
        f'<body style="font-family:sans-serif;margin:2rem;background:{colors.paper};'
        f'color:{colors.text}">{body}<p>{foot}</p></body></html>\n'
    )


def _colors(fig: go.Figure) -> Ink:
    """Of the page that a figure was made for."""
    return ink(fig.layout.template.layout.font.color == ink(True).text)


@dataclass(frozen=True)
class Section:
    """A panel in a report.

    notes: Markdown paragraphs: how to read it, what it does not show. said: texts of a user or a
    file above the figures. rows: a table of numbers below them.
    """

    question: str
    figures: tuple[go.Figure, ...]
    notes: tuple[str, ...]
    provenance: str
    said: tuple[str, ...] = ()
    rows: tuple[Mapping[str, Any], ...] = ()


def report_html(
    title: str,
    sentences: Sequence[str],
    sections: Sequence[Section],
    kept: Sequence[Section] = (),
) -> str:
    """One HTML page that may not use the network: the sentences, every panel, then what was kept.

    All figures share one copy of plotly.js, which is most of the page's 5 MB.
    """
    parts = [f"<h1>{html.escape(title)}</h1>"]
    if sentences:
        items = "".join(f"<li>{html.escape(text)}</li>" for text in sentences)
        parts.append(f"<ol>{items}</ol>")
    if not sections and not kept:
        parts.append("<p>Nothing was computed on this page yet.</p>")
    figures = [figure for section in (*sections, *kept) for figure in section.figures]
    colors = _colors(figures[0]) if figures else ink(False)
    has_library = False
    for number, section in enumerate((*sections, *kept)):
        if kept and number == len(sections):
            parts.append("<h1>Kept findings</h1>")
        parts.append(f"<h2>{html.escape(section.question)}</h2>" if section.question else "")
        parts += [f"<p><b>{html.escape(text)}</b></p>" for text in section.said if text]
        for figure in section.figures:
            parts.append(_body(figure, with_library=not has_library))
            has_library = True
        parts.append(_table(section.rows))
        parts += [f"<p>{inline(note)}</p>" for note in section.notes]
        parts.append(f'<p class="from">{html.escape(section.provenance)}</p>')
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{NO_NETWORK}">'
        f"<title>{html.escape(title)}</title><style>{REPORT_STYLE}</style></head>"
        f'<body style="background:{colors.paper};color:{colors.text}">'
        f"{''.join(parts)}</body></html>\n"
    )


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A folded table, columns in order of first appearance; "" without rows."""
    if not rows:
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{html.escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(_shown(row.get(name)))}</td>' for name in columns)}</tr>"
        for row in rows
    )
    head = f"<thead><tr>{head}</tr></thead>"
    return (
        f"<details><summary>Numbers</summary><table>{head}<tbody>{body}</tbody></table></details>"
    )


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def _body(figure: go.Figure, *, with_library: bool) -> str:
    body: str = figure.to_html(
        full_html=False, include_plotlyjs=with_library, config=figure_config("figure", "png")
    )
    return body


def library() -> str:
    """plotly.js, for a page that bears its figures as JSON."""
    return str(get_plotlyjs())


def inline(markdown: str) -> str:
    """Our own short texts: bold, italics and code; everything else is text."""
    text = html.escape(" ".join(markdown.split()))
    for mark, tag in ((r"\*\*(.+?)\*\*", "b"), (r"\*(.+?)\*", "i"), (r"`(.+?)`", "code")):
        text = re.sub(mark, rf"<{tag}>\1</{tag}>", text)
    return text


def rows_to_csv(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV (RFC 4180), columns in order of first appearance.

    Texts that a spreadsheet would run as a formula get an apostrophe in front.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_cell(name) for name in columns])
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def _is_formula(text: str) -> bool:
    """Whether the first character that is seen starts a formula, in any width or size."""
    seen = (c for c in text if unicodedata.category(c)[0] not in NOT_SEEN and c not in FILLERS)
    first = unicodedata.normalize("NFKC", next(seen, ""))
    return first != "" and first[0] in FORMULA_STARTS

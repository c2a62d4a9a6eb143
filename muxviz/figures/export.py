"""Figures and tables as files: vector images from the browser, one self-contained page, CSV."""

from __future__ import annotations

import csv
import html
import io
from typing import Any

import plotly.graph_objects as go

FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # wide forms are read alike
NO_NETWORK = (
    "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:"
)
REMOVED_BUTTONS = ["zoom2d", "pan2d", "select2d", "lasso2d", "zoomIn2d", "zoomOut2d", "autoScale2d"]


def figure_config(file_name: str) -> dict[str, Any]:
    """Settings of the mode bar: save as SVG under ``file_name``, and nothing that drags axes."""
    return {
        "displaylogo": False,
        "modeBarButtonsToRemove": [*REMOVED_BUTTONS, "resetScale2d"],
        "toImageButtonOptions": {"format": "svg", "scale": 2, "filename": f"muxviz-{file_name}"},
        "scrollZoom": False,
        "responsive": True,
    }


def to_html(fig: go.Figure, title: str, caption: str) -> str:
    """One HTML page that may not use the network: figure with plotly.js inside, title, caption."""
    body = fig.to_html(full_html=False, include_plotlyjs=True, config=figure_config("figure"))
    head, foot = html.escape(title), html.escape(caption)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{NO_NETWORK}">'
        f"<title>{head}</title></head>"
        f'<body style="font-family:sans-serif;margin:2rem">{body}<p>{foot}</p></body></html>\n'
    )


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
    if isinstance(value, str) and value.lstrip().startswith(FORMULA_STARTS):
        return f"'{value}"
    return value

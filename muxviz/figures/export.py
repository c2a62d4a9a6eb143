"""Figures and tables as files: vector images from the browser, one self-contained page, CSV."""

from __future__ import annotations

import csv
import html
import io
from typing import Any

import plotly.graph_objects as go

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
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
    """One HTML page that needs no network: the figure with plotly.js inside, title and caption."""
    body = fig.to_html(full_html=False, include_plotlyjs=True, config=figure_config("figure"))
    head, foot = html.escape(title), html.escape(caption)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{head}</title></head>'
        f'<body style="font-family:sans-serif;margin:2rem">{body}<p>{foot}</p></body></html>\n'
    )


def rows_to_csv(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV (RFC 4180), columns in order of first appearance.

    Texts that a spreadsheet would run as a formula get an apostrophe in front.
    """
    columns = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\r\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(value) for name, value in row.items()})
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value

"""A figure for a page of 360 px: the same marks, cells below each other, words folded.

What a figure needs beyond that, such as other places for names beside its points, it does itself
when asked with ``is_narrow``.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.cells_below import cells_below
from muxviz.figures.drawing.crowded import (
    LETTER,
    drop_crowded,
    place_on,
    px_of,
    thin_ticks,
    values_of,
)
from muxviz.figures.drawing.ink import NARROW_LINES, NARROW_ROOM, TITLE_LINE, TITLE_TOP, legend_of
from muxviz.figures.drawing.plot import Plot, Settings
from muxviz.figures.drawing.wording import bare, fold, fold_marked, plain, shorten, width

PAGE = 358  # px: a page of 390 without its margins
LINE = 16  # px from line to line of small type
EDGE = 12  # px free at either side
NAME_ROOM, BEHIND_ROOM = 17, 20  # letters of the name of a row, and of the words behind it
NUMBERS, AXIS_TITLE, BAR = 46, 20, 78  # px of numbers, of an axis' title, of a colour bar
MARK, LEGEND_LINE = 48, 20  # px of a mark in a legend with what is around it, and of a line
BESIDE_BUTTONS = 0.52  # of the width, where a slider begins
KEPT = ("traceorder", "itemclick", "itemdoubleclick")  # of a legend
BREAK = "<br>"


def narrowed(figure: go.Figure) -> go.Figure:
    """A copy of ``figure`` (as ``framed`` leaves it) that can be read on 360 px."""
    spec: dict[str, Any] = figure.to_plotly_json()
    plot = Plot(*spec["data"])
    plot.layout, plot.frames = spec["layout"], list(spec.get("frames", []))
    above = _above(plot)
    cells_below(plot, PAGE)
    left = max([EDGE, *(_fold_names(plot, name) for name in _axes(plot, "y")), *_before(plot)])
    right = _fold_behind(plot, left)
    plot.set(margin={"l": round(left), "r": round(right)})
    inner = PAGE - left - right
    above += _fold_heads(plot, inner, right)
    drop_crowded(plot, inner)
    columns = _axes(plot, "x")
    for name in columns:
        above += _fold_columns(plot.layout[name], inner, is_alone=len(columns) == 1)
        thin_ticks(plot.layout[name], inner)
    _fold_lines(plot, left, inner)
    for slider in plot.layout.get("sliders", []):
        slider |= {"x": BESIDE_BUTTONS, "len": 1 - BESIDE_BUTTONS}
    _set_top(plot, above)
    return plot.figure()


def _grow(plot: Plot, more: float, side: str = "") -> None:
    """Make ``plot`` higher by px, in its margin ``side`` or in its cells."""
    plot.set(height=round(plot.layout["height"] + more))
    if side:
        plot.set(margin={side: round(plot.layout["margin"][side] + more)})


# ---- above the cells ----------------------------------------------------------------------------


def _above(plot: Plot) -> float:
    """px that words right above the topmost cells take."""
    found = [0.0]
    for item in _notes(plot):
        at = str(item.get("yref", "y"))
        is_top = at != "y" and not re.fullmatch(r"y\d+", at) and item["y"] >= 1 - 1e-6
        if is_top and (item.get("yanchor") == "bottom" or item.get("yshift", 0) > 0):
            found.append(item.get("yshift", 0) + LINE * _lines(item) + 4)
    for name in _axes(plot, "x"):
        axis = plot.layout[name]
        if axis.get("side") == "top" and axis.get("visible", True):
            title = axis.get("title", {}).get("text")
            found.append(10 + LINE + (AXIS_TITLE if title else 0))
    return max(found)


def _set_top(plot: Plot, above: float) -> None:
    """Title and legend, folded, and ``above`` px for what stands under them."""
    title = plot.layout["title"]
    frames = [frame.get("layout", {}).get("title", {}) for frame in plot.frames]
    most = 0
    for said in (title, *frames):
        words = html.unescape(said.get("text", "").replace(BREAK, " "))
        lines = fold(words, NARROW_ROOM, NARROW_LINES) if words else []
        said |= {"text": BREAK.join(map(plain, lines))} if words else {}
        most = max(most, len(lines))
    names = [t["name"] for t in plot.data if "name" in t and t.get("showlegend") is not False]
    has_legend = len(names) > 1 and plot.layout.get("showlegend") is not False
    across = max((width(bare(name)) * LETTER + MARK for name in names), default=MARK)
    rows = math.ceil(len(names) / max(1, int((PAGE - 70) / across))) if has_legend else 0
    under = TITLE_TOP + TITLE_LINE * most + 8
    top = round(under + LEGEND_LINE * rows + 14 * has_legend + max(above, 8))
    _grow(plot, top - plot.layout["margin"]["t"], "t")
    height = plot.layout["height"]
    title["y"] = 1 - TITLE_TOP / height
    if has_legend:
        was = plot.layout.get("legend", {})
        kept = {name: was[name] for name in KEPT if name in was}
        plot.layout["legend"] = legend_of(height, under) | kept


def _fold_heads(plot: Plot, inner: float, right: float) -> float:
    """Fold what is written over cells to the room right of where it starts; px more at the top."""
    more = 0
    heads = [n for n in _notes(plot) if n.get("yanchor") == "bottom" and "xref" in n]
    for item in heads:
        start = float(item.get("x", 0)) if item.get("xref") == "paper" else 0.0
        if item.get("xanchor") != "left" or item["xref"] not in ("paper", "x domain"):
            continue
        same = (n["x"] for n in heads if n is not item and n.get("y") == item.get("y"))
        stop = min((x for x in same if x > start), default=1 + (right - EDGE) / inner)
        had = _lines(item)
        item |= {
            "text": fold_marked(item["text"], (stop - start) * inner / LETTER),
            "align": "left",
        }
        more = max(more, LINE * (_lines(item) - had))
    return more


# ---- rows and columns ---------------------------------------------------------------------------


def _fold_names(plot: Plot, name: str) -> float:
    """Fold the names of the rows of a y axis and give them room; px that they take."""
    axis = plot.layout[name]
    if axis.get("showticklabels") is False or axis.get("visible") is False:
        return EDGE
    titled = AXIS_TITLE if axis.get("title", {}).get("text") else 0
    names = axis.get("ticktext") or _categories(plot, name)
    if not names:
        return NUMBERS + titled
    if not axis.get("ticktext"):
        axis["tickvals"] = list(names)
    axis["ticktext"] = [fold_marked(str(text).strip(), NAME_ROOM) for text in names]
    _make_room(plot, name, [{"text": text} for text in axis["ticktext"]])
    return max(map(px_of, axis["ticktext"])) + EDGE + 8 + titled


def _make_room(plot: Plot, name: str, texts: list[Settings]) -> None:
    """Make the rows of a y axis as high as the texts in them."""
    most, sides = max(map(_lines, texts), default=1), plot.layout["margin"]
    start, stop = plot.layout.get(name, {}).get("domain", (0, 1))
    inner = plot.layout["height"] - sides["t"] - sides["b"]
    if most > 1:
        rows = len({text.get("y", k) for k, text in enumerate(texts)})
        _grow(plot, max(0.0, (LINE * most + 4) * rows / (stop - start) - inner))


def _categories(plot: Plot, name: str) -> list[str]:
    """What rows are called whose places are names."""
    letter = name.replace("axis", "")
    found = (t.get("y") for t in plot.data if t.get("yaxis", "y") == letter)
    values = [v for ys in found if isinstance(ys, list | tuple) for v in ys]
    return list(dict.fromkeys(v for v in values if isinstance(v, str)))


def _before(plot: Plot) -> Iterator[float]:
    """px of what is written left of the cells."""
    for item in _notes(plot):
        if item.get("xref") == "paper" and item.get("x") == 0 and item.get("xanchor") == "right":
            yield px_of(item["text"]) + EDGE - item.get("xshift", 0)


def _fold_behind(plot: Plot, left: float) -> float:
    """Fold what is written behind the rows and make room for it; px right of the cells."""
    has_bar = any(t.get("showscale") or t.get("marker", {}).get("showscale") for t in plot.data)
    right = float(BAR if has_bar or "coloraxis" in plot.layout else EDGE)
    behind: dict[tuple[str, str], list[Settings]] = {}
    for item in _notes(plot):
        if item.get("xanchor") == "left" and re.fullmatch(r"y\d*", item.get("yref", "y")):
            item["text"] = fold_marked(item["text"], BEHIND_ROOM)
            behind.setdefault((item.get("xref", "x"), item.get("yref", "y")), []).append(item)
    for trace in plot.data:
        if trace.get("textposition") == "middle right":
            at = (trace.get("xaxis", "x"), trace.get("yaxis", "y"))
            texts = zip(values_of(trace["x"]), values_of(trace["y"]), trace["text"], strict=True)
            behind.setdefault(at, []).extend({"x": x, "y": y, "text": t} for x, y, t in texts)
    for (x, y), items in behind.items():
        _make_room(plot, f"yaxis{y[1:]}", items)
        if x == "paper":
            right = max([right, *(_reach(item) + EDGE for item in items if item["x"] == 1)])
    for (x, _), items in behind.items():
        axis = plot.layout.get(f"xaxis{x[1:]}", {})
        if "range" in axis and x != "paper":
            start, stop = map(float, axis["range"])
            for item in items:
                share = min((_reach(item) + 4) / (PAGE - left - right), 0.7)
                place = place_on(item["x"], axis)
                stop = max(stop, (place - start * share) / (1 - share))
            axis["range"] = [start, stop]
    return right


def _fold_columns(axis: Settings, inner: float, *, is_alone: bool) -> float:
    """Fold the names of columns to their width, or cut them under a heading; px more they take."""
    names = [str(text).strip() for text in axis.get("ticktext") or ()]
    if not any(" " in name for name in names) or axis.get("showticklabels") is False:
        return 0.0
    start, stop = axis.get("domain", (0, 1))
    room = max(inner * (stop - start) / len(names) / LETTER - 1, 3)
    is_top = axis.get("side") == "top"
    if is_top and not is_alone:
        axis |= {"ticktext": [plain(shorten(bare(name), room)) for name in names], "tickangle": 0}
        return 0.0
    axis["ticktext"] = [fold_marked(name, room) for name in names]
    return LINE * max(text.count(BREAK) for text in axis["ticktext"]) * is_top


# ---- below the cells ----------------------------------------------------------------------------


def _fold_lines(plot: Plot, left: float, inner: float) -> None:
    """Fold the titles of the x axes and the lines under the cells."""
    more = longer = 0
    for name in _axes(plot, "x"):
        title = plot.layout[name].get("title", {})
        if title.get("text"):
            title["text"] = fold_marked(title["text"], max(inner / LETTER, NAME_ROOM))
            more = max(more, title["text"].count(BREAK))
    for item in _notes(plot):
        if item.get("yref") == item.get("xref") == "paper" and item.get("yshift", 0) < 0:
            had = _lines(item)
            item["text"] = fold_marked(item["text"], (PAGE - 2 * EDGE) / LETTER)
            longer = max(longer, _lines(item) - had)
            item |= {"xshift": EDGE - round(left), "yshift": item["yshift"] - LINE * more}
    _grow(plot, LINE * (more + longer), "b")


# ---- what is there ------------------------------------------------------------------------------


def _axes(plot: Plot, letter: str) -> list[str]:
    return [name for name in plot.layout if re.fullmatch(rf"{letter}axis\d*", name)]


def _notes(plot: Plot) -> list[Settings]:
    found: list[Settings] = plot.layout.get("annotations", [])
    return found


def _lines(item: Settings) -> int:
    return str(item.get("text", "")).count(BREAK) + 1


def _reach(item: Settings) -> float:
    """px from the place of a text to its right end."""
    return float(item.get("xshift", 0)) + px_of(str(item["text"]))

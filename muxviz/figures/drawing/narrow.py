"""A figure for a page of 360 px: the same marks, cells below each other, words folded.

What a figure needs beyond that, such as other names on its points, it says itself
(``Family.narrow``).
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterator
from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.cells_below import cells_below
from muxviz.figures.drawing.ink import NARROW_LINES, NARROW_ROOM, TITLE_LINE, TITLE_TOP, legend_of
from muxviz.figures.drawing.plot import Plot, Settings
from muxviz.figures.drawing.wording import fold, plain, width

PAGE = 358  # px: a page of 390 without its margins
LETTER, LINE = 6.4, 16  # px of an average letter of small type, and from line to line
EDGE = 12  # px free at either side
NAME_ROOM = 17  # letters of the name of a row, and of the words behind it
NUMBERS, AXIS_TITLE, BAR = 46, 20, 78  # px of numbers, of an axis' title, of a colour bar
MARK = 48  # px of a mark in a legend, with what is around it
KEPT = ("traceorder", "itemclick", "itemdoubleclick")  # of a legend
BREAK = "<br>"


def narrowed(figure: go.Figure) -> go.Figure:
    """A copy of ``figure`` (as ``framed`` leaves it) that can be read on 360 px."""
    spec: dict[str, Any] = figure.to_plotly_json()
    plot = Plot(*spec["data"])
    plot.layout, plot.frames = spec["layout"], list(spec.get("frames", []))
    cells_below(plot, PAGE)
    _lay_legend(plot)
    left = max([EDGE, *(_fold_names(plot, name) for name in _axes(plot, "y")), *_before(plot)])
    right = _fold_beside(plot, left)
    plot.set(margin={"l": round(left), "r": round(right)})
    inner = PAGE - left - right
    for name in _axes(plot, "x"):
        _thin_ticks(plot.layout[name], inner)
    _fold_lines(plot, left, inner)
    _fold_title(plot)
    return plot.figure()


def grow(plot: Plot, more: float, side: str = "") -> None:
    """Make ``plot`` higher by px, in its margin ``side`` or in its cells.

    What stands at a distance from the top keeps it, but for what a higher top pushes down.
    """
    before, more = plot.layout["height"], round(more)
    plot.set(height=before + more)
    if side:
        plot.set(margin={side: plot.layout["margin"][side] + more})
    legend = plot.layout.get("legend", {})
    if legend.get("yref") == "container":
        pushed = more if side == "t" else 0
        legend["y"] = 1 - ((1 - legend["y"]) * before + pushed) / (before + more)


def inner_height(plot: Plot) -> float:
    """px from the top to the bottom of the cells."""
    sides = plot.layout["margin"]
    return float(plot.layout["height"] - sides["t"] - sides["b"])


# ---- parts --------------------------------------------------------------------------------------


def _lay_legend(plot: Plot) -> None:
    """Under the title, as many lines as it needs."""
    names = [t["name"] for t in plot.data if "name" in t and t.get("showlegend") is not False]
    if len(names) < 2 or plot.layout.get("showlegend") is False:
        return
    was = plot.layout.get("legend", {})
    is_above = was.get("yref") == "container" and was.get("y", 0) > 0.5
    across = max(width(_bare(name)) * LETTER for name in names) + MARK
    lines = math.ceil(len(names) / max(1, int((PAGE - NUMBERS - 2 * EDGE) / across)))
    grow(plot, 20 * (lines - is_above), "t")
    top = plot.layout["margin"]["t"] - 20 * lines - AXIS_TITLE
    kept = {name: was[name] for name in KEPT if name in was}
    plot.layout["legend"] = legend_of(plot.layout["height"], top) | kept


def _fold_names(plot: Plot, name: str) -> float:
    """Fold the names of the rows of a y axis and give them room; px that they take."""
    axis = plot.layout[name]
    if axis.get("showticklabels") is False or axis.get("visible") is False:
        return EDGE
    titled = AXIS_TITLE if axis.get("title", {}).get("text") else 0
    names = axis.get("ticktext") or _categories(plot, name)
    if not names:
        return NUMBERS + titled
    folded = [_folded(str(text), NAME_ROOM) for text in names]
    if not axis.get("ticktext"):
        axis["tickvals"] = list(names)
    axis["ticktext"] = [BREAK.join(lines) for lines in folded]
    start, stop = axis.get("domain", (0, 1))
    needed = LINE * max(map(len, folded)) * len(folded) / (stop - start)
    if max(map(len, folded)) > 1:
        grow(plot, max(0.0, needed - inner_height(plot)))
    return max(_px(lines) for lines in folded) + EDGE + 8 + titled


def _fold_beside(plot: Plot, left: float) -> float:
    """Fold what is written behind the rows and make room for it; px right of the cells."""
    has_bar = any(t.get("showscale") or t.get("marker", {}).get("showscale") for t in plot.data)
    right = float(BAR if has_bar or "coloraxis" in plot.layout else EDGE)
    behind: dict[str, list[Settings]] = {}
    for item in _notes(plot):
        if item.get("xanchor") == "left" and re.fullmatch(r"y\d*", item.get("yref", "y")):
            item["text"] = BREAK.join(_folded(item["text"], NAME_ROOM))
            behind.setdefault(item.get("xref", "x"), []).append(item)
    for item in behind.pop("paper", []):
        if item["x"] == 1:
            right = max(right, _reach(item) + EDGE)
    for letter, items in behind.items():
        axis = plot.layout.get(f"xaxis{letter[1:]}", {})
        if "range" not in axis:
            continue
        start, stop = map(float, axis["range"])
        for item in items:
            share = min((_reach(item) + 4) / (PAGE - left - right), 0.7)
            stop = max(stop, (float(item["x"]) - start * share) / (1 - share))
        axis["range"] = [start, stop]
    return right


def _thin_ticks(axis: Settings, inner: float) -> None:
    """Leave out ticks whose words would touch those before."""
    vals, texts = axis.get("tickvals"), axis.get("ticktext")
    if vals is None or "range" not in axis or any(isinstance(v, str) for v in vals):
        return
    start, stop = axis["range"]
    is_log = axis.get("type") == "log"
    low, high = axis.get("domain", (0, 1))
    words = [str(t) for t in texts] if texts is not None else ["00.0 %"] * len(vals)
    kept: list[int] = []
    edge = -math.inf
    for k, value in enumerate(vals):
        at = ((math.log10(value) if is_log else value) - start) / (stop - start)
        middle, half = at * inner * (high - low), _px(words[k].split(BREAK)) / 2 + 3
        if middle - half >= edge:
            kept.append(k)
            edge = middle + half
    axis["tickvals"] = [vals[k] for k in kept]
    if texts is not None:
        axis["ticktext"] = [texts[k] for k in kept]


def _fold_lines(plot: Plot, left: float, inner: float) -> None:
    """Fold the titles of the x axes and the lines under the cells."""
    more = longer = 0
    for name in _axes(plot, "x"):
        title = plot.layout[name].get("title", {})
        if title.get("text"):
            lines = _folded(title["text"], max(inner / LETTER, NAME_ROOM))
            title["text"] = BREAK.join(lines)
            more = max(more, len(lines) - 1)
    for item in _notes(plot):
        if item.get("yref") == item.get("xref") == "paper" and item.get("yshift", 0) < 0:
            had = item["text"].count(BREAK)
            item["text"] = BREAK.join(_folded(item["text"], (PAGE - 2 * EDGE) / LETTER))
            longer = max(longer, item["text"].count(BREAK) - had)
            item |= {"xshift": EDGE - round(left), "yshift": item["yshift"] - LINE * more}
    grow(plot, LINE * (more + longer), "b")


def _fold_title(plot: Plot) -> None:
    title = plot.layout["title"]
    had = title["text"].count(BREAK) + 1
    lines = fold(html.unescape(title["text"].replace(BREAK, " ")), NARROW_ROOM, NARROW_LINES)
    title["text"] = BREAK.join(plain(line) for line in lines)
    grow(plot, TITLE_LINE * max(0, len(lines) - max(had, 2)), "t")
    title["y"] = 1 - TITLE_TOP / plot.layout["height"]


# ---- what is there ------------------------------------------------------------------------------


def _axes(plot: Plot, letter: str) -> list[str]:
    return [name for name in plot.layout if re.fullmatch(rf"{letter}axis\d*", name)]


def _notes(plot: Plot) -> Iterator[Settings]:
    yield from plot.layout.get("annotations", [])


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
            yield _px(item["text"].split(BREAK)) + EDGE - item.get("xshift", 0)


def _folded(text: str, room: float) -> list[str]:
    """Marked-up ``text`` in lines of ``room`` small letters, broken at spaces."""
    lines: list[str] = []
    for word in text.replace(BREAK, " ").split(" "):
        both = f"{lines[-1]} {word}" if lines else word
        if lines and width(_bare(both)) <= room:
            lines[-1] = both
        else:
            lines.append(word)
    return lines


def _reach(item: Settings) -> float:
    """px from the place of a text to its right end."""
    return float(item.get("xshift", 0)) + _px(item["text"].split(BREAK))


def _px(lines: list[str]) -> float:
    return LETTER * max(width(_bare(line)) for line in lines)


def _bare(text: Any) -> str:
    return html.unescape(re.sub("<[^>]*>", "", str(text)))

"""Numbers of papers, each against its own paper's baseline; never beside measured ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, TEXT_SIZE, caption, framed, ink, legend_of
from muxviz.figures.drawing.measured import SIZE, log_axis
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.wording import plain, tenths
from muxviz.results.throughput import PublishedPoint

SHAPES = ("circle-open", "square-open", "diamond-open", "triangle-up-open", "pentagon-open")
SIZES = (520, 3)  # px of the whole figure, columns
MOST = 6  # panels
HOWS = {"text": "read in the text", "figure": "read off figure"}
LEGEND_TOP = 62


def published_figure(points: Sequence[PublishedPoint], *, dark: bool = False) -> go.Figure:
    """A panel per task: score against the ratio to the paper's own baseline, hollow marks.

    A task that a source does not name shows a range between its points, not a curve.

    Raises:
        NotApplicable: no point with both numbers.
    """
    tasks = drawn_tasks(points)
    if not tasks:
        raise NotApplicable("not applicable: no published point has both a ratio and a score")
    columns = min(SIZES[1], len(tasks))
    rows = math.ceil(len(tasks) / columns)
    plot = Plot.grid(
        rows=rows,
        cols=columns,
        titles=[
            {"text": _heading(task), "font": {"size": TEXT_SIZE, "color": ink(dark).text}}
            for task in tasks
        ],
        across=0.08,
        down=0.22 if rows > 1 else 0,
    )
    sources = list(dict.fromkeys(p.source for p in points if p.task in tasks))
    for source in sources:
        plot.add(_key(source, sources, dark))
    for number, task in enumerate(tasks):
        place = {"row": number // columns + 1, "col": number % columns + 1}
        own = [p for p in points if p.task == task and _is_drawn(p)]
        for source in dict.fromkeys(p.source for p in own):
            marked = [p for p in own if p.source == source]
            plot.add(_marks(marked, sources.index(source), dark), **place)
        words = (
            "times its own baseline"
            if place["row"] == rows or number + columns >= len(tasks)
            else ""
        )
        plot.xaxes(**log_axis(words, [p.ratio for p in own], room=0.16), **place)
        scores = [p.score or 0.0 for p in own]
        edge = max(0.15 * (max(scores) - min(scores)), 0.5)
        plot.yaxes(
            showgrid=True,
            title={"text": "score, %" if number % columns == 0 else ""},
            nticks=6,
            range=[min(scores) - edge, max(scores) + 1.6 * edge],
            **place,
        )
    height = SIZES[0] if rows > 1 else 400
    framed(
        plot,
        published_finding(points),
        dark=dark,
        height=height,
        sides={"l": 70, "r": 24, "t": 124, "b": 96},
    )
    plot.set(legend=legend_of(height, LEGEND_TOP))
    left_out = sum(not _is_drawn(p) or p.task not in tasks for p in points)
    words = (
        "Not measured here. Numbers: N; none for pruning alone. Every source has its own baseline, "
        f"data and machine.<br>{left_out} more, without a score or ratio or of other tasks, are in "
        "the table."
    )
    caption(plot, words, below=50, left=-50)
    return plot.figure()


def published_finding(points: Sequence[PublishedPoint]) -> str:
    """The largest ratios reported, by source, multiplexing alone."""
    both = [p for p in points if _is_drawn(p)]
    if not both:
        return "No published number has both a ratio and a score"
    most = max(both, key=lambda p: p.ratio)
    task = "a task that is not named" if most.task == "not named" else most.task
    return (
        f"Published, not measured here: up to {most.ratio:g} times the paper's own baseline "
        f"({most.source}, {most.score:g} % on {task})"
    )


def published_table(points: Sequence[PublishedPoint]) -> list[dict[str, Any]]:
    """One row per number, with where and how it was read."""
    return [
        {
            "source": p.source,
            "model": p.model,
            "N": p.n or None,
            "sparsity": p.sparsity,
            "task": p.task,
            "ratio to its own baseline": None if math.isnan(p.ratio) else p.ratio,
            "score, %": p.score,
            "how": HOWS.get(p.how, p.how),
            "note": p.note,
            "URL": p.url,
        }
        for p in points
    ]


def published_alt(points: Sequence[PublishedPoint]) -> str:
    """The picture in words."""
    parts = [
        f"{p.source}, {p.model}{f', N = {p.n}' if p.n else ''}, {p.task}: {p.ratio:g} times, "
        f"{p.score:g} % ({HOWS.get(p.how, p.how)})"
        for p in points
        if _is_drawn(p)
    ]
    return f"{published_finding(points)}. {'; '.join(parts)}."


def drawn_tasks(points: Sequence[PublishedPoint]) -> tuple[str, ...]:
    """Tasks with a panel: those with most points to draw, in the order of the file."""
    own = [p.task for p in points if _is_drawn(p)]
    order = list(dict.fromkeys(own))
    most = sorted(order, key=lambda task: -own.count(task))
    named = [t for t in order if t == "not named"]  # a range needs its own panel, however few
    kept = [*named, *[t for t in most if t not in named and own.count(t) > 2]][:MOST]
    return tuple(task for task in order if task in kept)


def _is_drawn(point: PublishedPoint) -> bool:
    return point.score is not None and not math.isnan(point.ratio)


def _heading(task: str) -> str:
    return "Task not named: a range" if task == "not named" else plain(task)


def _key(source: str, sources: Sequence[str], dark: bool) -> Trace:
    return scatter(
        x=[None],
        y=[None],
        mode="markers",
        name=f"{plain(source)} (published)",
        marker=_marker([sources.index(source)], dark),
        hoverinfo="skip",
    )


def _marks(own: Sequence[PublishedPoint], number: int, dark: bool) -> Trace:
    is_range = own[0].task == "not named"
    color = ink(dark).muted
    return scatter(
        x=[p.ratio for p in own],
        y=[p.score for p in own],
        mode="lines+markers" if is_range else "markers+text",
        line={"color": color, "width": 1.4, "dash": "dot"},
        text=[str(p.n) if p.n > 1 and _is_top(p, own) else "" for p in own],
        textposition="top center",
        textfont={"size": SMALL_SIZE, "color": ink(dark).text},
        marker=_marker([number] * len(own), dark),
        hovertext=[_hover(p) for p in own],
        cliponaxis=False,
    )


def _is_top(point: PublishedPoint, own: Sequence[PublishedPoint]) -> bool:
    """Whether a mark is the highest of its N and ratio; only that one bears the number."""
    same = [p for p in own if (p.n, p.ratio) == (point.n, point.ratio)]
    return point is max(same, key=lambda p: p.score or 0.0)


def _marker(numbers: Sequence[int], dark: bool) -> dict[str, Any]:
    color = ink(dark).text
    return {
        "symbol": [SHAPES[n % len(SHAPES)] for n in numbers],
        "size": SIZE - 3,
        "color": color,
        "line": {"width": 1.5, "color": color},
    }


def _hover(point: PublishedPoint) -> str:
    slots = f", N = {point.n}" if point.n else ", N not named"
    pruned = f", sparsity {tenths(point.sparsity)}" if point.sparsity is not None else ""
    note = f"<br>{plain(point.note)}" if point.note else ""
    return (
        f"<b>{plain(point.source)}</b>: {plain(point.model)}{slots}{pruned}<br>"
        f"{plain(point.task)}: {point.score:g} % at {point.ratio:g} times its baseline<br>"
        f"{HOWS.get(point.how, plain(point.how))}{note}<br>{plain(point.url)}"
    )


PUBLISHED = Family(published_figure, published_finding, published_alt, published_table)

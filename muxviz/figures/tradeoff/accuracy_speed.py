"""Accuracy against speed: everything that was measured in one picture, and what nothing beats."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, legend_of, tint
from muxviz.figures.drawing.measured import (
    DASHES,
    SIZE,
    busy_words,
    log_axis,
    marks,
    named,
    score_range,
    tick_text,
)
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import plain
from muxviz.figures.tradeoff.key import ASKED_AGAIN, label_notes, legend_traces
from muxviz.figures.tradeoff.table import tradeoff_table
from muxviz.figures.tradeoff.words import (
    amount,
    plain_of,
    shown,
    tradeoff_alt,
    tradeoff_finding,
)
from muxviz.results.contenders import Contender, Found, contenders_of, fronts_of, x_of

WORDS = {"rate": "texts answered per second", "ratio": "texts per second, relative to N = 1"}
PLOT, NARROW_PLOT = (664, 340), (266, 300)  # px of the axes, at the narrowest
LEGEND_TOP = 66
BEATEN = SIZE - 4


def tradeoff_figure(
    runs: Sequence[Found],
    *,
    task: str,
    x: str = "rate",
    hidden: Collection[str] = (),
    device: str = "",
    chosen: tuple[str, ...] = (),
    dark: bool = False,
    is_narrow: bool = False,
) -> go.Figure:
    """A mark for everything measured; large ones nothing of the same run beats, joined by a line.

    Runs are never joined, nor, by ratio, precisions (each has its own N = 1). Bars of what is not
    beaten: quartiles of the speed and the range of accuracy over groupings. Dotted: accuracy at
    N = 1 of each run.

    Args:
        runs: in any order; the first trade-off gives the title.
        task: whose points are drawn; others cannot be compared.
        x: "rate" or "ratio".
        hidden: of ``FEATURES``; what has one of them is left out.
        device: that alone; "" for all.
        chosen: ``key`` of the contender with a ring; () for none.
        is_narrow: for a page of 360 px.

    Raises:
        InputError: another x.
        NotApplicable: no point of this task, none with a ratio, or all are hidden.
    """
    found = shown(runs, task, x, hidden, device)
    fronts = fronts_of(found, x)
    best = {one.key for front in fronts for one in front}
    plot, colors = Plot(), ink(dark)
    for front in fronts:
        if len(front) > 1:
            plot.add(_line(front, x, dark))
    by_source: dict[str, list[Contender]] = {}
    for one in found:
        by_source.setdefault(one.source, []).append(one)
    for own in by_source.values():
        plot.add(_marks(own, best, x, dark))
    ring = next((one for one in found if one.key == chosen), None)
    if ring is not None:
        plot.add(_ring(ring, x, dark))
    entries = legend_traces(found, by_source, ring, dark)
    for trace in entries:
        plot.add(trace)
    ends = [v for one in found for v in (x_of(one, x).median,)]
    ends += [v for one in found if one.key in best for v in (x_of(one, x).q1, x_of(one, x).q3)]
    across = _ticked(log_axis(WORDS[x], ends))
    low = min(one.accuracy.low if one.key in best else one.accuracy.mean for one in found)
    high = max(one.accuracy.high if one.key in best else one.accuracy.mean for one in found)
    up = score_range(low, high)
    plot.xaxes(**across)
    plot.yaxes(
        showgrid=True,
        title={"text": plain(found[0].accuracy.metric)},
        tickformat=".1%",
        nticks=6,
        range=up,
    )
    _lines(plot, by_source, x, dark)
    size = NARROW_PLOT if is_narrow else PLOT
    plot.mark(annotations=label_notes(found, best, ring, x, across["range"], up, size, colors.text))
    notes = _notes(found, runs, task, x, hidden, device)
    columns = 2 if len(by_source) > 1 else 5
    top = LEGEND_TOP + 20 * math.ceil(len(entries) / columns) + 16
    bottom = 62 + 16 * len(notes)
    height = size[1] + top + bottom
    framed(
        plot,
        tradeoff_finding(runs, task=task, x=x, hidden=hidden, device=device),
        dark=dark,
        height=height,
        sides={"l": 76, "r": 40, "t": top, "b": bottom},
    )
    plot.set(legend=legend_of(height, LEGEND_TOP))
    caption(plot, "<br>".join(notes), below=48, left=-56)
    return plot.figure()


# ---- parts --------------------------------------------------------------------------------------


def _ticked(axis: dict[str, Any]) -> dict[str, Any]:
    """Three round numbers at least, on an axis of a few doublings too."""
    low, high = (10**end for end in axis["range"])
    powers = range(math.floor(axis["range"][0]), math.ceil(axis["range"][1]) + 1)
    for digits in (1, 2, 5), (1, 1.5, 2, 3, 5, 7):
        ticks = [d * 10.0**k for k in powers for d in digits if low <= d * 10.0**k <= high]
        if 3 <= len(ticks) <= 8:
            return axis | {"tickvals": ticks, "ticktext": [tick_text(t) for t in ticks]}
    return axis


def _line(front: Sequence[Contender], x: str, dark: bool) -> Trace:
    """Through what nothing beats."""
    return scatter(
        x=[x_of(one, x).median for one in front],
        y=[one.accuracy.mean for one in front],
        mode="lines",
        line={
            "color": tint(ink(dark).text, 0.45),
            "width": 1.6,
            "dash": "dashdot" if front[0].scale == "" else DASHES[front[0].kind],
        },
        hoverinfo="skip",
    )


def _marks(own: Sequence[Contender], best: Collection[Any], x: str, dark: bool) -> Trace:
    """All of one run."""
    first, colors = own[0], ink(dark)
    look = marks(first.kind, [one.n for one in own], busy=first.busy, dark=dark)
    shape = str(look["symbol"])
    again = f"{ASKED_AGAIN}-open-dot" if first.busy else ASKED_AGAIN
    on_front = [one.key in best for one in own]

    def bars(upper: Sequence[float], lower: Sequence[float]) -> Any:
        up, down = (
            [max(v, 0.0) if kept else 0.0 for v, kept in zip(ends, on_front, strict=True)]
            for ends in (upper, lower)
        )
        return whiskers(up, down, tint(colors.muted, 0.6), thickness=1.1, width=2)

    xs, scores = [x_of(one, x) for one in own], [one.accuracy for one in own]
    return scatter(
        x=[q.median for q in xs],
        y=[s.mean for s in scores],
        mode="markers",
        marker=look
        | {
            "symbol": [again if "escalated" in one.features else shape for one in own],
            "size": [SIZE if kept else BEATEN for kept in on_front],
            "opacity": [1.0 if kept else 0.6 for kept in on_front],
        },
        error_x=bars([q.q3 - q.median for q in xs], [q.median - q.q1 for q in xs]),
        error_y=bars([s.high - s.mean for s in scores], [s.mean - s.low for s in scores]),
        hovertext=[_hover(one, x, one.key in best) for one in own],
        cliponaxis=False,
    )


def _ring(one: Contender, x: str, dark: bool) -> Trace:
    return scatter(
        x=[x_of(one, x).median],
        y=[one.accuracy.mean],
        mode="markers",
        marker={
            "symbol": "circle-open",
            "size": SIZE + 12,
            "opacity": 1,
            "color": ink(dark).text,
            "line": {"width": 2.6, "color": ink(dark).text},
        },
        hoverinfo="skip",
        cliponaxis=False,
    )


def _hover(one: Contender, x: str, is_best: bool) -> str:
    score = one.accuracy
    interval = ""
    if score.interval is not None:
        low, high = score.interval
        interval = f"<br>95 % interval over rows: {100 * low:.1f} to {100 * high:.1f} %"
    busy = "<br>machine was busy: speed not comparable" if one.busy else ""
    front = "<br>nothing of this run beats it" if is_best else ""
    return (
        f"<b>{named(one.name)}</b><br>{plain(one.recipe)}<br>{amount(one, x)}"
        f"<br>{plain(score.metric)} {100 * score.mean:.1f} %, "
        f"{100 * score.low:.1f} to {100 * score.high:.1f} over {score.groupings} groupings"
        f"{interval}{front}<br>{plain(one.source)}{busy}"
    )


def _lines(plot: Plot, by_source: dict[str, list[Contender]], x: str, dark: bool) -> None:
    """Where N = 1 is: accuracy of each run, and the ratio 1."""
    line = {"color": ink(dark).muted, "width": 1.1, "dash": "dot"}
    shapes = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": base.accuracy.mean,
            "y1": base.accuracy.mean,
            "line": line,
            "layer": "below",
        }
        for own in by_source.values()
        for base in (plain_of(own, "float32"),)
        if base is not None
    ]
    if x == "ratio":
        upright = {"yref": "paper", "y0": 0, "y1": 1, "x0": 1, "x1": 1}
        shapes.append({"type": "line", **upright, "line": line, "layer": "below"})
    plot.mark(shapes=shapes)


def _notes(
    found: Sequence[Contender],
    runs: Sequence[Found],
    task: str,
    x: str,
    hidden: Collection[str],
    device: str,
) -> list[str]:
    notes = [
        "Large and joined: nothing of the same run is as good in both and better in one. Beside "
        "them N, pruned, precision.",
        "Bars: quartiles of the speed, range of accuracy over groupings. Dotted: N = 1.",
    ]
    sources = {one.source for one in found}
    data = dict.fromkeys(one.run.data for one in runs if one.label in sources)
    if len(data) > 1:
        names = " and ".join(plain(name) for name in data)
        notes.append(f"The runs answered different rows ({names}): compare heights within a run.")
    left_out = len(contenders_of(runs, task, hidden=hidden, device=device)) - len(found)
    if left_out:
        notes.append(f"{left_out} without an N = 1 in the same run are left out.")
    if x == "ratio" and len({one.scale for one in found}) > 1:
        notes.append("A ratio is to N = 1 in the same precision; each precision has its own front.")
    busy = busy_words([one.run.machine for one in runs if one.label in sources])
    return [*notes, f"{busy}."] if busy else notes


TRADEOFF = Family(tradeoff_figure, tradeoff_finding, tradeoff_alt, tradeoff_table)

"""Accuracy against speed: one mark per checkpoint and setting, sources apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from muxviz.errors import InputError, NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, legend_of, tint
from muxviz.figures.drawing.measured import (
    DASHES,
    SIZE,
    accuracy_change,
    busy_words,
    legend_mark,
    log_axis,
    marks,
    named,
    score_range,
    times,
)
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import percent, plain
from muxviz.figures.tradeoff.table import tradeoff_table
from muxviz.results.measured import Measured, of_task, pareto_front, plain_point, rivals
from muxviz.results.throughput import Quartiles, TradeoffPoint

AXES = {"rate": "Instances/s", "ratio": "Ratio to N = 1"}
WORDS = {"rate": "instances per second", "ratio": "instances per second, relative to N = 1"}
PLOT = 300  # px of the axes
LEGEND_TOP = 66
NEAR = (0.12, 0.06)  # doublings, share of the height, within which one number says it for both


def tradeoff_figure(
    runs: Sequence[Measured], *, task: str, x: str = "rate", dark: bool = False
) -> go.Figure:
    """Marks with quartiles of the speed and the range of accuracy over groupings.

    The step line of a run joins what nothing else of that run and precision beats; runs are never
    joined. Dotted: accuracy at N = 1 of each run.

    Args:
        runs: in any order; the first one gives the title.
        task: whose points are drawn; others cannot be compared.
        x: "rate" or "ratio".

    Raises:
        InputError: another x.
        NotApplicable: no point of this task, or none with a ratio.
    """
    found = _found(runs, task, x)
    plot = Plot()
    for one, chosen in found:
        for dtype in dict.fromkeys(p.dtype for p in chosen):
            _front(plot, one, [p for p in chosen if p.dtype == dtype], x, dark)
    for one, chosen in found:
        plot.add(_marks(one, chosen, x, dark))
        busy = one.run.machine.is_busy
        plot.add(legend_mark(one.label, one.kind, busy=busy, dark=dark))
    everything = [p for _, chosen in found for p in chosen]
    ends = [v for p in everything for q in (_x(p, x),) for v in (q.q1, q.q3)]
    plot.xaxes(**log_axis(WORDS[x], ends))
    plot.yaxes(
        showgrid=True,
        title={"text": plain(everything[0].accuracy.metric)},
        tickformat=".1%",
        range=score_range(
            min(p.accuracy.low for p in everything), max(p.accuracy.high for p in everything)
        ),
    )
    _lines(plot, found, x, dark)
    notes = _notes(found, runs, task, x)
    top, bottom = LEGEND_TOP + 24 + 18 * len(found), 62 + 16 * len(notes)
    height = PLOT + top + bottom
    framed(
        plot,
        tradeoff_finding(runs, task=task, x=x),
        dark=dark,
        height=height,
        sides={"l": 76, "r": 40, "t": top, "b": bottom},
    )
    whole = {"entrywidth": 1, "entrywidthmode": "fraction"}  # one source a line
    plot.set(legend=legend_of(height, LEGEND_TOP) | whole)
    caption(plot, "<br>".join(notes), below=48, left=-56)
    return plot.figure()


def tradeoff_finding(runs: Sequence[Measured], *, task: str, x: str = "rate") -> str:
    """What the fastest unbeaten mark of the first run wins and loses against N = 1."""
    _, chosen = _found(runs, task, x)[0]
    best = chosen[front_of(chosen, x)[-1]]
    base = plain_point(chosen, dtype=best.dtype)
    if base is None:
        return (
            f"{best.checkpoint} (N = {best.n}) is the fastest: "
            f"{best.instances_per_s.median:,.0f} texts a second, "
            f"{percent(best.accuracy.mean)} right; there is no N = 1 to compare with"
        )
    if best is base or best.n == 1:
        return (
            f"N = 1 is not beaten: {base.checkpoint} answers "
            f"{base.instances_per_s.median:,.0f} texts a second, {percent(base.accuracy.mean)} "
            "right"
        )
    faster = best.instances_per_s.median / base.instances_per_s.median
    if best.ratio_to_n1 is not None:
        faster = best.ratio_to_n1.median
    change = accuracy_change(base.accuracy, best.accuracy, ("loses", "gains"))
    change = change or "answers as many right"
    mixed = len({p.dtype for p in chosen}) > 1
    name = f"{best.checkpoint}, {best.dtype}" if mixed else best.checkpoint
    return f"N = {best.n} is {times(faster)} as fast as N = 1 and {change} ({name})"


def rivals_finding(runs: Sequence[Measured], *, task: str) -> str:
    """Which multiplexed points of the first run a smaller model beats at one text a pass."""
    chosen = of_task(runs[0].run, task)
    beaten = rivals(chosen)
    mixed = [p for p in chosen if p.n > 1 and p.copies == 1]
    if not mixed or not any(p.n == 1 for p in chosen):
        return ""
    if not beaten:
        return "No N = 1 model of this run is as fast and as often right as one with N above 1"
    lines = [f"{_described(point)} by {_described(rival)}" for point, rival in beaten]
    return f"By medians and means matched or beaten at one text a pass: {'; '.join(lines)}"


def _described(point: TradeoffPoint) -> str:
    how = ", ".join(dict.fromkeys(part for part in (point.dtype, point.grouping) if part))
    return (
        f"{point.checkpoint} ({how}: {point.instances_per_s.median:,.0f} texts/s, "
        f"{100 * point.accuracy.mean:.1f} % right)"
    )


def tradeoff_alt(runs: Sequence[Measured], *, task: str, x: str = "rate") -> str:
    """The picture in words."""
    lines = [f"{tradeoff_finding(runs, task=task, x=x)}."]
    for one, chosen in _found(runs, task, x):
        unbeaten = {id(chosen[at]) for at in front_of(chosen, x)}
        parts = [
            f"{p.checkpoint}, N = {p.n}: {_amount(p, x)}, {100 * p.accuracy.mean:.1f} % right"
            f"{', on the front' if id(p) in unbeaten else ''}"
            for p in chosen
        ]
        lines.append(f"{one.label}: {'; '.join(parts)}.")
    said = rivals_finding(runs, task=task)
    return " ".join([*lines, f"{said}." if said else ""]).strip()


def front_of(chosen: Sequence[TradeoffPoint], x: str = "rate") -> tuple[int, ...]:
    """Numbers of the points that nothing beats, slowest first."""
    return pareto_front([(_x(p, x).median, p.accuracy.mean) for p in chosen])


# ---- parts --------------------------------------------------------------------------------------


def _found(
    runs: Sequence[Measured], task: str, x: str
) -> list[tuple[Measured, list[TradeoffPoint]]]:
    """Runs with the points that can be drawn; runs without any are left out."""
    if x not in AXES:
        raise InputError(f"got x={x!r}; choose one of {', '.join(AXES)}")
    pairs = [(one, list(of_task(one.run, task))) for one in runs]
    if not any(chosen for _, chosen in pairs):
        raise NotApplicable(f"not applicable: no run has a point of {task.replace('_', ' ')}")
    if x == "ratio":
        pairs = [(one, [p for p in own if p.ratio_to_n1 is not None]) for one, own in pairs]
        if not any(chosen for _, chosen in pairs):
            raise NotApplicable(
                "not applicable: no run has an N = 1 checkpoint to relate to; show instances/s"
            )
    return [(one, chosen) for one, chosen in pairs if chosen]


def _x(point: TradeoffPoint, x: str) -> Quartiles:
    found = point.instances_per_s if x == "rate" else point.ratio_to_n1
    assert found is not None, "points without a ratio are left out before"
    return found


def _amount(point: TradeoffPoint, x: str) -> str:
    found = _x(point, x)
    unit = "instances/s" if x == "rate" else "times N = 1"
    digits = ",.0f" if found.median >= 100 else ".2f"
    return f"{found.median:{digits}} {unit} ({found.q1:{digits}} to {found.q3:{digits}})"


def _front(plot: Plot, one: Measured, chosen: Sequence[TradeoffPoint], x: str, dark: bool) -> None:
    """Steps through the unbeaten points: what can be had at each speed."""
    front = [chosen[at] for at in front_of(chosen, x)]
    if len(front) < 2:
        return
    plot.add(
        scatter(
            x=[_x(p, x).median for p in front],
            y=[p.accuracy.mean for p in front],
            mode="lines",
            line={
                "shape": "vh",
                "width": 1.8,
                "dash": DASHES[one.kind],
                "color": tint(ink(dark).text, 0.55),
            },
            hoverinfo="skip",
        )
    )


def _marks(one: Measured, chosen: Sequence[TradeoffPoint], x: str, dark: bool) -> Trace:
    colors = ink(dark)
    xs = [_x(p, x) for p in chosen]
    scores = [p.accuracy for p in chosen]
    return scatter(
        x=[q.median for q in xs],
        y=[s.mean for s in scores],
        mode="markers+text",
        text=_labels(chosen, xs),
        textposition=[
            "top right" if p.dtype == _first_dtype(chosen) else "bottom left" for p in chosen
        ],
        textfont={"size": SMALL_SIZE + 1, "color": colors.text},
        marker=marks(one.kind, [p.n for p in chosen], busy=one.run.machine.is_busy, dark=dark)
        | {"size": [SIZE if p.dtype == _first_dtype(chosen) else SIZE - 4 for p in chosen]},
        error_x=whiskers(
            [q.q3 - q.median for q in xs],
            [q.median - q.q1 for q in xs],
            colors.muted,
            thickness=1.2,
            width=3,
        ),
        error_y=whiskers(
            [s.high - s.mean for s in scores],
            [s.mean - s.low for s in scores],
            colors.muted,
            thickness=1.2,
            width=3,
        ),
        hovertext=[_hover(one, p, x) for p in chosen],
        cliponaxis=False,
    )


def _first_dtype(chosen: Sequence[TradeoffPoint]) -> str:
    """The precision of the large marks: float32 where it was measured."""
    found = dict.fromkeys(p.dtype for p in chosen)
    return "float32" if "float32" in found else next(iter(found))


def _labels(chosen: Sequence[TradeoffPoint], xs: Sequence[Quartiles]) -> list[str]:
    """N beside every mark, the precision of small ones; one of several that nearly coincide."""
    scores = [p.accuracy.mean for p in chosen]
    high = max(scores) - min(scores) or 1.0
    labels: list[str] = []
    kept: list[int] = []
    for at, p in enumerate(chosen):
        is_near = any(
            abs(math.log2(xs[at].median / xs[k].median)) < NEAR[0]
            and abs(scores[at] - scores[k]) < NEAR[1] * high
            and (chosen[k].n, chosen[k].dtype) == (p.n, p.dtype)
            for k in kept
        )
        kept += [] if is_near else [at]
        kind = "" if p.dtype == _first_dtype(chosen) else f" {p.dtype}"
        labels.append("" if is_near else plain(f"{p.n}{kind}"))
    return labels


def _hover(one: Measured, point: TradeoffPoint, x: str) -> str:
    score = point.accuracy
    interval = ""
    if score.interval is not None:
        low, high = score.interval
        interval = f"<br>95 % interval over rows: {100 * low:.1f} to {100 * high:.1f} %"
    busy = "<br>machine was busy: speed not comparable" if one.run.machine.is_busy else ""
    return (
        f"<b>{named(point.checkpoint)}</b>, N = {point.n}<br>{_amount(point, x)}"
        f"<br>{plain(score.metric)} {100 * score.mean:.1f} %, "
        f"{100 * score.low:.1f} to {100 * score.high:.1f} over {score.groupings} groupings"
        f"{interval}<br>{plain(_setting(point))}<br>{plain(one.label)}{busy}"
    )


def _setting(point: TradeoffPoint) -> str:
    pruned = f", sparsity {point.sparsity:.2f}" if point.sparsity else ""
    return (
        f"{point.dtype}, batch {point.batch}, grouped by {point.grouping}, "
        f"{point.length:.0f} tokens{pruned}"
    )


def _lines(
    plot: Plot, found: Sequence[tuple[Measured, list[TradeoffPoint]]], x: str, dark: bool
) -> None:
    """Where N = 1 is: accuracy of each run, and the ratio 1."""
    colors, shapes = ink(dark), []
    line = {"color": colors.muted, "width": 1.2, "dash": "dot"}
    notes: list[dict[str, Any]] = []
    for _, chosen in found:
        base = plain_point(chosen, dtype=_first_dtype(chosen))
        if base is None:
            continue
        y = base.accuracy.mean
        shapes.append(
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y, "line": line}
        )
        if not notes:
            notes.append(
                {
                    "text": "N = 1",
                    "xref": "paper",
                    "x": 1,
                    "y": y,
                    "xanchor": "left",
                    "xshift": 2,
                }
            )
    if x == "ratio":
        shapes.append(
            {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 1, "x1": 1, "line": line}
        )
    plot.mark(shapes=shapes, annotations=notes)


def _notes(
    found: Sequence[tuple[Measured, list[TradeoffPoint]]],
    runs: Sequence[Measured],
    task: str,
    x: str,
) -> list[str]:
    notes = [
        "Numbers: N. Bars: quartiles of the speed, range of the score over groupings. Steps: what "
        "nothing of the same run beats."
    ]
    others = {p.dtype for _, own in found for p in own if p.dtype != _first_dtype(own)}
    if others:
        notes.append(f"Small marks: {plain(', '.join(sorted(others)))}, with steps of their own.")
    data = dict.fromkeys(one.run.data for one, _ in found)
    if len(data) > 1:
        names = " and ".join(plain(name) for name in data)
        notes.append(f"The runs answered different rows ({names}): compare heights within a run.")
    left_out = sum(len(of_task(one.run, task)) for one in runs) - sum(len(own) for _, own in found)
    if left_out and x == "ratio":
        notes.append(f"{left_out} without an N = 1 in the same run are left out.")
    busy = busy_words([one.run.machine for one, _ in found])
    return [*notes, f"{busy}."] if busy else notes


TRADEOFF = Family(tradeoff_figure, tradeoff_finding, tradeoff_alt, tradeoff_table)

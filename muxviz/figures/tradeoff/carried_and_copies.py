"""What one vector carries by N, and what copies of a text buy: two more views of trade-off runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, legend_of
from muxviz.figures.drawing.measured import (
    DASHES,
    accuracy_change,
    busy_words,
    legend_mark,
    log_axis,
    marks,
    named,
    outline_of,
    score_range,
    times,
)
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import number, plain
from muxviz.results.measured import Measured, of_task, plain_point, texts_per_s
from muxviz.results.throughput import TradeoffPoint

HEIGHT = 430  # px
LEGEND_TOP = 62
SIDES = ("middle right", "bottom right", "top right")  # of names, where N is the same
WHOLE = {"entrywidth": 1, "entrywidthmode": "fraction"}


def carried_figure(runs: Sequence[Measured], *, dark: bool = False) -> go.Figure:
    """Bits that come through one mixture position against N, a mark per checkpoint.

    Raises:
        NotApplicable: no point has any.
    """
    found = [(one, _carried(one)) for one in runs]
    found = [(one, chosen) for one, chosen in found if chosen]
    if not found:
        raise NotApplicable("not applicable: no run measured bits per vector")
    plot, colors = Plot(), ink(dark)
    for one, chosen in found:
        plot.add(
            scatter(
                x=[p.n for p in chosen],
                y=[p.bits_per_vector for p in chosen],
                mode="markers+text",
                text=[named(p.checkpoint) for p in chosen],
                textposition=[SIDES[_rank(p, chosen) % 3] for p in chosen],
                textfont={"size": SMALL_SIZE, "color": colors.text},
                marker=marks(one.kind, [p.n for p in chosen], busy=False, dark=dark),
                hovertext=[
                    f"<b>{named(p.checkpoint)}</b>, N = {p.n}: "
                    f"{number(_bits(p), '.1f')} bits, "
                    f"{number(_bits(p) / p.n, '.1f')} a slot<br>{plain(one.label)}"
                    for p in chosen
                ],
                cliponaxis=False,
            )
        )
        plot.add(legend_mark(one.label, one.kind, busy=False, dark=dark))
    everything = [p for _, chosen in found for p in chosen]
    numbers = sorted({p.n for p in everything})
    plot.xaxes(title={"text": "slots, N"}, tickvals=numbers, range=[0, 1.3 * max(numbers)])
    top = max(map(_bits, everything))
    least = min(map(_bits, everything))
    plot.yaxes(
        showgrid=True,
        title={"text": "bits per vector"},
        range=[min(0.0, 1.15 * least), 1.15 * max(top, 1e-9)],
    )
    framed(
        plot,
        carried_finding(runs),
        dark=dark,
        height=HEIGHT,
        sides={"l": 76, "r": 40, "t": LEGEND_TOP + 18 + 18 * len(found), "b": 92},
    )
    plot.set(legend=legend_of(HEIGHT, LEGEND_TOP) | WHOLE)
    known = {p.checkpoint for p in everything}
    missing = dict.fromkeys(
        p.checkpoint for one in runs for p in one.run.points if p.checkpoint not in known
    )
    words = "A lower bound, per position of the mixture."
    if missing:
        names = ", ".join(plain(name) for name in missing)
        words += f" Not applicable or not measured: {names}."
    caption(plot, words, below=50, left=-56)
    return plot.figure()


def carried_finding(runs: Sequence[Measured]) -> str:
    """The two ends of what one vector carries; without intervals nothing is said of the order."""
    chosen = next((own for own in (_carried(one) for one in runs) if own), [])
    if not chosen:
        return "Bits per vector were not measured"
    most = max(chosen, key=_bits)
    least = min(chosen, key=_bits)
    amount = f"{number(_bits(most), '.1f')} bits at N = {most.n}"
    if most is least:
        return f"One vector carries {amount}"
    return (
        f"One vector carries up to {amount}, and {number(_bits(least), '.1f')} at "
        f"N = {least.n} (no intervals were measured)"
    )


def carried_alt(runs: Sequence[Measured]) -> str:
    """The picture in words."""
    parts = [
        f"{p.checkpoint}, N = {p.n}: {number(_bits(p), '.1f')} bits"
        for one in runs
        for p in _carried(one)
    ]
    return f"{carried_finding(runs)}. {'; '.join(parts)}."


def carried_table(runs: Sequence[Measured]) -> list[dict[str, Any]]:
    """One row per checkpoint; those without are in it as well."""
    return [
        {
            "source": one.label,
            "checkpoint": p.checkpoint,
            "N": p.n,
            "bits per vector": p.bits_per_vector,
            "bits per slot": None if p.bits_per_vector is None else p.bits_per_vector / p.n,
            "state": _state(p),
        }
        for one in runs
        for p in sorted(_one_each(one), key=lambda p: (p.n, p.checkpoint))
    ]


def _rank(point: TradeoffPoint, among: Sequence[TradeoffPoint]) -> int:
    """How many of the same N carry more: names then do not run into each other."""
    mine = point.bits_per_vector or 0.0
    return sum(p.n == point.n and (p.bits_per_vector or 0.0) > mine for p in among)


def _state(point: TradeoffPoint) -> str:
    if point.bits_per_vector is not None:
        return "measured"
    return "not applicable: N = 1" if point.n == 1 else "not applicable or not measured"


def _one_each(one: Measured) -> list[TradeoffPoint]:
    """One point per checkpoint, with its bits where any point has them."""
    found: dict[str, TradeoffPoint] = {}
    for p in one.run.points:
        if p.checkpoint not in found or p.bits_per_vector is not None:
            found[p.checkpoint] = p
    return list(found.values())


def _carried(one: Measured) -> list[TradeoffPoint]:
    """One point per checkpoint: bits do not depend on the setting."""
    by_name = {
        (p.checkpoint, p.fingerprint): p for p in one.run.points if p.bits_per_vector is not None
    }
    return sorted(by_name.values(), key=lambda p: (p.n, p.checkpoint))


def _bits(point: TradeoffPoint) -> float:
    """Of a point where they were measured."""
    assert point.bits_per_vector is not None, "left out by _carried"
    return point.bits_per_vector


# ---- copies -------------------------------------------------------------------------------------


def copies_curve(runs: Sequence[Measured], *, task: str, dark: bool = False) -> go.Figure:
    """Accuracy against different texts a second, one line per checkpoint over its copies.

    Raises:
        NotApplicable: no point with several copies.
    """
    found = [(one, _lines(one, task)) for one in runs]
    found = [(one, lines) for one, lines in found if lines]
    if not found:
        raise NotApplicable("not applicable: no run measured several copies of a text")
    plot, colors = Plot(), ink(dark)
    for one, lines in found:
        for line in lines:
            plot.add(_line(one, line, dark))
        busy = one.run.machine.is_busy
        plot.add(legend_mark(one.label, one.kind, busy=busy, dark=dark))
    everything = [p for _, lines in found for line in lines for p in line]
    bases = [base for one, _ in found if (base := plain_point(of_task(one.run, task)))]
    rates = [*map(texts_per_s, everything), *map(texts_per_s, bases)]
    plot.xaxes(**log_axis("texts answered per second", rates))
    scores = [p.accuracy for p in [*everything, *bases]]
    plot.yaxes(
        showgrid=True,
        title={"text": plain(scores[0].metric)},
        tickformat=".1%",
        range=score_range(min(s.low for s in scores), max(s.high for s in scores)),
    )
    line_style = {"color": colors.muted, "width": 1.2, "dash": "dot"}
    shapes = []
    for base in bases:
        x, y = texts_per_s(base), base.accuracy.mean
        shapes += [
            {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x},
            {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y},
        ]
    plot.mark(shapes=[shape | {"line": line_style} for shape in shapes])
    framed(
        plot,
        copies_finding(runs, task=task),
        dark=dark,
        height=HEIGHT,
        sides={"l": 76, "r": 40, "t": LEGEND_TOP + 18 + 18 * len(found), "b": 92},
    )
    plot.set(legend=legend_of(HEIGHT, LEGEND_TOP) | WHOLE)
    words = [
        "Beside a mark: N, and copies of each text. Bars: range over groupings. Dotted: N = 1."
    ]
    words += [f"{note}." for note in [busy_words([one.run.machine for one, _ in found])] if note]
    caption(plot, "<br>".join(words), below=50, left=-56)
    return plot.figure()


def copies_finding(runs: Sequence[Measured], *, task: str) -> str:
    """What the most copies of the first line change."""
    lines = [line for one in runs for line in _lines(one, task)]
    if not lines:
        return "Several copies of a text were not measured"
    line = max(lines, key=lambda own: own[-1].copies)
    one, most = line[0], line[-1]
    if one.copies > 1:
        return f"{most.copies} copies of a text at N = {most.n}: no single copy to compare with"
    slower = texts_per_s(one) / texts_per_s(most)
    change = accuracy_change(one.accuracy, most.accuracy, ("lose", "add"))
    change = change or f"do not change {one.accuracy.metric}"
    return (
        f"At N = {most.n}, {most.copies} copies of a text {change} and take "
        f"{times(slower)} the time ({most.checkpoint})"
    )


def copies_alt(runs: Sequence[Measured], *, task: str) -> str:
    """The picture in words."""
    parts = [
        f"{p.checkpoint}, N = {p.n}, {_copies(p)}: {texts_per_s(p):,.0f} texts/s, "
        f"{100 * p.accuracy.mean:.1f} % right"
        for one in runs
        for line in _lines(one, task)
        for p in line
    ]
    return f"{copies_finding(runs, task=task)}. {'; '.join(parts)}."


def copies_table(runs: Sequence[Measured], *, task: str) -> list[dict[str, Any]]:
    """One row per mark."""
    return [
        {
            "source": one.label,
            "checkpoint": p.checkpoint,
            "N": p.n,
            "copies": p.copies,
            "texts/s": texts_per_s(p),
            "mean": p.accuracy.mean,
            "lowest grouping": p.accuracy.low,
            "highest grouping": p.accuracy.high,
            "metric": p.accuracy.metric,
            "less one copy's": p.accuracy.mean - line[0].accuracy.mean,
            "times one copy's time": texts_per_s(line[0]) / texts_per_s(p),
        }
        for one in runs
        for line in _lines(one, task)
        for p in line
    ]


def _lines(one: Measured, task: str) -> list[list[TradeoffPoint]]:
    """Points of one checkpoint and setting, over copies; only where there are several."""
    found: dict[tuple[Any, ...], list[TradeoffPoint]] = {}
    for p in of_task(one.run, task, copies=True):
        key = (p.checkpoint, p.fingerprint, p.dtype, p.grouping, p.padding, p.batch, p.sparsity)
        found.setdefault(key, []).append(p)
    lines = [sorted(own, key=lambda p: p.copies) for own in found.values()]
    return [line for line in lines if line[0].n > 1 and line[-1].copies > 1]


def _line(one: Measured, line: Sequence[TradeoffPoint], dark: bool) -> Trace:
    busy, n = one.run.machine.is_busy, line[0].n
    scores = [p.accuracy for p in line]
    return scatter(
        x=[texts_per_s(p) for p in line],
        y=[s.mean for s in scores],
        mode="lines+markers+text",
        text=[f"{p.n}" if p.copies == 1 else f"{p.n} · {p.copies}×" for p in line],
        textposition="top right",
        textfont={"size": SMALL_SIZE, "color": ink(dark).text},
        line={"color": outline_of(n, dark), "width": 1.8, "dash": DASHES[one.kind]},
        marker=marks(one.kind, [n] * len(line), busy=busy, dark=dark),
        error_y=whiskers(
            [s.high - s.mean for s in scores],
            [s.mean - s.low for s in scores],
            ink(dark).muted,
            thickness=1.2,
            width=3,
        ),
        hovertext=[
            f"<b>{named(p.checkpoint)}</b>, N = {n}, {_copies(p)}<br>"
            f"{texts_per_s(p):,.0f} texts/s, {100 * p.accuracy.mean:.1f} %<br>{plain(one.label)}"
            for p in line
        ],
        cliponaxis=False,
    )


def _copies(point: TradeoffPoint) -> str:
    return "one copy" if point.copies == 1 else f"{point.copies} copies"


CARRIED = Family(carried_figure, carried_finding, carried_alt, carried_table)
COPIES = Family(copies_curve, copies_finding, copies_alt, copies_table)

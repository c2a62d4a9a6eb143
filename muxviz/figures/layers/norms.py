"""Sizes of the states and entropy of attention over depth, one line per checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.claims import are_apart, spans, standing_out
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import framed, legend_of
from muxviz.figures.drawing.levels import (
    finite,
    heading,
    interval_band,
    label_levels,
    level_words,
    value_axis,
)
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.slots import slot_marker
from muxviz.figures.drawing.wording import percent, plain, shorten
from muxviz.results.estimates import Estimates
from muxviz.results.group import pruned_words
from muxviz.results.layers import LayerNorms

HEIGHT = 560
SIDES = {"l": 58, "r": 26, "t": 122, "b": 56}
NAME_ROOM = 28  # letters of a checkpoint's name
PALEST = 0.3  # where on the scale the smallest N is
PANELS = {
    "evenness": "attention entropy of all queries, share of its maximum",
    "read": "the same of the query that is read ([CLS])",
    "magnitude": "mean absolute activation",
    "norm": "L2 norm of the state, mean per position",
    "rank": "effective dimensions of the states",
}
SHARES = ("evenness", "read")  # of attention: by layer, not by level
FAR = 0.05  # difference of evenness that is worth a sentence


def norms_figure(members: Sequence[LayerNorms], *, dark: bool = False) -> go.Figure:
    """Four panels over the levels; darker lines (paler on a dark page) are larger N.

    Args:
        members: one checkpoint each, in the order to be drawn.
        dark: for a dark page.
    """
    plot = Plot.grid(rows=2, cols=2, across=0.1, down=0.19)
    levels = max((m.levels for m in members), key=len)
    shown = _panels(members)
    for number, member in enumerate(members):
        color = _color(number, len(members), dark)
        for panel, name in enumerate(shown):
            if getattr(member, name) is None:
                continue
            for trace in _traces(member, name, number, color):
                trace["showlegend"] = panel == 0 and trace.get("showlegend", True)
                plot.add(trace, row=panel // 2 + 1, col=panel % 2 + 1)
    label_levels(plot, levels, dark=dark, range=[-0.15, len(levels) - 0.85])
    value_axis(plot, dark=dark, rangemode="tozero")
    for panel, name in enumerate(shown):
        if name in SHARES:
            plot.yaxes(tickformat=".0%", range=[0, 1.02], row=1, col=panel + 1)
    plot.xaxes(title={"text": "layer", "standoff": 6}, row=2)
    plot.mark(annotations=[heading(PANELS[n], k + 1) for k, n in enumerate(shown)])
    framed(plot, norms_finding(members), dark=dark, height=HEIGHT, sides=SIDES)
    plot.set(legend=legend_of(HEIGHT, 56) | {"x": 0, "xref": "paper"})
    return plot.figure()


def norms_finding(members: Sequence[LayerNorms]) -> str:
    """Where attention differs most between the smallest and another N, or what one member shows.

    At the query that is read, of the members that have one, where those are all or several: what
    other positions look for in a layer need not reach an answer.
    """
    attending = [m for m in members if not np.isnan(m.evenness.mean).all()]
    reading = [m for m in attending if m.read is not None]
    if at_read := len(reading) in {len(attending), *range(2, len(attending))}:
        attending = reading
    if not attending:
        return "No layer attends any more: pruning took every attention block"
    first = min(attending, key=lambda m: m.provenance.num_instances)
    theirs = {id(m): spans(_looks(m, at_read)) for m in attending}
    own = theirs[id(first)]
    who = "the query that is read" if at_read else "attention"
    gaps = [
        (abs(a[0] - b[0]), layer, member)
        for member in attending
        if member is not first
        for layer, (a, b) in enumerate(zip(theirs[id(member)], own, strict=False), start=1)
        if are_apart(a, b)
    ]
    best = max(gaps, key=lambda gap: gap[0], default=None)
    if best is None or best[0] < FAR:
        layer = int(np.nanargmin(_looks(first, at_read).mean)) + 1
        low = f"{percent(own[layer - 1][0])} of its largest entropy"
        if any(_narrowest(_looks(m, at_read)) != layer for m in attending):
            return f"No layer is told to attend most narrowly (layer {layer}: {low})"
        same = " with any N" if len(attending) > 1 else ""
        what = f"{who} looks most narrowly" if at_read else f"{who} is narrowest"
        return f"{what[0].upper()}{what[1:]} in layer {layer}{same}: {low}"
    _, layer, member = best
    here, there = (float(_looks(m, at_read).mean[layer - 1]) for m in (member, first))
    names = [f"N = {m.provenance.num_instances}" for m in (member, first)]
    if member.provenance.sparsity != first.provenance.sparsity:
        names = [
            f"{name} ({pruned_words(s) if (s := m.provenance.sparsity) else 'unpruned'})"
            for name, m in zip(names, (member, first), strict=True)
        ]
    verb = "looks more narrowly" if at_read else "is narrower"
    verb = verb if here < there else verb.replace("narrowly", "widely").replace("narrower", "wider")
    return (
        f"In layer {layer} {who} {verb} with {names[0]} than with {names[1]}: "
        f"{percent(here)} against {percent(there)} of its largest entropy"
    )


def _panels(members: Sequence[LayerNorms]) -> tuple[str, ...]:
    """Attention twice where answers are read from one query; else sizes of single numbers."""
    second = "read" if any(m.read is not None for m in members) else "magnitude"
    return ("evenness", second, "norm", "rank")


def _looks(member: LayerNorms, at_read: bool) -> Estimates:
    """How evenly attention looks, ``[K]``."""
    return member.read if at_read and member.read is not None else member.evenness


def _narrowest(looks: Estimates) -> int | None:
    """The layer (from 1) of the least evenness, where it is told from all others."""
    found = standing_out(spans(looks), least=True)
    return None if found is None else found + 1


def norms_table(members: Sequence[LayerNorms]) -> list[dict[str, Any]]:
    """One row per checkpoint and level."""
    table = []
    for member in members:
        for k, level in enumerate(member.levels):
            row: dict[str, Any] = {
                "checkpoint": member.provenance.checkpoint,
                "N": member.provenance.num_instances,
                "level": level,
                "sparsity": member.provenance.sparsity,
                "width": member.width or None,
                "effective dimensions": finite(member.rank[k]),
            }
            for name in ("norm", "magnitude", "spread"):
                row |= _columns(name, getattr(member, name), k)
            if k:
                row |= _columns("attention entropy (nats)", member.entropy, k - 1)
                row |= _columns("evenness", member.evenness, k - 1)
                if member.read is not None:
                    row |= _columns("evenness of the query that is read", member.read, k - 1)
            table.append(row)
    return table


def norms_alt(members: Sequence[LayerNorms]) -> str:
    """The picture in words."""
    lines = [f"{norms_finding(members)}."]
    for member in members:
        norms = ", ".join(f"{v:.1f}" for v in member.norm.mean)
        last = level_words(member.levels[-1])
        read = "" if member.read is None else f", {_shares(member.read)} at the query that is read"
        lines.append(
            f"{_name(member)}: norms {norms} from the input to {last}; attention at "
            f"{_shares(member.evenness)} of its largest entropy, layer by layer{read}."
        )
    return " ".join(lines)


def _shares(looks: Estimates) -> str:
    return ", ".join("pruned away" if np.isnan(v) else percent(float(v)) for v in looks.mean)


def _columns(name: str, estimates: Estimates, k: int) -> dict[str, Any]:
    return {
        name: finite(estimates.mean[k]),
        f"{name} from": finite(estimates.low[k]),
        f"{name} to": finite(estimates.high[k]),
    }


def _color(number: int, count: int, dark: bool) -> str:
    share = number / max(1, count - 1)
    return color_at(sequential(dark), PALEST + (1 - PALEST) * share)


def _name(member: LayerNorms) -> str:
    sparsity = member.provenance.sparsity
    pruned = f", {pruned_words(sparsity)}" if sparsity else ""
    return f"{member.provenance.checkpoint} (N = {member.provenance.num_instances}{pruned})"


def _traces(member: LayerNorms, name: str, number: int, color: str) -> list[Trace]:
    """A line and, where there is one, its interval."""
    values = getattr(member, name)
    mean = values.mean if isinstance(values, Estimates) else values
    x = np.arange(len(mean)) + (name in SHARES)
    band = interval_band(x, values, color) if isinstance(values, Estimates) else None
    hovers = []
    for k, value in zip(x, mean, strict=True):
        shown = f"{100 * value:.1f} %" if name in SHARES else f"{value:.3g}"
        nats = f" ({member.entropy.mean[k - 1]:.2f} nats)" if name == "evenness" else ""
        place = level_words(member.levels[k])
        hovers.append(f"{plain(_name(member))}<br>{place}: {shown}{nats}")
    line = scatter(
        x=x,
        y=np.asarray(mean, dtype=np.float32),
        name=plain(shorten(_name(member), NAME_ROOM)),
        mode="lines+markers",
        line={"color": color, "width": 2},
        marker={"symbol": slot_marker(number), "size": 7, "color": color},
        hovertext=hovers,
    )
    return [*([band] if band is not None else []), line]


NORMS = Family(norms_figure, norms_finding, norms_alt, norms_table)

"""How much comes through one vector, over checkpoints with more and more slots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.drawing.claims import standing_out, trend
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.slots import slot_color, slot_marker, slot_outline
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import ends, number, plain
from muxviz.results.estimates import Estimates
from muxviz.results.fidelity import Bits

UNITS = {"bits": "Bits", "nats": "Nats"}
PER_NAT = {"bits": 1 / np.log(2), "nats": 1.0}
TWO = ".2f"  # decimals
HEIGHT, ROW = 420, 30  # px; of a row of slots at least
NAME_ROOM = 16  # letters under a column


def bits_figure(results: Sequence[Bits], *, unit: str = "bits", dark: bool = False) -> go.Figure:
    """Left: the total per position of the vector against N. Right: the same slot by slot.

    The dashed line is N times the entropy: everything read.

    Args:
        results: one per checkpoint, in any order.
        unit: "bits" or "nats".

    Raises:
        InputError: no results, or another unit.
    """
    ordered, per = _ordered(results), _per(unit)
    plot = Plot.grid(rows=1, cols=2, widths=[0.45, 0.55], across=0.22)
    _totals(plot, ordered, per, unit, dark)
    _slots(plot, ordered, per, unit, dark)
    colors = ink(dark)
    plot.yaxes(showgrid=True, zeroline=True, zerolinecolor=colors.line, rangemode="tozero")
    plot.xaxes()
    framed(
        plot,
        bits_finding(ordered, unit=unit),
        dark=dark,
        height=max(HEIGHT, 176 + ROW * len(ordered)),
        sides={"l": 70, "r": 24, "t": 84, "b": 92},
    )
    one = ordered[0]
    words = (
        f"A lower bound. Dashed: all that there is, {one.entropy * per:.2f} {unit} a slot, the "
        f"unigram entropy of the pool's {one.corpus_tokens} tokens. Lines: 95 % intervals."
        f"{_below(ordered)}"
    )
    caption(plot, words, below=52, left=-50)
    return plot.figure()


def bits_finding(results: Sequence[Bits], *, unit: str = "bits") -> str:
    """What it shows, in one sentence."""
    ordered, per = _ordered(results), _per(unit)
    if len(ordered) == 1:
        one = ordered[0]
        share = float(one.total.mean) / (one.entropy * _num(one))
        if share < 0:
            return (
                f"Nothing is told of what one vector of {_name(one)} carries: the bound is "
                f"{_total(one, per)} {unit} per position, worse than words by frequency"
            )
        return (
            f"One vector of {_name(one)} carries {_total(one, per)} {unit} per position, "
            f"{100 * share:.0f} % of all there is"
        )
    found = [(float(r.total.mean), float(r.total.low), float(r.total.high)) for r in ordered]
    first, last = ordered[0], ordered[-1]
    way = trend(found, every_step=True) if len({_num(r) for r in ordered}) == len(ordered) else 0
    if way:
        return (
            f"The more slots, the {'more' if way > 0 else 'less'} one vector carries: "
            f"{_total(first, per)} {unit} per position at N = {_num(first)}, "
            f"{_total(last, per)} at N = {_num(last)}"
        )
    ranked = sorted(ordered, key=lambda r: float(r.total.mean), reverse=True)
    best, then = ranked[:2]
    amounts = f"{_total(best, per)} {unit} per position", _total(then, per)
    if standing_out(found) is None:
        return (
            f"Where one vector carries most is not told: {amounts[0]} at {_who(best, ordered)}, "
            f"{amounts[1]} at {_who(then, ordered)}"
        )
    return (
        f"One vector carries most at {_who(best, ordered)}: {amounts[0]}, then {amounts[1]} at "
        f"{_who(then, ordered)}"
    )


def bits_table(results: Sequence[Bits], *, unit: str = "bits") -> list[dict[str, Any]]:
    """One row per checkpoint and slot, and one per checkpoint in all."""
    per, rows = _per(unit), []
    for result in _ordered(results):
        common = {"checkpoint": _name(result), "N": _num(result)}
        tail = {
            f"unigram entropy ({unit})": result.entropy * per,
            "chance": result.chance,
            "groups": result.groups,
        }
        for i in range(len(result.slots.mean)):
            rows.append(common | {"slot": str(i + 1)} | _row(result.slots, (i,), per, unit) | tail)
        rows.append(common | {"slot": "all"} | _row(result.total, (), per, unit) | tail)
    return rows


def bits_alt(results: Sequence[Bits], *, unit: str = "bits") -> str:
    """The picture in words."""
    per = _per(unit)
    parts = [
        f"{_name(r)}, N = {_num(r)}: {number(float(r.total.mean) * per, '.2f')}"
        f"{ends(float(r.total.low) * per, float(r.total.high) * per, '.2f')}, per slot "
        f"{', '.join(number(m * per, TWO) for m in r.slots.mean)}"
        for r in _ordered(results)
    ]
    return f"{bits_finding(results, unit=unit)}. In {unit} per position, {'; '.join(parts)}."


def _below(results: Sequence[Bits]) -> str:
    """What it means where the bound is below 0."""
    names = [_name(r) for r in results if float(r.total.mean) < 0]
    if not names:
        return ""
    return f"<br>Below 0 ({', '.join(names)}): read worse than by frequency, so nothing is told."


def _total(result: Bits, per: float) -> str:
    return number(float(result.total.mean) * per, ".2f")


def _who(result: Bits, among: Sequence[Bits]) -> str:
    """N, and the name where several have that N."""
    same = sum(_num(r) == _num(result) for r in among)
    return f"N = {_num(result)}" + (f" ({_name(result)})" if same > 1 else "")


def _totals(plot: Plot, results: Sequence[Bits], per: float, unit: str, dark: bool) -> None:
    colors = ink(dark)
    color = colors.accent
    nums = [_num(r) for r in results]
    mean, low, high = (
        np.array([float(getattr(r.total, part)) for r in results]) * per
        for part in ("mean", "low", "high")
    )
    top = 1.5 * max(nums)
    plot.add(
        scatter(
            x=[0, top],
            y=[0, top * results[0].entropy * per],
            mode="lines",
            line={"color": colors.muted, "width": 1.4, "dash": "dash"},
            hoverinfo="skip",
        ),
        row=1,
        col=1,
    )
    plot.add(
        scatter(
            x=nums,
            y=mean.astype(np.float32),
            mode="markers",
            marker={"size": 12, "color": color, "line": {"color": colors.text, "width": 1.2}},
            error_y=whiskers(
                (high - mean).astype(np.float32), (mean - low).astype(np.float32), colors.text
            ),
            hovertext=[
                f"{plain(_name(r))}: {number(m, '.2f')} {unit} per position{ends(a, b, '.2f')}"
                for r, m, a, b in zip(results, mean, low, high, strict=True)
            ],
        ),
        row=1,
        col=1,
    )
    texts = []
    for n in sorted(set(nums)):
        here = [k for k, num in enumerate(nums) if num == n]
        texts.append(
            {
                "x": n,
                "y": min(mean[k] for k in here),
                "xref": "x",
                "yref": "y",
                "text": _named([results[k] for k in here]),
                "xanchor": "left",
                "yanchor": "top",
                "xshift": 10,
                "yshift": -4,
                "font": {"size": SMALL_SIZE, "color": colors.text},
            }
        )
    plot.mark(annotations=texts)
    plot.xaxes(range=[0, top], tickvals=sorted(set(nums)), title={"text": "slots, N"}, row=1, col=1)
    plot.yaxes(
        title={"text": f"{unit} per position, all slots"},
        range=[1.1 * min(0.0, float(low.min())), 1.2 * max(nums) * results[0].entropy * per],
        row=1,
        col=1,
    )


def _slots(plot: Plot, results: Sequence[Bits], per: float, unit: str, dark: bool) -> None:
    """One row of dots per checkpoint, slots one under the other."""
    colors = ink(dark)
    for at, result in enumerate(results):
        num = len(result.slots.mean)
        spread = (np.arange(num) - (num - 1) / 2) * min(0.09, 0.8 / num)
        mean, low, high = (getattr(result.slots, part) * per for part in ("mean", "low", "high"))
        plot.add(
            scatter(
                x=mean.astype(np.float32),
                y=at + spread,
                mode="markers",
                marker={
                    "size": 11,
                    "symbol": [slot_marker(i) for i in range(num)],
                    "color": [slot_color(i) for i in range(num)],
                    "line": {
                        "color": [slot_outline(i, dark=dark) for i in range(num)],
                        "width": 1.3,
                    },
                },
                error_x=whiskers(
                    (high - mean).astype(np.float32),
                    (mean - low).astype(np.float32),
                    colors.muted,
                    thickness=1.2,
                    width=3,
                ),
                hovertext=[
                    f"{plain(_name(result))}, slot {i + 1}: {number(mean[i], '.2f')} {unit}"
                    f"{ends(low[i], high[i], '.2f')}"
                    for i in range(num)
                ],
            ),
            row=1,
            col=2,
        )
    most = max(result.entropy for result in results) * per
    least = min(min(float((r.slots.low * per).min()) for r in results), 0.9 * most)
    rule = {
        "type": "line",
        "xref": "x2",
        "yref": "y2 domain",
        "x0": most,
        "x1": most,
        "y0": 0,
        "y1": 1,
        "line": {"color": colors.muted, "width": 1.4, "dash": "dash"},
    }
    plot.mark(shapes=[rule])
    plot.yaxes(
        range=[len(results) - 0.4, -0.6],
        tickvals=list(range(len(results))),
        ticktext=[f"{plain(_name(r))}  " for r in results],
        showgrid=False,
        zeroline=False,
        row=1,
        col=2,
    )
    plot.xaxes(
        title={"text": f"{unit} per position, one slot"},
        showgrid=True,
        range=[least - 0.08 * (most - least), most + 0.08 * (most - least)],
        rangemode="normal",
        row=1,
        col=2,
    )


def _named(results: Sequence[Bits]) -> str:
    """The name of the one, how many where they are several: the rows at the right name them all."""
    return plain(_name(results[0])) if len(results) == 1 else f"{len(results)} models"


def _ordered(results: Sequence[Bits]) -> list[Bits]:
    if not results:
        raise InputError("got no results; compute the bits of at least one checkpoint")
    return sorted(results, key=lambda r: (_num(r), _name(r)))


def _per(unit: str) -> float:
    if unit not in UNITS:
        raise InputError(f"got unit={unit!r}; choose one of {', '.join(UNITS)}")
    return float(PER_NAT[unit])


def _num(result: Bits) -> int:
    return result.provenance.num_instances


def _name(result: Bits) -> str:
    return result.provenance.checkpoint


def _row(found: Estimates, at: tuple[int, ...], per: float, unit: str) -> dict[str, Any]:
    return {
        f"{unit} per position": float(found.mean[at]) * per,
        "low": float(found.low[at]) * per,
        "high": float(found.high[at]) * per,
    }


BITS = Family(bits_figure, bits_finding, bits_alt, bits_table)

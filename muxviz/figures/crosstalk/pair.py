"""The draws of the swap test behind one cell: what one sentence does to one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.crosstalk.words import short, signed
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.slots import slot_color, slot_outline
from muxviz.figures.drawing.wording import percent, plain, shorten
from muxviz.results.crosstalk import Crosstalk

WORST = 8  # draws listed
SENTENCE = 52  # letters of each
LEFT = 390  # px for them
ROW = 30  # px


@dataclass(frozen=True)
class _Draw:
    """One draw as listed: its sentence, x of the answer then, and what is said of it."""

    sentence: str
    x: float
    changed: bool
    words: str


def swap_pair_figure(
    result: Crosstalk, slot: int, source: int, *, of_margin: bool = False, dark: bool = False
) -> go.Figure:
    """All draws on one line, and the ones that moved ``slot`` most, with their sentences.

    x is the probability that the slot's target has, or for one answer per token the divergence;
    ``of_margin``: the change of the target's margin.
    """
    draws = _draws(result, slot, source, of_margin)
    now = 0.0 if of_margin else _now(result, slot)
    worst = worst_draws(result, slot, source, of_margin=of_margin)
    plot = Plot()
    plot.add(_rug(draws, slot, dark))
    for row, number in enumerate(worst, start=1):
        plot.add(_step(draws[number], now, row, slot, dark))
    colors = ink(dark)
    is_share = result.after.size > 0 and not of_margin
    ends = [0.0, 1.0] if is_share else [min(0.0, *(d.x for d in draws)), max(d.x for d in draws)]
    room = 0.03 * max(ends[1] - ends[0], 1e-12)
    plot.xaxes(
        range=[ends[0] - room, max(ends[1], 0.0) + room],
        tickformat=".0%" if is_share else None,
        title={"text": _axis(result, slot, of_margin), "standoff": 6},
    )
    names = [f"all {len(draws)} draws", *(shorten(draws[n].sentence, SENTENCE) for n in worst)]
    font = {"size": SMALL_SIZE, "color": colors.text}
    name_rows(plot, [plain(name) for name in names], margin=0.6, tickfont=font)
    line = {"color": colors.text, "width": 1.2, "dash": "dot"}
    whole = {"type": "line", "x0": now, "x1": now, "y0": 0, "y1": 1, "yref": "paper"}
    said = {"text": "now", "x": now, "y": 1, "yref": "paper", "yanchor": "bottom"}
    plot.mark(
        shapes=[whole | {"line": line}],
        annotations=[said],
    )
    framed(
        plot,
        swap_pair_finding(result, slot, source, of_margin=of_margin),
        dark=dark,
        height=ROW * len(names) + 178,
        sides={"l": LEFT, "r": 40, "t": 92, "b": 86},
    )
    words = f"The {len(worst)} draws that moved slot {slot + 1} most. A cross: its answer changed."
    caption(plot, words, below=52, left=12 - LEFT)
    return plot.figure()


def worst_draws(
    result: Crosstalk, slot: int, source: int, count: int = WORST, *, of_margin: bool = False
) -> list[int]:
    """Numbers of the draws that moved the answer (its margin) most, the largest first."""
    moved = np.abs(result.push.each) if of_margin else result.js.each
    order = np.argsort(-moved[:, slot, source], kind="stable")
    return [int(n) for n in order[:count]]


def swap_pair_finding(result: Crosstalk, slot: int, source: int, *, of_margin: bool = False) -> str:
    """What exchanging one sentence does to one answer."""
    where = "its own slot" if slot == source else f"slot {source + 1}"
    draws, name = result.draws, f"slot {slot + 1}"
    changed = result.changed[:, slot, source]
    if of_margin:
        moved = -result.push.each[:, slot, source]
        low, mean, high = (signed(float(v)) for v in (moved.min(), moved.mean(), moved.max()))
        return (
            f"{name.capitalize()}'s margin changes by {low} to {high} logits with other sentences "
            f"in {where} (mean {mean})"
        )
    if result.after.size:
        p = _target_probability(result, slot, source)
        return (
            f"{name.capitalize()} keeps its answer in {int((changed == 0).sum())} of {draws} draws "
            f"with other sentences in {where}; “{_target(result, slot)}” gets "
            f"{_percents(float(p.min()), float(p.max()))} (now {percent(_now(result, slot))})"
        )
    return (
        f"{name.capitalize()} changes {percent(float(changed.mean()))} of its answers with other "
        f"sentences in {where}, {percent(float(changed.max()))} at most in a draw"
    )


def swap_pair_table(
    result: Crosstalk, slot: int, source: int, *, of_margin: bool = False
) -> list[dict[str, Any]]:
    """Every draw, the largest change first; divergence in nats, push in logits.

    ``of_margin``: the change of the margin, as drawn, which is the push with its sign turned.
    """
    name, sign = ("change of margin (logits)", -1) if of_margin else ("push (logits)", 1)
    table = []
    for n in worst_draws(result, slot, source, result.draws, of_margin=of_margin):
        row: dict[str, Any] = {
            "sentence": result.sentences[n],
            "JS (nats)": float(result.js.each[n, slot, source]),
            name: sign * float(result.push.each[n, slot, source]),
        }
        if result.after.size:
            p = result.after[n, slot, source]
            row |= {
                "answer": result.labels[int(p.argmax())],
                f"p({_target(result, slot)})": float(_target_probability(result, slot, source)[n]),
            }
        row["answers changed"] = float(result.changed[n, slot, source])
        table.append(row)
    return table


def swap_pair_alt(result: Crosstalk, slot: int, source: int, *, of_margin: bool = False) -> str:
    """The picture in words: the finding and the draws it lists."""
    draws = _draws(result, slot, source, of_margin)
    worst = worst_draws(result, slot, source, of_margin=of_margin)
    listed = [f"“{draws[n].sentence}”: {draws[n].words}." for n in worst]
    finding = swap_pair_finding(result, slot, source, of_margin=of_margin)
    return " ".join([f"{finding}. Most moved by", *listed])


def _percents(low: float, high: float) -> str:
    """``"93 to 98 %"``; ``"3 %"`` where both are written alike."""
    first, last = percent(low), percent(high)
    return last if first == last else f"{first.removesuffix(' %')} to {last}"


def _target(result: Crosstalk, slot: int) -> str:
    return result.targets[slot]


def _target_probability(result: Crosstalk, slot: int, source: int) -> np.ndarray:
    """``[K]`` probability of the slot's target, with each of the sentences."""
    return np.asarray(result.after[:, slot, source, result.labels.index(_target(result, slot))])


def _now(result: Crosstalk, slot: int) -> float:
    """Where the unchanged group is on the x axis."""
    if not result.after.size:
        return 0.0
    return float(result.before[slot, result.labels.index(_target(result, slot))])


def _axis(result: Crosstalk, slot: int, of_margin: bool) -> str:
    if of_margin:
        return f"change of slot {slot + 1}'s margin (logits)"
    if not result.after.size:
        return f"JS of slot {slot + 1}'s answers, mean over its tokens (nats)"
    return f"probability of “{plain(_target(result, slot))}” in slot {slot + 1}"


def _draws(result: Crosstalk, slot: int, source: int, of_margin: bool) -> list[_Draw]:
    js, changed = result.js.each[:, slot, source], result.changed[:, slot, source]
    if of_margin:
        moved = -result.push.each[:, slot, source]
        return [
            _Draw(s, float(moved[n]), bool(changed[n]), f"{signed(float(moved[n]))} logits")
            for n, s in enumerate(result.sentences)
        ]
    if not result.after.size:
        return [
            _Draw(s, float(js[n]), bool(changed[n]), f"{short(float(js[n]))} nats, "
                  f"{percent(float(changed[n]))} of the answers changed")
            for n, s in enumerate(result.sentences)
        ]  # fmt: skip
    p, after = _target_probability(result, slot, source), result.after[:, slot, source]
    return [
        _Draw(
            s,
            float(p[n]),
            bool(changed[n]),
            f"“{result.labels[int(after[n].argmax())]}”, {_target(result, slot)} at "
            f"{percent(float(p[n]))}, JS {short(float(js[n]))} nats",
        )
        for n, s in enumerate(result.sentences)
    ]


def _rug(draws: Sequence[_Draw], slot: int, dark: bool) -> Trace:
    """All draws on the first line."""
    return scatter(
        x=np.array([d.x for d in draws], dtype=np.float32),
        y=np.zeros(len(draws), dtype=np.uint8),
        mode="markers",
        marker=_marker(draws, slot, 9, dark) | {"opacity": 0.65},
        hovertext=[f"{plain(shorten(d.sentence, 80))}<br>{plain(d.words)}" for d in draws],
    )


def _step(draw: _Draw, now: float, row: int, slot: int, dark: bool) -> Trace:
    """From now to then, on a line of its own."""
    marker = _marker([draw], slot, 11, dark)
    return scatter(
        x=[now, draw.x],
        y=[row, row],
        mode="lines+markers",
        line={"color": ink(dark).muted, "width": 1.4},
        marker=marker
        | {"symbol": "circle-open", "size": [0, 11], "color": marker["color"] * 2}
        | {"symbol": ["circle", marker["symbol"][0]]},
        hovertext=["", f"{plain(shorten(draw.sentence, 80))}<br>{plain(draw.words)}"],
    )


def _marker(draws: Sequence[_Draw], slot: int, size: int, dark: bool) -> dict[str, Any]:
    return {
        "symbol": ["x" if d.changed else "circle" for d in draws],
        "size": size,
        "color": [slot_color(slot)] * len(draws),
        "line": {"color": slot_outline(slot, dark=dark), "width": 1.2},
    }


SWAP_PAIR = Family(swap_pair_figure, swap_pair_finding, swap_pair_alt, swap_pair_table)

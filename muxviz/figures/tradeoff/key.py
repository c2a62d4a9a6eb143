"""The key of the picture of accuracy against speed, and the names beside its marks."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

from muxviz.figures.drawing.ink import ink
from muxviz.figures.drawing.labels import Box, label_at, place_labels
from muxviz.figures.drawing.measured import SIZE, color_of, legend_mark, outline_of
from muxviz.figures.drawing.plot import Trace, scatter
from muxviz.figures.drawing.wording import plain
from muxviz.results.contenders import Contender, x_of

ASKED_AGAIN = "triangle-up"


def legend_traces(
    found: Sequence[Contender],
    by_source: dict[str, list[Contender]],
    ring: Contender | None,
    dark: bool,
) -> list[Trace]:
    """What colours and shapes say; sources where there are several."""
    made = [
        _key(f"N = {n}" if n else "N not known", "circle", color_of(n), outline_of(n, dark))
        for n in sorted({one.n for one in found})
    ]
    muted = ink(dark).muted
    if any("escalated" in one.features for one in found):
        made.append(_key("least certain asked again", ASKED_AGAIN, muted, muted))
    if ring is not None:
        made.append(_key("for your traffic", "circle-open", ink(dark).text, ink(dark).text))
    if len(by_source) > 1:
        made += [
            legend_mark(source, own[0].kind, busy=own[0].busy, dark=dark)
            for source, own in by_source.items()
        ]
    return made


def _key(name: str, symbol: str, color: str, outline: str) -> Trace:
    return scatter(
        x=[None],
        y=[None],
        mode="markers",
        name=name,
        marker={
            "symbol": symbol,
            "size": SIZE - 2,
            "color": color,
            "line": {"width": 1.4, "color": outline},
        },
        hoverinfo="skip",
        showlegend=True,
    )


def label_notes(
    found: Sequence[Contender],
    best: Collection[Any],
    ring: Contender | None,
    x: str,
    across: Sequence[float],
    up: Sequence[float],
    size: tuple[int, int],
    color: str,
) -> list[dict[str, Any]]:
    """N, pruning and precision beside marks: the choice, then the front, then others with room."""

    def spot(value: float, score: float) -> tuple[float, float]:
        right = (math.log10(value) - across[0]) / (across[1] - across[0])
        return right * size[0], (up[1] - score) / (up[1] - up[0]) * size[1]

    order = sorted(
        found, key=lambda one: (one is not ring, one.key not in best, -one.accuracy.mean)
    )
    walls: list[Box] = []
    for one in order:
        if one.key in best:
            q, s = x_of(one, x), one.accuracy
            (left, top), (right, bottom) = spot(q.q1, s.high), spot(q.q3, s.low)
            middle = spot(q.median, s.mean)
            walls += [(left, middle[1] - 1, right, middle[1] + 1)]
            walls += [(middle[0] - 1, top, middle[0] + 1, bottom)]
    spots = [spot(x_of(one, x).median, one.accuracy.mean) for one in order]
    said: set[str] = set()
    texts = []
    for one in order:
        is_new = one is ring or one.key in best or one.tag not in said
        texts.append(one.tag if is_new else "")
        said.add(one.tag)
    radii = [SIZE / 2 + (8 if one is ring else 1) for one in order]
    placed = place_labels(spots, texts, size, radii=radii, walls=walls)
    return [
        label_at(plain(text), (math.log10(x_of(one, x).median), one.accuracy.mean), offset, color)
        for one, text, offset in zip(order, texts, placed, strict=True)
        if offset is not None
    ]

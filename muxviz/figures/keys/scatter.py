"""Key similarity against measured cross-talk: one point per ordered pair of slots."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink
from muxviz.figures.drawing.labels import name_points
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.slots import slot_color, slot_marker, slot_outline
from muxviz.figures.drawing.wording import number, or_none, plain
from muxviz.results.keys import KeyLeak

LABELLED = 12  # pairs whose names stand beside their points, largest cross-talk first
PLOT, NARROW_PLOT = (656, 270), (280, 270)  # px of the axes, at the narrowest
MARK = 11  # px
LEVEL = 0.05
SIDES = {"l": 84, "r": 40, "t": 74, "b": 86}


def key_leak_figure(
    found: KeyLeak, *, which: int = 0, dark: bool = False, is_narrow: bool = False
) -> go.Figure:
    """Points over the pairs; ``which`` of the similarities is the horizontal axis.

    is_narrow: for a page of 360 px.

    Raises:
        InputError: no such similarity.
    """
    if not 0 <= which < len(found.names):
        raise InputError(f"got similarity {which}; this result has 0 to {len(found.names) - 1}")
    pairs = sorted(_pairs(found, which), key=lambda pair: -pair[3])
    name = found.names[which]
    points = np.array([[x, y * _scale(found)] for *_, x, y in pairs])
    ends = _ends(points)
    names = [f"{j + 1}→{i + 1}" for i, j, *_ in pairs[:LABELLED]] + [""] * len(pairs[LABELLED:])
    texts, there, _ = name_points(
        points, names, ends, NARROW_PLOT if is_narrow else PLOT, radius=MARK / 2
    )
    muted = {"size": SMALL_SIZE, "color": ink(dark).muted}
    plot = Plot(
        scatter(
            x=points[:, 0].tolist(),
            y=points[:, 1].tolist(),
            mode="markers+text",
            text=texts,
            textposition=there,
            textfont=muted,
            marker={
                "size": MARK,
                "color": [slot_color(j) for _, j, _, _ in pairs],
                "symbol": [slot_marker(j) for _, j, _, _ in pairs],
                "line": {"color": [slot_outline(j, dark=dark) for _, j, *_ in pairs], "width": 1.2},
            },
            hovertext=[
                plain(
                    f"slot {j + 1} → slot {i + 1}: {name} {number(x, '.3f')}, {_amount(found, y)}"
                )
                for i, j, x, y in pairs
            ],
            customdata=[(i, j) for i, j, _, _ in pairs],
        )
    )
    plot.xaxes(title={"text": plain(found.names[which])}, range=ends[0].tolist())
    words = f"cross-talk, {_unit(found)}"
    plot.yaxes(showgrid=True, title={"text": words}, range=ends[1].tolist())
    framed(plot, key_leak_finding(found, which=which), dark=dark, height=430, sides=SIDES)
    note = "One point per pair, source → slot observed; colour and symbol are the source's."
    caption(plot, f"{note} {_test(found)}", below=54, left=12 - SIDES["l"])
    return plot.figure()


def _ends(points: np.ndarray) -> np.ndarray:
    """Of both axes ``[2, 2]``, the upright one from 0."""
    low, high = points.min(axis=0), points.max(axis=0)
    low[1] = min(low[1], 0.0)
    room = np.maximum(0.06 * (high - low), 1e-9)
    return np.stack([low - room, high + room], axis=1)


def key_leak_finding(found: KeyLeak, *, which: int = 0) -> str:
    """Whether the two go together."""
    name, rho, p = found.names[which], float(found.rho[which]), float(found.p[which])
    if np.isnan(rho):
        return f"All pairs are equally alike ({name}), so it cannot explain differences in leaks"
    said = f"ρ = {number(rho, '.2f')}, p = {number(p, '.2g')}"
    if p > LEVEL:
        return f"Keys do not tell which slots leak: {name}, {said}"
    more = "more" if rho > 0 else "less"
    return f"Slots with like keys leak {more} into each other: {name}, {said}"


def key_leak_table(found: KeyLeak, *, which: int = 0) -> list[dict[str, Any]]:
    """One row per ordered pair."""
    return [
        {
            "slot observed": i + 1,
            "source": j + 1,
            **{
                name: or_none(float(found.similarity[m, i, j]))
                for m, name in enumerate(found.names)
            },
            f"cross-talk, {found.unit}": y,
            "ρ": or_none(float(found.rho[which])),
            "p": or_none(float(found.p[which])),
            "orders of the slots": found.permutations,
            "groups": found.groups,
            "draws": found.draws,
        }
        for i, j, _, y in _pairs(found, which)
    ]


def key_leak_tests(found: KeyLeak) -> list[dict[str, Any]]:
    """One row per similarity: rho and p."""
    return [
        {
            "similarity": name,
            "Spearman ρ": or_none(float(found.rho[m])),
            "p (permuting slots)": or_none(float(found.p[m])),
        }
        for m, name in enumerate(found.names)
    ]


def key_leak_alt(found: KeyLeak, *, which: int = 0) -> str:
    """The picture in words."""
    largest = sorted(_pairs(found, which), key=lambda pair: -pair[3])[:5]
    lines = [f"{key_leak_finding(found, which=which)}.", _test(found)]
    lines += [
        f"Slot {j + 1} into slot {i + 1}: similarity {number(x, '.3f')}, {_amount(found, y)}."
        for i, j, x, y in largest
    ]
    return " ".join(lines)


def _pairs(found: KeyLeak, which: int) -> list[tuple[int, int, float, float]]:
    """(slot observed, source, similarity, cross-talk) of every ordered pair."""
    num = len(found.crosstalk)
    return [
        (i, j, float(found.similarity[which, i, j]), float(found.crosstalk[i, j]))
        for i in range(num)
        for j in range(num)
        if i != j
    ]


def _test(found: KeyLeak) -> str:
    orders = f"{'all' if found.is_exact else 'random'} {found.permutations:,} orders of the slots"
    base = f"mean of {found.groups} random groups" if found.groups else "this group"
    return f"Mantel test, {orders}; {base}, {found.draws} draws."


def _scale(found: KeyLeak) -> float:
    """Small nats are drawn in thousandths."""
    return 1000.0 if found.unit == "nats" else 1.0


def _unit(found: KeyLeak) -> str:
    return "thousandths of a nat" if found.unit == "nats" else found.unit


def _amount(found: KeyLeak, value: float) -> str:
    return f"{number(value * _scale(found), '.3g')} {_unit(found)}"


KEY_LEAK = Family(key_leak_figure, key_leak_finding, key_leak_alt, key_leak_table)

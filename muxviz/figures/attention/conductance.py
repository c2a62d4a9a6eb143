"""Layer conductance: through which positions every sentence reaches one slot's answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.attention.saliency import gap_words
from muxviz.figures.attention.small_maps import NAMED, small_maps
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption
from muxviz.figures.drawing.scales import diverging
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import number, percent
from muxviz.results.attribution import Conductance


@dataclass(frozen=True)
class Places:
    """The tokens of a result, slot by slot, as maps and filters of positions need them."""

    tokens: tuple[tuple[str, ...], ...]
    counted: np.ndarray
    prefix: int = 0


def conductance_figure(
    result: Conductance, *, positions: np.ndarray | None = None, dark: bool = False
) -> go.Figure:
    """One map per slot of origin: layers down, positions across, one signed scale."""
    layers, _, length = result.values.shape
    shown = np.arange(length) if positions is None else positions
    names = ["into layer 1", *(f"after {k}" for k in range(1, layers))]
    tokens = tuple(zip(*result.names, strict=True))
    sums = result.values[0].sum(axis=1)
    top = max(float(np.abs(result.values).max()), 1e-9)
    plot = small_maps(
        [result.values[:, j][:, shown] for j in range(len(tokens))],
        Places(tokens, np.ones((len(tokens), length), dtype=bool)),
        shown,
        names=[f"from {slot_label(j)}: {number(sums[j], '+.2f')}" for j in range(len(tokens))],
        slots=range(len(tokens)),
        rows=names,
        title=conductance_finding(result),
        scale=diverging(dark),
        limits=(-top, top),
        unit="logits",
        hover="%{y}<br>%{x}",
        dark=dark,
        tall=22 * layers + 24,
        below=34,
    )
    low, high = (float(f(result.captum_gaps)) for f in (np.min, np.max))
    caption(
        plot,
        f"Every row of a map adds up to the number over it; all of them to "
        f"{number(result.difference, '+.2f')} logits "
        f"(gap {gap_words(float(result.gaps.max()))}).<br>"
        f"captum's LayerConductance, computed beside it, misses {gap_words(low)} to "
        f"{gap_words(high)} at {result.steps} steps.",
        below=66 if len(shown) <= NAMED else 28,
    )
    return plot.figure()


def conductance_finding(result: Conductance) -> str:
    """Where most of it passes last, and how much of it is the slot's own."""
    slot = result.explained.slot
    strength = np.abs(result.values[-1]).sum(axis=1)
    total = float(strength.sum())
    if not total:
        return f"Nothing reaches the answer of slot {slot + 1}"
    last = np.abs(result.values[-1]).sum(axis=0)
    most = int(last.argmax())
    own = float(strength[slot]) / total
    return (
        f"What reaches slot {slot + 1}'s answer leaves the last layer at position {most} by "
        f"{percent(float(last[most]) / total)}; {percent(own)} of it comes from slot {slot + 1}"
    )


def conductance_table(result: Conductance) -> list[dict[str, Any]]:
    """One row per layer and position: from every slot, and captum's sum."""
    layers, num, length = result.values.shape
    strength = np.abs(result.values)
    total = np.maximum(strength.sum(axis=(1, 2)), 1e-300)
    return [
        {"layer": k, "position": t, "tokens": " / ".join(result.names[t])}
        | {f"from {j + 1}": float(result.values[k, j, t]) for j in range(num)}
        | {"captum, all slots": float(result.captum[k, t])}
        | {"share of the layer's strength": float(strength[k, :, t].sum() / total[k])}
        | {f"from {j + 1}, whole layer": float(result.values[k, j].sum()) for j in range(num)}
        | {f"strength of {j + 1}": float(strength[k, j].sum() / total[k]) for j in range(num)}
        for k in range(layers)
        for t in range(length)
    ]


def conductance_alt(result: Conductance) -> str:
    """The maps in words."""
    sums = ", ".join(
        f"slot {j + 1} {number(v, '+.3f')}" for j, v in enumerate(result.values[0].sum(axis=1))
    )
    moved = []
    for j in range(result.values.shape[1]):
        first, last = (int(np.abs(result.values[k, j]).argmax()) for k in (0, -1))
        moved.append(f"slot {j + 1} from position {first} to {last}")
    return (
        f"{conductance_finding(result)}. Brought by each: {sums}. Strongest position before and "
        f"behind the layers: {', '.join(moved)}."
    )


CONDUCTANCE = Family(conductance_figure, conductance_finding, conductance_alt, conductance_table)

"""Reading 3: gradient-weighted relevance, one map per output slot, and where two slots differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.attention.axes import left_out, token_map
from muxviz.figures.attention.small_maps import NAMED, block_starts, largest_of_blocks, small_maps
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption
from muxviz.figures.drawing.pruned_cells import gone_field, gone_head
from muxviz.figures.drawing.scales import diverging, sequential
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import number, plain, shorten
from muxviz.results.attention import Relevance


def maps_of(result: Relevance, layer: int, rollout: bool = True) -> np.ndarray:
    """``[N, T, T]``: the rollout up to a layer, or that layer alone (NaN where it is gone)."""
    return np.asarray((result.rollout if rollout else result.layers)[:, layer])


def gone_alone(result: Relevance, layer: int, rollout: bool = True) -> str:
    """Why a layer alone has nothing to show: its attention was pruned away; else ""."""
    is_kept = ~np.isnan(result.layers[0, :, :1, 0])
    return "" if rollout else gone_head(is_kept, layer)


def relevance_figure(
    result: Relevance,
    layer: int,
    *,
    rollout: bool = True,
    positions: np.ndarray | None = None,
    dark: bool = False,
) -> go.Figure:
    """One small map per output slot, with the slot's own tokens, all on one scale.

    Args:
        layer: from 0.
        rollout: everything up to the layer; else the layer alone.
    """
    if gone := gone_alone(result, layer, rollout):
        return gone_field(gone, dark=dark)
    maps = maps_of(result, layer, rollout)
    shown = np.arange(maps.shape[-1]) if positions is None else positions
    names = [
        f"{slot_label(i)}: {plain(shorten(e.label, 16))}" for i, e in enumerate(result.explained)
    ]
    starts = block_starts(len(shown))
    drawn = largest_of_blocks(maps[:, shown][:, :, shown], starts)
    plot = small_maps(
        list(drawn),
        result,
        shown[starts],
        names=names,
        slots=range(len(maps)),
        title=relevance_finding(result, layer, rollout=rollout),
        scale=sequential(dark),
        limits=(0.0, max(float(maps.max()), 1e-9)),
        unit="relevance",
        hover="from %{y}<br>to %{x}",
        dark=dark,
        below=22,
    )
    passed = np.flatnonzero(np.isnan(result.layers[0, : layer + 1, 0, 0])) + 1
    less = f" (without {', '.join(map(str, passed))}: pruned away)" if len(passed) else ""
    what = f"Layers 1 to {layer + 1}{less}, rolled out" if rollout else f"Layer {layer + 1} alone"
    blocks = "" if len(starts) == len(shown) else "Cells are the largest of neighbours. "
    bottom = 62 if len(starts) <= NAMED else 24
    caption(
        plot,
        f"{what}. {left_out(result, shown)}{blocks}One colour scale; positions bear the "
        "tokens of the slot that is read.",
        below=bottom + 6,
    )
    return plot.figure()


def relevance_finding(result: Relevance, layer: int, *, rollout: bool = True) -> str:
    """How unlike the slots' maps are."""
    if gone := gone_alone(result, layer, rollout):
        return gone
    maps = maps_of(result, layer, rollout)
    if not maps.any():
        return "No answer depends on where attention looks: every relevance is 0"
    if len(maps) < 2:
        weight = maps[0].mean(axis=0)
        most = int(weight.argmax())
        return f"The answer leans most on looks at “{result.tokens[0][most]}” (position {most})"
    like = _likeness(maps)
    low, high = _extreme(like, least=True), _extreme(like, least=False)
    if low is None or high is None:
        return "Only one slot's answer depends on where attention looks"
    if low == high:
        return (
            f"One pass, {len(maps)} readings: slots {low[0] + 1} and {low[1] + 1} lean on looks "
            f"with a cosine of {number(like[low], '.2f')}"
        )
    return (
        f"One pass, {len(maps)} readings: slots {low[0] + 1} and {low[1] + 1} lean on the most "
        f"different looks (cosine {number(like[low], '.2f')}), slots {high[0] + 1} and "
        f"{high[1] + 1} on the most alike ({number(like[high], '.2f')})"
    )


def relevance_table(result: Relevance, layer: int, *, rollout: bool = True) -> list[dict[str, Any]]:
    """The strongest looks of every slot, twenty each."""
    if gone := gone_alone(result, layer, rollout):
        return [{"layer": layer + 1, "why": gone}]
    maps = maps_of(result, layer, rollout)
    length = maps.shape[-1]
    out = []
    for slot, values in enumerate(maps):
        for n in np.argsort(-values.ravel(), kind="stable")[:20]:
            t, s = int(n) // length, int(n) % length
            out.append(
                {
                    "slot": slot + 1,
                    "from": t,
                    "from token": result.tokens[slot][t],
                    "to": s,
                    "to token": result.tokens[slot][s],
                    "relevance": float(values[t, s]),
                }
            )
    return out


def relevance_alt(result: Relevance, layer: int, *, rollout: bool = True) -> str:
    """The maps in words: the strongest look of every slot."""
    if gone := gone_alone(result, layer, rollout):
        return f"{gone}."
    maps = maps_of(result, layer, rollout)
    length = maps.shape[-1]
    parts = []
    for slot, values in enumerate(maps):
        n = int(values.argmax())
        t, s = n // length, n % length
        parts.append(
            f"slot {slot + 1} most from position {t} to {s} "
            f"({result.tokens[slot][t]} to {result.tokens[slot][s]}, {number(values[t, s], '.3g')})"
        )
    return f"{relevance_finding(result, layer, rollout=rollout)}. {'; '.join(parts)}."


# ---- two slots ----------------------------------------------------------------------------------


def most_unlike(result: Relevance, layer: int, slot: int, *, rollout: bool = True) -> int:
    """The slot whose map is least like that of ``slot``; the next one where that cannot be told."""
    like = _likeness(maps_of(result, layer, rollout))[slot]
    like[slot] = np.nan
    return int(np.nanargmin(like)) if np.isfinite(like).any() else (slot + 1) % len(like)


def relevance_difference_figure(
    result: Relevance,
    layer: int,
    pair: tuple[int, int],
    *,
    rollout: bool = True,
    positions: np.ndarray | None = None,
    dark: bool = False,
    is_narrow: bool = False,
) -> go.Figure:
    """One slot's map less another's: orange where the first leans more, blue where the second."""
    if gone := gone_alone(result, layer, rollout):
        return gone_field(gone, dark=dark)
    maps = maps_of(result, layer, rollout)
    difference = maps[pair[0]].astype(np.float64) - maps[pair[1]]
    shown = np.arange(maps.shape[-1]) if positions is None else positions
    top = max(float(np.abs(difference).max()), 1e-9)
    return token_map(
        difference[np.ix_(shown, shown)],
        result,
        shown,
        slot=pair[0],
        title=relevance_difference_finding(result, layer, pair, rollout=rollout),
        note=f"Orange: slot {pair[0] + 1} leans more. Blue: slot {pair[1] + 1} does.",
        scale=diverging(dark),
        limits=(-top, top),
        unit="difference",
        dark=dark,
        is_narrow=is_narrow,
    )


def relevance_difference_finding(
    result: Relevance, layer: int, pair: tuple[int, int], *, rollout: bool = True
) -> str:
    """Where the two slots differ most."""
    if gone := gone_alone(result, layer, rollout):
        return gone
    maps = maps_of(result, layer, rollout)
    difference = maps[pair[0]].astype(np.float64) - maps[pair[1]]
    t, s = (int(n) for n in np.unravel_index(int(np.abs(difference).argmax()), difference.shape))
    who, other = pair if difference[t, s] > 0 else pair[::-1]
    if not difference.any():
        return f"Slots {pair[0] + 1} and {pair[1] + 1} lean on the same looks"
    tokens = result.tokens[who]
    return (
        f"Slot {who + 1} leans more than slot {other + 1} on the look from “{tokens[t]}” to "
        f"“{tokens[s]}” (position {t} to {s})"
    )


def relevance_difference_alt(
    result: Relevance, layer: int, pair: tuple[int, int], *, rollout: bool = True
) -> str:
    """The difference in words."""
    if gone := gone_alone(result, layer, rollout):
        return f"{gone}."
    maps = maps_of(result, layer, rollout)
    like = _likeness(maps)[pair]
    return (
        f"{relevance_difference_finding(result, layer, pair, rollout=rollout)}. The two maps have "
        f"a cosine of {number(like, '.2f')}."
    )


def _likeness(maps: np.ndarray) -> np.ndarray:
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    length = np.linalg.norm(flat, axis=1)
    scale = np.outer(length, length)
    return np.divide(flat @ flat.T, scale, out=np.full(scale.shape, np.nan), where=scale > 0)


def _extreme(like: np.ndarray, *, least: bool) -> tuple[int, int] | None:
    pairs = [(i, j) for i in range(len(like)) for j in range(i) if np.isfinite(like[i, j])]
    if not pairs:
        return None
    i, j = (min if least else max)(pairs, key=lambda p: like[p])
    return j, i


RELEVANCE = Family(relevance_figure, relevance_finding, relevance_alt, relevance_table)
RELEVANCE_DIFFERENCE = Family(
    relevance_difference_figure, relevance_difference_finding, relevance_difference_alt
)

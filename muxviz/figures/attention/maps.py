"""Reading 1: the attention of the shared pass, all heads at a glance and one map in full."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.attention.axes import color_bar, held, stacked, token_map
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink
from muxviz.figures.drawing.plot import Plot, heatmap
from muxviz.figures.drawing.pruned_cells import (
    PRUNED,
    UNNUMBERED,
    gone_field,
    gone_head,
    gone_layers,
    hatched,
    heads_left,
    legend_below,
    pruned_hover,
)
from muxviz.figures.drawing.scales import sequential
from muxviz.figures.drawing.wording import percent
from muxviz.results.attention import AttentionMaps

PIXELS = 24  # of a thumbnail's side, at most
LOOKS = ("one", "mean", "max")


def one_map(result: AttentionMaps, layer: int, head: int, look: str = "one") -> np.ndarray:
    """``[T, T]`` of a layer: of one head, or the mean or largest of all that are left.

    NaN where the head, or the layer's attention, was pruned away.

    Raises:
        InputError: another ``look``.
    """
    if look not in LOOKS:
        raise InputError(f"got look={look!r}; choose one of {', '.join(LOOKS)}")
    maps = np.asarray(result.maps[layer])
    if look == "one":
        return np.asarray(maps[head])
    if not result.is_kept[layer].any():
        return np.asarray(maps[0])
    maps = maps[result.is_kept[layer]]
    return np.asarray(maps.mean(axis=0) if look == "mean" else maps.max(axis=0))


# ---- one map ------------------------------------------------------------------------------------


def attention_map_figure(
    result: AttentionMaps,
    layer: int,
    head: int,
    *,
    look: str = "one",
    positions: np.ndarray | None = None,
    slot: int = 0,
    dark: bool = False,
    is_narrow: bool = False,
) -> go.Figure:
    """Who looks where: rows are queries, columns keys, one token of every slot at each position.

    Args:
        layer, head: from 0; ``head`` counts for ``look="one"`` only.
        look: "one" head, or the "mean" or "max" of the layer's heads.
        positions: to show; None for all.
        slot: whose tokens name the rows.
        is_narrow: for a page of 360 px.

    Of what was pruned away it says so.
    """
    if _gone(result, layer, head, look):
        return gone_field(_gone(result, layer, head, look), dark=dark)
    values, shown = one_map(result, layer, head, look), _shown(result, positions)
    cut = values[np.ix_(shown, shown)]
    return token_map(
        cut,
        result,
        shown,
        slot=slot,
        title=attention_map_finding(result, layer, head, look=look),
        note="One map for all sentences: a position is a token of each. Every row sums to 1.",
        scale=sequential(dark),
        limits=(0.0, max(float(values.max()), 1e-6)),
        unit="attention",
        dark=dark,
        is_narrow=is_narrow,
    )


def attention_map_finding(
    result: AttentionMaps, layer: int, head: int, *, look: str = "one"
) -> str:
    """How widely it looks, and where most."""
    if gone := _gone(result, layer, head, look):
        return gone
    heads = heads_left(result.is_kept[layer])
    values = one_map(result, layer, head, look)[result.visible]
    weight = values.mean(axis=0) / max(float(values.mean(axis=0).sum()), 1e-12)
    most = int(weight.argmax())
    names = {
        "one": f"Layer {layer + 1}, head {head + 1}",
        "mean": f"Layer {layer + 1}, mean of its {heads},",
        "max": f"Layer {layer + 1}, largest of its {heads},",
    }
    logs = np.log(np.where(values > 0, values, 1.0))
    wide = float(np.exp(-(values * logs).sum(axis=-1).mean()))
    where = f"{held(result, most)}: {percent(float(weight[most]))}"
    if look != "one":
        return f"{names[look]} looks most at {where} of all"
    count = int(result.visible.sum())
    return f"{names[look]} spreads over about {wide:.1f} of {count} positions; most at {where}"


def attention_map_table(
    result: AttentionMaps,
    layer: int,
    head: int,
    *,
    look: str = "one",
    positions: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """One row per shown query, one column per shown key."""
    if gone := _gone(result, layer, head, look):
        return [{"layer": layer + 1, "head": head + 1 if look == "one" else None, "why": gone}]
    values, shown = one_map(result, layer, head, look), _shown(result, positions)
    columns = [_unescaped(stacked(result, int(s))) for s in shown]
    return [
        {"from": columns[i]}
        | {columns[j]: round(float(values[t, s]), 6) for j, s in enumerate(shown)}
        for i, t in enumerate(shown)
    ]


def attention_map_alt(result: AttentionMaps, layer: int, head: int, *, look: str = "one") -> str:
    """The map in words: the strongest looks."""
    if gone := _gone(result, layer, head, look):
        return f"{gone}."
    values = one_map(result, layer, head, look)
    order = np.argsort(-values.ravel(), kind="stable")[:5]
    length = values.shape[1]
    strongest = [
        f"{n // length} to {n % length} ({values[n // length, n % length]:.2f})" for n in order
    ]
    finding = attention_map_finding(result, layer, head, look=look)
    return f"{finding}. Strongest, by position: {', '.join(strongest)}."


# ---- all heads at a glance ----------------------------------------------------------------------


def attention_grid_figure(
    result: AttentionMaps,
    *,
    chosen: Sequence[tuple[int, int]] = (),
    dark: bool = False,
) -> go.Figure:
    """Every head of every layer as a thumbnail, layers from top to bottom, on one colour scale.

    Colours follow the square root of the attention, so that weak patterns can be seen. A thumbnail
    of more than ``PIXELS`` positions shows the largest value of each block. Heads that were pruned
    away are hatched.

    Args:
        chosen: (layer, head) to be framed, from 0.
    """
    layers, heads = result.maps.shape[:2]
    tiles = _thumbnails(result.maps)
    size = tiles.shape[-1]
    step = size + max(1, size // 8)
    board = np.full((layers * step, heads * step), np.nan, dtype=np.float32)
    for k in range(layers):
        for h in range(heads):
            board[k * step : k * step + size, h * step : h * step + size] = tiles[k, h] ** 0.5
    plot = Plot(
        heatmap(
            z=board,
            zmin=0,
            zmax=1,
            colorscale=sequential(dark),
            colorbar=color_bar("attention", dark)
            | {"tickvals": [0, 0.25**0.5, 0.5**0.5, 1], "ticktext": ["0", "0.25", "0.5", "1"]},
            hoverinfo="skip",
        )
    )
    gone = [(int(k), int(h)) for k, h in zip(*np.nonzero(~result.is_kept), strict=True)]
    if gone:
        boxes = [_sides(*place, step, size) for place in gone]
        plot.add(hatched(boxes, [pruned_hover(*place) for place in gone], dark=dark))
    _name_heads(plot, result, step, size)
    _frame_tiles(plot, chosen, step, size, dark)
    height = int(np.clip(layers * 760 / heads, 60 * layers, 900)) + 140
    unknown = "" if result.is_numbered else UNNUMBERED
    caption(
        plot,
        "Layers from top to bottom, heads from left to right; colours by square root. "
        f"{unknown}Framed: the map below.",
        below=12,
    )
    framed(
        plot,
        attention_grid_finding(result),
        dark=dark,
        height=height,
        sides={"l": 90, "r": 24, "t": 84, "b": 44},
    )
    if gone:
        legend_below(plot, dark=dark, below=8)
    return plot.figure()


def attention_grid_finding(result: AttentionMaps) -> str:
    """Which layers look widely and which narrowly."""
    by_layer, gone = result.layer_entropy, gone_layers(result.is_kept)
    if np.isnan(by_layer).all():
        return "No layer attends any more: pruning took every attention block"
    but = f"; {gone}" if gone else ""
    wide, narrow = int(np.nanargmax(by_layer)), int(np.nanargmin(by_layer))
    if np.isclose(by_layer[wide], by_layer[narrow]):
        which = "Every layer that attends" if gone else "Every layer"
        return f"{which} looks equally widely (entropy {by_layer[wide]:.2f} of ln T){but}"
    return (
        f"Layer {wide + 1} looks widest and layer {narrow + 1} most narrowly: entropy "
        f"{by_layer[wide]:.2f} and {by_layer[narrow]:.2f} of the most there could be{but}"
    )


def attention_grid_table(result: AttentionMaps) -> list[dict[str, Any]]:
    """Entropy of every head."""
    layers, heads = result.maps.shape[:2]
    return [
        {
            "layer": k + 1,
            "head": h + 1,
            "entropy (nats)": _known(result.entropy_nats[k, h]),
            "entropy / ln T": _known(result.entropy[k, h]),
            **({} if result.is_kept.all() else {PRUNED: not result.is_kept[k, h]}),
        }
        for k in range(layers)
        for h in range(heads)
    ]


def attention_grid_alt(result: AttentionMaps) -> str:
    """The grid in words."""
    layers, heads = result.maps.shape[:2]
    means = ", ".join(
        f"layer {k + 1} {v:.2f}" for k, v in enumerate(result.layer_entropy) if not np.isnan(v)
    )
    gone = int((~result.is_kept).sum())
    pruned = f" {gone} of them are hatched: {PRUNED}." if gone else ""
    return (
        f"{attention_grid_finding(result)}. {layers} x {heads} thumbnails of attention maps."
        f"{pruned} Mean entropy as a share of ln T: {means}."
    )


# ---- details ------------------------------------------------------------------------------------


def _gone(result: AttentionMaps, layer: int, head: int, look: str) -> str:
    """Why there is no map to draw; "" where there is one."""
    return gone_head(result.is_kept, layer, head if look == "one" else None)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 6)


def _shown(result: AttentionMaps, positions: np.ndarray | None) -> np.ndarray:
    return np.arange(result.maps.shape[-1]) if positions is None else positions


def _unescaped(text: str) -> str:
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&#36;", "$"), ("&amp;", "&")):
        text = text.replace(entity, char)
    return text


def _thumbnails(maps: np.ndarray) -> np.ndarray:
    """``[K, H, S, S]`` with S at most ``PIXELS``: the largest of each block."""
    length = maps.shape[-1]
    if length <= PIXELS:
        return maps
    starts = np.unique(np.linspace(0, length, PIXELS + 1).astype(int)[:-1])
    return np.maximum.reduceat(np.maximum.reduceat(maps, starts, axis=2), starts, axis=3)


def _name_heads(plot: Plot, result: AttentionMaps, step: int, size: int) -> None:
    layers, heads = result.maps.shape[:2]
    middle = (size - 1) / 2
    plot.xaxes(
        tickvals=[h * step + middle for h in range(heads)],
        ticktext=[str(h + 1) for h in range(heads)],
        side="top",
        title={"text": "head", "standoff": 6},
    )
    plot.yaxes(
        tickvals=[k * step + middle for k in range(layers)],
        ticktext=[f"layer {k + 1} " for k in range(layers)],
        autorange="reversed",
    )


def _frame_tiles(
    plot: Plot, chosen: Sequence[tuple[int, int]], step: int, size: int, dark: bool
) -> None:
    shapes = []
    for k, h in chosen:
        x0, x1, y0, y1 = _sides(k, h, step, size)
        frame = {"type": "rect", "line": {"color": ink(dark).text, "width": 2}}
        shapes.append(frame | {"x0": x0 - 0.4, "x1": x1 + 0.4, "y0": y0 - 0.4, "y1": y1 + 0.4})
    plot.mark(shapes=shapes)


def _sides(layer: int, head: int, step: int, size: int) -> tuple[float, float, float, float]:
    """x0, x1, y0, y1 of a thumbnail."""
    x, y = head * step - 0.5, layer * step - 0.5
    return x, x + size, y, y + size


ATTENTION_MAP = Family(
    attention_map_figure, attention_map_finding, attention_map_alt, attention_map_table
)
ATTENTION_GRID = Family(attention_grid_figure, attention_grid_finding, attention_grid_alt)

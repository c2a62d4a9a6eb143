"""What pruning left of a model: heads as squares, feed-forward blocks as bars, widths as strips."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, mix
from muxviz.figures.drawing.plot import Plot, Trace, bar
from muxviz.figures.drawing.pruned_cells import PRUNED, hatched, legend_below, pruned_hover
from muxviz.figures.drawing.scales import color_at, sequential
from muxviz.figures.drawing.wording import percent
from muxviz.results.pruning import PruningMap

ROW = 30  # px of a layer
STRIP = 30  # px of a strip of dimensions
BETWEEN = 74  # px between layers and strips
TOP, BOTTOM, LEFT = 112, 80, 90  # px of margin
SPLIT = (0.56, 0.64)  # where heads end and feed-forward blocks start, of the width
GAP = 0.08  # of a cell, around a square
KEPT = 0.72  # where on the scale the colour of what is left lies
LISTED = 24  # numbers that a table cell spells out
NO_NUMBERS = "The file tells sizes only, not which numbers are left: they are drawn from the left. "


def pruning_map_figure(result: PruningMap, *, dark: bool = False) -> go.Figure:
    """Heads of every layer, share of its feed-forward block, hidden and readout dimensions.

    Filled is what is left, hatched or empty what was pruned away.
    """
    plot = Plot()
    layers = len(result.heads)
    strips = _strips(result)
    inside = ROW * layers + BETWEEN + STRIP * len(strips)
    _heads(plot, result, dark)
    _blocks(plot, result, dark)
    _dimensions(plot, strips, dark)
    split = 1 - ROW * layers / inside
    foot = STRIP * len(strips) / inside
    _axes(plot, result, (split, foot))
    caption(plot, _words(result), below=32, left=12 - LEFT)
    framed(
        plot,
        pruning_map_finding(result),
        dark=dark,
        height=inside + TOP + BOTTOM,
        sides={"l": LEFT, "r": 24, "t": TOP, "b": BOTTOM},
    )
    legend_below(plot, dark=dark, below=6)
    return plot.figure()


def pruning_map_finding(result: PruningMap) -> str:
    """How much was pruned away, and what is left of what."""
    heads = f"{int(result.heads.sum())} of {result.heads.size} heads"
    inner = f"{_share(result.intermediate.sum(), result.inner * len(result.heads))} of the feed-"
    hidden = (
        f"forward blocks and {int(result.hidden.sum())} of {len(result.hidden)} hidden dimensions"
    )
    found = f"{percent(result.sparsity)} of the encoder was pruned away: left are {heads}, {inner}"
    return f"{found}{hidden}"


def pruning_map_table(result: PruningMap) -> list[dict[str, Any]]:
    """One row per layer, then hidden and readout dimensions, weights and parameters."""
    rows = [
        _row(
            f"layer {k + 1}, heads",
            int(of_layer.sum()),
            len(of_layer),
            _numbers(np.flatnonzero(of_layer), result),
        )
        for k, of_layer in enumerate(result.heads)
    ]
    rows += [
        _row(f"layer {k + 1}, inner dimensions", int(left), result.inner, "")
        for k, left in enumerate(result.intermediate)
    ]
    rows += [
        _row(name, int(kept.sum()), len(kept), _numbers(np.flatnonzero(kept), result))
        for name, kept in _strips(result)
    ]
    return [
        *rows,
        _row("weights of the encoder, as CoFi counts", result.weights, result.prunable, ""),
        _row("parameters of the model", result.parameters, result.unpruned_parameters, ""),
    ]


def pruning_map_alt(result: PruningMap) -> str:
    """The picture in words."""
    layers = [
        f"layer {k + 1}: {int(of_layer.sum())} heads"
        + (f" ({_numbers(np.flatnonzero(of_layer), result)})" if of_layer.any() else "")
        + f", {_share(inner, result.inner)} of its feed-forward block"
        for k, (of_layer, inner) in enumerate(zip(result.heads, result.intermediate, strict=True))
    ]
    strips = [f"{int(kept.sum())} of {len(kept)} {name}" for name, kept in _strips(result)]
    return (
        f"{pruning_map_finding(result)}. Left: {'; '.join(layers)}. {', '.join(strips)}. "
        f"{_words(result).replace('<br>', '')}"
    )


# ---- parts --------------------------------------------------------------------------------------


def _heads(plot: Plot, result: PruningMap, dark: bool) -> None:
    left = list(zip(*np.nonzero(result.heads), strict=True))
    gone = list(zip(*np.nonzero(~result.heads), strict=True))
    names = "head {}" if result.is_numbered else "one of the heads left"
    plot.add(
        _filled(
            [_square(h, k) for k, h in left],
            [f"layer {k + 1}, {names.format(h + 1)}: left" for k, h in left],
            dark,
        )
        | {"showlegend": True}
    )
    hovers = [
        pruned_hover(int(k), int(h)) if result.is_numbered else f"layer {k + 1}: a head {PRUNED}"
        for k, h in gone
    ]
    boxes = [_square(h, k) for k, h in gone]
    plot.add(hatched(boxes, hovers, dark=dark) | {"showlegend": bool(gone)})


def _blocks(plot: Plot, result: PruningMap, dark: bool) -> None:
    """Share of every feed-forward block that is left, on the second pair of axes."""
    shares = result.intermediate / result.inner
    words = [
        f"layer {k + 1}: {n:,} of {result.inner:,} inner dimensions left"
        for k, n in enumerate(result.intermediate)
    ]
    sides = [(k + 0.5 + GAP, k + 1.5 - GAP) for k in range(len(shares))]
    left = [(0.0, float(s), *side) for s, side in zip(shares, sides, strict=True) if s > 0]
    gone = [(float(s), 1.0, *side) for s, side in zip(shares, sides, strict=True) if s < 1]
    second: dict[str, Any] = {"xaxis": "x2", "yaxis": "y2", "showlegend": False}
    kept = [w for w, s in zip(words, shares, strict=True) if s > 0]
    plot.add(_filled(left, kept, dark) | second)
    lost = [w for w, s in zip(words, shares, strict=True) if s < 1]
    in_legend = {"showlegend": bool(gone) and bool(result.heads.all())}
    plot.add(hatched(gone, lost, dark=dark) | second | in_legend)


def _dimensions(plot: Plot, strips: list[tuple[str, np.ndarray]], dark: bool) -> None:
    """A line per dimension that is left, in runs, on the third pair of axes."""
    boxes, hovers = [], []
    for row, (name, kept) in enumerate(strips):
        for start, stop in _runs(kept):
            boxes.append((start + 0.5, stop + 0.5, row + 0.5 + GAP, row + 1.5 - GAP))
            first, last = start + 1, stop
            number = f"{first}" if first == last else f"{first} to {last}"
            hovers.append(f"{name} {number}: left")
    third: dict[str, Any] = {"xaxis": "x3", "yaxis": "y3", "showlegend": False}
    plot.add(_filled(boxes, hovers, dark) | third)
    frames = [
        {
            "type": "rect",
            "xref": "x3",
            "yref": "y3",
            "x0": 0.5,
            "x1": len(kept) + 0.5,
            "y0": row + 0.5 + GAP,
            "y1": row + 1.5 - GAP,
            "line": {"color": ink(dark).line, "width": 1},
            "layer": "below",
            "fillcolor": mix(ink(dark).line, ink(dark).paper, 0.7),
        }
        for row, (_, kept) in enumerate(strips)
    ]
    plot.mark(shapes=frames)


def _filled(boxes: Iterable[tuple[float, ...]], hovers: list[str], dark: bool) -> Trace:
    """Boxes of what is left, as one trace."""
    sides = np.array(list(boxes), dtype=np.float64).reshape(-1, 4)
    return bar(
        x=(sides[:, 0] + sides[:, 1]) / 2,
        width=sides[:, 1] - sides[:, 0],
        base=sides[:, 2],
        y=sides[:, 3] - sides[:, 2],
        name="left",
        marker={"color": color_at(sequential(dark), KEPT), "line": {"width": 0}},
        hovertext=hovers,
    )


def _axes(plot: Plot, result: PruningMap, levels: tuple[float, float]) -> None:
    """Three pairs: heads, feed-forward blocks, dimensions. levels: where rows end, as shares."""
    layers, heads = result.heads.shape
    split, foot = levels
    rows = {
        "range": [layers + 0.5, 0.5],
        "domain": [split, 1],
        "tickvals": list(range(1, layers + 1)),
    }
    stride = 1 if heads <= 16 else 2
    plot.layout["xaxis"] = {
        "domain": [0, SPLIT[0]],
        "range": [0.5, heads + 0.5],
        "side": "top",
        "anchor": "y",
        "title": {"text": "head", "standoff": 4},
        "tickvals": list(range(1, heads + 1, stride)),
    }
    plot.layout["yaxis"] = rows | {
        "ticktext": [f"layer {k + 1} " for k in range(layers)],
        "anchor": "x",
    }
    plot.layout["xaxis2"] = {
        "domain": [SPLIT[1], 1],
        "range": [0, 1],
        "side": "top",
        "anchor": "y2",
        "tickformat": ".0%",
        "title": {"text": "feed-forward block left", "standoff": 4},
        "nticks": 5,
    }
    plot.layout["yaxis2"] = rows | {"showticklabels": False, "anchor": "x2"}
    strips = _strips(result)
    plot.layout["xaxis3"] = {
        "domain": [0, 1],
        "range": [0.5, len(result.hidden) + 0.5],
        "anchor": "y3",
        "nticks": 9,
    }
    plot.layout["yaxis3"] = {
        "domain": [0, foot],
        "range": [len(strips) + 0.5, 0.5],
        "anchor": "x3",
        "ticktext": [f"{name.split()[0]} " for name, _ in strips],
        "tickvals": list(range(1, len(strips) + 1)),
    }
    plot.mark(
        annotations=[
            {
                "text": "dimensions of the states between layers"
                + (" and of the read-out" if len(strips) > 1 else ""),
                "x": 0,
                "y": foot,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "yshift": 6,
            }
        ],
    )


# ---- words --------------------------------------------------------------------------------------


def _words(result: PruningMap) -> str:
    count = (
        f"Sparsity {100 * result.sparsity:.1f} % = 1 - {result.weights:,} / {result.prunable:,} "
        f"weights of the encoder. Parameters: {result.parameters:,} of "
        f"{result.unpruned_parameters:,}. "
    )
    more = _gone_blocks(result) + ("" if result.is_numbered else NO_NUMBERS)
    return f"{count}<br>{more}" if more else count


def _gone_blocks(result: PruningMap) -> str:
    """Layers that lost a whole block, in a sentence; "" where none did."""
    found = []
    for has, what in ((result.attends, "attention"), (result.feeds, "feed-forward block")):
        gone = [str(k + 1) for k in np.flatnonzero(~has)]
        if gone:
            many = f"layers {', '.join(gone[:-1])} and {gone[-1]} have"
            names = many if len(gone) > 1 else f"layer {gone[0]} has"
            found.append(f"{names} no {what} any more")
    text = "; ".join(found)
    return f"{text[:1].upper()}{text[1:]}. " if text else ""


def _strips(result: PruningMap) -> list[tuple[str, np.ndarray]]:
    strips = [("hidden dimensions", result.hidden)]
    return [*strips, ("readout dimensions", result.readout)] if len(result.readout) else strips


def _square(head: int, layer: int) -> tuple[float, float, float, float]:
    x, y = float(head) + 0.5, float(layer) + 0.5
    return x + GAP, x + 1 - GAP, y + GAP, y + 1 - GAP


def _runs(kept: np.ndarray) -> list[tuple[int, int]]:
    """(first, behind the last) of every run of what is left."""
    edges = np.flatnonzero(np.diff(np.r_[False, kept, False].astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _share(part: float, whole: float) -> str:
    return percent(float(part) / float(whole))


def _numbers(kept: np.ndarray, result: PruningMap) -> str:
    """Numbers of what is left, from 1; "" where they are not known or too many."""
    if not result.is_numbered:
        return ""
    runs = _runs(np.isin(np.arange(int(kept.max(initial=0)) + 1), kept))
    words = [str(a + 1) if b == a + 1 else f"{a + 1}-{b}" for a, b in runs]
    more = ", …" if len(words) > LISTED else ""
    return ", ".join(words[:LISTED]) + more


def _row(what: str, left: int, of: int, numbers: str) -> dict[str, Any]:
    return {
        "what": what,
        "left": left,
        "of": of,
        "share": round(left / of, 6) if of else None,
        "pruned away": round(1 - left / of, 6) if of else None,
        "numbers": numbers or None,
    }


PRUNING_MAP = Family(pruning_map_figure, pruning_map_finding, pruning_map_alt, pruning_map_table)

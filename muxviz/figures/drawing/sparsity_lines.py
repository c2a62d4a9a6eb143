"""Lines over sparsity, one per slot and a heavy one for all: shared by read-back and cross-talk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from muxviz.figures.drawing.ink import ink
from muxviz.figures.drawing.levels import interval_band, value_axis
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.wording import number, percent, plain
from muxviz.results.estimates import Estimates
from muxviz.results.group import pruned_words

NARROW = 0.03  # of the axis, below which two ticks would touch


def sparsity_lines(
    sparsities: np.ndarray,
    slots: Estimates,
    total: Estimates,
    names: Sequence[str],
    *,
    axis: str,
    is_share: bool,
    dark: bool,
    all_of: str = "all slots",
) -> Plot:
    """The lines; title and size are the caller's (``framed``).

    Args:
        sparsities: ``[P]``, not falling.
        slots: ``[P, N]``. total: ``[P]``, drawn heavily with its interval.
        names: of the P checkpoints.
        axis: what is drawn.
        is_share: whether values are shares in [0, 1].
        dark: for a dark page.
        all_of: name of the heavy line.
    """
    plot = Plot()
    x = 100 * np.asarray(sparsities, dtype=np.float64)
    band = interval_band(x, total, ink(dark).grey, alpha=0.28)
    if band is not None:
        plot.add(band)
    for slot in range(slots.mean.shape[1]):
        own = [_words(slots, (k, slot), is_share) for k in range(len(x))]
        plot.add(
            scatter(
                x=x,
                y=slots.mean[:, slot].astype(np.float32),
                name=slot_label(slot),
                mode="lines+markers",
                line={"color": slot_outline(slot, dark=dark), "width": 1.2},
                marker={
                    "symbol": slot_marker(slot),
                    "size": 9,
                    "color": slot_color(slot),
                    "line": {"color": slot_outline(slot, dark=dark), "width": 1.2},
                },
                hovertext=[
                    f"{plain(name)}<br>slot {slot + 1}: {told}"
                    for name, told in zip(names, own, strict=True)
                ],
            )
        )
    plot.add(
        scatter(
            x=x,
            y=total.mean.astype(np.float32),
            name=all_of,
            mode="lines+markers",
            line={"color": ink(dark).text, "width": 3},
            marker={"symbol": "diamond-tall", "size": 11, "color": ink(dark).text},
            hovertext=[
                f"{plain(name)}<br>{all_of}: {_words(total, (k,), is_share)}"
                for k, name in enumerate(names)
            ],
        )
    )
    _axes(plot, x, axis, is_share=is_share, dark=dark)
    return plot


def sparsity_words(sparsity: float) -> str:
    """``"95 % pruned"``, or ``"unpruned"``."""
    return pruned_words(sparsity) if sparsity else "unpruned"


def p_words(p: float) -> str:
    """``"p = 0.03"``; never rounded to nothing."""
    return f"p = {number(p, '.2g')}" if p >= 0.001 else "p < 0.001"


def _words(found: Estimates, at: tuple[int, ...], is_share: bool) -> str:
    mean, low, high = (float(v[at]) for v in (found.mean, found.low, found.high))
    if np.isnan(mean):
        return "nothing counted"
    if is_share:
        between = "" if np.isnan(low) else f" ({100 * low:.0f} to {100 * high:.0f})"
        return f"{percent(mean)}{between}"
    return number(mean, ".3g") + (
        "" if np.isnan(low) else f" ({number(low, '.3g')} to {number(high, '.3g')})"
    )


def _axes(plot: Plot, x: np.ndarray, axis: str, *, is_share: bool, dark: bool) -> None:
    ends = float(x.min()), float(x.max())
    room = max(ends[1] - ends[0], 1.0)
    shown: list[float] = []
    for value in sorted(x, reverse=True):  # the ends first; what would touch a tick has none
        if all(abs(value - other) >= NARROW * room for other in shown):
            shown.append(float(value))
    plot.xaxes(
        range=[ends[0] - 0.04 * room, ends[1] + 0.04 * room],
        tickvals=shown,
        ticktext=[f"{value:.0f} %" for value in shown],
        title={"text": "sparsity of the encoder", "standoff": 6},
        linecolor=ink(dark).line,
    )
    value_axis(plot, dark=dark, title={"text": axis, "standoff": 12})
    if is_share:
        plot.yaxes(tickformat=".0%")
    else:
        plot.yaxes(rangemode="tozero")
    plot.set(
        legend={
            "x": 1.01,
            "xanchor": "left",
            "y": 1,
            "yanchor": "top",
        }
    )

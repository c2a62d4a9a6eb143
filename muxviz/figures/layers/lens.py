"""Slots over levels: a heat map with its numbers, and the same as lines with a control.

One drawing serves the lenses (share read back, margin) and the probes (R^2, selectivity).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import InputError
from muxviz.figures.drawing.claims import Span, standing_out, trend
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import TEXT_SIZE, framed, ink, text_on
from muxviz.figures.drawing.levels import (
    column,
    finite,
    heading,
    label_levels,
    level_words,
    value_axis,
)
from muxviz.figures.drawing.plot import Plot, Trace, heatmap, scatter
from muxviz.figures.drawing.scales import color_at, diverging, sequential
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import number, percent
from muxviz.results.layers import LayerLens, LayerProbe

ROW, LEAST = 40, 250  # px per slot, and in all
SIDES = {"l": 96, "r": 26, "t": 84, "b": 66}
LENS_SHOWS = ("accuracy", "margin")
PROBE_SHOWS = ("r2", "selectivity")
NAMES = {"demux": "demux lens", "translated": "translated lens"}
EVEN = 0.02  # shares closer than this are called equal


@dataclass(frozen=True)
class _View:
    """What is drawn: ``[S, N]`` each. low, high: interval, NaN without one. is_share: in percent.

    control: NaN where there is none.
    """

    levels: tuple[str, ...]
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    control: np.ndarray
    name: str
    is_share: bool


def lens_figure(
    lens: LayerLens | LayerProbe, *, show: str = "", slot: int | None = None, dark: bool = False
) -> go.Figure:
    """Heat map of slots x levels, and lines with the control (dotted).

    Args:
        lens: a lens or probes.
        show: of a lens "accuracy" or "margin", of probes "r2" or "selectivity"; "" for the first.
        slot: whose line (from 0) is drawn strong; None for all alike.
        dark: for a dark page.

    Raises:
        InputError: another ``show``.
    """
    view = _view(lens, show)
    num = view.values.shape[1]
    plot = Plot.grid(rows=1, cols=2, widths=[0.54, 0.46], across=0.09)
    for trace in _cells(view, dark):
        plot.add(trace, row=1, col=1)
    for trace in _lines(view, slot, dark):
        plot.add(trace, row=1, col=2)
    label_levels(plot, view.levels, dark=dark)
    value_axis(plot, dark=dark)
    plot.yaxes(
        range=[num - 0.5, -0.5],
        tickvals=list(range(num)),
        ticktext=[f"slot {slot_label(i)}  " for i in range(num)],
        showgrid=False,
        row=1,
        col=1,
    )
    plot.yaxes(**_span(view), tickformat=".0%" if view.is_share else "", row=1, col=2)
    plot.xaxes(range=[-0.5, len(view.levels) - 0.5], row=1, col=1)
    plot.xaxes(title={"text": "layer", "standoff": 8})
    dotted = " (dotted: control)" if np.isfinite(view.control).any() else ""
    titles = (f"{view.name} by slot and level", f"the same as lines{dotted}")
    plot.mark(annotations=[heading(t, k + 1) for k, t in enumerate(titles)])
    height = max(LEAST, ROW * num) + SIDES["t"] + SIDES["b"]
    framed(plot, lens_finding(lens, show=show), dark=dark, height=height, sides=SIDES)
    return plot.figure()


def lens_finding(lens: LayerLens | LayerProbe, *, show: str = "") -> str:
    """What the lens or the probes show, in one sentence."""
    view = _view(lens, show)
    done = [k for k in range(len(view.levels)) if np.isfinite(view.values[k]).any()]
    if not done:
        return "Nothing could be counted"
    found = {k: _over_slots(view, k) for k in done}
    mean = {k: span[0] for k, span in found.items()}
    first, last = done[0], done[-1]
    start, end = _number(view, mean[first]), _number(view, mean[last])
    what = f"{view.name[:1].upper()}{view.name[1:]}"
    places = f"at {level_words(view.levels[first])}", f"after {level_words(view.levels[last])}"
    if view.is_share and max(mean.values()) - min(mean.values()) < EVEN:
        words = f"{what} is {end} at every level"
    elif way := trend([found[k] for k in done]):
        verb = "rises" if way > 0 else "falls"
        words = f"{what} {verb} from {start} {places[0]} to {end} {places[1]}"
    else:
        words = f"{what} is {start} {places[0]} and {end} {places[1]}"
    values = view.values[last]
    spans = list(zip(values, view.low[last], view.high[last], strict=True))
    least = standing_out(spans, least=True)
    enough = EVEN if view.is_share else 0.5
    if len(values) < 2 or least is None or float(np.nanmax(values) - values[least]) < enough:
        return words
    return f"{words}; slot {least + 1} is lowest there ({_number(view, float(values[least]))})"


def lens_table(lens: LayerLens | LayerProbe) -> list[dict[str, Any]]:
    """One row per level and slot, whatever is shown."""
    shows = LENS_SHOWS if isinstance(lens, LayerLens) else PROBE_SHOWS
    views = [_view(lens, show) for show in shows]
    table: list[dict[str, Any]] = []
    for k, level in enumerate(lens.levels):
        means = {f"{v.name}, mean of slots": finite(_over_slots(v, k)[0]) for v in views}
        for slot in range(_slots(lens)):
            row: dict[str, Any] = {"level": level, "slot": slot + 1}
            table.append(row | _lens_row(lens, k, slot) | means)
    return table


def lens_alt(lens: LayerLens | LayerProbe, *, show: str = "") -> str:
    """The picture in words."""
    view = _view(lens, show)
    lines = [f"{lens_finding(lens, show=show)}."]
    for k, level in enumerate(view.levels):
        numbers = ", ".join(
            f"slot {i + 1} {_number(view, float(v))}" for i, v in enumerate(view.values[k])
        )
        lines.append(f"{level_words(level).capitalize()}: {numbers}.")
    return " ".join(lines)


# ---- what is shown ------------------------------------------------------------------------------


def _view(lens: LayerLens | LayerProbe, show: str) -> _View:
    shows = LENS_SHOWS if isinstance(lens, LayerLens) else PROBE_SHOWS
    show = show or shows[0]
    if show not in shows:
        raise InputError(f"got show={show!r}; choose one of {', '.join(shows)}")
    if isinstance(lens, LayerProbe):
        found = lens.r2 if show == "r2" else lens.selectivity
        nothing = np.full_like(found.mean, np.nan)
        control = lens.control.mean if show == "r2" else nothing
        name = "R² of the linear probe" if show == "r2" else "selectivity of the linear probe"
        return _View(lens.levels, found.mean, found.low, found.high, control, name, True)
    name = NAMES[lens.kind]
    if show == "margin":
        found = lens.margin
        control = np.full_like(found.mean, np.nan)
        words = f"margin through the {name}"
        return _View(lens.levels, found.mean, found.low, found.high, control, words, False)
    shape = lens.read.shape
    ends = np.array(
        [[lens.proportion(k, i).interval for i in range(shape[1])] for k in range(shape[0])]
    )
    words = f"share read back through the {name}"
    return _View(lens.levels, lens.accuracy, ends[..., 0], ends[..., 1], lens.control, words, True)


def _number(view: _View, value: float) -> str:
    if not np.isfinite(value):
        return "n/a"
    if not view.is_share:
        return f"{number(value, '.1f')} nats"
    return percent(value)


def _cell_text(view: _View, value: float) -> str:
    """A number short enough for a cell."""
    if not np.isfinite(value):
        return ""
    return number(100 * value, ".0f") if view.is_share else number(value, ".1f")


def _slots(lens: LayerLens | LayerProbe) -> int:
    return int((lens.read if isinstance(lens, LayerLens) else lens.r2.mean).shape[1])


def _lens_row(lens: LayerLens | LayerProbe, level: int, slot: int) -> dict[str, Any]:
    if isinstance(lens, LayerLens):
        share = lens.proportion(level, slot)
        return {
            "tokens": share.trials,
            "read back": finite(share.value),
            "from": finite(share.interval[0]),
            "to": finite(share.interval[1]),
            "control": finite(lens.control[level, slot]),
            "margin (nats)": finite(lens.margin.mean[level, slot]),
            "margin from": finite(lens.margin.low[level, slot]),
            "margin to": finite(lens.margin.high[level, slot]),
        }
    row: dict[str, Any] = {"tokens": int(lens.test_tokens[slot])}
    for name, estimates in (
        ("R²", lens.r2),
        ("control", lens.control),
        ("selectivity", lens.selectivity),
    ):
        row[name] = finite(estimates.mean[level, slot])
        row[f"{name} from"] = finite(estimates.low[level, slot])
        row[f"{name} to"] = finite(estimates.high[level, slot])
    return row


# ---- drawing ------------------------------------------------------------------------------------


def _scale(view: _View, dark: bool) -> tuple[list[list[float | str]], float, float]:
    """Colours and the values at their ends: shares from 0 to 100 %, others centred at 0."""
    if view.is_share:
        return sequential(dark), 0.0, 1.0
    most = float(np.nanmax(np.abs(view.values), initial=1.0))
    return diverging(dark), -most, most


def _cells(view: _View, dark: bool) -> list[Trace]:
    """The heat map and, over it, numbers and hover."""
    scale, low, high = _scale(view, dark)
    levels, num = view.values.shape
    hovers, texts, inks = [], [], []
    for slot in range(num):
        for k in range(levels):
            value = float(view.values[k, slot])
            texts.append(_cell_text(view, value))
            place = (value - low) / (high - low) if np.isfinite(value) else 0.0
            inks.append(text_on(color_at(scale, place)))
            hovers.append(_hover(view, k, slot))
    return [
        heatmap(
            z=view.values.T.astype(np.float32),
            zmin=low,
            zmax=high,
            colorscale=scale,
            showscale=False,
            xgap=2,
            ygap=2,
            hoverinfo="skip",
        ),
        scatter(
            x=np.tile(np.arange(levels), num),
            y=np.repeat(np.arange(num), levels),
            mode="text",
            text=texts,
            textfont={"size": TEXT_SIZE, "color": inks},
            hovertext=hovers,
        ),
    ]


def _mean(values: np.ndarray) -> float:
    """Over what is known; NaN where nothing is."""
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _over_slots(view: _View, level: int) -> Span:
    """Mean over slots of their numbers and of their ends, which is wider than its own interval."""
    value, low, high = (_mean(a[level]) for a in (view.values, view.low, view.high))
    return value, low, high


def _hover(view: _View, level: int, slot: int) -> str:
    value, low, high = (float(x[level, slot]) for x in (view.values, view.low, view.high))
    line = f"slot {slot + 1}, {level_words(view.levels[level])}: {_number(view, value)}"
    if np.isfinite(low):
        ends = (100 * low, 100 * high) if view.is_share else (low, high)
        line += f" ({number(ends[0], '.3g')} to {number(ends[1], '.3g')})"
    control = float(view.control[level, slot])
    return f"{line}<br>control {_number(view, control)}" if np.isfinite(control) else line


def _lines(view: _View, chosen: int | None, dark: bool) -> list[Trace]:
    x, traces = np.arange(len(view.levels)), []
    if np.isfinite(view.control).any():
        traces.append(
            scatter(
                x=x,
                y=np.array([_mean(c) for c in view.control], dtype=np.float32),
                mode="lines",
                line={"color": ink(dark).muted, "width": 1.4, "dash": "dot"},
                hovertext=[
                    f"control, mean of the slots: {_number(view, _mean(c))}" for c in view.control
                ],
            )
        )
    for slot in range(view.values.shape[1]):
        faint = chosen is not None and chosen != slot
        traces.append(_slot_line(view, x, slot, faint, dark))
    return traces


def _slot_line(view: _View, x: np.ndarray, slot: int, faint: bool, dark: bool) -> Trace:
    outline = slot_outline(slot, dark=dark)
    mean, low, high = (column(a, slot) for a in (view.values, view.low, view.high))
    bars = None
    if not faint and np.isfinite(low).any():
        bars = whiskers(high - mean, mean - low, outline, thickness=1, width=3)
    return scatter(
        x=x,
        y=mean,
        mode="lines+markers",
        opacity=0.35 if faint else 1,
        line={"color": slot_color(slot), "width": 1.4 if faint else 2.2},
        marker={
            "symbol": slot_marker(slot),
            "size": 8,
            "color": slot_color(slot),
            "line": {"color": outline, "width": 1},
        },
        error_y=bars,
        hovertext=[_hover(view, k, slot) for k in range(len(x))],
    )


def _span(view: _View) -> dict[str, Any]:
    """Range of the lines' axis: shares from 0 (or a little below) to 100 %."""
    ends = np.concatenate([view.values.ravel(), view.low.ravel(), view.control.ravel()])
    lowest = float(np.nanmin(ends, initial=0.0))
    if view.is_share:
        return {"range": [min(-0.03, max(lowest, -1.0) - 0.03), 1.04]}
    highest = float(np.nanmax(np.concatenate([view.values.ravel(), view.high.ravel()]), initial=1))
    return {"range": [min(0.0, 1.05 * lowest), 1.08 * highest]}


LENS = Family(lens_figure, lens_finding, lens_alt, lens_table)

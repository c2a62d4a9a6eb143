"""Per slot: how loud the others are in its filter, and what the filter reads without a network."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.claims import spans, standing_out
from muxviz.figures.drawing.dots import estimate_row
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import CLEAR, TEXT_SIZE, caption, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, bar, scatter
from muxviz.figures.drawing.rows import name_rows
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_outline
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import number, or_none, percent, plain
from muxviz.results.fidelity import Shares
from muxviz.results.keys import KeyInterference, MatchedFilter

ROW = 38  # px
SIDES = {"l": 64, "r": 118, "t": 74, "b": 84}
THIN = 0.5  # of a row, a bar


# ---- signal against interference ----------------------------------------------------------------


def sinr_figure(found: KeyInterference, *, dark: bool = False) -> go.Figure:
    """Bars of the signal-to-interference ratio in dB, with what the kind of keys promises."""
    measured = _db(found, found.measured.mean)
    num, colors = len(measured), ink(dark)
    low, high = _db(found, found.measured.high), _db(found, found.measured.low)
    is_clear = ~np.isfinite(measured)
    span = _span(found)
    plot = Plot(
        bar(
            x=np.where(is_clear, np.nan, measured),
            y=list(range(num)),
            orientation="h",
            width=THIN,
            marker=_slots(num, dark),
            error_x=_whiskers(measured, low, high, dark),
            hovertext=[_sinr_words(found, i) for i in range(num)],
        )
    )
    alone = _db(found, found.from_keys)
    plot.add(
        scatter(
            x=np.where(np.isfinite(alone), alone, np.nan),
            y=list(range(num)),
            mode="markers",
            marker={
                "symbol": "line-ns",
                "size": 24,
                "line": {"color": colors.text, "width": 2.4},
            },
            hovertext=[f"slot {i + 1}, vectors alone: {decibels(v)}" for i, v in enumerate(alone)],
        )
    )
    shapes, notes = _law(found, dark)
    ends = np.fmax(np.where(is_clear, 0, np.fmax(measured, high)), 0)
    notes += [_beside(float(ends[i]), i, decibels(float(v)), dark) for i, v in enumerate(measured)]
    plot.mark(shapes=shapes, annotations=notes)
    _axes(plot, num, dark, title="signal to interference, dB", span=span)
    framed(plot, sinr_finding(found), dark=dark, height=_height(num), sides=SIDES)
    words = (
        "0 dB: all others together are as loud as the slot itself. Upright marks: vectors alone."
    )
    caption(plot, words, below=50, left=12 - SIDES["l"])
    return plot.figure()


def sinr_finding(found: KeyInterference) -> str:
    """The range over the slots, against what the kind of keys promises."""
    measured = _db(found, found.measured.mean)
    if not np.isfinite(measured).any():
        return "No interference: the slots' vectors do not overlap"
    worst = int(np.argmin(measured))
    first = f"Slot {worst + 1} hears the others loudest: {decibels(float(measured[worst]))}"
    if standing_out(spans(found.measured)) is None:
        best = decibels(float(np.max(measured)))
        first = f"{decibels(float(measured[worst]))} to {best}: no slot is told to hear most"
    if np.isnan(found.law):
        return first
    law = decibels(float(found.sinr_db(found.law)))
    if found.law_low == found.law_high:
        return f"{first}; random turns promise {law}"
    inside = (found.measured.mean >= found.law_low) & (found.measured.mean <= found.law_high)
    if inside.all():
        return f"{first}; all are where Gaussian vectors fall"
    count = int((~inside).sum())
    return f"{first}; {count} of {len(measured)} slots are off what Gaussian vectors give"


def sinr_table(found: KeyInterference) -> list[dict[str, Any]]:
    """One row per slot; infinite ratios are written in words, NaN as None."""
    columns = {
        "measured dB": found.measured.mean,
        "low dB": found.measured.high,
        "high dB": found.measured.low,
        "vectors alone dB": found.from_keys,
    }
    shown = {name: _db(found, values) for name, values in columns.items()}
    law = or_none(float(found.sinr_db(found.law)))
    return [
        {
            "slot": i + 1,
            **{
                name: "no interference" if np.isinf(v[i]) else or_none(float(v[i]))
                for name, v in shown.items()
            },
            "law dB": "no interference" if law == float("inf") else law,
        }
        for i in range(len(found.from_keys))
    ]


def sinr_alt(found: KeyInterference) -> str:
    """The picture in words."""
    rows = [_sinr_words(found, i) for i in range(len(found.from_keys))]
    return " ".join([f"{sinr_finding(found)}.", *(f"{row}." for row in rows)])


def decibels(value: float) -> str:
    """``"−1.3 dB"``, or what an infinite ratio means."""
    if np.isnan(value):
        return "n/a"
    if np.isinf(value):
        return "no interference"
    return f"{number(value, '.1f')} dB"


def _db(found: KeyInterference, ratio: np.ndarray) -> np.ndarray:
    return np.asarray(found.sinr_db(ratio))


def _sinr_words(found: KeyInterference, slot: int) -> str:
    value, low, high, alone = (
        decibels(float(found.sinr_db(v[slot])))
        for v in (found.measured.mean, found.measured.high, found.measured.low, found.from_keys)
    )
    return plain(f"slot {slot + 1}: {value} (95 % {low} to {high}), vectors alone {alone}")


def _span(found: KeyInterference) -> tuple[float, float]:
    """An axis around 0 dB that holds everything finite."""
    parts = [found.measured.mean, found.measured.low, found.measured.high, found.from_keys]
    law = np.array([found.law, found.law_low, found.law_high])
    values = _db(found, np.concatenate([*parts, law]))
    there = values[np.isfinite(values)]
    low, high = min(there.min(initial=0.0), -0.5), max(there.max(initial=0.0), 0.5)
    room = 0.08 * (high - low)
    return float(low - room), float(high + room)


def _law(found: KeyInterference, dark: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A line and a band where the kind of keys promises the slots to be."""
    law, best, least = (float(found.sinr_db(v)) for v in (found.law, found.law_low, found.law_high))
    if not np.isfinite(law):
        return [], []
    colors = ink(dark)
    place = {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
    line = {
        **place,
        "type": "line",
        "x0": law,
        "x1": law,
        "line": {"color": colors.text, "width": 1.4, "dash": "dash"},
        "layer": "above",
    }
    band = {
        **place,
        "type": "rect",
        "x0": least,
        "x1": best,
        "fillcolor": tint(colors.muted, 0.16),
        "line": {"width": 0},
    }
    kind = "Gaussian vectors" if best != least else "random turns"
    note = {
        "text": f"{kind} promise {decibels(law)}",
        "x": law,
        "xanchor": "center",
        "y": 1,
        "yref": "paper",
        "yanchor": "bottom",
        "yshift": 2,
    }
    return [band, line], [note]


# ---- the filter ---------------------------------------------------------------------------------


def filter_figure(found: MatchedFilter, *, dark: bool = False) -> go.Figure:
    """Two bars per slot: tokens read by the filter alone, and by the whole model."""
    num, colors = len(found.filtered.hits), ink(dark)
    plot = Plot()
    for name, values, shift in _readers(found):
        is_filter = values is found.filtered
        plot.add(
            bar(
                x=values.value,
                y=[i + shift for i in range(num)],
                orientation="h",
                width=0.3,
                marker=_slots(num, dark) if is_filter else _hollow(num, dark),
                error_x=_whiskers(values.value, values.low, values.high, dark),
                hovertext=[_share_words(values, i, name) for i in range(num)],
            )
        )
    notes = [
        _beside(float(values.high[i]), i + shift, percent(float(values.value[i])), dark)
        for _, values, shift in _readers(found)
        for i in range(num)
    ]
    line = {"color": colors.text, "width": 1.2, "dash": "dot"}
    chance = {"type": "line", "x0": found.chance, "x1": found.chance, "line": line}
    plot.mark(shapes=[{**chance, "y0": 0, "y1": 1, "yref": "paper"}], annotations=notes)
    _axes(plot, num, dark, title="share of tokens read", span=(0.0, 1.0))
    plot.xaxes(tickformat=".0%")
    framed(plot, filter_finding(found), dark=dark, height=_height(num, 46), sides=SIDES)
    words = "Filled: the sum and one vector, no network. "
    words += "Outlined: the model's read-back. " if found.model is not None else ""
    words += f"Dotted: always the commonest token ({percent(found.chance)})."
    caption(plot, words, below=50, left=12 - SIDES["l"])
    return plot.figure()


def filter_finding(found: MatchedFilter) -> str:
    """What the sum alone gives, against the model."""
    alone = _overall(found.filtered)
    first = f"Without a network, {percent(alone)} of the tokens are read from the sum"
    if found.model is None:
        return first
    return f"{first}; by the model, {percent(_overall(found.model))}"


def filter_table(found: MatchedFilter) -> list[dict[str, Any]]:
    """One row per slot; shares in [0, 1]."""
    table = []
    for i in range(len(found.filtered.hits)):
        row: dict[str, Any] = {"slot": i + 1, "tokens": int(found.filtered.trials[i])}
        for name, values, _ in _readers(found):
            row |= estimate_row(name, values, i)
        table.append(row | {"commonest token": found.chance})
    return table


def filter_alt(found: MatchedFilter) -> str:
    """The picture in words."""
    rows = [
        _share_words(values, i, name)
        for name, values, _ in _readers(found)
        for i in range(len(values.hits))
    ]
    return " ".join([f"{filter_finding(found)}.", *(f"{row}." for row in rows)])


def _readers(found: MatchedFilter) -> list[tuple[str, Shares, float]]:
    """Name, shares, and how far from a row's middle its bar is."""
    if found.model is None:
        return [("filter", found.filtered, 0.0)]
    return [("filter", found.filtered, -0.17), ("model", found.model, 0.17)]


def _overall(values: Shares) -> float:
    return float(values.hits.sum() / values.trials.sum())


def _share_words(values: Shares, slot: int, name: str) -> str:
    share, low, high = (percent(float(v[slot])) for v in (values.value, values.low, values.high))
    trials = int(values.trials[slot])
    return plain(f"slot {slot + 1}, {name}: {share} ({low} to {high}) of {trials} tokens")


# ---- what both share ----------------------------------------------------------------------------


def _height(num: int, row: int = ROW) -> int:
    return row * num + SIDES["t"] + SIDES["b"]


def _slots(num: int, dark: bool) -> dict[str, Any]:
    return {
        "color": [slot_color(i) for i in range(num)],
        "line": {"color": [slot_outline(i, dark=dark) for i in range(num)], "width": 1},
    }


def _hollow(num: int, dark: bool) -> dict[str, Any]:
    return {
        "color": CLEAR,
        "line": {"color": [slot_outline(i, dark=dark) for i in range(num)], "width": 1.6},
    }


def _whiskers(middle: np.ndarray, low: np.ndarray, high: np.ndarray, dark: bool) -> dict[str, Any]:
    with np.errstate(invalid="ignore"):
        above, below = high - middle, middle - low
    return whiskers(
        np.where(np.isfinite(above), above, np.nan),
        np.where(np.isfinite(below), below, np.nan),
        ink(dark).text,
        thickness=1.3,
        width=4,
    )


def _beside(x: float, row: float, text: str, dark: bool) -> dict[str, Any]:
    return {
        "x": x,
        "y": row,
        "text": plain(text),
        "xanchor": "left",
        "xshift": 8,
        "font": {"size": TEXT_SIZE - 1, "color": ink(dark).text},
    }


def _axes(plot: Plot, num: int, dark: bool, *, title: str, span: tuple[float, float]) -> None:
    colors = ink(dark)
    plot.xaxes(
        title={"text": title, "standoff": 8},
        range=list(span),
        zeroline=True,
        zerolinecolor=colors.line,
        zerolinewidth=1.4,
    )
    name_rows(plot, [slot_label(i) for i in range(num)])


SINR = Family(sinr_figure, sinr_finding, sinr_alt, sinr_table)
FILTER = Family(filter_figure, filter_finding, filter_alt, filter_table)

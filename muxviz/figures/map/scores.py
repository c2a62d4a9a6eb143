"""The scores beside a map: dots with intervals, and a tick where chance lies."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from muxviz.figures.drawing.ink import SMALL_SIZE, ink
from muxviz.figures.drawing.plot import Plot, Trace, scatter
from muxviz.figures.map.words import ratio_text, signed
from muxviz.results.map import ANSWER, NEIGHBOURS, SENTENCE, SLOT, ChanceScore, StateReading

ROWS = {SENTENCE: "sentence", SLOT: "slot", NEIGHBOURS: "neighbours", ANSWER: "answer"}
LOWEST_RATIO, HIGHEST_RATIO = 0.003, 300.0  # ends of the logarithmic axis
LEFT = 0.80  # of the figure's width, where the dots begin
RIGHT = 0.94
PLOTS = (  # name, heading, range, where it stands from below
    ("silhouette", "Silhouette", (-0.3, 1.0), (0.72, 0.93)),
    ("ratio", "Between / within", (LOWEST_RATIO, HIGHEST_RATIO), (0.385, 0.595)),
    ("purity", "Nearest alike", (0.0, 1.0), (0.05, 0.26)),
)
TRACES = 4 * len(PLOTS)


def score_traces(reading: StateReading, *, dark: bool) -> list[Trace]:
    """Intervals, chance ticks and dots of every plot: always ``TRACES``, for frames."""
    traces = []
    for number, (name, _, ends, _) in enumerate(PLOTS, start=2):
        axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        rows = [(one.by, getattr(one, name)) for one in reading.separations]
        rows = [(by, score) for by, score in rows if not math.isnan(score.value)]
        traces += [trace | axes for trace in _plot(name, rows, ends[1], dark)]
    return traces


def add_score_axes(plot: Plot, *, dark: bool) -> None:
    """Axes and headings for ``score_traces`` at the right of ``plot`` (changed in place)."""
    colors = ink(dark)
    font = {"size": SMALL_SIZE, "color": colors.muted}
    layout: dict[str, Any] = {}
    notes = []
    for number, (name, heading, ends, domain) in enumerate(PLOTS, start=2):
        is_log = name == "ratio"
        layout[f"xaxis{number}"] = {
            "domain": [LEFT, RIGHT],
            "anchor": f"y{number}",
            "type": "log" if is_log else "linear",
            "range": [math.log10(v) for v in ends] if is_log else list(ends),
            "tickvals": [0.01, 1, 100] if is_log else [0, 0.5, 1],
            "ticktext": ["0.01", "1", "100"] if is_log else ["0", "0.5", "1"],
            "tickfont": font,
            "gridcolor": colors.line,
            "griddash": "dot",
        }
        layout[f"yaxis{number}"] = {
            "domain": list(domain),
            "anchor": f"x{number}",
            "range": [3.6, -0.6],
            "tickvals": list(range(4)),
            "ticktext": [f"{words}  " for words in ROWS.values()],
            "tickfont": font,
        }
        notes.append(
            {
                "text": f"<b>{heading}</b>",
                "x": LEFT,
                "y": domain[1],
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "yshift": 4,
                "font": {"size": SMALL_SIZE, "color": colors.text},
            }
        )
    plot.set(**layout)
    plot.mark(annotations=notes)


def _plot(name: str, rows: list[tuple[str, ChanceScore]], end: float, dark: bool) -> list[Trace]:
    colors, places = ink(dark), list(ROWS)
    y = np.array([places.index(by) for by, _ in rows], dtype=np.float32)
    value, low, high, chance = (
        np.array([_shown(name, getattr(score, part)) for _, score in rows], dtype=np.float32)
        for part in ("value", "low", "high", "null")
    )
    gap = np.full(len(rows), np.nan, dtype=np.float32)
    words = ratio_text if name == "ratio" else signed
    said = [words(score.value) for _, score in rows]
    hovers = [
        f"by {ROWS[by]}: {words(s.value)}, 95 % interval {words(s.low)} to {words(s.high)}; "
        f"by chance {words(s.null)}"
        for by, s in rows
    ]
    common = {"showlegend": False, "hoverinfo": "skip"}
    return [
        scatter(
            x=np.stack([low, high, gap], axis=1).ravel(),
            y=np.repeat(y, 3),
            mode="lines",
            line={"color": colors.muted, "width": 2},
            **common,
        ),
        scatter(
            x=chance,
            y=y,
            mode="markers",
            marker={
                "symbol": "line-ns",
                "size": 13,
                "line": {"width": 2, "color": colors.line},
                "color": colors.line,
            },
            **common,
        ),
        scatter(
            x=value,
            y=y,
            mode="markers",
            marker={"size": 8, "color": colors.text},
            cliponaxis=False,
            hovertext=hovers,
        ),
        scatter(
            x=np.full(len(rows), end, dtype=np.float32),
            y=y,
            mode="text",
            text=[f"  {text}" for text in said],
            textposition="middle right",
            textfont={"size": SMALL_SIZE, "color": colors.text},
            cliponaxis=False,
            **common,
        ),
    ]


def _shown(name: str, value: float) -> float:
    """Ratios beyond the ends of the axis lie on them."""
    return min(max(value, LOWEST_RATIO), HIGHEST_RATIO) if name == "ratio" else value

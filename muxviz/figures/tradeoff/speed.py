"""How long a pass takes and what it answers, by batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, caption, framed, ink, legend_of
from muxviz.figures.drawing.measured import (
    SIZE,
    busy_words,
    color_of,
    log_axis,
    named,
    outline_of,
    tick_text,
    times,
)
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import plain
from muxviz.results.measured import Timed
from muxviz.results.speed_settings import Setting, lines_of, rows_of, setting_of
from muxviz.results.throughput import SpeedRow

SHAPES = {"muxviz": "circle", "transformers": "square", "onnxruntime": "triangle-up"}
HEIGHT = 460  # px
LEGEND_TOP = 62


def latency_figure(timed: Timed, setting: Setting, *, dark: bool = False) -> go.Figure:
    """Left: median time of a pass with quartiles, p95 as a dash. Right: instances a second.

    Raises:
        NotApplicable: no row of this setting.
    """
    rows = speed_rows(timed, setting)
    plot = Plot.grid(rows=1, cols=2, across=0.11)
    busy = timed.run.machine.is_busy
    for line in lines_of(rows):
        _pass_line(plot, line, busy, dark)
        _rate_line(plot, line, busy, dark)
    batches = sorted({row.batch for row in rows})
    across = log_axis("sequences per forward", [float(b) for b in batches])
    across |= {"tickvals": batches, "ticktext": [tick_text(b) for b in batches]}
    times_ms = [v for r in rows for v in (r.pass_ms.q1, r.pass_ms.q3, r.pass_p95_ms)]
    rates = [v for r in rows for v in (r.instances_per_s.q1, r.instances_per_s.q3)]
    for column in (1, 2):
        plot.xaxes(**across, row=1, col=column)
    plot.yaxes(**log_axis("a pass, ms", times_ms), showgrid=True, row=1, col=1)
    plot.yaxes(**log_axis("instances per second", rates), showgrid=True, row=1, col=2)
    framed(
        plot,
        latency_finding(timed, setting),
        dark=dark,
        height=HEIGHT,
        sides={"l": 76, "r": 24, "t": 112, "b": 96},
    )
    plot.set(legend=legend_of(HEIGHT, LEGEND_TOP))
    words = [
        f"{plain(setting.label)}. Bars: quartiles over {timed.run.rounds} rounds. Short dashes "
        "(left): 95 % of passes are faster."
    ]
    words += [f"{note}." for note in [busy_words([timed.run.machine])] if note]
    caption(plot, "<br>".join(words), below=50, left=-56)
    return plot.figure()


def latency_finding(timed: Timed, setting: Setting) -> str:
    """Where the most multiplexed contender stands against N = 1, at the largest batch of both."""
    rows = [r for r in speed_rows(timed, setting) if r.contender == "muxviz"] or list(
        speed_rows(timed, setting)
    )
    most = max(rows, key=lambda r: (r.n, r.batch))
    plain_rows = {r.batch: r for r in rows if r.n == 1}
    shared = [r for r in rows if r.n == most.n and r.batch in plain_rows]
    if most.n == 1 or not shared:
        return (
            f"A pass of {most.shape} (N = {most.n}) takes {_ms(most.pass_ms.median)} at batch "
            f"{most.batch} and answers {most.instances_per_s.median:,.0f} texts a second"
        )
    top = max(shared, key=lambda r: r.batch)
    base = plain_rows[top.batch]
    longer = top.pass_ms.median / base.pass_ms.median
    more = top.instances_per_s.median / base.instances_per_s.median
    return (
        f"At batch {top.batch}, a pass with N = {top.n} takes {times(longer)} as long as one with "
        f"N = 1 and answers {times(more)} as many texts a second"
    )


def _against_plain(row: SpeedRow, rows: Sequence[SpeedRow]) -> dict[str, float | None]:
    """Medians over those of N = 1 in the same setting and batch, where that was measured."""
    same = (row.contender, row.batch, setting_of(row))
    base = next(
        (r for r in rows if r.n == 1 and (r.contender, r.batch, setting_of(r)) == same), None
    )
    longer = more = None
    if base is not None:
        longer = row.pass_ms.median / base.pass_ms.median
        more = row.instances_per_s.median / base.instances_per_s.median
    return {"pass, times that of N = 1": longer, "instances/s, times those of N = 1": more}


def latency_table(timed: Timed) -> list[dict[str, Any]]:
    """One row per row of the run, of every setting."""
    return [
        {
            "source": timed.label,
            "contender": r.contender,
            "model": r.shape,
            "weights": r.weights,
            "N": r.n,
            "batch": r.batch,
            "batch mode": r.batch_mode,
            "tokens per row": r.length,
            "dtype": r.dtype,
            "device": r.device,
            "threads": r.threads,
            "pass ms": r.pass_ms.median,
            "pass ms, lower quartile": r.pass_ms.q1,
            "pass ms, upper quartile": r.pass_ms.q3,
            "pass ms, p95": r.pass_p95_ms,
            "instances/s": r.instances_per_s.median,
            "lower quartile": r.instances_per_s.q1,
            "upper quartile": r.instances_per_s.q3,
            "tokens/s": r.tokens_per_s,
            **_against_plain(r, timed.run.results),
            "ratio to N = 1": r.ratio_to_n1.median if r.ratio_to_n1 else None,
            "peak MiB": r.peak_mib,
            "compiled": r.is_compiled,
            "with tokenising": r.with_tokenising,
            "machine busy": timed.run.machine.is_busy,
        }
        for r in timed.run.results
    ]


def latency_alt(timed: Timed, setting: Setting) -> str:
    """The picture in words."""
    parts = [
        f"{row_name(r)}, batch {r.batch}: {_ms(r.pass_ms.median)} (p95 {_ms(r.pass_p95_ms)}), "
        f"{r.instances_per_s.median:,.0f} instances/s"
        for r in speed_rows(timed, setting)
    ]
    return f"{latency_finding(timed, setting)}. {'; '.join(parts)}."


# ---- parts --------------------------------------------------------------------------------------


def speed_rows(timed: Timed, setting: Setting) -> tuple[SpeedRow, ...]:
    """Rows of a setting; ``NotApplicable`` where there are none."""
    rows = rows_of(timed.run, setting)
    if not rows:
        raise NotApplicable("not applicable: this run timed nothing of this kind; choose another")
    return rows


def _pass_line(plot: Plot, line: Sequence[SpeedRow], busy: bool, dark: bool) -> None:
    color = outline_of(line[0].n, dark)
    passes = [row.pass_ms for row in line]
    plot.add(
        scatter(
            **_line(line, busy, dark),
            y=[p.median for p in passes],
            error_y=_spread([p.median for p in passes], [(p.q1, p.q3) for p in passes], color),
            name=row_name(line[0]),
        ),
        row=1,
        col=1,
    )
    plot.add(
        scatter(
            x=[row.batch for row in line],
            y=[row.pass_p95_ms for row in line],
            mode="markers",
            marker={
                "symbol": "line-ew",
                "size": SIZE,
                "color": color,
                "line": {"color": color, "width": 2},
            },
            hovertext=[f"{row_name(r)}, batch {r.batch}: p95 {_ms(r.pass_p95_ms)}" for r in line],
        ),
        row=1,
        col=1,
    )


def _rate_line(plot: Plot, line: Sequence[SpeedRow], busy: bool, dark: bool) -> None:
    color = outline_of(line[0].n, dark)
    rates = [row.instances_per_s for row in line]
    plot.add(
        scatter(
            **_line(line, busy, dark),
            y=[q.median for q in rates],
            error_y=_spread([q.median for q in rates], [(q.q1, q.q3) for q in rates], color),
            showlegend=False,
        ),
        row=1,
        col=2,
    )
    end = line[-1]
    note = {
        "text": str(end.n),
        "x": float(np.log10(end.batch)),
        "y": float(np.log10(end.instances_per_s.median)),
        "xref": "x2",
        "yref": "y2",
        "xanchor": "left",
        "xshift": 9,
        "font": {"size": SMALL_SIZE, "color": ink(dark).text},
    }
    plot.mark(annotations=[note] if end.contender == "muxviz" else [])


def _line(line: Sequence[SpeedRow], busy: bool, dark: bool) -> dict[str, Any]:
    first, outline = line[0], outline_of(line[0].n, dark)
    shape = SHAPES.get(first.contender, "diamond")
    return {
        "x": [row.batch for row in line],
        "mode": "lines+markers",
        "legendgroup": row_name(first),
        "line": {
            "color": outline,
            "width": 1.8,
            "dash": "solid" if first.contender == "muxviz" else "dot",
        },
        "marker": {
            "symbol": f"{shape}-open-dot" if busy else shape,
            "size": SIZE - 3,
            "color": outline if busy else color_of(first.n),
            "line": {"color": outline, "width": 1.2},
        },
        "hovertext": [_hover(row) for row in line],
        "hoverinfo": "text",
    }


def _spread(middle: Sequence[float], ends: Sequence[tuple[float, float]], color: str) -> Any:
    return whiskers(
        [high - m for m, (_, high) in zip(middle, ends, strict=True)],
        [m - low for m, (low, _) in zip(middle, ends, strict=True)],
        color,
        thickness=1.2,
        width=3,
    )


def row_name(row: SpeedRow) -> str:
    """Who it is, as Plotly may draw it."""
    own = "" if row.contender == "muxviz" else f"{plain(row.contender)} "
    what = "" if row.weights == "random" else f" · {named(row.shape)}"
    return f"{own}N = {row.n}{what}"


def _hover(row: SpeedRow) -> str:
    ratio = f"<br>{row.ratio_to_n1.median:.2f} times N = 1" if row.ratio_to_n1 else ""
    return (
        f"<b>{row_name(row)}</b>, batch {row.batch}<br>pass {_ms(row.pass_ms.median)} "
        f"({_ms(row.pass_ms.q1)} to {_ms(row.pass_ms.q3)}), p95 {_ms(row.pass_p95_ms)}"
        f"<br>{row.instances_per_s.median:,.0f} instances/s{ratio}"
    )


def _ms(value: float) -> str:
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


LATENCY = Family(latency_figure, latency_finding, latency_alt, latency_table)

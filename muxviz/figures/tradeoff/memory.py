"""What memory a pass needs, by contender and N."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink
from muxviz.figures.drawing.measured import color_of, times
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import name_rows, write_ends
from muxviz.figures.drawing.wording import plain
from muxviz.figures.tradeoff.speed import row_name, speed_rows
from muxviz.results.measured import Timed
from muxviz.results.speed_settings import Setting
from muxviz.results.throughput import SpeedRow

BAR = 34  # px a row


def memory_figure(timed: Timed, setting: Setting, *, dark: bool = False) -> go.Figure:
    """Bars of the highest memory, one row per contender and N, at one batch."""
    rows, colors = memory_rows(timed, setting), ink(dark)
    known = [row.peak_mib or 0.0 for row in rows]
    most = max([*known, 1.0])
    plot = Plot(
        bar(
            x=known,
            y=list(range(len(rows))),
            orientation="h",
            width=0.6,
            marker={
                "color": [color_of(row.n) for row in rows],
                "line": {"color": colors.text, "width": 0.8},
            },
            hovertext=[f"{_label(row)}: {_mib(row)}" for row in rows],
        )
    )
    plot.xaxes(
        title={"text": "highest memory of the process, MiB"}, range=[0, 1.22 * most], tickformat=","
    )
    name_rows(plot, [_label(row) for row in rows])
    write_ends(plot, known, [_mib(row) for row in rows], shift=8, dark=dark)
    framed(
        plot,
        memory_finding(timed, setting),
        dark=dark,
        height=BAR * len(rows) + 186,
        sides={"l": 230, "r": 24, "t": 74, "b": 92},
    )
    words = f"{plain(setting.label)}, batch {rows[0].batch}. Above what the process had before."
    caption(plot, words, below=50, left=-200)
    return plot.figure()


def memory_finding(timed: Timed, setting: Setting) -> str:
    """Who needs most and least per text of a pass."""
    rows = [row for row in memory_rows(timed, setting) if row.peak_mib]
    if not rows:
        return "Memory was not measured in this run"
    own = [row for row in rows if row.contender == "muxviz"]
    most = max(own or rows, key=lambda row: row.n)
    plain_row = next((row for row in own if row.n == 1), None)
    amount = f"{most.peak_mib:,.0f} MiB at batch {most.batch}"
    if plain_row is None or plain_row is most or not plain_row.peak_mib or not most.peak_mib:
        return f"{most.shape} (N = {most.n}) needs {amount}"
    ratio = most.peak_mib / plain_row.peak_mib
    return (
        f"N = {most.n} needs {amount}, {times(ratio)} what N = 1 needs, "
        f"for {most.n} times the texts"
    )


def memory_alt(timed: Timed, setting: Setting) -> str:
    """The picture in words."""
    parts = [f"{row_name(row)}: {_mib(row)}" for row in memory_rows(timed, setting)]
    return f"{memory_finding(timed, setting)}. {'; '.join(parts)}."


def memory_table(timed: Timed, setting: Setting) -> list[dict[str, Any]]:
    """One row per bar."""
    rows = memory_rows(timed, setting)
    base = next((r.peak_mib for r in rows if r.n == 1 and r.contender == "muxviz"), None)
    return [
        {
            "contender": row.contender,
            "model": row.shape,
            "N": row.n,
            "batch": row.batch,
            "dtype": row.dtype,
            "peak MiB": row.peak_mib,
            "measured": row.peak_mib is not None,
            "times that of N = 1": row.peak_mib / base if base and row.peak_mib else None,
        }
        for row in rows
    ]


def memory_rows(timed: Timed, setting: Setting) -> tuple[SpeedRow, ...]:
    """Rows of the batch at which most contenders were measured, the larger one of equals."""
    rows = speed_rows(timed, setting)
    batches = {row.batch for row in rows}
    batch = max(
        batches,
        key=lambda b: (
            sum(r.peak_mib is not None for r in rows if r.batch == b),
            sum(r.batch == b for r in rows),
            b,
        ),
    )
    return tuple(row for row in rows if row.batch == batch)


def _label(row: SpeedRow) -> str:
    return row_name(row) if row.contender != "muxviz" or row.weights != "random" else f"N = {row.n}"


def _mib(row: SpeedRow) -> str:
    return "not measured" if row.peak_mib is None else f"{row.peak_mib:,.0f} MiB"


MEMORY = Family(memory_figure, memory_finding, memory_alt, memory_table)

"""What of a file fails: wrong answers of every grouping, and of N = 1, by whose fault they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import caption, framed, ink, legend_of, mix
from muxviz.figures.drawing.plot import Plot, bar
from muxviz.figures.drawing.rows import name_rows
from muxviz.results.worklist import ALONE_UNKNOWN, KINDS, LABEL, LUCKY, MODEL, SHARED, Worklist

ROW, TOP, BOTTOM = 40, 104, 84  # px
ALONE = "alone (N = 1)"
ANY = "any grouping"


def kinds_figure(found: Worklist, *, dark: bool = False) -> go.Figure:
    """Wrong answers (bars) of every grouping and of N = 1 (rows), parted by kind."""
    table = kinds_table(found)[:-1]
    plot = Plot()
    for kind, color in _colors(dark).items():
        counts = [row[kind] for row in table]
        if any(counts):
            plot.add(
                bar(
                    x=counts,
                    y=list(range(len(table))),
                    orientation="h",
                    name=kind,
                    marker={"color": color, "line": {"color": ink(dark).paper, "width": 1}},
                    hovertext=[f"{row['pass']}: {row[kind]:,} {kind}" for row in table],
                    width=0.62,
                )
            )
    name_rows(plot, [str(row["pass"]) for row in table])
    height = ROW * len(table) + TOP + BOTTOM
    plot.set(barmode="stack", legend=legend_of(height, 62), showlegend=True)
    plot.xaxes(title={"text": "wrong answers"}, rangemode="tozero", showgrid=True)
    framed(
        plot,
        kinds_finding(found),
        dark=dark,
        height=height,
        sides={"l": 130, "r": 24, "t": TOP, "b": BOTTOM},
    )
    caption(plot, _caption(found), below=58, left=-110)
    return plot.figure()


def kinds_finding(found: Worklist) -> str:
    """What it shows, in one sentence."""
    return found.summary


def kinds_table(found: Worklist) -> list[dict[str, Any]]:
    """One row per grouping, for N = 1, and for the rows that fail in any grouping."""
    rows = [_counted(found, name, found.is_wrong[g]) for g, name in enumerate(found.groupings)]
    if found.baseline and found.provenance.num_instances > 1:
        rows.append(_counted(found, ALONE, found.alone_margins < 0))
    last = _counted(found, ANY, np.ones(len(found), dtype=bool))
    return [*rows, last | {"wrong": found.failing, "right": len(found) - found.failing}]


def _counted(found: Worklist, name: str, wrong: np.ndarray) -> dict[str, Any]:
    return {
        "pass": name,
        "N": 1 if name == ALONE else found.provenance.num_instances,
        "rows": len(found),
        "wrong": int(wrong.sum()),
        "right": int((~wrong).sum()),
        **{kind: int((wrong & (found.kinds == kind)).sum()) for kind in KINDS},
        "left out": found.bad_rows,
    }


def kinds_alt(found: Worklist) -> str:
    """The picture in words."""
    parts = []
    for row in kinds_table(found)[:-1]:
        kinds = ", ".join(f"{row[kind]:,} {kind}" for kind in KINDS if row[kind])
        parts.append(f"{row['pass']}: {row['wrong']:,} wrong{f' ({kinds})' if kinds else ''}")
    return f"{kinds_finding(found)}. {'; '.join(parts)}. {_caption(found)}"


def _caption(found: Worklist) -> str:
    left = f" Left out: {found.bad_rows:,}." if found.bad_rows else ""
    return f"{len(found):,} rows; a row fails that is wrong in any grouping.{left}"


def _colors(dark: bool) -> dict[str, str]:
    colors = ink(dark)
    return {
        SHARED: colors.accent,
        MODEL: colors.grey,
        LABEL: colors.warning,
        LUCKY: mix(colors.accent, colors.paper, 0.6),
        ALONE_UNKNOWN: mix(colors.grey, colors.paper, 0.4),
    }


KINDS_OF_FAILURE = Family(kinds_figure, kinds_finding, kinds_alt, kinds_table)

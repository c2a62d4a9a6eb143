"""What copies buy: accuracy against throughput, and whether disagreement finds the errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import SMALL_SIZE, TEXT_SIZE, framed, ink, tint
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.whiskers import whiskers
from muxviz.figures.drawing.wording import ends, interval, number, or_none, percent
from muxviz.results.whatif_copies import Copies, Ensembling


def copies_figure(result: Ensembling, *, dark: bool = False) -> go.Figure:
    """Left: accuracy against sentences a pass. Right: AUROC for errors."""
    colors, points = ink(dark), result.points
    areas = [p for p in points if not np.isnan(p.auroc)]
    plot = Plot.grid(rows=1, cols=2, widths=[0.58, 0.42], across=0.13)
    bounds = [p.accuracy.interval for p in points]
    most = max(p.per_pass for p in points)
    plot.add(
        scatter(
            x=[p.per_pass for p in points],
            y=[p.accuracy.value for p in points],
            error_y=_whiskers(
                [p.accuracy.value for p in points],
                [low for low, _ in bounds],
                [high for _, high in bounds],
                colors.text,
            ),
            mode="lines+markers+text",
            text=[_name(p) for p in points],
            textposition=["top right" if p.per_pass < most else "top left" for p in points],
            textfont={"size": SMALL_SIZE, "color": colors.text},
            line={"color": tint(colors.accent, 0.6), "width": 2},
            marker={"size": 11, "color": colors.accent, "line": {"color": colors.text, "width": 1}},
            hovertext=[f"{_name(p)}: {p.accuracy.text()}" for p in points],
        ),
        row=1,
        col=1,
    )
    for kind, name, color in (
        ("auroc", "disagreement of the copies", colors.accent),
        ("auroc_unsure", "1 − probability", colors.grey),
    ):
        values = [getattr(p, kind) for p in areas]
        is_first = kind == "auroc"
        lows = [p.auroc_low if is_first else p.auroc_unsure for p in areas]
        highs = [p.auroc_high if is_first else p.auroc_unsure for p in areas]
        plot.add(
            scatter(
                x=values,
                y=[k + (0.12 if is_first else -0.12) for k in range(len(areas))],
                error_x=_whiskers(values, lows, highs, colors.text) if is_first else None,
                mode="markers",
                name=name,
                marker={
                    "size": 11,
                    "symbol": "circle" if is_first else "diamond",
                    "color": color,
                    "line": {"color": colors.text, "width": 1},
                },
                hovertemplate=f"{name}: %{{x:.2f}}<extra></extra>",
            ),
            row=1,
            col=2,
        )
    _axes(plot, result, areas, dark)
    framed(
        plot,
        copies_finding(result),
        dark=dark,
        height=380,
        sides={"l": 74, "r": 24, "t": 92, "b": 78},
    )
    plot.set(
        legend={"orientation": "h", "x": 0.99, "xanchor": "right", "y": 1.0, "yanchor": "bottom"}
    )
    return plot.figure()


def _axes(plot: Plot, result: Ensembling, areas: list[Copies], dark: bool) -> None:
    colors = ink(dark)
    most = max(p.per_pass for p in result.points)
    plot.xaxes(
        title={"text": "different sentences a pass"},
        tickvals=[p.per_pass for p in result.points],
        range=[0.5, most + 0.28 * most],
        row=1,
        col=1,
    )
    lowest = min(p.accuracy.interval[0] for p in result.points)
    plot.yaxes(
        showgrid=True,
        title={"text": "accuracy"},
        tickformat=".0%",
        range=[max(0, lowest - 0.04), 1.1],
        row=1,
        col=1,
    )
    plot.xaxes(
        title={"text": "AUROC for errors (0.5: knows nothing)"}, range=[0, 1.03], row=1, col=2
    )
    plot.yaxes(
        tickvals=list(range(len(areas))),
        ticktext=[_name(p) for p in areas],
        range=[-0.6, max(len(areas), 1) - 0.4],
        row=1,
        col=2,
    )
    if not areas:
        xref, yref = plot.cell(1, 2)
        nothing = {
            "text": "no errors to find, or one slot",
            "x": 0.5,
            "y": 0,
            "xref": xref,
            "yref": yref,
            "font": {"size": TEXT_SIZE, "color": colors.muted},
        }
        plot.mark(annotations=[nothing])


def _whiskers(values: Any, low: Any, high: Any, color: str) -> dict[str, Any]:
    return whiskers(
        [h - v for h, v in zip(high, values, strict=True)],
        [v - w for w, v in zip(low, values, strict=True)],
        color,
        thickness=1.3,
    )


def copies_finding(result: Ensembling) -> str:
    """What the most copies win over one, with its interval."""
    first, last = result.points[0], result.points[-1]
    if first is last:
        return f"One copy each: {percent(first.accuracy.value)} right"
    gain, low, high = (100 * float(v) for v in (last.gain.mean, last.gain.low, last.gain.high))
    sure = "" if bool(last.gain.excludes(0)) else ", not told from nothing"
    return (
        f"{last.copies} copies of a sentence change accuracy by {number(gain, '+.1f')} points"
        f"{ends(low, high, '+.1f')}{sure}, at {first.per_pass // last.per_pass} times the passes"
    )


def copies_table(result: Ensembling) -> list[dict[str, Any]]:
    """One row per number of copies."""
    table = []
    for p in result.points:
        low, high = p.accuracy.interval
        table.append(
            {
                "copies": p.copies,
                "sentences a pass": p.per_pass,
                "right": p.accuracy.successes,
                "of": p.accuracy.trials,
                "accuracy": p.accuracy.value,
                "from": low,
                "to": high,
                "gain": float(p.gain.mean),
                "gain from": float(p.gain.low),
                "gain to": float(p.gain.high),
                "disagreement (nats)": p.disagreement,
                "AUROC disagreement": or_none(p.auroc),
                "AUROC from": or_none(p.auroc_low),
                "AUROC to": or_none(p.auroc_high),
                "AUROC 1 - probability": or_none(p.auroc_unsure),
            }
        )
    return table


def copies_alt(result: Ensembling) -> str:
    """The points in words."""
    lines = [f"{copies_finding(result)}."]
    for p in result.points:
        area = "" if np.isnan(p.auroc) else f", AUROC of disagreement {p.auroc:.2f}"
        lines.append(
            f"{_name(p)}, {p.per_pass} sentences a pass: {percent(p.accuracy.value)} "
            f"({interval(p.accuracy)}){area}."
        )
    return " ".join(lines)


def _name(point: Copies) -> str:
    return "one copy" if point.copies == 1 else f"{point.copies} copies"


COPIES = Family(copies_figure, copies_finding, copies_alt, copies_table)

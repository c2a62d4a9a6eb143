"""Read-back per slot over the steps of a training run; slots keep their colour and symbol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.ink import TEXT_SIZE, ink
from muxviz.figures.drawing.plot import Plot, scatter
from muxviz.figures.drawing.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.drawing.small_multiples import (
    GAP,
    PANEL_HEIGHT,
    STAGE_LINE,
    finish,
    in_table,
    is_staged,
    last_step,
    mark_stages,
    need_runs,
    plain_name,
    set_axes,
    spacing,
    thinned,
)
from muxviz.figures.drawing.wording import percent, tenths
from muxviz.results.training import RunCurves


def slot_accuracy_figure(
    runs: Sequence[RunCurves], *, slot: int | None = None, dark: bool = False
) -> go.Figure:
    """Share of tokens read back per slot over steps, one panel per run on one scale.

    ``slot`` (counted from 0) is drawn on top and thicker.

    Raises:
        NotApplicable: no run logged read-back per slot.
    """
    need_runs(runs)
    shown = [run for run in runs if run.retrieval.shape[1] and np.isfinite(run.retrieval).any()]
    if not shown:
        raise NotApplicable(
            "not applicable: nothing was read back per slot in this run; N = 1 has no neighbours, "
            "and a stage without retrieval loss is not measured"
        )
    colors = ink(dark)
    inner = len(shown) * 2 * PANEL_HEIGHT + (len(shown) - 1) * GAP
    plot = Plot.grid(
        rows=len(shown),
        cols=1,
        share_x=True,
        down=spacing(len(shown), inner),
        titles=[
            {
                "text": plain_name(run),
                "xanchor": "left",
                "font": {"size": TEXT_SIZE, "color": colors.text},
                "yshift": STAGE_LINE if row == 0 and is_staged(shown) else 0,
            }
            for row, run in enumerate(shown if len(shown) > 1 else ())
        ],
    )
    for row, run in enumerate(shown, start=1):
        _slot_lines(plot, run, row, slot, dark=dark)
        mark_stages(plot, run.stages, last_step([run]), [row], 1, dark=dark, named=row == 1)
    set_axes(plot)
    plot.yaxes(tickformat=".0%", title={"text": "tokens read back"})
    plot.xaxes(title={"text": "step"}, row=len(shown), col=1)
    finish(
        plot,
        slot_accuracy_finding(shown[0]),
        inner,
        dark=dark,
        has_stages=is_staged(shown),
        has_titles=len(shown) > 1,
    )
    return plot.figure()


def slot_accuracy_finding(run: RunCurves) -> str:
    """Both ends over the slots at the last row that has them; how many tokens is not logged."""
    step, shares = _last_shares(run)
    count = len(shares)
    if count == 1:
        return f"{percent(shares[0])} of tokens are read back after {step:,} steps"
    best, worst = int(np.nanargmax(shares)), int(np.nanargmin(shares))
    if shares[best] - shares[worst] < 0.005:
        return (
            f"All {count} slots are read back alike after {step:,} steps: "
            f"{percent(float(np.nanmean(shares)))} of tokens"
        )
    return (
        f"After {step:,} steps {percent(shares[worst])} (slot {worst + 1}) to "
        f"{percent(shares[best])} (slot {best + 1}) of the tokens are read back"
    )


def slot_accuracy_alt(runs: Sequence[RunCurves]) -> str:
    """The picture in words: every slot's last share, per run."""
    lines = []
    for run in runs:
        if run.retrieval.shape[1] and np.isfinite(run.retrieval).any():
            _, shares = _last_shares(run)
            each = ", ".join(f"slot {i + 1} {percent(s)}" for i, s in enumerate(shares))
            lines.append(f"{slot_accuracy_finding(run)}. {run.name}, last: {each}.")
    return " ".join(lines)


def slot_accuracy_table(runs: Sequence[RunCurves]) -> list[dict[str, Any]]:
    """One row per logged row with read-back: the share per slot and their mean."""
    return [
        {
            "run": run.name,
            "step": int(step),
            **{f"slot {i + 1}": in_table(s) for i, s in enumerate(run.retrieval[row])},
            "mean": in_table(np.nanmean(run.retrieval[row])),
        }
        for run in runs
        for row, step in enumerate(run.steps)
        if run.retrieval.shape[1] and np.isfinite(run.retrieval[row]).any()
    ]


def _slot_lines(plot: Plot, run: RunCurves, row: int, slot: int | None, *, dark: bool) -> None:
    order = [i for i in range(run.retrieval.shape[1]) if i != slot]
    for i in [*order, slot] if slot is not None and slot < run.retrieval.shape[1] else order:
        x, y, _ = thinned(run.steps, run.retrieval[:, i])
        known = np.isfinite(y)
        plot.add(
            scatter(
                x=x[known],
                y=y[known],
                text=[tenths(share) for share in y[known]],
                mode="lines+markers",
                name=slot_label(i),
                legendgroup=str(i),
                legendrank=i + 1,
                showlegend=row == 1,
                line={"color": slot_color(i), "width": 3.4 if i == slot else 1.8},
                marker={
                    "symbol": slot_marker(i),
                    "color": slot_color(i),
                    "size": 10 if i == slot else 8,
                    "maxdisplayed": 12,
                    "line": {"color": slot_outline(i, dark=dark), "width": 1.2},
                },
                hovertemplate=f"{slot_label(i)}<br>step %{{x:,}}: %{{text}}<extra></extra>",
            ),
            row=row,
            col=1,
        )


def _last_shares(run: RunCurves) -> tuple[int, list[float]]:
    row = int(np.flatnonzero(np.isfinite(run.retrieval).any(axis=1))[-1])
    return int(run.steps[row]), [float(s) for s in run.retrieval[row]]


SLOT_ACCURACY = Family(
    slot_accuracy_figure,
    lambda runs: slot_accuracy_finding(runs[0]),
    slot_accuracy_alt,
    slot_accuracy_table,
)

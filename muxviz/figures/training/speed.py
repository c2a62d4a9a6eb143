"""How fast a training run went, over its steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.small_multiples import (
    NAME_ROOM,
    Curve,
    draw_panels,
    finish,
    in_table,
    inner_height,
    is_staged,
    need_runs,
    short_number,
)
from muxviz.figures.drawing.wording import shorten
from muxviz.results.training import RunCurves


def speed_figure(runs: Sequence[RunCurves], *, dark: bool = False) -> go.Figure:
    """Instances and tokens per second over steps.

    Raises:
        NotApplicable: no run, or no speed was logged.
    """
    need_runs(runs)
    panels = {
        name: [Curve(i, run.steps, getattr(run, name)) for i, run in enumerate(runs)]
        for name in ("instances_per_s", "tokens_per_s")
    }
    if not any(np.isfinite(c.values).any() for curves in panels.values() for c in curves):
        raise NotApplicable("not applicable: this run logged no speed")
    headings = {"instances_per_s": "Instances per second", "tokens_per_s": "Tokens per second"}
    plot = draw_panels(runs, panels, headings.__getitem__, dark=dark)
    plot.yaxes(rangemode="tozero", separatethousands=True)
    finish(
        plot, speed_finding(runs), inner_height(len(panels)), dark=dark, has_stages=is_staged(runs)
    )
    return plot.figure()


def speed_finding(runs: Sequence[RunCurves]) -> str:
    """Median speed of the first run, and how the others compare."""
    medians = [_median(run.instances_per_s) for run in runs]
    name = shorten(runs[0].name, NAME_ROOM)
    words = f"{name} trains on {short_number(medians[0])} instances a second"
    others = [
        f"{short_number(m)} in {shorten(r.name, NAME_ROOM)}"
        for r, m in zip(runs[1:], medians[1:], strict=True)
        if math.isfinite(m)
    ]
    return f"{words} (median), {', '.join(others)}" if others else f"{words} (median)"


def speed_alt(runs: Sequence[RunCurves]) -> str:
    """The picture in words."""
    lines = [
        f"{r.name}: median {short_number(_median(r.instances_per_s))} instances and "
        f"{short_number(_median(r.tokens_per_s))} tokens a second."
        for r in runs
    ]
    return " ".join([f"{speed_finding(runs)}.", *lines])


def speed_table(runs: Sequence[RunCurves]) -> list[dict[str, Any]]:
    """One row per logged row: speeds, and what was seen and spent so far."""
    return [
        {
            "run": run.name,
            "step": int(step),
            "instances/s": in_table(run.instances_per_s[i]),
            "tokens/s": in_table(run.tokens_per_s[i]),
            "instances so far": in_table(run.instances[i]),
            "tokens so far": in_table(run.tokens[i]),
            "seconds so far": in_table(run.seconds[i]),
            "median instances/s": in_table(_median(run.instances_per_s)),
            "median tokens/s": in_table(_median(run.tokens_per_s)),
        }
        for run in runs
        for i, step in enumerate(run.steps)
    ]


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


SPEED = Family(speed_figure, speed_finding, speed_alt, speed_table)

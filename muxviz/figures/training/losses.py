"""The losses of a training run over its steps: one panel per term, runs told apart by colour, dash
and name. Long curves are drawn as means of equally many rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Family
from muxviz.figures.drawing.small_multiples import (
    COLUMNS,
    NAME_ROOM,
    Curve,
    draw_panels,
    finish,
    in_table,
    inner_height,
    is_staged,
    log_ticks,
    need_runs,
    short_number,
    stage_at,
)
from muxviz.figures.drawing.wording import percent, plain, shorten
from muxviz.results.training import RunCurves

LABELS = {
    "total": "All losses, weighted",
    "task": "Task loss",
    "retrieval": "Retrieval loss",
    "masked_lm": "Masked-word loss",
    "replaced": "Replaced-token loss",
    "generator": "Generator loss",
    "hidden": "Distance to the teacher's states",
    "sentence": "Distance to the teacher's sentence vector",
    "logit": "Divergence from the teacher's answers",
    "probe": "Probe loss",
    "answer": "Distance to the teacher's answers",
    "last_state": "Distance to the teacher's last states",
    "middle_state": "Distance to the teacher's middle states",
    "prediction": "Divergence from the unpruned model's answers",
    "layer": "Distance to the unpruned model's layers",
    "lagrangian": "Lagrangian of the sparsity",
    "lambda_1": "Multiplier of the gap, \u03bb1",
    "lambda_2": "Multiplier of the squared gap, \u03bb2",
    "sparsity": "Expected sparsity, target dotted",
}
UNITS = {
    "hidden": "squared distance",
    "sentence": "squared distance",
    "answer": "squared distance over their variance",
    "last_state": "squared distance over their variance",
    "middle_state": "squared distance over their variance",
    "layer": "squared distance",
    "total": "weighted sum",
    "lagrangian": "no unit",
    "lambda_1": "no unit",
    "lambda_2": "no unit",
    "sparsity": "share pruned away",
}
TARGETS = {"sparsity": "target_sparsity"}  # drawn with what is to reach it
TOLD_FIRST = ("retrieval", "task", "masked_lm", "replaced", "total")


def term_label(name: str) -> str:
    """A term's name as read: ``"Retrieval loss"``; an unknown one with spaces."""
    if name in LABELS:
        return LABELS[name]
    words = name.replace("_", " ").strip() or "loss"
    return words[0].upper() + words[1:]


def is_share(name: str) -> bool:
    """Whether a term is an accuracy or a sparsity in [0, 1] and not a loss."""
    return name.endswith(("accuracy", "sparsity"))


def loss_figure(runs: Sequence[RunCurves], *, log: bool = True, dark: bool = False) -> go.Figure:
    """One panel per loss and accuracy, steps below; ``log`` for losses on a logarithmic axis.

    The first run's stages are marked.

    Raises:
        NotApplicable: no run, more than four, or no loss was logged.
    """
    need_runs(runs)
    terms = loss_terms(runs)
    if not terms:
        raise NotApplicable("not applicable: the rows of this run hold no losses")
    panels = {
        name: [
            Curve(i, run.steps, values, is_target=part != name)
            for i, run in enumerate(runs)
            for part in (name, TARGETS.get(name, ""))
            if (values := run.term(part)) is not None
        ]
        for name in terms
    }
    plot = draw_panels(runs, panels, _heading, dark=dark)
    for number, name in enumerate(terms):
        row, column = number // COLUMNS + 1, number % COLUMNS + 1
        if is_share(name):
            plot.yaxes(tickformat=".0%", rangemode="tozero", row=row, col=column)
        elif log and _is_positive([c.values for c in panels[name]]):
            ticks = log_ticks(_known([c.values for c in panels[name]]))
            texts = [f"{tick:,g}" for tick in ticks]
            axis = {"type": "log", "tickvals": ticks, "ticktext": texts}
            plot.yaxes(**axis, row=row, col=column)
        else:
            plot.yaxes(rangemode="tozero", row=row, col=column)
    finish(
        plot, loss_finding(runs), inner_height(len(terms)), dark=dark, has_stages=is_staged(runs)
    )
    return plot.figure()


def loss_terms(runs: Sequence[RunCurves]) -> tuple[str, ...]:
    """Terms of any run: known losses in their order, then others, accuracies last."""
    named = dict.fromkeys(name for run in runs for name in run.terms)
    for name, target in TARGETS.items():
        if name in named:
            named.pop(target, None)
    order = {name: i for i, name in enumerate(LABELS)}
    return tuple(sorted(named, key=lambda n: (is_share(n), order.get(n, len(order)))))


def loss_finding(runs: Sequence[RunCurves]) -> str:
    """What the most telling loss did, and against the other runs where there are any."""
    first = runs[0]
    name = next((n for n in (*TOLD_FIRST, *first.terms) if _ends(first, n) is not None), None)
    ends = None if name is None else _ends(first, name)
    if name is None or ends is None:
        return f"{shorten(first.name, NAME_ROOM)}: no loss was logged yet"
    (_, start), (step, end) = ends
    label = term_label(name)
    if len(runs) > 1:
        return _compared(runs, name, label)
    if first.steps[0] == step or start == end:
        return f"{label} is {short_number(end)} after {step:,} steps"
    return f"{label} went from {short_number(start)} to {short_number(end)} in {step:,} steps"


def loss_alt(runs: Sequence[RunCurves]) -> str:
    """The picture in words: each term's first and last mean, per run."""
    lines = [f"{loss_finding(runs)}."]
    for run in runs:
        for name in loss_terms([run]):
            ends = _ends(run, name)
            if ends is not None:
                (a, start), (b, end) = ends
                write = percent if is_share(name) else short_number
                lines.append(
                    f"{run.name}, {term_label(name).lower()}: {write(start)} at step {a:,}, "
                    f"{write(end)} at step {b:,}."
                )
    return " ".join(lines)


def loss_table(runs: Sequence[RunCurves]) -> list[dict[str, Any]]:
    """One row per logged row of a run: step, stage, learning rate and every term."""
    terms = loss_terms(runs)
    return [
        {
            "run": run.name,
            "step": int(step),
            "stage": stage_at(run.stages, int(step)),
            "learning rate": in_table(run.learning_rate[i]),
            **{n: in_table(v[i]) for n in terms if (v := run.term(n)) is not None},
        }
        for run in runs
        for i, step in enumerate(run.steps)
    ]


def _heading(name: str) -> str:
    unit = UNITS.get(name, "share right" if is_share(name) else "nats")
    return f"{plain(term_label(name))} ({unit})"


def _is_positive(values: list[np.ndarray]) -> bool:
    """Whether a logarithmic axis can be drawn: something is logged and all of it is above zero."""
    known = _known(values)
    return bool(len(known)) and bool((known > 0).all())


def _known(values: list[np.ndarray]) -> np.ndarray:
    """All numbers of several curves that are finite."""
    return np.concatenate([v[np.isfinite(v)] for v in values]) if values else np.array([])


def _ends(run: RunCurves, name: str) -> tuple[tuple[int, float], tuple[int, float]] | None:
    """First and last (step, value) of a term that is known; None without any."""
    values = run.term(name)
    known = np.flatnonzero(np.isfinite(values)) if values is not None else np.array([], int)
    if values is None or not len(known):
        return None
    a, b = known[0], known[-1]
    return (int(run.steps[a]), float(values[a])), (int(run.steps[b]), float(values[b]))


def _compared(runs: Sequence[RunCurves], name: str, label: str) -> str:
    """Values of one term at the last step that every run with it has reached."""
    having = [run for run in runs if _ends(run, name) is not None]
    common = min(int(e[1][0]) for run in having if (e := _ends(run, name)))
    parts = []
    for run in having:
        values = run.term(name)
        assert values is not None
        upto = np.flatnonzero((run.steps <= common) & np.isfinite(values))
        if len(upto):
            parts.append(
                f"{short_number(float(values[upto[-1]]))} in {shorten(run.name, NAME_ROOM)}"
            )
    return f"{label} after {common:,} steps: {', '.join(parts)}"


LOSSES = Family(loss_figure, loss_finding, loss_alt, loss_table)

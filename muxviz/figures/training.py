"""A training run over its steps: one panel per loss, read-back per slot, and speed.

Runs are told apart by colour, dash and name; slots keep the colour, number and symbol that they
have everywhere. Long curves are drawn as means of equally many rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from muxviz.errors import NotApplicable
from muxviz.figures.ink import SMALL_SIZE, TEXT_SIZE, ink
from muxviz.figures.slots import slot_color, slot_label, slot_marker, slot_outline
from muxviz.figures.training_panels import (
    COLUMNS,
    GAP,
    NAME_ROOM,
    PANEL_HEIGHT,
    STAGE_LINE,
    Curve,
    draw_panels,
    finish,
    has_stages,
    last_step,
    log_ticks,
    mark_stages,
    plain_name,
    set_axes,
    short_number,
    spacing,
    thinned,
)
from muxviz.figures.wording import percent, plain, shorten
from muxviz.results.training import RunCurves, StageSpan

MOST_RUNS = 4
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
}
UNITS = {"hidden": "squared distance", "sentence": "squared distance", "total": "weighted sum"}
TOLD_FIRST = ("retrieval", "task", "masked_lm", "replaced", "total")


def term_label(name: str) -> str:
    """A term's name as read: ``"Retrieval loss"``; an unknown one with spaces."""
    if name in LABELS:
        return LABELS[name]
    words = name.replace("_", " ").strip() or "loss"
    return words[0].upper() + words[1:]


def is_share(name: str) -> bool:
    """Whether a term is an accuracy in [0, 1] and not a loss."""
    return name.endswith("accuracy")


# ---- losses -------------------------------------------------------------------------------------


def loss_figure(runs: Sequence[RunCurves], *, log: bool = True, dark: bool = False) -> go.Figure:
    """One panel per loss and accuracy, steps below; ``log`` for losses on a logarithmic axis.

    The first run's stages are marked.

    Raises:
        NotApplicable: no run, more than four, or no loss was logged.
    """
    _need(runs)
    terms = loss_terms(runs)
    if not terms:
        raise NotApplicable("not applicable: the rows of this run hold no losses")
    panels = {
        name: [
            Curve(i, run.steps, values)
            for i, run in enumerate(runs)
            if (values := run.term(name)) is not None
        ]
        for name in terms
    }
    fig = draw_panels(runs, panels, _heading, dark=dark)
    for number, name in enumerate(terms):
        row, column = number // COLUMNS + 1, number % COLUMNS + 1
        if is_share(name):
            fig.update_yaxes(tickformat=".0%", rangemode="tozero", row=row, col=column)
        elif log and _is_positive([c.values for c in panels[name]]):
            ticks = log_ticks(_known([c.values for c in panels[name]]))
            texts = [f"{tick:,g}" for tick in ticks]
            axis = {"type": "log", "tickvals": ticks, "ticktext": texts}
            fig.update_yaxes(**axis, row=row, col=column)
        else:
            fig.update_yaxes(rangemode="tozero", row=row, col=column)
    finish(fig, loss_finding(runs), _inner(len(terms)), dark=dark, has_stages=_staged(runs))
    return fig


def loss_terms(runs: Sequence[RunCurves]) -> tuple[str, ...]:
    """Terms of any run: known losses in their order, then others, accuracies last."""
    named = dict.fromkeys(name for run in runs for name in run.terms)
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
    verb = "fell" if end < start else "rose"
    return f"{label} {verb} from {short_number(start)} to {short_number(end)} in {step:,} steps"


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
            "learning rate": _cell(run.learning_rate[i]),
            **{n: _cell(v[i]) for n in terms if (v := run.term(n)) is not None},
        }
        for run in runs
        for i, step in enumerate(run.steps)
    ]


# ---- read-back ----------------------------------------------------------------------------------


def slot_accuracy_figure(
    runs: Sequence[RunCurves], *, slot: int | None = None, dark: bool = False
) -> go.Figure:
    """Share of tokens read back per slot over steps, one panel per run on one scale.

    ``slot`` (counted from 0) is drawn on top and thicker.

    Raises:
        NotApplicable: no run logged read-back per slot.
    """
    _need(runs)
    shown = [run for run in runs if run.retrieval.shape[1] and np.isfinite(run.retrieval).any()]
    if not shown:
        raise NotApplicable(
            "not applicable: nothing was read back per slot in this run; N = 1 has no neighbours, "
            "and a stage without retrieval loss is not measured"
        )
    colors = ink(dark)
    inner = len(shown) * 2 * PANEL_HEIGHT + (len(shown) - 1) * GAP
    fig = make_subplots(
        rows=len(shown),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=spacing(len(shown), inner),
        subplot_titles=[plain_name(r) for r in shown] if len(shown) > 1 else None,
    )
    for row, run in enumerate(shown, start=1):
        _slot_lines(fig, run, row, slot, dark=dark)
        mark_stages(fig, run.stages, last_step([run]), [row], 1, dark=dark, named=row == 1)
    muted = {"size": SMALL_SIZE, "color": colors.muted}
    set_axes(fig, dark)
    fig.update_yaxes(tickformat=".0%", title={"text": "tokens read back", "font": muted})
    fig.update_xaxes(title={"text": "step", "font": muted}, row=len(shown), col=1)
    for row, note in enumerate(fig.layout.annotations[: len(shown)] if len(shown) > 1 else ()):
        note.update(x=0, xanchor="left", font={"size": TEXT_SIZE, "color": colors.text})
        note.update(yshift=STAGE_LINE if row == 0 and _staged(shown) else 0)
    finish(
        fig,
        slot_accuracy_finding(shown[0]),
        inner,
        dark=dark,
        has_stages=_staged(shown),
        has_titles=len(shown) > 1,
    )
    return fig


def slot_accuracy_finding(run: RunCurves) -> str:
    """The best and the worst slot at the last row that has them."""
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
        f"After {step:,} steps slot {best + 1} is read back best ({percent(shares[best])} of its "
        f"tokens), slot {worst + 1} worst ({percent(shares[worst])})"
    )


def slot_accuracy_alt(runs: Sequence[RunCurves]) -> str:
    """The picture in words: every slot's last share, per run."""
    lines = []
    for run in runs:
        if run.retrieval.shape[1] and np.isfinite(run.retrieval).any():
            _, shares = _last_shares(run)
            each = ", ".join(f"slot {i + 1} {percent(s)}" for i, s in enumerate(shares))
            lines.append(f"{run.name}: {slot_accuracy_finding(run)}. Last: {each}.")
    return " ".join(lines)


def slot_accuracy_table(runs: Sequence[RunCurves]) -> list[dict[str, Any]]:
    """One row per logged row with read-back: the share per slot and their mean."""
    return [
        {
            "run": run.name,
            "step": int(step),
            **{f"slot {i + 1}": _cell(s) for i, s in enumerate(run.retrieval[row])},
            "mean": _cell(np.nanmean(run.retrieval[row])),
        }
        for run in runs
        for row, step in enumerate(run.steps)
        if run.retrieval.shape[1] and np.isfinite(run.retrieval[row]).any()
    ]


# ---- speed --------------------------------------------------------------------------------------


def speed_figure(runs: Sequence[RunCurves], *, dark: bool = False) -> go.Figure:
    """Instances and tokens per second over steps.

    Raises:
        NotApplicable: no run, or no speed was logged.
    """
    _need(runs)
    panels = {
        name: [Curve(i, run.steps, getattr(run, name)) for i, run in enumerate(runs)]
        for name in ("instances_per_s", "tokens_per_s")
    }
    if not any(np.isfinite(c.values).any() for curves in panels.values() for c in curves):
        raise NotApplicable("not applicable: this run logged no speed")
    headings = {"instances_per_s": "Instances per second", "tokens_per_s": "Tokens per second"}
    fig = draw_panels(runs, panels, headings.__getitem__, dark=dark)
    fig.update_yaxes(rangemode="tozero", separatethousands=True)
    finish(fig, speed_finding(runs), _inner(len(panels)), dark=dark, has_stages=_staged(runs))
    return fig


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
            "instances/s": _cell(run.instances_per_s[i]),
            "tokens/s": _cell(run.tokens_per_s[i]),
            "instances so far": _cell(run.instances[i]),
            "tokens so far": _cell(run.tokens[i]),
            "seconds so far": _cell(run.seconds[i]),
        }
        for run in runs
        for i, step in enumerate(run.steps)
    ]


# ---- parts --------------------------------------------------------------------------------------


def stage_at(stages: Sequence[StageSpan], step: int) -> str:
    """Name of the stage that made step ``step``; "" past the last one."""
    return next((s.name for s in stages if s.first < step <= s.last), "")


def _need(runs: Sequence[RunCurves]) -> None:
    if not 1 <= len(runs) <= MOST_RUNS:
        raise NotApplicable(f"{len(runs)} runs were given; 1 to {MOST_RUNS} can be told apart")
    if not any(len(run.steps) for run in runs):
        raise NotApplicable("not applicable: nothing was logged yet; wait for the first row")


def _slot_lines(fig: go.Figure, run: RunCurves, row: int, slot: int | None, *, dark: bool) -> None:
    order = [i for i in range(run.retrieval.shape[1]) if i != slot]
    for i in [*order, slot] if slot is not None and slot < run.retrieval.shape[1] else order:
        x, y, _ = thinned(run.steps, run.retrieval[:, i])
        known = np.isfinite(y)
        fig.add_trace(
            go.Scatter(
                x=x[known],
                y=y[known],
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
                hovertemplate=f"{slot_label(i)}<br>step %{{x:,}}: %{{y:.1%}}<extra></extra>",
            ),
            row=row,
            col=1,
        )


def _heading(name: str) -> str:
    unit = "share right" if is_share(name) else UNITS.get(name, "nats")
    return f"{plain(term_label(name))} ({unit})"


def _inner(panels: int) -> int:
    """Height in px of that many panels in two columns."""
    rows = math.ceil(panels / COLUMNS)
    return rows * PANEL_HEIGHT + (rows - 1) * GAP


def _staged(runs: Sequence[RunCurves]) -> bool:
    return has_stages(runs[0].stages, last_step(runs))


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


def _last_shares(run: RunCurves) -> tuple[int, list[float]]:
    row = int(np.flatnonzero(np.isfinite(run.retrieval).any(axis=1))[-1])
    return int(run.steps[row]), [float(s) for s in run.retrieval[row]]


def _median(values: np.ndarray) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else math.nan


def _cell(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None

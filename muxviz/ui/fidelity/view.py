"""Panels of the Fidelity page about read-back, and what all panels of that page share."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.fidelity import places as place_figures
from muxviz.figures.fidelity import recovery as read_figures
from muxviz.pool import pool_name
from muxviz.results.fidelity import Fidelity
from muxviz.results.store import to_json
from muxviz.ui.fidelity import text as words
from muxviz.ui.fidelity.params import DRAWS, PLACES, SCOPE, VALUE
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.pool_runs import pool_params, pooled
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.question import Ask, Study, show
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress


def scope_controls() -> None:
    """What is computed: the group, or random groups of the pool. Below, how it is shown."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(SCOPE)
        with st.container(width=260):
            control(DRAWS, help="Groups of N sentences drawn from the pool, one pass each.")
    with st.container(horizontal=True, gap="medium"):
        control(VALUE)
        control(PLACES)


def drawn_arguments(run: RunRequest) -> str:
    """Arguments of a call over the pool, beside its first ones."""
    given = [f"draws={int(value(DRAWS))}"]
    if run.seed:
        given.append(f"seed={run.seed}")
    if run.padding:
        given.append(f"padding={run.padding!r}")
    return ", ".join(given)


# ---- read-back ----------------------------------------------------------------------------------


def read_back_panels(run: RunRequest, bench: Bench) -> None:
    """By slot, by position and by length: three pictures of one result."""
    scope = value(SCOPE)
    pool = scope == "pool"
    ask = _read_ask(run, pool)
    study = Study(
        f"fidelity_slots_{scope}",
        "How much of each slot is read back?",
        ask,
        _cost(run, pool),
        _read_pool(run) if pool else _read_group(run),
        lambda result: _slots_panel(result, ask, run, bench.is_dark),
        "The share of tokens read back per slot, with intervals, over random groups.",
        instant=not pool,
    )
    if show(study) is None:
        return
    more = (
        ("positions", "Does it depend on where the token stands?", _positions_panel),
        ("lengths", "Does it depend on how long the sentence is?", _lengths_panel),
    )
    for name, question, panel in more:

        def make(result: Fidelity, panel: Any = panel) -> Panel:
            made: Panel = panel(result, ask, run, bench)
            return made

        show(replace(study, key=f"fidelity_{name}_{scope}", question=question, panel=make))


def _read_ask(run: RunRequest, pool: bool) -> Ask:
    if pool:
        return Ask(pooled(run), "read-back over the pool", pool_params(int(value(DRAWS))))
    return Ask(replace(run, baseline="", equal_slots=False), "read-back")


def _cost(run: RunRequest, pool: bool) -> str:
    if not pool:
        return "one pass"
    groups = int(value(DRAWS))
    return f"{groups} mixed sequences, {groups * run.num_instances} sentences of the pool"


def _read_group(run: RunRequest) -> Any:
    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Fidelity:
        from muxviz.analysis.fidelity.recovery import read_back

        return read_back(checkpoint, run.rows, **run.group_options)

    return work


def _read_pool(run: RunRequest) -> Any:
    draws = int(value(DRAWS))

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Fidelity:
        from muxviz.analysis.fidelity.recovery import pool_read_back
        from muxviz.pool import texts

        return pool_read_back(
            checkpoint, texts(), draws=draws, progress=progress, **run.pool_options
        )

    return work


def _slots_panel(result: Fidelity, ask: Ask, run: RunRequest, dark: bool) -> Panel:
    shown = value(VALUE)
    draw = f"fidelity_figure(result, value={shown!r}).show()"
    return Panel(
        "fidelity",
        (read_figures.fidelity_figure(result, value=shown, dark=dark),),
        (read_figures.fidelity_alt(result, value=shown),),
        read_figures.fidelity_table(result),
        words.READ_HOW,
        words.READ_LIMITS,
        lambda: to_json(result),
        read_code(result, ask, run, "muxviz.figures.fidelity.recovery", "fidelity_figure", draw),
        origin(result),
    )


def _positions_panel(result: Fidelity, ask: Ask, run: RunRequest, bench: Bench) -> Panel:
    slot = bench.slot if value(PLACES) == "one" else None
    draw = f"positions_figure(result{'' if slot is None else f', slot={slot}'}).show()"
    return Panel(
        "fidelity_positions",
        (place_figures.positions_figure(result, slot=slot, dark=bench.is_dark),),
        (place_figures.positions_alt(result, slot=slot),),
        place_figures.positions_table(result, slot=slot),
        words.POSITION_HOW,
        words.POSITION_LIMITS,
        lambda: to_json(result),
        read_code(result, ask, run, "muxviz.figures.fidelity.places", "positions_figure", draw),
        origin(result),
    )


def _lengths_panel(result: Fidelity, ask: Ask, run: RunRequest, bench: Bench) -> Panel:
    draw = "lengths_figure(result).show()"
    return Panel(
        "fidelity_lengths",
        (place_figures.lengths_figure(result, dark=bench.is_dark),),
        (place_figures.lengths_alt(result),),
        place_figures.lengths_table(result),
        words.LENGTH_HOW,
        words.LENGTH_LIMITS,
        lambda: to_json(result),
        read_code(result, ask, run, "muxviz.figures.fidelity.places", "lengths_figure", draw),
        origin(result),
    )


def read_code(
    result: Fidelity, ask: Ask, run: RunRequest, module: str, figure: str, draw: str
) -> str:
    """Python of the read-back that ``result`` is."""
    imports = [f"from {module} import {figure}"]
    if result.scope == "group":
        call = f"result = read_back({call_arguments(run)})"
        return analysis_snippet(
            ask.run,
            [*imports, "from muxviz.analysis.fidelity.recovery import read_back"],
            [call, draw],
        )
    imports += [
        "from muxviz.analysis.fidelity.recovery import pool_read_back",
        "from muxviz.pool import texts",
    ]
    call = f"result = pool_read_back(checkpoint, texts(), {drawn_arguments(run)})"
    return analysis_snippet(ask.run, imports, [call, draw])


def origin(result: Any) -> str:
    """The provenance line, with what was drawn."""
    if not getattr(result, "pool", 0):
        return str(result.provenance.line())
    part = " (stopped)" if result.is_partial else ""
    drawn = f"{result.groups} random groups{part} of {result.pool} pool sentences ({pool_name()})"
    return f"{drawn} · {result.provenance.line()}"

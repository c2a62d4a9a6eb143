"""Panels of the Keys page that compare slots: gates, and keys against cross-talk."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st

from muxviz.figures.keys import gates as gate_figures
from muxviz.figures.keys import scatter as scatter_figures
from muxviz.results.keys import GateFlips, KeyLeak
from muxviz.results.store import to_json
from muxviz.ui.keys import text as words
from muxviz.ui.keys.params import DRAWS, GATES, LIKE, OVER
from muxviz.ui.keys.view import Side, code, each_side, origin
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.pool_runs import pool_params, pooled
from muxviz.ui.study.question import Ask, Study, show

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress

# What the results call the likenesses that the control offers.
LIKENESSES = {
    "mux": "mux vectors, cosine",
    "interference": "mux vectors, interference",
    "demux": "demux keys, cosine",
    "gates": "demux gates, equal share",
}


# ---- gates --------------------------------------------------------------------------------------


def gates_panel(bench: Bench) -> None:
    """Flip rates between two read-outs."""
    shown = [show(_gates(side, bench.is_dark)) for side in each_side(bench)]
    if any(shown):
        control(GATES)


def _gates(side: Side, dark: bool) -> Study:
    run, draws = side.run, int(value(DRAWS))

    def work(checkpoint: Checkpoint, _: Checkpoint | None, progress: Progress) -> GateFlips:
        from muxviz.analysis.keys.gates import gate_flips
        from muxviz.pool import texts

        return gate_flips(
            checkpoint,
            run.rows,
            draws=draws,
            pool=texts(),
            progress=progress,
            **run.group_options,
        )

    def panel(result: GateFlips) -> Panel:
        over = value(GATES)
        draw = f"gates_figure(result, over={over!r}).show()"
        return Panel(
            f"keys_gates{side.key}",
            (gate_figures.gates_figure(result, over=over, dark=dark),),
            (gate_figures.gates_alt(result, over=over),),
            gate_figures.gates_table(result),
            words.GATES_HOW,
            words.GATES_LIMITS,
            lambda: to_json(result),
            code(run, "gates.gate_flips", "gates.gates_figure", draw),
            origin(result, result.flips.draws),
        )

    return Study(
        f"keys_gates{side.key}",
        f"Do two read-outs gate the same state differently?{side.words}",
        Ask(replace(run, baseline=""), "gate flips", pool_params(draws)),
        f"{draws + 1} mixed sequences",
        work,
        panel,
        "For every pair of slots, the share of the demultiplexer's units that switch.",
    )


# ---- keys against cross-talk --------------------------------------------------------------------


def leak_panel(bench: Bench) -> None:
    """Do like keys leak more?"""
    shown = [show(_leak(side, bench.is_dark)) for side in each_side(bench)]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(
            OVER,
            help="What the cross-talk is measured on; over random groups, the keys weigh more than "
            "single sentences.",
        )
        if any(shown):
            control(LIKE)
    for result in shown:
        if isinstance(result, KeyLeak):
            st.dataframe(
                scatter_figures.key_leak_tests(result),
                hide_index=True,
                width="stretch",
                alt="Rank correlation and p of every likeness of keys with cross-talk",
            )


def _leak(side: Side, dark: bool) -> Study:
    run, draws, over = side.run, int(value(DRAWS)), value(OVER)
    is_pooled = over == "pool"

    def work(checkpoint: Checkpoint, _: Checkpoint | None, progress: Progress) -> KeyLeak:
        from muxviz.analysis.keys.mantel import GROUPS, keys_and_crosstalk
        from muxviz.pool import texts

        return keys_and_crosstalk(
            checkpoint,
            run.rows,
            draws=draws,
            groups=GROUPS if is_pooled else 0,
            pool=texts(),
            progress=progress,
            **run.group_options,
        )

    def panel(result: KeyLeak) -> Panel:
        which = likeness(result)
        draw = f"key_leak_figure(result, which={which}).show()"
        more = "" if is_pooled else ", groups=0"
        return Panel(
            f"keys_leak{side.key}",
            (scatter_figures.key_leak_figure(result, which=which, dark=dark),),
            (scatter_figures.key_leak_alt(result, which=which),),
            scatter_figures.key_leak_table(result, which=which),
            words.LEAK_HOW,
            words.LEAK_LIMITS,
            lambda: to_json(result),
            code(run, "mantel.keys_and_crosstalk", "scatter.key_leak_figure", draw, more),
            origin(result, result.draws),
        )

    return Study(
        f"keys_leak{side.key}",
        f"Do slots with like keys leak more?{side.words}",
        Ask(
            pooled(run) if is_pooled else replace(run, baseline=""),
            f"keys and cross-talk, {over}",
            pool_params(draws),
        ),
        f"about {draws * run.num_instances} mixed sequences",
        work,
        panel,
        "Every pair of slots by the likeness of its keys and by its measured cross-talk, with a "
        "permutation test.",
    )


def likeness(result: KeyLeak) -> int:
    """The likeness to show: the chosen one where this checkpoint has it, else the first."""
    chosen = LIKENESSES[value(LIKE)]
    return result.names.index(chosen) if chosen in result.names else 0

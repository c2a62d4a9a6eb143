"""The Cross-talk page: the matrix of one measure, model B beside it, and one pair in detail."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from muxviz.errors import MuxvizError, NotApplicable
from muxviz.figures.crosstalk.compare import comparison_alt, comparison_figure, comparison_table
from muxviz.figures.crosstalk.matrix import (
    crosstalk_alt,
    crosstalk_figure,
    crosstalk_table,
)
from muxviz.figures.crosstalk.words import short
from muxviz.results import to_json
from muxviz.results.cross_matrix import CrossMatrix, common_scale, cross_matrix
from muxviz.results.crosstalk import Crosstalk
from muxviz.results.estimates import Estimates
from muxviz.ui.crosstalk import text
from muxviz.ui.crosstalk.measures import (
    FEW,
    POOLED,
    SWAPS,
    Chosen,
    ask_of,
    chosen,
    code_of,
    cost_of,
    work_of,
)
from muxviz.ui.crosstalk.pair import pair_panels, picked_pair
from muxviz.ui.crosstalk.params import DECIBEL, DRAWS, MARK, MEASURE, OVER, OWN, POOL, SETS
from muxviz.ui.crosstalk.pruning import sparsity_panel
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import count, plain
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.kept import desk
from muxviz.ui.study.panels import Panel, draw
from muxviz.ui.study.question import Ask, Study, show, sides
from muxviz.ui.study.runs import RunRequest

ALONE = "One text a pass: there is no other slot that could leak."
COMPARED = "Which model's slots leak more?"


def crosstalk_page(run: RunRequest, bench: Bench) -> None:
    """Controls, the matrix, model B, the picked pair."""
    if run.num_instances < 2:
        study = Study(
            "crosstalk", text.SWAP.question, Ask(run, "swap cross-talk"), "", _no_work, _no
        )
        show(replace(study, reason=ALONE))
        return
    _controls()
    try:
        picked = chosen()
    except MuxvizError as error:
        error_panel(error)
        return
    _warn(run, picked)
    runs = dict(sides(bench)) | {"A": run}
    asks = {side: ask_of(r, picked) for side, r in runs.items()}
    scale = _scale(asks, picked)
    result = show(_matrix_study(run, bench, picked, "A", asks["A"], scale))
    _hint(asks["A"])
    if "B" in runs:
        _beside(runs, asks, bench, picked, scale)
        if _scale(asks, picked) != scale:
            st.rerun()  # B has just come: both are drawn on one scale
    if result is not None and desk().look_up(asks["A"]) is not None:
        pair_panels(result, run, bench, picked, asks["A"])
    sparsity_panel(run, bench, picked)


def _no_work(*_: Any) -> None:
    raise AssertionError("never called: the study has a reason")


def _no(_: Any) -> Panel:
    raise AssertionError("never called: the study has a reason")


# ---- controls -----------------------------------------------------------------------------------


def _controls() -> None:
    control(
        MEASURE, help="Swap and Push share their draws: changing between them computes nothing."
    )
    measure, over_pool = value(MEASURE), value(OVER) == "pool"
    draws_sentences = measure in POOLED or (measure == "leak" and over_pool)
    with st.container(horizontal=True, vertical_alignment="top", gap="medium"):
        if measure == "leak":
            control(OVER)
        if draws_sentences:
            control(POOL, help="What the sentences of the group are exchanged for.")
            with st.container(width=260):
                control(SETS if measure == "shapley" else DRAWS)
    if value(POOL) == "own" and draws_sentences:
        control(OWN)
    with st.container(horizontal=True, gap="medium"):
        if measure == "swap":
            control(DECIBEL)
        if draws_sentences:
            control(MARK)


def _warn(run: RunRequest, picked: Chosen) -> None:
    """A pool that is too small for narrow intervals."""
    if picked.measure not in POOLED and not picked.is_pool_leak:
        return
    left = len(set(picked.pool) - {row.text for row in run.rows})
    if left < FEW:
        st.warning(
            f"The pool has {count(left, 'sentence')} beside the group's own: intervals will be "
            f"wide. Use at least {FEW}.",
            icon=":material/warning:",
        )
    elif picked.measure in SWAPS and left < picked.draws:
        st.caption(f"The pool has {left} sentences beside the group's own: so many draws at most.")


def _hint(ask: Ask) -> None:
    """What still works without a retrieval head."""
    if isinstance(desk().errors.get(ask), NotApplicable) and value(MEASURE) in ("leak", "odds"):
        st.caption("Swap, Push, Shapley and Gradient share need no retrieval head.")


# ---- the matrix ---------------------------------------------------------------------------------


def matrix_of(result: Any, picked: Chosen) -> CrossMatrix:
    """The result as the measure on screen."""
    return cross_matrix(result, shown_measure(picked))


def shown_measure(picked: Chosen) -> str:
    """The measure, or decibels where the swap test is shown so."""
    return "decibel" if picked.measure == "swap" and value(DECIBEL) else picked.measure


def _scale(asks: dict[str, Ask], picked: Chosen) -> tuple[float, float] | None:
    """One colour scale for both models, once both are there."""
    kept = [desk().look_up(ask) for ask in asks.values()]
    if len(kept) < 2 or kept[0] is None or kept[1] is None:
        return None
    one, other = (matrix_of(k.result, picked) for k in kept if k is not None)
    return common_scale(one, other)


def _matrix_study(
    run: RunRequest,
    bench: Bench,
    picked: Chosen,
    side: str,
    ask: Ask,
    scale: tuple[float, float] | None,
) -> Study:
    words = text.TEXTS[picked.measure]
    name = f"crosstalk_{picked.measure}{'' if side == 'A' else '_b'}"
    question = words.question if side == "A" else f"And in model B, {plain(run.checkpoint)}?"

    def panel(result: Any) -> Panel:
        return _matrix_panel(result, run, bench, picked, name, scale)

    return Study(
        name,
        question,
        ask,
        cost_of(run, picked),
        work_of(run, picked),
        panel,
        words.promise,
        instant=picked.measure == "leak" and not picked.is_pool_leak,
        view=(scale, picked.measure),
    )


def _matrix_panel(
    result: Any,
    run: RunRequest,
    bench: Bench,
    picked: Chosen,
    name: str,
    scale: tuple[float, float] | None,
) -> Panel:
    matrix, words, mark = matrix_of(result, picked), text.TEXTS[picked.measure], value(MARK)
    how = words.how + (text.DECIBEL_HOW if matrix.measure == "decibel" else "")
    measure = f", {matrix.measure!r}" if isinstance(result, Crosstalk) else ""
    marked = "" if mark else ", mark_faint=False"
    imports = [
        "from muxviz.figures.crosstalk.matrix import crosstalk_figure",
        "from muxviz.results.cross_matrix import cross_matrix",
    ]
    lines = [f"matrix = cross_matrix(result{measure})", f"crosstalk_figure(matrix{marked}).show()"]
    return Panel(
        name,
        (
            crosstalk_figure(
                matrix,
                mark_faint=mark,
                picked=picked_pair(matrix) if not name.endswith("_b") else None,
                scale=scale,
                dark=bench.is_dark,
            ),
        ),
        (crosstalk_alt(matrix),),
        crosstalk_table(matrix),
        how,
        words.limits,
        lambda: to_json(result),
        code_of(run, picked, imports, lines),
        origin(result),
    )


def origin(result: Any) -> str:
    """Where the numbers come from: draws, pool, floor and the provenance of the run."""
    parts = []
    if isinstance(result, Crosstalk):
        floor = float(np.nanmax(result.js.floor))
        measured = float(np.nanmax(result.measured_floor))
        parts.append(
            f"{result.draws} draws of a pool of {result.pool_size} · floor {short(floor)} nats "
            f"(measured {short(measured)} over {result.floor_runs} runs)"
        )
    elif hasattr(result, "pool_size"):
        parts.append(f"{result.draws} sets of references, pool of {result.pool_size}")
    elif hasattr(result, "pool"):
        parts.append(f"pool of {result.pool}")
    return " · ".join([*parts, result.provenance.line()])


# ---- model B ------------------------------------------------------------------------------------


def _beside(
    runs: dict[str, RunRequest],
    asks: dict[str, Ask],
    bench: Bench,
    picked: Chosen,
    scale: tuple[float, float] | None,
) -> None:
    """Model B's matrix, and both on one scale with the difference."""
    other = runs["B"]
    if other.num_instances < 2:
        st.caption(f"Model B, {plain(other.checkpoint)}: {ALONE}")
        return
    show(_matrix_study(other, bench, picked, "B", asks["B"], scale))
    kept = [desk().look_up(asks[side]) for side in ("A", "B")]
    if kept[0] is None or kept[1] is None:
        return
    results = (kept[0].result, kept[1].result)
    if other.num_instances != runs["A"].num_instances:
        st.caption(
            f"Model A has {runs['A'].num_instances} slots and model B {other.num_instances}: both "
            "are drawn on one colour scale, but there is no difference cell by cell."
        )
        return
    st.subheader(COMPARED, anchor=False)
    view = ("crosstalk_compare", asks["B"], shown_measure(picked), bench.is_dark)
    names = (results[0].provenance.named, results[1].provenance.named)

    def make() -> Panel:
        return _comparison(results, names, runs, picked, bench.is_dark)

    draw(desk().panel(asks["A"], view, make), COMPARED)


def _comparison(
    results: tuple[Any, Any],
    names: tuple[str, str],
    runs: dict[str, RunRequest],
    picked: Chosen,
    dark: bool,
) -> Panel:
    one, other = (matrix_of(result, picked) for result in results)
    apart = _apart(results, one, other)
    imports = [
        "from muxviz.figures.crosstalk.matrix import crosstalk_figure",
        "from muxviz.results.cross_matrix import cross_matrix",
    ]
    measure = f", {one.measure!r}" if isinstance(results[0], Crosstalk) else ""
    lines = ["# The same for model B; see crosstalk.compare.comparison_figure for both in one.",
             f"crosstalk_figure(cross_matrix(result{measure})).show()"]  # fmt: skip
    return Panel(
        "crosstalk_compare",
        (comparison_figure(one, other, apart, names, dark=dark),),
        (comparison_alt(one, other, apart),),
        comparison_table(one, other, apart),
        text.COMPARE_HOW,
        text.COMPARE_LIMITS,
        lambda: to_json(results),
        code_of(runs["B"], picked, imports, lines),
        f"A: {origin(results[0])} — B: {origin(results[1])}",
    )


def _apart(results: tuple[Any, Any], one: CrossMatrix, other: CrossMatrix) -> Estimates:
    """B less A: paired by draw where both are swap tests with the same sentences."""
    first, second = results
    if (
        isinstance(first, Crosstalk)
        and one.measure in SWAPS
        and first.sentences == second.sentences
    ):
        from muxviz.analysis.crosstalk.swap_test import difference

        return difference(first, second, signed=one.measure == "push")
    nothing = np.full(one.values.shape, np.nan)
    return Estimates(other.values - one.values, nothing, nothing, 0, 0)

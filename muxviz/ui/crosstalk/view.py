"""The Cross-talk page: the matrix of one measure, model B beside it, and one pair in detail."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from muxviz.errors import MuxvizError, NotApplicable
from muxviz.figures.crosstalk.compare import COMPARISON
from muxviz.figures.crosstalk.matrix import CROSSTALK
from muxviz.figures.crosstalk.words import short
from muxviz.figures.drawing.family import Drawn, Picture
from muxviz.results.cross_matrix import CrossMatrix, common_scale, cross_matrix
from muxviz.results.crosstalk import Crosstalk
from muxviz.ui.crosstalk import text
from muxviz.ui.crosstalk.measures import FEW, POOLED, SWAPS, Chosen, call_of, chosen, cost_of
from muxviz.ui.crosstalk.pair import pair_panels, picked_pair, take_pair
from muxviz.ui.crosstalk.params import DECIBEL, DRAWS, MARK, MEASURE, OVER, OWN, POOL, SETS
from muxviz.ui.crosstalk.pruning import sparsity_panel
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import count, plain
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Ask, Call, Known
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.heading import sides
from muxviz.ui.study.kept import Kept, desk
from muxviz.ui.study.panels import not_applicable
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.tabs import in_tabs

CROSS_MATRIX = "from muxviz.results.cross_matrix import cross_matrix"
DIFFERENCE = "from muxviz.analysis.crosstalk.swap_test import matrix_difference"
ALONE = "One text a pass: there is no other slot that could leak."
COMPARED = "Which model's slots leak more?"


def crosstalk_page(run: RunRequest, bench: Bench) -> None:
    """Controls, the matrix, model B, the picked pair."""
    if run.num_instances < 2:
        not_applicable(text.SWAP.question, ALONE)
        return
    _controls()
    try:
        picked = chosen()
    except MuxvizError as error:
        error_panel(error)
        return
    _warn(run, picked)
    runs = dict(sides(bench)) | {"A": run}
    calls = {side: call_of(r, picked) for side, r in runs.items()}
    scale = _scale(calls, picked)
    result = show(_matrix(calls["A"], picked, "A", scale, bench.is_dark))
    _hint(calls["A"].ask)
    if "B" in calls:
        _beside(calls["A"], calls["B"], picked, scale, bench.is_dark)
        if _scale(calls, picked) != scale:
            st.rerun()  # B has just come: both are drawn on one scale
    more = {"Pruning": partial(sparsity_panel, run, bench, picked)}
    if result is not None and desk().look_up(calls["A"].ask) is not None:
        more = {"One pair": partial(pair_panels, result, calls["A"], picked)} | more
    in_tabs("crosstalk_more", more)


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
    """The measure; of the swap test, the unit that it is shown in."""
    if picked.measure != "swap":
        return picked.measure
    return "decibel" if value(DECIBEL) else "points"


def _scale(calls: dict[str, Call], picked: Chosen) -> tuple[float, float] | None:
    """One colour scale for both models, once both are there."""
    kept = [desk().look_up(call.ask) for call in calls.values()]
    if len(kept) < 2 or kept[0] is None or kept[1] is None:
        return None
    one, other = (matrix_of(k.result, picked) for k in kept if k is not None)
    return common_scale(one, other)


def _matrix(
    call: Call, picked: Chosen, side: str, scale: tuple[float, float] | None, dark: bool
) -> Question:
    shown, words = shown_measure(picked), text.TEXTS[picked.measure]

    def draw(result: Any) -> Drawn:
        matrix = cross_matrix(result, shown)
        pair = picked_pair(matrix) if side == "A" else None
        picture = CROSSTALK(mark_faint=value(MARK)).here(picked=pair, scale=scale)
        drawn = picture.draw(matrix, dark=dark, named=f"cross_matrix(result, {shown!r})")
        return replace(drawn, imports=(CROSS_MATRIX, *drawn.imports))

    return Question(
        f"crosstalk_{picked.measure}{'' if side == 'A' else '_b'}",
        words.question if side == "A" else f"And in model B, {plain(call.run.checkpoint)}?",
        call,
        cost_of(call.run, picked),
        draw,
        words.how + text.UNITS.get(shown, ""),
        words.limits,
        words.promise,
        instant=picked.measure == "leak" and not picked.is_pool_leak,
        view=(scale, picked.measure),
        origin=origin,
        pick=take_pair,
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
    one: Call, other: Call, picked: Chosen, scale: tuple[float, float] | None, dark: bool
) -> None:
    """Model B's matrix, and both on one scale with the difference."""
    num, slots = one.run.num_instances, other.run.num_instances
    if slots < 2:
        st.caption(f"Model B, {plain(other.run.checkpoint)}: {ALONE}")
        return
    show(_matrix(other, picked, "B", scale, dark))
    kept = [desk().look_up(call.ask) for call in (one, other)]
    if kept[0] is None or kept[1] is None:
        return
    if num != slots:
        st.caption(
            f"Model A has {num} slots and model B {slots}: both are drawn on one colour scale, but "
            "there is no difference cell by cell."
        )
        return
    show(_comparison(one, other, (kept[0], kept[1]), picked))


def _comparison(one: Call, other: Call, kept: tuple[Kept, Kept], picked: Chosen) -> Question:
    shown = shown_measure(picked)

    def draw(results: tuple[Any, Any]) -> Picture:
        from muxviz.analysis.crosstalk.swap_test import matrix_difference

        first, second = (cross_matrix(result, shown) for result in results)
        names = tuple(result.provenance.named for result in results)
        apart = matrix_difference(*results, shown)
        return COMPARISON(names=names).of(first, second, apart, named="*matrices, apart")

    compare = (
        "result = first, result",
        f"matrices = [cross_matrix(each, {shown!r}) for each in result]",
        f"apart = matrix_difference(*result, {shown!r})",
    )
    known = Known(
        lambda: (kept[0].result, kept[1].result),
        ((one.ask, kept[0].done), (other.ask, kept[1].done)),
        lines=(
            one.python((), ("first = result",)),
            other.python((CROSS_MATRIX, DIFFERENCE), compare),
        ),
    )
    return Question(
        "crosstalk_compare",
        COMPARED,
        known,
        "",
        draw,
        text.COMPARE_HOW,
        text.COMPARE_LIMITS,
        origin=lambda results: f"A: {origin(results[0])} — B: {origin(results[1])}",
    )

"""Cross-talk in detail: one slot observed, under the sentence of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from muxviz.figures.crosstalk import pair as swap_figures
from muxviz.figures.crosstalk import rows as row_figures
from muxviz.figures.crosstalk import waterfall
from muxviz.results import GroupResult, to_json
from muxviz.results.cross_matrix import CrossMatrix, cross_matrix
from muxviz.results.leaks import HardLeaks
from muxviz.ui.crosstalk import text
from muxviz.ui.crosstalk.measures import SWAPS, Chosen, code_of
from muxviz.ui.crosstalk.params import AUTO, SLOT, SOURCE, of_slots
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.question import Ask, Study, show
from muxviz.ui.study.runs import RunRequest

ROWS = ("shapley", "share")  # measures whose detail is a whole row


def picked_pair(matrix: CrossMatrix) -> tuple[int, int]:
    """(slot, source) chosen, each by itself; "strongest" where nothing is."""
    num = len(matrix.values)
    slot, source = (_number(value(of_slots(choice, num))) for choice in (SLOT, SOURCE))
    if slot is None and source is None:
        return matrix.strongest or _first(matrix)
    if slot is None:
        return _largest(matrix, [(i, source) for i in range(num) if i != source])
    if source is None:
        return _largest(matrix, [(slot, j) for j in range(num) if j != slot])
    return slot, source


def _number(chosen: str) -> int | None:
    return None if chosen == AUTO else int(chosen) - 1


def _first(matrix: CrossMatrix) -> tuple[int, int]:
    slot = next(i for i in range(len(matrix.values)) if i not in matrix.fillers)
    return slot, 1 if slot == 0 else 0


def _largest(matrix: CrossMatrix, cells: Sequence[tuple[int, Any]]) -> tuple[int, int]:
    def size(cell: tuple[int, Any]) -> float:
        found = float(matrix.values[cell])
        return (abs(found) if matrix.is_signed else found) if found == found else -float("inf")

    return max(((int(i), int(j)) for i, j in cells), key=size)


def pair_panels(result: Any, run: RunRequest, bench: Bench, picked: Chosen, ask: Ask) -> None:
    """The two controls, and what is behind the cell or row they pick."""
    num = run.num_instances
    matrix = cross_matrix(result, picked.measure)
    st.divider()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(of_slots(SLOT, num), help="Strongest: the largest cell off the diagonal.")
        if picked.measure not in ROWS:
            control(of_slots(SOURCE, num))
    slot, source = picked_pair(matrix)
    if slot in matrix.fillers:
        st.caption(f"Slot {slot + 1} only fills the group up; its answer is not read.")
        return
    if picked.measure == "leak":
        _leaked(result, slot, source)
        return
    panels: dict[str, tuple[str, Callable[[Any], Panel]]] = {
        "shapley": (
            f"What is slot {slot + 1}'s margin made of?",
            lambda r: _waterfall(r, slot, run, bench, picked),
        ),
        "odds": (
            f"Which tokens of slot {source + 1} are heard in slot {slot + 1}?",
            lambda r: _odds(r, slot, source, run, bench, picked),
        ),
        "share": (
            f"What does slot {slot + 1}'s answer rest on?",
            lambda r: _share(r, slot, run, bench, picked),
        ),
    }
    usual = (
        f"What does slot {slot + 1} answer with other sentences in slot {source + 1}?",
        lambda r: _swap(r, slot, source, run, bench, picked),
    )
    question, make = panels.get(picked.measure, usual)
    show(
        Study(
            f"crosstalk_pair_{'swap' if picked.measure in SWAPS else picked.measure}",
            question,
            ask,
            "",
            _never,
            make,
            view=(slot, source),
        )
    )


def _never(*_: Any) -> None:
    raise AssertionError("never called: the result is there")


def _panel(
    result: Any,
    module: Any,
    name: str,
    where: tuple[int, ...],
    words: tuple[str, str],
    run: RunRequest,
    bench: Bench,
    picked: Chosen,
    **view: Any,
) -> Panel:
    """A panel of the functions ``<name>_figure`` and so on of a figures module."""
    called = ", ".join([*map(str, where), *(f"{k}={v!r}" for k, v in view.items())])
    return Panel(
        f"crosstalk_{name}",
        (getattr(module, f"{name}_figure")(result, *where, dark=bench.is_dark, **view),),
        (getattr(module, f"{name}_alt")(result, *where, **view),),
        getattr(module, f"{name}_table")(result, *where, **view),
        *words,
        lambda: to_json(result),
        code_of(
            run,
            picked,
            [f"from {module.__name__} import {name}_figure"],
            [f"{name}_figure(result, {called}).show()  # slots from 0"],
        ),
        result.provenance.line(),
    )


def _swap(
    result: Any, slot: int, source: int, run: RunRequest, bench: Bench, picked: Chosen
) -> Panel:
    words = text.PAIR_SWAP_HOW, text.PAIR_SWAP_LIMITS
    view = {"of_margin": True} if picked.measure == "push" else {}
    return _panel(
        result, swap_figures, "swap_pair", (slot, source), words, run, bench, picked, **view
    )


def _odds(
    result: Any, slot: int, source: int, run: RunRequest, bench: Bench, picked: Chosen
) -> Panel:
    words = text.ODDS_PAIR_HOW, text.ODDS_PAIR_LIMITS
    return _panel(result, row_figures, "odds_pair", (slot, source), words, run, bench, picked)


def _waterfall(result: Any, slot: int, run: RunRequest, bench: Bench, picked: Chosen) -> Panel:
    words = text.WATERFALL_HOW, text.WATERFALL_LIMITS
    return _panel(result, waterfall, "waterfall", (slot,), words, run, bench, picked)


def _share(result: Any, slot: int, run: RunRequest, bench: Bench, picked: Chosen) -> Panel:
    words = text.SHARE_PAIR_HOW, text.SHARE_PAIR_LIMITS
    return _panel(result, row_figures, "shares", (slot,), words, run, bench, picked)


# ---- tokens that leaked -------------------------------------------------------------------------


def _leaked(result: Any, slot: int, source: int) -> None:
    """Where a neighbour's tokens came out, in this group or over the pool."""
    question = f"Which tokens of slot {source + 1} came out of slot {slot + 1}?"
    st.subheader(question, anchor=False)
    rows = _pool_rows(result, slot, source) if isinstance(result, HardLeaks) else []
    if isinstance(result, GroupResult):
        rows = _group_rows(result, slot, source)
    if not rows:
        where = "these groups" if isinstance(result, HardLeaks) else "this group"
        st.caption(
            f"None in {where}. Leaks too weak to change the token read are seen by Log-odds."
        )
        return
    st.dataframe(rows, hide_index=True, width="stretch", alt=_alt(question, rows))


def _group_rows(result: GroupResult, slot: int, source: int) -> list[dict[str, Any]]:
    examples = result.leak.examples if result.leak else ()
    return [
        {"position": e.position, "own token": e.token, "read": e.read}
        for e in examples
        if (e.slot, e.source) == (slot, source)
    ]


def _pool_rows(result: HardLeaks, slot: int, source: int) -> list[dict[str, Any]]:
    return [{"token": top.token, "times": top.amount} for top in result.top[slot][source]]


def _alt(question: str, rows: Sequence[dict[str, Any]]) -> str:
    return plain(f"{question} {len(rows)} rows.")

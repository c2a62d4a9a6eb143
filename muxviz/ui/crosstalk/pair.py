"""Cross-talk in detail: one slot observed, under the sentence of another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from muxviz.figures.crosstalk.pair import SWAP_PAIR
from muxviz.figures.crosstalk.rows import ODDS_PAIR, SHARES
from muxviz.figures.crosstalk.waterfall import WATERFALL
from muxviz.results import GroupResult
from muxviz.results.cross_matrix import CrossMatrix, cross_matrix
from muxviz.results.leaks import HardLeaks
from muxviz.ui.crosstalk import text
from muxviz.ui.crosstalk.measures import SWAPS, Chosen
from muxviz.ui.crosstalk.params import AUTO, SLOT, SOURCE, of_slots
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Call
from muxviz.ui.study.question import show

ROWS = ("shapley", "share")  # measures whose detail is a whole row
FAMILIES = {  # name of what is exported, and the picture
    "swap": ("swap_pair", SWAP_PAIR),
    "push": ("swap_pair", SWAP_PAIR),
    "shapley": ("waterfall", WATERFALL),
    "odds": ("odds_pair", ODDS_PAIR),
    "share": ("shares", SHARES),
}


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


def take_pair(cell: list[int]) -> None:
    """Choose the pair of a cell that was clicked (a callback)."""
    slot, source = cell
    st.session_state[SLOT.key], st.session_state[SOURCE.key] = str(slot + 1), str(source + 1)


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


def pair_panels(result: Any, call: Call, picked: Chosen) -> None:
    """The two controls, and what is behind the cell or row they pick."""
    num, measure = call.run.num_instances, picked.measure
    matrix = cross_matrix(result, measure)
    st.divider()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        control(of_slots(SLOT, num), help="Strongest: the largest cell off the diagonal.")
        if measure not in ROWS:
            control(of_slots(SOURCE, num))
    slot, source = picked_pair(matrix)
    if slot in matrix.fillers:
        st.caption(f"Slot {slot + 1} only fills the group up; its answer is not read.")
    elif measure == "leak":
        _leaked(result, slot, source)
    else:
        name, family = FAMILIES[measure]
        words = text.PAIRS[measure]
        show(
            Question(
                f"crosstalk_pair_{'swap' if measure in SWAPS else measure}",
                words.question.format(slot=slot + 1, source=source + 1),
                call,
                "",
                family(slot=slot, source=source, of_margin=measure == "push"),
                words.how,
                words.limits,
                view=(slot, source),
                file=f"crosstalk_{name}",
            )
        )


# ---- tokens that leaked -------------------------------------------------------------------------


def _leaked(result: Any, slot: int, source: int) -> None:
    """Where a neighbour's tokens came out, in this group or over the pool."""
    question = f"Which tokens of slot {source + 1} came out of slot {slot + 1}?"
    st.header(question, anchor=False)
    rows: list[dict[str, Any]] = []
    if isinstance(result, HardLeaks):
        rows = [{"token": top.token, "times": top.amount} for top in result.top[slot][source]]
    elif isinstance(result, GroupResult):
        rows = _group_rows(result, slot, source)
    if not rows:
        where = "these groups" if isinstance(result, HardLeaks) else "this group"
        st.caption(
            f"None in {where}. Leaks too weak to change the token read are seen by Log-odds."
        )
        return
    alt = plain(f"{question} {len(rows)} rows.")
    st.dataframe(rows, hide_index=True, width="stretch", alt=alt)


def _group_rows(result: GroupResult, slot: int, source: int) -> list[dict[str, Any]]:
    examples = result.leak.examples if result.leak else ()
    return [
        {"position": e.position, "own token": e.token, "read": e.read}
        for e in examples
        if (e.slot, e.source) == (slot, source)
    ]

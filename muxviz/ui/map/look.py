"""A closer look at the points of a map: one sentence's, and what lies near one of them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from muxviz.figures.map.words import near_table, point_row, state_words
from muxviz.results.arrays import sample_arrays
from muxviz.results.map import StateMap, StateSample
from muxviz.ui.map import params as controls
from muxviz.ui.shell import session
from muxviz.ui.shell.params import Number, fits
from muxviz.ui.shell.text import count, listed, plain

MOST_ROWS = 400  # of a table


def closer_look(found: StateMap, state: str) -> None:
    """Choose a sentence and a point by number, as the map and its table name them."""
    sample = found.sample
    st.header("Which points are these?", anchor=False)
    st.download_button(
        "States (.npz)",
        data=lambda: sample_arrays(sample),
        file_name="muxviz-map-states.npz",
        icon=":material/download:",
        on_click="ignore",
        key="map_arrays",
        help="Every state in all its dimensions, with sentence, slot and neighbours.",
    )
    with st.container(horizontal=True, gap="medium"):
        sentence = _number(controls.SELECTED, sample.num_anchors)
        point = _number(controls.POINT, len(sample.anchor))
    among = [p for p in st.session_state.get(session.LASSO, ()) if p < len(sample.anchor)]
    if not sentence and not point and not among:
        st.caption(
            "Choose a sentence to see it alone; click a point, or write its number, to see what "
            "lies near it in the original space; draw a lasso to list the points in it."
        )
    if among:
        _gathered(sample, among)
    if sentence:
        _sentence(sample, sentence - 1)
    if point:
        _near(sample, state, point - 1)


def take_points(places: list[list[int]]) -> None:
    """List the points in a box or lasso (a callback)."""
    st.session_state[session.LASSO] = tuple(sorted({place[0] for place in places}))


def _gathered(sample: StateSample, points: list[int]) -> None:
    """What was circled; a row that is chosen is marked on the map."""
    rows = [point_row(sample, point) for point in points[:MOST_ROWS]]
    st.markdown(f"**{count(len(points), 'point')} circled.** {_kinds(rows)}")
    st.dataframe(
        rows,
        hide_index=True,
        width="stretch",
        alt=f"{len(rows)} points in the lasso",
        key="map_circled",
        on_select=partial(_mark_row, rows),
        selection_mode="single-row",
    )


def _kinds(rows: list[dict[str, Any]]) -> str:
    """How many sentences, slots and answers they are of."""
    parts = [
        count(len({row[name] for row in rows} - {None}), name)
        for name in ("sentence", "slot", "answer")
    ]
    return f"Of {listed(parts)}. A row that you choose is ringed on the map."


def _mark_row(rows: list[dict[str, Any]]) -> None:
    chosen = st.session_state["map_circled"]["selection"]["rows"]
    st.session_state[controls.POINT.key] = rows[chosen[0]]["point"] if chosen else 0


def take_point(place: list[int]) -> None:
    """Look at the point that was clicked (a callback)."""
    st.session_state[controls.POINT.key] = place[0] + 1


def _number(param: Number, high: int) -> int:
    """A number with steps; values of an earlier, larger sample are dropped."""
    inside = replace(param, high=high)
    if param.key in st.session_state and not fits(inside, st.session_state[param.key]):
        st.session_state[param.key] = int(param.default)
    return int(
        st.number_input(
            param.label,
            int(param.low),
            high,
            int(param.default),
            key=param.key,
            bind="query-params",
            persist_state="session",
            width=280,
        )
    )


def _sentence(sample: StateSample, anchor: int) -> None:
    """All points of one sentence."""
    which = np.flatnonzero((sample.anchor == anchor) & ~sample.is_own)
    rows = [point_row(sample, int(p)) for p in which[:MOST_ROWS]]
    said = sorted({str(row["answer"]) for row in rows if row["answer"] is not None})
    answers = f" · answered {' and '.join(plain(a) for a in said)}" if said else ""
    st.markdown(f"**Sentence {anchor + 1}:** {plain(sample.texts[anchor])}")
    st.caption(f"{count(len(rows), 'point')}{answers}")
    alt = f"{len(rows)} points of sentence {anchor + 1}"
    st.dataframe(rows, hide_index=True, width="stretch", alt=alt)


def _near(sample: StateSample, state: str, point: int) -> None:
    """The nearest points of another one, in the original space."""
    from muxviz.analysis.map.separation import nearest

    row = point_row(sample, point)
    found = nearest(sample, state, point)
    same = sum(sample.anchor[n.point] == sample.anchor[point] for n in found)
    st.markdown(f"**Point {point + 1}:** {plain(str(row['text']))}, in slot {row['slot']}")
    number = int(sample.neighbour_set[point])
    if number >= 0:
        others = " / ".join(plain(t) for t in sample.neighbour_texts[number])
        st.caption(f"Neighbour set {number + 1}: {others}")
    st.caption(
        f"Nearest by cosine, {state_words(state)}, in the original space: "
        f"{same} of {len(found)} are the same sentence."
    )
    rows = near_table(sample, found)
    alt = f"{len(rows)} points nearest to point {point + 1}"
    st.dataframe(rows, hide_index=True, width="stretch", alt=alt)

"""Panels of the Keys page: geometry, interference, the filter. Read next: ``relations``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import streamlit as st

from muxviz.figures.keys.bars import FILTER, SINR
from muxviz.figures.keys.geometry import KEYS
from muxviz.pool import pool_name
from muxviz.results.keys import MatchedFilter
from muxviz.ui.keys import text as words
from muxviz.ui.keys.params import DRAWS, MUX
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call, pool_texts
from muxviz.ui.study.heading import sides
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest


@dataclass(frozen=True)
class Side:
    """Model A or B: its run, what is added to panel keys, and to questions."""

    run: RunRequest
    key: str
    words: str


def each_side(bench: Bench) -> Iterator[Side]:
    """Model A, and B where one is chosen."""
    found = sides(bench)
    for name, run in found:
        shown = f" · {name}: {plain(run.checkpoint)}" if len(found) > 1 else ""
        yield Side(run, f"_{name.lower()}" if name != "A" else "", shown)


def draws_control() -> None:
    """How many groups are drawn: for every panel that draws."""
    with st.container(width=280):
        control(DRAWS, help="Groups of N sentences drawn from the pool, one pass each.")


# ---- geometry -----------------------------------------------------------------------------------


def geometry_panel(bench: Bench) -> None:
    """Cosines, lengths and interference."""
    shown = [show(_geometry(side)) for side in each_side(bench)]
    if any(shown):
        control(MUX)


def _geometry(side: Side) -> Question:
    return Question(
        f"keys_geometry{side.key}",
        f"How alike are the keys?{side.words}",
        Call("keys.geometry.key_geometry", side.run),
        "reading the weights",
        KEYS(measure=value(MUX)),
        words.GEOMETRY_HOW,
        words.GEOMETRY_LIMITS,
        instant=True,
        file=f"keys{side.key}",
    )


# ---- the filter ---------------------------------------------------------------------------------


def sinr_panel(bench: Bench) -> None:
    """Signal against interference, per slot."""
    for side in each_side(bench):
        show(_sinr(side))


def _sinr(side: Side) -> Question:
    return Question(
        f"keys_sinr{side.key}",
        f"How loud are the others when one slot is filtered out?{side.words}",
        Call("keys.geometry.key_interference", side.run, drawn(), takes="pool"),
        f"embeddings of {value(DRAWS)} random groups, no pass",
        SINR(),
        words.SINR_HOW,
        words.SINR_LIMITS,
        instant=True,
        origin=lambda result: origin(result, result.measured.draws),
    )


def filter_panel(bench: Bench) -> None:
    """What the filter reads, and what it reads of this group."""
    for side in each_side(bench):
        result = show(_filter(side))
        if isinstance(result, MatchedFilter):
            _group_reading(result)


def _filter(side: Side) -> Question:
    return Question(
        f"keys_filter{side.key}",
        f"How much could be read with no network at all?{side.words}",
        Call("keys.matched_filter.matched_filter", side.run, drawn()),
        mixed(
            value(DRAWS),
            " for the model's own read-back, and a search of the vocabulary for every token",
        ),
        FILTER(),
        words.FILTER_HOW,
        words.FILTER_LIMITS,
        "The share of tokens that the sum and one vector give, beside what the model reads back.",
        origin=lambda result: origin(result, result.groups),
    )


def _group_reading(result: MatchedFilter) -> None:
    rows = [
        {"slot": i + 1, "own tokens": " ".join(r.tokens), "the filter reads": " ".join(r.read)}
        for i, r in enumerate(result.group)
    ]
    with st.expander("What the filter reads of this group", type="compact"):
        st.dataframe(
            rows,
            hide_index=True,
            width="stretch",
            alt="Tokens of every slot of this group, and what the filter reads in their places",
        )


# ---- details ------------------------------------------------------------------------------------


def drawn() -> dict[str, Any]:
    """How many random groups, and what they are drawn from."""
    return {"draws": As("the number of random groups", value(DRAWS)), "pool": pool_texts()}


def origin(result: Any, draws: int) -> str:
    """Where numbers over random groups come from."""
    stopped = " (stopped)" if result.is_partial else ""
    return f"{draws} draws{stopped} from {pool_name()} · {result.provenance.line()}"

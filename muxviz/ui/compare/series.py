"""The series of Compare: checkpoints of one N and task in rows, by how far their slots share."""

from __future__ import annotations

import streamlit as st

from muxviz.figures.compare.series import SERIES as SERIES_FIGURE
from muxviz.figures.crosstalk.taken import TAKEN_SERIES
from muxviz.ui.compare import text as words
from muxviz.ui.compare.params import DRAWS, SERIES, SWAPS
from muxviz.ui.compare.swaps import swap_test
from muxviz.ui.shell import checkpoints, session
from muxviz.ui.shell.checkpoints import Listed, relatives
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import count, plain
from muxviz.ui.study.asked import Across, Gather
from muxviz.ui.study.call import Call, labelled_groups
from muxviz.ui.study.heading import base
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.pruned_family import origins_line
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest


def kind_of(bench: Bench) -> list[Listed]:
    """The checkpoints of model A's number of slots and task, A among them, in order."""
    if bench.checkpoint is None:
        return []
    choices = [*checkpoints.bundled(), *st.session_state.get(session.OPENED, ())]
    return relatives(bench.checkpoint, choices)


def series_panels(run: RunRequest, bench: Bench) -> None:
    """Answers and read-back, then cross-talk, a row for each checkpoint."""
    kind = kind_of(bench)
    dial = [one for one in kind if one.sharing is not None]
    if 1 < len(dial) < len(kind):
        control(SERIES, help="All: also those that are on no dial, such as pruned ones.")
    chosen = dial if len(dial) > 1 and value(SERIES) == "dial" else kind
    members = [found for one in chosen if (found := base(bench, one)) is not None]
    reason = _why_not(run, members)
    first, *others = members or [run]
    _line(chosen)
    groups = value(DRAWS)
    show(
        Across(
            "compare_series",
            "What does sharing cost, and what does it bring?"
            if chosen == dial
            else "How do all checkpoints of this kind compare?",
            Call(
                "fidelity.by_sparsity.slot_record",
                first,
                labelled_groups(groups),
                "pool",
                baseline=True,
                across=tuple(others),
            ),
            mixed(
                2 * groups,
                f" on each of {count(len(members), 'checkpoint')}",
                times=len(members),
            ),
            SERIES_FIGURE(),
            words.SERIES_HOW,
            words.SERIES_LIMITS,
            "Right answers, read-back and answers as alone, a row for each checkpoint, and the "
            "change against the first on the same groups.",
            reason=reason,
            origin=origins_line,
            gather=Gather("fidelity.by_sparsity.by_sparsity", {"seed": run.seed}),
            least=2,
        )
    )
    show(
        Across(
            "compare_taken_series",
            "And how much do neighbours move?",
            swap_test(first, others),
            mixed(
                value(SWAPS) * run.num_instances,
                f" on each of {count(len(members), 'checkpoint')}",
                times=len(members),
            ),
            TAKEN_SERIES(),
            words.TAKEN_HOW,
            words.TAKEN_SERIES_LIMITS,
            "The swap test of this group, a row for each checkpoint, with the same sentences.",
            reason=reason,
            origin=origins_line,
            gather=Gather("fidelity.by_sparsity.crosstalk_by_sparsity", {"seed": run.seed}),
            least=2,
        )
    )


def _line(chosen: list[Listed]) -> None:
    """What the rows are."""
    told = [
        plain(one.name)
        + (f" ({100 * one.sharing:.0f} % shared)" if one.sharing is not None else "")
        for one in chosen
    ]
    if len(told) > 1:
        st.caption(f"Rows: {', '.join(told)}.")


def _why_not(run: RunRequest, members: list[RunRequest]) -> str:
    if run.num_instances < 2:
        return "One text a pass: there are no slots to compare."
    if len(members) < 2:
        return f"{plain(run.checkpoint)} is the only checkpoint of its N and task here."
    return ""

"""The user's own traffic in one line: which setting serves it, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from muxviz.errors import MuxvizError, NotApplicable
from muxviz.figures.tradeoff.plans import PLANS, plans_reason
from muxviz.planning.traffic import plan_traffic, with_shares
from muxviz.results.contenders import contenders_of, planned
from muxviz.results.measured import Escalated, Measured, Timed
from muxviz.results.throughput import Plans, SpeedRun, Traffic
from muxviz.ui.shell.params import control, one_of, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study import panels
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Known
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.question import show
from muxviz.ui.tradeoff import params as p
from muxviz.ui.tradeoff import text as words
from muxviz.ui.tradeoff.sources import Held
from muxviz.ui.tradeoff.view import origin

RUN, PASSES = "o_plan_run", "o_plan_passes"
QUESTION = "What should I run for my traffic?"
LENGTHS = (
    (p.SHORT, p.SHORT_PARTS),
    (p.MEDIUM, p.MEDIUM_PARTS),
    (p.LONG, p.LONG_PARTS),
)


@dataclass(frozen=True)
class Planned:
    """What was found for the traffic, and of which runs."""

    plans: Plans
    held: Held
    timed: Held | None

    @property
    def key(self) -> tuple[str, ...]:
        """Of the mark that is chosen; () where nothing serves."""
        best, one = self.plans.plans[0], self.held.one
        assert isinstance(one, Measured), "accuracy comes from a trade-off"
        if best.machines is None:
            return ()
        tasks = dict.fromkeys(point.task for point in one.run.points)
        found = [c for task in tasks for c in contenders_of([one], task)]
        mark = planned(found, one.label, best)
        return mark.key if mark else ()


def traffic_line(held: Sequence[Held], speeds: Sequence[Held]) -> Planned | None:
    """Rate, budget and floor in one line, and the choice in a sentence."""
    tradeoffs = [h for h in held if isinstance(h.one, Measured)]
    if not tradeoffs:
        return None
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            with st.container(width=190):
                control(p.RATE)
            with st.container(width=170):
                control(p.LATENCY, help="From the arrival of a request to its answer, on average.")
            with st.container(width=180):
                control(p.FLOOR, help="On the rows that accuracy was measured on.")
            with st.popover("Lengths and runs", icon=":material/tune:"):
                lengths = _lengths()
                chosen = one_of(tradeoffs, RUN, "Accuracy and rates from", lambda h: h.one.label)
                timed = (
                    one_of(speeds, PASSES, "Passes from", lambda h: h.one.label) if speeds else None
                )
        found = _planned(chosen, timed, lengths)
        if found is not None:
            _say(found.plans, held)
    return found


def plans_panel(found: Planned | None) -> None:
    """Every setting that was considered."""
    if found is None:
        panels.empty("Nothing to plan with", "It needs a trade-off run, and numbers that can be.")
        return
    for note in found.plans.notes:
        if not note.startswith("Nothing serves"):
            st.caption(f":material/info: {plain(note)}.")
    show(
        Question(
            "tradeoff_plans",
            QUESTION,
            _known(found.plans, found.held, found.timed),
            "",
            PLANS(),
            words.PLANS_HOW,
            words.PLANS_LIMITS,
            origin=_origin(found.held, found.timed),
            is_headed=False,
        )
    )


def _planned(
    held: Held, timed: Held | None, lengths: tuple[tuple[float, float], ...]
) -> Planned | None:
    one = held.one
    assert isinstance(one, Measured), "accuracy comes from a trade-off"
    try:
        traffic = Traffic(
            float(value(p.RATE)),
            with_shares(lengths),
            float(value(p.LATENCY)),
            float(value(p.FLOOR)) / 100,
        )
        return Planned(plan_traffic(traffic, one.run, _speed(one, timed)), held, timed)
    except NotApplicable as error:
        st.caption(f":material/block: {plain(str(error))}")
    except MuxvizError as error:
        error_panel(error)
    return None


def _say(plans: Plans, held: Sequence[Held]) -> None:
    """The choice and why; and a faster chain, whose latency nobody measured."""
    best = plans.plans[0]
    icon = ":material/block:" if best.machines is None else ":material/check_circle:"
    st.markdown(f"{icon} {plain(plans_reason(plans))}.")
    runs = [h.one for h in held if isinstance(h.one, Escalated)]
    chains = [
        row
        for one in runs
        for row in one.run.results
        if row.kind != "alone" and row.accuracy.mean >= plans.traffic.accuracy
    ]
    if chains:
        fastest = max(chains, key=lambda row: row.ratio.median)
        st.caption(
            f"Of those that ask again, {plain(fastest.name)} is the fastest at this accuracy: "
            f"{fastest.ratio.median:.1f} times N = 1, {100 * fastest.accuracy.mean:.1f} % right. "
            "Its latency was not measured, so it is not considered here."
        )


def _lengths() -> tuple[tuple[float, float], ...]:
    """The mix of lengths, as (tokens, parts)."""
    found = []
    for size, part in LENGTHS:
        with st.container(horizontal=True, gap="small"):
            with st.container(width=150):
                tokens = control(size)
            with st.container(width=150):
                found.append((float(tokens), float(control(part))))
    return tuple(found)


def _origin(held: Held, timed: Held | None) -> str:
    assert isinstance(held.one, Measured), "accuracy comes from a trade-off"
    return f"{origin([held.one])}{f' ◦ passes: {timed.one.label}' if timed else ''}"


def _speed(one: Measured, timed: Held | None) -> SpeedRun:
    if timed is not None and isinstance(timed.one, Timed):
        return timed.one.run
    return SpeedRun(one.run.machine, "", 0, ())


def _known(plans: Plans, held: Held, timed: Held | None) -> Known:
    imports = (
        "from muxviz.planning.traffic import plan_traffic",
        "from muxviz.results.throughput import SpeedRun, Traffic",
        *held.imports,
        *(timed.imports if timed else ()),
    )
    speed = "timed.run" if timed else "SpeedRun(runs[0].run.machine, '', 0, ())"
    lines = (
        "runs = []",
        *held.python,
        *(timed.python if timed else ()),
        f"traffic = {plans.traffic!r}",
        f"plans = plan_traffic(traffic, runs[0].run, {speed})",
    )
    return Known(lambda: plans, (plans, held.one, timed and timed.one), "plans", imports, lines)

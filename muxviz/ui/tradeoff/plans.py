"""The calculator of the Trade-off page: what to use for some traffic."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from muxviz.errors import MuxvizError, NotApplicable
from muxviz.figures.drawing.wording import sure
from muxviz.figures.tradeoff.plans import PLANS
from muxviz.planning.traffic import plan_traffic, with_shares
from muxviz.results.measured import Measured, Timed
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


def plans_panel(tradeoffs: Sequence[Held], speeds: Sequence[Held]) -> None:
    """Controls, the recommendation, and every setting that was considered."""
    st.subheader(QUESTION, anchor=False)
    if not tradeoffs:
        panels.empty(
            "Nothing to plan with yet", "The calculator needs a trade-off run; measure one above."
        )
        return
    lengths = _controls()
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        held = one_of(tradeoffs, RUN, "Accuracy and rates from", lambda h: h.one.label)
        timed = one_of(speeds, PASSES, "Passes from", lambda h: h.one.label) if speeds else None
    try:
        traffic = Traffic(
            float(value(p.RATE)),
            with_shares(lengths),
            float(value(p.LATENCY)),
            float(value(p.FLOOR)) / 100,
        )
        plans = plan_traffic(traffic, held.one.run, _speed(held.one, timed))
    except NotApplicable as error:
        st.caption(f":material/block: {plain(str(error))}")
        return
    except MuxvizError as error:
        error_panel(error)
        return
    _say(plans)
    show(
        Question(
            "tradeoff_plans",
            QUESTION,
            _known(plans, held, timed),
            "",
            PLANS(),
            words.PLANS_HOW,
            words.PLANS_LIMITS,
            origin=_origin(held, timed),
            is_headed=False,
        )
    )


def _origin(held: Held, timed: Held | None) -> str:
    assert isinstance(held.one, Measured), "accuracy comes from a trade-off"
    return f"{origin([held.one])}{f' ◦ passes: {timed.one.label}' if timed else ''}"


def _controls() -> tuple[tuple[float, float], ...]:
    """Rate, budget, floor and the mix of lengths; the latter as (tokens, parts)."""
    with st.container(border=True, gap="small"):
        with st.grid(3, min_column_width=180, gap="small"):
            control(p.RATE)
            control(p.LATENCY, help="From the arrival of a request to its answer, on average.")
            control(p.FLOOR, help="On the rows that accuracy was measured on.")
        with st.grid(3, min_column_width=180, gap="small"):
            found = []
            for size, part in (
                (p.SHORT, p.SHORT_PARTS),
                (p.MEDIUM, p.MEDIUM_PARTS),
                (p.LONG, p.LONG_PARTS),
            ):
                with st.container(gap="xsmall"):
                    tokens = control(size)
                    found.append((float(tokens), float(control(part))))
    return tuple(found)


def _speed(one: Measured, timed: Held | None) -> SpeedRun:
    if timed is not None and isinstance(timed.one, Timed):
        return timed.one.run
    return SpeedRun(one.run.machine, "", 0, ())


def _say(plans: Plans) -> None:
    """The recommendation in a few numbers, and what is to be known of it."""
    best = plans.plans[0]
    if best.machines is None:
        st.warning(
            f"**Nothing measured serves this traffic.** Closest: {plain(best.checkpoint)} "
            f"(N = {best.n}, batch {best.batch}): {plain(best.why_not)}.",
            icon=":material/block:",
        )
    else:
        cells = (
            ("Checkpoint", plain(best.checkpoint), f"N = {best.n}, {plain(best.dtype)}"),
            ("Batch", f"{best.batch}", f"{best.batch * best.n} texts a pass"),
            (
                "Machines",
                f"{best.machines:,}",
                f"{best.instances_per_s:,.0f} texts/s each at this length mix",
            ),
            ("Latency", f"{best.latency_ms:,.0f} ms", "expected, with the wait for a full group"),
            (
                "Chance",
                sure(best.chance).replace("over ", "> ").replace("under ", "< "),
                "that accuracy and latency both hold",
            ),
        )
        with st.grid(5, min_column_width=130, gap="small"):
            for label, number, how in cells:
                with st.container(border=True, height="stretch", gap="xsmall"):
                    st.metric(label, number)
                    st.caption(how)
    for note in plans.notes:
        if not note.startswith("Nothing serves"):
            st.caption(f":material/info: {plain(note)}.")


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

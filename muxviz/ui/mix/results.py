"""The panels of one run: the braid, the answers, the read-back, the leaks, the cost."""

from __future__ import annotations

from typing import Any

import streamlit as st

from muxviz.errors import MuxvizError
from muxviz.figures.drawing.strips import TOKENS
from muxviz.figures.mix.leak import LEAK
from muxviz.figures.mix.timing import TIMING
from muxviz.results import GroupResult, SlotResult
from muxviz.ui.shell import options, session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import plain
from muxviz.ui.study import runs
from muxviz.ui.study.asked import Question
from muxviz.ui.study.braid import braid_question
from muxviz.ui.study.call import Known
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.panels import not_applicable
from muxviz.ui.study.python import RUN_IMPORTS, run_lines
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import PastRun

TICK_S = 0.5  # between drawing a run and timing it
FEW = 5  # strips shown at once unless asked for more

STRIP_HOW = """
One line per slot: its own tokens, tinted by the log-probability that the retrieval head gives them.
A wrong one is written as *own → read*. Spaces are visible; special tokens are greyed and not
counted. The bar at the side is the share read back, with its Wilson 95 % interval.
"""
STRIP_LIMITS = """
The head was trained to name tokens; a token that it misses may still serve the answer, and one
that it names may not be used. Other positions of a slot are read by the same head, so its errors
are not independent and the interval is a little too narrow.
"""
LEAK_HOW = """
Rows are the slots that are read out, columns where the token came from. The framed diagonal is what
was read back rightly. A wrong token counts for slot *j* when *j* holds it at that position and the
slot itself does not; where several slots hold it, the credit is split. Every row sums to 100 %.
"""
LEAK_LIMITS = """
A frequent word (*the*, *.*) can coincide with a neighbour's by chance. Past the end of the shortest
sentence fewer neighbours can be the source, which is why these positions can be seen apart.
"""
COST_HOW = """
Median time of the forward passes alone, in alternation, after one pass of each to warm up; whiskers
are the quartiles. *One batch* answers all sentences with the baseline at once, *one by one* in
turn. Tokenising and copying are left out.
"""
COST_LIMITS = """
Times of this machine, now, under whatever else it is doing. A small group on a fast device mostly
shows the overhead of starting a pass; throughput over many groups is another question.
"""


def known_run(past: PastRun, *, timed: bool = False) -> Known:
    """A run that was made, with the Python that makes it again."""
    lines = run_lines(past.request, timed=timed)
    about = (past.number, bool(past.result.timings))
    return Known(lambda: past.result, about, "result", RUN_IMPORTS, lines)


def braid_panel(past: PastRun, bench: Bench) -> None:
    """The picture of the whole pass."""
    known = known_run(past)
    show(braid_question("braid", past.result, known.about, known.imports, known.lines))


# ---- what is read back --------------------------------------------------------------------------


@st.fragment
def reading_panel(past: PastRun, bench: Bench) -> None:
    """Token strips: of all slots, or of the selected one."""
    question, result = "Which tokens survive?", past.result
    readable = [s for s in result.answered if s.reading is not None]
    if not readable:
        not_applicable(question, _why(result))
        return
    st.subheader(question, anchor=False)
    usual = "all" if len(readable) <= FEW else "one"
    if _view(session.STRIPS, options.STRIPS, usual) == "one":
        readable = [s for s in readable if s.slot == bench.slot]
    if readable:
        show(_strips(past, readable))
    else:
        st.caption(f"Slot {bench.slot + 1} only fills the group up; select another one.")


def _strips(past: PastRun, slots: list[SlotResult]) -> Question:
    first, *others = (TOKENS().of(s, named=f"result.slots[{s.slot}]") for s in slots)
    return Question(
        "tokens",
        "",
        known_run(past),
        "",
        sum(others, first),
        STRIP_HOW,
        STRIP_LIMITS,
        view=tuple(s.slot for s in slots),
        record=lambda _: slots,
        is_headed=False,
    )


# ---- leaks --------------------------------------------------------------------------------------


@st.fragment
def leak_panel(past: PastRun, bench: Bench) -> None:
    """Which slot leaked into which."""
    question, result = "Whose tokens come out where?", past.result
    if result.leak is None:
        not_applicable(question, _why(result))
        return
    if len(result.slots) < 2:
        not_applicable(question, "One slot only: there is no neighbour that could leak.")
        return
    st.subheader(question, anchor=False)
    show(_leak(past, _view(session.LEAK_VIEW, options.LEAKS, "all")))
    _leak_examples(result, bench.slot)


def _leak(past: PastRun, which: str) -> Question:
    fillers = tuple(s.slot for s in past.result.slots if s.is_filler)
    picture = LEAK(which=which, fillers=fillers).of(past.result.leak, named="result.leak")
    return Question(
        "leak",
        "",
        known_run(past),
        "",
        picture,
        LEAK_HOW,
        LEAK_LIMITS,
        view=(which,),
        record=lambda result: result.leak,
        is_headed=False,
    )


def _leak_examples(result: GroupResult, slot: int) -> None:
    leak = result.leak
    found = [e for e in leak.examples if e.slot == slot] if leak else []
    rows = [
        {"position": e.position, "own token": e.token, "read": e.read, "held by slot": e.source + 1}
        for e in found
    ]
    if rows:
        st.caption(f"Tokens of slot {slot + 1} that came out as a neighbour's:")
        st.dataframe(
            rows,
            hide_index=True,
            width="stretch",
            alt=f"{len(rows)} tokens of slot {slot + 1} that came from other slots",
        )
    elif slot < len(result.slots) and not result.slots[slot].is_filler:
        st.caption(f"No token of slot {slot + 1} came out as a neighbour's.")


# ---- cost ---------------------------------------------------------------------------------------


def cost_panel(past: PastRun, bench: Bench) -> None:
    """One pass against one by one; timed by itself, once everything else is on screen."""
    question = "What does sharing a pass save?"
    if len(past.result.slots) < 2:
        not_applicable(question, "One text a pass: nothing is shared, so nothing is saved.")
        return
    st.subheader(question, anchor=False)
    if past.result.timings:
        show(_cost(past))
        return
    number, error = st.session_state.get(session.UNTIMED, (None, None))
    if error is not None and number == past.number:
        error_panel(error)
        return
    st.session_state[session.TICKED] = None
    _timing(past.number)


@st.fragment(run_every=TICK_S)
def _timing(number: int) -> None:
    """Times a run at a tick of its own (never while the page is drawn), then draws the page."""
    past = runs.find_run(number)
    ticked = st.session_state.get(session.TICKED) == number
    st.session_state[session.TICKED] = number
    if past is None or not ticked:
        st.caption(":material/timer: The passes are timed next, against the baseline's.")
        return
    try:
        with st.spinner("Timing the passes, in alternation"):
            runs.add_timings(past, runs.measure(past.request, lambda what: None))
    except MuxvizError as error:
        st.session_state[session.UNTIMED] = (number, error)
    st.rerun()


def _cost(past: PastRun) -> Question:
    return Question(
        "cost",
        "",
        known_run(past, timed=True),
        "",
        TIMING().of(past.result.timings, named="result.timings"),
        COST_HOW,
        COST_LIMITS,
        record=lambda result: result.timings,
        is_headed=False,
    )


def _why(result: GroupResult) -> str:
    """The note that says why nothing is read back."""
    found = next((n for n in result.notes if n.startswith("Read-back")), None)
    return plain(found or "Nothing is read back: this checkpoint has no retrieval head.")


def _view(key: str, table: dict[str, str], usual: str) -> str:
    choice: Any = st.segmented_control(
        "Show",
        list(table),
        default=usual,
        format_func=table.__getitem__,
        required=True,
        key=key,
        bind="query-params",
        label_visibility="collapsed",
    )
    return str(choice)

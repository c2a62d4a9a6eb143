"""The panels of one run: the verdict, the braid, and in tabs what is behind them."""

from __future__ import annotations

from functools import partial
from typing import Any

import streamlit as st

from muxviz.figures.drawing.strips import TOKENS
from muxviz.figures.layers.spectrum import SPECTRUM
from muxviz.figures.mix.leak import LEAK
from muxviz.figures.mix.timing import TIMING
from muxviz.results import GroupResult, SlotResult
from muxviz.ui.mix import text as words
from muxviz.ui.mix.cards import draw_cards, is_per_token
from muxviz.ui.mix.other import other_model
from muxviz.ui.mix.timing import speed
from muxviz.ui.shell import options, session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import plain
from muxviz.ui.study.asked import Question
from muxviz.ui.study.braid import braid_question, recorded_band
from muxviz.ui.study.call import As, Call, Known, pool_texts
from muxviz.ui.study.kept import desk
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.python import RUN_IMPORTS, run_lines
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import PastRun, RunRequest
from muxviz.ui.study.slots import take_slot
from muxviz.ui.study.tabs import in_tabs
from muxviz.ui.study.verdict import verdict

PAIRS = 16  # of groups, for the band of a checkpoint that has none recorded


def known_run(past: PastRun, *, timed: bool = False) -> Known:
    """A run that was made, with the Python that makes it again."""
    lines = run_lines(past.request, timed=timed)
    about = (past.number, bool(past.result.timings))
    return Known(lambda: past.result, about, "result", RUN_IMPORTS, lines)


def verdict_tiles(past: PastRun, bench: Bench) -> None:
    """How well it went, in three numbers."""
    verdict(past.result, partial(speed, past))


def braid_panel(past: PastRun, bench: Bench) -> None:
    """The picture of the whole pass; a click on a lane selects its slot."""
    known, kept, own = known_run(past), None, desk()
    if recorded_band(past.result) is None:
        own.collect_all()
        kept = own.look_up(_band_call(past.request).ask)
    show(
        braid_question(
            "braid",
            past.result,
            known.about,
            known.imports,
            known.lines,
            measured=kept.result if kept else None,
            pick=take_slot,
        )
    )


@st.fragment
def details(past: PastRun, bench: Bench) -> None:
    """What is behind the verdict, one tab at a time; only the open one is computed."""
    before = {"Model B": other_model} if bench.other is not None else {}
    if is_per_token(past.result):
        before |= {"Answers": draw_cards}
    tabs = {
        **before,
        "Tokens": reading_panel,
        "Leaks": leak_panel,
        "Time": cost_panel,
        "Layers": band_panel,
    }
    kept = "_".join([session.DETAILS, *before])  # other tabs come first
    in_tabs(kept, {name: partial(panel, past, bench) for name, panel in tabs.items()})


# ---- what is read back --------------------------------------------------------------------------


def reading_panel(past: PastRun, bench: Bench) -> None:
    """Token strips: of all slots, or of the selected one."""
    result = past.result
    readable = [s for s in result.answered if s.reading is not None]
    if not readable:
        _nothing(_why(result))
        return
    if _view(session.STRIPS, options.STRIPS, "one") == "one":
        readable = [s for s in readable if s.slot == bench.slot]
    if readable:
        show(_strips(past, readable))
    else:
        st.caption(f"Slot {bench.slot + 1} only fills the group up; select another one.")


def _strips(past: PastRun, slots: list[SlotResult]) -> Question:
    last = slots[-1].slot
    first, *others = (
        TOKENS(has_scale=s.slot == last).of(s, named=f"result.slots[{s.slot}]") for s in slots
    )
    return Question(
        "tokens",
        "Which tokens survive?",
        known_run(past),
        "",
        sum(others, first),
        words.STRIP_HOW,
        words.STRIP_LIMITS,
        view=tuple(s.slot for s in slots),
        record=lambda _: slots,
        is_headed=False,
    )


# ---- leaks --------------------------------------------------------------------------------------


def leak_panel(past: PastRun, bench: Bench) -> None:
    """Which slot leaked into which; no matrix where none did."""
    result = past.result
    if result.leak is None:
        _nothing(_why(result))
        return
    if len(result.slots) < 2:
        _nothing("One slot only: there is no neighbour that could leak.")
        return
    if result.leak.worst is None:
        st.markdown("No token came out of a neighbour's slot.")
        return
    show(_leak(past, _view(session.LEAK_VIEW, options.LEAKS, "all")))
    _leak_examples(result)


def _leak(past: PastRun, which: str) -> Question:
    fillers = tuple(s.slot for s in past.result.slots if s.is_filler)
    picture = LEAK(which=which, fillers=fillers).of(past.result.leak, named="result.leak")
    return Question(
        "leak",
        "Whose tokens come out where?",
        known_run(past),
        "",
        picture,
        words.LEAK_HOW,
        words.LEAK_LIMITS,
        view=(which,),
        record=lambda result: result.leak,
        is_headed=False,
    )


def _leak_examples(result: GroupResult) -> None:
    rows = [
        {
            "slot": e.slot + 1,
            "position": e.position,
            "own token": e.token,
            "read": e.read,
            "held by slot": e.source + 1,
        }
        for e in (result.leak.examples if result.leak else ())
    ]
    if rows:
        st.dataframe(
            rows,
            hide_index=True,
            width="stretch",
            alt=f"{len(rows)} tokens that came out as a neighbour's",
        )


# ---- cost ---------------------------------------------------------------------------------------


def cost_panel(past: PastRun, bench: Bench) -> None:
    """One pass against one by one."""
    if len(past.result.slots) < 2:
        _nothing("One text a pass: nothing is shared, so nothing is saved.")
    elif past.result.timings:
        show(_cost(past))
    else:
        st.caption("The passes are not timed yet, see above.")


def _cost(past: PastRun) -> Question:
    return Question(
        "cost",
        "What does sharing a pass save?",
        known_run(past, timed=True),
        "",
        TIMING().of(past.result.timings, named="result.timings"),
        words.COST_HOW,
        words.COST_LIMITS,
        record=lambda result: result.timings,
        is_headed=False,
    )


# ---- the band -----------------------------------------------------------------------------------


def band_panel(past: PastRun, bench: Bench) -> None:
    """How the layers share the state among slots: as recorded, or to be measured."""
    if len(past.result.slots) < 2:
        _nothing("One text a pass: there is nothing to share.")
        return
    found = recorded_band(past.result)
    if found is not None:
        about = (found.provenance.fingerprint, found.provenance.measured)
        imports = ("from muxviz.recorded import bands",)
        lines = (f"result = bands().of({found.provenance.fingerprint!r})",)
        call: Call | Known = Known(lambda: found, about, "result", imports, lines)
    else:
        call = _band_call(past.request)
    show(
        Question(
            "band",
            "How is the state shared among slots, layer by layer?",
            call,
            mixed(PAIRS * (past.request.num_instances + 2) + 16),
            SPECTRUM(),
            words.BAND_HOW,
            words.BAND_LIMITS,
            "The measured band of the braid: each slot's share at the mixture and after every "
            "layer, and what belongs to no single slot.",
        )
    )


def _band_call(request: RunRequest) -> Call:
    given = {"pool": pool_texts(), "pairs": As("the number of pairs", PAIRS)}
    return Call("layers.entanglement.entanglement_spectrum", request, given, takes="pool")


# ---- parts --------------------------------------------------------------------------------------


def _nothing(reason: str) -> None:
    st.caption(f":material/block: {reason}")


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

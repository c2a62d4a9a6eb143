"""The session's runs: reopening one, pinning one, and comparing with the pinned one."""

from __future__ import annotations

from typing import Any

import streamlit as st

from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.mix.braid_words import braid_finding
from muxviz.results import Answer, SlotResult
from muxviz.ui.shell import group, session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import count, plain, shorten
from muxviz.ui.study import runs
from muxviz.ui.study.braid import braid_question
from muxviz.ui.study.panels import picture
from muxviz.ui.study.runs import PastRun

DIFFERENT = "different"


def history_control() -> None:
    """A pop-up with this session's runs, the latest first."""
    past = runs.history()
    label = f"History ({len(past)})" if past else "History"
    with st.popover(label, icon=":material/history:", disabled=not past):
        st.caption(
            f"The last {runs.MAX_RUNS} runs of this session. Reopening one brings back its "
            "sentences and choices."
        )
        for run in reversed(past):
            mark = " · pinned" if run.number == st.session_state.get(session.PINNED) else ""
            st.button(
                f"{run.number} · {plain(run.request.checkpoint)} · "
                f"{count(len(run.request.rows), 'sentence')}{mark} — "
                f"{plain(shorten(run.request.rows[0].text, 40))}",
                key=f"reopen_{run.number}",
                on_click=reopen,
                args=(run.number,),
                type="tertiary",
            )


def reopen(number: int) -> None:
    """Put a run on screen, with its sentences and choices (a callback)."""
    run = runs.find_run(number)
    if run is None:
        return
    state, request = st.session_state, run.request
    state[session.CURRENT] = number
    state[session.FAILED] = None
    if group.filled_rows()[: request.num_instances] != request.rows:
        group.put(request.rows)
    state[session.CHECKPOINT] = request.checkpoint
    state[session.SEED] = request.seed
    state[session.FILL] = request.fill
    state[session.PADDING] = request.padding or "default"
    state[session.EQUAL] = request.equal_slots


def pin_control(current: PastRun | None) -> None:
    """Pin the run on screen, or let go of the pinned one."""
    is_pinned = current is not None and st.session_state.get(session.PINNED) == current.number
    st.button(
        "Unpin" if is_pinned else "Pin",
        icon=":material/keep_off:" if is_pinned else ":material/keep:",
        disabled=current is None,
        on_click=_pin,
        args=(None if is_pinned or current is None else current.number,),
        key="pin_run",
        help="Later runs are compared with the pinned one.",
    )


def _pin(number: int | None) -> None:
    st.session_state[session.PINNED] = number


# ---- comparison ---------------------------------------------------------------------------------


def comparison(current: PastRun, bench: Bench) -> None:
    """What changed since the pinned run; nothing when none or this one is pinned."""
    pinned = runs.pinned()
    if pinned is None or pinned.number == current.number:
        return
    st.header(f"Against the pinned run {pinned.number}", anchor=False)
    changed = runs.differences(current.request, pinned.request)
    st.markdown(f"**Pinned:** {plain(braid_finding(pinned.result))}")
    st.caption(f"Different inputs: {plain(', '.join(changed))}." if changed else "Equal inputs.")
    table = difference_table(current, pinned)
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        alt=f"Differences of {len(table)} slots between the two runs",
    )
    box = st.expander(
        "The pinned braid", type="compact", on_change="rerun", key="pinned_braid_shown"
    )
    if not box.open:
        return
    with box:
        panel = braid_question("pinned_braid", pinned.result, pinned.number).panel(pinned.result)
        picture(panel.key, panel.figures[0], panel.alts[0], narrow=panel.narrow[0])
        st.caption(plain(panel.brief))


def difference_table(current: PastRun, pinned: PastRun) -> list[dict[str, Any]]:
    """One row per slot that either run has: answers, probabilities and read-back."""
    now = {s.slot: s for s in current.result.answered}
    then = {s.slot: s for s in pinned.result.answered}
    return [_difference(slot, now.get(slot), then.get(slot)) for slot in sorted(now | then)]


def _difference(slot: int, now: SlotResult | None, then: SlotResult | None) -> dict[str, Any]:
    both = now is not None and then is not None
    same = both and (now.text, now.pair) == (then.text, then.pair) if now and then else False
    return {
        "slot": slot_label(slot),
        "sentence": "same" if same else DIFFERENT,
        "answer now": _headline(now),
        "answer pinned": _headline(then),
        "probability change": _change(_probability(now), _probability(then)),
        "read back now": _read_back(now),
        "read back pinned": _read_back(then),
        "read back change": _change(_read_back(now), _read_back(then)),
    }


def _headline(slot: SlotResult | None) -> str:
    return shorten(slot.answer.headline, 40) if slot else "–"


def _probability(slot: SlotResult | None) -> float | None:
    answer: Answer | None = slot.answer if slot else None
    return answer.probability if answer else None


def _read_back(slot: SlotResult | None) -> float | None:
    if slot is None or slot.reading is None or not slot.reading.accuracy.trials:
        return None
    return round(slot.reading.accuracy.value, 4)


def _change(now: float | None, then: float | None) -> float | None:
    return None if now is None or then is None else round(now - then, 4)

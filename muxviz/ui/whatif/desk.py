"""The mixing desk: a fader per slot, every slot before and after, dose and response."""

from __future__ import annotations

import math

import streamlit as st

from muxviz.figures.whatif.desk import BEFORE_AFTER
from muxviz.figures.whatif.dose import DOSE, SLOPES
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain, shorten
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call
from muxviz.ui.study.pace import mixed
from muxviz.ui.study.panels import slot_mark
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif import text as words
from muxviz.ui.whatif.params import FLOOR, GAINS, SCALE
from muxviz.ui.whatif.parts import floor_arguments

HIGHEST = 2.0
STEP = 0.05
BUTTON = 78  # px, so that rows stay in line
USUAL = (0.5, 1.5)
DOSES = 21
UNDO = "w_undo"  # earlier fader vectors, the latest last
MAX_UNDO = 50
MAX_SENTENCE = 42  # characters beside a fader


def desk_view(run: RunRequest, bench: Bench) -> None:
    """Faders, what they do, and every dose."""
    gains = fader_values(run.num_instances)
    _faders(run, gains)
    _notes(gains)
    show(_desk_question(run, gains))
    control(SCALE)
    show(_dose_question(run, bench))


# ---- faders -------------------------------------------------------------------------------------


def fader_values(num: int) -> tuple[float, ...]:
    """The faders of ``num`` slots from the link's numbers; what cannot be read is 1."""
    numbers = [_number(part) for part in str(value(GAINS)).split(",")][:num]
    return tuple(numbers + [1.0] * (num - len(numbers)))


def _number(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        return 1.0
    return min(max(found, 0.0), HIGHEST) if math.isfinite(found) else 1.0


def as_words(gains: tuple[float, ...]) -> str:
    """A fader vector as a link holds it; "" when nothing is moved."""
    return "" if all(g == 1 for g in gains) else ",".join(f"{g:g}" for g in gains)


def _set(gains: tuple[float, ...]) -> None:
    """Move the faders (a callback), so that Undo finds what was before."""
    past = (*st.session_state.get(UNDO, ()), str(value(GAINS)))
    st.session_state[UNDO] = past[-MAX_UNDO:]
    st.session_state[GAINS.key] = as_words(gains)


def _moved(slot: int, num: int) -> None:
    gains = list(fader_values(num))
    gains[slot] = float(st.session_state[_key(slot)])
    _set(tuple(gains))


def _mute(slot: int, num: int) -> None:
    gains = list(fader_values(num))
    gains[slot] = 0.0 if gains[slot] else 1.0
    _set(tuple(gains))


def _solo(slot: int, num: int) -> None:
    alone = tuple(float(j == slot) for j in range(num))
    _set((1.0,) * num if fader_values(num) == alone else alone)


def _undo() -> None:
    past = st.session_state.get(UNDO, ())
    if past:
        st.session_state[GAINS.key] = past[-1]
        st.session_state[UNDO] = past[:-1]


def _key(slot: int) -> str:
    return f"w_fader_{slot}"


def _faders(run: RunRequest, gains: tuple[float, ...]) -> None:
    num = run.num_instances
    with st.container(border=True, gap="xxsmall", key="faders"):
        for slot, gain in enumerate(gains):
            st.session_state[_key(slot)] = gain
            parts = st.columns([0.05, 0.35, 0.38, 0.22], vertical_alignment="center", gap="small")
            parts[0].markdown(slot_mark(slot), width="content")
            text = run.rows[slot].text if slot < len(run.rows) else "repeats another sentence"
            parts[1].markdown(f":small[{plain(shorten(text, MAX_SENTENCE))}]")
            parts[2].slider(
                f"Fader of slot {slot + 1}",
                0.0,
                HIGHEST,
                step=STEP,
                key=_key(slot),
                label_visibility="collapsed",
                on_change=_moved,
                args=(slot, num),
            )
            with parts[3].container(horizontal=True, gap="xxsmall", horizontal_alignment="right"):
                _buttons(slot, gains)
        _toolbar(num)


def _buttons(slot: int, gains: tuple[float, ...]) -> None:
    num = len(gains)
    is_alone = gains == tuple(float(j == slot) for j in range(num))
    choices = (
        ("mute", "Mute", _mute, gains[slot] == 0 and not is_alone),
        ("solo", "Solo", _solo, is_alone),
    )
    for name, label, action, is_on in choices:
        st.button(
            label,
            key=f"w_{name}_{slot}",
            type="primary" if is_on else "secondary",
            width=BUTTON,
            on_click=action,
            args=(slot, num),
        )


def _toolbar(num: int) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        st.button(
            "Reset",
            icon=":material/restart_alt:",
            key="w_reset",
            on_click=_set,
            args=((1.0,) * num,),
            help="All faders to 1.",
        )
        st.button(
            "Undo",
            icon=":material/undo:",
            key="w_undo_button",
            on_click=_undo,
            help="Back to the faders before the last move.",
        )
        st.space("stretch")
        control(FLOOR, help="What is left of a slot at 0; between 0 and 1 a fader blends the two.")
        with st.container(width=220):
            control(GAINS, help="One number per slot from 0 to 2, with commas; part of the link.")


def _notes(gains: tuple[float, ...]) -> None:
    outside = [i + 1 for i, g in enumerate(gains) if not USUAL[0] <= g <= USUAL[1]]
    if outside:
        which = ", ".join(map(str, outside))
        st.warning(
            f"**Off-distribution.** Fader{'s' * (len(outside) > 1)} {which} outside "
            f"{USUAL[0]:g} to {USUAL[1]:g}: the model never saw such a mixture. What follows shows "
            "what it computes, not what it was trained to do.",
            icon=":material/warning:",
        )


# ---- questions ----------------------------------------------------------------------------------


def _desk_question(run: RunRequest, gains: tuple[float, ...]) -> Question:
    return Question(
        "desk",
        "What do the faders do to every slot?",
        Call(
            "whatif.desk.turn_faders", run, {"gains": As("the faders", gains), **floor_arguments()}
        ),
        "two passes",
        BEFORE_AFTER(),
        words.DESK_HOW,
        words.DESK_LIMITS,
        "Every slot's answer with the faders at 1 and as they are now.",
        instant=True,
    )


def _dose_question(run: RunRequest, bench: Bench) -> Question:
    num = run.num_instances
    passes = 1 + num * (DOSES - 1)
    return Question(
        "dose",
        "How does each slot respond to every fader?",
        Call("whatif.dose.dose_response", run, {"doses": DOSES, **floor_arguments()}),
        mixed(passes, f" and {num} gradients"),
        DOSE(slot=bench.slot, scale=str(value(SCALE))) + SLOPES(),
        words.DOSE_HOW,
        words.DOSE_LIMITS,
        "One line per fader from 0 to 2 for the selected slot, and the slopes of all slots.",
    )

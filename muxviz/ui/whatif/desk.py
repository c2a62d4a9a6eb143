"""The mixing desk: a fader per slot, every slot before and after, dose and response."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.whatif import dose as dose_figures
from muxviz.results.store import to_json
from muxviz.results.whatif_desk import BeforeAfter, DoseResponse
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control, value
from muxviz.ui.shell.text import plain, shorten
from muxviz.ui.study.panels import Panel, slot_mark
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.question import Ask, Study, show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.whatif import text as words
from muxviz.ui.whatif.params import FLOOR, GAINS, SCALE
from muxviz.ui.whatif.parts import POOL_LINE, before_after_panel

if TYPE_CHECKING:
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.ui.study.question import Progress

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
    show(_desk_study(run, bench, gains))
    control(SCALE)
    show(_dose_study(run, bench))


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


# ---- studies ------------------------------------------------------------------------------------


def floor_line(floor: str) -> str:
    """Arguments of a call that say what a silent slot holds."""
    return "" if floor == "zero" else ", floor='pool', pool=texts()"


def pool_for(floor: str) -> tuple[str, ...]:
    """The pool's sentences, where they are needed."""
    from muxviz.pool import texts

    return texts() if floor == "pool" else ()


def _desk_study(run: RunRequest, bench: Bench, gains: tuple[float, ...]) -> Study:
    floor = str(value(FLOOR))

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.whatif.desk import turn_faders

        return turn_faders(
            checkpoint,
            run.rows,
            gains,
            floor=floor,
            pool=pool_for(floor),
            **run.group_options,
        )

    def panel(result: BeforeAfter) -> Panel:
        faders = [float(g) for g in gains]
        code = f"result = turn_faders({call_arguments(run)}, gains={faders}{floor_line(floor)})"
        return before_after_panel(
            "desk", result, run, bench, "turn_faders", code, (words.DESK_HOW, words.DESK_LIMITS)
        )

    ask = Ask(run, "mixing desk", (("the faders", gains), ("what a silent slot holds", floor)))
    return Study(
        "desk",
        "What do the faders do to every slot?",
        ask,
        "two passes",
        work,
        panel,
        "Every slot's answer with the faders at 1 and as they are now.",
        instant=True,
    )


def _dose_study(run: RunRequest, bench: Bench) -> Study:
    floor, num = str(value(FLOOR)), run.num_instances

    def work(checkpoint: Checkpoint, baseline: Checkpoint | None, progress: Progress) -> Any:
        from muxviz.analysis.whatif.dose import dose_response

        return dose_response(
            checkpoint,
            run.rows,
            doses=DOSES,
            floor=floor,
            pool=pool_for(floor),
            progress=progress,
            **run.group_options,
        )

    def panel(result: DoseResponse) -> Panel:
        return _dose_panel(result, run, bench, floor)

    passes = 1 + num * (DOSES - 1)
    return Study(
        "dose",
        "How does each slot respond to every fader?",
        Ask(run, "dose and response", (("what a silent slot holds", floor),)),
        f"{passes} mixed sequences and {num} gradients",
        work,
        panel,
        "One line per fader from 0 to 2 for the selected slot, and the slopes of all slots.",
    )


def _dose_panel(result: DoseResponse, run: RunRequest, bench: Bench, floor: str) -> Panel:
    scale, slot, dark = str(value(SCALE)), bench.slot, bench.is_dark
    imports = [
        "from muxviz.analysis.whatif.dose import dose_response",
        "from muxviz.figures.whatif.dose import dose_figure, slope_figure",
        *([POOL_LINE] if floor == "pool" else []),
    ]
    lines = [
        f"result = dose_response({call_arguments(run)}{floor_line(floor)})",
        f"dose_figure(result, {slot}, scale={scale!r}).show()",
        "slope_figure(result).show()",
    ]
    return Panel(
        "dose",
        (
            dose_figures.dose_figure(result, slot, scale=scale, dark=dark),
            dose_figures.slope_figure(result, dark=dark),
        ),
        (dose_figures.dose_alt(result, slot), dose_figures.slope_alt(result)),
        dose_figures.dose_table(result, slot),
        words.DOSE_HOW,
        words.DOSE_LIMITS,
        lambda: to_json(result),
        analysis_snippet(run, imports, lines),
        result.provenance.line(),
    )

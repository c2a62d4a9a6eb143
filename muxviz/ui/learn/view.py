"""The Learn page: three steps on recorded results, each with a way to try it live.

Nothing here loads torch; results are read from the file that ``make recorded`` writes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from muxviz.errors import DataError
from muxviz.figures.crosstalk.matrix import CROSSTALK
from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import percent
from muxviz.figures.whatif.keys import DIAL
from muxviz.presets import preset
from muxviz.results.cross_matrix import CrossMatrix, cross_matrix
from muxviz.results.lessons import Lessons
from muxviz.ui.learn import text as words
from muxviz.ui.learn.params import GUESS, STEP, TURN
from muxviz.ui.shell import group, session
from muxviz.ui.shell.checkpoints import bundled
from muxviz.ui.shell.frame import PAGES, Bench, go_to, page_exists
from muxviz.ui.shell.params import Choice, control, value
from muxviz.ui.shell.text import count, plain, shorten
from muxviz.ui.study.asked import Question
from muxviz.ui.study.braid import braid_question
from muxviz.ui.study.call import Known
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.question import show
from muxviz.ui.study.recorded import lessons

ALPHAS = {"own": 0.0, "half": 0.5, "other": 1.0}
QUOTED = 60  # characters of a sentence in running text
LOAD = "checkpoint = muxviz.load({name!r})"
ROWS = "rows = [Row(*row) for row in preset({preset!r}).rows[:checkpoint.config.num_instances]]"


def learn(bench: Bench) -> None:
    """The chosen step, and the ways to the next and to a live page."""
    step = str(control(STEP))
    try:
        found = lessons()
    except DataError as error:
        error_panel(error)
        return
    if found is None:
        st.info(words.MISSING, icon=":material/movie:")
        return
    steps = {"1": _one_pass, "2": _keys, "3": _leaks}
    steps[step](found, bench)
    _ways(step, found)


# ---- the steps ----------------------------------------------------------------------------------


def _one_pass(found: Lessons, bench: Bench) -> None:
    result = found.group
    st.subheader("One pass, many answers", anchor=False)
    st.markdown(words.ONE_PASS.format(number=len(result.slots)))
    _badge(found.checkpoint)
    known = _known(
        found.checkpoint,
        found.group_preset,
        result,
        ("from muxviz.inference import run_group",),
        "result = run_group(checkpoint, rows)",
    )
    show(
        braid_question(
            "learn_braid",
            result,
            known.about,
            known.imports,
            known.lines,
            how=words.ONE_PASS_HOW,
            limits=words.ONE_PASS_LIMITS,
        )
    )
    agreeing = [slot.agrees for slot in result.answered if slot.agrees is not None]
    if agreeing:
        st.markdown(
            f":material/lightbulb: Alone, without any neighbour, {sum(agreeing)} of "
            f"{count(len(agreeing), 'sentence')} get the same answer: that is what sharing is "
            "measured against."
        )


def _keys(found: Lessons, bench: Bench) -> None:
    dial = found.dial
    st.subheader("The right key and the wrong key", anchor=False)
    st.markdown(
        words.KEYS.format(
            number=len(dial.texts),
            own=slot_label(dial.slot),
            other=slot_label(dial.other),
            text=_quoted(dial.texts[dial.slot]),
            text_other=_quoted(dial.texts[dial.other]),
        )
    )
    alpha = ALPHAS[str(control(TURN))]
    _badge(found.checkpoint)
    known = _known(
        found.checkpoint,
        found.group_preset,
        dial,
        ("from muxviz.analysis.whatif.dial import key_dial",),
        f"result = key_dial(checkpoint, rows, {dial.slot}, {dial.other})",
    )
    picture = DIAL(alpha=alpha)
    show(
        Question(
            "learn_keys", "", known, "", picture, words.KEYS_HOW, words.KEYS_LIMITS, is_headed=False
        )
    )
    heard = [float(values[:, dial.slot].mean()) for values in (dial.heard_random, dial.heard[:1])]
    if not any(np.isnan(heard)):
        shares = dict(zip(("heard", "own_heard"), map(percent, heard), strict=True))
        st.markdown(words.RANDOM_KEY.format(own=slot_label(dial.slot), **shares))


def _leaks(found: Lessons, bench: Bench) -> None:
    leaks, (slot, source) = found.leaks, found.culprit
    st.subheader("Find the culprit", anchor=False)
    if found.leaky != found.checkpoint:
        st.markdown(words.SHARED.format(rooms=plain(found.checkpoint), shared=plain(found.leaky)))
    st.markdown(words.LEAKS.format(slot=slot_label(slot), draws=leaks.draws))
    for number, text in enumerate(leaks.texts):
        mark = " :gray-badge[its answer moves]" if number == slot else ""
        st.markdown(f"{slot_label(number)} &ensp; {plain(text)}{mark}")
    guess = str(control(_guesses(len(leaks.texts), slot)))
    if guess == GUESS.default:
        st.caption(":material/visibility_off: Choose a slot, and the measurement appears.")
        return
    matrix = cross_matrix(leaks)
    _verdict(matrix, int(guess) - 1, slot, source)
    _badge(found.leaky)
    known = _known(
        found.leaky,
        found.leak_preset,
        leaks,
        (
            "from muxviz.analysis.crosstalk.swap_test import measure_crosstalk",
            "from muxviz.results.cross_matrix import cross_matrix",
        ),
        f"result = measure_crosstalk(checkpoint, rows, draws={leaks.draws})",
    )
    picture = CROSSTALK(picked=(slot, source)).of(matrix, named="cross_matrix(result)")
    show(
        Question(
            "learn_leaks",
            "",
            known,
            "",
            picture,
            words.LEAKS_HOW,
            words.LEAKS_LIMITS,
            is_headed=False,
        )
    )


def _guesses(num: int, slot: int) -> Choice:
    """The other slots of this group."""
    there = {GUESS.default, *(str(i + 1) for i in range(num) if i != slot)}
    return replace(GUESS, options={k: v for k, v in GUESS.options.items() if k in there})


def _verdict(matrix: CrossMatrix, guess: int, slot: int, source: int) -> None:
    """Whether the guess is right, by how much."""
    mine, most = (1000 * float(matrix.values[slot, j]) for j in (guess, source))
    told = " It is not told from chance, though." if matrix.is_faint[slot, source] else ""
    if guess == source:
        st.success(
            f"**Yes.** Exchanging the sentence in slot {slot_label(source)} moves the answer of "
            f"slot {slot_label(slot)} by {most:.2g} thousandths of a nat, more than any other "
            f"does.{told}",
            icon=":material/check_circle:",
        )
    else:
        st.info(
            f"**Not this one.** Slot {slot_label(guess)} moves it by {mine:.2g} thousandths of a "
            f"nat, slot {slot_label(source)} by {most:.2g}.{told}",
            icon=":material/search:",
        )


# ---- ways on ------------------------------------------------------------------------------------


def _ways(step: str, found: Lessons) -> None:
    """Try it yourself, and the steps before and after."""
    page, name, settings, slot = _live(step, found)
    model = found.leaky if step == "3" else found.checkpoint
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        if page_exists(page):
            st.button(
                "Try it yourself",
                icon=":material/play_circle:",
                type="primary",
                key=f"learn_try_{step}",
                on_click=_try,
                args=(page, name, settings, slot, model),
            )
        st.caption(f"{words.TRY[step]} Opens {PAGES[page].title}.", width="stretch")
    steps = list(STEP.options)
    at = steps.index(step)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        _go("Back", steps[max(at - 1, 0)], ":material/arrow_back:", at == 0)
        _go("Next", steps[min(at + 1, len(steps) - 1)], ":material/arrow_forward:", step == "3")


def _live(step: str, found: Lessons) -> tuple[str, str, tuple[tuple[str, Any], ...], int]:
    """The live page of a step: its key, the preset, its settings and the slot (from 0)."""
    if step == "1":
        return "mix", found.group_preset, (), 0
    if step == "2":
        other = str(found.dial.other + 1)
        settings = (("w_view", "key"), ("w_to", other), ("w_alpha", ALPHAS[str(value(TURN))]))
        return "whatif", found.group_preset, settings, found.dial.slot
    return "crosstalk", found.leak_preset, (("c_meas", "swap"),), found.culprit[0]


def _try(
    page: str, name: str, settings: tuple[tuple[str, Any], ...], slot: int, checkpoint: str
) -> None:
    """Set the state of a live page and open it."""
    state = st.session_state
    group.put_preset(preset(name))
    if checkpoint in {listed.name for listed in bundled()}:
        state[session.CHECKPOINT] = checkpoint
    state[session.SLOT] = slot + 1
    state.update(settings)
    go_to(page)


def _go(label: str, step: str, icon: str, is_end: bool) -> None:
    def turn() -> None:
        st.session_state[STEP.key] = step

    st.button(label, icon=icon, key=f"learn_{label.lower()}", on_click=turn, disabled=is_end)


# ---- details ------------------------------------------------------------------------------------


def _badge(checkpoint: str) -> None:
    st.badge(f"recorded on {plain(checkpoint)}, not live", icon=":material/movie:", color="gray")


def _quoted(text: str) -> str:
    """A sentence inside another one: without its own full stop."""
    return plain(shorten(text.rstrip("."), QUOTED))


def _known(checkpoint: str, name: str, result: Any, imports: tuple[str, ...], line: str) -> Known:
    """A recorded result, with the Python that makes it again."""
    own = ("import muxviz", "from muxviz.batch import Row", "from muxviz.presets import preset")
    lines = (LOAD.format(name=checkpoint), ROWS.format(preset=name), line)
    about = (checkpoint, name, result.provenance.measured)
    return Known(lambda: result, about, "result", (*own, *imports), lines)

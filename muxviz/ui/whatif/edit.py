"""One slot gets another sentence: every slot before and after, as bars and as cards."""

from __future__ import annotations

import numpy as np
import streamlit as st

from muxviz.batch import Row
from muxviz.figures.drawing.wording import percent
from muxviz.figures.whatif.desk import BEFORE_AFTER
from muxviz.pool import texts
from muxviz.results.whatif_desk import BeforeAfter
from muxviz.ui.shell import group
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import control
from muxviz.ui.shell.text import plain, shorten
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import As, Call
from muxviz.ui.study.panels import empty, slot_mark
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest
from muxviz.ui.study.slots import only_fills
from muxviz.ui.whatif import text as words
from muxviz.ui.whatif.params import MAX_TEXT, TEXT

CARD = 240  # px, least width
MAX_SENTENCE = 120  # characters
MAX_ANSWER = 60


def edit_view(run: RunRequest, bench: Bench) -> None:
    """A sentence for the selected slot, and what it does to all."""
    if only_fills(run, bench):
        return
    text = _field(run, bench).strip()
    if not text:
        empty(
            "No new sentence yet",
            f"Write one for slot {bench.slot + 1}: its answer and those of its neighbours are "
            "compared with now.",
        )
        return
    result = show(_question(run, bench.slot, text))
    if isinstance(result, BeforeAfter):
        _cards(result)


def _field(run: RunRequest, bench: Bench) -> str:
    now = plain(shorten(run.rows[bench.slot].text, MAX_SENTENCE))
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{slot_mark(bench.slot)} holds now: {now}")
        with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
            text = str(
                control(TEXT, help="Tried out here; the group stays until you take it over.")
            )
            st.button(
                "Take it over",
                icon=":material/check:",
                key="w_take",
                on_click=take_text,
                args=(bench.slot, text),
                disabled=not text.strip(),
                help="Puts the sentence into the group; Undo is on Mix & read.",
            )
        with st.container(horizontal=True, gap="small"):
            st.button(
                "One from the pool",
                icon=":material/casino:",
                key="w_pool",
                on_click=_draw,
                args=(run, bench.slot, bench.seed),
                help="A sentence of the pool, drawn with the seed; pressed again, the next one.",
            )
            st.button(
                "Its first half",
                icon=":material/content_cut:",
                key="w_half",
                on_click=_halve,
                args=(text or run.rows[bench.slot].text,),
                help="Cuts the end off; of what is written above, else of what the slot holds.",
            )
    return text


def _draw(run: RunRequest, slot: int, seed: int) -> None:
    """Another pool sentence, in an order of its own for the seed and slot (a callback)."""
    held = {row.text for row in run.rows}
    order = np.random.default_rng((seed, slot)).permutation(texts())
    pool = [str(text)[:MAX_TEXT] for text in order if str(text) not in held]
    now = st.session_state.get(TEXT.key, "")
    at = pool.index(now) + 1 if now in pool else 0
    st.session_state[TEXT.key] = pool[at % len(pool)] if pool else now


def _halve(text: str) -> None:
    """The first half of a sentence's words (a callback)."""
    parts = text.split()
    st.session_state[TEXT.key] = " ".join(parts[: max(1, len(parts) // 2)])[:MAX_TEXT]


def take_text(slot: int, text: str) -> None:
    """Put a sentence into a seat of the group (a callback)."""
    rows = list(group.filled_rows())
    rows[slot] = Row(text.strip(), rows[slot].pair)
    group.put(rows)
    st.session_state[TEXT.key] = ""


def _question(run: RunRequest, slot: int, text: str) -> Question:
    given = {"slot": As("the slot", slot), "text": As("the new sentence", text)}
    return Question(
        "edit",
        "What happens to the others with this sentence?",
        Call("whatif.desk.edit_slot", run, given),
        "two passes",
        BEFORE_AFTER(),
        words.EDIT_HOW,
        words.EDIT_LIMITS,
        "Every slot's answer before and after.",
        instant=True,
    )


def _cards(result: BeforeAfter) -> None:
    """Before and after, a card per slot."""
    with st.grid("auto", min_column_width=CARD, gap="small"):
        for slot, text in enumerate(result.texts_after):
            if slot in result.fillers:
                continue
            with st.container(border=True, height="stretch", gap="xsmall", key=f"w_card_{slot}"):
                _card(result, slot, text)


def _card(result: BeforeAfter, slot: int, text: str) -> None:
    before, after = (
        plain(shorten(answers[slot], MAX_ANSWER))
        for answers in (result.answers_before, result.answers_after)
    )
    is_edited = slot == result.edited
    st.markdown(f"{slot_mark(slot)}{' :small[:gray[new sentence]]' if is_edited else ''}")
    if result.per_token:
        st.markdown(f":small[before: {before}]  \n:small[now: {after}]")
    else:
        old, new = result.p_before[slot], result.p_after[slot]
        st.markdown(
            f":gray[{before} {percent(float(old.max()))}] → **{after}** {percent(float(new.max()))}"
        )
    if slot in result.flipped:
        st.markdown(":orange-background[:small[the new neighbour changed the answer]]")
    st.text(shorten(text, MAX_SENTENCE))
    st.space("stretch")
    margin = result.margin_after[slot] - result.margin_before[slot]
    if margin == margin:
        st.caption(f"margin of the former answer {margin:+.2f}")

"""The rows editor of Mix & read: N slots, parked rows, token counters, filling and padding.

It is a fragment: typing reruns the editor alone. Where typing changes what the rest of the page
says (whose sentences these are, whether the result is stale), the page follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from muxviz.presets import find_preset
from muxviz.ui.mix.counting import Counter, counter_of
from muxviz.ui.shell import group, options, session
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.group import EditedRow, Seats
from muxviz.ui.shell.links import MAX_ROWS, MAX_TEXT
from muxviz.ui.shell.text import count, listed, plain
from muxviz.ui.study.heading import padding_choice
from muxviz.ui.study.panels import slot_mark

ROW = 420  # px, least width: two rows beside each other where there is room


def editor(bench: Bench, is_stale: Callable[[], bool]) -> None:
    """Draw the editor; ``is_stale`` tells whether the rows differ from those of the result."""
    st.session_state.setdefault(session.EDITOR, True)
    st.session_state[session.MARKS] = None  # the whole page is being drawn: it needs no telling
    _editor(bench, is_stale)


@st.fragment
def _editor(bench: Bench, is_stale: Callable[[], bool]) -> None:
    group.collect()
    seats = group.seat(bench.num_instances)
    # Of one name always: under another one Streamlit takes it for a new box, and closes it.
    box = st.expander(
        "**Sentences**", key=session.EDITOR, on_change="rerun", icon=":material/edit:"
    )
    if not box.open:
        st.caption(_summary(seats))
    with box:
        _toolbar(bench, seats)
        _taken(seats)
        _rows(seats, counter_of(bench.checkpoint))
        if seats.seated and seats.free:
            _fill_control(seats)
    _tell_page(is_stale)


def _summary(seats: Seats) -> str:
    """How the slots are taken."""
    parts = [f"{len(seats.seated)} of {count(seats.num_instances, 'slot')} taken"]
    if seats.free and seats.seated:
        parts.append(f"{seats.free} to fill")
    return " · ".join(parts)


def _tell_page(is_stale: Callable[[], bool]) -> None:
    group.collect()
    preset = find_preset(st.session_state[session.PRESET])
    texts = tuple((r.text, r.pair or None) for r in group.edited())
    marks = (preset is not None and texts != preset.rows, is_stale(), group.uses_pairs())
    told = st.session_state[session.MARKS]
    st.session_state[session.MARKS] = marks
    if told not in (None, marks):
        st.rerun()


def _toolbar(bench: Bench, seats: Seats) -> None:
    full = len(group.edited()) >= MAX_ROWS
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.button("Add", icon=":material/add:", on_click=group.add, disabled=full, key="row_add")
        with st.popover("Paste", icon=":material/content_paste:"):
            _paste_field()
        st.button(
            "Shuffle",
            icon=":material/shuffle:",
            on_click=group.shuffle,
            args=(bench.seed,),
            key="row_shuffle",
            help="Puts the rows in another order, drawn with the seed.",
        )
        st.button("Clear", icon=":material/delete_sweep:", on_click=group.clear, key="row_clear")
        st.button(
            "Undo",
            icon=":material/undo:",
            on_click=group.undo,
            key="row_undo",
            disabled=not st.session_state.get(session.UNDO),
            help="Brings back the rows before the last add, paste, shuffle, clear or preset.",
        )
        st.caption(_summary(seats), text_alignment="right", width="stretch")
        with st.popover("Options", icon=":material/tune:"):
            _options(bench)


def _taken(seats: Seats) -> None:
    """What the last paste gave, until the rows are others."""
    found = group.taken()
    if found is None:
        return
    lines, left = found
    parts = [f"{count(lines, 'line')} taken: {len(seats.seated)} in slots"]
    parts += [f"{seats.parked} parked"] * bool(seats.parked)
    parts += [f"{left} left out, at most {MAX_ROWS} are kept"] * bool(left)
    st.caption(f":material/content_paste: {', '.join(parts)}.")


def _options(bench: Bench) -> None:
    st.toggle(
        "Sentence pairs",
        key=session.PAIRS,
        bind="query-params",
        help="A second sentence per row, for tasks that compare two.",
    )
    st.selectbox(
        "Padding",
        list(options.PADDINGS),
        format_func=options.PADDINGS.__getitem__,
        key=session.PADDING,
        bind="query-params",
        help="The published models see padding: how long a row is made changes every answer.",
    )
    has_baseline = bool(bench.checkpoint and bench.checkpoint.baseline)
    st.toggle(
        "Alone = all slots equal",
        key=session.EQUAL,
        bind="query-params",
        disabled=has_baseline or bench.num_instances == 1,
        help="For a checkpoint that names no N = 1 baseline: each sentence is put into all slots "
        "of the same model. That is another question than one text a pass, so it has its own name.",
    )


def _paste_field() -> None:
    st.text_area(
        "One sentence per line; a second sentence after a tab",
        key=session.PASTED,
        height=180,
        width=420,
    )
    st.caption(f"Replaces the rows (Undo brings them back). At most {MAX_ROWS} lines.")
    st.button("Use these lines", type="primary", on_click=group.paste, key="row_paste")


def _rows(seats: Seats, counter: Counter | None) -> None:
    limit = counter.limit(padding_choice()) if counter else None
    pairs = list(zip(seats.rows, seats.slots, strict=True))
    parked = [row for row, slot in pairs if slot is None and not row.is_blank]
    with st.grid(1 if group.uses_pairs() else 2, min_column_width=ROW, gap="xsmall"):
        for row, slot in pairs:
            if row not in parked:
                _row(row, slot, counter, limit)
    _controls_note(seats.rows, counter)
    if parked:
        label = f"{count(len(parked), 'sentence')} parked: this checkpoint has "
        label += count(seats.num_instances, "slot")
        with (
            st.expander(label, type="compact", key="parked_rows"),
            st.container(gap="xxsmall"),
        ):
            for row in parked:
                _row(row, None, counter, limit)


def _controls_note(rows: Sequence[EditedRow], counter: Counter | None) -> None:
    """What looks like text in a row and is none to the model."""
    typed = [c for row in rows if counter for c in counter.controls(group.as_row(row))]
    if typed:
        names = listed([plain(name) for name in dict.fromkeys(typed)])
        st.caption(
            f":material/info: {names} in a sentence: the tokenizer takes it for a control token, "
            "not for the characters you typed."
        )


def _row(row: EditedRow, slot: int | None, counter: Counter | None, limit: int | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        st.markdown(_slot_mark(row, slot), width="content")
        with st.container():
            _fields(row, slot)
        st.caption(_counter_text(row, counter, limit), width="content")
        name = _row_name(row, slot)
        _row_button("Duplicate", name, ":material/content_copy:", group.duplicate, row)
        _row_button("Remove", name, ":material/close:", group.remove, row)


def _slot_mark(row: EditedRow, slot: int | None) -> str:
    if slot is not None:
        return slot_mark(slot)
    return ":gray[–]" if row.is_blank else ":gray[:material/local_parking:]"


def _row_name(row: EditedRow, slot: int | None) -> str:
    return f"slot {slot + 1}" if slot is not None else f"row without a slot ({row.id})"


def _fields(row: EditedRow, slot: int | None) -> None:
    name = _row_name(row, slot)
    fields = st.columns(2, gap="xsmall") if group.uses_pairs() else [st.container()]
    keyed = [
        (session.row_text(row.id), row.text, "Sentence"),
        (session.row_pair(row.id), row.pair, "Second sentence"),
    ]
    for field, (key, text, label) in zip(fields, keyed, strict=False):
        st.session_state.setdefault(key, text)
        field.text_input(
            f"{label} of {name}",
            key=key,
            max_chars=MAX_TEXT,
            label_visibility="collapsed",
            placeholder="Write a sentence" if label == "Sentence" else "Second sentence (optional)",
            live="400ms",
        )


def _counter_text(row: EditedRow, counter: Counter | None, limit: int | None) -> str:
    if row.is_blank:
        return "left out"
    tokens = counter.tokens(group.as_row(row)) if counter else None
    if tokens is None:
        return count(len(row.text), "letter")
    if limit is not None and tokens > limit:
        return f":red[:material/content_cut: {tokens}, cut to {limit}]"
    return count(tokens, "token")


def _row_button(
    verb: str, name: str, icon: str, action: Callable[[int], None], row: EditedRow
) -> None:
    st.button(
        f"{verb} {name}",
        icon=icon,
        type="tertiary",
        help=verb,
        on_click=action,
        args=(row.id,),
        key=f"icon_{verb.lower()}_{row.id}",
    )


# ---- filling and padding ------------------------------------------------------------------------


def _fill_control(seats: Seats) -> None:
    st.segmented_control(
        f"{count(seats.free, 'slot')} without a sentence: fill how?",
        list(options.FILLS),
        default="repeat",
        format_func=options.FILLS.__getitem__,
        required=True,
        key=session.FILL,
        bind="query-params",
        help="Repeat: whole rows, drawn with the seed. Published: texts and masks are drawn "
        "separately, as the released code does. Fillers are never counted or shown as answers.",
    )

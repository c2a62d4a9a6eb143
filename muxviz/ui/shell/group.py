"""The rows being edited: kept in the session, so that no error and no page change loses them.

``collect`` takes over what was typed since the last run of the script. The functions that change
rows are callbacks of buttons: they run before the page is drawn. Each keeps the rows it replaces,
so that ``undo`` brings them back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import streamlit as st

from muxviz.batch import Row
from muxviz.files import split_lines
from muxviz.presets import Preset, find_preset, presets
from muxviz.ui.shell import session
from muxviz.ui.shell.links import MAX_ROWS, MAX_TEXT

OWN = "My sentences"
MAX_UNDO = 20


@dataclass(frozen=True)
class EditedRow:
    """A row of the editor; ``id`` stays with it when it moves."""

    id: int
    text: str
    pair: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether it is left out of the pass."""
        return not self.text.strip()


@dataclass(frozen=True)
class Seats:
    """What becomes of each edited row: its slot counted from 0, or None, in order."""

    rows: tuple[EditedRow, ...]
    slots: tuple[int | None, ...]
    num_instances: int

    @property
    def seated(self) -> list[EditedRow]:
        """The rows that go through the pass, in slot order."""
        return [r for r, slot in zip(self.rows, self.slots, strict=True) if slot is not None]

    @property
    def parked(self) -> int:
        """Rows with a text but without a slot."""
        return sum(not r.is_blank for r in self.rows) - len(self.seated)

    @property
    def free(self) -> int:
        """Slots without a row."""
        return self.num_instances - len(self.seated)


def edited() -> tuple[EditedRow, ...]:
    """The rows as last collected."""
    rows: tuple[EditedRow, ...] = st.session_state.get(session.ROWS, ())
    return rows


def seat(num_instances: int) -> Seats:
    """Give the first rows that are not blank a slot each; the others are parked."""
    slots: list[int | None] = []
    taken = 0
    for row in edited():
        takes = not row.is_blank and taken < num_instances
        slots.append(taken if takes else None)
        taken += takes
    return Seats(edited(), tuple(slots), num_instances)


def uses_pairs() -> bool:
    """Whether second sentences are shown and sent."""
    return bool(st.session_state.get(session.PAIRS))


def as_row(row: EditedRow) -> Row:
    """The row as it goes through a pass."""
    return Row(row.text.strip(), row.pair.strip() if uses_pairs() else None)


def filled_rows() -> tuple[Row, ...]:
    """All rows with a text, parked ones included."""
    return tuple(as_row(r) for r in edited() if not r.is_blank)


def collect() -> None:
    """Take over what the fields hold now."""
    state = st.session_state
    state[session.ROWS] = tuple(
        EditedRow(
            row.id,
            state.get(session.row_text(row.id), row.text),
            state.get(session.row_pair(row.id), row.pair),
        )
        for row in edited()
    )


def put(rows: Sequence[Row]) -> None:
    """Replace all rows."""
    first = st.session_state.get(session.NEXT_ROW, 0)
    _set([EditedRow(first + i, r.text, r.pair or "") for i, r in enumerate(rows[:MAX_ROWS])])
    st.session_state[session.NEXT_ROW] = first + len(rows)
    if any(r.pair is not None for r in rows):
        st.session_state[session.PAIRS] = True


def _set(rows: Sequence[EditedRow]) -> None:
    state = st.session_state
    if edited() and tuple(rows) != edited():
        state[session.UNDO] = (*state.get(session.UNDO, ()), edited())[-MAX_UNDO:]
    state[session.ROWS] = tuple(rows)


def _new(text: str = "", pair: str = "") -> EditedRow:
    number = st.session_state.get(session.NEXT_ROW, 0)
    st.session_state[session.NEXT_ROW] = number + 1
    return EditedRow(number, text, pair)


# ---- what buttons do ----------------------------------------------------------------------------


def add() -> None:
    """A blank row at the end."""
    collect()
    if len(edited()) < MAX_ROWS:
        _set([*edited(), _new()])


def remove(row: int) -> None:
    """Take one row out."""
    collect()
    _set([r for r in edited() if r.id != row] or [_new()])


def duplicate(row: int) -> None:
    """The same texts once more, below."""
    collect()
    rows: list[EditedRow] = []
    for r in edited():
        rows += [r, _new(r.text, r.pair)] if r.id == row else [r]
    _set(rows[:MAX_ROWS])


def shuffle(seed: int) -> None:
    """Another order of the rows, the same for the same seed and rows."""
    collect()
    order = np.random.default_rng(seed).permutation(len(edited()))
    _set([edited()[i] for i in order])


def clear() -> None:
    """One blank row instead of all."""
    collect()
    _set([_new()])


def undo() -> None:
    """Back to the rows before the last change of this kind."""
    collect()
    earlier = st.session_state.get(session.UNDO, ())
    if earlier:
        _forget_fields(earlier[-1])
        st.session_state[session.ROWS] = earlier[-1]
        st.session_state[session.UNDO] = earlier[:-1]


def _forget_fields(rows: Sequence[EditedRow]) -> None:
    """Make the fields of these rows start from the rows' texts again."""
    for row in rows:
        st.session_state.pop(session.row_text(row.id), None)
        st.session_state.pop(session.row_pair(row.id), None)


def paste() -> None:
    """Rows from the text of the paste field: one per line, the second sentence after a tab."""
    collect()
    text = st.session_state.get(session.PASTED, "")
    rows = parse(text)
    if rows:
        put(rows)
        lines = sum(bool(line.strip()) for line in split_lines(text))
        st.session_state[session.TOOK] = (_ids(), lines - len(rows))
        st.session_state[session.PASTED] = ""


def taken() -> tuple[int, int] | None:
    """Lines that the last paste took and left out, while its rows are those of the editor."""
    ids, left = st.session_state.get(session.TOOK) or ((), 0)
    return (len(ids), left) if ids and ids == _ids() else None


def _ids() -> tuple[int, ...]:
    return tuple(row.id for row in edited())


def parse(text: str) -> list[Row]:
    """One row per line that is not blank; what follows a tab is the second sentence."""
    lines = [line for line in split_lines(text) if line.strip()]
    parts = [line.split("\t", 1) for line in lines[:MAX_ROWS]]
    return [
        Row(p[0].strip()[:MAX_TEXT], p[1].strip()[:MAX_TEXT] if len(p) > 1 else None) for p in parts
    ]


# ---- presets ------------------------------------------------------------------------------------


def titles() -> list[str]:
    """What the group control offers."""
    return [*(p.title for p in presets()), OWN]


def preset_rows(preset: Preset) -> tuple[Row, ...]:
    """A preset's rows."""
    return tuple(Row(*texts) for texts in preset.rows)


def put_preset(preset: Preset) -> None:
    """Replace all rows by a preset's and show its name."""
    put(preset_rows(preset))
    st.session_state[session.PAIRS] = any(pair for _, pair in preset.rows)
    st.session_state[session.APPLIED] = st.session_state[session.PRESET] = preset.title


def settle() -> None:
    """Bring rows and group control together, before either is drawn.

    A title that was chosen since the last run puts its rows in; rows that are no longer those of
    the title turn it into "My sentences".
    """
    collect()
    state = st.session_state
    chosen, applied = state.get(session.PRESET), state.get(session.APPLIED)
    preset = find_preset(chosen or "")
    if not edited():
        put_preset(preset or presets()[0])
    elif preset is not None and chosen != applied:
        put_preset(preset)
    else:
        state[session.APPLIED] = state[session.PRESET] = _title_of_rows(preset)


def _title_of_rows(preset: Preset | None) -> str:
    texts = tuple((r.text, r.pair or None) for r in edited())
    return preset.title if preset is not None and texts == preset.rows else OWN

"""Findings that a user keeps: what a panel said, its numbers, and the choices it was drawn with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.drawing.export import Section
from muxviz.ui.shell import link, session
from muxviz.ui.shell.links import address

if TYPE_CHECKING:
    from muxviz.ui.study.panels import Panel

MOST = 30  # findings in a session; the oldest goes first
MOST_ROWS = 200  # of a panel's table
MAX_NOTE = 1000  # characters

Cell = str | int | float | bool | None


@dataclass(frozen=True)
class Finding:
    """What was found, in words and numbers.

    page: its key in ``frame.PAGES``. parameters: of the link to it. titles: one sentence per
    picture. rows: the first ``MOST_ROWS`` of ``of_rows``. kept: UTC, ISO 8601. section: the
    pictures for a report; None where it came from a file, which no picture is drawn from.
    """

    question: str
    page: str
    parameters: Mapping[str, str | list[str]]
    titles: tuple[str, ...]
    rows: tuple[Mapping[str, Cell], ...]
    of_rows: int
    provenance: str
    kept: str
    note: str = ""
    section: Section | None = None

    @property
    def link(self) -> str:
        """The address of its page in that state, behind the app's own."""
        return address("/" if self.page == "start" else f"/{self.page}", self.parameters)


def findings() -> tuple[Finding, ...]:
    """Those kept in this session, the latest last."""
    kept: tuple[Finding, ...] = st.session_state.get(session.FINDINGS, ())
    return kept


def keep_panel(panel: Panel, question: str) -> None:
    """Keep what a panel shows now, once (a callback)."""
    page = st.session_state[session.PAGE]
    section = Section(question, panel.figures, (panel.how, panel.limits), panel.provenance)
    new = Finding(
        question,
        page,
        link.parameters(page),
        panel.findings,
        tuple(_plain_cells(row) for row in panel.table[:MOST_ROWS]),
        len(panel.table),
        panel.provenance,
        datetime.now(UTC).isoformat(timespec="seconds"),
        section=section,
    )
    if any(_same(new, one) for one in findings()):
        st.toast("This finding is kept already, on Saved.", icon=":material/bookmark:")
        return
    keep(new)
    st.toast("Kept on Saved, where it can bear a note.", icon=":material/bookmark_added:")


def keep(*new: Finding) -> None:
    """Add findings; the oldest go where there are too many."""
    st.session_state[session.FINDINGS] = (*findings(), *new)[-MOST:]


def remove(number: int) -> None:
    """Let go of one, by its place in ``findings`` (a callback)."""
    left = [one for place, one in enumerate(findings()) if place != number]
    st.session_state[session.FINDINGS] = tuple(left)


def write_note(number: int, note: str) -> None:
    """Give one its note."""
    changed = list(findings())
    changed[number] = replace(changed[number], note=note[:MAX_NOTE])
    st.session_state[session.FINDINGS] = tuple(changed)


def sections() -> list[Section]:
    """The findings as parts of a report: the note first, then what was found."""
    return [_section(one) for one in findings()]


def _section(one: Finding) -> Section:
    where = f"Kept {one.kept} · {one.link}"
    origin = f"{where} · {one.provenance}" if one.provenance else where
    if one.section is None:
        said = "Read from a session file, not computed here."
        return Section(one.question, (), (), f"{said} {origin}", (one.note, *one.titles), one.rows)
    return replace(one.section, provenance=origin, said=(one.note, *one.titles), rows=one.rows)


def _same(one: Finding, other: Finding) -> bool:
    return replace(one, kept="", note="", section=None) == replace(
        other, kept="", note="", section=None
    )


def _plain_cells(row: Mapping[str, Any]) -> dict[str, Cell]:
    """A row of a table as JSON can hold it; NumPy's numbers become Python's."""
    return {str(name): _cell(value) for name, value in row.items()}


def _cell(value: Any) -> Cell:
    value = value.item() if hasattr(value, "item") else value
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)

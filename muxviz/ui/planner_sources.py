"""Tables of measured settings that the Planner page plans with: the recorded grid, and files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from muxviz import recorded
from muxviz.errors import MuxvizError
from muxviz.files import read_bytes
from muxviz.planning.points import parse_points
from muxviz.results.planning import Measurements
from muxviz.ui.errors import error_panel
from muxviz.ui.text import plain, shorten

FILES = "n_files"  # in the session: digest -> Table, the latest last
UPLOAD = "n_upload"
TURN = "n_upload_turn"  # changes when loaded files are let go, so that the field empties
MOST_FILES = 6
MAX_NAME = 60


@dataclass(frozen=True, eq=False)
class Table:
    """A table on the page.

    digest: of its content; everything made of it is kept under that. python: an expression for the
    file. imports: what it needs.
    """

    label: str
    points: Measurements
    digest: str
    python: str
    imports: tuple[str, ...]


def tables(*, quiet: bool = False) -> list[Table]:
    """Files of the user's first, the latest on top, then the recorded grid.

    A damaged recording is said on the page, unless ``quiet``.
    """
    found = list(st.session_state.get(FILES, {}).values())[::-1]
    path = recorded.grid_file()
    if path.is_file():
        try:
            found.append(_recorded(path))
        except MuxvizError as error:
            if not quiet:
                error_panel(error)
    return found


def _recorded(path: Path) -> Table:
    data = read_bytes(path)
    return Table(
        "recorded grid",
        _parsed(data, path.name),
        _digest(data),
        "grid_file()",
        ("from muxviz.recorded import grid_file",),
    )


@st.cache_data(max_entries=8, show_spinner=False)
def _parsed(data: bytes, name: str) -> Measurements:
    return parse_points(data, name)


def upload_control() -> None:
    """Open tables of the user's own."""
    turn = st.session_state.setdefault(TURN, 0)
    given = st.file_uploader(
        "A table of measured settings: CSV or JSON",
        type=["csv", "json", "tsv", "txt"],
        accept_multiple_files=True,
        key=f"{UPLOAD}_{turn}",
        help="Columns num_instances (or n), sparsity, accuracy, throughput; or what `muxviz bench "
        "tradeoff --json` writes. Shares, not percent.",
    )
    for file in given or ():
        try:
            _keep(file.name, file.getvalue())
        except MuxvizError as error:
            error_panel(error)
    kept = st.session_state.get(FILES, {})
    if kept:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            names = ", ".join(plain(table.label) for table in kept.values())
            st.caption(f":material/description: Opened: {names}", width="stretch")
            st.button(
                "Remove", key="n_forget", icon=":material/close:", on_click=_forget, type="tertiary"
            )


def _keep(name: str, data: bytes) -> None:
    """Read a file once; the same content is kept once, the oldest file goes first."""
    kept: dict[str, Table] = st.session_state.setdefault(FILES, {})
    digest = _digest(data)
    if digest not in kept:
        shown = shorten(name, MAX_NAME)
        kept[digest] = Table(shown, _parsed(data, shown), digest, repr(name), ())
    while len(kept) > MOST_FILES:
        del kept[next(iter(kept))]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _forget() -> None:
    st.session_state[FILES] = {}
    st.session_state[TURN] += 1

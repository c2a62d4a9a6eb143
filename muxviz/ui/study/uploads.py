"""Files that a visitor gives to a page: read once, kept as what they hold, and let go.

    upload_control(FILES, "A table: CSV or JSON", kinds=["csv", "json"], most=4_000_000, read=parse)
    for one in opened(FILES): ...

The bytes leave the session as soon as they are read, and the field is empty again; a file that
cannot be used is named until it is removed, and costs nothing at the next drawing.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from muxviz.errors import MuxvizError
from muxviz.ui.shell.text import plain, shorten
from muxviz.ui.study.errors import error_panel

MOST_FILES = 6  # kept at a time, and as many bad ones named; the oldest goes first
MAX_NAME = 60


@dataclass(frozen=True, eq=False)
class Opened:
    """A file as it was understood. label: its name as shown. digest: of its content."""

    name: str
    label: str
    digest: str
    value: Any


def opened(key: str) -> list[Opened]:
    """The files of a field that can be used, the latest last."""
    return [one for one in _kept(key).values() if not isinstance(one.value, MuxvizError)]


def upload_control(
    key: str,
    label: str,
    *,
    kinds: list[str],
    most: int,
    read: Callable[[bytes, str], Any],
    help: str,
) -> None:
    """A field to open files with, what it could not use, and a way to let go of them.

    Args:
        key: of the field; its files are kept under that.
        most: bytes of one file.
        read: what a file of these bytes and this name holds.
    """
    turn = st.session_state.setdefault(_turn(key), 0)
    given = st.file_uploader(
        label,
        type=kinds,
        accept_multiple_files=True,
        key=f"{key}_{turn}",
        help=help,
        max_upload_size=math.ceil(most / 1_000_000),
    )
    if given:
        for file in given:
            _keep(key, file.name, file.getvalue(), read)
            _let_go(file.file_id)
        st.session_state[_turn(key)] = turn + 1  # another field, without those files
        st.rerun()
    kept = _kept(key)
    for one in kept.values():
        if isinstance(one.value, MuxvizError):
            error_panel(one.value)
    if kept:
        names = ", ".join(plain(one.label) for one in opened(key))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f":material/description: Opened: {names or 'none'}", width="stretch")
            st.button(
                "Remove",
                key=f"{key}_forget",
                icon=":material/close:",
                on_click=_forget,
                args=(key,),
                type="tertiary",
            )


def _kept(key: str) -> dict[str, Opened]:
    kept: dict[str, Opened] = st.session_state.setdefault(f"{key}_kept", {})
    return kept


def _turn(key: str) -> str:
    return f"{key}_turn"


def _keep(key: str, name: str, data: bytes, read: Callable[[bytes, str], Any]) -> None:
    """Read a file; the same content is kept once."""
    kept, digest, label = _kept(key), hashlib.sha256(data).hexdigest(), shorten(name, MAX_NAME)
    if digest not in kept:
        try:
            value = read(data, label)
        except MuxvizError as error:
            value = error
        kept[digest] = Opened(name, label, digest, value)
    for is_bad in (False, True):
        alike = [d for d, one in kept.items() if isinstance(one.value, MuxvizError) == is_bad]
        for old in alike[:-MOST_FILES]:
            del kept[old]


def _let_go(file: str) -> None:
    """Drop the bytes of a file; Streamlit itself would hold them as long as the session."""
    context = get_script_run_ctx()
    if context is not None and hasattr(context.uploaded_file_mgr, "remove_file"):
        context.uploaded_file_mgr.remove_file(session_id=context.session_id, file_id=file)


def _forget(key: str) -> None:
    _kept(key).clear()

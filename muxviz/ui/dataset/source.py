"""Which labelled file the Dataset page reads, and how: sample, upload or path; columns, labels."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import streamlit as st

from muxviz.analysis.dataset.sample import SAMPLE, table_path
from muxviz.errors import DataError, MuxvizError
from muxviz.files import SCRATCH_PLACE, check_regular, write_whole, writing
from muxviz.training.strangers import (
    EXPECTED,
    Columns,
    Table,
    check,
    guess,
    guess_labels,
    look,
    unmapped,
)
from muxviz.ui.dataset.params import SOURCE
from muxviz.ui.shell.frame import Bench, is_demo
from muxviz.ui.shell.params import control, one_of
from muxviz.ui.shell.text import plain
from muxviz.ui.study import panels
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.uploads import opened, upload_control

FILES, PICKED, PATH, SAID = "dataset_files", "dataset_picked", "dataset_path", "dataset_columns"
MOST = 200_000_000  # bytes of an upload
MOST_MEANT = 40  # values of the label column that the dialog asks about
NONE = "(none)"
LEFT_OUT = "(leave out)"


@dataclass(frozen=True)
class Source:
    """A file, its first rows, and what tells it from another one or an earlier one."""

    path: Path
    table: Table
    stamp: tuple[str, int, int]


@dataclass(frozen=True)
class Chosen:
    """A file and how it is read; labels: the checkpoint's."""

    source: Source
    columns: Columns
    labels: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Kept:
    """An upload on disk, for as long as the session has it."""

    folder: tempfile.TemporaryDirectory[str]
    source: Source


def choose_table(bench: Bench) -> Chosen | None:
    """The file and its columns; None where there is none, or it cannot be read, which is said."""
    with st.container(border=True, gap="small"):
        control(SOURCE)
        try:
            source = _source()
            return (
                None
                if source is None
                else _read(source, bench.checkpoint.label_names if bench.checkpoint else ())
            )
        except MuxvizError as error:
            error_panel(error)
            return None


# ---- the file -----------------------------------------------------------------------------------


def _source() -> Source | None:
    kind = st.session_state.get(SOURCE.key, SOURCE.default)
    if kind == "upload":
        upload_control(
            FILES,
            "A labelled table",
            kinds=["csv", "tsv", "jsonl", "gz", "xz"],
            most=MOST,
            read=_keep,
            help=f"{EXPECTED[0].upper()}{EXPECTED[1:]}. It stays on this machine, and goes with "
            "the session.",
        )
        found = opened(FILES)
        if not found:
            return None
        kept: _Kept = one_of(found[::-1], PICKED, "File", lambda one: one.label).value
        return kept.source
    if kind == "path":
        if is_demo():
            raise DataError("this is a public demonstration: paths of its machine are closed")
        given = st.text_input("Path", key=PATH, placeholder="path/to/reviews.csv")
        return _at(Path(given).expanduser()) if given.strip() else None
    return _at(table_path(SAMPLE))


def _keep(data: bytes, name: str) -> _Kept:
    """An upload as a file of its own name."""
    with writing(SCRATCH_PLACE):
        folder = tempfile.TemporaryDirectory(prefix="muxviz-")
    path = Path(folder.name) / Path(name).name
    write_whole(path, data)
    return _Kept(folder, _at(path))


def _at(path: Path) -> Source:
    status = check_regular(path, expected=EXPECTED)
    stamp = (str(path), status.st_mtime_ns, status.st_size)
    return Source(path, _looked(stamp), stamp)


@st.cache_data(max_entries=16, scope="session", show_spinner=False)
def _looked(stamp: tuple[str, int, int]) -> Table:
    return look(Path(stamp[0]))


# ---- columns and labels -------------------------------------------------------------------------


def _read(source: Source, labels: tuple[str, ...]) -> Chosen | None:
    """The file with its columns: as said in the dialog, else as guessed."""
    if not labels:
        panels.empty("No labels", "The configuration of this checkpoint names no labels.")
        return None
    said: dict[Any, Columns] = st.session_state.setdefault(SAID, {})
    key = (source.stamp, labels)
    columns = said.get(key) or guess(source.table, labels)
    try:
        check(columns, source.table, labels)
        problem = None
    except DataError as error:
        problem = error
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(_in_words(source, columns), width="stretch")
        if st.button(
            "Columns and labels",
            key="dataset_dialog",
            icon=":material/view_column:",
            type="primary" if problem else "secondary",
        ):
            _dialog(source, columns, labels)
    if problem is not None:
        st.warning(plain(str(problem)), icon=":material/help:")
        return None
    return Chosen(source, columns, labels)


def _in_words(source: Source, columns: Columns) -> str:
    name = plain(source.path.name)
    if not columns.text or not columns.label:
        return f"{name}: say which columns hold text and label."
    pair = f" and {plain(columns.pair)}" if columns.pair else ""
    meant = ", ".join(f"{plain(a)} = {plain(b)}" for a, b in columns.labels[:6] if a != b)
    left = unmapped(source.table, columns)
    more = f" Left out: {', '.join(plain(one) for one in left[:6])}." if left else ""
    return (
        f"{name}: text in {plain(columns.text)}{pair}, label in {plain(columns.label)}"
        f"{f' ({meant})' if meant else ''}.{more}"
    )


@st.dialog("Columns and labels")
def _dialog(source: Source, columns: Columns, labels: tuple[str, ...]) -> None:
    """Ask for what cannot be guessed; what is said holds for this file and these labels."""
    table = source.table
    st.dataframe(list(table.head[:3]), hide_index=True, alt="The first rows of the file.")
    text = _column("Text", "dataset_text", table, columns.text)
    pair = _column("Second text", "dataset_pair", table, columns.pair)
    label = _column("Label", "dataset_label", table, columns.label)
    known = dict(columns.labels if label == columns.label else guess_labels(table, label, labels))
    meant = []
    for number, written in enumerate(table.values(label)[:MOST_MEANT] if label else ()):
        options = [LEFT_OUT, *labels]
        chosen = st.selectbox(
            f"{plain(written[:60])} means",
            options,
            options.index(known.get(written, LEFT_OUT)),
            key=f"dataset_means_{label}_{number}",
        )
        if chosen != LEFT_OUT:
            meant.append((written, chosen))
    if st.button("Use these", key="dataset_use", type="primary"):
        made = replace(columns, text=text, pair=pair, label=label, labels=tuple(meant))
        st.session_state[SAID][(source.stamp, labels)] = made
        st.rerun()


def _column(words: str, key: str, table: Table, now: str) -> str:
    options = [NONE, *table.columns]
    chosen = st.selectbox(words, options, options.index(now) if now in options else 0, key=key)
    return "" if chosen == NONE else str(chosen)

"""What the Models page shows of the checkpoints here and of the models in memory.

Names, paths and everything from a file are foreign text: they go through ``plain`` or into tables
and code blocks, which show them as they are.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from muxviz.errors import MuxvizError
from muxviz.loading.bundled import bundled_faults, bundled_folders, bundled_names
from muxviz.registry import DeviceMemory, LoadedModel
from muxviz.ui.models.actions import Request, unload
from muxviz.ui.models.files import FolderFacts, describe_folder
from muxviz.ui.models.text import short, size_text
from muxviz.ui.shell import session
from muxviz.ui.shell.frame import Bench, is_demo
from muxviz.ui.shell.text import count, listed, plain
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.runs import registry

MINUTE, HOUR = 60, 3600


def facts() -> list[FolderFacts]:
    """The bundled checkpoints and those opened in this session, in reading order."""
    opened = {c.name: c.folder for c in st.session_state.get(session.OPENED, ()) if c.folder}
    folders = bundled_folders() | opened
    return [describe_folder(name, folder) for name, folder in folders.items()]


def left_out() -> None:
    """A word on folders that cannot even be listed."""
    try:
        faults = bundled_faults()
    except MuxvizError as error:
        error_panel(error)
        return
    here = bundled_names()
    for name, fault in faults.items():
        if name not in here:
            st.caption(f":material/folder_off: {plain(name)} is left out: {plain(fault)}.")


def summary(rows: list[FolderFacts]) -> None:
    """The finding of the page in a sentence."""
    models = registry().loaded()
    parts = [f"{count(len(rows), 'checkpoint')} {'is' if len(rows) == 1 else 'are'} here"]
    if models:
        names = listed([short(model.key.name) for model in models])
        verb = "is" if len(models) == 1 else "are"
        held = size_text(sum(m.bytes for m in models))
        parts.append(f"{names} {verb} loaded and {'holds' if verb == 'is' else 'hold'} {held}")
    else:
        parts.append("none is loaded")
    broken = [f"{short(row.name)} ({row.problem})" for row in rows if row.problem]
    warning = f" Not usable as it is: {listed(broken)}." if broken else ""
    st.markdown(plain(f"{'; '.join(parts)}.{warning}"))


def table(rows: list[FolderFacts]) -> None:
    """What is here, from JSON files and headers alone."""
    if not rows:
        return
    loaded = {model.key.name for model in registry().loaded()}
    number = st.column_config.NumberColumn
    st.dataframe(
        [_table_row(row, row.name in loaded) for row in rows],
        hide_index=True,
        width="stretch",
        placeholder="–",
        column_config={
            "N": number(width=50, help="Texts that share one forward pass"),
            "Parameters": number(format="compact", help="Distinct ones, from the file's header"),
            "On disk": number(format="%.1f MiB", help="Weights only"),
            "Pruned": number(
                format="%.1f%%", help="Share of the encoder's weights pruned away, as CoFi counts"
            ),
            "Dev accuracy": number(format="%.1f%%", help="As the checkpoint's card reports it"),
        },
        alt=f"Table of {count(len(rows), 'checkpoint')}: {', '.join(r.name for r in rows)}.",
    )


def _table_row(row: FolderFacts, is_loaded: bool) -> dict[str, Any]:
    state = "loaded" if is_loaded else "on disk"
    return {
        "Checkpoint": short(row.name),
        "State": "broken" if row.problem else state,
        "N": row.num_instances,
        "Pruned": 100 * row.sparsity if row.sparsity else None,
        "Task": row.task or None,
        "Multiplexer": row.multiplexer or None,
        "Demultiplexer": row.demultiplexer or None,
        "Backbone": row.backbone or None,
        "Parameters": row.parameters,
        "On disk": row.bytes / 2**20 if row.bytes else None,
        "Dev accuracy": None if row.accuracy is None else row.accuracy * 100,
    }


def memory(bench: Bench, rows: list[FolderFacts]) -> Request | None:
    """The models in memory, each with its way out; and an offer to load the sidebar's choice."""
    st.header("In memory", anchor=False)
    for device in registry().memory():
        _memory_bar(device)
    models = registry().loaded()
    for index, model in enumerate(models):
        _loaded_row(index, model)
    if not models:
        st.caption("No model is loaded. One is loaded by its first run, or here.")
    return _offer(bench, rows, {model.key.name for model in models})


def _memory_bar(memory: DeviceMemory) -> None:
    total = memory.held + memory.free
    name = "Main memory" if memory.device == "cpu" else f"GPU memory ({memory.device})"
    st.progress(
        memory.held / total if total else 0.0,
        text=f"{name}: models hold {size_text(memory.held)}, {size_text(memory.free)} are free",
    )


def _loaded_row(index: int, model: LoadedModel) -> None:
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        with st.container(gap=None):
            st.markdown(f"**{plain(short(model.key.name))}** · N = {model.num_instances}")
            st.caption(
                f"{model.device}, {model.dtype} · {size_text(model.bytes)} · "
                f"{_use_text(model)} · weights {model.fingerprint}"
            )
        st.button(
            "Unload",
            key=f"i_unload_{index}",
            icon=":material/eject:",
            on_click=unload,
            args=(model.key,),
            disabled=is_demo() or bool(model.users),
            help="Shared by everyone in this demonstration." if is_demo() else None,
        )


def _use_text(model: LoadedModel) -> str:
    if model.users:
        return "in use"
    if model.idle_s < MINUTE:
        return "used just now"
    if model.idle_s < HOUR:
        return f"unused for {int(model.idle_s // MINUTE)} min"
    return f"unused for {int(model.idle_s // HOUR)} h"


def _offer(bench: Bench, rows: list[FolderFacts], loaded: set[str]) -> Request | None:
    chosen = bench.checkpoint
    row = next((r for r in rows if chosen and r.name == chosen.name), None)
    if chosen is None or chosen.name in loaded or row is None or row.problem:
        return None
    st.caption(plain(f"{short(chosen.name)}, the choice on the sidebar, is not loaded yet."))
    label = f"Load {short(chosen.name)} ({size_text(row.bytes)})"
    pressed = st.button(plain(label), key="i_load_chosen", icon=":material/download:")
    return Request("load", chosen.name, st.session_state[session.COMPUTE]) if pressed else None

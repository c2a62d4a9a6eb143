"""Which checkpoint the Models page acts on: a bundled one, a folder, or an id of the hub.

Nothing is opened or fetched before a button is pressed; the widgets' values are the only state.
"""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from muxviz.loading.bundled import bundled_names
from muxviz.loading.known import PUBLISHED_IDS, search_published
from muxviz.ui.models.actions import COMPUTE, Request
from muxviz.ui.shell import options, session
from muxviz.ui.shell.frame import Bench, compute_choices, is_demo
from muxviz.ui.shell.text import count, plain

SOURCE, PICK, PATH = "i_source", "i_pick", "i_path"
SEARCH, HUB, REVISION = "i_search", "i_hub", "i_revision"
BUNDLED, FOLDER, PUBLISHED = "Bundled", "My folder", "Model hub"


def choose(bench: Bench) -> Request | None:
    """The choice and its form; what a button asks for, in the run in which it was pressed."""
    st.header("Check and load a checkpoint", anchor=False)
    source = _source()
    if source == BUNDLED and not bundled_names():
        _no_bundled()
        return None
    if source == BUNDLED:
        _bundled_control(bench)
    elif source == PUBLISHED:
        _search_control()
    return _form(source)


def picked() -> str:
    """The bundled checkpoint that is picked, or "" where the choice is another source."""
    is_bundled = st.session_state.get(SOURCE, BUNDLED) == BUNDLED
    return st.session_state.get(PICK) or "" if is_bundled else ""


def offer_hub_id(hub_id: str) -> None:
    """Put an id into the form; a callback."""
    st.session_state[SOURCE] = PUBLISHED
    st.session_state[SEARCH] = ""
    st.session_state[HUB] = hub_id


def _source() -> str:
    if is_demo():
        st.caption("A demonstration: bundled checkpoints only; folders and the hub are closed.")
        return BUNDLED
    st.session_state.setdefault(SOURCE, BUNDLED)
    chosen = st.segmented_control(
        "Where it is",
        [BUNDLED, FOLDER, PUBLISHED],
        required=True,
        key=SOURCE,
        label_visibility="collapsed",
    )
    return str(chosen or BUNDLED)


def _no_bundled() -> None:
    elsewhere = "" if is_demo() else " Or open a folder of yours, or a published checkpoint."
    st.info(
        "No checkpoint is bundled here. Put folders with `config.json` and weights into "
        f"`checkpoints/`, or let `MUXVIZ_CHECKPOINTS` name a folder of them.{elsewhere}",
        icon=":material/inventory_2:",
    )


def _bundled_control(bench: Bench) -> None:
    names = bundled_names()
    if st.session_state.get(PICK) not in names:
        on_sidebar = bench.checkpoint.name if bench.checkpoint else ""
        st.session_state[PICK] = on_sidebar if on_sidebar in names else names[0]
    st.selectbox("Checkpoint to inspect", names, key=PICK)


def _search_control() -> None:
    st.text_input(
        "Search the published ids",
        key=SEARCH,
        type="search",
        placeholder="muxbert base sst2 5",
        help="Every word must occur in the id.",
    )


def _form(source: str) -> Request | None:
    with st.form("i_form", border=True):
        name = _name_control(source)
        columns = st.columns(2) if source == PUBLISHED else [st.container()]
        compute = _compute_control(columns[0])
        revision = _revision_control(columns[1]) if source == PUBLISHED else None
        with st.container(horizontal=True):
            checks = st.form_submit_button(
                "Pre-flight",
                type="primary",
                icon=":material/fact_check:",
                help="Reads every file, compares names and shapes, and runs a self-test on the "
                "CPU. Nothing stays loaded.",
            )
            loads = st.form_submit_button("Load", icon=":material/download:")
    if not checks and not loads:
        return None
    return Request("check" if checks else "load", name, compute, revision)


def _name_control(source: str) -> str:
    if source == FOLDER:
        return _absolute(
            st.text_input(
                "Folder on this machine",
                key=PATH,
                placeholder="/path/to/a/folder/with/config.json",
                help="As save_pretrained or muxviz.save wrote it.",
            )
        )
    if source == PUBLISHED:
        return _hub_control()
    return str(st.session_state[PICK])


def _absolute(text: str | None) -> str:
    """A typed path made absolute, so that it can mean neither a bundled name nor an id."""
    stripped = (text or "").strip()
    try:
        return str(Path(stripped).expanduser().absolute()) if stripped else ""
    except (OSError, RuntimeError, ValueError):  # an unknown ~user; loading will say so
        return stripped


def _hub_control() -> str:
    from muxviz.loading.hub import cached_ids, is_offline

    cached, words = cached_ids(), st.session_state.get(SEARCH) or ""
    here = [i for i in cached if all(word in i.lower() for word in words.lower().split())]
    offline = is_offline()
    found = here if offline else sorted({*here, *search_published(words)}, key=_hub_order)
    _hub_note(offline, len(found), cached)
    chosen = st.selectbox(
        "Id on the hub",
        _with_current(found, offline),
        key=HUB,
        format_func=lambda i: f"{i}  (on this machine)" if i in cached else i,
        accept_new_options=True,
        placeholder="owner/name",
    )
    return (chosen or "").strip()


def _with_current(found: list[str], offline: bool) -> list[str]:
    """The options: a typed id stays, a listed one goes where the search no longer finds it."""
    current = st.session_state.get(HUB)
    if current in found:
        return found
    if current and (offline or current not in PUBLISHED_IDS):
        return [current, *found]
    st.session_state[HUB] = found[0] if found else None
    return found


def _hub_order(hub_id: str) -> int:
    return PUBLISHED_IDS.index(hub_id) if hub_id in PUBLISHED_IDS else -1


def _hub_note(offline: bool, found: int, cached: list[str]) -> None:
    if offline and not cached:
        st.warning(
            "Offline (`HF_HUB_OFFLINE` is set), and no checkpoint is in the local cache. Bundled "
            "checkpoints and folders work as before.",
            icon=":material/cloud_off:",
        )
    elif offline:
        st.info(
            f"Offline (`HF_HUB_OFFLINE` is set): {count(len(cached), 'checkpoint')} in the local "
            "cache can be opened.",
            icon=":material/cloud_off:",
        )
    else:
        st.caption(
            f"{count(found, 'id')} found; any other can be typed. What is not on this machine is "
            "downloaded when you press a button, not before."
        )


def _compute_control(place: DeltaGenerator) -> str:
    choices = compute_choices()
    if st.session_state.get(COMPUTE) not in choices:
        st.session_state[COMPUTE] = st.session_state.get(session.COMPUTE, "auto")
    chosen = place.selectbox(
        "Load with device and precision",
        choices,
        format_func=options.COMPUTE.__getitem__,
        key=COMPUTE,
        help="Runs use the choice on the sidebar; with another one a model is loaded twice.",
    )
    return str(chosen)


def _revision_control(place: DeltaGenerator) -> str | None:
    typed = place.text_input(
        "Revision",
        key=REVISION,
        placeholder="main",
        help="A branch, a tag or a commit; empty for the newest.",
    )
    return (typed or "").strip() or None


def link_offer(bench: Bench) -> None:
    """Where the link asked for an id that is not open: an offer, never a download."""
    asked = str(st.session_state.get(session.LINK, {}).get(session.CHECKPOINT, ""))
    chosen = bench.checkpoint.name if bench.checkpoint else ""
    opened = [c.name for c in st.session_state.get(session.OPENED, ())]
    in_form = st.session_state.get(HUB) == asked and st.session_state.get(SOURCE) == PUBLISHED
    is_dismissed = not st.session_state.get(session.IGNORED)
    if asked not in PUBLISHED_IDS or asked in (chosen, *opened) or in_form or is_dismissed:
        return
    if is_demo():
        return
    with st.container(border=True):
        st.markdown(
            f"The link asks for **{plain(asked)}**, which is not open. It is downloaded only when "
            "you load it."
        )
        st.button("Put it into the form", key="i_offer", on_click=offer_hub_id, args=(asked,))

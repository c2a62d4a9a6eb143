"""The page Saved: the session as a file, a file as the session, and the kept findings."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import streamlit as st

from muxviz.errors import MuxvizError
from muxviz.figures.drawing.export import report_html
from muxviz.ui.saved.again import runs_again
from muxviz.ui.saved.file import MOST_BYTES, Saved, left_out, read, write
from muxviz.ui.saved.state import (
    IGNORED,
    choices,
    fingerprint,
    now,
    open_finding,
    restore,
)
from muxviz.ui.saved.tab import remember
from muxviz.ui.shell import link
from muxviz.ui.shell.frame import PAGES
from muxviz.ui.shell.text import count, listed, plain
from muxviz.ui.shell.versions import versions
from muxviz.ui.study import findings, panels, runs
from muxviz.ui.study.errors import one_panel
from muxviz.ui.study.findings import Finding
from muxviz.ui.study.uploads import opened, upload_control

FILES = "session_files"
ABSENT, SAME, OTHER, UNSEEN = "not here", "the same weights", "other weights", "not compared"
SHOWN_ROWS = 50


def saved_page() -> None:
    """Save, open and restore, runs to compute again, findings."""
    link.write_group()
    panels.begin_report()
    st.title(PAGES["saved"].title, anchor=False)
    st.markdown("What do I keep of this session, and how do I bring it back?")
    top = st.container()
    with one_panel():
        _open()
    runs_again()
    with top:  # knows by now what was computed again
        _save()
    _findings()
    remember()
    runs.warm_up()


# ---- the file -----------------------------------------------------------------------------------


def _save() -> None:
    content = now()
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**This session:** {_held(content)}.", width="stretch")
        st.download_button(
            "Save session",
            data=lambda: write(content),  # made in a thread without the session
            file_name=f"muxviz-session-{datetime.now(UTC):%Y%m%d-%H%M}.json",
            mime="application/json",
            icon=":material/save:",
            on_click="ignore",
            key="save_session",
            help="One JSON file: sentences, settings of every page, seeds, versions, fingerprints "
            "of the models, what each run was asked, and kept findings. Not in it: results and "
            "pictures, which are computed again, and files that you opened.",
        )


def _open() -> None:
    upload_control(
        FILES,
        "Open a session file",
        kinds=["json"],
        most=MOST_BYTES,
        read=read,
        help="It is looked through first; nothing is taken over or run before you say so.",
    )
    found = opened(FILES)
    if found:
        _offer(found[-1].value, found[-1].label)
    ignored: tuple[str, ...] = st.session_state.get(IGNORED, ())
    if ignored:
        st.warning(
            f"Of the file's settings these cannot be used here: {left_out(ignored)}. Their "
            "controls are at their defaults.",
            icon=":material/rule:",
        )


def _offer(saved: Saved, label: str) -> None:
    """What a file holds, what of it cannot be used, and the button that takes it over."""
    with st.container(border=True, gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            when = f", saved {plain(saved.saved)}" if saved.saved else ""
            st.markdown(f"**{plain(label)}**{when}: {_held(saved)}.", width="stretch")
            st.button(
                "Restore",
                key="restore_session",
                type="primary",
                icon=":material/settings_backup_restore:",
                on_click=restore,
                args=(saved,),
                help="Replaces sentences and settings of this session; its runs and findings stay.",
            )
        if saved.faults:
            st.warning(
                f"Left out, as it cannot be used: {plain(left_out(saved.faults))}.",
                icon=":material/rule:",
            )
        changed = [one for one in saved.versions if one not in versions()]
        if changed:
            st.caption(f"Made with other versions: {plain(', '.join(changed))}.")
        rows = _checkpoints(saved)
        if any(row["here"] in (ABSENT, OTHER) for row in rows):
            told = "; ".join(
                f"{plain(row['checkpoint'])}: {row['here']}"
                for row in rows
                if row["here"] in (ABSENT, OTHER)
            )
            st.warning(
                f"Not every checkpoint of the file is here as it was: {told}. With another one "
                "the numbers will differ.",
                icon=":material/inventory_2:",
            )
        if rows:
            st.dataframe(rows, hide_index=True, width="stretch", alt="Checkpoints of the file.")


def _held(saved: Saved) -> str:
    """How much a file holds."""
    parts = {
        "sentence": saved.rows,
        "setting": saved.settings,
        "run": saved.runs,
        "kept finding": saved.findings,
    }
    return listed([count(len(held), noun) for noun, held in parts.items()])


def _checkpoints(saved: Saved) -> list[dict[str, Any]]:
    """The file's checkpoints, and whether the same are here."""
    here = {one.name: one for one in choices()}
    then = dict(saved.checkpoints)
    for run in saved.runs:
        then[run.checkpoint] = then.get(run.checkpoint) or run.fingerprint
    rows = []
    for name, was in then.items():
        now_is, state = "", ABSENT
        if name in here:
            try:
                now_is = fingerprint(name, here[name].stamp) if was else ""
                state = UNSEEN if not was else SAME if now_is == was else OTHER
            except MuxvizError as error:
                state = f"cannot be loaded: {error}"
        rows.append({"checkpoint": name, "in the file": was, "here": state, "now": now_is})
    return rows


# ---- findings -----------------------------------------------------------------------------------


def _findings() -> None:
    kept, parts = findings.findings(), findings.sections()
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.header("Kept findings", anchor=False, width="stretch")
        if kept:
            st.download_button(
                "Report",
                data=lambda: report_html("muxviz · kept findings", [], [], parts),
                file_name="muxviz-findings.html",
                mime="text/html",
                icon=":material/summarize:",
                on_click="ignore",
                key="report",
                help="One HTML file (5 MB and more: it works without a network) with every kept "
                "finding, its note, its pictures and its numbers.",
            )
    if not kept:
        st.caption(
            "None yet. **Keep** stands under every picture; what you keep is listed here, and goes "
            "into the session file and every report."
        )
    for number in reversed(range(len(kept))):
        with one_panel():
            _finding(number, kept[number])


def _finding(number: int, one: Finding) -> None:
    with st.container(border=True, gap="xsmall", key=f"finding_{number}"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**{plain(' '.join(one.titles)) or 'No title'}**", width="stretch")
            st.button(
                "Open",
                key=f"finding_open_{number}",
                icon=":material/open_in_new:",
                type="tertiary",
                on_click=open_finding,
                args=(number,),
                help="Its page with the choices of then; nothing runs by itself.",
            )
            st.button(
                "Remove",
                key=f"finding_remove_{number}",
                icon=":material/close:",
                type="tertiary",
                on_click=findings.remove,
                args=(number,),
            )
        source = "" if one.section else " · read from a file, not computed here"
        st.caption(f"{PAGES[one.page].title} · {plain(one.question)} · {plain(one.kept)}{source}")
        # Its key is the finding's: a field keeps what was typed when another one is removed.
        note = st.text_input(
            "Note",
            one.note,
            findings.MAX_NOTE,
            key=f"finding_note_{one.kept}_{one.question}",
            placeholder="A note of your own",
            label_visibility="collapsed",
        )
        if note != one.note:
            findings.write_note(number, note)
        with st.expander("Numbers · provenance", type="compact"):
            st.caption(plain(one.provenance))
            rows = [dict(row) for row in one.rows[:SHOWN_ROWS]]
            st.dataframe(rows, hide_index=True, width="stretch", alt=" ".join(one.titles))
            if one.of_rows > len(rows):
                st.caption(f"The first {len(rows)} of {one.of_rows} rows.")

"""What a browser's tab remembers of its session: what its runs were asked with.

A session is in the server's memory: where the server was started again, or the page loaded anew,
its runs are gone. The tab has what they were asked with in its ``sessionStorage``, which ends with
it; nothing is kept on the server. What comes from there is read as a file that was opened.
"""

from __future__ import annotations

import secrets
from dataclasses import replace

import streamlit as st

from muxviz.errors import FileError
from muxviz.ui.saved.file import Saved, SavedRun, read, write
from muxviz.ui.saved.state import AGAIN, saved_run
from muxviz.ui.shell.frame import go_to
from muxviz.ui.shell.text import count
from muxviz.ui.study import runs

KEY = "tab"
SESSION = "tab_session"  # in the session: its name for the tab
TOLD = "tab_told"  # in the session: whether the tab gave what it had
MOST_CHARACTERS = 20_000  # sent to the tab at every drawing; the oldest runs are left out
JS = """
export default function ({ data, setTriggerValue }) {
  try {
    const kept = JSON.parse(sessionStorage.getItem("muxviz") ?? "null");
    if (kept?.text && kept.session !== data.session && !data.told) {
      setTriggerValue("kept", kept.text);
    } else {
      sessionStorage.setItem("muxviz", JSON.stringify({ session: data.session, text: data.text }));
    }
  } catch { /* a browser that keeps nothing for pages */ }
}
"""
TAB = st.components.v2.component("muxviz_tab", html="<span></span>", js=JS)


def remember() -> None:
    """Give the tab what this session's runs were asked with; one of another session is asked for
    what it has first: by a browser that connects again, Run may be pressed already.
    """
    state = st.session_state
    given = {
        "session": state.setdefault(SESSION, secrets.token_hex(8)),
        "told": TOLD in state,
        "text": text_of([*_lost(), *map(saved_run, runs.history())]),
    }
    TAB(key=KEY, data=given, on_kept_change=take, height="content")


def gone_line() -> None:
    """Say which runs of this tab are gone, and how they come back."""
    if TOLD not in st.session_state or not (lost := _lost()):
        return
    is_one = len(lost) == 1
    said = f"{count(len(lost), 'run')} of before {'is' if is_one else 'are'} gone"
    if any(run.is_pinned for run in lost):
        said += f" ({'it' if is_one else 'one'} was pinned)"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.info(
            f"**{said}:** the server was started again, or this page loaded anew. The tab still "
            "has what was asked.",
            icon=":material/history:",
        )
        st.button("Compute again", key="tab_again", on_click=go_to, args=("saved",))
        st.button("Leave", key="tab_leave", type="tertiary", on_click=_leave)


def text_of(kept: list[SavedRun]) -> str:
    """The latest of these runs and the pinned one, as a session file of a bounded size."""
    kept = kept[-runs.MAX_RUNS :]
    text = write(Saved({}, (), tuple(kept), (), {}, (), ""))
    while len(text) > MOST_CHARACTERS and kept:
        kept.remove(next((run for run in kept if not run.is_pinned), kept[0]))
        text = write(Saved({}, (), tuple(kept), (), {}, (), ""))
    return text if kept else ""


def take() -> None:
    """Take over what the tab has (a callback): it lies before the user, and nothing runs."""
    state = st.session_state
    if TOLD in state:
        return
    state[TOLD] = True
    try:
        found = read(str(state[KEY].kept).encode("utf-8", "replace"), "the tab").runs
    except FileError:  # of an earlier version, or not ours
        return
    state[AGAIN] = (*state.get(AGAIN, ()), *found)


def _leave() -> None:
    st.session_state[AGAIN] = ()


def _lost() -> list[SavedRun]:
    """Runs to compute again that this session does not have yet."""
    asked = [_bare(saved_run(run)) for run in runs.history()]
    return [run for run in st.session_state.get(AGAIN, ()) if _bare(run) not in asked]


def _bare(run: SavedRun) -> SavedRun:
    """What was asked."""
    return replace(run, is_pinned=False, fingerprint="", answers=())

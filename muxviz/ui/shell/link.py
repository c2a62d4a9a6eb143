"""The link a session started with, and the link to where it is now.

Bound widgets read and write their own parameters, in the words that are on screen. They trust what
they read: so the address is read here first, before any widget is drawn, and rewritten to hold
nothing but what they would have written themselves. Short ids are understood on the way
(``slot=2``, ``p=twins``), the packed group is read, and what cannot be used is said. The same
happens when the browser goes back or on to an address of earlier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from muxviz.presets import find_preset
from muxviz.ui.shell import group, params, session
from muxviz.ui.shell.checkpoints import Listed
from muxviz.ui.shell.copying import copy_button
from muxviz.ui.shell.link_readers import Meant, Reader, readers
from muxviz.ui.shell.links import MAX_PACKED, address, pack_rows
from muxviz.ui.shell.text import listed

MAX_NAMED = 12  # parameters in a notice; a link may hold a thousand
OF_PAGE = {"mix": session.MIX, "training": session.TRAINING}
# Names in links of before, on the page they were for; Start carries a link along to any page.
EARLIER = dict.fromkeys(("start", "training"), {"run": session.RUN, "compare": session.COMPARE})


def read(page: str, choices: Sequence[Listed], compute: Sequence[str]) -> None:
    """Take over the parameters of the address where a session begins, or the browser goes back.

    A parameter that the address lacks leaves its control at the default.
    """
    state = st.session_state
    for key, value in state.pop(session.RESTORED, {}).items():
        state[key] = value
    is_history = _is_history()
    if session.IS_READ in state and not is_history:
        return
    given = {name: st.query_params.get_all(name) for name in st.query_params}
    state.setdefault(session.LINK, {name: texts[-1] for name, texts in given.items()})
    if is_history:
        _forget(page, given)
    wanted, taken, ignored = understand(page, given, readers(choices, compute))
    state.setdefault(session.IGNORED, ())
    if ignored:
        state[session.IGNORED] = tuple(ignored)
    if wanted == given:
        state[session.IS_READ] = True
        return
    if is_history:  # nobody but its control may write what is bound: it does, at the next run
        state[session.RESTORED] = taken
        wanted = {name: texts for name, texts in wanted.items() if name not in controls_of(page)}
    st.query_params.from_dict(wanted)
    st.rerun()


def _is_history() -> bool:
    """Whether this run shows an entry of the browser's history: there the address goes first."""
    return bool(getattr(get_script_run_ctx(), "is_history_navigation", False))


def _forget(page: str, given: Mapping[str, Any]) -> None:
    """Drop what the controls of a page hold and an address of earlier does not."""
    state = st.session_state
    for key in controls_of(page).difference(given):
        state.pop(key, None)
    if session.PRESET not in given and session.GROUP not in given:
        state[session.PRESET] = group.titles()[0]


def controls_of(page: str) -> set[str]:
    """Names of the parameters that a page has a control for."""
    own = (param.key for param in params.params_of(page))
    return {*session.SIDEBAR, *OF_PAGE.get(page, ()), *own}


def understand(
    page: str, given: Mapping[str, list[str]], known: Mapping[str, Reader]
) -> tuple[dict[str, list[str]], dict[str, Any], list[str]]:
    """Take a state over: the address as controls write it, the values, and what is ignored, in
    words. To be called before any control is drawn.
    """
    wanted: dict[str, list[str]] = {}
    taken: dict[str, Any] = {}
    ignored = []
    for name in sorted(given, key=_order):  # the checkpoint first (slots depend on it), rows last
        key, texts = EARLIER.get(page, {}).get(name, name), given[name]
        found = [_meaning(known.get(key), key, text, len(texts)) for text in texts]
        meant = [one for one in found if isinstance(one, Meant)]
        ignored += [
            params.ignored(name, text, one)
            for text, one in zip(texts, found, strict=True)
            if isinstance(one, str)
        ][: None if key == session.COMPARE else 1]
        if not meant:
            continue
        value = [one.value for one in meant] if key == session.COMPARE else meant[0].value
        if _take(key, value):
            taken[key] = value
        if written := [one.written for one in meant if one.written is not None]:
            wanted[key] = written
        if key == session.GROUP:
            wanted[session.PRESET] = [group.OWN]
    return wanted, taken, ignored


def _order(name: str) -> int:
    return {session.CHECKPOINT: 0, session.GROUP: 2}.get(name, 1)


def _meaning(reader: Reader | None, key: str, text: str, times: int) -> Meant | str:
    if reader is None:
        return "unknown"
    if times > 1 and key != session.COMPARE:
        return "given more than once"
    return reader(text) if text else "empty"


def _take(key: str, value: Any) -> bool:
    """Give a value to the session; whether a control holds it."""
    state = st.session_state
    preset = find_preset(value) if key == session.PRESET else None
    if key == session.GROUP:
        if value != group.filled_rows():
            group.put(value)
        state[session.APPLIED] = state[session.PRESET] = group.OWN
    elif preset is not None and state.get(session.APPLIED) != preset.title:
        group.put_preset(preset)
    elif key != session.VERSION:
        state[key] = value
    return key not in (session.GROUP, session.VERSION)


def notices() -> tuple[str, ...]:
    """One quiet line about what was ignored, until it is dismissed; what it lists is returned."""
    ignored: tuple[str, ...] = st.session_state.get(session.IGNORED, ())
    place = st.container()  # always there, so that nothing below it moves
    if ignored:
        with place.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(
                f":material/link_off: The link held what this app cannot use: {_named(ignored)}.",
                width="content",
            )
            st.button("Dismiss", key="dismiss_ignored", type="tertiary", on_click=_dismiss)
    return ignored


def _named(ignored: tuple[str, ...]) -> str:
    more = len(ignored) - MAX_NAMED
    return listed([*ignored[:MAX_NAMED], *([f"{more:,} more"] if more > 0 else [])])


def copy_control(page: str) -> None:
    """A button that copies the link to the present state of a page, and a pop-up that shows it."""
    where = current(page)
    copy_button("Copy link", where, key="copy_link")
    with st.popover("Show link", icon=":material/link:", type="tertiary", width="stretch"):
        st.code(where, language=None, wrap_lines=True)
        if st.session_state[session.PRESET] == group.OWN and packed_group() is None:
            st.caption(f"Your sentences do not fit into a link ({MAX_PACKED} characters packed).")
        else:
            st.caption(
                "Opens this page with the same choices and sentences. Nothing runs by itself."
            )


def current(page: str) -> str:
    """The address of this page with everything that is chosen, in short ids."""
    return address(str(st.context.url or ""), parameters(page))


def parameters(page: str) -> dict[str, str | list[str]]:
    """All choices that a link carries: shared ones, and the private ones of the page."""
    found: dict[str, str | list[str]] = {session.VERSION: session.LINK_VERSION, **shared()}
    for param in params.params_of(page):
        value = params.value(param)
        if value != param.default:
            found[param.key] = params.as_text(param, value)
    preset = find_preset(st.session_state.get(session.PRESET, ""))
    packed = packed_group()
    if preset is not None:
        found[session.PRESET] = preset.title
    elif packed is not None:
        found[session.GROUP] = packed
    return found


def shared() -> dict[str, str | list[str]]:
    """The choices that are no page's own and no default, but for the sentences."""
    state = st.session_state
    found: dict[str, str | list[str]] = {}
    for key in (
        session.CHECKPOINT,
        session.OTHER,
        session.COMPUTE,
        session.SLOT,
        session.SEED,
        *session.MIX,
    ):
        value = state.get(key)
        if value not in (None, False, 0, "auto", "repeat", "default", "all", session.NO_OTHER):
            found[key] = "true" if value is True else str(value)
    for key in session.TRAINING:
        value = state.get(key)
        if value and value != "log":
            found[key] = list(value) if key == session.COMPARE else str(value)
    return found


def packed_group() -> str | None:
    """The rows with a text, packed; None when there are none or too much."""
    rows = group.filled_rows()
    return pack_rows(rows) if rows else None


def write_group() -> None:
    """Keep the user's own sentences in the page's address, so that a reload brings them back."""
    own = st.session_state[session.PRESET] == group.OWN
    packed = packed_group() if own else None
    if packed is not None and st.query_params.get(session.GROUP) != packed:
        st.query_params[session.GROUP] = packed
    if packed is None and session.GROUP in st.query_params:
        del st.query_params[session.GROUP]


def _dismiss() -> None:
    st.session_state[session.IGNORED] = ()

"""The link a session started with, and the link to where it is now.

Bound widgets read and write their own parameters, in the words that are on screen. Here the short
ids are understood as well (``slot=2``, ``p=twins``), the packed group is read, and what cannot be
used is said. The link is read once, before any widget is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from muxviz.presets import find_preset
from muxviz.ui import group, keys, options, params
from muxviz.ui.checkpoints import Listed, preferred
from muxviz.ui.links import MAX_PACKED, address, pack_rows, unpack_rows
from muxviz.ui.params import Param
from muxviz.ui.text import listed, plain, shorten

MAX_RUN = 255  # characters of a run's name
MAX_SHOWN = 40  # characters of a parameter in a notice
Reader = Callable[[str], str | None]  # takes a value over, or says why not


def read(choices: Sequence[Listed], compute: Sequence[str]) -> None:
    """Take over the parameters of the address, at the first run of a session only.

    Bound widgets take short ids out of the address and write their own words at the next run.
    """
    state = st.session_state
    if keys.LINK in state:
        return
    state[keys.LINK] = st.query_params.to_dict()
    readers = _readers(choices, compute)
    ignored = []
    for name, value in _in_order(state[keys.LINK]):
        reader = readers.get(name, _unknown)
        problem = reader(value)
        if problem:
            ignored.append(f"{plain(shorten(f'{name}={value}', MAX_SHOWN))} ({problem})")
    state[keys.IGNORED] = tuple(ignored)


def notices() -> tuple[str, ...]:
    """One quiet line about what was ignored, until it is dismissed; what it lists is returned."""
    ignored: tuple[str, ...] = st.session_state.get(keys.IGNORED, ())
    place = st.container()  # always there, so that nothing below it moves
    if ignored:
        with place.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(
                f":material/link_off: The link held what this app cannot use: "
                f"{listed(list(ignored))}.",
                width="content",
            )
            st.button("Dismiss", key="dismiss_ignored", type="tertiary", on_click=_dismiss)
    return ignored


def copy_control(page: str) -> None:
    """A pop-up with the link to the present state of a page."""
    with st.popover("Copy link", icon=":material/link:", width="stretch"):
        st.code(current(page), language=None, wrap_lines=True)
        if st.session_state[keys.PRESET] == group.OWN and packed_group() is None:
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
    state = st.session_state
    found: dict[str, str | list[str]] = {keys.VERSION: keys.LINK_VERSION}
    for key in (keys.CHECKPOINT, keys.OTHER, keys.COMPUTE, keys.SLOT, keys.SEED, *keys.MIX):
        value = state.get(key)
        if value not in (None, False, 0, "auto", "repeat", "default", "all", keys.NO_OTHER):
            found[key] = "true" if value is True else str(value)
    for param in params.params_of(page):
        value = params.value(param)
        if value != param.default:
            found[param.key] = params.as_text(param, value)
    for key in keys.TRAINING:
        value = state.get(key)
        if value and value != "log":
            found[key] = list(value) if key == keys.COMPARE else str(value)
    preset = find_preset(state.get(keys.PRESET, ""))
    packed = packed_group()
    if preset is not None:
        found[keys.PRESET] = preset.title
    elif packed is not None:
        found[keys.GROUP] = packed
    return found


def packed_group() -> str | None:
    """The rows with a text, packed; None when there are none or too much."""
    rows = group.filled_rows()
    return pack_rows(rows) if rows else None


def write_group() -> None:
    """Keep the user's own sentences in the page's address, so that a reload brings them back."""
    own = st.session_state[keys.PRESET] == group.OWN
    packed = packed_group() if own else None
    if packed is not None and st.query_params.get(keys.GROUP) != packed:
        st.query_params[keys.GROUP] = packed
    if packed is None and keys.GROUP in st.query_params:
        del st.query_params[keys.GROUP]


# ---- one reader per parameter -------------------------------------------------------------------


def _in_order(parameters: dict[str, str]) -> list[tuple[str, str]]:
    """The checkpoint first (slots depend on it), the packed rows last."""
    order = {keys.CHECKPOINT: 0, keys.GROUP: 2}
    return sorted(parameters.items(), key=lambda item: order.get(item[0], 1))


def _readers(choices: Sequence[Listed], compute: Sequence[str]) -> dict[str, Reader]:
    names = {c.label: c.name for c in choices} | {c.name: c.name for c in choices}

    def checkpoint(value: str) -> str | None:
        if value not in names:
            return "no such checkpoint here; open it on Models"
        return _take(keys.CHECKPOINT, names[value])

    def other(value: str) -> str | None:
        if value != keys.NO_OTHER and value not in names:
            return "no such checkpoint here; open it on Models"
        return _take(keys.OTHER, names.get(value, value))

    def slot(value: str) -> str | None:
        name = st.session_state.get(keys.CHECKPOINT)
        chosen = next((c for c in choices if c.name == name), preferred(list(choices)))
        last = chosen.num_instances if chosen else 1
        digits = value.split()[-1:] or [""]
        number = int(digits[0]) if digits[0].isdecimal() and len(digits[0]) < 5 else 0
        return _take(keys.SLOT, number) if 1 <= number <= last else f"slots are 1 to {last}"

    def device(value: str) -> str | None:
        choice = options.chosen(keys.COMPUTE, value)
        return _take(keys.COMPUTE, choice) if choice in compute else "not on this machine"

    readers = {
        key: _choice_reader(key)
        for key in (keys.FILL, keys.PADDING, keys.STRIPS, keys.LEAK_VIEW, keys.LOSS_AXIS)
    }
    readers |= {key: _flag_reader(key) for key in options.FLAGS}
    readers |= dict.fromkeys(keys.STREAMLIT, _accept)
    readers |= {param.key: _param_reader(param) for param in params.all_params()}
    return readers | {
        keys.CHECKPOINT: checkpoint,
        keys.OTHER: other,
        keys.COMPUTE: device,
        keys.SLOT: slot,
        keys.SEED: _seed,
        keys.PRESET: _preset,
        keys.GROUP: _group,
        keys.VERSION: _version,
        keys.RUN: _run,
        keys.COMPARE: _compare,
    }


def _take(key: str, value: object) -> str | None:
    st.session_state[key] = value
    return None


def _accept(value: str) -> str | None:
    return None


def _unknown(value: str) -> str | None:
    return "unknown"


def _choice_reader(key: str) -> Reader:
    def reader(value: str) -> str | None:
        choice = options.chosen(key, value)
        return _take(key, choice) if choice else f"use {listed(list(options.CHOICES[key]))}"

    return reader


def _param_reader(param: Param) -> Reader:
    def reader(value: str) -> str | None:
        given = params.parse(param, value)
        if given is not None:
            return _take(param.key, given)
        params.refuse(param)
        return params.allowed(param)

    return reader


def _flag_reader(key: str) -> Reader:
    def reader(value: str) -> str | None:
        truth = options.flag(value)
        return "use true or false" if truth is None else _take(key, truth)

    return reader


def _seed(value: str) -> str | None:
    fits = value.isdecimal() and len(value) < 11 and int(value) < 2**31
    return _take(keys.SEED, int(value)) if fits else "a whole number from 0"


def _preset(value: str) -> str | None:
    preset = find_preset(value)
    if preset is not None:
        group.put_preset(preset)
    return None if preset is not None or value == group.OWN else "no such group"


def _group(value: str) -> str | None:
    if st.session_state.get(keys.PRESET) not in (None, group.OWN):
        return "the link names a group of sentences already"
    rows = unpack_rows(value)
    if not rows:
        return "damaged or too long"
    group.put(rows)
    st.session_state[keys.APPLIED] = st.session_state[keys.PRESET] = group.OWN
    st.session_state[keys.UNDO] = ()
    return None


def _run(value: str) -> str | None:
    return _take(keys.RUN, value) if len(value) <= MAX_RUN else "too long for the name of a run"


def _compare(value: str) -> str | None:
    """All values of the parameter, which is repeated."""
    names = st.query_params.get_all(keys.COMPARE) or [value]
    if any(len(name) > MAX_RUN for name in names):
        return "too long for the name of a run"
    return _take(keys.COMPARE, names)


def _version(value: str) -> str | None:
    return None if value == keys.LINK_VERSION else "a link of another version of this app"


def _dismiss() -> None:
    st.session_state[keys.IGNORED] = ()

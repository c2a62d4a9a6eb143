"""What a parameter of a link means: one reader for each, none of which trusts what it is given.

A reader gives the value for the control of that name and the text that the control itself writes
into the address, or says in words what it would take. Left out: when links are read, and what
becomes of what they hold (``muxviz.ui.shell.link``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import streamlit as st

from muxviz.figures.drawing.slots import slot_label
from muxviz.presets import find_preset
from muxviz.ui.shell import group, options, params, session
from muxviz.ui.shell.checkpoints import Listed, preferred
from muxviz.ui.shell.links import unpack_rows
from muxviz.ui.shell.params import Param
from muxviz.ui.shell.text import listed

MAX_RUN = 255  # characters of a run's name
MAX_SEED = 2**31 - 1


@dataclass(frozen=True)
class Meant:
    """What was understood: a value of the session, and the same as its control writes it.

    written: None where an address leaves it out, as it does what a control holds by itself.
    """

    value: Any
    written: str | None


Reader: TypeAlias = Callable[[str], "Meant | str"]  # str: why not, to stand in brackets


def readers(choices: Sequence[Listed], compute: Sequence[str]) -> dict[str, Reader]:
    """A reader for every name that a link may hold, apart from Streamlit's own."""
    names = {c.label: c for c in choices} | {c.name: c for c in choices}
    first = preferred(list(choices))

    def checkpoint(text: str) -> Meant | str:
        found = names.get(text)
        if found is None:
            return "no such checkpoint here; open it on Models"
        return Meant(found.name, found.label if found != first else None)

    def other(text: str) -> Meant | str:
        found = names.get(text)
        if found is None and text != session.NO_OTHER:
            return "no such checkpoint here; open it on Models"
        return Meant(found.name, found.label) if found else Meant(session.NO_OTHER, None)

    def slot(text: str) -> Meant | str:
        chosen = names.get(st.session_state.get(session.CHECKPOINT) or "") or first
        last = chosen.num_instances if chosen else 1
        digits = text.split()[-1:] or [""]
        number = int(digits[0]) if digits[0].isdecimal() and len(digits[0]) < 5 else 0
        if not 1 <= number <= last:
            return f"slots are 1 to {last}"
        return Meant(number, slot_label(number - 1) if number > 1 else None)

    def device(text: str) -> Meant | str:
        found = _choice(session.COMPUTE)(text)
        is_here = isinstance(found, Meant) and found.value in compute
        return found if is_here else "not on this machine"

    choosers = (session.FILL, session.PADDING, session.STRIPS, session.LEAK_VIEW, session.LOSS_AXIS)
    return {
        **{param.key: _private(param) for param in params.all_params()},
        **{key: _choice(key) for key in choosers},
        **dict.fromkeys(options.FLAGS, _flag),
        session.CHECKPOINT: checkpoint,
        session.OTHER: other,
        session.COMPUTE: device,
        session.SLOT: slot,
        session.SEED: _seed,
        session.PRESET: _preset,
        session.GROUP: _group,
        session.VERSION: _version,
        session.RUN: _run,
        session.COMPARE: _run,
    }


def _private(param: Param) -> Reader:
    def reader(text: str) -> Meant | str:
        given = params.parse(param, text)
        if given is None:
            return params.allowed(param)
        return Meant(given, params.as_written(param, given) if given != param.default else None)

    return reader


def _choice(key: str) -> Reader:
    table = options.CHOICES[key]

    def reader(text: str) -> Meant | str:
        found = options.chosen(key, text)
        if found is None:
            return f"use {listed(list(table))}"
        return Meant(found, table[found] if found != next(iter(table)) else None)

    return reader


def _flag(text: str) -> Meant | str:
    truth = options.flag(text)
    return "use true or false" if truth is None else Meant(truth, "true" if truth else None)


def _seed(text: str) -> Meant | str:
    fits = text.isascii() and text.isdecimal() and len(text) < 11 and int(text) <= MAX_SEED
    return Meant(int(text), str(int(text)) if int(text) else None) if fits else "a whole number"


def _preset(text: str) -> Meant | str:
    if text == group.OWN:
        return Meant(group.OWN, group.OWN)
    preset = find_preset(text)
    if preset is None:
        return "no such group"
    title = preset.title
    return Meant(title, title if title != group.titles()[0] else None)


def _group(text: str) -> Meant | str:
    if st.session_state.get(session.PRESET) not in (None, group.OWN):
        return "the link names a group of sentences already"
    rows = unpack_rows(text)
    return Meant(rows, text) if rows else "damaged or too long"


def _run(text: str) -> Meant | str:
    if len(text) > MAX_RUN or not params.is_line(text):
        return "no name of a run"
    return Meant(text, text)


def _version(text: str) -> Meant | str:
    return Meant(text, text) if text == session.LINK_VERSION else "a link of another version"

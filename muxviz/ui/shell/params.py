"""Private controls of pages: declared once, drawn by ``control``, carried by the link.

    MEASURE = Choice("c_meas", "Measure", {"swap": "Swap", "shapley": "Shapley"}, "swap")
    PARAMS = (MEASURE,)            # in muxviz/ui/<page>/params.py
    measure = control(MEASURE)     # on the page

A key is the name of the parameter in the address. A value that a link brings is taken only where it
is one of the declared ones; anything else leaves the default and is named in the notice. Here no
page and nothing heavy is imported.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

import streamlit as st

from muxviz.files import real_number
from muxviz.ui.shell import session
from muxviz.ui.shell.text import listed, plain, shorten

HERE = Path(__file__)
SEGMENTS = 6  # more options than this are chosen from a list
MAX_SHOWN = 40  # characters of a parameter in a notice
# Pages with private controls: those whose room has this file.
PAGES = tuple(sorted(p.parent.name for p in HERE.parents[1].glob("*/params.py") if p != HERE))


@dataclass(frozen=True)
class Choice:
    """One of a few; ``options`` maps ids (in links) to words (on screen).

    spread: side by side, however many there are.
    """

    key: str
    label: str
    options: Mapping[str, str]
    default: str
    spread: bool = False


@dataclass(frozen=True)
class Number:
    """A number from ``low`` to ``high``; whole where low, high, default and step all are ints.

    typed: a field to type into, for ranges that a slider cannot reach exactly.
    """

    key: str
    label: str
    low: float
    high: float
    default: float
    step: float = 1
    typed: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether only whole numbers are meant."""
        return all(isinstance(x, int) for x in (self.low, self.high, self.default, self.step))


@dataclass(frozen=True)
class Flag:
    """On or off."""

    key: str
    label: str
    default: bool = False


@dataclass(frozen=True)
class Words:
    """Free text of at most ``max_length`` characters; shown as text only."""

    key: str
    label: str
    default: str = ""
    max_length: int = 200


Param: TypeAlias = Choice | Number | Flag | Words


def value(param: Param) -> Any:
    """What is chosen now, also before the control is drawn."""
    chosen = st.session_state.get(param.key, param.default)
    return chosen if fits(param, chosen) else param.default


def control(param: Param, *, help: str = "", where: Any = st) -> Any:
    """Draw the widget of a parameter and return its value.

    Its value survives a change of page and stands in the address unless it is the default.
    """
    state = st.session_state
    linked = state.get(session.LINK, {}).pop(param.key, None)
    if param.key in state and not fits(param, state[param.key]):
        # Of an earlier range of the same control, or the words of a choice that a link named.
        meant = parse(param, state[param.key]) if isinstance(state[param.key], str) else None
        state[param.key] = param.default if meant is None else meant
        if meant is None and linked is not None:
            state[session.IGNORED] = (
                *state[session.IGNORED],
                ignored(param.key, linked, allowed(param)),
            )
            st.rerun()
    given = _widget(param, help, where)
    return given if fits(param, given) else param.default


def one_of(choices: Sequence[Any], key: str, label: str, name: Callable[[Any], str]) -> Any:
    """One of several, the first unless another was chosen; no control for one."""
    if len(choices) == 1:
        return choices[0]
    numbers = list(range(len(choices)))
    if st.session_state.get(key) not in numbers:
        st.session_state[key] = 0
    with st.container(width=460):
        chosen = st.selectbox(
            label, numbers, key=key, format_func=lambda n: name(choices[n]), persist_state="session"
        )
    return choices[chosen]


def _widget(param: Param, help: str, where: Any) -> Any:
    common: dict[str, Any] = {
        "key": param.key,
        "help": help or None,
        "bind": "query-params",
        "persist_state": "session",
    }
    if isinstance(param, Choice):
        return _choice(param, common, where)
    if isinstance(param, Flag):
        return where.toggle(param.label, param.default, **common)
    if isinstance(param, Words):
        return where.text_input(param.label, param.default, param.max_length, **common)
    if param.typed:
        return where.number_input(
            param.label, param.low, param.high, param.default, step=param.step, **common
        )
    return where.slider(
        param.label, param.low, param.high, param.default, step=param.step, **common
    )


def _choice(param: Choice, common: dict[str, Any], where: Any) -> str:
    ids = list(param.options)
    if param.spread or len(ids) <= SEGMENTS:
        return str(
            where.segmented_control(
                param.label,
                ids,
                default=param.default,
                format_func=param.options.__getitem__,
                required=True,
                **common,
            )
        )
    return str(
        where.selectbox(
            param.label,
            ids,
            ids.index(param.default),
            format_func=param.options.__getitem__,
            **common,
        )
    )


# ---- the link -----------------------------------------------------------------------------------


def params_of(page: str) -> tuple[Param, ...]:
    """The private parameters of a page; empty for a page without any."""
    if page not in PAGES:
        return ()
    found: tuple[Param, ...] = import_module(f"muxviz.ui.{page}.params").PARAMS
    return found


def all_params() -> tuple[Param, ...]:
    """The private parameters of every page."""
    return tuple(param for page in PAGES for param in params_of(page))


def fits(param: Param, given: object) -> bool:
    """Whether a value is one that the parameter may have."""
    if isinstance(param, Choice):
        return given in param.options
    if isinstance(param, Flag):
        return isinstance(given, bool)
    if isinstance(param, Words):
        return isinstance(given, str) and len(given) <= param.max_length
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        return False
    steps = (given - param.low) / param.step
    return param.low <= given <= param.high and abs(steps - round(steps)) < 1e-6


def parse(param: Param, text: str) -> Any:
    """The value that a link's text means, or None where it means none of the allowed ones."""
    given: Any = text
    if isinstance(param, Choice) and text not in param.options:
        given = next((i for i, words in param.options.items() if words == text), None)
    elif isinstance(param, Flag):
        given = {"true": True, "1": True, "false": False, "0": False}.get(text.lower())
    elif isinstance(param, Number):
        given = _number(param, text)
    elif isinstance(param, Words) and not is_line(text):
        given = None
    return given if given is not None and fits(param, given) else None


def allowed(param: Param) -> str:
    """What a link may say, in words."""
    if isinstance(param, Choice):
        first = list(param.options)[: SEGMENTS + 1]
        return f"use {listed(first if len(first) == len(param.options) else [*first, 'so on'])}"
    if isinstance(param, Flag):
        return "use true or false"
    if isinstance(param, Words):
        return f"one line of at most {param.max_length} characters"
    return f"{param.low:g} to {param.high:g} in steps of {param.step:g}"


def ignored(name: str, text: str, why: str) -> str:
    """An entry of the notice about what a link held and this app cannot use."""
    return f"{plain(shorten(f'{name}={text}', MAX_SHOWN))} ({why})"


def as_text(param: Param, given: Any) -> str:
    """A value as links write it; ``parse`` reads it back."""
    if isinstance(param, Flag):
        return "true" if given else "false"
    return str(given)


def as_written(param: Param, given: Any) -> str:
    """A value as the control of the parameter writes it into the address."""
    if isinstance(param, Choice):
        return param.options[given]
    return (
        str(int(given))
        if isinstance(param, Number) and given == int(given)
        else as_text(param, given)
    )


def is_line(text: str) -> bool:
    """Whether this is one line of text: nothing that steers a terminal, nothing undecodable."""
    return not any(unicodedata.category(c) in ("Cc", "Cs") or c == "\ufffd" for c in text)


def _number(param: Number, text: str) -> float | None:
    given = real_number(text, low=param.low, high=param.high)
    if given is None or not param.is_whole:
        return given
    return int(given) if given == int(given) else None

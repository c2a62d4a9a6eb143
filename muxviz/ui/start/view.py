"""The parts of the Start page: the recorded picture, how to read it, and ways on."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from muxviz.errors import DataError
from muxviz.presets import Preset, preset, presets
from muxviz.results import GroupResult
from muxviz.results.shown import Shown
from muxviz.ui.shell import group
from muxviz.ui.shell.frame import PAGES, Bench, go_to, page_exists
from muxviz.ui.shell.text import plain
from muxviz.ui.study import recorded
from muxviz.ui.study.braid import braid_question
from muxviz.ui.study.errors import error_panel
from muxviz.ui.study.panels import picture
from muxviz.ui.study.shown import failing, where_it_turns
from muxviz.ui.study.verdict import verdict
from muxviz.ui.study.why import ask_why

STAGES = (
    (
        "Enter",
        "Each sentence is a lane with its own colour, number and symbol. All lanes are equally "
        "wide: every sentence brings all of its tokens.",
    ),
    (
        "Mix",
        "At every position the multiplexer turns each token by its slot's key and adds them all "
        "up. From here on there is one sequence.",
    ),
    (
        "Run",
        "The encoder reads that one sequence, layer by layer, at the price of a single sentence.",
    ),
    (
        "Separate",
        "The demultiplexer asks for each slot with its key. A lane comes out as wide as the share "
        "of tokens it gets back; ribbons are tokens of a neighbour.",
    ),
)
GO_LIVE = (
    "The same five sentences, live, on the checkpoint that you choose. Then change a word and run "
    "again."
)
GO_HARD = (
    "Twins that differ in one word, texts of unlike length, a neighbour that shouts: see what "
    "gives way."
)
GO_WHY = (
    "A sentence that is answered otherwise in company than alone: who is to blame, and what would "
    "help?"
)
GO_MODELS = (
    "What each checkpoint is made of, what it was measured at, and how to open one of your own."
)
HARD = ("twins", "lengths", "loud")  # presets offered as hard cases


def recorded_part(bench: Bench) -> None:
    """The recorded braid with its reading and numbers, or how to record one."""
    try:
        result = recorded.start_result()
    except DataError as error:
        error_panel(error)
        stages()
        return
    if result is None:
        st.info(
            "**The recorded result is missing.** Run `make recorded` once to make it; everything "
            "else works without it.",
            icon=":material/movie:",
        )
        stages()
        return
    _braid(result, bench)
    stages()
    st.space("small")
    verdict(result)


def _braid(result: GroupResult, bench: Bench) -> None:
    panel = braid_question("start", result, "start").panel(result)
    with st.container(gap="xxsmall"):
        st.badge("recorded, not live", icon=":material/movie:", color="gray")
        picture(panel.key, panel.figures[0], panel.alts[0], narrow=panel.narrow[0])
        st.caption(plain(panel.brief))


def stages() -> None:
    """The four stages of the picture, under it from left to right."""
    with st.grid(4, min_column_width=170, gap="medium"):
        for number, (name, text) in enumerate(STAGES, start=1):
            st.markdown(f"**{number} · {name}**  \n:small[{text}]")


# ---- ways on ------------------------------------------------------------------------------------


def ways_on(bench: Bench) -> None:
    """Cards that lead to pages that exist."""
    with st.grid(4, min_column_width=200, gap="small"):
        with st.container(border=True, height="stretch"):
            _card("Run this group yourself", GO_LIVE)
            _open_button(preset("clean"), "Open in Mix & read", kind="primary")
        with st.container(border=True, height="stretch"):
            _card("Make it hard", GO_HARD)
            with st.container(horizontal=True, gap="xsmall"):
                for name in HARD:
                    _open_button(preset(name), preset(name).title)
        with st.container(border=True, height="stretch"):
            _card("Debug a failure", GO_WHY)
            _why_button(bench)
        with st.container(border=True, height="stretch"):
            _card("Look at the models", GO_MODELS)
            if page_exists("models"):
                st.page_link(PAGES["models"].file, label="Models", icon=PAGES["models"].icon)


def _why_button(bench: Bench) -> None:
    """To a failure that was recorded of the chosen checkpoint, else to the group of now."""
    found = failing(bench.checkpoint.name) if bench.checkpoint else None
    label = f"Slot {found.turned[0] + 1} of {preset(found.preset).title}" if found else "Debugger"
    st.button(label, key="open_why", on_click=_open_why, args=(found,), wrap=True)


def _open_why(found: Shown | None) -> None:
    if found is not None:
        group.put_preset(preset(found.preset))
    ask_why(found.turned[0] if found else None)


def gallery() -> None:
    """Every preset with what to look for in it."""
    with st.expander(f"**{len(presets())} groups that each show one thing**"):
        for item in presets():
            name, look_for = st.columns([0.22, 0.78], vertical_alignment="center", gap="small")
            with name:
                _open_button(item, item.title, key=f"gallery_{item.id}", kind="tertiary")
            look_for.caption(f"{item.look_for} {where_it_turns(item)}".rstrip())


def _card(title: str, text: str) -> None:
    st.markdown(f"## {title}", anchors=False)
    st.caption(text)
    st.space("stretch")


def _open_button(
    item: Preset,
    label: str,
    *,
    key: str = "",
    kind: Literal["primary", "secondary", "tertiary"] = "secondary",
) -> None:
    st.button(
        label,
        key=key or f"open_{item.id}",
        on_click=_open,
        args=(item,),
        type=kind,
        wrap=True,
    )


def _open(item: Preset) -> None:
    group.put_preset(item)
    go_to("mix")

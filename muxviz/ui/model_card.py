"""A checkpoint's card: licence, numbers and recipe, as its ``card.json`` has them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from muxviz.ui.model_files import CARD_DEPTH, FolderFacts
from muxviz.ui.model_text import short
from muxviz.ui.text import count, plain

MAX_ROWS = 200
MAX_TEXT = 300  # characters of one value
MAX_LIST = 12  # numbers of a list that are written out
LICENCE = ("licence", "license")
APART = (*LICENCE, "recipe")


def draw(facts: FolderFacts) -> None:
    """The card of one checkpoint, or why there is none."""
    st.subheader(f"Card of {plain(short(facts.name))}", anchor=False)
    card = facts.card
    if not card:
        st.info(
            "Not applicable: this checkpoint has no `card.json` (published ones have none). Its "
            "recipe, numbers and licence are where it came from.",
            icon=":material/block:",
        )
        return
    licence = next((str(card[name]) for name in LICENCE if card.get(name)), "not stated")
    st.markdown(f"**Licence:** {plain(licence[:MAX_TEXT])}")
    numbers, recipe = st.columns(2, gap="large")
    with numbers:
        _table("Numbers", {k: v for k, v in card.items() if k not in APART})
    with recipe:
        _table("Recipe", card.get("recipe"))


def _table(title: str, value: Any) -> None:
    st.markdown(f"**{title}**")
    rows = flatten(value)
    if not rows:
        st.caption("The card says nothing.")
        return
    st.dataframe(
        [{"Field": name, "Value": text} for name, text in rows[:MAX_ROWS]],
        hide_index=True,
        width="stretch",
        alt=f"{title}: " + "; ".join(f"{name} {text}" for name, text in rows[:MAX_LIST]),
    )
    if len(rows) > MAX_ROWS:
        st.caption(f"{count(len(rows) - MAX_ROWS, 'more field')} in card.json.")


def flatten(value: Any, name: str = "", depth: int = CARD_DEPTH) -> list[tuple[str, str]]:
    """JSON values as (dotted name, text), in their order."""
    if isinstance(value, dict) and depth:
        parts = [(f"{name}.{key}" if name else str(key), part) for key, part in value.items()]
    elif isinstance(value, list) and depth and any(isinstance(v, dict | list) for v in value):
        parts = [(f"{name} {i}", part) for i, part in enumerate(value, 1)]
    else:
        return [] if value is None and not name else [(name, _text(value))]
    return [row for label, part in parts for row in flatten(part, label, depth - 1)]


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) > MAX_LIST:
        return f"{len(value)} values"
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "–" if value is None else str(value)[:MAX_TEXT]

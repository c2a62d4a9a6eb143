"""The three numbers that sum up a pass, each with how it was obtained."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from muxviz.figures.drawing.wording import interval, percent
from muxviz.figures.mix.braid_words import NEAR, TURNED, standing
from muxviz.results import GroupResult
from muxviz.results.group import EQUAL_SLOTS
from muxviz.ui.shell.text import listed, plain

NONE = "n/a"
TILE = 170  # px, least width
KEPT_WHY = (
    "Answers that are the same as for the sentence by itself, one text a pass. Where there is one "
    "answer per token, each counts."
)
READ_WHY = (
    "Share of ordinary tokens that the retrieval head names rightly at their own position, all "
    "slots together; special tokens and fillers are not counted."
)
SPEED_WHY = (
    "Median time of the baseline answering every sentence by itself, divided by that of one "
    "multiplexed pass; forward passes only, in alternation."
)


def verdict(result: GroupResult, timing: Callable[[], None] | None = None) -> None:
    """Answers kept, tokens read back, and one pass against one by one.

    timing: draws the third while it is not measured yet.
    """
    with st.grid(3, min_column_width=TILE, gap="small"):
        for draw in (_kept, _read_back):
            with st.container(border=True, height="stretch", gap="xsmall"):
                draw(result)
        with st.container(border=True, height="stretch", gap="xsmall"):
            if timing is None or result.timings:
                _speed(result)
            else:
                timing()


def _tile(label: str, value: str, how: str, why: str) -> None:
    st.metric(label, value, help=why)
    st.caption(how)


def _kept(result: GroupResult) -> None:
    same, of = result.kept
    label = f"{result.part.capitalize()}s kept"
    if not of:
        how = (
            "One text a pass: it is alone already."
            if len(result.slots) == 1
            else "Nothing to compare with: no N = 1 baseline answered."
        )
        _tile(label, NONE, how, KEPT_WHY)
        return
    found = {name: _slots(result, name) for name in (TURNED, NEAR)}
    parts = [f"{name}: {slots}" for name, slots in found.items() if slots]
    who = "with all slots equal" if result.baseline == EQUAL_SLOTS else f"in {result.baseline}"
    how = "; ".join(parts) or f"all as alone {plain(who)}"
    _tile(label, f"{same} of {of}", how, KEPT_WHY)


def _slots(result: GroupResult, name: str) -> str:
    numbers = [str(slot.number) for slot in result.answered if standing(slot) == name]
    return f"slot{'s' * (len(numbers) > 1)} {listed(numbers)}" if numbers else ""


def _read_back(result: GroupResult) -> None:
    label, pooled = "Tokens read back", result.read_back
    if pooled is None or not pooled.trials:
        _tile(label, NONE, "No retrieval head, so nothing is read back.", READ_WHY)
        return
    worst = max(result.answered, key=lambda slot: slot.lost)
    lost = f"slot {worst.number} lost {percent(worst.lost)}; " if worst.lost else ""
    how = f"{lost}{pooled.trials} tokens, 95 % interval {interval(pooled)}"
    _tile(label, percent(pooled.value), how, READ_WHY)


def _speed(result: GroupResult) -> None:
    one, many = result.timing("multiplexed"), result.timing("alone, one by one")
    if result.speed is None or one is None or many is None:
        how = "No N = 1 baseline to measure against." if one else "Not measured for this result."
        _tile("Speed", NONE, how, SPEED_WHY)
        return
    how = (
        f"measured: {1000 * one.median_s:.1f} ms for one pass, {1000 * many.median_s:.1f} ms for "
        f"{many.passes} of one sentence"
    )
    _tile("Speed", f"{result.speed:.1f} ×", how, SPEED_WHY)

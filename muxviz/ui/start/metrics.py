"""The three numbers that sum up a pass, each with how it was obtained."""

from __future__ import annotations

import streamlit as st

from muxviz.figures.drawing.wording import interval, percent
from muxviz.figures.mix.leak import largest_leak
from muxviz.results import GroupResult, Proportion, Timing

NONE = "n/a"


def headline_metrics(result: GroupResult) -> None:
    """Tokens read back, the worst leak, and one pass against one by one."""
    with st.grid(3, min_column_width=230, gap="small"):
        for label, value, how, why in (_read_back(result), _worst_leak(result), _speed(result)):
            with st.container(border=True, height="stretch", gap="xsmall"):
                st.metric(label, value, help=why)
                st.caption(how)


def pooled_read_back(result: GroupResult) -> Proportion | None:
    """Counted tokens read back over all slots that are no fillers; None without a read-out."""
    parts = [s.reading.accuracy for s in result.answered if s.reading is not None]
    if not parts:
        return None
    return Proportion(sum(p.successes for p in parts), sum(p.trials for p in parts))


def timing_named(result: GroupResult, name: str) -> Timing | None:
    """The timing of one way to answer the group."""
    return next((t for t in result.timings if t.name == name), None)


def _read_back(result: GroupResult) -> tuple[str, str, str, str]:
    pooled = pooled_read_back(result)
    label = "Tokens read back"
    why = (
        "Share of ordinary tokens that the retrieval head names rightly at their own position, "
        "all slots together; special tokens and fillers are not counted."
    )
    if pooled is None or not pooled.trials:
        return label, NONE, "No retrieval head, so nothing is read back.", why
    how = f"of {pooled.trials} tokens; Wilson 95 % interval {interval(pooled)}"
    return label, percent(pooled.value), how, why


def _worst_leak(result: GroupResult) -> tuple[str, str, str, str]:
    label = "Worst leak"
    why = (
        "Largest share of one slot's tokens that came out as the token another slot holds at the "
        "same position, where the two differ."
    )
    if result.leak is None:
        return label, NONE, "Needs the read-back of at least two slots.", why
    fillers = [s.slot for s in result.slots if s.is_filler]
    worst = largest_leak(result.leak.shares, fillers)
    if worst is None:
        return label, "0 %", "No token of one slot came out of another.", why
    slot, source, share = worst
    tokens = int(result.leak.positions[slot])
    return (
        label,
        percent(share),
        f"of the {tokens} tokens of slot {slot + 1}, from slot {source + 1}",
        why,
    )


def _speed(result: GroupResult) -> tuple[str, str, str, str]:
    label = "One pass against one by one"
    why = (
        "Median time of the baseline answering every sentence by itself, divided by that of one "
        "multiplexed pass; forward passes only, in alternation."
    )
    one, many = timing_named(result, "multiplexed"), timing_named(result, "alone, one by one")
    if one is None or many is None or not one.median_s:
        return label, NONE, "Not measured for this result.", why
    how = (
        f"{1000 * one.median_s:.1f} ms for one pass, {1000 * many.median_s:.1f} ms for "
        f"{many.passes}; medians of {one.repeats}"
    )
    return label, f"{many.median_s / one.median_s:.1f} ×", how, why

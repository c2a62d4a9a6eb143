"""Model B on the same sentences: both models' answers side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import percent
from muxviz.figures.mix.braid_words import standing
from muxviz.results import GroupResult, SlotResult
from muxviz.ui.mix import text as words
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.text import count, plain, shorten
from muxviz.ui.study.asked import Question
from muxviz.ui.study.braid import drawn_braid, recorded_band
from muxviz.ui.study.call import Call
from muxviz.ui.study.heading import sides
from muxviz.ui.study.kept import desk
from muxviz.ui.study.question import at_once, show
from muxviz.ui.study.runs import PastRun

ROOM = 48  # characters


def other_model(past: PastRun, bench: Bench) -> None:
    """The pass of model B, where one is chosen, and what the two answer."""
    other = dict(sides(bench)).get("B")
    if other is None:
        return
    asked = past.request
    run = replace(
        other,
        rows=asked.rows[: other.num_instances],
        padding=asked.padding,
        fill=asked.fill,
        seed=asked.seed,
    )
    asked_b = Question(
        "mix_other",
        f"The pass of model B, {plain(run.checkpoint)}",
        Call("inference.run_group", run, baseline=True),
        "one pass, and one of each sentence alone",
        lambda found: drawn_braid(found, recorded_band(found)),
        words.OTHER_HOW,
        words.OTHER_LIMITS,
        instant=True,
    )
    desk().collect_all()
    result: GroupResult | None = at_once(asked_b)
    if result is None:
        show(asked_b)
        return
    rows = side_by_side(past.result, result)
    st.markdown(f"**Side by side.** {plain(_summary(past.result, result))}")
    alt = f"Answers of both models to {count(len(rows), 'sentence')}"
    st.dataframe(rows, hide_index=True, width="stretch", alt=alt)
    box = st.expander("Its braid", key="mix_other_braid", on_change="rerun", type="compact")
    if box.open:
        with box:
            show(asked_b)


def side_by_side(one: GroupResult, other: GroupResult) -> list[dict[str, Any]]:
    """One row per sentence that either model answered, in slot order."""
    both = [{slot.slot: slot for slot in result.answered} for result in (one, other)]
    rows = []
    for number in sorted(both[0] | both[1]):
        a, b = (found.get(number) for found in both)
        either = a or b
        alone = next((s.alone.headline for s in (a, b) if s is not None and s.alone), None)
        rows.append(
            {
                "slot": slot_label(number),
                "sentence": shorten(either.text, ROOM) if either else "",
                "alone": shorten(alone, ROOM) if alone else None,
                **_columns("A", a),
                **_columns("B", b),
            }
        )
    return rows


def _columns(name: str, slot: SlotResult | None) -> dict[str, Any]:
    read = slot.reading.accuracy if slot is not None and slot.reading is not None else None
    return {
        name: shorten(slot.answer.headline, ROOM) if slot else None,
        f"{name} against alone": standing(slot) if slot else None,
        f"{name} read back": percent(read.value) if read is not None and read.trials else None,
    }


def _summary(one: GroupResult, other: GroupResult) -> str:
    """Answers kept and tokens read back, A against B."""
    parts = []
    if one.kept[1] and other.kept[1]:
        told = (f"{name} {r.kept[0]} of {r.kept[1]}" for name, r in (("A", one), ("B", other)))
        parts.append(f"{one.part.capitalize()}s kept: {', '.join(told)}")
    if one.read_back and other.read_back:
        told = (
            f"{name} {percent(r.read_back.value)}"
            for name, r in (("A", one), ("B", other))
            if r.read_back
        )
        parts.append(f"tokens read back: {', '.join(told)}")
    return "; ".join(parts) + "." * bool(parts)

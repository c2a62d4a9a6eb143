"""The same texts read back at each checkpoint; words that came back wrong are marked.

Texts are shown as text. Words are aligned by their longest common runs, so a lost word does not
mark all that follow.
"""

from __future__ import annotations

from difflib import SequenceMatcher

import streamlit as st

from muxviz.figures.drawing.slots import slot_label
from muxviz.figures.drawing.wording import percent
from muxviz.results.training import RunSummary, SlotSample, TrainingSample
from muxviz.ui.shell.text import plain
from muxviz.ui.study.panels import not_applicable
from muxviz.ui.training import runs as training_runs
from muxviz.ui.training.runs import Listed

STEP, NEWEST = "t_step", "t_newest"
QUESTION = "What comes back at each checkpoint?"
WIDTHS = (1, 6, 6, 2)
HOW = """
Left the text in the slot, right what the retrieval head named at the same positions, most probable
token each. Marked: words that differ. The last column counts word pieces, so one wrong piece marks
a whole word. They are the same dev texts at every checkpoint.
"""


def samples_panel(run: Listed, summary: RunSummary, provenance: str) -> None:
    """A slider over the checkpoints, and the texts of the chosen one."""
    found = training_runs.samples(run)
    if not found:
        not_applicable(QUESTION, _why(summary))
        return
    st.header(QUESTION, anchor=False)
    chosen = _step(run, found)
    right, tokens = (sum(getattr(s, n) for s in chosen.slots) for n in ("right", "tokens"))
    if tokens:
        st.markdown(
            f"**{right} of {tokens} tokens came back at step {chosen.step:,}** "
            f"({percent(right / tokens)})"
        )
    _heads()
    for sample in chosen.slots:
        _line(sample)
    with st.expander("How to read", type="compact"):
        st.markdown(HOW)
    with st.expander("Data", type="compact"):
        st.dataframe(
            samples_table(found),
            hide_index=True,
            width="stretch",
            alt=f"Texts read back at {len(found)} checkpoints",
        )
    st.caption(plain(provenance))


def samples_table(samples: tuple[TrainingSample, ...]) -> list[dict[str, object]]:
    """One row per step and slot."""
    return [
        {
            "step": sample.step,
            "slot": slot.slot + 1,
            "text": slot.text,
            "read back": slot.read,
            "right": slot.right,
            "tokens": slot.tokens,
        }
        for sample in samples
        for slot in sample.slots
    ]


def marked(text: str, read: str) -> tuple[str, str]:
    """Both as Markdown that shows them as they are, their differing words marked."""
    own, back = text.split(), read.split()
    left, right = [], []
    for kind, a, b, c, d in SequenceMatcher(None, own, back, autojunk=False).get_opcodes():
        is_same = kind == "equal"
        left += [_word(w, "gray", is_same) for w in own[a:b]]
        right += [_word(w, "red", is_same) for w in back[c:d]]
    return " ".join(left), " ".join(right)


def _word(word: str, color: str, is_same: bool) -> str:
    return plain(word) if is_same else f":{color}-background[**{plain(word)}**]"


def _step(run: Listed, found: tuple[TrainingSample, ...]) -> TrainingSample:
    """The checkpoint on the slider; the newest one until another is chosen."""
    by_step = {sample.step: sample for sample in found}
    state, newest = st.session_state, (run.label, found[-1].step)
    before = state.get(NEWEST)
    follows = before is None or before[0] != run.label or state.get(STEP) == before[1]
    if follows or state.get(STEP) not in by_step:
        state[STEP] = found[-1].step
    state[NEWEST] = newest
    if len(found) == 1:
        return found[0]
    step = st.select_slider(
        "Checkpoint at step", list(by_step), format_func=lambda s: f"{s:,}", key=STEP
    )
    return by_step[int(step)]


def _heads() -> None:
    for column, head in zip(
        st.columns(WIDTHS, gap="small"), ("Slot", "Text", "Read back", "Right"), strict=True
    ):
        column.caption(head)


def _line(sample: SlotSample) -> None:
    text, read = marked(sample.text, sample.read)
    share = f" ({percent(sample.right / sample.tokens)})" if sample.tokens else ""
    slot, own, back, count = st.columns(WIDTHS, gap="small")
    slot.markdown(slot_label(sample.slot))
    own.markdown(text or "∅")
    back.markdown(read or "∅")
    count.markdown(f"{sample.right} of {sample.tokens}{share}")


def _why(summary: RunSummary) -> str:
    if summary.num_instances == 1:
        return "Nothing is read back: N = 1 has no neighbours to be told apart from."
    if summary.state == "recorded":
        return "The texts read back on the way were not kept with this checkpoint."
    return "The first texts will be here once the run has saved."

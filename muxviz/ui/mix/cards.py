"""What came back for each sentence: one card per slot, by the kind of answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from muxviz.figures.drawing.wording import interval, percent
from muxviz.figures.mix.answers import replaced_strip_figure, tag_strip_figure
from muxviz.results import (
    Answer,
    FillAnswer,
    GroupResult,
    LabelAnswer,
    LabelsAnswer,
    ReplacedAnswer,
    ScoreAnswer,
    ScoresAnswer,
    SlotResult,
    TagAnswer,
)
from muxviz.results.group import EQUAL_SLOTS
from muxviz.ui.shell.frame import PAGES, Bench
from muxviz.ui.shell.text import count, plain, shorten
from muxviz.ui.study.panels import picture, slot_mark
from muxviz.ui.study.runs import PastRun
from muxviz.ui.study.why import ask_why

CARD = 240  # px, least width
MAX_SENTENCE = 120  # characters
MAX_FILLS = 3  # candidates per [MASK]
MAX_LABELS = 4  # labels with their probabilities, where any number applies


def answer_cards(past: PastRun, bench: Bench) -> None:
    """A card per sentence, in slot order; the slot selected on the sidebar is marked."""
    result = past.result
    st.subheader("What came back for each sentence?", anchor=False)
    per_token = any(isinstance(s.answer, TagAnswer | ReplacedAnswer) for s in result.answered)
    with st.grid(1 if per_token else "auto", min_column_width=CARD, gap="small"):
        for slot in result.answered:
            with st.container(border=True, height="stretch", gap="xsmall", key=f"card_{slot.slot}"):
                _card(result, slot, bench)
    st.caption(_comparison_note(result))


def _card(result: GroupResult, slot: SlotResult, bench: Bench) -> None:
    shown = " :small[:gray[selected]]" if slot.slot == bench.slot else ""
    st.markdown(f"{slot_mark(slot.slot)}{shown}")
    ANSWERS[type(slot.answer)](slot.answer)
    _strip(slot, bench.is_dark)
    if slot.agrees is False:
        who = "multiplexing" if result.baseline != EQUAL_SLOTS else "the neighbours"
        st.markdown(f":orange-background[:small[{who} changed the answer]]")
        st.button(
            "Why?",
            icon=PAGES["debugger"].icon,
            key=f"why_{slot.slot}",
            type="tertiary",
            on_click=ask_why,
            args=(slot.slot,),
            help="Opens the Debugger on this slot.",
        )
    st.text(shorten(slot.text, MAX_SENTENCE))
    if slot.pair:
        st.text(shorten(slot.pair, MAX_SENTENCE))
    if slot.cut_text:
        cut = plain(shorten(slot.cut_text, MAX_SENTENCE))
        st.caption(f":red[:material/content_cut: cut off:] {cut}")
    st.space("stretch")
    st.caption("  \n".join(_facts(result, slot)))


def _facts(result: GroupResult, slot: SlotResult) -> list[str]:
    facts = []
    if slot.alone is not None:
        facts.append(f"alone: {_in_short(slot.alone)}")
    if isinstance(slot.answer, LabelAnswer) and len(slot.answer.labels) > 1:
        facts.append(f"margin {slot.answer.margin:.1f}")
    if slot.reading is not None:
        accuracy = slot.reading.accuracy
        facts.append(
            f"read back {percent(accuracy.value)} of {count(accuracy.trials, 'token')} "
            f"({interval(accuracy)})".replace(" ", "\u00a0")
            if accuracy.trials
            else "nothing to read back"
        )
    return facts


def _comparison_note(result: GroupResult) -> str:
    if len(result.slots) == 1:
        return "One text a pass: the sentence is alone already. “Margin” is in logits."
    if not result.baseline:
        return (
            "Nothing to compare with: the checkpoint names no N = 1 baseline. For a comparison "
            "within the model, switch on “Alone = all slots equal” among the options."
        )
    if result.baseline == EQUAL_SLOTS:
        return (
            "“Alone” is the same model with the sentence in **all slots** at once (mean over "
            "slots); it is not an N = 1 model."
        )
    return (
        f"“Alone” is the same sentence in {plain(result.baseline)}, one text a pass. “Margin” is "
        "the answer's logit minus the best other one. Intervals are Wilson 95 %."
    )


def _in_short(answer: Answer) -> str:
    probability = answer.probability
    number = "" if probability is None or probability != probability else f" {probability:.2f}"
    return f"{plain(shorten(answer.headline, 40))}{number}"


# ---- by kind of answer --------------------------------------------------------------------------


def _label(answer: LabelAnswer) -> None:
    st.markdown(
        f"#### {plain(answer.label)} :small[:gray[{answer.probability:.2f}]]", anchors=False
    )


def _labels(answer: LabelsAnswer) -> None:
    """Those that apply in bold, then the others that come near."""
    pairs = sorted(zip(answer.probabilities, answer.labels, strict=True), reverse=True)
    st.markdown(f"#### {plain(answer.headline)}", anchors=False)
    likely = [f"{plain(name)} {p:.2f}" for p, name in pairs[: max(MAX_LABELS, len(answer.chosen))]]
    st.markdown(f":gray[{' · '.join(likely)}]")


def _score(answer: ScoreAnswer) -> None:
    st.markdown(f"#### {answer.score:.3f}", anchors=False)


def _scores(answer: ScoresAnswer) -> None:
    for name, score in zip(answer.labels, answer.scores, strict=True):
        st.markdown(f"**{score:.3f}** :gray[{plain(name)}]")


def _fills(answer: FillAnswer) -> None:
    if not answer.positions:
        st.markdown(":gray[no \\[MASK\\] in this text]")
    for names, chances in zip(answer.candidates, answer.probabilities, strict=True):
        best = [f"{plain(n)} {p:.2f}" for n, p in zip(names, chances, strict=True)][:MAX_FILLS]
        st.markdown(f"**{best[0]}** :gray[· {' · '.join(best[1:])}]")


def _per_token(answer: TagAnswer | ReplacedAnswer) -> None:
    """The strip below says it; see ``_strip``."""


def _strip(slot: SlotResult, dark: bool) -> None:
    """Tokens with what is said of each, where the answer is one per token."""
    answer = slot.answer
    if isinstance(answer, TagAnswer):
        pairs = zip(answer.tokens, answer.tags, strict=True)
        alt = f"Slot {slot.number}, tags: {', '.join(f'{t} {tag}' for t, tag in pairs)}"
        picture(f"tags_{slot.number}", tag_strip_figure(slot, dark=dark), alt)
    elif isinstance(answer, ReplacedAnswer):
        alt = f"Slot {slot.number}, replaced tokens: {answer.headline}"
        picture(f"replaced_{slot.number}", replaced_strip_figure(slot, dark=dark), alt)


ANSWERS: dict[type, Callable[[Any], None]] = {
    LabelAnswer: _label,
    LabelsAnswer: _labels,
    ScoreAnswer: _score,
    ScoresAnswer: _scores,
    FillAnswer: _fills,
    TagAnswer: _per_token,
    ReplacedAnswer: _per_token,
}

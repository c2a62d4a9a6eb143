"""What came back for each sentence: one card per slot, by the kind of answer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import streamlit as st

from muxviz.figures.drawing.wording import percent
from muxviz.figures.mix.answers import replaced_strip_figure, tag_strip_figure, tags_words
from muxviz.figures.mix.braid_words import NEAR, TURNED, standing
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
from muxviz.results.group import CLOSE, EQUAL_SLOTS
from muxviz.ui.shell.frame import PAGES, Bench
from muxviz.ui.shell.text import plain, shorten
from muxviz.ui.study.panels import picture, slot_mark
from muxviz.ui.study.runs import PastRun
from muxviz.ui.study.slots import take_slot
from muxviz.ui.study.why import ask_why

CARD = 174  # px, least width: five beside each other
MAX_SENTENCE = 90  # characters
MAX_FILLS = 3  # candidates per [MASK]
MAX_LABELS = 4  # labels with their probabilities, where any number applies


def is_per_token(result: GroupResult) -> bool:
    """Whether answers are one per token: then their cards stand below the braid, in a tab."""
    return any(isinstance(s.answer, TagAnswer | ReplacedAnswer) for s in result.answered)


def answer_cards(past: PastRun, bench: Bench) -> None:
    """A card per sentence, in slot order; its number selects its slot."""
    if not is_per_token(past.result):
        draw_cards(past, bench)


def draw_cards(past: PastRun, bench: Bench) -> None:
    """The cards, wherever they stand."""
    result = past.result
    with st.grid(1 if is_per_token(result) else "auto", min_column_width=CARD, gap="small"):
        for slot in result.answered:
            with st.container(
                border=True, height="stretch", gap="xxsmall", key=f"card_{slot.slot}"
            ):
                _card(result, slot, bench)
    st.caption(_comparison_note(result))


def _card(result: GroupResult, slot: SlotResult, bench: Bench) -> None:
    per_token = isinstance(slot.answer, TagAnswer | ReplacedAnswer)
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.button(
            slot_mark(slot.slot),
            key=f"select_{slot.slot}",
            type="tertiary",
            on_click=take_slot,
            args=([slot.slot],),
            help=f"Selects slot {slot.number}, as on the left.",
        )
        if slot.slot == bench.slot:
            st.markdown(":small[:gray[selected]]", width="content")
        if per_token:
            st.markdown(f":small[{plain(_in_one_line(slot))}]", width="content")
        st.space("stretch")
        if slot.agrees is False:
            _why_button(slot)
    ANSWERS[type(slot.answer)](slot.answer)
    _strip(slot, bench.is_dark)
    if not per_token:
        _text(result, slot)
    if slot.cut_text:
        cut = plain(shorten(slot.cut_text, MAX_SENTENCE))
        st.caption(f":red[:material/content_cut: cut off:] {cut}")
    if not per_token:
        st.space("stretch")
        st.caption("  \n".join(_facts(slot, result)))


def _why_button(slot: SlotResult) -> None:
    st.button(
        "Why?",
        icon=PAGES["debugger"].icon,
        key=f"why_{slot.slot}",
        type="tertiary",
        on_click=ask_why,
        args=(slot.slot,),
        help="Opens the Debugger on this slot.",
    )


def _text(result: GroupResult, slot: SlotResult) -> None:
    """How the answer stands, and the sentence; a strip of tokens says both."""
    if said := _standing(result, slot):
        st.markdown(said)
    st.text(shorten(slot.text, MAX_SENTENCE))
    if slot.pair:
        st.text(shorten(slot.pair, MAX_SENTENCE))


def _in_one_line(slot: SlotResult) -> str:
    """Of answers token by token: how they stand, and what was read back."""
    tags = isinstance(slot.answer, TagAnswer)
    parts = [tags_words(slot) if tags else slot.answer.headline]
    if slot.alone is not None and slot.agrees is None:
        parts.append("alone its words are split otherwise: not compared")
    return "; ".join([*parts, *_read_back(slot)])


def _standing(result: GroupResult, slot: SlotResult) -> str:
    """How the answer stands against the same sentence alone, where it is not the same."""
    stands = standing(slot)
    if stands == NEAR:
        return f":gray-background[:small[{NEAR}]]"
    if stands != TURNED:
        return ""
    same, of = slot.alike or (0, 1)
    if of > 1:
        verb = "differs" if of - same == 1 else "differ"
        return f":orange-background[:small[{of - same} of {of} {result.part}s {verb} from alone]]"
    return ":orange-background[:small[turned]]"


def _facts(slot: SlotResult, result: GroupResult) -> list[str]:
    facts = []
    if slot.alone is not None:
        facts.append(f"alone: {_in_short(slot.alone)}")
    if isinstance(slot.answer, LabelAnswer) and len(slot.answer.labels) > 1:
        facts.append(f"margin {slot.answer.margin:.1f}")
        if slot is least_certain(result):
            facts.append(
                f":material/replay: certainty {slot.answer.certainty:.2f}, first to be asked again"
                f"{_asked(slot)}"
            )
    return [*facts, *_read_back(slot)]


def least_certain(result: GroupResult) -> SlotResult | None:
    """Whose sentence would be the first that is asked again alone; None where nobody is."""
    sure = [s for s in result.answered if isinstance(s.answer, LabelAnswer)]
    if len(sure) < 2 or result.baseline in ("", EQUAL_SLOTS):
        return None
    return min(sure, key=_certainty)


def _certainty(slot: SlotResult) -> float:
    return slot.answer.certainty if isinstance(slot.answer, LabelAnswer) else math.inf


def _asked(slot: SlotResult) -> str:
    """What asking it again would give."""
    return {True: ": the same answer", False: ": another answer", None: ""}[slot.agrees]


def _read_back(slot: SlotResult) -> list[str]:
    if slot.reading is None:
        return []
    accuracy = slot.reading.accuracy
    if not accuracy.trials:
        return ["nothing to read back"]
    return [f"read back {percent(accuracy.value)} of {accuracy.trials}"]


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
        f"the answer's logit minus the best other one; under {CLOSE:g} it is close to turning. "
        "“Certainty” is its probability at the checkpoint's temperature, which `muxviz run "
        "--escalate` goes by."
    )


def _in_short(answer: Answer) -> str:
    probability = answer.probability
    number = "" if probability is None or probability != probability else f" {probability:.2f}"
    return f"{plain(shorten(answer.headline, 40))}{number}"


# ---- by kind of answer --------------------------------------------------------------------------


def _label(answer: LabelAnswer) -> None:
    st.markdown(f"## {plain(answer.label)} :small[:gray[{answer.probability:.2f}]]", anchors=False)


def _labels(answer: LabelsAnswer) -> None:
    """Those that apply in bold, then the others that come near."""
    pairs = sorted(zip(answer.probabilities, answer.labels, strict=True), reverse=True)
    st.markdown(f"## {plain(answer.headline)}", anchors=False)
    likely = [f"{plain(name)} {p:.2f}" for p, name in pairs[: max(MAX_LABELS, len(answer.chosen))]]
    st.markdown(f":gray[{' · '.join(likely)}]")


def _score(answer: ScoreAnswer) -> None:
    st.markdown(f"## {answer.score:.3f}", anchors=False)


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
        _strip_of(f"tags_{slot.number}", tag_strip_figure, slot, alt, dark)
    elif isinstance(answer, ReplacedAnswer):
        alt = f"Slot {slot.number}, replaced tokens: {answer.headline}"
        _strip_of(f"replaced_{slot.number}", replaced_strip_figure, slot, alt, dark)


def _strip_of(key: str, draw: Callable[..., Any], slot: SlotResult, alt: str, dark: bool) -> None:
    picture(key, draw(slot, dark=dark), alt, narrow=draw(slot, is_narrow=True, dark=dark))


ANSWERS: dict[type, Callable[[Any], None]] = {
    LabelAnswer: _label,
    LabelsAnswer: _labels,
    ScoreAnswer: _score,
    ScoresAnswer: _scores,
    FillAnswer: _fills,
    TagAnswer: _per_token,
    ReplacedAnswer: _per_token,
}

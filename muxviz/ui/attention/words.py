"""Which words an answer rests on, and through which positions they reach it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.attention.conductance import CONDUCTANCE, Places
from muxviz.figures.attention.saliency import SALIENCY
from muxviz.figures.drawing.family import Picture
from muxviz.printable import printable
from muxviz.ui.attention import params as controls
from muxviz.ui.attention import text
from muxviz.ui.attention.readings import shown_positions
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import SEGMENTS, Choice, control, value
from muxviz.ui.shell.text import plain
from muxviz.ui.study.asked import Question
from muxviz.ui.study.call import Ask, Call, Sentences, pool_texts
from muxviz.ui.study.pace import Cost
from muxviz.ui.study.question import show
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.analysis.groups.one_group import Target
    from muxviz.results.attention import HeadEffects
    from muxviz.results.attribution import Attribution, Conductance

NOTHING = -2  # as in muxviz.analysis.groups.one_group


@dataclass(frozen=True)
class Explaining(Call):
    """A call given a target and the pool; each part of the target is a parameter of its own."""

    @property
    def ask(self) -> Ask:
        """What the result depends on."""
        whole = super().ask
        (_, parts), pool = whole.params
        return replace(whole, params=(*parts, pool))


def words_panel(bench: Bench, run: RunRequest, heads: HeadEffects | None) -> None:
    """Saliency strips of all sentences."""
    given = {"target": _target(bench, heads), "pool": pool_texts()}
    control(controls.WHOLE, help="Pieces of a word are drawn as one, with their sum.")
    show(
        Question(
            "attention_words",
            "Which words does the answer rest on, and whose?",
            Explaining("groups.attribution.attribute", run, given),
            Cost(96, "32 passes forward and back, more where the gap stays above 1 %"),
            SALIENCY(whole=value(controls.WHOLE)),
            text.WORDS_HOW,
            text.WORDS_LIMITS,
            "Every sentence's words, tinted by what they bring to the answer of "
            f"slot {bench.slot + 1}, and the share of each sentence.",
            origin=_origin,
        )
    )


def ways_panel(bench: Bench, run: RunRequest, heads: HeadEffects | None) -> None:
    """The positions of every layer."""
    given = {"target": _target(bench, heads), "pool": pool_texts()}
    show(
        Question(
            "attention_ways",
            "Through which positions does each sentence reach it?",
            Explaining("attention.conductance.layer_conductance", run, given),
            Cost(
                96 * (run.num_instances + 3),
                "32 x (N + 3) passes forward and back, and 64 per layer for captum's check",
            ),
            _ways,
            text.PATHS_HOW,
            text.PATHS_LIMITS,
            "Layer by layer, the positions through which each sentence reaches the answer of "
            f"slot {bench.slot + 1}.",
            origin=_origin,
        )
    )


def _ways(result: Conductance) -> Picture:
    places = Places(tuple(zip(*result.names, strict=True)), result.counted)
    return CONDUCTANCE().here(positions=shown_positions(places))


def _origin(result: Attribution | Conductance) -> str:
    return f"{result.provenance.line()} · {result.pool} pool sentences, {result.steps} steps"


# ---- what is explained --------------------------------------------------------------------------


def _target(bench: Bench, heads: HeadEffects | None) -> Sentences:
    """The contrast, from its menus; what the model answers where they are not known yet."""
    labels = heads.labels if heads is not None else ()
    own = heads.words[bench.slot] if heads is not None and len(heads.words) > bench.slot else ()
    label = against = place = None
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        if labels:
            names = {name: name for name in labels}
            why = _choose(controls.LABEL, {"answer": "The answer it gives"} | names)
            label = None if why == "answer" else labels.index(why)
            given = heads.explained[bench.slot].label if heads and why == "answer" else why
            others = {k: v for k, v in names.items() if k != given}
            rather = _choose(
                controls.AGAINST,
                {"runner-up": "Its runner-up", "nothing": "Nothing: the plain logit"} | others,
            )
            fixed = {"runner-up": None, "nothing": NOTHING}
            against = fixed[rather] if rather in fixed else labels.index(rather)
        if own:
            tokens = {str(t): f"{t}: {name}" for t, name in enumerate(own)}
            at = _choose(controls.PLACE, {"all": "The mean over its words"} | tokens)
            place = None if at == "all" else int(at)
    return _made(bench.slot, label, against, place)


def _choose(param: Any, options: dict[str, str]) -> str:
    """One of a few whose words are a checkpoint's own: buttons read Markdown, a list does not."""
    shown = plain if len(options) <= SEGMENTS else printable
    words = {key: shown(text) for key, text in options.items()}
    return str(control(Choice(param.key, param.label, words, param.default)))


def _made(slot: int, label: int | None, against: int | None, place: int | None) -> Sentences:
    """A target of the analyses, which need torch; None is what they take unless told."""
    wanted = {"label": label, "against": against, "place": place}
    given = {name: number for name, number in wanted.items() if number is not None}

    def read() -> Target:
        from muxviz.analysis.groups.one_group import Target

        return Target(slot, **given)

    return Sentences(
        read,
        f"Target({', '.join([str(slot), *(f'{k}={v}' for k, v in given.items())])})",
        ("from muxviz.analysis.groups.one_group import Target",),
        (
            ("the slot", slot),
            ("what is explained", (label, place)),
            ("what it is contrasted with", against),
        ),
    )

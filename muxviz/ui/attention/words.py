"""Which words an answer rests on, and through which positions they reach it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from muxviz.figures.attention.conductance import (
    conductance_alt,
    conductance_figure,
    conductance_table,
)
from muxviz.figures.attention.saliency import saliency_alt, saliency_figure, saliency_table
from muxviz.pool import pool_name, texts
from muxviz.printable import printable
from muxviz.results.store import to_json
from muxviz.ui.attention import params as controls
from muxviz.ui.attention import text
from muxviz.ui.attention.readings import shown_positions
from muxviz.ui.shell.frame import Bench
from muxviz.ui.shell.params import SEGMENTS, Choice, control
from muxviz.ui.shell.text import plain
from muxviz.ui.study.panels import Panel
from muxviz.ui.study.python import analysis_snippet, call_arguments
from muxviz.ui.study.question import Ask, Progress, Study, show
from muxviz.ui.study.runs import RunRequest

if TYPE_CHECKING:
    from muxviz.analysis.groups.one_group import Target
    from muxviz.loading.checkpoint import Checkpoint
    from muxviz.results.attention import HeadEffects
    from muxviz.results.attribution import Attribution, Conductance

RUNNER_UP, NOTHING = -1, -2  # as in muxviz.analysis.groups.one_group


@dataclass(frozen=True)
class Asked:
    """What is explained, as ``muxviz.analysis.groups.one_group.Target`` takes it."""

    slot: int
    label: int | None
    against: int
    place: int | None

    def target(self) -> Target:
        """For the analyses, which need torch."""
        from muxviz.analysis.groups.one_group import Target

        return Target(self.slot, self.label, self.against, self.place)

    @property
    def code(self) -> str:
        """The call that makes the target."""
        parts = [str(self.slot)]
        if self.label is not None:
            parts.append(f"label={self.label}")
        if self.against != RUNNER_UP:
            parts.append(f"against={self.against}")
        if self.place is not None:
            parts.append(f"place={self.place}")
        return f"Target({', '.join(parts)})"

    @property
    def params(self) -> tuple[tuple[str, Any], ...]:
        """For an ``Ask``, in the words of its stale line."""
        return (
            ("the slot", self.slot),
            ("what is explained", (self.label, self.place)),
            ("what it is contrasted with", self.against),
            ("the pool", pool_name()),
        )


def words(bench: Bench, run: RunRequest, heads: HeadEffects | None) -> None:
    """Saliency strips of all sentences, then the ways through the layers."""
    strips, ways = st.container(), st.container()
    with strips:
        place = st.container()
        with place:
            asked = _asked(bench, heads)
        show(
            Study(
                "attention_words",
                "Which words does the answer rest on, and whose?",
                Ask(run, "integrated gradients", asked.params),
                "32 passes of one sequence forward and back, more where the gap stays above 1 %",
                partial(_attribute, run, asked),
                partial(_words_panel, run=run, asked=asked, dark=bench.is_dark),
                "Every sentence's words, tinted by what they bring to the answer of "
                f"slot {bench.slot + 1}, and the share of each sentence.",
            )
        )
    with ways:
        show(
            Study(
                "attention_ways",
                "Through which positions does each sentence reach it?",
                Ask(run, "layer conductance", asked.params),
                "about 32 x (N + 3) passes, and 64 per layer for captum's check",
                partial(_conduct, run, asked),
                partial(_ways_panel, run=run, asked=asked, dark=bench.is_dark),
                "Layer by layer, the positions through which each sentence reaches the answer of "
                f"slot {bench.slot + 1}.",
            )
        )


def _asked(bench: Bench, heads: HeadEffects | None) -> Asked:
    """The contrast, from its menus; what the model answers where they are not known yet."""
    labels = heads.labels if heads is not None else ()
    own = heads.words[bench.slot] if heads is not None and len(heads.words) > bench.slot else ()
    label, against, place = None, RUNNER_UP, None
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
            fixed = {"runner-up": RUNNER_UP, "nothing": NOTHING}
            against = fixed[rather] if rather in fixed else labels.index(rather)
        if own:
            tokens = {str(t): f"{t}: {name}" for t, name in enumerate(own)}
            at = _choose(controls.PLACE, {"all": "The mean over its words"} | tokens)
            place = None if at == "all" else int(at)
    return Asked(bench.slot, label, against, place)


def _choose(param: Any, options: dict[str, str]) -> str:
    """One of a few whose words are a checkpoint's own: buttons read Markdown, a list does not."""
    shown = plain if len(options) <= SEGMENTS else printable
    words = {key: shown(text) for key, text in options.items()}
    return str(control(Choice(param.key, param.label, words, param.default)))


# ---- work ---------------------------------------------------------------------------------------


def _attribute(
    run: RunRequest,
    asked: Asked,
    checkpoint: Checkpoint,
    baseline: Checkpoint | None,
    progress: Progress,
) -> Any:
    from muxviz.analysis.attention.attribution import attribute

    target, options = asked.target(), run.group_options
    return attribute(checkpoint, run.rows, target, pool=texts(), progress=progress, **options)


def _conduct(
    run: RunRequest,
    asked: Asked,
    checkpoint: Checkpoint,
    baseline: Checkpoint | None,
    progress: Progress,
) -> Any:
    from muxviz.analysis.attention.conductance import layer_conductance

    target, options = asked.target(), run.group_options
    return layer_conductance(
        checkpoint, run.rows, target, pool=texts(), progress=progress, **options
    )


# ---- panels -------------------------------------------------------------------------------------


def _words_panel(result: Attribution, *, run: RunRequest, asked: Asked, dark: bool) -> Panel:
    return Panel(
        "attention_words",
        (saliency_figure(result, dark=dark),),
        (saliency_alt(result),),
        saliency_table(result),
        text.WORDS_HOW,
        text.WORDS_LIMITS,
        lambda: to_json(result),
        _python(run, asked, "attribution", "attribute", "saliency", "saliency_figure"),
        _origin(result),
    )


def _ways_panel(result: Conductance, *, run: RunRequest, asked: Asked, dark: bool) -> Panel:
    return Panel(
        "attention_ways",
        (conductance_figure(result, positions=shown_positions(_Positions(result)), dark=dark),),
        (conductance_alt(result),),
        conductance_table(result),
        text.PATHS_HOW,
        text.PATHS_LIMITS,
        lambda: to_json(result),
        _python(
            run,
            asked,
            "conductance",
            "layer_conductance",
            "conductance",
            "conductance_figure",
        ),
        _origin(result),
    )


def _origin(result: Attribution | Conductance) -> str:
    return f"{result.provenance.line()} · {result.pool} pool sentences, {result.steps} steps"


class _Positions:
    """The tokens of a conductance as the display controls need them."""

    def __init__(self, result: Conductance) -> None:
        self.tokens = tuple(zip(*result.names, strict=True))
        self.counted = result.counted
        self.prefix = 0


def _python(
    run: RunRequest, asked: Asked, module: str, function: str, figures: str, figure: str
) -> str:
    return analysis_snippet(
        run,
        [
            f"from muxviz.analysis.attention.{module} import {function}",
            "from muxviz.analysis.groups.one_group import Target",
            f"from muxviz.figures.attention.{figures} import {figure}",
            "from muxviz.pool import texts",
        ],
        [
            f"target = {asked.code}",
            f"result = {function}({call_arguments(run).replace('rows', 'rows, target', 1)}, "
            "pool=texts())",
            f"{figure}(result).show()",
        ],
    )

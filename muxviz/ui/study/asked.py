"""A question of a page as a value: the call that answers it, and how its panel is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Protocol, TypeAlias

import streamlit as st

from muxviz.errors import NotApplicable
from muxviz.figures.drawing.family import Drawn, Picture
from muxviz.results import Provenance
from muxviz.results.store import to_json
from muxviz.ui.study.call import Ask, Call, Known
from muxviz.ui.study.jobs import Answer, Together, Work
from muxviz.ui.study.pace import Cost
from muxviz.ui.study.panels import Lasso, Panel, Pick

Words: TypeAlias = str | Callable[[Any], str]  # said, or of the result


class Computed(Protocol):
    """What is computed: a ``Call``, or what acts like one."""

    @property
    def ask(self) -> Ask:
        """What the result depends on."""

    @property
    def work(self) -> Work | Together:
        """What a job calls in its thread."""

    def python(self, imports: Sequence[str], lines: Sequence[str]) -> str:
        """Python that gives the result, then ``lines``."""


@dataclass(frozen=True)
class Question:
    """A panel of a page: what is asked, the call that answers it, and how the answer is drawn.

    key: unique on the page. question: its heading. cost: of computing it. draw: the
    picture, or what gives picture or drawing of the result. how, limits, origin: words, or what
    gives them of the result; where the numbers are from is the result's provenance unless said.
    promise: what it will show. instant: computed without being asked to. reason: why it does not
    apply, where that is known beforehand. view: hashable choices that ``draw`` reads of elsewhere
    than the page's parameters. file: of exports, ``key`` unless said. record: what of the result
    is exported, all of it unless said. is_headed: False where the page has drawn the heading.
    pick: what a click on a point of the picture does; lasso: a box or lasso around several.
    """

    key: str
    question: str
    call: Computed | Known
    cost: Cost | str
    draw: Picture | Callable[[Any], Picture | Drawn]
    how: Words
    limits: Words
    promise: str = ""
    instant: bool = False
    reason: str = ""
    view: tuple[Any, ...] = ()
    file: str = ""
    origin: Words = ""
    record: Callable[[Any], Any] | None = None
    is_headed: bool = True
    pick: Pick | None = None
    lasso: Lasso | None = None

    @property
    def ask(self) -> Ask:
        """What the result depends on."""
        assert not isinstance(self.call, Known), "a known result is not asked for"
        return self.call.ask

    @property
    def work(self) -> Work | Together:
        """What gives the result."""
        assert not isinstance(self.call, Known), "a known result needs no work"
        return self.call.work

    def panel(self, result: Any) -> Panel:
        """The result as it is shown."""
        drawn = self._drawn(result)
        return _panel_of(self, drawn, result, self.call.python(drawn.imports, drawn.lines))

    def _drawn(self, result: Any) -> Drawn:
        made = self.draw if isinstance(self.draw, Picture) else self.draw(result)
        if isinstance(made, Drawn):
            return made
        named = self.call.named if isinstance(self.call, Known) else "result"
        return made.draw(result, dark=st.context.theme.type == "dark", named=named)


@dataclass(frozen=True)
class Gather:
    """What makes one result of several, below ``muxviz.analysis``, with further arguments."""

    function: str
    given: Mapping[str, Any] = field(default_factory=dict)

    def __call__(self, results: Sequence[Any]) -> Any:
        """The one result."""
        place, _, name = self.function.rpartition(".")
        return getattr(import_module(f"muxviz.analysis.{place}"), name)(results, **self.given)

    def python(self) -> tuple[str, str]:
        """The import and the statement that make it of ``result``, which was a list."""
        place, _, name = self.function.rpartition(".")
        given = "".join(f", {key}={value!r}" for key, value in self.given.items() if value)
        return f"from muxviz.analysis.{place} import {name}", f"result = {name}(result{given})"


@dataclass(frozen=True)
class Across(Question):
    """The same asked of several checkpoints; ``draw`` and the words are given a list of results.

    Those that gave nothing are named with the origin. gather: makes one result of them. least: how
    many must have answered.
    """

    gather: Gather | None = None
    least: int = 1

    def panel(self, result: Any) -> Panel:
        """What those that answered gave.

        Raises:
            NotApplicable: too few did, or their results cannot be gathered.
        """
        assert isinstance(self.call, Call), "several runs are asked by a call"
        answers: tuple[Answer, ...] = (
            result if isinstance(result, tuple) else (Answer(self.ask.run, result),)
        )
        there = [a for a in answers if a.result is not None]
        missing = [f"{a.run.checkpoint}: {a.reason}" for a in answers if a.result is None]
        if len(there) < self.least:
            why = "; ".join(missing) or "the work was stopped"
            raise NotApplicable(
                f"not applicable: {self.least} checkpoints at least are needed, counted on the "
                f"same texts, and {len(there)} answered ({why})"
            )
        first, *others = (a.run for a in there)
        call = replace(self.call, run=first, across=tuple(others), listed=True)
        found: Any = [a.result for a in there]
        above: list[str] = []
        made: list[str] = []
        if self.gather is not None:
            found = self.gather(found)
            above, made = ([line] for line in self.gather.python())
        drawn = self._drawn(found)
        python = call.python([*above, *drawn.imports], [*made, *drawn.lines])
        return _panel_of(self, drawn, found, python, missing)


def _panel_of(
    asked: Question, drawn: Drawn, result: Any, python: str, missing: Sequence[str] = ()
) -> Panel:
    exported = result if asked.record is None else asked.record(result)
    told = " ◦ ".join([_said(asked.origin, result) or result.provenance.line(), *missing])
    return Panel(
        asked.file or asked.key,
        drawn.figures,
        drawn.narrow,
        drawn.alts,
        drawn.table,
        _said(asked.how, result),
        _said(asked.limits, result),
        lambda: to_json(exported),
        python,
        told,
        _brief(told, result),
        asked.pick,
        asked.lasso,
        drawn.findings,
    )


def _brief(told: str, result: Any) -> str:
    """Where it is from, as far as it has to stand under a picture."""
    for part in result if isinstance(result, list | tuple) else (result,):
        for made in getattr(part, "origins", None) or [getattr(part, "provenance", None)]:
            if isinstance(made, Provenance):
                told = told.replace(made.line(), made.brief())
    return told


def _said(words: Words, result: Any) -> str:
    return words if isinstance(words, str) else words(result)

"""A step of the lesson as a value: words, pictures, a question, and where to try it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from muxviz.figures.drawing.family import Picture

LETTERS = "ABCDE"  # of answers
Escape = Callable[[str], str]


def as_is(text: str) -> str:
    """The text unchanged."""
    return text


@dataclass(frozen=True)
class Said:
    """Words in our few marks (``**bold**``, ``*italic*``), with holes for what a result gave.

    What fills the holes is text, whatever it looks like: each view makes it harmless its own way.
    """

    template: str
    given: Mapping[str, str] = field(default_factory=dict)

    def text(self, escape: Escape = as_is, marks: Escape = as_is) -> str:
        """The words. escape: of what fills the holes; marks: of the template around them."""
        told = marks(" ".join(self.template.split()))
        return told.format(**{name: escape(value) for name, value in self.given.items()})


def say(template: str, **given: object) -> Said:
    """Words whose holes are filled with these."""
    return Said(template, {name: str(value) for name, value in given.items()})


@dataclass(frozen=True)
class Scene:
    """One position of what is turned: a picture of a recorded result.

    said: what to see, below the picture. named, imports, lines: Python that makes the result again,
    and how it calls it. about: hashable; tells one result from another.
    """

    picture: Picture
    result: Any
    said: Said
    about: tuple[Any, ...] = ()
    named: str = "result"
    imports: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    origin: str = ""

    @property
    def source(self) -> str:
        """Where the numbers are from, in one line."""
        return self.origin or str(self.result.provenance.line())


@dataclass(frozen=True)
class Quiz:
    """One question: answers in order, the number of the right one, and what is said to a guess."""

    question: Said
    answers: tuple[Said, ...]
    right: int
    why: Said
    hint: Said
    second: Said

    @property
    def letters(self) -> str:
        """One letter an answer."""
        return LETTERS[: len(self.answers)]

    def reply(self, guesses: tuple[str, ...]) -> tuple[bool, Said]:
        """Whether the last of the guesses (letters) is right, and what to say to them.

        The first wrong one gets the hint, the second the other one, a third the solution.
        """
        if guesses[-1] == LETTERS[self.right]:
            return True, self.why
        tried = len(dict.fromkeys(guesses))
        if tried < 3:
            return False, self.hint if tried == 1 else self.second
        told = {"letter": LETTERS[self.right], **self.why.given}
        return False, Said("It is **{letter}**. " + self.why.template, told)


@dataclass(frozen=True)
class TryIt:
    """A live page in the state of the step. slot: from 0; settings: private controls by name."""

    page: str
    note: str
    checkpoint: str
    preset: str
    slot: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """A formula as text, and what its letters are."""

    name: str
    formula: str
    letters: str


@dataclass(frozen=True)
class Step:
    """One step.

    id, title, turn: as in the outline. lead: what it is about. scenes: by what is turned, the first
    one first. how, limits: how to read the pictures, and what they do not show. notes: for whoever
    presents. more: a picture at the end.
    """

    id: str
    title: str
    turn: str
    lead: Said
    labels: Mapping[str, str]
    scenes: Mapping[str, Scene]
    quiz: Quiz
    try_it: TryIt
    card: Card
    how: str
    limits: str
    notes: Said
    more: Scene | None = None

    def scene(self, chosen: str) -> Scene:
        """The chosen scene, or the first."""
        return self.scenes.get(chosen) or next(iter(self.scenes.values()))

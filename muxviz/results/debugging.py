"""How well the debugger names causes: planted ones, and those of real failures."""

from __future__ import annotations

from dataclasses import dataclass

from muxviz.results.reading import Proportion

CONTENDERS = ("debugger", "oracle", "random", "attention", "attribution")


@dataclass(frozen=True)
class PlantedCase:
    """A case with a known cause, and what the debugger said. at, said_at: slot or layer, from 0."""

    kind: str
    cause: str
    at: int | None
    said: str
    said_at: int | None

    @property
    def is_right(self) -> bool:
        """Whether the cause, and where one is planted its place, was named."""
        return self.said == self.cause and (self.at is None or self.said_at == self.at)


@dataclass(frozen=True)
class RealFailure:
    """A row that N = 1 answers right and N wrong, and what became of it.

    cause, at: the verdict; again, again_at: with another seed. mended: per contender, draws that
    came back right with the sentence it points at exchanged for others than it was chosen on.
    company: the same with all neighbours exchanged.
    """

    checkpoint: str
    row: int
    cause: str
    at: int | None
    again: str
    again_at: int | None
    mended: tuple[Proportion, ...]
    company: Proportion

    @property
    def is_stable(self) -> bool:
        """Whether another seed gives the same verdict."""
        return (self.cause, self.at) == (self.again, self.again_at)


@dataclass(frozen=True)
class DebuggerBench:
    """Both parts, with what they were asked for; real: empty without data."""

    planted: tuple[PlantedCase, ...]
    real: tuple[RealFailure, ...]
    seed: int
    draws: int

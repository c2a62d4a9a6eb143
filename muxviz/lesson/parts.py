"""What the makers of steps share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muxviz.lesson import words
from muxviz.lesson.outline import STEPS
from muxviz.lesson.step import Quiz, Said, Scene, Step, TryIt

QUOTED = 60  # characters of a sentence in running text


def step(
    name: str,
    lead: Said,
    scenes: Mapping[str, Scene],
    quiz: Quiz,
    try_it: TryIt,
    notes: Said,
    more: Scene | None = None,
) -> Step:
    """A step with what is fixed about it."""
    outline = STEPS[name]
    there = {scene: scenes[scene] for scene in outline.scenes if scene in scenes}
    return Step(
        name,
        outline.title,
        outline.turn,
        lead,
        {scene: outline.scenes[scene] for scene in there},
        there,
        quiz,
        try_it,
        words.CARDS[name],
        words.HOW[name],
        words.LIMITS[name],
        notes,
        more,
    )


def ordered(items: Sequence[str]) -> str:
    """``"a, b and c"``."""
    found = list(items)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"

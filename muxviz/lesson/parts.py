"""What the makers of steps share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from muxviz.figures.drawing.family import Picture
from muxviz.figures.mix.braid import BRAID
from muxviz.lesson import words
from muxviz.lesson.outline import STEPS
from muxviz.lesson.step import Quiz, Said, Scene, Step, TryIt
from muxviz.results.group import GroupResult
from muxviz.results.lessons import Lessons

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


def braid(found: Lessons, group: GroupResult, solo: int | None = None) -> Picture:
    """The braid of a group, its band as the recorded spectrum of that model says."""
    name = group.provenance.checkpoint
    spectra = [m.spectrum for m in found.sharing.models if m.checkpoint == name]
    return BRAID(solo=solo).here(spectrum=spectra[0].band() if spectra else None)


def ordered(items: Sequence[str]) -> str:
    """``"a, b and c"``."""
    found = list(items)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"

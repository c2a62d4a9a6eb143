"""What the presets gave on bundled checkpoints: recorded once, told where a preset is offered."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Shown:
    """One preset's first N rows on one checkpoint.

    turned: slots, from 0, whose answer is another than the same text's alone. lost: tokens not read
    back, one per slot. source, target: the exchange of one sentence that turned another slot's
    answer most often, and share: of how many of the draws (0: none turned any; -1 and -1 with it).
    """

    preset: str
    checkpoint: str
    fingerprint: str
    turned: tuple[int, ...]
    lost: tuple[int, ...]
    source: int
    target: int
    share: float


@dataclass(frozen=True)
class ShownGroups:
    """Every preset on every checkpoint of the sentiment family, and sentences tried per slot."""

    draws: int
    groups: tuple[Shown, ...]

    def of(self, preset: str, checkpoint: str) -> Shown | None:
        """What was recorded, or None."""
        both = (preset, checkpoint)
        return next((s for s in self.groups if (s.preset, s.checkpoint) == both), None)

    def turning(self, preset: str) -> tuple[Shown, ...]:
        """Where the preset turned any answer, in the recorded order."""
        return tuple(s for s in self.groups if s.preset == preset and s.turned)

    def turned_on(self, checkpoint: str) -> Shown | None:
        """The first preset that turned an answer on a checkpoint."""
        return next((s for s in self.groups if s.checkpoint == checkpoint and s.turned), None)

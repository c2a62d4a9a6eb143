"""What the Learn page shows: results recorded once, drawn without a model."""

from __future__ import annotations

from dataclasses import dataclass

from muxviz.results.crosstalk import Crosstalk
from muxviz.results.group import GroupResult
from muxviz.results.whatif_desk import KeyDial


@dataclass(frozen=True)
class Lessons:
    """One result per step; that of ``leaks`` may be of another checkpoint than the others.

    group, dial: the preset ``group_preset`` in one pass, and the same mixture read with the keys of
    slots 1 and 2. leaks: the swap test of the preset ``leak_preset``, the one in which a neighbour
    moves an answer most, on ``leak_checkpoint`` ("": the same). culprit: (slot observed, source) of
    that cell, from 0.
    """

    checkpoint: str
    group_preset: str
    leak_preset: str
    group: GroupResult
    dial: KeyDial
    leaks: Crosstalk
    culprit: tuple[int, int]
    leak_checkpoint: str = ""

    @property
    def leaky(self) -> str:
        """The checkpoint that leaks were measured on."""
        return self.leak_checkpoint or self.checkpoint

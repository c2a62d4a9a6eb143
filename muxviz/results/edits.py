"""Words taken out of a neighbour until a slot's answer turns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from muxviz.results.group import Provenance
from muxviz.results.reading import Proportion


@dataclass(frozen=True)
class NeighbourEdit:
    """The search over one neighbour.

    slot, neighbour: from 0. words: the neighbour's. margin: the target's now (logits), and singles
    ``[words]``: with each word taken out. removed: words taken out one after another (places in
    ``words``), and margins: after each. turned: whether the answer turned. elsewhere: single words
    of the other neighbours whose removal turned it, of how many.
    """

    slot: int
    neighbour: int
    target: str
    is_right: bool
    words: tuple[str, ...]
    margin: float
    singles: np.ndarray
    removed: tuple[int, ...]
    margins: tuple[float, ...]
    turned: bool
    elsewhere: Proportion
    provenance: Provenance

"""What pruning left of a model, counted and by number."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class PruningMap:
    """Which heads and dimensions of a model are left, of how many.

    heads ``[K, H]`` bool: left. intermediate ``[K]``: inner dimensions of the feed-forward blocks
    that are left, each of ``inner``. hidden ``[D]`` bool: dimensions of the states between layers.
    readout ``[D]`` bool: of the demultiplexer's states; empty for a plain model, which has none.
    weights: of the encoder's matrices, left, of ``prunable`` weights and biases: as CoFi counts.
    parameters: of the whole model, of ``unpruned_parameters``. is_numbered: whether numbers are
    those before pruning; else only sizes are known, and what is left counts from 0.
    """

    checkpoint: str
    heads: np.ndarray
    intermediate: np.ndarray
    inner: int
    hidden: np.ndarray
    readout: np.ndarray
    head_size: int
    weights: int
    prunable: int
    parameters: int
    unpruned_parameters: int
    is_numbered: bool

    @property
    def sparsity(self) -> float:
        """Share of the encoder's weights that was pruned away, in [0, 1]."""
        return 1 - self.weights / self.prunable

    @property
    def attends(self) -> np.ndarray:
        """``[K]`` bool: layers that still have an attention block."""
        return np.asarray(self.heads.any(axis=1))

    @property
    def feeds(self) -> np.ndarray:
        """``[K]`` bool: layers that still have a feed-forward block."""
        return np.asarray(self.intermediate > 0)

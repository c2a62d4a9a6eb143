"""Heads under the numbers they had before pruning, so that models can be compared head by head."""

from __future__ import annotations

import numpy as np

from muxviz.config import MuxConfig

NO_HEADS = (
    "not applicable: no layer of this model attends any more; pruning took all attention blocks"
)


def by_head(config: MuxConfig, layer: int, values: np.ndarray, *, axis: int = 0) -> np.ndarray:
    """Values of the heads that a layer keeps, spread over all H that it had: NaN in pruned ones.

    Args:
        layer: from 0.
        values: floats, one entry per kept head along ``axis``.
    """
    shape = list(values.shape)
    shape[axis] = config.shape.num_attention_heads
    out = np.full(shape, np.nan, dtype=values.dtype)
    out[(slice(None),) * axis + (list(config.kept.layers[layer].heads),)] = values
    return out

"""How fast a checkpoint is here: what costs are told by before anything was computed."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from muxviz.analysis.groups.draws import batch_logits, batches, pool_groups
from muxviz.loading.checkpoint import Checkpoint

GROUPS = 16


def seconds_per_sequence(checkpoint: Checkpoint, pool: Sequence[str]) -> float:
    """Wall-clock seconds of one mixed sequence among others: the second of two rounds of 16 groups.

    Passes alone: what is read of them, gradients and statistics come on top.
    """
    groups, spent = pool_groups(checkpoint, pool, GROUPS), 0.0
    with torch.inference_mode():
        for _ in range(2):
            started = time.perf_counter()
            for batch in batches(checkpoint, groups):
                batch_logits(checkpoint, batch).to("cpu")
            spent = time.perf_counter() - started
    return spent / GROUPS

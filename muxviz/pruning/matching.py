"""Which layer of a pruned model imitates which layer of its teacher (layer-wise distillation).

The variants of the released CoFi and PruMUX code, by their numbers there: ``free`` (3) takes the
nearest student layer for each of four teacher layers; ``ordered`` (4) as well, but never a layer
behind the one already taken; ``sampled`` (5) and ``windowed`` (6) as ``ordered``, with four teacher
layers drawn anew at each step, from all or one from each quarter. Only student layers whose
attention block is left are candidates where order is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from muxviz.errors import ConfigError

VARIANTS = ("free", "ordered", "sampled", "windowed")
MATCHED = 4  # teacher layers that are imitated


def teacher_layers(variant: str, layers: int, generator: torch.Generator) -> list[int]:
    """Numbers of the teacher layers to imitate, rising; all where there are at most four.

    Raises:
        ConfigError: an unknown variant.
    """
    if variant not in VARIANTS:
        raise ConfigError(f"layer_matching is {variant!r}; expected one of {', '.join(VARIANTS)}")
    if layers <= MATCHED:
        return list(range(layers))
    if variant == "sampled":
        drawn = torch.randperm(layers, generator=generator)[:MATCHED]
        return _not_first(sorted(drawn.tolist()))
    ends = [(part + 1) * layers // MATCHED for part in range(MATCHED)]
    if variant == "windowed":
        starts = [0, *ends[:-1]]
        pairs = zip(starts, ends, strict=True)
        return _not_first(
            [int(torch.randint(a, b, (1,), generator=generator).item()) for a, b in pairs]
        )
    return [end - 1 for end in ends]


def _not_first(chosen: list[int]) -> list[int]:
    """Drawn layers as the released code uses them: the lowest is at least the third, if free."""
    low = max(2, chosen[0])
    return [low, *chosen[1:]] if low < chosen[1] else chosen


def align(distances: Tensor, variant: str, candidates: Sequence[bool]) -> list[int]:
    """For each teacher layer, rising, the student layer that imitates it.

    Args:
        distances: ``[T, S]`` squared distance of teacher layer (row) and student layer (column).
        candidates: per student layer, whether it may be taken where order is kept.
    """
    rows = distances.detach()
    if variant == "free":
        return [int(i) for i in rows.argmin(dim=1)]
    last, found = rows.shape[1], []
    for row in reversed(rows):
        before = [s for s in range(last) if candidates[s]]
        if before:
            last = min(before, key=lambda s: float(row[s]))
        found.append(min(last, rows.shape[1] - 1))
    return found[::-1]

"""Affine maps that carry a level's state to where the last layer would hold it.

They are fitted by least squares on sentences of their own. Reading neighbour: ``lens``, which reads
what they carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from muxviz.analysis.groups.draws import Progress, batches, pool_groups
from muxviz.analysis.groups.layer_states import layer_pass, need_texts
from muxviz.batch import Seating
from muxviz.loading.checkpoint import Checkpoint

RIDGE = 1e-4  # of the mean variance; only to keep the least squares solvable


@dataclass(frozen=True)
class Translators:
    """An affine map from every level but the last to the last one.

    weights: ``[D + 1, D]`` each, the constant last. groups, tokens: what they were fitted on.
    """

    weights: tuple[Tensor, ...]
    groups: int
    tokens: int

    def __call__(self, level: int, state: Tensor) -> Tensor:
        """``state [..., D]`` of a level as the last layer would hold it."""
        if level == len(self.weights):
            return state
        weight = self.weights[level].to(state.dtype)
        return state @ weight[:-1] + weight[-1]


def fit_translators(
    checkpoint: Checkpoint,
    texts: Sequence[str],
    *,
    draws: int = 192,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> Translators:
    """Least squares from every level to the last one, over all positions that a text reaches.

    Of the states only their products are kept: memory does not grow with ``draws``.
    """
    need_texts(texts)
    groups = pool_groups(checkpoint, texts, draws, seating)
    squares: list[Tensor] = []
    crossed: list[Tensor] = []
    tokens = 0
    for batch in batches(checkpoint, groups, progress):
        passed = layer_pass(checkpoint, batch)
        states = [state[passed.reached].double() for state in passed.states]
        with_one = [torch.cat([x, torch.ones_like(x[:, :1])], dim=1) for x in states[:-1]]
        tokens += len(states[-1])
        new = [x.T @ x for x in with_one], [x.T @ states[-1] for x in with_one]
        squares = [a + b for a, b in zip(squares, new[0], strict=True)] if squares else new[0]
        crossed = [a + b for a, b in zip(crossed, new[1], strict=True)] if crossed else new[1]
    weights = tuple(_solve(s, c) for s, c in zip(squares, crossed, strict=True))
    return Translators(weights, len(groups), tokens)


def _solve(squares: Tensor, crossed: Tensor) -> Tensor:
    ridge = torch.full((len(squares),), RIDGE, dtype=squares.dtype, device=squares.device)
    ridge *= squares.diagonal()[:-1].mean()
    ridge[-1] = 0
    return torch.linalg.solve(squares + torch.diag(ridge), crossed)

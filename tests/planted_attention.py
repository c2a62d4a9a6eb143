"""Planted models in which attention does something, and the linear ones of the attribution tests.

``linear``: with a huge epsilon and the weight that undoes it, LN(x) = x for every x of mean 0, so
that the whole model is linear between baseline and group, and integrated gradients are exact.
``head_carries``: one head of a layer carries slot ``source`` into slot ``target`` with a weight;
its attention stays even (queries and keys are 0), so that every number can be worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from muxviz.batch import Group
from tests.planted import Planted, first_forced, planted

EPSILON = 1e8


def linear(leaks: Sequence[Sequence[float]] | None = None, **changes: Any) -> Planted:
    """``planted`` without the curvature of its layer norms."""
    model = planted(leaks, layer_norm_eps=EPSILON, **changes)
    with torch.no_grad():
        for module in model.checkpoint.model.modules():
            if isinstance(module, torch.nn.LayerNorm):
                module.weight.mul_(EPSILON**0.5)
    return model


def head_carries(
    model: Planted, *, head: int, source: int, target: int, weight: float, layer: int = 0
) -> Planted:
    """Head ``head`` of a layer adds ``weight`` times the mean of slot ``source``'s codes over all
    positions to slot ``target``'s chunk.
    """
    width = model.codes.shape[1]
    place, one = slice(head * width, (head + 1) * width), torch.eye(width)
    own: Any = model.checkpoint.model.encoder.layers[layer]
    with torch.no_grad():
        own.attention.self.value.weight[place, source * width : (source + 1) * width] = one
        out = own.attention.output.dense.weight
        out[target * width : (target + 1) * width, place] = weight * one
    return model


def pair_owns_logits(model: Planted, *, head: int, query: int, key: int, scale: float) -> Planted:
    """Head ``head`` of layer 1 compares slot ``query``'s codes with slot ``key``'s only."""
    width = model.codes.shape[1]
    place, one = slice(head * width, (head + 1) * width), torch.eye(width)
    own: Any = model.checkpoint.model.encoder.layers[0]
    with torch.no_grad():
        own.attention.self.query.weight[place, query * width : (query + 1) * width] = scale * one
        own.attention.self.key.weight[place, key * width : (key + 1) * width] = one
    return model


def pair_logits(model: Planted, group: Group, *, query: int, key: int, scale: float) -> np.ndarray:
    """The logits of ``pair_owns_logits``, by hand: ``[T, T]``."""
    codes = model.codes[first_forced(group.ids)]
    asked: np.ndarray = scale * codes[query] @ codes[key].T / model.codes.shape[1] ** 0.5
    return asked


def differences(model: Planted, group: Group, counted: np.ndarray, mean: float) -> np.ndarray:
    """Score of every counted token less the pool's mean score, 0 elsewhere: ``[N, T]``."""
    return np.where(counted, model.scores[first_forced(group.ids)] - mean, 0.0)


def mean_score(model: Planted, pool: Sequence[str]) -> float:
    """Mean score of the pool's words."""
    tokenizer: Any = model.checkpoint.tokenizer
    ids = [i for text in pool for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    return float(model.scores[ids].mean())

"""Run a full-size model as the model that a mask leaves of it, with gradients to both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from muxviz.model.mux_model import MuxModel
from muxviz.pruning.masks import Masks, cut, fold
from muxviz.structure import Structure


def worn_weights(model: MuxModel, masks: Masks) -> tuple[dict[str, Tensor], Structure]:
    """Weights for ``torch.func.functional_call``, and what is left; ``model`` is not changed."""
    left = masks.structure()
    weights: Mapping[str, Tensor] = dict(model.named_parameters())
    return cut(model.config, fold(model.config, weights, masks), left), left


@contextmanager
def skipping(model: MuxModel, left: Structure) -> Iterator[None]:
    """Let the encoder skip the blocks of which nothing is left, for the duration."""
    layers: list[Any] = list(zip(model.encoder.layers, left.layers, strict=True))
    before = [(layer.has_attention, layer.has_feed_forward) for layer, _ in layers]
    try:
        for layer, kept in layers:
            layer.has_attention = bool(kept.heads)
            layer.has_feed_forward = bool(kept.intermediate)
        yield
    finally:
        for (layer, _), (attends, feeds) in zip(layers, before, strict=True):
            layer.has_attention, layer.has_feed_forward = attends, feeds

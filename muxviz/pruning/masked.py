"""A masked model computed the long way: full size, zeros where something is pruned.

Written apart from ``masks.pruned``, to hold it against: nothing is cut out, pruned dimensions are
carried along as zeros, and every norm over hidden or readout dimensions counts only the kept ones.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn

from muxviz.model.mux_model import MuxModel
from muxviz.pruning.masks import Masks, fold, is_gone
from muxviz.pruning.spaces import HIDDEN, PAIR, READOUT, axes


class KeptNorm(nn.Module):
    """A layer norm whose mean and variance are those of the kept dimensions; others become 0."""

    def __init__(self, norm: Any, kept: Tensor) -> None:
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps
        self.register_buffer("kept", kept)

    def forward(self, x: Tensor) -> Tensor:
        kept: Any = self.kept
        count = kept.sum()
        mean = (x * kept).sum(dim=-1, keepdim=True) / count
        centred = (x - mean) * kept
        variance = (centred**2).sum(dim=-1, keepdim=True) / count
        out: Tensor = (centred / (variance + self.eps).sqrt() * self.weight + self.bias) * kept
        return out


def masked(model: MuxModel, masks: Masks) -> MuxModel:
    """A copy of ``model`` (unpruned), of full size, under ``masks``; frozen and in eval mode."""
    copy = deepcopy(model)
    config, left = model.config, masks.structure()
    spaces = {
        HIDDEN: (masks.hidden.detach() > 0).float(),
        READOUT: (masks.readout.detach() > 0).float(),
    }
    with torch.no_grad():
        folded = fold(config, copy.state_dict(), masks)
        for name, weight in folded.items():
            for at, axis in enumerate(axes(config, name, weight.dim())):
                kept = spaces.get(axis.space or "")
                if axis.space == PAIR:
                    kept = spaces[HIDDEN].repeat(2)
                if kept is not None:
                    view = [1] * weight.dim()
                    view[at] = -1
                    weight = weight * kept.view(view)
            folded[name] = weight
        copy.load_state_dict(folded)
    for name, module in list(copy.named_modules()):
        if isinstance(module, nn.LayerNorm):
            space = axes(config, f"{name}.weight", 1)[0].space
            if space is not None and not is_gone(f"{name}.weight", left):
                parent, _, own = name.rpartition(".")
                norm = KeptNorm(module, spaces[space])
                holder: Any = copy.get_submodule(parent) if parent else copy
                if isinstance(holder, nn.ModuleList):
                    holder[int(own)] = norm
                else:
                    setattr(holder, own, norm)
    layers: Any = copy.encoder.layers
    for layer, kept_layer in zip(layers, left.layers, strict=True):
        layer.has_attention = bool(kept_layer.heads)
        layer.has_feed_forward = bool(kept_layer.intermediate)
    return copy.eval().requires_grad_(False)

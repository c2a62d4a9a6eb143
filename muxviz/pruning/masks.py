"""Masks, and the model that is left of a model under them.

A mask value z in [0, 1] scales what it stands for; what is 0 is cut away. The scales are folded
into the weights that write: rows of the matrices that write into the residual stream and the norms
behind them (hidden), columns that read a head's, an inner or a readout dimension's output (heads,
intermediate, readout), and both blocks' output as a whole (attention, feed_forward). Norms run over
the kept dimensions only; a block of which nothing is left is skipped with its norm (as in the
released models).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from muxviz.config import MuxConfig
from muxviz.errors import ConfigError
from muxviz.model.mux_model import MuxModel
from muxviz.pruning.spaces import HIDDEN, READOUT, Axes, Axis, axes
from muxviz.structure import LayerStructure, Structure


@dataclass(frozen=True)
class Masks:
    """One value per prunable thing; K layers, H heads, I inner and D hidden dimensions.

    heads: ``[K, H]``. intermediate: ``[K, I]``. attention, feed_forward: ``[K]``, whole blocks.
    hidden: ``[D]``. readout: ``[D]``, dimensions of the demultiplexer's states.
    """

    heads: Tensor
    intermediate: Tensor
    attention: Tensor
    feed_forward: Tensor
    hidden: Tensor
    readout: Tensor

    def structure(self) -> Structure:
        """What is kept."""
        heads = (self.heads * self.attention[:, None]).detach() > 0
        inner = (self.intermediate * self.feed_forward[:, None]).detach() > 0
        layers = (
            LayerStructure(_numbers(h), _numbers(i)) for h, i in zip(heads, inner, strict=True)
        )
        return Structure(
            _numbers(self.hidden.detach() > 0), tuple(layers), _numbers(self.readout.detach() > 0)
        )

    def detach(self) -> Masks:
        """The same values outside any graph."""
        return Masks(**{name: value.detach() for name, value in vars(self).items()})


def ones(config: MuxConfig) -> Masks:
    """Everything kept."""
    shape = config.shape
    layers, width = shape.num_hidden_layers, shape.hidden_size
    return Masks(
        heads=torch.ones(layers, shape.num_attention_heads),
        intermediate=torch.ones(layers, shape.intermediate_size),
        attention=torch.ones(layers),
        feed_forward=torch.ones(layers),
        hidden=torch.ones(width),
        readout=torch.ones(width),
    )


def of_structure(config: MuxConfig) -> Masks:
    """The 0/1 masks that leave what ``config`` keeps."""
    kept, masks = config.kept, ones(config)
    filled = {name: torch.zeros_like(value) for name, value in vars(masks).items()}
    filled["hidden"][list(kept.hidden)] = 1
    filled["readout"][list(kept.readout)] = 1
    for at, layer in enumerate(kept.layers):
        filled["heads"][at, list(layer.heads)] = 1
        filled["intermediate"][at, list(layer.intermediate)] = 1
        filled["attention"][at] = float(bool(layer.heads))
        filled["feed_forward"][at] = float(bool(layer.intermediate))
    return Masks(**filled)


def fold(config: MuxConfig, weights: Mapping[str, Tensor], masks: Masks) -> dict[str, Tensor]:
    """``weights`` (of the unpruned model) with the mask values multiplied in; same shapes."""
    folded = dict(weights)
    for name, weight in weights.items():
        for axis, scale in _scales(config, name, weight.dim(), masks):
            view = [1] * weight.dim()
            view[axis] = -1
            folded[name] = folded[name] * scale.view(view)
    return folded


def _scales(config: MuxConfig, name: str, rank: int, masks: Masks) -> list[tuple[int, Tensor]]:
    """By what ``name`` is multiplied, along which axis."""
    named = axes(config, name, rank)
    writes = name.endswith(
        (
            "attention.output.dense.weight",
            "attention.output.dense.bias",
            ".output.dense.weight",
            ".output.dense.bias",
            "LayerNorm.weight",
            "LayerNorm.bias",
        )
    ) or name.startswith(("embedding_projection.", "multiplexer.cross_layer_norm."))
    found: list[tuple[int, Tensor]] = []
    if rank == 2 and named[1].space == READOUT:
        found.append((1, masks.readout))
    if writes and named[0].space == HIDDEN:
        found.append((0, masks.hidden))
    if name.startswith("encoder.") and ".output.dense." in name:
        layer = named[0].layer
        is_attention = ".attention." in name
        block = masks.attention if is_attention else masks.feed_forward
        found.append((0, block[layer].expand(1)))
        if rank == 2 and is_attention:
            size = config.shape.hidden_size // config.shape.num_attention_heads
            found.append((1, masks.heads[layer].repeat_interleave(size)))
        elif rank == 2:
            found.append((1, masks.intermediate[layer]))
    return found


def cut(
    config: MuxConfig, weights: Mapping[str, Tensor], structure: Structure
) -> dict[str, Tensor]:
    """What is left of ``weights`` (of the unpruned model); blocks that are gone are left out."""
    indices = _Indices(config, structure)
    left: dict[str, Tensor] = {}
    for name, weight in weights.items():
        if not is_gone(name, structure):
            left[name] = indices.select(weight, axes(config, name, weight.dim()))
    return left


def is_gone(name: str, structure: Structure) -> bool:
    """Whether ``name`` belongs to a block of which nothing is left."""
    if not name.startswith("encoder.layers."):
        return False
    _, _, number, block = name.split(".")[:4]
    layer = structure.layers[int(number)]
    return not (layer.heads if block == "attention" else layer.intermediate)


class _Indices:
    """Kept numbers as tensors, made once each."""

    def __init__(self, config: MuxConfig, structure: Structure) -> None:
        self.config, self.structure = config, structure
        self.made: dict[Axis, Tensor | None] = {}

    def select(self, weight: Tensor, named: Axes) -> Tensor:
        for at, axis in enumerate(named):
            kept = self._of(axis, weight.device)
            if kept is not None and len(kept) != weight.shape[at]:
                weight = weight.index_select(at, kept)
        return weight

    def _of(self, axis: Axis, device: torch.device) -> Tensor | None:
        if axis not in self.made:
            numbers = self._numbers(axis)
            self.made[axis] = None if numbers is None else torch.tensor(numbers, device=device)
        return self.made[axis]

    def _numbers(self, axis: Axis) -> list[int] | None:
        kept, shape = self.structure, self.config.shape
        match axis.space:
            case "hidden":
                return list(kept.hidden)
            case "pair":
                return [*kept.hidden, *(i + shape.hidden_size for i in kept.hidden)]
            case "readout":
                return list(kept.readout)
            case "inner":
                return list(kept.layers[axis.layer].intermediate)
            case "heads":
                size = shape.hidden_size // shape.num_attention_heads
                heads = kept.layers[axis.layer].heads
                return [head * size + i for head in heads for i in range(size)]
        return None


def pruned(model: MuxModel, masks: Masks) -> MuxModel:
    """The cut-down model, frozen and in eval mode; ``model`` is not changed.

    Raises:
        ConfigError: ``model`` is pruned already, or nothing of the hidden dimensions is left.
    """
    config, left = model.config, masks.structure()
    if config.structure is not None:
        raise ConfigError("this model is pruned already; masks belong to the unpruned one")
    if not left.hidden or not left.readout:
        raise ConfigError("no hidden dimension is left; keep at least one")
    smaller = MuxModel(replace(config, structure=left))
    with torch.no_grad():
        weights = cut(config, fold(config, model.state_dict(), masks), left)
    smaller.load_state_dict(weights)
    return smaller.eval().requires_grad_(False)


def _numbers(kept: Tensor) -> tuple[int, ...]:
    return tuple(kept.nonzero().flatten().tolist())

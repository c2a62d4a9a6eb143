"""What pruning left of a model: read off its configuration, no pass is made and no weight read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from muxviz.config import MuxConfig
from muxviz.errors import NotApplicable
from muxviz.loading.load import count_parameters, inspect_folder, resolve_folder
from muxviz.results.pruning import PruningMap
from muxviz.structure import kept_weights, prunable_size


def pruning_map(config: MuxConfig, *, name: str = "") -> PruningMap:
    """Heads, inner, hidden and readout dimensions that are left, and how many weights that is.

    Sparsity is counted over the encoder's matrices only, as the released code counts it; the
    parameters are those of the whole model, embeddings and heads included.

    Args:
        config: of a pruned model.
        name: of the checkpoint, for the picture.

    Raises:
        NotApplicable: nothing was pruned.
    """
    left, shape = config.structure, config.shape
    if left is None:
        raise NotApplicable("not applicable: nothing was pruned, all heads and dimensions are left")
    head_size = shape.hidden_size // shape.num_attention_heads
    has_readout = config.demultiplexer != "identity"
    return PruningMap(
        name,
        np.stack([_kept(layer.heads, shape.num_attention_heads) for layer in left.layers]),
        np.array([len(layer.intermediate) for layer in left.layers]),
        shape.intermediate_size,
        _kept(left.hidden, shape.hidden_size),
        _kept(left.readout, shape.hidden_size if has_readout else 0),
        head_size,
        kept_weights(left, head_size=head_size),
        prunable_size(
            hidden=shape.hidden_size,
            intermediate=shape.intermediate_size,
            layers=shape.num_hidden_layers,
        ),
        count_parameters(config),
        count_parameters(replace(config, structure=None)),
        left.is_numbered,
    )


def pruning_of(name: str | Path) -> PruningMap:
    """The same of a checkpoint that is not loaded; of its files only shapes and masks are read.

    Args:
        name: as ``muxviz.load`` takes it.

    Raises:
        NotApplicable: nothing was pruned. CheckpointError: as ``muxviz.load``.
    """
    folder, shown = resolve_folder(name)
    found = inspect_folder(folder)
    config = found.inferred.config
    if found.masks is not None:
        config = replace(config, structure=found.masks.structure())
    return pruning_map(config, name=shown)


def _kept(numbers: Sequence[int], count: int) -> np.ndarray:
    found = np.zeros(count, dtype=bool)
    found[[n for n in numbers if n < count]] = True
    return found

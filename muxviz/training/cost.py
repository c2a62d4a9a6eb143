"""What a run will need at the least, held against what the machine has before it is paid.

Counted is only what cannot be less (weights, gradients, moments; states kept for the backward
pass), so that nothing is refused that would have run; a run may still need more.
"""

from __future__ import annotations

import numpy as np
import torch

from muxviz.config import MuxConfig
from muxviz.errors import ConfigError
from muxviz.loading.load import available_memory, count_parameters
from muxviz.training.recipe import Recipe, Stage
from muxviz.training.sampler import Sampler

GIB = 2**30
FLOAT, INDEX = 4, 8  # bytes
STATES_PER_LAYER = 8  # of hidden size, kept per position for the backward pass
ROW_OVERHEAD = 112  # bytes of an array that holds one row


def check_model(recipe: Recipe, config: MuxConfig, device: torch.device) -> None:
    """See that weights, gradients and the optimiser's moments have room.

    Raises:
        ConfigError: they have not.
    """
    count = count_parameters(config)
    tables = (
        config.shape.vocab_size * config.embedding_width if recipe.pruning.freeze_embeddings else 0
    )
    need = FLOAT * (count + 3 * (count - tables))
    _check(need, device, f"{count:,} parameters with gradients and moments", "a smaller model")


def check_step(
    recipe: Recipe,
    config: MuxConfig,
    lengths: np.ndarray,
    *,
    device: torch.device,
    shares: int = 1,
) -> None:
    """See that a step of every stage has room.

    Args:
        lengths: of all rows, in tokens.
        shares: parts that a step is cut into, over processes and micro-batches.

    Raises:
        ConfigError: it has not.
    """
    length = float(np.mean(lengths)) if len(lengths) else 0.0
    for stage in recipe.stages:
        rows = stage.groups * recipe.num_instances
        what = f"a step of stage {stage.name!r} ({stage.groups:,} groups)"
        drawn = rows * INDEX * (2 * length + Sampler.POOL_STEPS)  # ids and mask; a pool of rows
        _check(drawn, torch.device("cpu"), what, "fewer groups")
        kept = _states(recipe, config, stage, length) / shares
        _check(kept, device, what, "fewer groups, or a larger accumulate")


def check_compounds(recipe: Recipe, lengths: np.ndarray, longest: int) -> None:
    """See that the rows that are made of two have room.

    Raises:
        ConfigError: they have not.
    """
    tokens = min(2 * float(np.mean(lengths)), longest)
    need = recipe.data.compounds * (FLOAT * tokens + ROW_OVERHEAD)
    _check(need, torch.device("cpu"), f"{recipe.data.compounds:,} compounds", "fewer")


def _states(recipe: Recipe, config: MuxConfig, stage: Stage, length: float) -> float:
    """Bytes of what a step keeps for its backward pass, at the least."""
    size = FLOAT if recipe.training.precision == "no" else FLOAT / 2
    texts = stage.groups * recipe.num_instances * length
    taught = config.shape.hidden_size if stage.hidden_coeff or stage.sentence_coeff else 0
    through = stage.groups * length * config.shape.num_hidden_layers
    per_place = STATES_PER_LAYER * config.width + config.shape.num_attention_heads * length
    if config.structure is not None or recipe.prunes:
        per_place = 0.0  # heads and layers may be gone
    return texts * (size * config.embedding_width + FLOAT * taught) + size * through * per_place


def _check(need: float, device: torch.device, what: str, instead: str) -> None:
    if device.type == "cuda":
        free = torch.cuda.get_device_properties(device).total_memory
    else:
        free = available_memory()
    if need > free:
        raise ConfigError(
            f"{what} would need {need / GIB:,.1f} GiB or more on {device.type}, and "
            f"{free / GIB:,.1f} GiB are there; choose {instead}"
        )

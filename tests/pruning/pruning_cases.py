"""Every configuration that can be pruned, tiny, and the masked model held against the cut one."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from muxviz.config import BACKBONES, DEMULTIPLEXERS, MULTIPLEXERS, TASKS, MuxConfig
from muxviz.errors import ConfigError
from muxviz.model.mux_model import MuxModel
from muxviz.pruning.masked import masked
from muxviz.pruning.masks import Masks, ones, pruned
from tests.tiny import tiny_config, tiny_ids, tiny_model

Case = tuple[str, str, str, str, int]  # backbone, multiplexer, demultiplexer, task, E


def case_config(case: Case) -> MuxConfig:
    """Its configuration: 3 layers, 3 demultiplexer layers; a sentence is read as a mean where the
    multiplexer is a Gaussian one, else at its first position.
    """
    backbone, multiplexer, demultiplexer, task, width = case
    return tiny_config(
        backbone=backbone,
        multiplexer=multiplexer,
        demultiplexer=demultiplexer,
        task=task,
        embedding_size=width,
        num_instances=1 if multiplexer == "identity" else 3,
        num_hidden_layers=3,
        num_demux_layers=3,
        readout="mean" if multiplexer == "gaussian_hadamard" else "first",
    )


def _builds(case: Case) -> bool:
    try:
        case_config(case)
    except ConfigError:
        return False
    return True


CASES: list[Case] = [
    case
    for case in product(BACKBONES, MULTIPLEXERS, DEMULTIPLEXERS, TASKS, (24, 16))
    if _builds(case)
]


def case_model(case: Case) -> MuxModel:
    """A frozen model with wide random weights."""
    return tiny_model(case_config(case))


def random_masks(
    config: MuxConfig, *, is_soft: bool = False, seed: int = 0, prune_hidden: bool = True
) -> Masks:
    """About a third of everything closed, one attention and one feed-forward block as a whole.

    Args:
        is_soft: what is open has values in [0.5, 1] instead of 1, and the last layer's heads are
            closed one by one.
        prune_hidden: hidden and readout dimensions too.
    """
    generator = torch.Generator().manual_seed(seed)
    masks = ones(config)

    def drawn(like: Tensor) -> Tensor:
        kept = (torch.rand(like.shape, generator=generator) > 0.35).float()
        return kept * (torch.rand(like.shape, generator=generator) / 2 + 0.5 if is_soft else 1)

    masks.heads.copy_(drawn(masks.heads))
    masks.intermediate.copy_(drawn(masks.intermediate))
    if prune_hidden:
        masks.hidden.copy_(drawn(masks.hidden))
        if config.is_multiplexed:
            masks.readout.copy_(drawn(masks.readout))
    masks.attention[0] = 0
    masks.feed_forward[1] = 0
    if is_soft:
        masks.heads[-1] = 0
        masks.attention[1] = masks.feed_forward[2] = 0.75
    return masks


def case_inputs(config: MuxConfig) -> tuple[Tensor, Tensor]:
    """Ids and mask ``[2, N, 14]``; the first slot of every group is padded."""
    ids = tiny_ids(config, length=14)
    mask = torch.ones_like(ids)
    mask[:, 0, 9:] = 0
    return ids, mask


@torch.inference_mode()
def apart(model: MuxModel, masks: Masks) -> float:
    """Masked and cut logits: largest difference, relative to the largest logit."""
    inputs = case_inputs(model.config)
    long, short = (build(model, masks)(*inputs).logits for build in (masked, pruned))
    assert long.shape == short.shape
    assert float(long.std()) > 1e-3, "these logits would agree whatever is wired"
    return float((long - short).abs().max() / long.abs().max())

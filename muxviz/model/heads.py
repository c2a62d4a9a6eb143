"""Heads: what is read from a demultiplexed state.

All published heads are one shape: an optional dense layer with an activation, an optional norm, an
optional residual around those, and a projection. Which options apply is a table, not a class each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from muxviz.config import MuxConfig

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": nn.functional.gelu,
    "tanh": torch.tanh,
}


@dataclass(frozen=True)
class HeadSpec:
    """Options of one head."""

    activation: str | None = None  # None: no dense layer, only the projection
    has_norm: bool = False
    has_residual: bool = False


class Head(nn.Module):
    """``[..., D] -> [..., C]``."""

    def __init__(self, width: int, outputs: int, spec: HeadSpec, *, eps: float, dropout: float):
        super().__init__()
        self.spec = spec
        self.dropout = nn.Dropout(dropout)
        if spec.activation is not None:
            self.dense = nn.Linear(width, width)
        if spec.has_norm:
            self.layer_norm = nn.LayerNorm(width, eps=eps)
        self.out_proj = nn.Linear(width, outputs)

    def transform(self, x: Tensor) -> Tensor:
        """Everything before the projection, ``[..., D] -> [..., D]``."""
        if self.spec.activation is None:
            return x
        y = ACTIVATIONS[self.spec.activation](self.dense(x))
        if self.spec.has_norm:
            y = self.layer_norm(y)
        return x + y if self.spec.has_residual else y

    def forward(self, x: Tensor) -> Tensor:
        return self.out_proj(self.dropout(self.transform(x)))


def task_head_spec(config: MuxConfig) -> HeadSpec:
    """Which options the released class of this backbone, demultiplexer and task has."""
    if config.task == "token_classification":
        tmux_mlp = config.demultiplexer == "mlp"
        return HeadSpec("gelu", has_norm=True) if tmux_mlp else HeadSpec()
    if config.task == "replaced_token_detection":
        return HeadSpec("gelu")
    if config.task == "masked_lm":  # plain models; multiplexed ones use the retrieval head
        return HeadSpec("gelu", has_norm=True)
    if config.demultiplexer == "mlp":
        return HeadSpec("gelu", has_norm=True)
    if config.backbone == "electra":
        return HeadSpec("gelu")
    if config.backbone == "roberta":
        return HeadSpec("gelu" if config.is_multiplexed else "tanh")
    return HeadSpec() if config.is_multiplexed else HeadSpec("tanh")  # plain BERT: the pooler


def build_task_head(config: MuxConfig) -> Head | None:
    """The task head, or None where the task is answered by the retrieval head."""
    if config.task == "retrieval" or (config.task == "masked_lm" and config.is_multiplexed):
        return None
    outputs = {
        "replaced_token_detection": 1,
        "masked_lm": config.shape.vocab_size,
    }.get(config.task, config.num_labels)
    width = config.shape.hidden_size
    return Head(
        width,
        outputs,
        task_head_spec(config),
        eps=config.shape.layer_norm_eps,
        dropout=config.shape.hidden_dropout_prob,
    )


def build_retrieval_head(config: MuxConfig) -> Head:
    """Projection from a read-out state to the vocabulary."""
    spec = {
        "rsa": HeadSpec("gelu", has_norm=True, has_residual=config.backbone == "electra"),
        "index_prefix": HeadSpec(),
        "mlp": HeadSpec("gelu", has_norm=True),
    }[config.demultiplexer]
    shape = config.shape
    return Head(shape.hidden_size, shape.vocab_size, spec, eps=shape.layer_norm_eps, dropout=0.0)

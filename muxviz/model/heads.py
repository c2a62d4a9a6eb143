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
from muxviz.model.encoder import LayerNorm

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
    """``[..., D] -> [..., C]``.

    inner: width between the dense layer and the projection, where pruning makes it another one.
    """

    def __init__(
        self,
        width: int,
        outputs: int,
        spec: HeadSpec,
        *,
        eps: float,
        dropout: float,
        inner: int | None = None,
    ) -> None:
        super().__init__()
        self.spec = spec
        self.dropout = nn.Dropout(dropout)
        inner = width if inner is None or spec.activation is None or spec.has_residual else inner
        if spec.activation is not None:
            self.dense = nn.Linear(width, inner)
        if spec.has_norm:
            self.layer_norm = LayerNorm(inner, eps=eps)
        self.out_proj = nn.Linear(inner, outputs)

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
    is_tied = config.task == "masked_lm" and config.ties_words
    return Head(
        config.readout_width,
        outputs,
        task_head_spec(config),
        eps=config.shape.layer_norm_eps,
        dropout=config.shape.hidden_dropout_prob,
        inner=config.width if is_tied else config.shape.hidden_size,
    )


def retrieval_head_spec(config: MuxConfig) -> HeadSpec:
    """Which options the released retrieval head has."""
    return {
        "rsa": HeadSpec("gelu", has_norm=True, has_residual=config.backbone == "electra"),
        "mlp": HeadSpec("gelu", has_norm=True),
    }.get(config.demultiplexer, HeadSpec())  # index_prefix, and parts that were never published


def build_retrieval_head(config: MuxConfig) -> Head:
    """Projection from a read-out state to the vocabulary."""
    spec = retrieval_head_spec(config)
    shape = config.shape
    return Head(
        reader_width(config) if spec.activation is None else config.readout_width,
        shape.vocab_size,
        spec,
        eps=shape.layer_norm_eps,
        dropout=0.0,
        inner=config.width if config.ties_words else shape.hidden_size,
    )


def reader_width(config: MuxConfig) -> int:
    """Width of what a retrieval head without a dense layer reads: that of the vocabulary."""
    return config.width if config.ties_words else config.readout_width

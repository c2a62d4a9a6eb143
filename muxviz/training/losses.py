"""The losses of one step, for plain and multiplexed models.

Total = task_coeff CE + retrieval_coeff CE_retrieval + hidden_coeff MSE + logit_coeff KL
(+ probe_coeff CE_probe at N = 1). The first two terms are MUX-PLM's; the others are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (the field's name for it)

from muxviz.model.demultiplexer import RSADemultiplexer
from muxviz.model.mux_model import MuxModel, PreparedInput
from muxviz.training.data import UNLABELLED
from muxviz.training.recipe import Stage


@dataclass(frozen=True)
class Batch:
    """One step's input. ids, mask ``[B, N, L]``; labels ``[B, N]``; the teacher's part or None."""

    ids: Tensor
    mask: Tensor
    labels: Tensor
    teacher_hidden: Tensor | None = None  # [B, N, L, D]
    teacher_logits: Tensor | None = None  # [B, N, C]


@dataclass(frozen=True)
class StepLosses:
    """The weighted sum to differentiate, and each term as a number."""

    total: Tensor
    terms: dict[str, float]


def step_losses(
    model: MuxModel, stage: Stage, batch: Batch, helper: nn.Linear, generator: torch.Generator
) -> StepLosses:
    """All losses that ``stage`` asks for, from one pass.

    Args:
        model: in training mode.
        helper: trained beside the model and not exported. N = 1: a linear probe on mean-pooled
            states, which makes the teacher's states carry the label. N > 1: a linear map from the
            demultiplexed states to the teacher's (they need not share a basis).
        generator: draws the positions of the retrieval loss.
    """
    prepared = model.prepare(batch.ids, batch.mask, None)
    entered = model.enter(model.mix(model.embed(prepared), prepared.mask))
    seen = model.encoder_mask(prepared.mask, entered.dtype, hide_padding=False)
    hidden = model.encoder(entered, seen)
    if model.config.is_multiplexed:
        return _multiplexed(model, stage, batch, prepared, hidden, helper, generator)
    logits = model.answer(hidden, prepared).logits.float()
    pooled = _mean(hidden[:, None].float(), prepared.mask)
    total, terms = _task(stage, logits, batch)
    if stage.probe_coeff:
        loss = _cross_entropy(helper(pooled), batch.labels)
        total, terms["probe"] = total + stage.probe_coeff * loss, loss.item()
    return StepLosses(total, terms)


def _multiplexed(
    model: MuxModel,
    stage: Stage,
    batch: Batch,
    prepared: PreparedInput,
    hidden: Tensor,
    helper: nn.Linear,
    generator: torch.Generator,
) -> StepLosses:
    tokens = slice(prepared.prefix, None)
    real = prepared.mask[..., tokens].bool()
    demultiplexer: Any = model.demultiplexer
    shared = isinstance(demultiplexer, RSADemultiplexer)
    unlocked = demultiplexer.unlock(hidden, tokens) if shared else None
    total = hidden.new_zeros(())
    terms: dict[str, float] = {}
    if stage.task_coeff or stage.hidden_coeff or stage.logit_coeff:
        states = demultiplexer.finish(unlocked) if shared else demultiplexer(hidden, tokens)
        states = states.float()
        if model.config.readout == "mean":
            sentence = _mean(states, prepared.mask[..., tokens])
        elif prepared.prefix:
            sentence = model.demultiplexer(hidden, slice(prepared.prefix - 1, prepared.prefix))[
                :, :, 0
            ]
        else:
            sentence = states[:, :, 0]
        assert model.head is not None, "recipes train sentence classifiers"
        total, terms = _task(stage, model.head(sentence).float(), batch)
        if stage.hidden_coeff and batch.teacher_hidden is not None:
            # Targets are standardised: 1 is what the best constant reaches, 0 is perfect.
            loss = F.mse_loss(helper(states[real]).float(), batch.teacher_hidden[real])
            total, terms["hidden"] = total + stage.hidden_coeff * loss, loss.item()
    if stage.retrieval_coeff:
        loss, accuracy = _retrieval(model, stage, prepared, hidden, unlocked, generator)
        total = total + stage.retrieval_coeff * loss
        terms |= {"retrieval": loss.item(), "retrieval_accuracy": accuracy}
    return StepLosses(total, terms)


def _retrieval(
    model: MuxModel,
    stage: Stage,
    prepared: PreparedInput,
    hidden: Tensor,
    unlocked: Tensor | None,
    generator: torch.Generator,
) -> tuple[Tensor, float]:
    """Cross-entropy and accuracy of read-back on sampled real tokens (the first one left out)."""
    tokens = slice(prepared.prefix, None)
    eligible = prepared.mask[..., tokens].clone()
    eligible[..., 0] = 0
    places = eligible.nonzero()
    pick = torch.randperm(len(places), generator=generator)[: stage.retrieval_positions]
    b, n, t = places[pick].unbind(dim=1)
    if unlocked is not None:
        demultiplexer: Any = model.demultiplexer
        states = demultiplexer.finish_for_retrieval(unlocked[b, n, t])
    else:
        states = model.read_tokens(hidden, tokens)[b, n, t]
    assert model.retrieval_head is not None, "recipes with a retrieval loss have the head"
    logits = model.retrieval_head(states).float()
    targets = prepared.ids[..., tokens][b, n, t]
    accuracy = (logits.argmax(dim=-1) == targets).float().mean().item()
    return F.cross_entropy(logits, targets), accuracy


def _task(stage: Stage, logits: Tensor, batch: Batch) -> tuple[Tensor, dict[str, float]]:
    total = logits.new_zeros(())
    terms: dict[str, float] = {}
    labelled = batch.labels != UNLABELLED
    if stage.task_coeff and bool(labelled.any()):
        loss = _cross_entropy(logits, batch.labels)
        total, terms["task"] = total + stage.task_coeff * loss, loss.item()
        guess = logits.argmax(dim=-1)[labelled]
        terms["task_accuracy"] = (guess == batch.labels[labelled]).float().mean().item()
    if stage.logit_coeff and batch.teacher_logits is not None:
        loss = F.kl_div(
            logits.flatten(0, 1).log_softmax(dim=-1),
            batch.teacher_logits.flatten(0, 1).log_softmax(dim=-1),
            reduction="batchmean",
            log_target=True,
        )
        total, terms["logit"] = total + stage.logit_coeff * loss, loss.item()
    return total, terms


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, -2), labels.flatten(), ignore_index=UNLABELLED)


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    """Mean over real positions: ``[B, N, T, D]``, ``[B, N, T]`` -> ``[B, N, D]``."""
    weights = mask[..., None].to(states.dtype)
    return (states * weights).sum(dim=2) / weights.sum(dim=2).clamp(min=1)

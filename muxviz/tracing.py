"""Every stage of one pass, kept: the basis of all analyses.

No hooks are used. The model's stages are called one after another and their results kept, so a
trace leaves nothing behind on a model that several sessions share, whatever happens inside.
Attention maps are recomputed from each layer's input (the encoder itself runs through SDPA).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from muxviz.errors import InputError, NotApplicable
from muxviz.model.mux_model import MuxModel, PreparedInput

SCORE_POSITIONS = 512  # (slot, position) pairs whose full-vocabulary logits are held at once
RETRIEVALS = ("logits", "scores", None)


@dataclass(frozen=True)
class RetrievalScores:
    """What fidelity needs of the retrieval logits, without their V columns. All ``[B, N, T]``.

    read: the most probable token id. read_log_prob: its log-probability (nats). true_log_prob: that
    of the slot's own token. rank: tokens more probable than the own one (0 = read back).
    slot_log_prob ``[B, N, N, T]``: log-probability in read-out i of the token slot j has there.
    """

    read: Tensor
    read_log_prob: Tensor
    true_log_prob: Tensor
    rank: Tensor
    slot_log_prob: Tensor


@dataclass(frozen=True)
class Trace:
    """One pass for B groups. T = L plus the index prefix (less what the prefix displaces).

    input_ids, attention_mask ``[B, N, T]``: what entered, prefix and forced first token included.
    instance_embeddings ``[B, N, T, E]``. multiplexed ``[B, T, E]``: the mixture before the second
    embedding step. hidden_states: input of layer 1, then each layer's output, ``[B, T, D]``.
    attentions: ``[B, H, T, T]`` per layer, rows sum to 1; H the heads that pruning left there,
    in order. demultiplexed ``[B, N, T, D]``, D here the readout dimensions that are left.
    retrieval_logits ``[B, N, T, V]`` or None; retrieval_scores in its place when asked for.
    logits: as ``MuxOutput.logits``. prefix: positions before the tokens. cut: tokens displaced.
    """

    input_ids: Tensor
    attention_mask: Tensor
    instance_embeddings: Tensor
    multiplexed: Tensor
    hidden_states: tuple[Tensor, ...]
    attentions: tuple[Tensor, ...]
    demultiplexed: Tensor
    retrieval_logits: Tensor | None
    retrieval_scores: RetrievalScores | None
    logits: Tensor
    readout: Tensor
    prefix: int
    cut: int


@torch.inference_mode()
def trace(
    model: MuxModel,
    input_ids: Tensor,
    attention_mask: Tensor | None = None,
    *,
    token_type_ids: Tensor | None = None,
    retrieval: str | None = "logits",
    attentions: bool = True,
    hide_padding: bool = False,
) -> Trace:
    """Run one pass and keep every stage, detached, on the model's device.

    Args:
        model: not modified.
        input_ids: ``[B, N, L]``; never changed.
        attention_mask: ``[B, N, L]``; None means all tokens are real.
        token_type_ids: ``[B, N, L]``, where the model uses segments.
        retrieval: ``"logits"`` for the full ``[B, N, T, V]``, ``"scores"`` for what fidelity needs
            of them (no V axis is ever held for the whole batch), None for neither. A model without
            a retrieval head gives None for both.
        attentions: whether to compute the maps.
        hide_padding: as in ``MuxModel.forward``.

    Raises:
        InputError: as ``MuxModel.forward``, or an unknown ``retrieval``.
    """
    if retrieval not in RETRIEVALS:
        raise InputError(f"retrieval is {retrieval!r}; expected 'logits', 'scores' or None")
    device = next(model.parameters()).device
    given = [t if t is None else t.to(device) for t in (input_ids, attention_mask, token_type_ids)]
    assert given[0] is not None, "input_ids is required"
    prepared = model.prepare(given[0], given[1], given[2], hide_padding=hide_padding)
    embeddings = model.embed(prepared)
    entry = model.walk(prepared, embeddings=embeddings, hide_padding=hide_padding)
    states = model.encoder.all_states(entry.hidden, entry.mask)
    maps: list[Tensor] = []
    if attentions:
        maps = [model.encoder.attention(k, states[k], entry.mask) for k in range(len(states) - 1)]
    output = model.answer(states[-1], prepared)
    logits = scores = None
    if model.retrieval_head is not None and retrieval == "logits":
        logits = model.retrieval_head(model.read_tokens(states[-1]))
    elif model.retrieval_head is not None and retrieval == "scores":
        scores = retrieval_scores(model, states[-1], prepared)
    return Trace(
        input_ids=prepared.ids,
        attention_mask=prepared.mask,
        instance_embeddings=embeddings,
        multiplexed=entry.mixture,
        hidden_states=tuple(states),
        attentions=tuple(maps),
        demultiplexed=model.demultiplexer(states[-1]),
        retrieval_logits=logits,
        retrieval_scores=scores,
        logits=output.logits,
        readout=output.readout,
        prefix=prepared.prefix,
        cut=output.cut,
    )


def retrieval_scores(model: MuxModel, hidden: Tensor, prepared: PreparedInput) -> RetrievalScores:
    """Score read-back of every token of every slot from the last hidden state ``[B, T, D]``.

    Raises:
        NotApplicable: the checkpoint has no retrieval head.
    """
    if model.retrieval_head is None:
        raise NotApplicable(
            "not applicable: this checkpoint has no retrieval head, so its slots cannot be read "
            "back token by token"
        )
    states = model.read_tokens(hidden)
    batch, num, length, _ = states.shape
    # Row (b, i, t) is asked for the tokens that all N slots hold at (b, t).
    candidates = prepared.ids[:, None].expand(batch, num, num, length).permute(0, 1, 3, 2)
    rows = states.reshape(batch * num * length, -1)
    asked = candidates.reshape(batch * num * length, num)
    own = torch.arange(num, device=rows.device)[None, :, None].expand(batch, num, length).flatten()
    parts = []
    for start in range(0, len(rows), SCORE_POSITIONS):
        piece = slice(start, start + SCORE_POSITIONS)
        log_probs = model.retrieval_head(rows[piece]).float().log_softmax(dim=-1)
        best, read = log_probs.max(dim=-1)
        of_slots = log_probs.gather(1, asked[piece])
        true = of_slots.gather(1, own[piece, None])
        rank = (log_probs > true).sum(dim=-1)
        parts.append((read, best, true[:, 0], rank, of_slots))
    read, best, true, rank, of_slots = (torch.cat(column) for column in zip(*parts, strict=True))
    shape = (batch, num, length)
    return RetrievalScores(
        read.view(shape),
        best.view(shape),
        true.view(shape),
        rank.view(shape),
        of_slots.view(*shape, num).permute(0, 1, 3, 2),
    )

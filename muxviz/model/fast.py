"""The same pass with only the work that an answer needs.

``MuxModel.forward`` walks through all stages; this walk gives the same logits (up to rounding) and
leaves out what nobody reads:

- the embeddings of N instances are added into the mixture slot by slot, a few groups at a time, so
  that ``[B, N, T, E]`` never exists and a tile stays in the processor's cache;
- the mixture of the index prefix, which is the same for every group, is made once;
- where a sentence is read at its first position, the last layer computes that position only;
- a demultiplexer's first layer works on every position once, not once per slot, and nothing is
  demultiplexed or projected at padding, or at tokens that are not asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import embedding, layer_norm

from muxviz.model.claims import offers
from muxviz.model.mux_model import MuxModel, PreparedInput

TILE_BYTES = 1 << 20  # of embeddings held at a time on a CPU
TILE_ROWS = 1024  # demultiplexed at a time on a CPU


@dataclass(frozen=True)
class TokenLogits:
    """Answers at P asked tokens only: ``values [P, C]`` of ``groups``, ``slots``, ``places``.

    Sorted by group, slot, place; places count from the row's first token, prefix not included.
    """

    values: Tensor
    groups: Tensor
    slots: Tensor
    places: Tensor


def encode(model: MuxModel, prepared: PreparedInput, *, hide_padding: bool = False) -> Tensor:
    """Last hidden state: of all positions ``[B, T, D]``, or only of those that are read."""
    mixed = mixture(model, prepared, hide_padding=hide_padding)
    entry = model.walk(prepared, mixture=mixed, hide_padding=hide_padding)
    return encoded(model, entry.hidden, entry.mask, prepared)


def encoded(
    model: MuxModel, hidden: Tensor, mask: Tensor | None, prepared: PreparedInput
) -> Tensor:
    """The encoder's part of ``encode``."""
    if reads_first(model):
        return model.encoder.states_at(hidden, mask, slice(0, _first(prepared) + 1))
    return model.encoder(hidden, mask)


def reads_first(model: MuxModel) -> bool:
    """Whether an answer is read at the first position only."""
    return model.config.answers_texts and model.config.readout == "first"


def _first(prepared: PreparedInput) -> int:
    """Where a sentence is read: the prefix ends in a [CLS] of its own at position N."""
    return max(prepared.prefix - 1, 0)


def read_sentence(model: MuxModel, hidden: Tensor, prepared: PreparedInput) -> Tensor:
    """Logits ``[B, N, C]`` of a sentence task from what ``encode`` returned."""
    assert model.head is not None, "sentence tasks have a head"
    logits: Tensor = model.head(sentence_state(model, hidden, prepared))
    return logits


def sentence_state(model: MuxModel, hidden: Tensor, prepared: PreparedInput) -> Tensor:
    """The state ``[B, N, D]`` that a sentence is read from."""
    if reads_first(model):
        first = _first(prepared)
        states: Tensor = model.demultiplexer(hidden, slice(first, first + 1))[:, :, 0]
        return states
    return _mean_states(model, hidden, prepared)


def read_token_logits(
    model: MuxModel, hidden: Tensor, prepared: PreparedInput, asked: Tensor
) -> TokenLogits:
    """Logits of the asked tokens of a token task from what ``encode`` returned.

    Args:
        asked: ``[B, N, L']`` bool, prefix not included.
    """
    groups, slots, places = asked.nonzero(as_tuple=True)
    at = places + prepared.prefix
    if model.head is None:
        head: Any = model.retrieval_head
        values = head(model.read_places(hidden, groups, slots, at))
    else:
        demultiplexer: Any = model.demultiplexer
        values = model.head(
            demultiplexer.at(hidden, groups, slots, at)
            if offers(demultiplexer, "at")
            else demultiplexer(hidden)[groups, slots, at]
        )
        if model.config.task == "replaced_token_detection":
            values = values.squeeze(-1)
    return TokenLogits(values, groups, slots, places)


# ---- the mixture --------------------------------------------------------------------------------


def mixture(model: MuxModel, prepared: PreparedInput, *, hide_padding: bool = False) -> Tensor:
    """The mixture ``[B, T, E]`` without the embeddings of every instance beside it."""
    if not offers(model.multiplexer, "scales") or prepared.ids.is_cuda:
        # A GPU is better served by few large kernels.
        return model.mix(model.embed(prepared), prepared.mask, hide_padding=hide_padding)
    mask = prepared.mask if hide_padding else None
    batch, _, length = prepared.ids.shape
    words: Any = model.embeddings.word_embeddings
    out = words.weight.new_zeros(batch, length, model.config.embedding_width)
    front = prepared.prefix
    if front:
        out[:, :front] = _mixed_tile(model, prepared, slice(0, 1), slice(0, front), None)
    step = max(1, TILE_BYTES // (out[0].numel() * out.element_size()))
    for start in range(0, batch, step):
        tile = slice(start, start + step)
        out[tile, front:] = _mixed_tile(model, prepared, tile, slice(front, length), mask)
    return out


def _mixed_tile(
    model: MuxModel, prepared: PreparedInput, tile: slice, span: slice, mask: Tensor | None
) -> Tensor:
    """The mixture of some groups and positions, ``[B', T', E]``."""
    tables: Any = model.embeddings
    part: Any = model.multiplexer
    vectors = part.scales()
    norm: Any = tables.LayerNorm
    width, words = norm.weight.shape, tables.word_embeddings.weight
    weights, biases = norm.weight * vectors, norm.bias * vectors  # the slot's vector in the norm
    total = added = None
    for slot in range(len(vectors)):
        ids = prepared.ids[tile, slot]
        if added is None or not _shares_places(model, prepared):
            added = tables.position_embeddings(model.token_positions(ids)[:, span])
            added = added + tables.token_type_embeddings(_types(prepared, tile, slot, span))
        rows = embedding(ids[:, span], words).add_(added)
        marked = layer_norm(rows, width, weights[slot], biases[slot], norm.eps)
        if mask is not None:
            marked *= mask[tile, slot, span, None].to(marked.dtype)
        total = marked if total is None else total.add_(marked)
    assert total is not None, "there is at least one slot"
    return total.div_(len(vectors))


def _shares_places(model: MuxModel, prepared: PreparedInput) -> bool:
    """Whether position and segment of a token do not depend on its slot."""
    return prepared.types is None and model.config.backbone != "roberta"


def _types(prepared: PreparedInput, tile: slice, slot: int, span: slice) -> Tensor:
    if prepared.types is None:
        return prepared.ids.new_zeros(1, 1)
    return prepared.types[tile, slot, span]


# ---- reading ------------------------------------------------------------------------------------


def _mean_states(model: MuxModel, hidden: Tensor, prepared: PreparedInput) -> Tensor:
    """Demultiplexed states averaged over each row's own tokens, ``[B, N, D]``."""
    real = prepared.mask[..., prepared.prefix :]
    counts = real.sum(dim=-1, keepdim=True).clamp(min=1).to(hidden.dtype)
    demultiplexer: Any = model.demultiplexer
    if hidden.is_cuda or not offers(demultiplexer, "at"):
        states = model.demultiplexer(hidden, slice(prepared.prefix, None))
        return (states * real[..., None].to(states.dtype)).sum(dim=2) / counts
    batch, num, _ = real.shape
    groups, slots, places = real.nonzero(as_tuple=True)
    at, owners = places + prepared.prefix, groups * num + slots
    sums = hidden.new_zeros(batch * num, model.config.readout_width)
    if offers(demultiplexer, "unlock_at"):
        unlocked = demultiplexer.unlock_at(hidden, groups, slots, at)
        for owner, rows in zip(owners.split(TILE_ROWS), unlocked.split(TILE_ROWS), strict=True):
            sums.index_add_(0, owner, demultiplexer.finish(rows))
    else:
        sums.index_add_(0, owners, demultiplexer.at(hidden, groups, slots, at))
    return sums.view(batch, num, -1) / counts

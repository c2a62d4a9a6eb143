"""Reading the mixture with the slot's own vector and no network: how much would a sum alone give?

For a Hadamard multiplexer u^i = v_i * (N z) = v_i v_i e^i + the other slots' part; for orthogonal
matrices u^i = sqrt(N) R_i' z. z is the mixture as it leaves the multiplexer, before positions are
added and normed a second time. The token read is the one whose embedding has the largest cosine
with u^i. Read first: ``geometry``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from muxviz.analysis.groups.draws import (
    Batch,
    Progress,
    base_group,
    batches,
    origin_of,
    part_of,
    pool_groups,
)
from muxviz.analysis.groups.layer_states import last_states, prepared_of
from muxviz.analysis.groups.one_group import counted_positions
from muxviz.analysis.groups.shares import shares
from muxviz.analysis.keys.geometry import DRAWS, check_filter, entered_groups
from muxviz.batch import Group, Row, Seating
from muxviz.errors import Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.mux_model import PreparedInput
from muxviz.reading import token_names
from muxviz.results.keys import FilterReading, MatchedFilter
from muxviz.tracing import SCORE_POSITIONS


@torch.inference_mode()
def matched_filter(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    seating: Seating = Seating(),
    draws: int = DRAWS,
    pool: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> MatchedFilter:
    """Share of tokens read from the mixture alone, against the model's own read-back.

    Counted are the slots' own tokens without special ones, in random groups of pool sentences. The
    model's own read-back takes one pass per group; the filter takes none. It does not show what the
    model could read, only what needs no model. Stopped work keeps the groups done.

    Raises:
        NotApplicable: no filters for the mixture (plain, contextual). InputError: no pool.
    """
    check_filter(checkpoint)
    group = base_group(checkpoint, rows, seating)
    groups = pool_groups(checkpoint, pool, draws, seating)
    asked, is_partial = _ask(checkpoint, groups, progress)
    if not asked.groups.size:
        raise Stopped("stopped before the first groups were done; compute again")
    hits, stopped = _read(checkpoint, asked, progress, draws)
    read = hits >= 0
    if not read.any():
        raise Stopped("stopped before the first tokens were read; compute again")
    names, inverse = np.unique(asked.groups[read], return_inverse=True)
    counts = np.zeros((3, len(names), checkpoint.config.num_instances))
    own = asked.model[read] == asked.ids[read] if asked.model.size else np.zeros(read.sum())
    for kind, values in enumerate((hits[read], own, np.ones(read.sum()))):
        np.add.at(counts[kind], (inverse, asked.slots[read]), values)
    return MatchedFilter(
        shares(counts[0], counts[2]),
        shares(counts[1], counts[2]) if asked.model.size else None,
        float(np.bincount(asked.ids[read]).max() / read.sum()),
        _of_group(checkpoint, group),
        len(names),
        len(pool or ()),
        seating.seed,
        is_partial or stopped,
        origin_of(checkpoint, [group], seating),
    )


def unmixed(checkpoint: Checkpoint, mixture: Tensor) -> Tensor:
    """The filters' outputs u: ``[B, T, E] -> [B, N, T, E]``."""
    multiplexer: Any = checkpoint.model.multiplexer
    outputs: Tensor = multiplexer.unmix(mixture)
    return outputs


def token_table(checkpoint: Checkpoint, position: int) -> Tensor:
    """Embeddings of every token of the vocabulary at one position, of length 1: ``[V, E]``.

    position: counted from 0 in the whole sequence, prefix included.
    """
    embeddings = checkpoint.model.embeddings
    device = embeddings.word_embeddings.weight.device
    offset = 2 if checkpoint.config.backbone == "roberta" else 0
    ids = torch.arange(checkpoint.config.shape.vocab_size, device=device)[:, None]
    table = embeddings(
        embeddings.word_embeddings(ids),
        torch.zeros_like(ids),
        torch.full_like(ids, position + offset),
    )
    return normalize(table[:, 0], dim=-1)


@dataclass(frozen=True)
class _Asked:
    """Every counted token of some groups, ``[P]`` each: where it stands, its id, what the model
    reads there (empty without a retrieval head), and the filter's output ``[P, E]``.
    """

    groups: np.ndarray
    slots: np.ndarray
    places: np.ndarray
    ids: np.ndarray
    model: np.ndarray
    outputs: Tensor


def _ask(
    checkpoint: Checkpoint, groups: Sequence[Group], progress: Progress | None
) -> tuple[_Asked, bool]:
    """Mix all groups, and read them back by the model; whether it was stopped on the way."""
    longest = max(group.length for group in groups)
    parts: list[_Asked] = []
    is_partial = False
    told = part_of(progress, 0, len(groups) + longest)
    try:
        for batch in batches(checkpoint, groups, told):
            prepared = prepared_of(checkpoint, batch)
            parts.append(_of_batch(checkpoint, groups, batch, prepared))
    except Stopped:
        is_partial = True
    if not parts:
        nothing = np.empty(0, dtype=np.int64)
        return _Asked(nothing, nothing, nothing, nothing, nothing, torch.empty(0)), is_partial
    of_group, slots, places, ids, model = (
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("groups", "slots", "places", "ids", "model")
    )
    outputs = torch.cat([part.outputs for part in parts])
    return _Asked(of_group, slots, places, ids, model, outputs), is_partial


def _of_batch(
    checkpoint: Checkpoint, groups: Sequence[Group], batch: Batch, prepared: PreparedInput
) -> _Asked:
    model, hide = checkpoint.model, batch.hide_padding
    hidden, mixture = last_states(checkpoint, prepared, hide)
    counted = [counted_positions(checkpoint, groups[n], prepared) for n in batch.numbers]
    where = np.nonzero(np.stack(counted))
    at = tuple(torch.from_numpy(w).to(mixture.device) for w in where)
    read = np.empty(0, dtype=np.int64)
    if model.retrieval_head is not None:
        states = model.read_places(hidden, *at).split(SCORE_POSITIONS)
        best = [model.retrieval_head(s).argmax(dim=-1) for s in states]
        read = torch.cat(best).cpu().numpy()
    return _Asked(
        np.asarray(batch.numbers)[where[0]],
        where[1],
        where[2],
        prepared.ids[at].cpu().numpy(),
        read,
        unmixed(checkpoint, mixture)[at],
    )


def _read(
    checkpoint: Checkpoint, asked: _Asked, progress: Progress | None, before: int
) -> tuple[np.ndarray, bool]:
    """Whether the filter reads each token, ``[P]``: 1, 0, or -1 where it was stopped before."""
    hits = np.full(len(asked.ids), -1)
    places = np.unique(asked.places)
    for number, place in enumerate(places, start=1):
        here = np.flatnonzero(asked.places == place)
        found = best_tokens(checkpoint, asked.outputs[here.tolist()], int(place))
        hits[here] = found == asked.ids[here]
        try:
            if progress is not None:
                progress(before + number, before + len(places))
        except Stopped:
            return hits, True
    return hits, False


def best_tokens(checkpoint: Checkpoint, outputs: Tensor, position: int) -> np.ndarray:
    """Ids of the tokens with the largest cosine to each of P outputs ``[P, E]`` at one position."""
    # The length of an output is the same for every token, so products are in order of the cosines.
    found: np.ndarray = (outputs @ token_table(checkpoint, position).T).argmax(dim=-1).cpu().numpy()
    return found


def _of_group(checkpoint: Checkpoint, group: Group) -> tuple[FilterReading, ...]:
    """What the filter reads of one group."""
    model = checkpoint.model
    prepared, hide = entered_groups(checkpoint, [group])
    mixture = model.mix(model.embed(prepared), prepared.mask, hide_padding=hide)
    outputs = unmixed(checkpoint, mixture)[0]
    places = counted_positions(checkpoint, group, prepared)
    read = np.zeros(places.shape, dtype=np.int64)
    for place in np.flatnonzero(places.any(axis=0)):
        read[:, place] = best_tokens(checkpoint, outputs[:, int(place)], int(place))
    names = checkpoint.tokenizer
    ids = prepared.ids[0].cpu().numpy()
    return tuple(
        FilterReading(
            tuple(token_names(names, ids[slot, at].tolist())),
            tuple(token_names(names, read[slot, at].tolist())),
        )
        for slot, at in enumerate(places)
    )

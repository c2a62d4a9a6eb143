"""The retrieval head, asked at single places of many groups: what is read, and how sure.

Only the places asked for are projected onto the vocabulary. Reading neighbours:
``muxviz/reading.py`` reads one traced group in full.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.draws import Batch, Progress, batches
from muxviz.analysis.groups.layer_states import last_states, prepared_of
from muxviz.batch import Group
from muxviz.errors import NotApplicable
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint

AT_ONCE = 512  # places whose full-vocabulary logits are held at once


@dataclass(frozen=True)
class Places:
    """P questions to one group, ``[P]`` each: how probable is ``tokens`` at (slot, position)?"""

    slots: np.ndarray
    positions: np.ndarray
    tokens: np.ndarray


@dataclass(frozen=True)
class Scores:
    """The answers, ``[P]`` each.

    read: most probable token id, -1 past the group's end. log_prob: of the token asked for, nats.
    rank: of that token, from 1; equally probable ones share the middle of their ranks. Both are NaN
    past the end.
    """

    read: np.ndarray
    log_prob: np.ndarray
    rank: np.ndarray


def need_retrieval(checkpoint: Checkpoint) -> None:
    """
    Raises:
        NotApplicable: nothing can be read back.
    """
    if checkpoint.model.retrieval_head is None:
        what = (
            "this checkpoint has no retrieval head"
            if checkpoint.config.is_multiplexed
            else "this is a plain N = 1 model without a retrieval head"
        )
        raise NotApplicable(f"not applicable: {what}, so no slot can be read back token by token")


def need_neighbours(checkpoint: Checkpoint) -> None:
    """
    Raises:
        NotApplicable: one slot only.
    """
    if checkpoint.config.num_instances < 2:
        raise NotApplicable("not applicable: one slot only, so there is no neighbour to leak")


def own_places(checkpoint: Checkpoint, group: Group) -> Places:
    """Every counted token of every slot that is no filler, in the order of slots."""
    slots, positions = np.nonzero(counted(checkpoint, group))
    return Places(slots, positions, group.ids[slots, positions])


def counted(checkpoint: Checkpoint, group: Group) -> np.ndarray:
    """Which positions count ``[N, L]`` bool: real, not special, not of a filler."""
    found = np.zeros(group.ids.shape, dtype=bool)
    for slot, row in enumerate(group.rows):
        if group.repeats[slot] is None:
            own = counted_tokens(checkpoint, row)[: group.length]
            found[slot, : len(own)] = own
    return found


def scores(
    checkpoint: Checkpoint,
    groups: Sequence[Group],
    places: Sequence[Places],
    progress: Progress | None = None,
) -> Iterator[tuple[int, Scores]]:
    """The answers to the questions of each group, by its number, as they come.

    Raises:
        NotApplicable: no retrieval head. Whatever ``progress`` raises.
    """
    need_retrieval(checkpoint)
    for batch in batches(checkpoint, groups, progress):
        with torch.inference_mode():
            found = list(_of_batch(checkpoint, batch, [places[n] for n in batch.numbers]))
        yield from zip(batch.numbers, found, strict=True)


def _of_batch(checkpoint: Checkpoint, batch: Batch, places: Sequence[Places]) -> Iterator[Scores]:
    prepared = prepared_of(checkpoint, batch)
    hidden, _ = last_states(checkpoint, prepared, batch.hide_padding)
    sizes = [len(p.slots) for p in places]
    asked = np.stack(
        [
            np.repeat(np.arange(len(places)), sizes),
            np.concatenate([p.slots for p in places]),
            np.concatenate([p.positions for p in places]) + prepared.prefix,
            np.concatenate([p.tokens for p in places]),
        ]
    )
    there = asked[2] < hidden.shape[1]
    size = asked.shape[1]
    read, log_prob, rank = np.full(size, -1), np.full(size, np.nan), np.full(size, np.nan)
    questions = torch.from_numpy(asked[:, there]).to(hidden.device)
    if questions.shape[1]:
        read[there], log_prob[there], rank[there] = _ask(checkpoint, hidden, questions)
    ends = np.cumsum(sizes)
    for start, stop in zip(ends - sizes, ends, strict=True):
        yield Scores(read[start:stop], log_prob[start:stop], rank[start:stop])


def _ask(
    checkpoint: Checkpoint, hidden: Tensor, questions: Tensor
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read, log-probability and rank for questions ``[4, P]``: group, slot, place, token."""
    model, parts = checkpoint.model, []
    head = model.retrieval_head
    assert head is not None, "checked by need_retrieval"
    for piece in questions.split(AT_ONCE, dim=1):
        states = model.read_places(hidden, piece[0], piece[1], piece[2])
        log_probs = head(states).float().log_softmax(dim=-1)
        own = log_probs.gather(1, piece[3, :, None])
        above, equal = (log_probs > own).sum(dim=-1), (log_probs == own).sum(dim=-1)
        parts.append(
            (log_probs.argmax(dim=-1), own[:, 0].double(), above.double() + (equal + 1) / 2)
        )
    read, own, rank = (torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True))
    return read, own, rank

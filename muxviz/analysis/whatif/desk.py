"""The mixing desk: what one change to a group does to all of its slots.

    z(g) = (1/N) sum_i g_i v_i * E_i        every embedding scaled before it is mixed

A fader g_i scales the embeddings of slot i; 0 mutes it. With ``floor="pool"`` a fader moves between
the mean sentence of a pool and the slot's own, g E_i + (1 - g) E_pool, so that a muted slot stays
like what the model has seen. The encoder's input is normed after mixing: one fader turned down
turns all others up, and where nothing but the mixture enters the norm every slot's slopes sum to 0.
Contextual multiplexers have layers of their own, so faders scale the inputs of those instead.

Reading neighbour: ``dial.py`` (keys and empty slots). Source: our definition
(docs/quantities.md, "The desk").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.draws import (
    Batch,
    base_group,
    batches,
    draw_rows,
    origin_of,
    with_row,
)
from muxviz.analysis.groups.outcomes import (
    Outcome,
    answers,
    classes_of,
    in_words,
    is_per_token,
    mean_probabilities,
    need_classes,
    outcome,
)
from muxviz.batch import Group, Row, Seating, encode_rows
from muxviz.engine.guard import memory_guard
from muxviz.errors import InputError
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.mux_model import PreparedInput
from muxviz.results.group import Provenance
from muxviz.results.whatif_desk import BeforeAfter
from muxviz.tracing import retrieval_scores

FLOORS = ("zero", "pool")
LOUDEST = 2.0
POOL_ROWS = 64  # sentences in the mean one
NOTHING = Outcome(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class Mixed:
    """Last hidden states of B groups ``[B, T, D]``, and what entered."""

    hidden: Tensor
    prepared: PreparedInput


# ---- faders -------------------------------------------------------------------------------------


def turn_faders(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    gains: Sequence[float],
    *,
    floor: str = "zero",
    pool: Sequence[str] = (),
    seating: Seating = Seating(),
) -> BeforeAfter:
    """All slots with the faders at 1 and at ``gains`` ``[N]``; two passes.

    Raises:
        NotApplicable: one slot only, or no classes. InputError: not N gains in [0, 2], an unknown
            floor, or no pool for it.
    """
    need_classes(checkpoint)
    group = base_group(checkpoint, rows, seating)
    wanted = check_gains(checkpoint, gains)
    neutral = floor_of(checkpoint, group, floor, pool, seating.seed)
    both = [_read(checkpoint, group, g, neutral) for g in (np.ones_like(wanted), wanted)]
    return _before_after(
        checkpoint,
        (group, group),
        both,
        _Change(wanted, floor, None, origin_of(checkpoint, [group], seating)),
    )


def check_gains(checkpoint: Checkpoint, gains: Sequence[float]) -> np.ndarray:
    """Gains as an array ``[N]``.

    Raises:
        InputError: another number of them, or one outside [0, 2].
    """
    found = np.asarray(gains, dtype=np.float64)
    num = checkpoint.config.num_instances
    if found.shape != (num,) or not ((found >= 0) & (found <= LOUDEST)).all():
        raise InputError(
            f"got faders {list(np.round(found, 3))}; expected {num} numbers from 0 to {LOUDEST:g}"
        )
    return found


def faded(checkpoint: Checkpoint, batch: Batch, gains: Tensor, neutral: Tensor | None) -> Mixed:
    """The encoder's output for gains ``[B, N]``; differentiable in them.

    neutral: ``[N, T, E]``, what is left at gain 0; None for nothing.
    """
    model, hides = checkpoint.model, batch.hide_padding
    prepared = model.prepare(batch.ids, batch.mask, batch.types, hide_padding=hides)
    own = model.embed(prepared)
    weights = gains.to(own.device, own.dtype)[:, :, None, None]
    rows = own * weights if neutral is None else neutral + (own - neutral) * weights
    entry = model.walk(prepared, embeddings=rows, hide_padding=hides)
    return Mixed(model.encoder(entry.hidden, entry.mask), prepared)


def floor_of(
    checkpoint: Checkpoint, group: Group, floor: str, pool: Sequence[str], seed: int
) -> Tensor | None:
    """Embeddings ``[N, T, E]`` that a fader at 0 leaves: None, or the pool's mean at each position.

    Pool sentences are padded and cut to the group's length, as they would be in its place.

    Raises:
        InputError: an unknown floor, or no pool for it.
    """
    if floor not in FLOORS:
        raise InputError(f"got floor={floor!r}; choose one of {', '.join(FLOORS)}")
    if floor == "zero":
        return None
    if not pool:
        raise InputError("floor 'pool' is the mean of a pool of sentences; give a pool")
    drawn = draw_rows(checkpoint, pool, min(POOL_ROWS, len(pool)), Seating(seed=seed))
    config = checkpoint.config
    ids = np.full((len(drawn), group.length), config.shape.pad_token_id, dtype=np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for number, row in enumerate(drawn):
        size = min(len(row.ids), group.length)
        ids[number, :size], mask[number, :size] = row.ids[:size], 1
        types[number, :size] = row.types[:size]
    everywhere = (
        torch.from_numpy(a)[:, None].expand(-1, config.num_instances, -1).to(checkpoint.device)
        for a in (ids, mask, types)
    )
    model = checkpoint.model
    with torch.inference_mode(), memory_guard(checkpoint):
        prepared = model.prepare(*everywhere, hide_padding=group.hides_padding)
        total = model.embed(_one(prepared, 0))[0]
        for number in range(1, len(ids)):
            total = total + model.embed(_one(prepared, number))[0]
    return (total / len(ids)).clone()


def _one(prepared: PreparedInput, number: int) -> PreparedInput:
    """One group of several."""
    piece = slice(number, number + 1)
    types = None if prepared.types is None else prepared.types[piece]
    return PreparedInput(
        prepared.ids[piece], prepared.mask[piece], types, prepared.prefix, prepared.cut
    )


# ---- one slot's text exchanged ------------------------------------------------------------------


def edit_slot(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    slot: int,
    text: str,
    *,
    seating: Seating = Seating(),
) -> BeforeAfter:
    """All slots before and after one slot (from 0) gets another text; two passes.

    The group is padded anew, so a longer or shorter text moves the others also by its length.

    Raises:
        NotApplicable: one slot only, or no classes. InputError: an empty text.
    """
    need_classes(checkpoint)
    group = base_group(checkpoint, rows, seating)
    (row,) = encode_rows(checkpoint, [Row(text)], padding=seating.padding)
    changed = with_row(checkpoint, group, slot, row)
    ones = np.ones(len(group.rows))
    return _before_after(
        checkpoint,
        (group, changed),
        [_read(checkpoint, one, ones, None) for one in (group, changed)],
        _Change(ones, "zero", slot, origin_of(checkpoint, [group], seating)),
    )


@dataclass(frozen=True)
class _Change:
    """What was done between two passes."""

    gains: np.ndarray
    floor: str
    edited: int | None
    provenance: Provenance


def _read(
    checkpoint: Checkpoint, group: Group, gains: np.ndarray, neutral: Tensor | None
) -> tuple[np.ndarray, np.ndarray]:
    """One pass: logits ``[N, ...]`` and the share of tokens read back ``[N]``."""
    (batch,) = batches(checkpoint, [group])
    with torch.inference_mode(), memory_guard(checkpoint):
        mixed = faded(checkpoint, batch, torch.from_numpy(gains)[None], neutral)
        logits = checkpoint.model.answer(mixed.hidden, mixed.prepared).logits
        read = _read_shares(checkpoint, group, mixed)
    return logits[0].to("cpu", torch.float64).numpy(), read


def _before_after(
    checkpoint: Checkpoint,
    groups: tuple[Group, Group],
    passes: Sequence[tuple[np.ndarray, np.ndarray]],
    change: _Change,
) -> BeforeAfter:
    """Compare two passes of groups that differ in at most one row."""
    (old, new), ((logits, read), (logits_after, read_after)) = groups, passes
    targets = answers(checkpoint, old, logits)
    later = answers(checkpoint, new, logits_after)
    edited = change.edited
    first = [outcome(checkpoint, *each) for each in zip(old.rows, logits, targets, strict=True)]
    second = [
        NOTHING
        if slot == edited and is_per_token(checkpoint)  # another text has other tokens
        else outcome(checkpoint, row, logits_after[slot], targets[slot])
        for slot, row in enumerate(new.rows)
    ]
    return BeforeAfter(
        texts_before=tuple(row.row.text for row in old.rows),
        texts_after=tuple(row.row.text for row in new.rows),
        answers_before=tuple(in_words(checkpoint, t) for t in targets),
        answers_after=tuple(in_words(checkpoint, t) for t in later),
        labels=classes_of(checkpoint),
        per_token=is_per_token(checkpoint),
        p_before=_mean_p(checkpoint, old, logits),
        p_after=_mean_p(checkpoint, new, logits_after),
        sure_before=np.array([o.probability for o in first]),
        sure_after=np.array([o.probability for o in second]),
        margin_before=np.array([o.margin for o in first]),
        margin_after=np.array([o.margin for o in second]),
        changed=1 - np.array([o.kept for o in second]),
        read_before=read,
        read_after=read_after,
        gains=change.gains,
        edited=edited,
        floor=change.floor,
        fillers=fillers_of(old),
        length_before=old.length,
        length_after=new.length,
        provenance=change.provenance,
    )


def fillers_of(group: Group) -> tuple[int, ...]:
    """Slots that only fill the group."""
    return tuple(s for s, source in enumerate(group.repeats) if source is not None)


def _mean_p(checkpoint: Checkpoint, group: Group, logits: np.ndarray) -> np.ndarray:
    pairs = zip(group.rows, logits, strict=True)
    return np.stack([mean_probabilities(checkpoint, row, values) for row, values in pairs])


def _read_shares(checkpoint: Checkpoint, group: Group, mixed: Mixed) -> np.ndarray:
    """Share of counted tokens read back, ``[N]``; NaN without a retrieval head."""
    shares = np.full(checkpoint.config.num_instances, np.nan)
    if checkpoint.model.retrieval_head is None:
        return shares
    scores = retrieval_scores(checkpoint.model, mixed.hidden, mixed.prepared)
    right = (scores.read == mixed.prepared.ids)[0, :, mixed.prepared.prefix :].cpu().numpy()
    for slot, row in enumerate(group.rows):
        own = counted_tokens(checkpoint, row)[: right.shape[-1]]
        if own.any():
            shares[slot] = right[slot, : len(own)][own].mean()
    return shares

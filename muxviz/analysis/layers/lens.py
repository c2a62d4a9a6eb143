"""The trained read-out put on every level's state: at which depth can a slot be read?

The demultiplexer and the retrieval head were trained on the last layer, so what they read earlier
is a lower bound of what is there; a translator (``translators``: an affine map to the last layer,
fitted on other sentences) lifts a part of that limit. Left out: answers of the task head, see
``probes`` for what a map of its own finds at each level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.bootstrap import bootstrap_ratio
from muxviz.analysis.groups.draws import (
    Progress,
    base_group,
    batches,
    origin_of,
    part_of,
    pool_groups,
    until_stopped,
)
from muxviz.analysis.groups.layer_states import layer_pass, level_names, need_texts
from muxviz.analysis.layers.translators import Translators, fit_translators
from muxviz.batch import Group, Row, Seating
from muxviz.errors import NotApplicable
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint
from muxviz.reading import token_names
from muxviz.results.layers import GroupLens, LayerLens, SlotLens
from muxviz.tracing import SCORE_POSITIONS


@dataclass(frozen=True)
class _Read:
    """What is read at P places: token ids, log-probabilities (nats), rank, margin; ``[P]`` each."""

    token: np.ndarray
    log_prob: np.ndarray
    own_log_prob: np.ndarray
    rank: np.ndarray
    margin: np.ndarray


# ---- analyses ----------------------------------------------------------------------------------


def demux_lens(
    checkpoint: Checkpoint,
    texts: Sequence[str],
    *,
    draws: int = 32,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> LayerLens:
    """Read every slot of ``draws`` groups of a pool from the input and every layer's output.

    Args:
        texts: the pool.
        draws: groups; one pass each, and one reading per level.

    Raises:
        NotApplicable: no retrieval head. InputError: fewer than two texts.
    """
    _need_head(checkpoint)
    need_texts(texts)
    groups = pool_groups(checkpoint, texts, draws, seating)
    return _measure(checkpoint, groups, None, seating, progress=progress)


def translated_lens(
    checkpoint: Checkpoint,
    fit: Sequence[str],
    test: Sequence[str],
    *,
    fit_draws: int = 192,
    draws: int = 32,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> LayerLens:
    """The same, each level first carried to the last layer by a map fitted on other sentences.

    Args:
        fit, test: sentences to fit on and to read; they should share none.
        fit_draws, draws: groups of each.

    Raises:
        As ``demux_lens``; Stopped: before anything was read.
    """
    _need_head(checkpoint)
    need_texts(test)
    groups = pool_groups(checkpoint, test, draws, seating)
    total = fit_draws + draws
    translators = fit_translators(
        checkpoint,
        fit,
        draws=fit_draws,
        seating=seating,
        progress=part_of(progress, 0, total),
    )
    rest = part_of(progress, fit_draws, total)
    return _measure(checkpoint, groups, translators, seating, progress=rest)


def lens_of_group(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    translators: Translators | None = None,
    seating: Seating = Seating(),
) -> GroupLens:
    """One group, token by token and level by level. One pass.

    Raises:
        NotApplicable: no retrieval head. InputError and its kinds: as ``run_group``.
    """
    _need_head(checkpoint)
    group = base_group(checkpoint, rows, seating)
    (batch,) = batches(checkpoint, [group])
    passed = layer_pass(checkpoint, batch)
    prefix = passed.prepared.prefix
    lengths = [min(len(r.ids), group.length - passed.prepared.cut) for r in group.rows]
    slots = np.repeat(np.arange(len(lengths)), lengths)
    places = np.concatenate([np.arange(length) for length in lengths])
    readings = [
        _read_level(
            checkpoint,
            translators(level, state) if translators else state,
            (np.zeros_like(slots), slots, places + prefix),
            group.ids[slots, places],
        )
        for level, state in enumerate(passed.states)
    ]
    return GroupLens(
        "translated" if translators else "demux",
        level_names(checkpoint),
        tuple(_slot(checkpoint, group, i, slots == i, readings) for i in range(len(lengths))),
        translators.tokens if translators else 0,
        origin_of(checkpoint, [group], seating),
    )


def translated_lens_of_group(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    fit: Sequence[str],
    *,
    fit_draws: int = 192,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> GroupLens:
    """One group, each level first carried to the last layer by a map fitted on other sentences.

    Args:
        fit: sentences to fit on.
        fit_draws: groups of them, a pass each.
        progress: of the fit, which may raise ``Stopped``; nothing is kept then.

    Raises:
        As ``lens_of_group``. InputError: fewer than two sentences to fit on.
    """
    _need_head(checkpoint)
    translators = fit_translators(
        checkpoint, fit, draws=fit_draws, seating=seating, progress=progress
    )
    return lens_of_group(checkpoint, rows, translators=translators, seating=seating)


# ---- reading -----------------------------------------------------------------------------------


def _measure(
    checkpoint: Checkpoint,
    groups: list[Group],
    translators: Translators | None,
    seating: Seating,
    *,
    progress: Progress | None,
) -> LayerLens:
    """Read all groups; sums per group, level and slot."""
    levels, num = level_names(checkpoint), checkpoint.config.num_instances
    found = np.zeros((3, len(groups), len(levels), num))  # right, margin, right by chance
    counts = np.zeros((2, len(groups), num))  # tokens, tokens that have a partner by chance
    done: list[int] = []
    for batch in until_stopped(batches(checkpoint, groups, progress)):
        passed = layer_pass(checkpoint, batch)
        where, own, other = _counted(checkpoint, groups, batch.numbers)
        index = np.asarray(batch.numbers)[where[0]], where[1]
        np.add.at(counts[0], index, 1)
        np.add.at(counts[1], index, other >= 0)
        places = (where[0], where[1], where[2] + passed.prepared.prefix)
        for level, state in enumerate(passed.states):
            state = translators(level, state) if translators else state
            read = _read_level(checkpoint, state, places, own)
            for sums, values in zip(
                found, (read.rank == 0, read.margin, read.token == other), strict=True
            ):
                np.add.at(sums[:, level], index, values)
        done += batch.numbers
    right, margin, chance = found[:, sorted(done)]
    tokens, partners = counts[:, sorted(done)]
    with np.errstate(invalid="ignore"):
        control = chance.sum(axis=0) / partners.sum(axis=0)
    return LayerLens(
        "translated" if translators else "demux",
        levels,
        right.sum(axis=0),
        tokens.sum(axis=0).astype(np.int64),
        bootstrap_ratio(margin, tokens[:, None], seed=seating.seed),
        control,
        checkpoint.config.width,
        translators.groups if translators else 0,
        translators.tokens if translators else 0,
        len(groups),
        origin_of(checkpoint, groups, seating, fill="pool"),
    )


def _counted(
    checkpoint: Checkpoint, groups: Sequence[Group], numbers: Sequence[int]
) -> tuple[tuple[np.ndarray, np.ndarray, np.ndarray], np.ndarray, np.ndarray]:
    """Places (group of the batch, slot, position) that count, the tokens there, and the tokens
    that the same slot has there in the next group (-1 for none).
    """
    rows = []
    for at, number in enumerate(numbers):
        group, partner = groups[number], groups[(number + 1) % len(groups)]
        for slot, row in enumerate(group.rows):
            other = partner.rows[slot]
            counts = counted_tokens(checkpoint, other)
            for t in np.nonzero(counted_tokens(checkpoint, row))[0]:
                has_partner = t < len(other.ids) and counts[t]
                rows.append((at, slot, t, row.ids[t], other.ids[t] if has_partner else -1))
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    return (columns[0], columns[1], columns[2]), columns[3], columns[4]


@torch.inference_mode()
def _read_level(
    checkpoint: Checkpoint,
    state: Tensor,
    places: tuple[np.ndarray, np.ndarray, np.ndarray],
    own: np.ndarray,
) -> _Read:
    """Read ``state [B, T, D]`` at P places (group, slot, position), whose tokens are ``own [P]``.

    Only ``SCORE_POSITIONS`` rows of V logits are held at a time.
    """
    model = checkpoint.model
    assert model.retrieval_head is not None, "checked before"
    parts = []
    for start in range(0, len(own), SCORE_POSITIONS):
        piece = slice(start, start + SCORE_POSITIONS)
        group, slot, place, token = (
            torch.from_numpy(np.ascontiguousarray(x[piece])).to(state.device)
            for x in (*places, own)
        )
        unlocked = model.read_places(state, group, slot, place)
        log_probs = model.retrieval_head(unlocked).float().log_softmax(dim=-1)
        best = log_probs.topk(2, dim=-1)
        true = log_probs.gather(1, token[:, None])
        others = torch.where(best.indices[:, 0] == token, best.values[:, 1], best.values[:, 0])
        parts.append(
            (
                best.indices[:, 0],
                best.values[:, 0],
                true[:, 0],
                (log_probs > true).sum(dim=-1),
                true[:, 0] - others,
            )
        )
    if not parts:
        nothing = np.empty(0)
        return _Read(nothing, nothing, nothing, nothing, nothing)
    return _Read(*(torch.cat(column).cpu().numpy() for column in zip(*parts, strict=True)))


def _slot(
    checkpoint: Checkpoint, group: Group, slot: int, mine: np.ndarray, readings: list[_Read]
) -> SlotLens:
    row, size = group.rows[slot], int(mine.sum())
    return SlotLens(
        slot,
        row.row.text,
        group.repeats[slot] is not None,
        token_names(checkpoint.tokenizer, row.ids[:size]),
        counted_tokens(checkpoint, row)[:size],
        tuple(token_names(checkpoint.tokenizer, r.token[mine].tolist()) for r in readings),
        np.stack([r.own_log_prob[mine] for r in readings]),
        np.stack([r.log_prob[mine] for r in readings]),
        np.stack([r.rank[mine] for r in readings]),
    )


def _need_head(checkpoint: Checkpoint) -> None:
    if checkpoint.model.retrieval_head is None:
        why = "has no retrieval head" if checkpoint.config.is_multiplexed else "is a plain model"
        raise NotApplicable(
            f"not applicable: this checkpoint {why}, so its slots cannot be read back token by "
            "token; the linear probe needs no head"
        )

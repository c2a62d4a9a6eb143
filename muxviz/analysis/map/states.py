"""States of anchor sentences in every slot, among random neighbours: the points of the map.

The design is crossed (docs/quantities.md, "The map of states"): K anchors x M neighbour sets x N
slots, with the same M sets for every anchor and slot, so that the variance of a state splits into
what its sentence, its slot and its neighbours add. Every point is a mixed sequence of its own.
Left out: scores and coordinates, which are ``separation`` and ``projection``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.draws import (
    Batch,
    Progress,
    base_group,
    batches,
    origin_of,
    part_of,
    reseated,
)
from muxviz.analysis.groups.layer_states import layer_pass
from muxviz.analysis.map.state_answers import Reference, has_label, read_answer, references_of
from muxviz.batch import EncodedRow, Group, Row, Seating, encode_rows
from muxviz.engine.guard import need_finite
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.mux_model import MuxModel, PreparedInput
from muxviz.results.map import EMBEDDING, LAYER, MIXTURE, READOUT, StateSample

ANCHORS = 16
NEIGHBOUR_SETS = 5
ROUND = 4  # anchors finished together; what Stop may cost
FEWEST = 2  # anchors that a sample needs
PLAIN = "not applicable: a plain model answers one text a pass, so no sentence has neighbours"


@dataclass(frozen=True)
class Place:
    """One point to be: a group, and the slot of it that is looked at."""

    anchor: int
    slot: int
    neighbour_set: int
    group: Group


@dataclass
class _Found:
    """What the passes gave so far, by number of the place."""

    states: dict[str, dict[int, np.ndarray]] = field(default_factory=dict)
    answers: dict[int, tuple[int, float, float]] = field(default_factory=dict)


def sample_states(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    pool: Sequence[str],
    gold: Sequence[str] = (),
    baseline: Checkpoint | None = None,
    anchors: int = ANCHORS,
    neighbour_sets: int = NEIGHBOUR_SETS,
    seating: Seating = Seating(),
    progress: Progress | None = None,
) -> StateSample:
    """Draw anchors and neighbours from a pool, run every combination, keep every state.

    Costs anchors x neighbour_sets x N mixed sequences, run in chunks; kept are K + 3 vectors of
    each, so that memory does not grow with the length of texts. Stopping keeps the anchors that
    were finished, if there are two.

    Args:
        rows: the user's own group, whose slots become extra points; may be empty.
        pool: sentences; anchors + neighbour_sets x (N - 1) of them are used, fewer repeat between
            sets, never within one.
        gold: a label for every sentence of the pool, where they are those of the checkpoint.
        baseline: the N = 1 checkpoint that answers anchors alone, where there is no gold label.
        anchors, neighbour_sets: K and M.

    Raises:
        InputError: a pool that is too small, fewer than two anchors or no set.
        NotApplicable: a plain model. Stopped: before two anchors were finished.

    Does not show: other lengths and topics than the pool's; single tokens.
    """
    num = checkpoint.config.num_instances
    if not checkpoint.config.is_multiplexed or num < 2:
        raise NotApplicable(PLAIN)
    chosen, sets = draw_design(len(pool), anchors, neighbour_sets, num, seed=seating.seed)
    used = sorted({*chosen, *(i for one in sets for i in one)})
    texts = [Row(pool[i]) for i in used]
    encoded = dict(zip(used, encode_rows(checkpoint, texts, padding=seating.padding), strict=True))
    like = base_group(checkpoint, rows or texts[:1], seating)
    own = _own_places(like, len(chosen)) if rows else []
    crossed = [[encoded[i] for i in one] for one in sets]
    rounds = [
        [p for k in part for p in _places(checkpoint, like, k, encoded[chosen[k]], crossed)]
        for part in _parts(len(chosen))
    ]
    answered = [encoded[i] for i in chosen] + [like.rows[p.slot] for p in own]
    known = [gold[i] for i in chosen] if gold else []
    references, reference = references_of(checkpoint, baseline, answered, known)
    places, found = _run(checkpoint, [own, *rounds], references, progress)
    return StateSample(
        states={
            name: np.stack([of[p] for p in range(len(places))]) for name, of in found.states.items()
        },
        anchor=_numbers(places, "anchor"),
        slot=_numbers(places, "slot"),
        neighbour_set=_numbers(places, "neighbour_set"),
        label=np.array([found.answers[p][0] for p in range(len(places))], dtype=np.int16),
        labels=checkpoint.config.labels if has_label(checkpoint) else (),
        margin=np.array([found.answers[p][1] for p in range(len(places))], dtype=np.float32),
        correct=np.array([found.answers[p][2] for p in range(len(places))], dtype=np.float32),
        reference=reference,
        texts=tuple(row.row.text for row in answered),
        neighbour_texts=tuple(tuple(pool[i] for i in one) for one in sets),
        asked_anchors=anchors,
        pool_size=len(pool),
        groups=len(places) - len(own) + bool(own),
        provenance=origin_of(checkpoint, [p.group for p in places], seating),
    )


# ---- design -------------------------------------------------------------------------------------


def draw_design(
    pool: int, anchors: int, neighbour_sets: int, num: int, *, seed: int = 0
) -> tuple[list[int], list[list[int]]]:
    """Numbers of the K anchors in a pool of that size, and M sets of N - 1 neighbours.

    No anchor is a neighbour. Sets share no sentence while the pool lasts.

    Raises:
        InputError: fewer than two anchors, no set, or a pool that is too small.
    """
    if anchors < FEWEST or neighbour_sets < 1:
        raise InputError(
            f"got {anchors} anchors and {neighbour_sets} neighbour sets; a map needs at least "
            f"{FEWEST} anchors and one set"
        )
    if pool < anchors + num - 1:
        raise InputError(
            f"the pool has {pool} sentences; {anchors} anchors and {num - 1} neighbours need "
            f"{anchors + num - 1}; take fewer anchors or a larger pool"
        )
    generator = np.random.default_rng(seed)
    order = [int(i) for i in generator.permutation(pool)]
    chosen, others = order[:anchors], order[anchors:]
    sets, left = [], list(others)
    for _ in range(neighbour_sets):
        if len(left) < num - 1:
            left = [int(i) for i in generator.permutation(others)]
        sets.append(left[: num - 1])
        left = left[num - 1 :]
    return chosen, sets


def _parts(anchors: int) -> list[range]:
    return [range(k, min(k + ROUND, anchors)) for k in range(0, anchors, ROUND)]


def _places(
    checkpoint: Checkpoint,
    like: Group,
    anchor: int,
    row: EncodedRow,
    sets: Sequence[Sequence[EncodedRow]],
) -> Iterator[Place]:
    """An anchor in every slot, among every set in its order."""
    for number, others in enumerate(sets):
        for slot in range(checkpoint.config.num_instances):
            seated = [*others[:slot], row, *others[slot:]]
            yield Place(anchor, slot, number, reseated(checkpoint, like, seated))


def _own_places(group: Group, first: int) -> list[Place]:
    """The user's sentences; fillers only sit beside them."""
    slots = [i for i, repeats in enumerate(group.repeats) if repeats is None]
    return [Place(first + i, i, -1, group) for i in slots]


def _numbers(places: Sequence[Place], name: str) -> np.ndarray:
    return np.array([getattr(p, name) for p in places], dtype=np.int16)


# ---- passes -------------------------------------------------------------------------------------


def _run(
    checkpoint: Checkpoint,
    rounds: Sequence[Sequence[Place]],
    references: Sequence[Reference],
    progress: Progress | None,
) -> tuple[list[Place], _Found]:
    """Round by round; the user's own places, which come first, are put last."""
    total, found, done = sum(map(len, rounds)), _Found(), 0
    finished: list[Place] = []
    try:
        for places in rounds:
            _run_round(checkpoint, places, references, found, done, total, progress)
            done += len(places)
            finished += places
    except Stopped:
        if len({p.anchor for p in finished if p.neighbour_set >= 0}) < FEWEST:
            raise
    order = sorted(range(len(finished)), key=lambda p: finished[p].neighbour_set < 0)
    moved = _Found(
        {n: {new: of[old] for new, old in enumerate(order)} for n, of in found.states.items()},
        {new: found.answers[old] for new, old in enumerate(order)},
    )
    return [finished[p] for p in order], moved


def _run_round(
    checkpoint: Checkpoint,
    places: Sequence[Place],
    references: Sequence[Reference],
    found: _Found,
    done: int,
    total: int,
    progress: Progress | None,
) -> None:
    groups = [place.group for place in places]
    for batch in batches(checkpoint, groups, part_of(progress, done, total)):
        slots = [places[n].slot for n in batch.numbers]
        states, logits = states_of(checkpoint, batch, slots)
        for name, values in states.items():
            need_finite(checkpoint, values, what="states")
            rows = values.to("cpu", torch.float32).numpy()
            kept = found.states.setdefault(name, {})
            kept.update({done + n: row for n, row in zip(batch.numbers, rows, strict=True)})
        for b, n in enumerate(batch.numbers):
            own = None if logits is None else logits[b].to("cpu", torch.float64).numpy()
            place = places[n]
            row = place.group.rows[place.slot]
            reference = references[place.anchor]
            found.answers[done + n] = read_answer(checkpoint, own, row, reference)


@torch.inference_mode()
def states_of(
    checkpoint: Checkpoint, batch: Batch, slots: Sequence[int]
) -> tuple[dict[str, Tensor], Tensor | None]:
    """Every state of one slot of each group, ``[B, D]``, and that slot's logits.

    What is not demultiplexed yet is averaged over the slot's own tokens, special ones included.
    The read-out is the sentence's state as its head reads it; for tasks on tokens, and where the
    retrieval head answers, its mean over the own tokens. logits: ``[B, C]`` or ``[B, L', C]``;
    None without a task head.
    """
    passed = layer_pass(checkpoint, batch)
    prepared, hidden = passed.prepared, passed.states
    entered = hidden[0]
    groups = torch.arange(len(slots), device=entered.device)
    seats = torch.tensor(slots, device=entered.device)
    own = batch.mask[groups, seats, : entered.shape[1] - prepared.prefix].to(entered.dtype)
    tokens = slice(prepared.prefix, None)

    def pooled(values: Tensor) -> Tensor:
        weights = own / own.sum(dim=1, keepdim=True).clamp(min=1)
        return (values * weights[..., None]).sum(dim=1)

    states = {
        EMBEDDING: pooled(passed.embeddings[groups, seats, tokens]),
        MIXTURE: pooled(passed.mixture[:, tokens]),
        **{f"{LAYER}{k}": pooled(h[:, tokens]) for k, h in enumerate(hidden) if k},
    }
    readout, logits = _read(checkpoint.model, hidden[-1], prepared)
    readout = readout[groups, seats]
    states[READOUT] = readout if readout.dim() == 2 else pooled(readout)
    return states, None if logits is None else logits[groups, seats]


def _read(model: MuxModel, hidden: Tensor, prepared: PreparedInput) -> tuple[Tensor, Tensor | None]:
    """Read-outs ``[B, N, D]`` or ``[B, N, L', D]``, and the task's logits.

    A model whose retrieval head answers is not asked for logits: they have a column per word.
    """
    if model.head is None:
        return model.read_tokens(hidden, slice(prepared.prefix, None)), None
    output = model.answer(hidden, prepared)
    return output.readout, output.logits

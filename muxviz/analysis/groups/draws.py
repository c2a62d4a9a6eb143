"""Counterfactual groups: made by exchanging rows, run in chunks, read as distributions.

A draw is a whole group of its own, padded by the group's rule, so its answer is what the model
would have given to those texts; draws of one length share a forward. Work is cut into chunks of
about ``CHUNK_S`` seconds, and ``progress`` is called between them: raising from it stops the work.
Left out: analyses themselves, and anything that differentiates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from muxviz.batch import EncodedRow, Group, Row, Seating, encode_rows, make_group
from muxviz.engine.guard import memory_guard, need_finite
from muxviz.errors import GroupError, InputError, NotApplicable, Stopped
from muxviz.inference import counted_tokens, provenance
from muxviz.loading.checkpoint import Checkpoint
from muxviz.model.meaning import meaning
from muxviz.results.group import Provenance

CHUNK_S = 0.4  # seconds a chunk should take
FIRST = 8  # groups in the first chunk
LARGEST = 256  # groups in any chunk
TOKENS = 16_384  # instance tokens (N x L) in any chunk, so that memory stays bounded
Progress = Callable[[int, int], None]  # (groups done, groups in all)
T = TypeVar("T")
INSTEAD = {  # tasks without one class of several, and what they answer with
    "regression": "a number, not with classes",
    "multi_label_classification": "any number of labels, not with one class of several",
    "masked_lm": "words, not with classes",
    "retrieval": "words, not with classes",
}


@dataclass(frozen=True)
class Batch:
    """Some of the groups, stacked: their numbers, and tensors ``[B, N, L]`` on the device."""

    numbers: list[int]
    ids: Tensor
    mask: Tensor
    types: Tensor
    hide_padding: bool


@dataclass(frozen=True)
class Distributions:
    """Answers of G groups as probabilities.

    p: ``[G, N, U, C]``; U is 1 for a class of the whole text, else one per token. counted:
    ``[G, N, U]`` bool, False on padding and special tokens.
    """

    p: np.ndarray
    counted: np.ndarray


# ---- groups ------------------------------------------------------------------------------------


def base_group(checkpoint: Checkpoint, rows: Sequence[Row], seating: Seating = Seating()) -> Group:
    """The group that ``run_group`` would run.

    Raises:
        InputError and its kinds. NotApplicable: no tokenizer.
    """
    encoded = encode_rows(checkpoint, rows, padding=seating.padding)
    return make_group(checkpoint.config, encoded, seating)


def reseated(checkpoint: Checkpoint, like: Group, rows: Sequence[EncodedRow]) -> Group:
    """N other rows in the slots of a group, padded by that group's rule.

    Raises:
        GroupError: not N rows.
    """
    num = checkpoint.config.num_instances
    if len(rows) != num:
        raise GroupError(f"got {len(rows)} rows for {num} slots; give one for each")
    return make_group(checkpoint.config, rows, Seating(like.padding))


def with_row(checkpoint: Checkpoint, group: Group, slot: int, row: EncodedRow) -> Group:
    """The group with another row in one slot."""
    rows = list(group.rows)
    rows[slot] = row
    return reseated(checkpoint, group, rows)


def draw_rows(
    checkpoint: Checkpoint, texts: Sequence[str], count: int, seating: Seating = Seating()
) -> list[EncodedRow]:
    """``count`` rows drawn from a pool of texts: without replacement while the pool lasts."""
    generator = np.random.default_rng(seating.seed)
    order: list[int] = []
    while len(order) < count:
        order += [int(i) for i in generator.permutation(len(texts))]
    return encode_rows(checkpoint, [Row(texts[i]) for i in order[:count]], padding=seating.padding)


def pool_groups(
    checkpoint: Checkpoint, pool: Sequence[str] | None, draws: int, seating: Seating = Seating()
) -> list[Group]:
    """``draws`` groups of N pool sentences, in random seats, without fillers.

    Raises:
        InputError: no pool, or no draw. NotApplicable: no tokenizer.
    """
    need_draws(draws, pool)
    num = checkpoint.config.num_instances
    rows = draw_rows(checkpoint, pool or (), draws * num, seating)
    starts = range(0, len(rows), num)
    return [make_group(checkpoint.config, rows[at : at + num], seating) for at in starts]


def need_draws(
    draws: int, pool: Sequence[str] | None, *, fewest: int = 1, kind: str = "sentences"
) -> None:
    """See that there is something to draw, often enough; ``kind`` is what the pool should hold.

    Raises:
        InputError: there is not.
    """
    if draws < fewest or not pool:
        raise InputError(
            f"got {draws} draws from {len(pool or ())} pool sentences; give a pool of {kind} "
            f"(muxviz.pool.texts()) and at least {fewest} draw{'s' if fewest > 1 else ''}"
        )


def origin_of(
    checkpoint: Checkpoint, groups: Sequence[Group], seating: Seating, *, fill: str = ""
) -> Provenance:
    """How a result of these groups, obtained now, came about; the longest stands for all."""
    return provenance(
        checkpoint,
        padding=groups[0].padding,
        length=max(group.length for group in groups),
        seed=seating.seed,
        fill=fill or seating.fill,
    )


# ---- passes ------------------------------------------------------------------------------------


def batches(
    checkpoint: Checkpoint, groups: Sequence[Group], progress: Progress | None = None
) -> Iterator[Batch]:
    """Stacked groups of one length and padding, as many at a time as ``CHUNK_S`` allows.

    The consumer's work on a batch is what is timed. Results must not depend on how groups are
    stacked; for the forward pass that holds up to float rounding, which a test bounds.
    """
    kinds: dict[tuple[int, bool], list[int]] = {}
    for number, group in enumerate(groups):
        kinds.setdefault((group.length, group.hides_padding), []).append(number)
    size, done = FIRST, 0
    for (length, hides), numbers in kinds.items():
        most = max(1, min(LARGEST, TOKENS // (length * checkpoint.config.num_instances)))
        while numbers:
            piece, numbers = numbers[: min(size, most)], numbers[min(size, most) :]
            started = time.perf_counter()
            with memory_guard(checkpoint):
                yield Batch(piece, *_tensors(checkpoint, [groups[n] for n in piece]), hides)
            took = max(time.perf_counter() - started, 1e-4)
            size = int(np.clip(len(piece) * CHUNK_S / took, 1, 2 * size))
            done += len(piece)
            if progress is not None:
                progress(done, len(groups))


def _tensors(checkpoint: Checkpoint, groups: Sequence[Group]) -> tuple[Tensor, Tensor, Tensor]:
    ids, mask, types = (
        torch.from_numpy(np.stack([getattr(g, name) for g in groups])).to(checkpoint.device)
        for name in ("ids", "mask", "types")
    )
    return ids, mask, types


def logits_of(
    checkpoint: Checkpoint, groups: Sequence[Group], progress: Progress | None = None
) -> list[np.ndarray]:
    """Logits of every group in order, ``[N, ...]`` float64 each."""
    out: list[np.ndarray] = [np.empty(0)] * len(groups)
    for number, values in each_logits(checkpoint, groups, progress):
        out[number] = values
    return out


def logits_until_stopped(
    checkpoint: Checkpoint, groups: Sequence[Group], progress: Progress | None
) -> list[np.ndarray | None]:
    """The same; None for groups that were not reached when ``progress`` raised ``Stopped``.

    Raises:
        Stopped: before the first one.
    """
    found = dict(until_stopped(each_logits(checkpoint, groups, progress)))
    return [found.get(number) for number in range(len(groups))]


def until_stopped(each: Iterable[T], *, fewest: int = 1) -> Iterator[T]:
    """What comes until ``each`` raises ``Stopped``: a result of these is a partial one.

    Raises:
        Stopped: fewer than ``fewest`` came.
    """
    done = 0
    try:
        for found in each:
            yield found
            done += 1
    except Stopped:
        if done < fewest:
            raise


def each_logits(
    checkpoint: Checkpoint, groups: Sequence[Group], progress: Progress | None = None
) -> Iterator[tuple[int, np.ndarray]]:
    """Number and logits ``[N, ...]`` float64 of every group, as they come."""
    for batch in batches(checkpoint, groups, progress):
        logits = batch_logits(checkpoint, batch).to("cpu", torch.float64).numpy()
        yield from zip(batch.numbers, logits, strict=True)


@torch.inference_mode()
def batch_logits(checkpoint: Checkpoint, batch: Batch) -> Tensor:
    """Logits ``[B, N, ...]`` of a batch, as the model gives them.

    Raises:
        NotFinite: they are not numbers.
    """
    logits: Tensor = checkpoint.model(
        batch.ids, batch.mask, batch.types, hide_padding=batch.hide_padding
    ).logits
    need_finite(checkpoint, logits)
    return logits


def part_of(progress: Progress | None, before: int, total: int) -> Progress | None:
    """Progress of one of several stages: ``before`` was done when it began, of ``total``."""
    if progress is None:
        return None
    told = progress
    return lambda done, _: told(before + done, total)


def share_of(progress: Progress | None, part: int, parts: int) -> Progress | None:
    """Progress of one of several equal parts (from 0) as that of all of them."""
    if progress is None:
        return None
    told = progress
    return lambda done, total: told(part * total + done, parts * total)


# ---- readings ----------------------------------------------------------------------------------


def distributions(
    checkpoint: Checkpoint, groups: Sequence[Group], logits: Sequence[np.ndarray]
) -> Distributions:
    """Probabilities of G answers; tokens are padded to the longest group.

    Raises:
        NotApplicable: no distribution over classes.
    """
    task = checkpoint.config.task
    need_rivals(checkpoint)
    if task == "sequence_classification":
        p = np.stack([softmax(values) for values in logits])[:, :, None]
        return Distributions(p, np.ones(p.shape[:3], dtype=bool))
    if task == "replaced_token_detection":
        logits = [np.stack([np.zeros_like(x), x], axis=-1) for x in logits]
    num, longest = checkpoint.config.num_instances, max(x.shape[1] for x in logits)
    p = np.zeros((len(groups), num, longest, logits[0].shape[-1]))
    counted = np.zeros(p.shape[:3], dtype=bool)
    for g, (group, values) in enumerate(zip(groups, logits, strict=True)):
        p[g, :, : values.shape[1]] = softmax(values)
        for slot, row in enumerate(group.rows):
            own = counted_tokens(checkpoint, row)[: values.shape[1]]
            counted[g, slot, : len(own)] = own
    return Distributions(p, counted)


def need_rivals(checkpoint: Checkpoint) -> None:
    """See that an answer is one class of several.

    Raises:
        NotApplicable: it is a number, or any number of labels.
    """
    if not meaning(checkpoint.config).has_rivals:
        raise NotApplicable(
            f"not applicable: this checkpoint answers with {INSTEAD[checkpoint.config.task]}"
        )


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def jensen_shannon(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Jensen-Shannon divergence over the last axis, in nats: 0 to ln 2."""
    middle = (p + q) / 2

    def relative(a: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(a > 0, a * (np.log(a) - np.log(middle)), 0.0)
        return terms.sum(axis=-1)

    return np.clip((relative(p) + relative(q)) / 2, 0.0, np.log(2))


def total_variation(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Probability that has moved from one class to others, over the last axis: 0 to 1."""
    moved: np.ndarray = np.abs(p - q).sum(axis=-1) / 2
    return moved


def margins(logits: np.ndarray, target: np.ndarray | int) -> np.ndarray:
    """Logit of the target class less the best other: ``[..., C] -> [...]``, positive where it wins.

    target: a class per entry of ``[...]``, or one for all.
    """
    wanted = np.broadcast_to(np.asarray(target), logits.shape[:-1])[..., None]
    own = np.take_along_axis(logits, wanted, axis=-1)[..., 0]
    others = logits.copy()
    np.put_along_axis(others, wanted, -np.inf, axis=-1)
    return own - others.max(axis=-1)

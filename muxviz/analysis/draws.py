"""Counterfactual groups: made by exchanging rows, run in chunks, read as distributions.

A draw is a whole group of its own, padded by the group's rule, so its answer is what the model
would have given to those texts; draws of one length share a forward. Work is cut into chunks of
about ``CHUNK_S`` seconds, and ``progress`` is called between them: raising from it stops the work.
Left out: analyses themselves, and anything that differentiates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from muxviz.batch import EncodedRow, Group, Row, encode_rows, make_group
from muxviz.errors import GroupError, NotApplicable
from muxviz.inference import counted_tokens, memory_guard
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.estimates import Estimates

CHUNK_S = 0.4  # seconds a chunk should take
FIRST = 8  # groups in the first chunk
LARGEST = 256  # groups in any chunk
TOKENS = 16_384  # instance tokens (N x L) in any chunk, so that memory stays bounded
RESAMPLES = 1000
Progress = Callable[[int, int], None]  # (groups done, groups in all)


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


def base_group(
    checkpoint: Checkpoint,
    rows: Sequence[Row],
    *,
    padding: str | None = None,
    fill: str = "repeat",
    seed: int = 0,
) -> Group:
    """The group that ``run_group`` would run.

    Raises:
        InputError and its kinds. NotApplicable: no tokenizer.
    """
    encoded = encode_rows(checkpoint, rows, padding=padding)
    return make_group(checkpoint.config, encoded, padding=padding, fill=fill, seed=seed)


def reseated(checkpoint: Checkpoint, like: Group, rows: Sequence[EncodedRow]) -> Group:
    """N other rows in the slots of a group, padded by that group's rule.

    Raises:
        GroupError: not N rows.
    """
    num = checkpoint.config.num_instances
    if len(rows) != num:
        raise GroupError(f"got {len(rows)} rows for {num} slots; give one for each")
    return make_group(checkpoint.config, rows, padding=like.padding)


def with_row(checkpoint: Checkpoint, group: Group, slot: int, row: EncodedRow) -> Group:
    """The group with another row in one slot."""
    rows = list(group.rows)
    rows[slot] = row
    return reseated(checkpoint, group, rows)


def draw_rows(
    checkpoint: Checkpoint,
    texts: Sequence[str],
    count: int,
    *,
    padding: str | None = None,
    seed: int = 0,
) -> list[EncodedRow]:
    """``count`` rows drawn from a pool of texts: without replacement while the pool lasts."""
    generator = np.random.default_rng(seed)
    order: list[int] = []
    while len(order) < count:
        order += [int(i) for i in generator.permutation(len(texts))]
    return encode_rows(checkpoint, [Row(texts[i]) for i in order[:count]], padding=padding)


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


@torch.inference_mode()
def logits_of(
    checkpoint: Checkpoint, groups: Sequence[Group], progress: Progress | None = None
) -> list[np.ndarray]:
    """Logits of every group in order, ``[N, ...]`` float64 each."""
    out: list[np.ndarray] = [np.empty(0)] * len(groups)
    for batch in batches(checkpoint, groups, progress):
        logits = checkpoint.model(
            batch.ids, batch.mask, batch.types, hide_padding=batch.hide_padding
        ).logits
        for number, values in zip(batch.numbers, logits.to("cpu", torch.float64), strict=True):
            out[number] = values.numpy()
    return out


# ---- readings ----------------------------------------------------------------------------------


def distributions(
    checkpoint: Checkpoint, groups: Sequence[Group], logits: Sequence[np.ndarray]
) -> Distributions:
    """Probabilities of G answers; tokens are padded to the longest group.

    Raises:
        NotApplicable: a regression has no distribution.
    """
    task = checkpoint.config.task
    if task == "regression":
        raise NotApplicable("not applicable: a regression answers with a number, not with classes")
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


def margins(logits: np.ndarray, target: np.ndarray | int) -> np.ndarray:
    """Logit of the target class less the best other: ``[..., C] -> [...]``, positive where it wins.

    target: a class per entry of ``[...]``, or one for all.
    """
    wanted = np.broadcast_to(np.asarray(target), logits.shape[:-1])[..., None]
    own = np.take_along_axis(logits, wanted, axis=-1)[..., 0]
    others = logits.copy()
    np.put_along_axis(others, wanted, -np.inf, axis=-1)
    return own - others.max(axis=-1)


def bootstrap_mean(values: np.ndarray, *, seed: int = 0) -> Estimates:
    """Mean over the first axis (draws) with a percentile-bootstrap 95 % interval (Efron 1979)."""
    draws = len(values)
    mean = values.mean(axis=0) if draws else np.full(values.shape[1:], np.nan)
    if draws < 2:
        nothing = np.full(values.shape[1:], np.nan)
        return Estimates(mean, nothing, nothing, draws, seed)
    weights = np.random.default_rng(seed).multinomial(
        draws, np.full(draws, 1 / draws), size=RESAMPLES
    )
    means = weights @ values.reshape(draws, -1) / draws
    low, high = np.quantile(means, (0.025, 0.975), axis=0).reshape(2, *values.shape[1:])
    return Estimates(mean, low, high, draws, seed)


__all__ = [
    "Batch",
    "Distributions",
    "Progress",
    "base_group",
    "batches",
    "bootstrap_mean",
    "distributions",
    "draw_rows",
    "jensen_shannon",
    "logits_of",
    "margins",
    "reseated",
    "softmax",
    "with_row",
]

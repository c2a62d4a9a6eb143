"""Measure a checkpoint on a data set: several random groupings, every row once in each.

Which texts share a pass changes the answers, so one number without a spread would mislead.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from muxviz.batch import EncodedRow, Group, Row, encode_rows, make_group, stack_groups
from muxviz.errors import DataError, NotApplicable
from muxviz.inference import counted_tokens, provenance, trace_groups
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results import Evaluation, Proportion, Spread
from muxviz.training.data import LabelledRows, read_labelled, read_sentences

TEXT_SENTENCES = 1000  # sampled from an unlabelled text
TEXT_SEED = 20230224  # of that sample; the same for every checkpoint


def read_data(path: Path, checkpoint: Checkpoint) -> LabelledRows:
    """Rows to evaluate on: a labelled table, the card's dev set inside a folder, or plain text.

    Plain text (.txt, .txt.xz) gives unlabelled sentences: only read-back is measured on them.

    Raises:
        DataError: nothing there, or a folder and no card that names a file in it.
    """
    if path.is_dir():
        named = checkpoint.card.get("recipe", {}).get("task_dev")
        if not named:
            raise DataError(
                f"{path} is a folder and the card of {checkpoint.name} names no dev set in it; "
                "give the file itself"
            )
        path = path / named
    if path.suffix == ".txt" or path.name.endswith(".txt.xz"):
        sentences = tuple(read_sentences([path], limit=TEXT_SENTENCES, seed=TEXT_SEED))
        if not sentences:
            raise DataError(f"{path}: no sentence of 4 to 40 words in it")
        return LabelledRows(sentences, (None,) * len(sentences), np.full(len(sentences), -100))
    rows = read_labelled(path)
    high = int(rows.labels.max())
    if high >= checkpoint.config.num_labels:
        raise DataError(
            f"{path}: label {high}, but {checkpoint.name} knows labels 0 to "
            f"{checkpoint.config.num_labels - 1}; evaluate it on its own task"
        )
    return rows


@dataclass
class _Counts:
    """Running counts per slot ``[N]``, and hits per grouping."""

    hits: list[int]
    slot_hits: np.ndarray
    slot_rows: np.ndarray
    read: np.ndarray
    tokens: np.ndarray


def evaluate(
    checkpoint: Checkpoint,
    data: LabelledRows,
    *,
    name: str,
    groupings: int = 5,
    seed: int = 0,
    padding: str | None = None,
    batch: int = 32,
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Accuracy and read-back over ``groupings`` random groupings of all rows.

    Args:
        checkpoint: not modified.
        data: labels below 0 count as unlabelled.
        name: what to call the data in the result.
        groupings: how many; grouping g uses seed ``seed + g``.
        padding: None for the checkpoint's default.
        batch: groups per forward.
        progress: called with groups done and groups in all.

    Raises:
        NotApplicable: the checkpoint's task is not sentence classification, or unlabelled text and
            no retrieval head.
    """
    config = checkpoint.config
    has_labels = bool((data.labels >= 0).all())
    if has_labels and config.task != "sequence_classification":
        raise NotApplicable(
            f"not applicable: {checkpoint.name} is for {config.task.replace('_', ' ')}; accuracy "
            "is measured for sentence classification"
        )
    if not has_labels and checkpoint.model.retrieval_head is None:
        raise NotApplicable(
            f"not applicable: {name} has no labels and {checkpoint.name} no retrieval head, so "
            "there is nothing to measure"
        )
    started = time.perf_counter()
    rows = [Row(t, p) for t, p in zip(data.texts, data.pairs, strict=True)]
    encoded = encode_rows(checkpoint, rows, padding=padding)
    num, total = config.num_instances, -(-len(rows) // config.num_instances)
    zeros = [np.zeros(num, dtype=np.int64) for _ in range(4)]
    counts = _Counts([], *zeros)
    longest = 0
    for grouping in range(groupings):
        order = np.random.default_rng(seed + grouping).permutation(len(rows))
        groups = _groups(checkpoint, encoded, order, padding, seed + grouping)
        longest = max(longest, *(g.length for g in groups))
        counts.hits.append(0)
        done = 0
        for numbers, _ in stack_groups(groups, at_most=batch):
            _count(checkpoint, [groups[n] for n in numbers], numbers, order, data.labels, counts)
            done += len(numbers)
            if progress is not None:
                progress(grouping * total + done, groupings * total)
    retrieval: tuple[Proportion, ...] = ()
    if checkpoint.model.retrieval_head is not None:
        retrieval = _proportions(counts.read, counts.tokens)
    return Evaluation(
        data=name,
        rows=len(rows),
        groupings=groupings,
        seeds=tuple(range(seed, seed + groupings)),
        accuracy=Spread(np.asarray(counts.hits) / len(rows)) if has_labels else None,
        slot_accuracy=_proportions(counts.slot_hits, counts.slot_rows) if has_labels else (),
        retrieval=retrieval,
        forward_passes=total,
        elapsed_s=time.perf_counter() - started,
        provenance=provenance(
            checkpoint, padding=padding or config.default_padding, length=longest, seed=seed
        ),
    )


def _groups(
    checkpoint: Checkpoint,
    encoded: Sequence[EncodedRow],
    order: np.ndarray,
    padding: str | None,
    seed: int,
) -> list[Group]:
    num = checkpoint.config.num_instances
    return [
        make_group(
            checkpoint.config,
            [encoded[i] for i in order[start : start + num]],
            padding=padding,
            seed=seed,
        )
        for start in range(0, len(order), num)
    ]


def _count(
    checkpoint: Checkpoint,
    groups: Sequence[Group],
    numbers: Sequence[int],
    order: np.ndarray,
    labels: np.ndarray,
    counts: _Counts,
) -> None:
    """Run groups of one length and add what they got right."""
    traced = trace_groups(checkpoint, groups)
    num = checkpoint.config.num_instances
    guesses = traced.logits.argmax(dim=-1).cpu().numpy() if labels.min() >= 0 else None
    scores = traced.retrieval_scores
    right = None if scores is None else (scores.rank[:, :, traced.prefix :] == 0).cpu().numpy()
    for at, group in enumerate(groups):
        for slot in range(num):
            if group.repeats[slot] is not None:
                continue
            row = order[numbers[at] * num + slot]
            if guesses is not None:
                hit = int(guesses[at, slot] == labels[row])
                counts.hits[-1] += hit
                counts.slot_hits[slot] += hit
                counts.slot_rows[slot] += 1
            if right is not None:
                counted = counted_tokens(checkpoint, group.rows[slot])[: right.shape[2]]
                counts.read[slot] += int((right[at, slot, : len(counted)] & counted).sum())
                counts.tokens[slot] += int(counted.sum())


def _proportions(successes: np.ndarray, trials: np.ndarray) -> tuple[Proportion, ...]:
    return tuple(Proportion(int(s), int(t)) for s, t in zip(successes, trials, strict=True))

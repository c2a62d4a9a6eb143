"""The task's answers of many groups, sentence by sentence, and which of them can be compared.

A unit is a sentence, or for token tasks a counted token. Read next: ``agreement``, ``confusion``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from muxviz.analysis.groups.draws import INSTEAD, Progress, batch_logits, batches, distributions
from muxviz.batch import EncodedRow, Group
from muxviz.errors import InputError, NotApplicable
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint

SENTENCES = "sequence_classification"
TASKS = (SENTENCES, "token_classification", "replaced_token_detection")


@dataclass(frozen=True)
class Answered:
    """One sentence's answer: its slot, and probabilities ``p [units, C]`` for tokens ``ids``."""

    slot: int
    row: EncodedRow
    ids: tuple[int, ...]
    p: np.ndarray


# ---- passes ------------------------------------------------------------------------------------


def answers_of(
    checkpoint: Checkpoint, groups: Sequence[Group], progress: Progress | None = None
) -> Iterator[tuple[int, list[Answered]]]:
    """Every group's answers by slot, fillers included, as they come."""
    need_classes(checkpoint)
    for batch in batches(checkpoint, groups, progress):
        some = [groups[n] for n in batch.numbers]
        logits = batch_logits(checkpoint, batch).to("cpu", torch.float64).numpy()
        found = distributions(checkpoint, some, list(logits))
        for at, number in enumerate(batch.numbers):
            yield (
                number,
                [
                    Answered(i, row, _ids(checkpoint, row), found.p[at, i][found.counted[at, i]])
                    for i, row in enumerate(some[at].rows)
                ],
            )


def _ids(checkpoint: Checkpoint, row: EncodedRow) -> tuple[int, ...]:
    """The tokens that a token task's units are; none for sentences."""
    if checkpoint.config.task == SENTENCES:
        return ()
    return tuple(int(i) for i in np.asarray(row.ids)[counted_tokens(checkpoint, row)])


# ---- what can be compared -----------------------------------------------------------------------


def need_classes(checkpoint: Checkpoint) -> None:
    """
    Raises:
        NotApplicable: no classes to compare.
    """
    task = checkpoint.config.task
    if task not in TASKS:
        raise NotApplicable(f"not applicable: this checkpoint answers with {INSTEAD[task]}")


def need_same_answers(checkpoint: Checkpoint, other: Checkpoint) -> None:
    """
    Raises:
        NotApplicable: other classes, or none.
    """
    need_classes(checkpoint)
    config = checkpoint.config
    if (config.task, config.labels) != (other.config.task, other.config.labels):
        raise NotApplicable(
            f"not applicable: {checkpoint.name} and {other.name} do not answer the same question "
            "(another task, or other labels)"
        )


def truth_of(
    checkpoint: Checkpoint, pool: Sequence[str], labels: Sequence[str] | None
) -> dict[str, int] | None:
    """Class of every text; None where the labels are not all among the checkpoint's own."""
    if labels is None:
        return None
    if len(labels) != len(pool):
        raise InputError(f"got {len(labels)} labels for {len(pool)} sentences; give one for each")
    names = checkpoint.config.labels
    if checkpoint.config.task != SENTENCES or not set(labels) <= set(names):
        return None
    return {text: names.index(label) for text, label in zip(pool, labels, strict=True)}


def need_truth(
    checkpoint: Checkpoint, pool: Sequence[str], labels: Sequence[str]
) -> dict[str, int]:
    """``truth_of`` where the checkpoint must answer with these labels.

    Raises:
        NotApplicable: it does not.
    """
    truth = truth_of(checkpoint, pool, labels)
    if truth is None:
        raise NotApplicable(
            f"not applicable: the pool is labelled {', '.join(sorted(set(labels)))}; this "
            "checkpoint answers another question"
        )
    return truth


def aligned(one: Answered, other: Answered) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the units that both answered.

    Raises:
        NotApplicable: the text falls into other tokens.
    """
    size = min(len(one.ids), len(other.ids))
    if one.ids[:size] != other.ids[:size]:
        raise NotApplicable(
            "not applicable: the two checkpoints cut the text into different tokens, so their tags "
            "cannot be compared one by one"
        )
    return (one.p[:size], other.p[:size]) if size else (one.p, other.p)

"""A slot's answer as numbers: a margin, a probability and a share of answers kept.

A sentence has one *unit* (its class); where the answer is one per token, every token that counts is
a unit and numbers are means over units. A *target* is a class per unit. ``groups/draws.py``
makes the groups. Left out: regressions and masked words, which have no classes to win.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from muxviz.analysis.groups.draws import INSTEAD, logits_of, margins, softmax
from muxviz.batch import EncodedRow, Group, Row, encode_rows, make_group
from muxviz.errors import NotApplicable
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint

TASKS = ("sequence_classification", "token_classification", "replaced_token_detection")
REPLACED = ("original", "replaced")


@dataclass(frozen=True)
class Outcome:
    """One slot's answer against a target: means over its units; NaN without any.

    margin: logit of the target less the best other. probability: of the target. kept: share of
    units answered with the target.
    """

    margin: float
    probability: float
    kept: float


def need_classes(checkpoint: Checkpoint) -> tuple[str, ...]:
    """The classes a checkpoint answers with.

    Raises:
        NotApplicable: one slot only, or no classes.
    """
    config = checkpoint.config
    if not config.is_multiplexed or config.num_instances < 2:
        raise NotApplicable("not applicable: a plain N = 1 model has no other slot to change")
    if config.task not in TASKS:
        raise NotApplicable(
            f"not applicable: this checkpoint answers with {INSTEAD[config.task]}, so there is no "
            "margin to move"
        )
    return classes_of(checkpoint)


def classes_of(checkpoint: Checkpoint) -> tuple[str, ...]:
    """Names of the classes, in the order of the logits."""
    if checkpoint.config.task == "replaced_token_detection":
        return REPLACED
    return tuple(checkpoint.config.labels)


def is_per_token(checkpoint: Checkpoint) -> bool:
    """Whether a sentence has one answer per token."""
    return not checkpoint.config.answers_texts


def units(checkpoint: Checkpoint, row: EncodedRow, values: np.ndarray) -> np.ndarray:
    """Logits ``[U, C]`` of a row's units from those of its slot (``[C]``, ``[L]``, ``[L, C]``)."""
    if checkpoint.config.task == "sequence_classification":
        return values[None]
    if checkpoint.config.task == "replaced_token_detection":
        values = np.stack([np.zeros_like(values), values], axis=-1)
    own = counted_tokens(checkpoint, row)[: len(values)]
    return values[: len(own)][own]


def answers(checkpoint: Checkpoint, group: Group, logits: np.ndarray) -> list[np.ndarray]:
    """The answered class of every unit of every slot, ``[U]`` each."""
    return [
        units(checkpoint, row, values).argmax(axis=-1)
        for row, values in zip(group.rows, logits, strict=True)
    ]


def outcome(
    checkpoint: Checkpoint, row: EncodedRow, values: np.ndarray, target: np.ndarray
) -> Outcome:
    """One slot's logits against a target ``[U]``."""
    own = units(checkpoint, row, values)
    if not len(own):
        return Outcome(float("nan"), float("nan"), float("nan"))
    chosen = np.take_along_axis(softmax(own), target[:, None], axis=-1)
    return Outcome(
        float(margins(own, target).mean()),
        float(chosen.mean()),
        float((own.argmax(axis=-1) == target).mean()),
    )


def alone_answers(
    checkpoint: Checkpoint, baseline: Checkpoint | None, rows: Sequence[Row]
) -> list[np.ndarray] | None:
    """What the N = 1 baseline answers to each row, as classes ``[U]`` of the checkpoint.

    None without a baseline, or where its classes or tokens are others.
    """
    if baseline is None or baseline.config.task != checkpoint.config.task:
        return None
    ours, theirs = classes_of(checkpoint), classes_of(baseline)
    if set(ours) != set(theirs):
        return None
    place = np.array([ours.index(name) for name in theirs])
    encoded = encode_rows(baseline, rows)
    groups = [make_group(baseline.config, [row]) for row in encoded]
    found = []
    for row, logits in zip(encoded, logits_of(baseline, groups), strict=True):
        found.append(place[units(baseline, row, logits[0]).argmax(axis=-1)])
    here = encode_rows(checkpoint, rows)
    same = all(a.ids == b.ids for a, b in zip(encoded, here, strict=True))
    return found if same or not is_per_token(checkpoint) else None


def label_target(checkpoint: Checkpoint, label: str) -> np.ndarray:
    """A class of the whole text as a target.

    Raises:
        NotApplicable: no such class, or one answer per token.
    """
    names = classes_of(checkpoint)
    if is_per_token(checkpoint) or label not in names:
        raise NotApplicable(
            f"not applicable: {label!r} is no answer to a whole text here; the classes are "
            f"{', '.join(names)}"
        )
    return np.array([names.index(label)])


def in_words(checkpoint: Checkpoint, classes: np.ndarray) -> str:
    """Classes ``[U]`` by name."""
    names = classes_of(checkpoint)
    return " ".join(names[int(c)] for c in classes)


def mean_probabilities(checkpoint: Checkpoint, row: EncodedRow, values: np.ndarray) -> np.ndarray:
    """Class probabilities ``[C]``, mean over the row's units."""
    own = units(checkpoint, row, values)
    if not len(own):
        return np.full(len(classes_of(checkpoint)), np.nan)
    mean: np.ndarray = softmax(own).mean(axis=0)
    return mean

"""What each point of a map answers, and what that is held against.

Left out: which points there are (``states``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from muxviz.analysis.groups.draws import base_group, logits_of, margins
from muxviz.batch import EncodedRow, Group
from muxviz.inference import counted_tokens
from muxviz.loading.checkpoint import Checkpoint

TOKEN_TASKS = ("token_classification", "replaced_token_detection")


@dataclass(frozen=True)
class Reference:
    """What an anchor's answer is held against: a class ``[]``, or one per token ``[L]``."""

    wanted: np.ndarray | None


def has_label(checkpoint: Checkpoint) -> bool:
    """Whether a sentence gets one class."""
    return checkpoint.config.task == "sequence_classification"


def _has_classes(checkpoint: Checkpoint) -> bool:
    return has_label(checkpoint) or checkpoint.config.task in TOKEN_TASKS


def _with_classes(logits: np.ndarray, task: str) -> np.ndarray:
    """Logits ``[..., C]``; "replaced or not" has one logit, against 0."""
    if task != "replaced_token_detection":
        return logits
    return np.stack([np.zeros_like(logits), logits], axis=-1)


def read_answer(
    checkpoint: Checkpoint, logits: np.ndarray | None, row: EncodedRow, reference: Reference
) -> tuple[int, float, float]:
    """Label (-1 without), margin and agreement (NaN without) of one point."""
    nan = float("nan")
    if logits is None or not _has_classes(checkpoint):
        return -1, nan, nan
    values = _with_classes(logits, checkpoint.config.task)
    if not has_label(checkpoint):
        counted = counted_tokens(checkpoint, row)[: len(values)]
        values = values[: len(counted)][counted]
        if not len(values):
            return -1, nan, nan
    said = values.argmax(axis=-1)
    wanted = said if reference.wanted is None else reference.wanted
    margin = float(np.mean(margins(values, wanted)))
    agreement = nan if reference.wanted is None else float(np.mean(said == wanted))
    return int(said) if has_label(checkpoint) else -1, margin, agreement


def references_of(
    checkpoint: Checkpoint,
    baseline: Checkpoint | None,
    rows: Sequence[EncodedRow],
    gold: Sequence[str],
) -> tuple[list[Reference], str]:
    """What to hold each answer against, and where that comes from.

    Gold labels where the checkpoint has these names, else what the baseline answers alone. The
    user's own sentences, which come after the anchors, have no gold label.
    """
    names = {name.lower(): i for i, name in enumerate(checkpoint.config.labels)}
    if has_label(checkpoint) and gold and all(g.lower() in names for g in gold):
        wanted = [Reference(np.array(names[g.lower()])) for g in gold]
        return wanted + [Reference(None)] * (len(rows) - len(gold)), "gold"
    if baseline is None or not _can_compare(checkpoint, baseline):
        return [Reference(None)] * len(rows), ""
    alone = [base_group(baseline, [row.row]) for row in rows]
    logits = logits_of(baseline, alone)
    return [
        _alone(checkpoint, baseline, row, group, values[0])
        for row, group, values in zip(rows, alone, logits, strict=True)
    ], "alone"


def _can_compare(checkpoint: Checkpoint, baseline: Checkpoint) -> bool:
    ours, theirs = checkpoint.config, baseline.config
    return _has_classes(checkpoint) and (ours.task, ours.labels) == (theirs.task, theirs.labels)


def _alone(
    checkpoint: Checkpoint,
    baseline: Checkpoint,
    row: EncodedRow,
    group: Group,
    logits: np.ndarray,
) -> Reference:
    """The baseline's class, or one per counted token where both have the same tokens."""
    values = _with_classes(logits, checkpoint.config.task)
    if has_label(checkpoint):
        return Reference(values.argmax(axis=-1))
    theirs = group.rows[0]
    counted = counted_tokens(baseline, theirs)[: len(values)]
    if len(theirs.ids) != len(row.ids):
        return Reference(None)
    return Reference(values[: len(counted)][counted].argmax(axis=-1))

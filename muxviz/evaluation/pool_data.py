"""Labelled rows to measure on: the bundled pool, or a checkpoint's dev set in a data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from muxviz.errors import NotApplicable
from muxviz.evaluation.sources import check_task, data_name, find_data, has_labels, read_data
from muxviz.loading.checkpoint import Checkpoint
from muxviz.pool import pool_name, read_pool
from muxviz.training.tasks import LabelledRows


def rows_to_measure(
    checkpoints: Sequence[Checkpoint], *, folder: str = "", limit: int = 0, seed: int = 0
) -> tuple[LabelledRows, str]:
    """Labelled rows that all checkpoints can answer, and what to call them.

    Args:
        checkpoints: of one task with the same labels.
        folder: of data sets, or a file; "" for the labelled sentences of the pool.
        limit: at most so many, drawn at random; 0 for all.
        seed: of that draw.

    Raises:
        NotApplicable: the checkpoints answer unlike questions, or not the question of the rows.
        DataError: nothing there, or rows without labels.
    """
    first, *others = checkpoints
    for other in others:
        if (other.config.task, other.config.labels) != (first.config.task, first.config.labels):
            raise NotApplicable(
                f"not applicable: {other.name} answers another question than {first.name}; "
                "choose checkpoints with the same labels"
            )
    if folder:
        source = find_data(Path(folder), first)
        data, name = read_data(source, first), data_name(source)
    else:
        data, name = pool_rows(first), pool_name()
    check_task(first, data, name)
    if not has_labels(data):
        raise NotApplicable(f"not applicable: {name} has no labels to compare answers with")
    return (sample_rows(data, limit, seed=seed) if limit else data), name


def pool_rows(checkpoint: Checkpoint) -> LabelledRows:
    """The labelled sentences of the pool's ``pool`` split, numbered in the checkpoint's order.

    Raises:
        NotApplicable: labels that the checkpoint does not know, or none.
    """
    found = [s for s in read_pool() if s.split == "pool" and s.label]
    names = tuple(checkpoint.config.labels)
    strange = sorted({s.label for s in found} - set(names))
    if not found or strange:
        says = f"says {strange[0]}" if strange else "has no labels"
        raise NotApplicable(
            f"not applicable: {pool_name()} {says}, {checkpoint.name} answers "
            f"{', '.join(names) or 'without names'}; set MUXVIZ_DATA to the folder of its data"
        )
    numbers = np.asarray([names.index(s.label) for s in found], dtype=np.int64)
    texts = tuple(s.text for s in found)
    return LabelledRows(texts, (None,) * len(texts), numbers, names=names)


def sample_rows(data: LabelledRows, limit: int, *, seed: int = 0) -> LabelledRows:
    """At most ``limit`` rows, drawn without replacement, in their order."""
    if limit >= len(data.texts):
        return data
    picked = np.random.default_rng(seed).choice(len(data.texts), limit, replace=False)
    kept = [int(i) for i in np.sort(picked)]
    return replace(
        data,
        texts=tuple(data.texts[i] for i in kept),
        pairs=tuple(data.pairs[i] for i in kept),
        labels=data.labels[kept],
        words=tuple(data.words[i] for i in kept) if data.words else (),
        word_labels=tuple(data.word_labels[i] for i in kept) if data.words else (),
    )

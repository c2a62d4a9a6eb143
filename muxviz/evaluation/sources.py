"""Data to evaluate on, read for one checkpoint: its labels are the checkpoint's labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from muxviz.config import SENTENCE_TASKS
from muxviz.errors import DataError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.training.corpus import sample_sentences
from muxviz.training.files import Source, is_hub, kind_of, locate
from muxviz.training.rows import UNLABELLED
from muxviz.training.tasks import LabelledRows, read_task

TEXT_SENTENCES = 1000  # sampled from an unlabelled text
TEXT_SEED = 20230224  # of that sample; the same for every checkpoint
TASKS_WITH_LABELS = (*SENTENCE_TASKS, "token_classification")


def find_data(source: Source, checkpoint: Checkpoint) -> Source:
    """The file meant by ``source``: itself, or the card's dev set where it is a folder.

    Raises:
        DataError: a folder, and no card that names a file in it.
    """
    if is_hub(source) or not Path(source).is_dir():
        return source
    named = checkpoint.card.get("recipe", {}).get("task_dev")
    if not named:
        raise DataError(
            f"{source} is a folder and the card of {checkpoint.name} names no dev set in it; "
            "give the file itself"
        )
    return locate(Path(source), named)


def data_name(source: Source) -> str:
    """What to call data in a result: a file with its folder (``sst2/dev.tsv.gz``), a hub name."""
    return str(source) if is_hub(source) else "/".join(Path(source).absolute().parts[-2:])


def read_data(source: Source, checkpoint: Checkpoint) -> LabelledRows:
    """Rows to evaluate on: labelled ones, the card's dev set inside a folder, or plain text.

    Plain text (.txt, .txt.xz) gives unlabelled sentences: only read-back is measured on them.
    Labels that are words, or are named by their table, are the checkpoint's of the same name.

    Raises:
        DataError: nothing there, a folder and no card that names a file in it, or labels that are
            not the checkpoint's.
    """
    source = find_data(source, checkpoint)
    if not is_hub(source) and kind_of(source) == ".txt":
        sentences = tuple(sample_sentences([Path(source)], limit=TEXT_SENTENCES, seed=TEXT_SEED))
        if not sentences:
            raise DataError(f"{source}: no sentence of 4 to 40 words in it")
        none = np.full(len(sentences), UNLABELLED, dtype=np.int64)
        return LabelledRows(sentences, (None,) * len(sentences), none)
    config = checkpoint.config
    has_classes = config.task in TASKS_WITH_LABELS and config.task != "regression"
    return read_task(source, labels=config.labels if has_classes else (), task=config.task)


def has_labels(data: LabelledRows) -> bool:
    """Whether there is anything to compare answers with.

    Raises:
        DataError: some rows have a label and some none.
    """
    if data.words:
        return any((labels != UNLABELLED).any() for labels in data.word_labels)
    missing = int((data.labels == UNLABELLED).sum())
    if 0 < missing < len(data.labels):
        raise DataError(
            f"{missing} of {len(data.labels)} rows have no label; label all rows, or remove those"
        )
    return not missing


def check_task(checkpoint: Checkpoint, data: LabelledRows, name: str) -> None:
    """Raise NotApplicable where labelled ``data`` is not of the checkpoint's kind of task."""
    task = checkpoint.config.task
    words = task.replace("_", " ")
    if task not in TASKS_WITH_LABELS:
        raise NotApplicable(
            f"not applicable: {checkpoint.name} is for {words}, which is not scored against "
            "labels; give plain text (.txt) to measure read-back alone"
        )
    kind = "words" if data.words else "texts"
    if bool(data.words) != (task == "token_classification"):
        raise _other_task(checkpoint, name, f"labels of {kind}")
    has = KINDS[data.task]
    if data.task != task and not _is_numbered(task, data):
        raise _other_task(checkpoint, name, has)
    asked = data.labels.shape[1] if data.labels.ndim == 2 else 1
    if task in WIDE and asked != checkpoint.config.num_labels:
        raise _other_task(checkpoint, name, f"{asked} {has}, not {checkpoint.config.num_labels}")


KINDS = {  # what data of a task have
    "sequence_classification": "classes",
    "multi_label_classification": "any number of labels a row",
    "regression": "scores",
    "token_classification": "labels of words",
}
WIDE = ("multi_label_classification", "regression")


def _is_numbered(task: str, data: LabelledRows) -> bool:
    """Whether whole numbers without names are the scores of a regression."""
    return task == "regression" and data.task == "sequence_classification" and not data.names


def _other_task(checkpoint: Checkpoint, name: str, has: str) -> NotApplicable:
    words = checkpoint.config.task.replace("_", " ")
    return NotApplicable(
        f"not applicable: {name} has {has}, {checkpoint.name} is for {words}; "
        "evaluate it on its own task"
    )

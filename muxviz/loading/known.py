"""The published checkpoints by hub id, and the label names that their configs lack.

Label orders are those of the GLUE and CoNLL-2003 data sets that the released training scripts read
from the hub; the released configurations themselves do not carry names.
"""

from __future__ import annotations

import re

from muxviz.config import MuxConfig

SIZES, COUNTS = ("small", "base", "large"), (2, 5, 10)
GLUE_TASKS = ("mnli", "qnli", "qqp", "sst2")

PUBLISHED_IDS: tuple[str, ...] = (
    *(f"princeton-nlp/bert_{size}_1" for size in SIZES),
    "princeton-nlp/electra_base_1",
    *(
        f"princeton-nlp/muxbert_{size}_gaussian_hadamard_index_pos_{n}"
        for size in SIZES
        for n in COUNTS
    ),
    *(f"princeton-nlp/muxbert_base_gaussian_attention_v2_index_pos_{n}" for n in COUNTS),
    *(f"princeton-nlp/muxelectra_base_gaussian_hadamard_index_pos_{n}" for n in COUNTS),
    *(
        f"princeton-nlp/muxbert_base_{task}_gaussian_hadamard_index_pos_{n}"
        for task in GLUE_TASKS
        for n in COUNTS
    ),
    *(
        f"princeton-nlp/datamux-{task}-{n}"
        for task in ("retrieval", "mnli", "qnli", "qqp", "sst2", "ner")
        for n in (2, 5, 10, 20, 40)
    ),
)

LABELS = {
    "sst2": ("negative", "positive"),
    "mnli": ("entailment", "neutral", "contradiction"),
    "qnli": ("entailment", "not_entailment"),
    "qqp": ("not_duplicate", "duplicate"),
    "ner": ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "I-MISC"),
}
SOURCES = {"ner": "label order of the conll2003 data set on the hub"}


READS_PAIRS = {  # whether a row of the data set has two texts
    **dict.fromkeys(("mnli", "qnli", "qqp", "mrpc", "rte", "stsb", "wnli", "snli"), True),
    **dict.fromkeys(("sst2", "cola", "ner", "conll2003", "ewt"), False),
}


def search_published(text: str) -> list[str]:
    """Published ids that contain every word of ``text``, in order."""
    words = text.lower().split()
    return [i for i in PUBLISHED_IDS if all(word in i.lower() for word in words)]


def known_labels(name: str, config: MuxConfig) -> tuple[tuple[str, ...], str]:
    """Label names and their source for a published id, or empty."""
    if name not in PUBLISHED_IDS or not config.labels_source.startswith("none"):
        return (), ""
    task = next((t for t in LABELS if f"_{t}_" in name or f"-{t}-" in name), None)
    if task is None or len(LABELS[task]) != config.num_labels:
        return (), ""
    return LABELS[task], SOURCES.get(task, f"label order of the GLUE {task} data set on the hub")


def reads_pairs(name: str, data: str) -> bool | None:
    """Whether a checkpoint's rows have two texts; None where that is not known.

    Args:
        name: of the checkpoint, as it was loaded.
        data: what it was trained on, as its card says: ``sst2/train.tsv.gz``.
    """
    named = data or (name if name in PUBLISHED_IDS else "")
    words = re.split("[^a-z0-9]+", named.lower())
    return next((READS_PAIRS[word] for word in words if word in READS_PAIRS), None)

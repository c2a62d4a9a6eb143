"""The published checkpoints by hub id, and the label names that their configs lack.

Label orders are those of the GLUE and CoNLL-2003 data sets that the released training scripts read
from the hub; the released configurations themselves do not carry names.
"""

from __future__ import annotations

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

"""From logits to answers, by task.

``asked_places`` says which tokens of a row a task answers; a reader gets the logits at those only,
so that nothing else has to be computed. Logits that are not finite are no answer: their rows get
None.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muxviz.batch import EncodedRow, Group
from muxviz.engine.guard import not_finite
from muxviz.errors import NotFinite
from muxviz.loading.checkpoint import Checkpoint, describe_dtype
from muxviz.reading import token_names
from muxviz.results import (
    Answer,
    FillAnswer,
    LabelAnswer,
    LabelsAnswer,
    ReplacedAnswer,
    ScoreAnswer,
    ScoresAnswer,
    TagAnswer,
)

FILL_CANDIDATES = 5  # shown per [MASK]


def read_answers(
    checkpoint: Checkpoint, group: Group, logits: Tensor, *, slots: Sequence[int] | None = None
) -> list[Answer]:
    """Answers from one group's whole logits ``[N, ...]``, for the named slots (default: all).

    Raises:
        NotFinite: an answer's logits are not numbers.
    """
    chosen = range(len(group.rows)) if slots is None else slots
    values = logits.float().cpu()
    if checkpoint.config.answers_texts:
        found = read_sentences(checkpoint, values[list(chosen)])
    else:
        found = []
        for slot in chosen:
            places = asked_places(checkpoint, group.rows[slot], values.shape[1])
            found.append(read_tokens(checkpoint, group.rows[slot], places, values[slot, places]))
    answers = [answer for answer in found if answer is not None]
    if len(answers) < len(found):
        number = found.index(None) + 1
        raise NotFinite(f"text {number} {not_finite(describe_dtype(checkpoint.dtype))}")
    return answers


def read_sentences(checkpoint: Checkpoint, logits: Tensor) -> list[Answer | None]:
    """Answers of R texts from their logits ``[R, C]`` (float32, CPU)."""
    finite = torch.isfinite(logits).all(dim=-1).tolist()
    read = SENTENCE_READERS[checkpoint.config.task]
    answers = iter(read(checkpoint, logits[finite]) if any(finite) else ())
    return [next(answers) if is_finite else None for is_finite in finite]


def _read_labels(checkpoint: Checkpoint, logits: Tensor) -> list[Answer]:
    labels, temperature = checkpoint.config.labels, checkpoint.temperature
    top = logits.topk(2, dim=-1)
    margins, winners = (top.values[:, 0] - top.values[:, 1]).tolist(), top.indices[:, 0].tolist()
    probabilities = logits.softmax(dim=-1).numpy()
    return [
        LabelAnswer(labels[winner], winner, labels, probabilities[n], margins[n], temperature)
        for n, winner in enumerate(winners)
    ]


def _read_any_labels(checkpoint: Checkpoint, logits: Tensor) -> list[Answer]:
    return [LabelsAnswer(checkpoint.config.labels, row) for row in torch.sigmoid(logits).numpy()]


def _read_scores(checkpoint: Checkpoint, logits: Tensor) -> list[Answer]:
    labels, rows = checkpoint.config.labels, logits.tolist()
    return [
        ScoreAnswer(row[0]) if len(row) == 1 else ScoresAnswer(labels, tuple(row)) for row in rows
    ]


SENTENCE_READERS: dict[str, Callable[[Checkpoint, Tensor], list[Answer]]] = {
    "sequence_classification": _read_labels,
    "multi_label_classification": _read_any_labels,
    "regression": _read_scores,
}


def asked_places(checkpoint: Checkpoint, row: EncodedRow, length: int) -> list[int]:
    """Tokens of a row that a token task answers: the masked ones, or all that are not special."""
    size = min(len(row.ids), length)
    if checkpoint.config.task in ("masked_lm", "retrieval"):
        tokenizer: Any = checkpoint.need_tokenizer()
        return [t for t in range(size) if row.ids[t] == tokenizer.mask_token_id]
    return [t for t in range(size) if not row.special[t]]


def asked_tokens(checkpoint: Checkpoint, groups: Sequence[Group], length: int) -> np.ndarray:
    """``asked_places`` of every row that is no filler, ``[B, N, L]`` bool."""
    asked = np.zeros((len(groups), checkpoint.config.num_instances, length), dtype=bool)
    for number, group in enumerate(groups):
        for slot, row in enumerate(group.rows):
            if group.repeats[slot] is None:
                asked[number, slot, asked_places(checkpoint, row, length)] = True
    return asked


def read_tokens(
    checkpoint: Checkpoint, row: EncodedRow, places: Sequence[int], logits: Tensor
) -> Answer | None:
    """The answer for a row from the logits ``[P, C]`` of its asked tokens."""
    if not bool(torch.isfinite(logits).all()):
        return None
    return READERS[checkpoint.config.task](checkpoint, row, places, logits)


def _names(checkpoint: Checkpoint, row: EncodedRow, places: Sequence[int]) -> tuple[str, ...]:
    return token_names(checkpoint.tokenizer, [row.ids[t] for t in places])


def _read_tags(
    checkpoint: Checkpoint, row: EncodedRow, places: Sequence[int], logits: Tensor
) -> Answer:
    best = logits.softmax(dim=-1).max(dim=-1)
    tags = tuple(checkpoint.config.labels[int(i)] for i in best.indices)
    return TagAnswer(_names(checkpoint, row, places), tags, best.values.numpy())


def _read_fills(
    checkpoint: Checkpoint, row: EncodedRow, places: Sequence[int], logits: Tensor
) -> Answer:
    best = logits.softmax(dim=-1).topk(FILL_CANDIDATES)
    names = tuple(token_names(checkpoint.tokenizer, ids.tolist()) for ids in best.indices)
    return FillAnswer(tuple(places), names, best.values.numpy())


def _read_replaced(
    checkpoint: Checkpoint, row: EncodedRow, places: Sequence[int], logits: Tensor
) -> Answer:
    return ReplacedAnswer(_names(checkpoint, row, places), torch.sigmoid(logits).numpy())


READERS: dict[str, Callable[[Checkpoint, EncodedRow, Sequence[int], Tensor], Answer]] = {
    "token_classification": _read_tags,
    "masked_lm": _read_fills,
    "retrieval": _read_fills,
    "replaced_token_detection": _read_replaced,
}

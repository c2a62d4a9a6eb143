"""What the numbers of a task head mean: the one place where logits become an answer.

A head answers with one class of several (softmax), with any number of labels, each by itself
(sigmoid), with scores as they are, or with yes or no per token. ``config.task`` names which.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from muxviz.config import MuxConfig


@dataclass(frozen=True)
class Meaning:
    """How logits are read, whether they are NumPy's or torch's.

    decide: ``[..., C]`` to what is answered: class numbers ``[...]``, zeros and ones ``[..., C]``
    of labels that apply, or scores ``[..., C]`` (one: ``[...]``); of replaced tokens ``[...]`` to
    ``[...]``. has_rivals: whether an answer excludes the others, so that it has a margin before the
    next. is_right_or_wrong: whether an answer can be; a score is only near.
    """

    decide: Callable[[Any], Any]
    has_rivals: bool
    is_right_or_wrong: bool = True


def _score(logits: Any) -> Any:
    return logits[..., 0] if logits.shape[-1] == 1 else logits


ONE_CLASS = Meaning(lambda logits: logits.argmax(-1), has_rivals=True)
ANY_LABELS = Meaning(lambda logits: (logits >= 0) + 0, has_rivals=False)  # sigmoid from 1/2 on
YES_OR_NO = Meaning(lambda logits: (logits > 0) + 0, has_rivals=True)  # the one or the other
SCORES = Meaning(_score, has_rivals=False, is_right_or_wrong=False)

MEANINGS: dict[str, Meaning] = {
    "sequence_classification": ONE_CLASS,
    "multi_label_classification": ANY_LABELS,
    "regression": SCORES,
    "token_classification": ONE_CLASS,
    "masked_lm": ONE_CLASS,
    "retrieval": ONE_CLASS,
    "replaced_token_detection": YES_OR_NO,
}


def meaning(config: MuxConfig) -> Meaning:
    """What the logits of this model's head mean."""
    return MEANINGS[config.task]

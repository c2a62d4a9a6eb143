"""What config.json says about a sentence head, beyond the shape of its weights."""

from __future__ import annotations

from typing import Any

from muxviz.config import SENTENCE_TASKS
from muxviz.errors import ConfigError
from muxviz.loading.fields import shown

PROBLEM_TYPES = {  # transformers' names
    "single_label_classification": "sequence_classification",
    "multi_label_classification": "multi_label_classification",
    "regression": "regression",
}
# Fields of other libraries that would change the numbers that a head gives.
ACTIVATIONS = (
    "function_to_apply",
    "sbert_ce_default_activation_function",
    "sentence_transformers",
)


def head_task(raw: dict[str, Any], task: str, num_labels: int, where: str, notes: list[str]) -> str:
    """The task of a head with ``num_labels`` outputs: ``task``, as ``problem_type`` says it.

    As in transformers, a sentence head with one output is a regression where nothing is said.

    Raises:
        ConfigError: a ``problem_type`` that nothing knows, or that cannot be.
    """
    said = raw.get("problem_type")
    notes += [
        f"{name} in config.json ({shown(raw[name])}) is not applied: answers are those of task "
        "and problem_type"
        for name in ACTIVATIONS
        if raw.get(name) is not None
    ]
    if said is not None and said not in PROBLEM_TYPES:
        raise ConfigError(
            f"{where}: problem_type is {shown(said)}; this version knows "
            f"{', '.join(PROBLEM_TYPES)}, or null"
        )
    if task not in SENTENCE_TASKS:
        if said not in (None, "single_label_classification"):
            notes.append(f"problem_type {said} is not used: the task is {task}")
        return task
    found = PROBLEM_TYPES.get(said or "", task)
    if task not in (found, "sequence_classification"):
        raise ConfigError(
            f"{where}: problem_type says {said}, muxviz says task {task}; correct one of them in "
            "config.json"
        )
    if found == "sequence_classification" and num_labels == 1:
        if said is None:
            return "regression"
        raise ConfigError(
            f"{where}: problem_type says {said}, but the head has one output, which leaves nothing "
            "to decide; expected regression, multi_label_classification, or two outputs or more"
        )
    return found

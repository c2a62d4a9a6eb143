"""Small texts and recipes, for every test that trains.

``write_data`` writes a folder with a file of every kind; ``tiny_recipe`` names them in a recipe of
a model from scratch, so small that a step takes milliseconds; ``write_recipe`` puts one on disk for
a command.
"""

from __future__ import annotations

import json
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

from muxviz.training.recipe import TABLE_OF, TABLES, Recipe, Stage
from tests.tiny import VOCAB_SIZE, tiny_vocabulary

GOOD = ("good", "great", "fine", "warm", "funny", "bright", "happy")
BAD = ("bad", "awful", "boring", "sad", "cold", "dark", "old")
THINGS = ("film", "movie", "story", "plot", "book", "song", "scene")
TAGS = {"the": "DET", "is": "AUX", "very": "ADV"} | dict.fromkeys(THINGS, "NOUN")
MULTIPLEXED_STEPS = 30


def write_data(folder: Path) -> Path:
    """Sentences, pairs, scores, tagged words, a corpus and a vocabulary, all in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        (f"the {word} {thing} is {'very ' * (n % 3)}{words[(at + n) % 7]} {words[at - 1]}", label)
        for n, thing in enumerate(THINGS)
        for label, words in ((1, GOOD), (0, BAD))
        for at, word in enumerate(words)
    ]
    seconds = [f"the {thing} {word}" for thing, word in zip(THINGS, GOOD, strict=True)]
    tables = {
        "sentences.tsv": ["sentence\tlabel", *(f"{text}\t{label}" for text, label in rows)],
        "scores.tsv": ["sentence\tscore", *(f"{text}\t{label:.1f}" for text, label in rows)],
        "pairs.tsv": [
            "sentence1\tsentence2\tlabel",
            *(f"{seconds[n % 7]}\t{text}\t{label}" for n, (text, label) in enumerate(rows)),
        ],
        "tags.jsonl": [
            json.dumps({"tokens": words, "upos": [TAGS.get(w, "ADJ") for w in words]})
            for words in (text.split() for text, _ in rows)
        ],
        "general.txt": [f"{text} and {other}." for (text, _), (other, _) in _neighbours(rows)],
    }
    for name, lines in tables.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    pieces = tiny_vocabulary()
    pieces += [f"[unused{n}]" for n in range(len(pieces), VOCAB_SIZE)]  # rows the prefix needs
    (folder / "vocab.txt").write_text("\n".join(pieces) + "\n", encoding="utf-8")
    return folder


def _neighbours(rows: list[tuple[str, int]]) -> list[tuple[tuple[str, int], tuple[str, int]]]:
    return list(zip(rows, rows[1:] + rows[:1], strict=True))


DATA_OF = {
    "sequence_classification": "sentences.tsv",
    "regression": "scores.tsv",
    "token_classification": "tags.jsonl",
}


def tiny_stage(kind: str, **changes: Any) -> Stage:
    """``priming``, ``masked_lm``, ``replaced_tokens`` or ``task``, as published."""
    values: dict[str, Any] = {
        "name": kind,
        "steps": MULTIPLEXED_STEPS,
        "learning_rate": 5e-3,
        "warmup_steps": 5,
        "groups": 8,
        "objective": "task" if kind == "priming" else kind,
        "task_coeff": 0.0 if kind == "priming" else 0.9,
        "retrieval_coeff": 1.0 if kind == "priming" else 0.1,
    }
    return Stage(**(values | changes))


def tiny_recipe(*stages: Stage, task: str = "sequence_classification", **changes: Any) -> Recipe:
    """A model from scratch of 2 instances; N = 1 gives a plain one unless the parts are named."""
    values: dict[str, Any] = {
        "name": "tiny",
        "num_instances": 2,
        "task": task,
        "hidden_size": 24,
        "intermediate_size": 40,
        "num_layers": 2,
        "num_heads": 4,
        "max_length": 32,
        "dropout": 0.0,
        "vocabulary": "vocab.txt",
        "task_train": DATA_OF.get(task, ""),
        "task_dev": DATA_OF.get(task, ""),
        "general": () if task in DATA_OF else ("general.txt",),
        "log_every": 1,
    }
    if changes.get("num_instances") == 1 and "multiplexer" not in changes:
        values |= {"multiplexer": "identity", "demultiplexer": "identity"}
    values |= {"stages": stages or (tiny_stage("task"),)} | changes
    own = {name: value for name, value in values.items() if name not in TABLE_OF}
    return Recipe(**own, **{name: kind(**_of(name, values)) for name, kind in TABLES.items()})


def changed(recipe: Recipe, **values: Any) -> Recipe:
    """The recipe with other values of these fields, in whichever tables they are."""
    own = {name: value for name, value in values.items() if name not in TABLE_OF}
    for name in TABLES:
        own[name] = replace(getattr(recipe, name), **_of(name, values))
    return replace(recipe, **own)


def _of(table: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if TABLE_OF.get(name) == table}


def write_recipe(recipe: Recipe, path: Path) -> Path:
    """``recipe`` as a TOML file; fields at their defaults are left out."""
    lines = _fields(recipe)
    for name in TABLES:
        lines += [f"[{name}]", *_fields(getattr(recipe, name))]
    for stage in recipe.stages:
        lines += ["[[stages]]", *_fields(stage)]
    for stage in recipe.fine_tuning:
        lines += ["[[fine_tuning]]", *_fields(stage)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _fields(values: Any) -> list[str]:
    lines = []
    for item in fields(values):
        value = getattr(values, item.name)
        if item.name not in ("stages", "fine_tuning", *TABLES) and (
            item.default is MISSING or value != item.default
        ):
            # JSON's numbers, strings, booleans and lists are TOML's.
            lines.append(f"{item.name} = {json.dumps(value)}")
    return lines


def metrics(run: Path) -> list[dict[str, Any]]:
    """The rows of ``metrics.jsonl``."""
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def losses(run: Path, name: str = "total") -> list[float]:
    """One loss over the rows that have it."""
    return [row["losses"][name] for row in metrics(run) if name in row["losses"]]

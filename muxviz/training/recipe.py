"""Recipes: everything that decides what a training run does, read from a small TOML file.

A recipe names the initial encoder, the parts of the model and its stages. Unknown keys are errors,
so a misspelt option is never ignored. Paths inside a recipe are relative to ``--data``.
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any

from muxviz.errors import ConfigError


@dataclass(frozen=True)
class Stage:
    """One stage: which losses, on which texts, for how long."""

    name: str  # "priming" or "fine_tuning"
    steps: int  # optimiser steps
    learning_rate: float  # peak
    warmup_steps: int = 100  # linear, then linear decay to zero
    groups: int = 32  # multiplexed sequences per step
    task_coeff: float = 0.0  # cross-entropy with the labels
    retrieval_coeff: float = 0.0  # cross-entropy of read-back tokens
    retrieval_positions: int = 512  # (slot, position) pairs sampled per step for that loss
    hidden_coeff: float = 0.0  # squared distance to the teacher's last hidden states
    logit_coeff: float = 0.0  # KL to the teacher's label distribution
    probe_coeff: float = 0.0  # N = 1 only: cross-entropy of a mean-pooled linear probe
    general_share: float = 0.0  # share of rows drawn from the general corpus
    bucketed_share: float = 0.5  # share of steps whose groups hold texts of like length


@dataclass(frozen=True)
class Recipe:
    """One run. Fields without a default are required."""

    name: str  # name of the exported checkpoint
    num_instances: int
    stages: tuple[Stage, ...]
    layers: tuple[int, ...] = ()  # layers kept of the initial encoder; () means all
    vocab_size: int = 0  # rows kept of its vocabulary; 0 means all
    max_length: int = 128  # rows kept of its position table
    multiplexer: str = "gaussian_hadamard"
    demultiplexer: str = "rsa"
    num_demux_layers: int = 2
    instance_norm: float = 0.0  # L2 norm of the slot vectors; 0 means sqrt(E N)
    readout: str = "mean"  # "first" is the published read-out, "mean" is ours
    baseline: str = ""  # name of the N = 1 checkpoint to compare with
    task_train: str = "sst2/train.tsv.gz"
    task_dev: str = "sst2/dev.tsv.gz"
    labels: tuple[str, ...] = ("negative", "positive")
    general: tuple[str, ...] = ()  # general corpora, one paragraph per line
    general_sentences: int = 60000  # sentences kept from them
    seed: int = 17
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    dropout: float = 0.1
    autocast: bool = True  # bfloat16 matrix products, float32 weights

    def __post_init__(self) -> None:
        if self.num_instances < 1:
            raise ConfigError(f"num_instances is {self.num_instances}; expected at least 1")
        if not self.stages:
            raise ConfigError("the recipe has no [[stages]]; give at least one")

    @property
    def total_steps(self) -> int:
        """Optimiser steps over all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> tuple[Stage, int]:
        """The stage that global step ``step`` belongs to, and the step within it."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        raise ConfigError(f"step {step} lies past the last stage")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``metrics.jsonl`` and cards."""
        return asdict(self)


def read_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe.

    Raises:
        ConfigError: no such file, not TOML, an unknown, missing or mistyped key.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError as error:
        raise ConfigError(f"no recipe at {path}; see configs/ for the bundled ones") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    stages = table.pop("stages", [])
    try:
        built = tuple(_build(Stage, stage, f"{path} [[stages]]") for stage in stages)
        return _build(Recipe, {**table, "stages": built}, str(path))
    except TypeError as error:
        raise ConfigError(f"{path}: {error}") from error


def _build(kind: type, table: dict[str, Any], where: str) -> Any:
    known = {f.name: f for f in fields(kind)}
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}; known keys: {', '.join(known)}")
    required = [
        n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING
    ]
    missing = [name for name in required if name not in table]
    if missing:
        raise ConfigError(f"{where}: missing key {missing[0]!r}")
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in table.items()}
    for name, value in values.items():
        expected = str(known[name].type).partition("[")[0]
        if not isinstance(value, TYPES[expected]) or isinstance(value, bool) != (
            expected == "bool"
        ):
            raise ConfigError(f"{where}: {name} is {value!r}; expected {expected}")
    return kind(**values)


TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "float": (int, float),
    "int": (int,),
    "str": (str,),
    "tuple": (tuple,),
}

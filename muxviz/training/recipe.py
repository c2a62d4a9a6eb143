"""Recipes: everything that decides what a training run does, read from a small TOML file.

A recipe names the parts of the model, the data and the stages. Unknown keys are errors, so a
misspelt option is never ignored. Data paths are relative to ``--data``; where the weights come from
is said on the command line (``--start``, ``--teacher``).
"""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, asdict, dataclass, fields
from itertools import accumulate
from pathlib import Path
from typing import Any

from muxviz.errors import ConfigError

OBJECTIVES = ("task", "masked_lm", "replaced_tokens")
PRECISIONS = ("no", "bf16", "fp16")
PACKINGS = ("sentences", "documents")
INSTANCE_VECTORS = ("gaussian", "sign")
MATCHINGS = ("free", "ordered", "sampled", "windowed")
N_IN_NAME = "{n}"  # in the name of a recipe that serves several N


@dataclass(frozen=True)
class Stage:
    """One stage: which losses, on which texts, for how long."""

    name: str  # "priming", "pre_training", "fine_tuning" or any other word
    steps: int  # optimiser steps
    learning_rate: float  # peak
    warmup_steps: int = 100  # linear, then linear decay to zero
    objective: str = "task"  # what task_coeff weighs: "task", "masked_lm" or "replaced_tokens"
    groups: int = 32  # multiplexed sequences per step, over all processes
    task_coeff: float = 0.0  # weight of the objective
    retrieval_coeff: float = 0.0  # cross-entropy of read-back tokens
    retrieval_positions: int = 0  # positions read back per step; 0 means all (published)
    mask_share: float = 0.15  # masked_lm, replaced_tokens: tokens selected
    hidden_coeff: float = 0.0  # ours: squared distance to the teacher's last hidden states
    sentence_coeff: float = 0.0  # ours: squared distance of the sentence vector to its [CLS]
    logit_coeff: float = 0.0  # ours: KL to the teacher's label distribution
    probe_coeff: float = 0.0  # ours, N = 1: cross-entropy of a mean-pooled linear probe
    sparsity: float = 0.0  # pruning: target share of encoder weights pruned; 0 trains no gates
    sparsity_warmup: int = 0  # steps over which the target rises from the stage before's
    gate_learning_rate: float = 0.1  # of gates and multipliers
    layer_coeff: float = 0.0  # squared distance of matched layers to the unpruned model's
    layer_matching: str = "ordered"  # "free", "ordered", "sampled", "windowed": CoFi's 3, 4, 5, 6
    prediction_coeff: float = 0.0  # KL to the unpruned model's answers
    temperature: float = 2.0  # of that KL
    general_share: float = 0.0  # share of rows drawn from the general corpus
    bucketed_share: float = 0.5  # share of steps whose groups hold texts of like length
    min_tokens: int = 0  # task rows with fewer tokens are left out

    def __post_init__(self) -> None:
        if self.objective not in OBJECTIVES:
            raise ConfigError(
                f"objective is {self.objective!r}; expected one of {', '.join(OBJECTIVES)}"
            )
        for name in ("steps", "groups"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected at least 1")
        for name in ("mask_share", "general_share", "bucketed_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected a share from 0 to 1")
        if not 0 <= self.sparsity < 1:
            raise ConfigError(f"sparsity is {self.sparsity}; expected at least 0 and below 1")
        if self.layer_matching not in MATCHINGS:
            raise ConfigError(
                f"layer_matching is {self.layer_matching!r}; expected one of {', '.join(MATCHINGS)}"
            )
        if self.gate_learning_rate <= 0 or self.temperature <= 0:
            raise ConfigError("gate_learning_rate and temperature must be above 0")
        if self.learning_rate <= 0:
            raise ConfigError(f"learning_rate is {self.learning_rate}; expected above 0")

    @property
    def has_loss(self) -> bool:
        """Whether anything is trained on."""
        return any(getattr(self, f.name) > 0 for f in fields(self) if f.name.endswith("_coeff"))


@dataclass(frozen=True)
class Recipe:
    """One run. Fields without a default are required."""

    name: str  # name of the exported checkpoint
    num_instances: int
    stages: tuple[Stage, ...]
    # ---- the model
    backbone: str = "bert"
    task: str = "sequence_classification"  # decides the head; see muxviz.config.TASKS
    labels: tuple[str, ...] = ()  # names in order; () takes those of the training file
    multiplexer: str = "gaussian_hadamard"  # identity: a plain model (the default at N = 1)
    demultiplexer: str = "rsa"
    num_demux_layers: int = 2
    instance_vectors: str = "gaussian"  # "sign" (ours): +1 or -1 instead of a normal draw
    instance_norm: float = 0.0  # L2 norm of the slot vectors; 0 means sqrt(E N)
    learn_instances: bool = False
    readout: str = "first"  # "first" is the published read-out, "mean" is ours
    dropout: float = 0.1
    # ---- sizes: of a model from scratch, or what is kept of the initial encoder
    hidden_size: int = 0  # 0 means that of the start
    embedding_size: int = 0  # 0 means hidden_size
    num_layers: int = 0
    num_heads: int = 0
    intermediate_size: int = 0
    layers: tuple[int, ...] = ()  # layers kept of the start; () means all
    mux_layers: tuple[int, ...] = ()  # its layers that a contextual multiplexer starts from
    vocab_size: int = 0  # rows kept of its vocabulary; 0 means all
    vocabulary: str = ""  # vocab.txt to use, in --data or the current folder
    max_length: int = 128  # rows kept of its position table
    # ---- pruning
    fine_tuning: tuple[Stage, ...] = ()  # after `muxviz prune`, for each sparsity of the stages
    prune: tuple[str, ...] = ("heads", "intermediate", "attention", "feed_forward", "hidden")
    droprate: float = 0.5  # chance that an inner dimension's gate begins closed
    readout_width: int = 0  # ours: dimensions kept of the demultiplexer's states; 0 means all
    freeze_embeddings: bool = False  # as the published pruning does
    # ---- the generator of replaced-token detection; 0 layers: uniform random tokens (released)
    generator_layers: int = 0
    generator_coeff: float = 1.0
    # ---- data
    task_train: str = "sst2/train.tsv.gz"
    task_dev: str = "sst2/dev.tsv.gz"
    general: tuple[str, ...] = ()  # general corpora, one paragraph per line
    general_rows: int = 60000  # rows kept of them; 0 means all
    packing: str = "sentences"  # or "documents": rows filled up to max_length
    unlabelled: tuple[str, ...] = ()  # ours: more texts like the task's, drawn with the general
    compounds: int = 0  # ours: rows made of two task rows each, drawn with the general ones
    # ---- optimisation
    seed: int = 17
    data_seed: int = 17  # of the sample of general rows
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    adam_beta2: float = 0.98
    precision: str = "no"  # "bf16" or "fp16": mixed precision through accelerate
    accumulate: int = 1  # micro-batches a step is cut into
    compile: bool = False  # torch.compile the encoder
    save_every: int = 500  # steps between saved states
    log_every: int = 50  # steps between rows of metrics.jsonl
    # ---- words
    baseline: str = ""  # name of the N = 1 checkpoint to compare with
    source: str = ""  # published recipes: where the numbers come from
    unknown: tuple[str, ...] = ()  # published recipes: fields whose published value is not known

    def __post_init__(self) -> None:
        if self.num_instances < 1:
            raise ConfigError(f"num_instances is {self.num_instances}; expected at least 1")
        if not self.stages:
            raise ConfigError("the recipe has no [[stages]]; give at least one")
        for name in ("accumulate", "save_every", "log_every"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; expected at least 1")
        self._check_pruning()
        if self.compounds < 0:
            raise ConfigError(f"compounds is {self.compounds}; expected 0 or more")
        if self.clip_norm <= 0:
            raise ConfigError(f"clip_norm is {self.clip_norm}; expected above 0 (1e9: no clipping)")
        for name, known in (
            ("precision", PRECISIONS),
            ("packing", PACKINGS),
            ("instance_vectors", INSTANCE_VECTORS),
        ):
            if getattr(self, name) not in known:
                raise ConfigError(
                    f"{name} is {getattr(self, name)!r}; expected one of {', '.join(known)}"
                )

    def _check_pruning(self) -> None:
        rising = [stage.sparsity for stage in self.stages]
        if rising != sorted(rising):
            raise ConfigError(
                f"sparsity of the stages is {rising}; it must rise (fine-tuning after pruning is "
                "given as [[fine_tuning]])"
            )
        if any(stage.sparsity for stage in self.fine_tuning):
            raise ConfigError("[[fine_tuning]] trains the cut model; leave its sparsity out")
        if not 0 < self.droprate < 1:
            raise ConfigError(f"droprate is {self.droprate}; expected between 0 and 1")

    @property
    def prunes(self) -> bool:
        """Whether any stage trains gates."""
        return any(stage.sparsity for stage in self.stages)

    @property
    def is_multiplexed(self) -> bool:
        """Whether the model has a multiplexer; at N = 1 only where both parts are not identity."""
        return self.multiplexer != "identity"

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

    def stage_number(self, step: int) -> int:
        """Which stage, counted from 0, global step ``step`` belongs to."""
        ends = accumulate(stage.steps for stage in self.stages)
        return next(number for number, end in enumerate(ends) if step < end)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for ``run.json`` and cards."""
        return asdict(self)


def read_recipe(path: str | Path, *, num_instances: int | None = None) -> Recipe:
    """Read and check a recipe.

    Args:
        path: TOML file.
        num_instances: another N than the file's, where it is a recipe for several: its name then
            holds ``{n}``, which becomes N.

    Raises:
        ConfigError: no such file, not TOML, an unknown, missing or mistyped key; or
            ``num_instances`` for a recipe of another N only.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except FileNotFoundError as error:
        raise ConfigError(f"no recipe at {path}; see configs/ for the bundled ones") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error
    stages, tuning = table.pop("stages", []), table.pop("fine_tuning", [])
    table = _with_num_instances(table, num_instances, path)
    if table.get("num_instances") == 1 and "multiplexer" not in table:
        table |= {"multiplexer": "identity", "demultiplexer": "identity"}
    try:
        built = tuple(_build(Stage, stage, f"{path} [[stages]]") for stage in stages)
        tuned = tuple(_build(Stage, stage, f"{path} [[fine_tuning]]") for stage in tuning)
        return _build(Recipe, {**table, "stages": built, "fine_tuning": tuned}, str(path))
    except TypeError as error:
        raise ConfigError(f"{path}: {error}") from error


def _with_num_instances(table: dict[str, Any], num: int | None, path: Path) -> dict[str, Any]:
    """``table`` for ``num`` instances (None: as it says), with N written into its name."""
    name, own = table.get("name"), table.get("num_instances")
    if not isinstance(name, str) or not isinstance(own, int):
        return table  # said when it is built
    if num not in (None, own) and N_IN_NAME not in name:
        raise ConfigError(
            f"{path} is for {own} instances, not {num}: its name {name!r} has no {N_IN_NAME} in "
            "it; choose a recipe whose name has, or copy the file and change it"
        )
    chosen = own if num is None else num
    return {**table, "num_instances": chosen, "name": name.replace(N_IN_NAME, str(chosen))}


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
    try:
        return kind(**values)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


TYPES: dict[str, tuple[type, ...]] = {
    "bool": (bool,),
    "float": (int, float),
    "int": (int,),
    "str": (str,),
    "tuple": (tuple,),
}

"""Recipes: everything that decides what a training run does, read from a small TOML file.

A recipe names the parts of the model, the data and the stages: fields in tables (``[data]``), one
table a stage (``[[stages]]``). Unknown keys are errors, so a misspelt option is never ignored. Data
paths are relative to ``--data``; where the weights come from is said on the command line
(``--start``, ``--teacher``).
"""

from __future__ import annotations

import re
from dataclasses import MISSING, asdict, dataclass, fields
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Any

from muxviz import files
from muxviz.errors import ConfigError, FileError
from muxviz.loading.fields import LIMITS
from muxviz.printable import printable
from muxviz.structure import PRUNABLE
from muxviz.training.ranges import (
    Each,
    Flag,
    Instance,
    OneOf,
    Part,
    Real,
    Text,
    Whole,
    check,
    problem,
    shown,
)

OBJECTIVES = ("task", "masked_lm", "replaced_tokens")
PRECISIONS = ("no", "bf16", "fp16")
PACKINGS = ("sentences", "documents")
INSTANCE_VECTORS = ("gaussian", "sign")
MATCHINGS = ("free", "ordered", "sampled", "windowed")
CLASS_TASKS = ("sequence_classification", "token_classification")
LABELLED_TASKS = (*CLASS_TASKS, "regression")
PACKED = "packed"  # a start that is no folder
PACKED_ONLY = ("answer_coeff", "state_coeff", "free", "sharing")  # fields of a stage
PACKABLE = {  # what narrow models side by side are
    "backbone": "bert",
    "multiplexer": "binary_hadamard",
    "demultiplexer": "rsa",
    "readout": "first",
}
TASKS = (*LABELLED_TASKS, "masked_lm", "replaced_token_detection", "retrieval")
N_IN_NAME = "{n}"  # in the name of a recipe that serves several N
MANY = 10**9

Steps = Annotated[int, Whole(1, MANY)]
Count = Annotated[int, Whole(0, MANY)]
Rate = Annotated[float, Real(0, 1e6, is_above=True)]
Weight = Annotated[float, Real(0, 1e6)]
Share = Annotated[float, Real(0, 1)]
Seed = Annotated[int, Whole(0, 2**32 - 1)]
Name = Annotated[str, Text(200, least=1)]
Words = Annotated[str, Text(4000)]
Paths = Annotated[tuple[str, ...], Each(Text(4000, least=1), 1000, is_distinct=True)]
Layers = Annotated[tuple[int, ...], Each(Whole(0, LIMITS["num_hidden_layers"] - 1), 512)]


@dataclass(frozen=True)
class Checked:
    """What holds every field against the range that it declares."""

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Stage(Checked):
    """One stage: which losses, on which texts, for how long."""

    name: Name  # "priming", "pre_training", "fine_tuning" or any other word
    steps: Steps  # optimiser steps
    learning_rate: Rate  # peak
    warmup_steps: Count = 100  # linear, then linear decay to zero
    # What task_coeff weighs.
    objective: Annotated[str, OneOf(OBJECTIVES)] = "task"
    groups: Annotated[int, Whole(1, 1 << 16)] = 32  # multiplexed sequences per step, over all
    task_coeff: Weight = 0.0  # weight of the objective
    retrieval_coeff: Weight = 0.0  # cross-entropy of read-back tokens
    retrieval_positions: Count = 0  # positions read back per step; 0 means all (published)
    mask_share: Share = 0.15  # masked_lm, replaced_tokens: tokens selected
    hidden_coeff: Weight = 0.0  # ours: squared distance to the teacher's last hidden states
    sentence_coeff: Weight = 0.0  # ours: squared distance of the sentence vector to its [CLS]
    logit_coeff: Weight = 0.0  # ours: KL to the teacher's label distribution
    probe_coeff: Weight = 0.0  # ours, N = 1: cross-entropy of a mean-pooled linear probe
    # Packed: squared distance to the teacher's logits, and to its states, over their variance.
    answer_coeff: Weight = 0.0
    state_coeff: Weight = 0.0
    # Packed: every weight trains by itself; before that it is shared by all slots.
    free: Annotated[bool, Flag()] = False
    # Packed, free: how far slot vectors have gone from chunks of their own to Gaussian ones.
    sharing: Share = 0.0
    sharing_warmup: Count = 0  # steps over which they go there from the stage before's
    # Pruning: target share of encoder weights pruned; 0 trains no gates.
    sparsity: Annotated[float, Real(0, 1, is_below=True)] = 0.0
    sparsity_warmup: Count = 0  # steps over which the target rises from the stage before's
    gate_learning_rate: Rate = 0.1  # of gates and multipliers
    layer_coeff: Weight = 0.0  # squared distance of matched layers to the unpruned model's
    layer_matching: Annotated[str, OneOf(MATCHINGS)] = "ordered"  # CoFi's 3, 4, 5, 6
    prediction_coeff: Weight = 0.0  # KL to the unpruned model's answers
    temperature: Rate = 2.0  # of that KL
    general_share: Share = 0.0  # share of rows (packed: of steps) from the general corpus
    bucketed_share: Share = 0.5  # share of steps whose groups hold texts of like length
    min_tokens: Count = 0  # task rows with fewer tokens are left out

    @property
    def asks_teacher(self) -> bool:
        """Whether it imitates a plain teacher."""
        names = ("hidden", "sentence", "logit", "answer", "state")
        return any(getattr(self, f"{name}_coeff") > 0 for name in names)

    @property
    def has_loss(self) -> bool:
        """Whether anything is trained on."""
        return any(getattr(self, f.name) > 0 for f in fields(self) if f.name.endswith("_coeff"))


Stages = tuple[Stage, ...]


@dataclass(frozen=True)
class Parts(Checked):
    """The parts of the model."""

    backbone: Annotated[str, Part("BACKBONES")] = "bert"
    # identity: a plain model (the default at N = 1)
    multiplexer: Annotated[str, Part("MULTIPLEXERS")] = "gaussian_hadamard"
    demultiplexer: Annotated[str, Part("DEMULTIPLEXERS")] = "rsa"
    num_demux_layers: Annotated[int, Whole(1, LIMITS["num_hidden_demux_layers"])] = 2
    # "sign" (ours): +1 or -1 instead of a normal draw
    instance_vectors: Annotated[str, OneOf(INSTANCE_VECTORS)] = "gaussian"
    instance_norm: Weight = 0.0  # L2 norm of the slot vectors; 0 means sqrt(E N)
    learn_instances: Annotated[bool, Flag()] = False
    # "first" is the published read-out, "mean" is ours
    readout: Annotated[str, Part("READOUTS")] = "first"
    dropout: Annotated[float, Real(0, 1, is_below=True)] = 0.1
    # Of the generator of replaced-token detection; 0 layers: uniform random tokens (released).
    generator_layers: Annotated[int, Whole(0, LIMITS["num_hidden_layers"])] = 0
    generator_coeff: Weight = 1.0


@dataclass(frozen=True)
class Sizes(Checked):
    """Of a model from scratch, or what is kept of the initial encoder."""

    hidden_size: Annotated[int, Whole(0, LIMITS["hidden_size"])] = 0  # 0 means that of the start
    embedding_size: Annotated[int, Whole(0, LIMITS["embedding_size"])] = 0  # 0: hidden_size
    num_layers: Annotated[int, Whole(0, LIMITS["num_hidden_layers"])] = 0
    num_heads: Annotated[int, Whole(0, LIMITS["num_attention_heads"])] = 0
    intermediate_size: Annotated[int, Whole(0, LIMITS["intermediate_size"])] = 0
    layers: Layers = ()  # layers kept of the start; () means all
    mux_layers: Layers = ()  # its layers that a contextual multiplexer starts from
    # Rows kept of its vocabulary; 0 means all.
    vocab_size: Annotated[int, Whole(0, LIMITS["vocab_size"])] = 0
    vocabulary: Words = ""  # vocab.txt to use, in --data or the current folder
    # Rows kept of its position table.
    max_length: Annotated[int, Whole(4, LIMITS["max_position_embeddings"])] = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_heads and self.hidden_size % self.num_heads:
            raise ConfigError(
                f"hidden_size {self.hidden_size} is not a multiple of num_heads {self.num_heads}; "
                "change one"
            )
        if self.layers and self.num_layers not in (0, len(self.layers)):
            raise ConfigError(
                f"num_layers is {self.num_layers}, and layers names {len(self.layers)}; leave one "
                "out"
            )
        if self.vocabulary and self.vocab_size:
            raise ConfigError(
                f"vocab_size is {self.vocab_size} beside vocabulary {self.vocabulary!r}, which is "
                "taken as it is; leave one out"
            )


@dataclass(frozen=True)
class Data(Checked):
    """Texts to train on and to score."""

    task_train: Words = "sst2/train.tsv.gz"
    task_dev: Words = "sst2/dev.tsv.gz"
    # Names in order; () takes those of the training file.
    labels: Annotated[tuple[str, ...], Each(Text(200, least=1), 100_000, is_distinct=True)] = ()
    general: Paths = ()  # general corpora, one paragraph per line
    general_rows: Count = 60000  # rows kept of them; 0 means all
    data_seed: Seed = 17  # of the sample of general rows
    packing: Annotated[str, OneOf(PACKINGS)] = "sentences"  # or "documents": filled to max_length
    unlabelled: Paths = ()  # ours: more texts like the task's, drawn with the general
    # Ours: rows made of two task rows each (packed: two or three), drawn with the general ones.
    compounds: Annotated[int, Whole(0, 10**7)] = 0


@dataclass(frozen=True)
class Packed(Checked):
    """A packed start: N narrow models side by side, cut out of --teacher."""

    # Sizes of a slot's model; 0 means the N-th part of hidden_size, num_heads, intermediate_size.
    slot_width: Annotated[int, Whole(0, LIMITS["hidden_size"])] = 0
    slot_heads: Annotated[int, Whole(0, LIMITS["num_attention_heads"])] = 0
    slot_units: Annotated[int, Whole(0, LIMITS["intermediate_size"])] = 0
    exchanged: Annotated[int, Whole(0, 10**7)] = 0  # rows with a part exchanged for another's
    # How often task rows, compounds, exchanged and unlabelled ones are drawn; () as many as there
    # are.
    shares: Annotated[tuple[float, ...], Each(Real(0, 1e6), 4)] = ()
    held_out: Count = 0  # task rows not trained on, scored while training in place of dev


@dataclass(frozen=True)
class Pruning(Checked):
    """What is pruned, and how gates begin."""

    prune: Annotated[tuple[str, ...], Each(OneOf(PRUNABLE), 5, least=1, is_distinct=True)] = (
        PRUNABLE
    )
    # Chance that an inner dimension's gate begins closed.
    droprate: Annotated[float, Real(0, 1, is_above=True, is_below=True)] = 0.5
    # Ours: dimensions kept of the demultiplexer's states; 0 means all.
    readout_width: Annotated[int, Whole(0, LIMITS["hidden_size"])] = 0
    freeze_embeddings: Annotated[bool, Flag()] = False  # as the published pruning does


@dataclass(frozen=True)
class Training(Checked):
    """How steps are taken, and how often the run writes."""

    weight_decay: Weight = 0.01
    clip_norm: Annotated[float, Real(0, 1e30, is_above=True)] = 1.0  # 1e9: no clipping
    adam_beta2: Annotated[float, Real(0, 1, is_below=True)] = 0.98
    # Mixed precision through accelerate.
    precision: Annotated[str, OneOf(PRECISIONS)] = "no"
    accumulate: Annotated[int, Whole(1, 1 << 16)] = 1  # micro-batches a step is cut into
    compile: Annotated[bool, Flag()] = False  # torch.compile the encoder
    save_every: Steps = 500  # steps between saved states
    log_every: Steps = 50  # steps between rows of metrics.jsonl


@dataclass(frozen=True)
class Recipe:
    """One run. Fields without a default are required; no two tables share the name of a field."""

    name: Name  # of the exported checkpoint
    num_instances: Annotated[int, Whole(1, LIMITS["num_instances"])]
    stages: Annotated[Stages, Each(Instance(Stage), 1000, least=1)]
    task: Annotated[str, Part("TRAINED_TASKS")] = CLASS_TASKS[0]  # decides the head
    seed: Seed = 17
    start: Annotated[str, OneOf(("", PACKED))] = ""  # "": where --start says
    baseline: Words = ""  # name of the N = 1 checkpoint to compare with
    source: Words = ""  # published recipes: where the numbers come from
    # Published recipes: fields whose published value is not known.
    unknown: Annotated[tuple[str, ...], Each(Text(200, least=1), 100)] = ()
    # After `muxviz prune`, for each sparsity of the stages.
    fine_tuning: Annotated[Stages, Each(Instance(Stage), 1000)] = ()
    model: Annotated[Parts, Instance(Parts)] = Parts()
    sizes: Annotated[Sizes, Instance(Sizes)] = Sizes()
    data: Annotated[Data, Instance(Data)] = Data()
    packed: Annotated[Packed, Instance(Packed)] = Packed()
    pruning: Annotated[Pruning, Instance(Pruning)] = Pruning()
    training: Annotated[Training, Instance(Training)] = Training()

    def __post_init__(self) -> None:
        check(self)
        self._check_data()
        self._check_pruning()
        self._check_packed()
        for stage in (*self.stages, *self.fine_tuning):
            self._check_stage(stage)

    def _check_data(self) -> None:
        data = self.data
        if data.labels and (self.task not in CLASS_TASKS or len(data.labels) < 2):
            raise ConfigError(
                f"labels is {shown(data.labels)} for task {self.task}; expected two or more names, "
                f"for {' or '.join(CLASS_TASKS)}"
            )
        if data.compounds and self.task not in LABELLED_TASKS:
            raise ConfigError(f"compounds are made of labelled rows; {self.task} has none")
        drawn = self.is_packed or any(stage.general_share for stage in self.stages)
        if data.compounds and not drawn:
            raise ConfigError(
                f"compounds is {data.compounds:,}, and no stage draws them; give a stage a "
                "general_share, or set compounds to 0"
            )

    def _check_stage(self, stage: Stage) -> None:
        if not stage.has_loss:
            raise ConfigError(
                f"stage {stage.name!r} of {self.name} has no loss; set one of task_coeff, "
                "retrieval_coeff, hidden_coeff ... above 0"
            )
        if stage.groups % self.training.accumulate:
            raise ConfigError(
                f"stage {stage.name!r}: {stage.groups} groups per step cannot be shared equally by "
                f"{self.training.accumulate} micro-batches (accumulate); choose a multiple"
            )
        if stage.probe_coeff and self.num_instances > 1:
            raise ConfigError(
                f"stage {stage.name!r}: probe_coeff is {stage.probe_coeff} at N = "
                f"{self.num_instances}; the probe is for N = 1: set it to 0"
            )
        others = self.data.general or self.data.unlabelled or self.data.compounds
        if stage.general_share and self.task in LABELLED_TASKS and not others:
            raise ConfigError(
                f"stage {stage.name!r}: general_share is {stage.general_share}, and there is "
                "nothing to draw from; name texts in general or unlabelled, or set compounds"
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
        if self.prunes and self.training.compile:
            raise ConfigError(
                "compile with gates: shapes change at every step; set compile to false"
            )
        idle = "readout_width" if self.pruning.readout_width else "[[fine_tuning]]"
        if not self.prunes and (self.pruning.readout_width or self.fine_tuning):
            raise ConfigError(
                f"{idle} belongs to pruning, and no stage has a sparsity; leave it out"
            )

    def check_teacher(self, *, is_named: bool) -> None:
        """See that there is a teacher where any stage imitates one, and none where none does.

        Raises:
            ConfigError: says which.
        """
        asking = [s.name for s in (*self.stages, *self.fine_tuning) if s.asks_teacher]
        if asking and not is_named:
            raise ConfigError(
                f"stage {asking[0]!r} of {self.name} imitates a teacher, and none is given; name "
                "one with --teacher, or set hidden_coeff, sentence_coeff and logit_coeff to 0"
            )
        if is_named and not asking and not self.is_packed:  # a packed start is cut out of it
            raise ConfigError(
                f"no stage of {self.name} imitates a teacher; leave --teacher out, or set "
                "hidden_coeff, sentence_coeff or logit_coeff above 0"
            )

    @property
    def asks_teacher(self) -> bool:
        """Whether any of its own stages imitates a plain teacher."""
        return any(stage.asks_teacher for stage in self.stages)

    def _check_packed(self) -> None:
        if not self.is_packed:
            given = [f.name for f in fields(Packed) if getattr(self.packed, f.name) != f.default]
            given += [n for s in self.stages for n in PACKED_ONLY if getattr(s, n)]
            if given:
                raise ConfigError(
                    f"{given[0]} is given, and start is not {PACKED!r}; set one of them"
                )
            return
        for name, only in PACKABLE.items():
            own = getattr(self.model, name)
            if own != only:
                raise ConfigError(f"{name} is {own!r}; a packed start has {name} {only!r} only")
        if (
            self.prunes
            or self.fine_tuning
            or self.model.generator_layers
            or self.model.learn_instances
        ):
            raise ConfigError(
                "a packed start goes without sparsity, fine_tuning, generator_layers and "
                "learn_instances; prune or fine-tune its result in a run of its own"
            )
        frees = [stage.free for stage in self.stages]
        if frees != sorted(frees) or frees[0]:
            raise ConfigError(
                f"free of the stages is {frees}; a packed start begins with one that is not free, "
                "and free ones come last"
            )
        sharing = [stage.sharing for stage in self.stages]
        tied = [stage.name for stage in self.stages if stage.sharing and not stage.free]
        if sharing != sorted(sharing) or tied:
            raise ConfigError(
                f"sharing of the stages is {sharing}; it must not fall, and blocks that are tied "
                "need chunks of their own: give it to stages with free = true"
            )
        if self.packed.shares and not sum(self.packed.shares):
            raise ConfigError("all shares are 0, so nothing would be drawn; give one above 0")

    @property
    def is_packed(self) -> bool:
        """Whether the run starts as narrow models side by side."""
        return self.start == PACKED

    @property
    def tied_steps(self) -> int:
        """Steps before every weight trains by itself; 0 in a run that is not packed."""
        return sum(stage.steps for stage in self.stages if not stage.free) if self.is_packed else 0

    @property
    def prunes(self) -> bool:
        """Whether any stage trains gates."""
        return any(stage.sparsity for stage in self.stages)

    @property
    def is_multiplexed(self) -> bool:
        """Whether the model has a multiplexer; at N = 1 only where both parts are not identity."""
        return self.model.multiplexer != "identity"

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
        """Plain values for ``run.json`` and cards: every field by its name, without tables."""
        found: dict[str, Any] = {}
        for name, value in asdict(self).items():
            found |= value if name in TABLES else {name: value}
        return found


TABLES: dict[str, type[Checked]] = {
    "model": Parts,
    "sizes": Sizes,
    "data": Data,
    "packed": Packed,
    "pruning": Pruning,
    "training": Training,
}
TABLE_OF = {field.name: name for name, kind in TABLES.items() for field in fields(kind)}


def read_recipe(path: str | Path, *, num_instances: int | None = None, start: str = "") -> Recipe:
    """Read and check a recipe.

    Args:
        path: TOML file.
        start: "packed" where the command asks for it, whatever the file says.
        num_instances: another N than the file's, where it is a recipe for several: its name then
            holds ``{n}``, which becomes N.

    Raises:
        ConfigError: a file that cannot be read, no TOML, an unknown or missing key, a value outside
            its range, values that contradict each other; or ``num_instances`` for a recipe of
            another N only.
    """
    path = Path(path)
    wanted = "a recipe: a TOML file such as those in configs/"
    try:
        text = files.read_text(path, most=files.LARGEST_TOML, expected=wanted)
        table = files.parse_toml(text, path, expected=wanted)
    except FileError as error:
        raise ConfigError(str(error)) from error
    source = _Source(path, _key_lines(text))
    table = _with_num_instances(table, num_instances, path)
    table |= {"start": start} if start else {}
    table = _in_tables(table, path)
    if "multiplexer" not in table["model"]:
        if table.get("start") == PACKED:
            table["model"] |= {"multiplexer": "binary_hadamard"}
        elif table.get("num_instances") == 1:
            table["model"] |= {"multiplexer": "identity", "demultiplexer": "identity"}
    for name, kind in TABLES.items():
        table[name] = source.build(kind, table[name], name)
    for name in ("stages", "fine_tuning"):
        table[name] = [
            source.build(Stage, stage, name, number)
            for number, stage in enumerate(_tables(table, name, path))
        ]
    recipe: Recipe = source.build(Recipe, table)
    return recipe


def _in_tables(given: dict[str, Any], path: Path) -> dict[str, Any]:
    """``given`` with every field in its table, also where it stands outside of all of them, as in
    recipes of before there were tables.
    """
    found = {name: value for name, value in given.items() if name not in TABLE_OF}
    for name in TABLES:
        own = given.get(name, {})
        if not isinstance(own, dict):
            raise ConfigError(f"{path}: {name} is {shown(own)}; expected a table, [{name}]")
        outside = {field: v for field, v in given.items() if TABLE_OF.get(field) == name}
        if twice := sorted(own.keys() & outside.keys()):
            raise ConfigError(
                f"{path}: {twice[0]} is given in [{name}] and outside of it; leave one out"
            )
        found[name] = own | outside
    return found


def _tables(table: dict[str, Any], name: str, path: Path) -> list[dict[str, Any]]:
    found = table.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ConfigError(f"{path}: {name} is {shown(found)}; expected tables under [[{name}]]")
    if name == "stages" and not found:
        raise ConfigError(f"{path}: the recipe has no [[stages]]; give at least one")
    return found


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


_KEY = re.compile(r"\s*+([\w-]+)\s*+=")
_TABLE = re.compile(r"\s*+\[{1,2}\s*+([\w-]+)\s*+\]")


def _key_lines(text: str) -> dict[tuple[str, int, str], int]:
    """The line of each key, by the table or list of tables it is in ("" for none), and the place
    of its table in that list.
    """
    found: dict[tuple[str, int, str], int] = {}
    begun = {"": 0}
    where = ""
    for number, row in enumerate(text.split("\n"), start=1):
        if table := _TABLE.match(row):
            where = table[1]
            begun[where] = begun.get(where, -1) + 1
        elif key := _KEY.match(row):
            found.setdefault((where, begun[where], key[1]), number)
    return found


@dataclass(frozen=True)
class _Source:
    """A recipe's file. lines: as ``_key_lines``."""

    path: Path
    lines: dict[tuple[str, int, str], int]

    def build(self, kind: type, table: dict[str, Any], where: str = "", number: int = 0) -> Any:
        """A ``kind`` from the table ``where`` of the file, or from one in that list of tables.

        Raises:
            ConfigError: an unknown, missing or odd key; names file, line and list.
        """
        named = f" [{where}]" if where in TABLES else f" [[{where}]]" if where else ""
        part = f"{printable(self.path)}{named}"
        known = {f.name: f for f in fields(kind)}
        values = {name: tuple(v) if isinstance(v, list) else v for name, v in table.items()}
        for name, value in values.items():
            line = self.lines.get((where, number, name))
            if line is None and where in TABLES:
                line = self.lines.get(("", 0, name))
            place = part if line is None else f"{part}, line {line}"
            if name not in known:
                raise ConfigError(
                    f"{place}: unknown key {shown(name)}; known keys: {', '.join(known)}"
                )
            if said := problem(kind, name, value):
                raise ConfigError(f"{place}: {said}")
        missing = [n for n, f in known.items() if f.default is MISSING and n not in values]
        if missing:
            raise ConfigError(f"{part}: missing key {missing[0]!r}")
        try:
            return kind(**values)
        except ConfigError as error:
            raise ConfigError(f"{part}: {error}") from error

"""From a folder's ``config.json`` and its tensors' shapes to a ``MuxConfig``.

A field that is absent is inferred from the weights. A field that is present and contradicts the
weights, or names something unknown, is an error that states both sides.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from muxviz import config as parts
from muxviz.config import SENTENCE_TASKS, SHORTEST, TASKS, MuxConfig
from muxviz.errors import CheckpointMismatch, ConfigError, InstanceMismatch, UnknownVariant
from muxviz.loading.fields import check_sizes, shown, text, whole
from muxviz.loading.heads import head_task
from muxviz.loading.layout import (
    DEMUXING_VARIANTS,
    MUXING_VARIANTS,
    PUBLISHED_CLASSES,
    ROW_SCALE,
    is_published,
)
from muxviz.loading.pruned import infer_structure
from muxviz.loading.sizes import TIED_WORDS, Shapes, backbone_shape, dims, numbers

# Fields of the "muxviz" object.
OURS = (
    "default_padding",
    "demultiplexer",
    "fixed_length",
    "multiplexer",
    "readout",
    "structure",
    "task",
)
# Parts that torch.compile, data parallelism and checkpointing put anywhere into a name.
TORCH_WRAPPERS = re.compile(
    r"(?<![^.])(?:_orig_mod|module|_fsdp_wrapped_module|_checkpoint_wrapped_module)\."
)
BACKBONE_PART = re.compile(r"((?:[^.]+\.)*?)(?:bert|electra|roberta)\.(?:embeddings|encoder)\.")


@dataclass(frozen=True)
class Inferred:
    """The configuration, and a line for every field that had to be inferred."""

    config: MuxConfig
    notes: tuple[str, ...]


def normalise(names: list[str]) -> dict[str, str]:
    """Map names as stored to names as published: stray wrappers and old norm names removed.

    What lies beside the model (a loss with weights of its own, a generator beside its
    discriminator) is left out; see ``names_beside``.

    Raises:
        CheckpointMismatch: two stored names mean one published name, or there are two models.
    """
    bare = {name: TORCH_WRAPPERS.sub("", name) for name in names if not name.endswith(ROW_SCALE)}
    prefix = _prefix(set(bare.values()))
    renamed: dict[str, str] = {}
    seen: dict[str, str] = {}
    for name, inner in bare.items():
        if not inner.startswith(prefix):
            continue
        published = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", inner.removeprefix(prefix))
        published = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", published)
        if published in seen:
            raise CheckpointMismatch(
                f"the weights hold {published} twice, as {seen[published]} and as {name}; the file "
                "is damaged or merged, fetch it again"
            )
        renamed[name], seen[published] = published, name
    return renamed


def _prefix(names: set[str]) -> str:
    """What stands before the backbone in the names, such as ``model.``."""
    found = {match[1] for name in names if (match := BACKBONE_PART.match(name))}
    if "" in found or not found:
        return ""
    if len(found) > 1:  # beside its generator, the discriminator is the model
        found = {prefix for prefix in found if prefix.endswith("discriminator.")} or found
    if len(found) > 1:
        raise CheckpointMismatch(
            f"the weights hold {len(found)} models, under {' and '.join(sorted(found)[:3])}; save "
            "the state dict of one of them"
        )
    return found.pop()


def names_beside(names: list[str], renamed: dict[str, str]) -> list[str]:
    """The stored names that ``normalise`` has left out, a generator's aside."""
    return [
        name
        for name in names
        if name not in renamed and not name.endswith(ROW_SCALE) and "generator." not in name
    ]


def default_padding(is_multiplexed: bool) -> str:
    """How a checkpoint pads when its config does not say: as its authors evaluated it."""
    return "fixed" if is_multiplexed else "group"


def infer_config(raw: dict[str, Any], shapes: Shapes, where: str) -> Inferred:
    """Read ``raw`` (a config.json) against ``shapes`` (published name -> shape).

    Raises:
        ConfigError: an unknown variant or class, an impossible value.
        CheckpointMismatch: a field contradicts the weights.
        CheckpointTooLarge: an absurd size.
    """
    check_sizes(raw, where)
    notes: list[str] = []
    backbone = _backbone(raw, shapes, where, notes)
    _need_words(shapes, backbone, where)
    ours = _ours(raw, where)
    is_multiplexed = "instance_embedding" in shapes or "multiplexer" in ours
    name, task = _task(raw, shapes, backbone, is_multiplexed, where, notes)
    num, multiplexer, demultiplexer = 1, "identity", "identity"
    if is_multiplexed:
        num = _num_instances(raw, shapes, where, notes)
        multiplexer = _own_part(ours, "multiplexer", parts.MULTIPLEXERS, where) or _multiplexer(
            raw, shapes, where, notes
        )
        demultiplexer = _own_part(
            ours, "demultiplexer", parts.DEMULTIPLEXERS, where
        ) or _demultiplexer(raw, shapes, where, notes)
    elif raw.get("num_instances") not in (None, 1):
        raise InstanceMismatch(
            f"{where}: config.json says num_instances {raw['num_instances']}, but the weights have "
            "no instance_embedding (a plain model); correct the config or fetch the right weights"
        )
    layers, stored = _demux_layers(raw, shapes, demultiplexer, where, notes)
    num_labels = _num_labels(raw, shapes, task, where)
    task = head_task(raw, task, num_labels, where, notes)
    labels, source = _labels(raw, num_labels, notes)
    left = infer_structure(raw, ours, shapes, backbone, where)
    if left is not None and not left.is_numbered:
        notes.append("pruned: the kept sizes are read off the weights; which were kept is not told")
    shape = backbone_shape(raw, shapes, backbone, where, notes, left=left)
    readout = text(ours, "readout", where) or "first"
    padding = text(ours, "default_padding", where) or default_padding(is_multiplexed)
    fixed_length = whole(ours, "fixed_length", 128, where, below=1 << 20)
    try:
        config = MuxConfig(
            backbone=backbone,
            task=task,
            shape=shape,
            num_instances=num,
            multiplexer=multiplexer,
            demultiplexer=demultiplexer,
            num_labels=num_labels,
            labels=labels,
            labels_source=source,
            num_demux_layers=layers,
            stored_demux_layers=stored,
            readout=readout,
            has_retrieval_head=_has_retrieval_head(shapes),
            published_class=name,
            default_padding=padding,
            fixed_length=fixed_length,
            structure=left,
            extras=raw,
        )
    except ConfigError as error:
        raise type(error)(f"{where}, config.json: {error}") from error
    _check_runs(config, where)
    return Inferred(config, tuple(notes))


def _need_words(shapes: Shapes, backbone: str, where: str) -> None:
    names = (f"{backbone}.embeddings.word_embeddings.weight", *TIED_WORDS)
    if not any(name in shapes for name in names):
        raise CheckpointMismatch(
            f"{where}: no {names[0]} among {len(shapes)} tensors; this is not a complete model, "
            "fetch the whole checkpoint"
        )


def _ours(raw: dict[str, Any], where: str) -> dict[str, Any]:
    """The ``muxviz`` object of a config: what the published fields cannot say."""
    ours = raw.get("muxviz")
    if ours is None:
        return {}
    if not isinstance(ours, dict) or set(ours) - set(OURS):
        raise ConfigError(
            f"{where}: the field muxviz is {shown(ours)}; expected an object with some of the "
            f"fields {', '.join(OURS)}"
        )
    return ours


def _has_retrieval_head(shapes: Shapes) -> bool:
    keys = "retrieval_head.demux_module.demux_instance_embedding"  # an alias, not the head
    prefix = "retrieval_head.demux_module." if keys in shapes else "\n"
    return any(n.startswith("retrieval_head.") and not n.startswith(prefix) for n in shapes)


def _check_runs(config: MuxConfig, where: str) -> None:
    """Refuse what would only fail in the first forward pass."""
    shape = config.shape
    reads_back = config.is_multiplexed and config.task in ("masked_lm", "retrieval")
    if reads_back and not config.has_retrieval_head:
        raise CheckpointMismatch(
            f"{where}: task {config.task} is answered by the retrieval head, but the weights have "
            "none; fetch the whole checkpoint"
        )
    if config.prefix_length and config.reserved_ids[1] - config.num_instances + 1 < 0:
        raise CheckpointMismatch(
            f"{where}: {config.num_instances} slots need as many marker ids downwards from "
            f"{config.reserved_ids[1]}; there are not that many"
        )
    if config.default_max_length < SHORTEST:
        raise CheckpointMismatch(
            f"{where}: {shape.max_position_embeddings} positions leave no room for a token between "
            f"[CLS] and [SEP] beside the prefix of {config.prefix_length}; use a model with more "
            "positions"
        )
    if config.mixes_padding and shape.embedding_size % shape.num_attention_heads:
        raise ConfigError(
            f"{where}: embedding_size {shape.embedding_size} is not a multiple of "
            f"num_attention_heads {shape.num_attention_heads}, as this multiplexer needs"
        )


def _backbone(raw: dict[str, Any], shapes: Shapes, where: str, notes: list[str]) -> str:
    found = [
        b for b in ("bert", "electra", "roberta") if any(n.startswith(f"{b}.") for n in shapes)
    ]
    declared = text(raw, "model_type", where)
    if not found:
        raise CheckpointMismatch(
            f"{where}: no tensor starts with bert., electra. or roberta. (first names: "
            f"{', '.join(n[:80] for n in sorted(shapes)[:3]) or 'none'}); this is not a MUX-PLM, "
            "T-MUX, BERT, ELECTRA or RoBERTa checkpoint with a head"
        )
    if declared is None:
        notes.append(f"model_type is absent: {found[0]} inferred from the weights' names")
        return found[0]
    if declared not in ("bert", "electra", "roberta"):
        raise ConfigError(
            f"{where}: model_type is {shown(declared)}; this version knows bert, electra and "
            "roberta"
        )
    if declared not in found:
        raise CheckpointMismatch(
            f"{where}: config.json says model_type {declared!r}, the weights are named {found[0]}.*"
        )
    return declared


def _task(
    raw: dict[str, Any],
    shapes: Shapes,
    backbone: str,
    is_multiplexed: bool,
    where: str,
    notes: list[str],
) -> tuple[str | None, str]:
    declared = raw.get("architectures") or []
    if not isinstance(declared, list) or not all(isinstance(name, str) for name in declared):
        raise ConfigError(
            f"{where}: architectures is {shown(declared)}; expected a list with one class name"
        )
    if not declared:
        return None, _task_without_class(raw, shapes, backbone, where, notes)
    name = declared[0].removeprefix("CoFi")  # a prunable class with the same parts
    known = PUBLISHED_CLASSES.get(name)
    if known is None:
        raise UnknownVariant(
            f"{where}: unknown class {shown(declared[0])} in architectures; this version knows "
            f"{', '.join(sorted(PUBLISHED_CLASSES))}"
        )
    if known.backbone != backbone:
        raise CheckpointMismatch(
            f"{where}: architectures says {name}, the weights belong to {backbone}"
        )
    if known.is_multiplexed != is_multiplexed:
        has = "have" if is_multiplexed else "have no"
        raise CheckpointMismatch(
            f"{where}: architectures says {name}, but the weights {has} instance_embedding"
        )
    ours = text(_ours(raw, where), "task", where)
    if ours not in (None, known.task) and not {ours, known.task} <= set(SENTENCE_TASKS):
        raise ConfigError(
            f"{where}: architectures says {name}, which is for {known.task}, muxviz says task "
            f"{shown(ours)}; correct one of them in config.json"
        )
    return name, ours or known.task


def _task_without_class(
    raw: dict[str, Any], shapes: Shapes, backbone: str, where: str, notes: list[str]
) -> str:
    """The task where no class is declared: our own field, or what the names look like."""
    ours = text(_ours(raw, where), "task", where)
    if ours is None:
        task = _task_from_names(shapes, backbone, "instance_embedding" in shapes)
        notes.append(f"architectures is absent: task {task} inferred from the weights' names")
        return task
    if ours not in TASKS:
        raise ConfigError(f"{where}: task {shown(ours)} is unknown; use {', '.join(TASKS)}")
    return ours


def _task_from_names(shapes: Shapes, backbone: str, is_multiplexed: bool) -> str:
    """Sentence and token heads of MUX-BERT and of the MLP kind look alike: sentence is assumed."""
    if any(n.startswith("discriminator_predictions.") for n in shapes):
        return "replaced_token_detection"
    if "demultiplexer.decoder.weight" in shapes:
        return "token_classification"
    if "classifier.out_proj.weight" in shapes or "demultiplexer.out_proj.weight" in shapes:
        return "sequence_classification"
    if "classifier.weight" not in shapes:
        return "masked_lm"
    has_sentence_head = is_multiplexed or "bert.pooler.dense.weight" in shapes
    is_sentence = backbone == "bert" and has_sentence_head
    return "sequence_classification" if is_sentence else "token_classification"


def _own_part(ours: dict[str, Any], kind: str, known: Collection[str], where: str) -> str | None:
    """A part that was never published, as its config names it; None where it names none."""
    name = text(ours, kind, where)
    if name is not None and (name not in known or is_published(name)):
        raise UnknownVariant(
            f"{where}: unknown {kind} {shown(name)} in the field muxviz; this version knows "
            f"{', '.join(known)}. Add it as CONTRIBUTING.md says, or use the version that wrote it"
        )
    return name


def _num_instances(raw: dict[str, Any], shapes: Shapes, where: str, notes: list[str]) -> int:
    declared = raw.get("num_instances")
    if "instance_embedding" not in shapes:  # a multiplexer of one's own need not have one
        if declared is None:
            raise ConfigError(f"{where}: num_instances is absent; add it to config.json")
        return int(declared)
    stored = dims(shapes, "instance_embedding", (2, 3), where)[0]
    if declared is None:
        notes.append(f"num_instances is absent: {stored} inferred from instance_embedding")
        return stored
    if declared != stored:
        raise InstanceMismatch(
            f"{where}: config.json says num_instances {declared}, instance_embedding has {stored} "
            "rows; correct the config or fetch the right weights"
        )
    for root in ("demux_module", "demultiplexer.demux_module"):
        name = f"{root}.demux_instance_embedding"
        keys = dims(shapes, name, (2,), where)[0] if name in shapes else stored
        if keys != stored:
            raise CheckpointMismatch(
                f"{where}: instance_embedding has {stored} slots, the demultiplexer's keys have "
                f"{keys}; the file mixes two models"
            )
    return stored


def _multiplexer(raw: dict[str, Any], shapes: Shapes, where: str, notes: list[str]) -> str:
    rank = len(shapes["instance_embedding"])
    if any(n.startswith("muxing_attention_2.") for n in shapes):
        found = "gaussian_attention_v2"
    elif any(n.startswith("cross_instances_linear.") for n in shapes):
        found = "gaussian_attention"
    else:
        found = "random_ortho" if rank == 3 else "gaussian_hadamard"
    declared = text(raw, "muxing_variant", where)
    if declared is None:
        notes.append(f"muxing_variant is absent: {found} inferred from the weights")
        return MUXING_VARIANTS[found]
    if declared not in MUXING_VARIANTS:
        raise UnknownVariant(
            f"{where}: unknown muxing_variant {shown(declared)}; this version knows "
            f"{', '.join(MUXING_VARIANTS)}"
        )
    alike = (
        {"gaussian_hadamard", "binary_hadamard"},
        {"random_ortho", "random_ortho_low_rank"},
    )
    if declared != found and not any({declared, found} <= group for group in alike):
        raise CheckpointMismatch(
            f"{where}: config.json says muxing_variant {declared!r}, the weights look like "
            f"{found!r} (instance_embedding has {rank} axes)"
        )
    return MUXING_VARIANTS[declared]


def _demultiplexer(raw: dict[str, Any], shapes: Shapes, where: str, notes: list[str]) -> str:
    if any(n.endswith("demux_module.demux_instance_embedding") for n in shapes):
        found = "index_pos"
    elif "demultiplexer.demux_module.dense_0.weight" in shapes:
        found = "mlp"
    elif "demultiplexer.dense.weight" in shapes:
        found = "index"
    else:
        raise CheckpointMismatch(
            f"{where}: no demultiplexer among the weights (looked for demux_module.*, "
            "demultiplexer.demux_module.dense_0 and demultiplexer.dense); fetch the whole file"
        )
    declared = text(raw, "demuxing_variant", where)
    if declared is None:
        notes.append(f"demuxing_variant is absent: {found} inferred from the weights")
        return DEMUXING_VARIANTS[found]
    if declared not in DEMUXING_VARIANTS:
        raise UnknownVariant(
            f"{where}: unknown demuxing_variant {shown(declared)}; this version knows "
            f"{', '.join(DEMUXING_VARIANTS)}"
        )
    if declared != found:
        raise CheckpointMismatch(
            f"{where}: config.json says demuxing_variant {declared!r}, the weights are those of "
            f"{found!r}"
        )
    return DEMUXING_VARIANTS[declared]


def _demux_layers(
    raw: dict[str, Any], shapes: Shapes, demultiplexer: str, where: str, notes: list[str]
) -> tuple[int, int]:
    if demultiplexer != "rsa":
        return 2, 2
    found = numbers(shapes, r".*demux_module\.dense_(\d{1,9})\.weight")
    stored = max(found, default=0)
    check_sizes({"num_hidden_demux_layers": stored}, where, source="the weights' names")
    declared = raw.get("num_hidden_demux_layers")
    if declared is None:
        notes.append(f"num_hidden_demux_layers is absent: {stored} inferred from the weights")
        return stored, stored
    if declared > stored:
        raise CheckpointMismatch(
            f"{where}: config.json says num_hidden_demux_layers {declared}, the weights have "
            f"{stored}"
        )
    return declared, stored


CLASSIFIERS = (
    "classifier.weight",
    "classifier.out_proj.weight",
    "demultiplexer.out_proj.weight",
    "demultiplexer.decoder.weight",
)


def _num_labels(raw: dict[str, Any], shapes: Shapes, task: str, where: str) -> int:
    if task not in (*SENTENCE_TASKS, "token_classification"):
        return 2
    present = next((n for n in CLASSIFIERS if n in shapes), None)
    if present is None:
        raise CheckpointMismatch(
            f"{where}: the class is for {task.replace('_', ' ')}, but there is no classifier among "
            "the weights; load the fine-tuned checkpoint, or declare the pre-training class"
        )
    stored = dims(shapes, present, (2,), where)[0]
    if stored < 1:
        raise CheckpointMismatch(f"{where}: {present} has no outputs; fetch the checkpoint again")
    labels = raw.get("id2label")
    # Released multiplexed configs may keep a base class's id2label; the weights decide there.
    named = len(labels) if isinstance(labels, dict) else 0
    if named not in (0, stored) and "instance_embedding" not in shapes:
        raise CheckpointMismatch(
            f"{where}: config.json names {named} labels, the classifier has {stored} outputs"
        )
    return stored


def _labels(raw: dict[str, Any], num_labels: int, notes: list[str]) -> tuple[tuple[str, ...], str]:
    """Label names and where they come from; what config.json says to no use becomes a note."""
    declared, labels = raw.get("num_labels"), raw.get("id2label")
    if declared not in (None, num_labels):
        notes.append(
            f"num_labels is {shown(declared)} in config.json: not used, there are {num_labels}"
        )
    names = _names(labels, num_labels)
    if names:
        theirs = raw.get("label2id")
        if isinstance(theirs, dict) and any(theirs.get(n, i) != i for i, n in enumerate(names)):
            notes.append(
                f"label2id in config.json ({shown(theirs)}) numbers the labels otherwise than "
                "id2label, which is used"
            )
        return names, "config.json"
    is_default = isinstance(labels, dict) and are_numbers(map(str, labels.values()))
    if labels and not (is_default and len(labels) == num_labels):
        notes.append(
            f"id2label in config.json is not used ({shown(labels)}): expected {num_labels} names "
            "for 0, 1, ... that differ; labels are numbers"
        )
    others = raw.get("label2id")
    if isinstance(others, dict) and not are_numbers(others):
        notes.append(
            f"label2id in config.json has names ({shown(list(others))}) that id2label has not: "
            "they are not used, labels are numbers"
        )
    return (), ""


def _names(labels: Any, num_labels: int) -> tuple[str, ...]:
    """The names of ``id2label`` where it is whole; empty for anything else."""
    if not isinstance(labels, dict) or len(labels) != num_labels:
        return ()
    names = tuple(labels.get(str(i)) for i in range(num_labels))
    if not all(isinstance(n, (str, int, float)) and str(n).strip() for n in names):
        return ()
    written = tuple(str(n)[:200] for n in names)
    return () if len(set(written)) < len(written) or are_numbers(written) else written


def are_numbers(names: Iterable[str]) -> bool:
    """Whether these are the names that stand for none: LABEL_0, LABEL_1 ..."""
    return all(re.fullmatch(r"LABEL_\d+", name) for name in names)

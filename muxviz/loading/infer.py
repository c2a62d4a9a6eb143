"""From a folder's ``config.json`` and its tensors' shapes to a ``MuxConfig``.

A field that is absent is inferred from the weights. A field that is present and contradicts the
weights, or names something unknown, is an error that states both sides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import CheckpointMismatch, CheckpointTooLarge, ConfigError
from muxviz.loading.layout import DEMUXING_VARIANTS, MUXING_VARIANTS, PUBLISHED_CLASSES

Shapes = dict[str, tuple[int, ...]]

# Far above any published model; beyond it a config is a mistake or an attack.
LIMITS = {
    "hidden_size": 65536,
    "embedding_size": 65536,
    "intermediate_size": 1 << 18,
    "num_hidden_layers": 512,
    "num_attention_heads": 1024,
    "vocab_size": 1 << 22,
    "max_position_embeddings": 1 << 20,
    "num_instances": 1024,
    "num_hidden_demux_layers": 64,
}


@dataclass(frozen=True)
class Inferred:
    """The configuration, and a line for every field that had to be inferred."""

    config: MuxConfig
    notes: tuple[str, ...]


def normalise(names: list[str]) -> dict[str, str]:
    """Map names as stored to names as published: stray wrappers and old norm names removed."""
    prefix = ""
    for candidate in ("discriminator.", "module.", "model."):
        if names and all(n.startswith((candidate, "generator.")) for n in names):
            prefix = candidate
    renamed = {}
    for name in names:
        if prefix and not name.startswith(prefix):
            continue  # a generator beside its discriminator
        bare = name.removeprefix(prefix)
        bare = re.sub(r"LayerNorm\.gamma$", "LayerNorm.weight", bare)
        renamed[name] = re.sub(r"LayerNorm\.beta$", "LayerNorm.bias", bare)
    return renamed


def infer_config(raw: dict[str, Any], shapes: Shapes, where: str) -> Inferred:
    """Read ``raw`` (a config.json) against ``shapes`` (published name -> shape).

    Raises:
        ConfigError: an unknown variant or class, an impossible value.
        CheckpointMismatch: a field contradicts the weights.
        CheckpointTooLarge: an absurd size.
    """
    _check_limits(raw, where)
    notes: list[str] = []
    backbone = _backbone(raw, shapes, where, notes)
    if f"{backbone}.embeddings.word_embeddings.weight" not in shapes and not any(
        name.endswith("decoder.weight") for name in shapes
    ):
        raise CheckpointMismatch(
            f"{where}: no {backbone}.embeddings.word_embeddings.weight among {len(shapes)} "
            "tensors; this is not a complete model, fetch the whole checkpoint"
        )
    ours = raw.get("muxviz") or {}
    if not isinstance(ours, dict):
        raise ConfigError(f"{where}: the field muxviz is {ours!r}; expected an object")
    is_multiplexed = "instance_embedding" in shapes
    name, task = _task(raw, shapes, backbone, is_multiplexed, where, notes)
    num, multiplexer, demultiplexer = 1, "identity", "identity"
    if is_multiplexed:
        num = _num_instances(raw, shapes, where, notes)
        multiplexer = _multiplexer(raw, shapes, where, notes)
        demultiplexer = _demultiplexer(raw, shapes, where, notes)
    elif raw.get("num_instances", 1) != 1:
        raise CheckpointMismatch(
            f"{where}: config.json says num_instances {raw['num_instances']}, but the weights have "
            "no instance_embedding (a plain model); correct the config or fetch the right weights"
        )
    layers, stored = _demux_layers(raw, shapes, demultiplexer, where, notes)
    num_labels = _num_labels(raw, shapes, task, where)
    if task == "sequence_classification" and num_labels == 1:
        task = "regression"
    labels, source = _labels(raw, num_labels)
    config = MuxConfig(
        backbone=backbone,
        task=task,
        shape=_shape(raw, shapes, backbone, where, notes),
        num_instances=num,
        multiplexer=multiplexer,
        demultiplexer=demultiplexer,
        num_labels=num_labels,
        labels=labels,
        labels_source=source,
        num_demux_layers=layers,
        stored_demux_layers=stored,
        readout=str(ours.get("readout", "first")),
        has_retrieval_head=any(n.startswith("retrieval_head.") for n in shapes),
        published_class=name,
        default_padding=str(ours.get("default_padding", "fixed" if is_multiplexed else "group")),
        extras=raw,
    )
    return Inferred(config, tuple(notes))


def _check_limits(raw: dict[str, Any], where: str) -> None:
    for field, limit in LIMITS.items():
        value = raw.get(field)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ConfigError(f"{where}: {field} is {value!r}; expected a whole number above 0")
        if value > limit:
            raise CheckpointTooLarge(
                f"{where}: {field} is {value:,}; no known model exceeds {limit:,}. Nothing was "
                "allocated; check the config"
            )


def _backbone(raw: dict[str, Any], shapes: Shapes, where: str, notes: list[str]) -> str:
    found = [b for b in ("bert", "electra", "roberta") if any(n.startswith(f"{b}.") for n in shapes)]
    declared = raw.get("model_type")
    if not found:
        raise CheckpointMismatch(
            f"{where}: no tensor starts with bert., electra. or roberta. (first names: "
            f"{', '.join(sorted(shapes)[:3]) or 'none'}); this is not a MUX-PLM, T-MUX, BERT, "
            "ELECTRA or RoBERTa checkpoint with a head"
        )
    if declared is None:
        notes.append(f"model_type is absent: {found[0]} inferred from the weights' names")
        return found[0]
    if declared not in ("bert", "electra", "roberta"):
        raise ConfigError(
            f"{where}: model_type is {declared!r}; this version knows bert, electra and roberta"
        )
    if declared not in found:
        raise CheckpointMismatch(
            f"{where}: config.json says model_type {declared!r}, the weights are named {found[0]}.*"
        )
    return str(declared)


def _task(
    raw: dict[str, Any],
    shapes: Shapes,
    backbone: str,
    is_multiplexed: bool,
    where: str,
    notes: list[str],
) -> tuple[str | None, str]:
    declared = raw.get("architectures") or []
    name = declared[0] if isinstance(declared, list) and declared else None
    if name is None:
        task = _task_from_names(shapes, backbone)
        notes.append(f"architectures is absent: task {task} inferred from the weights' names")
        return None, task
    known = PUBLISHED_CLASSES.get(name)
    if known is None:
        raise ConfigError(
            f"{where}: unknown class {name!r} in architectures; this version knows "
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
    return name, known.task


def _task_from_names(shapes: Shapes, backbone: str) -> str:
    if any(n.startswith("discriminator_predictions.") for n in shapes):
        return "replaced_token_detection"
    has_classifier = any(n.startswith("classifier.") for n in shapes)
    if backbone == "roberta" and any(n.startswith("demultiplexer.out_proj") for n in shapes):
        has_classifier = True
    if backbone == "roberta" and "demultiplexer.decoder.weight" in shapes:
        return "token_classification"
    return "sequence_classification" if has_classifier else "masked_lm"


def _num_instances(raw: dict[str, Any], shapes: Shapes, where: str, notes: list[str]) -> int:
    stored = shapes["instance_embedding"][0]
    declared = raw.get("num_instances")
    if declared is None:
        notes.append(f"num_instances is absent: {stored} inferred from instance_embedding")
        return stored
    if declared != stored:
        raise CheckpointMismatch(
            f"{where}: config.json says num_instances {declared}, instance_embedding has {stored} "
            "rows; correct the config or fetch the right weights"
        )
    for root in ("demux_module", "demultiplexer.demux_module"):
        keys = shapes.get(f"{root}.demux_instance_embedding")
        if keys is not None and keys[0] != stored:
            raise CheckpointMismatch(
                f"{where}: instance_embedding has {stored} slots, the demultiplexer's keys have "
                f"{keys[0]}; the file mixes two models"
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
    declared = raw.get("muxing_variant")
    if declared is None:
        notes.append(f"muxing_variant is absent: {found} inferred from the weights")
        return MUXING_VARIANTS[found]
    if declared not in MUXING_VARIANTS:
        raise ConfigError(
            f"{where}: unknown muxing_variant {declared!r}; this version knows "
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
    declared = raw.get("demuxing_variant")
    if declared is None:
        notes.append(f"demuxing_variant is absent: {found} inferred from the weights")
        return DEMUXING_VARIANTS[found]
    if declared not in DEMUXING_VARIANTS:
        raise ConfigError(
            f"{where}: unknown demuxing_variant {declared!r}; this version knows "
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
    stored = max(
        int(m.group(1)) for n in shapes if (m := re.search(r"demux_module\.dense_(\d+)\.weight", n))
    )
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
    if task not in ("sequence_classification", "token_classification"):
        return 2
    stored = next((shapes[n][0] for n in CLASSIFIERS if n in shapes), None)
    if stored is None:
        raise CheckpointMismatch(
            f"{where}: the class is for {task.replace('_', ' ')}, but there is no classifier among "
            "the weights; load the fine-tuned checkpoint, or declare the pre-training class"
        )
    labels = raw.get("id2label")
    # Released multiplexed configs may keep a base class's id2label; the weights decide there.
    if isinstance(labels, dict) and len(labels) != stored and "instance_embedding" not in shapes:
        raise CheckpointMismatch(
            f"{where}: config.json names {len(labels)} labels, the classifier has {stored} outputs"
        )
    return stored


def _labels(raw: dict[str, Any], num_labels: int) -> tuple[tuple[str, ...], str]:
    labels = raw.get("id2label")
    if not isinstance(labels, dict) or len(labels) != num_labels:
        return (), ""
    try:
        names = tuple(str(labels[str(i)]) for i in range(num_labels))
    except KeyError:
        return (), ""
    if all(re.fullmatch(r"LABEL_\d+", name) for name in names):
        return (), ""
    return names, "config.json"


def _shape(
    raw: dict[str, Any], shapes: Shapes, backbone: str, where: str, notes: list[str]
) -> BackboneShape:
    words = _first(
        shapes,
        f"{backbone}.embeddings.word_embeddings.weight",
        "retrieval_head.decoder.weight",
        "cls.predictions.decoder.weight",
    )
    positions = _need(shapes, f"{backbone}.embeddings.position_embeddings.weight", where)
    types = _need(shapes, f"{backbone}.embeddings.token_type_embeddings.weight", where)
    layer = f"{backbone}.encoder.layer"
    inner = _need(shapes, f"{layer}.0.intermediate.dense.weight", where)
    depth = 1 + max(
        int(m.group(1)) for n in shapes if (m := re.match(rf"{layer}\.(\d+)\.", n))
    )
    stored = {
        "vocab_size": words[0],
        "hidden_size": inner[1],
        "num_hidden_layers": depth,
        "intermediate_size": inner[0],
        "max_position_embeddings": positions[0],
        "type_vocab_size": types[0],
    }
    if backbone == "electra":
        stored["embedding_size"] = words[1]
    for field, value in stored.items():
        declared = raw.get(field)
        if declared is None:
            notes.append(f"{field} is absent: {value} inferred from the weights")
        elif declared != value:
            raise CheckpointMismatch(
                f"{where}: config.json says {field} {declared}, the weights have {value}; correct "
                "the config or fetch the right weights"
            )
    heads = raw.get("num_attention_heads")
    if heads is None:
        raise ConfigError(
            f"{where}: num_attention_heads is absent and cannot be seen in the weights; add it to "
            "config.json (12 in base models, 8 in MUX-BERT small)"
        )
    if raw.get("position_embedding_type", "absolute") != "absolute":
        raise ConfigError(
            f"{where}: position_embedding_type is {raw['position_embedding_type']!r}; only "
            "absolute positions are supported"
        )
    default_eps, default_pad = (1e-5, 1) if backbone == "roberta" else (1e-12, 0)
    return BackboneShape(
        **stored,
        num_attention_heads=heads,
        layer_norm_eps=float(raw.get("layer_norm_eps", default_eps)),
        pad_token_id=int(raw.get("pad_token_id", default_pad)),
        hidden_act=str(raw.get("hidden_act", "gelu")),
        hidden_dropout_prob=float(raw.get("hidden_dropout_prob", 0.1)),
        attention_probs_dropout_prob=float(raw.get("attention_probs_dropout_prob", 0.1)),
    )


def _first(shapes: Shapes, *names: str) -> tuple[int, ...]:
    return next(shapes[n] for n in names if n in shapes)


def _need(shapes: Shapes, name: str, where: str) -> tuple[int, ...]:
    if name not in shapes:
        raise CheckpointMismatch(
            f"{where}: the weights lack {name}; this is not a complete model, fetch it again"
        )
    return shapes[name]

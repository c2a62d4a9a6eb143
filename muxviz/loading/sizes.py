"""Sizes of the encoder, read from the shapes of the weights and held against ``config.json``."""

from __future__ import annotations

import re
from typing import Any

from muxviz.config import BackboneShape
from muxviz.errors import CheckpointMismatch, ConfigError, ShapeMismatch
from muxviz.loading.fields import check_sizes, real, shown, text, whole
from muxviz.structure import Structure

Shapes = dict[str, tuple[int, ...]]  # published name -> shape
TIED_WORDS = ("retrieval_head.decoder.weight", "cls.predictions.decoder.weight")


def backbone_shape(
    raw: dict[str, Any],
    shapes: Shapes,
    backbone: str,
    where: str,
    notes: list[str],
    *,
    left: Structure | None = None,
) -> BackboneShape:
    """Sizes as the weights have them, held against the config; the rest from the config.

    Args:
        left: what pruning left; the sizes before it are then those of the config.

    Raises:
        ConfigError, CheckpointMismatch, CheckpointTooLarge: as ``infer_config``.
    """
    stored = _stored_sizes(raw, shapes, backbone, where, left)
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
    positions = text(raw, "position_embedding_type", where) or "absolute"
    if positions != "absolute":
        raise ConfigError(
            f"{where}: position_embedding_type is {shown(positions)}; only absolute positions are "
            "supported"
        )
    default_eps = 1e-5 if backbone == "roberta" else 1e-12
    return BackboneShape(
        **stored,
        num_attention_heads=heads,
        layer_norm_eps=real(raw, "layer_norm_eps", default_eps, where, most=1.0),
        pad_token_id=whole(
            raw, "pad_token_id", usual_padding(backbone), where, below=stored["vocab_size"]
        ),
        hidden_act=_activation(raw, where),
        hidden_dropout_prob=real(raw, "hidden_dropout_prob", 0.1, where, most=1.0),
        attention_probs_dropout_prob=real(
            raw, "attention_probs_dropout_prob", 0.1, where, most=1.0
        ),
    )


def _stored_sizes(
    raw: dict[str, Any], shapes: Shapes, backbone: str, where: str, left: Structure | None
) -> dict[str, int]:
    """Every size that can be seen in the weights, held against the limits."""
    embeddings, layer = f"{backbone}.embeddings", f"{backbone}.encoder.layer"
    present = next(n for n in (f"{embeddings}.word_embeddings.weight", *TIED_WORDS) if n in shapes)
    words = dims(shapes, present, (2,), where)
    positions = dims(shapes, f"{embeddings}.position_embeddings.weight", (2,), where)
    types = dims(shapes, f"{embeddings}.token_type_embeddings.weight", (2,), where)
    if left is None:
        inner = dims(shapes, f"{layer}.0.intermediate.dense.weight", (2,), where)
        layers = numbers(shapes, re.escape(layer) + r"\.(\d{1,9})\..*")
        encoder = (inner[1], 1 + max(layers), inner[0])
    else:
        encoder = (raw["hidden_size"], len(left.layers), raw["intermediate_size"])
    sizes = {
        "vocab_size": words[0],
        "hidden_size": encoder[0],
        "num_hidden_layers": encoder[1],
        "intermediate_size": encoder[2],
        "max_position_embeddings": positions[0],
        "type_vocab_size": types[0],
    }
    if backbone == "electra":
        sizes["embedding_size"] = words[1]
    check_sizes(sizes, where, source="the weights")
    return sizes


def _activation(raw: dict[str, Any], where: str) -> str:
    name = text(raw, "hidden_act", where) or "gelu"
    if name == "gelu":
        return name
    from transformers.activations import ACT2FN  # takes seconds

    if name not in ACT2FN:
        raise ConfigError(
            f"{where}: hidden_act is {shown(name)}, which is unknown; published models use gelu"
        )
    return name


def numbers(shapes: Shapes, pattern: str) -> set[int]:
    """The numbers that ``pattern``'s group matches in the names."""
    return {int(m.group(1)) for n in shapes if (m := re.fullmatch(pattern, n))}


def dims(shapes: Shapes, name: str, ranks: tuple[int, ...], where: str) -> tuple[int, ...]:
    """The shape of a tensor that must be there, with one of the given numbers of axes."""
    if name not in shapes:
        raise CheckpointMismatch(
            f"{where}: the weights lack {name}; this is not a complete model, fetch it again"
        )
    shape = shapes[name]
    if len(shape) not in ranks:
        raise ShapeMismatch(
            f"{where}: {name} has the shape {list(shape)}; expected "
            f"{' or '.join(map(str, ranks))} axes. The file is damaged or not a published layout"
        )
    return shape


def usual_padding(backbone: str) -> int:
    """The id of padding where config.json does not say it."""
    return 1 if backbone == "roberta" else 0

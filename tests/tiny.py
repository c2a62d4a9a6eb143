"""Tiny random models and folders in the published layout, for every test that needs one.

``tiny_config`` names the parts, ``tiny_model`` gives them wide random weights (so that a wrong wire
shows), ``tiny_checkpoint`` adds a tokenizer, ``write_tiny_folder`` puts all of it on disk.
``shared_checkpoint`` and ``shared_folder`` are built once per process and must not be changed.
"""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BertTokenizer, PreTrainedTokenizerBase

from muxviz.config import BackboneShape, MuxConfig, field_names
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.infer import default_padding
from muxviz.loading.save import published_tensors, save
from muxviz.model.multiplexer import draw_instance_embedding
from muxviz.model.mux_model import MuxModel

VOCAB_SIZE = 704  # above 680, which the index prefix needs
TEXT = (
    "the an and or but of to in on at is was are be it this that he she they we you not no very so "
    "film movie story plot actor scene book music song good great fine bad awful boring funny sad "
    "happy warm cold bright dark old new long short first last man woman child dog cat city house "
    "river road day night year time life world work play love like see say go come make"
)
WORDS = tuple(TEXT.split())
PLAIN = {"multiplexer": "identity", "demultiplexer": "identity", "num_instances": 1}
ROBERTA = {
    "vocab_size": 50265,
    "type_vocab_size": 1,
    "pad_token_id": 1,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": 66,
}


def tiny_config(**changes: Any) -> MuxConfig:
    """A MUX-BERT sentence classifier of 3 instances, with ``changes`` to any field of it.

    Fields of ``BackboneShape`` and of ``MuxConfig`` may both be given. ``plain=True`` gives a model
    without multiplexing; backbone ``roberta`` brings the vocabulary its prefix ids need.
    """
    if changes.pop("plain", False):
        changes = PLAIN | changes
    sizes: dict[str, Any] = {
        "vocab_size": VOCAB_SIZE,
        "hidden_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 40,
        "max_position_embeddings": 64,
    }
    sizes |= ROBERTA if changes.get("backbone") == "roberta" else {}
    given = {k: v for k, v in changes.items() if k in field_names(BackboneShape)}
    parts: dict[str, Any] = {
        "backbone": "bert",
        "task": "sequence_classification",
        "num_instances": 3,
        "multiplexer": "gaussian_hadamard",
        "demultiplexer": "rsa",
        "num_labels": 1 if changes.get("task") == "regression" else 2,  # of a regression: scores
    }
    parts |= {k: v for k, v in changes.items() if k not in given}
    parts.setdefault("default_padding", default_padding(parts["multiplexer"] != "identity"))
    return MuxConfig(shape=BackboneShape(**(sizes | given)), **parts)


def tiny_model(config: MuxConfig, seed: int = 0) -> MuxModel:
    """A model with wide random weights, in eval mode and frozen."""
    generator = torch.Generator().manual_seed(seed)
    model = MuxModel(config)
    with torch.no_grad():
        for module in model.modules():
            _fill(module, generator)
        if config.is_multiplexed:
            drawn = draw_instance_embedding(config, generator, norm=5.0)
            model.multiplexer.instance_embedding.copy_(drawn)
    return model.eval().requires_grad_(False)


def _fill(module: nn.Module, generator: torch.Generator) -> None:
    def noise(like: Tensor, scale: float) -> Tensor:
        return torch.randn(like.shape, generator=generator) * scale

    if isinstance(module, nn.Embedding):
        module.weight.copy_(noise(module.weight, 0.5))
    elif isinstance(module, nn.Linear):
        module.weight.copy_(noise(module.weight, 1.3 / module.in_features**0.5))
        module.bias.copy_(noise(module.bias, 0.15))
    elif isinstance(module, nn.LayerNorm):
        module.weight.copy_(1 + noise(module.weight, 0.25))
        module.bias.copy_(noise(module.bias, 0.15))
    elif hasattr(module, "keys") and isinstance(module.keys, nn.Parameter):
        module.keys.copy_(noise(module.keys, 1.0))


def tiny_vocabulary() -> list[str]:
    """WordPiece pieces with BERT's special ids in their places (0, 100 to 103), under id 678."""
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    unused = [f"[unused{i}]" for i in range(99)]
    return [
        "[PAD]",
        *unused,
        *("[UNK]", "[CLS]", "[SEP]", "[MASK]"),
        *".,!?'-0123456789",
        *letters,
        *(f"##{letter}" for letter in letters),
        *WORDS,
    ]


def tiny_tokenizer(pad: int = 0) -> PreTrainedTokenizerBase:
    """A WordPiece tokenizer that can spell every lower-case English word."""
    pieces = tiny_vocabulary()
    return BertTokenizer(vocab={piece: i for i, piece in enumerate(pieces)}, pad_token=pieces[pad])


def tiny_checkpoint(
    config: MuxConfig | None = None,
    *,
    seed: int = 0,
    name: str = "tiny",
    tokenizer: bool = True,
    card: dict[str, Any] | None = None,
) -> Checkpoint:
    """A checkpoint that was never on disk."""
    config = config or tiny_config()
    return Checkpoint(
        name=name,
        model=tiny_model(config, seed),
        config=config,
        tokenizer=tiny_tokenizer(config.shape.pad_token_id) if tokenizer else None,
        card=card or {},
        folder=Path(name),
        fingerprint="unsaved",
        stored_dtype="float32",
    )


def write_tiny_folder(
    path: Path,
    config: MuxConfig | None = None,
    *,
    seed: int = 0,
    weights: str = "safetensors",
    aliases: bool = True,
    tokenizer: bool = True,
    card: dict[str, Any] | None = None,
) -> Path:
    """A folder as ``save_pretrained`` would write it; ``weights`` is ``safetensors`` or ``bin``."""
    checkpoint = tiny_checkpoint(config, seed=seed, name=path.name, tokenizer=tokenizer, card=card)
    save(checkpoint, path, aliases=aliases)
    if weights == "bin":
        (path / "model.safetensors").unlink()
        tensors = published_tensors(checkpoint, dtype=torch.float32, aliases=aliases)
        torch.save(tensors, path / "pytorch_model.bin")
    return path


def tiny_ids(config: MuxConfig, *, groups: int = 2, length: int = 9, seed: int = 0) -> Tensor:
    """Random ids of ordinary pieces ``[B, N, L]``."""
    generator = torch.Generator().manual_seed(seed)
    shape = (groups, config.num_instances, length)
    return torch.randint(104, min(config.shape.vocab_size, 670), shape, generator=generator)


@functools.cache
def shared_checkpoint(**changes: Any) -> Checkpoint:
    """``tiny_checkpoint(tiny_config(**changes))``, built once; read-only."""
    return tiny_checkpoint(tiny_config(**changes))


@functools.cache
def shared_folder(**changes: Any) -> Path:
    """``write_tiny_folder`` of that configuration, written once; read-only."""
    root = Path(_scratch().name)
    return write_tiny_folder(root / f"tiny-{len(list(root.iterdir()))}", tiny_config(**changes))


@functools.cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="muxviz-tests-")

"""Models of known shapes with random weights, for speed alone, and the plain transformers class.

Speed-only shapes are sentence classifiers of two classes with a Gaussian Hadamard multiplexer and
an RSA demultiplexer of K = 3.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import ConfigError, NotApplicable
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.save import published_tensors
from muxviz.model.multiplexer import draw_instance_embedding
from muxviz.model.mux_model import MuxModel

BERT: dict[str, Any] = {"vocab_size": 30522, "max_position_embeddings": 512}
SHAPES: dict[str, dict[str, Any]] = {
    "tiny": {
        "hidden_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "vocab_size": 300,
        "max_position_embeddings": 64,
    },
    "bundled": {
        "hidden_size": 384,
        "num_hidden_layers": 4,
        "num_attention_heads": 12,
        "intermediate_size": 1536,
        "vocab_size": 5000,
        "max_position_embeddings": 128,
    },
    "bert-small": {
        "hidden_size": 512,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "intermediate_size": 2048,
        **BERT,
    },
    "bert-base": {
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        **BERT,
    },
    "bert-large": {
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        **BERT,
    },
}


def random_checkpoint(shape: str, num: int, *, seed: int = 0) -> Checkpoint:
    """A checkpoint with random weights, float32, on the CPU; N = 1 is a plain BERT.

    Raises:
        ConfigError: an unknown shape.
    """
    if shape not in SHAPES:
        raise ConfigError(f"unknown shape {shape!r}; use {', '.join(SHAPES)}")
    parts: dict[str, Any] = {}
    if num > 1:
        parts = {
            "multiplexer": "gaussian_hadamard",
            "demultiplexer": "rsa",
            "num_demux_layers": 3,
            "has_retrieval_head": False,
        }
    config = MuxConfig(
        backbone="bert",
        task="sequence_classification",
        shape=BackboneShape(**SHAPES[shape]),
        num_instances=num,
        **parts,
    )
    torch.manual_seed(seed)
    model = MuxModel(config)
    if num > 1:
        generator = torch.Generator().manual_seed(seed)
        multiplexer: Any = model.multiplexer
        with torch.no_grad():
            multiplexer.instance_embedding.copy_(draw_instance_embedding(config, generator))
    return Checkpoint(
        name=shape,
        model=model.eval().requires_grad_(False),
        config=config,
        tokenizer=None,
        card={},
        folder=Path(shape),
        fingerprint="random",
        stored_dtype="float32",
    )


def transformers_model(checkpoint: Checkpoint) -> BertForSequenceClassification:
    """The same plain BERT classifier as transformers' own class, with the same weights.

    Raises:
        NotApplicable: not a plain BERT sentence classifier.
    """
    config = checkpoint.config
    if (
        config.is_multiplexed
        or config.backbone != "bert"
        or config.task != "sequence_classification"
    ):
        raise NotApplicable(
            f"plain transformers is compared with plain BERT classifiers; {checkpoint.name} is not "
            "one"
        )
    shape = config.shape
    make_config: Any = BertConfig
    theirs: Any = BertForSequenceClassification(
        make_config(
            vocab_size=shape.vocab_size,
            hidden_size=shape.hidden_size,
            num_hidden_layers=shape.num_hidden_layers,
            num_attention_heads=shape.num_attention_heads,
            intermediate_size=shape.intermediate_size,
            max_position_embeddings=shape.max_position_embeddings,
            type_vocab_size=shape.type_vocab_size,
            layer_norm_eps=shape.layer_norm_eps,
            hidden_act=shape.hidden_act,
            num_labels=config.num_labels,
        )
    )
    weights: dict[str, Tensor] = published_tensors(checkpoint, dtype=torch.float32, aliases=False)
    missing, unknown = theirs.load_state_dict(weights, strict=False)
    if missing or set(unknown) - {"bert.embeddings.position_ids"}:
        raise NotApplicable(f"transformers' class lacks {missing}, or does not know {unknown}")
    moved: BertForSequenceClassification = theirs.to(checkpoint.device, checkpoint.dtype).eval()
    return moved


def random_rows(
    checkpoint: Checkpoint, batch: int, length: int, *, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, mask and segments ``[B, N, L]`` of real tokens only."""
    generator = torch.Generator().manual_seed(seed)
    vocab = checkpoint.config.shape.vocab_size
    shape = (batch, checkpoint.config.num_instances, length)
    ids = torch.randint(min(104, vocab // 2), vocab, shape, generator=generator)
    ids[..., 0] = 101
    return ids, torch.ones_like(ids), torch.zeros_like(ids)

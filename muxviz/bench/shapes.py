"""Models of known shapes with random weights, for speed alone, and the plain transformers class.

Speed-only shapes are sentence classifiers of two classes with a Gaussian Hadamard multiplexer and
an RSA demultiplexer of K = 3. ``bert-base-s95`` is a shape pruned to 95 %: every layer and every
hidden dimension is kept, and all layers keep equally many heads and inner dimensions, so nothing
that runs once per instance gets cheaper. ``bert-base~NAME`` keeps the shares that the pruned
checkpoint NAME keeps, layer by layer.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import BertConfig, BertForSequenceClassification

from muxviz.config import BackboneShape, MuxConfig
from muxviz.errors import ConfigError, NotApplicable, TextTooLong
from muxviz.loading.checkpoint import Checkpoint
from muxviz.loading.load import load
from muxviz.loading.save import published_tensors
from muxviz.model.multiplexer import draw_instance_embedding
from muxviz.model.mux_model import MuxModel
from muxviz.structure import LayerStructure, Structure, prunable_size

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


def plain_shape(name: str) -> str:
    """The unpruned shape that ``name`` is made of.

    Raises:
        ConfigError: an unknown shape.
    """
    found = re.fullmatch(r"(.+?)(-s\d{1,2}|~.+)?", name)
    base = found.group(1) if found else name
    if base not in SHAPES:
        raise ConfigError(
            f"unknown shape {name!r}; use {', '.join(SHAPES)}, one of them with -s60, -s95 ... "
            "(pruned), or with ~ and a pruned checkpoint whose shares to keep"
        )
    return base


def kept_of(name: str) -> Structure | None:
    """What the shape ``name`` keeps; None for an unpruned one.

    Raises:
        ConfigError: an unknown shape, or a sparsity that one head per layer exceeds.
    """
    sizes = SHAPES[plain_shape(name)]
    rest = name.removeprefix(plain_shape(name))
    if not rest:
        return None
    if rest.startswith("~"):
        return _like(load(rest[1:], device="cpu").config, sizes)
    layers, width, heads = (
        sizes[n] for n in ("num_hidden_layers", "hidden_size", "num_attention_heads")
    )
    inner = sizes["intermediate_size"]
    share = 1 - int(rest[2:]) / 100
    whole = prunable_size(hidden=width, intermediate=inner, layers=layers)
    kept = max(1, round(heads * share))
    left = share * whole / (layers * width) - 4 * (width // heads) * kept
    if left < 2:
        raise ConfigError(f"{name}: one head per layer is more than {share:.0%} of the weights")
    layer = LayerStructure(tuple(range(kept)), tuple(range(min(inner, round(left / 2)))))
    every = tuple(range(width))
    return Structure(every, (layer,) * layers, every)


def _like(config: MuxConfig, sizes: dict[str, Any]) -> Structure:
    """The shares that ``config`` keeps, in a model of other sizes, layers stretched to its depth.

    Raises:
        ConfigError: nothing was pruned there.
    """
    if config.structure is None:
        raise ConfigError("nothing was pruned there; name a pruned checkpoint behind the ~")
    shape, theirs = config.shape, config.structure

    def stretched(kept: int, of: int, size: int) -> tuple[int, ...]:
        return tuple(range(min(size, max(min(kept, 1), round(kept / of * size)))))

    count = sizes["num_hidden_layers"]
    layers = []
    for number in range(count):
        layer = theirs.layers[number * len(theirs.layers) // count]
        heads, inner = len(layer.heads), len(layer.intermediate)
        layers.append(
            LayerStructure(
                stretched(heads, shape.num_attention_heads, sizes["num_attention_heads"]),
                stretched(inner, shape.intermediate_size, sizes["intermediate_size"]),
            )
        )
    width = sizes["hidden_size"]
    hidden = stretched(len(theirs.hidden), shape.hidden_size, width)
    readout = tuple(range(width))
    if config.is_multiplexed:
        readout = stretched(len(theirs.readout), shape.hidden_size, width)
    return Structure(hidden, tuple(layers), readout)


def shape_config(shape: str, num: int) -> MuxConfig:
    """A shape at N instances; N = 1 is a plain BERT.

    Raises:
        ConfigError: an unknown shape.
    """
    parts: dict[str, Any] = {}
    sizes, left = SHAPES[plain_shape(shape)], kept_of(shape)
    if left is not None and num == 1:  # nothing to read out in a plain model
        left = replace(left, readout=tuple(range(sizes["hidden_size"])))
    if num > 1:
        parts = {
            "multiplexer": "gaussian_hadamard",
            "demultiplexer": "rsa",
            "num_demux_layers": 3,
            "has_retrieval_head": False,
        }
    return MuxConfig(
        backbone="bert",
        task="sequence_classification",
        shape=BackboneShape(**sizes),
        num_instances=num,
        structure=left,
        **parts,
    )


def random_checkpoint(shape: str, num: int, *, seed: int = 0) -> Checkpoint:
    """A checkpoint with random weights, float32, on the CPU.

    Raises:
        ConfigError: an unknown shape.
    """
    config = shape_config(shape, num)
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


def check_length(config: MuxConfig, length: int, name: str) -> None:
    """See that rows of ``length`` tokens have positions.

    Raises:
        TextTooLong: they have not.
    """
    most = config.default_max_length + config.cuts_prefix_room * config.prefix_length
    if length > most:
        raise TextTooLong(f"rows of {length:,} tokens; {name} has positions for {most:,}")


def pass_bytes(config: MuxConfig, rows: int, length: int, *, traced: bool = False) -> int:
    """About what one pass takes beside the weights, as it was measured on CPUs.

    Args:
        traced: of ``MuxModel.forward``, which holds the embeddings of all N instances at once.
    """
    shape, tokens = config.shape, rows * length
    each = 2 * shape.intermediate_size + 3 * shape.hidden_size
    if traced:
        each += 2 * config.num_instances * shape.hidden_size
    ids = 3 * 8 * config.num_instances  # with mask and segments
    return tokens * (4 * each + ids)


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

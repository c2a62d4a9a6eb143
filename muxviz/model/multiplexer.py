"""Multiplexers: N sequences of embeddings become one.

Each takes ``embeddings [B, N, T, E]`` and ``attention_mask [B, N, T]`` (1 = real token) and returns
``[B, T, E]``. What more a class may say of itself is in ``muxviz.model.claims``. Sources: DataMUX
(arXiv 2202.09318, section 3) for the Hadamard and orthogonal ones, MUX-PLM (arXiv 2302.12441) for
the contextual one; constants as in the released checkpoints.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from muxviz.config import MuxConfig
from muxviz.model.encoder import EncoderLayer, LayerNorm, additive_mask, encoder_layer
from muxviz.structure import LayerStructure


class IdentityMultiplexer(nn.Module):
    """One instance, passed on unchanged: a plain model is a multiplexed one with N = 1."""

    def forward(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        return embeddings[:, 0]


class HadamardMultiplexer(nn.Module):
    """x_t = (1/N) sum_i v_i * e^i_t, with one fixed vector v_i per slot.

    Gaussian and binary variants differ only in the vectors, which always come with the checkpoint.
    """

    def __init__(self, config: MuxConfig) -> None:
        super().__init__()
        size = (config.num_instances, config.embedding_width)
        self.instance_embedding = nn.Parameter(torch.zeros(size), requires_grad=False)

    def forward(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        # Not an einsum, which copies the embeddings into another order first.
        marked = embeddings * self.instance_embedding[:, None]
        return marked.sum(dim=1) / len(self.instance_embedding)

    def scales(self) -> Tensor:
        """``[N, E]``: the mixture is the mean over slots of the embeddings times these."""
        return self.instance_embedding

    def parts(self, embeddings: Tensor) -> Tensor:
        """What every slot brings to the mixture, which is their sum: ``[..., N, T, E]``."""
        vectors = self.instance_embedding.to(embeddings.dtype)
        return embeddings * vectors[:, None] / len(vectors)

    def unmix(self, mixture: Tensor) -> Tensor:
        """Each slot's matched filter on the mixture: ``[B, T, E] -> [B, N, T, E]``."""
        vectors = self.instance_embedding
        return len(vectors) * mixture[:, None] * vectors[:, None]


class OrthogonalMultiplexer(nn.Module):
    """x_t = (1/sqrt N) sum_i R_i e^i_t, with one matrix R_i per slot (note the square root)."""

    def __init__(self, config: MuxConfig) -> None:
        super().__init__()
        width = config.embedding_width
        self.instance_embedding = nn.Parameter(
            torch.zeros(config.num_instances, width, width), requires_grad=False
        )

    def forward(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        mixed = torch.einsum("bnte,nfe->btf", embeddings, self.instance_embedding)
        return mixed / len(self.instance_embedding) ** 0.5

    def parts(self, embeddings: Tensor) -> Tensor:
        """What every slot brings to the mixture, which is their sum: ``[..., N, T, E]``."""
        matrices = self.instance_embedding.to(embeddings.dtype)
        return torch.einsum("...nte,nfe->...ntf", embeddings, matrices) / len(matrices) ** 0.5

    def unmix(self, mixture: Tensor) -> Tensor:
        """Each slot's matched filter on the mixture: ``[B, T, E] -> [B, N, T, E]``."""
        matrices = self.instance_embedding
        return len(matrices) ** 0.5 * torch.einsum("btf,nfe->bnte", mixture, matrices)


class ContextualMultiplexer(nn.Module):
    """Attention inside each instance, then across the instances at every position, then the mean.

    Published as ``gaussian_attention_v2``. Both layers have an extra residual around the whole
    layer. The second attention hides padded instances only in sentence tasks (as published).
    """

    def __init__(self, config: MuxConfig) -> None:
        super().__init__()
        size = (config.num_instances, config.embedding_width)
        self.instance_embedding = nn.Parameter(torch.zeros(size), requires_grad=False)
        self.token_layer = _own_layer(config)
        self.instance_layer = _own_layer(config)
        self.hides_padded_instances = config.answers_texts

    def forward(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        batch, num, length, width = embeddings.shape
        rows = embeddings.reshape(batch * num, length, width)
        token_mask = additive_mask(attention_mask.reshape(batch * num, length), rows.dtype)
        contextual = (self.token_layer(rows, token_mask) + rows).view(batch, num, length, width)
        marked = contextual * self.instance_embedding[:, None, :]
        across = marked.transpose(1, 2).reshape(batch * length, num, width)
        mask = None
        if self.hides_padded_instances:
            seen = attention_mask.transpose(1, 2).reshape(batch * length, num)
            mask = additive_mask(seen, rows.dtype)
        mixed = self.instance_layer(across, mask) + across
        return mixed.mean(dim=1).view(batch, length, width)


class CrossInstanceMultiplexer(nn.Module):
    """A layer over each marked instance plus one vector computed from their mean.

    Published as ``gaussian_attention``, for MUX-ELECTRA pre-training only. No mask anywhere.
    """

    def __init__(self, config: MuxConfig) -> None:
        super().__init__()
        width = config.embedding_width
        self.instance_embedding = nn.Parameter(
            torch.zeros(config.num_instances, width), requires_grad=False
        )
        self.layer = _own_layer(config)
        self.cross_linear = nn.Linear(width, width)
        self.cross_layer_norm = LayerNorm(width, eps=1e-5)  # fixed in the released class

    def forward(self, embeddings: Tensor, attention_mask: Tensor) -> Tensor:
        batch, num, length, width = embeddings.shape
        marked = embeddings * self.instance_embedding[:, None, :]
        cross = nn.functional.gelu(self.cross_linear(marked.mean(dim=1)))
        rows = self.layer(marked.reshape(batch * num, length, width), None)
        return rows.view(batch, num, length, width).mean(dim=1) + self.cross_layer_norm(cross)


def _own_layer(config: MuxConfig) -> EncoderLayer:
    """A layer that belongs to the multiplexer: pruning narrows it, but keeps its heads."""
    if config.embedding_width == config.shape.embedding_size:
        return encoder_layer(config.shape, width=config.embedding_width)
    shape = config.shape
    heads, inner = range(shape.num_attention_heads), range(shape.intermediate_size)
    every = LayerStructure(tuple(heads), tuple(inner))
    return encoder_layer(shape, width=config.embedding_width, kept=every)


MULTIPLEXER_CLASSES: dict[str, type[nn.Module]] = {
    "gaussian_hadamard": HadamardMultiplexer,
    "binary_hadamard": HadamardMultiplexer,
    "random_orthogonal": OrthogonalMultiplexer,
    "low_rank_orthogonal": OrthogonalMultiplexer,
    "contextual": ContextualMultiplexer,
    "cross_instance": CrossInstanceMultiplexer,
}


def build_multiplexer(config: MuxConfig) -> nn.Module:
    """The multiplexer that ``config`` names, with instance vectors still zero."""
    if config.multiplexer == "identity":
        return IdentityMultiplexer()
    return MULTIPLEXER_CLASSES[config.multiplexer](config)


def draw_instance_embedding(
    config: MuxConfig, generator: torch.Generator, *, norm: float = 1.0, epsilon: float = 0.0
) -> Tensor:
    """Fresh slot vectors or matrices for a new model, drawn as the released code draws them.

    Args:
        config: names the multiplexer and the sizes.
        generator: the only source of randomness.
        norm: L2 norm of each Gaussian vector.
        epsilon: overlap of neighbouring binary chunks, as a share of a chunk.

    Returns:
        ``[N, E]`` for the Hadamard family and the attention multiplexers, ``[N, E, E]`` for the
        orthogonal ones.
    """
    num, width = config.num_instances, config.embedding_width
    if config.multiplexer == "binary_hadamard":
        return _binary_chunks(num, width, epsilon)
    if config.multiplexer == "random_orthogonal":
        return torch.stack([orthogonal(width, generator) for _ in range(num)])
    if config.multiplexer == "low_rank_orthogonal":
        return _low_rank(num, width, generator)
    vectors = torch.randn(num, width, generator=generator)
    return vectors / vectors.norm(dim=1, keepdim=True) * norm


def _low_rank(num: int, width: int, generator: torch.Generator) -> Tensor:
    left, right = orthogonal(width, generator), orthogonal(width, generator)
    chunk = width // num
    parts = []
    for slot in range(num):
        keep = torch.zeros(width)
        keep[slot * chunk : (slot + 1) * chunk] = 1
        parts.append(left @ (right * keep).T)
    return torch.stack(parts)


def _binary_chunks(num: int, width: int, epsilon: float) -> Tensor:
    chunk = width // num
    overlap = int(epsilon / 2 * chunk)
    masks = torch.zeros(num, width)
    for slot in range(num):
        start = slot * chunk - (overlap if slot else 0)
        stop = width if slot == num - 1 else (slot + 1) * chunk + overlap
        masks[slot, start:stop] = 1
    return masks


def orthogonal(width: int, generator: torch.Generator) -> Tensor:
    """A Haar-distributed orthogonal matrix [E, E] (QR with the signs of R's diagonal fixed)."""
    q, r = torch.linalg.qr(torch.randn(width, width, generator=generator))
    return q * torch.sign(torch.diagonal(r))

"""The packed network with its blocks tied: one narrow model, used by every slot at once.

States are those of the wide encoder, ``[B, T, D]``, so slots meet where they do after packing: in
the layer norms, which run over all D dimensions, in padding that others see, in the demultiplexer
and in the heads, which are the wide ones. A step costs about N times less than the wide model's and
gives every weight N times as many rows. ``packed`` copies the blocks into a ``MuxModel`` that
computes the same numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, layer_norm, linear

from muxviz.config import MuxConfig
from muxviz.errors import ConfigError
from muxviz.model.encoder import Encoder, EncoderLayer, LayerNorm
from muxviz.model.mux_model import MuxModel, PreparedInput
from muxviz.structure import LayerStructure
from muxviz.training.packed.layout import Layout
from muxviz.training.recipe import PACKABLE

TABLES = ("word_embeddings", "position_embeddings", "token_type_embeddings")
WORDS = "retrieval_head.out_proj.weight"  # the word table once more
SPACES = {  # what the rows and columns of an encoder's matrix are
    "attention.self.query": ("heads", "hidden"),
    "attention.self.key": ("heads", "hidden"),
    "attention.self.value": ("heads", "hidden"),
    "attention.output.dense": ("hidden", "heads"),
    "intermediate.dense": ("units", "hidden"),
    "output.dense": ("hidden", "units"),
}


def check_packable(config: MuxConfig) -> None:
    """See that narrow models laid side by side are such a model.

    Raises:
        ConfigError: another multiplexer, demultiplexer, read-out, backbone or a pruned model.
    """
    for name, only in PACKABLE.items():
        if getattr(config, name) != only:
            raise ConfigError(
                f"{name} is {getattr(config, name)!r}; a packed start has {name} {only!r} only"
            )
    if config.structure is not None or config.shape.embedding_size != config.shape.hidden_size:
        raise ConfigError(
            "a packed start needs an unpruned model whose embeddings are as wide as its states"
        )


class TiedEmbeddings(nn.Module):
    """The narrow tables; the wide model's hold N copies side by side.

    Unlike there, the row of the padding token trains too: others of the group see padding.
    """

    def __init__(self, config: MuxConfig, width: int) -> None:
        super().__init__()
        shape = config.shape
        self.word_embeddings = nn.Embedding(shape.vocab_size, width)
        self.position_embeddings = nn.Embedding(shape.max_position_embeddings, width)
        self.token_type_embeddings = nn.Embedding(shape.type_vocab_size, width)
        self.LayerNorm = LayerNorm(width, eps=shape.layer_norm_eps)
        self.dropout = nn.Dropout(shape.hidden_dropout_prob)


class TiedLayer(EncoderLayer):
    """N equal layers side by side, ``[B, T, D] -> [B, T, D]``, with the weights of one."""

    def __init__(self, config: MuxConfig, layout: Layout) -> None:
        kept = LayerStructure(tuple(range(layout.heads)), tuple(range(layout.units)))
        super().__init__(config.shape, layout.own, kept)
        self.layout = layout

    def forward(self, hidden: Tensor, mask: Tensor | None = None) -> Tensor:  # type: ignore[override]
        block: Any = self.attention.output
        own = block.dense(self._attended(hidden, mask))
        hidden = self._add(hidden, block.dropout(own), block.LayerNorm)
        return self.feed_forward(hidden)

    def feed_forward(self, attended: Tensor) -> Tensor:
        """The second block, ``[B, T, D] -> [B, T, D]``."""
        block: Any = self.output
        own = block.dense(self.intermediate(self.layout.own_of(attended)))
        return self._add(attended, block.dropout(own), block.LayerNorm)

    def _attended(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        """What the heads hand on, ``[B, T, N, heads * size]``."""
        attend: Any = self.attention.self
        three = (attend.query, attend.key, attend.value)
        weight, bias = (torch.cat([getattr(m, n) for m in three]) for n in ("weight", "bias"))
        parts = linear(self.layout.own_of(hidden), weight, bias)
        parts = parts.unflatten(-1, (3, self.layout.heads, -1)).permute(3, 0, 2, 4, 1, 5)
        # Written out in float32: on a CPU the gradient of fused attention in bfloat16 takes ten
        # times as long.
        with torch.autocast(hidden.device.type, enabled=False):
            query, key, value = parts.float().unbind()  # [B, N, heads, T, size]
            scores = (query * attend.scaling) @ key.transpose(-1, -2)
            weights = torch.softmax(scores if mask is None else scores + mask[:, None], dim=-1)
            weights = dropout(weights, attend.dropout.p, self.training)
            context = weights @ value
        return context.permute(0, 3, 1, 2, 4).flatten(-2)

    def _add(self, hidden: Tensor, own: Tensor, norm: nn.LayerNorm) -> Tensor:
        return coupled_norm(hidden + self.layout.whole(own), norm, self.layout)


def coupled_norm(states: Tensor, norm: nn.LayerNorm, layout: Layout) -> Tensor:
    """A narrow layer norm's gain and offset after a norm over all D dimensions; idle ones zero."""
    gain, offset = layout.tiled(norm.weight), layout.tiled(norm.bias)
    return layer_norm(states, (layout.wide,), gain, offset, norm.eps)


def tiled_norm(rows: Tensor, norm: nn.LayerNorm, layout: Layout) -> Tensor:
    """What that norm makes of N copies of ``rows [..., w]`` side by side: one of them."""
    if not layout.idle:
        return layer_norm(rows, (layout.own,), norm.weight, norm.bias, norm.eps)
    used, idle = layout.num / layout.wide, layout.idle / layout.wide
    mean = used * rows.sum(dim=-1, keepdim=True)
    centred = rows - mean
    spread = used * centred.square().sum(dim=-1, keepdim=True) + idle * mean.square()
    return centred * torch.rsqrt(spread + norm.eps) * norm.weight + norm.bias


class TiedEncoder(Encoder):
    """A stack of tied layers."""

    def __init__(self, config: MuxConfig, layout: Layout) -> None:
        nn.Module.__init__(self)
        count = config.shape.num_hidden_layers
        self.layers = nn.ModuleList(TiedLayer(config, layout) for _ in range(count))


class TiedProjection(nn.Module):
    """States to words with N copies of the narrow word table: their chunks are added first."""

    def __init__(self, words: nn.Parameter, layout: Layout) -> None:
        super().__init__()
        self.weight = words
        self.bias = nn.Parameter(torch.zeros(len(words)))
        self.layout = layout

    def forward(self, states: Tensor) -> Tensor:
        return linear(self.layout.own_of(states).sum(dim=-2), self.weight, self.bias)


class TiedModel(MuxModel):
    """A ``MuxModel`` of ``config`` whose tables and encoder are one narrow model's.

    Everything else (demultiplexer, heads) is the wide model's own; ``forward`` answers as the wide
    model will once it is packed.
    """

    def __init__(self, config: MuxConfig, layout: Layout) -> None:
        check_packable(config)
        super().__init__(config)
        self.layout = layout
        self.embeddings: Any = TiedEmbeddings(config, layout.own)
        self.encoder = TiedEncoder(config, layout)
        if self.retrieval_head is not None:
            words: Any = self.embeddings.word_embeddings.weight
            projection: Any = TiedProjection(words, layout)
            self.retrieval_head.out_proj = projection

    def embed(self, prepared: PreparedInput) -> Tensor:
        """Embeddings of every instance in its own dimensions, ``[B, N, T, w]``."""
        own = self.embeddings
        length = prepared.ids.shape[-1]
        segments = own.token_type_embeddings.weight[0]
        if prepared.types is not None:
            segments = own.token_type_embeddings(prepared.types)
        rows = own.word_embeddings(prepared.ids) + segments
        rows = rows + own.position_embeddings.weight[:length]
        return own.dropout(tiled_norm(rows, own.LayerNorm, self.layout))

    def mix(self, embeddings: Tensor, mask: Tensor, *, hide_padding: bool = False) -> Tensor:
        """The mixture ``[B, T, D]`` of ``[B, N, T, w]``: each in its chunk, over N."""
        if hide_padding:
            embeddings = embeddings * mask[..., None].to(embeddings.dtype)
        return self.layout.whole(embeddings.transpose(1, 2)) / self.layout.num

    def enter(self, mixture: Tensor) -> Tensor:
        """Input of the first layer, ``[B, T, D]``: positions and norm once more, as published."""
        own = self.embeddings
        again = own.position_embeddings.weight[: mixture.shape[1]]
        again = again + own.token_type_embeddings.weight[0]
        states = coupled_norm(mixture + self.layout.tiled(again), own.LayerNorm, self.layout)
        return own.dropout(states)


# ---- packing ---------------------------------------------------------------------------------


def packed(model: TiedModel) -> MuxModel:
    """The wide model that ``model`` stands for; it computes the same numbers."""
    wide = MuxModel(model.config)
    wide.load_state_dict(packed_weights(model.state_dict(), model.layout))
    return wide.train(model.training)


def packed_weights(narrow: dict[str, Tensor], layout: Layout) -> dict[str, Tensor]:
    """Weights of the wide model from those of a ``TiedModel``; differentiable."""
    return {name: _laid_out(name, value, layout) for name, value in narrow.items()}


def _laid_out(name: str, value: Tensor, layout: Layout) -> Tensor:
    if name.startswith("embeddings.") or name == WORDS:
        return layout.tiled(value)
    if not name.startswith("encoder."):
        return value
    _, _, _, part, kind = _split(name)
    if part not in SPACES:  # a norm's gain or offset
        return layout.tiled(value)
    rows, columns = (layout.places(space).to(value.device) for space in SPACES[part])
    sizes = [layout.size(space) for space in SPACES[part]]
    if kind == "bias":
        wide = value.new_zeros(sizes[0])
        wide[rows] = value.expand(layout.num, -1)
        return wide
    wide = value.new_zeros(sizes)
    wide[rows[:, :, None], columns[:, None, :]] = value.expand(layout.num, -1, -1)
    return wide


def _split(name: str) -> tuple[str, str, str, str, str]:
    """``encoder.layers.0.output.dense.weight`` in its parts."""
    encoder, layers, number, rest = name.split(".", 3)
    part, _, kind = rest.rpartition(".")
    return encoder, layers, number, part, kind

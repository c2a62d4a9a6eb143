"""To which kept dimensions the axes of a weight belong.

Three spaces run through a model: the hidden dimensions (the residual stream, from the embeddings to
the demultiplexer's input), the readout dimensions (the demultiplexer's states), and, per layer, its
heads and its inner dimensions. Whatever is in none of them is never cut.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxviz.config import MuxConfig
from muxviz.model.heads import HeadSpec, retrieval_head_spec, task_head_spec

HIDDEN = "hidden"
PAIR = "pair"  # two halves of hidden dimensions: a key, and the state beside it
READOUT = "readout"
HEADS = "heads"
INNER = "inner"


@dataclass(frozen=True)
class Axis:
    """One axis of a weight. layer: of heads and inner dimensions."""

    space: str | None
    layer: int = -1


FREE = Axis(None)
Axes = tuple[Axis, ...]
LAYER = {  # of an encoder layer: (output axis, input axis); a bias has the output axis
    "attention.self.query": (HEADS, HIDDEN),
    "attention.self.key": (HEADS, HIDDEN),
    "attention.self.value": (HEADS, HIDDEN),
    "attention.output.dense": (HIDDEN, HEADS),
    "attention.output.LayerNorm": (HIDDEN, None),
    "intermediate.dense": (INNER, HIDDEN),
    "output.dense": (HIDDEN, INNER),
    "output.LayerNorm": (HIDDEN, None),
}


def axes(config: MuxConfig, name: str, rank: int) -> Axes:
    """The axes of the parameter ``name`` with ``rank`` axes.

    Raises:
        KeyError: no such parameter in any model.
    """
    part, _, rest = name.partition(".")
    mixes_hidden = config.shape.embedding_size == config.shape.hidden_size
    entering = HIDDEN if mixes_hidden else None
    match part:
        case "embeddings":
            return (*[FREE] * (rank - 1), Axis(entering))
        case "embedding_projection":
            return (Axis(HIDDEN), *[FREE] * (rank - 1))
        case "multiplexer":
            return _multiplexer(rest, rank, entering)
        case "encoder":
            _, layer, own = rest.split(".", 2)
            out, into = LAYER[own.rpartition(".")[0]]
            return (Axis(out, int(layer)), Axis(into, int(layer)))[:rank]
        case "demultiplexer":
            return _demultiplexer(config, rest, rank, READOUT)
        case "retrieval_reader":
            plain = retrieval_head_spec(config).activation is None
            out = HIDDEN if plain and config.ties_words else READOUT
            return _demultiplexer(config, rest, rank, out)
        case "retrieval_head":
            spec = retrieval_head_spec(config)
            tied = HIDDEN if config.ties_words else None
            if spec.activation is None:
                return _head(rest, rank, spec, tied or READOUT, None)
            return _head(rest, rank, spec, READOUT, tied)
        case "head":
            into = READOUT if config.is_multiplexed else HIDDEN
            tied = HIDDEN if config.task == "masked_lm" and config.ties_words else None
            return _head(rest, rank, task_head_spec(config), into, tied)
    raise KeyError(name)


def _multiplexer(name: str, rank: int, entering: str | None) -> Axes:
    own = Axis(entering)
    if name == "instance_embedding":
        return (FREE, *[own] * (rank - 1))
    if name.startswith("cross_"):
        return (own,) * rank
    out, into = LAYER[name.partition(".")[2].rpartition(".")[0]]  # its heads are never pruned
    return tuple(own if space == HIDDEN else FREE for space in (out, into))[:rank]


def _demultiplexer(config: MuxConfig, name: str, rank: int, out: str) -> Axes:
    if name == "keys":
        return (FREE, Axis(HIDDEN))
    if rank == 1:
        return (Axis(out),)
    if config.demultiplexer == "mlp":  # a layer per slot, which reads the state alone
        return (Axis(out), Axis(HIDDEN))
    if name in ("dense.weight", "dense.0.weight"):
        return (Axis(out), Axis(PAIR))
    return (Axis(out), Axis(out))


def _head(name: str, rank: int, spec: HeadSpec, into: str, inner: str | None) -> Axes:
    between = into if spec.activation is None or spec.has_residual else inner
    if name.startswith("out_proj"):
        return (FREE, Axis(between))[:rank]
    return (Axis(between), Axis(into))[:rank]

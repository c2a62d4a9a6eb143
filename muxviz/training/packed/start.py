"""The narrow model of a packed start, cut out of a plain teacher.

The teacher's states are projected on their largest principal directions, turned at random within
that space so that every dimension has a like share of the variance, and scaled to variance 1: that
is what a slot's states begin as. The word table is the teacher's in this basis. Of every layer the
heads and feed-forward units that add most there are kept, and read through the basis; what they add
is fitted by least squares to what the teacher's whole block adds. Layer norms begin with gain 1.

The demultiplexer begins as a gate: its first layer hands slot i's own dimensions on, and the key of
slot i holds all others down at -4, where GELU lets nothing through. What comes after reads every
slot's dimensions alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muxviz.errors import ConfigError
from muxviz.model.demultiplexer import RSADemultiplexer
from muxviz.model.mux_model import MuxModel
from muxviz.training.packed.tied import TABLES, TiedModel
from muxviz.training.rows import Rows
from muxviz.training.teacher import pad_id

SAMPLE_TOKENS = 8192  # of the teacher's states that everything is fitted to
BATCH = 64  # rows
RIDGE = 1e-3  # of the mean square of a regressor
OPEN, SHUT = 1.0, -4.0  # keys of the own dimensions and of the others
COMMON_PIECES = 1000  # behind the position table


@dataclass(frozen=True)
class LayerStates:
    """What one layer of the teacher does with the sample, ``[tokens, ...]`` each.

    heads: what the heads hand on, ``[tokens, H * size]``. middle: states after the first block.
    units: of the feed-forward block, after their activation.
    """

    entering: Tensor
    heads: Tensor
    middle: Tensor
    units: Tensor
    leaving: Tensor


@dataclass(frozen=True)
class Basis:
    """Orthonormal directions ``[D, w]``, and the share of the teacher's variance in them."""

    directions: Tensor
    share: float


@dataclass(frozen=True)
class Frame:
    """One set of the teacher's states in a basis: ``(x - mean) @ directions / scale``."""

    directions: Tensor
    mean: Tensor
    scale: float

    @classmethod
    def of(cls, states: Tensor, basis: Basis) -> Frame:
        """The frame in which ``states`` have mean 0 and, over all dimensions, variance 1."""
        mean = states.mean(dim=0)
        parts = (states - mean) @ basis.directions
        return cls(basis.directions, mean, float(parts.square().mean().clamp_min(1e-12).sqrt()))

    def __call__(self, states: Tensor) -> Tensor:
        return (states - self.mean) @ self.directions / self.scale

    def read(self, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """A linear layer on the teacher's states as one on their parts in this frame."""
        return weight @ self.directions * self.scale, bias + weight @ self.mean


@torch.no_grad()
def start_from(
    teacher: MuxModel,
    layers: tuple[int, ...],
    rows: Rows,
    model: TiedModel,
    *,
    at_first: bool,
    seed: int,
) -> Basis:
    """Give ``model`` the weights that the teacher has for it; those of its heads stay.

    Args:
        teacher: plain, in eval mode; not changed.
        layers: those of its layers that the model's are made from.
        rows: a sample of them shows what the teacher's states are like.
        model: fresh.
        at_first: whether only [CLS] is read: half of the variance is then counted there.
        seed: of the sample and of the rotation.

    Raises:
        ConfigError: the teacher has not as many layers or pieces, or smaller heads.
    """
    _check(teacher, layers, model)
    draws = torch.Generator().manual_seed(seed)
    states, is_first = sample_states(teacher, layers, rows, seed=seed)
    sets = [states[0].entering, *(s for layer in states for s in (layer.middle, layer.leaving))]
    basis = principal(sets, is_first if at_first else None, model.layout.own, draws)
    frames = [Frame.of(found, basis) for found in sets]
    _start_tables(teacher, model, frames[0])
    for at, (number, own) in enumerate(zip(layers, states, strict=True)):
        around = (frames[2 * at], frames[2 * at + 1], frames[2 * at + 2])
        _start_layer(teacher.encoder.layers[number], own, around, model, at)
    start_gate(model, draws)
    return basis


def _check(teacher: MuxModel, layers: tuple[int, ...], model: TiedModel) -> None:
    theirs, ours = teacher.config.shape, model.config.shape
    size, most = model.layout.head_size, theirs.hidden_size // theirs.num_attention_heads
    if size > most:
        raise ConfigError(
            f"heads of {size} dimensions cannot be cut out of the teacher's of {most}; give more "
            "num_heads, or leave them out"
        )
    for what, given, wanted in (
        ("layers", len(layers), ours.num_hidden_layers),
        ("word pieces", theirs.vocab_size, ours.vocab_size),
    ):
        if given != wanted:
            raise ConfigError(
                f"the teacher gives {given} {what}, the recipe asks for {wanted}; a packed start "
                "keeps the teacher's, leave that out of the recipe"
            )


# ---- what the teacher's states are like ---------------------------------------------------------


def sample_states(
    teacher: MuxModel, layers: tuple[int, ...], rows: Rows, *, seed: int
) -> tuple[list[LayerStates], Tensor]:
    """What the named layers do with real tokens of a random sample; and which are first tokens."""
    order = np.random.default_rng((seed, 4)).permutation(len(rows))
    enough = int(np.searchsorted(np.cumsum(rows.lengths[order]), SAMPLE_TOKENS)) + 1
    order = order[:enough][np.argsort(rows.lengths[order[:enough]], kind="stable")]
    found: list[list[LayerStates]] = []
    firsts = []
    for begin in range(0, len(order), BATCH):
        batch = order[begin : begin + BATCH]
        ids, mask = (torch.from_numpy(a)[:, None] for a in rows.pad(batch, pad_id(teacher)))
        types = torch.from_numpy(rows.segments(batch))[:, None] if rows.has_pairs else None
        found.append(_walk(teacher, layers, ids, mask, types))
        first = torch.zeros_like(mask[:, 0], dtype=torch.bool)
        first[:, 0] = True
        firsts.append(first[mask[:, 0] == 1])
    joined = [
        LayerStates(*(torch.cat([getattr(s, name) for s in one]) for name in vars(one[0])))
        for one in zip(*found, strict=True)
    ]
    return joined, torch.cat(firsts)


def _walk(
    teacher: MuxModel, layers: tuple[int, ...], ids: Tensor, mask: Tensor, types: Tensor | None
) -> list[LayerStates]:
    prepared = teacher.prepare(ids, mask, types)
    entry = teacher.walk(prepared)
    hidden, seen = entry.hidden, entry.mask
    real = mask[:, 0] == 1
    found = []
    for number, layer in enumerate(teacher.encoder.layers):
        one: Any = layer
        if number in layers:
            weights = teacher.encoder.attention(number, hidden, seen)
            attend = one.attention.self
            value = attend.value(hidden).unflatten(-1, (-1, attend.attention_head_size))
            heads = (weights @ value.transpose(1, 2)).transpose(1, 2).flatten(2)
            middle = one.attention(hidden, seen)
            units = one.intermediate(middle)
            leaving = one.output(units, middle)
            states = (hidden, heads, middle, units, leaving)
            found.append(LayerStates(*(s[real] for s in states)))
            hidden = leaving
        else:
            hidden = one(hidden, seen)
    by_number = dict(zip(sorted(layers), found, strict=True))
    return [by_number[number] for number in layers]


def principal(
    sets: list[Tensor], is_first: Tensor | None, width: int, draws: torch.Generator
) -> Basis:
    """The ``width`` directions that keep most of the variance of all sets, turned at random.

    Args:
        sets: states ``[tokens, D]`` at several depths; each counts alike.
        is_first: tokens that count as much as all together; None for no such.
    """

    def spread(states: Tensor) -> Tensor:
        covariance = torch.cov(states.double().T, correction=0)
        return covariance / covariance.trace().clamp_min(1e-12)

    total = torch.stack([spread(states) for states in sets]).mean(dim=0)
    if is_first is not None:
        # At the lowest depth the first token is always the same.
        firsts = [spread(states[is_first]) for states in sets[1:]]
        total = (total + torch.stack(firsts).mean(dim=0)) / 2
    values, vectors = torch.linalg.eigh(total)
    kept = vectors[:, -width:].float()
    turn, _ = torch.linalg.qr(torch.randn(width, width, generator=draws))
    return Basis(kept @ turn, float(values[-width:].sum() / values.sum()))


# ---- tables and layers ------------------------------------------------------------------------


def _start_tables(teacher: MuxModel, model: TiedModel, frame: Frame) -> None:
    theirs, ours = teacher.embeddings, model.embeddings
    words, positions, segments = (getattr(theirs, name).weight for name in TABLES)
    length = len(ours.position_embeddings.weight)
    usual = positions[:length].mean(dim=0) + segments[0]
    ours.word_embeddings.weight.copy_(frame(theirs.LayerNorm(words + usual)))
    common = words[torch.linspace(0, len(words) - 1, min(COMMON_PIECES, len(words))).long()]
    at_all = frame(theirs.LayerNorm(common + usual)).mean(dim=0)
    shifts = [
        frame(theirs.LayerNorm(common + row + segments[0])).mean(dim=0) - at_all
        for row in positions[:length]
    ]
    # Positions are added twice, the second time to a mixture that was divided by N.
    ours.position_embeddings.weight.copy_(torch.stack(shifts) / (model.layout.num + 1))
    ours.token_type_embeddings.weight.zero_()
    _plain_norm(ours.LayerNorm)


def _start_layer(
    layer: Any, states: LayerStates, frames: tuple[Frame, Frame, Frame], model: TiedModel, at: int
) -> None:
    before, between, after = frames
    own: Any = model.encoder.layers[at]
    layout = model.layout
    attend, theirs = own.attention.self, layer.attention.self
    out = between.directions.T @ layer.attention.output.dense.weight
    size, ours = theirs.attention_head_size, layout.head_size
    heads = _most(states.heads.var(dim=0) * out.square().sum(dim=0), layout.heads, size)
    context = []
    for number, head in enumerate(heads):
        here = slice(head * size, (head + 1) * size)
        mine = slice(number * ours, (number + 1) * ours)
        parts = [
            before.read(m.weight[here], m.bias[here])
            for m in (theirs.query, theirs.key, theirs.value)
        ]
        query, key = _narrowed_scores(parts[0], parts[1], ours)
        turn = _narrowing(out[:, here], ours)
        value = (turn @ parts[2][0], turn @ parts[2][1])
        for module, (weight, bias) in zip(
            (attend.query, attend.key, attend.value), (query, key, value), strict=True
        ):
            module.weight[mine].copy_(weight)
            module.bias[mine].copy_(bias)
        context.append(states.heads[:, here] @ turn.T)
    entering, middle, leaving = (
        before(states.entering),
        between(states.middle),
        after(states.leaving),
    )
    _fit(own.attention.output.dense, torch.cat(context, dim=1), entering, middle)
    out = after.directions.T @ layer.output.dense.weight
    units = _most(states.units.var(dim=0) * out.square().sum(dim=0), layout.units, 1)
    weight, bias = between.read(layer.intermediate.dense.weight, layer.intermediate.dense.bias)
    own.intermediate.dense.weight.copy_(weight[units])
    own.intermediate.dense.bias.copy_(bias[units])
    _fit(own.output.dense, states.units[:, units], middle, leaving)
    for block in (own.attention.output, own.output):
        _plain_norm(block.LayerNorm)


def _most(added: Tensor, count: int, size: int) -> list[int]:
    """The ``count`` blocks of ``size`` dimensions that add most variance, in order."""
    strength = added.view(-1, size).sum(dim=1)
    return sorted(torch.topk(strength, min(count, len(strength))).indices.tolist())


def _narrowed_scores(
    query: tuple[Tensor, Tensor], key: tuple[Tensor, Tensor], size: int
) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Query and key of a head with fewer dimensions and, as nearly as they can, equal scores."""
    asks, holds = (torch.cat([w, b[:, None]], dim=1) for w, b in (query, key))
    theirs = len(asks)
    if size != theirs:
        left, values, right = torch.linalg.svd(asks.T @ holds, full_matrices=False)
        # Scores are divided by the square root of the size.
        root = (values[:size] * (size / theirs) ** 0.5).sqrt()[:, None]
        asks, holds = root * left.T[:size], root * right[:size]
    return (asks[:, :-1], asks[:, -1]), (holds[:, :-1], holds[:, -1])


def _narrowing(out: Tensor, size: int) -> Tensor:
    """Mixtures of a head's dimensions that matter most for what it adds: ``[size, theirs]``."""
    if size == out.shape[1]:
        return torch.eye(size)
    kept: Tensor = torch.linalg.svd(out).Vh[:size]
    return kept


def _fit(dense: Any, given: Tensor, before: Tensor, after: Tensor) -> None:
    """Least squares for what a block adds: ``before + dense(given)`` is to point where ``after``
    does, the part of ``after`` that ``before`` explains being as large as ``before``.
    """
    agree = float((before * after).mean() / before.square().mean().clamp_min(1e-12))
    wanted = after / max(agree, 0.2) - before
    inputs = torch.cat([given, torch.ones(len(given), 1)], dim=1).double()
    square = inputs.T @ inputs
    square += RIDGE * square.diagonal().mean() * torch.eye(len(square), dtype=torch.double)
    solved = torch.linalg.solve(square, inputs.T @ wanted.double()).float()
    dense.weight.zero_()
    dense.weight[:, : given.shape[1]].copy_(solved[:-1].T)
    dense.bias.copy_(solved[-1])


def _plain_norm(norm: Any) -> None:
    norm.weight.fill_(1.0)
    norm.bias.zero_()


# ---- the demultiplexer --------------------------------------------------------------------------


def start_gate(model: TiedModel, draws: torch.Generator) -> None:
    """Begin the demultiplexer as a gate that opens for a slot's own dimensions only."""
    own: Any = model.demultiplexer
    assert isinstance(own, RSADemultiplexer)
    layout = model.layout
    width = layout.wide
    first: Any = own.dense[0]
    first.weight.copy_(torch.cat([torch.eye(width), torch.eye(width)], dim=1))
    first.bias.zero_()
    own.keys.fill_(SHUT)
    for slot, places in enumerate(layout.places("hidden")):
        own.keys[slot, places] = OPEN
    readers: list[Any] = [*list(own.dense)[1:], own.pre_decoder]
    readers += [] if model.head is None else [model.head.out_proj]
    for reader in readers:
        alike = torch.randn(reader.out_features, layout.own, generator=draws)
        reader.weight.copy_(layout.tiled(alike * 0.02 * (width / layout.own) ** 0.5))
        reader.bias.zero_()
    if model.retrieval_head is not None:  # rows of the word table are as long as the root of w
        head: Any = model.retrieval_head
        head.layer_norm.weight.fill_(layout.own**-0.5)

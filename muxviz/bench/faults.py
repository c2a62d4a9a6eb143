"""Faults planted into a healthy multiplexed model: what the debugger is to find.

Every fault is made of a checkpoint whose slots have rooms of their own (``binary_hadamard``
chunks), by changing a copy of its weights, its configuration or a label. A *case* is one slot of
one group that the healthy model answers right and the changed one wrong, so that the fault is the
cause by construction, whatever any intervention says of it. Three kinds need no change: rows that
N = 1 gets wrong too, right answers, and a label that was exchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from muxviz.analysis.groups.draws import base_group, logits_of, softmax
from muxviz.batch import Row
from muxviz.errors import NotApplicable
from muxviz.loading.checkpoint import Checkpoint

KINDS = (
    "leak",
    "equal keys",
    "damaged key",
    "dead slot",
    "new layer",
    "padding exposed",
    "text cut",
    "wrong label",
    "N = 1 wrong too",
    "capacity",
    "nothing wrong",
)
CAUSE = {  # what the debugger is to say of it
    "leak": "neighbour",
    "equal keys": "key",
    "damaged key": "key",
    "dead slot": "dead slot",
    "new layer": "layer",
    "padding exposed": "padding",
    "text cut": "cut",
    "wrong label": "label",
    "N = 1 wrong too": "sentence",
    "capacity": "model",
    "nothing wrong": "right",
}
CLEAR = 1.0  # logits by which the healthy model is right
ROOM = 8  # tokens that are left of a text where texts are cut
NEW = 0.02  # standard deviation of new weights, as BERT's
LEFT = 0.5  # of every room's inner units, where capacity is short
SEARCHED = 400  # groups looked at for one case


@dataclass(frozen=True)
class Case:
    """A slot with a known cause. at: the neighbour, the slot read instead, or the layer."""

    kind: str
    at: int | None
    checkpoint: Checkpoint
    rows: tuple[Row, ...]
    slot: int
    gold: str


@dataclass(frozen=True)
class Fault:
    """A changed checkpoint. slot: where it is seen, None for any; at: as in ``Case``."""

    checkpoint: Checkpoint
    slot: int | None
    at: int | None


Sentences = Sequence[tuple[str, str]]  # text and label


def plant_cases(
    healthy: Checkpoint, baseline: Checkpoint, sentences: Sentences, *, each: int, seed: int = 0
) -> Iterator[Case]:
    """``each`` cases of every kind, of different groups, slots and strengths.

    Raises:
        NotApplicable: the slots have no rooms of their own.
    """
    rooms_of(healthy)
    for kind in KINDS:
        for number in range(each):
            case = _search(
                kind, healthy, baseline, sentences, np.random.default_rng([seed, number])
            )
            if case is not None:
                yield case


def rooms_of(checkpoint: Checkpoint) -> list[slice]:
    """The dimensions of every slot's own room.

    Raises:
        NotApplicable: they are not chunks of the hidden state.
    """
    vectors = getattr(checkpoint.model.multiplexer, "instance_embedding", None)
    if checkpoint.config.multiplexer != "binary_hadamard" or vectors is None:
        raise NotApplicable(
            f"not applicable: the slots of {checkpoint.name} share their dimensions; faults are "
            "planted into rooms (binary_hadamard)"
        )
    places = [torch.nonzero(v).flatten().tolist() for v in vectors]
    return [slice(p[0], p[-1] + 1) for p in places]


def _search(
    kind: str,
    healthy: Checkpoint,
    baseline: Checkpoint,
    sentences: Sentences,
    generator: np.random.Generator,
) -> Case | None:
    """The first drawn group in which the fault, and nothing else, turns a clear answer."""
    fault = PLANTS[kind](healthy, generator)
    num, labels = healthy.config.num_instances, healthy.config.labels
    for _ in range(SEARCHED):
        chosen = [sentences[n] for n in generator.permutation(len(sentences))[:num]]
        rows = tuple(Row(text) for text, _ in chosen)
        slot = int(generator.integers(num)) if fault.slot is None else fault.slot
        gold = chosen[slot][1]
        other = next(label for label in labels if label != gold)
        before, after = (_margin(c, rows, slot, gold) for c in (healthy, fault.checkpoint))
        by_itself = _margin(baseline, rows[slot : slot + 1], 0, gold)
        if kind == "wrong label":
            if min(before, by_itself) > 3 * CLEAR:
                return Case(kind, None, healthy, rows, slot, other)
        elif kind == "N = 1 wrong too":
            if max(before, by_itself) < 0:
                return Case(kind, None, healthy, rows, slot, gold)
        elif kind == "nothing wrong":
            if min(before, by_itself) > CLEAR:
                return Case(kind, None, healthy, rows, slot, gold)
        elif min(before, by_itself) > CLEAR and after < -CLEAR / 2:
            return Case(kind, fault.at, fault.checkpoint, rows, slot, gold)
    return None


def _margin(checkpoint: Checkpoint, rows: Sequence[Row], slot: int, gold: str) -> float:
    (logits,) = logits_of(checkpoint, [base_group(checkpoint, rows)])
    own, place = logits[slot], checkpoint.config.labels.index(gold)
    p = softmax(own)
    return float(np.log(p[place]) - np.log(np.delete(p, place).max()))


# ---- plants -------------------------------------------------------------------------------------


def _changed(healthy: Checkpoint) -> Checkpoint:
    """A copy whose weights may be changed."""
    return replace(healthy, model=deepcopy(healthy.model), fingerprint=f"{healthy.fingerprint}*")


def _two(healthy: Checkpoint, generator: np.random.Generator) -> tuple[int, int]:
    i, j = generator.permutation(healthy.config.num_instances)[:2]
    return int(i), int(j)


def _nothing(healthy: Checkpoint, generator: np.random.Generator) -> Fault:
    return Fault(healthy, None, None)


@torch.no_grad()
def _leak(healthy: Checkpoint, generator: np.random.Generator) -> Fault:
    """A layer writes what it writes into room j into room i as well."""
    (i, j), rooms = _two(healthy, generator), rooms_of(healthy)
    layer = int(generator.integers(healthy.config.shape.num_hidden_layers))
    strength = float(generator.uniform(1, 3))
    changed = _changed(healthy)
    part: Any = changed.model.encoder.layers[layer]
    for dense in (part.attention.output.dense, part.output.dense):
        _copy_rows(dense.weight, rooms[i], rooms[j], strength)
        _copy_rows(dense.bias, rooms[i], rooms[j], strength)
    return Fault(changed, i, j)


def _copy_rows(weight: Tensor, into: slice, source: slice, strength: float) -> None:
    size = min(into.stop - into.start, source.stop - source.start)
    weight[into.start : into.start + size] += (
        strength * weight[source.start : source.start + size].clone()
    )


@torch.no_grad()
def _equal_keys(healthy: Checkpoint, generator: np.random.Generator) -> Fault:
    i, j = _two(healthy, generator)
    changed = _changed(healthy)
    demultiplexer: Any = changed.model.demultiplexer
    demultiplexer.keys[i] = demultiplexer.keys[j]
    return Fault(changed, i, j)


@torch.no_grad()
def _damaged_key(healthy: Checkpoint, generator: np.random.Generator) -> Fault:
    """A key whose entries have changed places."""
    i = int(generator.integers(healthy.config.num_instances))
    changed = _changed(healthy)
    demultiplexer: Any = changed.model.demultiplexer
    key = demultiplexer.keys[i]
    key.copy_(key[torch.from_numpy(generator.permutation(len(key)))].clone())
    return Fault(changed, i, None)


@torch.no_grad()
def _dead_slot(healthy: Checkpoint, generator: np.random.Generator) -> Fault:
    i = int(generator.integers(healthy.config.num_instances))
    changed = _changed(healthy)
    multiplexer: Any = changed.model.multiplexer
    multiplexer.instance_embedding[i] = 0
    return Fault(changed, i, None)


@torch.no_grad()
def _new_layer(healthy: Checkpoint, generator: np.random.Generator) -> Fault:
    """A layer as it is before training, such as a loader makes of one that a file lacks."""
    layer = int(generator.integers(healthy.config.shape.num_hidden_layers))
    changed = _changed(healthy)
    seed = torch.Generator().manual_seed(int(generator.integers(1 << 31)))
    for part in changed.model.encoder.layers[layer].modules():
        if isinstance(part, torch.nn.Linear):
            part.weight.normal_(0, NEW, generator=seed)
            part.bias.zero_()
        elif isinstance(part, torch.nn.LayerNorm):
            part.reset_parameters()
    return Fault(changed, None, layer)


@torch.no_grad()
def _padding_exposed(healthy: Checkpoint, generator: np.random.Generator) -> Fault:
    """[PAD] looks like a word of one of the classes."""
    word = str(generator.choice(("awful", "terrible", "wonderful", "brilliant")))
    changed = _changed(healthy)
    table = changed.model.embeddings.word_embeddings.weight
    tokenizer: Any = healthy.need_tokenizer()
    table[healthy.config.shape.pad_token_id] = table[tokenizer.convert_tokens_to_ids(word)]
    return Fault(changed, None, None)


def _text_cut(healthy: Checkpoint, generator: np.random.Generator) -> Fault:
    """A model with room for a few tokens of a text."""
    shape = replace(healthy.config.shape, max_position_embeddings=ROOM)
    return Fault(replace(healthy, config=replace(healthy.config, shape=shape)), None, None)


@torch.no_grad()
def _capacity(healthy: Checkpoint, generator: np.random.Generator) -> Fault:
    """Every room loses the same half of its inner units, in every layer."""
    changed, rooms = _changed(healthy), rooms_of(healthy)
    layers: Any = changed.model.encoder.layers
    for part in layers:
        weight = part.output.dense.weight
        owners = torch.stack([weight[room].abs().sum(dim=0) for room in rooms]).argmax(dim=0)
        inner = [torch.nonzero(owners == room).flatten() for room in range(len(rooms))]
        order = generator.permutation(max(len(units) for units in inner))
        for units in inner:
            kept = [n for n in order if n < len(units)]
            weight[:, units[kept[int(LEFT * len(units)) :]]] = 0
    return Fault(changed, None, None)


PLANTS: dict[str, Callable[[Checkpoint, np.random.Generator], Fault]] = {
    "leak": _leak,
    "equal keys": _equal_keys,
    "damaged key": _damaged_key,
    "dead slot": _dead_slot,
    "new layer": _new_layer,
    "padding exposed": _padding_exposed,
    "text cut": _text_cut,
    "wrong label": _nothing,
    "N = 1 wrong too": _nothing,
    "capacity": _capacity,
    "nothing wrong": _nothing,
}

"""Planted models in which attention does something, and the linear ones of the attribution tests.

``linear``: with a huge epsilon and the weight that undoes it, LN(x) = x for every x of mean 0, so
that the whole model is linear between baseline and group, and integrated gradients are exact.
``head_carries``: one head of a layer carries slot ``source`` into slot ``target`` with a weight;
its attention stays even (queries and keys are 0), so that every number can be worked out.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from muxviz.analysis.attention.conductance import layer_conductance
from muxviz.analysis.attention.pairs import slot_pairs
from muxviz.analysis.attention.readings import (
    attention_maps,
    head_effects,
    instance_attention,
    relevance,
)
from muxviz.analysis.groups.attribution import attribute, slot_shares
from muxviz.analysis.groups.draws import base_group, jensen_shannon, softmax
from muxviz.analysis.groups.one_group import NOTHING, Target, enter
from muxviz.batch import Group, Row
from muxviz.loading.checkpoint import Checkpoint
from tests.planted import Planted, first_forced, planted
from tests.planted_held import Found, Rows, exact
from tests.tiny import tiny_checkpoint, tiny_config

rows = Rows()
ROWS = (Row("a good film"), Row("the plot is bad and boring"), Row("we like the music"))
LEAKY = ((1.0, 0.5, 0.0), (0.0, 1.0, 0.0), (2.0, 0.0, 1.0))
POOL = ("a good day", "the river is cold", "we work at night", "an old city")
EPSILON = 1e8


def linear(leaks: Sequence[Sequence[float]] | None = None, **changes: Any) -> Planted:
    """``planted`` without the curvature of its layer norms."""
    model = planted(leaks, layer_norm_eps=EPSILON, **changes)
    with torch.no_grad():
        for module in model.checkpoint.model.modules():
            if isinstance(module, torch.nn.LayerNorm):
                module.weight.mul_(EPSILON**0.5)
    return model


def head_carries(
    model: Planted, *, head: int, source: int, target: int, weight: float, layer: int = 0
) -> Planted:
    """Head ``head`` of a layer adds ``weight`` times the mean of slot ``source``'s codes over all
    positions to slot ``target``'s chunk.
    """
    width = model.codes.shape[1]
    place, one = slice(head * width, (head + 1) * width), torch.eye(width)
    own: Any = model.checkpoint.model.encoder.layers[layer]
    with torch.no_grad():
        own.attention.self.value.weight[place, source * width : (source + 1) * width] = one
        out = own.attention.output.dense.weight
        out[target * width : (target + 1) * width, place] = weight * one
    return model


def pair_owns_logits(model: Planted, *, head: int, query: int, key: int, scale: float) -> Planted:
    """Head ``head`` of layer 1 compares slot ``query``'s codes with slot ``key``'s only."""
    width = model.codes.shape[1]
    place, one = slice(head * width, (head + 1) * width), torch.eye(width)
    own: Any = model.checkpoint.model.encoder.layers[0]
    with torch.no_grad():
        own.attention.self.query.weight[place, query * width : (query + 1) * width] = scale * one
        own.attention.self.key.weight[place, key * width : (key + 1) * width] = one
    return model


def pair_logits(model: Planted, group: Group, *, query: int, key: int, scale: float) -> np.ndarray:
    """The logits of ``pair_owns_logits``, by hand: ``[T, T]``."""
    codes = model.codes[first_forced(group.ids)]
    asked: np.ndarray = scale * codes[query] @ codes[key].T / model.codes.shape[1] ** 0.5
    return asked


def differences(model: Planted, group: Group, counted: np.ndarray, mean: float) -> np.ndarray:
    """Score of every counted token less the pool's mean score, 0 elsewhere: ``[N, T]``."""
    return np.where(counted, model.scores[first_forced(group.ids)] - mean, 0.0)


def mean_score(model: Planted, pool: Sequence[str]) -> float:
    """Mean score of the pool's words."""
    tokenizer: Any = model.checkpoint.tokenizer
    ids = [i for text in pool for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    return float(model.scores[ids].mean())


# ---- by hand ------------------------------------------------------------------------------------


def attributions_by_hand(model: Planted, slot: int) -> np.ndarray:
    """Attributions ``[N, T]`` of "positive rather than negative": weight times difference."""
    group = base_group(model.checkpoint, ROWS)
    counted = enter(model.checkpoint, ROWS).counted
    delta = differences(model, group, counted, mean_score(model, POOL))
    return np.asarray(model.leaks[model.gates[slot]][:, None] * delta * read_by(group, slot))


def read_by(group: Group, slot: int) -> np.ndarray:
    """Weights with which a slot's answer reads positions, ``[T]``: its head reads the mean."""
    return np.asarray(group.mask[slot] / group.mask[slot].sum())


def carried_relevance(model: Planted, group: Group, weight: float, heads: int = 3) -> np.ndarray:
    """Of slot 1 and a head that carries slot 2 into it: ``[T, T]``.

    f = own + w * mean_t sum_s A[t, s] score(w_s), so df/dA[t, s] = w score(w_s) / n for t where the
    slot reads; A is even. Positive parts, mean over heads.
    """
    scores = model.scores[first_forced(group.ids)][1]
    weighted = weight * np.outer(read_by(group, 0), scores) / group.length
    return np.asarray(np.maximum(weighted, 0) / heads)


def silenced(model: Planted, group: Group, weight: float) -> tuple[float, float]:
    """Margin of slot 1's answer without the head that carries slot 2 into it less that with it,
    and the JS of both answers.
    """
    carried = weight * model.scores[first_forced(group.ids)][1].mean()
    own = model.margins(group)[0]
    sign = 1 if own + carried > 0 else -1
    with_it, without = (softmax(np.array([-m / 2, m / 2])) for m in (own + carried, own))
    return float(-sign * carried), float(jensen_shannon(with_it, without))


def instances_by_hand(sharpness: float) -> np.ndarray:
    """Attention across three slots of ``contextual_looking_at(2, sharpness)``: ``[N]``."""
    seen = np.exp([0.0, 0.0, sharpness / 6**0.5])  # the head's width is 6
    return np.asarray(seen / seen.sum())


def contextual_looking_at(slot: int, sharpness: float) -> Checkpoint:
    """Constant embeddings of ones; keys see chunk ``slot`` of the binary marks alone."""
    checkpoint = tiny_checkpoint(tiny_config(multiplexer="contextual", default_padding="group"))
    multiplexer: Any = checkpoint.model.multiplexer
    with torch.no_grad():
        for parameter in (
            *multiplexer.token_layer.parameters(),
            *multiplexer.instance_layer.parameters(),
        ):
            parameter.zero_()
        checkpoint.model.embeddings.LayerNorm.weight.zero_()
        checkpoint.model.embeddings.LayerNorm.bias.fill_(1.0)
        marks = torch.zeros(3, 3, 8)
        marks[range(3), range(3)] = 1
        multiplexer.instance_embedding.copy_(marks.view(3, 24))
        own = multiplexer.instance_layer.attention.self
        own.query.bias[0] = sharpness  # head 0 asks along its first direction
        own.key.weight[0, slot * 8 : slot * 8 + 8] = 1 / 8
    return checkpoint


def two_slots_ask(weight: float) -> Planted:
    """Head 1 of layer 1 compares slot 1's codes, and ``weight`` times slot 2's, with slot 1's."""
    model = pair_owns_logits(planted(), head=0, query=0, key=0, scale=1.0)
    own: Any = model.checkpoint.model.encoder.layers[0]
    with torch.no_grad():
        own.attention.self.query.weight[:16, 16:32] = weight * torch.eye(16)
    return model


def conductance_by_hand(model: Planted, weight: float) -> np.ndarray:
    """Of slot 1's answer, where a head of layer 1 carries slot 2 into it: ``[K + 1, N, T]``.

    Before the layer slot 2's part sits where its tokens are, w * delta / T each; behind it, all of
    it sits in equal parts where slot 1 reads, w * mean(delta) / n each.
    """
    entered = enter(model.checkpoint, ROWS)
    group = entered.group
    delta = differences(model, group, entered.counted, mean_score(model, POOL))
    read = read_by(group, 0)
    found = np.zeros((3, *delta.shape))
    found[:, 0] = delta[0] * read
    found[0, 1] = weight * delta[1] / group.length
    found[1:, 1] = weight * delta[1].mean() * read
    return found


def gap_by_hand(model: Planted, slot: int, steps: int) -> float:
    """Completeness gap of ``steps`` Gauss-Legendre nodes where norms bend the path.

    At a of the path slot j's chunk is its code where no token counts, else mean + a (code - mean);
    the norm divides a place by the root mean square over all chunks.
    """
    entered = enter(model.checkpoint, ROWS)
    group, counted = entered.group, entered.counted[..., None]
    tokenizer: Any = model.checkpoint.tokenizer
    ids = [i for text in POOL for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    codes, mean = model.codes[first_forced(group.ids)], model.codes[ids].mean(axis=0)
    direction = np.linalg.lstsq(model.codes, model.scores, rcond=None)[0]

    def output(a: float) -> float:
        chunks = np.where(counted, mean + a * (codes - mean), codes)
        chunks = chunks / np.sqrt((chunks**2).mean(axis=(0, 2)))[None, :, None]
        heard = np.einsum("j,jtd,d->t", model.leaks[slot], chunks, direction)
        return float(read_by(group, slot) @ heard)

    nodes, weights = np.polynomial.legendre.leggauss(steps)
    nodes, step = (nodes + 1) / 2, 1e-5
    slopes = [(output(a + step) - output(a - step)) / (2 * step) for a in nodes]
    whole = output(1) - output(0)
    return abs(float(weights @ slopes) / 2 - whole) / abs(whole)


# ---- rows: three readings -----------------------------------------------------------------------


@rows.add("attention, reading 1: the map", "share", "softmax of the codes' products")
def _() -> Found:
    model = pair_owns_logits(planted(), head=1, query=0, key=2, scale=0.3)
    group = base_group(model.checkpoint, ROWS)
    found, clean = (attention_maps(m.checkpoint, ROWS).maps[0, 1] for m in (model, planted()))
    wanted = softmax(pair_logits(model, group, query=0, key=2, scale=0.3))
    return Found(exact(found, wanted, 1e-5), exact(clean, 1 / group.length, 1e-5))


@rows.add("attention entropy of a head", "of ln T", "entropy of that softmax, mean over queries")
def _() -> Found:
    model = pair_owns_logits(planted(), head=1, query=0, key=2, scale=0.3)
    group = base_group(model.checkpoint, ROWS)
    map_ = softmax(pair_logits(model, group, query=0, key=2, scale=0.3))
    wanted = -(map_ * np.log(map_)).sum(axis=1).mean() / np.log(group.length)
    found, clean = (attention_maps(m.checkpoint, ROWS).entropy[0, 1] for m in (model, planted()))
    return Found(exact(found, wanted, 1e-5), exact(clean, 1, 1e-5))


@rows.add("attention, reading 2: one pair's logits", "logits", "product of the two slots' codes")
def _() -> Found:
    model = pair_owns_logits(planted(), head=0, query=2, key=1, scale=0.5)
    wanted = pair_logits(model, base_group(model.checkpoint, ROWS), query=2, key=1, scale=0.5)
    found, clean = (slot_pairs(m.checkpoint, ROWS).pair(0, 2, 1) for m in (model, planted()))
    return Found(exact(found, wanted, 1e-5), exact(clean, 0, 1e-9))


@rows.add("attention, reading 2: shares of two pairs", "share", "weights 1 and 3, equal sentences")
def _() -> Found:
    found, clean = (
        slot_pairs(two_slots_ask(w).checkpoint, [ROWS[0]] * 3).shares[0, :2, 0] for w in (3, 0)
    )
    return Found(exact(found, [1 / 4, 3 / 4], 1e-6), exact(clean, [1, 0], 1e-6))


@rows.add("attention, reading 2: residual", "of the largest", "pairs add up to logits", is_law=True)
def _() -> Found:
    found, clean = (
        slot_pairs(m.checkpoint, ROWS).residual for m in (two_slots_ask(3.0), two_slots_ask(0.0))
    )
    return Found(exact(found, 0, 1e-5), exact(clean, 0, 1e-5))


PRAISED = (Row("a good film"), Row("the plot is good and funny"), Row("we like the music"))


@cache
def carried(weights: tuple[float, ...]) -> tuple[Any, np.ndarray]:
    """Relevance where a head of each layer carries slot 2 into slot 1; by hand ``[K, T, T]``."""
    model = linear()
    for layer, weight in enumerate(weights):
        head_carries(model, head=0, source=1, target=0, weight=weight, layer=layer)
    group = base_group(model.checkpoint, PRAISED)
    layers = np.stack([carried_relevance(model, group, weight) for weight in weights])
    return relevance(model.checkpoint, PRAISED), layers


@rows.add(
    "attention, reading 3: relevance", "logits", "even attention x weight x score / (T n heads)"
)
def _() -> Found:
    (found, wanted), (clean, _) = carried((1.5, 1.0)), carried((0.0, 0.0))
    return Found(exact(found.layers[0], wanted, 1e-5), exact(clean.layers[0], 0, 1e-6))


@rows.add("attention, reading 3: rollout", "logits", "R1 + R2 + R2 R1 of both layers")
def _() -> Found:
    (found, layers), (clean, _) = carried((1.5, 1.0)), carried((0.0, 0.0))
    wanted = layers[0] + layers[1] + layers[1] @ layers[0]
    return Found(exact(found.rollout[0, 1], wanted, 1e-5), exact(clean.rollout[0, 1], 0, 1e-6))


@rows.add(
    "attention, reading 3: slots it is not for", "logits", "no path, no gradient", is_law=True
)
def _() -> Found:
    (found, _), (clean, _) = carried((1.5, 1.0)), carried((0.0, 0.0))
    return Found(exact(found.rollout[1:], 0, 1e-6), exact(clean.rollout[1:], 0, 1e-6))


@rows.add("attention across slots (contextual)", "share", "softmax of (0, 0, 4 / sqrt 6)")
def _() -> Found:
    found, clean = (
        instance_attention(contextual_looking_at(2, s), [ROWS[0]] * 3).maps[:3, 0]
        for s in (4.0, 0.0)
    )
    return Found(exact(found, instances_by_hand(4.0), 1e-5), exact(clean, 1 / 3, 1e-5))


@cache
def heads(weight: float) -> Any:
    model = head_carries(linear(), head=2, source=1, target=0, weight=weight)
    return head_effects(model.checkpoint, ROWS)


@rows.add("silenced head: change of the margin", "logits", "weight x mean score of slot 2")
def _() -> Found:
    wanted = np.zeros((3, 2, 3))
    model = linear()
    wanted[0, 0, 2] = silenced(model, base_group(model.checkpoint, ROWS), 1.5)[0]
    return Found(exact(heads(1.5).change, wanted, 1e-4), exact(heads(0.0).change, 0, 1e-5))


@rows.add("silenced head: JS of the answers", "nats", "JS of the margins with and without it")
def _() -> Found:
    wanted = np.zeros((3, 2, 3))
    model = linear()
    wanted[0, 0, 2] = silenced(model, base_group(model.checkpoint, ROWS), 1.5)[1]
    return Found(exact(heads(1.5).divergence, wanted, 1e-5), exact(heads(0.0).divergence, 0, 1e-8))


@rows.add("head ranking: effects in its order", "logits", "weights 1.5 and 0.5, the rest nothing")
def _() -> Found:
    model, clean = linear(), linear()
    for head, weight in ((0, 0.5), (2, 1.5)):
        head_carries(model, head=head, source=1, target=0, weight=weight)
    both = [head_effects(m.checkpoint, ROWS) for m in (model, clean)]
    effects = [np.array([one.effect(0)[at] for at in one.ranking(0)]) for one in both]
    mean = abs(model.scores[first_forced(base_group(model.checkpoint, ROWS).ids)][1].mean())
    wanted = mean * np.array([1.5, 0.5, 0, 0, 0, 0])
    return Found(exact(effects[0], wanted, 1e-4), exact(effects[1], 0, 1e-5))


# ---- rows: attribution --------------------------------------------------------------------------

POSITIVE = Target(0, label=1, against=0)


@rows.add("integrated gradients by token", "logits", "leak x (score - mean score) / tokens")
def _() -> Found:
    both = []
    for model in (linear(LEAKY), linear()):
        found = attribute(model.checkpoint, ROWS, POSITIVE, pool=POOL)
        both.append(exact(found.values, attributions_by_hand(model, 0), 2e-4))
    return Found(*both)


@rows.add("integrated gradients: share of a slot", "share", "equal sentences: w / (1 + w), w = 3")
def _() -> Found:
    same, weight = [ROWS[0]] * 3, 3.0
    leaky, clean = (
        slot_shares(linear(m).checkpoint, same, pool=POOL).shares
        for m in (((1, weight, 0), (0, 1, 0), (0, 0, 1)), None)
    )
    wanted = [[1 / (1 + weight), weight / (1 + weight), 0], [0, 1, 0], [0, 0, 1]]
    return Found(exact(leaky, wanted, 1e-4), exact(clean, np.eye(3), 1e-4))


@rows.add("integrated gradients: completeness gap", "of the difference", "two nodes, by hand")
def _() -> Found:
    curved, straight = planted(LEAKY), linear(LEAKY)
    found, clean = (
        attribute(m.checkpoint, ROWS, POSITIVE, pool=POOL, steps=2).gap for m in (curved, straight)
    )
    return Found(exact(found, gap_by_hand(curved, 0, 2), 1e-4), exact(clean, 0, 1e-4))


@rows.add("integrated gradients: contrastive target", "logits", "a plain logit is half of it")
def _() -> Found:
    both = []
    for model in (linear(LEAKY), linear()):
        targets = (POSITIVE, Target(0, 0, 1), Target(0, 1, NOTHING))
        sums = [attribute(model.checkpoint, ROWS, t, pool=POOL).sums for t in targets]
        own = attributions_by_hand(model, 0).sum(axis=1)
        both.append(exact(sums, [own, -own, own / 2], 2e-4))
    return Found(*both)


@cache
def conducted(weight: float) -> tuple[Any, np.ndarray]:
    model = head_carries(linear(), head=2, source=1, target=0, weight=weight)
    found = layer_conductance(model.checkpoint, ROWS, POSITIVE, pool=POOL)
    return found, conductance_by_hand(model, weight)


@rows.add("layer conductance", "logits", "behind its layer a head's part sits where slot 1 reads")
def _() -> Found:
    (found, wanted), (clean, nothing) = conducted(2.0), conducted(0.0)
    return Found(exact(found.values, wanted, 2e-4), exact(clean.values, nothing, 2e-4))


@rows.add("layer conductance less captum's", "logits", "the same sum over slots", is_law=True)
def _() -> Found:
    missing = [one.values.sum(axis=1) - one.captum for one, _ in (conducted(2.0), conducted(0.0))]
    return Found(exact(missing[0], 0, 2e-3), exact(missing[1], 0, 2e-3))

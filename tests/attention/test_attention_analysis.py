"""Three readings of attention on planted models, where attention is known, and their invariants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from muxviz.analysis.attention.eager import silence_heads, states_and_maps
from muxviz.analysis.attention.pairs import slot_pairs
from muxviz.analysis.attention.readings import (
    attention_maps,
    head_effects,
    instance_attention,
    relevance,
)
from muxviz.analysis.groups.draws import base_group, softmax
from muxviz.analysis.groups.one_group import enter
from muxviz.batch import Row, Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.inference import group_tensors
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.attention import SlotPairs
from muxviz.results.store import from_json, to_json
from muxviz.tracing import trace
from tests.attention.planted_attention import (
    LEAKY,
    ROWS,
    carried_relevance,
    contextual_looking_at,
    head_carries,
    instances_by_hand,
    linear,
    pair_logits,
    pair_owns_logits,
    read_by,
    silenced,
    two_slots_ask,
)
from tests.planted import first_forced, planted
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config

KINDS: list[dict[str, Any]] = [
    {},
    {"default_padding": "masked"},
    {"demultiplexer": "index_prefix"},
    {"demultiplexer": "mlp"},
    {"multiplexer": "random_orthogonal"},
    {"multiplexer": "low_rank_orthogonal"},
    {"multiplexer": "contextual"},
    {"multiplexer": "cross_instance", "backbone": "electra", "embedding_size": 12},
    {"backbone": "electra", "embedding_size": 12},
    {"task": "token_classification", "num_labels": 3},
    {"task": "replaced_token_detection", "backbone": "electra", "demultiplexer": "index_prefix"},
    {"task": "masked_lm"},
    {"plain": True},
]


def rows_for(checkpoint: Checkpoint) -> tuple[Row, ...]:
    return ROWS[: checkpoint.config.num_instances]


# ---- the encoder written out --------------------------------------------------------------------


@pytest.mark.parametrize("changes", KINDS)
def test_the_written_out_pass_gives_the_models_numbers(changes: dict[str, Any]) -> None:
    checkpoint = shared_checkpoint(**changes)
    entered = enter(checkpoint, rows_for(checkpoint))
    ids, mask, types = group_tensors(checkpoint, [entered.group])
    traced = trace(checkpoint.model, ids, mask, token_type_ids=types, hide_padding=entered.hide)
    states, maps = states_and_maps(entered, entered.embeddings)
    for mine, own in zip(states, traced.hidden_states, strict=True):
        np.testing.assert_allclose(mine.numpy(), own.numpy(), rtol=1e-5, atol=5e-5)
    for mine, own in zip(maps, traced.attentions, strict=True):
        np.testing.assert_allclose(mine.numpy(), own.numpy(), rtol=1e-5, atol=5e-5)
    found = attention_maps(checkpoint, rows_for(checkpoint))
    np.testing.assert_allclose(found.maps, torch.stack(traced.attentions)[:, 0].numpy(), atol=1e-6)
    np.testing.assert_allclose(found.maps.sum(axis=-1), 1, atol=1e-5)
    assert found.prefix == traced.prefix
    assert len(found.tokens[0]) == found.maps.shape[-1]


def test_silencing_a_head_is_zeroing_its_columns_of_the_output() -> None:
    checkpoint = tiny_checkpoint(tiny_config(default_padding="group"))
    entered = enter(checkpoint, ROWS)
    hidden = states_and_maps(entered, entered.embeddings)[0][0]
    layer: Any = checkpoint.model.encoder.layers[0]
    silenced = silence_heads(layer, hidden, None)
    weight = layer.attention.output.dense.weight
    for head in range(4):
        kept = weight.clone()
        with torch.no_grad():
            weight[:, head * 6 : head * 6 + 6] = 0
            expected = layer(hidden, None)
            weight.copy_(kept)
        np.testing.assert_allclose(silenced[head].numpy(), expected[0].numpy(), atol=1e-5)


# ---- reading 1 ----------------------------------------------------------------------------------


def test_planted_logits_give_their_softmax_and_its_entropy() -> None:
    model = pair_owns_logits(planted(), head=1, query=0, key=2, scale=0.3)
    group = base_group(model.checkpoint, ROWS)
    found = attention_maps(model.checkpoint, ROWS)
    expected = softmax(pair_logits(model, group, query=0, key=2, scale=0.3))
    np.testing.assert_allclose(found.maps[0, 1], expected, atol=1e-5)
    entropy = -(expected * np.log(expected)).sum(axis=1).mean()
    assert found.entropy_nats[0, 1] == pytest.approx(entropy, abs=1e-5)
    # Every other head compares nothing with nothing: attention is even, entropy is all of ln T.
    length = group.length
    np.testing.assert_allclose(found.maps[1], 1 / length, atol=1e-6)
    np.testing.assert_allclose(np.delete(found.entropy.ravel(), 1), 1, atol=1e-6)
    assert found.entropy[0, 1] == pytest.approx(entropy / np.log(length), abs=1e-6)


def test_hidden_positions_count_for_nothing_in_the_entropy() -> None:
    model = planted()
    found = attention_maps(
        model.checkpoint, [Row("good"), Row("bad"), Row("old")], seating=Seating("masked")
    )
    wide = attention_maps(model.checkpoint, ROWS, seating=Seating("masked"))
    assert found.visible.all()
    assert wide.visible.sum() == 8
    np.testing.assert_allclose(wide.entropy, 1, atol=1e-6)


def test_the_contextual_multiplexers_attention_across_slots_is_found() -> None:
    found = instance_attention(contextual_looking_at(2, 4.0), [ROWS[0]] * 3)
    by_hand = np.tile(instances_by_hand(4.0), (3, 3, 1))
    np.testing.assert_allclose(found.maps[:3, 0], by_hand, atol=1e-5)
    np.testing.assert_allclose(found.maps[:, 1:], 1 / 3, atol=1e-5)
    clean = instance_attention(contextual_looking_at(2, 0.0), [ROWS[0]] * 3)
    np.testing.assert_allclose(clean.maps, 1 / 3, atol=1e-5)
    with pytest.raises(NotApplicable, match="only the contextual multiplexer"):
        instance_attention(planted().checkpoint, ROWS)
    hidden = instance_attention(contextual_looking_at(2, 4.0), ROWS)
    assert hidden.maps[7, 0, 1, 0] == pytest.approx(0, abs=1e-6)  # slot 1 is padding there


# ---- reading 2 ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        k
        for k in KINDS
        if "plain" not in k and not set(k.values()) & {"contextual", "cross_instance"}
    ],
)
def test_the_pairs_add_up_to_the_logits(changes: dict[str, Any]) -> None:
    checkpoint = shared_checkpoint(**changes)
    found = slot_pairs(checkpoint, ROWS)
    heads, parts = found.queries.shape[:2]
    assert parts == 4
    assert found.residual < 1e-5
    np.testing.assert_allclose(found.shares.sum(axis=(1, 2)), 1)
    np.testing.assert_allclose(found.shares_seen.sum(axis=(1, 2)), 1)
    logits = np.stack([found.logits(h) for h in range(heads)])
    pairs = np.stack(
        [sum(found.pair(h, i, j) for i in range(parts) for j in range(parts)) for h in range(heads)]
    )
    np.testing.assert_allclose(pairs, logits, rtol=1e-5, atol=1e-9)
    maps = attention_maps(checkpoint, ROWS)
    logits[:, :, ~maps.visible] -= 1e4
    np.testing.assert_allclose(softmax(logits), maps.maps[0], atol=2e-5)


def test_the_pair_that_owns_the_logits_has_all_of_the_share() -> None:
    model = pair_owns_logits(planted(), head=0, query=2, key=1, scale=0.5)
    found = slot_pairs(model.checkpoint, ROWS)
    expected = np.zeros((4, 4))
    expected[2, 1] = 1
    np.testing.assert_allclose(found.shares[0], expected, atol=1e-9)
    np.testing.assert_allclose(found.shares_seen[0], expected, atol=1e-9)
    logits = pair_logits(model, base_group(model.checkpoint, ROWS), query=2, key=1, scale=0.5)
    np.testing.assert_allclose(found.pair(0, 2, 1), logits, atol=1e-5)
    assert np.isnan(found.shares[1]).all()  # a head without logits has nothing to share
    assert np.isnan(slot_pairs(planted().checkpoint, ROWS).shares).all()


def test_two_pairs_share_as_their_weights_and_biases_belong_to_no_sentence() -> None:
    model = two_slots_ask(3.0)
    own: Any = model.checkpoint.model.encoder.layers[0]
    rows = [ROWS[0]] * 3
    shares = slot_pairs(model.checkpoint, rows).shares[0]
    assert shares[0, 0] == pytest.approx(1 / 4)
    assert shares[1, 0] == pytest.approx(3 / 4)
    with torch.no_grad():
        own.attention.self.query.weight.zero_()
        own.attention.self.query.bias[:16] = torch.linspace(-1, 2, 16)
    biased = slot_pairs(model.checkpoint, rows)
    assert biased.shares[0, 3, 0] == pytest.approx(1)
    with torch.no_grad():  # a constant over keys: all of the logits, nothing that the softmax sees
        own.attention.self.query.weight[:16, 16:32] = torch.eye(16)
        own.attention.self.key.weight.zero_()
        own.attention.self.key.bias[:16] = 1.0
        own.attention.self.query.bias.zero_()
        own.attention.self.query.weight[0] += 0.3
    constant = slot_pairs(model.checkpoint, rows)
    assert constant.shares[0, :, 3].sum() == pytest.approx(1)
    maps = constant.pair(0, 1, 3)
    np.testing.assert_allclose(maps - maps.mean(axis=1, keepdims=True), 0, atol=1e-9)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"multiplexer": "contextual"}, "contextual multiplexer lets sentences look"),
        ({"multiplexer": "cross_instance", "backbone": "electra"}, "cross_instance multiplexer"),
        ({"plain": True}, "a plain model has one sentence"),
    ],
)
def test_the_split_says_where_it_does_not_apply(changes: dict[str, Any], words: str) -> None:
    checkpoint = shared_checkpoint(**changes)
    with pytest.raises(NotApplicable, match=words):
        slot_pairs(checkpoint, rows_for(checkpoint))


# ---- reading 3 ----------------------------------------------------------------------------------


def test_relevance_of_a_planted_head_by_hand_and_for_its_slot_alone() -> None:
    # Slot 1 is praised: f_0 is "positive" less.
    weight = -1.5
    model = head_carries(linear(), head=0, source=1, target=0, weight=weight)
    rows = [Row("a good film"), Row("the plot is bad and good"), Row("we like the music")]
    found = relevance(model.checkpoint, rows)
    group = base_group(model.checkpoint, rows)
    assert found.explained[0].label == "positive"
    by_hand = carried_relevance(model, group, weight)
    np.testing.assert_allclose(found.layers[0, 0], by_hand, atol=1e-5)
    np.testing.assert_allclose(found.read[0], read_by(group, 0), atol=1e-9)
    assert np.abs(found.layers[1:]).max() < 1e-6  # no other slot's answer depends on the map
    assert np.abs(found.layers[0, 1]).max() < 1e-6
    np.testing.assert_allclose(found.rollout[0, 1], found.layers[0, 0], atol=1e-5)
    clean = relevance(planted(LEAKY).checkpoint, rows)
    assert np.abs(clean.layers).max() < 1e-6
    assert np.isnan(clean.likeness(0)).all()


def test_relevance_differs_by_slot_and_rolls_out_as_a_product() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    found = relevance(checkpoint, ROWS)
    assert found.layers.min() >= 0
    one = np.eye(found.layers.shape[-1])
    for slot in range(3):
        product = (one + found.layers[slot, 1]) @ (one + found.layers[slot, 0])
        np.testing.assert_allclose(found.rollout[slot, 1], product - one, atol=1e-5)
    assert found.likeness(0)[0, 1] < 0.999
    np.testing.assert_allclose(np.diag(found.likeness(1)), 1)
    np.testing.assert_allclose(found.profile(1)[2], found.read[2] @ found.rollout[2, 1], atol=1e-6)


@pytest.mark.parametrize("changes", KINDS)
def test_relevance_and_heads_work_for_every_kind_of_model(changes: dict[str, Any]) -> None:
    checkpoint = shared_checkpoint(**changes)
    before = {k: v.clone() for k, v in checkpoint.model.state_dict().items()}
    found = relevance(checkpoint, rows_for(checkpoint))
    assert np.isfinite(found.rollout).all()
    np.testing.assert_allclose(found.read.sum(axis=1), 1)
    heads = head_effects(checkpoint, rows_for(checkpoint))
    assert heads.change.shape == (len(rows_for(checkpoint)), 2, 4)
    assert sorted(heads.ranking(0)) == [(k, h) for k in range(2) for h in range(4)]
    assert all(torch.equal(v, before[k]) for k, v in checkpoint.model.state_dict().items())
    assert all(p.grad is None and not p.requires_grad for p in checkpoint.model.parameters())
    assert not any(m._forward_hooks or m._backward_hooks for m in checkpoint.model.modules())


# ---- heads --------------------------------------------------------------------------------------


def test_the_planted_head_is_ranked_first_with_the_effect_worked_out_by_hand() -> None:
    weight = 1.5
    model = head_carries(linear(), head=2, source=1, target=0, weight=weight)
    group = base_group(model.checkpoint, ROWS)
    found = head_effects(model.checkpoint, ROWS)
    carried = weight * model.scores[first_forced(group.ids)][1].mean()
    own = model.margins(group)[0]
    assert found.ranking(0)[0] == (0, 2)
    assert found.explained[0].label == ("positive" if own + carried > 0 else "negative")
    change, divergence = silenced(model, group, weight)
    assert found.change[0, 0, 2] == pytest.approx(change, abs=1e-4)
    assert found.divergence[0, 0, 2] == pytest.approx(divergence, abs=1e-5)
    others = found.change.copy()
    others[0, 0, 2] = 0
    assert np.abs(others).max() < 1e-4
    clean = head_effects(planted().checkpoint, ROWS)
    assert np.abs(clean.change).max() < 1e-5
    assert clean.divergence.max() < 1e-9


def test_a_score_is_ranked_by_its_change_and_the_rest_is_refused() -> None:
    found = head_effects(shared_checkpoint(task="regression", default_padding="group"), ROWS)
    np.testing.assert_allclose(found.effect(1), np.abs(found.change[1]))
    with pytest.raises(NotApplicable, match="no probabilities"):
        found.effect(1, "js")
    with pytest.raises(InputError, match="margin or js"):
        found.ranking(0, "other")


def test_stopping_leaves_nothing_behind() -> None:
    checkpoint = shared_checkpoint(default_padding="group")

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise Stopped("stopped")

    for call in (relevance, head_effects):
        with pytest.raises(Stopped):
            call(checkpoint, ROWS, progress=stop)
    assert all(p.grad is None for p in checkpoint.model.parameters())


def test_results_are_equal_again_and_survive_a_file() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    for call in (attention_maps, slot_pairs, relevance, head_effects):
        first, second = call(checkpoint, ROWS), call(checkpoint, ROWS)
        for name, value in vars(first).items():
            if isinstance(value, np.ndarray):
                np.testing.assert_array_equal(value, getattr(second, name))
        assert type(from_json(to_json(first))) is type(first)
    back = from_json(to_json(slot_pairs(checkpoint, ROWS)))
    assert isinstance(back, SlotPairs)
    np.testing.assert_allclose(back.logits(1), slot_pairs(checkpoint, ROWS).logits(1))

"""Integrated gradients and conductance on linear planted models, where every value is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from muxviz.analysis.attention.conductance import layer_conductance
from muxviz.analysis.groups import attribution
from muxviz.analysis.groups.attribution import attribute, mean_embedding, slot_shares
from muxviz.analysis.groups.one_group import NOTHING, Target, enter, measure_of
from muxviz.batch import Row
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.attribution import TOLERANCE, completeness_gap
from muxviz.results.store import from_json, to_json
from tests.attention.planted_attention import (
    LEAKY,
    POOL,
    ROWS,
    attributions_by_hand,
    conductance_by_hand,
    gap_by_hand,
    head_carries,
    linear,
)
from tests.planted import planted
from tests.tiny import shared_checkpoint


def positive(slot: int) -> Target:
    return Target(slot, label=1, against=0)


def hooks(checkpoint: Checkpoint) -> int:
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(m, k)) for m in checkpoint.model.modules() for k in kinds)


@pytest.mark.parametrize("leaks", [None, LEAKY])
def test_a_linear_model_gives_weight_times_difference_from_the_mean(leaks: Any) -> None:
    model = linear(leaks)
    for slot in range(3):
        found = attribute(model.checkpoint, ROWS, positive(slot), pool=POOL)
        np.testing.assert_allclose(found.values, attributions_by_hand(model, slot), atol=2e-4)
        assert found.gap < TOLERANCE
        assert found.difference == pytest.approx(attributions_by_hand(model, slot).sum(), abs=2e-4)
        assert not found.values[~found.moved].any()


def test_the_baseline_is_the_mean_of_the_pools_words() -> None:
    model = planted()
    mean = mean_embedding(model.checkpoint, POOL).double().numpy()
    tokenizer: Any = model.checkpoint.tokenizer
    ids = [i for text in POOL for i in tokenizer(text, add_special_tokens=False)["input_ids"]]
    np.testing.assert_allclose(mean, np.tile(model.codes[ids].mean(axis=0), 3), atol=1e-5)
    shorter = mean_embedding(model.checkpoint, POOL[:1])  # two of three slots only fill up
    expected = model.codes[ids[:3]].mean(axis=0)
    np.testing.assert_allclose(shorter.numpy()[:16], expected, atol=1e-5)


@pytest.mark.parametrize("weight", [0.25, 1.0, 3.0])
def test_the_share_of_a_leak_is_its_weight_over_all_weights(weight: float) -> None:
    # Equal sentences: shares are those of the weights, 1 / (1 + w) and w / (1 + w).
    model = linear(((1.0, weight, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    rows = [Row("a good film")] * 3
    found = slot_shares(model.checkpoint, rows, pool=POOL)
    expected = [[1 / (1 + weight), weight / (1 + weight), 0], [0, 1, 0], [0, 0, 1]]
    np.testing.assert_allclose(found.shares, expected, atol=1e-4)
    assert (found.gaps < TOLERANCE).all()
    assert not found.is_partial


def test_a_clean_model_gives_every_slot_to_itself_and_a_dead_slot_to_nobody() -> None:
    clean = slot_shares(linear().checkpoint, ROWS, pool=POOL)
    np.testing.assert_allclose(clean.shares, np.eye(3), atol=1e-4)
    dead = slot_shares(linear(((1, 0, 0), (0, 0, 0), (0, 0, 1))).checkpoint, ROWS, pool=POOL)
    assert np.isnan(dead.shares[1]).all()
    assert dead.differences[1] == pytest.approx(0)
    assert [e.slot for e in dead.explained] == [0, 1, 2]


def test_norms_on_the_path_tie_slots_together_that_do_not_touch() -> None:
    # The mean embedding is shorter than a token's, and the norm behind the mixture divides by the
    # length of all slots at once: a known limit of the path, which the page states.
    shares = slot_shares(planted().checkpoint, ROWS, pool=POOL).shares
    assert (np.diag(shares) > 0.7).all()
    assert 0 < 1 - np.diag(shares).max() < 0.3


def test_contrasts_are_opposite_and_a_plain_logit_is_half_of_them_here() -> None:
    model = linear(LEAKY).checkpoint
    forth = attribute(model, ROWS, Target(0, 1, 0), pool=POOL)
    back = attribute(model, ROWS, Target(0, 0, 1), pool=POOL)
    alone = attribute(model, ROWS, Target(0, 1, NOTHING), pool=POOL)
    np.testing.assert_allclose(forth.values, -back.values, atol=1e-5)
    np.testing.assert_allclose(forth.values, 2 * alone.values, atol=1e-5)
    assert forth.explained.words == "“positive” rather than “negative”"
    assert alone.explained.words == "“positive”"
    usual = attribute(model, ROWS, Target(0), pool=POOL)
    assert usual.output > 0  # the answer that is given, against its runner-up


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"multiplexer": "contextual"},
        {"multiplexer": "cross_instance", "backbone": "electra", "embedding_size": 12},
        {"multiplexer": "random_orthogonal"},
        {"demultiplexer": "index_prefix"},
        {"task": "token_classification", "num_labels": 3},
        {"task": "masked_lm"},
        {"task": "regression"},
        {"task": "replaced_token_detection", "backbone": "electra"},
        {"plain": True},
        {"default_padding": "masked"},
    ],
)
def test_every_kind_of_model_is_complete_and_left_as_it_was(changes: dict[str, Any]) -> None:
    checkpoint = shared_checkpoint(**changes)
    before = {k: v.clone() for k, v in checkpoint.model.state_dict().items()}
    rows = ROWS[: checkpoint.config.num_instances]
    found = attribute(checkpoint, rows, Target(0), pool=POOL, steps=48)
    assert abs(found.values.sum() - found.difference) < 0.02 * max(abs(found.difference), 0.5)
    through = layer_conductance(checkpoint, rows, Target(0), pool=POOL, steps=6)
    sums = through.values.sum(axis=2)
    np.testing.assert_allclose(sums, np.broadcast_to(sums[0], sums.shape), atol=1e-4)
    assert hooks(checkpoint) == 0
    assert all(torch.equal(v, before[k]) for k, v in checkpoint.model.state_dict().items())
    assert all(p.grad is None for p in checkpoint.model.parameters())
    assert str(from_json(to_json(found)).explained) == str(found.explained)


def test_steps_double_until_the_gap_is_below_one_per_cent() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    few = attribute(checkpoint, ROWS, Target(0), pool=POOL, steps=2)
    enough = attribute(checkpoint, ROWS, Target(0), pool=POOL)
    assert few.steps == 2
    assert enough.gap < TOLERANCE or enough.steps == attribution.MOST_STEPS
    assert enough.gap <= few.gap


def test_the_gap_is_that_of_the_nodes_where_norms_bend_the_path() -> None:
    model = planted(LEAKY)
    for steps in (2, 3):
        found = attribute(model.checkpoint, ROWS, positive(0), pool=POOL, steps=steps)
        assert found.gap == pytest.approx(gap_by_hand(model, 0, steps), abs=1e-4)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    found = []
    for size in (1, 7, 64):
        monkeypatch.setattr(attribution, "_chunk", lambda entered, took, size=size: size)
        found.append(attribute(checkpoint, ROWS, Target(1), pool=POOL, steps=24).values)
    np.testing.assert_allclose(found[0], found[1], atol=1e-5)
    np.testing.assert_allclose(found[0], found[2], atol=1e-5)


def test_stopping_keeps_the_slots_that_are_done_and_leaves_no_hook() -> None:
    checkpoint = planted(LEAKY).checkpoint

    def stop(done: int, total: int) -> None:
        if done == 1:
            raise Stopped("stopped")

    found = slot_shares(checkpoint, ROWS, pool=POOL, progress=stop)
    assert found.is_partial
    assert np.isfinite(found.shares[0]).all()
    assert np.isnan(found.shares[2]).all()
    for call in (attribute, layer_conductance):

        def at_once(done: int, total: int) -> None:
            raise Stopped("stopped")

        with pytest.raises(Stopped):
            call(checkpoint, ROWS, Target(0), pool=POOL, progress=at_once)
    late = iter(range(1000))

    def in_captum(done: int, total: int) -> None:
        if next(late) == 33:
            raise Stopped("stopped")

    with pytest.raises(Stopped):
        layer_conductance(checkpoint, ROWS, Target(0), pool=POOL, progress=in_captum)
    assert hooks(checkpoint) == 0


def test_conductance_of_a_head_that_carries_one_slot_into_another() -> None:
    weight = 2.0
    model = head_carries(linear(), head=2, source=1, target=0, weight=weight)
    found = layer_conductance(model.checkpoint, ROWS, positive(0), pool=POOL)
    by_hand = conductance_by_hand(model, weight)
    np.testing.assert_allclose(found.values, by_hand, atol=2e-4)
    assert np.abs(found.values[1:, 2]).max() < 1e-5
    np.testing.assert_allclose(found.values.sum(axis=1), found.captum, atol=2e-3)
    assert (found.gaps < TOLERANCE).all()


def test_conductance_adds_up_to_captums_and_to_integrated_gradients() -> None:
    checkpoint = shared_checkpoint(default_padding="group", multiplexer="contextual")
    found = layer_conductance(checkpoint, ROWS, Target(2), pool=POOL, steps=48)
    whole = attribute(checkpoint, ROWS, Target(2), pool=POOL, steps=48)
    np.testing.assert_allclose(found.values.sum(axis=2)[0], whole.sums, atol=2e-3)
    scale = np.abs(found.captum).max()
    np.testing.assert_allclose(found.values.sum(axis=1), found.captum, atol=0.03 * scale)
    assert len(found.names) == found.values.shape[2]
    assert len(found.names[0]) == 3


def test_a_token_of_a_tagged_text_is_explained_alone_or_in_the_mean() -> None:
    checkpoint = shared_checkpoint(
        task="token_classification", num_labels=3, default_padding="group"
    )
    entered = enter(checkpoint, ROWS)
    every = measure_of(entered, Target(1))
    assert every.places.tolist() == [1, 2, 3, 4, 5, 6]
    one = measure_of(entered, Target(1, place=2))
    each = [float(measure_of(entered, Target(1, place=t)).of(entered.logits)) for t in range(1, 7)]
    assert float(one.of(entered.logits)) == pytest.approx(each[1])
    assert float(every.of(entered.logits)) == pytest.approx(np.mean(each), abs=1e-5)
    assert min(each) >= 0  # the winner against its runner-up
    other = (int(every.labels[0]) + 1) % 3  # tokens answered so have no contrast, the first has
    contrast = measure_of(entered, Target(1, against=other))
    assert contrast.places.tolist() == every.places[every.labels != other].tolist()
    assert attribute(checkpoint, ROWS, Target(1, place=2), pool=POOL).explained.places == (2,)


def test_what_cannot_be_asked_is_said() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    entered = enter(checkpoint, ROWS)
    for target, words in (
        (Target(3), "slots 0 to 2"),
        (Target(0, label=2), "classes 0 to 1"),
        (Target(0, label=1, against=1), "contrasted with itself"),
    ):
        with pytest.raises(InputError, match=words):
            measure_of(entered, target)
    tags = enter(shared_checkpoint(task="token_classification", num_labels=3), ROWS)
    with pytest.raises(InputError, match="tokens 0 to 4"):
        measure_of(tags, Target(0, place=5))
    with pytest.raises(InputError, match="pool holds no sentence"):
        attribute(checkpoint, ROWS, Target(0), pool=())
    with pytest.raises(NotApplicable, match="one sentence a pass"):
        slot_shares(shared_checkpoint(plain=True), ROWS[:1], pool=POOL)


def test_the_gap_is_a_share_of_the_difference() -> None:
    assert completeness_gap(0.9, 1.0) == pytest.approx(0.1)
    assert completeness_gap(0.0, 0.0) == 0
    assert completeness_gap(0.1, 0.0) == float("inf")

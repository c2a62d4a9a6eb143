"""Depth: spectrum, lenses, probes and norms recover what is planted, and their nulls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from muxviz.analysis.groups import draws
from muxviz.analysis.groups.bootstrap import bootstrap_ratio
from muxviz.analysis.groups.draws import pool_groups
from muxviz.analysis.layers.entanglement import entanglement_spectrum
from muxviz.analysis.layers.lens import demux_lens, lens_of_group, translated_lens
from muxviz.analysis.layers.norms import layer_norms
from muxviz.analysis.layers.probes import linear_probes
from muxviz.analysis.layers.translators import fit_translators
from muxviz.batch import Row, Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.inference import run_group
from muxviz.results import from_json, to_json
from tests.layers.planted_layers import (
    OTHERS,
    POOL,
    SINGLE,
    TAKEN_OVER,
    UNEVEN,
    coinciding,
    dropping,
    effective_rank,
    entropies_by_hand,
    exchanged,
    interacting,
    lens_margins,
    looking_for_words,
    shares_of,
    shares_of_pairs,
    states_by_hand,
)
from tests.planted import planted, scaled_slots
from tests.tiny import shared_checkpoint

LINEAR = ("gaussian_hadamard", "binary_hadamard", "random_orthogonal", "low_rank_orthogonal")


def within(estimates: Any, expected: Any, slack: float = 0.0) -> bool:
    low, high = estimates.low - slack, estimates.high + slack
    return bool(((low <= expected) & (expected <= high)).all())


# ---- spectrum -----------------------------------------------------------------------------------


def test_clean_slots_share_the_state_equally_at_every_level_and_do_not_interact() -> None:
    found = entanglement_spectrum(planted().checkpoint, POOL, pairs=64)
    assert found.levels == ("mix", "in", "1", "2")
    assert found.passes == 5 * 64 + 16
    assert within(found.share, 1 / 3)
    np.testing.assert_allclose(found.interaction.mean, 0, atol=1e-5)
    np.testing.assert_allclose(found.interaction.high, 0, atol=1e-5)
    assert (found.balance.mean > 0.98).all()
    np.testing.assert_allclose(found.band(), found.share.mean[[0, 2, 3]], atol=1e-6)


def test_slots_share_by_the_squares_of_their_weights() -> None:
    found = entanglement_spectrum(scaled_slots(UNEVEN).checkpoint, POOL, pairs=64)
    shares = shares_of(UNEVEN)  # 0.19, 0.76, 0.05
    assert within(found.share, shares)
    np.testing.assert_allclose(found.interaction.mean, 0, atol=1e-5)
    balance = -(shares * np.log(shares)).sum() / np.log(3)
    np.testing.assert_allclose(found.balance.mean, balance, atol=0.05)


def test_a_layer_that_drops_one_slot_leaves_the_others_share() -> None:
    found = entanglement_spectrum(dropping().checkpoint, POOL, pairs=32)
    assert within(found.share, np.array([[0.5, 0.5]] * 3 + [[0, 1]]), slack=1e-5)
    np.testing.assert_allclose(found.interaction.mean, 0, atol=1e-5)
    assert found.balance.mean[-1] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("weight", [0.0, 1.0, 8.0])
def test_interaction_of_two_features_is_that_of_all_pairs(weight: float) -> None:
    model, states = interacting(weight)
    share = shares_of_pairs(states)
    found = entanglement_spectrum(model.checkpoint, SINGLE, pairs=512, seating=Seating(seed=1))
    assert within(replace(found.share, low=found.share.low[-1], high=found.share.high[-1]), share)
    expected = 1 - share.sum()
    assert found.interaction.low[-1] - 1e-5 <= expected <= found.interaction.high[-1] + 1e-5
    np.testing.assert_allclose(found.interaction.mean[:3], 0, atol=1e-5)
    assert expected == pytest.approx({0.0: 0.0, 1.0: 0.0302, 8.0: 0.2007}[weight], abs=1e-4)
    assert bool(found.interaction.low[-1] > 0.01) == (weight > 0)


@pytest.mark.parametrize("multiplexer", LINEAR)
@pytest.mark.parametrize("padding", ["group", "masked"])
def test_a_linear_mixture_has_no_interaction_and_the_layers_have(
    multiplexer: str, padding: str
) -> None:
    checkpoint = shared_checkpoint(multiplexer=multiplexer, num_instances=3)
    found = entanglement_spectrum(checkpoint, POOL, pairs=8, seating=Seating(padding))
    assert abs(found.interaction.mean[0]) < 1e-5
    assert abs(found.interaction.low[0]) < 1e-5
    assert abs(found.interaction.mean[-1]) > 1e-3


def test_a_contextual_mixture_may_interact_already() -> None:
    checkpoint = shared_checkpoint(multiplexer="contextual", num_instances=2)
    found = entanglement_spectrum(checkpoint, POOL, pairs=48)
    assert found.interaction.low[0] > 1e-3


def test_a_spectrum_is_the_same_in_small_batches_and_by_its_seed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = shared_checkpoint()
    usual = entanglement_spectrum(checkpoint, POOL, pairs=6)
    monkeypatch.setattr(draws, "FIRST", 1)
    monkeypatch.setattr(draws, "LARGEST", 1)
    single = entanglement_spectrum(checkpoint, POOL, pairs=6)
    np.testing.assert_allclose(single.share.mean, usual.share.mean, atol=1e-5)
    other = entanglement_spectrum(checkpoint, POOL, pairs=6, seating=Seating(seed=1))
    assert not np.allclose(other.share.mean, usual.share.mean, atol=1e-3)


def stop_after(groups: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done >= groups:
            raise Stopped("stopped")

    return progress


def test_a_stopped_spectrum_keeps_its_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "LARGEST", 4)
    checkpoint = shared_checkpoint()
    found = entanglement_spectrum(checkpoint, POOL, pairs=20, progress=stop_after(16 + 23))
    assert found.is_partial
    assert (found.pairs, found.asked, found.passes) == (4, 20, 36)
    assert found.is_rough
    with pytest.raises(Stopped):
        entanglement_spectrum(checkpoint, POOL, pairs=20, progress=stop_after(8))


def test_what_a_spectrum_refuses() -> None:
    with pytest.raises(NotApplicable, match="one text a pass"):
        entanglement_spectrum(shared_checkpoint(plain=True), POOL)
    with pytest.raises(InputError, match="pool of 1 sentences"):
        entanglement_spectrum(shared_checkpoint(), POOL[:1])
    with pytest.raises(InputError, match="1 pairs"):
        entanglement_spectrum(shared_checkpoint(), POOL, pairs=1)


def test_a_ratio_by_hand() -> None:
    found = bootstrap_ratio(np.array([1.0, 3.0, 0.0]), np.array([2.0, 2.0, 4.0]))
    assert found.mean == pytest.approx(0.5)
    assert found.low < 0.5 < found.high
    assert np.isnan(bootstrap_ratio(np.zeros(2), np.zeros(2)).mean)


# ---- lens ---------------------------------------------------------------------------------------


def test_a_clean_model_is_read_at_every_level_and_by_the_margins_of_its_codes() -> None:
    model = planted()
    found = demux_lens(model.checkpoint, POOL, draws=12)
    assert found.levels == ("in", "1", "2")
    assert (found.accuracy == 1).all()
    assert found.proportion(0, 1).value == 1
    assert (found.control < 0.2).all()  # two random words out of 90 rarely agree
    expected = lens_margins(model, POOL, 12)
    assert found.tokens.tolist() == expected[1].tolist()
    for level in range(3):
        np.testing.assert_allclose(found.margin.mean[level], expected[0], atol=1e-3)


def test_a_leak_that_wins_is_read_instead_at_every_level() -> None:
    model = planted(TAKEN_OVER)
    found = demux_lens(model.checkpoint, POOL, draws=12)
    assert (found.accuracy[:, :2] == 1).all()
    expected = coinciding(model, POOL, 12, 2, 0)
    assert found.accuracy[:, 2] == pytest.approx(expected, abs=1e-9)
    assert (found.margin.mean[:, 2] < 0).all()


def test_the_translator_undoes_what_the_last_layer_does() -> None:
    model = exchanged()
    before = demux_lens(model.checkpoint, OTHERS, draws=16)
    assert (before.accuracy[:2] < 0.2).all()  # the other slot's word, only by chance the own one
    assert (before.accuracy[2] == 1).all()
    after = translated_lens(model.checkpoint, POOL, OTHERS, fit_draws=48, draws=16)
    assert (after.accuracy == 1).all()
    assert (after.control < 0.2).all()
    assert (after.fit_groups, after.groups) == (48, 16)
    assert not after.is_rough
    assert translated_lens(model.checkpoint, POOL[:2], OTHERS, fit_draws=2, draws=4).is_rough


def test_the_last_level_reads_what_mix_and_read_shows() -> None:
    checkpoint = shared_checkpoint()
    rows = (Row("a good film"), Row("the plot is bad"), Row("we like it"))
    found = lens_of_group(checkpoint, rows)
    shown = run_group(checkpoint, rows)
    for slot, seen in zip(found.slots, shown.slots, strict=True):
        assert seen.reading is not None
        assert slot.tokens == seen.reading.tokens
        assert slot.read[-1] == seen.reading.read
        assert slot.rank[-1].tolist() == seen.reading.rank.tolist()
        np.testing.assert_allclose(slot.true_log_prob[-1], seen.reading.true_log_prob, atol=1e-5)
        assert slot.proportion(2) == seen.reading.accuracy
    same = lens_of_group(checkpoint, rows, translators=fit_translators(checkpoint, POOL, draws=8))
    assert same.kind == "translated"
    assert same.slots[0].read[-1] == found.slots[0].read[-1]  # nothing is carried from the last


def test_a_filler_is_named_and_short_groups_are_filled() -> None:
    found = lens_of_group(shared_checkpoint(), (Row("a good film"), Row("bad")))
    assert [s.is_filler for s in found.slots] == [False, False, True]
    assert from_json(to_json(found)).levels == found.levels


def test_a_lens_needs_a_head_and_keeps_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotApplicable, match="no retrieval head"):
        demux_lens(shared_checkpoint(has_retrieval_head=False), POOL)
    with pytest.raises(NotApplicable, match="is a plain model"):
        lens_of_group(shared_checkpoint(plain=True), (Row("a film"),))
    monkeypatch.setattr(draws, "LARGEST", 2)
    found = demux_lens(shared_checkpoint(), POOL, draws=9, progress=stop_after(4))
    assert (found.groups, found.asked, found.is_partial) == (4, 9, True)


@pytest.mark.parametrize("demultiplexer", ["rsa", "index_prefix", "mlp"])
def test_every_demultiplexer_can_be_put_on_every_level(demultiplexer: str) -> None:
    checkpoint = shared_checkpoint(demultiplexer=demultiplexer, num_instances=2)
    found = translated_lens(checkpoint, POOL, OTHERS, fit_draws=6, draws=4)
    assert np.isfinite(found.margin.mean).all()
    single = demux_lens(checkpoint, OTHERS[:2], draws=1)
    (group,) = pool_groups(checkpoint, OTHERS[:2], 1)
    shown = run_group(checkpoint, [row.row for row in group.rows])
    right = [s.reading.accuracy.successes for s in shown.slots if s.reading is not None]
    assert single.read[-1].tolist() == right


# ---- probes -------------------------------------------------------------------------------------


def test_clean_slots_are_linearly_there_and_the_control_finds_nothing() -> None:
    model = planted(num_instances=2, layers=1)
    found = linear_probes(model.checkpoint, POOL, OTHERS, fit_draws=96, draws=48)
    assert (found.r2.mean > 0.999).all()
    assert within(found.control, 0.0, slack=0.02)
    np.testing.assert_allclose(
        found.selectivity.mean, found.r2.mean - found.control.mean, atol=1e-9
    )
    assert not found.is_partial


def test_a_dead_slot_has_nothing_to_probe_and_a_dropped_one_has_it_until_then() -> None:
    dead = scaled_slots([0.0, 1.0])
    found = linear_probes(dead.checkpoint, POOL, OTHERS, fit_draws=96, draws=48)
    assert (found.r2.mean[:, 1] > 0.999).all()
    assert (np.abs(found.r2.mean[:, 0]) < 0.05).all()
    assert (found.selectivity.mean[:, 0] < 0.05).all()
    found = linear_probes(dropping().checkpoint, POOL, OTHERS, fit_draws=96, draws=48)
    assert (found.r2.mean[:2, 0] > 0.999).all()
    assert abs(found.r2.mean[2, 0]) < 0.05


def test_probes_of_plain_models_and_of_models_without_a_head() -> None:
    plain = linear_probes(shared_checkpoint(plain=True), POOL, OTHERS, fit_draws=64, draws=24)
    assert plain.r2.mean.shape == (3, 1)
    assert plain.r2.mean[0, 0] > 0.98  # what enters a plain model is the embedding itself
    blind = shared_checkpoint(has_retrieval_head=False)
    found = linear_probes(blind, POOL, OTHERS, fit_draws=12, draws=6)
    assert found.is_rough
    with pytest.raises(InputError, match="at least 2 groups"):
        linear_probes(blind, POOL, OTHERS, fit_draws=1)


def test_stopped_probes_keep_their_levels() -> None:
    checkpoint = shared_checkpoint()
    found = linear_probes(
        checkpoint, POOL, OTHERS, fit_draws=12, draws=6, progress=stop_after(18 + 4)
    )
    assert found.is_partial
    assert np.isfinite(found.r2.mean[0]).all()
    assert np.isnan(found.r2.mean[1:]).all()
    with pytest.raises(Stopped):
        linear_probes(checkpoint, POOL, OTHERS, fit_draws=9, draws=6, progress=stop_after(15))


# ---- norms --------------------------------------------------------------------------------------


def test_norms_of_the_clean_model_are_those_of_its_codes() -> None:
    model = planted()
    found, states = layer_norms(model.checkpoint, POOL, draws=8), states_by_hand(model, 8)
    np.testing.assert_allclose(found.norm.mean, (3 * 16) ** 0.5, rtol=1e-5)
    np.testing.assert_allclose(found.spread.mean, 1, rtol=1e-5)
    np.testing.assert_allclose(found.magnitude.mean, np.abs(states).mean(), rtol=1e-5)
    np.testing.assert_allclose(found.rank, effective_rank(states), rtol=1e-4)
    assert found.positions == len(states)


def test_blind_attention_is_even_and_a_head_that_looks_for_its_word_counts_the_equal_ones() -> None:
    model = planted()
    flat = layer_norms(model.checkpoint, POOL, draws=8)
    np.testing.assert_allclose(flat.evenness.mean, 1, rtol=1e-5)
    blind, looking = entropies_by_hand(model, 8)
    np.testing.assert_allclose(flat.entropy.mean, blind, rtol=1e-5)
    found = layer_norms(looking_for_words(model).checkpoint, POOL, draws=8)
    np.testing.assert_allclose(found.entropy.mean, [blind, looking], atol=1e-4)
    assert (found.heads[1] < 0.3).all()
    np.testing.assert_allclose(found.norm.mean, flat.norm.mean)


@pytest.mark.parametrize("demultiplexer", ["rsa", "index_prefix"])
def test_the_query_that_is_read_is_told_apart(demultiplexer: str) -> None:
    """By hand: entropy of its row in every layer, mean over heads, over ln of the length."""
    checkpoint = shared_checkpoint(demultiplexer=demultiplexer, num_instances=2)
    model, at = checkpoint.model, 2 if demultiplexer == "index_prefix" else 0
    assert checkpoint.config.read_position == at
    by_hand = []
    for group in pool_groups(checkpoint, POOL, 6, Seating("group")):
        ids, mask = (torch.from_numpy(a)[None] for a in (group.ids, group.mask))
        prepared = model.prepare(ids, mask, None)
        hidden = model.enter(model.mix(model.embed(prepared), prepared.mask))
        states = model.encoder.all_states(hidden, None)
        rows = [model.encoder.attention(k, s, None)[0, :, at] for k, s in enumerate(states[:-1])]
        entropies = [float(-(p * p.log()).sum(dim=-1).mean()) for p in rows]
        by_hand.append(np.array(entropies) / np.log(hidden.shape[1]))
    found = layer_norms(checkpoint, POOL, draws=6, seating=Seating("group"))
    assert found.read is not None
    np.testing.assert_allclose(found.read.mean, np.mean(by_hand, axis=0), rtol=1e-4)
    assert not np.allclose(found.read.mean, found.evenness.mean, rtol=1e-3)


@pytest.mark.parametrize("changes", [{"readout": "mean"}, {"task": "token_classification"}])
def test_where_answers_are_read_from_many_no_query_is_told_apart(changes: dict[str, Any]) -> None:
    assert layer_norms(shared_checkpoint(**changes), POOL, draws=2).read is None


@pytest.mark.parametrize("padding", ["group", "masked", "fixed"])
def test_norms_of_a_plain_model_leave_padding_out(padding: str) -> None:
    checkpoint = shared_checkpoint(plain=True)
    together = layer_norms(checkpoint, POOL, draws=6, seating=Seating(padding))
    alone = layer_norms(checkpoint, POOL, draws=6, seating=Seating("group"))
    np.testing.assert_allclose(together.norm.mean, alone.norm.mean, atol=1e-5)
    np.testing.assert_allclose(together.entropy.mean, alone.entropy.mean, atol=1e-5)
    np.testing.assert_allclose(together.evenness.mean, alone.evenness.mean, atol=1e-5)


def test_stopped_norms_keep_their_groups_and_the_model_is_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = shared_checkpoint()
    before = [p.clone() for p in checkpoint.model.parameters()]
    monkeypatch.setattr(draws, "LARGEST", 2)
    found = layer_norms(checkpoint, POOL, draws=9, progress=stop_after(4))
    assert (found.groups, found.is_partial) == (4, True)
    few = layer_norms(checkpoint, POOL, draws=9)
    np.testing.assert_allclose(
        few.norm.mean, layer_norms(checkpoint, POOL, draws=9).norm.mean, atol=1e-6
    )
    after = list(checkpoint.model.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))

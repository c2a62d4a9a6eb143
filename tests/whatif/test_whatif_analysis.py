"""What-if: faders, keys, seats, twins, copies and the ladder, against values worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
import torch

from muxviz.analysis.debugger.ladder import ladder
from muxviz.analysis.groups.draws import base_group, batches, logits_of, margins
from muxviz.analysis.groups.outcomes import answers
from muxviz.analysis.whatif.desk import edit_slot, faded, turn_faders
from muxviz.analysis.whatif.dial import ghosts, key_dial
from muxviz.analysis.whatif.dose import dose_response, slopes
from muxviz.analysis.whatif.ensembling import auroc, ensembling, sentences_per_pass
from muxviz.analysis.whatif.orders import flips, information, orders_of, slot_orders
from muxviz.analysis.whatif.twins import duplicates, twins
from muxviz.batch import Group, Row, Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.results.reading import Proportion
from muxviz.results.store import from_json, to_json
from tests.planted import first_forced, planted
from tests.tiny import shared_checkpoint, tiny_checkpoint, tiny_config
from tests.whatif.planted_whatif import (
    BESIDE,
    BLAMED,
    BOTH,
    EQUAL,
    GOOD,
    HALF,
    LABELLED,
    LEAKY,
    OWN,
    POOL,
    ROWS,
    SEATS,
    UNEQUAL,
    bias_by_hand,
    climb,
    dial_by_hand,
    faded_margins,
    ghost_by_hand,
    orders_by_hand,
    sigmoid,
    signs,
    slopes_by_hand,
)

# ---- faders -------------------------------------------------------------------------------------


@pytest.mark.parametrize("leaks", [None, LEAKY])
@pytest.mark.parametrize("gains", [(1, 1, 1), (1, 0, 1), (0, 2, 1), (0.5, 1.5, 1.2), (0, 1, 0)])
def test_faders_give_the_margins_worked_out_by_hand(leaks: Any, gains: Any) -> None:
    model = planted(leaks)
    group = base_group(model.checkpoint, ROWS)
    found = turn_faders(model.checkpoint, ROWS, gains)
    sign = signs(model, group)
    np.testing.assert_allclose(found.margin_before, np.abs(model.margins(group)), atol=1e-4)
    np.testing.assert_allclose(
        found.margin_after, sign * faded_margins(model, group, gains), atol=1e-4
    )
    np.testing.assert_allclose(found.sure_after, sigmoid(found.margin_after), atol=1e-4)
    assert found.answers_before == tuple("positive" if s > 0 else "negative" for s in sign)
    np.testing.assert_allclose(found.read_before, 1.0 if leaks is None else found.read_before)
    assert found.provenance.length == group.length


def test_a_clean_model_keeps_every_answer_whatever_the_neighbours_faders() -> None:
    model = planted()
    for gains in ((1, 0, 0), (1, 2, 0), (1, 0.3, 2)):
        found = turn_faders(model.checkpoint, ROWS, gains)
        assert found.changed[0] == 0
        assert found.read_after[0] == 1


def test_a_muted_slot_loses_its_read_back_and_only_its_own() -> None:
    found = turn_faders(planted().checkpoint, ROWS, (1, 0, 1))
    assert found.read_after[[0, 2]].tolist() == [1, 1]
    assert found.read_after[1] == 0
    assert found.read_before[1] == 1
    assert found.flipped in ((), (1,))


def test_a_fader_above_the_pools_mean_moves_between_it_and_the_slot() -> None:
    model = planted(LEAKY)
    group = base_group(model.checkpoint, ROWS)
    gains = np.array([1.0, 0.25, 1.0])
    found = turn_faders(model.checkpoint, ROWS, gains, floor="pool", pool=POOL)
    tokenizer = model.checkpoint.need_tokenizer()
    ids = np.zeros((len(POOL), group.length), dtype=int)
    for number, text in enumerate(POOL):
        own = tokenizer(text)["input_ids"][: group.length]
        ids[number, : len(own)] = own
    mean = model.codes[first_forced(ids)].mean(axis=0)  # [L, width]
    codes = model.codes[first_forced(group.ids)]
    chunks = gains[:, None, None] * codes + (1 - gains)[:, None, None] * mean
    chunks = chunks / np.sqrt((chunks**2).mean(axis=(0, 2)))[None, :, None]
    direction = np.linalg.lstsq(model.codes, model.scores, rcond=None)[0]
    scores = np.einsum("ij,jtd,d->it", model.leaks, chunks, direction)
    want = [row[m.astype(bool)].mean() for row, m in zip(scores, group.mask, strict=True)]
    np.testing.assert_allclose(found.margin_after, signs(model, group) * want, atol=1e-3)


@pytest.mark.parametrize("leaks", [None, LEAKY, ((1, 0, 0), (-3, 1, 0), (0, 0, 1))])
def test_dose_response_and_slopes_by_hand(leaks: Any) -> None:
    model = planted(leaks)
    group = base_group(model.checkpoint, ROWS)
    found = dose_response(model.checkpoint, ROWS, doses=9)
    sign = signs(model, group)
    for source in range(3):
        for at, dose in enumerate(found.doses):
            gains = np.ones(3)
            gains[source] = dose
            want = sign * faded_margins(model, group, gains)
            np.testing.assert_allclose(found.margin[:, source, at], want, atol=1e-4)
    slope, excess = slopes_by_hand(model, group)
    np.testing.assert_allclose(found.slope, slope, atol=1e-4)
    np.testing.assert_allclose(found.slope.sum(axis=1), 0, atol=1e-4)  # scale-free
    # Against the other neighbours: what leaks from each less the mean of what leaks from all.
    np.testing.assert_allclose(found.excess, excess, atol=1e-4)
    assert (np.nanmax(np.abs(found.excess)) < 1e-4) == (leaks is None)
    assert not found.is_partial


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"demultiplexer": "index_prefix"},
        {"multiplexer": "contextual"},
        {"multiplexer": "random_orthogonal", "readout": "mean"},
        {"task": "token_classification", "num_labels": 4},
        {"backbone": "electra", "task": "replaced_token_detection"},
    ],
    ids=lambda c: "-".join(map(str, c.values())) or "plain",
)
def test_slopes_are_those_of_finite_differences(changes: dict[str, Any]) -> None:
    checkpoint = tiny_checkpoint(tiny_config(default_padding="group", **changes))
    checkpoint.model.double()
    group = base_group(checkpoint, ROWS)
    (present,) = logits_of(checkpoint, [group])
    targets = answers(checkpoint, group, present)
    step = 1e-5
    found = np.stack([row for _, row in slopes(checkpoint, group, targets)])
    measured = np.empty((3, 3))
    (batch,) = batches(checkpoint, [group])
    for source in range(3):
        sides = []
        for sign in (1, -1):
            gains = torch.ones(1, 3, dtype=torch.float64)
            gains[0, source] += sign * step
            with torch.no_grad():
                mixed = faded(checkpoint, batch, gains, None)
                values = checkpoint.model.answer(mixed.hidden, mixed.prepared).logits[0].numpy()
            sides.append(mean_margins(checkpoint, group, values, targets))
        measured[:, source] = (sides[0] - sides[1]) / (2 * step)
    np.testing.assert_allclose(found, measured, rtol=1e-4, atol=1e-5)
    assert all(p.grad is None for p in checkpoint.model.parameters())


def mean_margins(checkpoint: Any, group: Group, values: Any, targets: Any) -> np.ndarray:
    from muxviz.analysis.groups.outcomes import units

    return np.array(
        [
            margins(units(checkpoint, row, v), t).mean()
            for row, v, t in zip(group.rows, values, targets, strict=True)
        ]
    )


def test_a_stopped_dose_response_keeps_what_is_done() -> None:
    def stop(done: int, total: int) -> None:
        raise Stopped("stopped")

    found = dose_response(shared_checkpoint(default_padding="group"), ROWS, progress=stop)
    assert found.is_partial
    assert np.isnan(found.margin).any()
    assert not np.isnan(found.margin[:, :, 10]).any()  # the present one comes first
    assert from_json(to_json(found)).is_partial


def test_an_edited_slot_moves_the_slots_it_leaks_into() -> None:
    model = planted(LEAKY)
    found = edit_slot(model.checkpoint, EQUAL, 1, "a great film")
    after = base_group(model.checkpoint, (EQUAL[0], Row("a great film"), EQUAL[2]))
    sign = signs(model, base_group(model.checkpoint, EQUAL))
    np.testing.assert_allclose(found.margin_after, sign * model.margins(after), atol=1e-4)
    moved = np.abs(found.margin_after - found.margin_before) > 1e-4
    assert moved.tolist() == [True, True, False]
    assert found.edited == 1
    assert found.texts_after[1] == "a great film"
    clean = edit_slot(planted().checkpoint, EQUAL, 1, "a great film")
    still = np.delete(clean.margin_after - clean.margin_before, 1)
    np.testing.assert_allclose(still, 0, atol=1e-5)
    assert clean.flipped == ()


def test_bad_faders_floors_and_checkpoints_are_refused() -> None:
    model = planted().checkpoint
    with pytest.raises(InputError, match="expected 3 numbers from 0 to 2"):
        turn_faders(model, ROWS, (1, 1))
    with pytest.raises(InputError, match="expected 3 numbers"):
        turn_faders(model, ROWS, (1, 1, 2.5))
    with pytest.raises(InputError, match="choose one of zero, pool"):
        turn_faders(model, ROWS, (1, 1, 1), floor="noise")
    with pytest.raises(InputError, match="give a pool"):
        turn_faders(model, ROWS, (1, 1, 1), floor="pool")
    with pytest.raises(InputError, match="odd number"):
        dose_response(model, ROWS, doses=4)
    for changes, why in (
        ({"plain": True}, "plain N = 1 model"),
        ({"task": "regression"}, "a number, not with classes"),
        ({"task": "masked_lm"}, "words, not with classes"),
    ):
        with pytest.raises(NotApplicable, match=why):
            turn_faders(shared_checkpoint(**changes), ROWS[:1], (1,))


# ---- key dial -----------------------------------------------------------------------------------


def test_the_dial_morphs_one_answer_into_the_other_as_worked_out_by_hand() -> None:
    model = planted()
    group = base_group(model.checkpoint, ROWS)
    found = key_dial(model.checkpoint, ROWS, 0, 1, steps=11)
    want = dial_by_hand(model, group, found.alphas)
    np.testing.assert_allclose(found.p[:, 1], want, atol=1e-4)
    ends = sigmoid(model.margins(group))
    np.testing.assert_allclose(found.p[[0, -1], 1], ends[:2], atol=1e-4)
    assert found.heard[0].tolist()[:2] == [1, pytest.approx(0, abs=0.5)]
    assert found.heard[0, 0] == found.heard[-1, 1] == 1
    # A random key opens no chunk: it hears nothing, and both answers are as likely.
    np.testing.assert_allclose(found.p_random, 0.5, atol=1e-3)
    assert (found.heard_random == 0).all()


def test_equal_keys_make_a_dial_that_changes_nothing() -> None:
    found = key_dial(planted(gates=(0, 0, 2)).checkpoint, EQUAL, 0, 1)
    np.testing.assert_allclose(np.ptp(found.p, axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.ptp(found.heard, axis=0), 0)
    apart = key_dial(planted().checkpoint, EQUAL, 0, 1)
    assert np.ptp(apart.p[:, 1]) > 0.1


def test_the_dial_makes_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    passes = []
    encoder = type(checkpoint.model.encoder)
    forward = encoder.forward

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        passes.append(len(args[0]))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(encoder, "forward", counting)
    found = key_dial(checkpoint, ROWS, 0, 2, steps=21)
    assert passes == [1]
    assert found.p.shape == (21, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"readout": "mean"},
        {"task": "token_classification", "num_labels": 3},
        {"backbone": "electra", "task": "replaced_token_detection"},
    ],
    ids=range(4),
)
def test_the_ends_of_the_dial_are_the_models_own_answers(changes: dict[str, Any]) -> None:
    checkpoint = shared_checkpoint(default_padding="group", **changes)
    group = base_group(checkpoint, ROWS)
    (logits,) = logits_of(checkpoint, [group])
    targets = answers(checkpoint, group, logits)
    found = key_dial(checkpoint, ROWS, 0, 2, steps=3)
    for slot, end in ((0, 0), (2, -1)):
        from muxviz.analysis.groups.outcomes import outcome

        own = outcome(checkpoint, group.rows[slot], logits[slot], targets[slot])
        assert found.like[end, slot] == pytest.approx(own.probability, abs=1e-5)


def test_only_keys_that_are_numbers_can_be_dialled() -> None:
    with pytest.raises(NotApplicable, match="hidden states of the prefix"):
        key_dial(shared_checkpoint(demultiplexer="index_prefix"), ROWS, 0, 1)
    with pytest.raises(NotApplicable, match="no keys"):
        key_dial(shared_checkpoint(demultiplexer="mlp"), ROWS, 0, 1)
    with pytest.raises(InputError, match="expected two of 0 to 2"):
        key_dial(planted().checkpoint, ROWS, 1, 1)
    blind = key_dial(shared_checkpoint(has_retrieval_head=False), ROWS, 0, 1)
    assert np.isnan(blind.heard).all()


# ---- ghosts -------------------------------------------------------------------------------------


def test_an_empty_slot_hears_what_leaks_into_it() -> None:
    leaky = planted(HALF)
    found = ghosts(leaky.checkpoint, EQUAL, pool=POOL)
    # Slot 1 emptied: its chunk holds 0.5 g(w_2), which its norm makes as loud as any text.
    want = ghost_by_hand(leaky)
    assert found.heard[0, 1] == pytest.approx(want, abs=1e-4)
    assert found.shares[0, 1] == 1
    assert "bad" in found.read[0]
    assert found.heard[0, 1] > 5 * found.floor.high[0]


def test_an_empty_slot_of_a_clean_model_hears_nothing() -> None:
    model = planted()
    found = ghosts(model.checkpoint, EQUAL, pool=POOL)
    nothing = 1 / model.checkpoint.config.shape.vocab_size
    np.testing.assert_allclose(found.heard, nothing, rtol=1e-3)
    np.testing.assert_allclose(found.floor.mean, nothing, rtol=1e-3)
    np.testing.assert_allclose(found.p, 0.5, atol=1e-4)
    pooled = ghosts(model.checkpoint, EQUAL, pool=POOL, content="pool")
    assert pooled.content == "pool"


def test_ghosts_need_a_retrieval_head_and_a_pool() -> None:
    with pytest.raises(NotApplicable, match="no retrieval head"):
        ghosts(shared_checkpoint(has_retrieval_head=False), ROWS, pool=POOL)
    with pytest.raises(InputError, match="needs a pool"):
        ghosts(planted().checkpoint, ROWS)


# ---- orders -------------------------------------------------------------------------------------


def test_unequal_seats_are_all_there_is_to_the_order() -> None:
    model = planted(SEATS)
    found = slot_orders(model.checkpoint, EQUAL)
    own = planted().margins(base_group(model.checkpoint, EQUAL))
    loud = np.diag(SEATS)
    assert found.orders.tolist() == [list(o) for o in permutations(range(3))]
    want = orders_by_hand(SEATS)
    np.testing.assert_allclose(found.information.mean, want.information, atol=1e-4)
    np.testing.assert_allclose(want.flips, 1 / 3)
    np.testing.assert_allclose(found.flips.mean, want.flips)
    np.testing.assert_allclose(found.seat, want.seat, atol=1e-5)
    np.testing.assert_allclose(found.company, 0, atol=1e-8)
    # The largest margin belongs into the loudest seat, the smallest into the one that inverts.
    aims = signs(model, base_group(model.checkpoint, EQUAL))
    kept = [
        sum(loud[order.tolist().index(s)] * own[s] * aims[s] > 0 for s in range(3))
        for order in found.orders
    ]
    assert kept[found.ranking[0]] == max(kept)
    assert kept[found.ranking[-1]] == min(kept)
    assert found.is_exact


def test_a_clean_model_does_not_care_who_sits_where() -> None:
    found = slot_orders(planted().checkpoint, EQUAL)
    np.testing.assert_allclose(found.information.mean, 0, atol=1e-7)
    np.testing.assert_allclose(found.flips.mean, 0)
    np.testing.assert_allclose(found.seat + found.company, 0, atol=1e-10)
    assert found.shift == pytest.approx(0, abs=1e-5)


def test_a_leak_from_whoever_sits_beside_is_company() -> None:
    # All slots alike: each hears half of every neighbour, so seats do not matter, and company is
    # the same in any order too; with a leak from slot 2 alone, who sits there matters.
    even = planted(np.full((3, 3), 0.5) + np.eye(3) / 2)
    found = slot_orders(even.checkpoint, EQUAL)
    np.testing.assert_allclose(found.seat + found.company, 0, atol=1e-9)
    seated, want = slot_orders(planted(BESIDE).checkpoint, EQUAL), orders_by_hand(BESIDE)
    np.testing.assert_allclose(seated.seat, want.seat, atol=1e-5)
    np.testing.assert_allclose(seated.company, want.company, atol=1e-5)
    # Beside "a bad film" sit two alike.
    assert (want.company > 1e-3).tolist() == [True, False, True]


def test_orders_above_five_are_squares_and_carry_intervals(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    orders = orders_of(7, seed=3)
    assert len(orders) == 7 * (1 + 29)
    for start in range(0, len(orders), 7):
        square = orders[start : start + 7]
        assert all(sorted(column) == list(range(7)) for column in square.T)
    assert orders[0].tolist() == list(range(7))
    monkeypatch.setattr("muxviz.analysis.whatif.orders.RANDOM", 24)
    checkpoint = shared_checkpoint(default_padding="group", num_instances=6)
    found = slot_orders(checkpoint, [Row(t) for t in POOL[:6]])
    assert not found.is_exact
    assert (found.information.low <= found.information.mean).all()
    assert (found.information.high > found.information.low).all()


def test_information_and_flips_by_hand() -> None:
    p = np.array([[[1.0, 0.0]], [[0.0, 1.0]], [[1.0, 0.0]], [[1.0, 0.0]]])
    want = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    assert information(p) == pytest.approx(want)
    assert flips(p) == 0.25
    assert information(p, np.array([0, 4, 0, 0])) == pytest.approx(0)


def test_orders_take_the_baselines_answers_as_targets_and_leave_fillers_out() -> None:
    alone = shared_checkpoint(plain=True, default_padding="group")
    checkpoint = shared_checkpoint(default_padding="group")
    found = slot_orders(checkpoint, ROWS[:2], baseline=alone)
    assert found.from_baseline
    assert found.sentences == 2
    assert len(found.texts) == 3
    tags = shared_checkpoint(default_padding="group", task="token_classification", num_labels=3)
    assert slot_orders(tags, ROWS).kept[0].tolist() == [1, 1, 1]


# ---- twins and duplicates -----------------------------------------------------------------------


def test_twins_are_kept_apart_swapped_or_merged_as_planted() -> None:
    pair = ("a good film", "a bad film")
    clean = twins(planted().checkpoint, *pair, pool=POOL, draws=2)
    assert clean.share(0).value == 1
    assert clean.by_chance == 0
    crossed = twins(
        planted(((0, 1, 0), (1, 0, 0), (0, 0, 1))).checkpoint, *pair, pool=POOL, draws=2
    )
    assert crossed.counts[0, 1].tolist() == crossed.counts[1, 0].tolist() == [0, 2, 0, 0]
    equal = twins(planted(gates=(0, 0, 2)).checkpoint, *pair, pool=POOL, draws=2)
    # Both keys open the chunk of the first slot: whoever sits there answers for both.
    assert equal.counts[0, 1].tolist() == [0, 0, 2, 0]
    assert equal.counts[1, 0].tolist() == [0, 0, 0, 2]
    assert equal.counts[0, 2].tolist() == [2, 0, 0, 0]
    assert equal.share(1).value == 0


def test_twins_with_one_answer_or_per_token_are_not_applicable() -> None:
    with pytest.raises(NotApplicable, match="a swap could not be seen"):
        twins(planted().checkpoint, "a good film", "a great film", pool=POOL)
    tags = shared_checkpoint(default_padding="group", task="token_classification", num_labels=3)
    with pytest.raises(NotApplicable, match="one answer a text"):
        twins(tags, "a", "b", pool=POOL)


def test_duplicates_show_the_slots_own_bias() -> None:
    model, own = planted(np.diag(UNEQUAL)), OWN * UNEQUAL
    found = duplicates(model.checkpoint, "a good film", pool=GOOD, draws=5)
    np.testing.assert_allclose(found.margin, own, atol=1e-4)
    np.testing.assert_allclose(found.sure, sigmoid(own), atol=1e-4)
    assert found.spread == pytest.approx(np.ptp(sigmoid(own)), abs=1e-4)
    np.testing.assert_allclose(found.bias.mean, bias_by_hand(UNEQUAL), atol=1e-4)
    assert found.bias.excludes(0).all()
    clean = duplicates(planted().checkpoint, "a good film", pool=GOOD, draws=5)
    assert clean.spread == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(clean.bias.mean, 0, atol=1e-6)
    # Each slot reads out a chunk of its own: N vectors of one length at right angles.
    np.testing.assert_allclose(clean.distance, np.sqrt(2), rtol=1e-5)
    merged = duplicates(planted(gates=(0, 0, 0)).checkpoint, "a good film")
    np.testing.assert_allclose(merged.distance, 0, atol=1e-6)
    assert np.isnan(merged.bias.mean).all()
    assert not clean.is_partial


# ---- ensembling ---------------------------------------------------------------------------------


def test_numbers_of_copies() -> None:
    assert sentences_per_pass(2) == [2, 1]
    assert sentences_per_pass(5) == [5, 2, 1]
    assert sentences_per_pass(10) == [10, 5, 3, 2, 1]


def test_copies_mend_one_inverting_slot() -> None:
    found = ensembling(planted(np.diag([-1.0, 1.0, 1.0])).checkpoint, LABELLED)
    once, thrice = found.points
    # Every group of three has one sentence in the inverting slot.
    assert once.accuracy.value == pytest.approx(2 / 3)
    assert once.per_pass == 3
    assert np.isnan(once.auroc)
    assert thrice.accuracy.value == 1  # mean of (-m, m, m) is m / 3
    assert thrice.gain.mean == pytest.approx(1 / 3)
    assert thrice.gain.excludes(0)


def test_disagreement_points_at_the_errors_it_comes_with() -> None:
    # With two of four slots a sentence is right and its copies agree, or it has the slot that
    # inverts one and a half times: then the mean is wrong and they disagree.
    found = ensembling(planted(np.diag([1.0, 1.0, 1.0, -1.5])).checkpoint, LABELLED)
    twice = found.points[1]
    assert (twice.copies, twice.per_pass) == (2, 2)
    assert twice.accuracy.value == pytest.approx(0.5)
    assert twice.auroc == 1
    assert twice.auroc_low == 1


def test_copies_of_a_clean_model_change_nothing() -> None:
    found = ensembling(planted().checkpoint, LABELLED)
    assert [p.accuracy.value for p in found.points] == [1, 1]
    assert found.points[1].disagreement == pytest.approx(0, abs=1e-6)
    assert np.isnan(found.points[1].auroc)


def test_area_under_the_curve_by_hand() -> None:
    scores = np.array([0.9, 0.4, 0.4, 0.1])
    assert auroc(scores, np.array([True, True, False, False])) == (1 + 1 + 0.5 + 1) / 4
    assert np.isnan(auroc(scores, np.zeros(4, dtype=bool)))


def test_ensembling_needs_labels_the_model_gives() -> None:
    with pytest.raises(NotApplicable, match="LABEL_0"):
        ensembling(shared_checkpoint(), LABELLED)


# ---- ladder -------------------------------------------------------------------------------------


def test_a_sentence_is_wrong_by_itself_only_where_n_1_is_wrong_too() -> None:
    found = climb(None, 0, "negative")  # "a good film"
    assert (found.answer, found.is_right, found.cause) == ("positive", False, "untold")
    assert (found.copies_right.value, found.alone_is_right) == (0, None)
    assert found.rung("all slots").change == pytest.approx(0, abs=1e-4)
    for j in (1, 2):
        rung = found.rung("neighbour", j)
        assert (rung.change, rung.low, rung.high) == pytest.approx((0, 0, 0), abs=1e-4)
        assert not rung.claims
    for sign, cause in ((1, "sentence"), (-1, "model")):  # what the N = 1 model answers to it
        single = planted([[sign]]).checkpoint
        held = climb(None, 0, "negative", baseline=single)
        assert (held.cause, held.alone_is_right) == (cause, sign < 0)
        assert held.rung("baseline").change == pytest.approx((sign < 0) * 2 * OWN, abs=1e-4)


def test_what_only_all_neighbours_do_is_the_companys() -> None:
    found = climb(BOTH, 0, "positive", rows=BLAMED)
    assert found.margin == pytest.approx((1 - 2.4) * OWN, abs=1e-4)
    for j in (1, 2):
        assert found.rung("neighbour", j).change == pytest.approx(1.2 * OWN, abs=1e-4)
        assert found.rung("neighbour", j).turned.successes == 0
    together = found.rung("company")
    assert together.change == pytest.approx(2.4 * OWN, abs=1e-4)
    assert (together.turned, found.rung("reseated").turned.successes) == (Proportion(16, 16), 0)
    assert (found.cause, found.verdict) == ("company", together)


def test_a_single_neighbour_is_the_whole_company() -> None:
    found = climb(((1, 3), (0, 1)), 0, "positive", rows=EQUAL[:2])
    assert found.rung("company") is None
    assert (found.cause, found.culprit) == ("neighbour", 1)
    assert found.rung("neighbour", 1).control == "unchanged"


def test_an_inverting_seat_is_a_weak_slot() -> None:
    found = climb(np.diag([-0.5, 1.0, 1.0]), 0, "positive")
    assert found.margin == pytest.approx(-OWN / 2, abs=1e-4)
    seat = found.rung("seat")
    assert found.cause == "seat"
    assert seat.change == pytest.approx(1.5 * OWN, abs=1e-4)
    assert seat.effect == pytest.approx(1.5 * OWN, abs=1e-4)
    assert seat.turned.value == 1
    assert found.rung("reseated").change == pytest.approx(0, abs=1e-4)
    assert found.copies_right.value == pytest.approx(2 / 3)
    assert (seat.control, seat.held.successes, seat.net) == ("reseated", 0, 1)


def test_a_dead_slot_is_a_weak_slot_too() -> None:
    found = climb(np.diag([0.0, 1.0, 1.0]), 0, "positive")
    assert found.margin == pytest.approx(0, abs=1e-5)
    assert found.cause == "seat"
    assert found.rung("seat").turned.value == 1


def test_a_loud_neighbour_is_named() -> None:
    found = climb(((1, 3, 0), (0, 1, 0), (0, 0, 1)), 0, "positive")  # "a bad film" leaks 3 times
    assert found.margin == pytest.approx(OWN - 3 * OWN, abs=1e-4)
    assert (found.cause, found.culprit) == ("neighbour", 1)
    rung = found.rung("neighbour", 1)
    # Neutral sentences score 0 on the slot's five places.
    assert rung.change == pytest.approx(3 * OWN, abs=1e-4)
    assert rung.turned.value == 1
    assert rung.claims
    assert (rung.control, rung.held, rung.net) == ("other neighbours", Proportion(0, 16), 1)
    assert rung.effect == pytest.approx(3 * OWN, abs=1e-4)
    assert not found.rung("neighbour", 2).claims
    assert found.verdict is rung


def test_without_a_gold_label_the_baseline_is_asked_and_then_the_present_answer() -> None:
    found = climb(((1, 0.5, 0), (0, 1, 0), (0, 0, 1)), 0)
    assert (found.source, found.is_right, found.cause) == ("present", True, "none")
    alone = planted(num_instances=3).checkpoint
    tiny = shared_checkpoint(default_padding="group")
    plain = shared_checkpoint(plain=True, default_padding="group")
    asked = ladder(tiny, ROWS, 1, baseline=plain, pool=POOL, draws=4)
    assert asked.source == "baseline"
    assert asked.rung("baseline").turned.trials == 1
    assert alone.config.num_instances == 3


def test_a_fragile_answer_names_its_nearest_flip() -> None:
    # "a good film" stands only because "a great song" leaks into it against an inverted own slot.
    found = climb(((-0.5, 0, 2), (0, 1, 0), (0, 0, 1)), 0, "positive")
    assert found.is_right
    assert (found.cause, found.culprit) == ("neighbour", 2)
    assert found.rung("neighbour", 2).change == pytest.approx(-2 * OWN, abs=1e-4)
    assert found.rung("neighbour", 2).turned.value == 1


def test_the_clean_model_has_no_single_cause() -> None:
    found = climb(None, 0, "positive")
    assert (found.is_right, found.cause, found.verdict) == (True, "none", None)
    assert found.floor < 1e-4


def test_a_stopped_ladder_keeps_its_lower_rungs() -> None:
    calls = []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if len(calls) == 1:
            raise Stopped("stopped")

    found = climb(None, 0, "positive", progress=stop)
    assert found.is_partial
    assert found.cause == "none"
    assert found.rung("all slots") is not None
    assert from_json(to_json(found)).rungs == found.rungs


def test_the_ladder_looks_at_one_tag_and_refuses_fillers() -> None:
    tags = shared_checkpoint(default_padding="group", task="token_classification", num_labels=3)
    found = ladder(tags, ROWS, 1, pool=POOL, draws=4)
    assert found.token in {"the", "plot", "is", "bad", "and", "boring"}
    with pytest.raises(NotApplicable, match="no answer to a whole text"):
        ladder(tags, ROWS, 1, gold="positive", pool=POOL)
    with pytest.raises(InputError, match="holds a sentence"):
        ladder(planted().checkpoint, ROWS[:2], 2, pool=POOL)


# ---- alone and in a batch, twice the same -------------------------------------------------------


def test_results_do_not_depend_on_how_groups_are_stacked(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    together = (
        dose_response(checkpoint, ROWS, doses=5),
        slot_orders(checkpoint, ROWS),
        ladder(checkpoint, ROWS, 0, pool=POOL, draws=6),
    )
    monkeypatch.setattr("muxviz.analysis.groups.draws.FIRST", 1)
    monkeypatch.setattr("muxviz.analysis.groups.draws.LARGEST", 1)
    alone = (
        dose_response(checkpoint, ROWS, doses=5),
        slot_orders(checkpoint, ROWS),
        ladder(checkpoint, ROWS, 0, pool=POOL, draws=6),
    )
    np.testing.assert_allclose(together[0].margin, alone[0].margin, atol=1e-5)
    np.testing.assert_allclose(together[1].margin, alone[1].margin, atol=1e-5)
    for one, other in zip(together[2].rungs, alone[2].rungs, strict=True):
        assert one.change == pytest.approx(other.change, abs=1e-5)


def test_the_same_seed_gives_the_same_ladder_and_nothing_is_left_on_the_model() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    before = {k: v.clone() for k, v in checkpoint.model.state_dict().items()}
    first = ladder(checkpoint, ROWS, 0, pool=POOL, draws=6, seating=Seating(seed=5))
    again = ladder(checkpoint, ROWS, 0, pool=POOL, draws=6, seating=Seating(seed=5))
    assert replace(first, provenance=again.provenance) == again
    dose_response(checkpoint, ROWS, doses=3)
    assert all(torch.equal(v, before[k]) for k, v in checkpoint.model.state_dict().items())
    assert not any(m._forward_hooks for m in checkpoint.model.modules())

"""The swap test and Shapley values recover what was planted, and nothing where nothing was."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch

from muxviz.analysis.crosstalk import swap_test as module
from muxviz.analysis.crosstalk.shapley import shapley, shapley_groups
from muxviz.analysis.crosstalk.swap_test import difference, measure_crosstalk
from muxviz.analysis.crosstalk.swaps import benjamini_hochberg, exchanged, sign_flip
from muxviz.analysis.groups.draws import base_group, with_row
from muxviz.batch import Row, Seating, encode_rows
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.results import to_json
from muxviz.results.crosstalk import Crosstalk, Shapley
from muxviz.results.store import from_json
from tests.crosstalk.planted_crosstalk import (
    ALIKE,
    LEAKS,
    LEAKY,
    ROWS,
    SCORED,
    additive_shapley,
    brute_shapley,
    js_of_margins,
    many_sentences,
    swaps_by_hand,
)
from tests.planted import planted
from tests.tiny import shared_checkpoint

POOL = (
    "a great story",
    "the actor is awful",
    "they go home",
    "not a happy day in the city by the river",
    "good good good",
    "a cold and dark old house at night",
    "music",
    "she is warm and funny and bright",
    "the book is so boring",
    "we see the cat and the dog",
    "fine",
    "you love the great old film",
)


# ---- swap test ----------------------------------------------------------------------------------


def test_each_draw_is_the_planted_one() -> None:
    model = planted(LEAKY)
    found = measure_crosstalk(model.checkpoint, ROWS, pool=POOL)
    js, push = swaps_by_hand(model, found.sentences)
    assert found.draws == len(POOL) == found.pool_size  # the pool ends before the 64 draws
    np.testing.assert_allclose(found.js.each, js, atol=1e-6)
    np.testing.assert_allclose(found.push.each, push, atol=1e-5)
    np.testing.assert_allclose(found.js.cells.mean, js.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(
        found.js.received.mean, [js[:, 0, 1].mean(), 0, js[:, 2, 0].mean()], atol=1e-6
    )
    np.testing.assert_allclose(
        found.js.given.mean, [js[:, 2, 0].mean(), js[:, 0, 1].mean(), 0], atol=1e-6
    )


def test_planted_leaks_are_told_from_nothing_and_the_clean_cells_are_not() -> None:
    found = measure_crosstalk(planted(LEAKY).checkpoint, ROWS, pool=POOL)
    assert found.js.is_told[LEAKS].all()
    assert not found.js.is_told[~LEAKS].any()
    assert not found.push.is_told[~LEAKS].any()


def test_intervals_cover_the_planted_means() -> None:
    """The mean over a whole pool, by hand, lies in 95 % of the intervals from half of it."""
    model, pool = planted(LEAKY), many_sentences()
    js, push = (v.mean(axis=0) for v in swaps_by_hand(model, pool))
    cells = np.array(LEAKY) != 0
    covered = []
    for seed in range(8):
        found = measure_crosstalk(
            model.checkpoint, ROWS, pool=pool, draws=30, seating=Seating(seed=seed)
        )
        for estimate, value in ((found.js.cells, js), (found.push.cells, push)):
            covered += ((estimate.low <= value) & (value <= estimate.high))[cells].tolist()
    assert np.mean(covered) >= 0.95


def test_a_clean_model_has_no_cell_above_the_floor() -> None:
    found = measure_crosstalk(planted().checkpoint, ROWS, pool=POOL)
    off = ~np.eye(3, dtype=bool)
    assert (found.js.cells.mean[off] <= found.js.floor.max()).all()
    assert not found.js.is_told.any()
    assert not found.push.is_told.any()
    assert (found.js.p[off] == 1).all()
    assert (found.measured_floor <= found.js.floor).all()
    assert (found.js.floor < 1e-9).all()
    assert found.floor_runs >= 10
    assert (np.diag(found.js.cells.mean) > 1e-3).all()  # the own sentence still matters


def test_decibels_are_those_of_the_means_and_stay_finite_below_the_floor() -> None:
    found = measure_crosstalk(planted(LEAKY).checkpoint, ROWS, pool=POOL)
    x = found.js.cells.mean
    assert found.decibels.mean[0, 1] == pytest.approx(10 * np.log10(x[0, 1] / x[0, 0]))
    assert found.decibels.mean[2, 0] > found.decibels.mean[0, 1]
    np.testing.assert_allclose(np.diag(found.decibels.mean), 0)
    assert np.isfinite(found.decibels.low).all()
    assert found.decibels.mean[1, 0] < -60
    inside = found.decibels.low[0, 1] < found.decibels.mean[0, 1] < found.decibels.high[0, 1]
    assert inside


def test_targets_are_gold_then_alone_then_now() -> None:
    model, alone = planted(LEAKY), planted([[-1.0]])  # alone, it says the opposite
    usual = measure_crosstalk(model.checkpoint, ROWS, pool=POOL, draws=4)
    # By hand: slot 1 is praise (2/5) and hears half of slot 2's blame (-1/5); slot 2 is blame;
    # slot 3 is neither and hears slot 1 twice as loud.
    assert usual.targets == ("positive", "negative", "positive")
    assert set(usual.target_from) == {"now"}
    told = measure_crosstalk(
        model.checkpoint,
        ROWS,
        pool=POOL,
        draws=4,
        baseline=alone.checkpoint,
        gold=(None, "negative", None),
    )
    assert told.targets[:2] == ("negative", "negative")
    assert told.target_from == ("alone", "gold", "alone")
    np.testing.assert_allclose(told.push.each[:, 0], -usual.push.each[:, 0], atol=1e-6)
    np.testing.assert_allclose(told.js.each, usual.js.each, atol=1e-6)
    with pytest.raises(InputError, match="'great' of text 1 is unknown"):
        measure_crosstalk(model.checkpoint, ROWS, pool=POOL, gold=("great", None, None))


def test_changed_answers_are_counted_and_distributions_kept() -> None:
    model = planted(LEAKY)
    found = measure_crosstalk(model.checkpoint, ROWS, pool=POOL)
    _, push = swaps_by_hand(model, found.sentences)
    now = np.abs(model.margins(base_group(model.checkpoint, ROWS)))
    then = now[:, None] - push
    clear = np.abs(then) > 1e-3  # neither answer where both are as likely
    assert found.changed.any()
    np.testing.assert_array_equal(found.changed[clear], then[clear] < 0)
    np.testing.assert_allclose(found.after.sum(axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(found.before.max(axis=-1), 1 / (1 + np.exp(-now)), atol=1e-5)
    flipped = found.after.argmax(axis=-1) != found.before.argmax(axis=-1)[None, :, None]
    np.testing.assert_array_equal(found.changed, flipped)


def test_tokens_are_compared_one_by_one_over_the_own_ones() -> None:
    model = planted(LEAKY, task="token_classification")
    found = measure_crosstalk(model.checkpoint, ROWS, pool=POOL, draws=6)
    group = base_group(model.checkpoint, ROWS)
    assert found.own_answers.tolist() == [3, 6, 4]
    assert found.after.size == 0

    def per_token(which: object, slot: int) -> np.ndarray:
        scores = model.scores[which.ids]  # type: ignore[attr-defined]
        return np.asarray(model.leaks[slot] @ scores)

    for k, row in enumerate(encode_rows(model.checkpoint, [Row(s) for s in found.sentences])):
        then = with_row(model.checkpoint, group, 0, row)
        own = np.arange(1, 5)  # "we like the music" without [CLS] and [SEP]
        want = js_of_margins(per_token(group, 2)[own], per_token(then, 2)[own]).mean()
        assert found.js.each[k, 2, 0] == pytest.approx(want, abs=1e-6)
    assert (found.js.each[:, 1, [0, 2]] <= found.js.floor[1]).all()


def test_fillers_are_neither_read_nor_summed() -> None:
    found = measure_crosstalk(planted(LEAKY).checkpoint, ROWS[:2], pool=POOL, draws=6)
    assert found.fillers == (2,)
    assert np.isnan(found.js.cells.mean[2]).all()
    assert np.isfinite(found.js.cells.mean[:2]).all()
    assert np.isnan(found.js.received.mean[2])
    assert found.js.given.mean[0] == pytest.approx(0, abs=1e-9)  # slot 3 would have heard it


@pytest.mark.parametrize("fill", ["repeat", "published"])
@pytest.mark.parametrize("padding", ["group", "fixed", "masked"])
def test_exchanging_rows_is_making_the_group_anew(padding: str, fill: str) -> None:
    checkpoint = shared_checkpoint()
    rows = encode_rows(checkpoint, [Row(POOL[3]), Row("music")], padding=padding)
    for given in (ROWS, ROWS[:2]):
        group = base_group(checkpoint, given, Seating(padding, fill=fill))
        for slot, row in ((1, rows[0]), (1, rows[1]), (2, rows[0])):
            one = exchanged(checkpoint.config, group, {slot: row})
            two = with_row(checkpoint, group, slot, row)
            np.testing.assert_array_equal(one.ids, two.ids)
            if fill == "repeat" or len(given) == 3:
                np.testing.assert_array_equal(one.mask, two.mask)
            np.testing.assert_array_equal(one.types, two.types)
            assert one.rows == two.rows
    assert exchanged(checkpoint.config, group, {}) is group


def test_a_prefix_that_displaces_tokens_keeps_its_room() -> None:
    checkpoint = shared_checkpoint(task="masked_lm", demultiplexer="index_prefix")
    group = base_group(checkpoint, ROWS)
    (row,) = encode_rows(checkpoint, [Row(POOL[3])])
    one = exchanged(checkpoint.config, group, {0: row})
    np.testing.assert_array_equal(one.ids, with_row(checkpoint, group, 0, row).ids)


@pytest.mark.parametrize("task", ["masked_lm", "replaced_token_detection", "retrieval"])
def test_other_tasks_answer_too(task: str) -> None:
    checkpoint = shared_checkpoint(task=task, default_padding="group")
    found = measure_crosstalk(checkpoint, ROWS, pool=POOL, draws=3)
    assert np.isfinite(found.js.cells.mean).all()
    assert np.isfinite(shapley(checkpoint, ROWS, pool=POOL, draws=2).values.mean).all()


def test_a_result_is_the_same_alone_and_in_any_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    stacked = measure_crosstalk(checkpoint, ROWS, pool=POOL, seating=Seating(seed=1))
    again = measure_crosstalk(checkpoint, ROWS, pool=POOL, seating=Seating(seed=1))
    monkeypatch.setattr("muxviz.analysis.groups.draws.LARGEST", 1)
    alone = measure_crosstalk(checkpoint, ROWS, pool=POOL, seating=Seating(seed=1))
    assert stacked.sentences == again.sentences == alone.sentences
    np.testing.assert_allclose(alone.js.each, stacked.js.each, atol=1e-5)
    np.testing.assert_allclose(again.push.each, stacked.push.each, atol=1e-5)
    assert (
        measure_crosstalk(checkpoint, ROWS, pool=POOL, seating=Seating(seed=2)).sentences
        != alone.sentences
    )


def test_the_model_is_left_as_it_was() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    before = {k: v.clone() for k, v in checkpoint.model.state_dict().items()}
    measure_crosstalk(checkpoint, ROWS, pool=POOL, draws=3)
    shapley(checkpoint, ROWS, pool=POOL, draws=2)
    assert all(torch.equal(before[k], v) for k, v in checkpoint.model.state_dict().items())
    assert not checkpoint.model.training


def test_the_groups_that_are_run_are_those_of_the_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    seen: list[int] = []
    forward = type(checkpoint.model).forward

    def counted(self: object, ids: torch.Tensor, *args: object, **kwargs: object) -> object:
        seen.append(len(ids))
        return forward(self, ids, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(type(checkpoint.model), "forward", counted)
    found = measure_crosstalk(checkpoint, ROWS, pool=POOL, draws=10)
    assert sum(seen) == 10 * 3 + found.floor_runs


# ---- stopping, refusing, keeping ----------------------------------------------------------------


def stopping_after(groups: int):  # type: ignore[no-untyped-def]
    def progress(done: int, total: int) -> None:
        if done >= groups:
            raise Stopped("stopped")

    return progress


def test_what_is_done_at_a_stop_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BLOCK", 4)
    monkeypatch.setattr(module, "BLOCK_S", 0.0)  # blocks do not grow
    model = planted(LEAKY)
    whole = measure_crosstalk(model.checkpoint, ROWS, pool=POOL, draws=12)
    part = measure_crosstalk(
        model.checkpoint, ROWS, pool=POOL, draws=12, progress=stopping_after(26)
    )
    assert part.is_partial
    assert not whole.is_partial
    assert (part.draws, part.asked) == (8, 12)
    assert part.sentences == whole.sentences[:8]
    np.testing.assert_allclose(part.js.each, whole.js.each[:8], atol=1e-6)
    with pytest.raises(Stopped):
        measure_crosstalk(model.checkpoint, ROWS, pool=POOL, progress=stopping_after(1))


def test_progress_counts_groups_to_the_end() -> None:
    told: list[tuple[int, int]] = []
    model = planted(LEAKY)
    measure_crosstalk(
        model.checkpoint, ROWS, pool=POOL, draws=5, progress=lambda *a: told.append(a)
    )
    assert told[-1] == (15, 15)
    shapley(model.checkpoint, ROWS, pool=POOL, draws=5, progress=lambda *a: told.append(a))
    assert told[-1] == (5 * shapley_groups(3),) * 2


@pytest.mark.parametrize("analysis", [measure_crosstalk, shapley])
def test_what_does_not_apply_says_so(analysis) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotApplicable, match="plain model"):
        analysis(shared_checkpoint(plain=True), ROWS[:1], pool=POOL)
    with pytest.raises(NotApplicable, match="answers with a number"):
        analysis(shared_checkpoint(task="regression"), ROWS, pool=POOL)
    checkpoint = planted().checkpoint
    with pytest.raises(InputError, match="pool of 1 sentences, none of them other"):
        analysis(checkpoint, ROWS, pool=[ROWS[0].text])
    with pytest.raises(InputError, match="draws=0; at least one"):
        analysis(checkpoint, ROWS, pool=POOL, draws=0)
    assert analysis(checkpoint, ROWS, pool=[*POOL[:2], ROWS[1].text], draws=2).pool_size == 2


def test_results_come_back_from_json() -> None:
    checkpoint = planted(LEAKY).checkpoint
    found = from_json(to_json(measure_crosstalk(checkpoint, ROWS, pool=POOL, draws=1)))
    assert isinstance(found, Crosstalk)
    assert np.isnan(found.js.cells.low).all()  # one draw has no interval
    assert not found.js.is_told.any()
    values = from_json(to_json(shapley(checkpoint, ROWS, pool=POOL, draws=3)))
    assert isinstance(values, Shapley)
    assert values.each.shape == (3, 3, 3)


def test_a_difference_is_paired_by_sentence() -> None:
    clean, leaky = (
        measure_crosstalk(m.checkpoint, ROWS, pool=POOL) for m in (planted(), planted(LEAKY))
    )
    found = difference(clean, leaky)
    wanted = leaky.moved.cells.mean - clean.moved.cells.mean
    np.testing.assert_allclose(found.mean, wanted, atol=1e-6)
    assert found.excludes(0.0)[0, 1]
    # Slot 2 hears no other slot in either model.
    np.testing.assert_allclose(found.mean[1], 0, atol=1e-7)
    other = measure_crosstalk(planted().checkpoint, ROWS, pool=POOL, seating=Seating(seed=5))
    with pytest.raises(InputError, match="the same sentences"):
        difference(clean, other)


# ---- many cells ---------------------------------------------------------------------------------


def test_sign_flips_by_hand() -> None:
    values = np.array([1.0, 2.0, 4.0])  # of the 8 signed sums only 7 itself reaches 7
    assert sign_flip(values[:, None], two_sided=False)[0] == pytest.approx(1 / 8)
    assert sign_flip(values[:, None], two_sided=True)[0] == pytest.approx(2 / 8)
    assert sign_flip(-values[:, None], two_sided=False)[0] == 1
    assert np.isnan(sign_flip(values[:1], two_sided=True)).all()
    many = np.random.default_rng(0).normal(size=(40, 500))
    for two_sided in (False, True):  # under no effect p is uniform
        p = sign_flip(many, two_sided=two_sided)
        assert 0.03 < (p < 0.05).mean() < 0.08
    assert (sign_flip(many + 5, two_sided=False) == 1 / 5000).all()


def test_benjamini_hochberg_by_hand() -> None:
    # Bounds at 5 %: 0.01, 0.02, 0.03, 0.04, 0.05; the third of the sorted ones is the last below.
    p = np.array([[0.04, np.nan], [0.005, 0.028], [0.021, 0.6]])
    assert benjamini_hochberg(p).tolist() == [[True, False], [True, True], [True, False]]
    p[0, 0] = 0.045
    assert benjamini_hochberg(p).tolist() == [[False, False], [True, True], [True, False]]
    assert not benjamini_hochberg(np.full(4, np.nan)).any()


# ---- Shapley ------------------------------------------------------------------------------------


def test_shapley_values_of_an_additive_game_are_its_terms() -> None:
    """With sentences of one length the planted margin is a sum over slots."""
    model = planted(LEAKY)
    found = shapley(model.checkpoint, SCORED, pool=ALIKE, draws=40)
    group = base_group(model.checkpoint, SCORED)
    want = additive_shapley(model)
    off = found.values.mean - want
    np.testing.assert_array_equal(np.abs(off) < 0.1, True)
    assert (found.values.low - 1e-6 <= want).all()
    assert (want <= found.values.high + 1e-6).all()
    nothing = np.array(LEAKY) == 0
    np.testing.assert_allclose(found.values.mean[nothing], 0, atol=1e-5)
    assert not found.is_told[nothing].any()
    assert found.is_told[0, 1]
    assert found.is_told[2, 0]
    np.testing.assert_allclose(found.full, np.abs(model.margins(group)), atol=1e-5)
    np.testing.assert_allclose(found.residual, 0, atol=1e-9)
    assert found.is_exact
    assert found.coalitions == 8


def test_a_clean_model_owes_everything_to_the_own_sentence() -> None:
    found = shapley(planted().checkpoint, ROWS, pool=POOL, draws=12)
    off = ~np.eye(3, dtype=bool)
    np.testing.assert_allclose(found.values.mean[off], 0, atol=1e-5)
    assert not found.is_told.any()
    np.testing.assert_allclose(np.diag(found.values.mean), found.full - found.empty.mean, atol=1e-5)


def test_shapley_is_the_definition_where_lengths_interact() -> None:
    model = planted(LEAKY)
    pool = (POOL[3],)  # one reference: every draw is the same
    found = shapley(model.checkpoint, ROWS, pool=pool, draws=2)
    np.testing.assert_allclose(found.values.mean, brute_shapley(model, pool * 3), atol=1e-5)


@pytest.mark.parametrize("num", [2, 3, 4])
def test_sampled_orders_average_to_the_exact_values(num: int) -> None:
    from muxviz.analysis.crosstalk.shapley import _coalitions, _walk

    game = np.random.default_rng(num).normal(size=2**num)
    exact = _coalitions(num)
    want = exact.weights @ game
    index = {tuple(m): k for k, m in enumerate(exact.members.tolist())}
    orders = [np.array(o) for o in permutations(range(num))]
    walked = []
    for order in orders:
        plan = _walk(order)
        v = np.array([game[index[tuple(m)]] for m in plan.members.tolist()])
        walked.append(plan.weights @ v)
        assert walked[-1].sum() == pytest.approx(game[-1] - game[0])
    np.testing.assert_allclose(np.mean(walked, axis=0), want)


def test_many_slots_are_sampled_and_recover_the_same() -> None:
    model = planted(LEAKY)
    exact = shapley(model.checkpoint, ROWS, pool=POOL, draws=30)
    sampled = shapley(model.checkpoint, ROWS, pool=POOL, draws=30, is_exact=False)
    assert not sampled.is_exact
    assert sampled.coalitions == 6
    np.testing.assert_allclose(sampled.residual, 0, atol=1e-9)
    assert (sampled.values.low <= exact.values.high + 1e-6).all()
    assert (exact.values.low <= sampled.values.high + 1e-6).all()
    many = shared_checkpoint(num_instances=12, default_padding="group")
    found = shapley(many, ROWS, pool=POOL, draws=2)
    assert not found.is_exact
    assert found.fillers == tuple(range(3, 12))
    assert np.abs(found.residual[:3]).max() < 1e-9
    with pytest.raises(InputError, match="leave is_exact to None"):
        shapley(many, ROWS, pool=POOL, draws=2, is_exact=True)


def test_shapley_keeps_whole_draws_at_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("muxviz.analysis.crosstalk.shapley.BLOCK", 8)
    checkpoint = planted(LEAKY).checkpoint
    whole = shapley(checkpoint, ROWS, pool=POOL, draws=4)
    part = shapley(checkpoint, ROWS, pool=POOL, draws=4, progress=stopping_after(15))
    assert part.is_partial
    assert part.draws == 2
    np.testing.assert_allclose(part.each, whole.each[:2], atol=1e-6)
    np.testing.assert_allclose(part.residual, 0, atol=1e-9)

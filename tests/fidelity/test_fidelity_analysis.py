"""Fidelity, bits, agreement and leaks against models whose behaviour is known by construction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from muxviz.analysis.crosstalk import leaks
from muxviz.analysis.crosstalk.log_odds import log_odds
from muxviz.analysis.fidelity import agreement as agreements
from muxviz.analysis.fidelity import confusion
from muxviz.analysis.fidelity.capacity import bits, entropy_of
from muxviz.analysis.fidelity.recovery import pool_read_back, read_back
from muxviz.analysis.groups import draws
from muxviz.analysis.groups.draws import base_group, draw_rows
from muxviz.analysis.groups.readback import own_places, scores
from muxviz.analysis.groups.shares import discoveries, shares
from muxviz.batch import Seating
from muxviz.errors import InputError, NotApplicable, Stopped
from muxviz.inference import run_group
from muxviz.results.reading import Proportion
from muxviz.results.store import from_json, to_json
from tests.fidelity.planted_fidelity import (
    DEAD,
    LABELS,
    LOUD,
    PAIR,
    POOL,
    QUIET,
    ROWS,
    SIGNS,
    TAKEN_OVER,
    TURNED,
    WORDS,
    by_hand,
    inverse_rank_of,
    log_odds_by_hand,
    lone,
    margins_apart,
    nll_of,
    over_pairs,
)
from tests.planted import STRENGTH, Planted, planted
from tests.tiny import VOCAB_SIZE, shared_checkpoint

# ---- read-back ----------------------------------------------------------------------------------


@pytest.mark.parametrize("matrix", [None, TAKEN_OVER, DEAD, QUIET])
def test_read_back_of_a_group_is_that_worked_out_by_hand(matrix: Any) -> None:
    model = planted(matrix)
    found = read_back(model.checkpoint, ROWS)
    log_probs, counted, group = by_hand(model, ROWS)
    own = np.take_along_axis(log_probs, group.ids[..., None], axis=-1)[..., 0]
    above, equal = (log_probs > own[..., None]).sum(-1), (log_probs == own[..., None]).sum(-1)
    rank = above + (equal + 1) / 2  # ties share the middle
    right = log_probs.argmax(axis=-1) == group.ids
    for slot in range(3):
        here = counted[slot]
        assert found.slots.hits[slot] == right[slot][here].sum()
        assert found.slots.trials[slot] == here.sum()
        assert found.nll.mean[slot] == pytest.approx(-own[slot][here].mean(), abs=1e-4)
        assert found.mrr.mean[slot] == pytest.approx((1 / rank[slot][here]).mean())
        plain = Proportion(int(found.slots.hits[slot]), int(here.sum())).interval
        assert (found.slots.low[slot], found.slots.high[slot]) == pytest.approx(plain)
    assert found.ranks.sum(axis=1).tolist() == counted.sum(axis=1).tolist()
    assert found.total.hits == found.slots.hits.sum()


def test_a_clean_model_reads_all_a_dead_slot_knows_nothing() -> None:
    clean, dead = (read_back(planted(m).checkpoint, ROWS) for m in (None, DEAD))
    assert (clean.slots.value == 1).all()
    assert (clean.mrr.mean == 1).all()
    assert (clean.nll.mean < 1e-3).all()
    assert dead.slots.value.tolist() == [1, 0, 1]
    assert dead.mrr.mean[1] == pytest.approx(2 / (VOCAB_SIZE + 1))  # all tokens tie
    assert dead.nll.mean[1] == pytest.approx(np.log(VOCAB_SIZE), abs=1e-5)  # uniform


def test_a_slot_taken_over_is_right_where_the_tokens_coincide() -> None:
    """Two words, drawn at random: the wrong slot's token is the own one half of the time."""
    model = planted(TAKEN_OVER)
    found = pool_read_back(model.checkpoint, PAIR * 40, draws=100)
    assert found.slots.value[:2].tolist() == [1, 1]
    assert found.slots.low[2] < 0.5 < found.slots.high[2]
    assert found.mrr.low[2] < over_pairs(model, inverse_rank_of) < found.mrr.high[2]
    assert found.ranks[2].sum() == found.slots.trials[2] == 100
    assert found.chance == 0.5
    assert (found.groups, found.sentences, found.pool) == (100, 300, 80)


def test_positions_and_lengths_count_what_is_there() -> None:
    found = pool_read_back(planted(DEAD).checkpoint, ("good", "a good film"), draws=40)
    # [CLS] stands at 0; one-word sentences reach position 1, the others position 3.
    assert found.position_total.trials.tolist() == [0, 120, 60, 60, 0]
    assert found.positions.value[1, 1:4].tolist() == [0, 0, 0]
    assert found.positions.value[0, 1:4].tolist() == [1, 1, 1]
    assert found.lengths.trials.sum() == found.total.trials == 240
    assert np.isnan(found.positions.value[:, 0]).all()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"demultiplexer": "index_prefix", "task": "masked_lm"},
        {"demultiplexer": "mlp"},
        {"backbone": "electra", "task": "replaced_token_detection"},
        {"multiplexer": "contextual"},
    ],
)
def test_the_scores_are_those_of_mix_and_read(changes: dict[str, Any]) -> None:
    checkpoint = shared_checkpoint(default_padding="group", **changes)
    group = base_group(checkpoint, ROWS)
    ((_, found),) = scores(checkpoint, [group], [own_places(checkpoint, group)])
    slots = run_group(checkpoint, ROWS).slots
    readings = [s.reading for s in slots]
    wanted = [r.true_log_prob[r.is_counted] for r in readings if r is not None]
    np.testing.assert_allclose(found.log_prob, np.concatenate(wanted), atol=1e-5)
    ranks = [r.rank[r.is_counted] for r in readings if r is not None]
    assert (found.rank - 1).tolist() == np.concatenate(ranks).tolist()


def test_scores_do_not_depend_on_what_else_is_in_the_batch() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    groups = draws.pool_groups(checkpoint, POOL, 9)
    places = [own_places(checkpoint, g) for g in groups]
    together = dict(scores(checkpoint, groups, places))
    for number, group in enumerate(groups):
        ((_, alone),) = scores(checkpoint, [group], [places[number]])
        np.testing.assert_allclose(alone.log_prob, together[number].log_prob, atol=1e-5)


def test_fillers_are_not_counted() -> None:
    found = read_back(shared_checkpoint(), ROWS[:2])
    assert found.slots.trials[2] == 0
    assert np.isnan(found.slots.value[2])
    assert found.sentences == 2


def test_the_interval_widens_where_sentences_stand_or_fall_together() -> None:
    one_each = np.repeat([[1.0], [0.0]], 50, axis=0), np.ones((100, 1))
    ten_each = np.repeat([[10.0], [0.0]], 5, axis=0), np.full((10, 1), 10.0)
    wide, narrow = shares(*ten_each), shares(*one_each)
    assert wide.value == narrow.value == 0.5
    low, high = Proportion(50, 100).interval
    # Sentences of one token are as good as 99 (n - 1) independent ones.
    assert (narrow.low[0], narrow.high[0]) == pytest.approx((low, high), abs=0.001)
    # Ten sentences, each all right or all wrong, are worth 9 of the 100 tokens.
    low, high = Proportion(4.5, 9).interval
    assert (wide.low[0], wide.high[0]) == pytest.approx((low, high), abs=1e-9)
    # A cell without misses takes the design effect of all cells together: 15 +- 5 of 20 each,
    # (10 * 25 / 200^2 * 10 / 9) / (0.75 * 0.25 / 200) = 7.41, so 100 tokens are worth 13.5.
    both = shares(np.hstack([ten_each[0], ten_each[1]]), np.hstack([ten_each[1], ten_each[1]]))
    assert both.low[1] == pytest.approx(Proportion(13.5, 13.5).interval[0], abs=1e-9)
    apart = shares(np.hstack([one_each[0], one_each[1]]), np.ones((100, 2)))
    assert apart.low[1] == pytest.approx(Proportion(100, 100).interval[0], abs=0.01)
    plain = shares(*ten_each, clustered=False)
    assert (plain.low[0], plain.high[0]) == pytest.approx(Proportion(50, 100).interval)
    sure = shares(np.full((10, 1), 10.0), np.full((10, 1), 10.0))
    assert sure.low[0] == pytest.approx(Proportion(10, 10).interval[0])


# ---- bits ---------------------------------------------------------------------------------------


def test_entropy_by_hand() -> None:
    assert entropy_of(np.array([2, 1, 1, 0])) == pytest.approx(1.5 * np.log(2))


def test_bits_are_the_entropy_where_all_is_read_and_its_rest_where_nothing_is() -> None:
    pool = WORDS * 5  # eight words, equally frequent: 3 bits
    clean, dead = (bits(planted(m).checkpoint, pool, draws=30) for m in (None, DEAD))
    assert clean.entropy == pytest.approx(np.log(8))
    assert clean.chance == 1 / 8
    np.testing.assert_allclose(clean.slots.mean, np.log(8), atol=1e-4)
    assert clean.total.mean == pytest.approx(3 * np.log(8), abs=1e-3)
    assert dead.slots.mean[1] == pytest.approx(np.log(8) - np.log(VOCAB_SIZE), abs=1e-5)
    assert dead.total.mean == pytest.approx(dead.slots.mean.sum())


def test_bits_of_a_leaky_slot_lie_in_their_interval() -> None:
    """Slot 3 holds 2 g(a) + g(b): its NLL, by hand, over all pairs of two words."""
    model = planted(TAKEN_OVER)
    found = bits(model.checkpoint, PAIR * 60, draws=120)
    expected = np.log(2) - over_pairs(model, nll_of)
    assert found.slots.low[2] < expected < found.slots.high[2]
    total = 2 * np.log(2) + expected
    assert found.total.low < total < found.total.high


# ---- leaks --------------------------------------------------------------------------------------


def test_hard_leaks_by_construction_and_none_on_the_clean_model() -> None:
    clean, taken = (
        leaks.hard(planted(m).checkpoint, pool=POOL, draws=24) for m in (None, TAKEN_OVER)
    )
    np.testing.assert_allclose(clean.shares, np.eye(3, 4))
    assert not clean.is_significant.any()
    own = taken.shares[2, 2]
    # Slot 1's token, where it is another one; the credit is split where slot 2 holds it too.
    assert taken.shares[2, :2].sum() == pytest.approx(1 - own)
    assert taken.shares[2, 0] > 0.8
    assert taken.low[2, 0] < taken.shares[2, 0] < taken.high[2, 0]
    assert taken.is_significant.tolist() == [[False] * 3, [False] * 3, [True, False, False]]
    np.testing.assert_allclose(taken.shares.sum(axis=1), 1)
    assert taken.tokens.tolist() == [72, 72, 72]
    assert sum(top.count for top in taken.top[2][0]) > 0
    assert taken.top[0][2] == ()


def test_hard_leaks_that_are_chance_are_not_called_leaks() -> None:
    """A dead slot reads one token whatever is there; that neighbours hold it is chance."""
    model = planted(DEAD)
    read = int(next(scores(model.checkpoint, *_one_group(model)))[1].read[3])
    word = model.checkpoint.need_tokenizer().convert_ids_to_tokens([read])[0]
    assert word == "[PAD]"  # id 0: nobody holds it as a token, so all of it is "other"
    found = leaks.hard(model.checkpoint, pool=POOL, draws=12)
    assert found.shares[1].tolist() == [0, 0, 0, 1]
    assert not found.is_significant.any()


def _one_group(model: Planted) -> Any:
    group = base_group(model.checkpoint, ROWS)
    return [group], [own_places(model.checkpoint, group)]


def test_what_strangers_hold_as_well_is_chance() -> None:
    """Slot 3 reads slot 1's word, one of two. Half of the time it is the own one; else slot 1 has
    it, and slot 2 half of the time: shares 3/8 and 1/8. A stranger holds it half of the time, in
    slot 1, 2 or both: 3/16 for each.
    """
    found = leaks.hard(planted(TAKEN_OVER).checkpoint, pool=("good", "bad") * 300, draws=200)
    np.testing.assert_allclose(found.shares[2, :2], [3 / 8, 1 / 8], atol=0.07)
    np.testing.assert_allclose(found.chance[2, :2], 3 / 16, atol=0.07)
    for source, share, excess in ((0, 3 / 8, 3 / 16), (1, 1 / 8, -1 / 16)):
        assert found.low[2, source] < share < found.high[2, source]
        assert found.excess.low[2, source] < excess < found.excess.high[2, source]
    assert np.argwhere(found.is_significant).tolist() == [[2, 0]]


@pytest.mark.parametrize("matrix", [None, QUIET, TAKEN_OVER])
def test_log_odds_are_those_worked_out_by_hand(matrix: Any) -> None:
    model, count = planted(matrix), 6
    found = log_odds(model.checkpoint, ROWS, pool=POOL, draws=count)
    others = draw_rows(model.checkpoint, POOL, count)
    effect, positions = log_odds_by_hand(model, ROWS, others)
    np.testing.assert_array_equal(found.positions, positions)
    np.testing.assert_allclose(found.effect.mean, effect, atol=2e-3)


def test_log_odds_find_a_leak_that_reading_does_not_and_none_on_the_clean_model() -> None:
    hard = leaks.hard(planted(QUIET).checkpoint, pool=POOL, draws=12)
    np.testing.assert_allclose(hard.shares, np.eye(3, 4))  # every token is read rightly
    clean, quiet = (
        log_odds(planted(m).checkpoint, ROWS, pool=POOL, draws=32) for m in (None, QUIET)
    )
    between = ~np.eye(3, dtype=bool)
    assert np.abs(clean.effect.mean[between]).max() < clean.floor
    assert not clean.is_significant.any()
    assert quiet.is_significant.tolist() == [[False, True, False], [False] * 3, [False] * 3]
    assert quiet.effect.low[0, 1] > 1
    assert quiet.effect.low[0, 1] < quiet.effect.mean[0, 1] < quiet.effect.high[0, 1]


def test_positions_and_top_tokens_of_a_pair_add_up_to_the_cell() -> None:
    found = log_odds(planted(QUIET).checkpoint, ROWS, pool=POOL, draws=8)
    places = found.places(0, 1)
    assert [(p.own, p.token) for p in places] == [("a", "the"), ("good", "plot"), ("film", "is")]
    effects = np.array([p.effect for p in places])
    assert effects.mean() == pytest.approx(found.effect.mean[0, 1], abs=1e-5)
    tops = found.top(0, 1)
    assert sum(t.amount for t in tops) == pytest.approx(effects.sum(), abs=1e-5)
    assert tops[0].amount == max(t.amount for t in tops)


def test_false_discoveries_by_hand() -> None:
    p = np.array([[0.001, 0.02, 0.04], [0.9, 0.05, np.nan]])
    # Over five: 0.001 <= 0.01, 0.02 <= 0.02, then 0.04 > 0.03 and 0.05 > 0.04.
    assert discoveries(p, ~np.isnan(p)).tolist() == [[True, True, False], [False] * 3]
    assert not discoveries(p, np.zeros_like(p, dtype=bool)).any()


# ---- answers ------------------------------------------------------------------------------------


def test_agreement_is_complete_on_the_clean_model_and_by_hand_on_a_leaky_one() -> None:
    clean = agreements.agreement(planted().checkpoint, ROWS, baseline=lone())
    assert clean.slots.value[:2].tolist() == [1, 1]  # the third sentence is a tie, told by rounding
    assert clean.distance.mean.max() < 1e-9
    assert clean.margin.mean.max() < 1e-4
    # Slot 1 of "a good film" also hears -3 times slot 2 of "the plot is bad and boring".
    loud = planted(LOUD)
    margin, distance = margins_apart(loud, base_group(loud.checkpoint, ROWS))
    found = agreements.agreement(loud.checkpoint, ROWS, baseline=lone())
    np.testing.assert_allclose(found.margin.mean, margin, atol=1e-4)
    np.testing.assert_allclose(found.distance.mean, distance, atol=1e-6)
    assert found.answers[0] == found.alone[0] == "positive"
    assert found.slots.value[:2].tolist() == [1, 1]


def test_agreement_over_a_pool_and_right_answers() -> None:
    """Slot 2 says the opposite: it is never right, and its margin is off by twice itself."""
    turned = planted(TURNED).checkpoint
    found = agreements.pool_agreement(turned, SIGNS, baseline=lone(), labels=LABELS, draws=20)
    assert found.slots.value.tolist() == [1, 0, 1]
    assert found.right is not None
    assert found.right_alone is not None
    assert found.right.value.tolist() == [1, 0, 1]
    assert found.right_alone.value.tolist() == [1, 1, 1]
    # "[CLS] good [SEP]": a third of the places is praise.
    np.testing.assert_allclose(found.margin.mean, [0, 2 * STRENGTH / 3, 0], atol=1e-4)
    correct = agreements.accuracy(turned, SIGNS, LABELS, draws=20)
    assert correct.slots.value.tolist() == [1, 0, 1]
    assert correct.total.value == pytest.approx(2 / 3)
    dead = agreements.accuracy(planted(DEAD).checkpoint, SIGNS, LABELS, draws=20)
    assert dead.slots.low[1] < 0.5 < dead.slots.high[1]  # always the same answer
    assert dead.by_label.trials.sum() == dead.total.trials == 60


def test_confusion_of_two_models() -> None:
    clean, turned = planted().checkpoint, planted(np.diag([1, -1, 1])).checkpoint
    same = confusion.confusion(clean, clean, SIGNS, labels=LABELS, draws=10)
    assert same.counts.sum() == same.counts.trace() == 30
    assert same.agree.value == same.p == 1
    found = confusion.confusion(clean, turned, SIGNS, labels=LABELS, draws=10)
    assert found.agree.value == pytest.approx(2 / 3)
    assert found.outcomes is not None
    assert found.outcomes.tolist() == [[20, 10], [0, 0]]
    assert found.p == pytest.approx(2 * 0.5**10)
    single = confusion.confusion(clean, lone(), SIGNS, labels=LABELS, draws=10)  # regrouped by one
    assert single.agree.value == 1
    assert single.sentences == 30


def test_token_answers_agree_token_by_token() -> None:
    kind = {"task": "token_classification", "num_labels": 3, "default_padding": "group"}
    tags, plain = shared_checkpoint(**kind), shared_checkpoint(plain=True, **kind)
    found = agreements.agreement(tags, ROWS, baseline=plain)
    both = run_group(tags, ROWS, baseline=plain)
    for slot in both.slots:
        assert slot.alone is not None
        same = sum(a == b for a, b in zip(slot.answer.tags, slot.alone.tags, strict=True))
        assert found.slots.hits[slot.slot] == same
        assert found.slots.trials[slot.slot] == len(slot.answer.tags)
    assert found.unit == "token"
    assert found.answers == ()


# ---- stopping, seeds, and what does not apply ---------------------------------------------------


def stop_after(number: int) -> Any:
    def progress(done: int, total: int) -> None:
        if done >= number:
            raise Stopped("stopped")

    return progress


@pytest.mark.parametrize("ask", ["read", "bits", "hard", "odds", "agree", "right", "confusion"])
def test_work_that_is_stopped_keeps_what_was_done(
    ask: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws, "LARGEST", 6)
    model = planted().checkpoint
    calls: dict[str, Any] = {
        "read": lambda p: pool_read_back(model, SIGNS, draws=20, progress=p),
        "bits": lambda p: bits(model, SIGNS, draws=20, progress=p),
        "hard": lambda p: leaks.hard(model, pool=SIGNS, draws=20, progress=p),
        "odds": lambda p: log_odds(model, ROWS, pool=SIGNS, draws=20, progress=p),
        "agree": lambda p: agreements.pool_agreement(
            model, SIGNS, baseline=lone(), draws=20, progress=p
        ),
        "right": lambda p: agreements.accuracy(model, SIGNS, LABELS, draws=20, progress=p),
        "confusion": lambda p: confusion.confusion(model, lone(), SIGNS, draws=20, progress=p),
    }
    assert not calls[ask](None).is_partial
    late = {"agree": 21, "confusion": 21, "odds": 55}
    assert calls[ask](stop_after(late.get(ask, 12))).is_partial
    if ask not in ("read", "right"):  # which are content with one group
        monkeypatch.setattr(draws, "FIRST", 1)
        with pytest.raises(Stopped):
            calls[ask](stop_after(0))


def test_one_seed_gives_one_result_and_results_survive_json() -> None:
    checkpoint = shared_checkpoint(default_padding="group")
    found = [
        pool_read_back(checkpoint, POOL, draws=5, seating=Seating(seed=3)),
        bits(checkpoint, POOL, draws=5, seating=Seating(seed=3)),
        leaks.hard(checkpoint, pool=POOL, draws=5, seating=Seating(seed=3)),
        log_odds(checkpoint, ROWS, pool=POOL, draws=5, seating=Seating(seed=3)),
    ]
    again = pool_read_back(checkpoint, POOL, draws=5, seating=Seating(seed=3))
    timeless = replace(again, provenance=found[0].provenance)
    assert to_json(timeless) == to_json(found[0])
    for result in found:
        assert to_json(from_json(to_json(result))) == to_json(result)
    other = log_odds(checkpoint, ROWS, pool=POOL, draws=5, seating=Seating(seed=4))
    assert (other.effect.mean != found[3].effect.mean).any()


def test_what_does_not_apply_says_why() -> None:
    blind = shared_checkpoint(has_retrieval_head=False)
    plain = shared_checkpoint(plain=True)
    score = shared_checkpoint(task="regression")
    for ask in (
        lambda c: read_back(c, ROWS[:1]),
        lambda c: pool_read_back(c, POOL),
        lambda c: bits(c, POOL),
        lambda c: leaks.hard(c, pool=POOL),
        lambda c: log_odds(c, ROWS[:1], pool=POOL),
    ):
        with pytest.raises(NotApplicable, match="no retrieval head"):
            ask(blind)
        with pytest.raises(NotApplicable, match="plain N = 1 model"):
            ask(plain)
    with pytest.raises(NotApplicable, match="card names none"):
        agreements.agreement(blind, ROWS, baseline=None)
    with pytest.raises(NotApplicable, match="no company"):
        agreements.agreement(plain, ROWS[:1], baseline=plain)
    with pytest.raises(NotApplicable, match="a number"):
        agreements.agreement(score, ROWS, baseline=shared_checkpoint(plain=True, task="regression"))
    with pytest.raises(NotApplicable, match="do not answer the same question"):
        confusion.confusion(blind, score, POOL)
    with pytest.raises(NotApplicable, match="answers another question"):
        agreements.accuracy(blind, POOL, ["positive"] * len(POOL))
    with pytest.raises(NotApplicable, match="no neighbour"):
        leaks.hard(planted(num_instances=1).checkpoint, pool=POOL)
    with pytest.raises(InputError, match="at least"):
        leaks.hard(planted().checkpoint, pool=POOL, draws=1)
    with pytest.raises(InputError, match="not in the group"):
        log_odds(planted().checkpoint, ROWS, pool=[row.text for row in ROWS])
    with pytest.raises(InputError, match="one for each"):
        agreements.accuracy(planted().checkpoint, POOL, ["positive"])

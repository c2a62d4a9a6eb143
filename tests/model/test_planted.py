"""The planted models do by the real code what their construction says."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from muxviz.analysis.groups.bootstrap import bootstrap_mean
from muxviz.analysis.groups.draws import (
    base_group,
    batches,
    distributions,
    draw_rows,
    jensen_shannon,
    logits_of,
    margins,
    with_row,
)
from muxviz.batch import Group, Row
from muxviz.errors import NotApplicable, Stopped
from muxviz.inference import trace_groups
from tests.planted import STRENGTH, planted
from tests.tiny import shared_checkpoint

ROWS = (Row("a good film"), Row("the plot is bad and boring"), Row("we like the music"))
LEAKY = ((1.0, 0.5, 0.0), (0.0, 1.0, 0.0), (2.0, 0.0, 1.0))


@pytest.mark.parametrize(
    ("leaks", "gates"),
    [(None, None), (LEAKY, None), (((0, 0, 0), (0, 1, 0), (0, 0, -1)), None), (None, (0, 0, 2))],
)
def test_margins_and_read_back_are_those_worked_out_by_hand(
    leaks: Sequence[Sequence[float]] | None, gates: Sequence[int] | None
) -> None:
    model = planted(leaks, gates=gates)
    group = base_group(model.checkpoint, ROWS)
    (logits,) = logits_of(model.checkpoint, [group])
    np.testing.assert_allclose(margins(logits, 1), model.margins(group), atol=1e-4)
    scores = trace_groups(model.checkpoint, [group]).retrieval_scores
    assert scores is not None
    expected = model.retrieval_logits(group)
    alive = [i for i in range(3) if model.leaks[model.gates[i]].any()]
    assert (scores.read[0].numpy()[alive] == expected[alive].argmax(axis=-1)).all()


def test_a_clean_model_reads_every_token_and_one_praise_word_counts_by_its_share() -> None:
    model = planted()
    group = base_group(model.checkpoint, ROWS)
    scores = trace_groups(model.checkpoint, [group]).retrieval_scores
    assert scores is not None
    assert (scores.rank[0].numpy() == 0).all()
    # "[CLS] a good film [SEP]": one praise word among five tokens.
    assert model.margins(group)[0] == pytest.approx(STRENGTH / 5, abs=1e-9)


def test_exchanging_one_row_moves_only_the_slots_it_leaks_into() -> None:
    model = planted(LEAKY)
    group = base_group(model.checkpoint, ROWS)
    other = draw_rows(model.checkpoint, ["great", "awful"], 2)
    changed = with_row(model.checkpoint, group, 1, other[0])
    before, after = (margins(x, 1) for x in logits_of(model.checkpoint, [group, changed]))
    moved = np.abs(after - before) > 1e-4
    assert moved.tolist() == [True, True, False]


def groups_of(count: int) -> list[Group]:
    checkpoint = shared_checkpoint(default_padding="group")
    rows = draw_rows(checkpoint, ["good", "a bad film", "the plot is sad and old"], 3 * count)
    return [base_group(checkpoint, [r.row for r in rows[3 * g : 3 * g + 3]]) for g in range(count)]


def test_a_group_is_answered_alike_alone_and_among_others() -> None:
    checkpoint, groups = shared_checkpoint(default_padding="group"), groups_of(13)
    together = logits_of(checkpoint, groups)
    for group, logits in zip(groups, together, strict=True):
        np.testing.assert_allclose(logits_of(checkpoint, [group])[0], logits, atol=1e-5)


def test_every_group_comes_once_and_progress_may_stop_it() -> None:
    checkpoint, groups = shared_checkpoint(default_padding="group"), groups_of(13)
    told: list[tuple[int, int]] = []
    seen = [n for b in batches(checkpoint, groups, lambda *a: told.append(a)) for n in b.numbers]
    assert sorted(seen) == list(range(13))
    assert told[-1] == (13, 13)

    def stop(done: int, total: int) -> None:
        raise Stopped("stopped")

    with pytest.raises(Stopped):
        logits_of(checkpoint, groups, stop)


def test_jensen_shannon_by_hand() -> None:
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == pytest.approx(np.log(2))
    assert jensen_shannon(np.array([0.3, 0.7]), np.array([0.3, 0.7])) == 0
    # p = (1, 0), q = (1/2, 1/2), m = (3/4, 1/4)
    want = (np.log(4 / 3) + np.log(2 / 3) / 2 + np.log(2) / 2) / 2
    assert jensen_shannon(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(want)


def test_margins_by_hand() -> None:
    logits = np.array([[2.0, 5.0, 4.0], [1.0, 0.0, -1.0]])
    assert margins(logits, 1).tolist() == [1.0, -1.0]
    assert margins(logits, np.array([2, 0])).tolist() == [-1.0, 1.0]


def test_bootstrap_covers_the_mean_and_says_how_many_draws() -> None:
    values = np.random.default_rng(0).normal(3.0, 1.0, size=(200, 2))
    found = bootstrap_mean(values)
    assert found.draws == 200
    assert (found.low < found.mean).all()
    assert (found.mean < found.high).all()
    # The interval of a mean of 200 unit normals is about 4 / sqrt(200) wide.
    np.testing.assert_allclose(found.high - found.low, 3.92 / 200**0.5, rtol=0.15)
    assert found.excludes(0.0).all()
    assert np.isnan(bootstrap_mean(values[:1]).low).all()


def test_distributions_of_tokens_count_real_ones_and_a_regression_has_none() -> None:
    tags = shared_checkpoint(task="token_classification", num_labels=3, default_padding="group")
    group = base_group(tags, ROWS)
    found = distributions(tags, [group], logits_of(tags, [group]))
    np.testing.assert_allclose(found.p.sum(axis=-1), 1)
    assert found.counted[0].sum(axis=1).tolist() == [3, 6, 4]
    scores = shared_checkpoint(task="regression", default_padding="group")
    with pytest.raises(NotApplicable, match="a number, not with classes"):
        distributions(scores, [group], logits_of(scores, [group]))

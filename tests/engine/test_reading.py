"""Read-back and leaks, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from muxviz.reading import leak_matrix
from muxviz.results import Leak, Proportion, TokenReading

NAMES = [f"t{i}" for i in range(100)]


def leak(ids: list[list[int]], read: list[list[int]], lengths: list[int]) -> Leak:
    """Position 0 and the last real position are special, as [CLS] and [SEP] are."""
    table = np.asarray(ids)
    mask = np.asarray([[int(t < n) for t in range(table.shape[1])] for n in lengths])
    counted = mask.astype(bool)
    counted[:, 0] = False
    for slot, length in enumerate(lengths):
        counted[slot, length - 1] = False
    return leak_matrix(table, mask, counted, np.asarray(read), NAMES)


def test_own_neighbour_and_other_tokens_are_told_apart() -> None:
    ids = [[1, 10, 11, 12, 2], [1, 20, 21, 22, 2]]
    read = [[1, 10, 21, 99, 2], [1, 20, 21, 12, 2]]
    result = leak(ids, read, [5, 5])
    third = 1 / 3
    np.testing.assert_allclose(result.shares, [[third, third, third], [third, 2 * third, 0]])
    assert result.positions.tolist() == [3, 3]
    assert result.worst == (0, 1, pytest.approx(third))
    example = result.examples[0]
    assert (example.slot, example.source, example.position) == (0, 1, 2)
    assert (example.token, example.read) == ("t11", "t21")


def test_credit_is_split_between_slots_that_hold_the_token() -> None:
    ids = [[1, 10, 2], [1, 30, 2], [1, 30, 2]]
    result = leak(ids, [[1, 30, 2], [1, 30, 2], [1, 30, 2]], [3, 3, 3])
    np.testing.assert_allclose(result.shares[0], [0, 0.5, 0.5, 0])
    # A token that the slot itself holds is never a leak, though another slot holds it too.
    np.testing.assert_allclose(result.shares[1], [0, 1, 0, 0])
    np.testing.assert_allclose(result.shares.sum(axis=1), 1)


def test_padding_is_nobodys_token() -> None:
    ids = [[1, 10, 11, 2], [1, 20, 2, 0]]
    result = leak(ids, [[1, 10, 0, 2], [1, 20, 2, 0]], [4, 3])
    np.testing.assert_allclose(result.shares[0], [0.5, 0, 0.5])


def test_positions_past_the_shortest_text_are_counted_apart() -> None:
    ids = [[1, 10, 11, 12, 2], [1, 20, 2, 0, 0]]
    result = leak(ids, [[1, 10, 2, 99, 2], [1, 20, 2, 0, 0]], [5, 3])
    np.testing.assert_allclose(result.shares_common[0], [0.5, 0.5, 0])
    np.testing.assert_allclose(result.shares_beyond[0], [0, 0, 1])
    assert result.positions_common.tolist() == [2, 1]
    assert result.positions_beyond.tolist() == [1, 0]
    assert np.isnan(result.shares_beyond[1]).all()


def test_a_clean_reading_leaks_nothing() -> None:
    ids = [[1, 10, 11, 2], [1, 20, 21, 2]]
    result = leak(ids, ids, [4, 4])
    np.testing.assert_array_equal(result.shares, [[1, 0, 0], [0, 1, 0]])
    assert result.worst is None
    assert result.examples == ()


def test_wilson_interval_against_published_values() -> None:
    """Newcombe 1998, table I: 81/263 and 15/148 with the score method."""
    assert Proportion(81, 263).interval == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert Proportion(15, 148).interval == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert Proportion(0, 20).interval == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert np.isnan(Proportion(0, 0).value)


def test_reading_counts_only_what_counts() -> None:
    reading = TokenReading(
        tokens=("[CLS]", "good", "film", "[SEP]"),
        read=("[CLS]", "good", "movie", "x"),
        true_log_prob=np.array([-0.1, -0.2, -3.0, -9.0]),
        read_log_prob=np.array([-0.1, -0.2, -0.1, -0.1]),
        rank=np.array([0, 0, 4, 9]),
        is_counted=np.array([False, True, True, False]),
    )
    assert (reading.accuracy.successes, reading.accuracy.trials) == (1, 2)
    assert reading.nll == pytest.approx(1.6)
    assert reading.is_correct.tolist() == [True, True, False, False]

"""The labelled sample: enough rows, balanced, hard cases marked, nothing of the pool."""

from __future__ import annotations

from collections import Counter

from muxviz.analysis.dataset.sample import SAMPLE, table_path
from muxviz.pool import read_pool
from muxviz.training.strangers import GoodRow, guess, look, read_rows

LABELS = ("negative", "positive")


def test_the_sample_is_read_without_being_asked() -> None:
    path = table_path(SAMPLE)
    rows = list(read_rows(path, guess(look(path), LABELS), LABELS))
    good = [row for row in rows if isinstance(row, GoodRow)]
    assert len(good) == len(rows) >= 300
    assert len({row.row.text.lower() for row in good}) == len(good)
    labels = Counter(row.gold for row in good)
    assert labels[0] == labels[1]
    assert not {row.row.text for row in good} & {s.text for s in read_pool()}


def test_every_hard_case_is_there_with_both_labels() -> None:
    table = look(table_path(SAMPLE))
    counted = Counter((row["case"], row["label"]) for row in table.head)
    cases = {case for case, _ in counted}
    assert cases == {
        *("plain", "negation", "contrast", "irony", "comparison"),
        *("rare words", "very short", "very long", "wrong label"),
    }
    for case in cases:
        assert counted[case, "positive"] == counted[case, "negative"] >= 5

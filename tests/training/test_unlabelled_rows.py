"""Rows that only a teacher labels: what they hold, and what never enters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from muxviz.errors import ConfigError
from muxviz.training.prepare import prepare_run
from muxviz.training.rows import UNLABELLED, JoinedRows, TokenRows
from muxviz.training.unlabelled import compound_rows, rows_not_in
from tests.training.tiny_runs import tiny_recipe, tiny_stage, write_data

CLS, SEP = 2, 3


def rows_of(*texts: list[int]) -> TokenRows:
    full = [[CLS, *text, SEP] for text in texts]
    starts = np.cumsum([0, *(len(row) for row in full)])
    return TokenRows(np.concatenate(full).astype(np.uint16), starts, np.ones(len(full), dtype=int))


def row(rows: TokenRows, number: int) -> list[int]:
    return [int(i) for i in rows.ids[rows.starts[number] : rows.starts[number + 1]]]


def test_a_compound_is_two_different_rows_end_to_end() -> None:
    rows = rows_of([10], [20, 21], [30, 31, 32])
    made = compound_rows(rows, 200, max_length=16, seed=0)
    inner = [row(rows, r)[1:-1] for r in range(3)]
    possible = {(CLS, *a, *b, SEP) for a in inner for b in inner if a != b}
    assert {tuple(row(made, r)) for r in range(200)} == possible
    assert set(made.labels) == {UNLABELLED}
    assert made.ids.dtype == rows.ids.dtype


def test_compounds_keep_their_end_when_cut_and_depend_on_the_seed() -> None:
    rows = rows_of([10, 11, 12], [20, 21, 22])
    cut = compound_rows(rows, 20, max_length=6, seed=1)
    assert {tuple(row(cut, r)) for r in range(20)} == {
        (CLS, 10, 11, 12, 20, SEP),
        (CLS, 20, 21, 22, 10, SEP),
    }
    again, other = (compound_rows(rows, 20, max_length=6, seed=s) for s in (1, 2))
    assert np.array_equal(cut.ids, again.ids)
    assert not np.array_equal(cut.ids, other.ids)


def test_compounds_refuse_what_they_cannot_join() -> None:
    with pytest.raises(ConfigError, match="at least two task rows"):
        compound_rows(rows_of([10]), 5, max_length=8, seed=0)
    pairs = rows_of([10], [20])
    pairs = TokenRows(pairs.ids, pairs.starts, pairs.labels, pair_starts=np.array([2, 2]))
    with pytest.raises(ConfigError, match="one text each"):
        compound_rows(pairs, 5, max_length=8, seed=0)


def test_rows_of_the_dev_set_never_enter() -> None:
    rows, dev = rows_of([10], [20, 21], [30]), rows_of([20, 21], [31])
    kept = rows_not_in(rows, dev)
    assert [row(kept, r) for r in range(len(kept))] == [[CLS, 10, SEP], [CLS, 30, SEP]]
    assert set(kept.labels) == {UNLABELLED}, "its own labels are not used"
    assert len(rows_not_in(dev, dev)) == 0


def prepared(folder: Path, **changes: Any) -> Any:
    share = 0.5 if changes else 0.0
    recipe = tiny_recipe(tiny_stage("priming", general_share=share), **changes)
    device = torch.device("cpu")
    data = write_data(folder / "data")
    (data / "more.tsv").write_text("sentence\tlabel\nwe like the river\t1\na long house\t0\n")
    (folder / "run").mkdir()
    return prepare_run(recipe, data, folder / "run", start=None, teacher=None, device=device)


def test_a_run_draws_them_beside_its_task(tmp_path: Path) -> None:
    run = prepared(tmp_path, unlabelled=("more.tsv",), compounds=12)
    plain = prepared(tmp_path / "plain")
    assert isinstance(run.rows, JoinedRows)
    assert run.task_rows == plain.task_rows
    extra = run.rows.labels[run.task_rows :]
    assert len(extra) == 2 + 12
    assert set(extra) == {UNLABELLED}
    drawn = np.concatenate([run.sampler(0).step(s).ravel() for s in range(20)])
    assert (drawn >= run.task_rows).any()
    assert (drawn < run.task_rows).any()


def test_a_negative_number_of_compounds_is_refused() -> None:
    with pytest.raises(ConfigError, match="compounds is -1; expected a whole number from 0"):
        tiny_recipe(tiny_stage("priming"), compounds=-1)

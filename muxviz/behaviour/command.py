"""``muxviz test`` and ``muxviz regress``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from muxviz.analysis.regression.redo import regression
from muxviz.behaviour.failures import read_failures
from muxviz.behaviour.junit import junit
from muxviz.behaviour.measure import measure_behaviour
from muxviz.behaviour.texts import read_texts
from muxviz.behaviour.thresholds import Thresholds, read_thresholds
from muxviz.behaviour.wording import regression_report, report
from muxviz.errors import FileError
from muxviz.evaluation.sources import data_name, find_data
from muxviz.files import json_text, results_file
from muxviz.loading.load import load
from muxviz.results.behaviour import Behaviour
from muxviz.results.regression import Regression
from muxviz.training.files import need_data

if TYPE_CHECKING:
    import argparse


def test(options: argparse.Namespace) -> int:
    """Exit code: 0, or 1 when a test failed or is undecided."""
    source = need_data(options.data)
    thresholds = read_thresholds(options.thresholds)
    if options.junit and options.json and options.junit.resolve() == options.json.resolve():
        raise FileError(options.json, "is named twice", expected="two files for two results")
    sources = [source, options.thresholds]
    with (
        results_file(options.junit, sources=sources) as write_junit,
        results_file(options.json, sources=sources) as write_json,
    ):
        result = _tested(options, source, thresholds)
        write_junit(junit(result))
        write_json(json_text(behaviour_dict(result), indent=1) + "\n")
    print(report(result))
    return 0 if result.is_passed else 1


def _tested(options: argparse.Namespace, source: Path, thresholds: Thresholds) -> Behaviour:
    checkpoint = load(
        options.checkpoint, device=options.device, dtype=options.dtype, revision=options.revision
    )
    path = Path(find_data(source, checkpoint))
    with _progress() as progress:
        return measure_behaviour(
            checkpoint,
            read_texts(path, checkpoint),
            data=data_name(path),
            thresholds=thresholds,
            rows=options.rows,
            seed=options.seed,
            padding=options.padding,
            batch=options.batch,
            progress=progress,
        )


def behaviour_dict(result: Behaviour) -> dict[str, Any]:
    """Plain values: all of the result, and what follows from it."""
    tests = [
        asdict(one) | {"share": one.share, "verdict": one.verdict, "rows_to_tell": one.rows_to_tell}
        for one in result.tests
    ]
    return asdict(result) | {"tests": tests, "is_passed": result.is_passed}


def regress(options: argparse.Namespace) -> int:
    """Kept rows with two checkpoints: fixed, broken, the same."""
    kept = read_failures(options.failures)
    with results_file(options.json, sources=[options.failures]) as write:
        first, second = (
            load(name, device=options.device, dtype=options.dtype)
            for name in (options.first, options.second)
        )
        with _progress() as progress:
            result = regression(first, second, kept, batch=options.batch, progress=progress)
        write(json_text(regression_dict(result), indent=1) + "\n")
    print(regression_report(result))
    return 0


def regression_dict(result: Regression) -> dict[str, Any]:
    """Plain values: all of the result, and the outcome of each row."""
    rows = [asdict(row) | {"outcome": row.outcome} for row in result.rows]
    return asdict(result) | {"rows": rows}


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """What to call with passes done and passes in all."""
    with tqdm(unit="pass", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress

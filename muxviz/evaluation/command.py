"""``muxviz evaluate`` and ``muxviz card``."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from muxviz.engine.workers import EngineSpec
from muxviz.evaluation.apart import Task, run_apart
from muxviz.evaluation.cards import (
    check_measurable,
    compare_with_card,
    evaluation_dict,
    markdown_table,
    read_notes,
    write_card,
)
from muxviz.evaluation.measure import evaluate as measure
from muxviz.evaluation.sources import data_name, find_data, read_data
from muxviz.evaluation.wording import report
from muxviz.files import json_text, results_file
from muxviz.loading.load import load
from muxviz.training.files import is_hub, need_data

if TYPE_CHECKING:
    import argparse


def evaluate(options: argparse.Namespace) -> int:
    """Scores and read-back over random groupings."""
    source = str(options.data) if is_hub(options.data or "") else need_data(options.data)
    with results_file(options.json, sources=[source]) as write:
        write(json_text(_evaluated(options, source), indent=1) + "\n")
    return 0


def _evaluated(options: argparse.Namespace, source: Any) -> dict[str, Any]:
    """Print an evaluation; the same as plain values."""
    checkpoint = load(
        options.checkpoint, device=options.device, dtype=options.dtype, revision=options.revision
    )
    data = read_data(source, checkpoint)
    with tqdm(unit="group", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = measure(
            checkpoint,
            data,
            name=data_name(find_data(source, checkpoint)),
            groupings=options.groupings,
            seed=options.seed,
            copies=options.copies,
            metric=options.metric,
            padding=options.padding,
            batch=options.batch,
            elsewhere=_elsewhere(options, source) if options.workers else None,
            progress=progress,
        )
    print(report(result))
    for line in compare_with_card(result, checkpoint.card):
        print(f"  card       {line}")
    return evaluation_dict(result)


def _elsewhere(options: argparse.Namespace, source: Any) -> Any:
    """Where groupings run when there are workers."""
    if isinstance(source, Path):
        source = source.absolute()
    spec = EngineSpec(options.checkpoint, options.device, options.dtype, options.revision)
    task = Task(spec, source, options.copies, options.padding, options.batch)
    return partial(run_apart, task, options.workers)


def card(options: argparse.Namespace) -> int:
    """Measure checkpoints and write their cards; print the table of all."""
    notes = read_notes(options.notes)
    data = need_data(options.data) if options.checkpoints else Path()
    for name in options.checkpoints:  # before the first is measured
        check_measurable(load(name, device="cpu"), data)
    for name in options.checkpoints:
        write_card(load(name, device="cpu"), data, groupings=options.groupings, notes=notes)
        print(f"{name}: card written", file=sys.stderr)
    print(markdown_table())
    return 0

"""``muxviz evaluate`` and ``muxviz card``."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from muxviz.engine.chain import Chain
from muxviz.engine.command import run_with, settled_run
from muxviz.engine.precision import settled
from muxviz.engine.spec import EngineSpec, spec_of
from muxviz.evaluation.apart import Task, run_apart
from muxviz.evaluation.calibration import (
    calibration_table,
    drawn,
    need_other_rows,
    with_thresholds,
)
from muxviz.evaluation.cards import (
    bundled_cards,
    check_measurable,
    compare_with_card,
    evaluation_dict,
    markdown_table,
    read_notes,
    write_calibration,
    write_card,
)
from muxviz.evaluation.measure import evaluate as measure
from muxviz.evaluation.sources import data_name, find_data, read_data
from muxviz.evaluation.wording import report
from muxviz.files import json_text, results_file
from muxviz.loading.load import load
from muxviz.terminal import tell
from muxviz.training.files import is_hub, need_data

if TYPE_CHECKING:
    import argparse


def run(options: argparse.Namespace) -> int:
    """``muxviz run`` with thresholds from a labelled file."""
    need_other_rows(options.thresholds_from, options.texts)
    return run_with(options, _with_thresholds(options, settled_run(options, spec_of(options))))


def _with_thresholds(options: argparse.Namespace, spec: EngineSpec) -> EngineSpec:
    """What is asked for, with certainties for shares where a labelled file is to give them."""
    if not options.thresholds_from:
        return spec
    chain = spec.open()
    assert isinstance(chain, Chain), "a share was asked for"
    part = drawn(chain.checkpoint, read_data(options.thresholds_from, chain.checkpoint))
    with tqdm(total=len(chain.engines), desc="thresholds", unit="model", file=sys.stderr) as bar:
        fixed = with_thresholds(
            chain, part, batch=options.batch, progress=lambda done, total: bar.update()
        )
    tell(f"thresholds from {data_name(options.thresholds_from)}: {fixed.name}")
    first, *temperatures = [checkpoint.temperature for checkpoint in fixed.checkpoints]
    again = zip(fixed.steps, spec.again, temperatures, strict=True)
    return replace(
        spec,
        temperature=first,
        again=tuple((step, replace(later, temperature=t)) for step, (_, later), t in again),
    )


def evaluate(options: argparse.Namespace) -> int:
    """Scores and read-back over random groupings."""
    source = str(options.data) if is_hub(options.data or "") else need_data(options.data)
    with results_file(options.json, sources=[source]) as write:
        write(json_text(_evaluated(options, source), indent=1) + "\n")
    return 0


def _evaluated(options: argparse.Namespace, source: Any) -> dict[str, Any]:
    """Print an evaluation; the same as plain values."""
    if options.thresholds_from:
        need_other_rows(options.thresholds_from, source)
    spec = spec_of(options)
    checkpoint = load(spec.checkpoint, device="cpu", revision=spec.revision)
    scored = find_data(source, checkpoint)
    if options.thresholds_from:
        need_other_rows(options.thresholds_from, scored)
    data = read_data(scored, checkpoint)
    copies = checkpoint.config.num_instances if options.copies is None else options.copies
    spec, told = settled(spec, len(data.texts) * options.groupings * copies)
    for line in told:
        tell(line)
    spec = _with_thresholds(options, spec)
    engine = spec.open()
    with tqdm(unit="group", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        result = measure(
            engine.checkpoint,
            data,
            name=data_name(scored),
            groupings=options.groupings,
            seed=options.seed,
            copies=options.copies,
            metric=options.metric,
            padding=options.padding,
            batch=options.batch,
            engine=engine,
            elsewhere=_elsewhere(options, spec, source) if options.workers else None,
            progress=progress,
        )
    result = replace(result, notes=(*result.notes, *(f"{line}." for line in told)))
    print(report(result))
    if not spec.again:
        for line in compare_with_card(result, checkpoint.card):
            print(f"  card       {line}")
    return evaluation_dict(result)


def _elsewhere(options: argparse.Namespace, spec: EngineSpec, source: Any) -> Any:
    """Where groupings run when there are workers."""
    if isinstance(source, Path):
        source = source.absolute()
    task = Task(spec, source, options.copies, options.padding, options.batch)
    return partial(run_apart, task, options.workers)


def card(options: argparse.Namespace) -> int:
    """Measure checkpoints and write their cards; print the tables of all."""
    notes = read_notes(options.notes)
    data = need_data(options.data) if options.checkpoints else Path()
    for name in options.checkpoints:  # before the first is measured
        check_measurable(load(name, device="cpu"), data)
    for name in options.checkpoints:
        checkpoint = load(name, device="cpu")
        if options.calibrate:
            write_calibration(checkpoint, data)
        else:
            write_card(checkpoint, data, groupings=options.groupings, notes=notes)
        print(f"{name}: card written", file=sys.stderr)
    tables = ["" if options.calibrate else markdown_table(), calibration_table(bundled_cards())]
    print("\n\n".join(filter(None, tables)))
    return 0

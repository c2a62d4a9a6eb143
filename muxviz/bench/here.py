"""Measure checkpoints beside each other, with rows of the pool or a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from muxviz.bench.speed import measure_engines
from muxviz.bench.tradeoff import Entry, Progress, bits_per_vector, measure_entries
from muxviz.engine.engine import Engine
from muxviz.engine.stream import How
from muxviz.evaluation.pool_data import rows_to_measure
from muxviz.loading.checkpoint import Checkpoint
from muxviz.results.throughput import SpeedRun, TradeoffRun

BITS_DRAWS = 8


def tradeoff_of(
    checkpoints: Sequence[Checkpoint],
    *,
    rows: int = 0,
    groupings: int = 5,
    rounds: int = 3,
    batch: int = 16,
    grouping: str = "order",
    copies: Sequence[int] = (1,),
    folder: str = "",
    bits: bool = False,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> TradeoffRun:
    """Accuracy and speed of all of them on the same rows, taking turns.

    Args:
        checkpoints: of one task with the same labels, on one device.
        rows: at most so many, drawn at random; 0 for all.
        copies: of every row in a pass (ensembling); N = 1 models are measured with one.
        folder: of data sets, or a file; "" for the labelled sentences of the pool.
        bits: also what one mixed vector carries, where there is a retrieval head.

    Raises:
        NotApplicable, DataError, InputError: as ``rows_to_measure`` and ``measure_entries``.
    """
    data, name = rows_to_measure(checkpoints, folder=folder, limit=rows, seed=seed)
    how = How(batch=batch, grouping=grouping)
    engines = [Engine(checkpoint) for checkpoint in checkpoints]
    run = measure_entries(
        [
            Entry(engine, how, number)
            for number in copies
            for engine in engines
            if number == 1 or engine.checkpoint.config.num_instances > 1
        ],
        data,
        name=name,
        groupings=groupings,
        rounds=rounds,
        seed=seed,
        progress=progress,
    )
    if not bits:
        return run
    found = {c.name: bits_per_vector(c, draws=BITS_DRAWS, seed=seed) for c in checkpoints}
    return replace(
        run, points=tuple(replace(q, bits_per_vector=found[q.checkpoint]) for q in run.points)
    )


def speed_of(
    checkpoints: Sequence[Checkpoint],
    *,
    batches: Sequence[int],
    length: int,
    rounds: int,
    seed: int = 0,
    progress: Progress = lambda done, total: None,
) -> SpeedRun:
    """Passes over random rows of ``length`` tokens, at several batch sizes, taking turns."""
    return measure_engines(
        [Engine(checkpoint) for checkpoint in checkpoints],
        batches=batches,
        length=length,
        rounds=rounds,
        seed=seed,
        progress=progress,
    )

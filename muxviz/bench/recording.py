"""The measurements that the Trade-off page shows without measuring: of the bundled family."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from muxviz.bench.speed import measure_engines
from muxviz.bench.tradeoff import Entry, bits_per_vector, measure_entries
from muxviz.engine.engine import Engine
from muxviz.engine.stream import How
from muxviz.evaluation.sources import data_name, find_data, read_data
from muxviz.loading.load import load
from muxviz.results.throughput import SpeedRun, TradeoffRun

# The pruned ones are the rivals: one text a pass, in a smaller model.
RIVALS = ("sst2-n1-s60", "sst2-n1-s95")
MIXED = ("sst2-n2", "sst2-n5", "sst2-n5-shared-50", "sst2-n10")
FAMILY = ("sst2-n1", *RIVALS, *MIXED)
BATCHES = (1, 2, 4, 8, 16, 32)
LENGTH = 32  # tokens of the random rows of the latency curves
BITS_DRAWS = 64


def entries_of(names: Sequence[str]) -> list[Entry]:
    """Every checkpoint in order and by length, in float32 and int8, and with N copies."""
    found = []
    for name in names:
        checkpoint = load(name, device="cpu")
        num = checkpoint.config.num_instances
        for int8 in (False, True):
            engine = Engine(checkpoint, int8=int8)
            found += [
                Entry(engine, How(grouping=g)) for g in (("order", "length")[: 1 + (num > 1)])
            ]
            if num > 1 and not int8:
                found.append(Entry(engine, copies=num))
    return found


def record_tradeoff(
    data: Path, *, names: Sequence[str] = FAMILY, rounds: int = 3, groupings: int = 5
) -> TradeoffRun:
    """Accuracy against speed on the family's dev set, with bits per mixture position."""
    entries = entries_of(names)
    source = find_data(data, entries[0].engine.checkpoint)
    rows = read_data(source, entries[0].engine.checkpoint)
    with tqdm(unit="turn", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        run = measure_entries(
            entries,
            rows,
            name=data_name(source),
            groupings=groupings,
            rounds=rounds,
            command=("muxviz", "record", "--speed"),
            progress=progress,
        )
    by_name = {e.engine.checkpoint.name: e.engine.checkpoint for e in entries}
    through = {name: bits_per_vector(one, draws=BITS_DRAWS) for name, one in by_name.items()}
    points = tuple(replace(p, bits_per_vector=through[p.checkpoint]) for p in run.points)
    return replace(run, points=points)


def record_speed(*, names: Sequence[str] = FAMILY, rounds: int = 15) -> SpeedRun:
    """Latency and memory of the family at several batch sizes."""
    engines = [Engine(load(name, device="cpu")) for name in names]
    return measure_engines(
        engines,
        batches=BATCHES,
        length=LENGTH,
        rounds=rounds,
        memory_at=(BATCHES[0], BATCHES[-1]),
        command=("muxviz", "record", "--speed"),
    )

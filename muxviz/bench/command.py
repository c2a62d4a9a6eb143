"""``muxviz bench throughput``, ``tradeoff``, ``profile`` and ``exactness``."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from muxviz.bench import report
from muxviz.bench.exactness import measure_exactness
from muxviz.bench.profile import profile_pass
from muxviz.bench.shapes import SHAPES, random_checkpoint
from muxviz.bench.speed import Setting, measure_shapes
from muxviz.bench.texts import measure_texts
from muxviz.bench.tradeoff import measure_tradeoff
from muxviz.engine.engine import Engine
from muxviz.engine.stream import How
from muxviz.errors import DataError, InputError
from muxviz.evaluation.sources import data_name, find_data, read_data
from muxviz.loading.load import load
from muxviz.pool import texts as pool_texts
from muxviz.results.store import to_json
from muxviz.results.throughput import SpeedRun, benchmark_dict

if TYPE_CHECKING:
    import argparse

FAMILY = ("sst2-n1", "sst2-n2", "sst2-n5", "sst2-n10")


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar as a function of what is done and what there is."""
    with tqdm(unit="turn", file=sys.stderr) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def _threads(options: argparse.Namespace) -> None:
    if options.threads:
        torch.set_num_threads(options.threads)


def throughput(options: argparse.Namespace) -> int:
    """Shapes or checkpoints at fixed length, or checkpoints over the texts of a file."""
    if options.lengths_from is not None:
        run = _over_texts(options)
    elif options.checkpoints:
        raise InputError(
            "checkpoints of several N are compared over real texts: name some with --lengths-from "
            "FILE; for fixed lengths and random weights use --shape "
            f"({', '.join(SHAPES)})"
        )
    else:
        setting = Setting(
            names=tuple(options.shape),
            nums=tuple(sorted({1, *options.n})),
            batches=tuple(options.batch),
            length=options.length,
            dtypes=tuple(options.dtype),
            contenders=tuple(options.contenders),
            batch_modes=tuple(options.modes),
            device=options.device,
            threads=options.threads or 0,
            rounds=options.rounds,
            compiled=options.compile,
            memory=not options.no_memory,
        )
        with _bar() as progress:
            run = measure_shapes(setting, command=_words(options), progress=progress)
    print(report.speed_table(run))
    _write(options.json, benchmark_dict(run))
    return 0


def _over_texts(options: argparse.Namespace) -> SpeedRun:
    if not options.lengths_from.is_file():
        raise DataError(f"no file {options.lengths_from}; give one text per line")
    lines = options.lengths_from.read_text(encoding="utf-8", errors="replace").splitlines()
    texts = [line for line in lines if line.strip()][: options.rows]
    if not texts:
        raise DataError(f"{options.lengths_from} holds no text; give one text per line")
    _threads(options)
    how = How(options.batch[0], grouping=options.grouping)
    with _bar() as progress:
        return measure_texts(
            _engines(options),
            texts,
            how=how,
            rounds=options.rounds,
            with_transformers="transformers" in options.contenders,
            command=_words(options),
            progress=progress,
        )


def _engines(options: argparse.Namespace) -> list[Engine]:
    """Every checkpoint in every precision asked for."""
    found = []
    for name in options.checkpoints or FAMILY:
        for dtype in options.dtype:
            kind = "auto" if dtype == "int8" else dtype
            checkpoint = load(name, device=options.device, dtype=kind)
            found.append(Engine(checkpoint, int8=dtype == "int8", compiled=options.compile))
    return found


def tradeoff(options: argparse.Namespace) -> int:
    """Accuracy and speed of the same groups."""
    _threads(options)
    engines = _engines(options)
    source = find_data(options.data, engines[0].checkpoint)
    data = read_data(source, engines[0].checkpoint)
    with _bar() as progress:
        run = measure_tradeoff(
            engines,
            data,
            name=data_name(source),
            groupings=options.groupings,
            rounds=options.rounds,
            how=How(options.batch[0], options.padding, grouping=options.grouping),
            copies=options.copies,
            command=_words(options),
            progress=progress,
        )
    print(report.tradeoff_table(run))
    if options.json:
        options.json.write_text(to_json(run) + "\n")
    return 0


def profile(options: argparse.Namespace) -> int:
    """Where the time of one pass goes."""
    _threads(options)
    checkpoint = (
        load(options.checkpoints[0], device=options.device)
        if options.checkpoints
        else random_checkpoint(options.shape, options.n[0])
    )
    num = checkpoint.config.num_instances
    print(f"{checkpoint.name}, N = {num}, {options.batch[0]} sequences of {options.length} tokens")
    found = profile_pass(
        checkpoint, batch=options.batch[0], length=options.length, passes=options.rounds
    )
    print(report.profile_table(found))
    return 0


def exactness(options: argparse.Namespace) -> int:
    """How far every precision is from the traced model."""
    _threads(options)
    rows = []
    for name in options.checkpoints or FAMILY:
        rows += measure_exactness(name, pool_texts(), precisions=options.dtype)
    print(report.exactness_table(rows))
    return 0


def _words(options: argparse.Namespace) -> list[str]:
    """The command without folders."""
    return ["muxviz", *(Path(word).name if "/" in word else word for word in options.words)]


def _write(path: Path | None, value: Any) -> None:
    if path is not None:
        path.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n")

"""``muxviz bench throughput``, ``tradeoff``, ``escalation``, ``profile``, ``exactness``,
``debugger``, ``crowd`` and ``clicks``; ``muxviz record``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from tqdm import tqdm

from muxviz import recorded
from muxviz.batch import Seating
from muxviz.bench import debugger as bench_debugger
from muxviz.bench import recording, report
from muxviz.bench.bands import record_bands
from muxviz.bench.contenders import COMPUTES, PRECISIONS, Setting, need_known, need_onnx
from muxviz.bench.crowd import clicks as bench_clicks
from muxviz.bench.crowd import measure as bench_crowd
from muxviz.bench.escalation import (
    default_contenders,
    escalation_table,
    measure_escalation,
    read_plan,
)
from muxviz.bench.exactness import PRECISIONS as EXACTNESS
from muxviz.bench.exactness import measure_exactness
from muxviz.bench.lessons import record_lessons
from muxviz.bench.privacy import record_privacy
from muxviz.bench.profile import profile_pass
from muxviz.bench.shapes import SHAPES, check_length, random_checkpoint, shape_config
from muxviz.bench.shown import record_shown
from muxviz.bench.speed import measure_shapes
from muxviz.bench.texts import measure_texts, read_texts
from muxviz.bench.tradeoff import measure_tradeoff
from muxviz.engine.engine import Engine
from muxviz.engine.stream import How
from muxviz.errors import InputError
from muxviz.evaluation.calibration import drawn, least_tokens, need_other_rows
from muxviz.evaluation.sources import data_name, find_data, read_data
from muxviz.files import json_text, results_file
from muxviz.loading.load import load, resolve_device
from muxviz.pool import texts as pool_texts
from muxviz.results.debugging import DebuggerBench, PlantedCase, RealFailure
from muxviz.results.store import to_json
from muxviz.results.throughput import SpeedRun, benchmark_dict
from muxviz.terminal import tell
from muxviz.training.files import Source, locate, need_data

if TYPE_CHECKING:
    import argparse

    from muxviz.loading.checkpoint import Checkpoint

FAMILY = ("sst2-n1", "sst2-n2", "sst2-n5", "sst2-n10")


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A progress bar as a function of what is done and what there is."""
    with tqdm(unit="turn", file=sys.stderr, delay=0.01) as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield progress


def _threads(options: argparse.Namespace) -> None:
    if options.threads:
        torch.set_num_threads(options.threads)


def throughput(options: argparse.Namespace) -> int:
    """Shapes or checkpoints at fixed length, or checkpoints over the texts of a file."""
    over_texts = options.lengths_from is not None
    if options.checkpoints and not over_texts:
        raise InputError(
            "checkpoints of several N are compared over real texts: name some with --lengths-from "
            "FILE; for fixed lengths and random weights use --shape "
            f"({', '.join(SHAPES)})"
        )
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
    with results_file(options.json, sources=[options.lengths_from]) as write:
        if over_texts:
            run = _over_texts(options)
        else:
            with _bar() as progress:
                run = measure_shapes(setting, command=_words(options), progress=progress)
        print(report.speed_table(run))
        write(json_text(benchmark_dict(run), indent=1) + "\n")
    return 0


def _over_texts(options: argparse.Namespace) -> SpeedRun:
    need_known("contenders", options.contenders, tuple(COMPUTES))
    if len(options.batch) > 1:
        raise InputError(
            "texts are streamed in one --batch; got batches of "
            f"{', '.join(map(str, options.batch))}"
        )
    if "onnxruntime" in options.contenders:
        need_onnx(resolve_device(options.device))
    texts = read_texts(options.lengths_from, options.rows)
    _threads(options)
    how = How(options.batch[0], grouping=options.grouping)
    with _bar() as progress:
        return measure_texts(
            _engines(options, with_onnx="onnxruntime" in options.contenders),
            texts,
            how=how,
            rounds=options.rounds,
            with_transformers="transformers" in options.contenders,
            command=_words(options),
            progress=progress,
        )


def _engines(options: argparse.Namespace, *, with_onnx: bool = False) -> list[Engine]:
    """Every checkpoint in every precision asked for, and in ONNX Runtime where it has that."""
    need_known("dtype", options.dtype, PRECISIONS)
    found = []
    for name in options.checkpoints or FAMILY:
        for dtype in options.dtype:
            kind = "auto" if dtype == "int8" else dtype
            checkpoint = load(name, device=options.device, dtype=kind)
            found.append(Engine(checkpoint, int8=dtype == "int8", compiled=options.compile))
            if options.dense and found[-1].skips_zeros:
                found.append(Engine(checkpoint, compiled=options.compile, dense=True))
            if with_onnx and dtype in COMPUTES["onnxruntime"]:
                found.append(Engine(checkpoint, int8=dtype == "int8", runtime="onnx"))
    return found


def tradeoff(options: argparse.Namespace) -> int:
    """Accuracy and speed of the same groups."""
    data_folder = need_data(options.data)
    with results_file(options.json, sources=[data_folder]) as write:
        _threads(options)
        engines = _engines(options)
        source = find_data(data_folder, engines[0].checkpoint)
        data = read_data(source, engines[0].checkpoint)
        with _bar() as progress:
            run = measure_tradeoff(
                engines,
                data,
                name=data_name(source),
                groupings=options.groupings,
                rounds=options.rounds,
                how=How(options.batch, Seating(options.padding), grouping=options.grouping),
                copies=options.copies,
                command=_words(options),
                progress=progress,
            )
        print(report.tradeoff_table(run))
        write(to_json(run) + "\n")
    return 0


def escalation(options: argparse.Namespace) -> int:
    """Models alone and chains that ask the least certain again, in one run."""
    source = need_data(options.data)
    with results_file(options.json, sources=[source]) as write:
        _threads(options)
        plans = [read_plan(name) for name in options.contenders or default_contenders()]
        baseline = load(options.baseline, device="cpu")
        scored = find_data(source, baseline)
        fixing = options.thresholds_from or _train_rows(source, baseline)
        need_other_rows(fixing, scored)
        data = read_data(scored, baseline)
        if options.rows:
            data = drawn(baseline, data, most=options.rows)
        with _bar() as progress:
            run = measure_escalation(
                plans,
                data,
                drawn(
                    baseline,
                    read_data(fixing, baseline),
                    below=0 if options.thresholds_from else least_tokens(baseline),
                ),
                name=data_name(scored),
                thresholds=data_name(fixing),
                baseline=options.baseline,
                copies=options.copies,
                rounds=options.rounds,
                how=How(options.batch, grouping=options.grouping),
                device=options.device,
                command=_words(options),
                progress=progress,
            )
        print(escalation_table(run))
        write(to_json(run) + "\n")
    return 0


def _train_rows(source: Source, checkpoint: Checkpoint) -> Source:
    """The training rows that a card names, in a folder of data.

    Raises:
        InputError: the data are no folder, or the card names none.
    """
    recipe = checkpoint.card.get("recipe")
    named = recipe.get("task_train") if isinstance(recipe, dict) else None
    if not isinstance(named, str) or not Path(source).is_dir():
        raise InputError(
            "certainties are fixed on labelled rows that are not timed; name them with "
            "--thresholds-from FILE, or give the folder of data with --data"
        )
    return locate(Path(source), named)


def profile(options: argparse.Namespace) -> int:
    """Where the time of one pass goes."""
    _threads(options)
    if options.checkpoints:
        checkpoint = load(options.checkpoints, device=options.device)
    else:
        check_length(shape_config(options.shape, options.n), options.length, options.shape)
        made = random_checkpoint(options.shape, options.n)
        checkpoint = replace(made, model=made.model.to(resolve_device(options.device)))
    num = checkpoint.config.num_instances
    found = profile_pass(
        checkpoint, batch=options.batch, length=options.length, passes=options.rounds
    )
    print(f"{checkpoint.name}, N = {num}, {options.batch} sequences of {options.length} tokens")
    print(report.profile_table(found))
    return 0


def exactness(options: argparse.Namespace) -> int:
    """How far every precision is from the traced model."""
    need_known("dtype", options.dtype, EXACTNESS)
    _threads(options)
    rows = []
    for name in options.checkpoints or FAMILY:
        rows += measure_exactness(name, pool_texts(), precisions=options.dtype)
    print(report.exactness_table(rows))
    return 0


def _words(options: argparse.Namespace) -> list[str]:
    """The command without folders."""
    return ["muxviz", *(Path(word).name if "/" in word else word for word in options.words)]


def record(options: argparse.Namespace) -> int:
    """Run what the app shows without a model, or measure what Trade-off shows, and store it."""
    if options.speed:
        return _record_speed(options)
    if options.out is not None:
        with results_file(options.out) as write:
            write(recorded.record_start() + "\n")
        print(options.out)
        return 0
    made = {
        recorded.start_file(): recorded.record_start,
        recorded.learn_file(): record_lessons,
        recorded.shown_file(): record_shown,
        recorded.bands_file(): record_bands,
        recorded.privacy_file(): record_privacy,
    }
    for path, record in made.items():
        with results_file(path) as write:
            write(record() + "\n")
        print(path)
    return 0


def _record_speed(options: argparse.Namespace) -> int:
    data = need_data(options.data)
    with results_file(recorded.speed_file()) as write_speed:
        with results_file(recorded.tradeoff_file()) as write:
            points = recording.record_tradeoff(data)
            print(report.tradeoff_table(points))
            write(to_json(points) + "\n")
        latencies = recording.record_speed()
        print(report.speed_table(latencies))
        write_speed(to_json(latencies) + "\n")
    return 0


def debugger(options: argparse.Namespace) -> int:
    """What the debugger names: planted causes, and with data what mends real failures.

    Ctrl-C ends it early, with what is done by then.
    """
    source = need_data(options.data) if options.data else None
    with results_file(options.json, sources=[source]) as write:
        _threads(options)
        baseline = load(options.baseline, device="cpu")
        data = read_data(source, baseline) if source is not None else None
        failing = [load(name, device="cpu") for name in options.checkpoints] if data else []
        setting = {"draws": options.draws, "seed": options.seed}
        planted: list[PlantedCase] = []
        real: list[RealFailure] = []
        try:
            healthy = load(options.healthy, device="cpu")
            cases = bench_debugger.planted_cases(healthy, baseline, each=options.planted, **setting)
            for case in tqdm(cases, "planted", unit="case", file=sys.stderr):
                planted.append(case)
            if data is not None:
                failures = bench_debugger.real_failures(
                    failing, baseline, data, each=options.failures, **setting
                )
                for failure in tqdm(failures, "real", unit="failure", file=sys.stderr):
                    real.append(failure)
        except KeyboardInterrupt:
            tell("ended early: what is done is shown and written")
        found = DebuggerBench(tuple(planted), tuple(real), options.seed, options.draws)
        print(bench_debugger.table(found))
        write(json_text(bench_debugger.summary(found) | asdict(found), indent=1) + "\n")
    return 0


def crowd(options: argparse.Namespace) -> int:
    """Many sessions on the app at once; 1 where an answer was wrong, foreign, or missing."""
    plan = bench_crowd.Plan(
        sessions=options.sessions,
        minutes=options.minutes,
        alone_s=options.alone,
        heavy=options.heavy,
        url=options.url,
        models=tuple(options.checkpoints),
        threads=options.threads or 0,
        seed=options.seed,
    )
    with results_file(options.json) as write:
        run = bench_crowd.measure_crowd(plan, tell)
        print(bench_crowd.table(run))
        write(json_text(bench_crowd.summary(run), indent=1) + "\n")
    return int(bool(run.wrong or run.foreign or run.errors or run.lost))


def clicks(options: argparse.Namespace) -> int:
    """What the server does and sends for every page and action."""
    with results_file(options.json) as write:
        run = bench_clicks.measure_clicks(
            options.rounds,
            threads=options.threads or 1,
            pages=options.pages or bench_clicks.PAGES,
            tell=tell,
        )
        print(bench_clicks.table(run))
        write(json_text(asdict(run), indent=1) + "\n")
    return 0

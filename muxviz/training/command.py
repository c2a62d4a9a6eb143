"""``muxviz train``, ``prune``, ``export``, ``grow`` and ``bench train``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from accelerate import PartialState

from muxviz.errors import ConfigError
from muxviz.files import json_text, results_file
from muxviz.loading.load import load, resolve_device
from muxviz.loading.save import check_place
from muxviz.training import bench, loop
from muxviz.training import export as exporting
from muxviz.training import grow as growing
from muxviz.training import prune as pruning
from muxviz.training.bench_memory import measure_memory
from muxviz.training.export_onnx import export_onnx
from muxviz.training.files import is_hub, need_data
from muxviz.training.recipe import PACKED, read_recipe
from muxviz.training.run_folder import read_summary

if TYPE_CHECKING:
    import argparse


def train(options: argparse.Namespace) -> int:
    """Train from a recipe."""
    is_packed = str(options.start) == PACKED
    recipe = read_recipe(
        options.recipe,
        num_instances=options.num_instances,
        start=PACKED if is_packed else "",
    )
    needs_data = not all(
        map(is_hub, (recipe.data.task_train, recipe.data.task_dev, *recipe.data.general))
    )
    if options.threads:
        torch.set_num_threads(options.threads)
    run = loop.train(
        recipe,
        need_data(options.data) if needs_data or options.data else Path(),
        options.out,
        start=None if is_packed else options.start,
        teacher=options.teacher,
        resume=options.resume,
        steps=options.steps,
        about={"recipe_file": str(options.recipe), "command": ["muxviz", *options.words]},
    )
    if PartialState().is_main_process:
        done = read_summary(options.out).step
        print(f"{options.out}: {done} of {run.recipe.total_steps} steps done", file=sys.stderr)
    return 0


def prune(options: argparse.Namespace) -> int:
    """Prune from a recipe, and print the folders of what was cut."""
    recipe = read_recipe(options.recipe, num_instances=options.num_instances)
    if options.threads:
        torch.set_num_threads(options.threads)
    finished = pruning.prune(
        recipe,
        need_data(options.data),
        options.out,
        start=options.start,
        teacher=options.teacher,
        resume=options.resume,
        only=tuple(options.only),
        about={"recipe_file": str(options.recipe), "command": ["muxviz", *options.words]},
    )
    for folder in finished:
        print(folder)
    return 0


def export(options: argparse.Namespace) -> int:
    """Write a run's model as a checkpoint, or one with graphs for ONNX Runtime."""
    if options.onnx:
        return _export_onnx(options)
    folder = exporting.export_run(
        Path(options.run),
        options.out,
        dtype=options.dtype or "float16",
        data=options.data,
        max_length=options.max_length,
        turn=options.turn,
        force=options.force,
    )
    print(folder)
    return 0


def _export_onnx(options: argparse.Namespace) -> int:
    if options.turn is not None or options.max_length is not None or options.dtype == "float16":
        raise ConfigError(
            "--onnx takes a checkpoint or run as it is, in float32 or int8; export it with --turn, "
            "--max-length or --dtype float16 first, and its folder with --onnx then"
        )
    report = export_onnx(
        options.run,
        options.out,
        int8=options.dtype == "int8",
        agreement=options.agreement,
        data=options.data,
        force=options.force,
    )
    print(options.out)
    for line in report.lines():
        print(f"  {line}")
    return 0


def grow(options: argparse.Namespace) -> int:
    """Give a checkpoint more word pieces."""
    check_place(options.out, options.force)
    checkpoint = load(options.checkpoint, device="cpu")
    folder = growing.grow_vocabulary(
        checkpoint, options.vocabulary, options.encoder, options.out, force=options.force
    )
    print(folder)
    return 0


def bench_train(options: argparse.Namespace) -> int:
    """Speed and memory of the training loop at several N."""
    setting = bench.Setting(
        shape=options.shape,
        nums=tuple(options.n),
        stages=tuple(options.stages),
        groups=options.groups,
        length=options.length,
        positions=options.positions,
        dropout=options.dropout,
        steps=options.steps,
        rounds=options.rounds,
        threads=options.threads or 0,
        device=resolve_device(options.device).type,
        precision=options.precision,
    )
    with results_file(options.json) as write:
        measurement = bench.measure_training(
            setting,
            measure_memory=None if options.no_memory else measure_memory,
            progress=lambda words: print(words, file=sys.stderr),
        )
        print(bench.report(measurement))
        write(json_text(bench.measurement_dict(measurement), indent=1) + "\n")
    return 0

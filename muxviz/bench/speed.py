"""Instances per second of all contenders, taking turns.

``measure_shapes`` times random rows of one length through random or loaded weights.
``measure_engines`` does so for engines that are at hand (the Trade-off page's latency curves).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from muxviz.bench.contenders import (
    COMPUTES,
    OWN,
    Field,
    Key,
    Setting,
    engine_call,
    keys_of,
    need_onnx,
    reference_of,
)
from muxviz.bench.costs import Costs, count
from muxviz.bench.machine import describe, watched, with_ceilings
from muxviz.bench.memory import measure_memory
from muxviz.bench.shapes import (
    check_length,
    pass_bytes,
    random_rows,
    shape_config,
)
from muxviz.bench.turns import Contender, Times, quartiles, take_turns
from muxviz.engine.engine import Engine
from muxviz.engine.guard import check_room
from muxviz.errors import ConfigError
from muxviz.loading.load import DTYPES, count_parameters, resolve_device
from muxviz.results.throughput import EQUAL_MULTIPLEXED, EQUAL_TOTAL, SpeedRow, SpeedRun

UNSEEN = Costs(0.0, 0.0)
Progress = Callable[[int, int], None]


def measure_shapes(
    setting: Setting, *, command: Sequence[str] = (), progress: Progress = lambda d, t: None
) -> SpeedRun:
    """Measure everything that ``setting`` names.

    Raises:
        ConfigError: an unknown shape. NotApplicable: a contender that cannot run here.
    """
    if setting.threads:
        torch.set_num_threads(setting.threads)
    device = resolve_device(setting.device)
    keys = keys_of(setting)
    check_setting(setting, keys, device)
    contestants = Field(setting, device)
    for key in keys:
        contestants.add(key)
    costs = {key: count_costs(contestants.calls[key], key) for key in keys if key.dtype != "int8"}
    memory = {}
    if setting.memory:
        memory = {
            key: measure_memory(setting, key) for key in keys if key.contender != "onnxruntime"
        }
    kind = "float32" if "int8" in setting.dtypes else setting.dtypes[0]
    machine = with_ceilings(describe(device), device, DTYPES[kind])
    timed = [
        Contender((key,), key.n * key.rows, key.n * key.rows * setting.length, call)
        for key, call in contestants.calls.items()
    ]
    with watched() as load_:
        found = take_turns(timed, rounds=setting.rounds, device=device, progress=progress)
    times = dict(zip(contestants.calls, found, strict=True))
    machine = replace(machine, load=load_.others, is_busy=load_.is_busy)
    rows = _rows(setting, times, costs, contestants.weights, memory, device)
    return SpeedRun(machine, shlex.join(command), setting.rounds, tuple(rows))


def check_setting(setting: Setting, keys: Sequence[Key], device: torch.device) -> None:
    """See, before anything is built, that it can be.

    Raises:
        ConfigError: an unknown shape, or nothing to measure. TextTooLong: more tokens than
            positions. NotApplicable: a contender that cannot run here. DeviceError: too little
            memory.
    """
    if not keys:
        told = "; ".join(f"{name} has {', '.join(found)}" for name, found in COMPUTES.items())
        raise ConfigError(f"nothing to measure: {told}")
    if any(key.contender == "onnxruntime" for key in keys):
        need_onnx(device)
    weights, passes = 0, [0]
    for key in keys if not setting.is_loaded else ():
        config = shape_config(key.name, key.n)
        check_length(config, setting.length, key.name)
        weights += 4 * count_parameters(config)
        passes.append(pass_bytes(config, key.rows, setting.length))
    rows = max(key.rows for key in keys)
    check_room(
        weights + max(passes),
        device,
        f"a benchmark of {len(keys)} models with up to {rows:,} rows of {setting.length:,} tokens",
    )


def count_costs(call: Callable[[], Any], key: Key) -> Costs:
    """Of one pass; other libraries' operators are not seen."""
    return UNSEEN if key.contender == "onnxruntime" else count(call)


def costs_of(costs: dict[Key, Costs], key: Key) -> Costs:
    """Also of int8, whose operators are not seen: the arithmetic of float32, and no traffic."""
    if key in costs:
        return costs[key]
    return Costs(costs.get(replace(key, dtype="float32"), UNSEEN).flops, 0.0)


def _rows(
    setting: Setting,
    times: dict[Key, Times],
    costs: dict[Key, Costs],
    weights: dict[Key, str],
    memory: dict[Key, float],
    device: torch.device,
) -> list[SpeedRow]:
    """Every N in every batch mode, then the plain contenders."""
    rows = []
    for name in setting.names:
        for batch in setting.batches:
            for dtype in setting.dtypes:
                for contender in setting.contenders:
                    for n in setting.nums if contender in OWN else (1,):
                        key = Key(contender, name, n, batch, dtype)
                        for mode in setting.batch_modes:
                            if key not in times or (n == 1 and mode == EQUAL_TOTAL):
                                continue
                            reference = batch * (n if mode == EQUAL_TOTAL else 1)
                            whole = reference_of(setting, name)
                            plain = Key("muxviz", whole, 1, reference, dtype)
                            theirs = Key("transformers", whole, 1, reference, _float(dtype))
                            rows.append(
                                speed_row(
                                    key,
                                    times[key],
                                    costs_of(costs, key),
                                    mode=mode,
                                    length=setting.length,
                                    weights=weights[key],
                                    device=device,
                                    plain=_of(times, plain),
                                    theirs=_of(times, theirs),
                                    peak_mib=memory.get(key),
                                    compiled=setting.compiled,
                                )
                            )
    return rows


def _float(dtype: str) -> str:
    return "float32" if dtype == "int8" else dtype


def _of(times: dict[Key, Times], key: Key) -> tuple[Key, Times] | None:
    return (key, times[key]) if key in times else None


def speed_row(
    key: Key,
    times: Times,
    costs: Costs,
    *,
    mode: str,
    length: float,
    weights: str,
    device: torch.device,
    plain: tuple[Key, Times] | None,
    theirs: tuple[Key, Times] | None,
    peak_mib: float | None,
    compiled: bool,
) -> SpeedRow:
    """One line of the result; ratios are taken round by round."""
    instances = key.n * key.rows
    rates = instances / times.rounds

    def ratio(other: tuple[Key, Times] | None) -> Any:
        if other is None:
            return None
        return quartiles(rates / (other[0].n * other[0].rows / other[1].rounds))

    typical = float(np.median(times.rounds))
    return SpeedRow(
        contender=key.contender,
        shape=key.name,
        weights=weights,
        n=key.n,
        batch=key.rows,
        batch_mode=mode,
        length=length,
        dtype=key.dtype,
        device=device.type,
        threads=torch.get_num_threads(),
        instances_per_s=quartiles(rates),
        tokens_per_s=instances * length / typical,
        pass_ms=quartiles(times.rounds * 1000),
        pass_p95_ms=float(np.quantile(times.passes, 0.95) * 1000),
        ratio_to_n1=ratio(plain),
        ratio_to_transformers=ratio(theirs),
        peak_mib=peak_mib,
        gflops_per_s=costs.flops / typical / 1e9,
        gbytes_per_s=costs.bytes / typical / 1e9,
        is_compiled=compiled,
    )


def measure_engines(
    engines: Sequence[Engine],
    *,
    batches: Sequence[int],
    length: int,
    rounds: int,
    seed: int = 0,
    memory_at: Sequence[int] = (),
    command: Sequence[str] = (),
    progress: Progress = lambda done, total: None,
) -> SpeedRun:
    """Passes of engines at hand over random rows, at several batch sizes, all taking turns.

    Ratios are to the first engine with N = 1, at the same number of sequences.

    Args:
        engines: on one device.
        batches: sequences per forward.
        length: tokens per row, specials included.
        memory_at: batches at which peak memory is measured, in a process of its own each; the
            checkpoints are loaded again there, by name.
    """
    device = engines[0].checkpoint.device
    keys, timed = [], []
    for batch in batches:
        for engine in engines:
            checkpoint = engine.checkpoint
            key = Key(
                "muxviz", checkpoint.name, checkpoint.config.num_instances, batch, engine.precision
            )
            call = engine_call(engine, random_rows(checkpoint, batch, length, seed=seed))
            keys.append((key, checkpoint.fingerprint, engine.compiled))
            timed.append(Contender((key,), key.n * batch, key.n * batch * length, call))
    costs = [
        UNSEEN if engine.int8 else count(contender.call)
        for contender, engine in zip(timed, [e for _ in batches for e in engines], strict=True)
    ]
    with watched() as load_:
        times = take_turns(timed, rounds=rounds, device=device, progress=progress)
    machine = replace(describe(device), load=load_.others, is_busy=load_.is_busy)
    memory = {
        key: measure_memory(
            Setting((key.name,), is_loaded=True, length=length, device=str(device)), key
        )
        for key, _, _ in keys
        if key.rows in memory_at
    }
    plain = {
        key.rows: (key, found)
        for (key, _, _), found in reversed(list(zip(keys, times, strict=True)))
        if key.n == 1
    }
    rows = [
        speed_row(
            key,
            found,
            cost,
            mode=EQUAL_MULTIPLEXED,
            length=length,
            weights=weights,
            device=device,
            plain=plain.get(key.rows),
            theirs=None,
            peak_mib=memory.get(key),
            compiled=compiled,
        )
        for (key, weights, compiled), found, cost in zip(keys, times, costs, strict=True)
    ]
    return SpeedRun(machine, shlex.join(command), rounds, tuple(rows))
